"""Calls that agents make: which and how often, what the phone is told, and what they are about afterwards."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from hotline.agents.models import Agent, OutboundDial
from hotline.agents.outbound import HOUR, Outbound
from hotline.calls.models import Call
from hotline.db import Database, EventRow
from hotline.errors import Conflict, Invalid, NotDone, TelephonyError, TooManyAttempts
from hotline.events import (
    AgentOfferEnded,
    AgentRang,
    CallAnswered,
    CallEnded,
    CallStarted,
    CallTransferred,
    Event,
)
from hotline.handlers import Handlers
from hotline.settings import Settings
from hotline.telephony.actions import Command
from hotline.tickets import call_backs
from hotline.tickets.models import Contact, ContactTicket, DueWork, Ticket
from tests import factories
from tests.factories import T0
from tests.web_house import House, Person, english, house
from web.board import _TOTALS

__all__ = ["english", "house"]
MOBILE = "13800138000"
OTHERS = [f"139001390{number:02}" for number in range(20)]


class Asterisk:
    """Notes what it is asked; `fails` with this."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.fails: TelephonyError | None = None

    async def __call__(self, command: Command) -> Mapping[str, Any]:
        self.asked.append(command)
        if self.fails is not None:
            raise self.fails
        return {}


class Desk:
    """Outbound with a clock and a telephone system of the test's."""

    def __init__(self, db: Database, **settings: Any) -> None:
        self.asterisk, self.at = Asterisk(), T0
        values = {"data_dir": Path("/nowhere"), "outbound_trunk": "127.0.0.9", "outbound_allow": "1[3-9]XXXXXXXXX"}
        self.outbound = Outbound(
            db,
            self.asterisk,
            settings=Settings(**(values | settings)),
            now=lambda: self.at,  # type: ignore[arg-type]
        )


async def _agent(db: Database, **values: Any) -> Agent:
    async with db.write() as tx:
        return await factories.agent(tx, **({"phone": "ok", "state": "ready"} | values))


async def _came_to_be(db: Database, name: str) -> None:
    """Of the dial came a call, which is over."""
    async with db.write() as tx:
        await factories.call(tx, linkedid=name, direction="outbound", phase="ended", ended_at=T0)


async def _dials(db: Database) -> list[OutboundDial]:
    async with db.read() as tx:
        return list(await tx.session.scalars(select(OutboundDial).order_by(OutboundDial.at)))


async def test_the_agents_phone_is_rung_with_the_lines_number_and_a_name_known_before(db: Database) -> None:
    desk, agent = Desk(db), await _agent(db)
    name = await desk.outbound.dial(agent.id, "138 0013 8000", line="2912345")
    (asked,) = desk.asterisk.asked
    headers = dict(asked.headers)
    assert (asked.action, headers["Channel"]) == ("Originate", f"PJSIP/{agent.endpoint}")
    assert (headers["Context"], headers["Exten"], headers["ChannelId"]) == ("hl-dial", MOBILE, name)
    assert ("Variable", "__HLLINE=2912345") in asked.headers
    (row,) = await _dials(db)
    assert (row.linkedid, row.number, row.agent_id, row.line) == (name, MOBILE, agent.id, "2912345")
    async with db.read() as tx:
        told = list(await tx.session.scalars(select(EventRow).where(EventRow.type == "OutsideDialled")))
    assert [event.data for event in told] == [{"agent_id": str(agent.id), "due_id": None}]  # no number


async def test_where_no_line_is_known_the_first_is_shown(db: Database) -> None:
    desk, agent = Desk(db), await _agent(db)
    await desk.outbound.dial(agent.id, MOBILE, line="unknown")
    assert ("Variable", "__HLLINE=12345") in desk.asterisk.asked[0].headers


@pytest.mark.parametrize("number", ["0012125550100", "12345", "nonsense", "12800138000"])
async def test_a_number_that_may_not_be_dialled_changes_nothing(db: Database, number: str) -> None:
    desk, agent = Desk(db), await _agent(db)
    with pytest.raises(Invalid):
        await desk.outbound.dial(agent.id, number)
    with pytest.raises(Invalid):
        await desk.outbound.permit(agent.id, number)
    assert (desk.asterisk.asked, await _dials(db)) == ([], [])


@pytest.mark.parametrize(("values", "why"), [({"state": "on_call"}, "on a call"), ({"phone": "lost"}, "not connected")])
async def test_an_agent_on_a_call_or_without_a_phone_dials_nobody(
    db: Database, values: dict[str, str], why: str
) -> None:
    desk, agent = Desk(db), await _agent(db, **values)
    with pytest.raises(Conflict, match=why):
        await desk.outbound.dial(agent.id, MOBILE)
    assert (desk.asterisk.asked, await _dials(db)) == ([], [])


async def test_one_number_one_agent_and_all_of_them_have_a_limit_an_hour(db: Database) -> None:
    desk = Desk(db, outbound_number_hour=2, outbound_agent_hour=3, outbound_hour=5)
    one, other, third = [await _agent(db) for _ in range(3)]
    await desk.outbound.permit(one.id, MOBILE)
    desk.at += timedelta(minutes=10)
    await desk.outbound.permit(one.id, MOBILE)
    with pytest.raises(TooManyAttempts, match="This number") as refused:
        await desk.outbound.dial(other.id, MOBILE)
    assert refused.value.extra["retry_after_s"] == 3000
    await desk.outbound.dial(one.id, OTHERS[0])
    desk.at += timedelta(seconds=20)
    with pytest.raises(TooManyAttempts, match="You have made"):
        await desk.outbound.dial(one.id, OTHERS[1])
    await _came_to_be(db, await desk.outbound.dial(other.id, OTHERS[2]))
    await desk.outbound.dial(other.id, OTHERS[3])
    with pytest.raises(TooManyAttempts, match="As many outside calls"):
        await desk.outbound.dial(third.id, OTHERS[4])
    desk.at = T0 + HOUR
    await desk.outbound.dial(third.id, MOBILE)


async def test_emergency_numbers_have_no_limit_and_count_for_none(db: Database) -> None:
    desk, agent = Desk(db, outbound_number_hour=1, outbound_agent_hour=1, outbound_hour=1), await _agent(db)
    for _ in range(3):
        await desk.outbound.permit(agent.id, "110")
    await desk.outbound.dial(agent.id, MOBILE)
    await desk.outbound.permit(agent.id, "0571120")
    with pytest.raises(TooManyAttempts):
        await desk.outbound.permit(agent.id, OTHERS[0])


async def test_a_call_that_the_telephone_system_did_not_take_counts_for_no_limit(db: Database) -> None:
    desk, agent = Desk(db, outbound_number_hour=1), await _agent(db)
    desk.asterisk.fails = NotDone("away")
    with pytest.raises(NotDone):
        await desk.outbound.dial(agent.id, MOBILE)
    assert await _dials(db) == []
    desk.asterisk.fails = None
    await desk.outbound.dial(agent.id, MOBILE)


async def test_a_call_of_which_nobody_knows_whether_it_was_made_keeps_its_row_and_what_it_is_about(
    db: Database,
) -> None:
    desk, agent = Desk(db, outbound_number_hour=1), await _agent(db)
    due_id, ticket_id, _ = await _owed(db)
    desk.asterisk.fails = TelephonyError("Asterisk did not answer in time.")
    with pytest.raises(TelephonyError):
        await desk.outbound.dial(agent.id, MOBILE, ticket_id=ticket_id, due_id=due_id)
    (row,) = await _dials(db)
    assert (row.ticket_id, row.due_id, row.number) == (ticket_id, due_id, MOBILE)
    assert row.linkedid is not None
    await _happen(db, row.linkedid, *_made(row.linkedid, agent.endpoint, "answered"))
    async with db.read() as tx:
        assert (await tx.session.get_one(DueWork, due_id)).done_at == T0
    with pytest.raises(TooManyAttempts):
        await desk.outbound.permit(agent.id, MOBILE)


async def test_while_a_dial_may_still_come_to_ring_the_agent_dials_nobody_else(db: Database) -> None:
    desk, agent, other = Desk(db), await _agent(db), await _agent(db)
    name = await desk.outbound.dial(agent.id, MOBILE)
    with pytest.raises(Conflict, match="still being rung"):
        await desk.outbound.dial(agent.id, OTHERS[0])
    assert [row.number for row in await _dials(db)] == [MOBILE]
    await desk.outbound.dial(other.id, OTHERS[0])  # another agent's phone
    await desk.outbound.dial(agent.id, "110")  # an emergency waits for nothing
    desk.at += timedelta(seconds=19)
    with pytest.raises(Conflict):
        await desk.outbound.dial(agent.id, OTHERS[1])
    await _came_to_be(db, name)
    async with db.write() as tx:
        (urgent,) = [row for row in await tx.session.scalars(select(OutboundDial)) if row.is_emergency]
        await tx.session.delete(urgent)
    await desk.outbound.dial(agent.id, OTHERS[1])
    desk.at += timedelta(seconds=20)
    await desk.outbound.dial(agent.id, OTHERS[2])


class TestAtTheSameTime:
    async def test_of_many_at_the_same_time_no_more_than_the_limit_is_rung(self, db: Database) -> None:
        desk = Desk(db, outbound_hour=2)
        agents = [await _agent(db) for _ in range(6)]
        asked = [desk.outbound.dial(agent.id, OTHERS[number]) for number, agent in enumerate(agents[:3])]
        permitted = [desk.outbound.permit(agent.id, OTHERS[3 + number]) for number, agent in enumerate(agents[3:])]
        came = await asyncio.gather(*asked, *permitted, return_exceptions=True)
        assert sorted(type(one).__name__ for one in came if isinstance(one, Exception)) == ["TooManyAttempts"] * 4
        assert len(await _dials(db)) == 2


# What became of it


async def _owed(db: Database) -> tuple[UUID, UUID, UUID]:
    """A caller gave up: due work, ticket, contact."""
    async with db.write() as tx:
        call = await factories.call(tx, phase="ended", ended_at=T0, outcome="abandoned", caller_number=MOBILE)
        ticket = await factories.ticket(tx, of_call=call)
        due = await call_backs.call_missed(tx, call.id, "abandoned", T0, lambda at: at + HOUR)
        assert due is not None
        return due.id, ticket.id, due.subject_id


async def _happen(db: Database, name: str, *events: Event) -> None:
    db.dispatch = Handlers(lambda at: at + HOUR).dispatch
    for event in events:
        async with db.write() as tx:
            tx.emit(event)


def _about(name: str, kind: str, at: datetime = T0) -> dict[str, Any]:
    return {"at": at, "dedupe_key": f"pbx1:{name}:{kind}", "node": "pbx1", "linkedid": name}


def _made(name: str, endpoint: str, outcome: str) -> list[Event]:
    """An outbound call as the tracker tells it."""
    leg = {"member": endpoint, "leg": name}
    events: list[Event] = [
        CallStarted(**_about(name, "started"), line="12345", direction="outbound", caller_number=MOBILE),
        AgentRang(**_about(name, "rang"), **leg, role="dial"),
    ]
    if outcome == "answered":
        events.append(CallAnswered(**_about(name, "answered"), **leg, role="dial", wait_ms=0))
    ended = CallEnded(**_about(name, "ended"), outcome=outcome, hangup_by="agent", talk_ms=None)
    return [*events, ended]


async def test_a_call_back_that_reaches_the_person_is_done_and_a_contact_on_their_ticket(db: Database) -> None:
    desk, agent = Desk(db), await _agent(db)
    due_id, ticket_id, _ = await _owed(db)
    name = await desk.outbound.dial(agent.id, MOBILE, ticket_id=ticket_id, due_id=due_id)
    await _happen(db, name, *_made(name, agent.endpoint, "answered"))
    async with db.read() as tx:
        assert (await tx.session.get_one(DueWork, due_id)).done_at == T0
        contacts = list(
            await tx.session.scalars(
                select(Contact).join(ContactTicket).where(ContactTicket.ticket_id == ticket_id).order_by(Contact.id)
            )
        )
        assert sorted(contact.channel for contact in contacts) == ["outbound", "phone_12345"]
        assert len(list(await tx.session.scalars(select(Ticket)))) == 1
        done = (await tx.session.scalars(select(EventRow).where(EventRow.type == "CallBackDone"))).one()
        assert done.data["actor"] == str(agent.id)


@pytest.mark.parametrize("outcome", ["busy", "no_answer", "rejected", "failed", "withdrawn"])
async def test_a_call_back_that_reaches_nobody_stays_due_and_owes_no_second_one(db: Database, outcome: str) -> None:
    desk, agent = Desk(db), await _agent(db)
    due_id, ticket_id, _ = await _owed(db)
    name = await desk.outbound.dial(agent.id, MOBILE, ticket_id=ticket_id, due_id=due_id)
    await _happen(db, name, *_made(name, agent.endpoint, outcome))
    async with db.read() as tx:
        assert [(work.id, work.done_at) for work in await tx.session.scalars(select(DueWork))] == [(due_id, None)]
        call = (await tx.session.scalars(select(Call).where(Call.linkedid == name))).one()
        assert (call.direction, call.outcome, call.caller_number) == ("outbound", outcome, MOBILE)


async def test_a_number_dialled_from_nowhere_has_a_ticket_of_its_own(db: Database) -> None:
    desk, agent = Desk(db), await _agent(db)
    name = await desk.outbound.dial(agent.id, MOBILE)
    await _happen(db, name, *_made(name, agent.endpoint, "answered"))
    async with db.read() as tx:
        ticket = (await tx.session.scalars(select(Ticket))).one()
        contact = (await tx.session.scalars(select(Contact))).one()
    assert (contact.channel, contact.caller_number) == ("outbound", MOBILE)
    assert ticket.agent_id == agent.id


async def test_calls_out_are_no_offered_calls(db: Database) -> None:
    desk, agent = Desk(db), await _agent(db)
    for outcome in ("answered", "failed"):
        name = await desk.outbound.dial(agent.id, MOBILE)
        await _happen(db, name, *_made(name, agent.endpoint, outcome))
    async with db.read() as tx:
        totals = (await tx.session.execute(_TOTALS, {"since": T0 - HOUR})).one()
    assert (totals.offered or 0, totals.answered or 0) == (0, 0)


async def _held(db: Database, holder: Agent | None) -> Ticket:
    """A ticket of yesterday, nothing written in it yet."""
    async with db.write() as tx:
        call = await factories.call(tx, phase="ended", ended_at=T0 - HOUR, started_at=T0 - 2 * HOUR)
        return await factories.ticket(
            tx,
            of_call=call,
            agent_id=holder.id if holder is not None else None,
            handed_at=T0 - 2 * HOUR if holder is not None else None,
        )


async def _holder(db: Database, ticket: Ticket) -> UUID | None:
    async with db.read() as tx:
        return (await tx.session.get_one(Ticket, ticket.id)).agent_id


async def test_a_call_about_a_colleagues_ticket_is_made_beside_them_and_takes_no_pen(db: Database) -> None:
    desk, writer, dialler, third = Desk(db), await _agent(db), await _agent(db), await _agent(db)
    ticket = await _held(db, writer)
    name = await desk.outbound.dial(dialler.id, MOBILE, ticket_id=ticket.id)
    started, rang, answered, _ended = _made(name, dialler.endpoint, "answered")
    await _happen(db, name, started, rang)
    assert await _holder(db, ticket) == writer.id
    async with db.read() as tx:
        assert (await tx.session.get_one(Agent, dialler.id)).ticket_id == ticket.id
    await _happen(db, name, answered)
    assert await _holder(db, ticket) == writer.id
    passed = {"kind": "attended", "member": dialler.endpoint, "to": third.endpoint, "leg": f"{name}.c"}
    await _happen(db, name, CallTransferred(**_about(name, "passed"), **passed))
    assert await _holder(db, ticket) == writer.id  # who dialled had no pen to pass on


async def test_the_pen_of_a_call_out_goes_on_with_the_person_who_was_called(db: Database) -> None:
    desk, dialler, third = Desk(db), await _agent(db), await _agent(db)
    ticket = await _held(db, dialler)
    name = await desk.outbound.dial(dialler.id, MOBILE, ticket_id=ticket.id)
    passed = {"kind": "attended", "member": dialler.endpoint, "to": third.endpoint, "leg": f"{name}.c"}
    made = _made(name, dialler.endpoint, "answered")[:-1]
    await _happen(db, name, *made, CallTransferred(**_about(name, "passed"), **passed))
    assert await _holder(db, ticket) == third.id


@pytest.mark.parametrize("whose", ["nobody", "dialler", "writer"])
async def test_a_call_out_that_nobody_answers_leaves_the_ticket_as_it_was(db: Database, whose: str) -> None:
    desk = Desk(db)
    agents = {"dialler": await _agent(db), "writer": await _agent(db)}
    before, dialler = agents.get(whose), agents["dialler"]
    ticket = await _held(db, before)
    name = await desk.outbound.dial(dialler.id, MOBILE, ticket_id=ticket.id)
    started, rang, ended = _made(name, dialler.endpoint, "no_answer")
    await _happen(db, name, started, rang)
    while_ringing = agents["writer"] if whose == "writer" else dialler
    assert await _holder(db, ticket) == while_ringing.id
    over = AgentOfferEnded(**_about(name, "over"), member=dialler.endpoint, leg=name, role="dial")
    await _happen(db, name, over, ended)
    assert await _holder(db, ticket) == (before.id if before is not None else None)


# From the console


class Dialled:
    """In the place of Outbound: what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[UUID, str, dict[str, Any]]] = []

    def resolve(self, to: str) -> str:
        return to.partition(":")[2]

    async def dial(self, agent_id: UUID, number: str, **more: Any) -> str:
        self.asked.append((agent_id, number, more))
        return "pbx1-1.d1"


async def _press(house: House, person: Person, **fields: str) -> int:
    async with house.client(person) as client:
        return (await client.post("/me/dial", data=fields)).status_code


async def test_a_call_back_in_my_work_has_one_key_and_goes_to_the_number_that_is_owed(house: House) -> None:
    house.outbound, person = Dialled(), await house.sign_in()
    assert person.agent is not None
    due_id, ticket_id, _ = await _owed(house.db)
    async with house.client(person, accept="text/html") as client:
        page = await client.get("/console")
    assert f'data-due="{due_id}"' in page.text and "Alt+B" in page.text
    assert MOBILE not in page.text
    assert await _press(house, person, due=str(due_id)) == 200
    assert house.outbound.asked == [
        (person.agent.id, MOBILE, {"line": "12345", "ticket_id": ticket_id, "due_id": due_id})
    ]
    async with house.db.write() as tx:
        await call_backs.reached(tx, due_id, person.agent.id, T0)
    assert await _press(house, person, due=str(due_id)) == 409
    assert await _press(house, person, due="nonsense") == 422


async def test_a_tickets_number_is_called_unseen_and_leaves_a_trace(house: House) -> None:
    house.outbound, person = Dialled(), await house.sign_in()
    assert person.agent is not None
    async with house.db.write() as tx:
        call = await factories.call(tx, phase="ended", ended_at=T0, caller_number=MOBILE, line="2912345")
        ticket = await factories.ticket(tx, of_call=call, agent_id=person.agent.id)
        hidden = await factories.ticket(tx, confidentiality="K4")
    assert await _press(house, person, ref=ticket.ref) == 200
    assert await _press(house, person, ref=ticket.ref, to="number:13911112222") == 200
    assert [asked[1:] for asked in house.outbound.asked] == [
        (MOBILE, {"line": "2912345", "ticket_id": ticket.id}),
        ("13911112222", {"line": "2912345", "ticket_id": ticket.id}),
    ]
    assert await _press(house, person, ref=hidden.ref) == 404
    assert len(house.outbound.asked) == 2


async def test_a_call_back_of_a_ticket_that_is_hidden_is_hidden_too(house: House) -> None:
    house.outbound, person = Dialled(), await house.sign_in()
    due_id, ticket_id, _ = await _owed(house.db)
    async with house.db.write() as tx:
        (await tx.session.get_one(Ticket, ticket_id)).confidentiality = "K4"
    assert await _press(house, person, due=str(due_id)) == 404
    assert house.outbound.asked == []


@pytest.mark.parametrize("role", ["caseworker", "administrator"])
async def test_who_has_no_phone_dials_nobody(house: House, role: Any) -> None:
    house.outbound, person = Dialled(), await house.sign_in(role)
    assert await _press(house, person, to="number:110") == 403
    assert house.outbound.asked == []
