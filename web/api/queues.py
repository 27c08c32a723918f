"""The queue as programs see it: who waits, who could answer, today's figures by arrival."""

from collections import Counter
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from hotline.agents.presence import QUEUE
from web.auth import Signed, require
from web.deps import Wired
from web.views import Board

router = APIRouter(prefix="/api/v1/queues", tags=["queues"])


class Line(BaseModel):
    """A dialled number: `busy` of `channels` are in use."""

    number: str
    channels: int
    busy: int


class Today(BaseModel):
    """By arrival since local midnight. `answered_fast`: within 15 s; `abandoned_short`: within 5 s."""

    offered: int
    answered: int
    answered_fast: int
    abandoned: int
    abandoned_short: int
    blocked: int
    voicemail: int
    closed: int


class Queue(BaseModel):
    """`agents`: how many in each state. `stale_since`: what Asterisk does is not known since then."""

    name: str
    waiting: int
    longest_since: datetime | None
    talking: int
    agents: dict[str, int]
    lines: list[Line]
    today: Today
    call_backs_due: int
    stale_since: datetime | None


class Queues(BaseModel):
    """All queues."""

    items: list[Queue]
    next_cursor: None = None


@router.get("")
async def listed(web: Wired, signed: Annotated[Signed, require("queue.view")]) -> Queues:
    return Queues(items=[_queue(await web.hub.board(full=False))])


def _queue(board: Board) -> Queue:
    totals = board.totals
    return Queue(
        name=QUEUE,
        waiting=totals.waiting,
        longest_since=totals.longest_since,
        talking=sum(call.phase == "talking" for call in board.calls),
        agents=dict(Counter(agent.state for agent in board.agents)),
        lines=[Line(number=lamp.number, channels=lamp.channels, busy=lamp.busy) for lamp in board.lines],
        today=Today(**{name: getattr(totals, name) for name in Today.model_fields}),
        call_backs_due=totals.call_backs_due,
        stale_since=board.stale_since,
    )
