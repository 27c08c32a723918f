"""The worker: batches become rows, one transaction each, whatever the database and the connection do meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hotline import worker as module
from hotline.agents import service as agents
from hotline.agents.commands import AgentDesk
from hotline.agents.models import Agent
from hotline.agents.supervision import SupervisorDesk
from hotline.bus import InProcessBus
from hotline.calls.models import Call, CallOffer, PbxNode
from hotline.clock import now
from hotline.db import Database, Tx
from hotline.errors import TelephonyError
from hotline.events import NodeChanged
from hotline.handlers import Handlers
from hotline.settings import Settings
from hotline.telephony import messages as m
from hotline.telephony.asterisk import Asterisk
from hotline.worker import Worker
from tests import factories, pbx_model
from tests.fake_asterisk import SECRET, FakeAsterisk
from tests.pbx_model import BOOT, TRANSCRIPTS, Pbx, transcript

ANSWERED = transcript("answered-caller-hangs-up")
QUIET = m.Snapshot(factories.T0, BOOT, (), (), (), {})


class FakeHouse:
    """Asterisk's files and the agents' desk, as far as the worker knows them."""

    def __init__(self) -> None:
        self.written: list[list[tuple[str, str]]] = []
        self.outside: dict[str, str] = {}
        self.reactions = 0
        self.reacted = asyncio.Event()
        self.fails = False

    async def write_agents(self, phones: Iterable[tuple[str, str]], outside: Mapping[str, str] | None = None) -> None:
        if self.fails:
            raise TelephonyError("Asterisk did not reload.")
        self.written.append(list(phones))
        self.outside = dict(outside or {})

    async def react(self) -> None:
        self.reactions += 1
        self.reacted.set()

    async def wrap_up_sweep(self, at: object) -> None:
        pass


@pytest.fixture
def house() -> FakeHouse:
    return FakeHouse()


@pytest.fixture
def work(db: Database, house: FakeHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(module, "_RETRY_S", 0.001)
    db.dispatch = Handlers(lambda at: at).dispatch
    return _worker(db, house, tmp_path)


async def unheard(_command: object) -> Any:
    raise TelephonyError("nobody is there")


def _worker(db: Database, house: FakeHouse, folder: Path, port: int = 1) -> Worker:
    settings = Settings(data_dir=folder, ami_port=port)
    return Worker(
        settings,
        db=db,
        bus=InProcessBus(),
        asterisk=cast(Asterisk, house),
        desk=cast(AgentDesk, house),
        supervision=SupervisorDesk(db, unheard),
        ami_secret=SECRET,
    )


class Failing:
    """The store's transactions fail so many times, at their end."""

    def __init__(self, db: Database, errors: Sequence[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
        self.errors, self.commits, self._write = list(errors), 0, db.write
        monkeypatch.setattr(db, "write", self.write)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        async with self._write() as tx:
            yield tx
            if self.errors:
                raise self.errors.pop(0)
            self.commits += 1


async def _all(db: Database, table: type[Any]) -> Sequence[Any]:
    async with db.read() as tx:
        return list(await tx.session.scalars(select(table)))


async def _call(db: Database) -> Call:
    [call] = await _all(db, Call)
    return cast(Call, call)


async def _kinds(db: Database) -> list[str]:
    return [row.type for row in await db.after(0) if row.type.startswith(("Call", "Agent", "Recording"))]


# Batches


async def test_all_of_a_batch_is_one_transaction(work: Worker, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Failing(db, [], monkeypatch)
    await work.on_batch(ANSWERED)
    call = await _call(db)
    assert (call.phase, call.outcome, store.commits) == ("ended", "answered", 1)


async def test_a_batch_without_meaning_costs_no_transaction(
    work: Worker, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Failing(db, [], monkeypatch)
    await work.on_batch([m.Hold(at=factories.T0, channel=pbx_model.trunk())])
    assert store.commits == 0


async def test_batches_and_one_batch_write_the_same(work: Worker, db: Database) -> None:
    for message in ANSWERED:
        await work.on_batch([message])
    call = await _call(db)
    assert (call.outcome, call.hangup_by, call.wait_ms, call.talk_ms) == ("answered", "caller", 1013, 5404)


async def test_what_asterisk_says_of_agents_is_written_in_the_same_transaction(
    work: Worker, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.write() as tx:
        await factories.agent(tx, endpoint="a1")
    store = Failing(db, [], monkeypatch)
    added = m.QueueMember(
        at=factories.T0, kind="added", queue="hotline", member="a1", interface="PJSIP/a1", status=1, paused=False,
        reason=None,
    )  # fmt: skip
    await work.on_batch([added, *ANSWERED[:2]])
    [agent] = await _all(db, Agent)
    assert (agent.state, len(await _all(db, Call)), store.commits) == ("ready", 1, 1)


# A database that is away


AWAY = [
    OperationalError("x", {}, Exception()),
    InterfaceError("x", {}, Exception()),
    ConnectionRefusedError(),
    TimeoutError(),
    PoolTimeout(),
    DBAPIError("x", {}, Exception("terminating connection"), connection_invalidated=True),
]


async def test_while_the_database_is_away_the_batch_is_kept(
    work: Worker, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Failing(db, AWAY, monkeypatch)
    await work.on_batch(ANSWERED)
    assert (await _call(db)).outcome == "answered"
    assert (store.commits, work.counts["write_retries"], work.counts["batches"]) == (1, len(AWAY), 1)


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
async def test_a_lost_phone_is_reacted_to_though_the_database_was_away(
    work: Worker, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tries, done = 0, asyncio.Event()

    async def react() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise error
        done.set()

    monkeypatch.setattr(module, "_SWEEP_S", 0.01)
    monkeypatch.setattr(work.desk, "react", react)
    work._react.set()
    sweep = asyncio.create_task(work._sweep())
    async with asyncio.timeout(5):
        await asyncio.wait({sweep, asyncio.create_task(done.wait())}, return_when=asyncio.FIRST_COMPLETED)
    assert not sweep.done(), sweep
    sweep.cancel()


async def test_that_nothing_is_written_is_said_from_the_first_try_on_even_if_that_hangs(
    work: Worker, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, free, at = asyncio.Event(), asyncio.Event(), now()

    @asynccontextmanager
    async def locked() -> AsyncIterator[Tx]:
        began.set()
        await free.wait()
        async with write() as tx:
            yield tx

    write = db.write
    monkeypatch.setattr(db, "write", locked)
    monkeypatch.setattr(module, "now", lambda: at)
    batch = asyncio.create_task(work.on_batch(ANSWERED))
    await began.wait()
    since, at = at, at + timedelta(seconds=1.9)
    assert work.unwritten_since is None
    at = since + timedelta(seconds=2)
    assert work.unwritten_since == since
    free.set()
    await batch
    assert work.unwritten_since is None


@pytest.mark.parametrize("error", [ValueError("a bug"), IntegrityError("x", {}, Exception())])
async def test_an_error_of_ours_is_told_and_the_next_snapshot_makes_it_good(
    work: Worker, db: Database, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    await work.on_snapshot(QUIET)
    await work.on_batch(ANSWERED[:2])
    Failing(db, [error], monkeypatch)
    middle = len(ANSWERED) // 2
    with pytest.raises(type(error)):  # the client counts it and takes a new snapshot
        await work.on_batch(ANSWERED[2:middle])
    assert await _kinds(db) == ["CallStarted"]
    await work.on_snapshot(Pbx.after(ANSWERED[:middle]).snapshot())
    assert await _kinds(db) == ["CallStarted", "CallQueued", "AgentRang"]
    await work.on_batch(ANSWERED[middle:])
    call = await _call(db)
    assert (call.phase, call.outcome, call.hangup_by) == ("ended", "answered", "caller")


async def test_a_call_whose_end_no_row_took_is_ended_by_the_next_snapshot(
    work: Worker, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await work.on_snapshot(QUIET)
    await work.on_batch(ANSWERED[:-3])
    Failing(db, [ValueError()], monkeypatch)
    with pytest.raises(ValueError):
        await work.on_batch(ANSWERED[-3:])
    assert (await _call(db)).ended_at is None
    await work.on_snapshot(Pbx.after(ANSWERED).snapshot())
    call = await _call(db)
    assert (call.phase, call.outcome) == ("ended", "answered")


async def test_a_snapshot_that_no_row_took_is_taken_in_again(
    work: Worker, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(db, [OperationalError("x", {}, Exception())], monkeypatch)
    snapshot = Pbx.after(ANSWERED[:4]).snapshot()
    with pytest.raises(OperationalError):
        await work.on_snapshot(snapshot)
    assert await _all(db, Call) == []
    await work.on_snapshot(snapshot)
    assert (await _call(db)).linkedid == "pbx1-1795545637.0"


# Snapshots


async def test_the_first_snapshot_goes_on_with_the_calls_of_our_rows(
    work: Worker, db: Database, house: FakeHouse, tmp_path: Path
) -> None:
    middle = len(ANSWERED) // 2
    await work.on_snapshot(QUIET)
    await work.on_batch(ANSWERED[:middle])
    again = _worker(db, house, tmp_path)
    await again.on_snapshot(Pbx.after(ANSWERED[:middle]).snapshot())
    await again.on_batch(ANSWERED[middle:])
    call = await _call(db)
    assert (call.outcome, call.hangup_by, call.wait_ms) == ("answered", "caller", 1013)
    assert len(await _kinds(db)) == len(set(await _kinds(db))) == 7


async def test_calls_that_ended_while_we_were_away_end_with_the_first_snapshot(work: Worker, db: Database) -> None:
    async with db.write() as tx:
        await factories.call(tx, linkedid="c1", phase="talking", answered_at=factories.T0)
    await work.on_snapshot(QUIET)
    call = await _call(db)
    assert (call.phase, call.outcome, call.hangup_by) == ("ended", "answered", None)


async def test_calls_that_an_asterisk_of_another_start_had_were_ended_by_it(work: Worker, db: Database) -> None:
    async with db.write() as tx:
        await factories.call(tx)
        tx.session.add(PbxNode(name="pbx1", boot="2020-01-01T00:00:00", state="live", since=factories.T0, epoch=1))
    await work.on_snapshot(QUIET)
    assert (await _call(db)).hangup_by == "system"


async def _node_events(db: Database) -> list[tuple[str, int]]:
    return [(row.data["state"], row.data["epoch"]) for row in await db.after(0) if row.type == NodeChanged.__name__]


async def test_screens_are_told_when_what_they_show_may_be_stale(work: Worker, db: Database) -> None:
    await work.on_snapshot(QUIET)
    await work.on_state("live")
    assert work.live.is_set()
    await work.on_state("down")
    await work.on_state("connecting")
    assert not work.live.is_set()
    await work.on_snapshot(replace(QUIET, at=pbx_model.at(9)))
    assert await _node_events(db) == [("live", 1), ("stale", 1), ("live", 2)]


async def test_a_snapshot_that_only_checks_starts_no_new_epoch(work: Worker, db: Database) -> None:
    await work.on_snapshot(QUIET)
    await work.on_snapshot(QUIET)
    assert await _node_events(db) == [("live", 1)]


async def test_a_worker_that_follows_a_killed_one_is_a_new_epoch(
    work: Worker, db: Database, house: FakeHouse, tmp_path: Path
) -> None:
    await work.on_snapshot(QUIET)
    await _worker(db, house, tmp_path).on_snapshot(replace(QUIET, at=pbx_model.at(9)))
    assert await _node_events(db) == [("live", 1), ("live", 2)]


async def test_another_start_of_asterisk_is_a_new_epoch(work: Worker, db: Database) -> None:
    await work.on_snapshot(QUIET)
    await work.on_snapshot(replace(QUIET, at=pbx_model.at(9), boot="2026-11-25T00:00:00"))
    assert await _node_events(db) == [("live", 1), ("live", 2)]


async def test_a_lost_connection_ends_nothing_when_the_database_is_away_too(
    work: Worker, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await work.on_state("live")
    Failing(db, [OperationalError("x", {}, Exception())], monkeypatch)
    await work.on_state("down")
    assert not work.live.is_set()


# Phones


async def test_each_secret_is_told_to_asterisk_once(work: Worker, db: Database, house: FakeHouse) -> None:
    async with db.write() as tx:
        one = await factories.agent(tx, endpoint="a1", phone_version=1, phone_secret="s1")
        await factories.agent(tx, endpoint="a2", phone_version=3, phone_secret="s3")
    await work.provision()
    await work.provision()
    assert house.written == [[("a1", "s1"), ("a2", "s3")]]
    async with db.write() as tx:
        await agents.new_secret(tx, one.id, factories.T0)
    await work.provision()
    assert len(house.written) == 2
    assert [row.type for row in await db.after(0)].count("PhoneProvisioned") == 3


async def test_a_phone_that_asterisk_did_not_take_is_not_said_to_be_ready(
    work: Worker, db: Database, house: FakeHouse
) -> None:
    async with db.write() as tx:
        await factories.agent(tx, endpoint="a1", phone_version=1, phone_secret="s1")
    house.fails = True
    with pytest.raises(TelephonyError):
        await work.provision()
    house.fails = False
    await work.provision()
    assert house.written == [[("a1", "s1")]]


# Reactions


LOST = m.ContactStatus(at=factories.T0, endpoint="a1", status="Removed", uri="sip:a1@1")
MISSED = transcript("ring-no-answer-next-agent")


@pytest.mark.parametrize(("batch", "reactions"), [((LOST,), 1), (MISSED, 1), (ANSWERED, 0)])
async def test_lost_phones_and_missed_calls_are_reacted_to_at_once(
    work: Worker, house: FakeHouse, monkeypatch: pytest.MonkeyPatch, batch: Sequence[m.Message], reactions: int
) -> None:
    monkeypatch.setattr(module, "_SWEEP_S", 30.0)
    sweep = asyncio.create_task(work._sweep())
    await work.on_batch(batch)
    for _ in range(20):
        await asyncio.sleep(0)
    if reactions:
        async with asyncio.timeout(5):
            await house.reacted.wait()
    assert house.reactions == reactions
    sweep.cancel()
    with suppress(asyncio.CancelledError):
        await sweep


@pytest.mark.parametrize(("phone", "result", "misses"), [("ok", "missed", 1), ("lost", "withdrawn", 0)])
async def test_a_ring_at_a_dead_phone_is_nobodys_missed_call(
    work: Worker, db: Database, phone: str, result: str, misses: int
) -> None:
    """A page that loads anew while it rings is hung up by us: app_queue calls that RingNoAnswer as well."""
    async with db.write() as tx:
        await factories.agent(tx, endpoint="a1", phone=phone, phone_contact="sip:a1@1", state="ready", in_queue=True)
    await work.on_batch(MISSED)
    offers = {offer.member: offer.result for offer in await _all(db, CallOffer)}
    [agent] = await _all(db, Agent)
    assert (offers["a1"], agent.misses) == (result, misses)


# All of it


async def test_from_the_socket_to_the_rows(db: Database, house: FakeHouse, tmp_path: Path) -> None:
    db.dispatch = Handlers(lambda at: at).dispatch
    async with FakeAsterisk() as ami:
        work = _worker(db, house, tmp_path, ami.port)
        events = asyncio.create_task(work.events.run())
        async with asyncio.timeout(10):
            await work.live.wait()
            await ami.play((TRANSCRIPTS / "blocked.ami").read_bytes(), piece=4096)
            while len([call for call in await _all(db, Call) if call.ended_at]) < 6:
                await asyncio.sleep(0.01)
        events.cancel()
        with suppress(asyncio.CancelledError):
            await events
    outcomes = sorted(call.outcome for call in await _all(db, Call))
    assert outcomes == ["abandoned"] * 4 + ["answered", "blocked"]
