"""Calls as rows: what the tracker's events write, with tickets, agents and call-backs; and back into the tracker."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from hotline.agents.models import Agent
from hotline.calls import service
from hotline.calls.models import Call, CallAlias, CallOffer, Recording
from hotline.calls.record import CallRecord, fold
from hotline.calls.tracker import Tracker
from hotline.clock import iso
from hotline.db import Base, Database, Emitted
from hotline.events import (
    AgentLegEnded,
    AgentMissed,
    AgentRang,
    CallAnswered,
    CallEnded,
    CallEvent,
    CallMerged,
    CallQueued,
    CallStarted,
    RecordingStarted,
)
from hotline.handlers import Handlers
from hotline.tickets.models import Contact, ContactTicket, DueWork, Ticket
from tests import factories, pbx_model
from tests.pbx_model import Pbx, transcript

HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
async def house(db: Database) -> Database:
    """A store with the wiring, and two agents whose phones are those of the transcripts."""
    db.dispatch = Handlers(lambda at: at + HALF_AN_HOUR).dispatch
    async with db.write() as tx:
        for name in ("a1", "a2"):
            await factories.agent(tx, endpoint=name, state="ready", in_queue=True, phone="ok")
    return db


async def _write(db: Database, events: Iterable[CallEvent]) -> None:
    async with db.write() as tx:
        for event in events:
            tx.emit(event)


async def _play(db: Database, name: str) -> list[CallEvent]:
    """A transcript, in as many transactions as it has seconds."""
    tracker, told = Tracker("pbx1"), list[CallEvent]()
    batch: list[CallEvent] = []
    for message in transcript(name):
        found = tracker.feed(message)
        if found and batch and found[0].at - batch[0].at > timedelta(seconds=1):
            await _write(db, batch)
            batch = []
        batch += found
        told += found
    await _write(db, batch)
    return told


async def _all(db: Database, table: type[Any], *order: Any) -> Sequence[Any]:
    async with db.read() as tx:
        return list(await tx.session.scalars(select(table).order_by(*order)))


async def _one(db: Database, table: type[Any]) -> Any:
    [row] = await _all(db, table)
    return row


async def _agents(db: Database) -> dict[str, Agent]:
    return {agent.endpoint: agent for agent in await _all(db, Agent)}


def _shown(call: Call, agents: dict[str, Agent]) -> dict[str, Any]:
    names = {agent.id: agent.endpoint for agent in agents.values()}
    return {
        "linkedid": call.linkedid,
        "line": call.line,
        "caller_number": call.caller_number,
        "started_at": iso(call.started_at),
        "queued_at": iso(call.queued_at),
        "answered_at": iso(call.answered_at),
        "ended_at": iso(call.ended_at),
        "outcome": call.outcome,
        "hangup_by": call.hangup_by,
        "agent": names.get(call.agent_id) if call.agent_id else None,
        "wait_s": None if call.wait_ms is None else call.wait_ms / 1000,
        "talk_s": None if call.talk_ms is None else call.talk_ms / 1000,
    }


def _same(record: CallRecord, keys: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in record.as_json().items() if key in keys}


@pytest.mark.parametrize("name", pbx_model.NAMES)
async def test_rows_say_what_the_records_say(house: Database, name: str) -> None:
    records = fold(await _play(house, name))
    calls, agents = await _all(house, Call, Call.started_at), await _agents(house)
    shown = [_shown(call, agents) for call in calls]
    assert shown == [_same(record, shown[0]) for record in records]
    assert {call.phase for call in calls} == {"ended"}


async def test_a_call_has_a_contact_and_a_ticket_from_its_first_sign(house: Database) -> None:
    await _write(house, [_started()])
    call, contact, ticket = await _one(house, Call), await _one(house, Contact), await _one(house, Ticket)
    link = await _one(house, ContactTicket)
    assert (call.phase, contact.call_id, contact.caller_number, contact.channel) == (
        "greeting", call.id, "13800138000", "phone_12345",
    )  # fmt: skip
    assert (link.contact_id, link.ticket_id) == (contact.id, ticket.id)
    started = (await house.after(0))[0]
    assert (started.type, started.call_id, started.ticket_id) == ("CallStarted", call.id, ticket.id)
    assert "caller_number" not in started.data


async def test_the_phases_of_a_call_that_is_answered(house: Database) -> None:
    tracker, phases = Tracker("pbx1"), []
    for message in transcript("ring-no-answer-next-agent"):
        events = tracker.feed(message)
        if events:
            await _write(house, events)
            phases.append((await _one(house, Call)).phase)
    assert phases == ["greeting", "waiting", "ringing", "waiting", "ringing", "talking", "ended"]


async def test_the_ticket_goes_to_whose_phone_rings_and_back_when_they_miss_it(house: Database) -> None:
    tracker, owners, names = Tracker("pbx1"), [], {a.id: a.endpoint for a in (await _agents(house)).values()}
    for message in transcript("ring-no-answer-next-agent"):
        for event in tracker.feed(message):
            await _write(house, [event])
            owner = (await _one(house, Ticket)).agent_id
            owners.append((type(event).__name__, names[owner] if owner else None))
    assert owners == [
        ("CallStarted", None),
        ("CallQueued", None),
        ("AgentRang", "a1"),
        ("AgentMissed", None),
        ("AgentRang", "a2"),
        ("CallAnswered", "a2"),
        ("RecordingStarted", "a2"),
        ("AgentLegEnded", "a2"),
        ("CallEnded", "a2"),
    ]


async def test_offers_say_who_was_rung_and_what_became_of_it(house: Database) -> None:
    await _play(house, "ring-no-answer-next-agent")
    offers, agents = await _all(house, CallOffer, CallOffer.rang_at), await _agents(house)
    assert [(offer.member, offer.result, offer.agent_id) for offer in offers] == [
        ("a1", "missed", agents["a1"].id),
        ("a2", "answered", agents["a2"].id),
    ]
    assert [iso(offer.left_at) for offer in offers] == [None, "2026-11-24T18:42:13.411Z"]


async def test_recordings_are_listed_once_their_recorder_runs(house: Database) -> None:
    await _play(house, "voicemail-waited")
    # Nobody answered: the recorder of the talk never wrote.
    assert [(row.kind, row.file) for row in await _all(house, Recording)] == [
        ("voicemail", "pbx1/2026/11/24/pbx1-1795545978.0-2.wav")
    ]


@pytest.mark.parametrize(
    ("name", "owed"),
    [
        ("abandoned", 1),
        ("voicemail-nobody", 1),
        ("closed-hang-up", 1),
        ("blocked", 5),  # the one who met busy, and four who gave up waiting
        ("answered-caller-hangs-up", 0),
        ("phone-lost-next-agent", 0),
    ],
)
async def test_who_got_no_help_and_left_a_number_is_owed_a_call(house: Database, name: str, owed: int) -> None:
    await _play(house, name)
    ended = [call.ended_at for call in await _all(house, Call)]
    work = [row for row in await _all(house, DueWork) if row.kind == "call_back"]
    assert len(work) == owed
    assert all(row.due_at - HALF_AN_HOUR in ended for row in work)


async def test_who_hides_their_number_cannot_be_called_back(house: Database) -> None:
    await _write(house, [_started(number=None), _ended()])
    assert await _all(house, DueWork) == []
    assert (await _one(house, Call)).outcome == "abandoned"


async def test_handlers_run_twice_have_one_effect(house: Database) -> None:
    told = await _play(house, "phone-lost-next-agent")
    before = await _picture(house)
    async with house.write() as tx:
        for event in told:
            await service.record(tx, Emitted(event))
    assert await _picture(house) == before


async def test_the_same_events_again_are_no_events(house: Database) -> None:
    told = await _play(house, "phone-lost-next-agent")
    before, seq = await _picture(house), await house.last_seq()
    await _write(house, told)
    assert (await _picture(house), await house.last_seq()) == (before, seq)


async def _picture(db: Database) -> list[Any]:
    tables: tuple[type[Base], ...] = (Call, CallOffer, CallAlias, Recording, Contact, Ticket, DueWork, Agent)
    return [
        sorted(repr([getattr(row, column.key) for column in table.__table__.columns]) for row in await _all(db, table))
        for table in tables
    ]


async def test_an_event_of_a_call_that_nobody_recorded_is_let_go(house: Database) -> None:
    await _write(house, [_ended()])
    assert await _all(house, Call) == []


# Handlers that were parked and run late


async def test_a_late_ring_of_an_ended_call_rings_no_longer(house: Database) -> None:
    await _write(house, [_started(), _ended()])
    await _record(house, _about(AgentRang, 5, member="a1", leg="p1"))
    offer = await _one(house, CallOffer)
    assert (offer.result, offer.ended_at) == ("withdrawn", _at(60))
    assert (await _one(house, Call)).phase == "ended"


async def test_a_late_answer_does_not_take_the_call_from_who_has_it(house: Database) -> None:
    await _write(house, [_started(), _about(CallAnswered, 30, member="a2", wait_ms=1, leg="p2")])
    await _record(house, _about(CallAnswered, 10, member="a1", wait_ms=1, leg="p1"), agent="a1")
    call, agents = await _one(house, Call), await _agents(house)
    assert (call.agent_id, call.phase, call.phase_at) == (agents["a2"].id, "talking", _at(30))


async def test_a_late_queueing_does_not_make_a_caller_wait_who_talks(house: Database) -> None:
    await _write(house, [_started(), _about(CallAnswered, 30, member="a2", wait_ms=1, leg="p2")])
    await _record(house, _about(CallQueued, 9, queue="hotline", recording="f.wav"))
    call = await _one(house, Call)
    assert (call.phase, call.queued_at, call.recording_file) == ("talking", _at(9), "f.wav")


async def test_a_late_end_of_a_leg_does_not_count_its_talk_twice(house: Database) -> None:
    answered = _about(CallAnswered, 10, member="a1", wait_ms=1, leg="p1")
    await _write(house, [_started(), answered, _ended("answered", talk_ms=50_000)])
    await _record(house, _about(AgentLegEnded, 60, member="a1", leg="p1"))
    assert (await _one(house, Call)).talk_ms == 50_000


# Calls that became one


async def test_the_younger_call_lives_on_in_the_older_one(house: Database) -> None:
    younger = [
        _started("c2", 10, number="13900139000"),
        _about(AgentRang, 11, "c2", member="a1", leg="p1"),
        _about(CallAnswered, 12, "c2", member="a1", wait_ms=2000, leg="p1"),
        _about(RecordingStarted, 12, "c2", kind="call", file="f.wav"),
    ]
    await _write(house, [_started(), *younger, _about(CallMerged, 20, other="c2")])
    older, gone = await _all(house, Call, Call.started_at)
    assert (older.phase, gone.phase, gone.ended_at) == ("talking", "merged", _at(20))
    assert (older.answered_at, older.wait_ms, older.caller_number) == (_at(12), 2000, "13800138000")
    assert {(row.call_id, row.linkedid) for row in await _all(house, CallAlias)} == {(older.id, "c2")}
    assert {row.call_id for table in (CallOffer, Recording) for row in await _all(house, table)} == {older.id}
    assert (await _agents(house))["a1"].call_id == older.id
    await _write(house, [_about(AgentLegEnded, 30, member="a1", leg="p1")])
    assert ((await _one(house, CallOffer)).left_at, (await _all(house, Call, Call.started_at))[0].talk_ms) == (
        _at(30), 18_000,
    )  # fmt: skip


async def test_events_by_a_name_that_was_given_up_reach_the_call(house: Database) -> None:
    await _write(house, [_started(), _started("c2", 10), _about(CallMerged, 20, other="c2")])
    await _write(house, [_about(CallEnded, 60, "c2", outcome="answered", hangup_by="agent", talk_ms=1)])
    older, gone = await _all(house, Call, Call.started_at)
    assert ((older.phase, older.outcome), (gone.phase, gone.outcome)) == (("ended", "answered"), ("merged", None))


async def test_a_merge_run_twice_is_one(house: Database) -> None:
    merged = _about(CallMerged, 20, other="c2")
    await _write(house, [_started(), _started("c2", 10), merged])
    before = await _picture(house)
    await _record(house, merged)
    assert await _picture(house) == before


# Back into the tracker


@pytest.mark.parametrize("name", ["blocked", "phone-lost-next-agent", "ring-no-answer-next-agent", "voicemail-waited"])
async def test_after_our_restart_the_tracker_goes_on_from_the_rows(house: Database, name: str) -> None:
    messages = transcript(name)
    whole = {record.linkedid: record for record in fold(_events(messages))}
    cut = len(messages) // 2
    await _write(house, _events(messages[:cut]))
    async with house.read() as tx:
        rows = await service.open_calls(tx, "pbx1")
    assert rows == pbx_model.open_calls(_events(messages[:cut]))
    tracker = Tracker("pbx1")
    tracker.adopt(rows)
    await _write(house, tracker.resync(Pbx.after(messages[:cut]).snapshot()))
    await _write(house, [event for message in messages[cut:] for event in tracker.feed(message)])
    calls, agents = await _all(house, Call), await _agents(house)
    keys = {
        "linkedid",
        "line",
        "caller_number",
        "started_at",
        "queued_at",
        "answered_at",
        "ended_at",
        "outcome",
        "agent",
    }
    assert len(calls) == len(whole)
    for call in calls:
        shown = _shown(call, agents)
        assert {key: shown[key] for key in keys} == _same(whole[call.linkedid], keys)


def _events(messages: Iterable[Any]) -> list[CallEvent]:
    tracker = Tracker("pbx1")
    return [event for message in messages for event in tracker.feed(message)]


async def test_open_calls_are_of_this_node_and_go_on(house: Database) -> None:
    async with house.write() as tx:
        mine = await factories.call(tx)
        await factories.call(tx, node="pbx2")
        await factories.call(tx, phase="merged")
        await factories.call(tx, phase="ended", ended_at=factories.T0)
    async with house.read() as tx:
        assert [row.linkedid for row in await service.open_calls(tx, "pbx1")] == [mine.linkedid]


async def test_who_leaves_a_message_waits_no_more(house: Database) -> None:
    voicemail = _about(RecordingStarted, 40, kind="voicemail", file="v.wav")
    await _write(house, [_started(), _about(CallQueued, 10, queue="hotline"), voicemail])
    async with house.read() as tx:
        [row] = await service.open_calls(tx, "pbx1")
    assert (row.has_voicemail, row.is_waiting, row.unqueued_at) == (True, False, _at(40))


# Events


def _at(seconds: float) -> datetime:
    return factories.T0 + timedelta(seconds=seconds)


def _about(kind: type[CallEvent], seconds: float, call: str = "c1", /, **values: Any) -> CallEvent:
    key = f"pbx1:{call}:{kind.__name__}:{seconds}"
    return kind(at=_at(seconds), dedupe_key=key, node="pbx1", linkedid=call, **values)


def _started(call: str = "c1", seconds: float = 0, number: str | None = "13800138000") -> CallEvent:
    return _about(CallStarted, seconds, call, line="12345", direction="inbound", caller_number=number)


def _ended(outcome: str = "abandoned", **values: Any) -> CallEvent:
    return _about(CallEnded, 60, outcome=outcome, hangup_by="caller", **{"talk_ms": None, **values})


async def _record(db: Database, event: CallEvent, agent: str | None = None) -> UUID | None:
    """Only the rows' own handler, as a retry runs it."""
    agents = await _agents(db)
    async with db.write() as tx:
        item = Emitted(event, agent_id=agents[agent].id if agent else None)
        await service.record(tx, item)
        return item.call_id


async def test_a_missed_ring_counts_for_its_own_leg_only(house: Database) -> None:
    rings = [_about(AgentRang, n, member="a1", leg=f"p{n}") for n in (1, 9)]
    await _write(house, [_started(), rings[0], _about(AgentMissed, 8, member="a1", ring_ms=7000, leg="p1"), rings[1]])
    offers = await _all(house, CallOffer, CallOffer.rang_at)
    assert [(offer.leg, offer.result) for offer in offers] == [("p1", "missed"), ("p9", "ringing")]
    assert (await _one(house, Call)).phase == "ringing"


async def test_a_call_whose_end_is_older_than_what_a_snapshot_said_of_it_has_ended(house: Database) -> None:
    """The snapshot's time is our clock's; Asterisk's own messages of what came before it may still be on their way."""
    tracker = Tracker("pbx1")
    begun = [pbx_model.begins(0), pbx_model.offered(0.1), pbx_model.joins(10)]
    events = [event for message in begun for event in tracker.feed(message)]
    rings = Pbx.after([*begun, pbx_model.calls_agent(10.1, pbx_model.phone(state=5))])
    events += tracker.resync(rings.snapshot(at=pbx_model.at(40)))
    ends = [pbx_model.hangs_up(12, pbx_model.phone(), 0), pbx_model.hangs_up(12, pbx_model.trunk(), 0)]
    await _write(house, events + [event for message in ends for event in tracker.feed(message)])
    call = await _one(house, Call)
    assert (call.phase, call.ended_at) == ("ended", pbx_model.at(12))
