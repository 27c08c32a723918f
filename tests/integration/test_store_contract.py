"""The store's and the bus's contract on the servers of production: PostgreSQL and Redis."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.exc import DBAPIError

from hotline import engine, migrate
from hotline.bus import Bus
from hotline.clock import now
from hotline.db import Database, Emitted, ParkedEvent, Tx
from hotline.errors import StartupError
from hotline.events import NodeChanged
from hotline.redis_bus import RedisBus
from hotline.tickets.models import Counter
from tests.component import (
    test_bus,
    test_call_control,
    test_db,
    test_leadership,
    test_migrations,
    test_outbound,
    test_tickets,
)
from tests.integration.deployment import once
from tests.integration.servers import postgres_server, postgres_url, redis_server  # noqa: F401 - fixtures

pytestmark = [pytest.mark.integration, once("both")]
_COUNT = update(Counter).where(Counter.name == bindparam("whose")).values(value=Counter.value + 1)


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:  # noqa: F811 - asking for it
    database = Database(postgres_url)
    yield database
    await database.close()


@pytest.fixture
async def bus(redis_server: str) -> AsyncIterator[Bus]:  # noqa: F811 - asking for it
    bus = RedisBus(redis_server)
    yield bus
    await bus.close()


class TestStoreOnPostgreSQL(test_db.TestStore):
    pass


class TestBusOnRedis(test_bus.TestBus):
    pass


class TestLeadershipOnPostgreSQL(test_leadership.TestLeadership):
    pass


class TestOpeningOnPostgreSQL(test_tickets.TestOpening):
    pass


class TestHandingOverOnPostgreSQL(test_tickets.TestHandingOver):
    pass


class TestWritingOnPostgreSQL(test_tickets.TestWriting):
    pass


class TestDiallingAtTheSameTimeOnPostgreSQL(test_outbound.TestAtTheSameTime):
    pass


class TestPickingUpOnPostgreSQL(test_call_control.TestPickingUp):
    pass


class TestStepsOnPostgreSQL(test_tickets.TestSteps):
    pass


class TestCallBacksOnPostgreSQL(test_tickets.TestCallBacks):
    pass


class TestListsOnPostgreSQL(test_tickets.TestLists):
    pass


async def test_a_reader_misses_nothing_when_commits_take_their_time(db: Database) -> None:
    """A number is given at the insert and seen at the commit: without one lock for both, a later one shows first."""
    slow = (
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN PERFORM pg_sleep(random() * 0.01); RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON event_log DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION dawdle()",
    )
    undo = ("DROP TRIGGER dawdle ON event_log", "DROP FUNCTION dawdle()")
    for statements in (slow, undo):
        async with db.write() as tx:
            for statement in statements:
                await tx.session.execute(text(statement))
        if statements is slow:
            await test_db.TestStore().test_a_reader_by_cursor_misses_nothing_under_concurrent_commits(db)


async def test_of_two_writers_that_wait_for_each_other_one_is_told_to_do_it_all_again(db: Database) -> None:
    """PostgreSQL undoes one of them. What its handlers had to do is not put off: the whole of it is done again."""
    meet, undone = asyncio.Barrier(2), list[str]()

    async def after(tx: Tx, item: Emitted) -> None:
        await tx.session.execute(_COUNT, {"whose": {"left": "right", "right": "left"}[item.event.dedupe_key]})

    async def writes(name: str) -> None:
        try:
            async with db.write() as tx:
                await tx.session.execute(_COUNT, {"whose": name})
                tx.emit(NodeChanged(at=now(), dedupe_key=name, node="pbx1", state="live", epoch=1))
                if not undone:
                    await meet.wait()
        except DBAPIError as error:
            assert engine.is_undone(error)
            undone.append(name)
            await writes(name)

    async with db.write() as tx:
        tx.session.add_all([Counter(name="left", value=0), Counter(name="right", value=0)])
    db.dispatch = after
    await asyncio.gather(writes("left"), writes("right"))
    async with db.read() as tx:
        assert dict((await tx.session.execute(select(Counter.name, Counter.value))).all()) == {"left": 2, "right": 2}
        assert await tx.session.scalar(select(func.count()).select_from(ParkedEvent)) == 0
    assert sorted(row.dedupe_key for row in await db.after(0)) == ["left", "right"]
    assert len(undone) == 1


async def test_migrations_lead_to_exactly_what_the_models_say(db: Database) -> None:
    await test_migrations.test_migrations_lead_to_exactly_what_the_models_say(db)


async def test_two_processes_that_migrate_at_once_do_it_once(db: Database) -> None:
    await migrate.downgrade(db.url, "base")
    await asyncio.gather(*(migrate.upgrade(db.url) for _ in range(3)))
    await migrate.check(db.url)


async def test_a_migration_that_fails_leaves_nothing_behind(db: Database) -> None:
    await migrate.downgrade(db.url, "base")
    async with db.write() as tx:
        await tx.session.execute(text("CREATE TABLE ticket (somebody_elses INTEGER)"))
    with pytest.raises(StartupError, match="ticket"):
        await migrate.upgrade(db.url)
    async with db.read() as tx:
        tables = await tx.session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        assert sorted(tables) == ["alembic_version", "ticket"]
    async with db.write() as tx:
        await tx.session.execute(text("DROP TABLE ticket"))
    await migrate.upgrade(db.url)
    await migrate.check(db.url)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [("postgres:@/nowhere?", 'database "nowhere" does not exist'), ("nobody:x@/postgres?", "nobody")],
)
async def test_a_wrong_url_is_one_clear_line(postgres_server: str, wrong: str, reason: str) -> None:  # noqa: F811
    database = Database(f"postgresql+asyncpg://{wrong}{postgres_server.partition('?')[2]}")
    with pytest.raises(StartupError, match=reason) as caught:
        await database.check()
    assert "\n" not in caught.value.message
    with pytest.raises(OSError, match=reason):  # what the worker waits through
        async with database.write() as tx:
            await tx.session.execute(text("SELECT 1"))
    await database.close()


async def test_a_stopped_server_on_this_machine_is_a_lost_connection(tmp_path: Path) -> None:
    """Its socket is gone with it; pages answer a lost connection with 503 (web.app)."""
    database = Database(f"postgresql+asyncpg://postgres:@/store?host={tmp_path}")
    with pytest.raises(ConnectionError):
        async with database.read() as tx:
            await tx.session.execute(text("SELECT 1"))
    await database.close()


async def test_a_dropped_connection_costs_its_transaction_and_the_lease_not_the_store(
    db: Database, tmp_path: Path
) -> None:
    held = await db.try_lease("worker:pbx1", tmp_path)
    assert held is not None and await held.is_held()
    killer = Database(db.url)
    with pytest.raises(DBAPIError):  # which one depends on what the driver was doing
        async with db.write() as tx:
            tx.emit(test_db._event("lost"))
            await tx.session.execute(text("SELECT 1"))
            async with killer.write() as other:
                await other.session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
    assert not await held.is_held()
    await held()
    async with db.write() as tx:
        tx.emit(test_db._event("kept"))
    assert [row.dedupe_key for row in await db.after(0)] == ["kept"]
    await killer.close()


async def test_a_burst_finds_its_connections_open(db: Database) -> None:
    """To open one takes the server a process and us some ten ways to and fro: long, while everything is busy."""
    pid = text("SELECT pg_backend_pid()")
    await engine.fill(db.engine)
    async with db.read() as tx:
        opened = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        before = {await tx.session.scalar(pid), *await tx.session.scalars(text(opened))}
    together = asyncio.Barrier(8)

    async def read() -> int:
        async with db.read() as tx:
            found = await tx.session.scalar(pid)
            await together.wait()
            return int(found or 0)

    async with asyncio.timeout(10):
        used = await asyncio.gather(*(read() for _ in range(together.parties)))
    assert len(set(used)) == together.parties
    assert set(used) <= before


async def test_a_pool_that_cannot_be_filled_waits_until_it_is_asked(tmp_path: Path) -> None:
    away = engine.open_engine(f"postgresql+asyncpg://nobody@/x?host={tmp_path}", 2)
    await engine.fill(away)
    await away.dispose()


async def test_readers_hear_again_after_redis_dropped_them(bus: Bus) -> None:
    assert isinstance(bus, RedisBus)
    async with bus.listen("log") as bell:
        await test_bus._quiet(bell)
        await bus._publisher.client_kill_filter(_type="pubsub")
        started = time.monotonic()
        assert await bell.wait(5)  # the new subscription's confirmation: something may have been missed
        assert time.monotonic() - started < 2
        await test_bus._quiet(bell)
        await bus.ring("log")
        assert await bell.wait(1)
