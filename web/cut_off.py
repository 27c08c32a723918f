"""What became of a caller whom an agent lost: their page or phone went away, and the call went on without them.

Read from the call's rows, so it is the same after a reload, our own restart, and whoever noticed the loss.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, select

from hotline.access.permissions import Actor, can
from hotline.agents.models import Agent
from hotline.calls.models import Call, CallOffer
from hotline.db import Tx
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
    if state is None:
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
