"""Tickets as pages list them: by permission, newest first, in a fixed number of statements. Reads only."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, false, or_, select, true, tuple_, union

from hotline.access.permissions import TEAM_LEVELS, Actor, can, condition
from hotline.calls.models import Call, CallAlias
from hotline.db import EventRow, Tx
from hotline.errors import Invalid, NotFound
from hotline.tickets.call_backs import CALL_BACK
from hotline.tickets.listening import LISTEN
from hotline.tickets.models import Contact, ContactTicket, DueWork, Ticket
from hotline.tickets.service import subject

PAGE = 50
_WORK = 100
_TIMELINE = 500
_UNFINISHED = ("NEW", "ACCEPTED")
# Asked for every ticket and list that is shown, so built once: building a statement costs more than running it.
_BY_REF = select(Ticket).where(Ticket.ref == bindparam("ref"))
_OWED = (
    select(DueWork, Contact, Call.line, Ticket)
    .select_from(DueWork)
    .join(Contact, Contact.id == DueWork.subject_id)
    .outerjoin(Call, Call.id == Contact.call_id)
    .outerjoin(ContactTicket, ContactTicket.contact_id == Contact.id)
    .outerjoin(Ticket, Ticket.id == ContactTicket.ticket_id)
    .where(DueWork.kind.in_((CALL_BACK, LISTEN)), DueWork.done_at.is_(None))
    .order_by(DueWork.due_at, DueWork.id, Ticket.opened_at)
    .limit(_WORK)
)
_OWN = (
    select(Ticket)
    .where(Ticket.agent_id == bindparam("agent"), Ticket.state.in_(_UNFINISHED))
    .order_by(Ticket.opened_at, Ticket.id)
    .limit(_WORK)
)
_EARLIER = (
    select(Ticket, Contact, Call)
    .join(ContactTicket, ContactTicket.ticket_id == Ticket.id)
    .join(Contact, Contact.id == ContactTicket.contact_id)
    .outerjoin(Call, Call.id == Contact.call_id)
    .where(
        Contact.caller_number == bindparam("number"), Ticket.id != bindparam("ticket"),
        Ticket.opened_at <= bindparam("opened_at"),
    )
    .order_by(Contact.at.desc(), Ticket.id)
    .limit(bindparam("most"))
)  # fmt: skip
_CONTACTS = (
    select(Contact, Call)
    .join(ContactTicket, ContactTicket.contact_id == Contact.id)
    .outerjoin(Call, Call.id == Contact.call_id)
    .where(ContactTicket.ticket_id == bindparam("ticket"))
    .order_by(Contact.at, Contact.id)
)
_OF_TICKETS = (
    select(ContactTicket.ticket_id, Contact, Call)
    .join(Contact, Contact.id == ContactTicket.contact_id)
    .outerjoin(Call, Call.id == Contact.call_id)
    .where(ContactTicket.ticket_id.in_(bindparam("tickets", expanding=True)))
    .order_by(Contact.at, Contact.id)
)
_CALLS_OF = (
    select(Contact.call_id)
    .join(ContactTicket, ContactTicket.contact_id == Contact.id)
    .where(ContactTicket.ticket_id == bindparam("ticket"), Contact.call_id.is_not(None))
)
# Two sets, not one condition with OR: PostgreSQL would read the whole log for that.
_SEQS = union(
    select(EventRow.seq).where(EventRow.ticket_id == bindparam("ticket")),
    select(EventRow.seq).where(EventRow.call_id.in_(_CALLS_OF)),
).subquery()
_TIMELINE_OF = (
    select(EventRow).where(EventRow.seq.in_(select(_SEQS.c.seq))).order_by(EventRow.seq).limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A ticket with its first contact and that contact's call; None for both if it came without."""

    ticket: Ticket
    contact: Contact | None
    call: Call | None


@dataclass(frozen=True, slots=True)
class Page:
    """`next_cursor`: for the page after it, None on the last."""

    rows: tuple[Listed, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Work:
    """Something in *my work*. `kind`: draft, open, call_back, listen. `due_id`: of the last two.

    The number is whole.
    """

    kind: str
    at: datetime
    due_id: UUID | None = None
    due_at: datetime | None = None
    ticket: Ticket | None = None
    contact: Contact | None = None
    line: str | None = None


async def by_ref(tx: Tx, ref: str, actor: Actor, action: str = "ticket.view") -> Ticket:
    """Raises NotFound: there is none, or it is not for this person."""
    return _shown(await tx.session.scalar(_BY_REF, {"ref": ref}), actor, action)


async def by_id(tx: Tx, ticket_id: UUID, actor: Actor, action: str = "ticket.view") -> Ticket:
    """Raises NotFound as `by_ref`."""
    return _shown(await tx.session.get(Ticket, ticket_id), actor, action)


def _shown(ticket: Ticket | None, actor: Actor, action: str) -> Ticket:
    if ticket is None or not can(actor, action, subject(ticket)):
        raise NotFound("There is no such ticket.")
    return ticket


async def page(
    tx: Tx,
    actor: Actor,
    *,
    cursor: str | None = None,
    limit: int = PAGE,
    state: str | None = None,
    states: Collection[str] | None = None,
    mine: bool = False,
    number: str | None = None,
) -> Page:
    """Tickets that this person may list. `number`: of a caller, whole. Two statements. Raises Invalid: bad cursor."""
    query = select(Ticket).where(_visible(actor))
    if state is not None:
        query = query.where(Ticket.state == state)
    if states is not None:
        query = query.where(Ticket.state.in_(states))
    if mine:
        query = query.where(Ticket.agent_id.in_(actor.ids))
    if number is not None:
        of_number = select(ContactTicket.ticket_id).join(Contact).where(Contact.caller_number == number)
        query = query.where(Ticket.id.in_(of_number))
    if cursor is not None:
        query = query.where(tuple_(Ticket.opened_at, Ticket.id) < _before(cursor))
    rows = list(await tx.session.scalars(query.order_by(Ticket.opened_at.desc(), Ticket.id.desc()).limit(limit + 1)))
    shown = rows[:limit]
    return Page(
        rows=tuple(await _with_contacts(tx, shown)),
        next_cursor=_cursor(shown[-1]) if len(rows) > limit else None,
    )


async def work_of(tx: Tx, agent_id: UUID) -> list[Work]:
    """What waits for an agent: the team's call-backs by due time, own drafts and open tickets. Three statements."""
    owed = await tx.session.execute(_OWED)
    call_backs: dict[UUID, Work] = {}
    for due, contact, line, ticket in owed:
        call_backs.setdefault(
            due.id, Work(due.kind, due.created_at, due.id, due.due_at, ticket=ticket, contact=contact, line=line)
        )
    own = await tx.session.scalars(_OWN, {"agent": agent_id})
    drafts = [
        Work(
            "draft" if listed.ticket.state == "NEW" else "open",
            listed.ticket.opened_at,
            ticket=listed.ticket,
            contact=listed.contact,
            line=listed.call.line if listed.call else None,
        )
        for listed in await _with_contacts(tx, list(own))
    ]
    return [*call_backs.values(), *drafts]


async def unfinished(tx: Tx, opened_before: datetime, limit: int = _WORK) -> list[Listed]:
    """Tickets that nobody has registered, oldest first: parked drafts, calls that nobody took. Two statements."""
    rows = await tx.session.scalars(
        select(Ticket)
        .where(Ticket.state == "NEW", Ticket.opened_at < opened_before)
        .order_by(Ticket.opened_at, Ticket.id)
        .limit(limit)
    )
    return await _with_contacts(tx, list(rows))


async def earlier(tx: Tx, number: str | None, before: Ticket, limit: int = 10) -> list[Listed]:
    """Contacts of the same number with other tickets, newest first. One statement, none without a number."""
    if not number:
        return []
    values = {"number": number, "ticket": before.id, "opened_at": before.opened_at, "most": limit}
    rows = await tx.session.execute(_EARLIER, values)
    return [Listed(ticket, contact, call) for ticket, contact, call in rows]


async def of_linkedid(tx: Tx, linkedid: str, actor: Actor) -> Ticket:
    """The newest ticket about a call that a phone knows by Asterisk's name for it. Raises NotFound: none yet, or it
    is not for this person.
    """
    alias = select(CallAlias.call_id).where(CallAlias.linkedid == linkedid)
    found = (
        select(Ticket)
        .join(ContactTicket, ContactTicket.ticket_id == Ticket.id)
        .join(Contact, Contact.id == ContactTicket.contact_id)
        .join(Call, Call.id == Contact.call_id)
        .where(or_(Call.linkedid == linkedid, Call.id.in_(alias)))
        .order_by(Ticket.opened_at.desc(), Ticket.id)
        .limit(1)
    )
    ticket = await tx.session.scalar(found)
    if ticket is None or not can(actor, "ticket.view", subject(ticket)):
        raise NotFound("There is no such ticket.")
    return ticket


async def contacts_of(tx: Tx, ticket_id: UUID) -> list[tuple[Contact, Call | None]]:
    """Every contact about a ticket with its call, oldest first. One statement."""
    rows = await tx.session.execute(_CONTACTS, {"ticket": ticket_id})
    return [(contact, call) for contact, call in rows]


async def timeline(tx: Tx, ticket_id: UUID, limit: int = _TIMELINE) -> Sequence[EventRow]:
    """What the log knows of a ticket and its calls, oldest first. One statement."""
    return list(await tx.session.scalars(_TIMELINE_OF, {"ticket": ticket_id, "most": limit}))


async def _with_contacts(tx: Tx, tickets: Sequence[Ticket]) -> list[Listed]:
    """One statement however many tickets."""
    rows = await tx.session.execute(_OF_TICKETS, {"tickets": [ticket.id for ticket in tickets]})
    first: dict[UUID, tuple[Contact, Call | None]] = {}
    for ticket_id, contact, call in rows:
        first.setdefault(ticket_id, (contact, call))
    return [Listed(ticket, *first.get(ticket.id, (None, None))) for ticket in tickets]


def _visible(actor: Actor) -> ColumnElement[bool]:
    own = Ticket.agent_id.in_(actor.ids)
    match condition(actor, "ticket.list"):
        case "any":
            return true()
        case "own":
            return own
        case "team":
            return or_(own, Ticket.confidentiality.in_(TEAM_LEVELS))
        case None:
            return false()


def _cursor(ticket: Ticket) -> str:
    return urlsafe_b64encode(f"{ticket.opened_at.isoformat()} {ticket.id}".encode()).decode()


def _before(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, _, ticket_id = urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("a naive time")
        return moment, UUID(ticket_id)
    except ValueError:
        raise Invalid("The list cannot be continued from here; load it again.", field="cursor") from None
