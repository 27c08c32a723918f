"""How a database is opened: drivers, limits, pragmas, instants, sessions, and leases. hotline.db's other half.

SQLite's sessions call it where they are: the file is in this process, a statement takes microseconds and there is
nothing to wait for. A thread would cost four hand-overs of the interpreter's lock a statement (docs/adr/0003).
"""

import asyncio
import fcntl
import hashlib
import json
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

from sqlalchemy import DateTime, Dialect, Engine, TypeDecorator, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

LOCK_WAIT_S = 15
COMMAND_S = 30.0
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")
_LOOK_MS = 20  # how long one try may block us while another process writes
_RETRY_S = 0.02
_OWN_CHECKPOINT_PAGES = 20_000  # what happens by itself if nobody calls `checkpoint`
_HELD_S = 2.0  # a server that does not say so within this may have dropped us
_LEASED, _SOMEBODY = "hotline lease ", "somebody"
# A holder whose machine is gone keeps nobody waiting for hours, as the system's own TCP times would.
_INTRODUCE = text(
    "SELECT set_config('application_name', :who, false), set_config('tcp_keepalives_idle', '5', false),"
    " set_config('tcp_keepalives_interval', '2', false), set_config('tcp_keepalives_count', '3', false)"
)
_HOLDER = text(
    "SELECT max(s.application_name) FROM pg_locks l LEFT JOIN pg_stat_activity s ON s.pid = l.pid"
    " WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted"
    " AND ((l.classid::bigint << 32) | l.objid::bigint) = :key"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY l.pid"
)


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


def open_engine(url: str, pool_size: int, command_s: float | None = COMMAND_S) -> AsyncEngine:
    """Raises ArgumentError or ModuleNotFoundError when nobody here speaks that database."""
    options: dict[str, Any] = {"json_serializer": _json}
    if url.startswith("postgresql"):
        limits = {"timeout": 5, "command_timeout": command_s}
        engine = create_async_engine(url, pool_size=pool_size, pool_pre_ping=True, connect_args=limits, **options)
        event.listen(engine.sync_engine, "do_connect", _connect)
        return engine
    engine = create_async_engine(
        url, pool_size=pool_size, connect_args={"isolation_level": None, "timeout": LOCK_WAIT_S}, **options
    )
    _prepare(engine.sync_engine, LOCK_WAIT_S * 1000)
    return engine


def open_near(url: str) -> Engine:
    """A SQLite database for sessions that call it where they are. Never waits for a free connection."""
    engine = create_engine(
        make_url(url).set(drivername="sqlite+pysqlite"),
        max_overflow=-1,
        connect_args={"isolation_level": None, "check_same_thread": False},
        json_serializer=_json,
    )
    _prepare(engine, _LOOK_MS)
    return engine


def _json(value: Any) -> str:
    r"""Chinese as it is: \uXXXX would double its size and hide it from a search."""
    return json.dumps(value, ensure_ascii=False)


def _prepare(engine: Engine, busy_ms: int) -> None:
    # sqlite3's own transaction control opens BEGIN late; switched off, ours says IMMEDIATE for writers.
    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (*PRAGMAS, f"busy_timeout={busy_ms}", f"wal_autocheckpoint={_OWN_CHECKPOINT_PAGES}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        write = connection.get_execution_options().get("hotline_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


class _Keeping(Session):
    """Holds every row that it has read, so that a second look in the same transaction costs nothing."""


@event.listens_for(_Keeping, "loaded_as_persistent")
@event.listens_for(_Keeping, "pending_to_persistent")
def _keep(session: Session, row: object) -> None:
    session.info.setdefault("kept", []).append(row)


class NearSession:
    """The methods of AsyncSession that we use, on a plain Session."""

    def __init__(self, engine: Engine, *, autoflush: bool = True) -> None:
        self._session = _Keeping(engine, expire_on_commit=False, autoflush=autoflush)
        self.add = self._session.add
        self.add_all = self._session.add_all
        self.expunge_all = self._session.expunge_all

    @property
    def identity_map(self) -> Any:
        return self._session.identity_map

    async def execute(self, *args: Any, **options: Any) -> Any:
        return self._session.execute(*args, **options)

    async def scalars(self, *args: Any, **options: Any) -> Any:
        return self._session.scalars(*args, **options)

    async def scalar(self, *args: Any, **options: Any) -> Any:
        return self._session.scalar(*args, **options)

    async def get(self, *args: Any, **options: Any) -> Any:
        return self._session.get(*args, **options)

    async def get_one(self, *args: Any, **options: Any) -> Any:
        return self._session.get_one(*args, **options)

    async def flush(self) -> None:
        self._session.flush()

    async def refresh(self, *args: Any, **options: Any) -> None:
        self._session.refresh(*args, **options)

    async def delete(self, instance: object) -> None:
        self._session.delete(instance)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        with self._session.begin_nested():
            yield

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """BEGIN IMMEDIATE … COMMIT. While another process writes, others of ours go on."""
        try:
            await self._begin()
            yield
            self._session.commit()
        except BaseException:
            self._session.rollback()
            raise

    async def _begin(self) -> None:
        end = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                self._session.connection()
                return
            except OperationalError as error:
                self._session.rollback()
                if "locked" not in str(error.orig) or time.monotonic() > end:
                    raise
            await asyncio.sleep(_RETRY_S)

    async def __aenter__(self) -> AsyncSession:
        # Others' turn first: nothing in here ever waits. Not at the end, where the caller has something to tell.
        await asyncio.sleep(0)
        # Callers are written for the one; this has the same methods.
        return cast(AsyncSession, self)

    async def __aexit__(self, *_error: object) -> None:
        self._session.close()


def checkpoint(engine: Engine) -> None:
    """Bring the write-ahead log into the file; waits for the disk, so call it from a thread."""
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


def _connect(dialect: Any, _record: Any, args: Any, kwargs: Any) -> Any:
    """asyncpg's own errors while connecting (starting up, wrong password) pass SQLAlchemy by: made one kind here. So
    is a socket that is not there, as that of a stopped server on this machine.
    """
    try:
        return dialect.connect(*args, **kwargs)
    except (SQLAlchemyError, ConnectionError, TimeoutError):
        raise
    except Exception as error:
        raise ConnectionError(str(error)) from error


def safe_url(url: str) -> str:
    """The URL without its password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


async def try_lease(engine: AsyncEngine, name: str, folder: Path) -> "Lease | None":
    """See Database.try_lease."""
    if engine.dialect.name == "sqlite":
        file = _lock_file(name, folder).open("a+")  # not emptied: it may say who has it
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        file.truncate(0)
        file.write(_who())
        file.flush()
        return Lease(file)
    connection = await engine.connect()
    try:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        if await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": lease_key(name)}):
            await connection.execute(_INTRODUCE, {"who": f"{_LEASED}{_who()}"})
            return Lease(connection)
    except BaseException:
        await connection.invalidate()  # it may have the lock: that ends with it
        raise
    await connection.close()
    return None


async def leaseholder(engine: AsyncEngine, name: str, folder: Path) -> str | None:
    """See Database.leaseholder."""
    if engine.dialect.name == "sqlite":
        file = _lock_file(name, folder)
        return file.read_text() or _SOMEBODY if _is_locked(file) else None
    async with engine.connect() as connection:
        row = (await connection.execute(_HOLDER, {"key": lease_key(name)})).one_or_none()
    if row is None:
        return None
    return str(row[0]).removeprefix(_LEASED) if str(row[0] or "").startswith(_LEASED) else _SOMEBODY


def _who() -> str:
    """This process, for whoever is told that it has the lease."""
    return f"{socket.gethostname()[:20]} pid {os.getpid()}"


def _lock_file(name: str, folder: Path) -> Path:
    return folder / f"{name.replace(':', '-')}.lock"


def _is_locked(file: Path) -> bool:
    """Looked up, not tried: a try could be in the way of a worker that starts just now."""
    if not file.exists():
        return False
    mark = f":{file.stat().st_ino} "
    return any(mark in row for row in Path("/proc/locks").read_text().splitlines())


def lease_key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


class Lease:
    """Held until called, or until the process or its database connection ends. Who looks reads whose it is and what was
    noted last.
    """

    def __init__(self, holder: IO[str] | AsyncConnection) -> None:
        self._holder = holder

    async def __call__(self) -> None:
        """Give it back."""
        if isinstance(self._holder, AsyncConnection):
            # The lock belongs to the server's session: it ends with the connection, which must not go to the pool.
            await self._holder.invalidate()
            await self._holder.close()
        else:
            self._holder.close()

    async def note(self, word: str) -> None:
        """At most sixteen characters, for whoever asks who holds it: told without a write, so also by who cannot."""
        said = f"{_who()} {word}".rstrip()
        if isinstance(self._holder, AsyncConnection):
            async with asyncio.timeout(_HELD_S):
                await self._holder.execute(_INTRODUCE, {"who": f"{_LEASED}{said}"})
        else:
            self._holder.truncate(0)
            self._holder.write(said)
            self._holder.flush()

    async def is_held(self) -> bool:
        """False once the database has dropped the connection that held it."""
        if not isinstance(self._holder, AsyncConnection):
            return not self._holder.closed
        try:
            async with asyncio.timeout(_HELD_S):
                await self._holder.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError):  # TimeoutError is an OSError
            return False
        return True
