"""Supervisors on agents' calls and agents who ask for one, as screens show them. Read by web.board and the console.

Two statements, run only when the log says that something of it changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import aliased

from hotline.access.permissions import Actor, can
from hotline.agents.models import Agent, HelpRequest, Supervision
from hotline.calls.models import Call
from hotline.db import EventRow, Tx
from hotline.tickets.models import Contact, ContactTicket, Ticket
from web.views import HelpRow, HelpView, OwnSupervision, Watcher

EVENTS = frozenset({"HelpAsked", "HelpEnded", "SupervisionChanged"})
_HEARD = frozenset({"whisper", "join"})
_SUPERVISOR = aliased(Agent)
_HELP = (
    select(HelpRequest.agent_id, Agent.name, HelpRequest.asked_at, Call.line)
    .join(Agent, Agent.id == HelpRequest.agent_id)
    .join(Call, Call.id == HelpRequest.call_id)
    .where(HelpRequest.ended_at.is_(None))
    .order_by(HelpRequest.asked_at)
)
_WATCHERS = (
    select(Supervision, _SUPERVISOR.name, Agent.name, Call.line)
    .join(_SUPERVISOR, _SUPERVISOR.id == Supervision.supervisor_id)
    .join(Agent, Agent.id == Supervision.agent_id)
    .join(Call, Call.id == Supervision.call_id)
    .where(Supervision.ended_at.is_(None))
    .order_by(Supervision.asked_at)
)
_REF = (
    select(Ticket.ref)
    .join(ContactTicket, ContactTicket.ticket_id == Ticket.id)
    .join(Contact, Contact.id == ContactTicket.contact_id)
    .order_by(Ticket.opened_at.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Watching:
    """Who asks, and who is with whom, by agent."""

    help: Mapping[UUID, HelpRow] = field(default_factory=dict)
    watchers: Mapping[UUID, tuple[Watcher, ...]] = field(default_factory=dict)

    def of(self, agent_id: UUID) -> tuple[datetime | None, tuple[Watcher, ...]]:
        asked = self.help.get(agent_id)
        return (asked.since if asked else None), self.watchers.get(agent_id, ())


async def read(tx: Tx) -> Watching:
    """As the rows have it now."""
    asked = {
        agent_id: HelpRow(str(agent_id), name, at, line) for agent_id, name, at, line in await tx.session.execute(_HELP)
    }
    watchers: dict[UUID, tuple[Watcher, ...]] = {}
    for row, supervisor, _agent, _line in await tx.session.execute(_WATCHERS):
        watchers[row.agent_id] = (*watchers.get(row.agent_id, ()), _watcher(row, supervisor))
    return Watching(asked, watchers)


async def help_view(tx: Tx, agent_id: UUID, *, shows_listeners: bool) -> HelpView:
    """Of one person with a phone. `shows_listeners`: they may see who only listens."""
    asked = await tx.session.scalar(
        select(HelpRequest.asked_at).where(HelpRequest.agent_id == agent_id, HelpRequest.ended_at.is_(None))
    )
    watchers: list[Watcher] = []
    own: OwnSupervision | None = None
    for row, supervisor, agent, line in await tx.session.execute(_WATCHERS):
        watcher = _watcher(row, supervisor)
        # What is only asked for is not so yet, and one who listens may not want to be seen.
        if row.agent_id == agent_id and (watcher.mode in _HEARD or (watcher.mode and shows_listeners)):
            watchers.append(watcher)
        if row.supervisor_id == agent_id:
            ref = await tx.session.scalar(_REF.where(Contact.call_id == row.call_id))
            own = OwnSupervision(str(row.agent_id), agent, line, row.reason, watcher, ref)
    return HelpView(asked, tuple(watchers), own)


def shown_to(actor: Actor, events: Sequence[EventRow], *, shows_listeners: bool) -> list[EventRow]:
    """What this person reads of a call, oldest first. `shows_listeners`: all may see who only listens; if not, only
    who supervises themselves may.
    """
    if shows_listeners or can(actor, "call.supervise"):
        return list(events)
    found: list[EventRow] = []
    heard: set[object] = set()
    for event in events:
        if event.type == "SupervisionChanged":
            who = event.data.get("supervisor_id")
            mode = event.data.get("mode")
            was_heard = who in heard
            heard = heard | {who} if mode in _HEARD else heard - {who}
            # The end of one who was not heard would tell that they were there.
            if mode not in _HEARD and mode != "take-over" and not (mode == "left" and was_heard):
                continue
        found.append(event)
    return found


def is_noticed(data: Mapping[str, Any]) -> bool:
    """Whether an agent notices what this event of a call for help or a supervisor tells, who is not to see who only
    listens: somebody is heard now, or was until now, or has the call.
    """
    mode = data.get("mode")
    return mode is None or mode == "take-over" or bool(_HEARD & {mode, data.get("before")})


def _watcher(row: Supervision, name: str) -> Watcher:
    return Watcher(name, row.mode, row.pending, row.mode_at or row.asked_at)
