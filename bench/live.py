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
from typing import Any

import httpx
from sqlalchemy import select
from websockets.asyncio.client import ClientConnection, connect

from bench.house import House, house
from hotline.clock import utc
from hotline.db import Database, EventRow
from tests.integration import pbx

_SEQ = re.compile(r'"seq": ?(\d+)')
_HANDED = re.compile(r'"type": ?"TicketHandedTo"[^}]*"ref": ?"([^"]+)"')
_BOARD = frozenset({"CallStarted", "CallQueued", "AgentRang", "CallAnswered", "CallEnded"})


@dataclass
class Console:
    """One screen: when which seq came, and how long each popped ticket took from the ring."""

    cookie: str
    seqs: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    pops: dict[int, float] = field(default_factory=dict)

    async def watch(self, made: House, client: httpx.AsyncClient, open_gate: asyncio.Semaphore) -> None:
        headers = {"Cookie": f"hotline={self.cookie}", "Origin": made.url}
        async with open_gate:
            socket = await connect(
                f"ws://127.0.0.1:{made.settings.port}/live",
                additional_headers=headers,
                compression=None,
                max_size=2**22,
            )
        async with socket:
            await self._read(socket, client, made)

    async def _read(self, socket: ClientConnection, client: httpx.AsyncClient, made: House) -> None:
        async for text in socket:
            at = time.time()
            assert isinstance(text, str)
            found = _SEQ.search(text)
            if found is None:
                continue
            seq = int(found[1])
            self.seqs.append(seq)
            self.times.append(at)
            for ref in _HANDED.findall(text):
                answer = await client.get(
                    f"{made.url}/console/panel", params={"ref": ref}, headers={"Cookie": f"hotline={self.cookie}"}
                )
                assert answer.status_code == 200 and ref in answer.text, answer.status_code
                self.pops[seq] = time.time()


async def measure(
    consoles: int, *, phones: int = 60, rate: float = 5.0, calls: int = 150, base: int = 25000
) -> list[dict[str, Any]]:
    """`calls` calls at `rate` a second through one queue, `consoles` screens watching."""
    async with house(base) as made:
        await made.fill(phones, consoles)
        await made.start()
        await made.sign_on()
        screens = [Console(cookie) for cookie in made.cookies]
        gate = asyncio.Semaphore(20)
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=50), timeout=10) as client:
            tasks = [asyncio.create_task(screen.watch(made, client, gate)) for screen in screens]
            await _until(lambda: all(screen.seqs for screen in screens), 30)
            began = time.time()
            _start_sipp(made, calls, rate)
            await _until(lambda: made.running[-1].process.poll() is not None, calls / rate + 90)
            await asyncio.sleep(1)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return await _figures(made, screens, began, consoles, rate)


def _start_sipp(made: House, calls: int, rate: float) -> None:
    """Signalling only on both sides: what is measured is not SIPp's sound."""
    lab = pbx.Pbx(made.settings, None, made.directory)  # type: ignore[arg-type]
    phone = _silent(pbx.TEST_FILES / "agent.xml", made)
    caller = _silent(pbx.SIPP_FILES / "caller.xml", made)
    made.running.append(
        lab.sipp(phone, address=pbx.PHONES, port=made.phones_port, count=100000, answer_ms=1000, talk_ms=3600000)
    )
    made.running.append(lab.sipp(caller, address=pbx.TRUNK, count=calls, rate=rate, line="12345", hold_ms=17000))


def _silent(scenario: Path, made: House) -> Path:
    path = made.directory / scenario.name
    path.write_text(re.sub(r"<nop>.*rtp_stream.*</nop>", "", scenario.read_text()))
    return path


async def _until(holds: Any, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError("the load did not get as far as expected in time")
        await asyncio.sleep(0.1)


async def _figures(
    made: House, screens: list[Console], began: float, consoles: int, rate: float
) -> list[dict[str, Any]]:
    db = Database(made.settings.store_url)
    async with db.read() as tx:
        rows = list(await tx.session.scalars(select(EventRow).order_by(EventRow.seq)))
    await db.close()
    board = [
        (row.seq, utc(row.at).timestamp()) for row in rows if row.type in _BOARD and utc(row.at).timestamp() > began
    ]
    delays = []
    for screen in screens:
        for seq, at in board:
            place = bisect.bisect_left(screen.seqs, seq)
            if place < len(screen.seqs):
                delays.append((screen.times[place] - at) * 1000)
            else:
                raise RuntimeError(f"event {seq} reached no frame of a screen")
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
        *asyncio.run(measure(200)),
        *asyncio.run(measure(10, phones=60, base=26000)),
    ]


if __name__ == "__main__":
    import json

    for row in run():
        print(json.dumps(row))
