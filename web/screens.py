"""One connected page: what it may see, the frames that wait for it, and when it is let go.

The queue is bounded: a page that does not read is closed and catches up when it comes back.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from hotline.access.permissions import Actor, can
from web.fragments import Group
from web.wire import Message, Put

NOT_SIGNED_IN = 4001
EXPIRED = 4003
TOO_SLOW = 4008
ORIGIN = 4010
GOING_AWAY = 1001
POLICY = 1008
TRY_LATER = 1013
QUEUE_FRAMES = 64
_SAID_CHARS = 4096
_WATCHED = 50
_CLOSE_S = 1.0


class Spent:
    """Time that all screens of a hub took to send, since somebody asked last."""

    spent_s = 0.0


class Screen:
    """One socket. `credential_id`: the session or token it came with. `watched`: refs of tickets that it shows.
    `put_now`: writes a frame at once, if it can.
    """

    def __init__(self, actor: Actor, credential_id: UUID, *, wall: bool = False, put_now: Put | None = None) -> None:
        self.actor = actor
        self.credential_id = credential_id
        self.watched: frozenset[str] = frozenset()
        self.spent = Spent()
        self.frames: asyncio.Queue[str] = asyncio.Queue(QUEUE_FRAMES)
        self._put_now = put_now
        self._behind = 0  # queued and not yet written: nothing may overtake it
        self._closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._wall = wall
        self.is_now(actor)

    def is_now(self, actor: Actor) -> None:
        """The same credential, as the accounts have it now."""
        self.actor = actor
        self.group = Group(actor.locale, can(actor, "number.live") and not self._wall)

    def put(self, message: Message) -> bool:
        """Send a frame, at once or by the queue. False: it did not fit, the screen is being closed as too slow."""
        if self._closing.done():
            return False
        if self._put_now is not None and not self._behind and self._put_now(message.frame):
            return True
        try:
            self.frames.put_nowait(message.text)
        except asyncio.QueueFull:
            self.close(TOO_SLOW)
            return False
        self._behind += 1
        return True

    def close(self, code: int) -> None:
        if not self._closing.done():
            self._closing.set_result(code)

    @property
    def close_code(self) -> int | None:
        return self._closing.result() if self._closing.done() else None

    async def serve(self, socket: WebSocket) -> None:
        """Until the page leaves or we close it."""
        sender = asyncio.create_task(self._send(socket), name="live.send")
        reader = asyncio.create_task(self._read(socket), name="live.read")
        try:
            ends: set[asyncio.Future[Any]] = {sender, reader, self._closing}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sender, reader):
                task.cancel()
            await asyncio.gather(sender, reader, return_exceptions=True)
        if self.close_code is not None:
            await close(socket, self.close_code)

    async def _send(self, socket: WebSocket) -> None:
        while True:
            text = await self.frames.get()
            try:
                began = time.monotonic()
                await socket.send_text(text)
                self.spent.spent_s += time.monotonic() - began
                self._behind -= 1
            except (WebSocketDisconnect, RuntimeError):
                return  # the page has left between two frames

    async def _read(self, socket: WebSocket) -> None:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is not None and len(text) <= _SAID_CHARS:
                self._heed(text)

    def _heed(self, text: str) -> None:
        """`{"watch": ["H-1-5", …]}`: tickets on the page, whose changes concern it. All else is ignored."""
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return
        refs = said.get("watch") if isinstance(said, Mapping) else None
        if isinstance(refs, list):
            self.watched = frozenset(ref for ref in refs[:_WATCHED] if isinstance(ref, str))


async def turn_away(socket: WebSocket, code: int) -> None:
    """Accept and close at once: only so does a page learn why. Nothing of ours is sent."""
    if socket.application_state is WebSocketState.CONNECTING:
        await socket.accept()
    await close(socket, code)


async def close(socket: WebSocket, code: int) -> None:
    """Say goodbye; a page that does not read is dropped without."""
    if socket.application_state is WebSocketState.DISCONNECTED:
        return
    try:
        async with asyncio.timeout(_CLOSE_S):
            await socket.close(code)
    except (TimeoutError, WebSocketDisconnect, RuntimeError):
        return
