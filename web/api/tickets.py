"""Tickets for programs: read, and move by steps. The same doors and checks as the screens."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from hotline.access.permissions import Actor
from hotline.clock import now
from hotline.db import Tx
from hotline.tickets import forms, queries, service
from hotline.tickets.models import Ticket as TicketRow
from web.auth import Signed, require, trace
from web.board import masked
from web.deps import Wired

router = APIRouter(prefix="/api/v1/tickets", tags=["tickets"])
MOST = 200


class TicketSummary(BaseModel):
    """A ticket in a list. Codes, never labels; `caller_number` masked."""

    ref: str
    ticket_no: str | None
    state: str
    version: int
    line: str | None
    caller_number: str | None
    contact_type: str | None
    category: str | None
    urgency: str | None
    opened_at: datetime
    registered_at: datetime | None
    closed_at: datetime | None
    agent_id: UUID | None


class Ticket(TicketSummary):
    """A whole ticket. `steps`: codes that may be taken now. `calls`: ids of its calls."""

    fields: dict[str, str]
    field_versions: dict[str, int]
    steps: list[str]
    calls: list[UUID]


class Tickets(BaseModel):
    """Newest first. `next_cursor`: for the page after it, null on the last."""

    items: list[TicketSummary]
    next_cursor: str | None


class StepTaken(BaseModel):
    """What the screen showed and what it holds. `version`: of the ticket; `fields`: those to change with the step."""

    version: int = Field(ge=0)
    fields: dict[str, str] = Field(default_factory=dict, max_length=len(forms.FIELDS))


def _summary(ticket: TicketRow, line: str | None, number: str | None) -> dict[str, object]:
    return {
        "ref": ticket.ref, "ticket_no": ticket.ticket_no, "state": ticket.state, "version": ticket.version,
        "line": line, "caller_number": masked(number), "opened_at": ticket.opened_at,
        "registered_at": ticket.registered_at, "closed_at": ticket.closed_at, "agent_id": ticket.agent_id,
        **{name: ticket.values.get(name) or None for name in ("contact_type", "category", "urgency")},
    }  # fmt: skip


async def _whole(tx: Tx, ticket: TicketRow, actor: Actor) -> Ticket:
    contacts = await queries.contacts_of(tx, ticket.id)
    first, first_call = contacts[0] if contacts else (None, None)
    return Ticket.model_validate(
        {
            **_summary(ticket, first_call.line if first_call else None, first.caller_number if first else None),
            "fields": {name: ticket.values.get(name, "") for name in forms.FIELDS},
            "field_versions": {name: ticket.field_versions.get(name, 0) for name in forms.FIELDS},
            "steps": list(await service.steps_for(tx, ticket, actor, now())),
            "calls": [call.id for _, call in contacts if call is not None],
        }
    )


@router.get("")
async def listed(
    web: Wired,
    signed: Annotated[Signed, require("ticket.list")],
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = queries.PAGE,
    state: Annotated[str | None, Query(max_length=20)] = None,
) -> Tickets:
    states = (state,) if state is not None else None
    async with web.house.db.read() as tx:
        found = await queries.page(tx, signed.actor, cursor=cursor, limit=limit, states=states)
    await trace(web, signed, "ticket.list", state or "all")
    return Tickets(
        items=[
            TicketSummary.model_validate(
                _summary(row.ticket, row.call.line if row.call else None,
                         row.contact.caller_number if row.contact else None)
            )
            for row in found.rows
        ],
        next_cursor=found.next_cursor,
    )  # fmt: skip


@router.get("/{ref}")
async def one(ref: str, web: Wired, signed: Annotated[Signed, require("ticket.view")]) -> Ticket:
    async with web.house.db.read() as tx:
        shown = await _whole(tx, await queries.by_ref(tx, ref, signed.actor), signed.actor)
    await trace(web, signed, "ticket.view", ref)
    return shown


@router.post("/{ref}/steps/{step}")
async def take(
    ref: str, step: str, body: StepTaken, web: Wired, signed: Annotated[Signed, require("ticket.view")]
) -> Ticket:
    """409 `version-conflict`: somebody else changed a field. 422 `missing-fields`: `fields` names them."""
    async with web.house.db.write() as tx:
        await service.take(
            tx, ref, step, body.fields,
            version=body.version, actor=signed.actor, at=now(), timezone=web.house.settings.timezone,
        )  # fmt: skip
    async with web.house.db.read() as tx:
        return await _whole(tx, await queries.by_ref(tx, ref, signed.actor), signed.actor)
