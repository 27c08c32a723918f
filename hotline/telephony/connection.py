"""One socket to Asterisk's manager: bytes in and out, replies to those who asked, events to the client as batches.

Used by telephony.client alone, a new one for every connect, so that nothing of an old socket can reach a new session.
Its reader does nothing but read: no handler runs here.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import cast

from hotline.errors import NotDone, TelephonyError
from hotline.telephony.messages import Message
from hotline.telephony.parser import Block, Counts, Parser

_MOST_UNSENT = 1024 * 1024
_MOST_ROWS = 100_000
_FAREWELL = 1.0
IN_TIME = "Asterisk did not answer in time."
GONE = "There is no connection to Asterisk."


@dataclass(slots=True)
class Metrics:
    """Counters since the process began; the web side shows them. `queued`: messages waiting for the handler now."""

    bytes_in: int = 0
    connects: int = 0
    disconnects: int = 0
    refused_logins: int = 0
    actions: int = 0
    refused_actions: int = 0
    deadlines: int = 0
    late_replies: int = 0
    list_retries: int = 0
    snapshots: int = 0
    overflows: int = 0
    handler_errors: int = 0
    lost_batches: int = 0
    queued: int = 0
    queued_most: int = 0
    parser: Counts = field(default_factory=Counts)

    def flat(self) -> dict[str, int]:
        """name → value, the parser's counts among them."""
        values = asdict(self)
        return {**values.pop("parser"), **values}


class _Listing:
    """Rows that answer one list command, until Asterisk says that they are complete."""

    __slots__ = ("done", "rows")

    def __init__(self) -> None:
        self.rows: list[Block] = []
        self.done: asyncio.Future[Block] = asyncio.get_running_loop().create_future()


class Connection(asyncio.Protocol):
    """`on_batch` gets all messages that one read completed and may say no. `closed` gives the reason of the end."""

    def __init__(
        self,
        parser: Parser,
        metrics: Metrics,
        on_batch: Callable[[list[Message]], bool],
        on_lost: Callable[[], None],
        on_reply: Callable[[Block], None] | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.parser = parser
        self.metrics = metrics
        self.heard = False
        self.banner: asyncio.Future[str] = loop.create_future()
        self.closed: asyncio.Future[str] = loop.create_future()
        self.on_reply = on_reply
        self._on_batch = on_batch
        self._on_lost = on_lost
        self._lost = parser.counts.lost
        self._transport: asyncio.Transport | None = None
        self._pending: dict[str, asyncio.Future[Block]] = {}
        self._listings: dict[str, _Listing] = {}
        parser.rows = False

    # -- from the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A stream's transport by create_connection's promise; uvloop's is one without being the class.
        self._transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        if self.closed.done():
            return
        self.heard = True
        self.metrics.bytes_in += len(data)
        items = self.parser.feed(data)
        if not self.banner.done() and self.parser.begun:
            self._greeted()
        batch: list[Message] = []
        for item in items:
            if isinstance(item, Block):
                self._route(item)
            else:
                batch.append(item)
        if self.parser.counts.lost != self._lost:
            self._lost = self.parser.counts.lost
            self._on_lost()
        if batch and not self._on_batch(batch):
            self.close("more messages than the handler takes")

    def eof_received(self) -> bool:
        self.close("Asterisk closed the connection")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.close("connection lost" if error is None else f"connection lost: {error}")

    def _greeted(self) -> None:
        if self.parser.banner is None:
            self.close("whoever listens there is not Asterisk's manager")
        else:
            self.banner.set_result(self.parser.banner)

    def _route(self, block: Block) -> None:
        action_id = block.get("ActionID", "")
        if block.is_response:
            if self.on_reply is not None:
                self.on_reply(block)
            waiting = self._pending.pop(action_id, None)
            if waiting is None or waiting.done():
                self.metrics.late_replies += 1
            else:
                waiting.set_result(block)
            return
        listing = self._listings.get(action_id)
        if listing is None or listing.done.done():
            return
        if "EventList" in block:
            listing.done.set_result(block)
        elif len(listing.rows) < _MOST_ROWS:
            listing.rows.append(block)

    # -- to the socket

    async def ask(self, action_id: str, text: bytes, deadline: float) -> Block:
        """Send a command; the reply, whatever it says. Raises TelephonyError: deadline, lost; NotDone: unsent."""
        reply = self._expect(action_id)
        try:
            async with asyncio.timeout(deadline):
                self.write(text)
                return await reply
        except TimeoutError:
            self.metrics.deadlines += 1
            raise TelephonyError(IN_TIME) from None
        finally:
            self._pending.pop(action_id, None)

    async def list(self, action_id: str, text: bytes, deadline: float) -> tuple[list[Block], Block]:
        """Send a list command and return its rows and what ended them (or the reply that refused it)."""
        listing = self._listings[action_id] = _Listing()
        self.parser.rows = True
        reply = self._expect(action_id)
        try:
            async with asyncio.timeout(deadline):
                self.write(text)
                answer = await reply
                end = answer if answer.failed else await listing.done
                return listing.rows, end
        except TimeoutError:
            self.metrics.deadlines += 1
            raise TelephonyError(IN_TIME) from None
        finally:
            self._pending.pop(action_id, None)
            self._listings.pop(action_id, None)
            self.parser.rows = bool(self._listings)

    def write(self, text: bytes) -> None:
        if self._transport is None or self.closed.done() or self._transport.is_closing():
            raise NotDone(GONE)
        if self._transport.get_write_buffer_size() > _MOST_UNSENT:
            raise NotDone("Asterisk does not take commands.")
        self._transport.write(text)

    def close(self, reason: str, *, last: bytes = b"") -> None:
        """End it now; everybody who waits for a reply is told. `last`: still sent, if the socket takes it."""
        if self.closed.done():
            return
        self.closed.set_result(reason)
        if self._transport is not None:
            if last and not self._transport.is_closing():
                self._transport.write(last)
                self._transport.close()
                asyncio.get_running_loop().call_later(_FAREWELL, self._transport.abort)
            else:
                self._transport.abort()
        waiting = [*self._pending.values(), *(listing.done for listing in self._listings.values())]
        for future in waiting:
            if not future.done():
                future.set_exception(TelephonyError(GONE))
                future.exception()  # looked at, so that asyncio does not complain when nobody waits any more
        if not self.banner.done():
            self.banner.set_exception(TelephonyError(f"{GONE[:-1]}: {reason}."))
            self.banner.exception()

    def _expect(self, action_id: str) -> asyncio.Future[Block]:
        if self.closed.done():
            raise NotDone(GONE)
        future: asyncio.Future[Block] = asyncio.get_running_loop().create_future()
        self._pending[action_id] = future
        return future
