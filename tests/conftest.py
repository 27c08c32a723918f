"""What every test may ask for. `db`: a fresh, migrated SQLite store in tmp_path."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from hotline.db import Database

# How long an example takes is the machine's, and is measured elsewhere.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.fixture(scope="session")
def template_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store, migrated once a session; every test copies it."""
    from hotline import migrate  # noqa: PLC0415 - pure tests do without a store

    path = tmp_path_factory.mktemp("store") / "template.sqlite3"
    # In a thread of its own: asyncio.run would take away the loop of the test that asked first.
    worker = threading.Thread(target=asyncio.run, args=(migrate.upgrade(f"sqlite+aiosqlite:///{path}"),))
    worker.start()
    worker.join()
    return path


@pytest.fixture
def store_url(template_store: Path, tmp_path: Path) -> str:
    """The URL of a migrated SQLite file of this test's own, for tests that open it more than once."""
    path = tmp_path / "hotline.sqlite3"
    shutil.copyfile(template_store, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
async def db(store_url: str) -> "AsyncIterator[Database]":
    from hotline.db import Database  # noqa: PLC0415 - likewise

    database = Database(store_url)
    yield database
    await database.close()
