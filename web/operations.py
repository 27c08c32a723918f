"""What the operations page shows: totals that must add up, and how near to the truth we are. Read once for all viewers.

Everything of a day is read together, in a fixed number of statements, and kept for some seconds: ten people before the
page cost what one does. Never writes.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from hotline.agents.models import Agent
from hotline.calls import day as days
from hotline.calls import nodes as turns
from hotline.calls.models import Call, JournalFile, PbxNode
from hotline.calls.totals import Day, Difference
from hotline.clock import local
from hotline.db import Database, EventRow, ParkedEvent, Tx
from hotline.leadership import Workers
from hotline.settings import Settings
from web import plot
from web.operations_views import Correction, LinePlot, NightlyCheck, NodeState, Parked, Reading, TotalsRow

_KEEP_S = 5.0
_DAYS_KEPT = 8
_SHOWN = 10
# The journal looks every two seconds, and says so at least every fifteen.
_BEHIND = timedelta(minutes=1)
_FIRST_DAY = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class OperationsView:
    """`first`: the day's first instant. `queued`: messages from Asterisk that wait to be written, None where no worker
    runs in this process. `corrections`: the last ones; `corrected`: how many on this day.
    """

    at: datetime
    day: date
    first: datetime
    is_today: bool
    totals: Day
    plots: tuple[LinePlot, ...]
    lines: tuple[tuple[TotalsRow, ...], ...]
    nodes: tuple[NodeState, ...]
    readings: tuple[Reading, ...]
    corrected: int
    corrections: tuple[Correction, ...]
    parked_count: int
    parked: tuple[Parked, ...]
    queued: int | None
    unwritten_since: datetime | None
    nightly: tuple[NightlyCheck, ...]
    workers: Workers

    def differences(self, line: str | None, hour: int | None, timezone: str) -> tuple[Difference, ...]:
        """Those of a line and local hour; None: all."""
        return tuple(
            one
            for one in self.totals.differences
            if line in {None, one.line} and hour in {None, local(one.hour, timezone).hour}
        )


class Operations:
    """`counters`, `unwritten_since`, `workers`: what this process itself knows (web.deps.House)."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        *,
        counters: Callable[[], Mapping[str, float]],
        unwritten_since: Callable[[], datetime | None],
        workers: Callable[[], Awaitable[Workers]],
    ) -> None:
        self._db = db
        self._settings = settings
        self._counters = counters
        self._unwritten_since = unwritten_since
        self._workers = workers
        self._lock = asyncio.Lock()
        self._kept: dict[date, tuple[float, OperationsView]] = {}

    async def view(self, day: date | None, at: datetime) -> OperationsView:
        """A local day, at most five seconds old; None and days to come: today."""
        today = local(at, self._settings.timezone).date()
        day = min(max(day or today, _FIRST_DAY), today)
        async with self._lock:  # who comes while it is read waits for the same
            read_at, kept = self._kept.get(day, (float("-inf"), None))
            if kept is None or time.monotonic() - read_at >= _KEEP_S or kept.is_today != (day == today):
                kept = await self._read(day, today, at)
                self._kept.pop(day, None)
                self._kept[day] = time.monotonic(), kept
                while len(self._kept) > _DAYS_KEPT:
                    del self._kept[next(iter(self._kept))]
            return kept

    def _part(self, node: str, active: str) -> str | None:
        if node not in self._settings.manager_ports or len(self._settings.manager_ports) == 1:
            return None
        return "active" if node == active else "standby"

    async def _read(self, day: date, today: date, at: datetime) -> OperationsView:
        zone, lines = self._settings.timezone, tuple(self._settings.line_channels)
        first, last = days.bounds(day, zone)
        async with self._db.read() as tx:
            totals = await days.read(tx, day, timezone=zone, at=at)
            readings = await _readings(tx, at)
            corrections = await _corrections(tx)
            corrected = await _corrected(tx, first, last)
            parked_count, parked = await _parked(tx)
            nodes = await tx.session.execute(
                select(PbxNode.name, PbxNode.state, PbxNode.since, PbxNode.boot).order_by(PbxNode.name)
            )
            active = await turns.active(tx, self._settings)
            states = tuple(
                NodeState(name, state, since, _began(boot), self._part(name, active))
                for name, state, since, boot in nodes
            )
            nightly = await _nightly(tx, day)
        counters = self._counters()
        queued = counters.get("ami_events_queued")
        return OperationsView(
            at=at,
            day=day,
            first=first,
            is_today=day == today,
            totals=totals,
            plots=plot.plots(totals, lines, zone),
            lines=plot.table(totals, lines, zone, frozenset(reading.source for reading in readings)),
            nodes=states,
            readings=readings,
            corrected=corrected,
            corrections=corrections,
            parked_count=parked_count,
            parked=parked,
            queued=None if queued is None else int(queued),
            unwritten_since=self._unwritten_since(),
            nightly=nightly,
            workers=await self._workers(),
        )


def _began(boot: str | None) -> datetime | None:
    """Asterisk says its start in the time of its machine, which is the worker's and, as a rule, ours."""
    try:
        return datetime.fromisoformat(boot).astimezone(UTC) if boot else None
    except ValueError:
        return None


async def _readings(tx: Tx, at: datetime) -> tuple[Reading, ...]:
    rows = await tx.session.execute(
        select(JournalFile.node, JournalFile.source, func.max(JournalFile.read_at))
        .group_by(JournalFile.node, JournalFile.source)
        .order_by(JournalFile.node, JournalFile.source)
    )
    return tuple(Reading(node, source, read_at, at - read_at > _BEHIND) for node, source, read_at in rows)


async def _corrections(tx: Tx) -> tuple[Correction, ...]:
    """The last ones of any day, newest first, with what their subjects are called here."""
    events = list(
        await tx.session.scalars(
            select(EventRow).where(EventRow.type == "DriftCorrected").order_by(EventRow.seq.desc()).limit(_SHOWN)
        )
    )
    subjects = [str(event.data.get("subject")) for event in events]
    names = dict(
        (await tx.session.execute(select(Agent.endpoint, Agent.name).where(Agent.endpoint.in_(subjects)))).all()
    )
    calls: dict[tuple[str, str], UUID] = {
        (node, linkedid): call_id
        for node, linkedid, call_id in await tx.session.execute(
            select(Call.node, Call.linkedid, Call.id).where(Call.linkedid.in_(subjects))
        )
    }
    return tuple(
        Correction(
            at=event.at,
            node=str(event.data.get("node")),
            kind=str(event.data.get("kind")),
            what=str(event.data.get("what")),
            subject=subject,
            call_id=str(found) if (found := calls.get((str(event.data.get("node")), subject))) else None,
            agent=names.get(subject),
        )
        for event, subject in zip(events, subjects, strict=True)
    )


async def _corrected(tx: Tx, first: datetime, last: datetime) -> int:
    return (
        await tx.session.scalar(
            select(func.count())
            .select_from(EventRow)
            .where(EventRow.type == "DriftCorrected", EventRow.at >= first, EventRow.at < last)
        )
    ) or 0


async def _parked(tx: Tx) -> tuple[int, tuple[Parked, ...]]:
    """How many wait, and those that have waited longest."""
    count = (await tx.session.scalar(select(func.count()).select_from(ParkedEvent))) or 0
    rows = await tx.session.scalars(select(ParkedEvent).order_by(ParkedEvent.at).limit(_SHOWN))
    return count, tuple(Parked(row.at, row.handler, row.type, row.error, row.attempts, row.retry_at) for row in rows)


async def _nightly(tx: Tx, day: date) -> tuple[NightlyCheck, ...]:
    """What was told to the trail about a day, a node each."""
    keys = [f"{name}:totals:{day}" for name in await tx.session.scalars(select(PbxNode.name))]
    rows = await tx.session.scalars(select(EventRow).where(EventRow.dedupe_key.in_(keys)).order_by(EventRow.seq))
    return tuple(
        NightlyCheck(
            row.at, str(row.data["node"]), int(row.data["calls"]), int(row.data["differences"]), int(row.data["unread"])
        )
        for row in rows
    )
