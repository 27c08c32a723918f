"""The queue board, also alone on a wall display."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from hotline.access.permissions import can
from web.auth import Signed, require
from web.deps import Wired
from web.shell import page, part

router = APIRouter()
Viewer = Annotated[Signed, require("board.view")]


@router.get("/board")
async def board(web: Wired, signed: Viewer, wall: bool = False) -> HTMLResponse:
    shown = await web.hub.board(full=can(signed.actor, "number.live") and not wall)
    return await page(web, signed, "board/index.html", {"board": shown, "wall": wall})


@router.get("/board/rows")
async def rows(web: Wired, signed: Viewer) -> HTMLResponse:
    """All rows anew, for a screen that was away too long."""
    shown = await web.hub.board(full=can(signed.actor, "number.live"))
    return await part(web, signed, "board/_all.html", {"board": shown, **web.hub.position})
