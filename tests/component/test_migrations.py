"""The database's shape: migrations, models and the versions between them."""

from pathlib import Path

import pytest
from sqlalchemy import text

from hotline import admin, migrate
from hotline.db import Database
from hotline.errors import StartupError
from hotline.leadership import Leadership
from hotline.migrations import steps
from hotline.settings import Settings
from tests import factories


def _url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/fresh.sqlite3"


async def test_migrations_lead_to_exactly_what_the_models_say(db: Database) -> None:
    steps.load_models()
    async with db.engine.connect() as connection:
        assert await connection.run_sync(steps.differences) == []


async def test_a_difference_is_found(db: Database) -> None:
    async with db.write() as tx:
        await tx.session.execute(text("ALTER TABLE counter ADD COLUMN forgotten INTEGER"))
    with pytest.raises(StartupError, match="forgotten"):
        await migrate.check(db.url)


async def test_check_accepts_a_migrated_store(store_url: str) -> None:
    await migrate.check(store_url)


async def test_an_empty_database_is_told_to_migrate(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="run `hotline migrate`"):
        await migrate.check(_url(tmp_path))


async def test_a_database_newer_than_the_code_is_refused(store_url: str) -> None:
    database = Database(store_url)
    async with database.write() as tx:
        await tx.session.execute(text("UPDATE alembic_version SET version_num = '2099_01_01_later'"))
    await database.close()
    with pytest.raises(StartupError, match="newer than this hotline"):
        await migrate.upgrade(store_url)
    with pytest.raises(StartupError, match="newer than this hotline"):
        await migrate.check(store_url)


async def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="database cannot be used") as caught:
        await migrate.upgrade(f"sqlite+aiosqlite:///{tmp_path}/nowhere/hotline.sqlite3")
    assert "\n" not in caught.value.message


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "fresh.sqlite3"
    path.write_text("these are somebody's notes, not a database; " * 100)
    before = path.read_bytes()
    with pytest.raises(StartupError, match="database cannot be used"):
        await migrate.upgrade(_url(tmp_path))
    assert path.read_bytes() == before


async def test_the_newest_revision_read_from_the_files_is_the_one_that_alembic_goes_to(db: Database) -> None:
    async with db.engine.connect() as connection:
        assert await connection.scalar(text("SELECT version_num FROM alembic_version")) == migrate.newest()


async def test_taking_the_shape_back_says_what_is_lost_and_does_it_only_when_meant(
    db: Database, store_url: str, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=store_url)
    earlier = "2026_11_27_recording_state"
    async with db.write() as tx:
        await factories.agent(tx, outside_number="13900004711")
        await factories.agent(tx)
    lost = await admin.take_back(settings, earlier, is_meant=False)
    assert {"column agent.outside_number: 1 of 2 rows", "table supervision: 0 rows"} <= set(lost)
    assert not [line for line in lost if "4711" in line or "table agent" in line]
    await migrate.check(store_url)

    assert await admin.take_back(settings, earlier, is_meant=True) == lost
    async with db.read() as tx:
        assert await tx.session.scalar(text("SELECT version_num FROM alembic_version")) == earlier
        assert await tx.session.scalar(text("SELECT count(*) FROM agent")) == 2
    with pytest.raises(StartupError, match="never was at 2026_11_27_supervision"):
        await admin.take_back(settings, "2026_11_27_supervision", is_meant=True)
    await migrate.upgrade(store_url)
    await migrate.check(store_url)


async def test_the_shape_is_not_taken_from_under_a_worker(db: Database, store_url: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=store_url)
    async with Leadership(db, settings.node, tmp_path).led():
        with pytest.raises(StartupError, match="is at work: stop every process of ours first"):
            await admin.take_back(settings, "2026_11_27_recording_state", is_meant=True)
    await migrate.check(store_url)


async def test_an_older_version_says_how_the_newer_one_makes_room_for_it(store_url: str) -> None:
    database = Database(store_url)
    async with database.write() as tx:
        await tx.session.execute(text("UPDATE alembic_version SET version_num = '2099_01_01_later'"))
    await database.close()
    with pytest.raises(StartupError, match=f"`hotline migrate --back-to {migrate.newest()}`"):
        await migrate.check(store_url)
