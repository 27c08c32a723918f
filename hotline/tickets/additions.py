"""Additions: what somebody without the pen has to say about a ticket. Signed, timed, never changed. Never commits.

An agent in wrap-up adds what they forgot after the caller went to a colleague; a note given with a transfer is one.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, exists, select

from hotline.access.permissions import Actor, can
from hotline.calls.models import CallOffer
from hotline.db import Tx
from hotline.errors import Invalid, NotAllowed
from hotline.events import TicketAddedTo
from hotline.ids import new_id
from hotline.log import mark_pii
from hotline.tickets import forms, service
from hotline.tickets.models import Addition, Contact, ContactTicket, Ticket

mark_pii("addition")
_OF_TICKET = select(Addition).where(Addition.ticket_id == bindparam("ticket")).order_by(Addition.at, Addition.id)


async def add(tx: Tx, ref: str, text: str, actor: Actor, at: datetime) -> Addition:
    """The same words again are one. Raises NotFound, NotAllowed (never on a call of it), Invalid, TooLarge."""
    words = _clean(text)
    ticket = await service.locked(tx, ref, actor)
    if not await may_add(tx, ticket, actor):
        raise NotAllowed("Only who was on a call of this ticket, or writes it, can add to it.")
    return await _add(tx, ticket, words, actor, at)


async def add_to_call(tx: Tx, call_id: UUID, text: str, actor: Actor, at: datetime) -> Addition | None:
    """What an agent says of a call that they give away; None without words or without a ticket. Raises TooLarge."""
    ticket = await service.of_call(tx, call_id) if text.strip() else None
    return await _add(tx, ticket, _clean(text), actor, at) if ticket is not None else None


async def of_ticket(tx: Tx, ticket_id: UUID) -> Sequence[Addition]:
    """Oldest first. One statement."""
    return list(await tx.session.scalars(_OF_TICKET, {"ticket": ticket_id}))


async def newest_of_call(tx: Tx, call_id: UUID) -> Addition | None:
    """The last words that were added to a call's ticket. One statement."""
    found: Addition | None = await tx.session.scalar(
        select(Addition)
        .join(ContactTicket, ContactTicket.ticket_id == Addition.ticket_id)
        .join(Contact, Contact.id == ContactTicket.contact_id)
        .where(Contact.call_id == call_id)
        .order_by(Addition.at.desc())
        .limit(1)
    )
    return found


async def may_add(tx: Tx, ticket: Ticket, actor: Actor) -> bool:
    """Who may write it, and every agent who was on a call of it. One statement at most."""
    if not can(actor, "ticket.add", service.subject(ticket)):
        return False
    if can(actor, "ticket.edit", service.subject(ticket)):
        return True
    was_there = (
        select(CallOffer.id)
        .join(Contact, Contact.call_id == CallOffer.call_id)
        .join(ContactTicket, ContactTicket.contact_id == Contact.id)
        .where(ContactTicket.ticket_id == ticket.id, CallOffer.agent_id.in_(actor.ids), CallOffer.result == "answered")
    )
    return bool(await tx.session.scalar(select(exists(was_there))))


async def _add(tx: Tx, ticket: Ticket, words: str, actor: Actor, at: datetime) -> Addition:
    known = [row for row in await of_ticket(tx, ticket.id) if row.account_id == actor.account_id]
    if known and known[-1].text == words:
        return known[-1]
    row = Addition(id=new_id(), ticket_id=ticket.id, account_id=actor.account_id, at=at, text=words)
    tx.session.add(row)
    await tx.session.flush()
    event = TicketAddedTo(
        at=at,
        dedupe_key=f"addition:{row.id}",
        ticket_id=ticket.id,
        addition_id=row.id,
        actor=str(actor.account_id),
    )
    tx.emit(event, ticket_id=ticket.id)
    return row


def _clean(text: str) -> str:
    words = forms.clean("summary", text).strip()
    if not words:
        raise Invalid("There are no words to add.", field="addition")
    return words
