"""Calls out from the console, by key: a call-back that is due, a number that is busy, a place of the directory."""

from playwright.async_api import expect

from tests.e2e.conftest import People
from tests.e2e.house import House, until
from tests.e2e.screens import PATIENT, AgentPage
from tests.e2e.sounds import FIRST_HZ, PRACTICE_HZ, SECOND_HZ, page_hears
from tests.e2e.test_conversation import speaking

NUMBER = "13800138710"


async def _owed(house: House, agent: AgentPage) -> str:
    """Somebody gives up while the phone rings. Returns the ticket."""
    async with house.caller(NUMBER) as caller:
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await caller.hang_up()
        await agent.phone_is("none")
    await agent.is_in("ready")
    await expect(_work(agent, ref)).to_be_visible(timeout=PATIENT)
    return ref


def _work(agent: AgentPage, ref: str):  # type: ignore[no-untyped-def]
    return agent.page.locator("#work .work-call_back", has_text=ref)


async def _owes_nobody(agent: AgentPage) -> None:
    """What callers of other tests are owed is done: the key is for the first of the list."""
    buttons = agent.page.locator("#work .work-done button")
    while left := await buttons.count():
        await buttons.first.click()
        await expect(buttons).to_have_count(left - 1, timeout=PATIENT)


async def test_a_call_back_is_made_by_one_key_and_done_when_the_person_answers(hotline: House, people: People) -> None:
    agent = await speaking(people, hotline, "agent1", FIRST_HZ)
    await _owes_nobody(agent)
    ref = await _owed(hotline, agent)
    async with hotline.outside(SECOND_HZ, refuses="486 Busy Here") as person:
        await agent.press("Alt+b")
        await agent.phone_is("talking")  # the page's phone has answered by itself
        await expect(agent.page.locator("#softphone .dialled-word")).to_be_visible()
        await agent.phone_is("none")
        await agent.is_in("ready")
        await expect(_work(agent, ref)).to_be_visible()
        person.refuses = ""
        await agent.press("Alt+b")
        await until(person.up.is_set, what="the person answers")
        # The line's number is shown, nothing of the agent.
        assert "<sip:12345@" in person.asked[0]["from"]
        await until(lambda: person.hears(FIRST_HZ), what="the person hears the agent")

        async def heard() -> bool:
            return await page_hears(agent.page) == {SECOND_HZ}

        await until(heard, what="the agent hears the person")
        await agent.is_in("on_call")
        assert await agent.popped() == ref
        await expect(_work(agent, ref)).to_have_count(0, timeout=PATIENT)
        await agent.hang_up()
        await until(person.ended.is_set, what="the person is told")
    await agent.is_in("wrap_up")
    supervisor = await people.at(hotline, "supervisor", "/board")
    calls = (await supervisor.api(f"/api/v1/tickets/{ref}"))["calls"]
    records = [await supervisor.api(f"/api/v1/calls/{call}") for call in calls]
    records.sort(key=lambda record: str(record["started_at"]))
    assert [(record["direction"], record["outcome"]) for record in records] == [
        ("inbound", "abandoned"), ("outbound", "busy"), ("outbound", "answered"),
    ]  # fmt: skip
    assert records[-1]["agent"] == agent.name
    for record in records[1:]:
        hotline.agrees_with_journal(record)


async def test_110_is_typed_by_name_and_is_practice_here(hotline: House, people: People) -> None:
    agent = await people.agent(hotline)
    await agent.press("Alt+n")
    await agent.page.keyboard.type("公安 110")
    await agent.press("Enter")
    await agent.phone_is("talking")

    async def practice() -> bool:
        return abs((await agent.hears())["hertz"] - PRACTICE_HZ) < 20

    await until(practice, what="the practice extension's tone")
    await agent.popped()
    await agent.hang_up()
    await agent.press("Alt+n")
    await agent.page.keyboard.type("0012125550100")
    await agent.press("Enter")
    await expect(agent.page.locator("#toasts .toast-bad")).to_contain_text("这里不允许拨打这个号码", timeout=PATIENT)
