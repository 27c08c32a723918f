"""What an agent has the hotline say into their talk: to who cannot speak, to who abuses. And the answers by key."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import bindparam, select
from starlette.requests import Request
from starlette.responses import HTMLResponse

from hotline.agents.call_control import on_call
from hotline.calls.models import SilentSwitch
from hotline.db import EventRow, Tx
from web.auth import Signed, require
from web.deps import Wired
from web.forms import read_form
from web.pages.me import own_agent
from web.shell import part

router = APIRouter()
_DONE = HTTPStatus.NO_CONTENT
Speaker = Annotated[Signed, require("call.say")]
_ANSWERS = (
    select(EventRow.at, EventRow.data)
    .where(EventRow.call_id == bindparam("call"), EventRow.type == "CallerKeyed")
    .order_by(EventRow.seq.desc())
    .limit(8)
)


@dataclass(frozen=True, slots=True)
class Said:
    """`silent_since`: the caller cannot speak, their keys are answers; newest first, with when."""

    silent_since: datetime | None = None
    answers: tuple[tuple[datetime, str], ...] = ()


@router.post("/me/call/say", status_code=_DONE)
async def say(request: Request, web: Wired, signed: Speaker) -> None:
    """`prompt`: one of hotline.agents.saying.PROMPTS."""
    form = await read_form(request)
    await web.house.sayer.say(own_agent(signed, "call.say"), form.get("prompt", ""))


@router.post("/me/call/silent", status_code=_DONE)
async def switch(request: Request, web: Wired, signed: Speaker) -> None:
    """`on`: 1 or 0."""
    form = await read_form(request)
    await web.house.sayer.switch(own_agent(signed, "call.say"), form.get("on") == "1")


@router.get("/console/say")
async def block(web: Wired, signed: Speaker) -> HTMLResponse:
    agent_id = own_agent(signed, "call.say")
    async with web.house.db.read() as tx:
        said = await said_of(tx, agent_id)
    return await part(web, signed, "console/_say.html", {"said": said})


async def said_of(tx: Tx, agent_id: UUID) -> Said | None:
    """Of the call that this agent is on; None on none, or where the caller is elsewhere."""
    mine = await on_call(tx, agent_id)
    if mine is None or mine.has_left:
        return None
    row = await tx.session.get(SilentSwitch, mine.call_id)
    if row is None:
        return Said()
    answers = await tx.session.execute(_ANSWERS, {"call": mine.call_id})
    return Said(row.at, tuple((at, data["answer"]) for at, data in answers))
