"""More callers than channels: five wait and the sixth hears busy; many at once, and each is counted once."""

import asyncio
import re

from playwright.async_api import expect

from tests.e2e.conftest import People
from tests.e2e.house import House, until
from tests.e2e.screens import PATIENT, AgentPage, Screen

OPEN = "select count(*) from call where ended_at is null and phase != 'merged'"


async def figures(board: Screen) -> dict[str, int]:
    """Today's totals as the board shows them, in the order of the screen."""
    texts = await board.page.locator("#totals .figure summary b").all_inner_texts()
    names = ("offered", "answered", "rate", "fast", "abandoned", "blocked", "voicemail", "call_backs")
    return {name: int(text) for name, text in zip(names, texts, strict=True) if text.isdigit()}


async def test_five_callers_wait_and_the_sixth_hears_busy_and_is_owed_a_call(hotline: House, people: People) -> None:
    agent = await people.agent(hotline)
    await agent.press("F9")
    await agent.is_in("paused")
    board = await people.at(hotline, "supervisor", "/board")
    before = await figures(board)
    callers = hotline.callers(6, hold_ms=60000, first_number=13900139000)
    await expect(board.page.locator("[data-list=calls] .phase-waiting")).to_have_count(5, timeout=PATIENT)
    await expect(board.page.locator("[data-list=calls] li")).to_have_count(5)
    lamp = board.page.locator("#lamp-12345")
    assert await lamp.get_attribute("data-full") is not None
    assert re.sub(r"\s", "", await lamp.locator(".line-count").inner_text()).startswith("5/5")
    assert await lamp.locator("i.on").count() == 5
    await expect(agent.page.locator("#bar-lamp-12345 i.on")).to_have_count(5)
    await expect(agent.page.locator("#bar-waiting")).to_contain_text("5")
    await until(lambda: callers.said("busy") == 1 and callers.said("connected") == 5, what="one busy, five connected")

    async def counted() -> bool:
        now = await figures(board)
        return now["blocked"] == before["blocked"] + 1 and now["call_backs"] == before["call_backs"] + 1

    await until(counted, what="busy counted on the board")
    (blocked,) = hotline.rows(
        "select c.hangup_by, t.ref from call c join contact k on k.call_id = c.id join contact_ticket x on"
        " x.contact_id = k.id join ticket t on t.id = x.ticket_id join due_work d on d.subject_id = k.id"
        " where c.outcome = 'blocked' and c.caller_number like '139001390%' and d.done_at is null"
    )
    assert blocked[0] == "system"
    await expect(agent.page.locator("#work .work-call_back", has_text=blocked[1])).to_be_visible(timeout=PATIENT)


async def _serves(agent: AgentPage, has_been_full: asyncio.Event, is_over: asyncio.Event) -> None:
    """Whoever rings is answered at once, and let go when the line has been full. Some callers give up just then, and a
    slow machine may let a call pass: the next one rings.
    """
    while not is_over.is_set():
        call = await agent.page.get_attribute("#softphone", "data-call")
        state = await agent.page.get_attribute("#phone", "data-state")
        if call == "ringing":
            await agent.press("F2")
            await agent.has("#softphone:is([data-call=talking], [data-call=none])")
        elif call == "talking" and has_been_full.is_set():
            await agent.hang_up()
        elif call == "none" and state in {"wrap_up", "paused"}:
            await agent.press("F9")
            await agent.has(f"#phone:not([data-state={state}])")
        await asyncio.sleep(0.05)


async def test_of_twenty_two_at_once_each_has_one_outcome_and_one_ticket(brisk: House, people: People) -> None:
    agents = [await people.agent(brisk, name) for name in ("agent1", "agent2")]
    board = await people.at(brisk, "supervisor", "/board")
    await expect(board.page.locator("#totals")).to_be_visible()
    before = await figures(board)
    numbers = "caller_number like '137001370%' or caller_number like '137001371%'"
    has_been_full, is_over = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as work:
        for agent in agents:
            work.create_task(_serves(agent, has_been_full, is_over))
        brisk.callers(7, hold_ms=8000, first_number=13700137000)
        brisk.callers(15, hold_ms=28000, first_number=13700137100)
        await expect(board.page.locator("#lamp-12345 i.on")).to_have_count(20, timeout=PATIENT)
        has_been_full.set()
        ended = f"select count(*) from call where ({numbers}) and ended_at is not null"
        await until(lambda: brisk.rows(ended) == [(22,)], timeout_s=60, what="all 22 calls have ended")
        is_over.set()
    outcomes = dict(brisk.rows(f"select outcome, count(*) from call where {numbers} group by outcome"))
    assert sum(outcomes.values()) == 22
    assert outcomes["blocked"] == 2
    assert outcomes["answered"] >= 2
    assert set(outcomes) == {"blocked", "answered", "abandoned", "voicemail"}
    tickets = brisk.rows(
        "select c.linkedid, count(t.id) from call c join contact k on k.call_id = c.id join contact_ticket x on"
        f" x.contact_id = k.id join ticket t on t.id = x.ticket_id where {numbers.replace('caller', 'c.caller')}"
        " group by c.linkedid"
    )
    assert len(tickets) == 22
    assert {count for _, count in tickets} == {1}
    for linkedid, _ in tickets:
        assert [row[0] for row in brisk.journal(linkedid)].count("HLOUTCOME") == 1

    async def counted() -> bool:
        now = await figures(board)
        rise = {name: now[name] - before[name] for name in now}
        return (
            rise["offered"] == 20 == rise["answered"] + rise["abandoned"] + rise["voicemail"] and rise["blocked"] == 2
        )

    await until(counted, what="the board's sums")
