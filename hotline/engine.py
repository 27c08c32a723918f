"""How a database is opened: drivers, limits, pragmas, and the leases it can give. hotline.db's other half."""

import fcntl
import hashlib
import json
from pathlib import Path
from typing import IO, Any

from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

LOCK_WAIT_S = 15
COMMAND_S = 30.0
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={LOCK_WAIT_S * 1000}")


def open_engine(url: str, pool_size: int, command_s: float | None = COMMAND_S) -> AsyncEngine:
    """Raises ArgumentError or ModuleNotFoundError when nobody here speaks that database."""
    # Chinese as it is: \uXXXX would double its size and hide it from a search.
    options: dict[str, Any] = {"json_serializer": lambda value: json.dumps(value, ensure_ascii=False)}
    if url.startswith("postgresql"):
        limits = {"timeout": 5, "command_timeout": command_s}
        engine = create_async_engine(url, pool_size=pool_size, pool_pre_ping=True, connect_args=limits, **options)
        event.listen(engine.sync_engine, "do_connect", _connect)
        return engine
    # sqlite3's own transaction control opens BEGIN late; switched off, ours says IMMEDIATE for writers.
    engine = create_async_engine(
        url, pool_size=pool_size, connect_args={"isolation_level": None, "timeout": LOCK_WAIT_S}, **options
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        write = connection.get_execution_options().get("hotline_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _connect(dialect: Any, _record: Any, args: Any, kwargs: Any) -> Any:
    """asyncpg's own errors while connecting (starting up, wrong password) pass SQLAlchemy by: made one kind here."""
    try:
        return dialect.connect(*args, **kwargs)
    except (SQLAlchemyError, OSError):
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
        file = (folder / f"{name.replace(':', '-')}.lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return Lease(file)
    connection = await engine.connect()
    await connection.execution_options(isolation_level="AUTOCOMMIT")
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    if await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}):
        return Lease(connection)
    await connection.close()
    return None


class Lease:
    """Held until called, or until the process or its database connection ends."""

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

    async def is_held(self) -> bool:
        """False once the database has dropped the connection that held it."""
        if not isinstance(self._holder, AsyncConnection):
            return not self._holder.closed
        try:
            await self._holder.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError):
            return False
        return True
