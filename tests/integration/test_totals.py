"""Mixed calls on the real Asterisk, with a kill -9 of ours among them: three sources count the same, call by call."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bench.house import house
from hotline.calls import day as days
from hotline.calls.totals import OURS, SETTLING, SOURCES, Day
from hotline.clock import local, now
from hotline.db import Database
from tests.integration import deployment
from tests.integration.pbx import Pbx, Sipp
from tests.integration.process import until
from tests.integration.test_survival import Survivor

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
SHORT, LONG, SOLE = 12, 8, 6


@pytest.fixture
async def lines() -> AsyncIterator[Survivor]:
    async with house(26500, roles=deployment.ROLES, lines="12345:5,2912345:1", wrap_up_s=0, max_wait_s=10) as made:
        await made.fill(2, 0)
        one = Survivor(made)
        try:
            await one.begin()
            await made.sign_on()
            yield one
        finally:
            await made.stop()
            await one.asterisk.stop()


def callers(lines: Survivor, count: int, first: int, hold_ms: int, **more: Any) -> Sipp:
    lab = Pbx(lines.house.settings, lines.asterisk, lines.house.directory)
    sipp = lab.calls(count, rate=1, hold_ms=hold_ms, first_number=first, **more)
    lines.house.running.append(sipp)
    return sipp


async def today(lines: Survivor) -> Day:
    """As it will be compared once the last call has had its time to settle."""
    settings = lines.house.settings
    db = Database(settings.store_url)
    try:
        at = now() + SETTLING
        async with db.read() as tx:
            return await days.read(tx, local(at, settings.timezone).date(), timezone=settings.timezone, at=at)
    finally:
        await db.close()


async def test_three_sources_count_the_same_calls_with_the_same_outcomes(lines: Survivor) -> None:
    running = [
        callers(lines, SHORT, 13800138300, 1200),
        callers(lines, LONG, 13800138400, 5000),
        callers(lines, SOLE, 13800138500, 2500, line="2912345"),
    ]
    cel = lines.asterisk.places.cel
    await until(lambda: cel.exists() and cel.read_text().count('"CHAN_START"') >= 8, "calls pass")
    lines.kill_ours()
    await until(lambda: cel.read_text().count('"CHAN_START"') >= 20, "calls pass while we are away")
    await lines.house.start()
    await asyncio.gather(*(sipp.end() for sipp in running))
    found, expected = await today(lines), SHORT + LONG + SOLE

    async def is_settled() -> bool:
        nonlocal found
        found = await today(lines)
        is_over = not (found.unread or found.going_on or found.settling)
        return is_over and found.calls == expected and not found.differences

    await until(is_settled, lambda: f"all is read, over and the same: {found}")
    assert_same(found)
    outcomes = {outcome for hour in found.hours for outcome in hour.counts[OURS].outcomes}
    assert {"answered", "blocked"} <= outcomes

    # Asterisk dies in four calls: all three have them as failed.
    callers(lines, 4, 13800138600, 60_000)
    going_on = "select count(*) from call where ended_at is null"
    await until(lambda: lines.rows(going_on) == [(4,)], "four calls go on")
    epoch = lines.epoch()
    await lines.live_again(lines.kill_asterisk(), epoch)
    expected += 4
    await until(is_settled, lambda: f"the same after Asterisk's death: {found}")
    assert_same(found)
    assert sum(hour.counts["cel"].outcomes.get("failed", 0) for hour in found.hours) == 4


def assert_same(found: Day) -> None:
    """In each source the same calls, line by line and hour by hour, and in each they add up."""
    for hour in found.hours:
        assert set(hour.counts) == set(SOURCES)
        assert hour.counts["cel"] == hour.counts["queue_log"] == hour.counts[OURS]
        assert hour.counts[OURS].adds_up
