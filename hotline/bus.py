"""The doorbell: tells readers of the event log that there is more. Carries no data; a lost ring costs one second.

In process by default, Redis (redis_bus.py) when its URL is set.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol


class Bell:
    """One listener's end. Rings between two waits count as one."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, timeout_s: float) -> bool:
        """True if it rang, False after `timeout_s`: the reader then looks anyway."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        rung = self._rung.is_set()
        self._rung.clear()
        return rung


class Bus(Protocol):
    """What the rest of the house may ask of a bus."""

    async def ring(self, channel: str) -> None:
        """Wake the channel's listeners everywhere. Never raises: the log is the truth."""

    def listen(self, channel: str) -> AbstractAsyncContextManager[Bell]:
        """A bell that rings with the channel."""

    async def check(self) -> None:
        """Raises StartupError when the bus cannot be reached."""

    async def close(self) -> None: ...


class InProcessBus:
    """Bells of this process only."""

    def __init__(self) -> None:
        self._bells: dict[str, set[Bell]] = {}

    async def ring(self, channel: str) -> None:
        for bell in self._bells.get(channel, ()):
            bell.ring()

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[Bell]:
        bell = Bell()
        bells = self._bells.setdefault(channel, set())
        bells.add(bell)
        try:
            yield bell
        finally:
            bells.discard(bell)

    async def check(self) -> None:
        return None

    async def close(self) -> None:
        return None


def open_bus(redis_url: str) -> Bus:
    """The bus that the settings ask for."""
    if not redis_url:
        return InProcessBus()
    from hotline.redis_bus import RedisBus  # noqa: PLC0415 - a tenth of the start, for those who have it

    return RedisBus(redis_url)
