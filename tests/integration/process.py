"""`python -m hotline run` as a user starts it, on a test's own ports and directory: its words, its log, its end."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from hotline.ivr import render
from hotline.settings import CHECKOUT, Settings
from hotline.telephony.asterisk import Asterisk
from hotline.telephony.install import config_home
from tests.integration import deployment
from tests.integration.pbx import TRUNK, WORKER, Pbx, Sipp, free_port
from tests.integration.sound import short_sounds

BASE_PORT = (31000, 32000, 14000)[WORKER]
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
    values |= changes
    return Settings(**(deployment.stores(Path(values["data_dir"])) | values))


class Hotline:
    """One process (or several, see `roles`) of a hotline. `said`: standard output; `logged`: standard error. On servers
    the whole of it is a worker and a console, which start, are killed and end together.
    """

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        *,
        roles: str = "web,worker",
        standby: bool = False,
        name: str | None = None,
        **more: str,
    ) -> None:
        """`name`: of its files, where there are several of one role."""
        self.settings, self.directory, self.roles = settings, directory, roles
        self.environment = more
        self.asterisk = Asterisk(settings, render.texts(settings))
        self.processes: list[subprocess.Popen[bytes]] = []
        self._is_ending = False
        self._lab = Pbx(settings, self.asterisk, directory)
        self._logged_before = 0
        self._parts = deployment.ROLES if roles == "web,worker" else (roles,)
        self._options = ("--standby",) if standby else ()
        self._name = name

    # Life

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The worker's, where there are two."""
        return self.processes[0] if self.processes else None

    def _files(self, end: str) -> list[Path]:
        names = [self._name or part.replace(",", "-and-") for part in (*deployment.ROLES, self.roles)]
        return [self.directory / f"{name}.{end}" for name in dict.fromkeys(names)]

    @property
    def outs(self) -> list[Path]:
        """Where its standard output is."""
        return [path for path in self._files("out") if path.exists()]

    @property
    def errs(self) -> list[Path]:
        """Where its standard error is."""
        return [path for path in self._files("err") if path.exists()]

    def variables(self) -> dict[str, str]:
        """The environment of every command that is about this hotline."""
        ours = {f"HOTLINE_{name.upper()}": str(value) for name, value in self.settings.model_dump().items()}
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
        return theirs | ours | self.environment

    def spawn(self) -> None:
        self._spawn(self._parts)

    def _spawn(self, parts: Sequence[str]) -> None:
        for path in self.outs:
            path.unlink()
        self._logged_before = len(self.logged)
        self.processes, self._is_ending = [], False
        for part in parts:
            name = self._name or part.replace(",", "-and-")
            with (
                (self.directory / f"{name}.out").open("ab") as out,
                (self.directory / f"{name}.err").open("ab") as err,
            ):
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "hotline", "run", "--roles", part, *self._options],
                        cwd=CHECKOUT, env=self.variables(), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                    )
                )  # fmt: skip

    async def start(self) -> None:
        """Returns once it says that it is ready."""
        self.spawn()
        await until(self._is_ready, "hotline ready", START_S)
        if len(self._parts) > 1:
            await until(self._follows, "the console knows of the worker", START_S)

    def _is_ready(self) -> bool:
        assert self.processes
        assert all(process.poll() is None for process in self.processes), self.said + self.logged
        return self.said.count("hotline ready: ") == len(self._parts)

    async def _follows(self) -> bool:
        return bool((await self.ready_state()).get("ready"))

    async def refused(self) -> str:
        """Start it where it cannot work: exit 1, and nothing but the log before one last line, which is returned."""
        self._spawn((self.roles,))  # in one process also on servers: which part refuses is another matter
        code = await self.ended(START_S)
        assert (code, self.said) == (1, ""), self.said + self.logged
        *before, last = self.logged[self._logged_before :].splitlines()
        assert all(line.startswith("{") for line in before), before
        assert last.startswith("hotline: ")
        return last.removeprefix("hotline: ")

    async def ended(self, timeout_s: float = WAIT_S) -> int:
        """Its exit code; of several the worst."""
        assert self.processes
        for process in self.processes:
            await until(lambda: process.poll() is not None, "the process ends", timeout_s)  # noqa: B023 - at once
            self._tell_next()
        return max(process.returncode for process in self.processes)

    def terminate(self) -> None:
        """Where there are two, the console goes on until the worker has ended: people see the last calls."""
        assert self.processes
        self._is_ending = True
        self._tell_next()

    def _tell_next(self) -> None:
        going = [process for process in self.processes if process.poll() is None]
        if self._is_ending and going:
            going[0].send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9, which Asterisk outlives."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    async def stop(self) -> None:
        """Whatever runs of it, its Asterisk too."""
        for sipp in self._lab.running:
            sipp.stop()
        if any(process.poll() is None for process in self.processes):
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
        return "".join(path.read_text() for path in self.outs)

    @property
    def logged(self) -> str:
        return "".join(path.read_text(errors="replace") for path in self.errs)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """From the store, as committed."""
        return deployment.rows(self.settings, query, *values)

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
    directory: Path,
    *,
    roles: str = "web,worker",
    standby: bool = False,
    environment: Mapping[str, str] | None = None,
    **changes: Any,
) -> AsyncIterator[Hotline]:
    """A hotline that is ready, with short prompts; stopped at the end, whatever happened."""
    settings = settings_for(directory, **changes)
    hotline = Hotline(settings, directory, roles=roles, standby=standby, **(environment or {}))
    try:
        await hotline.start()
        if "worker" in roles:
            hotline.shorten_prompts()
        yield hotline
    finally:
        await hotline.stop()
