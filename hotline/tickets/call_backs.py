"""Call-backs: whoever could not be helped and left a number is owed a call, by a time. Never commits.

Within half an hour while the lines are open, else by 11:00 of the next working day: the caller passes the calendar in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, select, update

from hotline.access.permissions import Actor
from hotline.calls.models import Call
from hotline.db import EventRow, Tx
from hotline.errors import Conflict, NotFound
from hotline.events import CallBackDone, CallBackDue
from hotline.ids import new_id
from hotline.tickets.models import Contact, ContactTicket, DueWork

CALL_BACK = "call_back"
# Everything but a talk with an agent and the duty phone; a blocked caller never met even the recorder.
MISSED = frozenset({"abandoned", "callback", "voicemail", "closed", "blocked", "overflowed", "failed"})


@dataclass(frozen=True, slots=True)
class Owed:
    """A call-back that is due: whom to ring, the line on which they called, the ticket that it is about."""

    number: str
    line: str | None
    ticket_id: UUID | None


async def owed(tx: Tx, due_id: UUID) -> Owed:
    """Raises NotFound, Conflict when it was made. Two statements."""
    row = (
        await tx.session.execute(
            select(DueWork.done_at, DueWork.number, DueWork.is_safe, Contact, Call.line)
            .join(Contact, Contact.id == DueWork.subject_id)
            .outerjoin(Call, Call.id == Contact.call_id)
            .where(DueWork.id == due_id, DueWork.kind == CALL_BACK)
        )
    ).first()
    if row is None:
        raise NotFound("There is no such call-back.")
    done_at, number, is_safe, contact, line = row
    if done_at is not None:
        raise Conflict("Somebody has made this call-back already.")
    if is_safe is False:
        raise Conflict("This person said that calling them is not safe: do not ring them.")
    return Owed(number or contact.caller_number or "", line, await ticket_of(tx, contact.id))


async def reached(tx: Tx, due_id: UUID, agent_id: UUID, at: datetime) -> None:
    """An agent rang and the person answered: the call-back is made. Done before, nothing happens."""
    work = await tx.session.get(DueWork, due_id, with_for_update=True)
    if work is None or work.kind != CALL_BACK or work.done_at is not None:
        return
    work.done_at = at
    event = CallBackDone(at=at, dedupe_key=f"due:{due_id}:done", contact_id=work.subject_id, actor=str(agent_id))
    tx.emit(event, ticket_id=await ticket_of(tx, work.subject_id), agent_id=agent_id)


async def call_missed(
    tx: Tx, call_id: UUID, outcome: str, at: datetime, due: Callable[[datetime], datetime]
) -> DueWork | None:
    """Owe the caller of a missed call a call-back; None if they were helped or left no number. Twice is once."""
    if outcome not in MISSED:
        return None
    contact = await tx.session.scalar(select(Contact).where(Contact.call_id == call_id))
    if contact is None or not contact.caller_number:
        return None
    owed = await tx.session.scalar(
        select(DueWork).where(DueWork.kind == CALL_BACK, DueWork.subject_id == contact.id).limit(1)
    )
    if owed is not None:
        return owed
    work = DueWork(id=new_id(), kind=CALL_BACK, subject_id=contact.id, due_at=due(at), created_at=at)
    work.is_safe = False if await _said_unsafe(tx, call_id) else None
    tx.session.add(work)
    await tx.session.flush()
    event = CallBackDue(at=at, dedupe_key=f"contact:{contact.id}:call-back", contact_id=contact.id, due_at=work.due_at)
    tx.emit(event, call_id=call_id, ticket_id=await ticket_of(tx, contact.id))
    return work


async def call_wanted(tx: Tx, call_id: UUID, number: str | None, at: datetime, due_at: datetime) -> None:
    """The caller asked to be called at `number` and waits no more. Twice is once; the number that came last counts."""
    contact = await tx.session.scalar(select(Contact).where(Contact.call_id == call_id))
    if contact is None:
        return
    other = number if number and number != contact.caller_number else None
    work = await tx.session.scalar(
        select(DueWork).where(DueWork.kind == CALL_BACK, DueWork.subject_id == contact.id).limit(1)
    )
    if work is None:
        work = DueWork(id=new_id(), kind=CALL_BACK, subject_id=contact.id, due_at=due_at, created_at=at)
        tx.session.add(work)
        await tx.session.flush()
        key = f"contact:{contact.id}:call-back"
        event = CallBackDue(at=at, dedupe_key=key, contact_id=contact.id, due_at=work.due_at)
        tx.emit(event, call_id=call_id, ticket_id=await ticket_of(tx, contact.id))
    work.number, work.is_safe = other or work.number, True


async def _said_unsafe(tx: Tx, call_id: UUID) -> bool:
    """Whether the caller's last word by key was that nobody must ring them."""
    said = await tx.session.scalar(
        select(EventRow.data)
        .where(EventRow.call_id == call_id, EventRow.type == "CallBackWanted")
        .order_by(EventRow.seq.desc())
        .limit(1)
    )
    return said is not None and said.get("is_safe") is False


async def not_missed(tx: Tx, call_id: UUID, at: datetime) -> None:
    """The caller was helped after all: what was owed on a wrong word is owed no more. What was done stays done."""
    owed = await tx.session.scalar(
        select(DueWork)
        .join(Contact, Contact.id == DueWork.subject_id)
        .where(Contact.call_id == call_id, DueWork.kind == CALL_BACK, DueWork.done_at.is_(None))
        .with_for_update(of=DueWork)
    )
    if owed is None:
        return
    owed.done_at = at
    event = CallBackDone(at=at, dedupe_key=f"due:{owed.id}:done", contact_id=owed.subject_id, actor="journal")
    tx.emit(event, call_id=call_id, ticket_id=await ticket_of(tx, owed.subject_id))


async def call_back_done(tx: Tx, due_id: UUID, actor: Actor, at: datetime) -> None:
    """The call-back was made, or somebody says it is not needed. Raises NotFound, Conflict when it was done before."""
    done = await tx.session.execute(
        update(DueWork)
        .where(DueWork.id == due_id, DueWork.kind == CALL_BACK, DueWork.done_at.is_(None))
        .values(done_at=at)
        .execution_options(synchronize_session=False)
    )
    work = await tx.session.scalar(
        select(DueWork).where(DueWork.id == due_id, DueWork.kind == CALL_BACK).execution_options(populate_existing=True)
    )
    if work is None:
        raise NotFound("There is no such call-back.")
    if cast(CursorResult[Any], done).rowcount != 1:
        raise Conflict("Somebody has made this call-back already.")
    event = CallBackDone(
        at=at, dedupe_key=f"due:{due_id}:done", contact_id=work.subject_id, actor=str(actor.account_id)
    )
    tx.emit(event, ticket_id=await ticket_of(tx, work.subject_id))


async def ticket_of(tx: Tx, contact_id: UUID) -> UUID | None:
    """The ticket that a contact is about; None without one. One statement."""
    return await tx.session.scalar(
        select(ContactTicket.ticket_id).where(ContactTicket.contact_id == contact_id).limit(1)
    )
