"""Earlier versions' stores on PostgreSQL."""

import pytest

from tests.component import test_old_states
from tests.component.test_old_states import english  # noqa: F401 - a fixture
from tests.integration.deployment import once
from tests.integration.servers import _admin, _named, postgres_server  # noqa: F401 - a fixture

pytestmark = [pytest.mark.integration, once("both")]


@pytest.fixture
async def empty_url(postgres_server: str) -> str:  # noqa: F811 - asking for it
    await _admin(postgres_server, "DROP DATABASE IF EXISTS old_store WITH (FORCE)")
    await _admin(postgres_server, "CREATE DATABASE old_store TEMPLATE template0")
    return _named(postgres_server, "old_store")


class TestOldStatesOnPostgreSQL(test_old_states.TestOldStates):
    pass
