"""Calls that end otherwise: hung up, given up, rejected, never answered. Nobody is lost, and the screens say so."""

import asyncio

import numpy as np
from playwright.async_api import expect

from tests.e2e.conftest import People
from tests.e2e.house import House, until
from tests.e2e.screens import PATIENT, AgentPage
from tests.integration.sound import RATE, level


async def test_a_caller_who_hangs_up_leaves_the_agent_at_their_half_written_sentence(
    hotline: House, people: People
) -> None:
    agent = await people.agent(hotline)
    async with hotline.caller("13800138010") as caller:
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await agent.answer()
        await agent.write("孩子说他不想")
        await caller.hang_up()
        await agent.phone_is("none")
        await agent.is_in("wrap_up")
    await agent.page.keyboard.type("回家")
    assert (await agent.ref(), await agent.summary()) == (ref, "孩子说他不想回家")
    record = await agent.record_of(ref)
    assert (record["outcome"], record["hangup_by"]) == ("answered", "caller")
    hotline.agrees_with_journal(record)


async def test_a_caller_who_gives_up_while_it_rings_is_owed_a_call_back(hotline: House, people: People) -> None:
    agent = await people.agent(hotline)
    async with hotline.caller("13800138011") as caller:
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await caller.hang_up()
        await agent.phone_is("none")
    await agent.is_in("ready")
    assert not (await agent.page.title()).startswith("●")
    owed = agent.page.locator("#work .work-call_back", has_text=ref)
    await expect(owed).to_be_visible(timeout=PATIENT)
    assert (await agent.api(f"/api/v1/tickets/{ref}"))["agent_id"] is None
    supervisor = await people.at(hotline, "supervisor", "/board")
    record = await supervisor.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("abandoned", "caller", None)
    hotline.agrees_with_journal(record)


async def test_a_rejected_call_rings_at_the_next_agent(hotline: House, people: People) -> None:
    one, other = await people.agent(hotline, "agent1"), await people.agent(hotline, "agent2")
    async with hotline.caller("13800138012"):
        first = await _who_rings(one, other)
        second = other if first is one else one
        ref = await first.popped()
        await first.tab_to("[data-phone-do=reject]")
        await first.press("Enter")
        await first.phone_is("none")
        await second.phone_is("ringing")
        assert await second.popped() == ref
        await second.answer()
        assert (await second.hears())["rms"] > 0.05
        await second.hang_up()
    await first.is_in("ready")
    record = await second.record_of(ref)
    assert (record["outcome"], record["agent"]) == ("answered", second.name)
    hotline.agrees_with_journal(record)


async def _who_rings(*agents: AgentPage) -> AgentPage:
    waiting = {asyncio.create_task(agent.phone_is("ringing")): agent for agent in agents}
    done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    (rings,) = done
    await rings
    return waiting[rings]


async def test_when_nobody_answers_the_recorder_does_and_a_call_back_is_due(brisk: House, people: People) -> None:
    agent = await people.agent(brisk)
    board = await people.at(brisk, "supervisor", "/board")
    async with brisk.caller("13800138013") as caller:
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await expect(board.page.locator("[data-list=calls] .phase-recorder")).to_be_visible(timeout=PATIENT)
        spoken = len(caller.heard())
        await caller.until(lambda c: len(c.heard()) > spoken + 5 * RATE)
        await caller.hang_up()
    await expect(board.page.locator("[data-list=calls] li")).to_have_count(0, timeout=PATIENT)
    record = await board.record_of(ref)
    assert (record["outcome"], record["hangup_by"]) == ("voicemail", "caller")
    brisk.agrees_with_journal(record)
    await expect(agent.page.locator("#work .work-call_back", has_text=ref)).to_be_visible(timeout=PATIENT)
    await board.open(f"/calls/{record['id']}")
    source = await board.page.get_attribute("audio", "src", timeout=PATIENT)
    sound = await board.page.request.get(f"{brisk.url}{source}")
    samples = np.frombuffer((await sound.body())[44:], "<i2")
    assert len(samples) > 2 * RATE
    assert level(samples[-RATE:], 440) > 2000
    await until(lambda: brisk.rows("select 1 from access_log where action = 'recording.play'"), what="a trace")
