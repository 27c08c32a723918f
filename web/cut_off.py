"""What became of a caller whom an agent lost: their page or phone went away, and the call went on without them.

Read from the call's rows, so it is the same after a reload, our own restart, and whoever noticed the loss.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, or_, select

from hotline.access.permissions import Actor, can
from hotline.agents.models import Agent
from hotline.calls.models import Call, CallOffer
from hotline.db import EventRow, Tx
from hotline.tickets import service
from hotline.tickets.models import Contact, ContactTicket, Ticket
from web.board import masked
from web.views import CutOff

SHOWN_FOR = timedelta(minutes=10)
_LAST_TALK = (
    select(CallOffer, Call)
    .join(Call, Call.id == CallOffer.call_id)
    .where(CallOffer.agent_id == bindparam("agent"), CallOffer.result == "answered")
    .order_by(CallOffer.rang_at.desc())
    .limit(1)
)
_TICKET = (
    select(Ticket)
    .join(ContactTicket, ContactTicket.ticket_id == Ticket.id)
    .join(Contact, Contact.id == ContactTicket.contact_id)
    .where(Contact.call_id == bindparam("call"))
    .order_by(Ticket.opened_at.desc())
    .limit(1)
)
# What this agent did with the caller themselves: passed on, queued, parked.
_MOVED = select(EventRow).where(
    EventRow.call_id == bindparam("call"),
    EventRow.type.in_(("CallTransferred", "CallAside")),
    EventRow.at >= bindparam("since"),
)
# Who was on the call before this agent left, and had the caller then or afterwards.
_STAYED = select(CallOffer.id).where(
    CallOffer.call_id == bindparam("call"),
    CallOffer.id != bindparam("offer"),
    CallOffer.owned_at.is_not(None),
    CallOffer.result == "answered",
    CallOffer.ended_at < bindparam("left"),
    or_(CallOffer.left_at.is_(None), CallOffer.left_at > bindparam("left")),
)
_NOBODY_TALKED_AGAIN = frozenset({"abandoned", "voicemail", "failed"})


async def cut_off(tx: Tx, actor: Actor, at: datetime) -> CutOff | None:
    """The agent's last talk, if it was cut off less than SHOWN_FOR ago and its caller is not theirs again."""
    found = (await tx.session.execute(_LAST_TALK, {"agent": actor.agent_id})).first()
    if found is None:
        return None
    offer, call = found
    if offer.left_at is None or at - offer.left_at > SHOWN_FOR or offer.agent_id is None:
        return None
    state = became(call, offer.agent_id)
    if state is None or await _left_by_themselves(tx, offer, offer.left_at):
        return None
    ticket = await tx.session.scalar(_TICKET, {"call": call.id})
    other = await tx.session.get(Agent, call.agent_id) if state in {"talking", "helped"} else None
    may_read = ticket is not None and can(actor, "ticket.view", service.subject(ticket))
    return CutOff(
        at=offer.left_at,
        state=state,
        since=call.ended_at or call.phase_at,
        line=call.line,
        number=masked(call.caller_number),
        ref=ticket.ref if ticket is not None and may_read else None,
        agent=other.name if other is not None else None,
    )


async def _left_by_themselves(tx: Tx, offer: CallOffer, left_at: datetime) -> bool:
    """Gave the caller away, or left them with others: nothing was cut off."""
    since = offer.ended_at or offer.rang_at
    for moved in await tx.session.scalars(_MOVED, {"call": offer.call_id, "since": since}):
        is_given = moved.type == "CallTransferred" or moved.data.get("what") == "parked"
        if is_given and moved.data.get("member") == offer.member:
            return True
    stayed = {"call": offer.call_id, "offer": offer.id, "left": left_at}
    return (await tx.session.scalar(_STAYED.limit(1), stayed)) is not None


def became(call: Call, agent_id: UUID) -> str | None:
    """waiting, ringing, talking, recorder, helped (somebody else talked, it has ended), gone (nobody did).

    None: it ended as calls do, with this agent, or it is theirs still.
    """
    if call.ended_at is not None:
        if call.outcome in _NOBODY_TALKED_AGAIN:
            return "gone"
        return "helped" if call.agent_id != agent_id else None
    if call.phase == "talking":
        return "talking" if call.agent_id != agent_id else None
    return call.phase if call.phase in {"waiting", "ringing", "recorder"} else None
