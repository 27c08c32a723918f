"""Breaks things, and sees how long it takes to be well again.

Each fault is done to the running house, then watched until the house says that it is live: that is `/readyz` with 200
from each console, which means database, bus, commands and events of Asterisk.
"""

import asyncio
import os
import random
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import httpx

from bench.chaos.agents import PageAgent
from bench.chaos.schedule import Planned
from bench.chaos.seen import Fault
from tests.e2e.city import WEBS, City
from tests.e2e.house import House

_FULL_S = (4.0, 9.0)
_AWAY_S = (3.0, 8.0)
_REOPEN_S = (1.0, 3.0)
_PATIENT_S = 40.0
_LOOK_S = 0.03


@dataclass
class Disk:
    """The data directory on a file system of its own in memory: full when it is made as small as what is on it."""

    path: Path
    size_mb: int = 2000

    def mount(self) -> None:
        self.path.mkdir(mode=0o700, exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={self.size_mb}m,mode=700", "hotline-chaos", str(self.path))

    def fill(self) -> None:
        """A sudden end of room. What is written meanwhile may need another try."""
        for _ in range(20):
            left = os.statvfs(self.path)
            used = (left.f_blocks - left.f_bfree) * left.f_frsize
            with suppress(subprocess.CalledProcessError):
                return _run("mount", "-o", f"remount,size={used}", str(self.path))
        raise RuntimeError("the disk could not be filled")

    def free(self) -> None:
        _run("mount", "-o", f"remount,size={self.size_mb}m", str(self.path))

    def unmount(self) -> None:
        with suppress(subprocess.CalledProcessError):
            _run("umount", "-l", str(self.path))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@dataclass
class Breaker:
    """Does the faults. `ended_alone`: times at which a process of ours ended though nobody killed it."""

    house: House
    disk: Disk | None
    pages: Sequence[PageAgent]
    chance: random.Random
    done: list[Fault] = field(default_factory=list)
    ended_alone: list[tuple[str, float]] = field(default_factory=list)
    _killing: set[int] = field(default_factory=set)

    async def follow(self, planned: Sequence[Planned]) -> None:
        began = time.monotonic()
        for item in planned:
            await asyncio.sleep(max(0.0, began + item.after_s - time.monotonic()))
            if item.kind == "disk" and self.disk is None:
                continue
            await self._do(item.kind)

    async def supervise(self) -> None:
        """Starts a process of ours again at once whenever it is gone, as systemd does. Until cancelled."""
        while True:
            for number, process in enumerate(self.house.processes):
                if process.poll() is None:
                    continue
                if process.pid not in self._killing:
                    self.ended_alone.append((f"our process {number}, exit {process.returncode}", time.time()))
                self.house.spawn_again(number)
            await asyncio.sleep(0.1)

    async def _do(self, kind: str) -> None:
        fault = Fault(kind, time.time())
        self.done.append(fault)
        doing: dict[str, Callable[[Fault], Awaitable[None]]] = {
            "ours": self._kill_ours, "asterisk": self._kill_asterisk, "both": self._kill_both,
            "browser": self._kill_browser, "disk": self._fill_disk, "leader": self._kill_leader, "web": self._kill_web,
            "redis": self._stop_redis, "postgres": self._stop_postgres,
        }  # fmt: skip
        await doing[kind](fault)
        fault.ended_at = fault.ended_at or time.time()

    async def _kill_ours(self, fault: Fault) -> None:
        self._kill(*range(len(self.house.processes)))
        await self._live(fault, fault.began_at)

    def _kill(self, *numbers: int) -> None:
        dying = [self.house.processes[number] for number in numbers]
        self._killing |= {process.pid for process in dying}
        for process in dying:
            process.kill()
        for process in dying:
            process.wait()

    async def _kill_leader(self, fault: Fault) -> None:
        """Live once another one follows Asterisk: that begins a new epoch."""
        number, before = self.city.leader(), self._epoch()
        if number is None:
            return
        self._kill(number)
        await self._live(fault, fault.began_at, is_new=lambda: self._epoch() > before)

    async def _kill_web(self, fault: Fault) -> None:
        """Live once it answers again itself; what its people see meanwhile is the other one's."""
        self._kill(self.chance.choice(WEBS))
        await self._live(fault, fault.began_at)

    async def _stop_redis(self, fault: Fault) -> None:
        await asyncio.to_thread(self.city.stop_redis)
        await asyncio.sleep(self.chance.uniform(*_AWAY_S))
        await asyncio.to_thread(self.city.start_redis)
        fault.ended_at = time.time()
        await self._live(fault, fault.ended_at)

    async def _stop_postgres(self, fault: Fault) -> None:
        """Live once events are written."""
        newest = self.newest()
        await asyncio.to_thread(self.city.postgres.stop, self.chance.choice(("fast", "immediate", "kill")))
        await asyncio.sleep(self.chance.uniform(*_AWAY_S))
        await asyncio.to_thread(self.city.postgres.start)
        fault.ended_at = time.time()
        await self._live(fault, fault.ended_at, is_new=lambda: self.newest() > newest)

    async def _kill_asterisk(self, fault: Fault) -> None:
        boot = self.boot()
        self._stop_asterisk()
        await self._live(fault, fault.began_at, is_new=lambda: self.boot() != boot)

    async def _kill_both(self, fault: Fault) -> None:
        boot = self.boot()
        self._stop_asterisk()
        self._kill(*range(len(self.house.processes)))
        await self._live(fault, fault.began_at, is_new=lambda: self.boot() != boot)

    def _stop_asterisk(self) -> None:
        pid = self.house.asterisk.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    async def _kill_browser(self, fault: Fault) -> None:
        page = self.chance.choice(self.pages)
        page.kill()
        await asyncio.sleep(self.chance.uniform(*_REOPEN_S))
        with suppress(Exception):  # the driver notices late what it was connected to
            if page.context is not None:
                await asyncio.wait_for(page.context.close(), 3)
        await page.open()

    async def _fill_disk(self, fault: Fault) -> None:
        assert self.disk is not None
        self.disk.fill()
        await asyncio.sleep(self.chance.uniform(*_FULL_S))
        newest = self.newest()
        self.disk.free()
        fault.ended_at = time.time()
        await self._live(fault, fault.ended_at, is_new=lambda: self.newest() > newest)

    async def _live(self, fault: Fault, since: float, is_new: Callable[[], bool] = lambda: True) -> None:
        """Waits until every console says *live*, and it is not the time before that it speaks of."""
        async with httpx.AsyncClient(timeout=3) as client:
            while time.time() - since < _PATIENT_S:
                with suppress(httpx.HTTPError, OSError, asyncpg.PostgresError):
                    if all([await self._is_ready(client, console) for console in self.house.consoles]) and is_new():
                        fault.live_s = time.time() - since
                        return
                await asyncio.sleep(_LOOK_S)

    async def _is_ready(self, client: httpx.AsyncClient, console: str) -> bool:
        return (await client.get(f"{console}/readyz")).status_code == 200

    @property
    def city(self) -> City:
        assert isinstance(self.house, City)
        return self.house

    def _epoch(self) -> int:
        return int(self.house.rows("select max(epoch) from pbx_node")[0][0])

    def boot(self) -> str:
        """Of the Asterisk that our rows know."""
        return "".join(str(row[0]) for row in self.house.rows("select boot from pbx_node"))

    def newest(self) -> int:
        """The last event's number."""
        return int(self.house.rows("select coalesce(max(seq), 0) from event_log")[0][0])
