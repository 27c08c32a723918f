"""Who is on a call and how it stands with them, as rows: legs, holds, callers aside, transfers, people outside.

Called by calls.service for the tracker's events, in their transaction. Run twice, each has one effect. Never commits.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select

from hotline.calls.models import Call, CallOffer, CallParty
from hotline.db import Tx
from hotline.events import (
    AgentLegEnded,
    CallAside,
    CallRejoined,
    CallTransferred,
    LegAside,
    LegHeld,
    LegRejoined,
    LegResumed,
    PartyAnswered,
    PartyLeft,
    PartyRang,
)

OWNING = frozenset({"queue", "transfer", "dial"})
"""Roles whose answer makes the caller that agent's; the others only help."""
_OFFER = (
    select(CallOffer)
    .where(
        CallOffer.call_id == bindparam("call"), CallOffer.member == bindparam("member"),
        CallOffer.leg == bindparam("leg"),
    )
    .execution_options(autoflush=False)
)  # fmt: skip
_PARTY = (
    select(CallParty)
    .where(CallParty.call_id == bindparam("call"), CallParty.leg == bindparam("leg"))
    .execution_options(autoflush=False)
)


async def offer(tx: Tx, call: Call, member: str, leg: str) -> CallOffer | None:
    """What is known of a leg of an agent's phone."""
    found: CallOffer | None = await tx.session.scalar(_OFFER, {"call": call.id, "member": member, "leg": leg})
    return found


def talked_ms(leg: CallOffer, event: AgentLegEnded) -> int | None:
    """By the tracker's own word; by the clock where it has none. None for who never had the caller."""
    if event.talk_ms:
        return event.talk_ms
    return round((event.at - leg.owned_at).total_seconds() * 1000) if leg.owned_at is not None else None


async def held(tx: Tx, call: Call, event: LegHeld, _agent_id: UUID | None) -> None:
    leg = await offer(tx, call, event.member, event.leg)
    if leg is not None and leg.left_at is None:
        leg.held_at = event.at


async def resumed(tx: Tx, call: Call, event: LegResumed, _agent_id: UUID | None) -> None:
    leg = await offer(tx, call, event.member, event.leg)
    if leg is not None and leg.held_at is not None:
        leg.hold_ms = (leg.hold_ms or 0) + max(0, round((event.at - leg.held_at).total_seconds() * 1000))
        leg.held_at = None


async def leg_aside(tx: Tx, call: Call, event: LegAside, _agent_id: UUID | None) -> None:
    leg = await offer(tx, call, event.member, event.leg)
    if leg is not None and leg.left_at is None:
        leg.aside_at = event.at


async def leg_rejoined(tx: Tx, call: Call, event: LegRejoined, _agent_id: UUID | None) -> None:
    leg = await offer(tx, call, event.member, event.leg)
    if leg is not None and leg.aside_at is not None:
        leg.aside_ms += max(0, round((event.at - leg.aside_at).total_seconds() * 1000))
        leg.aside_at = None


async def aside(_tx: Tx, call: Call, event: CallAside, _agent_id: UUID | None) -> None:
    if call.ended_at is None:
        call.aside, call.aside_at, call.aside_by = event.what, event.at, event.member
        apart(call, event.at)


async def rejoined(_tx: Tx, call: Call, event: CallRejoined, _agent_id: UUID | None) -> None:
    together(call, event.at if event.member else None)


def apart(call: Call, at: datetime) -> None:
    """Nobody hears the caller from now on, who was answered before."""
    if call.answered_at is not None and call.apart_at is None and call.ended_at is None:
        call.apart_at = at


def together(call: Call, at: datetime | None = None) -> None:
    """The caller is no longer aside. `at`: and somebody hears them again."""
    call.aside = call.aside_at = call.aside_by = None
    if at is not None and call.apart_at is not None:
        call.apart_ms += max(0, round((at - call.apart_at).total_seconds() * 1000))
        call.apart_at = None


def own(call: Call, leg: CallOffer, at: datetime) -> None:
    """The caller is this agent's from now on."""
    if leg.owned_at is None:
        leg.owned_at, leg.apart_ms = at, call.apart_ms


async def transferred(tx: Tx, call: Call, event: CallTransferred, _agent_id: UUID | None) -> None:
    """The receiver has the caller from now on, unless it only rings there."""
    is_theirs = event.kind in {"attended", "take-over"}
    together(call, event.at if is_theirs else None)
    if not is_theirs:
        apart(call, event.at)
        return
    leg = await offer(tx, call, event.to, event.leg)
    if leg is not None:
        own(call, leg, event.at)
        call.agent_id = leg.agent_id or call.agent_id


async def party_rang(tx: Tx, call: Call, event: PartyRang, _agent_id: UUID | None) -> None:
    await _party(tx, call, event, event.at)


async def party_answered(tx: Tx, call: Call, event: PartyAnswered, _agent_id: UUID | None) -> None:
    row = await _party(tx, call, event, event.at)
    if row.left_at is None:
        row.answered_at, row.result = row.answered_at or event.at, "answered"


async def party_left(tx: Tx, call: Call, event: PartyLeft, _agent_id: UUID | None) -> None:
    row = await _party(tx, call, event, event.at)
    if row.left_at is None:
        row.left_at, row.result = event.at, event.result
        row.talk_ms = event.talk_ms if event.result == "answered" else None


async def _party(tx: Tx, call: Call, event: PartyRang | PartyAnswered | PartyLeft, at: datetime) -> CallParty:
    """The leg's row, made where its ringing was not heard of. A number told late is kept."""
    row: CallParty | None = await tx.session.scalar(_PARTY, {"call": call.id, "leg": event.leg})
    if row is None:
        member = None if isinstance(event, PartyLeft) else event.member
        row = CallParty(call_id=call.id, leg=event.leg, member=member, rang_at=at, result="ringing")
        tx.session.add(row)
        await tx.session.flush()
    if row.number is None and event.number:
        row.number = event.number[:64]
    return row
