"""An agent rung on a number outside instead of in the page: the same queue and facts, and no voicebox takes a child."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hotline.agents import presence
from hotline.telephony import messages as m
from tests.integration.pbx import TRUNK, Pbx, free_port
from tests.integration.voice import Voice, until

pytestmark = pytest.mark.integration
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


async def test_a_page_tests_its_phone_with_an_echo_that_is_nobodys_call(new_pbx: NewPbx) -> None:
    pbx = await new_pbx(phones=("a1",))
    async with pbx.ami() as events, Voice(pbx.server, TRUNK, CALLER_HZ) as caller:
        # From the network nobody reaches the echo.
        await caller.call("hl-test")
        assert caller.status == 404
        assert not [block for block in events.blocks() if block.get("UserEvent", "").startswith("HL")]
