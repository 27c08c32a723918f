"""A local day's calls, read from our rows and from what was read of Asterisk's own records, and compared. Never writes.

Four statements however many calls. The comparison itself is calls.totals.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Executable, bindparam, func, select

from hotline.calls import totals
from hotline.calls.models import Call, CallAlias, JournalCall, JournalFile
from hotline.calls.totals import Day, Told
from hotline.clock import utc
from hotline.db import Tx

# Sources see a call's start apart: one that is at midnight for us may be a day earlier in another source.
_EDGE = timedelta(minutes=10)
_PORTION = 300
_CALLS = (
    select(Call.node, Call.linkedid, Call.line, Call.started_at, Call.ended_at, Call.outcome, Call.id, Call.direction)
    .where(Call.started_at >= bindparam("first"), Call.started_at < bindparam("last"), Call.phase != "merged")
)  # fmt: skip
# Calls of our own making: no line took them in, no total counts them, and the queue's log knows nothing of them.
_MADE = frozenset({"outbound", "internal"})
_ALIASES = (
    select(CallAlias.node, CallAlias.linkedid, Call.linkedid)
    .join(Call, Call.id == CallAlias.call_id)
    .where(Call.started_at >= bindparam("first"), Call.started_at < bindparam("last"))
)
_JOURNAL = select(
    JournalCall.source, JournalCall.node, JournalCall.linkedid, JournalCall.line, JournalCall.started_at,
    JournalCall.ended_at, JournalCall.outcome,
).where(JournalCall.started_at >= bindparam("first"), JournalCall.started_at < bindparam("last"))  # fmt: skip
_READ = select(JournalFile.node, JournalFile.source, func.max(JournalFile.read_at)).group_by(
    JournalFile.node, JournalFile.source
)


def bounds(day: date, timezone: str) -> tuple[datetime, datetime]:
    """A local day's first instant and the next one's."""
    zone = ZoneInfo(timezone)
    first, last = (datetime.combine(one, time.min, zone) for one in (day, day + timedelta(days=1)))
    return utc(first), utc(last)


async def read(tx: Tx, day: date, *, timezone: str, at: datetime, node: str | None = None) -> Day:
    """What the sources say of a local day, as known at `at`. `node`: only this one's calls; None: all nodes'.

    Screens move meanwhile: rows are taken in small portions, and what they mean is worked out in a thread.
    """
    first, last = bounds(day, timezone)
    window = {"first": first - _EDGE, "last": last + _EDGE}

    def is_mine(name: str) -> bool:
        return node is None or name == node

    told: list[Told] = []
    made: set[tuple[str, str]] = set()
    async for *row, direction in _rows(tx, _CALLS, window):
        if direction in _MADE:
            made.add((row[0], row[1]))
        elif is_mine(row[0]):
            told.append(Told(totals.OURS, *row))
    rows = [Told(*row) async for row in _rows(tx, _JOURNAL, window) if is_mine(row[1])]
    told += [one for one in rows if (one.node, one.linkedid) not in made]
    aliases = {(name, younger): own async for name, younger, own in _rows(tx, _ALIASES, window)}
    read_until = {(name, source): read_at async for name, source, read_at in _rows(tx, _READ, {}) if is_mine(name)}
    return await asyncio.to_thread(
        totals.compare,
        told,
        aliases=aliases,
        read_until=read_until,
        at=at,
        first=first,
        last=last,
        timezone=timezone,
    )


async def _rows(tx: Tx, statement: Executable, values: Mapping[str, Any]) -> AsyncIterator[Any]:
    for portion in (await tx.session.execute(statement, values)).partitions(_PORTION):
        for row in portion:
            yield row
        await asyncio.sleep(0)
