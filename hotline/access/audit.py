"""Who read what: access_log, a chain of hashes, so that a changed or missing row shows.

Its own writer beside the event log: a page that shows a number must not wait for a disk, and the calls' transactions
must not wait for readers. Rows are late by half a second at most and never dropped: what does not fit is written by
whoever brings it. The chain cannot show a cut at its very end; `head` is there to be written down elsewhere.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from hotline.access.models import AccessRow
from hotline.clock import utc
from hotline.db import Database, Tx

log = structlog.get_logger()
_ROWS = 100
_FLUSH_S = 0.5
_RETRY_S = 1.0
_CHUNK = 1000
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Access:
    """One reading. `actor`: account or program by name; `subject`: what was read, by ref or id; `detail`: codes."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)


class AuditLog:
    """`record` from anywhere, `run` as one task a process. Full: the caller writes and waits, nothing is dropped."""

    def __init__(self, db: Database, *, size: int = 1000, flush_s: float = _FLUSH_S) -> None:
        self._db = db
        self._queue: asyncio.Queue[Access] = asyncio.Queue(size)
        self._flush_s = flush_s
        self._held: list[Access] = []

    async def record(self, access: Access) -> None:
        """Returns once the row is in hand. Raises SQLAlchemyError only when the queue is full and the store is away."""
        try:
            self._queue.put_nowait(access)
        except asyncio.QueueFull:
            await self._write([access])

    async def run(self) -> None:
        """Until cancelled; then what is in hand is written first."""
        try:
            while True:
                await self._gather()
                await self._write_held()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Write what is in hand now. Raises SQLAlchemyError when the store is away; it is kept."""
        while not self._queue.empty():
            self._held.append(self._queue.get_nowait())
        if self._held:
            await self._write(self._held)
            self._held = []

    async def _gather(self) -> None:
        """At least one, at most _ROWS, those of half a second together."""
        if not self._held:
            self._held.append(await self._queue.get())
        with suppress(TimeoutError):
            async with asyncio.timeout(self._flush_s):
                while len(self._held) < _ROWS:
                    self._held.append(await self._queue.get())

    async def _write_held(self) -> None:
        writing = asyncio.create_task(self._write(self._held))
        try:
            await asyncio.shield(writing)
            self._held = []
        except asyncio.CancelledError:
            await writing  # half-known is worse than late: these rows must not be written twice
            self._held = []
            raise
        except (SQLAlchemyError, OSError) as error:
            log.error("audit.write failed, kept and tried again", error=type(error).__name__, rows=len(self._held))
            await asyncio.sleep(_RETRY_S)

    async def _write(self, accesses: Sequence[Access]) -> None:
        """Chained behind the last row. Another process may be first with a number: then the whole lot again."""
        for attempt in range(_TRIES):
            try:
                async with self._db.write() as tx:
                    await append(tx, accesses)
                return
            except IntegrityError:
                if attempt == _TRIES - 1:
                    raise


async def append(tx: Tx, accesses: Sequence[Access]) -> None:
    seq, last = await head(tx)
    for access in accesses:
        seq += 1
        row = AccessRow(
            seq=seq, at=access.at, actor=access.actor[:80], action=access.action[:40], subject=access.subject[:80],
            detail=dict(access.detail), hash="",
        )  # fmt: skip
        row.hash = last = _hash(last, row)
        tx.session.add(row)
    await tx.session.flush()


async def head(tx: Tx) -> tuple[int, str]:
    """Number and hash of the newest row; (0, "") before the first."""
    found = await tx.session.execute(select(AccessRow.seq, AccessRow.hash).order_by(AccessRow.seq.desc()).limit(1))
    row = found.one_or_none()
    return (row[0], row[1]) if row else (0, "")


async def verify(tx: Tx) -> int | None:
    """The first number that is missing or does not fit the row before it, None if all is whole."""
    seq, last = 0, ""
    while True:
        chunk = select(AccessRow).where(AccessRow.seq > seq).order_by(AccessRow.seq).limit(_CHUNK)
        rows = list(await tx.session.scalars(chunk.execution_options(populate_existing=True)))
        for row in rows:
            if row.seq != seq + 1 or row.hash != _hash(last, row):
                return seq + 1
            seq, last = row.seq, row.hash
        if len(rows) < _CHUNK:
            return None
        tx.session.expunge_all()


def _hash(last: str, row: AccessRow) -> str:
    content = [last, row.seq, utc(row.at).isoformat(), row.actor, row.action, row.subject, row.detail]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
