"""Supervisors on agents' calls and agents' calls for help, as rows. What Asterisk says of a leg makes it so.

Written by agents.supervision (what people ask), by agents.service.observe (what the dialplan states) and by the call's
own end. Nothing here talks to Asterisk.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, column, or_, select, update

from hotline.agents.models import Agent, HelpRequest, Supervision
from hotline.agents.presence import SpySeen
from hotline.calls.models import Call
from hotline.db import Emitted, Tx
from hotline.events import AgentLegEnded, CallEnded, CallMerged, HelpAsked, HelpEnded, SupervisionChanged

PENDING = timedelta(seconds=15)  # a page's phone answers by itself within one, and a switch takes less
PENDING_OUTSIDE = timedelta(seconds=40)  # a number outside rings 25, and has eight for its 1
_OPEN = select(Supervision).where(Supervision.ended_at.is_(None))
_OF_SUPERVISOR = _OPEN.where(Supervision.supervisor_id == bindparam("supervisor"))
_BY_ID = select(Supervision).where(Supervision.id == bindparam("id")).with_for_update()
_UNCONFIRMED = _OPEN.join(Agent, Agent.id == Supervision.supervisor_id).where(
    Supervision.pending_at <= bindparam("before"),
    # Until it has begun, a telephone outside is being taken out of a pocket.
    or_(
        Agent.outside_number.is_(None), Supervision.began_at.is_not(None),
        Supervision.pending_at <= bindparam("long_before"),
    ),
)  # fmt: skip
_HELP = select(HelpRequest).where(HelpRequest.ended_at.is_(None))
_HELP_OF_AGENT = _HELP.where(HelpRequest.agent_id == bindparam("agent")).with_for_update()
_HELP_OF_CALL = _HELP.where(HelpRequest.call_id == bindparam("call")).with_for_update()


# Help


async def help_of(tx: Tx, agent_id: UUID) -> HelpRequest | None:
    """What this agent asks for now."""
    return (await tx.session.scalars(_HELP_OF_AGENT, {"agent": agent_id})).first()


async def ask_help(tx: Tx, agent_id: UUID, call_id: UUID, ticket_id: UUID | None, at: datetime) -> None:
    """Once a call at a time: asked again, it is the same."""
    known = await help_of(tx, agent_id)
    if known is not None and known.call_id == call_id:
        return
    if known is not None:
        _end_help(tx, known, "over", at)
    row = HelpRequest(call_id=call_id, agent_id=agent_id, asked_at=at)
    tx.session.add(row)
    await tx.session.flush()
    event = HelpAsked(at=at, dedupe_key=f"help:{row.id}", call_id=call_id, agent_id=agent_id)
    tx.emit(event, call_id=call_id, ticket_id=ticket_id, agent_id=agent_id)


async def end_help(tx: Tx, agent_id: UUID, why: str, at: datetime) -> None:
    """Nothing happens when nothing is asked."""
    row = await help_of(tx, agent_id)
    if row is not None:
        _end_help(tx, row, why, at)


def _end_help(tx: Tx, row: HelpRequest, why: str, at: datetime) -> None:
    row.ended_at, row.why = at, why
    event = HelpEnded(at=at, dedupe_key=f"help:{row.id}:ended", call_id=row.call_id, agent_id=row.agent_id, why=why)
    tx.emit(event, call_id=row.call_id, agent_id=row.agent_id)


async def on_call_event(tx: Tx, item: Emitted) -> None:
    """Handler of AgentLegEnded, CallEnded, CallMerged: nobody needs help with a talk that is over."""
    match item.event:
        case AgentLegEnded() if item.agent_id is not None:
            row = await help_of(tx, item.agent_id)
            if row is not None and row.call_id == item.call_id:
                _end_help(tx, row, "over", item.event.at)
        case CallEnded() if item.call_id is not None:
            for row in await tx.session.scalars(_HELP_OF_CALL, {"call": item.call_id}):
                _end_help(tx, row, "over", item.event.at)
        case CallMerged() if item.call_id is not None:
            await _on_merge(tx, item.event.node, item.event.other, item.call_id)
        case _:
            return


async def _on_merge(tx: Tx, node: str, linkedid: str, call_id: UUID) -> None:
    other = await tx.session.scalar(select(Call.id).where(Call.node == node, Call.linkedid == linkedid))
    if other is None or other == call_id:
        return
    for table in (HelpRequest, Supervision):
        await tx.session.execute(update(table).where(column("call_id") == other).values(call_id=call_id))


# Supervision


async def open_of(tx: Tx, supervisor_id: UUID) -> Supervision | None:
    """The call that this supervisor is on, or has asked for."""
    return (await tx.session.scalars(_OF_SUPERVISOR, {"supervisor": supervisor_id})).first()


async def observe(tx: Tx, seen: SpySeen, at: datetime) -> None:
    """What the dialplan states of a supervisor's leg. Of one that is over, or nobody's: nothing."""
    try:
        ref = UUID(seen.ref)
    except ValueError:
        return
    row = (await tx.session.scalars(_BY_ID, {"id": ref})).one_or_none()
    if row is None:
        return
    if row.ended_at is not None:
        if row.result != "failed" or row.began_at is not None or seen.what == "end":
            return
        row.ended_at = row.result = None  # given up, and the phone rang on: somebody listens, and that is what counts
    row.leg = seen.leg
    if seen.what == "end":
        end(tx, row, "left" if row.began_at else "failed", at, seen.key)
        return
    row.began_at = row.began_at or at
    if row.pending == seen.what:
        row.pending = row.pending_at = None
    if row.mode != seen.what:
        before, row.mode, row.mode_at = row.mode, seen.what, at
        _changed(tx, row, seen.what, at, seen.key, before=before)
    if seen.what == "take-over":  # from here on it is their call, with a leg like any agent's
        row.ended_at, row.result = at, "taken"
    await end_help(tx, row.agent_id, "answered", at)


def end(tx: Tx, row: Supervision, result: str, at: datetime, key: str) -> None:
    """`result`: left, or failed for one that never came about."""
    row.ended_at, row.result = at, result
    row.pending = row.pending_at = None
    _changed(tx, row, result, at, key, before=row.mode)


def _changed(tx: Tx, row: Supervision, mode: str, at: datetime, key: str, *, before: str | None) -> None:
    event = SupervisionChanged(
        at=at, dedupe_key=f"{key}:supervision", call_id=row.call_id, agent_id=row.agent_id,
        supervisor_id=row.supervisor_id, mode=mode, reason=row.reason, before=before,
    )  # fmt: skip
    tx.emit(event, call_id=row.call_id, agent_id=row.agent_id)


async def sweep(tx: Tx, at: datetime) -> None:
    """What nobody confirmed in time: a phone that never answered, a switch that did not come about."""
    for row in await tx.session.scalars(_UNCONFIRMED, _before(at)):
        if row.began_at is None:
            end(tx, row, "failed", at, f"spy:{row.id}:unanswered")
        else:
            pending, row.pending = row.pending, None
            row.pending_at = None
            _changed(tx, row, row.mode or "listen", at, f"spy:{row.id}:{pending}:{at.isoformat()}", before=row.mode)


async def is_due(tx: Tx, at: datetime) -> bool:
    """Whether `sweep` has anything to do."""
    return (await tx.session.scalars(_UNCONFIRMED, _before(at))).first() is not None


def _before(at: datetime) -> dict[str, datetime]:
    return {"before": at - PENDING, "long_before": at - PENDING_OUTSIDE}


async def vanished(tx: Tx, legs: Collection[str]) -> bool:
    """Whether a supervisor's leg ended unheard. `legs`: Uniqueids of all channels that there are."""
    return any(row.leg is not None and row.leg not in legs for row in await tx.session.scalars(_OPEN))


async def take_in(tx: Tx, legs: Collection[str], at: datetime) -> None:
    """A snapshot's word: legs that are gone have ended, whatever message was lost."""
    for row in await tx.session.scalars(_OPEN):
        if row.leg is not None and row.leg not in legs:
            end(tx, row, "left", at, f"spy:{row.leg}:gone")
