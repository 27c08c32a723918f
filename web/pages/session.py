"""Sign in and out, the start page, the language."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hotline.access import accounts
from hotline.access.permissions import can
from hotline.clock import now
from hotline.errors import HotlineError, NotSignedIn, TelephonyError, TooManyAttempts
from hotline.labels import N_
from web import problems
from web.auth import (
    ForgedRequest,
    Signed,
    drop_cookie,
    identify,
    is_foreign,
    public,
    require,
    set_cookie,
)
from web.deps import Web, Wired
from web.forms import read_form
from web.shell import stranger

router = APIRouter()
log = structlog.get_logger()
_SEE_OTHER = HTTPStatus.SEE_OTHER


@router.get("/sign-in", dependencies=[public("sign-in")])
async def sign_in_page(request: Request, web: Wired, next: str = "") -> Response:  # noqa: A002 - the address says next
    try:
        await identify(request, web.house)
    except NotSignedIn:
        return _form(request, web, error=None, after=problems.local_path(next or "/"), name="")
    return RedirectResponse(problems.local_path(next or "/"), _SEE_OTHER)


@router.post("/sign-in", dependencies=[public("sign-in")])
async def sign_in(request: Request, web: Wired) -> Response:
    if is_foreign(request, web.house.settings):
        raise ForgedRequest(N_("This form was sent by another site. Open our page and sign in there."))
    form = await read_form(request)
    name, after = form.get("name", ""), problems.local_path(form.get("next") or "/")
    address = request.client.host if request.client else ""
    # A page that stays where it is, with its call and its text, asks by script and only wants the cookie.
    by_script = "application/json" in request.headers.get("accept", "")
    try:
        opened = await web.house.accounts.sign_in(web.house.db, name, form.get("password", ""), address, now())
    except (NotSignedIn, TooManyAttempts) as error:
        if by_script:
            raise
        return _form(request, web, error=error, after=after, name=name)
    response = Response(status_code=HTTPStatus.NO_CONTENT) if by_script else RedirectResponse(after, _SEE_OTHER)
    set_cookie(response, web.house.settings, opened.token)
    return response


def _form(request: Request, web: Web, *, error: HotlineError | None, after: str, name: str) -> HTMLResponse:
    locale = problems.locale_of(request)
    context = {**stranger(locale), "error": error.message if error else None, "next": after, "name": name}
    status = error.http_status if error else HTTPStatus.OK
    response = HTMLResponse(web.renderer.html(locale, "sign_in/index.html", context), status)
    if error is not None and "retry_after_s" in error.extra:
        response.headers["Retry-After"] = str(error.extra["retry_after_s"])
    return response


@router.post("/sign-out")
async def sign_out(web: Wired, signed: Annotated[Signed, require("session.close")]) -> Response:
    """Out of the queue first: a phone that rings at an empty desk keeps a child waiting. During a call: refused."""
    if signed.actor.agent_id is not None:
        await _leave_queue(web, signed.actor.agent_id)
    async with web.house.db.write() as tx:
        await accounts.sign_out(tx, signed.credential_id, now())
    await web.hub.recheck(signed.actor.account_id)
    response = RedirectResponse(problems.SIGN_IN, _SEE_OTHER)
    drop_cookie(response, web.house.settings)
    return response


async def _leave_queue(web: Web, agent_id: UUID) -> None:
    """Also without Asterisk a person may leave: the phone's lost registration keeps calls away then."""
    agent = await web.hub.agent(agent_id)
    if agent is None or agent.state == "offline":
        return
    try:
        await web.house.desk.log_off(agent_id)
    except TelephonyError as error:
        log.warning("session.sign_out without Asterisk", agent_id=str(agent_id), error=error.message)


@router.get("/")
async def home(signed: Annotated[Signed, require("home.view")]) -> Response:
    """Agents to their console, the others to what they look at first."""
    actor = signed.actor
    if actor.agent_id is not None and can(actor, "console.use"):
        return RedirectResponse("/console", _SEE_OTHER)
    return RedirectResponse("/tickets" if actor.role == "caseworker" else "/board", _SEE_OTHER)


@router.post("/locale")
async def set_locale(request: Request, web: Wired, signed: Annotated[Signed, require("locale.set")]) -> Response:
    form = await read_form(request)
    async with web.house.db.write() as tx:
        await accounts.set_locale(tx, signed.actor.account_id, form.get("locale", ""))
    await web.hub.recheck(signed.actor.account_id)
    back = urlsplit(request.headers.get("referer", ""))
    target = back.path + (f"?{back.query}" if back.query else "") if back.netloc == request.headers.get("host") else "/"
    return RedirectResponse(problems.local_path(target or "/"), _SEE_OTHER)
