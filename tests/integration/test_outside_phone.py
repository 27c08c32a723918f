"""An agent rung on a number outside instead of in the page: the same queue and facts, and no voicebox takes a child."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hotline.agents import presence
from hotline.telephony import actions as asked
from hotline.telephony import messages as m
from tests.integration.deployment import once
from tests.integration.pbx import TRUNK, Pbx, free_port
from tests.integration.voice import Voice, until

pytestmark = [pytest.mark.integration, once("pbx")]
NewPbx = Callable[..., Awaitable[Pbx]]
ENDPOINT, SECRET, MOBILE, CHILD = "a0f1e2d3c4", "this-sign-ins-secret-0123456789", "13900139000", "13800138000"
CALLER_HZ, MOBILE_HZ = 440.0, 700.0


async def test_the_number_rings_shows_the_line_and_talks_once_1_is_pressed(new_pbx: NewPbx) -> None:
    port = free_port(24700)
    pbx = await new_pbx(
        phones=(), outbound_trunk=f"{TRUNK}:{port}", outbound_allow="1[3-9]XXXXXXXXX", wrap_up_s=30, ring_s=12
    )
    await pbx.asterisk.write_agents([(ENDPOINT, SECRET)], {ENDPOINT: MOBILE})
    async with (
        pbx.ami() as events,
        pbx.ami("actions") as commands,
        Voice(pbx.server, TRUNK, MOBILE_HZ, port=port) as mobile,
        Voice(pbx.server, TRUNK, CALLER_HZ) as caller,
    ):
        await pbx.sign_in(commands, ENDPOINT)
        await caller.call("12345", CHILD)
        await until(mobile.up.is_set, "the number answers")
        (invite,) = mobile.asked
        assert f"sip:{MOBILE}@" in invite["start"]
        assert "sip:12345@" in invite["from"]
        # A private telephone keeps lists: the child's number is nowhere in what it gets.
        assert CHILD not in " ".join(invite.values())
        # Answered, perhaps by a voicebox: it hears a tone, and the caller hears nothing of it.
        await until(lambda: mobile.hears(450.0), "the tone that asks for 1")
        assert not caller.hears(MOBILE_HZ)
        mobile.press("1")
        await until(lambda: caller.hears(MOBILE_HZ) and mobile.hears(CALLER_HZ), "they talk")
        await events.fact("HLRecording", HLKind="call")
        mobile.hang_up()
        await events.fact("HLOutcome", HLOutcome="answered", HLHangupBy="agent", HLMember=ENDPOINT)
        await events.fact("HLWrapUp", HLMember=ENDPOINT)

        # The next call meets a voicebox: nobody presses anything.
        await commands.send("QueuePause", Queue="hotline", Interface=f"PJSIP/{ENDPOINT}", Paused="false")
        since = len(events.raw)
        await caller.call("12345", CHILD)
        await until(lambda: len(mobile.asked) == 2, "the number rings again")
        await events.fact("HLAgain", since=since, timeout_s=15)
        gone = await events.event("Hangup", since=since, ChannelStateDesc="Up", Cause="38")
        channel = m.Channel(name=gone["Channel"], uniqueid=gone["Uniqueid"], linkedid=gone["Linkedid"], state=6)
        # Which is what pauses such an agent after the second time.
        (seen,) = presence.observe(m.Hangup(at=presence.from_epoch(0), channel=channel, cause=38))
        assert seen == presence.SilentSeen(ENDPOINT, f"silent:{gone['Uniqueid']}", refused=True)
        assert not caller.ended.is_set()
        # First in line, and there is nobody else: the number rings again, now with a person.
        await until(lambda: len(mobile.asked) == 3 and mobile.up.is_set(), "it rings once more", seconds=15)
        await asyncio.wait_for(_pressed(mobile, caller), 10)
        caller.hang_up()
        await events.fact("HLOutcome", since=since, HLOutcome="answered", HLHangupBy="caller")


async def _pressed(mobile: Voice, caller: Voice) -> None:
    await until(lambda: mobile.hears(450.0), "the tone")
    mobile.press("1")
    await until(lambda: caller.hears(MOBILE_HZ), "they talk")


async def test_who_hangs_up_while_1_is_asked_for_was_not_answered(new_pbx: NewPbx) -> None:
    """It may be a voicebox: they are owed a call."""
    port = free_port(24700)
    pbx = await new_pbx(phones=(), outbound_trunk=f"{TRUNK}:{port}", outbound_allow="1[3-9]XXXXXXXXX", ring_s=12)
    await pbx.asterisk.write_agents([(ENDPOINT, SECRET)], {ENDPOINT: MOBILE})
    async with (
        pbx.ami() as events,
        pbx.ami("actions") as commands,
        Voice(pbx.server, TRUNK, MOBILE_HZ, port=port) as mobile,
        Voice(pbx.server, TRUNK, CALLER_HZ) as caller,
    ):
        await pbx.sign_in(commands, ENDPOINT)
        await caller.call("12345", CHILD)
        await until(lambda: mobile.hears(450.0), "the tone that asks for 1", seconds=15)
        caller.hang_up()
        told = await events.fact("HLOutcome", timeout_s=15)
        assert (told["HLOutcome"], told["HLHangupBy"], told["HLMember"]) == ("abandoned", "caller", "")
        assert not [block for block in events.blocks() if block.get("UserEvent") == "HLWrapUp"]


async def test_who_hangs_up_while_1_is_asked_for_was_not_answered_though_it_is_pressed_then(new_pbx: NewPbx) -> None:
    """Nobody heard them: they are owed a call."""
    port = free_port(24700)
    pbx = await new_pbx(phones=(), outbound_trunk=f"{TRUNK}:{port}", outbound_allow="1[3-9]XXXXXXXXX", ring_s=12)
    await pbx.asterisk.write_agents([(ENDPOINT, SECRET)], {ENDPOINT: MOBILE})
    async with (
        pbx.ami() as events,
        pbx.ami("actions") as commands,
        Voice(pbx.server, TRUNK, MOBILE_HZ, port=port) as mobile,
        Voice(pbx.server, TRUNK, CALLER_HZ) as caller,
    ):
        await pbx.sign_in(commands, ENDPOINT)
        await caller.call("12345", CHILD)
        await until(lambda: mobile.hears(450.0), "the tone that asks for 1", seconds=15)
        caller.hang_up()
        await until(caller.let_go.is_set, "Asterisk knows that they hung up")
        mobile.press("1")
        told = await events.fact("HLOutcome", timeout_s=15)
        assert (told["HLOutcome"], told["HLHangupBy"], told["HLMember"]) == ("abandoned", "caller", "")
        await until(mobile.ended.is_set, "the number is let go")
        assert not [block for block in events.blocks() if block.get("UserEvent") == "HLWrapUp"]


@pytest.mark.parametrize("pressed", [True, False], ids=["pressed", "a voicebox"])
async def test_a_call_out_or_one_that_listens_begins_with_1_as_well(new_pbx: NewPbx, pressed: bool) -> None:
    port = free_port(24700)
    pbx = await new_pbx(phones=(), outbound_trunk=f"{TRUNK}:{port}", outbound_allow="1[3-9]XXXXXXXXX", ring_s=12)
    await pbx.asterisk.write_agents([(ENDPOINT, SECRET)], {ENDPOINT: MOBILE})
    async with (
        pbx.ami() as events,
        pbx.ami("actions") as commands,
        Voice(pbx.server, TRUNK, MOBILE_HZ, port=port) as mobile,
    ):
        for place, exten, fact in (("hl-dial", CHILD, "HLDial"), ("hl-spy", "join", "HLSpy")):
            since = len(events.raw)
            made = asked.originate(ENDPOINT, place, exten, {"__HLLINE": "12345", "HLREF": "r1"}, "12345", asked="dial")
            headers = [(key, value) for key, value in made.headers if key != "Variable"]
            variables = [value for key, value in made.headers if key == "Variable"]
            said = await commands.send("Originate", **dict(headers), Variable=variables)
            assert said["Response"] == "Success", said
            await until(lambda: mobile.hears(450.0), "the tone that asks for 1", seconds=15)
            assert not [block for block in events.blocks(since) if block.get("UserEvent")]
            if pressed:
                mobile.press("1")
                await events.fact(fact, since=since)
            else:
                await events.event("Hangup", since=since, Cause="38", ChannelStateDesc="Up", timeout_s=15)
                assert not [block for block in events.blocks(since) if block.get("UserEvent")]
            mobile.hang_up()
            await until(mobile.ended.is_set, "it is over")
            await asyncio.sleep(0.5)


async def test_a_page_tests_its_phone_with_an_echo_that_is_nobodys_call(new_pbx: NewPbx) -> None:
    pbx = await new_pbx(phones=("a1",))
    async with pbx.ami() as events, Voice(pbx.server, TRUNK, CALLER_HZ) as caller:
        # From the network nobody reaches the echo.
        await caller.call("hl-test")
        assert caller.status == 404
        assert not [block for block in events.blocks() if block.get("UserEvent", "").startswith("HL")]
