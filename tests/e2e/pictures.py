"""Photographs the console and the board in the middle of real calls, for the documentation: a call, a colleague asked
for advice while the caller waits, a supervisor who listens.

python -m tests.e2e.pictures [--to docs/pictures]
"""

import argparse
import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import async_playwright

from tests.e2e.chromium import FLAGS, executable
from tests.e2e.conftest import People
from tests.e2e.house import House
from tests.e2e.screens import AgentPage

EARLIER = "班主任来电，学生最近常常不交作业，家里奶奶一个人带。约好周四下午再联系。"
SUMMARY = (
    "孩子自己来电，十一岁。说爸爸喝酒后打她，昨晚用皮带打了后背，现在一个人在家，爸爸去上班，晚上七点回来。"
    "奶奶住在同一个小区，可以过去。孩子不想让老师知道。"
)


async def _talk(house: House, agent: AgentPage, number: str, summary: str, step: str) -> None:
    """A call from ring to the ticket's next step."""
    async with house.caller(number):
        await agent.phone_is("ringing")
        await agent.popped()
        await agent.answer()
        await agent.fill_in(summary, category="edu.03", urgency="ArrowLeft")
        await agent.hang_up()
    await agent.is_in("wrap_up")
    await agent.press(step)
    await agent.has("#panel[data-ticket-state=CLOSED]")
    await agent.is_ready()


async def photograph(house: House, people: People, folder: Path) -> None:
    agent = await people.agent(house)
    await _talk(house, agent, "13900011234", EARLIER, "Control+Enter")
    board = await people.at(house, "supervisor", "/board")
    async with AsyncExitStack() as calls:
        await calls.enter_async_context(house.caller("13900011234"))
        await agent.phone_is("ringing")
        await agent.popped()
        await agent.answer()
        other = await people.agent(house, "agent2")
        await calls.enter_async_context(house.caller("13700025678", line="2912345"))
        await other.phone_is("ringing")
        await other.answer()
        for number in ("13600038899", "13800042211"):
            await calls.enter_async_context(house.caller(number))
        await agent.fill_in(SUMMARY)
        await agent.press("Alt+1")
        await agent.is_saved("contact_type")
        await board.page.locator("[data-list=calls] .phase-waiting").nth(1).wait_for()
        await board.page.wait_for_function(
            "() => document.querySelector('.phase-waiting .call-time').textContent.trim() >= '0:09'"
        )
        await agent.press("Alt+s")
        await agent.page.screenshot(path=folder / "console.png", caret="initial")
        await board.page.screenshot(path=folder / "board.png")
        await _ask(agent, other)
        await agent.page.screenshot(path=folder / "consult.png", caret="initial")
        await _listen(people, house, agent)
        await board.page.screenshot(path=folder / "supervision.png")


async def _ask(agent: AgentPage, other: AgentPage) -> None:
    """The colleague's call ends; then they are asked about this one."""
    await other.hang_up()
    await other.is_in("wrap_up")
    await agent.press("F6")
    await agent.page.keyboard.type("agent2")
    await agent.press("Enter")
    await other.phone_is("ringing")
    await other.answer()
    await agent.has("#talk[data-state=consult]:not([data-pending])")


async def _listen(people: People, house: House, agent: AgentPage) -> None:
    """Back with the caller, the agent asks for help and a supervisor listens."""
    await agent.press("F8")
    await agent.has("#talk[data-state=talking]:not([data-pending])")
    await agent.press("F7")
    supervisor = await people.agent(house, "supervisor", ready=False)
    await supervisor.has("#help-asked:not([hidden])")
    await supervisor.press("F7", "Enter")
    await supervisor.has("#help[data-mode=listen]:not([data-pending])")


async def run(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hotline-pictures-") as name:
        house = House.make(Path(name), 800)
        try:
            await house.start()
            house.shorten_prompts()
            async with async_playwright() as driver:
                browser = await driver.chromium.launch(executable_path=executable(), args=[*FLAGS])
                await photograph(house, People(browser, {}), folder)
                await browser.close()
        finally:
            await house.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=Path("docs/pictures"))
    asyncio.run(run(parser.parse_args().to))


if __name__ == "__main__":
    main()
