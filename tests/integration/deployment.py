"""Which deployment the hotlines of a test run are: HOTLINE_TEST_DEPLOYMENT=embedded (as it comes) or servers.

On servers each data directory has a PostgreSQL database and a Redis of its own, web and worker are processes of their
own, and a store is asked in the same words: what SQLite keeps as text comes as SQLite would have it.
"""

import asyncio
import os
import re
import sqlite3
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]
import pytest

from hotline.settings import Settings

ON_SERVERS = os.environ.get("HOTLINE_TEST_DEPLOYMENT", "embedded") == "servers"
ROLES = ("worker", "web") if ON_SERVERS else ("web,worker",)
embedded_only = pytest.mark.skipif(ON_SERVERS, reason="about a SQLite file and the disk it is on")
_ONCE = {
    "pbx": "Asterisk or Kamailio and its configuration alone: neither a store nor a process of ours",
    "both": "brings PostgreSQL and Redis itself, in every run",
    "pictures": "pages drawn from samples: neither a store nor a process of ours",
}
servers_only = pytest.mark.skipif(not ON_SERVERS, reason="about servers, which it brings itself")
T = TypeVar("T")
_REDIS_DATABASES = 16  # far more than hotlines that run at once
_numbers: dict[Path, int] = {}
_EXTRACT = re.compile(r"json_extract\(([^,]+), '\$\.(\w+)'\)")


def once(what: str) -> pytest.MarkDecorator:
    """For tests that would do the very same again on servers: they run with the embedded deployment. `what`: why."""
    return pytest.mark.skipif(ON_SERVERS, reason=_ONCE[what])


def stores(data_dir: Path) -> dict[str, str]:
    """The settings of database and bus for the hotline of this directory."""
    if not ON_SERVERS:
        return {}
    from tests.integration import servers  # noqa: PLC0415 - only where there are any

    number = _numbers.setdefault(data_dir.resolve(), len(_numbers))
    return {
        "database_url": servers.postgres().database(f"house_{number}"),
        "redis_url": f"redis://127.0.0.1:{servers.redis().port}/{number % _REDIS_DATABASES}",
    }


def rows(settings: Settings, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """From a running hotline's store, as committed. The query is SQLite's."""
    if settings.store_url.startswith("postgresql"):
        return [tuple(map(_as_in_sqlite, row)) for row in _postgres(settings.store_url, query, values)]
    connection = sqlite3.connect(f"file:{_file(settings)}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def write(settings: Settings, statement: str, *values: Any) -> None:
    """What an administrator would do by hand in the store."""
    if settings.store_url.startswith("postgresql"):
        _postgres(settings.store_url, statement, values)
        return
    connection = sqlite3.connect(_file(settings), timeout=10)
    try:
        with connection:
            connection.execute(statement, values)
    finally:
        connection.close()


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Nobody else can write into the store; reading goes on."""
    if settings.store_url.startswith("postgresql"):
        connection = _in_loop(asyncpg.connect(settings.store_url.replace("+asyncpg", ""), timeout=10))
        try:
            _in_loop(connection.execute("BEGIN; LOCK TABLE event_log IN EXCLUSIVE MODE"))
            yield
        finally:
            _in_loop(connection.close())
        return
    near = sqlite3.connect(_file(settings), timeout=10, isolation_level=None)
    try:
        near.execute("begin immediate")
        yield
    finally:
        near.close()


def _file(settings: Settings) -> Path:
    return settings.data_dir / "hotline.sqlite3"


def _as_in_sqlite(value: Any) -> Any:
    match value:
        case UUID():
            return value.hex
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
        case bool() | Decimal():
            return int(value)
    return value


def _postgres(url: str, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    numbers = iter(range(1, len(values) + 1))
    asked = re.sub(r"\?", lambda _: f"${next(numbers)}", _EXTRACT.sub(r"(\1::jsonb ->> '\2')", query))
    return _in_loop(_fetched(url.replace("+asyncpg", ""), asked, values))


async def _fetched(url: str, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """On a connection that is kept: many tests ask until something is so."""
    for is_last in (False, True):
        connection = _kept.get(url)
        if connection is None or connection.is_closed():
            connection = _kept[url] = await asyncpg.connect(url, timeout=10)
        try:
            return [tuple(row) for row in await connection.fetch(query, *values, timeout=10)]
        except (asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, OSError):
            _kept.pop(url, None)
            if is_last:
                raise
    raise AssertionError("the second try returned or raised")


_kept: dict[str, Any] = {}


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="store", daemon=True).start()
    return loop


def _in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Tests ask from their own loops, and from none."""
    return asyncio.run_coroutine_threadsafe(work, _loop()).result(30)
