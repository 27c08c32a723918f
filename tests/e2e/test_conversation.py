"""A call in all its movements, with the agents' browsers: who hears whom, what screens say, what is on record."""

from playwright.async_api import expect

from hotline.telephony.install import config_home
from tests.e2e.conftest import People
from tests.e2e.house import House, until
from tests.e2e.screens import AgentPage
from tests.e2e.sounds import CALLER_HZ, FIRST_HZ, hear, speaks
from tests.e2e.test_golden_path import likeness
from tests.integration.sound import RATE, read_wav


async def speaking(people: People, house: House, name: str, hertz: int, *, ready: bool = True) -> AgentPage:
    """An agent whose voice is a tone."""
    context = await people.context(house, name)
    await speaks(context, hertz)
    return await people.console(house, context, name, ready=ready)


async def test_a_caller_on_hold_hears_music_and_nobody_hears_the_other(hotline: House, people: People) -> None:
    agent = await speaking(people, hotline, "agent1", FIRST_HZ)
    async with hotline.caller("13800138600") as caller:
        await agent.phone_is("ringing")
        await agent.answer()
        await hear({agent.page: {CALLER_HZ}, caller: {FIRST_HZ}})
        await agent.press("F3")
        await agent.has("#softphone[data-held=true]")
        await expect(agent.page.locator(".held-word")).to_be_visible()
        music = read_wav(config_home() / "sounds" / "moh" / "waiting.wav")
        await until(lambda: likeness(caller.heard(1.0)[: RATE // 2], music) > 0.9, what="music on hold")
        await hear({agent.page: set()})
        await agent.press("F3")
        await agent.has("#softphone[data-held=false]")
        await hear({agent.page: {CALLER_HZ}, caller: {FIRST_HZ}})
        await agent.hang_up()
        await caller.until(lambda c: c.ended_by == "hotline")
