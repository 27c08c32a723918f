"""Tickets: opened at the first ring, handed to who answers, written field by field, moved by steps. Never commits.

`take` is the only door for moves. Illegal input raises before anything is written. Who writes is in pen, lists are in
queries, call-backs in call_backs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, select

from hotline.access.permissions import Actor, Owned, can
from hotline.calls.models import Call, CallOffer
from hotline.clock import iso, local
from hotline.db import Tx
from hotline.errors import Conflict, NotAllowed, NotFound, VersionConflict
from hotline.events import ContactOpened, TicketChanged, TicketHandedTo, TicketMoved
from hotline.ids import new_id, ticket_ref
from hotline.tickets import forms, taxonomy, workflow
from hotline.tickets.models import Contact, ContactTicket, Counter, Ticket
from hotline.tickets.workflow import Facts, Step
from hotline.tickets.workflows import workflow_of
from hotline.tickets.workflows.general import GENERAL

TIMEZONE = "Asia/Shanghai"
# What was typed before the pen was handed on may still be on its way: browsers send within a second, or try again.
ON_THE_WAY = timedelta(seconds=10)
NOT_YOURS = "This ticket is not yours to write; nothing was changed."
_OF_CALL = (
    select(Ticket)
    .join(ContactTicket, ContactTicket.ticket_id == Ticket.id)
    .join(Contact, Contact.id == ContactTicket.contact_id)
    .where(Contact.call_id == bindparam("call"))
    .order_by(Ticket.opened_at.desc(), Ticket.id)
    .limit(1)
    .with_for_update(of=Ticket)
    .execution_options(autoflush=False)
)
_ON_CALL = (
    select(CallOffer.agent_id)
    .join(Call, Call.id == CallOffer.call_id)
    .join(Contact, Contact.call_id == Call.id)
    .join(ContactTicket, ContactTicket.contact_id == Contact.id)
    .where(
        ContactTicket.ticket_id == bindparam("ticket"), Call.ended_at.is_(None), CallOffer.result == "answered",
        CallOffer.left_at.is_(None), CallOffer.agent_id.is_not(None),
    )
    .order_by(CallOffer.ended_at)
)  # fmt: skip
_COUNTING: dict[str, Any] = {}  # by dialect


@dataclass(frozen=True, slots=True)
class Saved:
    """A field after saving. `version`: of the field; `changed`: false if the same text was there already."""

    name: str
    value: str
    version: int
    ticket_version: int
    saved_at: datetime
    changed: bool


def subject(ticket: Ticket) -> Owned:
    """What the permission table asks of a ticket."""
    return Owned(frozenset({ticket.agent_id}) if ticket.agent_id else frozenset(), ticket.confidentiality)


def is_final(ticket: Ticket) -> bool:
    """Nothing can be written in this state."""
    return workflow_of(ticket.workflow, ticket.workflow_version).states[ticket.state].is_final


async def open_for_call(
    tx: Tx, *, call_id: UUID, channel: str, caller_number: str | None, at: datetime, about: UUID | None = None
) -> Ticket:
    """The contact of a call and its first ticket, or the ticket that it is `about`: a call-back goes on with its own.

    Where that one has ended, the contact is about both: the old one says why, the new one is there to be written. Asked
    again for the same call, returns the same ticket.
    """
    found = await of_call(tx, call_id)
    if found is not None:
        return found
    contact = Contact(id=new_id(), call_id=call_id, channel=channel[:32], caller_number=caller_number, at=at)
    known = await tx.session.get(Ticket, about) if about is not None else None
    ticket = known if known is not None and not is_final(known) else None
    ticket = ticket or Ticket(
        id=new_id(),
        ref=ticket_ref(await _next(tx, "ticket")),
        workflow=GENERAL.code,
        workflow_version=GENERAL.version,
        state=GENERAL.start,
        opened_at=at,
        version=1,
        values={},
        field_versions={},
        field_saved_at={},
    )
    tx.session.add_all([contact, ticket])
    await tx.session.flush()
    about_ids = {ticket.id, known.id} if known is not None else {ticket.id}
    tx.session.add_all([ContactTicket(contact_id=contact.id, ticket_id=ticket_id) for ticket_id in about_ids])
    await tx.session.flush()
    opened = ContactOpened(
        at=at, dedupe_key=f"call:{call_id}:contact", contact_id=contact.id, ticket_id=ticket.id, call_id=call_id
    )
    tx.emit(opened, call_id=call_id, ticket_id=ticket.id)
    return ticket


async def of_call(tx: Tx, call_id: UUID) -> Ticket | None:
    """The newest ticket about a call, locked for writing in a write transaction of PostgreSQL."""
    found: Ticket | None = await tx.session.scalar(_OF_CALL, {"call": call_id})
    return found


async def name_channel(tx: Tx, call_id: UUID, line: str) -> None:
    """The line of a call became known."""
    contact = await tx.session.scalar(select(Contact).where(Contact.call_id == call_id))
    if contact is not None:
        contact.channel = taxonomy.channel_of(line)[:32]


def hand(tx: Tx, ticket: Ticket, agent_id: UUID, at: datetime, call_id: UUID | None, *, is_past: bool = False) -> None:
    """Theirs to write from now on; nobody is asked."""
    turn(ticket, agent_id, at)
    handed = TicketHandedTo(
        at=at, dedupe_key=key(ticket, "handed"), ticket_id=ticket.id, agent_id=agent_id, is_past=is_past
    )
    tx.emit(handed, call_id=call_id, ticket_id=ticket.id, agent_id=agent_id)


def turn(ticket: Ticket, agent_id: UUID | None, at: datetime) -> None:
    """The row says who writes; what the one before had typed may still be on its way."""
    ticket.handed_from, ticket.handed_at, ticket.agent_id = ticket.agent_id, at, agent_id
    ticket.asked_by = ticket.asked_at = None
    ticket.version += 1


async def save_field(
    tx: Tx, ref: str, name: str, value: str, *, seen_version: int, actor: Actor, at: datetime
) -> Saved:
    """Save one field as typed. `seen_version`: the field's version that the writer saw, 0 for never saved.

    Raises NotFound, NotAllowed, Invalid, TooLarge, Conflict (the ticket has ended), and VersionConflict with both
    texts if somebody else saved another text meanwhile; the same text is no conflict. Who handed the pen on a moment
    ago may still save what nobody changed since: it was typed before.
    """
    text = forms.clean(name, value)
    ticket = await locked(tx, ref, actor)
    version = ticket.field_versions.get(name, 0)
    stored = ticket.values.get(name, "")
    changed = text != stored
    has_pen = await _has_pen(tx, ticket, actor)
    if not has_pen and not (_had_pen(ticket, actor, at) and (seen_version == version or not changed)):
        raise NotAllowed(NOT_YOURS)
    if changed:
        if seen_version != version:
            raise _both(name, yours=text, theirs=stored, version=version)
        _may_write(ticket, {name: text}, actor)
        _write(tx, ticket, {name: text}, actor, at)
    saved_at = ticket.field_saved_at.get(name)
    return Saved(
        name=name,
        value=text,
        version=ticket.field_versions.get(name, 0),
        ticket_version=ticket.version,
        saved_at=datetime.fromisoformat(saved_at) if saved_at else at,
        changed=changed,
    )


async def take(
    tx: Tx,
    ref: str,
    step: str,
    values: Mapping[str, str],
    *,
    version: int,
    actor: Actor,
    at: datetime,
    timezone: str = TIMEZONE,
) -> Ticket:
    """Take a step, with the form's fields as they stand on the screen that showed `version`.

    Raises NotFound, NotAllowed, Invalid, TooLarge, MissingFields (`extra`: fields, errors), Conflict (the state does
    not allow it), VersionConflict (a saved field differs, the screen is old). Whatever it raises, nothing was written.
    """
    cleaned = {name: forms.clean(name, value) for name, value in values.items()}
    ticket = await locked(tx, ref, actor)
    chosen = workflow_of(ticket.workflow, ticket.workflow_version).step(step, ticket.state)
    _permit(actor, chosen.action, ticket)
    # Closed under the hands of who writes it, a ticket would take no more of their words.
    if chosen.path and not await _may_move(tx, ticket, actor):
        raise NotAllowed(NOT_YOURS)
    changed = {name: text for name, text in cleaned.items() if text != ticket.values.get(name, "")}
    if changed:
        if not await _has_pen(tx, ticket, actor):
            raise NotAllowed(NOT_YOURS)
        # A field that was never saved cannot have been changed by somebody else.
        disputed = [name for name in changed if ticket.field_versions.get(name)]
        if disputed and version != ticket.version:
            name = disputed[0]
            raise _both(name, yours=changed[name], theirs=ticket.values[name], version=ticket.version)
        _may_write(ticket, changed, actor)
    facts = await _facts(tx, ticket, {**ticket.values, **changed}, actor, at)
    workflow.check(chosen, facts)
    if changed:
        _write(tx, ticket, changed, actor, at)
    if not chosen.path and actor.agent_id is not None:
        hand(tx, ticket, actor.agent_id, at, None)
    await _move(tx, ticket, chosen, actor=actor, at=at, timezone=timezone)
    return ticket


async def steps_for(tx: Tx, ticket: Ticket, actor: Actor, at: datetime) -> tuple[str, ...]:
    """Codes of the steps that this person may take now, the most usual first."""
    facts = await _facts(tx, ticket, ticket.values, actor, at)
    flow = workflow_of(ticket.workflow, ticket.workflow_version)
    who = subject(ticket)
    steps = [step for step in workflow.offered(flow, ticket.state, facts) if can(actor, step.action, who)]
    may_move = any(step.path for step in steps) and await _may_move(tx, ticket, actor)
    return tuple(step.code for step in steps if may_move or not step.path)


async def is_writable(tx: Tx, ticket: Ticket, actor: Actor) -> bool:
    """Whether this person may save fields now."""
    return not is_final(ticket) and await _has_pen(tx, ticket, actor)


async def on_call(tx: Tx, ticket_id: UUID) -> list[UUID]:
    """Agents who are in a call about it now, in the order in which they came. One statement."""
    found = await tx.session.scalars(_ON_CALL, {"ticket": ticket_id})
    return list(dict.fromkeys(agent_id for agent_id in found if agent_id is not None))


async def _may_move(tx: Tx, ticket: Ticket, actor: Actor) -> bool:
    """Whoever writes it; an ended one, which nobody writes, whoever has the step's permission."""
    return is_final(ticket) or await _has_pen(tx, ticket, actor)


async def _has_pen(tx: Tx, ticket: Ticket, actor: Actor) -> bool:
    """Theirs, or nobody's for who may write any; but beside an agent on the call even a supervisor only reads."""
    if not can(actor, "ticket.edit", subject(ticket)):
        return False
    if ticket.agent_id is None or ticket.agent_id in actor.ids:
        return True
    return ticket.agent_id not in await on_call(tx, ticket.id)


def _had_pen(ticket: Ticket, actor: Actor, at: datetime) -> bool:
    if ticket.handed_from is None or ticket.handed_at is None or ticket.handed_from not in actor.ids:
        return False
    return at - ticket.handed_at <= ON_THE_WAY


async def locked(tx: Tx, ref: str, actor: Actor) -> Ticket:
    """The row, to be changed. Raises NotFound: there is none, or it is not for this person."""
    ticket: Ticket | None = await tx.session.scalar(select(Ticket).where(Ticket.ref == ref).with_for_update())
    if ticket is None or not can(actor, "ticket.view", subject(ticket)):
        raise NotFound("There is no such ticket.")
    return ticket


def _permit(actor: Actor, action: str, ticket: Ticket) -> None:
    if not can(actor, action, subject(ticket)):
        raise NotAllowed(NOT_YOURS)


def _may_write(ticket: Ticket, changed: Mapping[str, str], actor: Actor) -> None:
    if is_final(ticket):
        raise Conflict("The ticket is closed; nothing was stored.")
    urgency, before = changed.get("urgency"), ticket.values.get("urgency")
    if ticket.registered_at is None or urgency is None or not before or actor.role == "supervisor":
        return
    if not urgency or taxonomy.is_less_severe(urgency, before):
        raise NotAllowed("Only a supervisor lowers the urgency of a registered ticket.", field="urgency")


def _both(name: str, *, yours: str, theirs: str, version: int) -> VersionConflict:
    return VersionConflict(
        "Somebody else changed this field; nothing was overwritten.",
        field=name, yours=yours, theirs=theirs, version=version,
    )  # fmt: skip


async def _facts(tx: Tx, ticket: Ticket, values: Mapping[str, str], actor: Actor, at: datetime) -> Facts:
    is_mine = bool(actor.ids & subject(ticket).owners)
    has_desk = actor.agent_id is not None
    return Facts(
        values=values,
        role=actor.role,
        is_mine=is_mine,
        has_desk=has_desk,
        is_live=has_desk and not is_mine and ticket.agent_id is not None and await _is_live(tx, ticket),
        closed_at=ticket.closed_at,
        at=at,
    )


async def _is_live(tx: Tx, ticket: Ticket) -> bool:
    """Whether a call about it goes on."""
    call = (
        select(Call.id)
        .join(Contact, Contact.call_id == Call.id)
        .join(ContactTicket, ContactTicket.contact_id == Contact.id)
        .where(ContactTicket.ticket_id == ticket.id, Call.ended_at.is_(None))
    )
    return bool(await tx.session.scalar(select(exists(call))))


def _write(tx: Tx, ticket: Ticket, changed: Mapping[str, str], actor: Actor, at: datetime) -> None:
    ticket.values = {**ticket.values, **changed}
    ticket.field_versions = {
        **ticket.field_versions,
        **{name: ticket.field_versions.get(name, 0) + 1 for name in changed},
    }
    ticket.field_saved_at = {**ticket.field_saved_at, **dict.fromkeys(changed, iso(at))}
    ticket.written_by = actor.agent_id or actor.account_id
    ticket.version += 1
    event = TicketChanged(
        at=at,
        dedupe_key=key(ticket, "changed"),
        ticket_id=ticket.id,
        version=ticket.version,
        fields=tuple(name for name in forms.FIELDS if name in changed),
        actor=str(actor.account_id),
    )
    tx.emit(event, ticket_id=ticket.id)


async def _move(tx: Tx, ticket: Ticket, step: Step, *, actor: Actor, at: datetime, timezone: str) -> None:
    states = workflow_of(ticket.workflow, ticket.workflow_version).states
    for here, there in step.hops:
        if states[there].registers and ticket.ticket_no is None:
            day = local(at, timezone).strftime("%Y%m%d")
            ticket.ticket_no = f"{day}-{await _next(tx, f'ticket_no:{day}'):04}"
            ticket.registered_at = at
        ticket.state = there
        ticket.closed_at = at if states[there].is_final else None
        ticket.version += 1
        moved = TicketMoved(
            at=at,
            dedupe_key=key(ticket, "moved"),
            ticket_id=ticket.id,
            version=ticket.version,
            step=step.code,
            from_state=here,
            to_state=there,
            actor=str(actor.account_id),
        )
        tx.emit(moved, ticket_id=ticket.id)


def key(ticket: Ticket, what: str) -> str:
    """A dedupe key: each version of a ticket has one cause."""
    return f"ticket:{ticket.id}:{ticket.version}:{what}"


async def _next(tx: Tx, series: str) -> int:
    """The next number of a series, without holes: the row stays locked until the commit."""
    statement = _COUNTING.get(tx.dialect)
    if statement is None:
        insert: Any = tx.insert(Counter).values(name=bindparam("series"), value=1)
        insert = insert.on_conflict_do_update(index_elements=["name"], set_={"value": Counter.value + 1})
        statement = _COUNTING[tx.dialect] = insert.returning(Counter.value)
    number: int = (await tx.session.execute(statement, {"series": series})).scalar_one()
    return number
