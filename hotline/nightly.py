"""A worker task: today's calls compared with Asterisk's own records every few minutes, yesterday's once for the trail.

What it finds goes to the log, to /metrics and, for a day that is over, into event_log. Changes no call: putting right
what differs is the journal's work.
"""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hotline.calls import day as days
from hotline.calls.totals import SETTLING, Day
from hotline.clock import local, now
from hotline.db import Database
from hotline.events import TotalsCompared
from hotline.settings import Settings

log = structlog.get_logger()
_LOOK_S = 300.0
# After a start the journal first tells what happened while we were away, a few calls at a time.
_FIRST_LOOK_S = 60.0
# A journal that is behind gets this long after midnight to catch up; then the day is told with what is unread.
_PATIENCE = timedelta(hours=6)


class Nightly:
    """One a node. `found`: the days that were looked at last, today and yesterday."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self._settings = settings
        self._db = db
        self._told: date | None = None
        self.found: dict[date, Day] = {}

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(_FIRST_LOOK_S)
        while True:
            try:
                await self.look(now())
            except (SQLAlchemyError, OSError) as error:
                log.error("totals.compare failed, tried again", error=type(error).__name__)
            await asyncio.sleep(_LOOK_S)

    async def look(self, at: datetime) -> None:
        """Compare today and yesterday, and tell yesterday once it is over and read."""
        today = local(at, self._settings.timezone).date()
        yesterday = today - timedelta(days=1)
        before = self.counts().get("totals_differences")
        self.found = {day: await self._read(day, at) for day in (yesterday, today)}
        count = self.counts()["totals_differences"]
        if count and count != before:
            log.warning("totals.differ", node=self._settings.node, calls=int(count), days=[str(yesterday), str(today)])
        if self._told != yesterday and self._is_complete(yesterday, at):
            await self._tell(yesterday, at)

    def counts(self) -> Mapping[str, float]:
        """For /metrics; empty before the first look."""
        if not self.found:
            return {}
        return {
            "totals_differences": float(sum(len(day.differences) for day in self.found.values())),
            "totals_unread": float(sum(day.unread for day in self.found.values())),
        }

    async def _read(self, day: date, at: datetime) -> Day:
        async with self._db.read() as tx:
            return await days.read(tx, day, timezone=self._settings.timezone, at=at, node=self._settings.node)

    def _is_complete(self, day: date, at: datetime) -> bool:
        over_at = days.bounds(day, self._settings.timezone)[1]
        found = self.found[day]
        return at >= over_at + 2 * SETTLING and (not (found.unread or found.settling) or at >= over_at + _PATIENCE)

    async def _tell(self, day: date, at: datetime) -> None:
        found, node = self.found[day], self._settings.node
        async with self._db.write() as tx:
            tx.emit(
                TotalsCompared(
                    at=at,
                    dedupe_key=f"{node}:totals:{day}",
                    node=node,
                    day=day.isoformat(),
                    calls=found.calls,
                    differences=len(found.differences),
                    unread=found.unread,
                )
            )
        self._told = day
        log.info(
            "totals.compared", node=node, day=str(day), calls=found.calls, differences=len(found.differences),
            unread=found.unread,
        )  # fmt: skip
