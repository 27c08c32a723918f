"""What one message to many screens costs: encoded once as a WebSocket frame, then written to each socket at once.

uvicorn's own way to send is several calls deep and encodes for each socket anew; a board's change goes to all of them.
Nothing here waits: a socket whose buffer is full takes nothing, and the message goes the ordinary way (web.screens).
"""

from collections.abc import Callable
from functools import cached_property
from typing import cast

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

Put = Callable[[bytes], bool]
_PUT = "hotline.put"


class Message:
    """A text for however many screens. `frame`: as it stands on the wire (RFC 6455, section 5.2: unmasked, whole)."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def frame(self) -> bytes:
        return Frame(Opcode.TEXT, self.text.encode()).serialize(mask=False)


class Socket(WebSocketsSansIOProtocol):
    """uvicorn's, which also takes a ready frame. Without extensions only: a compressed frame is its socket's own."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not (self.close_sent or self.conn.extensions):
            cast(Scope, self.scope)[_PUT] = self.put

    def put(self, frame: bytes) -> bool:
        """Write it now. False: the socket is not open, or waits for its page to read."""
        is_open = self.handshake_complete and not (self.close_sent or self.disconnected)
        if not is_open or not self.writable.is_set() or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True


def putter(scope: Scope) -> Put | None:
    """How to write to this socket at once; None where the server cannot."""
    return cast(Put | None, scope.get(_PUT))
