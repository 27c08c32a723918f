"""Fault plans on PostgreSQL: a sample of what tests/component/test_faults.py plays on SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hotline.db import Database
from hotline.handlers import Handlers
from tests import fault_journal
from tests.fault_journal import JournalPlay
from tests.fault_plans import FaultPlan
from tests.fault_sockets import SocketPlay, judged
from tests.integration.servers import postgres_server, postgres_url  # noqa: F401 - fixtures

pytestmark = pytest.mark.integration


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:  # noqa: F811 - asking for it
    database = Database(postgres_url)
    database.dispatch = Handlers(lambda at: at).dispatch
    yield database
    await database.close()


@pytest.mark.parametrize("seed", range(900, 906))
async def test_the_end_of_every_plan_is_the_truth(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    plan = FaultPlan.random(seed, calls=4)
    played = await SocketPlay(plan, db, tmp_path, monkeypatch).run()
    assert (str(plan), await judged(played)) == (str(plan), [])


@pytest.mark.parametrize("seed", range(900, 904))
async def test_with_asterisks_own_records_nothing_is_lost(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    plan = FaultPlan.random(seed, calls=4, kinds=["cut", "refuse", "kill", "restart", "reorder"])
    played = await JournalPlay(plan, db, tmp_path, monkeypatch).run()
    assert (str(plan), await fault_journal.judged(played)) == (str(plan), [])
