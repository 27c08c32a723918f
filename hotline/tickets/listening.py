"""Messages that callers left: somebody on duty listens to each, by nine in the evening or eight in the morning. Never
commits. What is said in them is judged by people alone.
"""

from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import CursorResult, select, update

from hotline.access.permissions import Actor
from hotline.db import Tx
from hotline.errors import Conflict, NotFound
from hotline.events import MessageHeard, MessageLeft
from hotline.ids import new_id
from hotline.tickets.call_backs import ticket_of
from hotline.tickets.models import Contact, DueWork

LISTEN: Final = "listen"


async def message_left(tx: Tx, call_id: UUID, at: datetime, due_at: datetime) -> None:
    """A call ended with a message. Twice is once."""
    contact = await tx.session.scalar(select(Contact).where(Contact.call_id == call_id))
    if contact is None:
        return
    known = select(DueWork.id).where(DueWork.kind == LISTEN, DueWork.subject_id == contact.id).limit(1)
    if await tx.session.scalar(known) is not None:
        return
    tx.session.add(DueWork(id=new_id(), kind=LISTEN, subject_id=contact.id, due_at=due_at, created_at=at))
    await tx.session.flush()
    event = MessageLeft(at=at, dedupe_key=f"contact:{contact.id}:message", contact_id=contact.id, due_at=due_at)
    tx.emit(event, call_id=call_id, ticket_id=await ticket_of(tx, contact.id))


async def message_heard(tx: Tx, due_id: UUID, actor: Actor, at: datetime) -> None:
    """Somebody listened to it. Raises NotFound, Conflict when somebody had before."""
    done = await tx.session.execute(
        update(DueWork)
        .where(DueWork.id == due_id, DueWork.kind == LISTEN, DueWork.done_at.is_(None))
        .values(done_at=at)
        .execution_options(synchronize_session=False)
    )
    work = await tx.session.scalar(
        select(DueWork).where(DueWork.id == due_id, DueWork.kind == LISTEN).execution_options(populate_existing=True)
    )
    if work is None:
        raise NotFound("There is no such message.")
    if cast(CursorResult[Any], done).rowcount != 1:
        raise Conflict("Somebody has listened to this message already.")
    event = MessageHeard(
        at=at, dedupe_key=f"due:{due_id}:done", contact_id=work.subject_id, actor=str(actor.account_id)
    )
    tx.emit(event, ticket_id=await ticket_of(tx, work.subject_id))
