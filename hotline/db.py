"""The store: engine, transactions, the event log. The only place that knows which database it is.

A write transaction runs its in-process handlers, then appends its events and commits. Appends are serialised, so that
a reader of `seq > cursor` never misses an event: by one advisory lock on PostgreSQL, by BEGIN IMMEDIATE on SQLite.
Services take a Tx and never commit. No network call while a write transaction is open.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
    Uuid,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from hotline.errors import StartupError
from hotline.events import Event
from hotline.ids import new_id

_APPEND_LOCK = 0x686F746C696E  # any constant: all writers of one database take the same advisory lock
_LOCK_WAIT_S = 15


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases (naive inside SQLite). Naive input raises ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


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
        datetime: Instant(),
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


@dataclass(slots=True)
class Emitted:
    """An event on its way into the log, with the ids that its handlers found for it."""

    event: Event
    call_id: UUID | None = None
    ticket_id: UUID | None = None
    agent_id: UUID | None = None


Dispatch = Callable[["Tx", Emitted], Awaitable[None]]


class Tx:
    """One transaction. `session` is SQLAlchemy's; `emit` buffers events until the commit."""

    def __init__(self, session: AsyncSession, dialect: str) -> None:
        self.session = session
        self.dialect = dialect
        self.emitted: list[Emitted] = []

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
        if not keys:
            return set()
        found = await self.session.scalars(select(EventRow.dedupe_key).where(EventRow.dedupe_key.in_(keys)))
        return set(found)

    def insert(self, table: type[Base]) -> Any:
        """An INSERT which knows ON CONFLICT, for this database."""
        return postgresql.insert(table) if self.dialect == "postgresql" else sqlite.insert(table)


class Database:
    """One store. `on_commit(seq)` is called after each commit that appended events (the doorbell)."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = url
        self.dialect = "postgresql" if url.startswith("postgresql") else "sqlite"
        self.engine = _engine(url, self.dialect, pool_size)
        self._write_engine = self.engine.execution_options(hotline_write=True)
        # SQLite has one writer: waiting here is fair and free, waiting inside SQLite is a sleeping poll.
        self._writer = asyncio.Lock() if self.dialect == "sqlite" else None
        self.dispatch: Dispatch | None = None
        self.on_commit: Callable[[], Awaitable[None]] | None = None

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """A read-only view; nothing is committed."""
        async with AsyncSession(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield Tx(session, self.dialect)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        """Return commits rows and events together; raise rolls both back."""
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
        async with AsyncSession(self._write_engine, expire_on_commit=False) as session, session.begin():
            tx = Tx(session, self.dialect)
            yield tx
            await self._run_handlers(tx)
            await session.flush()
            await _append(tx)

    async def _run_handlers(self, tx: Tx) -> None:
        """Handlers may emit further events; those are handled too. Known keys are dropped before any effect."""
        done = 0
        while done < len(tx.emitted):
            batch = tx.emitted[done:]
            known = await tx.known_keys([item.event.dedupe_key for item in batch])
            fresh: list[Emitted] = []
            for item in batch:
                if item.event.dedupe_key not in known:
                    known.add(item.event.dedupe_key)
                    fresh.append(item)
            tx.emitted[done:] = fresh
            for item in fresh:
                done += 1
                if self.dispatch is not None:
                    await self.dispatch(tx, item)

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
            async with asyncio.timeout(_LOCK_WAIT_S), self.read() as tx:
                await tx.session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError) as error:  # TimeoutError is an OSError
            raise self.unusable(error) from error

    def unusable(self, error: Exception) -> StartupError:
        """The one clear line for an error of the database itself."""
        lines = str(getattr(error, "orig", None) or error).splitlines()
        reason = lines[0] if lines else type(error).__name__
        return StartupError(f"database cannot be used ({_safe(self.url)}): {reason}")


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
    await tx.session.execute(tx.insert(EventRow).on_conflict_do_nothing(index_elements=["dedupe_key"]), rows)


def _engine(url: str, dialect: str, pool_size: int) -> AsyncEngine:
    if dialect == "postgresql":
        return create_async_engine(url, pool_size=pool_size, pool_pre_ping=True, connect_args={"timeout": 5})
    # sqlite3's own transaction control opens BEGIN late; switched off, ours says IMMEDIATE for writers.
    engine = create_async_engine(
        url, pool_size=pool_size, connect_args={"isolation_level": None, "timeout": _LOCK_WAIT_S}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=15000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        write = connection.get_execution_options().get("hotline_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _safe(url: str) -> str:
    """The URL without its password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
