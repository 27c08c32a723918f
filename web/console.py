"""Tickets and work as screens show them: rows to view models, in a fixed number of statements. Numbers leave masked."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, bindparam, or_, select

from hotline.access.models import Account
from hotline.access.permissions import Actor, can
from hotline.agents.models import Agent
from hotline.calls.models import Call
from hotline.db import EventRow, Tx
from hotline.tickets import additions, forms, pen, queries, service
from hotline.tickets.models import Contact, Ticket
from web import calls as call_views
from web.board import masked
from web.views import (
    AdditionView,
    EarlierContact,
    FieldView,
    PenView,
    TicketRow,
    TicketView,
    TimelineEntry,
    WorkItem,
)
from web.watching import shown_to

_SHOWN_EVENTS = frozenset(
    {"CallStarted", "ContactOpened", "CallQueued", "CallWished", "CallBackWanted", "AgentRang", "AgentMissed",
     "CallAnswered", "RecordingStarted", "MessageLeft", "MessageHeard", "AgentLegEnded", "CallEnded",
     "TicketHandedTo", "TicketHandedBack", "TicketChanged", "TicketMoved", "CallBackDue", "CallBackDone",
     "CallCorrected", "LegHeld", "LegResumed", "LegAside", "LegRejoined", "CallAside", "CallRejoined",
     "CallTransferred", "PartyRang", "PartyAnswered", "PartyLeft", "PenHanded", "TicketAddedTo", "HelpAsked",
     "HelpEnded", "SupervisionChanged", "SilentSwitched", "CallerKeyed"}
)  # fmt: skip
_SUMMARY_CHARS = 80
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_NAMES = (
    select(Account.id, Account.name, Agent.id, Agent.endpoint, Agent.name)
    .outerjoin(Agent, Agent.account_id == Account.id)
    .where(or_(Account.id.in_(_IDS), Agent.id.in_(_IDS), Agent.endpoint.in_(bindparam("endpoints", expanding=True))))
)


async def ticket_view(
    tx: Tx,
    ticket: Ticket,
    actor: Actor,
    at: datetime,
    *,
    shows_listeners: bool,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> TicketView:
    """A ticket as its form shows it. `shows_listeners`: see watching.shown_to; `typed`: what a refused form held, shown
    instead of what is saved.
    """
    contacts = await queries.contacts_of(tx, ticket.id)
    first = contacts[0][0] if contacts else None
    number = first.caller_number if first else None
    found = await call_views.beside(tx, [call for _, call in contacts if call is not None])
    events = shown_to(actor, await queries.timeline(tx, ticket.id), shows_listeners=shows_listeners)
    is_writable = await service.is_writable(tx, ticket, actor)
    now = await pen.standing(tx, ticket, actor)
    added = await additions.of_ticket(tx, ticket.id)
    people = {row.account_id for row in added} | {*now.give_to, now.holder, now.asked_by}
    names = await names_in(tx, events, {one for one in people if one is not None})
    return TicketView(
        ref=ticket.ref,
        ticket_no=ticket.ticket_no,
        state=ticket.state,
        version=ticket.version,
        mine=bool(actor.ids & service.subject(ticket).owners),
        writable=is_writable,
        number=masked(number),
        number_hidden=number is not None,
        contact_id=str(first.id) if first else None,
        fields=_fields(ticket, typed or {}, errors or {}),
        steps=await service.steps_for(tx, ticket, actor, at),
        calls=tuple(call_views.view(one, actor) for one in found),
        earlier=_earlier(await queries.earlier(tx, number, ticket), actor),
        timeline=timeline(events, names),
        opened_at=ticket.opened_at,
        closed_at=ticket.closed_at,
        pen=_pen(now, names, actor),
        additions=tuple(AdditionView(row.at, names.get(str(row.account_id)), row.text) for row in added),
        may_add=not is_writable and await additions.may_add(tx, ticket, actor),
    )


def _pen(now: pen.Standing, names: Mapping[str, str], actor: Actor) -> PenView:
    return PenView(
        holder=names.get(str(now.holder)),
        give_to=tuple((str(one), names.get(str(one), "")) for one in now.give_to),
        asked_by=names.get(str(now.asked_by)),
        has_asked=now.asked_by is not None and now.asked_by == actor.agent_id,
        may_ask=now.may_ask,
        may_take=now.may_take,
    )


def live_call_id(view: TicketView, open_calls: Iterable[UUID]) -> UUID | None:
    """The ticket's call that is going on."""
    mine = {call.id for call in view.calls}
    return next((call_id for call_id in open_calls if str(call_id) in mine), None)


def _fields(ticket: Ticket, typed: Mapping[str, str], errors: Mapping[str, str]) -> dict[str, FieldView]:
    return {
        name: FieldView(
            name=name,
            kind=field.kind,
            value=typed.get(name, ticket.values.get(name, "")),
            version=ticket.field_versions.get(name, 0),
            saved_at=datetime.fromisoformat(ticket.field_saved_at[name]) if name in ticket.field_saved_at else None,
            error=errors.get(name),
        )
        for name, field in forms.FIELDS.items()
    }


def _earlier(listed: Iterable[queries.Listed], actor: Actor) -> tuple[EarlierContact, ...]:
    """Only those whose ticket this person may open: a shared number must not tell of a protected case."""
    return tuple(
        EarlierContact(
            ref=one.ticket.ref,
            at=one.contact.at,
            line=one.call.line if one.call else "",
            outcome=one.call.outcome if one.call else None,
            contact_type=one.ticket.values.get("contact_type") or None,
            category=one.ticket.values.get("category") or None,
            state=one.ticket.state,
        )
        for one in listed
        if one.contact is not None and can(actor, "ticket.view", service.subject(one.ticket))
    )


# -- what happened


async def names_in(tx: Tx, events: Iterable[EventRow], also: Collection[UUID] = ()) -> dict[str, str]:
    """Names of everybody these events speak of, by agent id, account id and endpoint. One statement."""
    ids: set[UUID] = set(also)
    endpoints: set[str] = set()
    for event in events:
        for name in ("agent_id", "from_agent_id", "actor", "supervisor_id"):
            if (known := _uuid(event.data.get(name))) is not None:
                ids.add(known)
        endpoints |= {str(event.data[name]) for name in ("member", "to") if event.data.get(name)}
    rows = await tx.session.execute(_NAMES, {"ids": list(ids), "endpoints": list(endpoints)})
    names: dict[str, str] = {}
    for account_id, account, agent_id, endpoint, agent in rows:
        names[str(account_id)] = agent or account
        if agent_id is not None:
            names[str(agent_id)] = names[endpoint] = agent
    return names


def timeline(events: Sequence[EventRow], names: Mapping[str, str]) -> tuple[TimelineEntry, ...]:
    """Oldest first. Fields saved one after the other by the same person are one entry.

    What was learnt of a call afterwards stands where it happened, not where it was learnt.
    """
    entries: list[TimelineEntry] = []
    if any(event.data.get("is_past") for event in events):
        events = sorted(events, key=lambda event: event.at)
    for event in events:
        if event.type not in _SHOWN_EVENTS:
            continue
        entry = TimelineEntry(event.at, event.type, _detail(event, names))
        last = entries[-1] if entries else None
        if last is not None and last.kind == entry.kind == "TicketChanged" and _same_writer(last, entry):
            fields = dict.fromkeys([*last.detail["fields"].split(","), *entry.detail["fields"].split(",")])
            entries[-1] = replace(last, at=entry.at, detail={**last.detail, "fields": ",".join(fields)})
        else:
            entries.append(entry)
    return tuple(entries)


def _same_writer(one: TimelineEntry, other: TimelineEntry) -> bool:
    return one.detail.get("actor") == other.detail.get("actor")


def _detail(event: EventRow, names: Mapping[str, str]) -> dict[str, str]:
    """Codes and names for the template; what the log does not know is left out."""
    data: Mapping[str, Any] = event.data
    found: dict[str, str | None] = {name: data.get(name) for name in _COPIED}
    found["agent"] = names.get(str(data.get("agent_id") or data.get("member")))
    found["actor"] = names.get(str(data.get("actor")))
    found["giver"] = names.get(str(data.get("from_agent_id")))
    found["receiver"] = names.get(str(data.get("to")))
    found["supervisor"] = names.get(str(data.get("supervisor_id")))
    if "is_on" in data:
        found["what"] = "on" if data["is_on"] else "off"
    if data.get("is_safe"):
        found["is_safe"] = "yes"
    if data.get("fields"):
        found["fields"] = ",".join(data["fields"])
    for name in ("wait", "talk"):
        if data.get(f"{name}_ms") is not None:
            found[f"{name}_s"] = str(data[f"{name}_ms"] / 1000)
    return {name: value for name, value in found.items() if value is not None}


_COPIED = (
    "line", "outcome", "hangup_by", "kind", "step", "from_state", "to_state", "due_at", "role", "what", "to", "how",
    "result", "mode", "reason", "why", "answer", "wish",
)  # fmt: skip


# -- lists


async def work_items(tx: Tx, actor: Actor) -> list[WorkItem]:
    """*My work* of somebody with a phone; nothing for others."""
    if actor.agent_id is None:
        return []
    found = await queries.work_of(tx, actor.agent_id)
    return [_work_item(work, actor) for work in found if work.kind != "listen" or can(actor, "message.heard")]


def _work_item(work: queries.Work, actor: Actor) -> WorkItem:
    """A call-back of the team may be of a ticket that this agent may not open: then only that one is due."""
    ticket = work.ticket if work.ticket and can(actor, "ticket.view", service.subject(work.ticket)) else None
    contact = work.contact if ticket is not None or work.ticket is None else None
    return WorkItem(
        key=f"work-{work.due_id or (ticket.id if ticket else '')}",
        kind=work.kind,
        ref=ticket.ref if ticket else None,
        at=work.at,
        due_at=work.due_at,
        line=work.line,
        number=masked(contact.caller_number) if contact else None,
        summary=_short(ticket),
        contact_id=str(contact.id) if contact else None,
        due_id=str(work.due_id) if work.due_id else None,
    )


def _short(ticket: Ticket | None) -> str | None:
    text = ticket.values.get("summary", "") if ticket else ""
    return text[:_SUMMARY_CHARS] or None


async def ticket_rows(tx: Tx, page: queries.Page, actor: Actor) -> list[TicketRow]:
    """A page of the list, with the writers' names in one statement."""
    owners = {one.ticket.agent_id for one in page.rows if one.ticket.agent_id}
    rows = await tx.session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(owners)))
    names = dict(rows.all())
    return [_ticket_row(one.ticket, one.contact, one.call, names, actor) for one in page.rows]


def _ticket_row(
    ticket: Ticket, contact: Contact | None, call: Call | None, names: Mapping[UUID, str], actor: Actor
) -> TicketRow:
    def value(name: str) -> str | None:
        return ticket.values.get(name) or None

    return TicketRow(
        ref=ticket.ref,
        ticket_no=ticket.ticket_no,
        state=ticket.state,
        opened_at=ticket.opened_at,
        line=call.line if call else None,
        number=masked(contact.caller_number) if contact else None,
        contact_type=value("contact_type"),
        category=value("category"),
        urgency=value("urgency"),
        summary=_short(ticket),
        agent=names.get(ticket.agent_id) if ticket.agent_id else None,
        mine=ticket.agent_id in actor.ids,
    )


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
