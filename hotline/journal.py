"""A worker task: reads what Asterisk wrote down itself, so that calls of a time in which nobody listened are not lost.

Every two seconds. Each transaction writes what some calls were, and from where on the files must be read again: a kill
at any moment costs a second look, never a call. A file is set aside after a day, and removed a day later: it holds
numbers. What a call was is calls.recovery's to say, what our rows lack calls.history's.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import delete, func, select

from hotline.calls import history
from hotline.calls.history import Known, Over
from hotline.calls.models import JournalFile
from hotline.calls.recovery import Stories, Story
from hotline.calls.tracker import UNKNOWN_LINE
from hotline.clock import now
from hotline.db import Database, Tx
from hotline.telephony.journal import Mark, Piece, QueueLine, Trail, set_aside

log = structlog.get_logger()
# The tracker hears the end of a call before it is written; what it has not told by then it will not tell.
SETTLING = timedelta(seconds=3)
# A last word that a full disk swallowed: after so long without another, a call that our rows do not have on is over.
LOST = timedelta(minutes=2)
KEPT = timedelta(hours=24)
_LOOK_S = 2.0
_AGAIN = timedelta(seconds=2)
_MARK = timedelta(seconds=15)
_CARE = timedelta(minutes=1)
_CALLS_AT_ONCE = 4
_LONGEST_FILE = 64 * 1024 * 1024
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Journal:
    """One a node. `cel`, `queue_log`: the files. `is_live`: our tracker hears Asterisk. `started_at`: of the Asterisk
    that runs. `reopen`: tells it to write to new files. `counts`: what became of the calls (history.Found).
    """

    def __init__(
        self,
        node: str,
        db: Database,
        *,
        cel: Path,
        queue_log: Path,
        is_live: Callable[[], bool],
        started_at: Callable[[], datetime | None],
        reopen: Callable[[], Awaitable[None]],
    ) -> None:
        self._node, self._db = node, db
        self._is_live, self._started_at, self._reopen = is_live, started_at, reopen
        self._cel, self._queue_log = Trail(cel, "cel"), Trail(queue_log, "queue_log")
        self._stories = Stories()
        self._marks: dict[tuple[str, int], Mark] | None = None
        self._pieces: dict[tuple[str, int], Piece] = {}
        self._marked_at = self._cared_at = _LONG_AGO
        self._boot_at: datetime | None = None
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            more = False
            try:
                more = await self.look(now())
            except Exception as error:  # whatever a file holds, it must not end the worker
                log.error("journal.look failed, tried again", error=type(error).__name__)
            await asyncio.sleep(0 if more else _LOOK_S)

    def totals(self) -> Mapping[str, float]:
        """For /metrics."""
        found = {f"journal_calls_{name}_total": float(count) for name, count in self.counts.items()}
        for trail in (self._cel, self._queue_log):
            found |= {f"journal_{trail.source}_{name}_total": float(count) for name, count in trail.counts.items()}
        return found

    async def look(self, at: datetime) -> bool:
        """Read on, and write what is over by now. True: there is more to do at once."""
        try:
            if self._marks is None:
                await self._load()
            queue, is_whole = self._read()
            boot_at = self._started_at() if is_whole else None
            over = self._over(at, boot_at, is_whole=is_whole)
            news = self._news()
            if queue or over or news or at - self._marked_at >= _MARK:
                async with self._db.write() as tx:
                    await self._keep_queue(tx, queue, boot_at)
                    await self._meet(tx, news)
                    await self._settle(tx, at, over[:_CALLS_AT_ONCE])
                    await self._mark(tx, at)
                self._marked_at = at
        except BaseException:
            self._forget()
            raise
        more = len(over) > _CALLS_AT_ONCE or not is_whole
        if at - self._cared_at >= _CARE and not more:
            self._cared_at = at
            await self._care(at)
        return more

    # Reading

    async def _load(self) -> None:
        async with self._db.read() as tx:
            rows = await tx.session.scalars(select(JournalFile).where(JournalFile.node == self._node))
            self._marks = {(row.source, row.inode): Mark(row.offset, row.read_at) for row in rows}

    def _forget(self) -> None:
        """What was read may not be written: all is read again, from the marks that are."""
        self._marks, self._stories, self._pieces, self._boot_at = None, Stories(), {}, None
        self._cel = Trail(self._cel.path, "cel", self._cel.counts)
        self._queue_log = Trail(self._queue_log.path, "queue_log", self._queue_log.counts)

    def _read(self) -> tuple[Sequence[QueueLine], bool]:
        """The next records of each file: lines of queue_log, and whether all was read up to the end."""
        queue: list[QueueLine] = []
        self._pieces.clear()
        for trail in (self._queue_log, self._cel):
            known = {inode: mark for (source, inode), mark in (self._marks or {}).items() if source == trail.source}
            for piece in trail.read(known):
                self._pieces[trail.source, piece.inode] = piece
                for offset, record in piece.records:
                    if isinstance(record, QueueLine):
                        queue.append(record)
                    else:
                        self._stories.add(record).needs.setdefault(piece.inode, offset)
        return queue, all(piece.is_whole for piece in self._pieces.values())

    def _over(self, at: datetime, boot_at: datetime | None, *, is_whole: bool) -> list[tuple[Story, Over]]:
        """Stories to be told now, with why. Those of nobody's call are dropped here.

        While there is more to read, only what Asterisk itself calls ended is over.
        """
        found: list[tuple[Story, Over]] = []
        for story in list(self._stories):
            if story.again_at is not None and story.again_at > at:
                continue
            since = at - story.last_at
            is_cut = boot_at is not None and story.last_at < boot_at and not story.is_over
            is_over = is_cut or (story.is_over and since >= SETTLING)
            if not is_over and not (since >= LOST and is_whole and self._is_live()):
                continue
            if story.is_callers:
                found.append((story, Over(boot_at if is_cut else None)))
            elif is_over or story.has_hung_up:
                self._stories.drop(story)
        return found

    def _news(self) -> list[Story]:
        """Callers' stories that began, or whose row has not been asked for its line."""
        return [story for story in self._stories if not (story.is_kept and story.is_named) and story.is_callers]

    # Writing

    async def _keep_queue(self, tx: Tx, lines: Sequence[QueueLine], boot_at: datetime | None) -> None:
        for line in lines:
            await history.keep_line(tx, self._node, line)
        if boot_at is not None and boot_at != self._boot_at:
            await history.cut_queue_log(tx, self._node, boot_at)
            self._boot_at = boot_at

    async def _settle(self, tx: Tx, at: datetime, over: Sequence[tuple[Story, Over]]) -> None:
        for story, why in over:
            found = await history.settle(tx, self._node, story, why)
            if found == "open":  # a talk may last long without a record
                story.again_at = at + (_AGAIN if story.is_over or why.is_cut else LOST)
                continue
            self.counts[found] += 1
            if found not in {"known", "agreed"}:
                log.info("journal.call", node=self._node, linkedid=story.own, found=found, is_cut=why.is_cut)
            self._stories.drop(story)

    async def _meet(self, tx: Tx, news: Sequence[Story]) -> None:
        for story in news:
            if not story.is_kept:
                known = Known(self._node, story.own, story.line)
                await history.keep(tx, "cel", known, started_at=story.records[0].at)
                story.is_kept = True
        lines = await history.lines(tx, self._node, [story.own for story in news])
        for story in news:
            line = lines.get(story.own)
            if line == UNKNOWN_LINE and story.line != UNKNOWN_LINE:
                history.name_line(tx, self._node, story.own, story)
            story.is_named = line is not None

    async def _mark(self, tx: Tx, at: datetime) -> None:
        """From where on each file must be read again. Set-aside files are known by when that was seen."""
        assert self._marks is not None  # noqa: S101 - loaded before it is read
        for (source, inode), piece in self._pieces.items():
            last = piece.records[-1][1].at if piece.records else None
            read_at = at if piece.is_whole or last is None else min(at, last)
            needs = [story.needs[inode] for story in self._stories if inode in story.needs] if source == "cel" else []
            offset = min(needs, default=piece.end)
            values: dict[str, Any] = {"offset": offset, "read_at": read_at}
            insert = tx.insert(JournalFile).values(
                node=self._node, source=source, inode=inode, cut_at=None if piece.is_current else at, **values
            )
            if not piece.is_current:
                values["cut_at"] = func.coalesce(JournalFile.cut_at, at)
            keys = ["node", "source", "inode"]
            await tx.session.execute(insert.on_conflict_do_update(index_elements=keys, set_=values))
            self._marks[source, inode] = Mark(offset, read_at)

    # Files

    async def _care(self, at: datetime) -> None:
        """Callers' numbers stand in these files: each is written to for a day, kept for another, and removed."""
        for trail in (self._cel, self._queue_log):
            begun_at = trail.begun_at()
            if begun_at is not None and (at - begun_at >= KEPT or trail.path.stat().st_size > _LONGEST_FILE):
                set_aside(trail.path, at)
                log.info("journal.file set aside", file=trail.path.name)
            # CEL is opened for each record; queue_log stays open, under whatever name, until Asterisk is told.
            if trail is self._queue_log and self._started_at() is not None and not trail.path.exists():
                await self._reopen()
            await self._tidy(trail, at)

    async def _tidy(self, trail: Trail, at: datetime) -> None:
        assert self._marks is not None  # noqa: S101
        here: set[int] = set()
        for path in trail.paths():
            status = path.stat()
            mark = self._marks.get((trail.source, status.st_ino))
            is_read = mark is not None and mark.offset >= status.st_size
            if path != trail.path and is_read and at.timestamp() - status.st_mtime >= KEPT.total_seconds():
                path.unlink()
                log.info("journal.file removed", file=path.name)
            else:
                here.add(status.st_ino)
        gone = [inode for source, inode in self._marks if source == trail.source and inode not in here]
        if gone:
            async with self._db.write() as tx:
                await tx.session.execute(
                    delete(JournalFile).where(
                        JournalFile.node == self._node, JournalFile.source == trail.source, JournalFile.inode.in_(gone)
                    )
                )
            for inode in gone:
                del self._marks[trail.source, inode]
