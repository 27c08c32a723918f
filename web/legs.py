"""Who was rung for a call, and where in its sound the caller became whose: rows to view models."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select

from hotline.agents.models import Agent
from hotline.calls.models import CallOffer, CallParty, Recording
from hotline.db import EventRow, Tx
from web.board import masked
from web.views import LegView, MarkView

_OFFERS = (
    select(CallOffer, Agent.name)
    .outerjoin(Agent, Agent.id == CallOffer.agent_id)
    .where(CallOffer.call_id.in_(bindparam("ids", expanding=True)))
    .order_by(CallOffer.rang_at, CallOffer.leg)
)
_PARTIES = select(CallParty).where(CallParty.call_id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Leg:
    """An agent's phone, with the name of whose it is, or somebody outside: one of both."""

    offer: CallOffer | None = None
    party: CallParty | None = None
    name: str | None = None


async def of_calls(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, list[Leg]]:
    """By call, in the order in which they rang. Two statements."""
    legs: dict[UUID, list[tuple[datetime, Leg]]] = {}
    values = {"ids": list(ids)}
    offers = await tx.session.execute(_OFFERS, values)
    for offer, name in offers:
        legs.setdefault(offer.call_id, []).append((offer.rang_at, Leg(offer, name=name)))
    for party in await tx.session.scalars(_PARTIES, values):
        legs.setdefault(party.call_id, []).append((party.rang_at, Leg(party=party)))
    return {call: [leg for _at, leg in sorted(found, key=lambda one: one[0])] for call, found in legs.items()}


@dataclass(frozen=True, slots=True)
class Transfer:
    """The caller went from `giver` to `receiver`. `kind`: blind, attended, queue, take-over; `to`: queue, outside or
    None for an agent. Names are None where nobody knows.
    """

    at: datetime
    kind: str
    giver: str | None
    receiver: str | None
    to: str | None


async def transfers_of(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, list[Transfer]]:
    """By call, oldest first. Two statements."""
    events = list(
        await tx.session.scalars(
            select(EventRow)
            .where(EventRow.call_id.in_(ids), EventRow.type == "CallTransferred")
            .order_by(EventRow.at, EventRow.seq)
        )
    )
    phones = {str(event.data.get(name)) for event in events for name in ("member", "to")}
    names = dict((await tx.session.execute(select(Agent.endpoint, Agent.name).where(Agent.endpoint.in_(phones)))).all())
    found: dict[UUID, list[Transfer]] = {}
    for event in events:
        to = str(event.data["to"])
        place = to if to in {"queue", "outside"} else None
        giver = names.get(str(event.data.get("member")))
        if event.call_id is not None:
            moved = Transfer(event.at, str(event.data["kind"]), giver, names.get(to), place)
            found.setdefault(event.call_id, []).append(moved)
    return found


def agents_who_were_there(legs: Sequence[Leg]) -> set[UUID]:
    """Who had the caller, or was asked."""
    offers = [leg.offer for leg in legs if leg.offer is not None and leg.offer.result == "answered"]
    return {offer.agent_id for offer in offers if offer.agent_id is not None}


def agents_who_had_the_caller(legs: Sequence[Leg]) -> set[UUID]:
    """Whose the caller was for a while: not who was asked, or came to help."""
    offers = [leg.offer for leg in legs if leg.offer is not None and leg.offer.owned_at is not None]
    return {offer.agent_id for offer in offers if offer.agent_id is not None}


def view(leg: Leg, *, full: bool) -> LegView:
    """`full`: with the whole number of somebody outside."""
    if leg.party is not None:
        party = leg.party
        return LegView(
            name=None, number=party.number if full else masked(party.number), role="party", result=party.result,
            rang_at=party.rang_at, answered_at=party.answered_at, left_at=party.left_at,
            talk_s=_seconds(party.talk_ms), hold_s=None,
        )  # fmt: skip
    assert leg.offer is not None  # noqa: S101 - one of both
    offer, is_answered = leg.offer, leg.offer.result == "answered"
    return LegView(
        name=leg.name, number=None, role=offer.role, result=offer.result, rang_at=offer.rang_at,
        answered_at=offer.ended_at if is_answered else None,
        left_at=offer.left_at if is_answered else offer.ended_at,
        talk_s=_seconds(offer.talk_ms), hold_s=_seconds(offer.hold_ms), held=offer.held_at is not None,
    )  # fmt: skip


def marks(legs: Sequence[Leg], recording: Recording, until: datetime | None) -> tuple[MarkView, ...]:
    """Where in a part of the sound the caller became whose, if more than one agent had them. `until`: the part's end.

    The recorder writes only while the caller is joined with somebody: what they spent apart is not in the file.
    """
    had = sorted(
        (leg.offer.owned_at, leg.offer.apart_ms, leg.offer.member, leg.name or "")
        for leg in legs
        if leg.offer is not None and leg.offer.owned_at is not None
    )
    if recording.kind != "call" or len({member for _at, _apart, member, _name in had}) < 2:
        return ()
    placed = [
        (max(0.0, (at - recording.started_at).total_seconds() - (apart_ms - recording.apart_ms) / 1000), name)
        for at, apart_ms, _member, name in had
        if until is None or at < until
    ]
    # Whoever had the caller when this part began is its first mark; those before them are not heard in it.
    first = max((number for number, (offset, _name) in enumerate(placed) if offset == 0), default=0)
    return tuple(MarkView(offset, name or None) for offset, name in placed[first:])


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
