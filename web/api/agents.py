"""Agents as programs see them, and the commands that they or a supervisor may give."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hotline.access.permissions import Owned
from hotline.errors import NotFound
from web.auth import Signed, permit, require
from web.deps import Web, Wired
from web.views import AgentRow

router = APIRouter(prefix="/api/v1/agents", tags=["agents"])
_DONE = HTTPStatus.NO_CONTENT


class Agent(BaseModel):
    """An agent. `state`: offline ready ringing on_call wrap_up paused. `pending`: sent, not yet confirmed."""

    id: UUID
    name: str
    extension: str
    state: str
    reason: str | None
    since: datetime
    phone: str
    pending: str | None
    wrap_up_until: datetime | None
    line: str | None
    ticket: str | None


class Agents(BaseModel):
    """All agents, by extension; never more than fit one page."""

    items: list[Agent]
    next_cursor: None = None


class PauseReason(BaseModel):
    """Why: BREAK LUNCH TRAINING DEBRIEF OTHER."""

    reason: str = Field(max_length=20)


def _agent(row: AgentRow) -> Agent:
    return Agent(
        id=UUID(row.agent_id), name=row.name, extension=row.extension, state=row.state, reason=row.reason,
        since=row.since, phone=row.phone, pending=row.pending, wrap_up_until=row.until, line=row.line, ticket=row.ref,
    )  # fmt: skip


@router.get("")
async def listed(web: Wired, signed: Annotated[Signed, require("agent.view")]) -> Agents:
    board = await web.hub.board(full=False)
    return Agents(items=[_agent(row) for row in board.agents])


@router.get("/{agent_id}")
async def one(agent_id: UUID, web: Wired, signed: Annotated[Signed, require("agent.view")]) -> Agent:
    return _agent(await _row(web, agent_id))


@router.post("/{agent_id}/ready", status_code=_DONE)
async def ready(agent_id: UUID, web: Wired, signed: Annotated[Signed, require("agent.ready")]) -> None:
    await _may(web, signed, agent_id, "agent.ready")
    await web.house.desk.ready(agent_id)


@router.post("/{agent_id}/pause", status_code=_DONE)
async def pause(
    agent_id: UUID, body: PauseReason, web: Wired, signed: Annotated[Signed, require("agent.pause")]
) -> None:
    forced = await _may(web, signed, agent_id, "agent.pause")
    await web.house.desk.pause(agent_id, body.reason, force=forced)


@router.post("/{agent_id}/log-off", status_code=_DONE)
async def log_off(agent_id: UUID, web: Wired, signed: Annotated[Signed, require("agent.log-off")]) -> None:
    forced = await _may(web, signed, agent_id, "agent.log-off")
    await web.house.desk.log_off(agent_id, force=forced)


async def _row(web: Web, agent_id: UUID) -> AgentRow:
    row = await web.hub.agent(agent_id)
    if row is None:
        raise NotFound("There is no such agent.")
    return row


async def _may(web: Web, signed: Signed, agent_id: UUID, action: str) -> bool:
    """Raises NotFound or NotAllowed. True if it is somebody else's word, which is stronger than the agent's own."""
    await _row(web, agent_id)
    permit(signed, action, Owned(frozenset({agent_id})), hide=False)
    return signed.actor.agent_id != agent_id
