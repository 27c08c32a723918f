"""The store: transactions, the event log, its handlers. With hotline.engine the only place that knows its database.

A write transaction runs its in-process handlers, then appends its events and commits. Appends are serialised, so that
a reader of `seq > cursor` never misses an event: by one advisory lock on PostgreSQL, by BEGIN IMMEDIATE on SQLite.
A handler that fails is parked with its reason and retried later; the rest of the transaction is kept.
Services take a Tx and never commit. No network call while a write transaction is open.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import (
    JSON,
    BigInteger,
    Engine,
    FromClause,
    Integer,
    MetaData,
    String,
    Text,
    Uuid,
    bindparam,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from hotline import engine, near
from hotline.clock import now
from hotline.errors import StartupError
from hotline.events import Event, revive
from hotline.ids import new_id
from hotline.plans import Plans

log = structlog.get_logger()
_APPEND_LOCK = 0x686F746C696E  # any constant: all writers of one database take the same advisory lock
_RETRY_FIRST = timedelta(seconds=15)
_RETRY_MOST = timedelta(hours=1)


class Base(DeclarativeBase):
    """All tables. Constraint names are fixed, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: engine.Instant(),
        UUID: Uuid(),
        str: Text(),
        dict[str, Any]: JSON(),
        dict[str, int]: JSON(),
    }


class EventRow(Base):
    """The trail of changes, the outbox, and what closes the gaps of screens."""

    __tablename__ = "event_log"
    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    type: Mapped[str] = mapped_column(String(40), index=True)
    call_id: Mapped[UUID | None] = mapped_column(index=True)
    ticket_id: Mapped[UUID | None] = mapped_column(index=True)
    agent_id: Mapped[UUID | None] = mapped_column(index=True)
    dedupe_key: Mapped[str] = mapped_column(String(200), unique=True)
    data: Mapped[dict[str, Any]]
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - a cursor must never meet a number twice


class ParkedEvent(Base):
    """An event whose handler failed: kept with the reason, retried by the worker, shown by `hotline doctor`."""

    __tablename__ = "event_parked"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime]
    handler: Mapped[str] = mapped_column(String(120))
    type: Mapped[str] = mapped_column(String(40))
    dedupe_key: Mapped[str] = mapped_column(String(200))
    error: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer, default=1)
    retry_at: Mapped[datetime] = mapped_column(index=True)


# Built once: building a statement costs more than running it. The log is only written at the commit.
_KNOWN = (
    select(EventRow.dedupe_key)
    .where(EventRow.dedupe_key.in_(bindparam("keys", expanding=True)))
    .execution_options(autoflush=False)
)
_APPENDING: dict[str, Any] = {}  # by dialect
_PARKED = select(ParkedEvent.id).where(ParkedEvent.retry_at <= bindparam("at")).order_by(ParkedEvent.at)


@dataclass(slots=True)
class Emitted:
    """An event on its way into the log, with the ids that its handlers found for it."""

    event: Event
    call_id: UUID | None = None
    ticket_id: UUID | None = None
    agent_id: UUID | None = None


T = TypeVar("T", bound=Base)
Handler = Callable[["Tx", Emitted], Awaitable[None]]
Dispatch = Handler  # runs each of an event's handlers through `Tx.run`


class Tx:
    """One transaction. `session` is SQLAlchemy's; `emit` buffers events until the commit."""

    def __init__(self, session: AsyncSession, dialect: str) -> None:
        self.session = session
        self.dialect = dialect
        self.emitted: list[Emitted] = []
        self._careful = False
        self._only: str | None = None
        self._reached = False
        self._had: tuple[UUID | None, ...] = ()

    async def run(self, handler: Handler, item: Emitted) -> None:
        """Run one handler of an event. If any handler of this transaction fails, all are run again, each apart."""
        name = f"{handler.__module__}.{getattr(handler, '__qualname__', type(handler).__qualname__)}"[-120:]
        if self._only is None or self._only == name or self._learnt(item):
            self._reached = self._reached or self._only == name
            await self._apart(name, handler, item)

    def _learnt(self, item: Emitted) -> bool:
        """A retried handler found ids: those after it had to do without them at the time, and run again too."""
        return self._reached and self._had != (item.call_id, item.ticket_id, item.agent_id)

    async def _apart(self, name: str, handler: Handler, item: Emitted) -> None:
        if not self._careful:
            return await handler(self, item)
        kept, ids = len(self.emitted), (item.call_id, item.ticket_id, item.agent_id)
        try:
            async with self.session.begin_nested():
                await handler(self, item)
        except Exception as error:  # whatever it is, the call's rows and the other handlers go on
            if (isinstance(error, DBAPIError) and error.connection_invalidated) or engine.is_undone(error):
                raise  # put off, a ticket would come later than its call; done again, all comes together
            del self.emitted[kept:]
            item.call_id, item.ticket_id, item.agent_id = ids
            await self._park(name, item.event, error)
        return None

    async def _park(self, name: str, what: Event, error: Exception) -> None:
        at = now()
        log.error("handler.parked", handler=name, type=type(what).__name__, error=type(error).__name__)
        parked = ParkedEvent(
            at=at, handler=name, type=type(what).__name__, dedupe_key=what.dedupe_key, error=_reason(error),
            retry_at=at + _RETRY_FIRST,
        )  # fmt: skip
        self.session.add(parked)
        await self.session.flush()

    def emit(
        self,
        event: Event,
        *,
        call_id: UUID | None = None,
        ticket_id: UUID | None = None,
        agent_id: UUID | None = None,
    ) -> Emitted:
        """Buffer an event. A dedupe_key that the log already has makes it vanish, its handlers unrun."""
        item = Emitted(event, call_id, ticket_id, agent_id)
        self.emitted.append(item)
        return item

    async def known_keys(self, keys: Sequence[str]) -> set[str]:
        """Which of these keys the log has. Nobody else can add one of them before our commit."""
        if not keys:
            return set()
        if self.dialect == "postgresql":
            # Two writers of the same fact: the second waits here, then sees it in the log and drops its own.
            await self.session.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(k, 0)) FROM unnest(CAST(:keys AS text[])) k"),
                {"keys": sorted(set(keys))},
            )
        return set(await self.session.scalars(_KNOWN, {"keys": keys}))

    async def in_turn(self, name: str) -> None:
        """Wait for whoever asked for this name before us and has not committed. On SQLite writers take turns anyway."""
        if self.dialect == "postgresql":
            await self.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": engine.lease_key(name)})

    def held(self, kind: type[T], **values: object) -> T | None:
        """A row that this transaction has read already, by its columns. SQLite only: nobody else writes meanwhile.

        On PostgreSQL None: there a row is locked by reading it.
        """
        if self.dialect != "sqlite":
            return None
        for row in self.session.identity_map.values():
            if isinstance(row, kind) and all(getattr(row, name) == value for name, value in values.items()):
                return row
        return None

    def insert(self, table: type[Base] | FromClause) -> Any:
        """An INSERT which knows ON CONFLICT, for this database."""
        # The other database's dialect is not loaded: a start waits for all that is.
        return import_module(f"sqlalchemy.dialects.{self.dialect}").insert(table)


class Database:
    """One store. `on_commit` is called after each commit that appended events (the doorbell)."""

    def __init__(self, url: str, *, pool_size: int = 10, command_s: float | None = engine.COMMAND_S) -> None:
        self.url = url
        self.dialect = "postgresql" if url.startswith("postgresql") else "sqlite"
        try:
            self.engine = engine.open_engine(url, pool_size, command_s)
        except (ArgumentError, ModuleNotFoundError) as error:
            raise self.unusable(error) from error
        self._write_engine = self.engine.execution_options(hotline_write=True)
        self._near = engine.open_near(url) if self.dialect == "sqlite" else None
        self._plans = Plans(self._near) if self._near is not None else None
        self._near_write = self._near.execution_options(hotline_write=True) if self._near is not None else None
        # SQLite has one writer: waiting here is fair and free, waiting inside SQLite is a sleeping poll.
        self._writer = asyncio.Lock() if self.dialect == "sqlite" else None
        self.dispatch: Dispatch | None = None
        self.on_commit: Callable[[], Awaitable[None]] | None = None

    async def close(self) -> None:
        await self.engine.dispose()
        if self._near is not None:
            self._near.dispose()

    @property
    def sync_engine(self) -> Engine:
        """What sessions' statements go through; tests count them there."""
        return self._near if self._near is not None else self.engine.sync_engine

    async def checkpoint(self) -> None:
        """SQLite: bring the write-ahead log into the file, in a thread since it waits for the disk."""
        if self._near is not None:
            await asyncio.to_thread(engine.checkpoint, self._near)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """A read-only view; nothing is committed."""
        if self._near is not None and self._plans is not None:
            async with near.NearSession(self._near, self._plans, autoflush=False) as session:
                yield Tx(session, self.dialect)
        else:
            async with AsyncSession(self.engine, expire_on_commit=False, autoflush=False) as session:
                yield Tx(session, self.dialect)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        """Return commits rows and events together; raise rolls both back. Where engine.is_undone: do it again."""
        if self._writer is None:
            async with self._transaction() as tx:
                yield tx
        else:
            async with self._writer, self._transaction() as tx:
                yield tx
        if tx.emitted and self.on_commit is not None:
            await self.on_commit()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Tx]:
        async with self._begun() as session:
            tx = Tx(session, self.dialect)
            yield tx
            await self._run_handlers(tx)
            await session.flush()
            await _append(tx)

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[AsyncSession]:
        if self._near_write is not None and self._plans is not None:
            own = near.NearSession(self._near_write, self._plans)
            async with own as session, own.transaction():
                yield session
        else:
            async with AsyncSession(self._write_engine, expire_on_commit=False) as session, session.begin():
                yield session

    async def _run_handlers(self, tx: Tx) -> None:
        """All handlers under one savepoint; if one fails, all again with a savepoint each, and that one is parked."""
        if not tx.emitted or self.dispatch is None:
            return
        await tx.session.flush()
        before = [(item, item.call_id, item.ticket_id, item.agent_id) for item in tx.emitted]
        try:
            async with tx.session.begin_nested():
                await self._settle(tx)
        except Exception as error:  # which handler it was is found out by running them apart
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
        else:
            return
        tx.emitted[:] = [item for item, *_ids in before]
        for item, call_id, ticket_id, agent_id in before:
            item.call_id, item.ticket_id, item.agent_id = call_id, ticket_id, agent_id
        tx._careful = True
        await self._settle(tx)
        for row in [row for row in tx.session.identity_map.values() if inspect(row).expired]:
            await tx.session.refresh(row)

    async def _settle(self, tx: Tx) -> None:
        """Handlers may emit further events; those are handled too. Known keys are dropped before any effect."""
        dispatch = self.dispatch
        done = 0
        seen: set[str] = set()
        while done < len(tx.emitted):
            batch = tx.emitted[done:]
            seen |= await tx.known_keys([item.event.dedupe_key for item in batch])
            fresh: list[Emitted] = []
            for item in batch:
                if item.event.dedupe_key not in seen:
                    seen.add(item.event.dedupe_key)
                    fresh.append(item)
            tx.emitted[done:] = fresh
            for item in fresh:
                done += 1
                if dispatch is not None:
                    await tx._apart("dispatch", dispatch, item)

    async def retry_parked(self, at: datetime, limit: int = 20) -> int:
        """Run parked handlers again whose time has come, each in a transaction of its own; returns how many settled.

        The event comes back from the log, so fields marked `pii` are None: handlers find those in their rows.
        """
        async with self.read() as tx:
            ids = list(await tx.session.scalars(_PARKED, {"at": at}))[:limit]
        settled = 0
        for parked_id in ids:
            async with self.write() as tx:
                settled += await self._retry(tx, parked_id, at)
        return settled

    async def _retry(self, tx: Tx, parked_id: UUID, at: datetime) -> bool:
        parked = await tx.session.get(ParkedEvent, parked_id, with_for_update=True)
        if parked is None or self.dispatch is None:
            return False
        row = await tx.session.scalar(select(EventRow).where(EventRow.dedupe_key == parked.dedupe_key))
        if row is None:
            await tx.session.delete(parked)
            return False
        try:
            item = Emitted(revive(row.type, row.at, row.dedupe_key, row.data), row.call_id, row.ticket_id, row.agent_id)
            tx._only = None if parked.handler == "dispatch" else parked.handler
            tx._had = (row.call_id, row.ticket_id, row.agent_id)
            async with tx.session.begin_nested():
                await self.dispatch(tx, item)
        except Exception as error:  # stays parked, whatever it is
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            tx.emitted.clear()
            await tx.session.refresh(parked)
            parked.retry_at = at + min(_RETRY_FIRST * 2**parked.attempts, _RETRY_MOST)
            parked.attempts += 1
            parked.error = _reason(error)
            return False
        finally:
            tx._only = None
        row.call_id, row.ticket_id, row.agent_id = item.call_id, item.ticket_id, item.agent_id
        await tx.session.delete(parked)
        log.info("handler.settled", handler=parked.handler, type=parked.type, attempts=parked.attempts)
        return True

    async def after(self, cursor: int, limit: int = 500) -> Sequence[EventRow]:
        """Events with `seq > cursor`, oldest first."""
        async with self.read() as tx:
            rows = await tx.session.scalars(
                select(EventRow).where(EventRow.seq > cursor).order_by(EventRow.seq).limit(limit)
            )
            return list(rows)

    async def last_seq(self) -> int:
        async with self.read() as tx:
            return (await tx.session.scalar(select(func.max(EventRow.seq)))) or 0

    async def check(self) -> None:
        """Raises StartupError with one clear line when the database cannot be used."""
        try:
            async with asyncio.timeout(near.LOCK_WAIT_S), self.read() as tx:
                await tx.session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError) as error:  # TimeoutError is an OSError
            raise self.unusable(error) from error

    async def try_lease(self, name: str, folder: Path) -> engine.Lease | None:
        """Ask to be the only one called `name`; None if somebody is. By the database, or by a lock file in `folder`."""
        return await engine.try_lease(self.engine, name, folder)

    async def leaseholder(self, name: str, folder: Path) -> str | None:
        """Who is called `name` now, as machine and process, and their note; None if nobody is. Takes nothing."""
        return await engine.leaseholder(self.engine, name, folder)

    def unusable(self, error: Exception) -> StartupError:
        """The one clear line for an error of the database itself."""
        lines = str(getattr(error, "orig", None) or error).splitlines()
        reason = lines[0] if lines else type(error).__name__
        return StartupError(f"database cannot be used ({engine.safe_url(self.url)}): {reason}")


async def _append(tx: Tx) -> None:
    if not tx.emitted:
        return
    if tx.dialect == "postgresql":
        await tx.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _APPEND_LOCK})
    rows = [
        {
            "at": item.event.at,
            "type": type(item.event).__name__,
            "call_id": item.call_id,
            "ticket_id": item.ticket_id,
            "agent_id": item.agent_id,
            "dedupe_key": item.event.dedupe_key,
            "data": item.event.data(),
        }
        for item in tx.emitted
    ]
    if tx.dialect not in _APPENDING:
        # The table, not the class: by the class each set of columns that are not None is a statement of its own.
        insert: Any = tx.insert(EventRow.__table__)
        _APPENDING[tx.dialect] = insert.on_conflict_do_nothing(index_elements=["dedupe_key"])
    await tx.session.execute(_APPENDING[tx.dialect], rows)


def _reason(error: Exception) -> str:
    """Kind, first line with numbers hidden, and place of an error."""
    lines = str(getattr(error, "orig", None) or error).splitlines() or [""]
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}: {re.sub(r'[0-9]{7,}', '…', lines[0])[:300]}{place}"
