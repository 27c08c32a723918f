"""Figures of the whole house for Prometheus, read from rows when somebody asks: every process gives the same ones.

What a process itself counts is web.metrics'. A database that is away leaves out its figures and says so.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import SQLAlchemyError

from hotline import certificate
from hotline.calls import nodes as turns
from hotline.calls.models import Call, JournalFile, PbxNode
from hotline.clock import local, now, utc
from hotline.db import Database, EventRow, ParkedEvent, Tx
from hotline.ivr import opening
from hotline.settings import Settings
from hotline.tickets.call_backs import CALL_BACK
from hotline.tickets.models import DueWork

_READ_S = 3.0
_FRESH_S = 2.0  # several Prometheis, or a person who reloads, cost one read
_CERTIFICATE_S = 600.0
OUTCOMES = ("answered", "abandoned", "callback", "voicemail", "duty", "closed", "blocked", "overflowed", "failed")
_INBOUND = (Call.direction.not_in(("outbound", "internal")), Call.phase != "merged")
_WAITING = (
    select(Call.line, func.count(), func.min(func.coalesce(Call.queued_at, Call.started_at)))
    .where(*_INBOUND, Call.ended_at.is_(None), Call.phase.in_(("waiting", "ringing")))
    .group_by(Call.line)
)
_TODAY = (
    select(Call.line, Call.outcome, func.count())
    .where(*_INBOUND, Call.started_at >= bindparam("since"))
    .group_by(Call.line, Call.outcome)
)
_BEHIND = (
    select(DueWork.kind, func.count(), func.min(DueWork.due_at))
    .where(DueWork.done_at.is_(None), DueWork.due_at < bindparam("at"))
    .group_by(DueWork.kind)
)
_READ = select(JournalFile.node, JournalFile.source, func.max(JournalFile.read_at)).group_by(
    JournalFile.node, JournalFile.source
)
_NODES = select(PbxNode.name, PbxNode.state, PbxNode.since)
_PARKED = select(func.count()).select_from(ParkedEvent)
_NEWEST = select(func.max(EventRow.seq))


class Figures:
    """`read_seq`: up to where this process has read the log; None where it shows nothing. `unwritten_since`: App's."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        read_seq: Callable[[], int] | None = None,
        unwritten_since: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._unwritten_since = unwritten_since
        self._db = db
        self._settings = settings
        self._read_seq = read_seq
        self._hours = opening.hours(settings)
        self._lock = asyncio.Lock()
        self._read_at = self._asked_at = float("-inf")
        self._known: list[GaugeMetricFamily] = []
        self._certificate: datetime | None = None

    async def read(self) -> Sequence[GaugeMetricFamily]:
        """Every figure as it is now."""
        async with self._lock:
            if time.monotonic() - self._read_at >= _FRESH_S:
                self._known = [*await self._rows(now()), *self._disks(), *await self._expiries()]
                self._read_at = time.monotonic()
            return self._known

    async def _rows(self, at: datetime) -> list[GaugeMetricFamily]:
        is_up = True
        found: list[GaugeMetricFamily] = []
        try:
            async with asyncio.timeout(_READ_S), self._db.read() as tx:
                found = [*await self._calls(tx, at), *await _work(tx, at), *await self._nodes(tx, at)]
                newest = (await tx.session.scalar(_NEWEST)) or 0
                found.append(_one("hotline_events_newest_seq", "Number of the newest event in the log.", newest))
                if self._read_seq is not None:
                    behind = max(0, newest - self._read_seq())
                    found.append(_one("hotline_events_unread", "Events that this process has not shown yet.", behind))
        except (SQLAlchemyError, OSError, TimeoutError):
            is_up, found = False, []
        return [_one("hotline_database_up", "1 while the database answers.", int(is_up)), *found]

    async def _calls(self, tx: Tx, at: datetime) -> list[GaugeMetricFamily]:
        zone = self._settings.timezone
        midnight = utc(local(at, zone).replace(hour=0, minute=0, second=0, microsecond=0))
        waiting = _labelled("hotline_waiting_calls", "Callers who wait for an agent, by line.", "line")
        longest = _labelled("hotline_longest_wait_seconds", "How long the first of them has waited.", "line")
        rows = {line: (count, since) for line, count, since in await tx.session.execute(_WAITING)}
        for line in dict.fromkeys([*self._settings.line_channels, *rows]):
            count, since = rows.get(line, (0, None))
            waiting.add_metric([line], count)
            longest.add_metric([line], max(0.0, (at - since).total_seconds()) if since is not None else 0)
        offered = _labelled("hotline_offered_today", "Calls that came since midnight, by line.", "line")
        going_on = _labelled("hotline_going_on", "Those of them without an outcome yet.", "line")
        outcomes = _labelled("hotline_outcomes_today", "Those of them with this outcome.", "line", "outcome")
        counts = {(line, outcome): n for line, outcome, n in await tx.session.execute(_TODAY, {"since": midnight})}
        for line in dict.fromkeys([*self._settings.line_channels, *(line for line, _ in counts)]):
            offered.add_metric([line], sum(n for (of, _), n in counts.items() if of == line))
            going_on.add_metric([line], counts.get((line, None), 0))
            others = {str(outcome) for of, outcome in counts if of == line and outcome is not None}
            for outcome in dict.fromkeys([*OUTCOMES, *sorted(others)]):
                outcomes.add_metric([line, outcome], counts.get((line, outcome), 0))
        return [waiting, longest, offered, going_on, outcomes]

    async def _nodes(self, tx: Tx, at: datetime) -> list[GaugeMetricFamily]:
        live = _labelled("hotline_telephony_live", "1 while this Asterisk's events arrive and are written.", "node")
        stale = _labelled("hotline_telephony_stale_seconds", "Since when they do not; 0 while they do.", "node")
        active = _labelled("hotline_telephony_active", "1 for the Asterisk that has the agents.", "node")
        unwritten, turn = self._unwritten_since(), await turns.active(tx, self._settings)
        for name, state, since in await tx.session.execute(_NODES):
            active.add_metric([name], int(name == turn))
            # A leader that died, or that cannot write, leaves the row as it was.
            old = unwritten if name == turn else None
            is_live = state == "live" and old is None
            live.add_metric([name], int(is_live))
            stale.add_metric([name], 0 if is_live else (at - (old or since)).total_seconds())
        behind = _labelled(
            "hotline_journal_behind_seconds",
            "How old the newest look into Asterisk's own records is.",
            "node",
            "source",
        )
        for node, source, read_at in await tx.session.execute(_READ):
            behind.add_metric([node, source], max(0.0, (at - read_at).total_seconds()))
        return [live, stale, active, behind]

    def _disks(self) -> list[GaugeMetricFamily]:
        free = _labelled("hotline_disk_free_bytes", "Room that is left, by what is kept there.", "place")
        size = _labelled("hotline_disk_size_bytes", "Room that there is.", "place")
        for place, path in (("data", self._settings.data_dir), ("recordings", self._settings.recordings_dir)):
            if path.exists():
                usage = shutil.disk_usage(path)
                free.add_metric([place], usage.free)
                size.add_metric([place], usage.total)
        return [free, size]

    async def _expiries(self) -> list[GaugeMetricFamily]:
        found = []
        if self._settings.open == "calendar":
            day = self._hours.known_until()
            known = "Unix time up to which official holidays are known."
            until = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
            found.append(_one("hotline_calendar_known_until_seconds", known, until))
        if self._settings.sip_ws_url.startswith("wss:"):
            await self._ask_certificate()
            seen = self._certificate
            found.append(
                _one("hotline_certificate_shown", "1 if HOTLINE_SIP_WS_URL showed one.", int(seen is not None))
            )
            if seen is not None:
                text = "Unix time at which the certificate that browsers are shown ends."
                found.append(_one("hotline_certificate_expiry_seconds", text, seen.timestamp()))
        return found

    async def _ask_certificate(self) -> None:
        if self._certificate is not None and time.monotonic() - self._asked_at < _CERTIFICATE_S:
            return
        self._asked_at = time.monotonic()
        try:
            async with asyncio.timeout(_READ_S):
                self._certificate = await certificate.first_end(self._settings.phone_urls.values())
        except (OSError, ValueError, TimeoutError):
            self._certificate = None


async def _work(tx: Tx, at: datetime) -> list[GaugeMetricFamily]:
    count = _labelled("hotline_due_work_behind", "Work whose time has passed and that nobody has done.", "kind")
    oldest = _labelled("hotline_due_work_behind_seconds", "How long ago the first of it was due.", "kind")
    rows = {kind: (n, since) for kind, n, since in await tx.session.execute(_BEHIND, {"at": at})}
    for kind in dict.fromkeys([CALL_BACK, *rows]):
        n, since = rows.get(kind, (0, None))
        count.add_metric([kind], n)
        oldest.add_metric([kind], (at - since).total_seconds() if since is not None else 0)
    parked = (await tx.session.scalar(_PARKED)) or 0
    return [count, oldest, _one("hotline_events_parked", "Events whose handler failed and is tried again.", parked)]


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _labelled(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)
