"""The Asterisk that has the calls dies with its machine: the other one, the agents and their phones take the next call.

What is lost is what docs/failover.md says: calls that were up, and nothing else.
"""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from hotline.doctor import examine
from tests.e2e.caller import Caller
from tests.e2e.conftest import People
from tests.e2e.house import House, until
from tests.e2e.screens import AgentPage
from tests.e2e.twins import Twins
from tests.integration.deployment import once
from tests.integration.servers import _wanted

pytestmark = [pytest.mark.timeout(240), once("both")]
REACHED_S = 10.0
_OPEN = "select count(*) from call where ended_at is null and phase != 'merged'"


@pytest_asyncio.fixture(loop_scope="session")
async def twins(tmp_path: Path) -> AsyncIterator[Twins]:
    _wanted()
    made = Twins(tmp_path)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


async def test_calls_and_agents_go_to_the_other_asterisk(twins: Twins, people: People) -> None:
    assert "config file ok" in twins.kamailio.check()
    there = twins.houses["pbx2"]
    await says(there, "pbx1 has the agents, pbx2 stands by")
    talks = await people.agent(there, "agent1")
    rings = await people.agent(there, "agent2", ready=False)
    async with AsyncExitStack() as callers:
        talking = await callers.enter_async_context(twins.caller("13800138501"))
        await talks.phone_is("ringing")
        ref = await talks.popped()
        await talks.answer()
        await talks.write("第一句")
        await rings.is_ready()
        ringing = await callers.enter_async_context(twins.caller("13800138502"))
        await rings.phone_is("ringing")
        waiting = await callers.enter_async_context(twins.caller("13800138503"))
        await until(lambda: there.rows("select phase from call where caller_number = '13800138503'") == [("waiting",)])
        await the_first_dies(twins, talks, rings, ref)
        for lost in (talking, ringing, waiting):  # nobody tells them: their network's silence does
            assert lost.ended_by is None
    await what_was_lost(twins)
    await it_comes_back(twins, talks, rings)
    await callers_are_sent_back(twins, talks, rings)
    for page in (talks, rings):  # all screens began anew in one moment: one that was told to wait has asked again
        page.complaints[:] = [line for line in page.complaints if ": 503 " not in line]


async def the_first_dies(twins: Twins, talks: AgentPage, rings: AgentPage, ref: str) -> None:
    """Somebody who calls then reaches an agent; what the other one writes stays."""
    there = twins.houses["pbx2"]
    killed = time.monotonic()
    twins.kill("pbx1")
    async with twins.caller("13800138504") as caller:
        await rings.phone_is("ringing")
        took = time.monotonic() - killed
        sys.stdout.write(f"an agent's phone rings {took:.1f} s after the kill\n")
        assert took < REACHED_S
        await talks.is_in("wrap_up")
        await talks.write("，第二句")
        await rings.answer()
        await caller.until(lambda one: one.loudness() > 300)
        assert (await rings.hears())["rms"] > 0.01
        await until(lambda: there.rows(_OPEN) == [(1,)], what="the lines are free but for this call")
        await talks.phone_is("none")
        await rings.hang_up()
        await caller.until(lambda one: one.ended_by == "hotline")
    record = "select outcome, hangup_by, node, name from call join agent on agent.id = call.agent_id"
    wanted = [("answered", "agent", "pbx2", "agent2")]
    await until(
        lambda: there.rows(f"{record} where caller_number = '13800138504'") == wanted, what="the record is whole"
    )
    text = "select json_extract(\"values\", '$.summary') from ticket where ref = ?"
    await until(lambda: there.rows(text, ref) == [("第一句，第二句",)], what="the words of both sides of the death")


async def what_was_lost(twins: Twins) -> None:
    """The three calls that were up, each with its record and its ticket; and nothing of the agents."""
    there = twins.houses["pbx2"]
    found = there.rows(
        "select caller_number, outcome, hangup_by, phase from call where node = 'pbx1' order by caller_number"
    )
    assert found == [
        ("13800138501", "failed", "system", "ended"),
        ("13800138502", "failed", "system", "ended"),
        ("13800138503", "failed", "system", "ended"),
    ]
    assert there.rows("select count(*) from contact_ticket") == [(len(found) + 1,)]
    (owner,) = there.rows("select name from agent join call on call.agent_id = agent.id where outcome = 'failed'")
    assert owner == ("agent1",)
    states = there.rows("select state, phone, in_queue from agent where name in ('agent1', 'agent2')")
    assert set(states) <= {("wrap_up", "ok", 1), ("ready", "ok", 1)}


async def it_comes_back(twins: Twins, *pages: AgentPage) -> None:
    """In mid-call, and takes nothing: callers stay where the agents are, also when Kamailio starts anew."""
    here, there = twins.houses.values()
    async with twins.caller("13800138505") as caller:
        agent = await answers(caller, *pages)
        await here.start()
        await twins.answer("pbx1", "pbx2")
        await says(there, "pbx1 stands by, pbx2 has the agents")
        assert (await agent.hears())["rms"] > 0.01
        await agent.hang_up()
    twins.kamailio.stop()
    twins.kamailio.start()
    await twins.answer("pbx1", "pbx2")
    claims = twins.sip("pbx2").replace("sip:", "sip:active@")
    await until(lambda: twins.kamailio.states()[claims].startswith("A"), what="pbx2 says that it has the agents")
    async with twins.caller("13800138506") as caller:
        await (await answers(caller, *pages)).hang_up()
    calls = there.rows("select node from call where caller_number in ('13800138505', '13800138506')")
    assert calls == [("pbx2",), ("pbx2",)]
    assert await here.asterisk.active_calls() == 0


async def callers_are_sent_back(twins: Twins, *pages: AgentPage) -> None:
    """By hand, at a quiet hour: with the next call the agents and their phones follow."""
    twins.kamailio.ask("htable.sets", "hotline", "node", twins.sip("pbx1"))
    async with twins.caller("13800138507") as caller:
        await (await answers(caller, *pages)).hang_up()
    here = twins.houses["pbx1"]
    assert here.rows("select node from call where caller_number = '13800138507'") == [("pbx1",)]
    await says(here, "pbx1 has the agents, pbx2 stands by")


async def answers(caller: Caller, *pages: AgentPage) -> AgentPage:
    """Whoever is rung, and hears the caller."""
    for page in pages:
        if await page.page.get_attribute("#phone", "data-state") == "wrap_up":
            await page.press("F9")

    async def rung() -> AgentPage | None:
        calls = [await page.page.get_attribute("#softphone", "data-call") for page in pages]
        return next((page for page, call in zip(pages, calls, strict=True) if call == "ringing"), None)

    agent: AgentPage = await until(rung, what="a phone rings")
    await agent.answer()
    await caller.until(lambda one: one.loudness() > 300)
    assert (await agent.hears())["rms"] > 0.01
    return agent


async def says(house: House, what: str) -> None:
    """`hotline doctor`, of the nodes."""

    async def told() -> bool:
        return [one.detail for one in await examine(house.settings) if one.name == "nodes"] == [what]

    await until(told, what=what)
