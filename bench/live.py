"""From Asterisk's event to the screen: board fragments at the sockets, tickets popped at the agents' pages.

An event's own time is Asterisk's Timestamp, kept as `event_log.at`; a frame carries the newest `seq` it shows. So the
latency of event s at a socket is when its first frame with seq ≥ s came, minus the event's time; same clock, same
machine. A pop is over when the agent's page has the ticket's markup, fetched by HTTP after the announcement.
"""

import argparse
import asyncio
import bisect
import json
import statistics
import time
from typing import Any

import uvloop
from sqlalchemy import select

from bench import load
from bench.house import House, house
from bench.load import Console
from hotline.clock import utc
from hotline.db import Database, EventRow
from tests.integration import deployment

_BOARD = frozenset({"CallStarted", "CallQueued", "AgentRang", "CallAnswered", "CallEnded"})


async def measure(
    consoles: int, *, phones: int = 60, rate: float = 5.0, calls: int = 150, base: int = 23000
) -> list[dict[str, Any]]:
    """`calls` calls at `rate` a second through one queue, `consoles` screens watching."""
    async with house(base, roles=deployment.ROLES) as made:
        await made.fill(phones, consoles)
        await made.start()
        await made.sign_on()
        load.phones(made)
        async with load.screens(made) as screens:
            return await under(made, screens, rate=rate, calls=calls)


async def under(
    made: House, screens: list[Console], *, rate: float, calls: int, hold_ms: tuple[int, int] = (12000, 20000)
) -> list[dict[str, Any]]:
    """Figures of so many calls at this rate, the screens and phones being there."""
    began, first = time.time(), await last_seq(made)
    await load.ended(load.callers(made, calls, rate, hold_ms), calls / rate + hold_ms[1] / 1000 + 70)
    last = await last_seq(made)
    await load.until(lambda: all(screen.has(last) for screen in screens), 20)
    while tasks := [task for screen in screens for task in screen.fetching]:
        await asyncio.wait(tasks)
    if failed := [words for screen in screens for words in screen.failed]:
        raise RuntimeError(f"{len(failed)} fetches failed, first: {failed[0]}")
    return await _figures(made, screens, (began, first, last), rate)


async def last_seq(made: House) -> int:
    db = Database(made.settings.store_url)
    try:
        return await db.last_seq()
    finally:
        await db.close()


async def _figures(
    made: House, screens: list[Console], span: tuple[float, int, int], rate: float
) -> list[dict[str, Any]]:
    began, first, last = span
    db = Database(made.settings.store_url)
    try:
        async with db.read() as tx:
            rows = list(await tx.session.scalars(select(EventRow).where(EventRow.seq > first).order_by(EventRow.seq)))
    finally:
        await db.close()
    board = [
        (row.seq, utc(row.at).timestamp())
        for row in rows
        if row.type in _BOARD and row.seq <= last and utc(row.at).timestamp() > began
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
        for screen in screens for got, done in screen.pops.items() if got > first
    ]  # fmt: skip
    answered = sum(row.type == "CallAnswered" for row in rows)
    note = {
        "deployment": made.deployment, "consoles": len(screens), "calls_per_s": rate, "answered": answered,
        "events": len(board),
    }  # fmt: skip
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


def main() -> None:
    """200 consoles, then 10; or as many as are named."""
    parser = argparse.ArgumentParser(prog="script/bench live", description=__doc__)
    parser.add_argument("--consoles", type=int, nargs="*", default=[200, 10])
    parser.add_argument("--rate", type=float, default=5.0, help="calls a second")
    parser.add_argument("--calls", type=int, default=150)
    options = parser.parse_args()
    for number, consoles in enumerate(options.consoles):
        base = 23000 + number % 2 * 1000
        for row in uvloop.run(measure(consoles, rate=options.rate, calls=options.calls, base=base)):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
