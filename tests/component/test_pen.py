"""One writes a ticket at a time: how the pen goes with the call, how it is given, asked for and taken up, and what
becomes of words that were on their way.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from hotline.agents.models import Agent
from hotline.calls.models import Call, CallOffer
from hotline.db import Database
from hotline.errors import Conflict, Invalid, NotAllowed, NotFound
from hotline.events import (
    AgentLegEnded,
    AgentMissed,
    AgentRang,
    CallAnswered,
    CallEvent,
    CallQueued,
    CallStarted,
    CallTransferred,
)
from hotline.handlers import Handlers
from hotline.tickets import additions, pen, queries, service
from hotline.tickets.models import Addition, Ticket
from tests import factories
from tests.factories import T0
from web.board import _calls
from web.calls import beside
from web.talk import parked


@pytest.fixture
async def house(db: Database) -> Database:
    """A store with the wiring, and three agents with the phones a1, a2, a3."""
    db.dispatch = Handlers(lambda at: at).dispatch
    async with db.write() as tx:
        for name in ("a1", "a2", "a3"):
            await factories.agent(tx, endpoint=name, name=name, state="ready", in_queue=True, phone="ok")
    return db


def _at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def _about(kind: type[CallEvent], seconds: float, /, **values: Any) -> CallEvent:
    key = f"{kind.__name__}:{seconds}:{values.get('member', '')}"
    return kind(at=_at(seconds), dedupe_key=key, node="pbx1", linkedid="c1", **values)


async def _tell(db: Database, *events: CallEvent) -> None:
    async with db.write() as tx:
        for event in events:
            tx.emit(event)


def _rang(seconds: float, member: str, role: str = "queue") -> CallEvent:
    return _about(AgentRang, seconds, member=member, leg=f"{member}.{role}", role=role)


def _answered(seconds: float, member: str, role: str = "queue") -> CallEvent:
    return _about(CallAnswered, seconds, member=member, leg=f"{member}.{role}", wait_ms=1, role=role)


def _left(seconds: float, member: str, role: str = "queue") -> CallEvent:
    return _about(AgentLegEnded, seconds, member=member, leg=f"{member}.{role}", role=role)


async def _talk(db: Database) -> None:
    """a1 has the caller."""
    await _tell(
        db, _about(CallStarted, 0, line="12345", direction="inbound", caller_number="13800138000"),
        _about(CallQueued, 1, queue="hotline"), _rang(2, "a1"), _answered(3, "a1"),
    )  # fmt: skip


async def _agents(db: Database) -> dict[str, Agent]:
    async with db.read() as tx:
        return {agent.endpoint: agent for agent in await tx.session.scalars(select(Agent))}


async def _ticket(db: Database) -> Ticket:
    async with db.read() as tx:
        return (await tx.session.scalars(select(Ticket))).one()


async def _holder(db: Database) -> str | None:
    names = {agent.id: agent.endpoint for agent in (await _agents(db)).values()}
    holder = (await _ticket(db)).agent_id
    return names[holder] if holder else None


async def _shown(db: Database) -> dict[str, UUID | None]:
    """Which ticket each agent's console opens."""
    return {name: agent.ticket_id for name, agent in (await _agents(db)).items()}


async def _write(db: Database, name: str, text: str, seen: int, seconds: float) -> service.Saved:
    agent, ticket = (await _agents(db))[name], await _ticket(db)
    async with db.write() as tx:
        return await service.save_field(
            tx, ticket.ref, "summary", text, seen_version=seen, actor=factories.actor(of=agent), at=_at(seconds)
        )


async def _told(db: Database, *kinds: str) -> list[tuple[str, str | None]]:
    names = {agent.id: agent.endpoint for agent in (await _agents(db)).values()}
    return [
        (row.type, names.get(row.agent_id) if row.agent_id else None) for row in await db.after(0) if row.type in kinds
    ]


class TestWithTheCall:
    async def test_a_consulted_colleague_has_the_ticket_before_them_and_does_not_write(self, house: Database) -> None:
        await _talk(house)
        await _write(house, "a1", "孩子说冷", 0, 4)
        await _tell(house, _rang(5, "a2", "consult"), _answered(6, "a2", "consult"))
        ticket = await _ticket(house)
        assert (await _shown(house))["a2"] == ticket.id
        assert await _holder(house) == "a1"
        with pytest.raises(NotAllowed):
            await _write(house, "a2", "我来", 1, 7)
        assert (await _write(house, "a1", "孩子说冷和饿", 1, 8)).version == 2
        assert (await _ticket(house)).values == {"summary": "孩子说冷和饿"}

    async def test_completing_a_transfer_hands_the_pen_over(self, house: Database) -> None:
        await _talk(house)
        await _tell(house, _rang(5, "a2", "consult"), _answered(6, "a2", "consult"))
        await _tell(house, _about(CallTransferred, 7, kind="attended", member="a1", to="a2", leg="a2.consult"))
        assert await _holder(house) == "a2"
        assert (await _write(house, "a2", "接过来了", 0, 8)).version == 1
        assert await _told(house, "PenHanded", "TicketShownTo") == [("TicketShownTo", "a2"), ("PenHanded", "a2")]
        async with house.read() as tx:
            call = (await tx.session.scalars(select(Call))).one()
        assert call.agent_id == (await _agents(house))["a2"].id

    async def test_a_blind_transfer_is_read_while_it_rings_and_written_once_answered(self, house: Database) -> None:
        await _talk(house)
        await _write(house, "a1", "转给同事", 0, 4)
        gone = [_about(CallTransferred, 5, kind="blind", member="a1", to="a2"), _left(5, "a1")]
        await _tell(house, *gone, _rang(6, "a2", "transfer"))
        assert (await _holder(house), (await _shown(house))["a2"]) == ("a1", (await _ticket(house)).id)
        await _write(house, "a1", "转给同事，孩子十岁", 1, 7)
        await _tell(house, _answered(9, "a2", "transfer"))
        assert await _holder(house) == "a2"

    async def test_a_transfer_that_is_not_answered_leaves_the_pen_and_the_queue_takes_it_on(
        self, house: Database
    ) -> None:
        await _talk(house)
        await _write(house, "a1", "先记一句", 0, 4)
        await _tell(house, _about(CallTransferred, 5, kind="blind", member="a1", to="a2"), _left(5, "a1"))
        missed = _about(AgentMissed, 25, member="a2", leg="a2.transfer", ring_ms=20000, role="transfer")
        await _tell(house, _rang(6, "a2", "transfer"), missed, _about(CallQueued, 25.1, queue="hotline"))
        assert await _holder(house) == "a1"
        await _tell(house, _rang(26, "a3"))
        assert (await _holder(house), (await _shown(house))["a3"]) == ("a1", (await _ticket(house)).id)
        await _tell(house, _answered(28, "a3"))
        assert await _holder(house) == "a3"

    async def test_a_supervisor_who_takes_the_call_over_takes_the_pen(self, house: Database) -> None:
        await _talk(house)
        await _tell(house, _rang(5, "a3", "supervisor"), _answered(6, "a3", "supervisor"))
        assert await _holder(house) == "a1"
        await _tell(house, _about(CallTransferred, 7, kind="take-over", member="a1", to="a3", leg="a3.supervisor"))
        assert await _holder(house) == "a3"
        ((_seq, data),) = [(row.seq, row.data) for row in await house.after(0) if row.type == "PenHanded"]
        assert data["how"] == "take-over"

    async def test_a_call_among_colleagues_opens_no_ticket(self, house: Database) -> None:
        await _tell(house, _about(CallStarted, 0, line="unknown", direction="internal"))
        async with house.read() as tx:
            assert list(await tx.session.scalars(select(Ticket))) == []


class TestWordsOnTheirWay:
    async def test_what_was_typed_before_the_pen_went_reaches_the_ticket(self, house: Database) -> None:
        await _talk(house)
        await _write(house, "a1", "孩子", 0, 4)
        await _tell(house, _rang(5, "a2", "consult"), _answered(6, "a2", "consult"))
        await _tell(house, _about(CallTransferred, 7, kind="attended", member="a1", to="a2", leg="a2.consult"))
        assert (await _write(house, "a1", "孩子十岁", 1, 8)).version == 2
        assert (await _ticket(house)).values == {"summary": "孩子十岁"}

    async def test_what_comes_after_the_new_writer_wrote_or_much_later_does_not(self, house: Database) -> None:
        await _talk(house)
        await _write(house, "a1", "孩子", 0, 4)
        await _tell(house, _rang(5, "a2", "consult"), _answered(6, "a2", "consult"))
        await _tell(house, _about(CallTransferred, 7, kind="attended", member="a1", to="a2", leg="a2.consult"))
        await _write(house, "a2", "孩子，住校", 1, 8)
        for seen, seconds in ((1, 9), (2, 60)):
            with pytest.raises(NotAllowed):
                await _write(house, "a1", "孩子十岁", seen, seconds)
        assert (await _ticket(house)).values == {"summary": "孩子，住校"}


class TestByHand:
    async def _asked(self, house: Database) -> tuple[Ticket, dict[str, Agent]]:
        await _talk(house)
        await _tell(house, _rang(5, "a2", "consult"), _answered(6, "a2", "consult"))
        return await _ticket(house), await _agents(house)

    async def test_the_holder_gives_it_to_who_asks(self, house: Database) -> None:
        ticket, agents = await self._asked(house)
        first, second = factories.actor(of=agents["a1"]), factories.actor(of=agents["a2"])
        async with house.read() as tx:
            assert await pen.standing(tx, ticket, second) == pen.Standing(agents["a1"].id, False, may_ask=True)
        async with house.write() as tx:
            await pen.ask(tx, ticket.ref, second, _at(8))
        async with house.write() as tx:
            await pen.ask(tx, ticket.ref, second, _at(9))
        async with house.read() as tx:
            now = await pen.standing(tx, await _ticket(house), first)
        assert (now.give_to, now.asked_by) == ((agents["a2"].id,), agents["a2"].id)
        async with house.write() as tx:
            await pen.give(tx, ticket.ref, agents["a2"].id, first, _at(10))
        assert await _holder(house) == "a2"
        assert await _told(house, "PenAsked", "PenHanded") == [("PenAsked", "a1"), ("PenHanded", "a2")]
        async with house.read() as tx:
            now = await pen.standing(tx, await _ticket(house), first)
        assert (now.is_mine, now.may_ask, now.asked_by) == (False, True, None)

    async def test_the_holder_hears_of_each_who_asks_also_of_the_same_one_again(self, house: Database) -> None:
        ticket, agents = await self._asked(house)
        await _tell(house, _rang(7, "a3", "consult"), _answered(8, "a3", "consult"))
        for seconds, name in ((9, "a2"), (10, "a3"), (11, "a2")):
            async with house.write() as tx:
                await pen.ask(tx, ticket.ref, factories.actor(of=agents[name]), _at(seconds))
        assert await _told(house, "PenAsked") == [("PenAsked", "a1")] * 3

    async def test_nobody_gives_what_is_not_theirs_nor_to_who_is_not_there(self, house: Database) -> None:
        ticket, agents = await self._asked(house)
        cases = [
            ("a2", agents["a2"].id, NotAllowed),
            ("a3", agents["a3"].id, NotAllowed),
            ("a1", agents["a3"].id, Conflict),
        ]
        for who, to, error in cases:
            with pytest.raises(error):
                async with house.write() as tx:
                    await pen.give(tx, ticket.ref, to, factories.actor(of=agents[who]), _at(8))
        with pytest.raises(Conflict):
            async with house.write() as tx:
                await pen.ask(tx, ticket.ref, factories.actor(of=agents["a3"]), _at(8))
        with pytest.raises(NotFound):
            async with house.write() as tx:
                await pen.ask(tx, "H-0-0", factories.actor(of=agents["a2"]), _at(8))
        assert await _holder(house) == "a1"
        assert await _told(house, "PenAsked", "PenHanded") == []

    async def test_it_is_taken_up_where_the_holder_is_gone_and_not_before(self, house: Database) -> None:
        ticket, agents = await self._asked(house)
        second = factories.actor(of=agents["a2"])
        with pytest.raises(Conflict):
            async with house.write() as tx:
                await pen.take(tx, ticket.ref, second, _at(8))
        await _tell(house, _left(9, "a1"))
        async with house.read() as tx:
            assert (await pen.standing(tx, ticket, second)).may_take
        async with house.write() as tx:
            await pen.ask(tx, ticket.ref, second, _at(10))
        assert await _holder(house) == "a2"

    async def test_beside_an_agent_on_the_call_a_supervisor_reads(self, house: Database) -> None:
        await _talk(house)
        ticket, boss = await _ticket(house), factories.actor("supervisor")
        async with house.read() as tx:
            assert not await service.is_writable(tx, ticket, boss)
        with pytest.raises(NotAllowed):
            async with house.write() as tx:
                await service.save_field(tx, ticket.ref, "summary", "主管", seen_version=0, actor=boss, at=_at(5))
        await _tell(house, _left(6, "a1"))
        async with house.read() as tx:
            assert await service.is_writable(tx, ticket, boss)

    async def test_beside_an_agent_on_the_call_a_supervisor_moves_the_ticket_nowhere(self, house: Database) -> None:
        await _talk(house)
        ticket, boss = await _ticket(house), factories.actor("supervisor")
        typed = {
            "contact_type": "CT08",
            "category": "LIV.02",
            "summary": "怎么申请事实无人抚养儿童补贴?",
            "urgency": "U3",
        }
        async with house.write() as tx:
            row = await service.locked(tx, ticket.ref, boss)
            row.values = typed
        ticket = await _ticket(house)
        async with house.read() as tx:
            assert await service.steps_for(tx, ticket, boss, _at(5)) == ()
        with pytest.raises(NotAllowed):
            async with house.write() as tx:
                await service.take(tx, ticket.ref, "close", {}, version=ticket.version, actor=boss, at=_at(5))
        same = await _ticket(house)
        assert (same.state, same.version, same.values) == ("NEW", ticket.version, typed)
        assert await _told(house, "TicketMoved") == []
        await _tell(house, _left(6, "a1"))
        async with house.write() as tx:
            assert "close" in await service.steps_for(tx, same, boss, _at(7))
            moved = await service.take(tx, same.ref, "close", {}, version=same.version, actor=boss, at=_at(7))
        assert moved.state == "CLOSED"


class TestAdditions:
    async def test_the_first_agent_adds_after_the_transfer_and_a_stranger_does_not(self, house: Database) -> None:
        await _talk(house)
        await _tell(house, _rang(5, "a2", "consult"), _answered(6, "a2", "consult"))
        await _tell(
            house, _about(CallTransferred, 7, kind="attended", member="a1", to="a2", leg="a2.consult"), _left(7.1, "a1")
        )
        ticket, agents = await _ticket(house), await _agents(house)
        for _twice in range(2):
            async with house.write() as tx:
                await additions.add(tx, ticket.ref, "  他有哮喘。 ", factories.actor(of=agents["a1"]), _at(20))
        with pytest.raises(NotAllowed):
            async with house.write() as tx:
                await additions.add(tx, ticket.ref, "路过", factories.actor(of=agents["a3"]), _at(20))
        with pytest.raises(Invalid):
            async with house.write() as tx:
                await additions.add(tx, ticket.ref, " \n", factories.actor(of=agents["a1"]), _at(20))
        async with house.read() as tx:
            rows = list(await tx.session.scalars(select(Addition)))
            log = str([row.data for row in await house.after(0)])
        assert [(row.text, row.account_id) for row in rows] == [("他有哮喘。", agents["a1"].account_id)]
        assert "哮喘" not in log

    async def test_a_note_given_with_a_call_is_found_by_the_call(self, house: Database) -> None:
        await _talk(house)
        agents = await _agents(house)
        async with house.write() as tx:
            call = (await tx.session.scalars(select(Call))).one()
            assert await additions.add_to_call(tx, call.id, " ", factories.actor(of=agents["a1"]), _at(5)) is None
            await additions.add_to_call(tx, call.id, "要儿科", factories.actor(of=agents["a1"]), _at(5))
        async with house.read() as tx:
            found = await additions.newest_of_call(tx, call.id)
        assert found is not None and found.text == "要儿科"


async def test_a_call_back_goes_on_with_the_ticket_it_is_about(house: Database) -> None:
    await _talk(house)
    ticket = await _ticket(house)
    async with house.write() as tx:
        call = await factories.call(tx, direction="outbound")
        again = await service.open_for_call(
            tx, call_id=call.id, channel="phone_12345", caller_number="13800138000", at=_at(90), about=ticket.id
        )
        known = await service.of_call(tx, call.id)
    assert again.id == ticket.id and known is not None and known.id == ticket.id
    async with house.read() as tx:
        assert len(list(await tx.session.scalars(select(Ticket)))) == 1
        assert len(list(await tx.session.scalars(select(CallOffer)))) == 1


async def test_a_call_about_a_closed_ticket_has_a_new_one_to_write_and_is_a_contact_of_both(house: Database) -> None:
    await _talk(house)
    closed, agents = await _ticket(house), await _agents(house)
    async with house.write() as tx:
        (await tx.session.get_one(Ticket, closed.id)).state = "CLOSED"
        call = await factories.call(
            tx, direction="outbound", phase="talking", started_at=_at(90), aside="parked", aside_at=_at(91)
        )
        fresh = await service.open_for_call(
            tx, call_id=call.id, channel="outbound", caller_number="13800138000", at=_at(90), about=closed.id
        )
        handed = await pen.hand_to(tx, call.id, agents["a1"].id, _at(91))
    assert (fresh.state, fresh.agent_id) == ("NEW", agents["a1"].id)
    assert handed is not None and handed.id == fresh.id != closed.id
    async with house.read() as tx:
        assert [len(await queries.contacts_of(tx, ticket.id)) for ticket in (closed, fresh)] == [2, 1]
        # Whatever shows the call leads to the ticket that is being written.
        assert next(ref for _call, ref in await _calls(tx, {call.id})) == fresh.ref
        assert [one.ref for one in await parked(tx, full=True)] == [fresh.ref]
        assert [found.ref for found in await beside(tx, [call])] == [fresh.ref]
    async with house.write() as tx:
        again = await service.open_for_call(
            tx, call_id=call.id, channel="outbound", caller_number="13800138000", at=_at(92), about=closed.id
        )
    assert again.id == fresh.id
