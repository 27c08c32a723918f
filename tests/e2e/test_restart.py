"""Our process dies in the middle of a call: call, end and wrap-up go on without it, and it finds them again.

Asterisk dies: the page notices, and its phone takes the next call.
"""

import os
import signal
import time

from playwright.async_api import Route, expect

from tests.e2e.conftest import People
from tests.e2e.house import House, seconds, until
from tests.e2e.screens import PATIENT


async def test_a_killed_process_ends_no_call_and_is_not_needed_for_the_wrap_up(brisk: House, people: People) -> None:
    agent = await people.agent(brisk)
    board = await people.at(brisk, "supervisor", "/board")
    async with brisk.caller("13800138400") as caller:
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await agent.answer()
        await agent.write("第一句")
        await agent.is_saved("summary")
        brisk.kill()
        await agent.write("，第二句")
        await agent.sound_flows()
        assert (await agent.hears())["rms"] > 0.01
        assert caller.ended_by is None
        await expect(agent.page.locator("#offline")).to_be_visible(timeout=PATIENT)
        await agent.hang_up()
        await caller.until(lambda c: c.ended_by == "hotline")
        ended = time.time()
    (endpoint,) = brisk.rows("select endpoint from agent where name = ?", agent.name)[0]

    async def paused() -> bool:
        told = await brisk.asterisk.cli("queue show hotline")
        return any(endpoint in line and "paused:ACW" in line for line in told.splitlines())

    await until(paused, what="the dialplan's own wrap-up pause")
    pid = brisk.asterisk.pid()
    await brisk.start()
    back = time.time()
    assert brisk.asterisk.pid() == pid
    # Without a reload: the text arrives, the call is on record, the wrap-up shows and ends when it was to end.
    await until(lambda: brisk.rows("select json_extract(\"values\", '$.summary') from ticket where ref = ?", ref)
                == [("第一句，第二句",)], what="the text")  # fmt: skip
    await expect(agent.page.locator("#offline")).to_be_hidden(timeout=PATIENT)
    record = await agent.record_of(ref)
    assert record["outcome"] == "answered"
    await agent.is_in("ready")
    (since,) = brisk.rows("select since from agent where name = ?", agent.name)[0]
    due = max(ended + brisk.settings.wrap_up_s, back)
    assert due - 2 <= seconds(f"{since}+00:00") <= due + 3
    await expect(board.page.locator("[data-list=calls] li")).to_have_count(0, timeout=PATIENT)
    await expect(board.page.locator("[data-list=agents] li", has_text="agent1")).to_have_class("agent-row state-ready")
    async with brisk.caller("13800138401"):
        await agent.phone_is("ringing")
        await agent.has(f"#panel[data-ref]:not([data-ref='{ref}'])")
        await agent.answer()
        await agent.hang_up()


async def kill_asterisk(house: House) -> None:
    """Returns when another one takes calls."""
    pid, boot = house.asterisk.pid(), house.rows("select boot from pbx_node")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: house.rows("select boot from pbx_node where state = 'live'") not in ([], boot), what="live")


async def test_a_phone_whose_asterisk_dies_rings_for_the_next_call(brisk: House, people: People) -> None:
    """First while it rings, then while they talk. Its page's word that it is lost arrives when it is back already."""
    agent = await people.agent(brisk)

    async def late(route: Route) -> None:
        await agent.has("#softphone[data-phone=registered]")
        await route.continue_()

    async with brisk.caller("13800138402"):
        await agent.phone_is("ringing")
        await agent.page.route("**/me/phone/lost", late)
        await kill_asterisk(brisk)
        await agent.phone_is("none")
    await agent.is_in("ready")
    async with brisk.caller("13800138403"):
        await agent.phone_is("ringing")
        await agent.answer()
        await kill_asterisk(brisk)
        await agent.phone_is("none")
    await agent.is_in("ready")
    async with brisk.caller("13800138404"):
        await agent.phone_is("ringing")
        await agent.answer()
        assert (await agent.hears())["rms"] > 0.01
        await agent.hang_up()
