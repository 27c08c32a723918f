"""A message is encoded once; what waits for a page that does not read is not overtaken."""

import asyncio
from typing import Any, cast

from starlette.websockets import WebSocket

from hotline.access.permissions import Actor
from hotline.ids import new_id
from web.screens import Screen
from web.wire import Message

_ACTOR = Actor(account_id=new_id(), role="agent", name="agent")


def test_a_frame_is_the_standards() -> None:
    """RFC 6455, section 5.7: a single-frame unmasked text message; 5.2: 16 bits of length from 126 on."""
    assert Message("Hello").frame == b"\x81\x05Hello"
    assert Message("好" * 100).frame == b"\x81\x7e\x01\x2c" + ("好" * 100).encode()


class _Page:
    """A socket whose buffer is full until it is `read`."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.is_full = False
        self.read = asyncio.Event()

    def put(self, frame: bytes) -> bool:
        if self.is_full:
            return False
        self.got.append(frame[2:])
        return True

    async def send_text(self, text: str) -> None:
        await self.read.wait()
        self.got.append(text.encode())

    async def receive(self) -> Any:
        await asyncio.Event().wait()


async def test_what_waits_is_not_overtaken() -> None:
    page = _Page()
    screen = Screen(_ACTOR, new_id(), put_now=page.put)
    serving = asyncio.create_task(screen.serve(cast(WebSocket, page)))
    assert screen.put(Message("1"))
    assert page.got == [b"1"]  # at once, no turn of the loop needed
    page.is_full = True
    assert screen.put(Message("2"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the sender has it and waits for the page
    page.is_full = False
    assert screen.put(Message("3"))
    page.read.set()
    while len(page.got) < 3:
        await asyncio.sleep(0)
    assert screen.put(Message("4"))
    assert page.got == [b"1", b"2", b"3", b"4"]
    serving.cancel()
