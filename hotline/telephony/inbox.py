"""What the reader puts away and the handlers take, in one order: batches of messages, and snapshots between them.

Between telephony.connection (which never waits) and the worker (which waits for its database). Bounded; a handler that
fails is logged and counted and ends nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import chain

import structlog

from hotline.errors import TelephonyError
from hotline.telephony.connection import Metrics
from hotline.telephony.messages import FullyBooted, Message, Snapshot

OnBatch = Callable[[Sequence[Message]], Awaitable[None]]
OnSnapshot = Callable[[Snapshot], Awaitable[None]]
log = structlog.get_logger()
_TOGETHER = 200


class _Sync:
    """A snapshot on its way through the queue, with what arrived while it was taken."""

    __slots__ = ("batches", "done", "snapshot")

    def __init__(self, snapshot: Snapshot, batches: list[list[Message]]) -> None:
        self.snapshot = snapshot
        self.batches = batches
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Inbox:
    """`limit`: messages, over all batches. `gather`: seconds for which a batch waits for the rest of its burst. `stale`
    is set when a batch was lost and a snapshot must make it good, `urgent` when that must be now.
    """

    def __init__(
        self, name: str, limit: int, metrics: Metrics, on_batch: OnBatch, on_snapshot: OnSnapshot | None,
        *, gather: float = 0.0,
    ) -> None:  # fmt: skip
        self.name = name
        self.booted = asyncio.Event()
        self.stale, self.urgent = asyncio.Event(), asyncio.Event()
        self._limit = limit
        self._gather = gather
        self._metrics = metrics
        self._on_batch = on_batch
        self._on_snapshot = on_snapshot
        self._queue: asyncio.Queue[list[Message] | _Sync] = asyncio.Queue()
        self._ahead: _Sync | None = None
        self._held: list[list[Message]] | None = None
        self._synced = False

    def put(self, batch: list[Message]) -> bool:
        """False when that is more than the handler will take: give up the connection, begin anew from a snapshot."""
        if self._metrics.queued + len(batch) > self._limit:
            self._metrics.overflows += 1
            log.error("ami.overflow, starting anew", client=self.name, queued=self._metrics.queued)
            return False
        self._count(len(batch))
        if self._held is None:
            self._queue.put_nowait(batch)
            return True
        self._held.append(batch)
        if not self.booted.is_set() and any(isinstance(message, FullyBooted) for message in batch):
            self.booted.set()
        return True

    def begin(self) -> None:
        """A new connection: hold everything until its snapshot."""
        self.booted.clear()
        self._held = []

    def hold(self) -> None:
        """A snapshot is about to be taken."""
        self.stale.clear()
        self.urgent.clear()
        if self._held is None:
            self._held = []

    def apply(self, snapshot: Snapshot) -> asyncio.Future[None]:
        """Queue the snapshot and, behind it, what was held. Done when the handlers have both."""
        held = self._held or []
        sync = _Sync(replace(snapshot, behind=tuple(chain.from_iterable(held))), held)
        self._held = None
        self._queue.put_nowait(sync)
        return sync.done

    def end(self) -> None:
        """The connection is over before its snapshot came. What was held are facts all the same once there is a state
        that they change; before the first snapshot there is none.
        """
        for batch in self._held or ():
            if self._synced:
                self._queue.put_nowait(batch)
            else:
                self._count(-len(batch))
        self._held = None

    async def drained(self) -> None:
        """All that was put before is handled."""
        await self._queue.join()

    async def run(self) -> None:
        """Hand over, one at a time, until cancelled. What waits already goes along: one transaction for all of it."""
        while True:
            item = self._ahead or await self._queue.get()
            self._ahead, taken = None, 1
            try:
                if isinstance(item, _Sync):
                    await self._synchronise(item)
                else:
                    if self._gather and self._queue.empty():
                        # One step of a call is a burst of messages: the rest of it is on its way.
                        await asyncio.sleep(self._gather)
                    while len(item) < _TOGETHER and not self._queue.empty():
                        following = self._queue.get_nowait()
                        if isinstance(following, _Sync):
                            self._ahead = following
                            break
                        item = item + following
                        taken += 1
                    await self._handle(item)
            finally:
                for _ in range(taken):
                    self._queue.task_done()

    async def _synchronise(self, sync: _Sync) -> None:
        try:
            if self._on_snapshot is not None:
                await self._on_snapshot(sync.snapshot)
        except Exception as error:
            self._metrics.handler_errors += 1
            log.exception("ami.snapshot handler failed", client=self.name, error=type(error).__name__)
            self._count(-sum(map(len, sync.batches)))
            if not sync.done.done():
                sync.done.set_exception(TelephonyError("the snapshot could not be taken in"))
                sync.done.exception()  # looked at: the connection may be gone and nobody wait
            return
        self._synced = True
        self._metrics.snapshots += 1
        for batch in sync.batches:
            await self._handle(batch)
        if not sync.done.done():
            sync.done.set_result(None)

    async def _handle(self, batch: list[Message]) -> None:
        try:
            await self._on_batch(batch)
        except Exception as error:
            self._metrics.handler_errors += 1
            self._metrics.lost_batches += 1
            log.exception("ami.batch handler failed", client=self.name, messages=len(batch), error=type(error).__name__)
            self.stale.set()
        finally:
            self._count(-len(batch))

    def _count(self, more: int) -> None:
        self._metrics.queued += more
        self._metrics.queued_most = max(self._metrics.queued_most, self._metrics.queued)
