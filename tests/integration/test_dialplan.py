"""The real dialplan in the real Asterisk, with SIPp on both sides."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration import sound
from tests.integration.deployment import once
from tests.integration.ear import listen
from tests.integration.pbx import TRUNK, Ami, Pbx

pytestmark = [pytest.mark.integration, once("pbx")]
NewPbx = Callable[..., Awaitable[Pbx]]


async def test_a_call_rings_an_agent_and_is_answered_and_hung_up_by_the_caller(
    pbx: Pbx, events: Ami, actions: Ami
) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=500)
    pbx.calls(hold_ms=5000)
    offered = await events.fact("HLOffered")
    outcome = await events.fact("HLOutcome")
    assert (offered["HLLine"], offered["CallerIDNum"]) == ("12345", "13800138000")
    assert (outcome["HLOutcome"], outcome["HLHangupBy"], outcome["HLMember"]) == ("answered", "caller", "a1")
    assert outcome["Linkedid"] == offered["Linkedid"]


async def test_the_agent_hangs_up(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=200, talk_ms=1000)
    caller = pbx.calls(hold_ms=20000)
    outcome = await events.fact("HLOutcome")
    assert (outcome["HLOutcome"], outcome["HLHangupBy"], outcome["HLMember"]) == ("answered", "agent", "a1")
    await caller.end(5)
    assert caller.said("ended-by-hotline") == 1


async def test_a_caller_who_gives_up_while_a_phone_rings_is_abandoned(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=20000)
    pbx.calls(hold_ms=2000)
    await events.event("AgentCalled")
    outcome = await events.fact("HLOutcome")
    assert (outcome["HLOutcome"], outcome["HLHangupBy"], outcome["HLMember"]) == ("abandoned", "caller", "")


async def test_a_caller_who_gives_up_during_the_greeting_is_abandoned(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.calls(hold_ms=200)
    outcome = await events.fact("HLOutcome")
    assert (outcome["HLOutcome"], outcome["HLHangupBy"]) == ("abandoned", "caller")


@pytest.mark.parametrize("rejects", [False, True], ids=["not answered", "rejected"])
async def test_the_next_agent_rings_after_one_who_does_not_answer(
    pbx: Pbx, events: Ami, actions: Ami, rejects: bool
) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=1000 if rejects else 60000, rejects=rejects)
    pbx.phone("a2", answer_ms=200)
    pbx.calls(hold_ms=12000)
    await events.event("AgentCalled", MemberName="a1")
    await pbx.sign_in(actions, "a2")
    await events.event("AgentRingNoAnswer", MemberName="a1")
    outcome = await events.fact("HLOutcome")
    assert (outcome["HLOutcome"], outcome["HLMember"]) == ("answered", "a2")


async def test_five_callers_wait_and_the_sixth_hears_busy(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=60000)
    callers = pbx.calls(6, hold_ms=4000)
    outcome = await events.fact("HLOutcome", HLOutcome="blocked")
    assert outcome["HLHangupBy"] == "system"
    assert (await events.event("Hangup", Channel=outcome["Channel"]))["Cause"] == "17"
    await asyncio.sleep(1.5)
    assert sum(block.get("Event") == "QueueCallerJoin" for block in events.blocks()) == 5
    assert (callers.said("busy"), callers.said("connected")) == (1, 5)
    # The other line is not concerned, and this one is free again when the five have gone.
    other = await listen(pbx.server, address=TRUNK, line="2912345")
    assert other.status == 200
    await callers.end(10)
    assert (await listen(pbx.server, address=TRUNK, line="12345")).status == 200


async def test_nobody_signed_in_means_the_recorder(pbx: Pbx, events: Ami, tmp_path: Path) -> None:
    pbx.calls(hold_ms=5000, sound=sound.tone(tmp_path / "caller.al", 440))
    fact = await events.fact("HLRecording")
    outcome = await events.fact("HLOutcome")
    assert fact["HLKind"] == "voicemail"
    assert (outcome["HLOutcome"], outcome["HLHangupBy"]) == ("voicemail", "caller")
    heard = sound.read_wav(pbx.recording(fact))
    assert len(heard) > 2 * sound.RATE
    assert sound.level(heard[sound.RATE :], 440) > 4000
    assert not [block for block in events.blocks() if block.get("Event") == "QueueCallerJoin"]


async def test_closed_means_the_recorder_and_a_hang_up_before_it_means_closed(new_pbx: NewPbx) -> None:
    pbx = await new_pbx(open="closed")
    async with pbx.ami() as events:
        pbx.calls(hold_ms=300)
        assert (await events.fact("HLOutcome"))["HLOutcome"] == "closed"
        mark = len(events.raw)
        pbx.calls(hold_ms=8000)
        fact = await events.fact("HLRecording", since=mark)
        assert fact["HLKind"] == "voicemail"
        assert (await events.fact("HLOutcome", since=mark))["HLOutcome"] == "voicemail"
        assert pbx.recording(fact).stat().st_size > 16000


async def test_a_caller_who_waited_too_long_gets_the_recorder(new_pbx: NewPbx) -> None:
    pbx = await new_pbx(max_wait_s=10)
    async with pbx.ami() as events, pbx.ami("actions") as actions:
        await pbx.sign_in(actions, "a1")
        pbx.phone("a1", answer_ms=60000)
        pbx.calls(hold_ms=17000)
        fact = await events.fact("HLRecording", HLKind="voicemail", timeout_s=20)
        assert fact["HLFile"].endswith("-2.wav")
        assert (await events.fact("HLOutcome"))["HLOutcome"] == "voicemail"
        # A file of a conversation that never was: nothing but its header.
        assert pbx.recording({"HLFile": fact["HLFile"].replace("-2.wav", "-1.wav")}).stat().st_size <= 60


async def test_all_agents_leaving_sends_waiting_callers_to_the_recorder(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=60000)
    pbx.calls(hold_ms=12000)
    await events.event("AgentCalled")
    await actions.send("QueueRemove", Queue="hotline", Interface="PJSIP/a1")
    assert (await events.fact("HLRecording", HLKind="voicemail"))["HLFile"]


async def test_a_paused_agent_is_waited_for(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    await actions.send("QueuePause", Queue="hotline", Interface="PJSIP/a1", Paused="true", Reason="LUNCH")
    pbx.phone("a1", answer_ms=200)
    pbx.calls(hold_ms=20000)
    await events.event("QueueCallerJoin")
    await asyncio.sleep(1)
    assert not [block for block in events.blocks() if block.get("Event") == "AgentCalled"]
    await actions.send("QueuePause", Queue="hotline", Interface="PJSIP/a1", Paused="false")
    await events.event("AgentConnect", MemberName="a1")


async def test_both_voices_are_in_the_recording_and_nothing_of_the_waiting(
    pbx: Pbx, events: Ami, actions: Ami, tmp_path: Path
) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=3000, talk_ms=3000, sound=sound.tone(tmp_path / "agent.al", 1000))
    pbx.calls(hold_ms=20000, sound=sound.tone(tmp_path / "caller.al", 440))
    fact = await events.fact("HLRecording", HLKind="call")
    await events.fact("HLOutcome")
    await asyncio.sleep(0.5)
    heard = sound.read_wav(pbx.recording(fact))
    assert 2.0 < len(heard) / sound.RATE < 4.5  # the conversation only: the call took four seconds more
    middle = heard[sound.RATE // 2 : -sound.RATE // 2]
    assert sound.level(middle, 440) > 3000
    assert sound.level(middle, 1000) > 3000
    assert sound.level(middle, 700) < 300
    assert pbx.recording(fact).stat().st_mode & 0o077 == 0


async def test_the_journal_and_the_queue_log_have_the_same_outcome(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=200, talk_ms=800)
    pbx.calls(hold_ms=20000)
    outcome = await events.fact("HLOutcome")
    await asyncio.sleep(0.5)
    rows = [row for row in pbx.journal() if row[2] == outcome["Linkedid"]]
    assert {"CHAN_START", "ANSWER", "BRIDGE_ENTER", "HANGUP", "LINKEDID_END"} <= {row[0] for row in rows}
    told = [row for row in rows if row[0] == "HLOUTCOME"]
    assert [row[10] for row in told] == ['{"extra":"answered agent 12345 a1"}']
    assert "." in told[0][1]  # with microseconds
    facts = ["HLOFFERED", "HLRECORDING", "HLQUEUED", "HLUNQUEUED", "HLOUTCOME"]
    assert [row[0] for row in rows if row[0].startswith("HL")] == facts
    log = (pbx.asterisk.places.log / "queue_log").read_text()
    assert f"|{outcome['Uniqueid']}|hotline|NONE|HLOFFERED|12345" in log
    assert f"|{outcome['Uniqueid']}|hotline|a1|HLOUTCOME|answered|agent|12345" in log
    for path in pbx.asterisk.places.log.rglob("*"):
        assert path.is_dir() or path.stat().st_mode & 0o077 == 0, path


async def test_the_wrap_up_pause_is_set_by_the_dialplan_and_ended_by_the_next_call(
    pbx: Pbx, events: Ami, actions: Ami
) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=200, talk_ms=800)
    pbx.calls(hold_ms=20000)
    fact = await events.fact("HLWrapUp")
    paused = await events.event("QueueMemberPause")
    assert (fact["HLMember"], paused["MemberName"], paused["PausedReason"]) == ("a1", "a1", "ACW")
    assert fact["Channel"].startswith("PJSIP/a1-")
    assert 15 < int(fact["HLUntil"]) - time.time() <= 21
    assert f"/hl/acw/a1 : {fact['HLUntil']}" in " ".join((await pbx.asterisk.cli("database show hl")).split())
    # Its time passes and nobody of ours is there: the next caller's dialplan ends it.
    await pbx.asterisk.cli("database put hl/acw a1 1000")
    mark = len(events.raw)
    await asyncio.sleep(3)  # the queue's own guard after a call
    pbx.calls(hold_ms=20000)
    await events.event("AgentConnect", since=mark, MemberName="a1")


async def test_no_wrap_up_for_an_agent_who_did_not_answer_or_is_paused_already(
    pbx: Pbx, events: Ami, actions: Ami
) -> None:
    await pbx.sign_in(actions, "a1", "a2")
    pbx.phone("a1", answer_ms=60000)
    pbx.phone("a2", answer_ms=200)
    pbx.calls(hold_ms=12000)
    await events.event("AgentConnect", MemberName="a2")
    await actions.send("QueuePause", Queue="hotline", Interface="PJSIP/a2", Paused="true", Reason="LUNCH")
    await events.fact("HLOutcome")
    await asyncio.sleep(0.5)
    assert not [block for block in events.blocks() if block.get("UserEvent") == "HLWrapUp"]
    assert "hl/acw" not in await pbx.asterisk.cli("database show hl")


async def lose(actions: Ami, connected: dict[str, str]) -> None:
    """As the worker does it: out of the queue's turn, then off the call."""
    await actions.send("QueuePause", Queue="hotline", Interface=connected["Interface"], Paused="true", Reason="PHONE")
    await actions.send("Hangup", Channel=connected["DestChannel"], Cause=38)


async def test_a_lost_phone_brings_the_caller_to_the_next_agent_first(pbx: Pbx, events: Ami, actions: Ami) -> None:
    """Before one who has waited longer. Whoever has the dead phone gets no wrap-up: nobody is there to write."""
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=200)
    pbx.phone("a2", answer_ms=200, talk_ms=1000)
    pbx.calls(hold_ms=20000)
    connected = await events.event("AgentConnect", MemberName="a1")
    mark = len(events.raw)
    pbx.calls(hold_ms=20000)
    await events.event("QueueCallerJoin", since=mark)
    mark = len(events.raw)
    await lose(actions, connected)
    assert (await events.fact("HLAgain", since=mark))["Uniqueid"] == connected["Uniqueid"]
    again = await events.event("QueueCallerJoin", since=mark)
    assert (again["Uniqueid"], again["Position"]) == (connected["Uniqueid"], "1")
    await pbx.sign_in(actions, "a2")
    rang = await events.event("AgentCalled", since=mark)
    assert (rang["MemberName"], rang["Uniqueid"]) == ("a2", connected["Uniqueid"])
    outcome = await events.fact("HLOutcome")
    assert (outcome["HLOutcome"], outcome["HLHangupBy"], outcome["HLMember"]) == ("answered", "agent", "a2")
    assert [block["HLMember"] for block in events.blocks() if block.get("UserEvent") == "HLWrapUp"] == ["a2"]
    status = await actions.send("QueueStatus", Queue="hotline", Member="PJSIP/a1")
    assert status["Response"] == "Success"
    member = await actions.event("QueueMember", Name="a1")
    assert (member["Paused"], member["PausedReason"]) == ("1", "PHONE")


async def test_a_phone_that_sends_no_sound_any_more_is_left_without_us(pbx: Pbx, events: Ami, actions: Ami) -> None:
    """A frozen page with nobody of ours running: within fifteen seconds the next phone rings."""
    await pbx.sign_in(actions, "a1")
    frozen = pbx.phone("a1", answer_ms=200)
    pbx.phone("a2", answer_ms=200, talk_ms=500)
    pbx.calls(hold_ms=40000)
    connected = await events.event("AgentConnect", MemberName="a1")
    await pbx.sign_in(actions, "a2")
    frozen.process.send_signal(signal.SIGSTOP)
    rang = await events.event("AgentCalled", MemberName="a2", timeout_s=20)
    assert float(rang["Timestamp"]) - float(connected["Timestamp"]) < 15
    outcome = await events.fact("HLOutcome", timeout_s=20)
    assert (outcome["HLOutcome"], outcome["HLHangupBy"], outcome["HLMember"]) == ("answered", "agent", "a2")


async def test_agents_who_say_goodbye_at_once_are_all_believed(pbx: Pbx, events: Ami, actions: Ami) -> None:
    """However late the end of the agent's side is known on the caller's: nobody is queued again."""
    for phone in ("a1", "a2", "a3"):
        pbx.phone(phone, answer_ms=100, talk_ms=1500)
    await pbx.sign_in(actions, "a1", "a2", "a3")
    pbx.calls(3, hold_ms=20000)
    for phone in ("a1", "a2", "a3"):
        outcome = await events.fact("HLOutcome", HLMember=phone)
        assert (outcome["HLOutcome"], outcome["HLHangupBy"]) == ("answered", "agent")
    assert sum(block.get("Event") == "QueueCallerJoin" for block in events.blocks()) == 3


async def test_a_call_that_we_end_is_answered_and_leaves_time_to_write(pbx: Pbx, events: Ami, actions: Ami) -> None:
    """A network that fell silent: its end looks like a lost phone from the member's side."""
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=200)
    pbx.calls(hold_ms=20000)
    connected = await events.event("AgentConnect", MemberName="a1")
    await actions.send("Hangup", Channel=connected["Channel"], Cause=44)
    outcome = await events.fact("HLOutcome")
    assert (outcome["HLOutcome"], outcome["HLHangupBy"], outcome["HLMember"]) == ("answered", "system", "a1")
    assert (await events.fact("HLWrapUp"))["HLMember"] == "a1"


async def test_a_caller_who_gives_up_after_a_lost_phone_is_abandoned(pbx: Pbx, events: Ami, actions: Ami) -> None:
    """They were waiting again and reached nobody who could go on: they are owed a call."""
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=200)
    pbx.phone("a2", answer_ms=60000)
    pbx.calls(hold_ms=9000)
    connected = await events.event("AgentConnect", MemberName="a1")
    await pbx.sign_in(actions, "a2")
    await lose(actions, connected)
    outcome = await events.fact("HLOutcome")
    assert (outcome["HLOutcome"], outcome["HLHangupBy"]) == ("abandoned", "caller")


async def test_wrap_up_is_extended_and_cleared_through_the_control_context(pbx: Pbx, events: Ami, actions: Ami) -> None:
    async def control(command: str, **variables: Any) -> dict[str, str]:
        mark = len(events.raw)
        said = await actions.send(
            "Originate",
            Channel=f"Local/{command}@hl-control",
            Context="hl-control",
            Exten="done",
            Priority=1,
            Async="true",
            Variable=[f"{name}={value}" for name, value in variables.items()],
        )
        assert said["Response"] == "Success"
        return await events.event("OriginateResponse", since=mark)

    assert (await control("acw-set", HLMEMBER="a1", HLUNTIL=1800000000))["Response"] == "Success"
    assert "1800000000" in await pbx.asterisk.cli("database show hl/acw")
    assert (await control("acw-clear", HLMEMBER="a1"))["Response"] == "Success"
    assert "1800000000" not in await pbx.asterisk.cli("database show hl/acw")
    assert (await control("acw-clear", HLMEMBER="a1"))["Response"] == "Success"  # twice is once
    assert (await control("acw-set", HLMEMBER="/", HLUNTIL="soon"))["Response"] == "Failure"


@pytest.mark.parametrize("user", ["13800138000", "trunk", "a1", "anonymous"])
async def test_an_unknown_sip_peer_gets_nothing(pbx: Pbx, events: Ami, user: str) -> None:
    heard = await listen(pbx.server, address="127.0.0.30", line="12345", user=user, seconds=1)
    assert (heard.status, heard.packets) == (401, 0)
    assert not [block for block in events.blocks() if block.get("Event") == "Newchannel"]
    for _ in range(100):
        if f"127.0.0.30/{heard.port}" in (pbx.asterisk.places.log / "security").read_text():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the security log does not know of it")


@pytest.mark.parametrize("number", ["110", "13900139000", "0013800138000", "s", "a1", "acw-set"])
async def test_a_caller_can_dial_nothing_but_the_lines(pbx: Pbx, number: str) -> None:
    assert (await listen(pbx.server, address=TRUNK, line=number, seconds=1)).status == 404


async def test_the_greeting_is_heard_and_a_free_agent_rings_only_after_greeting_and_notice(new_pbx: NewPbx) -> None:
    """How soon is measured by `script/bench call`."""
    pbx = await new_pbx(sounds=None)
    heard = await listen(pbx.server, address=TRUNK, line="12345")
    assert (heard.status, heard.sound_s is not None) == (200, True)
    async with pbx.ami() as events, pbx.ami("actions") as actions:
        await pbx.sign_in(actions, "a1")
        phone = pbx.phone("a1", answer_ms=60000)
        caller = pbx.calls(hold_ms=12000)
        up = await events.event("Newstate", ChannelStateDesc="Up")
        rang = await events.event("Newstate", ChannelStateDesc="Ringing", timeout_s=15)
        await pbx.sweep()
        assert (phone.said("ringing"), caller.said("connected")) == (1, 1)
    sounds = pbx.asterisk.places.data / "sounds" / "zh"
    spoken_s = sum(len(sound.read_wav(sounds / f"{name}.wav")) for name in ("P01", "P02")) / sound.RATE
    assert float(rang["Timestamp"]) - float(up["Timestamp"]) > spoken_s - 0.1  # the last packet is sent, not waited for


async def test_asterisk_has_nothing_to_complain_of(pbx: Pbx) -> None:
    """After all of the above, but of a caller who went between being looked for and told: no step does both."""
    expected = "func_global.c: Channel 'PJSIP/trunk-"
    assert [line for line in pbx.log_complaints() if expected not in line] == []
