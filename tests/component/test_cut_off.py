"""An agent whose page died in mid-call is told what became of the caller, and what to do."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hotline.agents.models import Agent
from hotline.calls.models import Call, CallOffer
from hotline.clock import now
from hotline.db import EventRow, Tx
from hotline.tickets.models import Ticket
from tests import factories
from tests.web_house import House, Person, english, house, statements

__all__ = ["english", "house"]
SECOND = timedelta(seconds=1)


async def _talk(tx: Tx, call: Call, agent: Agent, at: datetime, left_at: datetime | None) -> None:
    """The agent answered at `at` and was off the call at `left_at`."""
    tx.session.add(
        CallOffer(
            call_id=call.id, agent_id=agent.id, member=agent.endpoint, leg=f"{agent.endpoint}-{at.timestamp()}",
            rang_at=at - SECOND, ended_at=at, left_at=left_at, result="answered",
        )
    )  # fmt: skip
    await tx.session.flush()


async def _lost(house: House, person: Person, *, ago: timedelta = 5 * SECOND, **call: Any) -> Ticket:
    """A call of this person that went on without them: `call` is how it stands now."""
    assert person.agent is not None
    at = now() - ago
    async with house.db.write() as tx:
        values = {"phase": "waiting", "phase_at": at, "answered_at": at - 60 * SECOND, "agent_id": person.agent.id}
        row = await factories.call(tx, **(values | call))
        agent = await tx.session.get_one(Agent, person.agent.id)
        agent.phone, agent.state, agent.in_queue, agent.reason = "ok", "paused", True, "PHONE"
        await _talk(tx, row, agent, at - 60 * SECOND, at)
        return await factories.ticket(tx, of_call=row, agent_id=person.agent.id)


async def _notice(house: House, person: Person) -> str:
    async with house.client(person) as client:
        answer = await client.get("/console/mine")
    assert answer.status_code == 200
    return answer.text


async def test_the_reloaded_page_says_that_the_caller_waits_and_opens_their_ticket(house: House) -> None:
    person = await house.sign_in()
    ticket = await _lost(house, person)
    async with house.client(person, accept="text/html") as client:
        page = (await client.get("/console")).text
    assert 'data-cut-off="waiting"' in page
    assert "first in line" in page and "138****1234" in page and "13800001234" not in page
    assert f'id="panel" data-ref="{ticket.ref}"' in page


@pytest.mark.parametrize(
    ("became", "shown", "says"),
    [
        ({"phase": "waiting"}, "waiting", "first in line"),
        ({"phase": "ringing"}, "ringing", "rings another agent"),
        ({"phase": "recorder"}, "recorder", "leaving a message"),
        ({"phase": "ended", "outcome": "abandoned", "hangup_by": "caller"}, "gone", "Call back"),
        ({"phase": "ended", "outcome": "voicemail", "hangup_by": "caller"}, "gone", "Call back"),
        ({"phase": "ended", "outcome": "failed", "hangup_by": "system"}, "gone", "Call back"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_became_of_the_caller_is_said(house: House, became: dict[str, Any], shown: str, says: str) -> None:
    person = await house.sign_in()
    if became["phase"] == "ended":
        became = became | {"ended_at": now()}
    await _lost(house, person, **became)
    text = await _notice(house, person)
    assert f'data-cut-off="{shown}"' in text
    assert says in text


@pytest.mark.parametrize("is_over", [False, True])
async def test_who_took_the_caller_over_is_named_and_the_ticket_is_theirs(house: House, is_over: bool) -> None:
    person, other = await house.sign_in(), await house.sign_in()
    assert other.agent is not None
    end = {"phase": "ended", "outcome": "answered", "ended_at": now()} if is_over else {"phase": "talking"}
    ticket = await _lost(house, person, **end, agent_id=other.agent.id)
    async with house.db.write() as tx:
        row = await tx.session.get_one(Ticket, ticket.id)
        row.agent_id, row.confidentiality = other.agent.id, "K4"
    text = await _notice(house, person)
    assert f'data-cut-off="{"helped" if is_over else "talking"}"' in text
    assert other.agent.name in text
    assert ticket.ref not in text


@pytest.mark.parametrize(
    "call",
    [
        {"phase": "ended", "outcome": "answered", "hangup_by": "agent", "ended_at": now()},
        {"phase": "ended", "outcome": "answered", "hangup_by": "caller", "ended_at": now()},
        {"phase": "talking"},
    ],
    ids=["agent hung up", "caller hung up", "its end is not seen yet"],
)
async def test_a_call_that_ended_as_calls_do_was_not_cut_off(house: House, call: dict[str, Any]) -> None:
    person = await house.sign_in()
    await _lost(house, person, **call)
    assert "data-cut-off" not in await _notice(house, person)


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("CallTransferred", {"kind": "queue", "to": "queue"}),
        ("CallTransferred", {"kind": "blind", "to": "outside"}),
        ("CallAside", {"what": "parked"}),
    ],
    ids=["queued", "passed on", "parked"],
)
async def test_who_gave_the_caller_away_was_not_cut_off(house: House, event: str, data: dict[str, str]) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    ticket = await _lost(house, person)
    async with house.db.write() as tx:
        call = (await tx.session.scalars(select(Call))).one()
        told = EventRow(at=now() - 5 * SECOND, type=event, call_id=call.id, dedupe_key="moved")
        told.data = data | {"member": person.agent.endpoint}
        tx.session.add(told)
    assert "data-cut-off" not in await _notice(house, person)
    # What another did with them is no word on how this one's talk ended.
    async with house.db.write() as tx:
        (await tx.session.get_one(EventRow, told.seq)).data = data | {"member": "another"}
    assert ticket.ref in await _notice(house, person)


@pytest.mark.parametrize("is_theirs", [True, False])
async def test_who_left_the_caller_with_others_was_not_cut_off(house: House, is_theirs: bool) -> None:
    """A colleague was on the call before this agent left, and has it; of one who only was asked that is not so."""
    person, other = await house.sign_in(), await house.sign_in()
    assert other.agent is not None
    await _lost(house, person, phase="talking" if is_theirs else "waiting", agent_id=other.agent.id)
    async with house.db.write() as tx:
        call = (await tx.session.scalars(select(Call))).one()
        await _talk(tx, call, other.agent, now() - 30 * SECOND, None if is_theirs else now())
        colleague = (await tx.session.scalars(select(CallOffer).where(CallOffer.agent_id == other.agent.id))).one()
        colleague.role, colleague.owned_at = "consult", now() - 5 * SECOND if is_theirs else None
    text = await _notice(house, person)
    assert "data-cut-off" not in text if is_theirs else 'data-cut-off="waiting"' in text


async def test_the_notice_goes_when_the_caller_is_theirs_again_and_after_a_while(house: House) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    assert "data-cut-off" not in await _notice(house, person)
    await _lost(house, person, ago=timedelta(minutes=11))
    assert "data-cut-off" not in await _notice(house, person)
    ticket = await _lost(house, person)
    assert ticket.ref in await _notice(house, person)
    async with house.db.write() as tx:
        call = await factories.call(tx, phase="talking", agent_id=person.agent.id)
        await _talk(tx, call, person.agent, now(), None)
    assert "data-cut-off" not in await _notice(house, person)


async def test_nobody_is_told_of_anothers_caller(house: House) -> None:
    person, other = await house.sign_in(), await house.sign_in()
    await _lost(house, person)
    assert "data-cut-off" not in await _notice(house, other)
    supervisor = await house.sign_in("supervisor")
    async with house.client(supervisor) as client:
        assert (await client.get("/console/mine")).status_code in {403, 404}


async def test_the_notice_costs_the_same_after_one_and_three_calls(house: House) -> None:
    person = await house.sign_in()
    counts = []
    for many in (1, 2):
        for _ in range(many):
            await _lost(house, person)
        await _notice(house, person)
        with statements(house.db) as seen:
            await _notice(house, person)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 7
