"""Calls as pages and programs read them: by permission, newest first, in a fixed number of statements."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, bindparam, false, or_, select, true, tuple_

from hotline.access.permissions import Actor, Owned, can, condition
from hotline.agents.models import Agent
from hotline.calls.models import Call, CallAlias, CallOffer, Recording
from hotline.db import Tx
from hotline.errors import Invalid, NotFound
from hotline.tickets.models import Contact, ContactTicket, Ticket
from web import legs
from web.board import masked
from web.legs import Leg
from web.views import CallView, MarkView, RecordingView

PAGE = 50
# Asked for every ticket that is shown, so built once: building a statement costs more than running it.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_TICKETS = (
    select(Contact.call_id, Ticket.ref, Ticket.agent_id)
    .join(ContactTicket, ContactTicket.contact_id == Contact.id)
    .join(Ticket, Ticket.id == ContactTicket.ticket_id)
    .where(Contact.call_id.in_(_IDS))
    .order_by(Ticket.opened_at.desc())
)
_NAMES = select(Agent.id, Agent.name).where(Agent.id.in_(_IDS))
_RECORDINGS = select(Recording).where(Recording.call_id.in_(_IDS)).order_by(Recording.started_at)
_ALIASES = select(CallAlias).where(CallAlias.call_id.in_(_IDS)).order_by(CallAlias.linkedid)


@dataclass(frozen=True, slots=True)
class Found:
    """A call with what is shown beside it. `owners`: whose record it is: every agent who had the caller or was asked,
    and who writes its ticket. `hearers`: those of them whose sound it is too. `legs`: in the order in which they rang.
    """

    call: Call
    ref: str | None
    agent: str | None
    owners: frozenset[UUID]
    hearers: frozenset[UUID]
    recordings: tuple[Recording, ...] = ()
    aliases: tuple[str, ...] = ()
    legs: tuple[Leg, ...] = ()

    @property
    def subject(self) -> Owned:
        return Owned(self.owners)

    @property
    def sound(self) -> Owned:
        """Who was asked for a moment sees that in the record; what the caller told others is not theirs to hear."""
        return Owned(self.hearers)


@dataclass(frozen=True, slots=True)
class Page:
    """`next_cursor`: for the page after it, None on the last."""

    rows: tuple[Found, ...]
    next_cursor: str | None


async def page(tx: Tx, actor: Actor, *, cursor: str | None = None, limit: int = PAGE) -> Page:
    """Calls that this person may list. Seven statements. Raises Invalid: bad cursor."""
    query = select(Call).where(_visible(actor), Call.phase != "merged")
    if cursor is not None:
        query = query.where(tuple_(Call.started_at, Call.id) < tuple_(*_before(cursor)))
    calls = list(await tx.session.scalars(query.order_by(Call.started_at.desc(), Call.id.desc()).limit(limit + 1)))
    shown = calls[:limit]
    return Page(tuple(await beside(tx, shown)), _cursor(shown[-1]) if len(calls) > limit else None)


async def one(tx: Tx, call_id: UUID, actor: Actor) -> Found:
    """Raises NotFound: there is none, or it is not for this person."""
    call = await tx.session.get(Call, call_id)
    found = (await beside(tx, [call]))[0] if call is not None else None
    if found is None or not can(actor, "call.view", found.subject):
        raise NotFound("There is no such call.")
    return found


async def recording(tx: Tx, recording_id: UUID, actor: Actor) -> tuple[Recording, Found]:
    """Raises NotFound: there is none, or it is not for this person."""
    row = await tx.session.get(Recording, recording_id)
    if row is None:
        raise NotFound("There is no such recording.")
    found = await one(tx, row.call_id, actor)
    if not can(actor, "recording.play", found.sound):
        raise NotFound("There is no such recording.")
    return row, found


async def beside(tx: Tx, calls: Sequence[Call]) -> list[Found]:
    """What is shown beside calls: six statements however many."""
    ids = [call.id for call in calls]
    tickets = await tx.session.execute(_TICKETS, {"ids": ids})
    refs: dict[UUID, str] = {}
    hearers: dict[UUID, set[UUID]] = {call.id: {call.agent_id} if call.agent_id else set() for call in calls}
    for call_id, ref, agent_id in tickets:
        if call_id is None:
            continue
        refs.setdefault(call_id, ref)
        hearers[call_id] |= {agent_id} if agent_id else set()
    rung = await legs.of_calls(tx, ids)
    there: dict[UUID, set[UUID]] = {}
    for call_id, found in rung.items():
        hearers[call_id] |= legs.agents_who_had_the_caller(found)
        there[call_id] = legs.agents_who_were_there(found)
    agents = list({call.agent_id for call in calls if call.agent_id})
    names = dict((await tx.session.execute(_NAMES, {"ids": agents})).all())
    recordings: dict[UUID, list[Recording]] = {}
    for row in await tx.session.scalars(_RECORDINGS, {"ids": ids}):
        recordings.setdefault(row.call_id, []).append(row)
    aliases: dict[UUID, list[str]] = {}
    for alias in await tx.session.scalars(_ALIASES, {"ids": ids}):
        aliases.setdefault(alias.call_id, []).append(alias.linkedid)
    return [
        Found(
            call=call,
            ref=refs.get(call.id),
            agent=names.get(call.agent_id) if call.agent_id else None,
            owners=frozenset(hearers[call.id] | there.get(call.id, set())),
            hearers=frozenset(hearers[call.id]),
            recordings=tuple(recordings.get(call.id, ())),
            aliases=tuple(aliases.get(call.id, ())),
            legs=tuple(rung.get(call.id, ())),
        )
        for call in calls
    ]


def view(found: Found, actor: Actor) -> CallView:
    """As a screen shows it: number masked, recordings only for who may play them."""
    call = found.call
    playable = found.recordings if can(actor, "recording.play", found.sound) else ()
    return CallView(
        id=str(call.id),
        line=call.line,
        number=masked(call.caller_number),
        origin_number=masked(call.origin_number),
        origin_order=call.origin_order,
        started_at=call.started_at,
        queued_at=call.queued_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        outcome=call.outcome,
        hangup_by=call.hangup_by,
        agent=found.agent,
        wait_s=seconds(call.wait_ms),
        talk_s=seconds(call.talk_ms),
        ref=found.ref,
        recordings=tuple(
            RecordingView(
                str(row.id), row.kind, row.started_at, _length(call, row), row.state == "missing", _marks(found, row)
            )
            for row in playable
        ),
        linkedid=call.linkedid,
        direction=call.direction,
        aside=call.aside,
        hold_s=seconds(call.hold_ms),
        legs=tuple(legs.view(leg, full=False) for leg in found.legs),
        is_unheard=bool(found.recordings) and not playable,
    )


def _marks(found: Found, row: Recording) -> tuple[MarkView, ...]:
    later = [other.started_at for other in found.recordings if other.started_at > row.started_at]
    return legs.marks(found.legs, row, min(later, default=found.call.ended_at))


def seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _length(call: Call, row: Recording) -> float | None:
    """From start to the call's end; the player knows better. None while it runs."""
    return None if call.ended_at is None else max(0.0, (call.ended_at - row.started_at).total_seconds())


def _visible(actor: Actor) -> ColumnElement[bool]:
    """The same rule as `can` with the owners of `beside`, as a filter."""
    of_own_ticket = (
        select(Contact.call_id)
        .join(ContactTicket, ContactTicket.contact_id == Contact.id)
        .join(Ticket, Ticket.id == ContactTicket.ticket_id)
        .where(Ticket.agent_id.in_(actor.ids), Contact.call_id.is_not(None))
    )
    match condition(actor, "call.list"):
        case "any":
            return true()
        case "own":
            was_there = select(CallOffer.call_id).where(
                CallOffer.agent_id.in_(actor.ids), CallOffer.result == "answered"
            )
            return or_(Call.agent_id.in_(actor.ids), Call.id.in_(was_there), Call.id.in_(of_own_ticket))
        case _:
            return false()


def _cursor(call: Call) -> str:
    return urlsafe_b64encode(f"{call.started_at.isoformat()} {call.id}".encode()).decode()


def _before(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, _, call_id = urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("a naive time")
        return moment, UUID(call_id)
    except ValueError:
        raise Invalid("The list cannot be continued from here; load it again.", field="cursor") from None
