"""The doorbell's contract. tests/integration/test_store_contract.py runs the same class on Redis."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from hotline.bus import Bus, InProcessBus, open_bus
from hotline.errors import StartupError
from hotline.redis_bus import RedisBus

NOBODY = "redis://:secret-word@127.0.0.1:9/0"


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    bus = open_bus("")
    yield bus
    await bus.close()


class TestBus:
    """On whatever bus the fixture opens."""

    async def test_a_ring_wakes_every_listener_of_its_channel_and_no_other(self, bus: Bus) -> None:
        async with bus.listen("log") as first, bus.listen("log") as second, bus.listen("other") as other:
            await _quiet(first, second, other)
            await bus.ring("log")
            assert await first.wait(5) and await second.wait(5)
            assert not await other.wait(0.05)

    async def test_rings_between_two_looks_count_as_one_and_none_is_forgotten(self, bus: Bus) -> None:
        async with bus.listen("log") as bell:
            await _quiet(bell)
            for _ in range(3):
                await bus.ring("log")
            assert await bell.wait(5)
            await _quiet(bell)
            await bus.ring("log")
            assert await bell.wait(5)

    async def test_without_a_ring_the_reader_looks_after_its_time(self, bus: Bus) -> None:
        async with bus.listen("log") as bell:
            await _quiet(bell)
            started = time.monotonic()
            assert not await bell.wait(0.05)
            assert 0.04 < time.monotonic() - started < 1

    async def test_a_listener_that_left_is_not_rung(self, bus: Bus) -> None:
        async with bus.listen("log") as bell:
            await _quiet(bell)
        await bus.ring("log")
        assert not await bell.wait(0.05)

    async def test_it_can_be_reached(self, bus: Bus) -> None:
        await bus.check()


async def _quiet(*bells: object) -> None:
    """Let what is on its way arrive, then forget it: a subscription's confirmation rings too."""
    for bell in bells:
        while await bell.wait(0.05):  # type: ignore[attr-defined]
            pass


def test_the_settings_choose_the_bus() -> None:
    assert isinstance(open_bus(""), InProcessBus)
    assert isinstance(open_bus(NOBODY), RedisBus)


async def test_a_dead_redis_costs_a_commit_nothing_and_own_listeners_still_hear() -> None:
    bus = RedisBus(NOBODY)
    async with bus.listen("log") as bell:
        await _quiet(bell)
        started = time.monotonic()
        for _ in range(20):
            await bus.ring("log")
        assert time.monotonic() - started < 0.5
        assert await bell.wait(1)
    await bus.close()


async def test_a_redis_that_does_not_answer_costs_a_commit_a_quarter_second_once() -> None:
    """The machine is there, the process hangs: connections open, nothing comes back."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bus = RedisBus(f"redis://127.0.0.1:{port}/0")
    started = time.monotonic()
    for _ in range(20):
        await bus.ring("log")
    assert time.monotonic() - started < 0.6
    await bus.close()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.01)  # the swallowing end sees the close


async def test_a_redis_that_cannot_be_reached_is_one_clear_line_without_its_password() -> None:
    bus = RedisBus(NOBODY)
    started = time.monotonic()
    with pytest.raises(StartupError, match="Redis cannot be reached") as caught:
        await bus.check()
    assert time.monotonic() - started < 5
    assert "\n" not in caught.value.message and "secret-word" not in caught.value.message
    await bus.close()
