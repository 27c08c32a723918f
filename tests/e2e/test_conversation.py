"""A call in all its movements, with the agents' browsers: who hears whom, what screens say, what is on record."""

from playwright.async_api import expect

from hotline.telephony.install import config_home
from tests.e2e.caller import Caller
from tests.e2e.conftest import People
from tests.e2e.house import House, seconds, until
from tests.e2e.screens import PATIENT, AgentPage
from tests.e2e.sounds import CALLER_HZ, FIRST_HZ, PRACTICE_HZ, SECOND_HZ, hear, speaks
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


# -- several people


async def beside(people: People, house: House, name: str = "agent2") -> AgentPage:
    """A colleague with a phone and a voice, whom no call of the queue rings."""
    colleague = await speaking(people, house, name, SECOND_HZ)
    await colleague.press("F9")
    await colleague.is_in("paused")
    return colleague


async def talks(agent: AgentPage, caller: Caller) -> str:
    """The call is answered; gives the ticket's ref."""
    await agent.phone_is("ringing")
    ref = await agent.popped()
    await agent.answer()
    await hear({agent.page: {CALLER_HZ}, caller: {FIRST_HZ}})
    return ref


async def to(agent: AgentPage, whom: str, *, key: str = "Enter") -> None:
    """From the picker, by keyboard alone: found by letters, asked first (Enter) or passed on at once (Shift+Enter)."""
    await agent.press("F6")
    await expect(agent.page.locator("[data-picker-find]")).to_be_focused()
    await agent.page.keyboard.type(whom)
    await agent.press(key)


async def stands(agent: AgentPage, state: str) -> None:
    """How the call stands on the screen: talking held calling consult conference asked, empty without one."""
    await agent.has(f'#talk[data-state="{state}"]:not([data-pending])')


async def hears_music(caller: Caller) -> None:
    music = read_wav(config_home() / "sounds" / "moh" / "waiting.wav")
    await until(lambda: likeness(caller.heard(1.0)[: RATE // 2], music) > 0.9, what="music")


async def test_a_colleague_is_asked_in_vain_then_asked_and_left_then_given_the_call_by_keyboard_alone(
    hotline: House, people: People
) -> None:
    agent, colleague = await speaking(people, hotline, "agent1", FIRST_HZ), await beside(people, hotline)
    async with hotline.caller("13800138601") as caller:
        ref = await talks(agent, caller)
        await agent.write("孩子说")
        # Rejected: together again by themselves, and told why.
        await to(agent, "agent2")
        await colleague.phone_is("ringing")
        await stands(agent, "calling")
        await hears_music(caller)
        await colleague.page.locator("[data-phone-do=reject]").click()
        await stands(agent, "talking")
        await expect(agent.page.locator(".talk-missed")).to_contain_text("agent2", timeout=PATIENT)
        await hear({agent.page: {CALLER_HZ}, caller: {FIRST_HZ}})
        # Asked; F8 is the way back, not the call's end.
        await to(agent, "agent2")
        await colleague.phone_is("ringing")
        await colleague.answer()
        await stands(agent, "consult")
        await stands(colleague, "asked")
        # The ticket is not theirs to write, and the button they answered with is gone: Tab goes on from the phone.
        await expect(colleague.page.locator("#softphone")).to_be_focused()
        await hear({agent.page: {SECOND_HZ}, colleague.page: {FIRST_HZ}})
        await hears_music(caller)
        await agent.press("F8")
        await stands(agent, "talking")
        await colleague.phone_is("none")
        await hear({agent.page: {CALLER_HZ}, caller: {FIRST_HZ}})
        # Asked once more, and given the call: the ticket goes with it.
        await to(agent, "agent2")
        await colleague.phone_is("ringing")
        await colleague.answer()
        await stands(agent, "consult")
        await agent.press("F6")
        await agent.phone_is("none")
        await stands(colleague, "talking")
        await hear({colleague.page: {CALLER_HZ}, caller: {SECOND_HZ}})
        assert await colleague.ref() == ref
        await agent.is_in("wrap_up")
        await colleague.hang_up()
        await caller.until(lambda c: c.ended_by == "hotline")
    record = await colleague.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "agent", "agent2")
    hotline.agrees_with_journal(record)
    ticket = await colleague.api(f"/api/v1/tickets/{ref}")
    assert "孩子说" in ticket["fields"]["summary"]


async def test_three_talk_and_the_others_go_on_when_one_leaves(hotline: House, people: People) -> None:
    agent, colleague = await speaking(people, hotline, "agent1", FIRST_HZ), await beside(people, hotline)
    async with hotline.caller("13800138602") as caller:
        ref = await talks(agent, caller)
        await to(agent, "agent2")
        await colleague.phone_is("ringing")
        await colleague.answer()
        await stands(agent, "consult")
        await agent.press("Alt+j")
        await stands(agent, "conference")
        await stands(colleague, "conference")
        await hear(
            {
                agent.page: {CALLER_HZ, SECOND_HZ},
                colleague.page: {CALLER_HZ, FIRST_HZ},
                caller: {FIRST_HZ, SECOND_HZ},
            }
        )
        # One of them asks somebody else: the others hear nothing of it, and each screen says what is so.
        await to(agent, "110")
        await stands(agent, "consult")
        await expect(agent.page.locator(".talk-word")).to_contain_text("其他人继续与来电人通话")
        await expect(colleague.page.locator(".talk-word")).to_contain_text("agent1正在咨询别人", timeout=PATIENT)
        await hear({agent.page: {PRACTICE_HZ}, colleague.page: {CALLER_HZ}, caller: {SECOND_HZ}})
        await agent.press("F8")
        await stands(agent, "conference")
        await stands(colleague, "conference")
        await hear({agent.page: {CALLER_HZ, SECOND_HZ}, caller: {FIRST_HZ, SECOND_HZ}})
        await agent.press("F3")
        await stands(agent, "held")
        await hears_music(caller)
        await hear({agent.page: {SECOND_HZ}, colleague.page: {FIRST_HZ}})
        await agent.press("F3")
        await stands(agent, "conference")
        await hear({caller: {FIRST_HZ, SECOND_HZ}})
        await agent.hang_up()
        await stands(colleague, "talking")
        await hear({colleague.page: {CALLER_HZ}, caller: {SECOND_HZ}})
        await caller.hang_up()
        await colleague.phone_is("none")
    record = await colleague.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "caller", "agent2")
    assert [(leg["role"], leg["result"]) for leg in record["legs"]] == [
        ("queue", "answered"), ("consult", "answered"), ("party", "answered"),
    ]  # fmt: skip
    hotline.agrees_with_journal(record)


async def test_a_caller_passed_on_in_vain_parked_picked_up_and_sent_back_is_never_lost(
    hotline: House, people: People
) -> None:
    agent, colleague = await speaking(people, hotline, "agent1", FIRST_HZ), await beside(people, hotline)
    async with hotline.caller("13800138603") as caller:
        ref = await talks(agent, caller)
        # Passed on; the colleague rejects: first in line, for whoever is ready.
        await to(agent, "agent2", key="Shift+Enter")
        await agent.phone_is("none")
        await colleague.phone_is("ringing")
        await colleague.page.locator("[data-phone-do=reject]").click()
        await agent.is_in("wrap_up")
        await agent.press("F9")
        assert await talks(agent, caller) == ref
        # Parked: before everybody with a phone, with music; who picks up needs no second key.
        await agent.press("F6")
        await agent.page.locator("[data-park]").click()
        await agent.phone_is("none")
        await hears_music(caller)
        await colleague.has("#parked .parked")
        await colleague.page.locator("#parked [data-open-ref]").click()  # beside the call, not in the console's place
        await colleague.has(f'#panel[data-ref="{ref}"]')
        await colleague.page.locator("[data-pick-up]").click()
        await colleague.phone_is("talking")
        await hear({colleague.page: {CALLER_HZ}, caller: {SECOND_HZ}})
        await expect(agent.page.locator("#parked")).to_be_hidden(timeout=PATIENT)
        # To the queue with a word for whoever takes the call.
        await colleague.press("F6")
        await colleague.page.keyboard.type("queue")
        await colleague.page.fill("#picker-note", "妈妈六点到家")
        await colleague.page.locator("[data-give=transfer]").click()
        await colleague.phone_is("none")
        await agent.is_in("wrap_up")
        await agent.press("F9")
        assert await talks(agent, caller) == ref
        await expect(agent.page.locator("#panel")).to_contain_text("妈妈六点到家", timeout=PATIENT)
        await agent.hang_up()
        await caller.until(lambda c: c.ended_by == "hotline")
    record = await agent.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "agent", "agent1")
    hotline.agrees_with_journal(record)


async def test_110_is_brought_in_and_goes_on_with_the_caller_when_the_agent_leaves(
    hotline: House, people: People
) -> None:
    agent = await speaking(people, hotline, "agent1", FIRST_HZ)
    async with hotline.caller("13800138604") as caller:
        ref = await talks(agent, caller)
        await to(agent, "110")
        await stands(agent, "consult")
        await expect(agent.page.locator("[data-leg=party]")).to_contain_text("110")
        await hear({agent.page: {PRACTICE_HZ}})
        await hears_music(caller)
        await agent.press("Alt+j")
        await stands(agent, "conference")
        await hear({agent.page: {CALLER_HZ, PRACTICE_HZ}, caller: {FIRST_HZ, PRACTICE_HZ}})
        await agent.hang_up()
        await hear({caller: {PRACTICE_HZ}})
        await caller.hang_up()
        await agent.is_in("wrap_up")
    record = await agent.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "caller", "agent1")
    hotline.agrees_with_journal(record)


async def test_a_caller_who_hangs_up_while_a_colleague_is_asked_is_shown_as_gone_and_nobody_is_left_ringing(
    hotline: House, people: People
) -> None:
    agent, colleague = await speaking(people, hotline, "agent1", FIRST_HZ), await beside(people, hotline)
    async with hotline.caller("13800138605") as caller:
        ref = await talks(agent, caller)
        await to(agent, "agent2")
        await colleague.phone_is("ringing")
        await colleague.answer()
        await stands(agent, "consult")
        await caller.hang_up()
        await stands(agent, "gone")
        await stands(colleague, "gone")
        await hear({agent.page: {SECOND_HZ}, colleague.page: {FIRST_HZ}})
        await agent.press("F8")
        await agent.phone_is("none")
        await colleague.phone_is("none")
    record = await agent.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "caller", "agent1")
    # The call is over when nothing of it is left, which is when the two who asked each other hung up.
    ends = [float(row[1]) for row in hotline.journal(record["linkedid"]) if row[0] == "CHAN_END"]
    assert abs(seconds(record["ended_at"]) - max(ends)) < 0.5
