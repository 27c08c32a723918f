"""The board in memory: open calls, agents, lamps and today's figures, kept true by rereading the rows that changed.

One statement for calls, one for agents, one for the figures, however many rows. Filled by web.live; read by pages.
Numbers are kept whole here and masked by class on the way out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, select

from hotline.access.models import Account
from hotline.agents.models import Agent
from hotline.calls.models import Call, PbxNode
from hotline.clock import now, utc
from hotline.db import Tx
from hotline.ivr import words
from hotline.ivr.switch import Word
from hotline.tickets.call_backs import CALL_BACK
from hotline.tickets.models import Contact, ContactTicket, DueWork, Ticket
from web import watching
from web.views import AgentRow, Board, CallRow, HelpRow, LineLamp, Stale, Totals
from web.watching import Watching

FAST_MS = 15_000
SHORT_MS = 5_000
DANGER = "danger"
_WAITING = frozenset({"waiting", "ringing"})
_LEAST_FOR_ENDS = 7


def masked(number: str | None) -> str | None:
    """`138****1234`: enough to tell callers apart, too little to call them. Short numbers hide wholly."""
    if number is None:
        return None
    return f"{number[:3]}****{number[-4:]}" if len(number) > _LEAST_FOR_ENDS + 2 else "****"


@dataclass(slots=True)
class Changes:
    """What may have changed: ids to read again, and whether figures or node must be."""

    calls: set[UUID] = field(default_factory=set)
    agents: set[UUID] = field(default_factory=set)
    totals: bool = False
    node: bool = False
    watching: bool = False
    opening: bool = False


class BoardState:
    """The rows by id. `read` and `load` return the element keys (without `bar-`) that now differ."""

    def __init__(self, lines: Mapping[str, int], timezone: str, started_at: datetime) -> None:
        self.lines = dict(lines)
        self.zone = ZoneInfo(timezone)
        self.calls: dict[UUID, CallRow] = {}
        self.agents: dict[UUID, AgentRow] = {}
        self.totals = Totals()
        self.blocked: dict[str, int] = {}
        self.watching = Watching()
        self.opening: Word | None = None
        self._node = "unknown"
        self.epoch = 0
        self.stale_since: datetime | None = started_at
        self._node_since: datetime | None = started_at
        self._unwritten_since: datetime | None = None
        self._unread_since: datetime | None = None
        self._told = self.stale
        self._at_call: dict[UUID, UUID] = {}  # agent → call
        self._started_at = started_at

    @property
    def node(self) -> str:
        """unknown, stale or live: whether the rows are what Asterisk does."""
        return "stale" if self._node == "live" and self._unwritten_since is not None else self._node

    def lamps(self) -> dict[str, LineLamp]:
        """By element key. More calls than channels is the blocked one, which holds no channel for long."""
        busy = dict.fromkeys(self.lines, 0)
        for call in self.calls.values():
            if call.line in busy:
                busy[call.line] += 1
        return {
            f"lamp-{number}": LineLamp(
                f"lamp-{number}", number, channels, min(busy[number], channels), self.blocked.get(number, 0)
            )
            for number, channels in self.lines.items()
        }

    def view(self, *, full: bool) -> Board:
        calls = sorted(self.calls.values(), key=lambda row: row.order)
        agents = sorted(self.agents.values(), key=lambda row: row.order)
        return Board(
            lines=tuple(self.lamps().values()),
            calls=tuple(calls if full else (hidden(row) for row in calls)),
            agents=tuple(row if full else unwatched(row) for row in agents),
            totals=self.totals,
            stale_since=self.stale_since,
            asked=self.asked if full else (),
            store_away=self.stale is not None and self.stale.store_away,
            opening=self.opening,
        )

    @property
    def stale(self) -> Stale | None:
        """Since when, and for want of what, the rows may not be what Asterisk does."""
        return None if self.stale_since is None else Stale(self.stale_since, self._unread_since is not None)

    @property
    def asked(self) -> tuple[HelpRow, ...]:
        """Agents who ask for a supervisor, the first one first."""
        return tuple(self.watching.help.values())

    def call(self, key: str) -> CallRow | None:
        return self.calls.get(UUID(key.removeprefix("call-")))

    def on_call(self, call_id: UUID) -> list[UUID]:
        """The agents who have this call on their phone."""
        return [agent for agent, call in self._at_call.items() if call == call_id]

    def agent(self, key: str) -> AgentRow | None:
        return self.agents.get(UUID(key.removeprefix("agent-")))

    async def load(self, tx: Tx, at: datetime) -> set[str]:
        """Everything, from the rows."""
        lamps, before = self.lamps(), dict(self.calls)
        asked = await self._read_watching(tx)
        keys = self._take_agents(await _agents(tx, None), set(self.agents))
        keys |= self._take_calls(await _calls(tx, None), set(before))
        keys |= await self.read_totals(tx, at) | await self._read_node(tx) | await self._read_opening(tx, at)
        return keys | asked | self._changed_lamps(lamps)

    async def read(self, tx: Tx, changes: Changes) -> set[str]:
        """The rows that changed; not the figures, which have their own pace."""
        lamps = self.lamps()
        keys: set[str] = set()
        calls = set(changes.calls)
        if changes.watching:
            keys |= await self._read_watching(tx)
        if changes.agents:
            was = {self._at_call.get(agent) for agent in changes.agents}
            keys |= self._take_agents(await _agents(tx, changes.agents), changes.agents)
            then = {self._at_call.get(agent) for agent in changes.agents}
            calls |= {call for call in was | then if call is not None and call in self.calls}
        if calls:
            keys |= self._take_calls(await _calls(tx, calls), calls)
            keys |= self._take_waiting()
        if changes.opening:
            keys |= await self._read_opening(tx, now())
        if changes.node:
            keys |= await self._read_node(tx)
        return keys | self._changed_lamps(lamps)

    async def _read_watching(self, tx: Tx) -> set[str]:
        before, self.watching = self.watching, await watching.read(tx)
        return {"asked"} if before.help != self.watching.help else set()

    async def _read_opening(self, tx: Tx, at: datetime) -> set[str]:
        word = await words.newest(tx)
        before, self.opening = self.opening, word if word is not None and word.is_in_force(at) else None
        return {"opening"} if self.opening != before else set()

    async def read_totals(self, tx: Tx, at: datetime) -> set[str]:
        """Today by arrival, from local midnight."""
        midnight = utc(datetime.combine(at.astimezone(self.zone).date(), time.min, self.zone))
        row = (await tx.session.execute(_TOTALS, {"since": midnight})).one()
        figures: dict[str, Any] = {name: int(value or 0) for name, value in row._mapping.items()}
        counted = Totals(**figures)
        before, lamps = self.totals, self.lamps()
        self.totals = replace(counted, waiting=before.waiting, longest_since=before.longest_since, danger=before.danger)
        if counted.blocked != before.blocked:
            by_line = await tx.session.execute(_BLOCKED, {"since": midnight})
            self.blocked = {str(line): int(count) for line, count in by_line.all()}
        keys = self._take_waiting() | self._changed_lamps(lamps)
        return keys | ({"totals"} if self.totals != before else set())

    def _take_waiting(self) -> set[str]:
        waiting = [row.since for row in self.calls.values() if row.phase in _WAITING]
        danger = sum(row.wish == DANGER for row in self.calls.values() if row.phase in _WAITING)
        before = self.totals
        self.totals = replace(before, danger=danger, waiting=len(waiting), longest_since=min(waiting, default=None))
        return {"waiting"} if self.totals != before else set()

    async def _read_node(self, tx: Tx) -> set[str]:
        found = (await tx.session.execute(select(PbxNode.state, PbxNode.since, PbxNode.epoch, PbxNode.turn))).all()
        last = max((node.turn for node in found), default=0)
        nodes = [node for node in found if node.turn == last]  # of two, the one that has the agents
        stale = [node.since for node in nodes if node.state != "live"]
        self._node = "unknown" if not nodes else "stale" if stale else "live"
        self.epoch = sum(node.epoch for node in found)
        self._node_since = min(stale, default=None) if nodes else self._started_at
        return self._restale()

    def unwritten(self, since: datetime | None) -> set[str]:
        """Since when what Asterisk tells cannot be written into the rows; None while it can."""
        self._unwritten_since = since
        return self._restale()

    def unread(self, since: datetime | None) -> set[str]:
        """Since when the rows themselves cannot be read; None while they can."""
        self._unread_since = since
        return self._restale()

    def _restale(self) -> set[str]:
        known = (self._node_since, self._unwritten_since, self._unread_since)
        self.stale_since = min((at for at in known if at is not None), default=None)
        before, self._told = self._told, self.stale
        return {"stale"} if self._told != before else set()

    def _changed_lamps(self, before: Mapping[str, LineLamp]) -> set[str]:
        return {key for key, lamp in self.lamps().items() if before[key] != lamp}

    def _take_agents(self, found: Iterable[tuple[Agent, str | None, str | None]], asked: set[UUID]) -> set[str]:
        keys, gone = set(), set(asked)
        for agent, ref, line in found:
            gone.discard(agent.id)
            since, watchers = self.watching.of(agent.id)
            row = replace(agent_row(agent, ref, line), help_since=since, watchers=watchers)
            if self.agents.get(agent.id) != row:
                keys.add(row.key)
            self.agents[agent.id] = row
            self._at_call.pop(agent.id, None)
            if agent.call_id is not None:
                self._at_call[agent.id] = agent.call_id
        for agent_id in gone & set(self.agents):
            keys.add(self.agents.pop(agent_id).key)
            self._at_call.pop(agent_id, None)
        return keys

    def _take_calls(self, found: Iterable[tuple[Call, str | None]], asked: set[UUID]) -> set[str]:
        keys, gone, seen = set(), set(asked), set()
        at = {call: self.agents[agent].name for agent, call in self._at_call.items() if agent in self.agents}
        for call, ref in found:
            if call.id in seen:
                continue  # an older ticket of the same call
            seen.add(call.id)
            gone.discard(call.id)
            owner = self.agents.get(call.agent_id) if call.agent_id else None
            row = call_row(call, ref, owner.name if owner else at.get(call.id))
            if self.calls.get(call.id) != row:
                keys.add(row.key)
            self.calls[call.id] = row
        for call_id in gone & set(self.calls):
            keys.add(self.calls.pop(call_id).key)
        return keys


def hidden(row: CallRow) -> CallRow:
    """The row as the class `masked` sees it."""
    return replace(row, number=masked(row.number))


def unwatched(row: AgentRow) -> AgentRow:
    """The row as those see it who do not supervise."""
    return replace(row, help_since=None, watchers=(), watchable=False)


def call_row(call: Call, ref: str | None, agent: str | None) -> CallRow:
    since = (call.queued_at if call.phase in _WAITING else None) or call.phase_at
    return CallRow(
        key=f"call-{call.id}",
        call_id=str(call.id),
        line=call.line,
        phase=call.phase,
        since=since,
        number=call.caller_number,
        ref=ref,
        agent=agent,
        wish=call.wish,
        order=f"{call.started_at:%Y%m%d%H%M%S%f}",  # by arrival: a row never jumps when its phase changes
    )


def agent_row(agent: Agent, ref: str | None, line: str | None) -> AgentRow:
    return AgentRow(
        key=f"agent-{agent.id}",
        agent_id=str(agent.id),
        name=agent.name,
        extension=agent.extension,
        state=agent.state,
        reason=agent.reason,
        since=agent.since,
        phone=agent.phone,
        pending=agent.pending.partition(":")[0] if agent.pending else None,
        until=agent.wrap_up_until,
        ref=ref,
        line=line,
        order=agent.extension.rjust(16, "0"),
        sound=agent.sound,
        outside=masked(agent.outside_number),
        watchable=agent.state == "on_call",
    )


# Asked at every change, so built once: building a statement costs more than running it.
_OPEN_CALLS = (
    select(Call, Ticket.ref)
    .outerjoin(Contact, Contact.call_id == Call.id)
    .outerjoin(ContactTicket, ContactTicket.contact_id == Contact.id)
    .outerjoin(Ticket, Ticket.id == ContactTicket.ticket_id)
    .where(Call.ended_at.is_(None), Call.phase.not_in(("ended", "merged")))
    .order_by(Call.started_at, Ticket.opened_at.desc())
)
_THESE_CALLS = _OPEN_CALLS.where(Call.id.in_(bindparam("ids", expanding=True)))
_AGENTS = (
    select(Agent, Ticket.ref, Call.line)
    .join(Account, and_(Account.id == Agent.account_id, Account.is_active))
    .outerjoin(Ticket, Ticket.id == Agent.ticket_id)
    .outerjoin(Call, Call.id == Agent.call_id)
)
_THESE_AGENTS = _AGENTS.where(Agent.id.in_(bindparam("ids", expanding=True)))


async def _calls(tx: Tx, ids: set[UUID] | None) -> list[tuple[Call, str | None]]:
    """Open calls (of these), each with its newest ticket first."""
    if ids is None:
        return list((await tx.session.execute(_OPEN_CALLS)).all())
    return list((await tx.session.execute(_THESE_CALLS, {"ids": list(ids)})).all())


async def _agents(tx: Tx, ids: set[UUID] | None) -> list[tuple[Agent, str | None, str | None]]:
    """Agents (of these) whose account is active, with the ticket and line before them."""
    if ids is None:
        return list((await tx.session.execute(_AGENTS)).all())
    return list((await tx.session.execute(_THESE_AGENTS, {"ids": list(ids)})).all())


def _totals() -> Select[Any]:
    """One row named as Totals' fields. Offered: every call that found a channel while the line was open."""

    def count(condition: ColumnElement[bool], name: str) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0)).label(name)

    answered = Call.answered_at.is_not(None)
    abandoned = Call.outcome == "abandoned"
    due = select(func.count()).select_from(DueWork).where(DueWork.kind == CALL_BACK, DueWork.done_at.is_(None))
    return select(
        count(Call.outcome.is_(None) | Call.outcome.not_in(("blocked", "closed")), "offered"),
        count(answered, "answered"),
        count(answered & (Call.wait_ms <= FAST_MS), "answered_fast"),
        count(abandoned, "abandoned"),
        count(abandoned & (Call.wait_ms < SHORT_MS), "abandoned_short"),
        count(Call.outcome == "blocked", "blocked"),
        count(Call.outcome == "voicemail", "voicemail"),
        count(Call.outcome == "closed", "closed"),
        due.scalar_subquery().label("call_backs_due"),
    ).where(
        Call.started_at >= bindparam("since"), Call.phase != "merged", Call.direction.not_in(("outbound", "internal"))
    )


_TOTALS = _totals()
_BLOCKED = (
    select(Call.line, func.count())
    .where(Call.started_at >= bindparam("since"), Call.outcome == "blocked")
    .group_by(Call.line)
)
