"""A caller who cannot speak: the agent's switch, the prompt, the answers by key as they come, and what is on record."""

from playwright.async_api import expect

from tests.e2e.conftest import People
from tests.e2e.house import House
from tests.e2e.screens import PATIENT
from tests.e2e.sounds import FIRST_HZ
from tests.e2e.test_conversation import speaking, talks


async def test_a_caller_who_cannot_speak_answers_yes_and_no_and_the_agent_ends_the_call_kindly(
    hotline: House, people: People
) -> None:
    agent = await speaking(people, hotline, "agent1", FIRST_HZ)
    async with hotline.caller("13800138800") as caller:
        ref = await talks(agent, caller)
        await agent.has("#say:not([hidden])")
        await agent.press("Alt+KeyK")
        await agent.has("#say [data-silent='0']")
        answers = agent.page.locator("#say .say-answer")
        await caller.press("2", 2)
        await expect(answers).to_have_count(1, timeout=PATIENT)
        await caller.press("1", 3)
        await expect(answers).to_have_count(2, timeout=PATIENT)
        assert [await answers.nth(at).locator("b").inner_text() for at in range(2)] == ["是", "否"]
        await agent.page.screenshot(path=str(hotline.directory / "silent.png"))
        await agent.tab_to("#say [data-say=P32]")
        await agent.press("Enter", "Enter")  # the second is the agent's word that it shall end
        await caller.until(lambda one: one.ended_by == "hotline")
        await agent.is_in("wrap_up")
    page = await people.at(hotline, "supervisor", f"/tickets/{ref}")
    for word in ("来电人不便说话", "来电人按键回答：否", "来电人按键回答：是"):
        await expect(page.page.locator("main")).to_contain_text(word, timeout=PATIENT)
