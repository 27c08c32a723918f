"""The load of a measurement: screens as cheap as can be, callers and phones of SIPp's that take their own time.

A console is a socket which fetches the ticket that pops up; a `Page` also fetches what an agent's page fetches for
itself, with the same delays (web/src/console.js, talk.js). 200 of them share a process, so bytes are kept with their
time and read afterwards.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

import httpx

from bench.house import House
from tests.integration import pbx
from tests.integration.pbx import Sipp

_SEQ = re.compile(r'"seq": ?(\d+)')
_SEQ_BYTES = re.compile(rb'"seq": ?(\d+),')
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, section 1.3
_HANDED = re.compile(r'"type": ?"TicketHandedTo"[^}]*"ref": ?"([^"]+)"')
_PANEL_S, _TALK_S, _WORK_S = 0.25, 0.04, 0.05
_PANEL_NEWS = (b'"AgentChanged"', b'"CallAnswered"', b'"AgentLegEnded"')
_LIMITS = httpx.Limits(max_connections=50, keepalive_expiry=3)  # the server closes idle ones after 5 s


@dataclass
class Console(asyncio.Protocol):
    """`pops`: seq of the announcement → when the ticket's markup was there."""

    cookie: str
    made: House
    client: httpx.AsyncClient
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    pops: dict[int, float] = field(default_factory=dict)
    transport: asyncio.WriteTransport | None = None
    fetching: set[asyncio.Task[None]] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    pops_up: ClassVar[bool] = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)
        port = self.made.settings.port
        self.transport.write(
            f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {self.made.url}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_KEY}\r\n"
            f"Cookie: hotline={self.cookie}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.chunks.append((time.time(), data))
        self._pong(data)
        if self.pops_up and b"TicketHandedTo" in data:
            text = data.decode(errors="replace")
            for ref in _HANDED.findall(text):
                self.later(self._pop(ref, int(_SEQ.findall(text)[-1])))

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.fetching.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self.fetching.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed.append(f"{type(error).__name__}: {error}")

    def _pong(self, data: bytes) -> None:
        """A ping has four bytes of its own and comes alone, before or behind a frame (RFC 6455, section 5.5)."""
        for at in (0, len(data) - 6):
            if self.transport is not None and data[at : at + 2] == b"\x89\x04" and len(data) >= at + 6 >= 6:
                self.transport.write(b"\x8a\x84\0\0\0\0" + data[at + 2 : at + 6])
                return

    async def _pop(self, ref: str, seq: int) -> None:
        assert ref in await self.get("/console/panel", ref=ref)
        self.pops[seq] = time.time()

    async def get(self, path: str, **values: str) -> str:
        """A page's or a fragment's text; raises AssertionError for anything but 200."""
        answer = await self.client.get(
            f"{self.made.url}{path}", params=values, headers={"Cookie": f"hotline={self.cookie}", "HX-Request": "true"}
        )
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def has(self, seq: int) -> bool:
        """Whether a frame as new as this one has come; frames come at least every ten seconds."""
        found = _SEQ_BYTES.findall(b"".join(data for _at, data in self.chunks[-3:]))
        return bool(found) and int(found[-1]) >= seq

    def seqs(self) -> tuple[list[int], list[float]]:
        """(seq of each frame, when its last byte came). A frame that came in two pieces counts with the second."""
        numbers, times, rest = list[int](), list[float](), b""
        for at, data in self.chunks:
            rest += data
            found = [int(number) for number in _SEQ_BYTES.findall(rest)]
            numbers += found
            times += [at] * len(found)
            rest = rest[-24:] if not found else rest[rest.rindex(b'"seq"') + 12 :]
        return numbers, times


@dataclass
class Listener(Console):
    """A socket alone: what it is told costs, not what it would ask."""

    pops_up: ClassVar[bool] = False


@dataclass
class Page(Console):
    """An agent's page at work: `ref`: the ticket it shows, none before the first."""

    ref: str = ""
    fetched: int = 0
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    def data_received(self, data: bytes) -> None:
        is_handed = b'"TicketHandedTo"' in data
        super().data_received(data)
        if is_handed:
            self.ref = _HANDED.findall(data.decode(errors="replace"))[-1]
        if b'"AgentChanged"' in data:
            self.later(self._fetch("/console/mine"))
        if is_handed or b'"AgentChanged"' in data:
            self._soon("work", _WORK_S)
        if b'"AgentChanged"' in data or b'"CallMoved"' in data:
            self._soon("talk", _TALK_S)
        # A ticket that pops up is fresh: what else came with it needs no second look.
        if not is_handed and any(name in data for name in _PANEL_NEWS):
            self._soon("panel", _PANEL_S)

    def _soon(self, what: str, delay_s: float) -> None:
        if what in self.timers:
            self.timers[what].cancel()
        self.timers[what] = asyncio.get_running_loop().call_later(delay_s, self._due, what)

    def _due(self, what: str) -> None:
        if what != "panel":
            self.later(self._fetch(f"/console/{what}"))
        elif self.ref:
            self.later(self._fetch("/console/panel", ref=self.ref))

    async def _fetch(self, path: str, **values: str) -> None:
        await self.get(path, **values)
        self.fetched += 1


@asynccontextmanager
async def screens(made: House, kind: type[Console] = Console, count: int | None = None) -> AsyncIterator[list[Console]]:
    """A screen for each session of the house (or for the first so many), all of them greeted."""
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(limits=_LIMITS, timeout=10) as client:
        found = [kind(cookie, made, client) for cookie in made.cookies[:count]]
        for screen in found:
            await loop.create_connection(lambda screen=screen: screen, "127.0.0.1", made.settings.port)  # type: ignore[misc]
        await until(lambda: all(len(screen.chunks) > 1 for screen in found), 30)
        try:
            yield found
            while tasks := [task for screen in found for task in screen.fetching]:
                await asyncio.wait(tasks)
        finally:
            for screen in found:
                for task in screen.fetching:
                    task.cancel()
                if screen.transport is not None:
                    screen.transport.close()


def phones(made: House, answer_ms: tuple[int, int] = (500, 2500), *, speaks: bool = False) -> Sipp:
    """All the house's phones. People take their own time: with one time for all, the ring of a call, the answer of the
    one before and the end of a third would fall on the same instant.
    """
    scenario = _taking_time(pbx.TEST_FILES / "agent.xml", made, "answer", answer_ms, speaks=speaks)
    return _sipp(made, scenario, address=pbx.PHONES, port=made.phones_port, count=100000, talk_ms=3600000)


def callers(
    made: House, count: int, rate: float, hold_ms: tuple[int, int] = (12000, 20000), *, speaks: bool = False
) -> Sipp:
    """So many calls at so many a second, evenly."""
    scenario = _taking_time(pbx.SIPP_FILES / "caller.xml", made, "hang_up", hold_ms, speaks=speaks)
    # Rates of less than a tenth apart: SIPp takes whole calls a period.
    period_ms = 1000 if rate == int(rate) else 10000
    return _sipp(
        made, scenario, address=pbx.TRUNK, count=count, rate=round(rate * period_ms / 1000), period_ms=period_ms,
        line="12345",
    )  # fmt: skip


def _sipp(made: House, scenario: Path, **values: object) -> Sipp:
    lab = pbx.Pbx(made.settings, None, made.directory)  # type: ignore[arg-type]
    started = lab.sipp(scenario, sound=pbx.SIPP_FILES / "caller.al", **values)  # type: ignore[arg-type]
    made.running.append(started)
    return started


def _taking_time(scenario: Path, made: House, what: str, span_ms: tuple[int, int], *, speaks: bool) -> Path:
    """The scenario, doing `what` after a time of its own; without its sound unless it speaks."""
    text = scenario.read_text()
    if not speaks:
        text = re.sub(r"<nop>.*rtp_stream.*</nop>", "", text)
    wait = '<pause distribution="uniform" min="{}" max="{}"/><nop next="{}"/>'.format(*span_ms, what)
    text, found = re.subn(rf'<recv [^>]*ontimeout="{what}"(/>|>.*?</recv>)', wait, text, flags=re.DOTALL)
    if found != 1:
        raise RuntimeError(f"{scenario.name} has no single place where it waits to {what}")
    path = made.directory / scenario.name
    path.write_text(text)
    return path


async def ended(sipp: Sipp, timeout_s: float) -> None:
    """Once all its calls have ended. Raises RuntimeError when they have not in time."""
    await until(lambda: sipp.process.poll() is not None, timeout_s)


async def until(holds: Callable[[], bool], timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError("the load did not get as far as expected in time")
        await asyncio.sleep(0.1)
