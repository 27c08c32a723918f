"""Who was on a call and how, as rows and in its record: roles, holds, callers aside, people outside, marks."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hotline.calls import service
from hotline.calls.models import Call, CallOffer, CallParty
from hotline.db import Database
from hotline.events import (
    AgentLegEnded,
    AgentRang,
    CallAnswered,
    CallAside,
    CallEnded,
    CallEvent,
    CallMerged,
    CallQueued,
    CallRejoined,
    CallStarted,
    CallTransferred,
    LegHeld,
    LegResumed,
    PartyAnswered,
    PartyLeft,
    PartyRang,
    RecordingStarted,
)
from hotline.handlers import Handlers
from tests import factories
from tests.factories import T0
from web import calls as call_views
from web import legs


@pytest.fixture
async def house(db: Database) -> Database:
    """A store with the wiring, and two agents with the phones a1, a2."""
    db.dispatch = Handlers(lambda at: at).dispatch
    async with db.write() as tx:
        for name in ("a1", "a2"):
            await factories.agent(tx, endpoint=name, name=f"agent {name}", state="ready", in_queue=True, phone="ok")
    return db


def _at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def _about(what: type[CallEvent], seconds: float, /, linkedid: str = "c1", **values: Any) -> CallEvent:
    key = f"{what.__name__}:{linkedid}:{seconds}:{values.get('member', '')}"
    return what(at=_at(seconds), dedupe_key=key, node="pbx1", linkedid=linkedid, **values)


async def _tell(db: Database, *events: CallEvent) -> None:
    async with db.write() as tx:
        for event in events:
            tx.emit(event)


TALK = (
    _about(CallStarted, 0, line="12345", direction="inbound", caller_number="13800138000"),
    _about(CallQueued, 1, queue="hotline", recording="f.wav"),
    _about(AgentRang, 2, member="a1", leg="p1"),
    _about(CallAnswered, 10, member="a1", leg="p1", wait_ms=9000),
    _about(RecordingStarted, 10, kind="call", file="f.wav"),
)
# a1 asks a2 from 20 to 30, then hands the caller over; the caller hears music meanwhile.
ATTENDED = (
    _about(CallAside, 20, what="consult", member="a1"),
    _about(AgentRang, 20, member="a2", leg="p2", role="consult"),
    _about(CallAnswered, 25, member="a2", leg="p2", wait_ms=0, role="consult"),
    _about(CallRejoined, 30, member="a2"),
    _about(CallTransferred, 30, kind="attended", member="a1", to="a2", leg="p2"),
    _about(AgentLegEnded, 30, member="a1", leg="p1", talk_ms=20_000, hold_ms=10_000),
)


async def _row(db: Database, table: type[Any]) -> Any:
    async with db.read() as tx:
        return (await tx.session.scalars(select(table))).one()


async def _offers(db: Database) -> list[CallOffer]:
    async with db.read() as tx:
        return list(await tx.session.scalars(select(CallOffer).order_by(CallOffer.rang_at)))


async def test_each_leg_has_its_role_and_its_own_talk_and_hold(house: Database) -> None:
    ended = _about(CallEnded, 60, outcome="answered", hangup_by="caller", talk_ms=50_000, hold_ms=10_000)
    left = _about(AgentLegEnded, 60, member="a2", leg="p2", role="consult", talk_ms=30_000, hold_ms=0)
    await _tell(house, *TALK, *ATTENDED, left, ended)
    assert [
        (leg.member, leg.role, leg.talk_ms, leg.hold_ms, leg.owned_at, leg.left_at) for leg in await _offers(house)
    ] == [
        ("a1", "queue", 20_000, 10_000, _at(10), _at(30)),
        ("a2", "consult", 30_000, 0, _at(30), _at(60)),
    ]
    call = await _row(house, Call)
    assert (call.talk_ms, call.hold_ms, call.answered_at, call.wait_ms) == (50_000, 10_000, _at(10), 9000)


async def test_a_consulted_agent_who_leaves_had_no_talk_and_owns_nothing(house: Database) -> None:
    back = (
        _about(CallRejoined, 30, member="a1"),
        _about(AgentLegEnded, 30, member="a2", leg="p2", role="consult", talk_ms=0, hold_ms=0),
    )
    await _tell(house, *TALK, *ATTENDED[:3], *back)
    first, second = await _offers(house)
    call = await _row(house, Call)
    assert (second.talk_ms, second.hold_ms, second.owned_at) == (None, None, None)
    assert (call.agent_id, call.phase, call.aside) == (first.agent_id, "talking", None)


async def test_a_caller_aside_is_said_so_with_since_when_and_by_whom(house: Database) -> None:
    await _tell(house, *TALK, ATTENDED[0])
    call = await _row(house, Call)
    assert (call.aside, call.aside_at, call.aside_by, call.phase) == ("consult", _at(20), "a1", "talking")
    await _tell(house, _about(CallRejoined, 30, member="a1"))
    call = await _row(house, Call)
    assert (call.aside, call.aside_at, call.aside_by) == (None, None, None)


async def test_a_hold_is_open_until_it_is_resumed_or_the_leg_ends(house: Database) -> None:
    await _tell(house, *TALK, _about(LegHeld, 20, member="a1", leg="p1"))
    (leg,) = await _offers(house)
    assert (leg.held_at, leg.hold_ms) == (_at(20), None)
    await _tell(house, _about(LegResumed, 24, member="a1", leg="p1"), _about(LegHeld, 30, member="a1", leg="p1"))
    (leg,) = await _offers(house)
    assert (leg.held_at, leg.hold_ms) == (_at(30), 4000)
    await _tell(house, _about(AgentLegEnded, 40, member="a1", leg="p1", talk_ms=30_000, hold_ms=14_000))
    (leg,) = await _offers(house)
    assert (leg.held_at, leg.hold_ms, leg.talk_ms) == (None, 14_000, 30_000)


async def test_a_journal_knows_no_holds(house: Database) -> None:
    past: dict[str, Any] = {"is_past": True}
    await _tell(
        house,
        _about(CallStarted, 0, line="12345", direction="inbound", **past),
        _about(CallAnswered, 10, member="a1", leg="p1", wait_ms=1, **past),
        _about(AgentLegEnded, 40, member="a1", leg="p1", talk_ms=30_000, hold_ms=None, **past),
        _about(CallEnded, 40, outcome="answered", hangup_by="caller", talk_ms=30_000, hold_ms=None, **past),
    )
    (leg,), call = await _offers(house), await _row(house, Call)
    assert (leg.talk_ms, leg.hold_ms, call.talk_ms, call.hold_ms) == (30_000, None, 30_000, None)


async def test_somebody_outside_is_a_row_whose_number_is_in_no_log(house: Database) -> None:
    await _tell(
        house, *TALK, _about(PartyRang, 20, leg="o1", member="a1", number="110"),
        _about(PartyAnswered, 23, leg="o1", member="a1"),
        _about(PartyLeft, 50, leg="o1", result="answered", talk_ms=27_000),
        _about(PartyRang, 51, leg="o2", member="a1", number="13900139000"),
        _about(PartyLeft, 52, leg="o2", result="busy"),
    )  # fmt: skip
    async with house.read() as tx:
        parties = list(await tx.session.scalars(select(CallParty).order_by(CallParty.rang_at)))
        log = str([row.data for row in await house.after(0)])
    assert [(row.number, row.member, row.result, row.answered_at, row.left_at, row.talk_ms) for row in parties] == [
        ("110", "a1", "answered", _at(23), _at(50), 27_000),
        ("13900139000", "a1", "busy", None, _at(52), None),
    ]
    assert "13900139000" not in log


async def test_the_parties_of_a_younger_call_live_on_in_the_older_one(house: Database) -> None:
    await _tell(
        house, *TALK, _about(CallStarted, 20, "c2", line="unknown", direction="internal"),
        _about(PartyRang, 20, "c2", leg="o1", number="110"), _about(CallMerged, 25, other="c2"),
        _about(PartyAnswered, 26, leg="o1"),
    )  # fmt: skip
    party = await _row(house, CallParty)
    async with house.read() as tx:
        call = await tx.session.get_one(Call, party.call_id)
    assert (call.linkedid, party.result) == ("c1", "answered")


async def test_a_blind_transfer_rings_and_who_answers_it_has_the_caller(house: Database) -> None:
    gone = (
        _about(CallTransferred, 20, kind="blind", member="a1", to="a2"),
        _about(AgentLegEnded, 20, member="a1", leg="p1", talk_ms=10_000),
        _about(AgentRang, 21, member="a2", leg="p2", role="transfer"),
    )
    await _tell(house, *TALK, *gone)
    assert (await _row(house, Call)).phase == "ringing"
    async with house.read() as tx:
        (open_call,) = await service.open_calls(tx, "pbx1")
    assert not open_call.is_waiting
    await _tell(house, _about(CallAnswered, 28, member="a2", leg="p2", wait_ms=1, role="transfer"))
    call, (_first, second) = await _row(house, Call), await _offers(house)
    assert (call.phase, call.agent_id, second.owned_at) == ("talking", second.agent_id, _at(28))


async def _marks(db: Database) -> list[tuple[str, list[tuple[float, str | None]]]]:
    async with db.read() as tx:
        (found,) = await call_views.beside(tx, list(await tx.session.scalars(select(Call))))
    shown = call_views.view(found, factories.actor("supervisor"))
    return [(row.kind, [(mark.seconds, mark.agent) for mark in row.marks]) for row in shown.recordings]


async def test_a_mark_stands_where_the_agent_changed_less_what_nobody_was_heard(house: Database) -> None:
    """The recorder stands still from 20 to 30, so what was said at 30 is ten seconds into the file."""
    await _tell(house, *TALK, *ATTENDED)
    assert await _marks(house) == [("call", [(0.0, "agent a1"), (10.0, "agent a2")])]


async def test_each_part_of_the_sound_has_its_own_marks(house: Database) -> None:
    """Part 2 begins at 40, in the talk of a2, who gives the caller back to a1 at 55."""
    again = (
        _about(RecordingStarted, 40, kind="call", file="f-2.wav"),
        _about(CallTransferred, 50, kind="blind", member="a2", to="a1"),
        _about(AgentRang, 50, member="a1", leg="p3", role="transfer"),
        _about(CallAnswered, 55, member="a1", leg="p3", wait_ms=1, role="transfer"),
    )
    await _tell(house, *TALK, *ATTENDED, *again)
    assert await _marks(house) == [
        ("call", [(0.0, "agent a1"), (10.0, "agent a2")]),
        ("call", [(0.0, "agent a2"), (10.0, "agent a1")]),
    ]


async def test_one_agent_alone_leaves_no_mark(house: Database) -> None:
    await _tell(house, *TALK, *ATTENDED[:3], _about(CallRejoined, 30, member="a1"))
    assert await _marks(house) == [("call", [])]


async def test_transfers_are_told_by_name(house: Database) -> None:
    outside = _about(CallTransferred, 50, kind="blind", member="a2", to="outside")
    await _tell(house, *TALK, *ATTENDED, outside)
    call = await _row(house, Call)
    async with house.read() as tx:
        moved = await legs.transfers_of(tx, [call.id])
    assert moved[call.id] == [
        legs.Transfer(_at(30), "attended", "agent a1", "agent a2", None),
        legs.Transfer(_at(50), "blind", "agent a2", None, "outside"),
    ]


async def test_after_our_own_start_each_leg_is_what_it_was(house: Database) -> None:
    await _tell(
        house, *TALK, *ATTENDED[:3], _about(PartyRang, 26, leg="o1", member="a1", number="110"),
        _about(LegHeld, 27, member="a2", leg="p2"),
    )  # fmt: skip
    async with house.read() as tx:
        (adopted,) = await service.open_calls(tx, "pbx1")
    assert [(one.leg, one.role, one.has_since, one.held_at) for one in adopted.offers] == [
        ("p1", "queue", _at(10), None), ("p2", "consult", None, _at(27)),
    ]  # fmt: skip
    assert [(one.leg, one.number, one.member) for one in adopted.parties] == [("o1", "110", "a1")]
    assert (adopted.aside, adopted.aside_at, adopted.aside_by, adopted.direction) == (
        "consult", _at(20), "a1", "inbound",
    )  # fmt: skip


async def test_whoever_was_on_a_call_may_see_its_record(house: Database) -> None:
    await _tell(house, *TALK, *ATTENDED)
    first, second = await _offers(house)
    async with house.read() as tx:
        (found,) = await call_views.beside(tx, list(await tx.session.scalars(select(Call))))
    assert {first.agent_id, second.agent_id} <= found.owners
