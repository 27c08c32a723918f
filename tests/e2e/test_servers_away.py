"""PostgreSQL, Redis, a console or the leading worker goes while people talk and type: two workers, two consoles behind
nginx, each part a process of its own. What is on record afterwards is what was said, typed and heard.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from tests.e2e.city import START_S, WEBS, City
from tests.e2e.conftest import People
from tests.e2e.house import until
from tests.e2e.screens import PATIENT, AgentPage
from tests.e2e.test_degraded import hidden, is_stored, note, put_in, shown
from tests.integration.deployment import servers_only

pytestmark = [servers_only, pytest.mark.timeout(400)]
CALLERS = 5
POLLED_S = 1.0
SHOWN_S = 0.25  # beside the look: reading, rendering, the way to the page, on a machine that others use too
# What the board shows at once.
_SEEN = "select seq, at from event_log where seq > ? and type in ('CallStarted', 'CallEnded') order by seq"


class Live:
    """What the sockets of a browser's pages brought: Unix seconds, frame. `opened`: how many there were."""

    def __init__(self, context: BrowserContext) -> None:
        self.frames: list[tuple[float, dict[str, Any]]] = []
        self.opened = 0
        context.on("page", lambda page: page.on("websocket", self._on_socket))

    def _on_socket(self, socket: Any) -> None:
        if "/live" in socket.url:
            self.opened += 1
            socket.on("framereceived", lambda text: self.frames.append((time.time(), json.loads(text))))

    def shown_at(self, seq: int) -> float | None:
        """When the screen was first as of this event or later."""
        return next((at for at, frame in self.frames if frame["seq"] >= seq and frame.get("patches")), None)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running_city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    short: dict[str, Any] = {"lines": "12345:20,2912345:1", "ring_s": 20, "max_wait_s": 30, "wrap_up_s": 3}
    city = City.found(tmp_path_factory.mktemp("city"), 800, **short)
    try:
        await city.start()
        city.shorten_prompts()
        yield city
    finally:
        await city.stop()
        city.close()


@pytest_asyncio.fixture(loop_scope="session")
async def city(running_city: City) -> AsyncIterator[City]:
    yield running_city
    await running_city.sweep()


@asynccontextmanager
async def without_postgres(city: City, how: str, agent: AgentPage) -> AsyncIterator[None]:
    """Inside the screen says that it is old; afterwards that it is not."""
    await asyncio.to_thread(city.postgres.stop, how)
    await shown(agent, "#stale [data-stale-since]")
    yield
    await asyncio.to_thread(city.postgres.start)
    await hidden(agent, "#stale [data-stale-since]")


def only_refusals(agent: AgentPage) -> None:
    """What is answered without a database (503) or for a console that died (502); nothing else went wrong."""
    agent.complaints = [line for line in agent.complaints if " 503 " not in line and " 502 " not in line]


async def test_while_postgresql_is_away_every_word_and_every_ring_has_its_place(city: City, people: People) -> None:
    agent = await people.agent(city)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(city.caller("13800138600"))
        await agent.phone_is("ringing")
        first = await agent.popped()
        await agent.answer()
        await agent.write("先说的话")
        await agent.is_saved("summary")
        async with without_postgres(city, "fast", agent):
            await agent.write("，库停了")
            await expect(agent.box("summary").locator("[data-status]")).to_have_attribute(
                "data-kind", "kept", timeout=PATIENT
            )
            await agent.sound_flows()
            await agent.hang_up()
            caller = await stack.enter_async_context(city.caller("13800138601"))
            await agent.phone_is("ringing")
            await agent.answer()
            await expect(note(agent)).to_have_attribute("data-state", "writing", timeout=PATIENT)
            await agent.press("Alt+s")
            await agent.page.keyboard.type("没有库也要写")
            await agent.sound_flows()
            assert caller.ended_by is None
        await is_stored(city, first, "先说的话，库停了")
        await agent.has(f"#panel[data-ref]:not([data-ref={first}])")
        second = await agent.ref()
        await put_in(agent, second)
        await is_stored(city, second, "没有库也要写")
        await agent.hang_up()
    records = [await agent.record_of(ref) for ref in (first, second)]
    assert [(one["outcome"], one["hangup_by"], one["caller_number"]) for one in records] == [
        ("answered", "agent", "138****8600"), ("answered", "agent", "138****8601")
    ]  # fmt: skip
    for record in records:
        city.agrees_with_journal(record)
    await hidden(agent, "#kept")
    only_refusals(agent)


@pytest.mark.parametrize("how", ["immediate", "kill"])
async def test_a_word_that_postgresql_died_upon_is_there_once(city: City, people: People, how: str) -> None:
    agent = await people.agent(city)
    async with city.caller("13800138610"):
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await agent.answer()
        await agent.write("在这一刻")
        async with without_postgres(city, how, agent):
            await agent.write("，还在写")
        await is_stored(city, ref, "在这一刻，还在写")
        await agent.hang_up()
    assert (await agent.record_of(ref))["outcome"] == "answered"
    only_refusals(agent)


async def test_without_redis_screens_follow_within_a_second_and_everything_goes_on(city: City, people: People) -> None:
    context = await people.context(city, "agent1")
    live = Live(context)
    agent = await people.console(city, context, "agent1", ready=False)
    with_bell = await delays(city, live)
    await asyncio.to_thread(city.stop_redis)
    try:
        polled = await delays(city, live)
        await agent.is_ready()
        async with city.caller("13800138620"):
            await agent.phone_is("ringing")
            ref = await agent.popped()
            await agent.answer()
            await agent.write("没有铃声")
            await is_stored(city, ref, "没有铃声")
            await agent.hang_up()
        assert (await agent.record_of(ref))["outcome"] == "answered"
    finally:
        await asyncio.to_thread(city.start_redis)
    sys.stdout.write(f"event to screen: {max(with_bell):.2f} s with Redis, {max(polled):.2f} s without\n")
    assert max(polled) <= POLLED_S + SHOWN_S, polled


async def delays(city: City, live: Live) -> list[float]:
    """Seconds from what Asterisk told to the screen that shows it, of callers who come and go."""
    begun = int(city.rows("select max(seq) from event_log")[0][0])
    sipp = city.callers(CALLERS, hold_ms=500, rate=1, period_ms=900)
    await sipp.end()

    def all_shown() -> list[tuple[int, str]] | None:
        told = [(int(seq), str(at)) for seq, at in city.rows(_SEEN, begun)]
        return told if len(told) == 2 * CALLERS and live.shown_at(told[-1][0]) is not None else None

    told = await until(all_shown, what="the screen shows all that happened")
    return [(live.shown_at(seq) or 0) - datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() for seq, at in told]


async def test_a_screen_whose_console_or_leader_is_killed_in_mid_call_goes_on_at_the_others(
    city: City, people: People
) -> None:
    context = await people.context(city, "agent1")
    live = Live(context)
    agent = await people.console(city, context, "agent1", ready=True)
    text = "开始"
    async with city.caller("13800138630") as caller:
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await agent.answer()
        await agent.write(text)
        for number in WEBS:  # one of them is this screen's
            city.processes[number].kill()
            city.processes[number].wait()
            await agent.write(f"，{number}")
            text += f"，{number}"
            await is_stored(city, ref, text)
            city.spawn_again(number)
            await until(lambda: city.are_ready, what="both consoles answer", timeout_s=START_S)
        await hidden(agent, "#offline")
        assert live.opened >= 2
        assert not any(frame.get("reload") for _at, frame in live.frames)
        leader = city.leader()
        assert leader is not None
        city.processes[leader].kill()
        city.processes[leader].wait()
        await agent.write("，还在")
        await agent.sound_flows()
        await until(lambda: city.leader() not in {None, leader}, what="the standby leads")
        city.spawn_again(leader)
        await is_stored(city, ref, f"{text}，还在")
        assert caller.ended_by is None
        await agent.hang_up()

    async def whole() -> dict[str, Any] | None:
        """Hung up before the new leader listens, how it ended comes from Asterisk's journal, a moment later."""
        found = await agent.record_of(ref)
        return found if found["hangup_by"] else None

    record: dict[str, Any] = await until(whole, what="the record is whole")
    assert (record["outcome"], record["hangup_by"]) == ("answered", "agent")
    city.agrees_with_journal(record)
    await agent.is_in("ready")
    only_refusals(agent)
