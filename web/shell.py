"""Whole pages: what is round every screen (who, status bar, CSRF token, where the live socket begins)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse

from hotline.access.permissions import TABLE, can
from hotline.clock import now
from hotline.errors import NotSignedIn
from web import deps, problems
from web.auth import Signed, identify
from web.views import AgentRow, Me

_WITH_PHONE = frozenset({"console.use", "phone.use", "agent.ready", "agent.extend"})


def me_of(signed: Signed, agent: AgentRow | None) -> Me:
    """The person before the screen. `may`: actions; without a phone none that needs one."""
    actor = signed.actor
    out_of_reach = _WITH_PHONE if actor.agent_id is None else frozenset()
    return Me(
        name=actor.name,
        role=actor.role,
        locale=actor.locale,
        agent=agent,
        may=frozenset(action for action in TABLE if can(actor, action)) - out_of_reach,
    )


async def shell(web: deps.Web, signed: Signed) -> dict[str, Any]:
    """The globals of every page of somebody signed in."""
    actor = signed.actor
    agent = await web.hub.agent(actor.agent_id)
    board = web.hub.state.view(full=can(actor, "number.live"))
    return {
        "me": me_of(signed, agent),
        "board_bar": board,
        "csrf": signed.csrf or "",
        "locale": actor.locale,
        "live": web.hub.position,
        "as_of": now(),
    }


async def page(web: deps.Web, signed: Signed, name: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A whole page."""
    everything = {**await shell(web, signed), **context}
    return HTMLResponse(web.renderer.html(signed.actor.locale, name, everything), status)


async def part(web: deps.Web, signed: Signed, name: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A piece of a page that htmx swaps in: with `me`, without the rest."""
    actor = signed.actor
    agent = await web.hub.agent(actor.agent_id)
    everything = {"me": me_of(signed, agent), "csrf": signed.csrf or "", **context}
    return HTMLResponse(web.renderer.html(actor.locale, name, everything), status)


def stranger(locale: str) -> dict[str, Any]:
    """The globals of a page of nobody."""
    return {"me": None, "board_bar": None, "csrf": "", "locale": locale, "live": None}


async def error_page(
    request: Request, document: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """The same error for a person. Leans on nothing that may be broken: without a database it is a stranger's page."""
    web = deps.of(request)
    try:
        signed = request.state.signed = getattr(request.state, "signed", None) or await identify(request, web.house)
        locale, around = signed.actor.locale, await shell(web, signed)
    except (NotSignedIn, SQLAlchemyError, OSError):
        locale = problems.locale_of(request)
        around = stranger(locale)
    context = {"status": document["status"], "code": document["code"], "message": document["detail"], "kept": None,
               "next": None, **around}  # fmt: skip
    return HTMLResponse(web.renderer.html(locale, "error.html", context), int(document["status"]), dict(headers or {}))
