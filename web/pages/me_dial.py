"""Calls that an agent makes: a number in a ticket, a call-back that is due, a place, a typed number."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request

from hotline.access.permissions import Owned
from hotline.errors import Invalid
from hotline.tickets import call_backs, queries, service
from web.auth import Signed, permit, require, trace
from web.deps import Web, Wired
from web.forms import read_form
from web.pages.me import own_agent

router = APIRouter()


@router.post("/me/dial")
async def dial(request: Request, web: Wired, signed: Annotated[Signed, require("call.dial")]) -> dict[str, str]:
    """One of `due` (a call-back), `ref` (a ticket's number), `to` (`place:…`, `number:…`; with `ref`: about it).

    Answers with the call's name; the agent's own phone rings with it, and its page answers.
    """
    agent_id = own_agent(signed, "call.dial")
    form = await read_form(request)
    due, ref, to = (form.get(name, "") for name in ("due", "ref", "to"))
    if due:
        return {"call": await _call_back(web, signed, agent_id, due)}
    if not ref:
        return {"call": await web.house.outbound.dial(agent_id, web.house.outbound.resolve(to))}
    async with web.house.db.read() as tx:
        ticket = await queries.by_ref(tx, ref, signed.actor)
        permit(signed, "call.dial", Owned(frozenset({agent_id}), service.subject(ticket).level))
        contacts = await queries.contacts_of(tx, ticket.id)
    first, call = contacts[0] if contacts else (None, None)
    number = web.house.outbound.resolve(to) if to else (first.caller_number if first else None)
    if not number:
        raise Invalid("No number is known.", field="ref")
    await trace(web, signed, "call.dial", ref)
    line = call.line if call is not None else None
    return {"call": await web.house.outbound.dial(agent_id, number, line=line, ticket_id=ticket.id)}


async def _call_back(web: Web, signed: Signed, agent_id: UUID, due: str) -> str:
    try:
        due_id = UUID(due)
    except ValueError:
        raise Invalid("There is no such call-back.", field="due") from None
    async with web.house.db.read() as tx:
        owed = await call_backs.owed(tx, due_id)
        if owed.ticket_id is not None:
            await queries.by_id(tx, owed.ticket_id, signed.actor)
    await trace(web, signed, "call.dial", str(due_id))
    return await web.house.outbound.dial(agent_id, owed.number, line=owed.line, ticket_id=owed.ticket_id, due_id=due_id)
