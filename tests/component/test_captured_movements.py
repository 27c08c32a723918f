"""Calls that moved on a real Asterisk, as captured: our rows of them, their legs and totals agree with the record."""

from typing import Any

import pytest
from sqlalchemy import select

from hotline.agents.models import Agent
from hotline.calls.models import Call, CallOffer, CallParty
from hotline.calls.record import CallRecord, fold
from hotline.calls.tracker import Tracker
from hotline.clock import iso
from hotline.db import Database
from hotline.events import AgentRang, CallAnswered, CallEvent
from hotline.handlers import Handlers
from hotline.telephony import messages as m
from hotline.telephony.parser import Parser
from tests import factories
from tests.pbx_model import NAMES, TRANSCRIPTS

CAPTURES = TRANSCRIPTS.parent / "journal"
MOVED = sorted({path.stem for path in CAPTURES.glob("*.ami")} - set(NAMES))


def _told(name: str) -> list[CallEvent]:
    tracker = Tracker("pbx1")
    found = Parser().feed((CAPTURES / f"{name}.ami").read_bytes())
    return [event for message in found if isinstance(message, m.Message) for event in tracker.feed(message)]


async def _play(db: Database, events: list[CallEvent]) -> None:
    db.dispatch = Handlers(lambda at: at).dispatch
    phones = {event.member for event in events if isinstance(event, AgentRang | CallAnswered)}
    async with db.write() as tx:
        for phone in sorted(phones):
            await factories.agent(tx, endpoint=phone, name=phone, state="ready", in_queue=True, phone="ok")
    for event in events:
        async with db.write() as tx:
            tx.emit(event)


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _of_call(call: Call, agents: dict[Any, str]) -> dict[str, Any]:
    return {
        "linkedid": call.linkedid, "direction": call.direction, "started_at": iso(call.started_at),
        "answered_at": iso(call.answered_at), "ended_at": iso(call.ended_at), "outcome": call.outcome,
        "agent": agents.get(call.agent_id), "talk_s": _seconds(call.talk_ms),
        "hold_s": _seconds(call.hold_ms) if call.answered_at is not None else 0.0,
    }  # fmt: skip


def _of_legs(offers: list[CallOffer], parties: list[CallParty]) -> list[tuple[Any, ...]]:
    """Leg, role, member, result, until, talk and hold of whoever had the caller."""
    ours = [
        (one.leg, one.role, one.member, one.result, iso(one.left_at or one.ended_at), _seconds(one.talk_ms) or 0.0)
        for one in offers
    ]
    theirs = [
        (one.leg, "party", one.member, one.result, iso(one.left_at), _seconds(one.talk_ms) or 0.0) for one in parties
    ]
    return sorted([*ours, *theirs])


def _of_record(record: CallRecord) -> list[tuple[Any, ...]]:
    return sorted((one.leg, one.role, one.member, one.result, one.ended_at, one.talk_s or 0.0) for one in record.legs)


@pytest.mark.parametrize("name", MOVED)
async def test_rows_say_of_a_moved_call_what_the_record_says(db: Database, name: str) -> None:
    events = _told(name)
    await _play(db, events)
    async with db.read() as tx:
        agents = {agent.id: agent.endpoint for agent in await tx.session.scalars(select(Agent))}
        calls = list(await tx.session.scalars(select(Call).where(Call.phase != "merged").order_by(Call.started_at)))
        offers = list(await tx.session.scalars(select(CallOffer)))
        parties = list(await tx.session.scalars(select(CallParty)))
    records = fold(events)
    shown = [_of_call(call, agents) for call in calls]
    assert shown == [{key: record.as_json()[key] for key in shown[0]} for record in records]
    for call, record in zip(calls, records, strict=True):
        legs = _of_legs(
            [one for one in offers if one.call_id == call.id], [one for one in parties if one.call_id == call.id]
        )
        assert legs == _of_record(record)
        assert (call.aside, call.apart_at, call.phase) == (None, None, "ended")
