"""The journal on PostgreSQL: the same tests as on SQLite."""

from collections.abc import AsyncIterator

import pytest

from hotline.db import Database
from tests.component.test_journal import *  # noqa: F403
from tests.integration.deployment import once
from tests.integration.servers import postgres_server, postgres_url  # noqa: F401 - fixtures

pytestmark = [pytest.mark.integration, once("both")]


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:  # noqa: F811 - asking for it
    database = Database(postgres_url)
    yield database
    await database.close()
