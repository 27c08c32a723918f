"""Writing is sacred: what an agent types is on the server or in the browser, whatever breaks, and overwrites nobody."""

import asyncio
from pathlib import Path

from playwright.async_api import Page, Route, expect

from tests.e2e.conftest import People
from tests.e2e.dying import doomed_with
from tests.e2e.house import House, until
from tests.e2e.screens import PATIENT, AgentPage

SAVES = "**/fields/**"


async def after_a_call(house: House, agent: AgentPage, number: str) -> str:
    """The agent is in wrap-up with the call's ticket before them."""
    async with house.caller(number):
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await agent.answer()
        await agent.hang_up()
    await agent.is_in("wrap_up")
    return ref


async def is_stored(agent: AgentPage, ref: str, summary: str) -> None:
    async def same() -> bool:
        return bool((await agent.api(f"/api/v1/tickets/{ref}"))["fields"].get("summary") == summary)

    await until(same, what=f"the summary {summary}")


async def opened(page: Page, url: str) -> None:
    await page.goto(url)
    await page.wait_for_selector("html[data-started]", state="attached")


async def test_words_typed_without_a_network_or_lost_with_the_page_arrive(hotline: House, people: People) -> None:
    agent = await people.agent(hotline)
    ref = await after_a_call(hotline, agent, "13800138100")
    await agent.write("第一句")
    await agent.is_saved("summary")
    await agent.page.context.set_offline(True)
    await agent.write("离线写的")
    await expect(agent.box("summary").locator("[data-status]")).to_have_attribute("data-kind", "kept", timeout=PATIENT)
    await agent.page.context.set_offline(False)
    await is_stored(agent, ref, "第一句离线写的")

    failed = asyncio.create_task(agent.page.wait_for_event("requestfailed", lambda request: "/fields/" in request.url))
    await agent.page.route(SAVES, lambda route: route.abort())
    await agent.write("没送出")
    await failed
    await agent.page.unroute(SAVES)
    await opened(agent.page, f"{hotline.url}/console?ref={ref}")
    # The page that was left sends them on its way out: they may reach the server after the new page has been drawn.
    await expect(agent.page.locator("#field-summary")).to_have_value("第一句离线写的没送出", timeout=PATIENT)
    await is_stored(agent, ref, "第一句离线写的没送出")


async def test_words_that_we_never_got_outlive_a_killed_browser(hotline: House, people: People, tmp_path: Path) -> None:
    agent = await people.agent(hotline)
    ref = await after_a_call(hotline, agent, "13800138107")
    cookies = await agent.page.context.cookies()
    await agent.page.close()
    async with doomed_with(tmp_path) as dying:
        await dying.context.add_cookies(cookies)
        page = AgentPage(hotline, await dying.context.new_page(), "agent1")
        await page.page.route(SAVES, lambda route: route.abort())
        await opened(page.page, f"{hotline.url}/tickets/{ref}")
        await page.write("没人收到")
        await expect(page.box("summary").locator("[data-status]")).to_have_attribute(
            "data-kind", "kept", timeout=PATIENT
        )
        dying.kill()
    async with doomed_with(tmp_path) as again:
        await again.context.add_cookies(cookies)
        page = AgentPage(hotline, await again.context.new_page(), "agent1")
        await opened(page.page, f"{hotline.url}/tickets/{ref}")
        await expect(page.page.locator("#field-summary")).to_have_value("没人收到", timeout=PATIENT)
        await is_stored(page, ref, "没人收到")


async def test_a_ring_in_mid_word_takes_no_letter(hotline: House, people: People) -> None:
    agent = await people.agent(hotline)
    ref = await after_a_call(hotline, agent, "13800138104")
    await agent.is_ready()
    word = "铃响的时候还在写的一个字也不能少"
    await agent.page.focus("#field-summary")
    async with hotline.caller("13800138105"):
        while not await agent.page.locator("#softphone[data-call=ringing]").count():
            await agent.page.keyboard.type(word, delay=30)
        await agent.page.keyboard.type(word, delay=30)
        rang_with = await agent.ref()
        written = await agent.summary()
        assert (rang_with, set(written.split(word))) == (ref, {""})
        await agent.answer()
        await agent.has(f"#panel[data-ref]:not([data-ref='{ref}']) #ticket-form")
        await agent.hang_up()
    await is_stored(agent, ref, written)


async def test_two_tabs_that_write_the_same_field_are_shown_both_texts(hotline: House, people: People) -> None:
    context = await people.context(hotline, "agent1")
    agent = await people.console(hotline, context, "agent1", ready=True)
    ref = await after_a_call(hotline, agent, "13800138101")
    other = await context.new_page()
    await opened(other, f"{hotline.url}/tickets/{ref}")
    await agent.write("甲")
    await expect(other.locator("#field-summary")).to_have_value("甲", timeout=PATIENT)

    began, go_on = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        began.set()
        await go_on.wait()
        await route.continue_()

    await other.route(SAVES, hold)
    await other.focus("#field-summary")
    await other.keyboard.press("Control+End")
    await other.keyboard.type("乙")
    await began.wait()
    await agent.write("丙")
    await is_stored(agent, ref, "甲丙")
    go_on.set()
    conflict = other.locator(".conflict:not([hidden])")
    await expect(conflict).to_contain_text("甲丙", timeout=PATIENT)
    await expect(conflict).to_contain_text("甲乙")
    assert await other.input_value("#field-summary") == "甲乙"
    await is_stored(agent, ref, "甲丙")
    await other.locator("[data-choose=yours]").click()
    await is_stored(agent, ref, "甲乙")
    await expect(agent.page.locator("#field-summary")).to_have_value("甲乙", timeout=PATIENT)


async def test_no_conversation_is_one_key_and_one_key_undoes_it(hotline: House, people: People) -> None:
    agent = await people.agent(hotline)
    ref = await after_a_call(hotline, agent, "13800138102")
    await agent.write("没有人说话")
    await agent.press("Alt+0")
    await agent.has("#panel[data-ticket-state=VOID]")
    assert (await agent.api(f"/api/v1/tickets/{ref}"))["fields"]["contact_type"] == "CT10"
    await agent.press("Alt+z")
    await agent.has("#panel[data-ticket-state=NEW]")
    assert (await agent.ref(), await agent.summary()) == (ref, "没有人说话")


async def test_the_phone_can_be_taken_over_by_another_tab(hotline: House, people: People) -> None:
    context = await people.context(hotline, "agent1")
    agent = await people.console(hotline, context, "agent1", ready=True)
    other = await people.console(hotline, context, "agent1", ready=False)
    await other.has("#softphone[data-phone=elsewhere]")
    await other.page.locator("[data-phone-do=take-over]").click()
    await other.has("#softphone[data-phone=registered]")
    await agent.has("#softphone[data-phone=elsewhere]")
    # The screens go on moving when the tab that held the socket is gone; the agent is ready again by itself.
    await agent.page.close()
    async with hotline.caller("13800138103"):
        await other.phone_is("ringing")
        await other.popped()
        await other.answer()
        await other.sound_flows()
        await other.hang_up()
