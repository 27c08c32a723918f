"""Who leads and who stands by. tests/integration/test_store_contract.py runs the same class on PostgreSQL."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from hotline.db import Database
from hotline.errors import StartupError
from hotline.leadership import Leadership, leader_of, workers

ME = f"pid {os.getpid()}"
BOUND_S = 10.0
AT = datetime(2026, 3, 12, 6, 3, 22, tzinfo=UTC)


@asynccontextmanager
async def standing_by(db: Database, folder: Path, vacant_s: float = 0.3) -> AsyncIterator["Standby"]:
    standby = Standby(db, folder, vacant_s)
    try:
        async with asyncio.timeout(BOUND_S):
            await standby.waits.wait()
        yield standby
    finally:
        standby.task.cancel()
        with suppress(asyncio.CancelledError):
            await standby.task


class Standby:
    """A worker behind another one. `behind`: who led, each time it was told."""

    def __init__(self, db: Database, folder: Path, vacant_s: float = 0.3) -> None:
        self.waits, self.leads = asyncio.Event(), asyncio.Event()
        self.behind: list[str] = []
        self.part = Leadership(db, "pbx1", folder, look_s=0.02, vacant_s=vacant_s)
        self.task = asyncio.create_task(self._run())

    def _told(self, leader: str) -> None:
        self.behind.append(leader)
        self.waits.set()

    async def _run(self) -> None:
        async with self.part.led(self._told):
            self.leads.set()
            await self.part.hold()


class TestLeadership:
    async def test_without_standby_a_second_worker_is_refused(self, db: Database, tmp_path: Path) -> None:
        async with Leadership(db, "pbx1", tmp_path).led():
            with pytest.raises(StartupError, match=r"another hotline is at work on this Asterisk \(node pbx1"):
                async with Leadership(db, "pbx1", tmp_path).led():
                    pass
            async with Leadership(db, "pbx2", tmp_path).led():
                pass
        async with Leadership(db, "pbx1", tmp_path).led():
            pass

    async def test_a_standby_leads_once_the_leader_has_ended_and_not_before(self, db: Database, tmp_path: Path) -> None:
        async with Leadership(db, "pbx1", tmp_path).led(), standing_by(db, tmp_path) as standby:
            (leader,) = standby.behind
            assert leader.endswith(ME)
            found = await workers(db, "pbx1", tmp_path)
            assert (found.leader, found.standby) == (leader, leader)  # one process is both, in this test
            assert await standby.part.has_standby()
            assert not standby.leads.is_set()
        async with Leadership(db, "pbx1", tmp_path).led():
            async with standing_by(db, tmp_path) as standby:
                pass
            assert not standby.leads.is_set()
            assert (await workers(db, "pbx1", tmp_path)).standby is None

        first = Leadership(db, "pbx1", tmp_path)
        async with first.led():
            second = Standby(db, tmp_path)
            async with asyncio.timeout(BOUND_S):
                await second.waits.wait()
        try:
            async with asyncio.timeout(BOUND_S):
                await second.leads.wait()
            found = await workers(db, "pbx1", tmp_path)
            assert found.leader is not None and found.leader.endswith(ME)
            assert found.standby is None
        finally:
            second.task.cancel()
            with suppress(asyncio.CancelledError):
                await second.task
        assert (await workers(db, "pbx1", tmp_path)).leader is None

    async def test_a_leader_who_cannot_write_says_since_when(self, db: Database, tmp_path: Path) -> None:
        since: datetime | None = None
        leader = Leadership(db, "pbx1", tmp_path, look_s=0.02)
        async with leader.led():
            holding = asyncio.create_task(leader.hold(lambda: since))
            assert (await workers(db, "pbx1", tmp_path)).unwritten_since is None
            since = AT
            async with asyncio.timeout(BOUND_S):
                while (found := await workers(db, "pbx1", tmp_path)).unwritten_since is None:
                    await asyncio.sleep(0.02)
            assert found.unwritten_since == AT
            assert found.leader is not None and found.leader.endswith(ME)
            since = None
            async with asyncio.timeout(BOUND_S):
                while (await workers(db, "pbx1", tmp_path)).unwritten_since is not None:
                    await asyncio.sleep(0.02)
            holding.cancel()

    async def test_a_lease_that_was_dropped_goes_back_to_who_had_it(self, db: Database, tmp_path: Path) -> None:
        """A database that restarts drops them all: what the leader could not write yet is in its memory alone."""
        if db.dialect == "sqlite":
            pytest.skip("a lock of a file is not dropped while its process lives")
        other = Database(db.url)
        try:
            leader = Leadership(db, "pbx1", tmp_path, look_s=0.05)
            async with leader.led(), standing_by(other, tmp_path, vacant_s=2.0) as standby:
                holding, before = asyncio.create_task(leader.hold()), leader._lease
                await _drop_leases(other)
                async with asyncio.timeout(BOUND_S):
                    while leader._lease is before:
                        await asyncio.sleep(0.02)
                assert str(await other.leaseholder(leader_of("pbx1"), tmp_path)).endswith(ME)
                assert not standby.leads.is_set()
                assert not holding.done()
                holding.cancel()
        finally:
            await other.close()


async def _drop_leases(db: Database) -> None:
    async with db.read() as tx:
        await tx.session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'hotline lease %' AND datname = current_database()"
            )
        )
