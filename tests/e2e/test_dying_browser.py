"""An agent's browser dies in the middle of a call: the caller is first in line, the next phone rings within seconds,
the agent is shown without a phone, and a page that comes back is offered the caller again.
"""

import logging
import time
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.conftest import People
from tests.e2e.dying import Doomed, doomed
from tests.e2e.house import House, until
from tests.e2e.screens import PATIENT, AgentPage

_each = pytest_asyncio.fixture(loop_scope="session")
log = logging.getLogger(__name__)
CLOSED_S, FROZEN_S, ALONE_S = 5.0, 10.0, 15.0  # from the death to the next ring


@_each
async def dying(people: People) -> AsyncIterator[Doomed]:
    async with doomed() as browser:
        yield browser


class Doubles(People):
    """The same people in a browser that will die: what its pages complain of in the end is not asked."""

    def __init__(self, people: People, browser: Doomed) -> None:
        super().__init__(browser.browser, people._cookies)


async def rings_within(seconds: float, since: float, agent: AgentPage) -> None:
    await agent.phone_is("ringing", timeout_s=seconds + 5)
    took = time.monotonic() - since
    log.info("the next phone rang after %.2f s", took)
    assert took <= seconds


async def is_red(house: House, watcher: AgentPage, name: str) -> None:
    """Not in the queue's turn and without a phone, in the rows and on another screen."""
    await until(lambda: house.rows("select state, reason, phone from agent where name = ?", name)
                == [("paused", "PHONE", "lost")], what="paused without a phone")  # fmt: skip
    row = watcher.page.locator("[data-list=agents] li", has_text=name)
    await expect(row).to_have_class("agent-row state-paused", timeout=PATIENT)
    await expect(row.locator(".phone-lost")).to_be_visible(timeout=PATIENT)


def offers(house: House, ref: str) -> list[tuple[str, str]]:
    """Whose phones rang for a ticket's call, in order, and how each ended."""
    return house.rows(
        "select agent.name, offer.result from call_offer offer join agent on agent.id = offer.agent_id"
        " join contact on contact.call_id = offer.call_id join contact_ticket link on link.contact_id = contact.id"
        " join ticket on ticket.id = link.ticket_id where ticket.ref = ? order by offer.rang_at",
        ref,
    )


async def test_a_killed_browser_gives_its_caller_to_the_next_agent_with_the_ticket(
    hotline: House, people: People, dying: Doomed
) -> None:
    agent = await Doubles(people, dying).agent(hotline)
    async with hotline.caller("13800138500") as caller:
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await agent.answer()
        other = await people.agent(hotline, "agent2")
        await agent.write("说到一半")
        await agent.is_saved("summary")
        dying.kill()
        await rings_within(CLOSED_S, time.monotonic(), other)
        assert await other.popped() == ref
        await expect(other.page.locator("#field-summary")).to_have_value("说到一半")
        await other.answer()
        assert (await other.hears())["rms"] > 0.01
        assert caller.ended_by is None
        await is_red(hotline, other, "agent1")
        await other.hang_up()
    record = await other.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "agent", "agent2")
    assert offers(hotline, ref) == [("agent1", "answered"), ("agent2", "answered")]


async def test_a_frozen_page_gives_its_caller_away_and_is_ready_again_when_it_thaws(
    hotline: House, people: People, dying: Doomed
) -> None:
    agent = await Doubles(people, dying).agent(hotline)
    async with hotline.caller("13800138501"):
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await agent.answer()
        other = await people.agent(hotline, "agent2")
        dying.freeze()
        await rings_within(FROZEN_S, time.monotonic(), other)
        assert await other.popped() == ref
        await other.answer()
        await is_red(hotline, other, "agent1")
        dying.thaw()
        await agent.phone_is("none")
        await agent.is_in("ready")
        await other.hang_up()


async def test_a_page_that_dies_while_it_rings_has_missed_nothing(
    hotline: House, people: People, dying: Doomed
) -> None:
    agent = await Doubles(people, dying).agent(hotline)
    async with hotline.caller("13800138502"):
        await agent.phone_is("ringing")
        ref = await agent.popped()
        other = await people.agent(hotline, "agent2")
        dying.kill()
        await rings_within(CLOSED_S, time.monotonic(), other)
        assert await other.popped() == ref
        await is_red(hotline, other, "agent1")
        await other.answer()
        await other.hang_up()
    wanted = [("agent1", "withdrawn"), ("agent2", "answered")]
    await until(lambda: offers(hotline, ref) == wanted, what="whose phones rang is on record")
    assert hotline.rows("select misses from agent where name = 'agent1'") == [(0,)]


async def test_without_us_a_killed_browser_keeps_its_caller_no_longer_than_the_silence_is_borne(
    hotline: House, people: People, dying: Doomed
) -> None:
    agent = await Doubles(people, dying).agent(hotline)
    async with hotline.caller("13800138503") as caller:
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await agent.answer()
        other = await people.agent(hotline, "agent2")
        hotline.kill()
        dying.kill()
        await rings_within(ALONE_S, time.monotonic(), other)
        await other.answer()
        assert (await other.hears())["rms"] > 0.01
        assert caller.ended_by is None
        await hotline.start()
        await other.has(f"#panel[data-ref={ref}]")
        await is_red(hotline, other, "agent1")
        await other.hang_up()
    record = await other.record_of(ref)
    assert (record["outcome"], record["agent"]) == ("answered", "agent2")


async def test_a_reloaded_page_is_offered_its_caller_before_anybody_who_waits(hotline: House, people: People) -> None:
    """First while it rings, then in mid-call."""
    agent = await people.agent(hotline)
    async with hotline.caller("13800138504") as caller:
        await agent.phone_is("ringing")
        ref = await agent.popped()
        async with hotline.caller("13800138505"):
            await until(lambda: hotline.rows("select 1 from call where phase = 'waiting'"), what="another caller waits")
            await reload(agent)
            await rings_within(CLOSED_S, time.monotonic(), agent)
            assert await agent.popped() == ref
            await agent.answer()
            await agent.write("说到一半")
            await agent.is_saved("summary")
            await reload(agent)
            began = time.monotonic()
            notice = agent.page.locator("#cut-off .alarm")
            await expect(notice).to_contain_text("您的通话在")
            await expect(notice).to_contain_text("138****8504")
            await rings_within(CLOSED_S, began, agent)
            assert await agent.popped() == ref
            assert await agent.summary() == "说到一半"
            await agent.answer()
            await expect(notice).to_have_count(0, timeout=PATIENT)
            assert caller.ended_by is None
            await agent.hang_up()
            await caller.until(lambda c: c.ended_by == "hotline")
            await agent.is_in("wrap_up")
    record = await agent.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "agent", "agent1")
    results = [("agent1", "withdrawn"), ("agent1", "answered"), ("agent1", "answered")]
    assert offers(hotline, ref) == results
    assert hotline.rows("select misses from agent where name = 'agent1'") == [(0,)]


async def reload(agent: AgentPage) -> None:
    """The question whether the call may be left is answered with yes."""
    agent.page.once("dialog", lambda dialog: dialog.accept())
    await agent.page.reload()
    await agent.has("html[data-started]")
