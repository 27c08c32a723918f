"""Earlier versions' stores become today's and go back; what an earlier version asks is answered while that happens."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from hotline import migrate
from hotline.access import audit
from hotline.db import Database
from tests import factories, old_states
from tests.web_house import House, english

__all__ = ["english"]
REVISIONS = old_states.revisions()
PAGES = ("/board", "/tickets", "/calls", "/operations", "/api/v1/tickets", "/api/v1/calls", "/api/v1/agents")


@pytest.fixture
def empty_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/old.sqlite3"


def test_there_is_a_store_of_every_revision_that_another_one_follows() -> None:
    files = Path(migrate.__file__).parent / "migrations" / "versions"
    assert set(REVISIONS) - {migrate.newest()} == {path.stem for path in files.glob("2*.py")} - {migrate.newest()}


class TestOldStates:
    """Also on PostgreSQL, see tests/integration/test_old_states.py."""

    @pytest.mark.parametrize("revision", REVISIONS)
    async def test_a_store_of_that_time_keeps_every_row_is_shown_by_todays_pages_and_goes_back(
        self, revision: str, empty_url: str, tmp_path: Path, english: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(factories, "_numbers", count(900_001))  # an old store has names of the same making
        await old_states.load(empty_url, revision)
        before = await old_states.contents(empty_url)
        assert min(len(before[table]) for table in ("call", "ticket", "contact", "agent", "event_log", "recording")) > 1
        await migrate.upgrade(empty_url)
        await migrate.check(empty_url)
        after = await old_states.contents(empty_url)
        assert old_states.part(after, before) == old_states.part(before, before)
        if "owned_at" not in before["call_offer"][0]:  # then whoever answered had the caller
            answered = [row for row in after["call_offer"] if row["result"] == "answered"]
            assert answered and all(row["owned_at"] == row["ended_at"] for row in answered)
        db = Database(empty_url)
        try:
            await shown_by_todays_pages(House(db, tmp_path), before)
        finally:
            await db.close()
        await migrate.downgrade(empty_url, revision)
        back = await old_states.contents(empty_url)
        assert back.keys() == before.keys()
        for table, rows in before.items():  # beside what was read of them just now
            assert [row for row in rows if row not in back[table]] == [], table

    @pytest.mark.parametrize("revision", REVISIONS)
    async def test_rows_that_a_version_of_that_time_still_writes_are_taken(self, revision: str, empty_url: str) -> None:
        await migrate.upgrade(empty_url)
        await old_states.insert(empty_url, revision)
        assert (await old_states.contents(empty_url))["ticket"]

    async def test_every_statement_of_earlier_versions_is_still_understood(self, empty_url: str) -> None:
        await migrate.upgrade(empty_url)
        kind = "sqlite" if empty_url.startswith("sqlite") else "postgresql"
        asked = old_states.statements(kind)
        assert len(asked) > 100
        assert await old_states.not_understood(empty_url, asked) == []
        # That it would tell:
        assert await old_states.not_understood(empty_url, [("then", "SELECT call.fax FROM call")]) != []

    async def test_no_migration_takes_away_what_the_version_before_it_uses(self, empty_url: str) -> None:
        """Add in one release, drop in a later one: old code runs until it is replaced."""
        await migrate.upgrade(empty_url, REVISIONS[0])
        db = Database(empty_url)
        try:
            was: Any = None
            for revision in [*REVISIONS, migrate.newest()]:
                await migrate.upgrade(empty_url, revision)
                async with db.engine.connect() as connection:
                    now = await connection.run_sync(lambda c: (old_states.columns(c), old_states.rules(c)))
                if was is not None:
                    assert old_states.taken_away(was[0], now[0]) == [], revision
                    stricter = {table: now[1][table] - rules for table, rules in was[1].items()}
                    assert {table: rules for table, rules in stricter.items() if rules} == {}, revision
                was = now
        finally:
            await db.close()


async def shown_by_todays_pages(house: House, before: old_states.Rows) -> None:
    """Each ticket, call and list, to a supervisor; the trail of reads is whole."""
    async with house.db.read() as tx:
        assert await audit.verify(tx) is None
    person = await house.sign_in("supervisor", phone=False)
    pages = [*PAGES, *(f"/tickets/{row['ref']}" for row in before["ticket"])]
    pages += [f"/calls/{row['id']}" for row in before["call"]]
    async with house.client(person) as client:
        shown = {page: (await client.get(page)).status_code for page in pages}
    assert shown == dict.fromkeys(pages, 200)
