"""What people and the clock ask Asterisk to do with an agent: ready, pause, log off, more time to write, a phone.

Each command: a write transaction marks it pending, then AMI actions outside any transaction, then Asterisk's own event
(agents.service.observe) makes it true. Used by web pages, the API and the worker's sweep. Who may ask is decided by
web; what a state permits is agents.presence.
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import structlog

from hotline.agents import presence, service
from hotline.agents.models import Agent
from hotline.agents.presence import PHONE, RNA, SOUND, MemberSeen, PhoneSeen
from hotline.agents.reconcile import Wish
from hotline.bus import Bus, InProcessBus
from hotline.clock import Now, from_epoch, now
from hotline.db import Database
from hotline.errors import Conflict, Invalid, TelephonyError
from hotline.ids import new_id
from hotline.settings import Settings
from hotline.telephony import actions
from hotline.telephony.actions import Command
from hotline.telephony.connection import GONE

log = structlog.get_logger()

Send = Callable[[Command], Awaitable[Mapping[str, Any]]]

EXTENSIONS = 10  # a wrap-up lasts at most so many times its length: then it is a pause, and should say why
PHONE_WAIT_S = 5.0
RESTORE_S = 5.0
_LOOK_S = 0.25
_CAUSE_GONE = 38  # Q.850 "network out of order": the dialplan queues the caller again, first in line

# app_queue's own words (manager_add_queue_member, manager_remove_queue_member, manager_pause_queue_member).
_ALREADY_THERE, _NOT_THERE, _NO_MEMBER, _NO_CHANNEL = "already there", "not there", "interface not found", "no such"


@dataclass(frozen=True, slots=True)
class PhoneCredentials:
    """What the page's phone registers with. Void when the next `version` exists."""

    endpoint: str
    version: int
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Step:
    """One action. Where Asterisk refuses with `unless`, its state is another than our row says: `instead`, or fine."""

    command: Command
    unless: str | None = None
    instead: Command | None = None


class AgentDesk:
    """`send` speaks to Asterisk and raises TelephonyError; `settings` gives the wrap-up's length."""

    def __init__(
        self,
        db: Database,
        send: Send,
        *,
        settings: Settings,
        bus: Bus | None = None,
        queue: str = presence.QUEUE,
        now: Now = now,
        registered_s: float = 2.0,
    ) -> None:
        self._db = db
        self._send = send
        self._bus = bus or InProcessBus()
        self._queue = queue
        self._now = now
        self._registered_s = registered_s
        self._wrap_up = timedelta(seconds=settings.wrap_up_s)
        # One command at a time an agent: two buttons pressed quickly reach Asterisk in that order.
        self._turns: defaultdict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._hung_up: dict[UUID, tuple[datetime, UUID | None]] = {}

    async def ready(self, agent_id: UUID, *, force: bool = False) -> None:
        """Into the queue, or back from a pause or wrap-up. Raises Conflict without a connected phone."""
        await self._phone_heard(agent_id)
        await self._run(agent_id, "ready", "ready", force)

    async def _phone_heard(self, agent_id: UUID) -> None:
        """A page presses ready as soon as its phone has registered, which may be before Asterisk has told us."""
        if await self._has_phone(agent_id):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._registered_s), self._bus.listen("log") as bell:
                while not await self._has_phone(agent_id):
                    await bell.wait(_LOOK_S)

    async def _has_phone(self, agent_id: UUID) -> bool:
        async with self._db.read() as tx:
            return (await service.get(tx, agent_id)).phone == "ok"

    async def pause(self, agent_id: UUID, reason: str, *, force: bool = False) -> None:
        """Raises Invalid for a reason that is not one of presence.MANUAL_REASONS, Conflict during a call."""
        if reason not in presence.MANUAL_REASONS:
            raise Invalid("This is no reason for a pause.", field="reason")
        await self._run(agent_id, "pause", f"pause:{reason}", force)

    async def log_off(self, agent_id: UUID, *, force: bool = False) -> None:
        """Out of the queue; the phone's secret is void and what it has is hung up. Raises Conflict during a call."""
        await self._run(agent_id, "log_off", "log_off", force)

    async def extend(self, agent_id: UUID) -> datetime:
        """Once more the wrap-up's length, up to EXTENSIONS of them in all. Returns the new end."""
        async with self._turns[agent_id]:
            async with self._db.write() as tx:
                agent, at = await service.locked(tx, agent_id), self._now()
                _check(agent, "extend", False)
                before = agent.wrap_up_until
                end = max(service.wrap_up_end(agent, self._wrap_up), at)
                latest = agent.since + EXTENSIONS * self._wrap_up
                until = from_epoch(math.ceil(min(end + self._wrap_up, latest).timestamp()))
                if until <= end:
                    raise Conflict("The time to write cannot be extended further.")
                agent.wrap_up_until = until
                service.changed(tx, agent, at, _key())
                endpoint = agent.endpoint
            try:
                await self._send(actions.control("acw-set", endpoint, int(until.timestamp())))
            except TelephonyError:
                async with self._db.write() as tx:
                    agent = await service.locked(tx, agent_id)
                    if agent.wrap_up_until == until:
                        agent.wrap_up_until = before
                        service.changed(tx, agent, self._now(), _key())
                raise
            return until

    async def claim_phone(self, agent_id: UUID) -> PhoneCredentials:
        """This sign-in's phone, once Asterisk knows its secret. Raises TelephonyError after PHONE_WAIT_S."""
        async with self._db.read() as tx:
            has_secret = (await service.get(tx, agent_id)).phone_version > 0
        if not has_secret:
            async with self._db.write() as tx:
                await service.new_secret(tx, agent_id, self._now())
        try:
            async with asyncio.timeout(PHONE_WAIT_S), self._bus.listen("log") as bell:
                while (found := await self._credentials(agent_id)) is None:
                    await bell.wait(_LOOK_S)
                return found
        except TimeoutError:
            raise TelephonyError("The telephone system has not taken over this phone yet. Try again.") from None

    async def _credentials(self, agent_id: UUID) -> PhoneCredentials | None:
        async with self._db.read() as tx:
            agent = await service.get(tx, agent_id)
            if agent.phone_ready_version < agent.phone_version:
                return None
            return PhoneCredentials(agent.endpoint, agent.phone_version, agent.phone_secret)

    async def phone_lost(self, agent_id: UUID) -> None:
        """The page says that its phone lost its connection, perhaps before Asterisk notices.

        Not of a registration that is newer than such a word may be late: Asterisk asks it whether it is there.
        """
        async with self._db.write() as tx:
            agent, at = await service.locked(tx, agent_id), self._now()
            if agent.phone == "ok" and at - agent.phone_since < presence.PHONE_ASKED_WITHIN:
                return
            if service.apply(agent, PhoneSeen(agent.endpoint, "lost", "", ""), at):
                service.changed(tx, agent, at, _key())
        await self.react()

    async def restore(self, wishes: Sequence[Wish]) -> None:
        """Tell an Asterisk that has just started what it forgot. Raises TelephonyError when it cannot be reached within
        RESTORE_S: then nobody may believe that it knows.
        """
        try:
            async with asyncio.timeout(RESTORE_S):
                await asyncio.gather(*(self._restore(wish) for wish in wishes))
        except TimeoutError:
            raise TelephonyError(GONE) from None

    async def _restore(self, wish: Wish) -> None:
        for step in _wished(self._queue, wish):
            try:
                await self._sent(step)
            except TelephonyError as error:
                log.error("agents.restore refused", endpoint=wish.endpoint, said=error.message)

    async def _sent(self, step: _Step) -> None:
        """Once it is taken: the connection for commands comes back beside the one that brought the news."""
        while True:
            try:
                await self._send(step.command)
                return
            except TelephonyError as error:
                if error.message != GONE:
                    if step.unless is None or step.unless not in error.message.lower():
                        raise
                    if step.instead is not None:
                        await self._send(step.instead)
                    return
            await asyncio.sleep(_LOOK_S / 5)

    async def wrap_up_sweep(self, at: datetime) -> None:
        """What time brings, once a second by the worker: ended wrap-ups, commands that nobody confirmed, phones.

        Says the same again until Asterisk agrees, so a second worker or our restart changes nothing.
        """
        async with self._db.read() as tx:
            agents = await service.needing_attention(tx)
        for agent in agents:
            if agent.pending not in (None, presence.FAILED) and _is_late(agent, at):
                await self._fail_pending(agent.id, cast(datetime, agent.pending_at))
            if agent.reason is not None and service.is_wrap_up_over(agent, at, self._wrap_up):
                # A phone that is gone must not ring: the pause stays, with another reason.
                await self._claimed(agent, f"pause:{PHONE}" if agent.phone == "lost" else "ready")
        rested = [
            agent.id for agent in agents if agent.reason is None and service.is_wrap_up_over(agent, at, self._wrap_up)
        ]
        if rested:
            await self._end_rests(rested, at)
        await self._react_to(agents)

    async def react(self) -> None:
        """Lost phones and missed calls, at once: for the worker, after a batch that brought such."""
        async with self._db.read() as tx:
            agents = await service.needing_attention(tx)
        await self._react_to(agents)

    async def _end_rests(self, agent_ids: Sequence[UUID], at: datetime) -> None:
        """All in one transaction: every screen is told of each."""
        async with self._db.write() as tx:
            for agent_id in agent_ids:
                row = await service.locked(tx, agent_id)
                if row.reason is None and service.is_wrap_up_over(row, at, self._wrap_up):
                    key = f"rested:{row.endpoint}:{row.since.isoformat()}"
                    service.enter(row, presence.step(service.current(row), "rested"), at)
                    service.changed(tx, row, at, key)

    async def _react_to(self, agents: Sequence[Agent]) -> None:
        for agent in agents:
            match service.reaction(agent):
                case "hang_up":
                    # Out of the queue's turn first: else the caller who is given back may ring the same dead phone.
                    if presence.is_offered(service.current(agent)):
                        await self._claimed(agent, f"pause:{PHONE}")
                    await self._hang_up(agent)
                case "pause_phone":
                    await self._claimed(agent, f"pause:{PHONE}")
                case "pause_rna":
                    await self._claimed(agent, f"pause:{RNA}")
                case "pause_sound":
                    await self._claimed(agent, f"pause:{SOUND}")
                case "unpause":
                    await self._claimed(agent, "ready")
                case None:
                    pass

    async def _hang_up(self, agent: Agent) -> None:
        """Once a loss and call: the child who hears silence goes to the next agent."""
        loss = agent.phone_since, agent.call_id
        if self._hung_up.get(agent.id) == loss:
            return
        try:
            await self._tell(agent.id, _Step(_hangup(agent.endpoint), unless=_NO_CHANNEL))
            self._hung_up[agent.id] = loss
        except TelephonyError as error:
            log.warning("agents.hangup failed, tried again", agent_id=str(agent.id), error=error.message)

    async def _claimed(self, agent: Agent, pending: str) -> None:
        """A command that nobody pressed: not while one is under way, and a failure is tried again by the sweep."""
        if agent.pending not in (None, presence.FAILED) and not _is_late(agent, self._now()):
            return
        try:
            await self._run(agent.id, None, pending, False, seen=agent)
        except Conflict:
            return
        except TelephonyError as error:
            log.warning(
                "agents.command failed, tried again", agent_id=str(agent.id), pending=pending, error=error.message
            )

    async def _run(
        self, agent_id: UUID, command: presence.Command | None, pending: str, force: bool, seen: Agent | None = None
    ) -> None:
        """Mark pending, tell Asterisk. `seen`: only if the row is still in that state."""
        async with self._turns[agent_id]:
            async with self._db.write() as tx:
                agent, at = await service.locked(tx, agent_id), self._now()
                if command is not None:
                    _check(agent, command, force)
                elif seen is not None and service.current(seen) != service.current(agent):
                    raise Conflict("Something else came first.")
                if command in {"ready", "pause"}:
                    agent.misses = agent.silences = 0
                steps = self._steps(agent, pending)
                if command == "log_off":
                    await service.new_secret(tx, agent.id, at)
                    agent.phone, agent.phone_since, agent.phone_contact = "none", at, None
                agent.pending, agent.pending_at = pending, at
                if agent.state == "offline":
                    service.confirm(agent)
                service.changed(tx, agent, at, _key())
            try:
                for step in steps:
                    await self._tell(agent_id, step)
            except TelephonyError:
                await self._clear_pending(agent_id, at)
                raise

    def _steps(self, agent: Agent, pending: str) -> tuple[_Step, ...]:
        """The actions, in order. The stated end goes first, else the dialplan would undo a pause when it passes."""
        queue, endpoint = self._queue, agent.endpoint
        clear = _Step(actions.control("acw-clear", endpoint))
        add, unpause = actions.queue_add(queue, endpoint), actions.queue_pause(queue, endpoint, False)
        command, _, reason = pending.partition(":")
        if command == "pause":
            return clear, _Step(actions.queue_pause(queue, endpoint, True, reason), unless=_NO_MEMBER)
        if command == "log_off":
            remove = _Step(actions.queue_remove(queue, endpoint), unless=_NOT_THERE)
            return clear, remove, _Step(_hangup(endpoint), unless=_NO_CHANNEL)
        if agent.in_queue:
            return clear, _Step(unpause, unless=_NO_MEMBER, instead=add)
        return clear, _Step(add, unless=_ALREADY_THERE, instead=unpause)

    async def _tell(self, agent_id: UUID, step: _Step) -> None:
        try:
            await self._send(step.command)
        except TelephonyError as error:
            if step.unless is None or step.unless not in error.message.lower():
                raise
            if step.instead is not None:
                await self._send(step.instead)
            elif step.unless in (_NOT_THERE, _NO_MEMBER):
                await self._not_in_queue(agent_id)

    async def _not_in_queue(self, agent_id: UUID) -> None:
        """Asterisk just said that our row is wrong."""
        async with self._db.write() as tx:
            agent, at = await service.locked(tx, agent_id), self._now()
            if service.apply(agent, MemberSeen(agent.endpoint, False, None, True, ""), at):
                service.changed(tx, agent, at, _key())

    async def _clear_pending(self, agent_id: UUID, pending_at: datetime) -> None:
        async with self._db.write() as tx:
            agent = await service.locked(tx, agent_id)
            if agent.pending_at == pending_at:
                agent.pending = agent.pending_at = None
                service.changed(tx, agent, self._now(), _key())

    async def _fail_pending(self, agent_id: UUID, pending_at: datetime) -> None:
        async with self._db.write() as tx:
            agent = await service.locked(tx, agent_id)
            if agent.pending_at == pending_at and agent.pending != presence.FAILED:
                agent.pending = presence.FAILED
                service.changed(tx, agent, self._now(), f"unconfirmed:{agent.endpoint}:{pending_at.isoformat()}")


def _wished(queue: str, wish: Wish) -> Sequence[_Step]:
    """The end of a wrap-up first, for the dialplan undoes a pause whose end has passed."""
    if not wish.in_queue:
        return (_Step(actions.queue_remove(queue, wish.endpoint), unless=_NOT_THERE),)
    paused, reason = wish.reason is not None, wish.reason or ""
    if wish.until is None:
        first = _Step(actions.control("acw-clear", wish.endpoint))
    else:
        first = _Step(actions.control("acw-set", wish.endpoint, math.ceil(wish.until.timestamp())))
    add = actions.queue_add(queue, wish.endpoint, paused, reason)
    pause = actions.queue_pause(queue, wish.endpoint, paused, reason)
    return first, _Step(add, unless=_ALREADY_THERE, instead=pause)


def _check(agent: Agent, command: presence.Command, force: bool) -> None:
    """Raises Conflict when the state, or a phone that is not there, does not allow it."""
    state = cast(presence.State, agent.state)
    permitted = presence.PERMITS[state] | (presence.FORCES[state] if force else frozenset())
    if command not in permitted:
        default = "There is no time to write that could be extended."
        raise Conflict(_REFUSALS.get(state, default), state=state)
    if command == "ready" and agent.phone != "ok":
        raise Conflict("The phone is not connected: calls could not ring. Connect it, then press ready.", state=state)


_REFUSALS: Mapping[str, str] = {
    "ringing": "The phone is ringing: answer or reject the call first.",
    "on_call": "There is a call on the phone: end it first.",
    "offline": "Press ready first.",
}


def _is_late(agent: Agent, at: datetime) -> bool:
    return agent.pending_at is not None and at - agent.pending_at > presence.PENDING_FOR


def _hangup(endpoint: str) -> Command:
    """Whatever the phone has. Asterisk takes a regular expression between slashes; endpoints are letters and digits."""
    return actions.hangup(f"/^PJSIP/{endpoint}-/", _CAUSE_GONE)


def _key() -> str:
    """A command is its own cause."""
    return f"command:{new_id()}"
