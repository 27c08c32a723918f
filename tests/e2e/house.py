"""The whole hotline as a user starts it: `python -m hotline run` on ports and a directory of its own."""

import asyncio
import csv
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from hotline.ivr import render
from hotline.settings import CHECKOUT, Settings
from hotline.telephony.asterisk import Asterisk
from hotline.telephony.install import config_home
from tests.e2e.caller import Caller
from tests.integration import deployment
from tests.integration.pbx import TRUNK, WORKER, Pbx, Sipp, free_port
from tests.integration.sound import short_sounds
from tests.integration.voice import Voice

# Of the processes of one test run, each has its own; a house takes 400 of them, and 300 for sound.
BASE_PORT, SOUND_PORT = ((26000, 29200), (27600, 30400), (11000, 12800))[WORKER]
WAIT_S = 30.0
AGENTS = ("agent1", "agent2")


async def until(ask: Callable[[], Any], *, timeout_s: float = WAIT_S, what: str = "") -> Any:
    """The first answer (awaited if need be) that is true. Raises AssertionError with the last one."""
    end = time.monotonic() + timeout_s
    while True:
        answer = ask()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s: {what or ask}; last {answer!r}")
        await asyncio.sleep(0.05)


def seconds(iso: str) -> float:
    """Unix seconds of an ISO time."""
    return datetime.fromisoformat(iso).timestamp()


@dataclass
class House:
    """One running hotline. Its store is read from outside, as it lies on the disk. `is_apart`: in its own session;
    `roles`: of each process.
    """

    directory: Path
    settings: Settings
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    running: list[Sipp] = field(default_factory=list)
    is_apart: bool = False
    roles: tuple[str, ...] = deployment.ROLES

    @classmethod
    def make(cls, directory: Path, offset: int, **changes: Any) -> "House":
        port, sound = free_port(BASE_PORT + offset + os.getpid() % 80, socket.SOCK_STREAM), SOUND_PORT + offset * 3 // 4
        values: dict[str, Any] = {
            "data_dir": directory / "data",
            "port": port,
            "sip_port": free_port(port + 100),
            "ami_port": free_port(port + 200, socket.SOCK_STREAM),
            "asterisk_http_port": free_port(port + 300, socket.SOCK_STREAM),
            "rtp_ports": f"{sound}-{sound + 299}",
            "open": "always",
            "demo": True,
            "drain_s": 0,
            "phone_test_h": 0,
            "trunks": TRUNK,
            # On loopback: who answers there is the test's own.
            "outbound_trunk": f"{TRUNK}:{free_port(port + 350)}",
            "outbound_allow": "1[3-9]XXXXXXXXX",
        }
        values |= changes
        stores = {} if "database_url" in changes else deployment.stores(Path(values["data_dir"]))
        return cls(directory, Settings(**(stores | values)))

    def __post_init__(self) -> None:
        self.asterisk = Asterisk(self.settings, render.texts(self.settings))
        self._lab = Pbx(self.settings, self.asterisk, self.directory)

    # Life

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    @property
    def consoles(self) -> list[str]:
        """Where each console answers by itself."""
        return [self.url]

    def outside(self, hertz: int, **values: Any) -> Voice:
        """Whoever is called outside: a telephone that answers and says a tone."""
        port = int(self.settings.outbound_trunk.rpartition(":")[2])
        return Voice((self.settings.sip_bind, self.settings.sip_port), TRUNK, hertz, port=port, **values)

    @property
    def log(self) -> Path:
        return self.directory / "hotline.log"

    async def start(self) -> None:
        """Returns once it says that it is ready."""
        told = self.spawn()
        await until(lambda: self._is_ready(told), timeout_s=60, what="hotline ready")

    def spawn(self) -> int:
        """Returns how long its log was before."""
        told = self.log.stat().st_size if self.log.exists() else 0
        self.processes = [self._started(number) for number in range(len(self._parts()))]
        return told

    def spawn_again(self, number: int) -> None:
        """One process that has ended."""
        self.processes[number] = self._started(number)

    def _parts(self) -> Sequence[tuple[Sequence[str], Mapping[str, str]]]:
        """Of each process: what `run` is told, and what its environment has of its own."""
        return [(("--roles", part), {}) for part in self.roles]

    def _started(self, number: int) -> subprocess.Popen[bytes]:
        words, own = self._parts()[number]
        # With its modules compiled once, as in service, whatever those who run this want of their own.
        given = {name: value for name, value in os.environ.items()
                 if not name.startswith("HOTLINE_") and name != "PYTHONDONTWRITEBYTECODE"}  # fmt: skip
        ours = {f"HOTLINE_{name.upper()}": str(value) for name, value in self.settings.model_dump().items()}
        with self.log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "hotline", "run", *words],
                cwd=CHECKOUT, env=given | ours | own, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=self.is_apart,
            )  # fmt: skip

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The console's, where there are two."""
        return self.processes[-1] if self.processes else None

    def _is_ready(self, told: int) -> bool:
        text = self.log.read_bytes()[told:].decode(errors="replace")
        assert self.processes
        assert all(process.poll() is None for process in self.processes), text
        return text.count("hotline ready: ") == len(self.processes)

    async def stop(self) -> None:
        """The process and its Asterisk."""
        for sipp in self.running:
            sipp.stop()
        going = [process for process in self.processes if process.poll() is None]
        for process in going:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        try:
            await until(lambda: all(process.poll() is not None for process in going), timeout_s=20)
        finally:
            self.kill()
        await self.asterisk.stop()

    def kill(self) -> None:
        """kill -9, which Asterisk outlives."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def shorten_prompts(self) -> None:
        """From the next call on, prompts are only their beginnings, so that a test need not listen."""
        self._lay(short_sounds(config_home() / "sounds", self.directory / "short") / "zh")

    def whole_prompts(self) -> None:
        self._lay(config_home() / "sounds" / "zh")

    def _lay(self, sounds: Path) -> None:
        link = self.asterisk.places.data / "sounds" / "zh"
        fresh = link.with_name("zh.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(sounds)
        fresh.replace(link)

    async def sweep(self) -> None:
        """No calls, nobody signed in to the queue, no wrap-up: as if just started."""
        await self.asterisk.cli("channel request hangup all")
        await until(self._has_no_calls, what="calls end")
        for sipp in self.running:
            sipp.stop()
        self.running.clear()
        for (endpoint,) in self.rows("select endpoint from agent where in_queue or state != 'offline'"):
            await self.asterisk.cli(f"queue remove member PJSIP/{endpoint} from hotline")
        await self.asterisk.cli("database deltree hl")
        busy = "select name, state, pending from agent where state != 'offline'"
        await until(lambda: not self.rows(busy), what="agents sign off")

    def _has_no_calls(self) -> bool:
        return not self.rows("select 1 from call where ended_at is null and phase not in ('ended', 'merged')")

    # What it has written

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """From the store, as committed."""
        return deployment.rows(self.settings, query, *values)

    def write(self, statement: str, *values: Any) -> None:
        """What an administrator would do by hand in the store."""
        deployment.write(self.settings, statement, *values)

    def password(self, name: str) -> str:
        text = (self.settings.data_dir / "demo-accounts.txt").read_text()
        return next(password for who, password in re.findall(r"^(\S+)\s+(\S+)", text, re.MULTILINE) if who == name)

    def journal(self, linkedid: str) -> list[list[str]]:
        """Asterisk's own rows of a call: event, Unix seconds, linkedid, uniqueid, channel, …"""
        rows = csv.reader(self.asterisk.places.cel.read_text().splitlines())
        return [row for row in rows if row[2] == linkedid]

    def agrees_with_journal(self, record: dict[str, Any]) -> None:
        """A call's record: start, answer and end within half a second of Asterisk's own journal, and the outcome."""
        rows = self.journal(record["linkedid"])
        first = {(row[0], row[3] == record["linkedid"]): float(row[1]) for row in reversed(rows)}
        # A call of ours begins when the agent's own phone has answered, which may take it a while.
        began = first.get(("HLDIAL", True), first["CHAN_START", True])
        assert abs(seconds(record["started_at"]) - began) < 0.5
        assert abs(seconds(record["ended_at"]) - first["CHAN_END", True]) < 0.5
        if record["answered_at"]:
            assert abs(seconds(record["answered_at"]) - first["ANSWER", False]) < 0.5
        (told,) = [row[10] for row in rows if row[0] == "HLOUTCOME"]
        assert f'"{record["outcome"]} {record["hangup_by"]} {record["line"]} ' in told

    # Who calls

    def caller(self, number: str, line: str = "12345") -> Caller:
        return Caller((self.settings.sip_bind, self.settings.sip_port), line, number)

    def callers(self, count: int, **more: Any) -> Sipp:
        """SIPp: many at once."""
        sipp = self._lab.calls(count, **more)
        self.running.append(sipp)
        return sipp
