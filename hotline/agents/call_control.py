"""What an agent does with a call once it is answered: hold, consult, complete, conference, transfer, park, pick up.

Each command looks up whose legs they are in the rows, then sends one Redirect, which moves its legs together or not at
all. What became of it is Asterisk's own event (HLMove …), which calls.service writes: no row is changed here, but a
parked caller is marked as taken before they are sent to whoever picks them up. The rest is the dialplan's: a caller who
is aside joins whoever comes into the room, and is never lost. Who may ask is decided by web.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, or_, select

from hotline.agents import presence, service
from hotline.agents.models import Agent
from hotline.calls.models import Call, CallOffer, CallParty, PbxNode
from hotline.clock import Now, now
from hotline.db import Database, Tx
from hotline.errors import Conflict, Invalid, NotDone, NotFound, TelephonyError
from hotline.labels import N_
from hotline.telephony import actions
from hotline.telephony.actions import Command
from hotline.telephony.connection import GONE

Send = Callable[[Command], Awaitable[Mapping[str, Any]]]
Permit = Callable[[UUID, str, UUID], Awaitable[None]]
Resolve = Callable[[str], str]

WAIT, ROOM, CONSULT, AMONG, TRANSFER = "hl-wait", "hl-room", "hl-consult", "hl-consult-among", "hl-transfer"
QUEUE = "queue"
# Asterisk's own words for a channel that has just gone (action_redirect).
_GONE = ("no such", "does not exist", "not up")

_MINE = (
    select(CallOffer, Call)
    .join(Call, Call.id == CallOffer.call_id)
    .where(
        CallOffer.agent_id == bindparam("agent"), CallOffer.result == "answered", CallOffer.left_at.is_(None),
        or_(CallOffer.role != "supervisor", CallOffer.owned_at.is_not(None)), Call.ended_at.is_(None),
    )
    .order_by(CallOffer.ended_at.desc())
    .limit(1)
)  # fmt: skip
_PRESENT = select(CallOffer).where(
    CallOffer.call_id == bindparam("call"), CallOffer.left_at.is_(None), CallOffer.result.in_(("ringing", "answered"))
)
_PARTIES = select(CallParty).where(CallParty.call_id == bindparam("call")).order_by(CallParty.rang_at)
_LOCKED = select(Call).where(Call.id == bindparam("call")).with_for_update().execution_options(populate_existing=True)


@dataclass(frozen=True, slots=True)
class Leg:
    """A channel by its Uniqueid. `enters`: the extension of hl-room it joins by; `to`: hl-transfer's for it."""

    channel: str
    enters: str
    to: str
    is_up: bool


@dataclass(frozen=True, slots=True)
class OnCall:
    """An agent's present call: their leg, the caller's channel, who else is there. `aside`, `aside_by`: as Call's.

    `has_left`: of a call that we made, whoever was rung first is gone; `caller` is nobody to be moved then. `stays`:
    others who are with the caller now; `away`: this agent, or another one of several, asks somebody meanwhile.
    """

    call_id: UUID
    linkedid: str
    agent: str
    endpoint: str
    caller: str
    aside: str | None
    aside_by: str | None
    asked: tuple[Leg, ...]
    others: int
    has_left: bool = False
    stays: int = 0
    is_away: bool = False
    away: bool = False

    @property
    def asks(self) -> bool:
        """This agent asks somebody; the caller hears music, or stays with others."""
        return self.is_away or (self.aside == "consult" and self.aside_by == self.endpoint)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes: `exten` of hl-consult and hl-transfer. `number`: None for a colleague or the queue."""

    exten: str
    number: str | None = None


class CallControl:
    """`send` speaks to Asterisk and raises TelephonyError. `resolve`: `place:CODE` or `number:DIGITS` → the number to
    dial, raises Invalid; `permit`: raises when this agent may not have that number rung for that call; `is_secret`:
    whether what is said at a number must not be recorded. `park`: how long a parked caller waits before the queue has
    them again.
    """

    def __init__(
        self, db: Database, send: Send, *, resolve: Resolve, park: timedelta, permit: Permit | None = None,
        is_secret: Callable[[str], bool] = lambda _number: False, now: Now = now,
    ) -> None:  # fmt: skip
        self._db = db
        self._park, self._now = park, now
        self._send = send
        self._resolve = resolve
        self._permit = permit
        self._is_secret = is_secret

    async def consult(self, agent_id: UUID, to: str) -> UUID:
        """The agent's own phone rings `to`; the caller hears music, or stays with the others of a conference. Returns
        the call's id, as all movements do.

        Raises Conflict without a call, or for a colleague who cannot be rung; Invalid for what is no target.
        """
        mine = await self._on_call(agent_id)
        if mine.aside is not None or not mine.others:
            _has_caller_alone(mine)
        elif mine.away or not mine.stays:  # somebody stays with the caller, always
            raise Conflict("Somebody is being asked already: wait until the caller has everybody back.")
        target = await self._target(agent_id, to, mine.call_id)
        if target.exten == QUEUE:
            raise Invalid("Nobody can be asked in the queue.", field="to")
        if mine.others:
            return await self._move(mine, actions.redirect(mine.agent, AMONG, target.exten))
        agent = (mine.agent, CONSULT, target.exten)
        return await self._move(mine, actions.redirect(mine.caller, WAIT, "consult", agent))

    async def back(self, agent_id: UUID) -> UUID:
        """The agent and the caller are together again; who was asked is let go."""
        mine = await self._asking(agent_id)
        return await self._move(mine, actions.redirect(mine.agent, ROOM, "agent"))

    async def complete(self, agent_id: UUID) -> UUID:
        """Who was asked has the caller, the agent leaves. Still ringing: the call rings there without the agent."""
        mine = await self._asking(agent_id)
        asked = self._to_bring(mine)
        leave = (mine.agent, ROOM, "leave")
        if not asked.is_up:
            if mine.is_away:  # the caller is with others, and cannot ring there
                raise Conflict("Nobody has answered there yet.")
            return await self._move(mine, actions.redirect(mine.caller, TRANSFER, asked.to, leave))
        return await self._move(mine, actions.redirect(asked.channel, ROOM, asked.enters, leave))

    async def conference(self, agent_id: UUID) -> UUID:
        """Caller, agent and who was asked hear each other."""
        mine = await self._asking(agent_id)
        asked = self._to_bring(mine)
        if not asked.is_up:
            raise Conflict("Nobody has answered there yet.")
        agent = (mine.agent, ROOM, "agent")
        return await self._move(mine, actions.redirect(asked.channel, ROOM, asked.enters, agent))

    async def transfer(self, agent_id: UUID, to: str) -> UUID:
        """The caller goes to `to` without anybody being asked; not reached, they are first in line."""
        mine = await self._moving(agent_id)
        target = await self._target(agent_id, to, mine.call_id)
        return await self._send_off(mine, TRANSFER, target.exten)

    async def to_queue(self, agent_id: UUID) -> UUID:
        """The caller is first in line for another agent."""
        return await self._send_off(await self._moving(agent_id), TRANSFER, QUEUE)

    async def park(self, agent_id: UUID) -> UUID:
        """The caller hears music until somebody picks them up; after HOTLINE_PARK_S they are first in line."""
        return await self._send_off(await self._moving(agent_id), WAIT, "parked")

    async def hold_room(self, agent_id: UUID) -> UUID:
        """The caller of a conference hears music, the others go on among themselves. Of two, the phone itself holds."""
        mine = await self._on_call(agent_id)
        if mine.aside is not None or not mine.others:
            raise Conflict("There is no conference whose caller could be set aside.")
        if mine.away:  # the caller would come back to whom they ask
            raise Conflict("Somebody is being asked already: wait until the caller has everybody back.")
        return await self._move(mine, actions.redirect(mine.caller, WAIT, "held"))

    async def resume_room(self, agent_id: UUID) -> UUID:
        """Back from `hold_room`."""
        mine = await self._on_call(agent_id)
        if mine.aside != "held":
            raise Conflict("The caller is not on hold.")
        return await self._move(mine, actions.redirect(mine.caller, ROOM, "caller"))

    async def pick_up(self, agent_id: UUID, call_id: UUID) -> UUID:
        """A parked caller rings at this agent's phone, which answers by itself when its page asked for it.

        Raises NotFound, Conflict when somebody else was first or the time is over, TelephonyError.
        """
        async with self._db.write() as tx:
            agent = await service.get(tx, agent_id)
            call = (await tx.session.scalars(_LOCKED, {"call": call_id})).one_or_none()
            if call is None:
                raise NotFound("There is no such call.")
            if not self._is_parked(call):
                raise Conflict("This caller is no longer parked.")
            node = await tx.session.get(PbxNode, call.node)
            if node is None or node.state != "live":  # what the row says may be long past
                raise TelephonyError(GONE)
            _is_free(
                agent, N_("You are on a call: end it first."), N_("Your phone is not connected: connect it first.")
            )
            caller, linkedid, endpoint = await _caller(tx, call), call.linkedid, agent.endpoint
            # Taken: a second Redirect would tear the caller out of the first one's talk. Asterisk's word replaces it.
            call.aside, call.aside_by, parked, by = None, endpoint, call.aside_at, call.aside_by
        try:
            await self._tell(linkedid, actions.redirect(caller, TRANSFER, endpoint))
        except (Conflict, NotDone):
            await self._put_back(call_id, endpoint, parked, by)
            raise
        return call_id

    def _is_parked(self, call: Call) -> bool:
        since = call.aside_at if call.aside == "parked" and call.ended_at is None else None
        return since is not None and self._now() - since < self._park

    async def _put_back(self, call_id: UUID, taker: str, parked: datetime | None, by: str | None) -> None:
        """Nobody was moved: the caller is parked as before, unless Asterisk has told otherwise meanwhile."""
        async with self._db.write() as tx:
            call = (await tx.session.scalars(_LOCKED, {"call": call_id})).one()
            if (call.aside, call.aside_by, call.aside_at, call.ended_at) == (None, taker, parked, None):
                call.aside, call.aside_by = "parked", by

    # What is there

    async def _on_call(self, agent_id: UUID) -> OnCall:
        async with self._db.read() as tx:
            found = await on_call(tx, agent_id)
        if found is None:
            raise Conflict("There is no call on your phone.")
        if found.has_left:
            raise Conflict("The other side is no longer there.")
        return found

    async def _moving(self, agent_id: UUID) -> OnCall:
        """A call that this agent alone has: nobody else is on it or being asked."""
        return _has_caller_alone(await self._on_call(agent_id))

    async def _asking(self, agent_id: UUID) -> OnCall:
        mine = await self._on_call(agent_id)
        if not mine.asks:
            raise Conflict("You are with the caller already.")
        return mine

    def _to_bring(self, mine: OnCall) -> Leg:
        """Who is asked, and may come to the caller. The recording of a conference goes on: a lawyer may not."""
        asked = _asked(mine)
        if mine.is_away and asked.enters == "party" and self._is_secret(asked.to.removeprefix("out-")):
            raise Conflict("What is said there must not be recorded, so they cannot be brought into this conference.")
        return asked

    async def _target(self, agent_id: UUID, to: str, call_id: UUID) -> Target:
        kind, _, value = to.partition(":")
        match kind:
            case "queue" if not value:
                return Target(QUEUE)
            case "agent":
                return Target(await self._colleague(agent_id, value))
            case "place" | "number":
                number = self._resolve(to)
                if self._permit is not None:
                    await self._permit(agent_id, number, call_id)
                return Target(f"out-{number}", number)
            case _:
                raise Invalid("This is nobody that can be rung.", field="to")

    async def _colleague(self, agent_id: UUID, value: str) -> str:
        try:
            other = UUID(value)
        except ValueError:
            raise Invalid("This is nobody that can be rung.", field="to") from None
        if other == agent_id:
            raise Invalid("This is your own phone.", field="to")
        async with self._db.read() as tx:
            agent = await service.get(tx, other)
            _is_free(agent, N_("%(name)s is on another call."), N_("%(name)s has no phone connected now."))
            return agent.endpoint

    # What is sent

    async def _send_off(self, mine: OnCall, context: str, exten: str) -> UUID:
        return await self._move(mine, actions.redirect(mine.caller, context, exten, (mine.agent, ROOM, "leave")))

    async def _move(self, mine: OnCall, command: Command) -> UUID:
        await self._tell(mine.linkedid, command)
        return mine.call_id

    async def _tell(self, linkedid: str, command: Command) -> None:
        """Raises Conflict when a leg has gone meanwhile: the dialplan has done what then is to be done."""
        try:
            await self._send(command)
        except TelephonyError as error:
            if any(word in error.message.lower() for word in _GONE):
                raise Conflict("Somebody has just hung up. The screen shows how it stands.", call=linkedid) from None
            raise


async def on_call(tx: Tx, agent_id: UUID) -> OnCall | None:
    """The call on this agent's phone, None without one. Three statements."""
    row = (await tx.session.execute(_MINE, {"agent": agent_id})).first()
    if row is None:
        return None
    offer, call = row
    parties = list(await tx.session.scalars(_PARTIES, {"call": call.id}))
    rung = parties.pop(0) if call.direction == "outbound" and parties else None
    parties = [party for party in parties if party.left_at is None]
    legs = [other for other in await tx.session.scalars(_PRESENT, {"call": call.id}) if other.id != offer.id]
    # Whoever rang after this agent stepped out is whom they ask; the others are with the caller.
    since = offer.aside_at
    asked = [
        Leg(other.leg, "agent", other.member, other.result == "answered")
        for other in legs
        if other.role == "consult" and (since is None or other.rang_at >= since)
    ]
    asked += [
        Leg(party.leg, "party", f"out-{party.number or ''}", party.answered_at is not None)
        for party in parties
        if since is None or party.rang_at >= since
    ]
    away = [other for other in legs if other.aside_at is not None]
    return OnCall(
        call_id=call.id, linkedid=call.linkedid, agent=offer.leg, endpoint=offer.member,
        caller=rung.leg if rung else call.linkedid,
        aside=call.aside, aside_by=call.aside_by, asked=tuple(asked),
        others=len(parties) + sum(map(_is_on_it, legs)),
        has_left=call.direction == "outbound" and (rung is None or rung.left_at is not None),
        stays=sum(other.result == "answered" and other.aside_at is None and _is_on_it(other) for other in legs)
        + sum(party.answered_at is not None for party in parties),
        is_away=since is not None, away=since is not None or bool(away),
    )  # fmt: skip


def _is_on_it(leg: CallOffer) -> bool:
    """A supervisor only once they have taken the call over."""
    return leg.role != "supervisor" or leg.owned_at is not None


def _has_caller_alone(mine: OnCall) -> OnCall:
    """Raises Conflict where the caller is elsewhere, or others are with them too."""
    if mine.aside is not None:
        raise Conflict("The caller is not with you now: take them back first.")
    if mine.others:
        raise Conflict("Others are on this call too: leave it to them, or let them leave first.")
    return mine


async def _caller(tx: Tx, call: Call) -> str:
    """The Uniqueid of the channel that must not be lost: of a call that we made, the number rung first."""
    if call.direction != "outbound":
        return call.linkedid
    party = (await tx.session.scalars(_PARTIES, {"call": call.id})).first()
    if party is None or party.left_at is not None:
        raise Conflict("The other side is no longer there.")
    return party.leg


def _asked(mine: OnCall) -> Leg:
    """Who was asked last. Raises Conflict when they are gone: the agent is on the way back to the caller."""
    if not mine.asked:
        raise Conflict("There is nobody any more: you are with the caller again.")
    return mine.asked[-1]


def _is_free(agent: Agent, busy: str, unreachable: str) -> None:
    """Raises Conflict, with the agent's name, for a phone that cannot ring now."""
    if agent.phone != "ok":
        raise Conflict(unreachable, values={"name": agent.name})
    if agent.state in presence.BUSY:
        raise Conflict(busy, values={"name": agent.name})
