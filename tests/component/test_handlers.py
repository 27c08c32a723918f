"""The wiring page: every event of a call reaches its rows, and one handler's failure is nobody else's."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hotline import events, handlers
from hotline.agents.models import Agent
from hotline.calls import service as calls
from hotline.calls.models import Call, CallOffer
from hotline.db import Database, Handler, ParkedEvent
from hotline.events import AgentRang, CallEnded, CallEvent, CallStarted
from hotline.handlers import Handlers
from hotline.tickets import call_backs, pen
from hotline.tickets import service as tickets
from hotline.tickets.models import Contact, DueWork, Ticket
from tests import factories
from tests.factories import T0

CALL_EVENTS = [kind for kind in events.CATALOGUE.values() if issubclass(kind, CallEvent)]


def _wiring() -> Handlers:
    return Handlers(lambda at: at + timedelta(hours=1))


def _started() -> CallStarted:
    return CallStarted(
        at=T0,
        dedupe_key="k1",
        node="pbx1",
        linkedid="c1",
        line="12345",
        direction="inbound",
        caller_number="13800138000",
    )


def _rang() -> AgentRang:
    return AgentRang(at=T0, dedupe_key="k2", node="pbx1", linkedid="c1", member="a1", leg="p1")


def _ended() -> CallEnded:
    return CallEnded(
        at=T0, dedupe_key="k3", node="pbx1", linkedid="c1", outcome="abandoned", hangup_by="caller", talk_ms=None
    )


@pytest.mark.parametrize("kind", CALL_EVENTS)
def test_every_event_of_a_call_is_written_to_its_rows(kind: type[CallEvent]) -> None:
    on = _wiring().on[kind]
    assert calls.record in on
    assert set(on[: on.index(calls.record)]) <= {handlers.name_agent}


def test_rows_of_the_call_come_before_the_ticket_and_the_agent() -> None:
    on = _wiring().on
    assert on[CallStarted][:2] == (calls.record, handlers.open_ticket)
    names = [handler.__name__ for handler in on[AgentRang]]
    assert names == ["name_agent", "record", "on_call_event", "offer_ticket"]


async def _count(db: Database, table: type[Any]) -> int:
    async with db.read() as tx:
        return len(list(await tx.session.scalars(select(table))))


def _broken(*_args: object, **_values: object) -> object:
    raise ValueError("a bug with 13800138000 in it")


@pytest.mark.parametrize(
    ("module", "name", "kept"),
    [
        (tickets, "open_for_call", {Call: 1, CallOffer: 1, Contact: 0}),
        (pen, "hand_to", {Call: 1, CallOffer: 1, Contact: 1, Ticket: 1}),
        (call_backs, "call_missed", {Call: 1, Contact: 1, DueWork: 0}),
    ],
)
async def test_a_failing_ticket_handler_leaves_the_call(
    db: Database, monkeypatch: pytest.MonkeyPatch, module: object, name: str, kept: dict[type[Any], int]
) -> None:
    db.dispatch = _wiring().dispatch
    async with db.write() as tx:
        await factories.agent(tx, endpoint="a1", state="ready", in_queue=True)
    monkeypatch.setattr(module, name, _broken)
    async with db.write() as tx:
        for event in (_started(), _rang(), _ended()):
            tx.emit(event)
    assert {table: await _count(db, table) for table in kept} == kept
    async with db.read() as tx:
        call, agent = await tx.session.scalar(select(Call)), await tx.session.scalar(select(Agent))
        parked = list(await tx.session.scalars(select(ParkedEvent)))
    assert call is not None and agent is not None
    assert (call.phase, agent.state) == ("ended", "ready")
    assert {row.error.split(" at ")[0] for row in parked} == {"ValueError: a bug with … in it"}


async def test_a_ticket_that_failed_is_opened_by_the_retry_and_its_call_is_owed(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log keeps no numbers: the retry finds it in the call's row."""
    db.dispatch = _wiring().dispatch
    with monkeypatch.context() as broken:
        broken.setattr(tickets, "open_for_call", _broken)
        async with db.write() as tx:
            tx.emit(_started())
            tx.emit(_ended())
    assert await _count(db, DueWork) == 0
    settled = await db.retry_parked(datetime.now(T0.tzinfo) + timedelta(minutes=1))
    async with db.read() as tx:
        contact = await tx.session.scalar(select(Contact))
    assert (settled, contact and contact.caller_number) == (1, "13800138000")
    assert await _count(db, DueWork) == 1


async def test_an_agents_name_is_found_once_and_kept(db: Database) -> None:
    seen: list[object] = []

    async def note(_tx: object, item: Any) -> None:
        seen.append(item.agent_id)

    wiring = _wiring()
    on: dict[type[events.Event], tuple[Handler, ...]] = {**wiring.on, AgentRang: (handlers.name_agent, note)}
    wiring.on = on
    db.dispatch = wiring.dispatch
    async with db.write() as tx:
        agent = await factories.agent(tx, endpoint="a1")
    async with db.write() as tx:
        tx.emit(_rang())
        tx.emit(AgentRang(at=T0, dedupe_key="k9", node="pbx1", linkedid="c1", member="nobody", leg="p2"))
    assert seen == [agent.id, None]


async def test_a_ticket_is_not_taken_back_from_who_has_answered(db: Database) -> None:
    db.dispatch = _wiring().dispatch
    async with db.write() as tx:
        agent = await factories.agent(tx, endpoint="a1", state="ready", in_queue=True)
    ended: Callable[..., CallEvent] = events.AgentOfferEnded
    async with db.write() as tx:
        about = {"at": T0, "node": "pbx1", "linkedid": "c1", "member": "a1", "leg": "p1"}
        for event in (
            _started(),
            _rang(),
            events.CallAnswered(dedupe_key="k4", wait_ms=1, **about),  # type: ignore[arg-type]
            ended(dedupe_key="k5", **about),
        ):
            tx.emit(event)
    async with db.read() as tx:
        ticket = await tx.session.scalar(select(Ticket))
    assert ticket is not None
    assert ticket.agent_id == agent.id
