"""The ticket goes with the call: a colleague reads along, a transfer hands the writing over, no word is lost in it."""

from playwright.async_api import expect

from tests.e2e.conftest import People
from tests.e2e.house import House
from tests.e2e.screens import PATIENT, AgentPage
from tests.e2e.test_typing import SAVES


async def consult(agent: AgentPage, colleague: AgentPage) -> None:
    """By keyboard, until both hear each other."""
    await agent.press("F6")
    await agent.page.keyboard.type(colleague.name)
    chosen = agent.page.locator("#picker-list [aria-selected=true]:not([aria-disabled=true])")
    await expect(chosen).to_contain_text(colleague.name, timeout=PATIENT)
    await agent.press("Enter")
    await colleague.phone_is("ringing")
    await colleague.answer()
    await agent.has("#talk[data-state=consult]")


async def reads(agent: AgentPage, text: str) -> None:
    await expect(agent.page.locator("#field-summary")).to_have_value(text, timeout=PATIENT)
    await expect(agent.page.locator("#field-summary")).not_to_be_editable()


async def may_write(agent: AgentPage) -> None:
    await expect(agent.page.locator("#field-summary")).to_be_editable(timeout=PATIENT)


async def test_the_ticket_goes_with_the_caller_and_no_word_is_lost(hotline: House, people: People) -> None:
    first = await people.agent(hotline, "agent1")
    second = await people.agent(hotline, "agent2", ready=False)
    async with hotline.caller("13800138700") as caller:
        await first.phone_is("ringing")
        ref = await first.popped()
        await first.answer()
        await first.write("孩子说家里冷")
        await first.is_saved("summary")
        await second.is_ready()
        await consult(first, second)

        # Who is asked has the ticket before them, reads each word, and does not write.
        await second.has(f"#panel[data-ref='{ref}']")
        await reads(second, "孩子说家里冷")
        await expect(second.page.locator("[data-writer]")).to_contain_text(first.name)
        await first.write("，没有吃饭")
        await reads(second, "孩子说家里冷，没有吃饭")

        # One asks by a key; the other sees who, and may let them by the same key.
        await second.press("Alt+p")
        await expect(first.page.locator(".pen.notice-amber")).to_contain_text(second.name, timeout=PATIENT)
        await expect(first.page.locator("[data-pen]")).to_contain_text(second.name)

        # What is typed in the last moment before the caller goes has not left the browser when the pen goes.
        await first.page.route(SAVES, lambda route: route.abort())
        await first.write("。哥哥也在")
        await first.press("F6")
        await first.phone_is("none")
        await may_write(second)
        await second.write("。接手")
        await second.is_saved("summary")
        await reads(first, "孩子说家里冷，没有吃饭。接手")
        await first.page.unroute(SAVES)
        kept = first.page.locator("#kept li")
        await expect(kept.locator("textarea")).to_have_value("孩子说家里冷，没有吃饭。哥哥也在", timeout=PATIENT)
        await kept.get_by_role("button").first.click()
        said = second.page.locator(".additions-said")
        await expect(said).to_contain_text("哥哥也在", timeout=PATIENT)

        # In wrap-up the first agent still reads and adds.
        await first.is_in("wrap_up")
        await first.press("Alt+s")
        await first.page.keyboard.type("药在老师那里")
        await first.press("Tab", "Enter")
        await expect(said).to_contain_text("药在老师那里", timeout=PATIENT)
        await expect(said).to_contain_text(first.name)

        await second.hang_up()
        await caller.until(lambda c: c.ended_by == "hotline")
    assert (await second.api(f"/api/v1/tickets/{ref}"))["fields"]["summary"] == "孩子说家里冷，没有吃饭。接手"
    record = await first.record_of(ref)
    assert (record["agent"], record["outcome"]) == (second.name, "answered")
    assert [(leg["agent"], leg["role"], leg["result"]) for leg in record["legs"]] == [
        (first.name, "queue", "answered"), (second.name, "consult", "answered"),
    ]  # fmt: skip

    # Both find it in the call's record, with a mark in the sound where the caller changed hands.
    for agent in (first, second):
        await agent.page.goto(f"{hotline.url}/calls/{record['id']}")
        await expect(agent.page.locator(".legs-table tbody tr")).to_have_count(2)
        await expect(agent.page.locator(".marks li").last).to_contain_text(second.name)
