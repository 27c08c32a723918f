"""A page that loses its session, its process or its life in the middle of a call or a word."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from playwright.async_api import Error, expect

from tests.e2e.conftest import People
from tests.e2e.house import House, until
from tests.e2e.screens import PATIENT, AgentPage


async def is_stored(agent: AgentPage, ref: str, summary: str) -> None:
    query = "select json_extract(\"values\", '$.summary') from ticket where ref = ?"
    await until(lambda: agent.house.rows(query, ref) == [(summary,)], what=f"the summary {summary}")


async def is_kept(agent: AgentPage) -> None:
    """In the browser, where it waits to be sent."""
    await expect(agent.box("summary").locator("[data-status]")).to_have_attribute("data-kind", "kept", timeout=PATIENT)


@asynccontextmanager
async def talking(house: House, people: People, number: str) -> AsyncIterator[tuple[AgentPage, str]]:
    """An agent who talks with a caller, and the ticket's ref."""
    agent = await people.agent(house)
    async with house.caller(number):
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await agent.answer()
        yield agent, ref


async def test_a_session_that_expires_in_mid_call_ends_neither_call_nor_text(hotline: House, people: People) -> None:
    async with talking(hotline, people, "13800138200") as (agent, ref):
        await agent.write("他说")
        await agent.is_saved("summary")
        hotline.write(
            "update sign_in_session set ended_at = expires_at"
            " where account_id = (select id from account where name = ?)",
            agent.name,
        )
        people.forget(hotline, agent.name)
        await expect(agent.page.locator("#offline")).to_be_visible(timeout=PATIENT)
        await agent.write("父母都不在家")
        await is_kept(agent)
        await agent.phone_is("talking")
        await agent.sound_flows()
        assert (await agent.hears())["rms"] > 0.01

        await people.sign_in(hotline, agent.name, agent.page.context)
        await is_stored(agent, ref, "他说父母都不在家")
        await expect(agent.page.locator("#offline")).to_be_hidden(timeout=PATIENT)
        await agent.phone_is("talking")
        await agent.hang_up()
    await agent.is_in("wrap_up")


async def test_words_of_a_page_that_crashed_unsent_are_sent_by_the_next_one(hotline: House, people: People) -> None:
    async with talking(hotline, people, "13800138201") as (agent, ref):
        await agent.hang_up()
    await agent.write("昨晚")
    await agent.is_saved("summary")
    await agent.page.route("**/fields/**", lambda route: route.abort())
    await agent.write("没有睡")
    await is_kept(agent)
    gone = asyncio.ensure_future(agent.page.wait_for_event("crash"))
    with suppress(Error):
        await agent.page.goto("chrome://crash")
    await gone
    again = await people.console(hotline, agent.page.context, agent.name, ready=False)
    await is_stored(again, ref, "昨晚没有睡")
    await again.open(f"/console?ref={ref}")
    assert await again.summary() == "昨晚没有睡"


async def test_a_reload_in_mid_word_loses_no_letter_and_no_caller(hotline: House, people: People) -> None:
    async with talking(hotline, people, "13800138202") as (agent, ref):
        agent.page.on("dialog", lambda dialog: dialog.accept())
        await agent.write("在学校被人")
        await agent.page.reload()
        await expect(agent.page.locator("#field-summary")).to_have_value("在学校被人", timeout=PATIENT)
        # The caller, who was not sent away, is first in line and rings here as soon as the phone is back.
        await agent.phone_is("ringing")
        assert await agent.popped() == ref
        await agent.answer()
        await agent.write("打了")
        await is_stored(agent, ref, "在学校被人打了")
        await agent.sound_flows()
        await agent.hang_up()
    await agent.is_in("wrap_up")
