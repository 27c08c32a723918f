"""The call on an agent's screen: who is on it, in which state, with whose number how far; and what the buttons ask."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hotline.agents.models import Agent
from hotline.calls.models import Call, CallOffer, CallParty
from hotline.clock import now
from hotline.errors import Conflict
from hotline.events import CallAside, CallRejoined
from tests import factories
from tests.web_house import House, Person, english, house, statements

__all__ = ["english", "house"]
SECOND = timedelta(seconds=1)


async def _talking(house: House, person: Person, **values: Any) -> Call:
    """A call on this person's phone."""
    assert person.agent is not None
    async with house.db.write() as tx:
        at = now()
        more = {"phase": "talking", "direction": "inbound", "started_at": at, "answered_at": at, **values}
        call = await factories.call(tx, **more)
        agent = await tx.session.get_one(Agent, person.agent.id)
        agent.state, agent.call_id = "on_call", call.id
        tx.session.add(_leg(call, agent, "1.2"))
    return call


def _leg(call: Call, agent: Agent, channel: str, **values: Any) -> CallOffer:
    more = {"role": "queue", "result": "answered", "rang_at": now(), "ended_at": now(), **values}
    return CallOffer(call_id=call.id, agent_id=agent.id, member=agent.endpoint, leg=channel, **more)


async def _shown(house: House, person: Person) -> str:
    async with house.client(person) as client:
        answer = await client.get("/console/talk")
    assert answer.status_code == 200
    return answer.text


async def test_without_a_call_nobody_is_shown(house: House) -> None:
    text = await _shown(house, await house.sign_in())
    assert 'data-state=""' in text
    assert "talk-leg " not in text


async def test_while_somebody_is_asked_the_caller_hears_music_and_each_line_says_what_it_is(house: House) -> None:
    person, colleague = await house.sign_in(), await house.sign_in()
    assert person.agent is not None
    assert colleague.agent is not None
    call = await _talking(house, person, aside="consult", aside_at=now(), aside_by=person.agent.endpoint)
    async with house.db.write() as tx:
        leg = _leg(call, colleague.agent, "1.3", role="consult", result="ringing", ended_at=None)
        tx.session.add(leg)
    ringing = await _shown(house, person)
    assert 'data-state="calling"' in ringing
    assert 'data-leg="caller" data-leg-state="waiting"' in ringing
    assert 'data-leg="agent" data-leg-state="ringing"' in ringing
    assert "138****1234" in ringing and "13800001234" not in ringing
    assert 'data-move="complete"' in ringing and 'data-move="conference"' not in ringing
    asked = await _shown(house, colleague)
    assert 'data-state="asked"' in asked and person.agent.name in asked
    async with house.db.write() as tx:
        row = await tx.session.get_one(CallOffer, leg.id)
        row.result, row.ended_at = "answered", now()
    assert 'data-state="consult"' in await _shown(house, person)
    assert 'data-move="conference"' in await _shown(house, person)
    async with house.db.write() as tx:
        row = await tx.session.get_one(Call, call.id)
        row.aside = row.aside_at = row.aside_by = None
    for one in (person, colleague):
        text = await _shown(house, one)
        assert 'data-state="conference"' in text
        assert 'data-leg="agent" data-leg-state="talking"' in text


async def test_who_asks_out_of_a_conference_and_those_who_stay_each_see_what_is_so(house: House) -> None:
    asker, stays, asked = [await house.sign_in() for _ in range(3)]
    assert asker.agent is not None
    assert stays.agent is not None
    assert asked.agent is not None
    call = await _talking(house, asker)
    async with house.db.write() as tx:
        offer = (await tx.session.scalars(select(CallOffer).where(CallOffer.call_id == call.id))).one()
        offer.aside_at = now()
        tx.session.add(_leg(call, stays.agent, "1.3", role="consult", rang_at=offer.aside_at - timedelta(minutes=1)))
        tx.session.add(_leg(call, asked.agent, "1.4", role="consult", rang_at=offer.aside_at + timedelta(seconds=1)))
    text = await _shown(house, asker)
    assert 'data-state="consult"' in text and 'data-move="complete"' in text and 'data-move="conference"' in text
    assert f"You ask {asked.agent.name}, the others go on with the caller" in text
    assert 'data-leg="caller" data-leg-state="talking"' in text
    text = await _shown(house, stays)
    assert 'data-state="conference"' in text and f"Conference; {asker.agent.name} is asking somebody else" in text
    assert text.count('data-leg-state="asked"') == 2, "who asks, and whom they ask, do not hear the caller"
    text = await _shown(house, asked)
    assert 'data-state="asked"' in text and f"{asker.agent.name} asks you about this call" in text
    async with house.db.write() as tx:
        (await tx.session.get_one(CallOffer, offer.id)).aside_at = None
    for one in (asker, stays, asked):
        text = await _shown(house, one)
        assert 'data-state="conference"' in text and "everybody hears everybody" in text


async def test_a_supervisor_who_took_the_call_over_has_it_on_the_screen_and_asks_from_there(house: House) -> None:
    boss, colleague = await house.sign_in("supervisor", phone=True), await house.sign_in()
    assert boss.agent is not None
    assert colleague.agent is not None
    call = await _talking(house, boss)
    async with house.db.write() as tx:
        offer = (await tx.session.scalars(select(CallOffer).where(CallOffer.call_id == call.id))).one()
        offer.role = "supervisor"
    assert 'data-state=""' in await _shown(house, boss)
    async with house.db.write() as tx:
        (await tx.session.get_one(CallOffer, offer.id)).owned_at = now()
    assert 'data-state="talking"' in await _shown(house, boss)
    async with house.db.write() as tx:
        row = await tx.session.get_one(Call, call.id)
        row.aside, row.aside_at, row.aside_by = "consult", now(), boss.agent.endpoint
        tx.session.add(_leg(call, colleague.agent, "1.3", role="consult"))
    text = await _shown(house, boss)
    assert 'data-state="consult"' in text and 'data-move="complete"' in text and 'data-move="conference"' in text
    async with house.db.write() as tx:
        row = await tx.session.get_one(Call, call.id)
        row.aside = row.aside_at = row.aside_by = None
    for one, other in ((boss, colleague), (colleague, boss)):
        text = await _shown(house, one)
        assert 'data-state="conference"' in text and other.account.name in text


async def test_a_place_of_the_directory_is_shown_by_its_name_and_any_other_number_masked(house: House) -> None:
    person = await house.sign_in()
    call = await _talking(house, person)
    async with house.db.write() as tx:
        for leg, number in (("1.8", "110"), ("1.9", "13911112222")):
            tx.session.add(
                CallParty(call_id=call.id, leg=leg, number=number, rang_at=now(), answered_at=now(), result="answered")
            )
    text = await _shown(house, person)
    assert "139****2222" in text and "13911112222" not in text
    assert text.count('data-leg="party"') == 2
    assert "Outside number" not in text


@pytest.mark.parametrize(("result", "said"), [("busy", "busy"), ("no_answer", "no answer"), ("rejected", "rejected")])
async def test_who_was_asked_in_vain_is_named_with_the_reason_for_a_while(house: House, result: str, said: str) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    call = await _talking(house, person)
    async with house.db.write() as tx:
        party = CallParty(
            call_id=call.id, leg="1.8", number="110", member=person.agent.endpoint, rang_at=now(), left_at=now(),
            result=result,
        )  # fmt: skip
        tx.session.add(party)
    text = await _shown(house, person)
    assert "talk-missed" in text and said in text
    async with house.db.write() as tx:
        (await tx.session.get_one(CallParty, party.id)).left_at = now() - timedelta(minutes=1)
    assert "talk-missed" not in await _shown(house, person)


async def test_a_colleague_whose_phone_died_while_it_rang_was_not_reached_and_one_called_off_is_not_spoken_of(
    house: House,
) -> None:
    person, colleague = await house.sign_in(), await house.sign_in()
    assert colleague.agent is not None
    call = await _talking(house, person)
    async with house.db.write() as tx:
        tx.session.add(_leg(call, colleague.agent, "1.3", role="consult", result="withdrawn"))
        (await tx.session.get_one(Agent, colleague.agent.id)).phone = "ok"
    assert "talk-missed" not in await _shown(house, person)
    async with house.db.write() as tx:
        (await tx.session.get_one(Agent, colleague.agent.id)).phone = "lost"
    text = await _shown(house, person)
    assert "talk-missed" in text and f"{colleague.agent.name} was not reached" in text


async def test_the_phones_own_hold_is_on_the_screen(house: House) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    call = await _talking(house, person)
    async with house.db.write() as tx:
        offer = (await tx.session.scalars(select(CallOffer).where(CallOffer.call_id == call.id))).one()
        offer.held_at = now()
    text = await _shown(house, person)
    assert 'data-state="held"' in text
    assert 'data-leg="caller" data-leg-state="held"' in text


async def test_parked_callers_are_before_everybody_with_a_phone(house: House) -> None:
    person, other = await house.sign_in(), await house.sign_in("supervisor", phone=True)
    assert person.agent is not None
    async with house.db.write() as tx:
        at = now()
        call = await factories.call(
            tx, phase="talking", direction="inbound", answered_at=at, aside="parked", aside_at=at,
            aside_by=person.agent.endpoint, linkedid="1.7",
        )  # fmt: skip
        ticket = await factories.ticket(tx, of_call=call)
    text = await _shown(house, person)
    assert f"/calls/{call.id}/pick-up" in text and ticket.ref in text and person.agent.name in text
    assert "138****1234" in text and "13800001234" not in text
    assert "13800001234" in await _shown(house, other)


async def test_the_picker_offers_the_queue_colleagues_and_places_and_says_who_cannot_be_rung(house: House) -> None:
    person, free, busy = [await house.sign_in() for _ in range(3)]
    assert person.agent is not None
    assert free.agent is not None
    assert busy.agent is not None
    async with house.db.write() as tx:
        for agent, state in ((free.agent, "ready"), (busy.agent, "on_call")):
            row = await tx.session.get_one(Agent, agent.id)
            row.state, row.phone = state, "ok"
    async with house.client(person) as client:
        text = (await client.get("/console/targets")).text
    assert 'data-to="queue"' in text
    assert "place:" in text
    assert f"agent:{person.agent.id}" not in text
    assert text.index(f"agent:{free.agent.id}") < text.index(f"agent:{busy.agent.id}")
    option = text[text.index(f"agent:{busy.agent.id}") :].partition("</li>")[0]
    assert 'aria-disabled="true"' in option and "On another call." in option


@pytest.mark.parametrize(
    ("path", "form", "told"),
    [
        ("consult", {"to": "place:police"}, ("consult", "place:police")),
        ("complete", {}, ("complete",)),
        ("conference", {}, ("conference",)),
        ("back", {}, ("back",)),
        ("transfer", {"to": "number:110"}, ("transfer", "number:110")),
        ("queue", {}, ("to_queue",)),
        ("park", {}, ("park",)),
        ("hold", {}, ("hold_room",)),
        ("resume", {}, ("resume_room",)),
    ],
)
async def test_a_button_asks_for_its_movement_as_this_agent(
    house: House, path: str, form: dict[str, str], told: tuple[str, ...]
) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    async with house.client(person) as client:
        assert (await client.post(f"/me/call/{path}", data=form)).status_code == 204
        assert house.control.told == [(told[0], person.agent.id, *told[1:])]
        house.control.refuses = Conflict("There is no call on your phone.")
        refused = await client.post(f"/me/call/{path}", data=form)
    assert refused.status_code == 409
    assert refused.json()["detail"] == "There is no call on your phone."


async def test_picking_up_names_the_call(house: House) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    call = await _talking(house, person)
    async with house.client(person) as client:
        assert (await client.post(f"/calls/{call.id}/pick-up")).status_code == 204
    assert house.control.told == [("pick_up", person.agent.id, call.id)]


@pytest.mark.parametrize("path", ["/me/call/park", "/me/call/queue", "/me/call/back"])
async def test_nobody_without_a_phone_moves_a_call(house: House, path: str) -> None:
    caseworker = await house.sign_in("caseworker")
    async with house.client(caseworker) as client:
        assert (await client.post(path)).status_code == 403
    assert house.control.told == []


async def test_the_screen_costs_the_store_the_same_whoever_is_on_the_call(house: House) -> None:
    person = await house.sign_in()
    call = await _talking(house, person)
    counts = []
    for number in range(3):
        async with house.db.write() as tx:
            tx.session.add(CallParty(call_id=call.id, leg=f"2.{number}", number="110", rang_at=now(), result="ringing"))
        await _shown(house, person)
        with statements(house.db) as seen:
            await _shown(house, person)
        counts.append(len(seen))
    assert len(set(counts)) == 1


async def test_who_is_on_a_call_hears_at_once_that_it_moved_and_everybody_of_a_parked_caller(house: House) -> None:
    person, other = await house.sign_in(), await house.sign_in()
    assert person.agent is not None
    call = await _talking(house, person)
    common = {"node": "pbx1", "linkedid": call.linkedid}
    async with house.socket(person) as mine, house.socket(other) as theirs:
        await mine.frame()
        await theirs.frame()
        async with house.db.write() as tx:
            tx.emit(
                CallAside(at=now(), dedupe_key="a", what="parked", member=person.agent.endpoint, **common),
                call_id=call.id,
            )
        await house.hub.catch_up()
        house.hub.flush()
        assert {event["type"] for event in (await mine.frame())["events"]} == {"CallMoved", "CallsParked"}
        assert {event["type"] for event in (await theirs.frame())["events"]} == {"CallsParked"}
        async with house.db.write() as tx:
            tx.emit(CallRejoined(at=now(), dedupe_key="b", member=None, **common), call_id=call.id)
        await house.hub.catch_up()
        house.hub.flush()
        assert {event["type"] for event in (await theirs.frame())["events"]} == {"CallsParked"}
