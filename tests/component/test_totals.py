"""Totals from the store: a day's rows beside Asterisk's own records, the nightly line, and what the doctor says."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hotline import doctor
from hotline.calls import day as days
from hotline.calls.models import Call, CallAlias, JournalCall, JournalFile, PbxNode
from hotline.calls.totals import Day
from hotline.clock import now
from hotline.db import Database, EventRow, Tx
from hotline.nightly import Nightly
from hotline.settings import Settings
from tests import factories
from tests.web_house import statements

ZONE = "Asia/Shanghai"
MONDAY = date(2026, 5, 11)
NOON = datetime(2026, 5, 11, 4, 0, tzinfo=UTC)
NEXT_DAY = datetime(2026, 5, 11, 16, 30, tzinfo=UTC)  # half past midnight in Shanghai


async def ended(tx: Tx, at: datetime, outcome: str = "answered", **values: Any) -> Call:
    """A call of a minute that began at `at`."""
    return await factories.call(
        tx, started_at=at, ended_at=at + timedelta(minutes=1), outcome=outcome, phase="ended", **values
    )


async def journal(tx: Tx, *calls: Call, read_at: datetime, source: str | None = None, **values: Any) -> None:
    """Asterisk's records of these calls, the same as ours unless `values` say otherwise."""
    for name in ("cel", "queue_log") if source is None else (source,):
        if await tx.session.get(JournalFile, ("pbx1", name, 1)) is None:
            tx.session.add(JournalFile(node="pbx1", source=name, inode=1, offset=1, read_at=read_at))
        for call in calls:
            same = {
                "node": call.node, "linkedid": call.linkedid, "line": call.line, "started_at": call.started_at,
                "ended_at": call.ended_at, "outcome": call.outcome, "hangup_by": call.hangup_by,
            }  # fmt: skip
            tx.session.add(JournalCall(source=name, **{**same, **values}))
    await tx.session.flush()


async def read(db: Database, day: date = MONDAY, at: datetime = NOON, **values: Any) -> Day:
    async with db.read() as tx:
        return await days.read(tx, day, timezone=ZONE, at=at, **values)


@pytest.fixture
def settings(tmp_path: Path, db: Database) -> Settings:
    return Settings(data_dir=tmp_path, database_url=db.url, _env_file=None)


async def test_a_day_is_read_in_a_fixed_number_of_statements(db: Database) -> None:
    counts = []
    for many in (1, 4):
        async with db.write() as tx:
            for minute in range(many):
                call = await ended(tx, NOON - timedelta(minutes=30 + minute))
                await journal(tx, call, read_at=NOON)
        with statements(db) as seen:
            day = await read(db)
        counts.append(len(seen))
    assert (day.calls, day.differences) == (5, ())
    assert counts == [4, 4]


async def test_a_call_that_became_another_one_counts_once_under_either_name(db: Database) -> None:
    at = NOON - timedelta(minutes=30)
    async with db.write() as tx:
        call = await ended(tx, at)
        other = await ended(tx, at, outcome=None, linkedid="younger")
        other.phase = "merged"
        tx.session.add(CallAlias(node="pbx1", linkedid="younger", call_id=call.id))
        await journal(tx, call, read_at=NOON, source="cel")
        await journal(tx, call, read_at=NOON, source="queue_log", linkedid="younger")
    day = await read(db)
    assert (day.calls, day.differences) == (1, ())


async def test_calls_that_we_made_are_in_no_total_and_differ_from_nothing(db: Database) -> None:
    async with db.write() as tx:
        taken = await ended(tx, NOON - timedelta(minutes=10))
        made = await ended(tx, NOON - timedelta(minutes=5), direction="outbound")
        await journal(tx, taken, read_at=NOON)
        await journal(tx, made, read_at=NOON, source="cel")  # the queue's log knows nothing of it
    day = await read(db)
    assert (day.calls, day.differences) == (1, ())


async def test_only_the_asked_nodes_calls_and_records_are_compared(db: Database) -> None:
    async with db.write() as tx:
        mine = await ended(tx, NOON - timedelta(minutes=30))
        await ended(tx, NOON - timedelta(minutes=20), node="pbx2")
        await journal(tx, mine, read_at=NOON)
    for node, calls in ((None, 2), ("pbx1", 1), ("pbx2", 1)):
        day = await read(db, node=node)
        assert (day.calls, day.differences) == (calls, ())


async def test_a_call_is_of_the_local_day_on_which_it_began(db: Database) -> None:
    midnight = datetime(2026, 5, 10, 16, 0, tzinfo=UTC)
    async with db.write() as tx:
        await ended(tx, midnight - timedelta(seconds=1))
        await ended(tx, midnight)
    assert [(await read(db, day)).calls for day in (date(2026, 5, 10), MONDAY)] == [1, 1]


async def told(db: Database) -> list[dict[str, Any]]:
    """What the trail has of Monday."""
    async with db.read() as tx:
        rows = await tx.session.scalars(select(EventRow.data).where(EventRow.type == "TotalsCompared"))
        return [row for row in rows if row["day"] == MONDAY.isoformat()]


async def test_a_day_that_is_over_is_told_once_also_by_a_process_that_starts_anew(
    db: Database, settings: Settings
) -> None:
    async with db.write() as tx:
        whole, lost = [await ended(tx, NOON - timedelta(minutes=minute)) for minute in (20, 30)]
        await journal(tx, whole, read_at=NEXT_DAY)
        await journal(tx, lost, read_at=NEXT_DAY, source="cel")
    nightly = Nightly(settings, db)
    assert nightly.counts() == {}
    await nightly.look(NOON)
    assert nightly.counts() == {"totals_differences": 1.0, "totals_unread": 0.0}
    assert await told(db) == []
    await nightly.look(NEXT_DAY)
    await nightly.look(NEXT_DAY + timedelta(minutes=5))
    await Nightly(settings, db).look(NEXT_DAY + timedelta(minutes=10))
    assert await told(db) == [{"node": "pbx1", "day": "2026-05-11", "calls": 2, "differences": 1, "unread": 0}]


async def test_a_night_waits_for_a_journal_that_is_behind_but_not_for_ever(db: Database, settings: Settings) -> None:
    async with db.write() as tx:
        call = await ended(tx, NOON)
        await journal(tx, read_at=NOON, source="cel")
        await journal(tx, call, read_at=NEXT_DAY, source="queue_log")
    nightly = Nightly(settings, db)
    await nightly.look(NEXT_DAY)
    assert await told(db) == []
    await nightly.look(NEXT_DAY + timedelta(hours=6))
    assert [(row["differences"], row["unread"]) for row in await told(db)] == [(0, 1)]


async def test_the_doctor_says_what_adds_up_and_what_does_not(db: Database, settings: Settings) -> None:
    async def line() -> tuple[bool, str]:
        found = {finding.name: finding for finding in await doctor.examine(settings)}["totals"]
        return found.is_ok, found.detail

    assert await line() == (True, "0 calls since yesterday, 0 going on, no journal was read yet")
    at = now() - timedelta(minutes=10)
    async with db.write() as tx:
        first = await ended(tx, at)
        second = await ended(tx, at + timedelta(minutes=1), "abandoned")
        await journal(tx, first, second, read_at=now())
    assert await line() == (True, "2 calls since yesterday, 0 going on, as in cel and queue_log")
    async with db.write() as tx:
        (await tx.session.get_one(Call, second.id)).outcome = "answered"
    is_ok, detail = await line()
    assert not is_ok
    assert detail.startswith("sources disagree about calls: 1 on ")
    assert detail.endswith(f"; first {second.linkedid} (outcome): see /operations")


async def test_the_doctor_misses_a_record_that_is_not_there_or_not_read_on(db: Database, settings: Settings) -> None:
    async def line() -> tuple[bool, str]:
        found = {finding.name: finding for finding in await doctor.examine(settings)}["call journal"]
        return found.is_ok, found.detail

    assert await line() == (True, "no call so far")
    async with db.write() as tx:
        await ended(tx, NOON)
    assert (await line())[1].endswith("is not there, though 1 calls are known: restart the hotline")
    cel = settings.data_dir.resolve() / "asterisk" / "log" / "cel-custom" / "cel.csv"
    cel.parent.mkdir(parents=True)
    cel.touch(mode=0o600)
    long_ago = now() - timedelta(minutes=2)
    async with db.write() as tx:
        await journal(tx, read_at=now(), source="cel")
        await journal(tx, read_at=long_ago, source="queue_log")
    assert await line() == (True, "cel.csv, 0 kB, 2 records read")
    cel.rename(cel.with_name("cel.csv.1"))
    assert await line() == (True, "no call since the last file was set aside")
    async with db.write() as tx:
        tx.session.add(PbxNode(name="pbx1", boot="b", state="live", since=long_ago, epoch=1))
    is_ok, detail = await line()
    assert not is_ok
    assert detail.startswith("queue_log was read until ")
