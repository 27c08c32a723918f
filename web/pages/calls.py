"""Calls: the list, one record, its sound."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select
from starlette.responses import FileResponse, HTMLResponse

from hotline.db import EventRow
from hotline.errors import NotFound
from web import calls
from web.auth import Signed, require, trace
from web.console import names_in, timeline
from web.deps import Web, Wired
from web.shell import page
from web.watching import shown_to

router = APIRouter()


@router.get("/calls")
async def listed(
    web: Wired, signed: Annotated[Signed, require("call.list")], cursor: str | None = None
) -> HTMLResponse:
    async with web.house.db.read() as tx:
        found = await calls.page(tx, signed.actor, cursor=cursor)
    await trace(web, signed, "call.list", "calls")
    shown = [calls.view(row, signed.actor) for row in found.rows]
    return await page(web, signed, "calls/index.html", {"calls": shown, "next_cursor": found.next_cursor})


@router.get("/calls/{call_id}")
async def show(call_id: UUID, web: Wired, signed: Annotated[Signed, require("call.view")]) -> HTMLResponse:
    async with web.house.db.read() as tx:
        found = await calls.one(tx, call_id, signed.actor)
        rows = await tx.session.scalars(select(EventRow).where(EventRow.call_id == call_id).order_by(EventRow.seq))
        events = shown_to(signed.actor, list(rows), shows_listeners=web.house.settings.supervision_shown)
        entries = timeline(events, await names_in(tx, events))
    await trace(web, signed, "call.view", str(call_id))
    context = {"call": calls.view(found, signed.actor), "timeline_entries": entries}
    return await page(web, signed, "calls/show.html", context)


@router.get("/recordings/{recording_id}")
async def play(recording_id: UUID, web: Wired, signed: Annotated[Signed, require("recording.play")]) -> FileResponse:
    """The sound, whole or by Range. Each asking leaves a trace: seeking into the middle is listening too."""
    async with web.house.db.read() as tx:
        row, _found = await calls.recording(tx, recording_id, signed.actor)
    return await sound(web, signed, row.file, recording_id)


async def sound(web: Web, signed: Signed, file: str, recording_id: UUID) -> FileResponse:
    """Raises NotFound when the file is not below the recordings directory or not there yet."""
    folder = web.house.settings.recordings_dir.resolve()
    path = (folder / file).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise NotFound("The recording's file is not there.")
    await trace(web, signed, "recording.play", str(recording_id))
    return FileResponse(path, media_type="audio/wav", headers={"Cache-Control": "private, no-store"})
