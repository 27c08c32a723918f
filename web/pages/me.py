"""What an agent presses about themselves. Each button is pending until Asterisk's own event says it is done."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request

from hotline.access.permissions import Owned
from hotline.calls import nodes
from hotline.errors import NotFound
from web.auth import Signed, permit, require
from web.deps import Wired
from web.edge import phone_urls
from web.forms import read_form

router = APIRouter()
_DONE = HTTPStatus.NO_CONTENT


def own_agent(signed: Signed, action: str) -> UUID:
    """The person's own agent. Raises NotFound for people without a phone."""
    agent_id = signed.actor.agent_id
    if agent_id is None:
        raise NotFound("Your account has no phone.")
    permit(signed, action, Owned(frozenset({agent_id})))
    return agent_id


@router.post("/me/ready", status_code=_DONE)
async def ready(web: Wired, signed: Annotated[Signed, require("agent.ready")]) -> None:
    await web.house.desk.ready(own_agent(signed, "agent.ready"))


@router.post("/me/pause", status_code=_DONE)
async def pause(request: Request, web: Wired, signed: Annotated[Signed, require("agent.pause")]) -> None:
    form = await read_form(request)
    await web.house.desk.pause(own_agent(signed, "agent.pause"), form.get("reason", ""))


@router.post("/me/log-off", status_code=_DONE)
async def log_off(web: Wired, signed: Annotated[Signed, require("agent.log-off")]) -> None:
    await web.house.desk.log_off(own_agent(signed, "agent.log-off"))


@router.post("/me/extend", status_code=_DONE)
async def extend(web: Wired, signed: Annotated[Signed, require("agent.extend")]) -> None:
    await web.house.desk.extend(own_agent(signed, "agent.extend"))


@router.post("/me/phone")
async def claim_phone(request: Request, web: Wired, signed: Annotated[Signed, require("phone.use")]) -> dict[str, Any]:
    """This page becomes the agent's phone: what it needs to register with Asterisk itself."""
    credentials = await web.house.desk.claim_phone(own_agent(signed, "phone.use"))
    settings = web.house.settings
    ws, *others = await _addresses(web, request)
    domain = ws.partition("://")[2].partition("/")[0].rpartition(":")[0] or settings.bind
    return {
        "endpoint": credentials.endpoint,
        "secret": credentials.secret,
        "uri": f"sip:{credentials.endpoint}@{domain}",
        "ws": ws,
        "others": others,
        "version": credentials.version,
    }


@router.get("/me/phone/where")
async def phone_where(request: Request, web: Wired, _signed: Annotated[Signed, require("phone.use")]) -> dict[str, Any]:
    """Which Asterisk has the agents now, when there are two: asked after a loss, and when screens start over."""
    ws, *others = await _addresses(web, request)
    return {"ws": ws, "others": others}


async def _addresses(web: Wired, request: Request) -> list[str]:
    """The one that has the agents first. The others are for when it dies and nobody answers here either."""
    settings = web.house.settings
    urls = phone_urls(settings, request.headers.get("host", ""))
    if len(urls) > 1:
        async with web.house.db.read() as tx:
            first = await nodes.active(tx, settings)
        urls = {first: urls[first]} | urls
    return list(urls.values())


@router.post("/me/phone/lost", status_code=_DONE)
async def phone_lost(web: Wired, signed: Annotated[Signed, require("phone.use")]) -> None:
    await web.house.desk.phone_lost(own_agent(signed, "phone.use"))
