"""Movements of a call: whose legs are sent where, and who is refused with what reason before anybody is moved."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from hotline.agents.call_control import CallControl
from hotline.agents.models import Agent
from hotline.calls.models import Call, CallOffer, CallParty, PbxNode
from hotline.db import Database, Tx
from hotline.errors import Conflict, HotlineError, Invalid, NotDone, NotFound, TelephonyError, TooManyAttempts
from hotline.ids import new_id
from hotline.telephony.actions import Command
from tests import factories
from tests.factories import T0

SECOND = timedelta(seconds=1)
PARK = timedelta(seconds=180)


class Asterisk:
    """Keeps what it is asked; `refuses`: its own error text instead; `lost`: nobody knows what it did."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.refuses = self.lost = ""

    async def __call__(self, command: Command) -> Mapping[str, str]:
        if self.refuses:
            raise NotDone(self.refuses)
        if self.lost:
            raise TelephonyError(self.lost)
        self.asked.append({"Action": command.action, **dict(command.headers)})
        return {"Response": "Success"}


class Outside:
    """Where numbers lead, as agents.outbound has it. `refuses`: raised for every number."""

    def __init__(self) -> None:
        self.refuses: HotlineError | None = None
        self.asked: list[tuple[UUID, str, UUID]] = []

    def resolve(self, to: str) -> str:
        if to == "place:police":
            return "110"
        if to.startswith("number:") and to[7:].isdigit():
            return to[7:]
        raise Invalid("This is no telephone number.", field="number")

    async def permit(self, agent_id: UUID, number: str, call_id: UUID) -> None:
        self.asked.append((agent_id, number, call_id))
        if self.refuses is not None:
            raise self.refuses


class Floor:
    """An agent on a call, a colleague who is free, and what Asterisk and the way outside are asked."""

    def __init__(self, db: Database) -> None:
        self.db, self.asterisk, self.outside, self.at = db, Asterisk(), Outside(), T0 + SECOND
        self.control = CallControl(
            db, self.asterisk, resolve=self.outside.resolve, permit=self.outside.permit, park=PARK, now=lambda: self.at,
            is_secret=lambda number: number == "12348",
        )  # fmt: skip

    async def open(self, **values: Any) -> None:
        async with self.db.write() as tx:
            tx.session.add(PbxNode(name="pbx1", boot="b", state="live", since=T0, epoch=1))
            self.mine = await factories.agent(tx, endpoint="a1", name="罗晓", phone="ok", state="on_call")
            self.other = await factories.agent(tx, endpoint="b2", name="江月", phone="ok", state="ready")
            self.third = self.other
            self.call = await factories.call(
                tx, **{"direction": "inbound", "phase": "talking", "answered_at": T0, "linkedid": "1.1", **values}
            )
            await leg(tx, self.call, self.mine, "1.2")

    async def asks(self, *, is_up: bool = True) -> None:
        """The caller hears music while the colleague is asked."""
        async with self.db.write() as tx:
            call = await tx.session.get_one(Call, self.call.id)
            call.aside, call.aside_at, call.aside_by = "consult", T0, "a1"
            await leg(tx, call, self.other, "1.3", role="consult", result="answered" if is_up else "ringing")

    async def party(self, channel: str, number: str, **values: Any) -> None:
        async with self.db.write() as tx:
            more = {"rang_at": T0, "answered_at": T0 + SECOND, "result": "answered", "member": "a1", **values}
            tx.session.add(CallParty(call_id=self.call.id, leg=channel, number=number, **more))

    async def set(self, row: type, row_id: UUID, **values: Any) -> None:
        async with self.db.write() as tx:
            found = await tx.session.get_one(row, row_id)
            for name, value in values.items():
                setattr(found, name, value)


async def leg(tx: Tx, call: Call, agent: Agent, channel: str, **values: Any) -> None:
    more = {"role": "queue", "result": "answered", "rang_at": T0, "ended_at": T0 + SECOND, **values}
    tx.session.add(CallOffer(call_id=call.id, agent_id=agent.id, member=agent.endpoint, leg=channel, **more))
    await tx.session.flush()


@pytest.fixture
async def floor(db: Database) -> Floor:
    made = Floor(db)
    await made.open()
    return made


def sent(channel: str, place: str, extra: str = "", extra_place: str = "") -> dict[str, str]:
    """One Redirect as it goes over the wire. Places: `context,exten`."""
    context, _, exten = place.partition(",")
    found = {"Action": "Redirect", "Channel": channel, "Context": context, "Exten": exten, "Priority": "1"}
    if extra:
        context, _, exten = extra_place.partition(",")
        found |= {"ExtraChannel": extra, "ExtraContext": context, "ExtraExten": exten, "ExtraPriority": "1"}
    return found


async def test_a_colleague_is_asked_by_the_agents_own_leg_while_the_caller_waits(floor: Floor) -> None:
    assert await floor.control.consult(floor.mine.id, f"agent:{floor.other.id}") == floor.call.id
    assert floor.asterisk.asked == [sent("1.1", "hl-wait,consult", "1.2", "hl-consult,b2")]
    assert floor.outside.asked == []


async def test_a_place_is_asked_for_leave_first_and_then_rung_by_its_number(floor: Floor) -> None:
    await floor.control.consult(floor.mine.id, "place:police")
    await floor.control.consult(floor.mine.id, "number:02985551234")
    assert floor.asterisk.asked == [
        sent("1.1", "hl-wait,consult", "1.2", "hl-consult,out-110"),
        sent("1.1", "hl-wait,consult", "1.2", "hl-consult,out-02985551234"),
    ]
    assert floor.outside.asked == [
        (floor.mine.id, "110", floor.call.id),
        (floor.mine.id, "02985551234", floor.call.id),
    ]


@pytest.mark.parametrize("move", ["consult", "transfer"])
async def test_a_number_that_may_not_be_rung_moves_nobody(floor: Floor, move: str) -> None:
    floor.outside.refuses = TooManyAttempts("Too many calls in this hour.", retry_after_s=60)
    with pytest.raises(TooManyAttempts):
        await getattr(floor.control, move)(floor.mine.id, "number:110")
    assert floor.asterisk.asked == []


@pytest.mark.parametrize(
    ("is_up", "move", "expected"),
    [
        (True, "back", sent("1.2", "hl-room,agent")),
        (False, "back", sent("1.2", "hl-room,agent")),
        (True, "complete", sent("1.3", "hl-room,agent", "1.2", "hl-room,leave")),
        (False, "complete", sent("1.1", "hl-transfer,b2", "1.2", "hl-room,leave")),
        (True, "conference", sent("1.3", "hl-room,agent", "1.2", "hl-room,agent")),
    ],
)
async def test_out_of_a_consult_each_leg_goes_its_way_in_one_movement(
    floor: Floor, is_up: bool, move: str, expected: dict[str, str]
) -> None:
    await floor.asks(is_up=is_up)
    await getattr(floor.control, move)(floor.mine.id)
    assert floor.asterisk.asked == [expected]


async def test_somebody_outside_who_was_asked_comes_in_as_a_party(floor: Floor) -> None:
    await floor.set(Call, floor.call.id, aside="consult", aside_at=T0, aside_by="a1")
    await floor.party("1.9", "110", answered_at=None, result="ringing")
    with pytest.raises(Conflict):
        await floor.control.conference(floor.mine.id)
    await floor.control.complete(floor.mine.id)
    async with floor.db.write() as tx:
        party = (await tx.session.scalars(select(CallParty))).one()
        party.answered_at, party.result = T0, "answered"
    await floor.control.complete(floor.mine.id)
    await floor.control.conference(floor.mine.id)
    assert floor.asterisk.asked == [
        sent("1.1", "hl-transfer,out-110", "1.2", "hl-room,leave"),
        sent("1.9", "hl-room,party", "1.2", "hl-room,leave"),
        sent("1.9", "hl-room,party", "1.2", "hl-room,agent"),
    ]


async def test_giving_away_sends_the_caller_off_and_lets_the_agent_leave(floor: Floor) -> None:
    await floor.control.transfer(floor.mine.id, f"agent:{floor.other.id}")
    await floor.control.transfer(floor.mine.id, "place:police")
    await floor.control.to_queue(floor.mine.id)
    await floor.control.park(floor.mine.id)
    assert floor.asterisk.asked == [
        sent("1.1", "hl-transfer,b2", "1.2", "hl-room,leave"),
        sent("1.1", "hl-transfer,out-110", "1.2", "hl-room,leave"),
        sent("1.1", "hl-transfer,queue", "1.2", "hl-room,leave"),
        sent("1.1", "hl-wait,parked", "1.2", "hl-room,leave"),
    ]


async def test_the_caller_of_a_conference_is_set_aside_and_taken_back(floor: Floor) -> None:
    with pytest.raises(Conflict):
        await floor.control.hold_room(floor.mine.id)  # of two: the phone itself holds
    async with floor.db.write() as tx:
        await leg(tx, await tx.session.get_one(Call, floor.call.id), floor.other, "1.3", role="consult")
    await floor.control.hold_room(floor.mine.id)
    await floor.set(Call, floor.call.id, aside="held", aside_at=T0, aside_by="a1")
    await floor.control.resume_room(floor.mine.id)
    assert floor.asterisk.asked == [sent("1.1", "hl-wait,held"), sent("1.1", "hl-room,caller")]


async def _three(floor: Floor) -> None:
    async with floor.db.write() as tx:
        floor.third = await factories.agent(tx, endpoint="c3", name="田雨", phone="ok", state="ready")
        await leg(tx, await tx.session.get_one(Call, floor.call.id), floor.other, "1.3", role="consult")


async def test_out_of_a_conference_only_the_agents_own_leg_goes_to_ask(floor: Floor) -> None:
    await _three(floor)
    await floor.control.consult(floor.mine.id, f"agent:{floor.third.id}")
    await floor.control.consult(floor.mine.id, "place:police")
    assert floor.asterisk.asked == [sent("1.2", "hl-consult-among,c3"), sent("1.2", "hl-consult-among,out-110")]
    for move in ("park", "to_queue"):
        with pytest.raises(Conflict):
            await getattr(floor.control, move)(floor.mine.id)
    assert len(floor.asterisk.asked) == 2


async def test_who_asks_out_of_a_conference_comes_back_brings_in_or_leaves_it_to_them(floor: Floor) -> None:
    await _three(floor)
    async with floor.db.write() as tx:
        offer = (await tx.session.scalars(select(CallOffer).where(CallOffer.leg == "1.2"))).one()
        offer.aside_at = T0 + SECOND
        call = await tx.session.get_one(Call, floor.call.id)
        ringing = {"role": "consult", "rang_at": T0 + 2 * SECOND, "result": "ringing", "ended_at": None}
        await leg(tx, call, floor.third, "1.4", **ringing)
    # The one asked rings: there is nobody yet to bring in or to leave it to; the colleague beside is not meant.
    for move in ("complete", "conference"):
        with pytest.raises(Conflict, match="Nobody has answered there yet"):
            await getattr(floor.control, move)(floor.mine.id)
    async with floor.db.write() as tx:
        offer = (await tx.session.scalars(select(CallOffer).where(CallOffer.leg == "1.4"))).one()
        offer.result, offer.ended_at = "answered", T0 + 3 * SECOND
    for move in ("back", "complete", "conference"):
        await getattr(floor.control, move)(floor.mine.id)
    assert floor.asterisk.asked == [
        sent("1.2", "hl-room,agent"),
        sent("1.4", "hl-room,agent", "1.2", "hl-room,leave"),
        sent("1.4", "hl-room,agent", "1.2", "hl-room,agent"),
    ]


async def test_a_lawyer_who_is_asked_out_of_a_conference_is_not_brought_into_its_recording(floor: Floor) -> None:
    await _three(floor)
    await floor.party("1.9", "12348", rang_at=T0 + 2 * SECOND, answered_at=T0 + 3 * SECOND)
    async with floor.db.write() as tx:
        offer = (await tx.session.scalars(select(CallOffer).where(CallOffer.leg == "1.2"))).one()
        offer.aside_at = T0 + SECOND
    for move in ("complete", "conference"):
        with pytest.raises(Conflict, match="must not be recorded"):
            await getattr(floor.control, move)(floor.mine.id)
    await floor.control.back(floor.mine.id)
    assert floor.asterisk.asked == [sent("1.2", "hl-room,agent")]


async def test_the_last_who_stays_with_the_caller_neither_asks_nor_sets_them_aside(floor: Floor) -> None:
    await _three(floor)
    async with floor.db.write() as tx:
        offer = (await tx.session.scalars(select(CallOffer).where(CallOffer.leg == "1.2"))).one()
        offer.aside_at = T0 + SECOND
    with pytest.raises(Conflict):
        await floor.control.consult(floor.other.id, f"agent:{floor.third.id}")
    with pytest.raises(Conflict):
        await floor.control.hold_room(floor.other.id)
    assert floor.asterisk.asked == []


async def test_a_supervisor_beside_makes_no_conference_and_one_who_took_the_call_over_does(floor: Floor) -> None:
    async with floor.db.write() as tx:
        call = await tx.session.get_one(Call, floor.call.id)
        await leg(tx, call, floor.other, "1.3", role="supervisor")
    with pytest.raises(Conflict):
        await floor.control.hold_room(floor.mine.id)
    async with floor.db.write() as tx:
        offer = (await tx.session.scalars(select(CallOffer).where(CallOffer.leg == "1.3"))).one()
        offer.owned_at = T0
    await floor.control.hold_room(floor.mine.id)
    assert floor.asterisk.asked == [sent("1.1", "hl-wait,held")]


async def test_of_a_call_that_we_made_the_other_side_is_who_must_not_be_lost(floor: Floor) -> None:
    await floor.set(Call, floor.call.id, direction="outbound", linkedid="1.2")
    await floor.party("1.5", "13800001234")
    await floor.control.park(floor.mine.id)
    await floor.control.consult(floor.mine.id, f"agent:{floor.other.id}")
    assert floor.asterisk.asked == [
        sent("1.5", "hl-wait,parked", "1.2", "hl-room,leave"),
        sent("1.5", "hl-wait,consult", "1.2", "hl-consult,b2"),
    ]


async def test_a_parked_caller_rings_at_the_phone_of_whoever_picks_them_up(floor: Floor) -> None:
    with pytest.raises(Conflict):
        await floor.control.pick_up(floor.other.id, floor.call.id)
    await floor.set(Call, floor.call.id, aside="parked", aside_at=T0, aside_by="a1")
    with pytest.raises(Conflict):
        await floor.control.pick_up(floor.mine.id, floor.call.id)  # on a call
    await floor.control.pick_up(floor.other.id, floor.call.id)
    assert floor.asterisk.asked == [sent("1.1", "hl-transfer,b2")]
    with pytest.raises(NotFound):
        await floor.control.pick_up(floor.other.id, new_id())


async def parked(floor: Floor) -> tuple[str | None, str | None, Any]:
    async with floor.db.read() as tx:
        call = await tx.session.get_one(Call, floor.call.id)
        return call.aside, call.aside_by, call.aside_at


class TestPickingUp:
    async def test_of_two_who_pick_up_a_parked_caller_one_has_them(self, db: Database) -> None:
        floor = Floor(db)
        await floor.open()
        await floor.set(Call, floor.call.id, aside="parked", aside_at=T0, aside_by="a1")
        await floor.set(Agent, floor.mine.id, state="ready")
        both = [floor.control.pick_up(agent.id, floor.call.id) for agent in (floor.other, floor.mine)]
        came = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(type(one).__name__ for one in came) == ["Conflict", "UUID"]
        assert len(floor.asterisk.asked) == 1
        with pytest.raises(Conflict, match="no longer parked"):
            await floor.control.pick_up(floor.other.id, floor.call.id)


@pytest.mark.parametrize(("refusal", "error"), [("Channel does not exist", Conflict), ("Permission denied", NotDone)])
async def test_a_caller_whom_asterisk_did_not_move_is_parked_as_before(
    floor: Floor, refusal: str, error: type[HotlineError]
) -> None:
    await floor.set(Call, floor.call.id, aside="parked", aside_at=T0, aside_by="a1")
    floor.asterisk.refuses = refusal
    with pytest.raises(error):
        await floor.control.pick_up(floor.other.id, floor.call.id)
    assert await parked(floor) == ("parked", "a1", T0)
    floor.asterisk.refuses, floor.asterisk.lost = "", "Asterisk did not answer in time."
    with pytest.raises(TelephonyError):
        await floor.control.pick_up(floor.other.id, floor.call.id)
    floor.asterisk.lost = ""
    with pytest.raises(Conflict):  # they may have been moved
        await floor.control.pick_up(floor.other.id, floor.call.id)


async def test_who_is_parked_by_an_old_word_only_is_not_moved(floor: Floor) -> None:
    await floor.set(Call, floor.call.id, aside="parked", aside_at=T0, aside_by="a1")
    floor.at = T0 + PARK
    with pytest.raises(Conflict, match="no longer parked"):
        await floor.control.pick_up(floor.other.id, floor.call.id)
    floor.at = T0 + PARK - SECOND
    async with floor.db.write() as tx:
        (await tx.session.get_one(PbxNode, "pbx1")).state = "down"
    with pytest.raises(TelephonyError):
        await floor.control.pick_up(floor.other.id, floor.call.id)
    assert (floor.asterisk.asked, await parked(floor)) == ([], ("parked", "a1", T0))


@pytest.mark.parametrize("move", ["park", "to_queue", "hold_room", "complete", "back", "conference", "pick_up"])
async def test_of_a_call_that_we_made_nobody_is_moved_in_the_place_of_who_has_left(floor: Floor, move: str) -> None:
    await floor.set(Call, floor.call.id, direction="outbound", linkedid="1.2", aside_by="a1", aside_at=T0)
    await floor.party("1.5", "13800001234", left_at=T0 + SECOND)
    await floor.party("1.6", "110", rang_at=T0 + SECOND)
    aside = {"complete": "consult", "back": "consult", "conference": "consult", "pick_up": "parked"}.get(move)
    await floor.set(Call, floor.call.id, aside=aside)
    more = (floor.other.id, floor.call.id) if move == "pick_up" else (floor.mine.id,)
    with pytest.raises(Conflict, match="no longer there"):
        await getattr(floor.control, move)(*more)
    assert floor.asterisk.asked == []


@pytest.mark.parametrize("state", ["ringing", "on_call"])
async def test_a_busy_colleague_is_named_and_the_caller_stays(floor: Floor, state: str) -> None:
    await floor.set(Agent, floor.other.id, state=state)
    for move in (floor.control.consult, floor.control.transfer):
        with pytest.raises(Conflict) as refused:
            await move(floor.mine.id, f"agent:{floor.other.id}")
        assert refused.value.values == {"name": "江月"}
    assert floor.asterisk.asked == []


@pytest.mark.parametrize("state", ["ready", "paused", "wrap_up"])
async def test_a_colleague_who_takes_no_calls_now_can_still_be_asked(floor: Floor, state: str) -> None:
    await floor.set(Agent, floor.other.id, state=state)
    await floor.control.consult(floor.mine.id, f"agent:{floor.other.id}")
    assert len(floor.asterisk.asked) == 1


@pytest.mark.parametrize("phone", ["none", "lost"])
async def test_a_colleague_without_a_phone_is_not_rung(floor: Floor, phone: str) -> None:
    await floor.set(Agent, floor.other.id, phone=phone)
    with pytest.raises(Conflict):
        await floor.control.consult(floor.mine.id, f"agent:{floor.other.id}")
    assert floor.asterisk.asked == []


@pytest.mark.parametrize(
    "to", ["", "agent:", "agent:nobody", "queue:x", "number:abc", "place:moon", "PJSIP/b2", "queue"]
)
async def test_what_is_nobody_is_refused(floor: Floor, to: str) -> None:
    with pytest.raises(Invalid):
        await floor.control.consult(floor.mine.id, to)
    assert floor.asterisk.asked == []


async def test_nobody_asks_themselves(floor: Floor) -> None:
    with pytest.raises(Invalid):
        await floor.control.transfer(floor.mine.id, f"agent:{floor.mine.id}")


async def test_a_movement_needs_the_state_it_starts_from(floor: Floor) -> None:
    control, mine, other = floor.control, floor.mine.id, floor.other.id
    for move in (control.back, control.complete, control.conference, control.resume_room):
        with pytest.raises(Conflict):
            await move(mine)  # with the caller
    for move in (control.back, control.park, control.to_queue, control.hold_room):
        with pytest.raises(Conflict):
            await move(other)  # on no call
    await floor.asks()
    for move in (control.park, control.to_queue, control.hold_room):
        with pytest.raises(Conflict):
            await move(mine)  # the caller is not with them
    for move in (control.back, control.complete, control.conference, control.park):
        with pytest.raises(Conflict):
            await move(other)  # who is asked moves nothing
    with pytest.raises(Conflict):
        await control.consult(mine, "place:police")
    assert floor.asterisk.asked == []


async def test_nobody_gives_away_a_call_that_others_are_on(floor: Floor) -> None:
    await floor.party("1.9", "110")
    for move in (floor.control.park, floor.control.to_queue):
        with pytest.raises(Conflict):
            await move(floor.mine.id)
    with pytest.raises(Conflict):
        await floor.control.transfer(floor.mine.id, f"agent:{floor.other.id}")
    assert floor.asterisk.asked == []


async def test_a_leg_that_is_gone_meanwhile_is_told_as_that_not_as_a_fault(floor: Floor) -> None:
    floor.asterisk.refuses = "Channel does not exist"
    with pytest.raises(Conflict):
        await floor.control.park(floor.mine.id)
    floor.asterisk.refuses, floor.asterisk.lost = "", "The telephone system cannot be reached now."
    with pytest.raises(TelephonyError):
        await floor.control.park(floor.mine.id)
