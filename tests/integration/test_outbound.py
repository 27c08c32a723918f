"""Calls that go out of the real Asterisk: the agent's phone, then the number. SIPp is the network, on loopback."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hotline.telephony import actions as ami
from tests.integration import sound
from tests.integration.conftest import PHONES, _in_thread
from tests.integration.deployment import once
from tests.integration.ear import listen
from tests.integration.pbx import TRUNK, Ami, Pbx, Sipp, free_port

pytestmark = [pytest.mark.integration, once("pbx")]
NewPbx = Callable[..., Awaitable[Pbx]]
MOBILE = "13800138000"
AGENT_HZ, OUTSIDE_HZ, POLICE_HZ = 500, 700, 1100
_names = (f"pbx1-1.d{number}" for number in itertools.count(1))


@dataclass
class Outside:
    """An Asterisk with a network behind it, and two manager lines."""

    pbx: Pbx
    port: int
    events: Ami
    actions: Ami
    network: Sipp | None = None
    calls: list[str] = field(default_factory=list)

    def answers(self, **values: Any) -> Sipp:
        """From now on the network rings and answers; `rejects`: refuses with `refusal`."""
        if self.network is not None:
            self.network.stop()
        tone = sound.tone(self.pbx.directory / "outside.al", OUTSIDE_HZ)
        more = {"address": TRUNK, "port": self.port, "sound": tone, "answer_ms": 300} | values
        self.network = self.pbx.phone("network", **more)
        return self.network

    async def dial(self, number: str, line: str = "12345", phone: str = "a1") -> str:
        """As the application does it. Returns the call's name."""
        name = next(_names)
        command = ami.originate(
            phone, "hl-dial", number, {"__HLLINE": line}, number, channel_id=name, asked="dial",
        )  # fmt: skip
        headers = [(key, value) for key, value in command.headers if key != "Variable"]
        variables = [value for key, value in command.headers if key == "Variable"]
        said = await self.actions.send("Originate", **dict(headers), Variable=variables)
        assert said["Response"] == "Success", said
        return name

    async def outcome(self, call: str) -> tuple[str, str, str]:
        fact = await self.events.fact("HLOutcome", Uniqueid=call)
        return fact["HLOutcome"], fact["HLHangupBy"], fact["HLMember"]

    def phone(self, **values: Any) -> Sipp:
        tone = sound.tone(self.pbx.directory / "agent.al", AGENT_HZ)
        return self.pbx.phone("a1", **({"answer_ms": 50, "sound": tone} | values))

    async def recording(self, call: str) -> Path:
        """Once it is whole: the leg outside ends a moment after the agent's."""
        fact = await self.events.fact("HLRecording", Linkedid=call)
        await self.events.event("Hangup", Uniqueid=fact["Uniqueid"])
        return self.pbx.recording(fact)


@pytest.fixture(scope="module")
def outside_pbx(tmp_path_factory: pytest.TempPathFactory, quick_sounds: Path) -> Iterator[tuple[Pbx, int]]:
    port = free_port(24400)
    made = Pbx.make(
        tmp_path_factory.mktemp("outside"), sounds=quick_sounds, outbound_trunk=f"{TRUNK}:{port}",
        outbound_allow="1[3-9]XXXXXXXXX", outbound_ring_s=5,
    )  # fmt: skip
    _in_thread(made.start(PHONES))
    yield made, port
    _in_thread(made.stop())


@pytest.fixture
async def outside(outside_pbx: tuple[Pbx, int]) -> AsyncIterator[Outside]:
    pbx, port = outside_pbx
    await pbx.sweep()
    async with pbx.ami("events") as events, pbx.ami("actions") as actions:
        yield Outside(pbx, port, events, actions)
    await pbx.sweep()


async def test_the_agents_phone_rings_first_then_the_number_which_sees_the_lines(outside: Outside) -> None:
    await outside.pbx.sign_in(outside.actions, "a1")
    network, phone = outside.answers(), outside.phone(talk_ms=3500)
    call = await outside.dial(MOBILE)
    told = await outside.events.fact("HLDial")
    assert (told["Uniqueid"], told["Linkedid"]) == (call, call)
    assert (told["HLLine"], told["HLNumber"], told["HLBy"]) == ("12345", MOBILE, "a1")
    ended = await outside.events.event("DialEnd", DialStatus="ANSWER", Linkedid=call)
    assert ended["DestChannel"].startswith("PJSIP/outside-")
    assert await outside.outcome(call) == ("answered", "agent", "a1")
    # Time to write, as after any talk.
    assert (await outside.events.fact("HLWrapUp"))["HLMember"] == "a1"
    assert any("X-Hotline-Asked: dial" in line for line in phone.log)
    (shown,) = [line for line in network.log if " from " in line]
    sender = shown.partition(" from ")[2].partition(";tag")[0]
    assert sender.strip() == "<sip:12345@127.0.0.1>"  # nothing of the agent
    heard = sound.read_wav(await outside.recording(call))
    assert len(heard) > 2 * sound.RATE
    assert sound.level(heard[sound.RATE :], AGENT_HZ) > 2000
    assert sound.level(heard[sound.RATE :], OUTSIDE_HZ) > 2000
    kinds = [row for row in outside.pbx.journal() if call in row and "HLDIAL" in row]
    assert len(kinds) == 1


@pytest.mark.parametrize(
    ("network", "phone", "outcome"),
    [
        ({"talk_ms": 1000}, {}, ("answered", "caller")),
        ({"rejects": True}, {}, ("busy", "system")),
        ({"rejects": True, "refusal": "603 Decline"}, {}, ("rejected", "system")),
        ({"rejects": True, "refusal": "404 Not Found"}, {}, ("failed", "system")),
        ({"answer_ms": 60000}, {}, ("no_answer", "system")),
        ({"answer_ms": 60000}, {"talk_ms": 1500}, ("withdrawn", "agent")),
    ],
    ids=["they hang up", "busy", "declined", "unknown", "not answered", "the agent gives up"],
)
async def test_what_became_of_a_call_out_is_told_once(
    outside: Outside, network: dict[str, Any], phone: dict[str, Any], outcome: tuple[str, str]
) -> None:
    outside.answers(**network)
    outside.phone(**phone)
    call = await outside.dial(MOBILE)
    assert await outside.outcome(call) == (*outcome, "a1")
    await outside.events.event("Hangup", Uniqueid=call)
    assert sum(block.get("UserEvent") == "HLOutcome" for block in outside.events.blocks()) == 1


async def test_whom_a_lost_phone_leaves_is_first_in_line(outside: Outside) -> None:
    await outside.pbx.sign_in(outside.actions, "a2")
    network = outside.answers()
    outside.phone()
    outside.pbx.phone("a2", answer_ms=100)
    call = await outside.dial(MOBILE)
    (up,) = [await outside.events.event("DialEnd", DialStatus="ANSWER", Linkedid=call)]
    await outside.events.event("BridgeEnter", Uniqueid=call)
    # As the worker does with a phone that is gone.
    await outside.actions.send("Hangup", Channel=call, Cause="38")
    assert (await outside.outcome(call))[0] == "answered"
    answered = await outside.events.event("AgentConnect", MemberName="a2")
    assert answered["Channel"] == up["DestChannel"]
    network.stop()


async def test_a_call_out_is_passed_on_like_any_other(outside: Outside) -> None:
    outside.answers()
    outside.phone()
    outside.pbx.phone("a2", answer_ms=100)
    call = await outside.dial(MOBILE)
    person = (await outside.events.event("DialEnd", DialStatus="ANSWER", Linkedid=call))["DestUniqueid"]
    await outside.events.event("BridgeEnter", Uniqueid=call)
    moved = ami.redirect(person, "hl-wait", "consult", (call, "hl-consult", "a2"))
    await outside.actions.send(moved.action, **dict(moved.headers))
    told = await outside.events.fact("HLMove", HLWhat="consult")
    assert (told["Uniqueid"], told["HLBy"], told["HLTo"]) == (person, "a1", "a2")
    colleague = await outside.events.wait(
        lambda block: block.get("DialStatus") == "ANSWER" and block["DestChannel"].startswith("PJSIP/a2-")
    )
    mark = len(outside.events.raw)
    back, on = (
        ami.redirect(person, "hl-room", "caller"),
        ami.redirect(colleague["DestUniqueid"], "hl-room", "agent", (call, "hl-room", "leave")),
    )
    for one in (back, on):
        await outside.actions.send(one.action, **dict(one.headers))
    await outside.events.event("Hangup", Uniqueid=call)
    for leg in (person, colleague["DestUniqueid"]):
        met = {"Uniqueid": leg, "BridgeTechnology": "simple_bridge"}
        await outside.events.event("BridgeEnter", since=mark, **met)
    assert (await outside.outcome(call))[0] == "answered"
    assert outside.pbx.recording(await outside.events.fact("HLRecording", Uniqueid=person)).exists()
    await outside.actions.send("Hangup", Channel=person, Cause="16")
    await outside.events.event("Hangup", Uniqueid=colleague["DestUniqueid"])


async def test_an_agents_own_phone_that_does_not_answer_dials_nobody(outside: Outside) -> None:
    network = outside.answers()
    outside.phone(answer_ms=300, rejects=True)
    call = await outside.dial(MOBILE)
    await outside.events.event("Hangup", Uniqueid=call)
    assert network.said("ringing") == 0
    assert not [block for block in outside.events.blocks() if block.get("Event") == "UserEvent"]


async def test_asterisk_itself_refuses_what_is_on_no_list(outside: Outside) -> None:
    network = outside.answers()
    outside.phone()
    call = await outside.dial("0012125550100")
    assert await outside.outcome(call) == ("failed", "system", "a1")
    await outside.events.event("Hangup", Uniqueid=call)
    assert network.said("ringing") == 0
    assert not [block for block in outside.events.blocks() if block.get("DestChannel", "").startswith("PJSIP/outside")]


async def test_an_emergency_number_reaches_a_practice_extension(outside: Outside) -> None:
    network = outside.answers()
    outside.phone(talk_ms=4000)
    call = await outside.dial("0571110")
    assert await outside.outcome(call) == ("answered", "agent", "a1")
    assert network.said("ringing") == 0
    heard = sound.read_wav(await outside.recording(call))
    assert sound.level(heard[-sound.RATE :], POLICE_HZ) > 500
    assert sound.level(heard[-sound.RATE :], AGENT_HZ) > 2000


async def test_what_a_lawyer_is_told_is_not_recorded(outside: Outside) -> None:
    outside.answers()
    outside.phone(talk_ms=1500)
    call = await outside.dial("12348")
    assert (await outside.outcome(call))[0] == "answered"
    assert not [block for block in outside.events.blocks() if block.get("UserEvent") == "HLRecording"]


async def test_a_call_out_takes_a_channel_of_its_line(outside: Outside) -> None:
    outside.answers()
    outside.phone(talk_ms=8000)
    outside.pbx.phone("a2", answer_ms=50)
    call = await outside.dial(MOBILE, line="2912345")
    await outside.events.event("DialEnd", DialStatus="ANSWER", Linkedid=call)
    assert (await listen(outside.pbx.server, address=TRUNK, line="2912345")).status == 486
    assert (await listen(outside.pbx.server, address=TRUNK, line="12345")).status == 200
    second = await outside.dial(MOBILE, line="2912345", phone="a2")
    assert await outside.outcome(second) == ("failed", "system", "a2")
    assert (await outside.outcome(call))[0] == "answered"
    await outside.recording(call)
    assert (await listen(outside.pbx.server, address=TRUNK, line="2912345")).status == 200


async def test_in_production_110_is_rung_and_told_what_this_is(new_pbx: NewPbx) -> None:
    port = free_port(24500)
    pbx = await new_pbx(outbound_trunk=f"{TRUNK}:{port}", production=True)
    async with pbx.ami("events") as events, pbx.ami("actions") as actions:
        outside = Outside(pbx, port, events, actions)
        network = outside.answers()
        outside.phone(talk_ms=3000)
        call = await outside.dial("110")
        assert (await outside.outcome(call))[0] == "answered"
        assert network.said("ringing") == 1
        await asyncio.sleep(0)
        log = (pbx.asterisk.places.log / "messages").read_text()
        assert "P51" not in log  # no complaint about its sound
