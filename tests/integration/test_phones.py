"""Agents' phones over Asterisk's WebSocket: who may register, and what callers meet while a page loads anew."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable

import pytest

from hotline.agents import presence
from hotline.clock import from_epoch
from hotline.telephony.messages import Channel, Hangup
from tests.integration.deployment import once
from tests.integration.pbx import PHONES, TRUNK, Ami, Pbx
from tests.integration.voice import Voice, until
from tests.integration.wsphone import WsPhone

pytestmark = [pytest.mark.integration, once("pbx")]
NewPbx = Callable[..., Awaitable[Pbx]]
ENDPOINT, SECRET = "a0f1e2d3c4", "this-sign-ins-secret-0123456789"


async def test_a_phone_registers_with_this_sign_ins_secret_and_no_other(new_pbx: NewPbx) -> None:
    pbx = await new_pbx(phones=())
    await pbx.asterisk.write_agents([(ENDPOINT, SECRET)])
    port = pbx.settings.asterisk_http_port
    async with pbx.ami() as events:
        async with WsPhone(port, ENDPOINT, SECRET) as phone:
            assert phone.status == 200
            await events.event("ContactStatus", EndpointName=ENDPOINT, ContactStatus="Reachable")
        # The page is gone: known at once, from the closed socket.
        await events.event("ContactStatus", EndpointName=ENDPOINT, ContactStatus="Removed", timeout_s=2)
    async with WsPhone(port, ENDPOINT, "guessed-secret-0123456789") as phone:
        assert phone.status == 401
    async with WsPhone(port, "a999999999", SECRET) as phone:
        assert phone.status == 401
    await pbx.asterisk.write_agents([(ENDPOINT, "the-next-sign-ins-secret-0123456789")])
    async with WsPhone(port, ENDPOINT, SECRET) as phone:
        assert phone.status == 401


async def test_an_unreachable_phone_is_waited_for_and_then_rung(new_pbx: NewPbx) -> None:
    pbx = await new_pbx(phones=())
    await pbx.asterisk.write_agents([(ENDPOINT, SECRET)])
    async with pbx.ami() as events, pbx.ami("actions") as actions:
        await pbx.sign_in(actions, ENDPOINT)
        pbx.calls(hold_ms=30000)
        offered = await events.fact("HLOffered")
        await asyncio.sleep(2.5)
        async with WsPhone(pbx.settings.asterisk_http_port, ENDPOINT, SECRET) as phone:
            assert phone.status == 200
            await asyncio.wait_for(phone.rung.wait(), 6)
            assert phone.call == offered["Linkedid"]
        # Now the page goes away while the caller waits, and stays away.
        await events.fact("HLRecording", HLKind="voicemail", timeout_s=25)
    assert pbx.log_complaints() == []


async def test_the_caller_who_was_rung_when_the_page_went_is_rung_first_when_it_is_back(new_pbx: NewPbx) -> None:
    """With the only phone gone nobody can wait in the queue: those behind must not come in before."""
    pbx = await new_pbx(phones=(), ring_s=12)
    await pbx.asterisk.write_agents([(ENDPOINT, SECRET)])
    async with pbx.ami() as events, pbx.ami("actions") as actions:
        await pbx.sign_in(actions, ENDPOINT)
        member = {"Queue": "hotline", "Interface": f"PJSIP/{ENDPOINT}"}
        async with WsPhone(pbx.settings.asterisk_http_port, ENDPOINT, SECRET):
            pbx.calls(hold_ms=30000)
            rang = await events.event("AgentCalled")
            mark = len(events.raw)
            pbx.calls(2, hold_ms=30000)
            await events.event("QueueCallerJoin", since=mark, Position="3")
        # What the worker does about it.
        await actions.send("QueuePause", **member, Paused="true", Reason="PHONE")
        await actions.send("Hangup", Channel=rang["DestChannel"], Cause=38)
        await events.event("QueueCallerLeave", since=mark, Uniqueid=rang["Uniqueid"])
        async with WsPhone(pbx.settings.asterisk_http_port, ENDPOINT, SECRET) as phone:
            await actions.send("QueuePause", **member, Paused="false")
            await asyncio.wait_for(phone.rung.wait(), 6)
            assert phone.call == rang["Linkedid"]


async def test_asterisks_web_port_serves_the_phones_socket_and_nothing_else(new_pbx: NewPbx) -> None:
    pbx = await new_pbx(phones=())
    for path in ("/", "/httpstatus", "/static/", "/ari/api-docs/resources.json", "/manager?action=ping", "/rawman"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            await asyncio.to_thread(
                urllib.request.urlopen, f"http://127.0.0.1:{pbx.settings.asterisk_http_port}{path}", timeout=5
            )
        refused.value.close()
        assert refused.value.code == 404, path


async def test_twenty_calls_at_once_are_all_answered_on_raised_limits(new_pbx: NewPbx) -> None:
    pbx = await new_pbx(phones=[f"b{number}" for number in range(20)], shared_port=True, lines="12345:20,2912345:1")
    async with pbx.ami() as events, pbx.ami("actions") as actions:
        await pbx.sign_in(actions, *(f"b{number}" for number in range(20)))
        pbx.phone("b0", answer_ms=300)
        caller = pbx.calls(20, hold_ms=6000)
        await caller.end(20)
        await events.wait(lambda _: _count(events.blocks(), "HLOutcome") == 20)
        blocks = events.blocks()
    outcomes = [block for block in blocks if block.get("UserEvent") == "HLOutcome"]
    assert {(block["HLOutcome"], block["HLHangupBy"]) for block in outcomes} == {("answered", "caller")}
    assert len({block["HLMember"] for block in outcomes}) == 20


def _count(blocks: list[dict[str, str]], fact: str) -> int:
    return sum(block.get("UserEvent") == fact for block in blocks)


async def test_a_registered_phone_whose_sound_stops_is_told_from_one_that_is_lost(
    pbx: Pbx, events: Ami, actions: Ami
) -> None:
    """What presence counts: Asterisk hangs it up for its silence (rtp_timeout), with a cause that nothing else has."""
    async with (
        Voice(pbx.server, PHONES, 700.0, port=pbx.phone_ports["a1"]) as phone,
        Voice(pbx.server, TRUNK, 440.0) as caller,
    ):
        await pbx.sign_in(actions, "a1")
        await caller.call("12345")
        await until(lambda: caller.hears(700.0), "they talk")
        phone.vanish()
        gone = await events.event("Hangup", ChannelStateDesc="Up", Cause="44", timeout_s=20)
        channel = Channel(name=gone["Channel"], uniqueid=gone["Uniqueid"], linkedid=gone["Linkedid"], state=6)
        seen = presence.observe(Hangup(at=from_epoch(0), channel=channel, cause=int(gone["Cause"])))
        assert seen == (presence.SilentSeen("a1", f"silent:{gone['Uniqueid']}"),)
        await events.fact("HLAgain")  # and the caller is first in line
        caller.hang_up()
