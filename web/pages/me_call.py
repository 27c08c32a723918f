"""What an agent presses about the call on their phone. Pending until Asterisk's own events show it."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from hotline.access.permissions import can
from hotline.clock import now
from hotline.tickets import additions
from web import talk
from web.auth import Signed, require
from web.deps import Web, Wired
from web.forms import read_form
from web.pages.me import own_agent
from web.shell import part

router = APIRouter()
_DONE = HTTPStatus.NO_CONTENT
_NOTE_CHARS = 500
Move = Annotated[Signed, require("call.move")]


@router.post("/me/call/consult", status_code=_DONE)
async def consult(request: Request, web: Wired, signed: Move) -> None:
    form = await read_form(request)
    call_id = await web.house.control.consult(own_agent(signed, "call.move"), form.get("to", ""))
    await _note(web, signed, call_id, form)


@router.post("/me/call/complete", status_code=_DONE)
async def complete(web: Wired, signed: Move) -> None:
    await web.house.control.complete(own_agent(signed, "call.move"))


@router.post("/me/call/conference", status_code=_DONE)
async def conference(web: Wired, signed: Move) -> None:
    await web.house.control.conference(own_agent(signed, "call.move"))


@router.post("/me/call/back", status_code=_DONE)
async def back(web: Wired, signed: Move) -> None:
    await web.house.control.back(own_agent(signed, "call.move"))


@router.post("/me/call/transfer", status_code=_DONE)
async def transfer(request: Request, web: Wired, signed: Move) -> None:
    form = await read_form(request)
    call_id = await web.house.control.transfer(own_agent(signed, "call.move"), form.get("to", ""))
    await _note(web, signed, call_id, form)


@router.post("/me/call/queue", status_code=_DONE)
async def to_queue(request: Request, web: Wired, signed: Move) -> None:
    form = await read_form(request)
    call_id = await web.house.control.to_queue(own_agent(signed, "call.move"))
    await _note(web, signed, call_id, form)


@router.post("/me/call/park", status_code=_DONE)
async def park(request: Request, web: Wired, signed: Move) -> None:
    form = await read_form(request)
    call_id = await web.house.control.park(own_agent(signed, "call.move"))
    await _note(web, signed, call_id, form)


@router.post("/me/call/hold", status_code=_DONE)
async def hold(web: Wired, signed: Move) -> None:
    await web.house.control.hold_room(own_agent(signed, "call.move"))


@router.post("/me/call/resume", status_code=_DONE)
async def resume(web: Wired, signed: Move) -> None:
    await web.house.control.resume_room(own_agent(signed, "call.move"))


@router.post("/calls/{call_id}/pick-up", status_code=_DONE)
async def pick_up(call_id: UUID, web: Wired, signed: Annotated[Signed, require("call.pick-up")]) -> None:
    await web.house.control.pick_up(own_agent(signed, "call.pick-up"), call_id)


@router.get("/console/talk")
async def on_this_call(web: Wired, signed: Annotated[Signed, require("console.use")]) -> HTMLResponse:
    """Who is on the call, and the parked callers."""
    agent_id = own_agent(signed, "console.use")
    return await part(web, signed, "console/_talk.html", await of_agent(web, signed, agent_id))


@router.get("/console/targets")
async def whom(web: Wired, signed: Annotated[Signed, require("console.use")]) -> HTMLResponse:
    """To whom a call can go now."""
    agent_id = own_agent(signed, "console.use")
    await web.hub.catch_up()
    found = talk.targets(web.hub.state.agents, agent_id, web.house.settings, signed.actor.locale)
    return await part(web, signed, "console/_targets.html", {"targets": found})


async def of_agent(web: Web, signed: Signed, agent_id: UUID) -> dict[str, object]:
    """What console/_talk.html is given."""
    full = can(signed.actor, "number.live")
    async with web.house.db.read() as tx:
        mine = await talk.talk_of(tx, agent_id, web.house.settings, signed.actor.locale, now(), full=full)
        parked = await talk.parked(tx, full=full)
    return {"talk": mine, "parked": parked}


async def _note(web: Web, signed: Signed, call_id: UUID, form: dict[str, str]) -> None:
    """A word for whoever takes the call: it is on the ticket before their phone has rung long."""
    text = form.get("note", "").strip()[:_NOTE_CHARS]
    if text:
        async with web.house.db.write() as tx:
            await additions.add_to_call(tx, call_id, text, signed.actor, now())
