"""A call that we made, or that a supervisor took over, moves as any other: who hears whom, and what is on record."""

import pytest

from tests.e2e.floor import Floor, comes_to, legs_of, parks, rejects, stands, to
from tests.e2e.screens import AgentPage
from tests.e2e.sounds import CALLER_HZ, PLACE_HZ, SECOND_HZ, SUPERVISOR_HZ, hear
from tests.integration.voice import until as voice_until

pytestmark = pytest.mark.timeout(240)  # each is many scenes
NUMBER = "13800138900"


async def dials(agent: AgentPage, number: str) -> None:
    await agent.press("Alt+n")
    await agent.page.keyboard.type(number)
    await agent.press("Enter")


async def test_a_call_out_that_comes_to_nothing_is_on_record_as_what_it_was(floor: Floor) -> None:
    agent = floor.agent
    async with floor.house.outside(PLACE_HZ, refuses="603 Decline") as person:
        await dials(agent, NUMBER)
        await agent.phone_is("talking")  # with the network's tone
        await agent.phone_is("none")
        records = [await floor.record()]
        await comes_to(agent, "ready")
        # The agent thinks again while it rings.
        person.refuses, person.answers = "", None
        await dials(agent, NUMBER)
        await voice_until(person.ringing.is_set, "the phone rings", 20)
        await floor.legs("agent1", "outside")
        open_calls = "select count(*) from call where ended_at is null"
        await voice_until(lambda: floor.house.rows(open_calls) == [(1,)], "the call is on record", 20)
        await agent.hang_up()
        await voice_until(person.ended.is_set, "the phone is quiet", 20)
        records.append(await floor.record())
        await comes_to(agent, "ready")
        # The person hangs up first.
        person.answers = 0.1
        await dials(agent, NUMBER)
        await voice_until(person.up.is_set, "the person answers", 20)
        await floor.together(person, hertz=PLACE_HZ)
        person.hang_up()
        await agent.phone_is("none")
        await agent.is_in("wrap_up")
        records.append(await floor.record())
    assert [(record["direction"], record["outcome"], record["hangup_by"]) for record in records] == [
        ("outbound", "rejected", "system"), ("outbound", "withdrawn", "agent"), ("outbound", "answered", "caller"),
    ]  # fmt: skip
    for record in records:
        floor.house.agrees_with_journal(record)
        assert record["ticket"]


async def test_somebody_whom_we_called_is_passed_on_parked_and_queued_and_never_lost(floor: Floor) -> None:
    house, agent, colleague = floor.house, floor.agent, floor.colleague
    async with house.outside(PLACE_HZ) as person:
        await dials(agent, NUMBER)
        await voice_until(person.up.is_set, "the person answers", 20)
        await floor.together(person, hertz=PLACE_HZ)
        ref = await agent.popped()
        # A colleague says no; then yes, and has them.
        await to(agent, "agent2")
        await rejects(colleague)
        await floor.together(person, hertz=PLACE_HZ)
        await floor.asks()
        await hear({agent.page: {SECOND_HZ}})
        await agent.press("F6")
        await agent.phone_is("none")
        await floor.together(person, colleague, hertz=PLACE_HZ)
        assert await colleague.ref() == ref
        await floor.legs("agent2", "outside")
        # Parked and picked up; then in the queue, first in line.
        await comes_to(agent, "paused")
        await parks(colleague)
        await agent.has("#parked .parked")
        await agent.page.locator("[data-pick-up]").click()
        await floor.together(person, hertz=PLACE_HZ)
        await to(agent, "queue", key="Shift+Enter")
        await agent.phone_is("none")
        await comes_to(agent, "ready")
        assert await floor.pops(agent) == ref
        await agent.answer()
        await floor.together(person, hertz=PLACE_HZ)
        # The page dies: somebody else has them.
        await comes_to(colleague, "ready")
        await floor.dies(agent)
        assert await floor.pops(colleague) == ref
        await colleague.answer()
        await floor.together(person, colleague, hertz=PLACE_HZ)
        await colleague.hang_up()
        await voice_until(person.ended.is_set, "the person is told", 20)
    record = await colleague.record_of(ref)
    assert (record["direction"], record["outcome"], record["agent"]) == ("outbound", "answered", "agent2")
    assert floor.moves(record["linkedid"]) == [
        "consult agent1 agent2", "back agent1 -", "consult agent1 agent2", "room agent1 agent2", "parked agent2 -",
        "transfer agent2 agent1", "queue agent1 queue",
    ]  # fmt: skip


async def test_a_page_that_dies_in_a_call_out_loses_nobody(floor: Floor) -> None:
    house = floor.house
    async with house.outside(PLACE_HZ) as person:
        await dials(floor.agent, NUMBER)
        await voice_until(person.up.is_set, "the person answers", 20)
        await floor.together(person, hertz=PLACE_HZ)
        ref = await floor.agent.popped()
        await comes_to(floor.colleague, "ready")
        await floor.dies(floor.agent)
        assert await floor.pops(floor.colleague) == ref
        await floor.colleague.answer()
        await floor.together(person, floor.colleague, hertz=PLACE_HZ)
        person.hang_up()
        await floor.colleague.phone_is("none")


async def test_who_took_a_call_over_asks_a_colleague_and_passes_it_on_outside(floor: Floor) -> None:
    house, agent, colleague = floor.house, floor.agent, floor.colleague
    supervisor = await floor.sits_down("supervisor")
    async with house.outside(PLACE_HZ) as place, house.caller("13800138901") as caller:
        ref = await floor.talks(caller)
        await agent.press("F7")
        await supervisor.tab_to("#help-asked [data-supervise]")
        await supervisor.press("Enter", "Enter")
        await supervisor.has("#help[data-mode=listen]:not([data-pending])")
        await supervisor.tab_to("#help [data-take-over]")
        await supervisor.press("Enter")
        await agent.phone_is("none")
        await floor.together(caller, supervisor)
        await to(supervisor, "agent2")
        await colleague.phone_is("ringing")
        await colleague.answer()
        await stands(supervisor, "consult")
        await hear({supervisor.page: {SECOND_HZ}, colleague.page: {SUPERVISOR_HZ}})
        await floor.legs("caller", "supervisor", "agent2")
        await supervisor.press("F8")
        await floor.together(caller, supervisor)
        await colleague.phone_is("none")
        await to(supervisor, "12338", key="Shift+Enter")
        await supervisor.phone_is("none")
        await hear({caller: {PLACE_HZ}, place: {CALLER_HZ}})
        await floor.legs("caller", "outside")
        place.hang_up()
        await caller.until(lambda c: c.ended_by == "hotline")
    record = await supervisor.record_of(ref)
    assert (record["outcome"], record["agent"]) == ("answered", "supervisor")
    assert legs_of(record)[0] == ("agent1", "queue", "answered")
    assert floor.moves(record["linkedid"]) == [
        "take-over supervisor supervisor", "room - supervisor", "consult supervisor agent2", "back supervisor -",
        "transfer supervisor outside",
    ]  # fmt: skip
    house.agrees_with_journal(record)
