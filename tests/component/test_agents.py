"""Agents' rows follow Asterisk, and commands reach it in the right order and wait for its word."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hotline.agents import presence, reconcile, service
from hotline.agents.commands import EXTENSIONS, AgentDesk
from hotline.agents.models import Agent
from hotline.agents.presence import MemberSeen, PhoneSeen, SilentSeen, WrapUpSeen
from hotline.bus import InProcessBus
from hotline.db import Database, Emitted, EventRow, Tx
from hotline.errors import Conflict, Invalid, NotFound, TelephonyError
from hotline.events import (
    AgentLegEnded,
    AgentMissed,
    AgentOfferEnded,
    AgentRang,
    CallAnswered,
    CallEnded,
    CallEvent,
    CallMerged,
    SignedIn,
    SignedOut,
    TicketHandedTo,
)
from hotline.ids import new_id
from hotline.settings import Settings
from hotline.telephony.actions import Command
from hotline.telephony.messages import Channel, LiveChannel, QueueMember, Snapshot
from tests import factories
from tests.factories import T0

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class Asterisk:
    """Records what it is asked. `refuse`: Action name → its error text, until cleared."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.refuse: dict[str, str] = {}

    async def __call__(self, command: Command) -> Mapping[str, str]:
        self.asked.append(command)
        if command.action in self.refuse:
            raise TelephonyError(self.refuse[command.action])
        return {"Response": "Success"}

    def said(self) -> list[str]:
        """What was asked since the last look, in short."""
        asked, self.asked = self.asked, []
        return [_short(command) for command in asked]


def _short(command: Command) -> str:
    headers = dict(command.headers)
    match command.action:
        case "Originate":
            return headers["Channel"].removeprefix("Local/").removesuffix("@hl-control")
        case "QueuePause":
            return f"pause {headers['Reason']}" if headers["Paused"] == "true" else "unpause"
        case "Hangup":
            return f"hang up {headers['Channel']} {headers['Cause']}"
        case action:
            return action


class House:
    """A store, one agent, a desk and a clock that stands."""

    def __init__(self, db: Database, tmp_path: Path, wrap_up_s: int = 60) -> None:
        self.db = db
        self.at = T0
        self.asterisk = Asterisk()
        self.bus = InProcessBus()
        settings = Settings(data_dir=tmp_path, wrap_up_s=wrap_up_s)
        self.desk = AgentDesk(
            db, self.asterisk, settings=settings, bus=self.bus, now=lambda: self.at, registered_s=0.01
        )
        self.id = new_id()
        self.endpoint = ""
        self._count = 0

    async def move_in(self, **values: Any) -> "House":
        async with self.db.write() as tx:
            agent = await factories.agent(tx, **{"phone": "ok", **values})
        self.id, self.endpoint = agent.id, agent.endpoint
        return self

    async def agent(self) -> Agent:
        async with self.db.read() as tx:
            return await service.get(tx, self.id)

    async def is_now(self) -> tuple[str, str | None, str | None]:
        agent = await self.agent()
        return agent.state, agent.reason, agent.pending

    def key(self) -> str:
        self._count += 1
        return f"k{self._count}"

    async def member(self, reason: str | None = None, *, in_queue: bool = True) -> None:
        """The queue says so."""
        await self.see(MemberSeen(self.endpoint, in_queue, reason, True, self.key()))

    async def phone(self, phone: presence.Phone, contact: str = "") -> None:
        await self.see(PhoneSeen(self.endpoint, phone, contact, self.key()))

    async def see(self, observation: presence.Observation) -> None:
        async with self.db.write() as tx:
            await service.observe(tx, observation, self.at)

    async def call(self, call_id: UUID | None, *events: tuple[type[CallEvent], dict[str, object]]) -> None:
        """Call events arrive together, with the id that calls.service found for them."""
        async with self.db.write() as tx:
            for kind, own in events:
                values = {"at": self.at, "dedupe_key": self.key(), "node": "pbx1", "linkedid": "l", **own}
                tx.emit(kind(**values), call_id=call_id)  # type: ignore[arg-type]

    def _leg(self, kind: type[CallEvent], **values: object) -> tuple[type[CallEvent], dict[str, object]]:
        return kind, {"member": self.endpoint, **values}

    async def rang(self, call_id: UUID) -> None:
        await self.call(call_id, self._leg(AgentRang))

    async def answered(self, call_id: UUID) -> None:
        await self.call(call_id, self._leg(AgentRang), self._leg(CallAnswered, wait_ms=900))

    async def missed(self, call_id: UUID) -> None:
        await self.call(call_id, self._leg(AgentRang), self._leg(AgentMissed, ring_ms=12000))

    async def withdrawn(self, call_id: UUID) -> None:
        await self.call(call_id, self._leg(AgentOfferEnded))

    async def leg_ended(self, call_id: UUID) -> None:
        await self.call(call_id, self._leg(AgentLegEnded))

    async def talked(self, call_id: UUID) -> None:
        await self.call(call_id, self._leg(AgentRang), self._leg(CallAnswered, wait_ms=900), self._leg(AgentLegEnded))

    async def wrap_up(self, seconds: int = 60) -> None:
        """After an answered call: the dialplan's pause with its end."""
        await self.talked(new_id())
        async with self.db.write() as tx:
            for seen in (
                MemberSeen(self.endpoint, True, "ACW", True, self.key()),
                WrapUpSeen(self.endpoint, self.at + timedelta(seconds=seconds), self.key()),
            ):
                await service.observe(tx, seen, self.at)

    async def sweep(self, after: timedelta = timedelta()) -> list[str]:
        self.at += after
        await self.desk.wrap_up_sweep(self.at)
        return self.asterisk.said()

    async def changes(self) -> list[str]:
        return [str(row.data["state"]) for row in await self.db.after(0) if row.type == "AgentChanged"]


async def dispatch(tx: Tx, item: Emitted) -> None:
    for handler in (service.on_call_event, service.on_ticket_handed, service.on_session):
        await handler(tx, item)
        await handler(tx, item)  # run twice, one effect


@pytest.fixture
async def house(db: Database, tmp_path: Path) -> House:
    db.dispatch = dispatch
    return await House(db, tmp_path).move_in()


@pytest.fixture
async def on_duty(db: Database, tmp_path: Path) -> House:
    db.dispatch = dispatch
    return await House(db, tmp_path).move_in(state="ready", in_queue=True)


# Rows follow Asterisk


async def test_membership_is_what_the_queue_says(house: House) -> None:
    await house.member()
    assert await house.is_now() == ("ready", None, None)
    await house.member("LUNCH")
    assert await house.is_now() == ("paused", "LUNCH", None)
    await house.member(in_queue=False)
    assert await house.is_now() == ("offline", None, None)
    assert await house.changes() == ["ready", "paused", "offline"]


async def test_what_is_said_twice_is_one_change(house: House) -> None:
    seen = MemberSeen(house.endpoint, True, None, True, "same")
    await house.see(seen)
    await house.see(seen)
    assert await house.changes() == ["ready"]


async def test_events_of_a_change_carry_the_cause_and_no_personal_data(house: House) -> None:
    await house.see(MemberSeen(house.endpoint, True, "LUNCH", True, "member:x"))
    (row,) = await house.db.after(0)
    assert row.dedupe_key == "member:x:agent"
    assert row.agent_id == house.id
    assert row.data == {"agent_id": str(house.id), "state": "paused", "reason": "LUNCH", "phone": "ok"}


async def test_a_phone_that_is_nobodys_changes_nothing(house: House) -> None:
    await house.see(MemberSeen("a0000000000", True, None, True, "k"))
    await house.call(new_id(), (AgentRang, {"member": "a0000000000"}))
    assert await house.changes() == []


async def test_a_call_from_ring_to_wrap_up(on_duty: House) -> None:
    call_id, ticket_id = new_id(), new_id()
    await on_duty.rang(call_id)
    agent = await on_duty.agent()
    assert (agent.state, agent.call_id) == ("ringing", call_id)
    async with on_duty.db.write() as tx:
        tx.emit(TicketHandedTo(at=on_duty.at, dedupe_key="handed", ticket_id=ticket_id, agent_id=on_duty.id))
    await on_duty.answered(call_id)
    await on_duty.leg_ended(call_id)
    agent = await on_duty.agent()
    assert (agent.state, agent.call_id, agent.ticket_id) == ("wrap_up", call_id, ticket_id)
    await on_duty.member("ACW")
    await on_duty.member()
    agent = await on_duty.agent()
    assert (agent.state, agent.call_id, agent.ticket_id) == ("ready", None, None)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
async def test_wrap_up_and_its_end_hold_in_any_order(on_duty: House, order: tuple[int, ...]) -> None:
    call_id, until = new_id(), T0 + MINUTE
    await on_duty.answered(call_id)
    facts = (
        lambda: on_duty.leg_ended(call_id),
        lambda: on_duty.member("ACW"),
        lambda: on_duty.see(WrapUpSeen(on_duty.endpoint, until, on_duty.key())),
    )
    for index in order:
        await facts[index]()
    agent = await on_duty.agent()
    assert (agent.state, agent.reason, agent.wrap_up_until) == ("wrap_up", "ACW", until)


async def test_a_stated_end_without_a_call_is_ignored(on_duty: House) -> None:
    await on_duty.see(WrapUpSeen(on_duty.endpoint, T0 + MINUTE, on_duty.key()))
    assert (await on_duty.agent()).wrap_up_until is None


async def test_the_end_of_another_call_leaves_the_present_one(on_duty: House) -> None:
    earlier, present = new_id(), new_id()
    await on_duty.answered(present)
    await on_duty.leg_ended(earlier)
    await on_duty.withdrawn(earlier)
    assert (await on_duty.agent()).state == "on_call"


async def test_the_end_of_the_call_frees_whoever_still_seems_to_have_it(on_duty: House) -> None:
    call_id = new_id()
    await on_duty.answered(call_id)
    await on_duty.call(call_id, (CallEnded, {"outcome": "answered", "hangup_by": "caller", "talk_ms": 1}))
    assert (await on_duty.agent()).state == "wrap_up"


async def test_a_ring_that_is_handled_after_the_call_ended_rings_nobody(on_duty: House) -> None:
    async with on_duty.db.write() as tx:
        call = await factories.call(tx, ended_at=T0, phase="ended")
    await on_duty.rang(call.id)
    assert (await on_duty.agent()).state == "ready"


async def test_a_merged_call_stays_with_its_agent(on_duty: House) -> None:
    async with on_duty.db.write() as tx:
        younger, older = await factories.call(tx), await factories.call(tx)
    await on_duty.answered(younger.id)
    await on_duty.call(older.id, (CallMerged, {"other": younger.linkedid}))
    assert (await on_duty.agent()).call_id == older.id
    await on_duty.leg_ended(older.id)
    assert (await on_duty.agent()).state == "wrap_up"


async def test_time_in_state_starts_with_the_state(on_duty: House) -> None:
    on_duty.at = T0 + MINUTE
    await on_duty.phone("lost")
    assert (await on_duty.agent()).since == T0
    await on_duty.member("LUNCH")
    assert (await on_duty.agent()).since == T0 + MINUTE


async def test_phones_come_and_go(house: House) -> None:
    await house.phone("ok", "sip:one@x.invalid")
    await house.phone("ok", "sip:two@x.invalid")
    await house.phone("lost", "sip:one@x.invalid")
    assert (await house.agent()).phone == "ok"
    await house.phone("lost", "sip:two@x.invalid")
    assert (await house.agent()).phone == "lost"


def snapshot(house: House, *, member: str | None = "none", leg: bool = False, device: str = "NOT_INUSE") -> Snapshot:
    """`member`: pause reason, "none" for not paused, None for not in the queue."""
    one = QueueMember(
        at=house.at, kind="snapshot", queue="hotline", member=house.endpoint, interface=f"PJSIP/{house.endpoint}",
        status=1, paused=member != "none", reason=None if member == "none" else member,
    )  # fmt: skip
    channel = Channel(name=f"PJSIP/{house.endpoint}-00000001", uniqueid="u", linkedid="l", state=6)
    live = LiveChannel(channel=channel, bridge=None, application="AppQueue", age_s=1)
    return Snapshot(
        at=house.at, boot="2026-05-11T01:00:00", channels=(live,) if leg else (),
        members=(one,) if member is not None else (), entries=(), devices={f"PJSIP/{house.endpoint}": device},
    )  # fmt: skip


async def take(house: House, taken: Snapshot) -> None:
    async with house.db.write() as tx:
        await reconcile.take_in(tx, taken)


async def test_a_snapshot_finds_members_and_sweeps_the_others(house: House) -> None:
    await take(house, snapshot(house))
    assert (await house.agent()).state == "ready"
    house.at += SECOND
    await take(house, snapshot(house, member="LUNCH"))
    assert await house.is_now() == ("paused", "LUNCH", None)
    house.at += SECOND
    await take(house, snapshot(house, member=None))
    assert await house.is_now() == ("offline", None, None)


async def test_a_snapshot_that_agrees_is_no_event(on_duty: House) -> None:
    before = await on_duty.changes()
    await take(on_duty, snapshot(on_duty))
    assert await on_duty.changes() == before


async def test_a_snapshot_ends_the_call_of_a_phone_without_channels(on_duty: House) -> None:
    await on_duty.answered(new_id())
    await take(on_duty, snapshot(on_duty, leg=True))
    assert (await on_duty.agent()).state == "on_call"
    on_duty.at += SECOND
    await take(on_duty, snapshot(on_duty, member="ACW"))
    assert await on_duty.is_now() == ("wrap_up", "ACW", None)


async def test_a_snapshot_tells_whether_the_phone_is_there(on_duty: House) -> None:
    await take(on_duty, snapshot(on_duty, device="UNAVAILABLE"))
    assert (await on_duty.agent()).phone == "lost"
    on_duty.at += SECOND
    await take(on_duty, snapshot(on_duty, device="NOT_INUSE"))
    assert (await on_duty.agent()).phone == "ok"


# Commands


async def test_ready_is_pending_until_the_queue_says_so(house: House) -> None:
    await house.desk.ready(house.id)
    assert house.asterisk.said() == ["acw-clear", "QueueAdd"]
    assert await house.is_now() == ("offline", None, "ready")
    await house.member()
    assert await house.is_now() == ("ready", None, None)


@pytest.mark.parametrize("phone", ["none", "lost"])
async def test_ready_needs_a_phone(house: House, phone: str) -> None:
    async with house.db.write() as tx:
        (await service.locked(tx, house.id)).phone = phone
    with pytest.raises(Conflict, match="phone is not connected"):
        await house.desk.ready(house.id)
    assert house.asterisk.said() == []
    assert await house.is_now() == ("offline", None, None)


async def test_ready_waits_for_a_phone_that_is_just_registering(db: Database, tmp_path: Path) -> None:
    house = await House(db, tmp_path).move_in(phone="none")
    db.on_commit = lambda: house.bus.ring("log")
    desk = AgentDesk(db, house.asterisk, settings=Settings(data_dir=tmp_path), bus=house.bus, now=lambda: T0)
    pressed = asyncio.create_task(desk.ready(house.id))
    await asyncio.sleep(0)
    await house.phone("ok")
    await pressed
    assert house.asterisk.said() == ["acw-clear", "QueueAdd"]


async def test_ready_from_a_pause_unpauses(on_duty: House) -> None:
    await on_duty.member("LUNCH")
    await on_duty.desk.ready(on_duty.id)
    assert on_duty.asterisk.said() == ["acw-clear", "unpause"]
    assert await on_duty.is_now() == ("paused", "LUNCH", "ready")


async def test_pause_forgets_the_wrap_up_before_it_pauses(on_duty: House) -> None:
    await on_duty.wrap_up()
    await on_duty.desk.pause(on_duty.id, "LUNCH")
    assert on_duty.asterisk.said() == ["acw-clear", "pause LUNCH"]
    assert await on_duty.is_now() == ("wrap_up", "ACW", "pause:LUNCH")
    await on_duty.member("LUNCH")
    assert await on_duty.is_now() == ("paused", "LUNCH", None)
    assert (await on_duty.agent()).wrap_up_until is None


async def test_only_the_known_reasons_may_be_given(on_duty: House) -> None:
    for reason in ("", "ACW", "PHONE", "RNA", "lunch", "LUNCH\r\nAction: Logoff"):
        with pytest.raises(Invalid):
            await on_duty.desk.pause(on_duty.id, reason)
    assert on_duty.asterisk.said() == []


async def test_nothing_may_be_pressed_while_it_rings_or_talks(on_duty: House) -> None:
    call_id, desk = new_id(), on_duty.desk
    for arrives in (on_duty.rang, on_duty.answered):
        await arrives(call_id)
        for press in (
            desk.ready(on_duty.id),
            desk.pause(on_duty.id, "LUNCH"),
            desk.log_off(on_duty.id),
            desk.extend(on_duty.id),
        ):
            with pytest.raises(Conflict):
                await press
    assert on_duty.asterisk.said() == []
    assert (await on_duty.agent()).pending is None


async def test_log_off_leaves_the_queue_and_makes_the_phone_void(on_duty: House) -> None:
    before = await on_duty.agent()
    await on_duty.desk.log_off(on_duty.id)
    assert on_duty.asterisk.said() == ["acw-clear", "QueueRemove", f"hang up /^PJSIP/{on_duty.endpoint}-/ 38"]
    after = await on_duty.agent()
    assert (after.pending, after.phone, after.phone_version) == ("log_off", "none", before.phone_version + 1)
    assert len(after.phone_secret) >= 40
    assert after.phone_secret != before.phone_secret
    await on_duty.member(in_queue=False)
    assert await on_duty.is_now() == ("offline", None, None)


async def test_log_off_of_somebody_who_is_out_already_waits_for_nothing(house: House) -> None:
    house.asterisk.refuse = {"QueueRemove": "Unable to remove interface: Not there"}
    await house.desk.log_off(house.id)
    assert await house.is_now() == ("offline", None, None)


async def test_a_supervisor_may_end_what_is_stuck(on_duty: House) -> None:
    await on_duty.answered(new_id())
    await on_duty.desk.log_off(on_duty.id, force=True)
    assert on_duty.asterisk.said() == ["acw-clear", "QueueRemove", f"hang up /^PJSIP/{on_duty.endpoint}-/ 38"]
    with pytest.raises(Conflict):
        await on_duty.desk.pause(on_duty.id, "BREAK", force=True)


async def test_a_refused_command_is_no_longer_pending_and_says_why(on_duty: House) -> None:
    on_duty.asterisk.refuse = {"QueuePause": "not connected"}
    with pytest.raises(TelephonyError, match="not connected"):
        await on_duty.desk.pause(on_duty.id, "LUNCH")
    assert await on_duty.is_now() == ("ready", None, None)


async def test_a_member_that_asterisk_has_already_is_unpaused_instead(house: House) -> None:
    house.asterisk.refuse = {"QueueAdd": "Unable to add interface: Already there"}
    await house.desk.ready(house.id)
    assert house.asterisk.said() == ["acw-clear", "QueueAdd", "unpause"]


async def test_a_member_that_asterisk_has_not_is_added_instead(on_duty: House) -> None:
    await on_duty.member("LUNCH")
    on_duty.asterisk.refuse = {"QueuePause": "Interface not found"}
    await on_duty.desk.ready(on_duty.id)
    assert on_duty.asterisk.said() == ["acw-clear", "unpause", "QueueAdd"]


async def test_a_pause_of_somebody_whom_asterisk_has_not_shows_them_offline(on_duty: House) -> None:
    on_duty.asterisk.refuse = {"QueuePause": "Interface not found"}
    await on_duty.desk.pause(on_duty.id, "LUNCH")
    assert (await on_duty.agent()).state == "offline"


async def test_a_command_nobody_confirms_has_failed(on_duty: House) -> None:
    await on_duty.desk.pause(on_duty.id, "LUNCH")
    await on_duty.sweep(5 * SECOND)
    assert await on_duty.is_now() == ("ready", None, "pause:LUNCH")
    await on_duty.sweep(SECOND)
    assert await on_duty.is_now() == ("ready", None, "failed")
    await on_duty.member("LUNCH")
    assert await on_duty.is_now() == ("paused", "LUNCH", None)


async def test_two_buttons_pressed_at_once_reach_asterisk_one_after_the_other(on_duty: House) -> None:
    await asyncio.gather(on_duty.desk.pause(on_duty.id, "LUNCH"), on_duty.desk.pause(on_duty.id, "BREAK"))
    assert on_duty.asterisk.said() == ["acw-clear", "pause LUNCH", "acw-clear", "pause BREAK"]
    assert (await on_duty.agent()).pending == "pause:BREAK"


async def test_commands_about_nobody_are_refused(house: House) -> None:
    for press in (house.desk.pause(new_id(), "LUNCH"), house.desk.ready(new_id()), house.desk.claim_phone(new_id())):
        with pytest.raises(NotFound):
            await press


# Wrap-up


async def test_wrap_up_ends_by_itself_once(on_duty: House) -> None:
    await on_duty.wrap_up()
    assert await on_duty.sweep(59 * SECOND) == []
    assert await on_duty.sweep(SECOND) == ["acw-clear", "unpause"]
    assert await on_duty.sweep(SECOND) == []
    assert await on_duty.is_now() == ("wrap_up", "ACW", "ready")
    await on_duty.member()
    assert await on_duty.is_now() == ("ready", None, None)


async def test_wrap_up_that_asterisk_refused_to_end_is_tried_again(on_duty: House) -> None:
    await on_duty.wrap_up()
    on_duty.asterisk.refuse = {"QueuePause": "not connected"}
    assert await on_duty.sweep(MINUTE) == ["acw-clear", "unpause"]
    on_duty.asterisk.refuse = {}
    assert await on_duty.sweep(SECOND) == ["acw-clear", "unpause"]


async def test_wrap_up_ends_after_our_own_restart(on_duty: House, tmp_path: Path) -> None:
    await on_duty.wrap_up()
    new = AgentDesk(on_duty.db, on_duty.asterisk, settings=Settings(data_dir=tmp_path), now=lambda: on_duty.at)
    on_duty.at += MINUTE
    await new.wrap_up_sweep(on_duty.at)
    assert on_duty.asterisk.said() == ["acw-clear", "unpause"]


async def test_wrap_up_whose_end_was_never_heard_lasts_its_usual_time(on_duty: House) -> None:
    await on_duty.talked(new_id())
    await on_duty.member("ACW")
    assert await on_duty.sweep(59 * SECOND) == []
    assert await on_duty.sweep(SECOND) == ["acw-clear", "unpause"]


async def test_without_wrap_up_the_agent_is_ready_when_the_queue_offers_again(db: Database, tmp_path: Path) -> None:
    db.dispatch = dispatch
    house = await House(db, tmp_path, wrap_up_s=0).move_in()
    await house.member()
    await house.talked(new_id())
    assert await house.sweep(2 * SECOND) == []
    assert (await house.agent()).state == "wrap_up"
    with pytest.raises(Conflict):
        await house.desk.extend(house.id)
    assert await house.sweep(SECOND) == []
    assert (await house.agent()).state == "ready"


async def test_wrap_up_may_be_extended_and_asterisk_knows_the_new_end(on_duty: House) -> None:
    await on_duty.wrap_up()
    assert await on_duty.desk.extend(on_duty.id) == T0 + 2 * MINUTE
    (command,) = on_duty.asterisk.asked
    assert ("Variable", f"HLUNTIL={int((T0 + 2 * MINUTE).timestamp())}") in command.headers
    assert on_duty.asterisk.said() == ["acw-set"]
    assert await on_duty.sweep(119 * SECOND) == []
    assert await on_duty.sweep(SECOND) == ["acw-clear", "unpause"]


async def test_wrap_up_is_not_extended_for_ever(on_duty: House) -> None:
    await on_duty.wrap_up()
    for _ in range(EXTENSIONS - 1):
        until = await on_duty.desk.extend(on_duty.id)
    assert until == T0 + EXTENSIONS * MINUTE
    with pytest.raises(Conflict):
        await on_duty.desk.extend(on_duty.id)


async def test_an_extension_that_asterisk_refused_is_taken_back(on_duty: House) -> None:
    await on_duty.wrap_up()
    on_duty.asterisk.refuse = {"Originate": "not connected"}
    with pytest.raises(TelephonyError):
        await on_duty.desk.extend(on_duty.id)
    assert (await on_duty.agent()).wrap_up_until == T0 + MINUTE


# Lost phones and missed calls


async def test_a_lost_phone_stops_being_offered_and_comes_back(on_duty: House) -> None:
    await on_duty.phone("lost")
    await on_duty.desk.react()
    assert on_duty.asterisk.said() == ["acw-clear", "pause PHONE"]
    await on_duty.member("PHONE")
    assert await on_duty.sweep(SECOND) == []
    on_duty.at += MINUTE
    await on_duty.phone("ok")
    await on_duty.desk.react()
    assert on_duty.asterisk.said() == ["acw-clear", "unpause"]


async def test_a_phone_that_was_away_long_waits_for_its_person(on_duty: House) -> None:
    await on_duty.phone("lost")
    await on_duty.member("PHONE")
    on_duty.at += 3 * MINUTE
    await on_duty.phone("ok")
    assert await on_duty.sweep() == []
    assert await on_duty.is_now() == ("paused", "PHONE", None)


@pytest.mark.parametrize("state", ["ringing", "on_call"])
async def test_a_phone_lost_with_a_caller_on_it_gives_the_caller_back(on_duty: House, state: str) -> None:
    """First out of the queue's turn, then off the call: the caller must not ring the same dead phone."""
    await (on_duty.rang if state == "ringing" else on_duty.answered)(new_id())
    await on_duty.phone("lost")
    await on_duty.desk.react()
    assert on_duty.asterisk.said() == ["acw-clear", "pause PHONE", f"hang up /^PJSIP/{on_duty.endpoint}-/ 38"]
    assert await on_duty.sweep(SECOND) == []


async def test_a_phone_lost_in_a_call_is_paused_and_comes_back_without_a_key(on_duty: House) -> None:
    call = new_id()
    await on_duty.answered(call)
    await on_duty.phone("lost")
    assert await on_duty.sweep() == ["acw-clear", "pause PHONE", f"hang up /^PJSIP/{on_duty.endpoint}-/ 38"]
    await on_duty.member("PHONE")
    await on_duty.leg_ended(call)
    assert await on_duty.is_now() == ("paused", "PHONE", None)
    on_duty.at += 3 * SECOND
    await on_duty.phone("ok")
    assert await on_duty.sweep() == ["acw-clear", "unpause"]


async def test_a_pause_that_was_asked_for_outlives_a_lost_phone(on_duty: House) -> None:
    call = new_id()
    await on_duty.answered(call)
    await on_duty.member("LUNCH")
    await on_duty.phone("lost")
    assert await on_duty.sweep() == [f"hang up /^PJSIP/{on_duty.endpoint}-/ 38"]
    await on_duty.leg_ended(call)
    await on_duty.phone("ok")
    assert await on_duty.sweep() == []
    assert await on_duty.is_now() == ("paused", "LUNCH", None)


async def test_a_page_that_left_its_call_by_itself_is_paused_at_once(on_duty: House) -> None:
    """Its goodbye may be seen before its phone is gone: the dialplan gives no wrap-up then."""
    call = new_id()
    await on_duty.answered(call)
    await on_duty.leg_ended(call)
    await on_duty.phone("lost")
    assert await on_duty.sweep() == ["acw-clear", "pause PHONE"]


async def test_a_leg_that_has_ended_meanwhile_needs_no_second_hang_up(on_duty: House) -> None:
    await on_duty.answered(new_id())
    await on_duty.phone("lost")
    on_duty.asterisk.refuse = {"Hangup": "No such channel"}
    assert len(await on_duty.sweep()) == 3
    assert await on_duty.sweep(SECOND) == []


async def test_a_hang_up_that_failed_is_tried_again(on_duty: House) -> None:
    await on_duty.answered(new_id())
    await on_duty.phone("lost")
    on_duty.asterisk.refuse = {"Hangup": "not connected"}
    assert len(await on_duty.sweep()) == 3
    on_duty.asterisk.refuse = {}
    assert len(await on_duty.sweep(SECOND)) == 1


async def test_the_page_may_say_that_its_phone_is_lost(on_duty: House) -> None:
    on_duty.at += MINUTE
    await on_duty.desk.phone_lost(on_duty.id)
    assert (await on_duty.agent()).phone == "lost"
    assert on_duty.asterisk.said() == ["acw-clear", "pause PHONE"]


async def test_a_page_whose_word_of_a_loss_comes_late_keeps_the_phone_that_it_has_again(on_duty: House) -> None:
    """Asterisk asks a phone every 4 s and waits 3 s (qualify): it tells a new loss itself."""
    on_duty.at += MINUTE
    await on_duty.phone("lost")
    await on_duty.phone("ok")
    on_duty.at += 6 * SECOND
    await on_duty.desk.phone_lost(on_duty.id)
    assert (await on_duty.agent()).phone == "ok"
    assert on_duty.asterisk.said() == []


async def test_a_wrap_up_that_ends_without_a_phone_does_not_end_in_a_ring(on_duty: House) -> None:
    await on_duty.wrap_up()
    await on_duty.phone("lost")
    assert await on_duty.sweep(MINUTE) == ["acw-clear", "pause PHONE"]


async def test_two_calls_missed_in_a_row_pause_until_the_agent_presses_ready(on_duty: House) -> None:
    await on_duty.missed(new_id())
    assert await on_duty.sweep() == []
    await on_duty.missed(new_id())
    assert await on_duty.sweep() == ["acw-clear", "pause RNA"]
    await on_duty.member("RNA")
    await on_duty.desk.ready(on_duty.id)
    assert on_duty.asterisk.said() == ["acw-clear", "unpause"]
    await on_duty.member()
    assert await on_duty.sweep(SECOND) == []


async def test_an_answer_between_two_missed_calls_starts_the_count_anew(on_duty: House) -> None:
    await on_duty.missed(new_id())
    await on_duty.talked(new_id())
    await on_duty.member()
    await on_duty.missed(new_id())
    assert await on_duty.sweep() == []


async def test_an_offer_that_ended_otherwise_is_not_missed(on_duty: House) -> None:
    for _ in range(2):
        call_id = new_id()
        await on_duty.rang(call_id)
        await on_duty.withdrawn(call_id)
    assert (await on_duty.agent()).misses == 0


async def test_a_phone_that_is_registered_and_sends_no_sound_is_paused_after_the_second_call(on_duty: House) -> None:
    async def silent_call() -> list[str]:
        await on_duty.talked(new_id())
        await on_duty.see(SilentSeen(on_duty.endpoint, on_duty.key()))
        return await on_duty.sweep()

    assert await silent_call() == []
    assert await silent_call() == ["acw-clear", "pause SOUND"]
    await on_duty.member("SOUND")
    await on_duty.desk.ready(on_duty.id)
    assert on_duty.asterisk.said() == ["acw-clear", "unpause"]
    await on_duty.member()
    assert await on_duty.sweep() == []
    assert await silent_call() == []  # a person who looked after it begins anew


async def test_calls_without_sound_that_are_hours_apart_pause_nobody(on_duty: House) -> None:
    for _ in range(3):
        await on_duty.see(SilentSeen(on_duty.endpoint, on_duty.key()))
        assert await on_duty.sweep(timedelta(hours=1, seconds=1)) == []


async def test_a_lost_phones_silence_is_not_counted(on_duty: House) -> None:
    await on_duty.phone("lost")
    for _ in range(3):
        await on_duty.see(SilentSeen(on_duty.endpoint, on_duty.key()))
    assert (await on_duty.agent()).silences == 0


# The phone's secret


async def test_a_phone_is_claimed_once_asterisk_knows_its_secret(db: Database, tmp_path: Path) -> None:
    house = await House(db, tmp_path).move_in()
    db.on_commit = lambda: house.bus.ring("log")
    claimed = asyncio.create_task(house.desk.claim_phone(house.id))
    while not (await house.agent()).phone_version:
        await asyncio.sleep(0)
    async with db.read() as tx:
        (phone,) = await service.phones(tx)
    assert (phone.version, phone.ready_version) == (1, 0)
    async with db.write() as tx:
        await service.provisioned(tx, house.id, 1, T0)
    credentials = await claimed
    assert (credentials.endpoint, credentials.version) == (house.endpoint, 1)
    assert credentials.secret == phone.secret
    assert phone.secret not in repr(credentials) + repr(phone)
    assert [row.type for row in await db.after(0)] == ["PhoneSecretChanged", "PhoneProvisioned"]


async def test_a_phone_that_asterisk_does_not_take_over_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotline.agents.commands.PHONE_WAIT_S", 0.02)
    with pytest.raises(TelephonyError):
        await house.desk.claim_phone(house.id)


async def test_an_old_secrets_arrival_does_not_count_for_the_new_one(house: House) -> None:
    async with house.db.write() as tx:
        assert await service.new_secret(tx, house.id, T0) == 1
        assert await service.new_secret(tx, house.id, T0) == 2
        await service.provisioned(tx, house.id, 1, T0)
        await service.provisioned(tx, house.id, 1, T0)
    agent = await house.agent()
    assert (agent.phone_ready_version, agent.phone_version) == (1, 2)


@pytest.mark.parametrize(
    ("phone", "event", "why", "is_new"),
    [
        ("none", SignedIn, None, True), ("lost", SignedIn, None, True), ("ok", SignedIn, None, False),
        ("ok", SignedOut, "asked", True), ("ok", SignedOut, "revoked", True), ("none", SignedOut, "asked", False),
        ("ok", SignedOut, "idle", False), ("ok", SignedOut, "absolute", False),
    ],
)  # fmt: skip
async def test_a_secret_serves_one_sign_in(
    db: Database, tmp_path: Path, phone: str, event: Callable[..., object], why: str | None, is_new: bool
) -> None:
    db.dispatch = dispatch
    house = await House(db, tmp_path).move_in(phone=phone)
    account_id = (await house.agent()).account_id
    extra = {} if why is None else {"why": why}
    async with db.write() as tx:
        tx.emit(event(at=T0, dedupe_key="s", account_id=account_id, **extra))  # type: ignore[arg-type]
    assert (await house.agent()).phone_version == int(is_new)


# What people set up


async def test_agents_get_the_next_free_extension_and_a_random_endpoint(db: Database) -> None:
    async with db.write() as tx:
        made = []
        for extension in (None, "8002", None):
            owner = await factories.account(tx)
            made.append(await service.add_agent(tx, owner.id, owner.name, T0, extension))
    assert [agent.extension for agent in made] == ["8001", "8002", "8003"]
    assert len({agent.endpoint for agent in made}) == 3
    assert not any(agent.extension in agent.endpoint for agent in made)


async def test_extensions_are_digits(db: Database) -> None:
    async with db.write() as tx:
        owner = await factories.account(tx)
        for extension in ("1", "1234567", "12a", "１２３４", "12\n34"):
            with pytest.raises(Invalid):
                await service.add_agent(tx, owner.id, owner.name, T0, extension)


async def test_an_extension_and_an_account_are_used_once(db: Database) -> None:
    async with db.write() as tx:
        one, two = await factories.account(tx), await factories.account(tx)
        await service.add_agent(tx, one.id, one.name, T0, "1003")
        for owner, extension in ((two, "1003"), (one, "1004")):
            with pytest.raises(Conflict):
                await service.add_agent(tx, owner.id, owner.name, T0, extension)


async def test_agents_are_found_by_account_and_endpoint(house: House) -> None:
    agent = await house.agent()
    async with house.db.read() as tx:
        by_account = await service.by_account(tx, agent.account_id)
        by_endpoint = await service.by_endpoint(tx, agent.endpoint)
        assert by_account is not None
        assert by_endpoint is not None
        assert by_account.id == by_endpoint.id == house.id
        assert await service.by_account(tx, new_id()) is None


async def test_the_log_never_holds_a_secret(on_duty: House) -> None:
    await on_duty.desk.log_off(on_duty.id)
    secret = (await on_duty.agent()).phone_secret
    rows: list[EventRow] = list(await on_duty.db.after(0))
    assert rows
    assert not any(secret in str(row.data) + row.dedupe_key for row in rows)
