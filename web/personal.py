"""Events that concern somebody: the ticket that is theirs, their own phone, the ticket on their screen.

Announced by id and code only; the page fetches the content through its ordinary handler. The permission is asked at
each send, not when the socket opened.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, select

from hotline.access.permissions import Owned, can
from hotline.db import Tx
from hotline.tickets.models import Contact, ContactTicket, Ticket
from web.screens import Screen
from web.watching import is_noticed

_TO_AGENT = frozenset({"AgentChanged", "PhoneSecretChanged", "PhoneProvisioned", "SilentSwitched", "CallerKeyed"})
# Whoever has a phone may call back.
_TO_EVERYBODY = frozenset({"CallBackDue", "CallBackDone", "MessageLeft", "MessageHeard"})
_OF_TICKET = frozenset(
    {"TicketHandedTo", "TicketHandedBack", "TicketChanged", "TicketMoved", "TicketShownTo", "PenHanded", "PenAsked",
     "TicketAddedTo", "CallAnswered", "AgentLegEnded"}
)  # fmt: skip
# Who is on a call looks at it anew.
_MOVES = frozenset(
    {"AgentRang", "AgentOfferEnded", "AgentMissed", "CallAnswered", "AgentLegEnded", "LegHeld", "LegResumed",
     "LegAside", "LegRejoined", "CallAside", "CallRejoined", "CallTransferred", "PartyRang", "PartyAnswered",
     "PartyLeft", "CallMerged"}
)  # fmt: skip
_UNPARKS = frozenset({"CallRejoined", "CallEnded", "CallTransferred", "CallQueued"})
_TO_SUPERVISORS = frozenset({"HelpAsked", "HelpEnded"})
_OF_HELP = _TO_SUPERVISORS | {"SupervisionChanged"}
_KEPT_TICKETS = 2000
_TICKETS = (
    select(Ticket.id, Ticket.ref, Ticket.agent_id, Ticket.confidentiality, Contact.call_id)
    .outerjoin(ContactTicket, ContactTicket.ticket_id == Ticket.id)
    .outerjoin(Contact, Contact.id == ContactTicket.contact_id)
    .where(Ticket.id.in_(bindparam("ids", expanding=True)))
    .order_by(Contact.at)
)


class Entry(NamedTuple):
    """An event as the log has it; ids also taken from its data, where the writer did not know them."""

    seq: int
    type: str
    call_id: UUID | None
    ticket_id: UUID | None
    agent_id: UUID | None
    data: Mapping[str, Any]
    at: datetime


def entry_of(row: Sequence[Any]) -> Entry:
    """From the log's columns, in the order of Entry's fields."""
    seq, kind, call_id, ticket_id, agent_id, data, at = row
    return Entry(
        seq,
        kind,
        call_id or _id(data.get("call_id")),
        ticket_id or _id(data.get("ticket_id")),
        agent_id or _id(data.get("agent_id")),
        data,
        at,
    )


class _About(NamedTuple):
    """What a ticket's events need of it."""

    ref: str
    call: str | None
    subject: Owned


class Letter(NamedTuple):
    """One event ready to send. `subject`: the ticket to ask the permission for; `seq`: of the event about it."""

    text: str
    subject: Owned | None
    seq: int = 0


class Mail(NamedTuple):
    """Letters by whom they concern: an agent's own, by the ref that a page shows, for all with a phone, for all who
    may take part in a call.
    """

    to_agent: Mapping[UUID, Sequence[Letter]]
    by_ref: Mapping[str, Sequence[Letter]]
    to_everybody: Sequence[Letter] = ()
    to_supervisors: Sequence[Letter] = ()


class Personal:
    """Knows the tickets that recent events speak of. `on_call`: the agents on a call. `shows_listeners`: an agent is
    told of a supervisor who only listens.
    """

    def __init__(
        self, on_call: Callable[[UUID], Iterable[UUID]] = lambda _call: (), *, shows_listeners: bool = True
    ) -> None:
        self._on_call = on_call
        self._shows_listeners = shows_listeners
        self._tickets: dict[UUID, _About] = {}
        self._parked: set[UUID] = set()

    @staticmethod
    def concerns(entries: Iterable[Entry]) -> bool:
        """Whether any of these speaks of a ticket's content or owner."""
        return any(entry.type in _OF_TICKET for entry in entries)

    async def read(self, tx: Tx, entries: Iterable[Entry]) -> None:
        """Read the tickets anew, in one statement: owner and level may be what changed."""
        ids = {entry.ticket_id for entry in entries if entry.type in _OF_TICKET and entry.ticket_id}
        if len(self._tickets) > _KEPT_TICKETS:
            self._tickets.clear()
        for ticket_id, ref, agent_id, level, call_id in await tx.session.execute(_TICKETS, {"ids": list(ids)}):
            owners = frozenset({agent_id}) if agent_id else frozenset[UUID]()
            self._tickets[ticket_id] = _About(ref, str(call_id) if call_id else None, Owned(owners, level))

    def sort(self, entries: Iterable[Entry]) -> Mail:
        """Who is to hear of what."""
        to_agent: dict[UUID, list[Letter]] = {}
        by_ref: dict[str, list[Letter]] = {}
        everybody: dict[str, Letter] = {}
        moved: set[UUID] = set()
        supervisors: list[Letter] = []
        for entry in entries:
            if entry.call_id is not None and entry.type in _MOVES:
                moved |= {*self._on_call(entry.call_id)} | ({entry.agent_id} if entry.agent_id else set())
            if self._parks(entry):
                everybody["CallsParked"] = Letter(_json("CallsParked"), None)
            if entry.type in _TO_EVERYBODY:
                everybody[entry.type] = Letter(_json(entry.type), None)
            elif entry.type in _OF_HELP:
                letter = Letter(_json(entry.type, agent=entry.data["agent_id"]), None)
                supervisors += [letter] if entry.type in _TO_SUPERVISORS else ()
                watched = _id(entry.data["agent_id"]) if self._shows_listeners or is_noticed(entry.data) else None
                for who in filter(None, (watched, _id(entry.data.get("supervisor_id")))):
                    to_agent.setdefault(who, []).append(letter)
            elif entry.type in _TO_AGENT and entry.agent_id is not None:
                to_agent.setdefault(entry.agent_id, []).append(Letter(_own(entry), None))
            elif entry.type in _OF_TICKET and entry.ticket_id in self._tickets:
                about = self._tickets[entry.ticket_id]
                letter = Letter(_of_ticket(entry, about), about.subject, entry.seq)
                named = {entry.agent_id} if entry.agent_id else set(about.subject.owners)
                mine = Letter(_of_ticket(entry, about, is_mine=True), about.subject, entry.seq)
                for agent_id in named:
                    to_agent.setdefault(agent_id, []).append(mine)
                by_ref.setdefault(about.ref, []).append(letter)
        for agent_id in moved:
            to_agent.setdefault(agent_id, []).append(Letter(_json("CallMoved"), None))
        return Mail(to_agent, by_ref, tuple(everybody.values()), supervisors)

    def _parks(self, entry: Entry) -> bool:
        """Whether a caller was parked just now, or is no longer. Who was parked before our start is not known here:
        pages that show somebody parked look by themselves too.
        """
        if entry.call_id is None:
            return False
        if entry.type == "CallAside" and entry.data.get("what") == "parked":
            self._parked.add(entry.call_id)
            return True
        if entry.type in _UNPARKS and entry.call_id in self._parked:
            self._parked.discard(entry.call_id)
            return True
        return False

    @staticmethod
    def text(mail: Mail, screen: Screen) -> str:
        """What concerns this screen, as JSON list contents; empty if nothing does or nothing may be seen."""
        actor = screen.actor
        letters = [*mail.to_everybody, *mail.to_agent.get(actor.agent_id, ())] if actor.agent_id else []
        if mail.to_supervisors and can(actor, "call.supervise"):
            letters += mail.to_supervisors
        if mail.by_ref and screen.watched:
            told = {letter.seq for letter in letters}  # as the agent's own: the common words would say it is another's
            letters += [
                letter
                for ref in screen.watched & mail.by_ref.keys()
                for letter in mail.by_ref[ref]
                if letter.seq not in told
            ]
        return ",".join(
            letter.text for letter in letters if letter.subject is None or can(actor, "ticket.view", letter.subject)
        )


def _own(entry: Entry) -> str:
    data = entry.data
    match entry.type:
        case "AgentChanged":
            return _json("AgentChanged", state=data["state"], reason=data["reason"], phone=data["phone"])
        case "PhoneProvisioned":
            return _json("PhoneProvisioned", version=data["version"])
        case _:
            return _json(entry.type)


def _of_ticket(entry: Entry, about: _About, *, is_mine: bool = False) -> str:
    """`is_mine`: for the agent whom it names."""
    data = entry.data
    match entry.type:
        case "PenHanded" | "PenAsked" | "TicketShownTo" | "TicketHandedTo" if is_mine and not data.get("is_past"):
            return _json(entry.type, ref=about.ref, call=about.call, mine=True)
        case "TicketChanged":
            return _json(
                "TicketChanged", ref=about.ref, version=data["version"], fields=data["fields"], by=data["actor"]
            )
        case "TicketMoved":
            return _json(
                "TicketMoved",
                ref=about.ref,
                version=data["version"],
                step=data["step"],
                state=data["to_state"],
                by=data["actor"],
            )
        case "TicketHandedTo" if data.get("is_past"):
            return _json("TicketHandedTo", ref=about.ref, call=about.call, past=True)
        case _:
            return _json(entry.type, ref=about.ref, call=about.call)


def _json(kind: str, **values: Any) -> str:
    return json.dumps({"type": kind, **values}, ensure_ascii=False)


def _id(value: object) -> UUID | None:
    return UUID(value) if isinstance(value, str) else None
