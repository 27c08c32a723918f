"""Movements that come to nothing: whom the call was to go to is busy, gone, says no or dies in the worst moment, an
agent's own page dies, or the caller hangs up first. Nobody is lost, nobody is left ringing; Asterisk's journal and the
record agree.

Times are short here: a phone rings 10 s, who is parked waits 8 s.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Route, expect

from tests.e2e.floor import Floor, comes_to, is_refused, legs_of, parks, rejects, stands, to
from tests.e2e.house import until
from tests.e2e.screens import PATIENT, AgentPage
from tests.e2e.sounds import CALLER_HZ, FIRST_HZ, PLACE_HZ, PRACTICE_HZ, SECOND_HZ, hear
from tests.e2e.test_conversation import hears_music
from tests.integration.voice import until as voice_until

pytestmark = pytest.mark.timeout(240)  # each is many scenes


async def is_told(agent: AgentPage, whom: str) -> None:
    """On the screen: who was not reached."""
    await expect(agent.page.locator(".talk-missed")).to_contain_text(whom, timeout=PATIENT)


@asynccontextmanager
async def old_list(agent: AgentPage) -> AsyncIterator[asyncio.Event]:
    """Until the event is set, who can be rung is as the page last had it: the answer is on its way."""
    is_set = asyncio.Event()

    async def wait(route: Route) -> None:
        await is_set.wait()
        await route.continue_()

    await agent.page.route("**/console/targets", wait)
    try:
        yield is_set
    finally:
        await agent.page.unroute("**/console/targets")


async def owes(floor: Floor, ref: str) -> None:
    """Somebody has to call this person back, and everybody sees it."""
    owed = floor.agent.page.locator("#work .work-call_back", has_text=ref)
    await expect(owed).to_be_visible(timeout=PATIENT)


# -- a colleague is asked


async def test_a_colleague_who_goes_or_dies_when_asked_leaves_agent_and_caller_together(floor: Floor) -> None:
    house, agent = floor.house, floor.agent
    async with house.caller("13800138801") as caller:
        ref = await floor.talks(caller)
        # Their phone rings, and the agent thinks again.
        await floor.asks(answers=False)
        await agent.press("F8")
        await floor.colleague.phone_is("none")
        await floor.together(caller)
        # They hang up in the moment in which they have answered.
        await floor.asks(answers=False)
        await floor.colleague.answer()
        await floor.colleague.press("F8")
        await floor.colleague.phone_is("none")
        await floor.together(caller)
        # Their page dies while it rings; then there is nobody to be rung.
        await floor.asks(answers=False)
        await floor.dies(floor.colleague)
        await floor.together(caller)
        await is_told(agent, "agent2")
        await floor.legs("caller", "agent1")
        await is_refused(agent, "agent2", "没有连接电话")
        # Back again, and it rings its time out. The page still has the list in which they were gone.
        await comes_to(await floor.comes_back(floor.colleague), "paused")
        async with old_list(agent) as is_asked:
            await to(agent, "agent2")
            is_asked.set()
            await floor.colleague.phone_is("ringing")
        await floor.colleague.phone_is("none", 45)
        await floor.together(caller)
        await is_told(agent, "agent2")
        # It dies while they talk.
        await floor.asks()
        await hear({agent.page: {SECOND_HZ}, floor.colleague.page: {FIRST_HZ}})
        await hears_music(caller)
        await floor.dies(floor.colleague)
        await floor.together(caller)
        # They are on a call of their own.
        colleague = await floor.comes_back(floor.colleague)
        await comes_to(colleague, "paused")
        await colleague.press("Alt+n")
        await colleague.page.keyboard.type("110")
        await colleague.press("Enter")
        await colleague.is_in("on_call")
        await is_refused(agent, "agent2", "正在另一通电话上")
        await floor.together(caller)
        await colleague.hang_up()
        await caller.hang_up()
        await agent.phone_is("none")
    record = await agent.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "caller", "agent1")
    assert legs_of(record) == [
        ("agent1", "queue", "answered"), ("agent2", "consult", "withdrawn"), ("agent2", "consult", "answered"),
        ("agent2", "consult", "withdrawn"), ("agent2", "consult", "missed"), ("agent2", "consult", "answered"),
    ]  # fmt: skip
    assert floor.moves(record["linkedid"]) == ["consult agent1 agent2", "back agent1 -"] * 5
    assert record["transfers"] == []
    house.agrees_with_journal(record)


async def test_a_place_that_is_busy_refuses_or_hangs_up_leaves_agent_and_caller_together(floor: Floor) -> None:
    house, agent = floor.house, floor.agent
    async with house.outside(PLACE_HZ, refuses="486 Busy Here") as place, house.caller("13800138802") as caller:
        ref = await floor.talks(caller)
        await to(agent, "12355")
        await is_told(agent, "12355")
        await floor.together(caller)
        place.refuses = "603 Decline"
        await to(agent, "12355")
        await floor.has_moved(4)  # asked again, and back again
        await floor.together(caller)
        place.refuses = ""
        await to(agent, "12355")
        await voice_until(place.up.is_set, "the place answers", 20)
        place.hang_up()
        await floor.together(caller)
        # Three, and the place goes.
        await to(agent, "12355")
        await stands(agent, "consult")
        await hear({agent.page: {PLACE_HZ}, place: {FIRST_HZ}})
        await floor.legs("caller", "agent1", "outside")
        await agent.press("Alt+j")
        await stands(agent, "conference")
        await hear({agent.page: {CALLER_HZ, PLACE_HZ}, place: {CALLER_HZ, FIRST_HZ}, caller: {FIRST_HZ, PLACE_HZ}})
        place.hang_up()
        await floor.together(caller)
        # 110, and back: practice here.
        await to(agent, "110")
        await stands(agent, "consult")
        await hear({agent.page: {PRACTICE_HZ}})
        await agent.press("F8")
        await floor.together(caller)
        await floor.legs("caller", "agent1")
        await agent.hang_up()
    record = await agent.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "agent", "agent1")
    assert [result for _who, role, result in legs_of(record) if role == "party"] == [
        "busy", "rejected", "answered", "answered", "answered",
    ]  # fmt: skip
    # Of three, whoever comes into the room first is told of.
    told = ["back agent1 -" if one == "room agent1 outside" else one for one in floor.moves(record["linkedid"])]
    assert told == ["consult agent1 outside", "back agent1 -"] * 5
    house.agrees_with_journal(record)


# -- a caller is given away


async def test_a_caller_given_away_in_vain_is_first_in_line(floor: Floor) -> None:
    """With the same ticket each time: passed on to a page that dies, to a place that is busy, parked until the time is
    over, picked up by a page that dies, in the queue with a note for one who rejects.
    """
    house, agent = floor.house, floor.agent
    async with house.outside(PLACE_HZ, refuses="486 Busy Here"), house.caller("13800138803") as caller:
        ref = await floor.talks(caller)

        async def is_back() -> None:
            await comes_to(agent, "ready")
            assert await floor.talks(caller) == ref

        await to(agent, "agent2", key="Shift+Enter")
        await floor.colleague.phone_is("ringing")
        await agent.is_in("wrap_up")
        await floor.dies(floor.colleague)
        await is_back()
        await to(agent, "12338", key="Shift+Enter")
        await agent.is_in("wrap_up")
        await is_back()
        await comes_to(await floor.comes_back(floor.colleague), "paused")
        await parks(agent)
        await hears_music(caller)
        await floor.legs("caller")
        await is_back()
        await expect(floor.colleague.page.locator("#parked")).to_be_hidden(timeout=PATIENT)
        await parks(agent)
        await floor.colleague.has("#parked .parked")
        await floor.colleague.page.locator("[data-pick-up]").click()
        await floor.colleague.phone_is("talking")
        await floor.dies(floor.colleague)
        await is_back()
        await agent.press("F6")
        await agent.page.keyboard.type("queue")
        await agent.page.fill("#picker-note", "想找女老师")
        await agent.page.locator("[data-give=transfer]").click()
        await agent.is_in("wrap_up")
        await comes_to(agent, "ready")
        await rejects(agent)
        await agent.phone_is("none")
        assert await floor.talks(caller) == ref
        await expect(agent.page.locator("#panel")).to_contain_text("想找女老师", timeout=PATIENT)
        await agent.hang_up()
        await caller.until(lambda c: c.ended_by == "hotline")
    record = await agent.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "agent", "agent1")
    assert floor.moves(record["linkedid"]) == [
        "transfer agent1 agent2", "transfer agent1 outside", "parked agent1 -", "parked agent1 -",
        "transfer agent1 agent2", "queue agent1 queue",
    ]  # fmt: skip
    house.agrees_with_journal(record)


# -- the caller hangs up first


async def test_a_caller_who_hangs_up_while_somebody_is_asked_was_answered(floor: Floor) -> None:
    house, agent, colleague = floor.house, floor.agent, floor.colleague
    # While the colleague's phone rings.
    async with house.caller("13800138811") as caller:
        first = await floor.talks(caller)
        await floor.asks(answers=False)
        await caller.hang_up()
        await stands(agent, "gone")
        await agent.press("F8")
        await asyncio.gather(agent.phone_is("none"), colleague.phone_is("none"))
    await comes_to(agent, "ready")
    # While a place is called.
    async with house.outside(PLACE_HZ, answers=None) as place, house.caller("13800138812") as caller:
        second = await floor.talks(caller)
        await to(agent, "12338")
        await voice_until(place.ringing.is_set, "the place rings", 20)
        await stands(agent, "calling")
        await caller.hang_up()
        await stands(agent, "gone")
        await agent.press("F8")
        await agent.phone_is("none")
        await voice_until(place.ended.is_set, "the place's phone is quiet", 20)
    await comes_to(agent, "ready")
    # While all three talk.
    async with house.caller("13800138813") as caller:
        third = await floor.talks(caller)
        await floor.asks()
        await agent.press("Alt+j")
        await stands(colleague, "conference")
        await hear({caller: {FIRST_HZ, SECOND_HZ}})
        await caller.hang_up()
        await asyncio.gather(agent.phone_is("none"), colleague.phone_is("none"))
        await agent.is_in("wrap_up")
    await comes_to(agent, "ready")
    # While all three talk, and the third is 110.
    async with house.caller("13800138814") as caller:
        fourth = await floor.talks(caller)
        await to(agent, "110")
        await stands(agent, "consult")
        await agent.press("Alt+j")
        await stands(agent, "conference")
        await hear({caller: {FIRST_HZ, PRACTICE_HZ}})
        await caller.hang_up()
        await agent.phone_is("none")
        await agent.is_in("wrap_up")
    await floor.legs()
    for ref in (first, second, third, fourth):
        record = await agent.record_of(ref)
        assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "caller", "agent1")
    house.agrees_with_journal(record)


async def test_a_caller_who_hangs_up_while_nobody_has_them_is_owed_a_call(floor: Floor) -> None:
    house, agent, colleague = floor.house, floor.agent, floor.colleague
    refs = []
    # Passed on, and the phone rings.
    async with house.caller("13800138821") as caller:
        refs.append(await floor.talks(caller))
        await to(agent, "agent2", key="Shift+Enter")
        await colleague.phone_is("ringing")
        await hears_music(caller)
        await caller.hang_up()
        await colleague.phone_is("none")
    await comes_to(agent, "ready")
    # Parked.
    async with house.caller("13800138822") as caller:
        refs.append(await floor.talks(caller))
        await parks(agent)
        await colleague.has("#parked .parked")
        await caller.hang_up()
        await expect(colleague.page.locator("#parked")).to_be_hidden(timeout=PATIENT)
    await comes_to(agent, "ready")
    # In the queue again.
    async with house.caller("13800138823") as caller:
        refs.append(await floor.talks(caller))
        await to(agent, "queue", key="Shift+Enter")
        await agent.is_in("wrap_up")
        await until(lambda: house.rows("select 1 from call where phase = 'waiting'"), what="first in line")
        await caller.hang_up()
    await floor.legs()
    for ref in refs:
        await owes(floor, ref)
        record = await agent.record_of(ref)
        assert (record["outcome"], record["hangup_by"]) == ("abandoned", "caller")
        house.agrees_with_journal(record)


# -- the agent's own page dies


async def test_an_agent_whose_page_dies_in_the_middle_of_a_movement_costs_the_caller_nothing(floor: Floor) -> None:
    house = floor.house
    async with house.caller("13800138831") as caller:
        ref = await floor.talks(caller)
        # While all three talk: the others go on.
        await floor.asks()
        await floor.agent.press("Alt+j")
        await hear({caller: {FIRST_HZ, SECOND_HZ}})
        await floor.dies(floor.agent)
        await floor.together(caller, floor.colleague)
        await floor.legs("caller", "agent2")
        # And the last of them: first in line.
        agent = await floor.comes_back(floor.agent)
        await comes_to(agent, "ready")
        await floor.dies(floor.colleague)
        assert await floor.talks(caller) == ref
        # While a colleague is asked: first in line, and the colleague is let go.
        colleague = await floor.comes_back(floor.colleague)
        await comes_to(colleague, "paused")
        await floor.asks()
        await hear({agent.page: {SECOND_HZ}})
        await floor.dies(agent)
        await colleague.phone_is("none")
        await comes_to(colleague, "ready")
        assert await floor.talks(caller, colleague) == ref
        await floor.legs("caller", "agent2")
        await colleague.hang_up()
        await caller.until(lambda c: c.ended_by == "hotline")
    record = await floor.colleague.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "agent", "agent2")
    house.agrees_with_journal(record)


async def test_whoever_is_given_the_caller_and_dies_in_that_moment_does_not_take_them_along(floor: Floor) -> None:
    house, agent = floor.house, floor.agent
    async with house.caller("13800138832") as caller:
        ref = await floor.talks(caller)
        await floor.asks()
        await agent.press("F6")
        await floor.dies(floor.colleague)
        await agent.phone_is("none")
        await comes_to(agent, "ready")
        assert await floor.talks(caller) == ref
        await agent.hang_up()
    record = await agent.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "agent", "agent1")
    house.agrees_with_journal(record)
