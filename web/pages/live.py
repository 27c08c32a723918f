"""The socket that screens listen to."""

from typing import Annotated

from fastapi import APIRouter
from starlette.websockets import WebSocket

from web.auth import Signed, require
from web.deps import Wired
from web.screens import Screen
from web.wire import putter

router = APIRouter()


@router.websocket("/live")
async def live(
    socket: WebSocket, web: Wired, signed: Annotated[Signed, require("live.connect")], wall: bool = False
) -> None:
    """One a browser. `?after=seq`: where the page's content ends; `wall`: on a wall, where anybody may look."""
    asked = socket.query_params.get("after", "")
    after = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
    await socket.accept()
    screen = Screen(signed.actor, signed.credential_id, wall=wall, put_now=putter(socket.scope))
    try:
        await web.hub.join(screen, after)
        await screen.serve(socket)
    finally:
        web.hub.leave(screen)
