"""Tickets: the list, one ticket, its fields as typed, its steps, the number behind the mask."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hotline.clock import iso, now
from hotline.errors import Invalid, MissingFields, TooLarge, VersionConflict
from hotline.tickets import additions, forms, pen, queries, service
from web.auth import Signed, permit, require, trace
from web.console import ticket_rows, ticket_view
from web.deps import Web, Wired
from web.forms import read_form, whole
from web.pages.console import live_call, middle
from web.problems import is_page
from web.shell import page, part

router = APIRouter()
FILTERS: Mapping[str, Mapping[str, Any]] = {
    "mine": {"mine": True},
    "open": {"states": ("NEW", "ACCEPTED")},
    "closed": {"states": ("CLOSED",)},
    "void": {"states": ("VOID",)},
    "all": {},
}


@router.get("/tickets")
async def listed(
    web: Wired,
    signed: Annotated[Signed, require("ticket.list")],
    filter: str = "open",  # noqa: A002 - the address says filter
    cursor: str | None = None,
    ref: str = "",
) -> Response:
    if ref:
        return RedirectResponse(f"/tickets/{ref.strip().upper()}", HTTPStatus.SEE_OTHER)
    chosen = filter if filter in FILTERS else "open"
    async with web.house.db.read() as tx:
        found = await queries.page(tx, signed.actor, cursor=cursor, **FILTERS[chosen])
        rows = await ticket_rows(tx, found, signed.actor)
    await trace(web, signed, "ticket.list", chosen)
    context = {"tickets": rows, "next_cursor": found.next_cursor, "filter": chosen}
    return await page(web, signed, "tickets/index.html", context)


@router.get("/tickets/{ref}")
async def show(ref: str, web: Wired, signed: Annotated[Signed, require("ticket.view")]) -> Response:
    await web.hub.catch_up()
    async with web.house.db.read() as tx:
        context = await middle(web, signed, tx, ref)
    return await page(web, signed, "tickets/show.html", context)


@router.put("/tickets/{ref}/fields/{name}")
async def save_field(
    ref: str, name: str, request: Request, web: Wired, signed: Annotated[Signed, require("ticket.edit")]
) -> dict[str, Any]:
    """One field as typed. 409 `version-conflict` holds both texts; nothing was overwritten then."""
    form = await read_form(request)
    value, version = form.get("value"), whole(form, "version")
    if value is None:
        raise Invalid("The form's value is missing; nothing was stored.", field=name)
    async with web.house.db.write() as tx:
        saved = await service.save_field(tx, ref, name, value, seen_version=version, actor=signed.actor, at=now())
    return {
        "version": saved.version,
        "saved_at": iso(saved.saved_at),
        "ticket_version": saved.ticket_version,
    }


@router.post("/tickets/{ref}/steps/{step}")
async def take_step(
    ref: str, step: str, request: Request, web: Wired, signed: Annotated[Signed, require("ticket.view")]
) -> Response:
    """A step with the form as it stands on the screen. Refused input comes back in the form, with what is missing."""
    form = await read_form(request)
    values, version = forms.given(form), whole(form, "version")
    try:
        async with web.house.db.write() as tx:
            await service.take(
                tx, ref, step, values,
                version=version, actor=signed.actor, at=now(), timezone=web.house.settings.timezone,
            )  # fmt: skip
    except (TooLarge, VersionConflict):
        raise
    except Invalid as error:
        errors = errors_by_field(error)
        if not errors:
            raise
        return await _refused(request, web, signed, ref, values=values, errors=errors)
    return await _as_it_is(request, web, signed, ref)


@router.post("/tickets/{ref}/pen")
async def hand_pen(
    ref: str, request: Request, web: Wired, signed: Annotated[Signed, require("ticket.pen")]
) -> Response:
    """`to`: the agent who shall write. Without it: this person asks for the pen, and gets it where nobody holds it."""
    form = await read_form(request)
    async with web.house.db.write() as tx:
        if "to" in form:
            await pen.give(tx, ref, _agent(form["to"]), signed.actor, now())
        else:
            await pen.ask(tx, ref, signed.actor, now())
    return await _as_it_is(request, web, signed, ref)


def _agent(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("The request cannot be understood.", field="to") from None


@router.post("/tickets/{ref}/additions")
async def add(ref: str, request: Request, web: Wired, signed: Annotated[Signed, require("ticket.add")]) -> Response:
    """Words beside the form, from somebody who does not write it."""
    form = await read_form(request)
    async with web.house.db.write() as tx:
        await additions.add(tx, ref, form.get("addition", ""), signed.actor, now())
    return await _as_it_is(request, web, signed, ref)


async def _as_it_is(request: Request, web: Web, signed: Signed, ref: str) -> Response:
    """After a change: the page anew, or its panel."""
    if is_page(request):
        return RedirectResponse(f"/tickets/{ref}", HTTPStatus.SEE_OTHER)
    await web.hub.catch_up()
    async with web.house.db.read() as tx:
        context = await middle(web, signed, tx, ref)
    return await part(web, signed, "console/_middle.html", context)


def errors_by_field(error: Invalid) -> dict[str, str]:
    """Field → English sentence, translated in the form."""
    if isinstance(error, MissingFields):
        return dict(error.extra["errors"])
    return {str(error.extra["field"]): error.message} if "field" in error.extra else {}


async def _refused(
    request: Request, web: Web, signed: Signed, ref: str, *, values: Mapping[str, str], errors: Mapping[str, str]
) -> Response:
    await web.hub.catch_up()
    async with web.house.db.read() as tx:
        ticket = await queries.by_ref(tx, ref, signed.actor)
        view = await ticket_view(
            tx, ticket, signed.actor, now(), shows_listeners=web.house.settings.supervision_shown, typed=values,
            errors=errors,
        )  # fmt: skip
    context = {"ticket": view, "call": live_call(web, signed, view)}
    if is_page(request):
        return await page(web, signed, "tickets/show.html", context, HTTPStatus.UNPROCESSABLE_ENTITY)
    return await part(web, signed, "console/_middle.html", context, HTTPStatus.UNPROCESSABLE_ENTITY)


@router.post("/tickets/{ref}/reveal")
async def reveal(ref: str, web: Wired, signed: Annotated[Signed, require("number.reveal")]) -> dict[str, str | None]:
    """The caller's whole number, with a trace of who saw it."""
    async with web.house.db.read() as tx:
        ticket = await queries.by_ref(tx, ref, signed.actor)
        permit(signed, "number.reveal", service.subject(ticket))
        contacts = await queries.contacts_of(tx, ticket.id)
    await trace(web, signed, "number.reveal", ref)
    return {"number": contacts[0][0].caller_number if contacts else None}
