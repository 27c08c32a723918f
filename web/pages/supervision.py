"""Help on a live call: an agent asks, supervisors listen, whisper, join and take over. Every step leaves a trace."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from hotline.agents.supervision import Wish
from web.auth import Signed, require, trace
from web.deps import Web, Wired
from web.forms import read_form
from web.pages.me import own_agent
from web.shell import part
from web.watching import help_view

router = APIRouter()
_DONE = HTTPStatus.NO_CONTENT
Asker = Annotated[Signed, require("help.ask")]
Supervisor = Annotated[Signed, require("call.supervise")]


@router.post("/me/call/help", status_code=_DONE)
async def ask(web: Wired, signed: Asker) -> None:
    await web.house.supervision.ask_help(own_agent(signed, "help.ask"))


@router.post("/me/call/help/end", status_code=_DONE)
async def withdraw(web: Wired, signed: Asker) -> None:
    await web.house.supervision.withdraw_help(own_agent(signed, "help.ask"))


@router.get("/console/help")
async def block(web: Wired, signed: Asker) -> HTMLResponse:
    return await _block(web, signed)


@router.post("/agents/{agent_id}/supervision", status_code=_DONE)
async def begin(request: Request, web: Wired, signed: Supervisor, agent_id: UUID) -> None:
    """`mode`: listen, whisper, join; `reason`: one of supervision.REASONS."""
    form = await read_form(request)
    wish = Wish(form.get("mode", ""), form.get("reason", ""), signed.actor.role)
    call_id = await web.house.supervision.begin(_phone(signed), agent_id, wish)
    await trace(
        web, signed, "call.supervise", str(call_id), mode=wish.mode, reason=wish.reason, role=wish.role,
        agent=str(agent_id),
    )  # fmt: skip


@router.post("/me/supervision", status_code=_DONE)
async def switch(request: Request, web: Wired, signed: Supervisor) -> None:
    mode = (await read_form(request)).get("mode", "")
    call_id = await web.house.supervision.switch(_phone(signed), mode)
    await trace(web, signed, "call.supervise", str(call_id), mode=mode, role=signed.actor.role)


@router.post("/me/supervision/take-over", status_code=_DONE)
async def take_over(web: Wired, signed: Supervisor) -> None:
    call_id = await web.house.supervision.take_over(_phone(signed))
    await trace(web, signed, "call.supervise", str(call_id), mode="take-over", role=signed.actor.role)


@router.post("/me/supervision/leave", status_code=_DONE)
async def leave(web: Wired, signed: Supervisor) -> None:
    await web.house.supervision.leave(_phone(signed))


def _phone(signed: Signed) -> UUID:
    """The supervisor's own. Raises NotFound for people without a phone."""
    return own_agent(signed, "phone.use")


async def _block(web: Web, signed: Signed) -> HTMLResponse:
    agent_id = own_agent(signed, "help.ask")
    shown = web.house.settings.supervision_shown
    async with web.house.db.read() as tx:
        help_ = await help_view(tx, agent_id, shows_listeners=shown)
    return await part(web, signed, "console/_help.html", {"help": help_})
