"""Supervisors on agents' calls: what is asked of Asterisk, and what the rows and the trail say once it has answered."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from hotline.agents import presence, service, watching
from hotline.agents.models import Agent, HelpRequest, Supervision
from hotline.agents.supervision import SupervisorDesk, Wish
from hotline.calls.models import Call, CallOffer, CallParty
from hotline.db import Database
from hotline.errors import Conflict, Invalid, NotDone, TelephonyError
from hotline.events import AgentLegEnded, CallEnded
from hotline.handlers import Handlers
from hotline.telephony.actions import Command
from hotline.telephony.catalogue import BUILDERS, Fields
from hotline.telephony.messages import UserEvent
from tests import factories
from tests.factories import T0

LEG, SPY = "pbx1-1778464801.7", "pbx1-1778464901.9"


class Scene:
    """An agent talks with a caller; a supervisor with a connected phone. `sent`: what Asterisk was told."""

    agent: Agent
    supervisor: Agent
    call: Call

    def __init__(self, db: Database) -> None:
        self.db = db
        self.at = T0
        self.sent: list[Command] = []
        self.refuses = self.loses = False
        self.desk = SupervisorDesk(db, self.send, now=lambda: self.at, registered_s=0.01)

    async def send(self, command: Command) -> Mapping[str, Any]:
        if self.refuses:
            raise NotDone("No such channel")
        if self.loses:
            raise TelephonyError("Asterisk did not answer in time.")
        self.sent.append(command)
        return {}

    async def set(self) -> "Scene":
        async with self.db.write() as tx:
            self.call = await factories.call(tx, phase="talking", answered_at=T0)
            busy = {"state": "on_call", "in_queue": True, "phone": "ok", "call_id": self.call.id}
            self.agent = await factories.agent(tx, **busy)
            self.supervisor = await factories.agent(tx, "supervisor", phone="ok")
            tx.session.add(
                CallOffer(
                    call_id=self.call.id, agent_id=self.agent.id, member=self.agent.endpoint, leg=LEG, rang_at=T0,
                    ended_at=T0, result="answered",
                )
            )  # fmt: skip
        return self

    async def begin(self, mode: str = "listen", reason: str = "quality") -> UUID:
        return await self.desk.begin(self.supervisor.id, self.agent.id, Wish(mode, reason, "supervisor"))

    async def told(self, what: str, leg: str = SPY) -> None:
        """The dialplan states it."""
        row = await self.row()
        self.at += timedelta(seconds=1)
        text = (
            f"\r\nEvent: UserEvent\r\nUserEvent: HLSpy\r\nChannel: PJSIP/{self.supervisor.endpoint}-00000001\r\n"
            f"ChannelState: 6\r\nUniqueid: {leg}\r\nLinkedid: {leg}\r\nHLWhat: {what}\r\nHLRef: {row.id}\r\n"
            f"HLBy: {self.supervisor.endpoint}"
        )
        message = BUILDERS["UserEvent"](Fields(text), self.at)
        assert isinstance(message, UserEvent)
        async with self.db.write() as tx:
            for observation in presence.observe(message):
                await service.observe(tx, observation, message.at)
                await service.observe(tx, observation, message.at)  # heard twice, one effect

    async def row(self) -> Supervision:
        async with self.db.read() as tx:
            return (await tx.session.scalars(select(Supervision))).one()

    async def trail(self, *kinds: str) -> list[tuple[str, ...]]:
        rows = [row for row in await self.db.after(0) if row.type in kinds]
        return [(row.type, str(row.data.get("mode") or row.data.get("why") or "")) for row in rows]

    async def help(self) -> HelpRequest | None:
        async with self.db.read() as tx:
            return await watching.help_of(tx, self.agent.id)


@pytest.fixture
async def scene(db: Database) -> Scene:
    db.dispatch = Handlers(lambda at: at).dispatch
    return await Scene(db).set()


async def test_the_supervisors_phone_is_rung_for_a_leg_on_the_agents_own(scene: Scene) -> None:
    await scene.begin("whisper", "training")
    (command,) = scene.sent
    headers = [pair for pair in command.headers if pair[0] != "Variable"]
    given = dict(value.split("=", 1) for name, value in command.headers if name == "Variable")
    assert command.action == "Originate"
    assert ("Channel", f"PJSIP/{scene.supervisor.endpoint}") in headers
    assert ("Context", "hl-spy") in headers
    assert ("Exten", "whisper") in headers
    row = await scene.row()
    assert given["HLSPIED"] == LEG
    assert (given["HLCALL"], given["HLREF"]) == (scene.call.linkedid, str(row.id))
    assert given["HLWHOM"] == scene.call.linkedid  # the caller's own channel began the call
    assert given["PJSIP_HEADER(add,X-Hotline-Asked)"] == "supervise"
    # The phone's page knows the call by the name that all records have, should it become theirs.
    assert given["PJSIP_HEADER(add,X-Hotline-Call)"] == scene.call.linkedid
    # Nothing is so yet: only asked for.
    assert (row.mode, row.pending, row.began_at) == (None, "whisper", None)
    assert (row.role, row.reason) == ("supervisor", "training")
    assert await scene.trail("SupervisionChanged") == []


async def test_what_asterisk_states_makes_it_so_and_a_switch_moves_the_same_leg(scene: Scene) -> None:
    await scene.begin()
    await scene.told("listen")
    row = await scene.row()
    assert (row.mode, row.pending, row.leg) == ("listen", None, SPY)
    await scene.desk.switch(scene.supervisor.id, "join")
    assert scene.sent[-1].action == "Redirect"
    assert scene.sent[-1].headers == (("Channel", SPY), ("Context", "hl-spy"), ("Exten", "join"), ("Priority", "1"))
    assert (await scene.row()).pending == "join"
    await scene.told("join")
    await scene.told("end")
    row = await scene.row()
    assert (row.mode, row.pending, row.result) == ("join", None, "left")
    assert row.ended_at == T0 + timedelta(seconds=3)
    assert await scene.trail("SupervisionChanged") == [
        ("SupervisionChanged", "listen"), ("SupervisionChanged", "join"), ("SupervisionChanged", "left"),
    ]  # fmt: skip


async def test_help_is_asked_once_and_ends_when_a_supervisor_is_there(scene: Scene) -> None:
    await scene.desk.ask_help(scene.agent.id)
    await scene.desk.ask_help(scene.agent.id)
    await scene.begin(reason="help")
    assert await scene.help() is not None  # on the way is not there
    await scene.told("listen")
    assert await scene.help() is None
    assert await scene.trail("HelpAsked", "HelpEnded") == [("HelpAsked", ""), ("HelpEnded", "answered")]


async def test_help_can_be_taken_back_and_ends_with_the_talk(scene: Scene) -> None:
    await scene.desk.withdraw_help(scene.agent.id)
    await scene.desk.ask_help(scene.agent.id)
    await scene.desk.withdraw_help(scene.agent.id)
    await scene.desk.ask_help(scene.agent.id)
    about = {"at": T0, "node": scene.call.node, "linkedid": scene.call.linkedid}
    async with scene.db.write() as tx:
        tx.emit(AgentLegEnded(dedupe_key="left", member=scene.agent.endpoint, leg=LEG, **about))
        tx.emit(CallEnded(dedupe_key="ended", outcome="answered", hangup_by="caller", talk_ms=1, **about))
    assert await scene.trail("HelpEnded") == [("HelpEnded", "withdrawn"), ("HelpEnded", "over")]


async def test_an_agent_without_a_call_cannot_ask(scene: Scene) -> None:
    with pytest.raises(Conflict):
        await scene.desk.ask_help(scene.supervisor.id)
    assert await scene.trail("HelpAsked") == []


async def test_taking_over_brings_the_supervisor_first_and_then_the_caller_from_the_agent(scene: Scene) -> None:
    await scene.begin()
    with pytest.raises(Conflict):
        await scene.desk.take_over(scene.supervisor.id)  # the phone still rings
    await scene.told("listen")
    await scene.desk.take_over(scene.supervisor.id)
    first, second = scene.sent[-2:]
    assert first.headers == (("Channel", SPY), ("Context", "hl-spy"), ("Exten", "take-over"), ("Priority", "1"))
    place = f"caller-{int(T0.timestamp())}-{scene.supervisor.endpoint}"
    assert second.headers == (
        ("Channel", scene.call.linkedid), ("Context", "hl-spy"), ("Exten", place),
        ("Priority", "1"),
        ("ExtraChannel", LEG), ("ExtraContext", "hl-room"), ("ExtraExten", "leave"), ("ExtraPriority", "1"),
    )  # fmt: skip
    await scene.told("take-over")
    await scene.told("end")
    row = await scene.row()
    assert (row.mode, row.result) == ("take-over", "taken")
    assert [mode for _, mode in await scene.trail("SupervisionChanged")] == ["listen", "take-over"]


async def test_of_a_call_that_we_made_nobody_is_taken_over_in_the_place_of_who_has_left(scene: Scene) -> None:
    async with scene.db.write() as tx:
        call = await tx.session.get_one(Call, scene.call.id)
        call.direction = "outbound"
        tx.session.add(
            CallParty(call_id=call.id, leg="1.5", number="13800001234", rang_at=T0, left_at=T0, result="answered")
        )
    await scene.begin()
    await scene.told("listen")
    sent = len(scene.sent)
    with pytest.raises(Conflict, match="no longer there"):
        await scene.desk.take_over(scene.supervisor.id)
    assert (len(scene.sent), (await scene.row()).pending) == (sent, None)


@pytest.mark.parametrize(
    ("mode", "reason", "error"),
    [("shout", "help", Invalid), ("take-over", "help", Invalid), ("listen", "", Invalid), ("listen", "fun", Invalid)],
)
async def test_only_known_modes_and_reasons(scene: Scene, mode: str, reason: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await scene.begin(mode, reason)
    assert scene.sent == []


@pytest.mark.parametrize(
    ("who", "values"),
    [
        ("supervisor", {"phone": "none"}),
        ("supervisor", {"phone": "lost"}),
        ("supervisor", {"state": "on_call"}),
        ("supervisor", {"state": "ringing"}),
        ("agent", {"state": "wrap_up"}),
        ("agent", {"call_id": None}),
    ],
)
async def test_refused_when_either_is_not_free_for_it(scene: Scene, who: str, values: dict[str, Any]) -> None:
    async with scene.db.write() as tx:
        agent = await service.locked(tx, getattr(scene, who).id)
        for name, value in values.items():
            setattr(agent, name, value)
    with pytest.raises(Conflict):
        await scene.begin()
    assert scene.sent == []
    async with scene.db.read() as tx:
        assert list(await tx.session.scalars(select(Supervision))) == []


async def test_one_call_at_a_time_and_never_ones_own(scene: Scene) -> None:
    async with scene.db.write() as tx:
        other = await factories.agent(tx, state="on_call", phone="ok", call_id=scene.call.id)
    await scene.begin()
    with pytest.raises(Conflict):
        await scene.desk.begin(scene.supervisor.id, other.id, Wish("listen", "help", "supervisor"))
    with pytest.raises(Conflict):
        await scene.desk.begin(scene.agent.id, scene.agent.id, Wish("listen", "help", "supervisor"))


async def test_a_phone_that_never_answers_and_a_switch_that_never_comes_are_given_up(scene: Scene) -> None:
    await scene.begin()
    await scene.desk.sweep()
    assert (await scene.row()).ended_at is None
    scene.at += watching.PENDING
    await scene.desk.sweep()
    assert (await scene.row()).result == "failed"
    assert await scene.trail("SupervisionChanged") == [("SupervisionChanged", "failed")]
    await scene.desk.begin(scene.supervisor.id, scene.agent.id, Wish("listen", "help", "supervisor"))


async def test_a_supervisor_who_is_rung_on_a_number_outside_has_time_to_take_it_up(scene: Scene) -> None:
    """As the queue gives it: 25 s to answer, then 8 s to press 1 (asterisk-config/README)."""
    async with scene.db.write() as tx:
        (await service.locked(tx, scene.supervisor.id)).outside_number = "13900001111"
    await scene.begin()
    assert ("Timeout", "25000") in scene.sent[0].headers
    scene.at += timedelta(seconds=25 + 8)
    await scene.desk.sweep()
    assert (await scene.row()).ended_at is None
    await scene.told("listen")
    assert (await scene.row()).mode == "listen"
    # From then on it is a leg like any other: a switch that nobody confirms is given up as quickly.
    await scene.desk.switch(scene.supervisor.id, "join")
    scene.at += watching.PENDING
    await scene.desk.sweep()
    assert (await scene.row()).pending is None


async def test_a_number_outside_that_nobody_takes_up_is_given_up(scene: Scene) -> None:
    async with scene.db.write() as tx:
        (await service.locked(tx, scene.supervisor.id)).outside_number = "13900001111"
    await scene.begin()
    scene.at += watching.PENDING_OUTSIDE
    await scene.desk.sweep()
    assert (await scene.row()).result == "failed"


async def test_a_refused_command_leaves_nothing_pending(scene: Scene) -> None:
    scene.refuses = True
    with pytest.raises(NotDone):
        await scene.begin()
    row = await scene.row()
    assert (row.pending, row.result) == (None, "failed")


async def test_who_listens_is_shown_and_on_record_whatever_became_of_the_commands_answer(scene: Scene) -> None:
    scene.loses = True
    with pytest.raises(TelephonyError):
        await scene.begin()
    await scene.told("listen")
    row = await scene.row()
    assert (row.mode, row.ended_at, row.result) == ("listen", None, None)


async def test_who_left_while_their_phone_rang_and_then_took_it_up_is_shown(scene: Scene) -> None:
    await scene.begin()
    await scene.desk.leave(scene.supervisor.id)
    assert (await scene.row()).result == "failed"
    await scene.told("listen")
    row = await scene.row()
    assert (row.mode, row.ended_at, row.result) == ("listen", None, None)
    await scene.told("end")
    assert (await scene.row()).result == "left"


async def test_a_leg_whose_end_was_not_heard_is_over_with_the_next_snapshot(scene: Scene) -> None:
    await scene.begin()
    await scene.told("whisper")
    async with scene.db.write() as tx:
        assert not await watching.vanished(tx, {SPY, LEG})
        await watching.take_in(tx, {SPY, LEG}, T0)
        assert await watching.vanished(tx, {LEG})
        await watching.take_in(tx, {LEG}, T0)
    assert (await scene.row()).result == "left"


async def test_leaving_hangs_up_the_supervisors_own_leg_and_nothing_else(scene: Scene) -> None:
    await scene.begin()
    await scene.told("join")
    await scene.desk.leave(scene.supervisor.id)
    assert scene.sent[-1].action == "Hangup"
    assert dict(scene.sent[-1].headers) == {"Channel": SPY, "Cause": "16"}
    assert (await scene.row()).ended_at is None  # until Asterisk says so
