"""A local day's calls, read from our rows and from what was read of Asterisk's own records, and compared. Never writes.

Four statements however many calls. The comparison itself is calls.totals.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select

from hotline.calls import totals
from hotline.calls.models import Call, CallAlias, JournalCall, JournalFile
from hotline.calls.totals import Day, Told
from hotline.clock import utc
from hotline.db import Tx

# Sources see a call's start apart: one that is at midnight for us may be a day earlier in another source.
_EDGE = timedelta(minutes=10)
_CALLS = (
    select(Call.node, Call.linkedid, Call.line, Call.started_at, Call.ended_at, Call.outcome, Call.id)
    .where(Call.started_at >= bindparam("first"), Call.started_at < bindparam("last"), Call.phase != "merged")
)  # fmt: skip
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
    """What the sources say of a local day, as known at `at`. `node`: only this one's calls; None: all nodes'."""
    first, last = bounds(day, timezone)
    window = {"first": first - _EDGE, "last": last + _EDGE}

    def mine(name: str) -> bool:
        return node is None or name == node

    told = [Told(totals.OURS, *row) for row in await tx.session.execute(_CALLS, window)]
    told += [Told(*row) for row in await tx.session.execute(_JOURNAL, window)]
    aliases = {(name, younger): own for name, younger, own in await tx.session.execute(_ALIASES, window)}
    read_until = {(name, source): read_at for name, source, read_at in await tx.session.execute(_READ)}
    return totals.compare(
        [one for one in told if mine(one.node)],
        aliases=aliases,
        read_until={key: read_at for key, read_at in read_until.items() if mine(key[0])},
        at=at,
        first=first,
        last=last,
        timezone=timezone,
    )
