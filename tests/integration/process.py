"""`python -m hotline run` as a user starts it, on a test's own ports and directory: its words, its log, its end."""

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from hotline.ivr import render
from hotline.settings import CHECKOUT, Settings
from hotline.telephony.asterisk import Asterisk
from hotline.telephony.install import config_home
from tests.integration.pbx import TRUNK, WORKER, Pbx, Sipp, free_port
from tests.integration.sound import short_sounds

BASE_PORT = 31000 + 1000 * WORKER
START_S = 60.0
WAIT_S = 30.0


async def until(ask: Callable[[], Any], what: str | Callable[[], str], timeout_s: float = WAIT_S) -> Any:
    """The first answer (awaited if need be) that is true. Raises AssertionError with the last one."""
    end = time.monotonic() + timeout_s
    while True:
        answer = ask()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > end:
            told = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {timeout_s:g} s: {told}; last {answer!r}")
        await asyncio.sleep(0.05)


def settings_for(directory: Path, **changes: Any) -> Settings:
    """Free ports; below the range from which the system hands out its own."""
    port = free_port(BASE_PORT + os.getpid() % 90, socket.SOCK_STREAM)
    values: dict[str, Any] = {
        "data_dir": directory / "data",
        "port": port,
        "sip_port": free_port(port + 100),
        "ami_port": free_port(port + 200, socket.SOCK_STREAM),
        "asterisk_http_port": free_port(port + 300, socket.SOCK_STREAM),
        "rtp_ports": f"{BASE_PORT + 450}-{BASE_PORT + 749}",
        "trunks": TRUNK,
        "open": "always",
        "drain_s": 0,
    }
    return Settings(**(values | changes))


class Hotline:
    """One process (or several, see `roles`) of a hotline. `said`: standard output; `logged`: standard error."""

    def __init__(self, settings: Settings, directory: Path, *, roles: str = "web,worker", **more: str) -> None:
        self.settings, self.directory, self.roles = settings, directory, roles
        self.environment = more
        self.asterisk = Asterisk(settings, render.texts(settings))
        self.process: subprocess.Popen[bytes] | None = None
        self._lab = Pbx(settings, self.asterisk, directory)
        self._logged_before = 0
        self._out, self._err = directory / f"{roles}.out", directory / f"{roles}.err"

    # Life

    def variables(self) -> dict[str, str]:
        """The environment of every command that is about this hotline."""
        ours = {f"HOTLINE_{name.upper()}": str(value) for name, value in self.settings.model_dump().items()}
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
        return theirs | ours | self.environment

    def spawn(self) -> None:
        self._out.write_bytes(b"")
        self._logged_before = self._err.stat().st_size if self._err.exists() else 0
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hotline", "run", "--roles", self.roles],
                cwd=CHECKOUT, env=self.variables(), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            )  # fmt: skip

    async def start(self) -> None:
        """Returns once it says that it is ready."""
        self.spawn()
        await until(self._is_ready, "hotline ready", START_S)

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said + self.logged
        return "hotline ready: " in self.said

    async def refused(self) -> str:
        """Start it where it cannot work: exit 1, and nothing but the log before one last line, which is returned."""
        self.spawn()
        code = await self.ended(START_S)
        assert (code, self.said) == (1, ""), self.said + self.logged
        *before, last = self._err.read_text()[self._logged_before :].splitlines()
        assert all(line.startswith("{") for line in before), before
        assert last.startswith("hotline: ")
        return last.removeprefix("hotline: ")

    async def ended(self, timeout_s: float = WAIT_S) -> int:
        """Its exit code."""
        assert self.process is not None
        process = self.process
        await until(lambda: process.poll() is not None, "the process ends", timeout_s)
        return process.returncode

    def terminate(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9, which Asterisk outlives."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    async def stop(self) -> None:
        """Whatever runs of it, its Asterisk too."""
        for sipp in self._lab.running:
            sipp.stop()
        if self.process is not None and self.process.poll() is None:
            self.terminate()
            try:
                await self.ended(self.settings.drain_s + 20)
            finally:
                self.kill()
        await self.asterisk.stop()

    def asterisks(self) -> list[int]:
        """Processes that run on this data directory, the keeper among them, whoever started them."""
        mark = os.fspath(self.asterisk.places.etc / "asterisk.conf")
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            if mark in (process.info["cmdline"] or ()) and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        return found

    def shorten_prompts(self) -> None:
        """From the next call on, prompts are only their beginnings."""
        link = self.asterisk.places.data / "sounds" / "zh"
        fresh = link.with_name("zh.new")
        fresh.symlink_to(short_sounds(config_home() / "sounds", self.directory / "short") / "zh")
        fresh.replace(link)

    # What it says, has written and answers

    @property
    def said(self) -> str:
        return self._out.read_text()

    @property
    def logged(self) -> str:
        return self._err.read_text(errors="replace")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """From the embedded store, as committed."""
        store = self.settings.data_dir / "hotline.sqlite3"
        connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def calls(self) -> list[tuple[Any, ...]]:
        """Outcome, who hung up and phase of each call, oldest first."""
        return self.rows("select outcome, hangup_by, phase from call order by started_at")

    async def ready_state(self) -> dict[str, Any]:
        """What /readyz says; empty while nobody answers."""
        try:
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"{self.url}/readyz", timeout=5)
        except httpx.HTTPError:
            return {}
        document: dict[str, Any] = answer.json()
        assert (answer.status_code == 200) == document["ready"]
        return document

    async def command(self, *words: str, given: str = "", **variables: str) -> tuple[int, str, str]:
        """Run another command of this hotline's: exit code, standard output, standard error."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hotline", *words, cwd=CHECKOUT, env=self.variables() | variables,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(given.encode()), 60)
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    # Who calls

    def callers(self, count: int = 1, **more: Any) -> Sipp:
        """Real calls, see Pbx.calls."""
        return self._lab.calls(count, **more)

    async def call(self, **more: Any) -> Sipp:
        """One caller, who speaks to the recorder since nobody is signed in."""
        known = len(self.calls())
        sipp = self.callers(hold_ms=120_000, **more)
        await until(
            lambda: [row[2] for row in self.calls()[known:]] == ["recorder"],
            lambda: f"a call has reached the recorder: {self.calls()}, {sipp.log}, {self.logged[-2000:]}",
        )
        return sipp

    @staticmethod
    async def hang_up(sipp: Sipp) -> None:
        """Its callers say goodbye."""
        for _ in range(2):  # once: no new calls; twice: goodbye in those that are up
            sipp.process.send_signal(signal.SIGUSR1)
            await asyncio.sleep(0.1)


@asynccontextmanager
async def running(
    directory: Path, *, roles: str = "web,worker", environment: Mapping[str, str] | None = None, **changes: Any
) -> AsyncIterator[Hotline]:
    """A hotline that is ready, with short prompts; stopped at the end, whatever happened."""
    hotline = Hotline(settings_for(directory, **changes), directory, roles=roles, **(environment or {}))
    try:
        await hotline.start()
        if "worker" in roles:
            hotline.shorten_prompts()
        yield hotline
    finally:
        await hotline.stop()
