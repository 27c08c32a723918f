"""The board moves by itself, says when it may be old, and shows a caller's number only to whom it concerns."""

import asyncio

from playwright.async_api import expect

from tests.e2e.conftest import People
from tests.e2e.house import House, until
from tests.e2e.screens import PATIENT
from tests.e2e.test_full_lines import figures


async def test_a_call_moves_through_every_screen_without_a_reload(hotline: House, people: People) -> None:
    agent = await people.agent(hotline)
    board = await people.at(hotline, "supervisor", "/board")
    await board.page.evaluate("() => { window.same = true; }")
    before = await figures(board)
    calls, me = board.page.locator("[data-list=calls]"), board.page.locator("[data-list=agents] li", has_text="agent1")
    async with hotline.caller("13800138300") as caller:
        await expect(calls.locator("li")).to_have_count(1, timeout=PATIENT)
        await expect(board.page.locator("#lamp-12345 i.on")).to_have_count(1)
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await expect(calls.locator(".phase-ringing")).to_contain_text(ref)
        await expect(me).to_have_class("agent-row state-ringing")
        await agent.answer()
        await expect(calls.locator(".phase-talking")).to_contain_text("agent1")
        await expect(me).to_have_class("agent-row state-on_call")
        await expect(me).to_contain_text(ref)
        await caller.hang_up()
        await expect(calls.locator("li")).to_have_count(0, timeout=PATIENT)
    await expect(me).to_have_class("agent-row state-wrap_up")
    await expect(board.page.locator("#lamp-12345 i.on")).to_have_count(0)

    async def counted() -> bool:
        now = await figures(board)
        return (now["offered"], now["answered"]) == (before["offered"] + 1, before["answered"] + 1)

    await until(counted, what="today's figures")
    assert await board.page.evaluate("() => window.same")


async def test_a_number_is_whole_only_for_whom_it_concerns_and_showing_it_leaves_a_trace(
    hotline: House, people: People
) -> None:
    agent = await people.agent(hotline)
    board = await people.at(hotline, "supervisor", "/board")
    others = [await people.at(hotline, name, "/board") for name in ("caseworker", "administrator", "agent2")]
    wall = await people.at(hotline, "supervisor", "/board?wall=1")
    async with hotline.caller("13800138301"):
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await expect(board.page.locator("[data-list=calls] .call-number")).to_have_text("13800138301", timeout=PATIENT)
        for other in [*others, wall]:
            await expect(other.page.locator("[data-list=calls] .call-number")).to_have_text(
                "138****8301", timeout=PATIENT
            )
            assert "13800138301" not in await other.page.content()
        assert "13800138301" not in await agent.page.content()
        await agent.press("Alt+r")
        await expect(agent.page.locator("[data-number]")).to_have_text("13800138301", timeout=PATIENT)
        await agent.answer()
        await agent.hang_up()
    trace = "select count(*) from access_log where action = 'number.reveal' and subject = ?"
    await until(lambda: hotline.rows(trace, ref) == [(1,)], what="one trace of the reveal")


async def test_when_asterisk_is_gone_the_screens_say_since_when_and_recover_with_it(
    brisk: House, people: People
) -> None:
    agent = await people.agent(brisk)
    board = await people.at(brisk, "supervisor", "/board")
    await asyncio.gather(brisk.asterisk.cli("core stop now"), return_exceptions=True)
    for screen in (agent, board):
        await expect(screen.page.locator("#stale")).to_contain_text("未更新", timeout=PATIENT)
    assert await agent.page.locator("#softphone").get_attribute("data-phone") == "lost"
    await brisk.asterisk.start()
    brisk.shorten_prompts()
    for screen in (agent, board):
        await expect(screen.page.locator("#stale")).to_be_empty(timeout=PATIENT)
    # A restart forgets no member, and the phone comes back by itself.
    await agent.has("#softphone[data-phone=registered]")
    await agent.is_in("ready")
    async with brisk.caller("13800138302"):
        await agent.phone_is("ringing")
        await agent.answer()
        await agent.sound_flows()
        await agent.hang_up()
