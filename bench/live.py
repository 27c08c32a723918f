"""From Asterisk's event to the screen: board fragments at the sockets, tickets popped at the agents' pages.

An event's own time is Asterisk's Timestamp, kept as `event_log.at`; a frame carries the newest `seq` it shows. So the
latency of event s at a socket is when its first frame with seq ≥ s came, minus the event's time; same clock, same
machine. A pop is over when the agent's page has the ticket's markup, fetched by HTTP after the announcement.
"""

import asyncio
import bisect
import re
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import uvloop
from sqlalchemy import select

from bench.house import House, house
from hotline.clock import utc
from hotline.db import Database, EventRow
from tests.integration import pbx

_SEQ = re.compile(r'"seq": ?(\d+)')
_SEQ_BYTES = re.compile(rb'"seq": ?(\d+),')
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, section 1.3
_HANDED = re.compile(r'"type": ?"TicketHandedTo"[^}]*"ref": ?"([^"]+)"')
_BOARD = frozenset({"CallStarted", "CallQueued", "AgentRang", "CallAnswered", "CallEnded"})


@dataclass
class Console(asyncio.Protocol):
    """One screen, as cheap as can be, since 200 of them share a process: bytes are kept with their time and read
    afterwards. `pops`: seq of the announcement → when the ticket's markup was there.
    """

    cookie: str
    made: House
    client: httpx.AsyncClient
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    pops: dict[int, float] = field(default_factory=dict)
    transport: asyncio.WriteTransport | None = None
    fetching: list[asyncio.Task[None]] = field(default_factory=list)

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
        if b"TicketHandedTo" in data:
            text = data.decode(errors="replace")
            for ref in _HANDED.findall(text):
                self.fetching.append(asyncio.create_task(self._pop(ref, int(_SEQ.findall(text)[-1]))))

    def _pong(self, data: bytes) -> None:
        """A ping has four bytes of its own and comes alone, before or behind a frame (RFC 6455, section 5.5)."""
        for at in (0, len(data) - 6):
            if self.transport is not None and data[at : at + 2] == b"\x89\x04" and len(data) >= at + 6 >= 6:
                self.transport.write(b"\x8a\x84\0\0\0\0" + data[at + 2 : at + 6])
                return

    async def _pop(self, ref: str, seq: int) -> None:
        answer = await self.client.get(
            f"{self.made.url}/console/panel", params={"ref": ref}, headers={"Cookie": f"hotline={self.cookie}"}
        )
        assert answer.status_code == 200 and ref in answer.text, answer.status_code
        self.pops[seq] = time.time()

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


async def measure(
    consoles: int, *, phones: int = 60, rate: float = 5.0, calls: int = 150, base: int = 23000
) -> list[dict[str, Any]]:
    """`calls` calls at `rate` a second through one queue, `consoles` screens watching."""
    async with house(base) as made:
        await made.fill(phones, consoles)
        await made.start()
        await made.sign_on()
        loop = asyncio.get_running_loop()
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=50), timeout=10) as client:
            screens = [Console(cookie, made, client) for cookie in made.cookies]
            for screen in screens:
                await loop.create_connection(lambda screen=screen: screen, "127.0.0.1", made.settings.port)  # type: ignore[misc]
            await _until(lambda: all(len(screen.chunks) > 1 for screen in screens), 30)
            began = time.time()
            _start_sipp(made, calls, rate)
            await _until(lambda: made.running[-1].process.poll() is not None, calls / rate + 90)
            last = await _last_seq(made)
            await _until(lambda: all(screen.has(last) for screen in screens), 20)
            await asyncio.gather(*(task for screen in screens for task in screen.fetching))
            for screen in screens:
                assert screen.transport is not None
                screen.transport.close()
        return await _figures(made, screens, (began, last), consoles, rate)


def _start_sipp(made: House, calls: int, rate: float) -> None:
    """Signalling only on both sides: what is measured is not SIPp's sound. People take their own time: with one time
    for all, the ring of a call, the answer of the one before and the end of a third would fall on the same instant.
    """
    lab = pbx.Pbx(made.settings, None, made.directory)  # type: ignore[arg-type]
    phone = _silent(pbx.TEST_FILES / "agent.xml", made, "answer", (500, 2500))
    caller = _silent(pbx.SIPP_FILES / "caller.xml", made, "hang_up", (12000, 20000))
    made.running.append(lab.sipp(phone, address=pbx.PHONES, port=made.phones_port, count=100000, talk_ms=3600000))
    made.running.append(lab.sipp(caller, address=pbx.TRUNK, count=calls, rate=rate, line="12345"))


def _silent(scenario: Path, made: House, what: str, span_ms: tuple[int, int]) -> Path:
    """The scenario without its sound, doing `what` after a time of its own."""
    text = re.sub(r"<nop>.*rtp_stream.*</nop>", "", scenario.read_text())
    wait = '<pause distribution="uniform" min="{}" max="{}"/><nop next="{}"/>'.format(*span_ms, what)
    text, found = re.subn(rf'<recv [^>]*ontimeout="{what}"(/>|>.*?</recv>)', wait, text, flags=re.DOTALL)
    if found != 1:
        raise RuntimeError(f"{scenario.name} has no single place where it waits to {what}")
    path = made.directory / scenario.name
    path.write_text(text)
    return path


async def _until(holds: Any, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError("the load did not get as far as expected in time")
        await asyncio.sleep(0.1)


async def _last_seq(made: House) -> int:
    db = Database(made.settings.store_url)
    try:
        return await db.last_seq()
    finally:
        await db.close()


async def _figures(
    made: House, screens: list[Console], span: tuple[float, int], consoles: int, rate: float
) -> list[dict[str, Any]]:
    db = Database(made.settings.store_url)
    async with db.read() as tx:
        rows = list(await tx.session.scalars(select(EventRow).order_by(EventRow.seq)))
    await db.close()
    board = [
        (row.seq, utc(row.at).timestamp())
        for row in rows
        if row.type in _BOARD and row.seq <= span[1] and utc(row.at).timestamp() > span[0]
    ]
    delays = []
    for screen in screens:
        seqs, times = screen.seqs()
        for seq, at in board:
            place = bisect.bisect_left(seqs, seq)
            if place == len(seqs):
                raise RuntimeError(f"event {seq} reached no frame of a screen")
            delays.append((times[place] - at) * 1000)
    rang = {row.seq: utc(row.at).timestamp() for row in rows if row.type == "TicketHandedTo"}
    pops = [
        (done - max(at for seq, at in rang.items() if seq <= got)) * 1000
        for screen in screens for got, done in screen.pops.items()
    ]  # fmt: skip
    answered = sum(row.type == "CallAnswered" for row in rows)
    note = {"consoles": consoles, "calls_per_s": rate, "answered": answered, "events": len(board)}
    return [
        _figure("live.board_p99", delays, **note),
        _figure("live.ticket_pop_p99", pops, **note),
    ]


def _figure(name: str, values: list[float], **note: Any) -> dict[str, Any]:
    values = sorted(values)
    if not values:
        raise RuntimeError(f"{name}: nothing was measured")

    def at(share: float) -> float:
        return round(values[min(len(values) - 1, int(share * len(values)))], 1)

    return {
        "bench": name, "value": at(0.99), "unit": "ms", "p50": round(statistics.median(values), 1), "p95": at(0.95),
        "max": round(values[-1], 1), "count": len(values), **note,
    }  # fmt: skip


def run() -> list[dict[str, Any]]:
    """200 consoles, then 10."""
    return [
        *uvloop.run(measure(200)),
        *uvloop.run(measure(10, base=24000)),
    ]


if __name__ == "__main__":
    import json

    for row in run():
        print(json.dumps(row))
