"""The pen: whose ticket it is to write. One agent holds it, others on the call read what is written as it is written.

It follows the call: to whom it rings first, to who answers, to whom the caller is transferred; asking a colleague or
bringing one in moves nothing, nor does a call of ours about a ticket that somebody outside that call writes. By hand it
is given, asked for, and taken up where its holder is gone. Never commits.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select

from hotline.access.permissions import Actor, can
from hotline.calls.models import Call, CallOffer
from hotline.db import Tx
from hotline.errors import Conflict, NotAllowed
from hotline.events import PenAsked, PenHanded, TicketHandedBack, TicketShownTo
from hotline.tickets import service
from hotline.tickets.models import Contact, ContactTicket, Ticket

_RINGING = (
    select(CallOffer.agent_id)
    .join(Call, Call.id == CallOffer.call_id)
    .join(Contact, Contact.call_id == Call.id)
    .join(ContactTicket, ContactTicket.contact_id == Contact.id)
    .where(
        ContactTicket.ticket_id == bindparam("ticket"), CallOffer.agent_id == bindparam("agent"),
        Call.ended_at.is_(None), CallOffer.result == "ringing",
    )
    .limit(1)
)  # fmt: skip
_HAD_PART = (
    select(CallOffer.id)
    .where(CallOffer.call_id == bindparam("call"), CallOffer.agent_id == bindparam("agent"))
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What one person may do about the pen now. `holder`: whose it is; `give_to`: who else is on the call, for the
    holder; `asked_by`: who asks for it, while they are on the call.
    """

    holder: UUID | None
    is_mine: bool
    give_to: tuple[UUID, ...] = ()
    may_ask: bool = False
    may_take: bool = False
    asked_by: UUID | None = None


# With the call


async def hand_to(
    tx: Tx, call_id: UUID, agent_id: UUID, at: datetime, *, is_past: bool = False, how: str = ""
) -> Ticket | None:
    """The call's ticket becomes this agent's; None if it has ended. `how`: from one agent to another, see PenHanded.

    `is_past`: the talk is over already; then it is taken from nobody who has written. Nor is it from a writer whom the
    call passes by.
    """
    ticket = await service.of_call(tx, call_id)
    if ticket is None or service.is_final(ticket):
        return None
    is_kept = is_past and ticket.agent_id is not None and ticket.written_by == ticket.agent_id
    if ticket.agent_id != agent_id and not is_kept and not await _passes_by(tx, ticket, call_id):
        if how and ticket.agent_id is not None:
            hand(tx, ticket, agent_id, at, how=how, call_id=call_id)
        else:
            service.hand(tx, ticket, agent_id, at, call_id, is_past=is_past)
    return ticket


async def offer_to(tx: Tx, call_id: UUID, agent_id: UUID, at: datetime, cause: str) -> Ticket | None:
    """The phone rings: the ticket is theirs already, unless an agent before them has written: then they read it until
    they answer; or unless it passes the writer by. `cause`: dedupe key of the ring.
    """
    ticket = await service.of_call(tx, call_id)
    if ticket is None:
        return None
    is_written = ticket.agent_id is not None and ticket.written_by == ticket.agent_id
    is_kept = is_written or service.is_final(ticket) or await _passes_by(tx, ticket, call_id)
    if ticket.agent_id != agent_id and is_kept:
        return _show(tx, ticket, agent_id, at, cause)
    return await hand_to(tx, call_id, agent_id, at)


async def show_to(tx: Tx, call_id: UUID, agent_id: UUID, at: datetime, cause: str) -> Ticket | None:
    """Put the call's ticket before an agent who reads it."""
    ticket = await service.of_call(tx, call_id)
    return _show(tx, ticket, agent_id, at, cause) if ticket is not None else None


async def hand_back(tx: Tx, call_id: UUID, agent_id: UUID, at: datetime) -> Ticket | None:
    """The agent was not reached: the ticket is nobody's again, unless the agent has written, it went on, or it was
    theirs before they rang somebody about it.
    """
    ticket = await service.of_call(tx, call_id)
    if ticket is None or ticket.agent_id != agent_id or ticket.written_by == agent_id or service.is_final(ticket):
        return None
    call = await tx.session.get_one(Call, call_id)
    if call.direction == "outbound" and (ticket.handed_at is None or ticket.handed_at < call.started_at):
        return None
    service.turn(ticket, None, at)
    back = TicketHandedBack(at=at, dedupe_key=service.key(ticket, "back"), ticket_id=ticket.id, agent_id=agent_id)
    tx.emit(back, call_id=call_id, ticket_id=ticket.id, agent_id=agent_id)
    return ticket


def hand(tx: Tx, ticket: Ticket, agent_id: UUID, at: datetime, *, how: str, call_id: UUID | None = None) -> None:
    """From whoever holds it to this agent. `how`: transfer, take-over, given, taken."""
    before = ticket.agent_id
    service.turn(ticket, agent_id, at)
    handed = PenHanded(
        at=at,
        dedupe_key=service.key(ticket, "pen"),
        ticket_id=ticket.id,
        agent_id=agent_id,
        from_agent_id=before,
        how=how,
    )
    tx.emit(handed, call_id=call_id, ticket_id=ticket.id, agent_id=agent_id)


async def _passes_by(tx: Tx, ticket: Ticket, call_id: UUID) -> bool:
    """Whether we made this call about a ticket whose writer has no part in it; they may be in another talk about it."""
    call = await tx.session.get_one(Call, call_id)
    if call.direction != "outbound" or ticket.agent_id is None:
        return False
    return await tx.session.scalar(_HAD_PART, {"call": call_id, "agent": ticket.agent_id}) is None


def _show(tx: Tx, ticket: Ticket, agent_id: UUID, at: datetime, cause: str) -> Ticket:
    shown = TicketShownTo(at=at, dedupe_key=f"{cause}:shown", ticket_id=ticket.id, agent_id=agent_id)
    tx.emit(shown, ticket_id=ticket.id, agent_id=agent_id)
    return ticket


# By hand


async def give(tx: Tx, ref: str, to: UUID, actor: Actor, at: datetime) -> Ticket:
    """The holder lets somebody write who is on the call too. Raises NotFound, NotAllowed, Conflict."""
    ticket = await _open(tx, ref, actor)
    if ticket.agent_id not in actor.ids:
        raise NotAllowed(service.NOT_YOURS)
    if to == ticket.agent_id:
        return ticket
    if to not in await service.on_call(tx, ticket.id):
        raise Conflict("They are not on this call any more; you go on writing.")
    hand(tx, ticket, to, at, how="given")
    return ticket


async def ask(tx: Tx, ref: str, actor: Actor, at: datetime) -> Ticket:
    """Somebody on the call asks the holder for the pen; where there is no holder on the call, they take it.

    Raises NotFound, NotAllowed, Conflict (they are not on the call).
    """
    ticket = await _open(tx, ref, actor)
    now = await standing(tx, ticket, actor)
    if now.is_mine:
        return ticket
    if now.may_take and actor.agent_id is not None:
        hand(tx, ticket, actor.agent_id, at, how="taken")
    elif now.may_ask and actor.agent_id is not None:
        if ticket.asked_by != actor.agent_id:
            ticket.asked_by, ticket.asked_at = actor.agent_id, at
            # Asking changes no version: two who ask by turns are told apart by the time.
            key = f"ticket:{ticket.id}:{ticket.version}:asked:{actor.agent_id}:{at.isoformat()}"
            asked = PenAsked(at=at, dedupe_key=key, ticket_id=ticket.id, by_agent_id=actor.agent_id)
            tx.emit(asked, ticket_id=ticket.id, agent_id=ticket.agent_id)
    else:
        raise Conflict("You are not on this call; its ticket stays with who writes it.")
    return ticket


async def take(tx: Tx, ref: str, actor: Actor, at: datetime) -> Ticket:
    """Go on writing where the holder is gone. Raises NotFound, NotAllowed, Conflict (the holder is there)."""
    ticket = await _open(tx, ref, actor)
    now = await standing(tx, ticket, actor)
    if now.is_mine:
        return ticket
    if not now.may_take or actor.agent_id is None:
        raise Conflict("Whoever writes this ticket is there; ask them for it.")
    hand(tx, ticket, actor.agent_id, at, how="taken")
    return ticket


async def standing(tx: Tx, ticket: Ticket, actor: Actor) -> Standing:
    """At most two statements."""
    is_mine = ticket.agent_id is not None and ticket.agent_id in actor.ids
    if service.is_final(ticket) or not can(actor, "ticket.pen", service.subject(ticket)):
        return Standing(ticket.agent_id, is_mine)
    here = await service.on_call(tx, ticket.id)
    asked_by = ticket.asked_by if ticket.asked_by in here else None
    if is_mine:
        others = tuple(agent_id for agent_id in here if agent_id != ticket.agent_id)
        # Who asks comes first: the one key gives it to them.
        return Standing(
            ticket.agent_id, True, tuple(sorted(others, key=lambda one: one != asked_by)), asked_by=asked_by
        )
    is_here = actor.agent_id in here
    is_gone = is_here and ticket.agent_id not in here and not await _rings(tx, ticket)
    return Standing(
        ticket.agent_id, False, may_ask=is_here and not is_gone, may_take=is_gone, asked_by=asked_by
    )  # fmt: skip


async def _rings(tx: Tx, ticket: Ticket) -> bool:
    """Whether the holder's phone rings for its call: they are about to come."""
    if ticket.agent_id is None:
        return False
    found = await tx.session.scalar(_RINGING, {"ticket": ticket.id, "agent": ticket.agent_id})
    return found is not None


async def _open(tx: Tx, ref: str, actor: Actor) -> Ticket:
    ticket = await service.locked(tx, ref, actor)
    if not can(actor, "ticket.pen", service.subject(ticket)):
        raise NotAllowed(service.NOT_YOURS)
    if service.is_final(ticket):
        raise Conflict("The ticket is closed; nothing was stored.")
    return ticket
