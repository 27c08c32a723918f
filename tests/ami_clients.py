"""AMI clients for tests: with small timings, and an ear that hears what a worker would, in order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from hotline.telephony.client import AmiClient, Timing
from hotline.telephony.messages import Hangup, Message, Snapshot
from tests.fake_asterisk import SECRET, FakeAsterisk, channel_event

MEMBER = (
    ("Event", "QueueMember"),
    ("Queue", "hotline"),
    ("Name", "a7f3"),
    ("Location", "PJSIP/a7f3"),
    ("Status", "1"),
    ("Paused", "0"),
)
DEVICE = (("Event", "DeviceStateChange"), ("Device", "PJSIP/a7f3"), ("State", "NOT_INUSE"))
FAST = Timing(
    connect=5, deadline=5, list_deadline=5, boot=0.5, ping_every=5, dead_after=25, backoff_first=0.001,
    backoff_most=0.004, refused=0.02, steady=5, resync_pause=0.001, drift_check=60, gather=0,
)  # fmt: skip
AT = 1778284800.25


class Heard:
    """What a worker would see, in order."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.states: list[str] = []
        self.batches: list[Sequence[Message]] = []
        self._news = asyncio.Condition()

    async def batch(self, batch: Sequence[Message]) -> None:
        self.batches.append(batch)
        await self._add(*batch)

    async def snapshot(self, snapshot: Snapshot) -> None:
        await self._add(snapshot)

    async def state(self, state: str) -> None:
        self.states.append(state)
        await self._add()

    async def _add(self, *items: Any) -> None:
        self.log += items
        async with self._news:
            self._news.notify_all()

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(what)

    def causes(self) -> list[int]:
        return [item.cause for item in self.log if isinstance(item, Hangup)]

    def snapshots(self) -> list[Snapshot]:
        return [item for item in self.log if isinstance(item, Snapshot)]


def hangup(n: int) -> bytes:
    """Tests tell messages apart by their cause."""
    return channel_event("Hangup", AT, f"pbx1-1778284800.{n}", ("Cause", str(n)))


def timing(**changes: float) -> Timing:
    return Timing(**{name: getattr(FAST, name) for name in FAST.__slots__} | changes)


@asynccontextmanager
async def running(
    ami: FakeAsterisk, heard: Heard | None = None, *, wait: bool = True, **more: Any
) -> AsyncIterator[AmiClient]:
    """An events client when somebody hears, else an actions client; live before the block begins."""
    handlers: dict[str, Any] = {}
    if heard is not None:
        handlers = {"on_batch": heard.batch, "on_snapshot": heard.snapshot, "on_state": heard.state}
    settings: dict[str, Any] = {"user": "events", "secret": SECRET, "timing": FAST, **handlers, **more}
    client = AmiClient(host="127.0.0.1", port=ami.port, **settings)
    task = asyncio.create_task(client.run())
    try:
        if wait:
            async with asyncio.timeout(5):
                await client.wait_live()
        yield client
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def soon(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not what():
            await asyncio.sleep(0.001)
