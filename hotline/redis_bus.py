"""The doorbell over Redis: the only module that imports it, and itself imported only where a URL asks for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from hotline.bus import Bell, InProcessBus
from hotline.errors import StartupError

log = structlog.get_logger()
_RETRY_S = 1.0
_RING_S = 0.25
_CONNECT_S = 5.0


class RedisBus:
    """Publish/subscribe. While Redis is away this process's own listeners are rung, others poll, and we reconnect."""

    def __init__(self, url: str) -> None:
        # A commit waits for its ring: no second try, and one that hangs is given up at once.
        once = Retry(NoBackoff(), 0)
        self._publisher = Redis.from_url(url, socket_timeout=_RING_S, socket_connect_timeout=_RING_S, retry=once)
        self._subscriber = Redis.from_url(
            url, socket_timeout=None, socket_connect_timeout=_CONNECT_S, socket_keepalive=True, retry=once
        )
        self._own = InProcessBus()
        self._away_until = 0.0

    async def ring(self, channel: str) -> None:
        if monotonic() >= self._away_until:
            try:
                async with asyncio.timeout(_RING_S):
                    await self._publisher.publish(f"hotline:{channel}", b"")
            except (RedisError, OSError) as error:  # TimeoutError is an OSError
                log.warning("bus.ring lost", error=type(error).__name__)
                self._away_until = monotonic() + _RETRY_S
            else:
                return
        await self._own.ring(channel)

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[Bell]:
        tried = asyncio.Event()
        async with self._own.listen(channel) as bell:
            task = asyncio.create_task(self._pump(channel, bell, tried), name=f"bus:{channel}")
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_RETRY_S):
                        await tried.wait()
                yield bell
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _pump(self, channel: str, bell: Bell, tried: asyncio.Event) -> None:
        while True:
            try:
                async with self._subscriber.pubsub() as pubsub:
                    await pubsub.subscribe(f"hotline:{channel}")
                    async for message in pubsub.listen():
                        # The confirmation rings too: something may have been missed before it.
                        bell.ring()
                        if message["type"] == "subscribe":
                            tried.set()
            except (RedisError, OSError) as error:
                log.warning("bus.listen lost", channel=channel, error=type(error).__name__)
                tried.set()
                await asyncio.sleep(_RETRY_S)

    async def check(self) -> None:
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._subscriber.ping()
        except (RedisError, OSError) as error:
            reason = str(error).splitlines() or [type(error).__name__]
            raise StartupError(f"Redis cannot be reached: {reason[0]}") from error

    async def close(self) -> None:
        await self._publisher.aclose()
        await self._subscriber.aclose()
