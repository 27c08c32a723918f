"""Tickets from the first ring to their end: rows, events, permissions, conflicts, lists."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from hotline.access.permissions import Actor
from hotline.agents.models import Agent
from hotline.calls.models import Call
from hotline.db import Database, EventRow, Tx
from hotline.errors import (
    Conflict,
    HotlineError,
    Invalid,
    MissingFields,
    NotAllowed,
    NotFound,
    TooLarge,
    VersionConflict,
)
from hotline.ids import new_id
from hotline.tickets import call_backs, pen, queries, service
from hotline.tickets.models import Contact, ContactTicket, DueWork, Ticket
from tests import factories
from tests.factories import T0

FILLED = {"contact_type": "CT08", "category": "LIV.02", "summary": "怎么申请事实无人抚养儿童补贴?", "urgency": "U3"}
LATER = T0 + timedelta(minutes=5)


async def _events(db: Database) -> list[tuple[str, dict[str, Any]]]:
    return [(row.type, row.data) for row in await db.after(0)]


async def _own(db: Database, **values: Any) -> tuple[Agent, Actor, Ticket]:
    """An agent with a ticket that is theirs."""
    async with db.write() as tx:
        agent = await factories.agent(tx)
        ticket = await factories.ticket(tx, agent_id=agent.id, **values)
    return agent, factories.actor(of=agent), ticket


async def _again(db: Database, ticket: Ticket) -> Ticket:
    async with db.read() as tx:
        return await tx.session.get_one(Ticket, ticket.id)


def _picture(ticket: Ticket) -> dict[str, Any]:
    return {column.name: getattr(ticket, column.name) for column in Ticket.__table__.columns}


@contextmanager
def _statements(db: Database) -> Iterator[list[str]]:
    """SQL of the block, without BEGIN and its like."""
    found: list[str] = []

    def note(_c: Any, _cur: Any, sql: str, _params: Any, _ctx: Any, _many: Any) -> None:
        if sql.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            found.append(sql)

    event.listen(db.sync_engine, "before_cursor_execute", note)
    yield found
    event.remove(db.sync_engine, "before_cursor_execute", note)


class TestOpening:
    async def test_the_first_ring_opens_a_contact_and_its_ticket_once(self, db: Database) -> None:
        async with db.write() as tx:
            call = await factories.call(tx)
            first = await service.open_for_call(
                tx, call_id=call.id, channel="phone_2912345", caller_number="13800001234", at=T0
            )
        async with db.write() as tx:
            again = await service.open_for_call(
                tx, call_id=call.id, channel="phone_2912345", caller_number="13800001234", at=LATER
            )
        assert again.id == first.id
        assert (first.ref, first.state, first.ticket_no, first.agent_id, first.opened_at) == (
            "H-1-9", "NEW", None, None, T0,
        )  # fmt: skip
        async with db.read() as tx:
            contact = (await tx.session.scalars(select(Contact))).one()
            link = (await tx.session.scalars(select(ContactTicket))).one()
        assert (contact.call_id, contact.channel, contact.caller_number) == (call.id, "phone_2912345", "13800001234")
        assert (link.contact_id, link.ticket_id) == (contact.id, first.id)
        (row,) = await db.after(0)
        assert (row.type, row.call_id, row.ticket_id, row.at) == ("ContactOpened", call.id, first.id, T0)
        assert "13800001234" not in str(row.data)

    async def test_refs_have_no_holes_when_a_transaction_fails(self, db: Database) -> None:
        refs = []
        for number in range(3):
            try:
                async with db.write() as tx:
                    call = await factories.call(tx)
                    ticket = await service.open_for_call(
                        tx, call_id=call.id, channel="phone_12345", caller_number=None, at=T0
                    )
                    if number == 1:
                        raise RuntimeError
                refs.append(ticket.ref)
            except RuntimeError:
                continue
        assert refs == ["H-1-9", "H-2-7"]


class TestHandingOver:
    async def test_ring_hands_over_miss_hands_back_and_the_next_ring_hands_on(self, db: Database) -> None:
        async with db.write() as tx:
            first, second = await factories.agent(tx), await factories.agent(tx)
            call = await factories.call(tx)
            ticket = await service.open_for_call(tx, call_id=call.id, channel="phone_12345", caller_number=None, at=T0)
            await pen.hand_to(tx, call.id, first.id, T0)
            await pen.hand_to(tx, call.id, first.id, T0)
            await pen.hand_back(tx, call.id, second.id, T0)
            await pen.hand_back(tx, call.id, first.id, T0)
        assert (await _again(db, ticket)).agent_id is None
        async with db.write() as tx:
            await pen.hand_to(tx, call.id, second.id, LATER)
            await pen.hand_back(tx, call.id, first.id, LATER)
            await pen.hand_to(tx, call.id, second.id, LATER)
        assert (await _again(db, ticket)).agent_id == second.id
        handed = [(row.type, row.agent_id) for row in await db.after(0) if row.type.startswith("TicketHanded")]
        assert handed == [
            ("TicketHandedTo", first.id), ("TicketHandedBack", first.id), ("TicketHandedTo", second.id),
        ]  # fmt: skip

    async def test_what_an_agent_wrote_while_it_rang_stays_theirs_until_somebody_answers(self, db: Database) -> None:
        async with db.write() as tx:
            agent, other = await factories.agent(tx), await factories.agent(tx)
            call = await factories.call(tx)
            ticket = await factories.ticket(tx, of_call=call)
            await pen.hand_to(tx, call.id, agent.id, T0)
            await service.save_field(
                tx, ticket.ref, "summary", "孩子", seen_version=0, actor=factories.actor(of=agent), at=T0
            )
            assert await pen.hand_back(tx, call.id, agent.id, T0) is None
        assert (await _again(db, ticket)).agent_id == agent.id
        async with db.write() as tx:
            await pen.hand_to(tx, call.id, other.id, LATER)
        taken = await _again(db, ticket)
        assert (taken.agent_id, taken.values) == (other.id, {"summary": "孩子"})

    async def test_an_ended_ticket_stays_where_it_is(self, db: Database) -> None:
        async with db.write() as tx:
            agent = await factories.agent(tx)
            call = await factories.call(tx)
            ticket = await factories.ticket(tx, of_call=call, state="VOID")
            assert await pen.hand_to(tx, call.id, agent.id, T0) is None
            assert await pen.hand_to(tx, new_id(), agent.id, T0) is None
        assert (await _again(db, ticket)).agent_id is None


class TestWriting:
    async def test_each_field_has_its_own_version(self, db: Database) -> None:
        _agent, actor, ticket = await _own(db)
        async with db.write() as tx:
            first = await service.save_field(tx, ticket.ref, "summary", "隔壁", seen_version=0, actor=actor, at=T0)
            other = await service.save_field(tx, ticket.ref, "urgency", "U1", seen_version=0, actor=actor, at=T0)
            second = await service.save_field(
                tx, ticket.ref, "summary", "隔壁在打人", seen_version=1, actor=actor, at=LATER
            )
        assert [(saved.version, saved.ticket_version, saved.changed) for saved in (first, other, second)] == [
            (1, 2, True), (1, 3, True), (2, 4, True),
        ]  # fmt: skip
        assert second.saved_at == LATER
        row = await _again(db, ticket)
        assert (row.values, row.field_versions, row.version) == (
            {"summary": "隔壁在打人", "urgency": "U1"}, {"summary": 2, "urgency": 1}, 4,
        )  # fmt: skip
        events = await _events(db)
        assert [data["fields"] for kind, data in events if kind == "TicketChanged"] == [
            ["summary"], ["urgency"], ["summary"],
        ]  # fmt: skip
        assert "隔壁" not in str(events)

    async def test_a_conflict_shows_both_texts_and_overwrites_nothing(self, db: Database) -> None:
        _agent, actor, ticket = await _own(db)
        async with db.write() as tx:
            await service.save_field(tx, ticket.ref, "summary", "甲写的", seen_version=0, actor=actor, at=T0)
        before = _picture(await _again(db, ticket))
        with pytest.raises(VersionConflict) as caught:
            async with db.write() as tx:
                await service.save_field(tx, ticket.ref, "summary", "乙写的", seen_version=0, actor=actor, at=LATER)
        assert caught.value.extra == {"field": "summary", "yours": "乙写的", "theirs": "甲写的", "version": 1}
        assert _picture(await _again(db, ticket)) == before
        assert len(await _events(db)) == 1

    @pytest.mark.parametrize("seen", [0, 1, 7])
    async def test_the_same_text_is_no_conflict_and_no_change(self, db: Database, seen: int) -> None:
        _agent, actor, ticket = await _own(db)
        async with db.write() as tx:
            await service.save_field(tx, ticket.ref, "summary", "两行\n字", seen_version=0, actor=actor, at=T0)
        async with db.write() as tx:
            saved = await service.save_field(
                tx, ticket.ref, "summary", "两行\r\n字", seen_version=seen, actor=actor, at=LATER
            )
        assert (saved.version, saved.changed, saved.saved_at) == (1, False, T0)
        assert len(await _events(db)) == 1

    async def test_who_may_not_write_changes_nothing(self, db: Database) -> None:
        _agent, _actor, ticket = await _own(db)
        async with db.write() as tx:
            stranger = factories.actor(of=await factories.agent(tx))
            secret = await factories.ticket(tx, confidentiality="K3")
        cases: list[tuple[Actor, Ticket, type[HotlineError]]] = [
            (stranger, ticket, NotAllowed),
            (factories.actor("caseworker"), ticket, NotAllowed),
            (factories.actor("administrator"), ticket, NotFound),
            (stranger, secret, NotFound),
        ]
        for actor, target, error in cases:
            with pytest.raises(error):
                async with db.write() as tx:
                    await service.save_field(tx, target.ref, "summary", "不行", seen_version=0, actor=actor, at=T0)
        assert (await _again(db, ticket)).values == {} == (await _again(db, secret)).values
        assert await _events(db) == []

    @pytest.mark.parametrize(
        ("ref", "name", "value", "error"),
        [
            ("H-0-0", "summary", "x", NotFound),
            (None, "colour", "x", Invalid),
            (None, "urgency", "U9", Invalid),
            (None, "summary", "x" * 20_001, TooLarge),
        ],
    )
    async def test_illegal_input_changes_nothing(
        self, db: Database, ref: str | None, name: str, value: str, error: type[HotlineError]
    ) -> None:
        _agent, actor, ticket = await _own(db)
        with pytest.raises(error):
            async with db.write() as tx:
                await service.save_field(tx, ref or ticket.ref, name, value, seen_version=0, actor=actor, at=T0)
        assert _picture(await _again(db, ticket)) == _picture(ticket)
        assert await _events(db) == []

    @pytest.mark.parametrize("state", ["CLOSED", "VOID"])
    async def test_an_ended_ticket_is_not_written(self, db: Database, state: str) -> None:
        _agent, actor, ticket = await _own(db, state=state)
        with pytest.raises(Conflict):
            async with db.write() as tx:
                await service.save_field(tx, ticket.ref, "summary", "还有", seen_version=0, actor=actor, at=T0)
        async with db.read() as tx:
            assert not await service.is_writable(tx, ticket, actor)

    async def test_only_a_supervisor_lowers_the_urgency_of_a_registered_ticket(self, db: Database) -> None:
        _agent, actor, ticket = await _own(
            db, state="ACCEPTED", registered_at=T0, values={"urgency": "U1"}, field_versions={"urgency": 1}
        )
        for text in ("U2", ""):
            with pytest.raises(NotAllowed, match="supervisor"):
                async with db.write() as tx:
                    await service.save_field(tx, ticket.ref, "urgency", text, seen_version=1, actor=actor, at=T0)
        async with db.write() as tx:
            await service.save_field(tx, ticket.ref, "urgency", "U0", seen_version=1, actor=actor, at=T0)
            await service.save_field(
                tx, ticket.ref, "urgency", "U3", seen_version=2, actor=factories.actor("supervisor"), at=T0
            )
        assert (await _again(db, ticket)).values == {"urgency": "U3"}


class TestSteps:
    async def test_save_and_close_registers_answers_and_closes_in_one_transaction(self, db: Database) -> None:
        _agent, actor, ticket = await _own(db)
        at = datetime(2026, 5, 11, 17, 30, tzinfo=UTC)  # already the 12th in Shanghai
        async with db.write() as tx:
            closed = await service.take(tx, ticket.ref, "close", FILLED, version=1, actor=actor, at=at)
        assert (closed.state, closed.ticket_no, closed.registered_at, closed.closed_at, closed.version) == (
            "CLOSED", "20260512-0001", at, at, 5,
        )  # fmt: skip
        assert closed.values == FILLED
        events = await _events(db)
        assert [kind for kind, _ in events] == ["TicketChanged", "TicketMoved", "TicketMoved", "TicketMoved"]
        assert [(data["from_state"], data["to_state"], data["step"]) for _, data in events[1:]] == [
            ("NEW", "ACCEPTED", "close"), ("ACCEPTED", "ANSWERED", "close"), ("ANSWERED", "CLOSED", "close"),
        ]  # fmt: skip
        assert [data["version"] for _, data in events] == [2, 3, 4, 5]
        assert "抚养" not in str(events)

    async def test_numbers_count_up_within_a_day_and_begin_again_the_next(self, db: Database) -> None:
        numbers = []
        for day in (T0, T0, T0 + timedelta(days=1)):
            _agent, actor, ticket = await _own(db)
            async with db.write() as tx:
                row = await service.take(tx, ticket.ref, "register", FILLED, version=1, actor=actor, at=day)
            numbers.append(row.ticket_no)
        assert numbers == ["20260511-0001", "20260511-0002", "20260512-0001"]

    async def test_register_then_answer(self, db: Database) -> None:
        _agent, actor, ticket = await _own(db)
        async with db.write() as tx:
            await service.take(tx, ticket.ref, "register", FILLED, version=1, actor=actor, at=T0)
        registered = await _again(db, ticket)
        assert (registered.state, registered.closed_at) == ("ACCEPTED", None)
        async with db.read() as tx:
            assert await service.steps_for(tx, registered, actor, LATER) == ("answer",)
        async with db.write() as tx:
            done = await service.take(tx, ticket.ref, "answer", {}, version=registered.version, actor=actor, at=LATER)
        assert (done.state, done.ticket_no, done.registered_at, done.closed_at) == (
            "CLOSED", "20260511-0001", T0, LATER,
        )  # fmt: skip

    async def test_one_key_discards_and_ten_minutes_undo_it(self, db: Database) -> None:
        _agent, actor, ticket = await _own(db)
        async with db.write() as tx:
            void = await service.take(
                tx, ticket.ref, "discard", {"contact_type": "CT14"}, version=1, actor=actor, at=T0
            )
            assert (void.state, void.ticket_no, void.closed_at) == ("VOID", None, T0)
            assert await service.steps_for(tx, void, actor, T0 + timedelta(minutes=10)) == ("restore",)
            assert await service.steps_for(tx, void, actor, T0 + timedelta(minutes=11)) == ()
            other = factories.actor(of=await factories.agent(tx))
            assert await service.steps_for(tx, void, other, T0) == ()
        with pytest.raises(NotAllowed):
            async with db.write() as tx:
                await service.take(tx, ticket.ref, "restore", {}, version=void.version, actor=other, at=LATER)
        with pytest.raises(Conflict, match="too late"):
            async with db.write() as tx:
                late = T0 + timedelta(minutes=11)
                await service.take(tx, ticket.ref, "restore", {}, version=void.version, actor=actor, at=late)
        async with db.write() as tx:
            back = await service.take(tx, ticket.ref, "restore", {}, version=void.version, actor=actor, at=LATER)
        assert (back.state, back.closed_at, back.agent_id) == ("NEW", None, ticket.agent_id)

    @pytest.mark.parametrize(
        ("step", "values", "version", "error"),
        [
            ("close", {"summary": "太短"}, 1, MissingFields),
            ("close", {**FILLED, "urgency": "U0"}, 1, NotAllowed),
            ("close", {**FILLED, "contact_type": "CT10"}, 1, Invalid),
            ("close", {**FILLED, "summary": "x" * 20_001}, 1, TooLarge),
            ("close", {**FILLED, "colour": "red"}, 1, Invalid),
            ("discard", {"contact_type": "CT01"}, 1, Invalid),
            ("discard", {}, 1, MissingFields),
            ("answer", FILLED, 1, Conflict),
            ("restore", {}, 1, Conflict),
            ("fly", {}, 1, Conflict),
            ("take", {}, 1, Conflict),
        ],
    )
    async def test_a_refused_step_changes_nothing(
        self, db: Database, step: str, values: dict[str, str], version: int, error: type[HotlineError]
    ) -> None:
        _agent, actor, ticket = await _own(db)
        with pytest.raises(error) as caught:
            async with db.write() as tx:
                await service.take(tx, ticket.ref, step, values, version=version, actor=actor, at=T0)
        assert type(caught.value) is error
        assert _picture(await _again(db, ticket)) == _picture(ticket)
        assert await _events(db) == []

    async def test_an_old_screen_may_take_a_step_that_overwrites_nothing(self, db: Database) -> None:
        _agent, actor, ticket = await _own(db)
        async with db.write() as tx:
            for name, text in FILLED.items():
                await service.save_field(tx, ticket.ref, name, text, seen_version=0, actor=actor, at=T0)
        async with db.write() as tx:
            row = await service.take(tx, ticket.ref, "close", FILLED, version=1, actor=actor, at=LATER)
        assert row.state == "CLOSED"

    async def test_an_old_screen_with_another_text_is_shown_both(self, db: Database) -> None:
        _agent, actor, ticket = await _own(db)
        async with db.write() as tx:
            await service.save_field(
                tx, ticket.ref, "summary", "另一页写的十个字以上", seen_version=0, actor=actor, at=T0
            )
        with pytest.raises(VersionConflict) as caught:
            async with db.write() as tx:
                await service.take(tx, ticket.ref, "close", FILLED, version=1, actor=actor, at=LATER)
        assert caught.value.extra["theirs"] == "另一页写的十个字以上"

    async def test_a_second_press_is_a_conflict(self, db: Database) -> None:
        _agent, actor, ticket = await _own(db)
        async with db.write() as tx:
            await service.take(tx, ticket.ref, "close", FILLED, version=1, actor=actor, at=T0)
        with pytest.raises(Conflict):
            async with db.write() as tx:
                await service.take(tx, ticket.ref, "close", FILLED, version=1, actor=actor, at=T0)
        assert (await _again(db, ticket)).ticket_no == "20260511-0001"

    async def test_a_supervisor_closes_danger_with_a_written_answer(self, db: Database) -> None:
        _agent, _actor, ticket = await _own(db)
        values = {**FILLED, "urgency": "U0", "answer": "110已到场, 孩子与社工在一起"}
        async with db.write() as tx:
            row = await service.take(
                tx, ticket.ref, "close", values, version=1, actor=factories.actor("supervisor"), at=T0
            )
        assert row.state == "CLOSED"

    async def test_a_parked_draft_can_be_taken_over_but_not_during_its_call(self, db: Database) -> None:
        agent, _actor, ticket = await _own(db)
        async with db.write() as tx:
            colleague = await factories.agent(tx)
            actor = factories.actor(of=colleague)
            assert await service.steps_for(tx, ticket, actor, T0) == ()
        with pytest.raises(Conflict, match="talking"):
            async with db.write() as tx:
                await service.take(tx, ticket.ref, "take", {}, version=1, actor=actor, at=T0)
        async with db.write() as tx:
            call = (await tx.session.scalars(select(Call))).one()
            call.ended_at = T0
        async with db.write() as tx:
            assert await service.steps_for(tx, ticket, actor, T0) == ("take",)
            row = await service.take(tx, ticket.ref, "take", {}, version=1, actor=actor, at=LATER)
        assert (row.agent_id, row.state, row.version) == (colleague.id, "NEW", 2)
        assert agent.id != colleague.id
        assert [kind for kind, _ in await _events(db)] == ["TicketHandedTo"]


class TestCallBacks:
    @pytest.mark.parametrize(
        "outcome", ["abandoned", "callback", "voicemail", "closed", "blocked", "overflowed", "failed"]
    )
    async def test_who_was_not_helped_is_owed_one_call(self, db: Database, outcome: str) -> None:
        due = T0 + timedelta(minutes=30)
        async with db.write() as tx:
            call = await factories.call(tx)
            ticket = await factories.ticket(tx, of_call=call)
            first = await call_backs.call_missed(tx, call.id, outcome, T0, lambda at: at + timedelta(minutes=30))
            again = await call_backs.call_missed(tx, call.id, outcome, LATER, lambda at: at + timedelta(minutes=30))
        assert first is not None and again is not None
        assert (first.id, first.due_at, first.kind) == (again.id, due, "call_back")
        (row,) = await db.after(0)
        assert (row.type, row.call_id, row.ticket_id, row.data["due_at"]) == (
            "CallBackDue", call.id, ticket.id, "2026-05-11T02:30:00+00:00",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("outcome", "number"), [("answered", "13800001234"), ("duty", "13800001234"), ("abandoned", None)]
    )
    async def test_who_was_helped_or_hid_the_number_is_owed_none(
        self, db: Database, outcome: str, number: str | None
    ) -> None:
        async with db.write() as tx:
            call = await factories.call(tx, caller_number=number)
            await factories.ticket(tx, of_call=call)
            assert await call_backs.call_missed(tx, call.id, outcome, T0, lambda at: at) is None
        async with db.read() as tx:
            assert list(await tx.session.scalars(select(DueWork))) == []

    async def test_a_call_back_is_done_once(self, db: Database) -> None:
        async with db.write() as tx:
            actor = factories.actor(of=await factories.agent(tx))
            call = await factories.call(tx)
            await factories.ticket(tx, of_call=call)
            work = await call_backs.call_missed(tx, call.id, "abandoned", T0, lambda at: at)
        assert work is not None
        async with db.write() as tx:
            await call_backs.call_back_done(tx, work.id, actor, LATER)
        with pytest.raises(Conflict):
            async with db.write() as tx:
                await call_backs.call_back_done(tx, work.id, actor, LATER)
        with pytest.raises(NotFound):
            async with db.write() as tx:
                await call_backs.call_back_done(tx, new_id(), actor, LATER)
        async with db.read() as tx:
            assert (await tx.session.get_one(DueWork, work.id)).done_at == LATER
        assert [kind for kind, _ in await _events(db)] == ["CallBackDue", "CallBackDone"]


async def _many(tx: Tx, count: int) -> tuple[Agent, list[Ticket]]:
    """Tickets of one number and one agent, call-backs due; and as many of somebody else's, which must not show."""
    agent, other = await factories.agent(tx), await factories.agent(tx)
    tickets = []
    for number in range(count):
        at = T0 + timedelta(minutes=number)
        for owner, caller in ((agent, "13800001234"), (other, "13900009999")):
            call = await factories.call(tx, started_at=at, caller_number=caller)
            ticket = await factories.ticket(tx, of_call=call, agent_id=owner.id, confidentiality="K3", opened_at=at)
            if owner is agent:
                tickets.append(ticket)
                await call_backs.call_missed(tx, call.id, "abandoned", at, lambda at: at + timedelta(minutes=30))
    return agent, tickets


async def _list(tx: Tx, name: str, agent: Agent, ticket: Ticket) -> None:
    match name:
        case "work":
            await queries.work_of(tx, agent.id)
        case "page":
            await queries.page(tx, factories.actor(of=agent))
        case "earlier":
            await queries.earlier(tx, "13800001234", ticket)
        case "timeline":
            await queries.timeline(tx, ticket.id)
        case _:
            await queries.unfinished(tx, T0 + timedelta(days=1))


class TestLists:
    async def test_work_is_the_teams_call_backs_and_own_unfinished_tickets(self, db: Database) -> None:
        async with db.write() as tx:
            agent, tickets = await _many(tx, 2)
            tickets[1].state = "ACCEPTED"
            closed = await factories.ticket(tx, agent_id=agent.id, state="CLOSED")
        async with db.read() as tx:
            work = await queries.work_of(tx, agent.id)
        assert [(item.kind, item.ticket and item.ticket.ref, item.due_at, item.line) for item in work] == [
            ("call_back", tickets[0].ref, T0 + timedelta(minutes=30), "12345"),
            ("call_back", tickets[1].ref, T0 + timedelta(minutes=31), "12345"),
            ("draft", tickets[0].ref, None, "12345"),
            ("open", tickets[1].ref, None, "12345"),
        ]
        assert work[0].contact is not None and work[0].contact.caller_number == "13800001234"
        assert closed.ref not in {item.ticket.ref for item in work if item.ticket}

    async def test_pages_follow_each_other_newest_first_and_show_only_what_may_be_seen(self, db: Database) -> None:
        async with db.write() as tx:
            agent, tickets = await _many(tx, 5)
            same_time = await factories.ticket(tx, agent_id=agent.id, confidentiality="K4", opened_at=T0)
        actor = factories.actor(of=agent)
        seen: list[str] = []
        cursor = None
        async with db.read() as tx:
            while True:
                page = await queries.page(tx, actor, cursor=cursor, limit=2)
                seen += [row.ticket.ref for row in page.rows]
                cursor = page.next_cursor
                if cursor is None:
                    break
            everything = await queries.page(tx, factories.actor("supervisor"))
            nothing = await queries.page(tx, factories.actor("administrator"))
        newest_first = [ticket.ref for ticket in reversed(tickets)]
        assert seen[:4] == newest_first[:4] and set(seen[4:]) == {newest_first[4], same_time.ref}
        assert (len(everything.rows), nothing.rows) == (11, ())

    async def test_filters(self, db: Database) -> None:
        async with db.write() as tx:
            agent, tickets = await _many(tx, 2)
            tickets[0].state = "ACCEPTED"
        supervisor, own = factories.actor("supervisor"), factories.actor(of=agent)
        async with db.read() as tx:
            accepted = await queries.page(tx, supervisor, state="ACCEPTED")
            mine = await queries.page(tx, own, mine=True)
            by_number = await queries.page(tx, supervisor, number="13900009999")
        assert [row.ticket.id for row in accepted.rows] == [tickets[0].id]
        assert [row.ticket.id for row in mine.rows] == [tickets[1].id, tickets[0].id]
        assert len(by_number.rows) == 2
        assert {row.contact and row.contact.caller_number for row in by_number.rows} == {"13900009999"}

    @pytest.mark.parametrize("cursor", ["x", "💥", "bm90IGEgY3Vyc29y", "MjAyNi0wMS0wMSB4", ""])
    async def test_a_cursor_that_is_none_of_ours_is_refused(self, db: Database, cursor: str) -> None:
        with pytest.raises(Invalid):
            async with db.read() as tx:
                await queries.page(tx, factories.actor("supervisor"), cursor=cursor)

    async def test_earlier_contacts_are_of_the_same_number_only(self, db: Database) -> None:
        async with db.write() as tx:
            _agent, tickets = await _many(tx, 3)
        async with db.read() as tx:
            found = await queries.earlier(tx, "13800001234", tickets[2])
            none = await queries.earlier(tx, None, tickets[2])
        assert [item.ticket.id for item in found] == [tickets[1].id, tickets[0].id]
        assert none == []

    async def test_by_ref_hides_what_is_not_for_this_person(self, db: Database) -> None:
        async with db.write() as tx:
            _agent, tickets = await _many(tx, 1)
            stranger = factories.actor(of=await factories.agent(tx))
        async with db.read() as tx:
            found = await queries.by_ref(tx, tickets[0].ref, factories.actor("supervisor"))
            assert found.id == tickets[0].id
            for ref in (tickets[0].ref, "H-0-0", "' OR 1=1 --"):
                with pytest.raises(NotFound):
                    await queries.by_ref(tx, ref, stranger)

    async def test_the_timeline_has_the_tickets_and_its_calls_events_only(self, db: Database) -> None:
        async with db.write() as tx:
            agent, tickets = await _many(tx, 2)
            actor = factories.actor(of=agent)
            for ticket in tickets:
                await service.save_field(tx, ticket.ref, "urgency", "U2", seen_version=0, actor=actor, at=LATER)
        async with db.read() as tx:
            rows = await queries.timeline(tx, tickets[0].id)
            calls = await queries.contacts_of(tx, tickets[0].id)
        assert [(row.type, row.ticket_id) for row in rows] == [
            ("CallBackDue", tickets[0].id), ("TicketChanged", tickets[0].id),
        ]  # fmt: skip
        assert [call and call.line for _, call in calls] == ["12345"]

    async def test_unfinished_tickets_are_listed_after_their_time(self, db: Database) -> None:
        async with db.write() as tx:
            _agent, tickets = await _many(tx, 2)
            tickets[0].state = "ACCEPTED"
        async with db.read() as tx:
            found = await queries.unfinished(tx, T0 + timedelta(minutes=1))
        assert len(found) == 1 and found[0].ticket.state == "NEW" and found[0].ticket.opened_at == T0

    @pytest.mark.parametrize(
        ("name", "expected"), [("work", 3), ("page", 2), ("earlier", 1), ("timeline", 1), ("unfinished", 2)]
    )
    async def test_a_list_costs_the_same_statements_for_one_row_and_for_three(
        self, db: Database, name: str, expected: int
    ) -> None:
        counts = []
        for rows in (1, 3):
            async with db.write() as tx:
                agent, tickets = await _many(tx, rows)
            async with db.read() as tx:
                with _statements(db) as statements:
                    await _list(tx, name, agent, tickets[-1])
            counts.append(len(statements))
        assert counts == [expected, expected]


async def test_the_log_keeps_no_text_of_a_ticket(db: Database) -> None:
    _agent, actor, ticket = await _own(db)
    async with db.write() as tx:
        await service.take(tx, ticket.ref, "close", FILLED, version=1, actor=actor, at=T0)
    async with db.read() as tx:
        rows = list(await tx.session.scalars(select(EventRow)))
    assert not [row for row in rows if FILLED["summary"] in str(row.data)]
