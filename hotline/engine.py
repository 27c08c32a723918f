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
import sqlite3
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import structlog
from sqlalchemy import DateTime, Dialect, Engine, TypeDecorator, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from hotline.near import LOCK_WAIT_S

log = structlog.get_logger()
COMMAND_S = 30.0
# What PostgreSQL says when two writers wait for each other, or cannot both be right: "do all of it again".
_UNDONE = frozenset({"40P01", "40001"})
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")
_LOOK_MS = 20  # how long one try may block us while another process writes
_OWN_CHECKPOINT_PAGES = 20_000  # what happens by itself if nobody calls `checkpoint`
_HELD_S = 2.0  # a server that does not say so within this may have dropped us
_LEASED, _SOMEBODY = "hotline lease ", "somebody"
# A holder whose machine is gone keeps nobody waiting for hours, as the system's own TCP times would.
_INTRODUCE = text(
    "SELECT set_config('application_name', :who, false), set_config('tcp_keepalives_idle', '5', false),"
    " set_config('tcp_keepalives_interval', '2', false), set_config('tcp_keepalives_count', '3', false)"
)
_SESSION = text("SELECT pid, backend_start AS since FROM pg_stat_activity WHERE pid = pg_backend_pid()")
_END_SESSION = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = :pid AND backend_start = :since"
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


def is_undone(error: Exception) -> bool:
    """Another writer was in the way, and the database undid this one: the same once more will do."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _UNDONE


def open_engine(url: str, pool_size: int, command_s: float | None = COMMAND_S) -> AsyncEngine:
    """Raises ArgumentError or ModuleNotFoundError when nobody here speaks that database."""
    options: dict[str, Any] = {"json_serializer": _json}
    if url.startswith("postgresql"):
        limits = {"timeout": 5, "command_timeout": command_s}
        # Who finds all of them taken waits for the next one that comes back: to open more, and close them again, takes
        # longer than that just when there is much to do.
        size: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_pre_ping": True}
        engine = create_async_engine(url, connect_args=limits, **size, **options)
        event.listen(engine.sync_engine, "do_connect", _connect)
        return engine
    engine = create_async_engine(
        url, pool_size=pool_size, connect_args={"isolation_level": None, "timeout": LOCK_WAIT_S}, **options
    )
    _prepare(engine.sync_engine, LOCK_WAIT_S * 1000)
    return engine


async def fill(engine: AsyncEngine) -> None:
    """Opens PostgreSQL's connections before they are wanted: in the burst of a busy line each would take a process
    there and some ten ways to and fro, and people wait for it. What cannot be opened now is opened when asked for.
    """
    if not isinstance(engine.pool, AsyncAdaptedQueuePool) or engine.dialect.name != "postgresql":
        return
    async with AsyncExitStack() as opened:
        try:
            while engine.pool.overflow() < 0:  # as many are open as it may have, others' among them
                await opened.enter_async_context(engine.connect())
        except (SQLAlchemyError, OSError) as error:
            log.info("database.pool not filled", error=type(error).__name__)


def open_near(url: str) -> Engine:
    """A SQLite database for sessions that call it where they are. Never waits for a free connection."""
    engine = create_engine(
        make_url(url).set(drivername="sqlite+pysqlite"),
        max_overflow=-1,
        connect_args={"isolation_level": None, "check_same_thread": False},
        json_serializer=_json,
    )
    _prepare(engine, _LOOK_MS)
    _shorten(engine)
    return engine


def _shorten(engine: Engine) -> None:
    """Savepoints go to the driver as they are: SQLAlchemy would make a statement of each (docs/adr/0012)."""
    dialect: Any = engine.dialect

    def say(words: str, own: Any) -> Any:
        def run(connection: Any, name: str) -> None:
            if connection.engine.dispatch.before_cursor_execute:
                own(connection, name)
            else:
                connection.connection.driver_connection.execute(f"{words} {name}")

        return run

    dialect.do_savepoint = say("SAVEPOINT", dialect.do_savepoint)
    dialect.do_release_savepoint = say("RELEASE SAVEPOINT", dialect.do_release_savepoint)


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
        words = "BEGIN IMMEDIATE" if connection.get_execution_options().get("hotline_write") else "BEGIN"
        driver = connection.connection.driver_connection
        if not isinstance(driver, sqlite3.Connection):
            connection.exec_driver_sql(words)
            return
        try:
            driver.execute(words)
        except sqlite3.OperationalError as error:
            raise OperationalError(words, None, error) from error


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
    file = _lock_file(name, folder).open("a+")  # not emptied: it may say who has it
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    lease = Lease(file, name, None if engine.dialect.name == "sqlite" else engine)
    try:
        if await lease.again():
            return lease
    except BaseException:
        file.close()
        raise
    file.close()
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
    """Held until called, or until the process ends. Who looks reads whose it is and what was noted last.

    A lock of a file in the node's directory, which only the process's own end gives back; with PostgreSQL also a lock
    there, which ends with its connection and can be taken `again`: nobody beside us can do so meanwhile.
    """

    def __init__(self, file: IO[str], name: str, engine: AsyncEngine | None) -> None:
        """`engine`: PostgreSQL's."""
        self._file, self._name, self._engine = file, name, engine
        self._connection: AsyncConnection | None = None
        self._session: dict[str, Any] | None = None

    async def __call__(self) -> None:
        """Give it back."""
        try:
            await self._let_go()
        finally:
            self._file.close()

    async def again(self) -> bool:
        """Take the database's part, anew if it was dropped. False while that is somebody else's, on another machine or
        in another directory. Raises SQLAlchemyError or OSError when the database is away.
        """
        with suppress(OSError):  # a full disk takes no name
            self._write(_who())
        if self._engine is None:
            return True
        with suppress(SQLAlchemyError, OSError):
            await self._let_go()
        connection = await self._engine.connect()
        try:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            if self._session is not None:  # the network broke: the server may believe in it for seconds yet
                await connection.execute(_END_SESSION, self._session)
            if await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": lease_key(self._name)}):
                await connection.execute(_INTRODUCE, {"who": f"{_LEASED}{_who()}"})
                self._session = dict((await connection.execute(_SESSION)).mappings().one())
                self._connection = connection
                return True
        except BaseException:
            await connection.invalidate()  # it may have the lock: that ends with it
            raise
        await connection.close()
        return False

    async def _let_go(self) -> None:
        """The lock belongs to the server's session: it ends with the connection, which must not go to the pool."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()

    async def note(self, word: str) -> None:
        """At most sixteen characters, for whoever asks who holds it: told without a write, so also by who cannot."""
        said = f"{_who()} {word}".rstrip()
        if self._connection is not None:
            async with asyncio.timeout(_HELD_S):
                await self._connection.execute(_INTRODUCE, {"who": f"{_LEASED}{said}"})
        else:
            self._write(said)

    def _write(self, said: str) -> None:
        self._file.truncate(0)
        self._file.write(said)
        self._file.flush()

    async def is_held(self) -> bool:
        """False once the database has dropped the connection that held it."""
        if self._engine is None:
            return not self._file.closed
        if self._connection is None:
            return False
        try:
            async with asyncio.timeout(_HELD_S):
                await self._connection.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError):  # TimeoutError is an OSError
            return False
        return True
