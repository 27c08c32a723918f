"""Call records for programs. Numbers are whole only for who may see those of live calls, and reading leaves a trace."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from hotline.access.permissions import Actor, can
from web import calls, legs
from web.auth import Signed, require, trace
from web.board import masked
from web.deps import Wired
from web.views import LegView

router = APIRouter(prefix="/api/v1/calls", tags=["calls"])
MOST = 200


class CallLeg(BaseModel):
    """Somebody who was rung for a call: an agent by name, or somebody outside by number. Durations in seconds.

    `role`: queue, transfer, consult, dial, supervisor; party for somebody outside. `talk_s`: how long they had the
    caller, `hold_s`: how much of it on hold or aside; null until it is over, or where nobody knows.
    """

    agent: str | None
    number: str | None
    role: str
    result: str
    rang_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    talk_s: float | None
    hold_s: float | None


class CallTransfer(BaseModel):
    """The caller went to another agent, the `queue` or `outside`. `kind`: blind, attended, queue, take-over."""

    at: datetime
    kind: str
    agent: str | None
    to_agent: str | None
    to: str | None


class CallRecord(BaseModel):
    """One call. `linkedids`: every Linkedid that became it, its own first. Durations in seconds; absent is null.

    `agent`: who had the caller last; `legs`: everybody who was rung, in that order; `aside`: consult, held or parked
    while the caller hears music.
    """

    id: UUID
    linkedid: str
    linkedids: list[str]
    line: str
    direction: str
    caller_number: str | None
    started_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    hangup_by: str | None
    agent: str | None
    wait_s: float | None
    talk_s: float | None
    hold_s: float | None
    aside: str | None
    ticket: str | None
    legs: list[CallLeg]
    transfers: list[CallTransfer]


class Calls(BaseModel):
    """Newest first. `next_cursor`: for the page after it, null on the last."""

    items: list[CallRecord]
    next_cursor: str | None


def record(found: calls.Found, actor: Actor, transfers: Sequence[legs.Transfer] = ()) -> CallRecord:
    call = found.call
    full = can(actor, "number.live")
    number = call.caller_number if full else masked(call.caller_number)
    return CallRecord(
        id=call.id, linkedid=call.linkedid, linkedids=[call.linkedid, *found.aliases], line=call.line,
        direction=call.direction, caller_number=number, started_at=call.started_at, queued_at=call.queued_at,
        answered_at=call.answered_at, ended_at=call.ended_at, outcome=call.outcome, hangup_by=call.hangup_by,
        agent=found.agent, wait_s=calls.seconds(call.wait_ms), talk_s=calls.seconds(call.talk_ms),
        hold_s=calls.seconds(call.hold_ms), aside=call.aside, ticket=found.ref,
        legs=[_leg(legs.view(leg, full=full)) for leg in found.legs],
        transfers=[
            CallTransfer(at=one.at, kind=one.kind, agent=one.giver, to_agent=one.receiver, to=one.to)
            for one in transfers
        ],
    )  # fmt: skip


def _leg(leg: LegView) -> CallLeg:
    return CallLeg(
        agent=leg.name, number=leg.number, role=leg.role, result=leg.result, rang_at=leg.rang_at,
        answered_at=leg.answered_at, ended_at=leg.left_at, talk_s=leg.talk_s, hold_s=leg.hold_s,
    )  # fmt: skip


@router.get("")
async def listed(
    web: Wired,
    signed: Annotated[Signed, require("call.list")],
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = calls.PAGE,
) -> Calls:
    async with web.house.db.read() as tx:
        found = await calls.page(tx, signed.actor, cursor=cursor, limit=limit)
        moved = await legs.transfers_of(tx, [row.call.id for row in found.rows])
    await trace(web, signed, "call.list", "calls")
    return Calls(
        items=[record(row, signed.actor, moved.get(row.call.id, ())) for row in found.rows],
        next_cursor=found.next_cursor,
    )


@router.get("/{call_id}")
async def one(call_id: UUID, web: Wired, signed: Annotated[Signed, require("call.view")]) -> CallRecord:
    async with web.house.db.read() as tx:
        found = await calls.one(tx, call_id, signed.actor)
        moved = await legs.transfers_of(tx, [call_id])
    await trace(web, signed, "call.view", str(call_id))
    return record(found, signed.actor, moved.get(call_id, ()))
