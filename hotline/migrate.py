"""The database's shape: brought to the code's newest revision, and compared with the models.

Used by `hotline migrate`, at every start and by tests. One transaction: a failed migration leaves nothing behind.
`python -m hotline.migrate SLUG` drafts a new migration from the difference between the models and the migrations.
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.db import Database
from hotline.errors import StartupError

_VERSIONS = Path(__file__).resolve().parent / "migrations" / "versions"
_REVISION = re.compile(r'^(down_)?revision = "(\w+)"', re.MULTILINE)
_MIGRATE_LOCK = 0x6D696772617465  # any constant: two processes never migrate one database at once


async def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to `revision`. Raises StartupError: it cannot be used, or is newer than the code."""
    if revision == "head" and await _is_newest(url):
        return
    async with _migrating(url) as connection:
        await connection.run_sync(_steps().upgrade, revision)


async def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision` ("base": empty), so that the version that had it may start again.

    Raises StartupError: it cannot be used, or never was at that revision.
    """
    async with _migrating(url) as connection:
        await connection.run_sync(_steps().downgrade, revision)


async def lost_by(url: str, revision: str) -> list[str]:
    """What `downgrade` would do away with, one line each: tables and columns that `revision` has not, with what is in
    them. Raises StartupError as it does.
    """
    async with _connected(url) as connection:
        await connection.run_sync(_steps().goes_back, revision)
        with tempfile.TemporaryDirectory() as folder:
            async with _migrating(f"sqlite+aiosqlite:///{folder}/earlier.sqlite3") as earlier:
                kept = await earlier.run_sync(_steps().shape_at, revision)
        return await connection.run_sync(_steps().surplus, kept)


async def check(url: str) -> None:
    """Raises StartupError unless the database is at the newest revision and looks as the models say."""
    async with _connected(url) as connection:
        await connection.run_sync(_steps().check)


def newest() -> str:
    """The revision that no other one follows, read from the files' text."""
    found = [match for path in _VERSIONS.glob("*.py") for match in _REVISION.findall(path.read_text())]
    (last,) = {str(name) for down, name in found if not down} - {name for down, name in found if down}
    return last


def _steps() -> Any:
    return import_module("hotline.migrations.steps")


async def _is_newest(url: str) -> bool:
    """The usual case, told without Alembic."""
    async with _connected(url) as connection:
        try:
            rows = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalars().all()
        except DBAPIError:
            return False  # no such table yet; or a fault, which the migration will name
        return rows == [newest()]


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    """A connection of its own, whose errors are one clear line."""
    db = Database(url, pool_size=1, command_s=None)
    try:
        await db.check()
        async with db.engine.connect() as connection:
            yield connection
    except (SQLAlchemyError, OSError) as error:
        raise db.unusable(error) from error
    finally:
        await db.close()


@asynccontextmanager
async def _migrating(url: str) -> AsyncIterator[AsyncConnection]:
    """One write transaction that nobody else migrates in."""
    async with _connected(url) as connection:
        if connection.dialect.name == "sqlite":
            # Batch mode rebuilds tables; with foreign keys on, dropping the old one would delete or refuse. The
            # pragma is ignored inside a transaction, so it goes round SQLAlchemy. The connection is used once.
            raw = await connection.get_raw_connection()
            driver: Any = raw.driver_connection
            await driver.execute("PRAGMA foreign_keys=OFF")
        await connection.execution_options(hotline_write=True)
        async with connection.begin():
            if connection.dialect.name == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATE_LOCK})
            yield connection
            if connection.dialect.name == "sqlite":
                broken = (await connection.execute(text("PRAGMA foreign_key_check"))).all()
                if broken:
                    raise StartupError(f"the migration would leave {len(broken)} rows without their parent")


async def draft(slug: str) -> None:
    """Write migrations/versions/YYYY_MM_DD_SLUG.py: what separates the models from the migrations so far."""
    with tempfile.TemporaryDirectory() as folder:
        async with _migrating(f"sqlite+aiosqlite:///{folder}/draft.sqlite3") as connection:
            await connection.run_sync(_steps().draft, slug)


if __name__ == "__main__":
    asyncio.run(draft(sys.argv[1]))
