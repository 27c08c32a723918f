"""The operations page of a running hotline: a call is in its totals without a reload, and it says what it rests on."""

from playwright.async_api import Locator, expect

from tests.e2e.conftest import People
from tests.e2e.house import House
from tests.e2e.screens import PATIENT


async def _count(row: Locator, column: int) -> int:
    return int(await row.locator("td").nth(column).inner_text())


async def test_a_call_is_counted_by_itself_and_the_day_before_is_one_key_away(hotline: House, people: People) -> None:
    agent = await people.agent(hotline)
    screen = await people.at(hotline, "supervisor", "/operations")
    page = screen.page
    await page.evaluate("() => { window.same = true; }")
    day = page.locator(".totals-table .whole-day", has_text="2912345")
    calls, answered = await _count(day, 1), await _count(day, 2)
    await expect(page.locator(".health")).to_contain_text("实时")
    async with hotline.caller("13800138500", line="2912345") as caller:
        await agent.phone_is("ringing")
        await agent.answer()
        await caller.hang_up()
    await agent.is_in("wrap_up")
    await expect(day.locator("td").nth(2)).to_have_text(str(answered + 1), timeout=PATIENT)
    assert await _count(day, 1) == calls + 1
    assert await page.evaluate("() => window.same")
    await expect(page.locator(".health")).to_contain_text("全部一致")
    await page.locator(".day-nav a").first.focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/operations?day=*")
    await expect(page.locator(".day-nav a")).to_have_count(3)
    await expect(day.locator("td").nth(1)).to_have_text("0")
