"""Who leads and who stands by. tests/integration/test_store_contract.py runs the same class on PostgreSQL."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, text

from hotline.db import Database
from hotline.engine import lease_key
from hotline.errors import StartupError
from hotline.leadership import Leadership, leader_of, workers

ME = f"pid {os.getpid()}"
BOUND_S = 10.0
AT = datetime(2026, 3, 12, 6, 3, 22, tzinfo=UTC)


@asynccontextmanager
async def standing_by(db: Database, folder: Path) -> AsyncIterator["Standby"]:
    standby = Standby(db, folder)
    try:
        async with asyncio.timeout(BOUND_S):
            await standby.waits.wait()
            while (named := (await workers(db, "pbx1", folder)).standby) is None or not named.endswith(ME):
                await asyncio.sleep(0.02)  # its place first, its name then
        yield standby
    finally:
        await standby.end()


class Standby:
    """A worker behind another one. `behind`: who led, each time it was told."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.waits, self.leads = asyncio.Event(), asyncio.Event()
        self.behind: list[str] = []
        self.part = Leadership(db, "pbx1", folder, look_s=0.02)
        self.task = asyncio.create_task(self._run())

    async def end(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

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
            await second.end()
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
            async with standing_by(db, tmp_path) as standby:
                assert standby.behind == [found.leader]
            since = None
            async with asyncio.timeout(BOUND_S):
                while (await workers(db, "pbx1", tmp_path)).unwritten_since is not None:
                    await asyncio.sleep(0.02)
            holding.cancel()

    async def test_a_lease_that_was_dropped_is_left_to_who_had_it(self, db: Database, tmp_path: Path) -> None:
        """A database that restarts drops them all: what the leader could not write yet is in its memory alone. So does
        one that is away for minutes, and a standby may be started in just that moment.
        """
        if db.dialect == "sqlite":
            pytest.skip("a lock of a file is not dropped while its process lives")
        other = Database(db.url)
        leader = Leadership(db, "pbx1", tmp_path, look_s=0.02)
        try:
            async with leader.led(), standing_by(other, tmp_path) as standby:
                await _drop_leases(other)
                late = Standby(other, tmp_path)
                await _looked(other, 20)
                assert not standby.leads.is_set()
                assert not late.leads.is_set()
                holding = asyncio.create_task(leader.hold())
                async with asyncio.timeout(BOUND_S):
                    await late.waits.wait()
                assert str(await other.leaseholder(leader_of("pbx1"), tmp_path)).endswith(ME)
                assert not holding.done()
                holding.cancel()
                await late.end()
        finally:
            await other.close()

    async def test_a_leader_whose_network_broke_takes_its_lease_from_its_own_lost_session(
        self, db: Database, tmp_path: Path
    ) -> None:
        """The server believes in that session until its keepalive says otherwise, eleven seconds later."""
        if db.dialect == "sqlite":
            pytest.skip("there is no network to a file")
        async with Network(db.url, tmp_path) as network:
            cut_off = Database(network.url)
            leader = Leadership(cut_off, "pbx1", tmp_path, look_s=0.02)
            try:
                async with leader.led(), standing_by(db, tmp_path) as standby:
                    holding = asyncio.create_task(leader.hold())
                    before = await _session(db)
                    network.breaks()
                    async with asyncio.timeout(BOUND_S):
                        while (now_at := await _session(db)) in {before, None}:
                            assert not holding.done()
                            await asyncio.sleep(0.02)
                    assert not standby.leads.is_set()
                    assert now_at is not None
                    holding.cancel()
            finally:
                await cut_off.close()


async def _looked(db: Database, times: int) -> None:
    """Whoever uses this store has asked it so often since."""
    asked = asyncio.Event()
    left = times

    def count(*_given: object) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            asked.set()

    event.listen(db.engine.sync_engine, "before_cursor_execute", count)
    try:
        async with asyncio.timeout(BOUND_S):
            await asked.wait()
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", count)


async def _session(db: Database) -> int | None:
    """The server's process that holds the leader's lease."""
    async with db.read() as tx:
        found = await tx.session.execute(
            text("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint = :high"),
            {"high": lease_key(leader_of("pbx1")) >> 32 & 0xFFFFFFFF},
        )
        row = found.first()
        return None if row is None else int(row[0])


class Network:
    """Between us and PostgreSQL: what was connected when it breaks hears nothing any more, on neither side."""

    def __init__(self, url: str, folder: Path) -> None:
        self._there = Path(url.rpartition("host=")[2]) / ".s.PGSQL.5432"
        self._here = folder / ".s.PGSQL.5432"
        self.url = f"{url.rpartition('host=')[0]}host={folder}"
        self._carrying: list[asyncio.Task[None]] = []
        self._ends: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Network":
        self._server = await asyncio.start_unix_server(self._connected, self._here)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.breaks()
        for end in self._ends:
            end.close()
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._there)
        self._ends += [writer, far_writer]
        for source, target in ((reader, far_writer), (far_reader, writer)):
            self._carrying.append(asyncio.create_task(self._carry(source, target)))

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
        target.close()

    def breaks(self) -> None:
        """Nobody is told: the sockets stay open."""
        for task in self._carrying:
            task.cancel()
        self._carrying = []


async def _drop_leases(db: Database) -> None:
    async with db.read() as tx:
        await tx.session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'hotline lease %' AND datname = current_database()"
            )
        )
