"""An agent on a call asks for help; a supervisor listens, whispers to the agent, joins, or takes the call over.

The supervisor's phone is rung once, for a leg that listens to the agent's; another mode moves that leg to another place
in the dialplan, and whatever becomes of it the caller and the agent stay together. A command marks the row pending; the
dialplan's own word (agents.watching.observe) makes it true. Who may ask is decided by web.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from hotline.agents import presence, service, watching
from hotline.agents.call_control import on_call
from hotline.agents.models import Agent, Supervision
from hotline.bus import Bus, InProcessBus
from hotline.calls.models import Call
from hotline.clock import Now, now
from hotline.db import Database, Tx
from hotline.errors import Conflict, Invalid, NotDone
from hotline.ids import new_id
from hotline.labels import N_
from hotline.telephony import actions
from hotline.telephony.actions import Command

log = structlog.get_logger()
Send = Callable[[Command], Awaitable[Mapping[str, Any]]]

MODES = ("listen", "whisper", "join")
REASONS = ("help", "danger", "complaint", "training", "quality")
CONTEXT = "hl-spy"
ROOM = "hl-room"
_GOODBYE = 16
ASKED = "supervise"  # what the page's phone knows the leg by: it answers by itself
_RING_MS = 6_000  # a page answers by itself
_OUTSIDE_RING_MS = 25_000  # a person takes a telephone out of a pocket
_LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class Wish:
    """How a supervisor wants to be on an agent's call, and why. `role`: of their account.

    Raises Invalid for an unknown mode or reason.
    """

    mode: str
    reason: str
    role: str

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise Invalid(N_("This is no way to take part in a call."), field="mode")
        if self.reason not in REASONS:
            raise Invalid(N_("Say why: choose a reason."), field="reason")


class SupervisorDesk:
    """`send` speaks to Asterisk and raises TelephonyError."""

    def __init__(
        self, db: Database, send: Send, *, bus: Bus | None = None, now: Now = now, registered_s: float = 2.0
    ) -> None:
        self._db = db
        self._send = send
        self._bus = bus or InProcessBus()
        self._now = now
        self._registered_s = registered_s

    # The agent

    async def ask_help(self, agent_id: UUID) -> None:
        """Every supervisor sees it at once. Raises Conflict without a call."""
        async with self._db.write() as tx:
            agent = await service.locked(tx, agent_id)
            if agent.state != "on_call" or agent.call_id is None:
                raise Conflict(N_("Help can be asked for during a call."))
            await watching.ask_help(tx, agent.id, agent.call_id, agent.ticket_id, self._now())

    async def withdraw_help(self, agent_id: UUID) -> None:
        """Nothing happens when none is asked for."""
        async with self._db.write() as tx:
            await watching.end_help(tx, agent_id, "withdrawn", self._now())

    # The supervisor

    async def begin(self, supervisor_id: UUID, agent_id: UUID, wish: Wish) -> UUID:
        """Rings the supervisor's own phone for it, or moves the leg that they have on this agent's call already.

        Returns the call. Raises Conflict when either is not free for it.
        """
        await self._phone_heard(supervisor_id)
        async with self._db.write() as tx:
            supervisor = await service.locked(tx, supervisor_id)
            known = await watching.open_of(tx, supervisor_id)
            if known is None:
                command, row = await self._ring(tx, supervisor, agent_id, wish)
            elif known.agent_id == agent_id:
                command, row = self._move(known, wish.mode), known
            else:
                raise Conflict(N_("You are on another call: leave it first."))
            ref, call_id = row.id, row.call_id
        await self._tell(ref, command)
        return call_id

    async def _phone_heard(self, agent_id: UUID) -> None:
        """A page asks as soon as its phone has registered, which may be before Asterisk has told us."""
        if await self._has_phone(agent_id):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._registered_s), self._bus.listen("log") as bell:
                while not await self._has_phone(agent_id):
                    await bell.wait(_LOOK_S)

    async def _has_phone(self, agent_id: UUID) -> bool:
        async with self._db.read() as tx:
            return (await service.get(tx, agent_id)).phone == "ok"

    async def switch(self, supervisor_id: UUID, mode: str) -> UUID:
        """Without dialling again. Returns the call. Raises Invalid, Conflict when they are on no call."""
        if mode not in MODES:
            raise Invalid(N_("This is no way to take part in a call."), field="mode")
        async with self._db.write() as tx:
            row = await self._row(tx, supervisor_id)
            command, ref, call_id = self._move(row, mode), row.id, row.call_id
        await self._tell(ref, command)
        return call_id

    async def take_over(self, supervisor_id: UUID) -> UUID:
        """The caller goes from the agent to the supervisor, who is there before them. Returns the call.

        Raises Conflict when they are on no call, or the agent is not with the caller any more.
        """
        async with self._db.write() as tx:
            row = await self._row(tx, supervisor_id)
            supervisor = await service.get(tx, supervisor_id)
            theirs = await on_call(tx, row.agent_id)
            if row.leg is None or theirs is None or theirs.call_id != row.call_id:
                raise Conflict(N_("The agent is not on this call any more."))
            if theirs.has_left:
                raise Conflict(N_("The other side is no longer there."))
            if theirs.aside is not None:
                raise Conflict(N_("The caller is not with the agent now: they must take them back first."))
            row.pending, row.pending_at = "take-over", self._now()
            leg, ref = row.leg, row.id
            place = f"caller-{_round(row)}-{supervisor.endpoint}"
        await self._tell(ref, actions.redirect(leg, CONTEXT, "take-over"))
        await self._tell(ref, actions.redirect(theirs.caller, CONTEXT, place, (theirs.agent, ROOM, "leave")))
        return theirs.call_id

    async def leave(self, supervisor_id: UUID) -> None:
        """Nothing happens to the call. Raises Conflict when they are on none."""
        async with self._db.write() as tx:
            row = await self._row(tx, supervisor_id)
            leg = row.leg
            if leg is None:
                watching.end(tx, row, "failed", self._now(), f"spy:{row.id}:left")
        if leg is not None:
            await self._send(actions.hangup(leg, _GOODBYE))

    async def sweep(self) -> None:
        """What nobody confirmed: once a second by the worker."""
        at = self._now()
        async with self._db.read() as tx:
            if not await watching.is_due(tx, at):
                return
        async with self._db.write() as tx:
            await watching.sweep(tx, at)

    async def _row(self, tx: Tx, supervisor_id: UUID) -> Supervision:
        await service.locked(tx, supervisor_id)
        row = await watching.open_of(tx, supervisor_id)
        if row is None:
            raise Conflict(N_("You are on no call of an agent now."))
        return row

    def _move(self, row: Supervision, mode: str) -> Command:
        if row.leg is None:
            raise Conflict(N_("Your phone is still being rung for this call."))
        row.pending, row.pending_at = mode, self._now()
        return actions.redirect(row.leg, CONTEXT, mode)

    async def _ring(self, tx: Tx, supervisor: Agent, agent_id: UUID, wish: Wish) -> tuple[Command, Supervision]:
        agent = await service.get(tx, agent_id)
        if agent.id == supervisor.id:
            raise Conflict(N_("This is your own call."))
        if supervisor.phone != "ok":
            raise Conflict(N_("Your phone is not connected: open the console and connect it."))
        if supervisor.state in presence.BUSY:
            raise Conflict(N_("You are on a call yourself."))
        call = await tx.session.get(Call, agent.call_id) if agent.call_id is not None else None
        theirs = await on_call(tx, agent.id)
        if agent.state != "on_call" or call is None or theirs is None or theirs.call_id != call.id:
            raise Conflict(N_("The agent is on no call now."))
        at = self._now()
        row = Supervision(
            id=new_id(), call_id=call.id, agent_id=agent.id, supervisor_id=supervisor.id, role=wish.role,
            reason=wish.reason, pending=wish.mode, pending_at=at, asked_at=at,
        )  # fmt: skip
        tx.session.add(row)
        variables = {
            "HLSPIED": theirs.agent, "HLCALL": call.linkedid, "HLWHOM": theirs.caller, "HLMEMBER": agent.endpoint,
            "HLBY": supervisor.endpoint, "HLREF": str(row.id), "HLROUND": str(_round(row)),
        }  # fmt: skip
        ring_ms = _RING_MS if supervisor.outside_number is None else _OUTSIDE_RING_MS
        command = actions.originate(
            supervisor.endpoint, CONTEXT, wish.mode, variables, call.line, call=call.linkedid, asked=ASKED,
            timeout_ms=ring_ms,
        )  # fmt: skip
        return command, row

    async def _tell(self, ref: UUID, command: Command) -> None:
        """A refusal leaves nothing pending. Of any other failure nobody knows whether the phone rings: then what the
        dialplan says counts, and `sweep` ends what never came about. Raises TelephonyError.
        """
        try:
            await self._send(command)
        except NotDone:
            async with self._db.write() as tx:
                row = await tx.session.get(Supervision, ref)
                if row is not None and row.ended_at is None:
                    if row.began_at is None:
                        watching.end(tx, row, "failed", self._now(), f"spy:{row.id}:refused")
                    row.pending = row.pending_at = None
            raise


def _round(row: Supervision) -> int:
    """By this the caller's channel and the supervisor's leg know one another's words, once it has taken over: a number
    that no round of the queue reaches.
    """
    return int(row.asked_at.timestamp())
