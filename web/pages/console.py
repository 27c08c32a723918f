"""The agent's one screen: phone, what is popped, my work. Parts are fetched when an event announces them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from hotline.access.permissions import can
from hotline.calls import directory
from hotline.clock import now
from hotline.db import Tx
from hotline.tickets import call_backs, listening, queries, service
from web.auth import Signed, require, trace
from web.board import hidden
from web.console import live_call_id, ticket_view, work_items
from web.cut_off import cut_off
from web.deps import Web, Wired
from web.pages.me import own_agent
from web.pages.me_call import of_agent
from web.pages.me_say import said_of
from web.shell import page, part
from web.views import CallRow, CutOff, TicketView
from web.watching import help_view

router = APIRouter()
Agent = Annotated[Signed, require("console.use")]


@router.get("/console")
async def console(web: Wired, signed: Agent, ref: str = "") -> HTMLResponse:
    me = own_agent(signed, "console.use")
    at_hand = await ticket_at_hand(web, me)
    board = await web.hub.board(full=can(signed.actor, "number.live"))
    async with web.house.db.read() as tx:
        cut = await cut_off(tx, signed.actor, now())
        popped = await middle(web, signed, tx, ref or at_hand or waiting_ref(cut))
        work = await work_items(tx, signed.actor)
        help_ = await help_view(tx, me, shows_listeners=web.house.settings.supervision_shown)
        said = await said_of(tx, me)
    now_on = await of_agent(web, signed, me)
    found = directory.places(web.house.settings).values()
    places = [(place.code, place.name(signed.actor.locale), place.number) for place in found]
    around = {"said": said, "work": work, "board": board, "cut": cut, "places": places, "help": help_}
    return await page(web, signed, "console/index.html", {**popped, **now_on, **around})


# These two parts alone: for pages that were loaded before an upgrade and ask for them one by one.
@router.get("/console/cut-off")
async def lost_caller(web: Wired, signed: Agent) -> HTMLResponse:
    own_agent(signed, "console.use")
    async with web.house.db.read() as tx:
        cut = await cut_off(tx, signed.actor, now())
    return await part(web, signed, "console/_cut_off.html", {"cut": cut})


def waiting_ref(cut: CutOff | None) -> str:
    """The ticket of a caller who may be back in a moment."""
    return (cut.ref or "") if cut is not None and cut.state in {"waiting", "ringing"} else ""


@router.get("/console/panel")
async def panel(web: Wired, signed: Agent, ref: str = "") -> HTMLResponse:
    at_hand = await ticket_at_hand(web, own_agent(signed, "console.use"))
    async with web.house.db.read() as tx:
        popped = await middle(web, signed, tx, ref or at_hand)
    return await part(web, signed, "console/_middle.html", popped)


@router.get("/console/calls/{linkedid}/ticket")
async def ticket_of_call(linkedid: str, web: Wired, signed: Agent) -> dict[str, str | bool]:
    """For a page whose phone had a call while we were away: which ticket it became, and whether it is theirs to write.

    404 as long as there is none: what Asterisk wrote down meanwhile may not be read in yet.
    """
    own_agent(signed, "console.use")
    async with web.house.db.read() as tx:
        ticket = await queries.of_linkedid(tx, linkedid, signed.actor)
        return {"ref": ticket.ref, "writable": await service.is_writable(tx, ticket, signed.actor)}


@router.get("/console/work")
async def work(web: Wired, signed: Agent) -> HTMLResponse:
    async with web.house.db.read() as tx:
        items = await work_items(tx, signed.actor)
    return await part(web, signed, "console/_work.html", {"work": items})


@router.post("/call-backs/{due_id}/done")
async def called_back(web: Wired, signed: Annotated[Signed, require("call-back.done")], due_id: UUID) -> HTMLResponse:
    """Somebody rang the caller, or found that it is not needed. Answers with what is left of the work."""
    async with web.house.db.write() as tx:
        await call_backs.call_back_done(tx, due_id, signed.actor, now())
    async with web.house.db.read() as tx:
        items = await work_items(tx, signed.actor)
    return await part(web, signed, "console/_work.html", {"work": items})


@router.post("/messages/{due_id}/heard")
async def heard(web: Wired, signed: Annotated[Signed, require("message.heard")], due_id: UUID) -> HTMLResponse:
    """Somebody on duty listened to what a caller left. Answers with what is left of the work."""
    async with web.house.db.write() as tx:
        await listening.message_heard(tx, due_id, signed.actor, now())
    async with web.house.db.read() as tx:
        items = await work_items(tx, signed.actor)
    return await part(web, signed, "console/_work.html", {"work": items})


@router.get("/console/phone")
async def phone_column(web: Wired, signed: Agent) -> HTMLResponse:
    own_agent(signed, "console.use")
    return await part(web, signed, "console/_phone.html", {})


@router.get("/console/mine")
async def mine(web: Wired, signed: Agent) -> HTMLResponse:
    """What a page shows of its own agent, all three parts: asked for at every change of state, so in one request."""
    own_agent(signed, "console.use")
    async with web.house.db.read() as tx:
        cut = await cut_off(tx, signed.actor, now())
    return await part(web, signed, "console/_mine.html", {"cut": cut})


@router.get("/console/me")
async def status_bar(web: Wired, signed: Agent) -> HTMLResponse:
    own_agent(signed, "console.use")
    return await part(web, signed, "bar/_me.html", {})


async def ticket_at_hand(web: Web, agent_id: UUID) -> str:
    """The ref of the ticket that belongs to the agent's call or wrap-up, empty if there is none."""
    agent = await web.hub.agent(agent_id)
    return (agent.ref if agent else None) or ""


async def middle(web: Web, signed: Signed, tx: Tx, ref: str) -> dict[str, Any]:
    """The popped ticket with its live call. Raises NotFound for a ref that is not theirs to see."""
    if not ref:
        return {"ticket": None, "call": None}
    ticket = await queries.by_ref(tx, ref, signed.actor)
    view = await ticket_view(tx, ticket, signed.actor, now(), shows_listeners=web.house.settings.supervision_shown)
    await trace(web, signed, "ticket.view", ref)
    return {"ticket": view, "call": live_call(web, signed, view)}


def live_call(web: Web, signed: Signed, view: TicketView) -> CallRow | None:
    """The ticket's call that is going on, as this person may see it."""
    call_id = live_call_id(view, web.hub.state.calls)
    if call_id is None:
        return None
    row = web.hub.state.calls[call_id]
    return row if can(signed.actor, "number.live") else hidden(row)
