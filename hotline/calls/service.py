"""Calls as rows, written from the tracker's events and read back into the tracker after our own start. Never commits.

`record` is the handler for every CallEvent; run twice it has one effect. Who an agent is, is not known here: the wiring
puts `agent_id` on the event before.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, select, update

from hotline.calls import conversation
from hotline.calls.conversation import OWNING, offer
from hotline.calls.legs import OpenCall, OpenOffer, OpenParty
from hotline.calls.models import Call, CallAlias, CallOffer, CallParty, Recording
from hotline.db import Emitted, Tx
from hotline.events import (
    AgentLegEnded,
    AgentMissed,
    AgentOfferEnded,
    AgentRang,
    CallAnswered,
    CallAside,
    CallCorrected,
    CallEnded,
    CallEvent,
    CallLineNamed,
    CallMerged,
    CallQueued,
    CallRejoined,
    CallStarted,
    CallTransferred,
    CallWished,
    LegAside,
    LegHeld,
    LegRejoined,
    LegResumed,
    PartyAnswered,
    PartyLeft,
    PartyRang,
    RecordingStarted,
)
from hotline.ids import new_id

__all__ = ["OWNING", "open_calls", "record", "select_number"]
ENDED = frozenset({"ended", "merged"})
# Older than the phase by more: a handler tried again later. What a snapshot says is off by less than a second or two.
_LATE = timedelta(seconds=5)
# Asked for every event of a call, so built once: building a statement costs more than running it. Nothing that they
# look for waits unflushed: its writer has flushed it.
_BY_LINKEDID = (
    select(Call)
    .where(Call.node == bindparam("node"), Call.linkedid == bindparam("linkedid"))
    .with_for_update()
    .execution_options(autoflush=False)
)
_LAST_OWNER = (
    select(CallOffer.agent_id)
    .where(CallOffer.call_id == bindparam("call"), CallOffer.owned_at.is_not(None), CallOffer.agent_id.is_not(None))
    .order_by(CallOffer.owned_at.desc())
    .limit(1)
)
_CORRECTED = ("outcome", "hangup_by", "started_at", "queued_at", "answered_at", "ended_at", "talk_ms", "wait_ms")
_RECORDING = select(Recording.id).where(Recording.file == bindparam("file")).execution_options(autoflush=False)


async def record(tx: Tx, item: Emitted) -> None:
    """Handler: one event of the tracker becomes rows, and learns its call's id."""
    event = item.event
    assert isinstance(event, CallEvent)  # noqa: S101 - the wiring gives nothing else
    call = await _call(tx, event)
    if call is None:
        if not isinstance(event, CallStarted):
            return  # of a call that began before the store did
        call = await _start(tx, event)
    item.call_id = call.id
    write = _WRITERS.get(type(event))
    if write is not None:
        await write(tx, call, event, item.agent_id)


async def open_calls(tx: Tx, node: str) -> list[OpenCall]:
    """What our rows say goes on, for Tracker.adopt. Four statements however many calls."""
    calls = list(
        await tx.session.scalars(select(Call).where(Call.node == node, Call.ended_at.is_(None), Call.phase != "merged"))
    )
    ids = [call.id for call in calls]
    offers = list(
        await tx.session.scalars(
            select(CallOffer).where(CallOffer.call_id.in_(ids), CallOffer.leg != "", CallOffer.left_at.is_(None))
        )
    )
    aliases = list(await tx.session.scalars(select(CallAlias).where(CallAlias.call_id.in_(ids))))
    parties = list(
        await tx.session.scalars(select(CallParty).where(CallParty.call_id.in_(ids), CallParty.left_at.is_(None)))
    )
    return [_open(call, offers, aliases, parties) for call in calls]


def _open(call: Call, offers: list[CallOffer], aliases: list[CallAlias], parties: list[CallParty]) -> OpenCall:
    mine = [offer for offer in offers if offer.call_id == call.id and offer.result != "withdrawn"]
    return OpenCall(
        linkedid=call.linkedid,
        line=call.line,
        caller_number=call.caller_number,
        started_at=call.started_at,
        queued_at=call.queued_at,
        answered_at=call.answered_at,
        is_waiting=call.phase in {"waiting", "ringing"} and not _is_sent_on(mine),
        has_voicemail=call.phase == "recorder",
        recording=call.recording_file,
        is_recording=call.answered_at is not None and call.recording_file is not None,
        aliases=tuple(alias.linkedid for alias in aliases if alias.call_id == call.id),
        offers=tuple(
            OpenOffer(
                offer.leg,
                offer.member,
                offer.rang_at,
                answered_at=offer.ended_at if offer.result == "answered" else None,
                is_over=offer.result == "missed",
                role=offer.role,
                has_since=offer.owned_at,
                held_at=offer.held_at,
                hold_ms=offer.hold_ms or 0,
                aside_at=offer.aside_at,
                aside_ms=offer.aside_ms,
            )
            for offer in mine
        ),
        talked_ms=call.talk_ms or 0,
        unqueued_at=call.phase_at if call.phase == "recorder" and call.queued_at is not None else None,
        direction=call.direction,
        parties=tuple(
            OpenParty(party.leg, party.number, party.rang_at, party.answered_at, party.member)
            for party in parties
            if party.call_id == call.id
        ),
        aside=call.aside,
        aside_at=call.aside_at,
        aside_by=call.aside_by,
    )


def _is_sent_on(offers: list[CallOffer]) -> bool:
    """The caller waits for one phone, not in the queue."""
    return any(offer.role == "transfer" and offer.result == "ringing" for offer in offers)


def select_number(call_id: UUID) -> Select[str | None]:
    """The caller's number of a call."""
    return select(Call.caller_number).where(Call.id == call_id)


async def _call(tx: Tx, event: CallEvent) -> Call | None:
    """By any Linkedid that became it."""
    found = tx.held(Call, node=event.node, linkedid=event.linkedid) or await tx.session.scalar(
        _BY_LINKEDID, {"node": event.node, "linkedid": event.linkedid}
    )
    if found is not None and found.phase != "merged":
        return found
    alias = await tx.session.get(CallAlias, (event.node, event.linkedid))
    return await tx.session.get(Call, alias.call_id) if alias is not None else found


async def _start(tx: Tx, event: CallStarted) -> Call:
    call = Call(
        id=new_id(),
        node=event.node,
        linkedid=event.linkedid,
        line=event.line[:32],
        direction=event.direction,
        caller_number=event.caller_number[:64] if event.caller_number else None,
        origin_number=event.origin_number,
        origin_order=event.origin_order,
        phase="greeting",
        phase_at=event.at,
        started_at=event.at,
    )
    tx.session.add(call)
    await tx.session.flush()
    return call


def _enter(call: Call, phase: str, at: datetime) -> None:
    if call.phase != phase and call.phase not in ENDED and not _is_late(call, at):
        call.phase, call.phase_at = phase, at


def _is_late(call: Call, at: datetime) -> bool:
    return call.phase_at - at > _LATE


async def _queued(_tx: Tx, call: Call, event: CallQueued, _agent_id: UUID | None) -> None:
    call.queued_at = min(call.queued_at or event.at, event.at) if event.is_past else call.queued_at or event.at
    call.recording_file = event.recording or call.recording_file
    if not _is_late(call, event.at):
        conversation.together(call)
        conversation.apart(call, event.at)
    _enter(call, "waiting", event.at)


async def _wished(_tx: Tx, call: Call, event: CallWished, _agent_id: UUID | None) -> None:
    if call.wish != "danger":  # whatever they press then
        call.wish = event.wish


async def _rang(tx: Tx, call: Call, event: AgentRang, agent_id: UUID | None) -> None:
    if await offer(tx, call, event.member, event.leg) is None:
        tx.session.add(
            CallOffer(
                call_id=call.id,
                agent_id=agent_id,
                member=event.member,
                leg=event.leg,
                role=event.role,
                rang_at=event.at,
                result="ringing" if call.phase not in ENDED else "withdrawn",
                ended_at=call.ended_at,
            )
        )
        await tx.session.flush()
    if call.phase in {"greeting", "waiting"}:
        _enter(call, "ringing", event.at)


async def _missed(tx: Tx, call: Call, event: AgentMissed | AgentOfferEnded, _agent_id: UUID | None) -> None:
    leg = await offer(tx, call, event.member, event.leg)
    is_missed = isinstance(event, AgentMissed)
    # What comes after the call's end found it withdrawn, which says less than missed.
    if leg is not None and leg.result in ({"ringing", "withdrawn"} if event.is_past and is_missed else {"ringing"}):
        leg.result = "missed" if is_missed else "withdrawn"
        leg.ended_at = event.at
    if call.phase == "ringing" and event.role == "queue":
        _enter(call, "waiting", event.at)


async def _answered(tx: Tx, call: Call, event: CallAnswered, agent_id: UUID | None) -> None:
    leg = await offer(tx, call, event.member, event.leg)
    if leg is None:
        leg = CallOffer(
            call_id=call.id, agent_id=agent_id, member=event.member, leg=event.leg, rang_at=event.at,
            result="answered", role=event.role,
        )  # fmt: skip
        tx.session.add(leg)
        await tx.session.flush()
    leg.result, leg.ended_at = "answered", event.at
    if event.role not in OWNING:
        return
    conversation.together(call, event.at)
    conversation.own(call, leg, event.at)
    if call.answered_at is None:
        call.answered_at, call.wait_ms = event.at, event.wait_ms
    if event.is_past:
        await tx.session.flush()
        call.agent_id = await tx.session.scalar(_LAST_OWNER, {"call": call.id}) or call.agent_id
    elif call.agent_id is None or not _is_late(call, event.at):
        call.agent_id = agent_id or call.agent_id  # who has the caller now; all who had are in the offers
    _enter(call, "talking", event.at)


async def _left(tx: Tx, call: Call, event: AgentLegEnded, _agent_id: UUID | None) -> None:
    leg = await offer(tx, call, event.member, event.leg)
    if leg is None or leg.left_at is not None:
        return
    leg.left_at, leg.held_at, leg.aside_at = event.at, None, None
    leg.talk_ms = conversation.talked_ms(leg, event)
    leg.hold_ms = event.hold_ms if leg.talk_ms is not None else None
    if leg.talk_ms and call.phase not in ENDED:
        call.talk_ms = (call.talk_ms or 0) + leg.talk_ms


async def _transferred(tx: Tx, call: Call, event: CallTransferred, agent_id: UUID | None) -> None:
    await conversation.transferred(tx, call, event, agent_id)
    if event.kind == "blind":
        _enter(call, "ringing", event.at)


async def _party_answered(tx: Tx, call: Call, event: PartyAnswered, agent_id: UUID | None) -> None:
    await conversation.party_answered(tx, call, event, agent_id)
    if event.member is None:  # to whom the caller was sent on
        conversation.together(call, event.at)
        _enter(call, "talking", event.at)


async def _recording(tx: Tx, call: Call, event: RecordingStarted, _agent_id: UUID | None) -> None:
    if await tx.session.scalar(_RECORDING, {"file": event.file}) is None:
        tx.session.add(
            Recording(call_id=call.id, kind=event.kind, file=event.file, started_at=event.at, apart_ms=call.apart_ms)
        )  # written with the rest: nobody looks for it before
    if event.kind == "voicemail":
        _enter(call, "recorder", event.at)


async def _merged(tx: Tx, call: Call, event: CallMerged, _agent_id: UUID | None) -> None:
    other = await tx.session.scalar(select(Call).where(Call.node == event.node, Call.linkedid == event.other))
    if other is not None and other.id != call.id:
        if other.phase == "talking":
            _enter(call, "talking", event.at)
        other.phase, other.phase_at, other.ended_at = "merged", event.at, other.ended_at or event.at
        for table in (CallAlias, CallOffer, CallParty, Recording):
            await tx.session.execute(update(table).where(table.call_id == other.id).values(call_id=call.id))
        _inherit(call, other)
    if await tx.session.get(CallAlias, (event.node, event.other)) is None:
        tx.session.add(CallAlias(node=event.node, linkedid=event.other, call_id=call.id))
        await tx.session.flush()


def _inherit(call: Call, other: Call) -> None:
    """What only the younger call knew, and what it had first."""
    for name in ("caller_number", "agent_id", "recording_file", "wait_ms", "aside", "aside_at", "aside_by"):
        if getattr(call, name) is None:
            setattr(call, name, getattr(other, name))
    for name in ("started_at", "queued_at", "answered_at"):
        setattr(call, name, min(filter(None, (getattr(call, name), getattr(other, name))), default=None))
    if other.talk_ms is not None:
        call.talk_ms = (call.talk_ms or 0) + other.talk_ms


async def _ended(tx: Tx, call: Call, event: CallEnded, _agent_id: UUID | None) -> None:
    call.ended_at, call.outcome, call.hangup_by = event.at, event.outcome, event.hangup_by
    call.talk_ms = event.talk_ms
    call.hold_ms = event.hold_ms if event.talk_ms is not None else None
    conversation.together(call)
    call.apart_at = None
    if call.answered_at is None:
        call.wait_ms = event.wait_ms
    if call.phase not in ENDED:
        # Whatever its time: a snapshot's clock is ours, and may be ahead of what Asterisk still had to tell.
        call.phase, call.phase_at = "ended", event.at


async def _corrected(tx: Tx, call: Call, event: CallCorrected, _agent_id: UUID | None) -> None:
    for name in _CORRECTED:
        if (value := getattr(event, name)) is not None:
            setattr(call, name, value)
    if event.outcome == "failed":
        call.talk_ms, call.hold_ms = event.talk_ms, None  # nobody knows how long: Asterisk died in it
    if event.ended_at is not None:  # nobody rang or talked after the end
        unknown = update(CallOffer).where(CallOffer.call_id == call.id, CallOffer.left_at > event.ended_at)
        await tx.session.execute(unknown.values(talk_ms=None, hold_ms=None))
        for when in (CallOffer.ended_at, CallOffer.left_at):
            late = update(CallOffer).where(CallOffer.call_id == call.id, when > event.ended_at)
            await tx.session.execute(late.values({when: event.ended_at}))


async def _line_named(_tx: Tx, call: Call, event: CallLineNamed, _agent_id: UUID | None) -> None:
    call.line = event.line[:32]


_WRITERS: Mapping[type[CallEvent], Callable[[Tx, Call, Any, UUID | None], Awaitable[None]]] = {
    CallQueued: _queued,
    CallWished: _wished,
    AgentRang: _rang,
    AgentMissed: _missed,
    AgentOfferEnded: _missed,
    CallAnswered: _answered,
    AgentLegEnded: _left,
    RecordingStarted: _recording,
    CallMerged: _merged,
    CallEnded: _ended,
    CallCorrected: _corrected,
    CallLineNamed: _line_named,
    CallTransferred: _transferred,
    CallAside: conversation.aside,
    CallRejoined: conversation.rejoined,
    LegHeld: conversation.held,
    LegResumed: conversation.resumed,
    LegAside: conversation.leg_aside,
    LegRejoined: conversation.leg_rejoined,
    PartyRang: conversation.party_rang,
    PartyAnswered: _party_answered,
    PartyLeft: conversation.party_left,
}
