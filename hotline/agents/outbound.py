"""Calls that agents make: which number may be rung, how often, and the agent's own phone first. Never loses a call.

Used by web (`dial`, and `permit` for whoever is asked or gets a caller at an outside number) and by handlers, which ask
`dial_of` where a call that has begun came from. The dialplan refuses by itself what is on none of its lists; what
depends on rows, limits an hour, is here. Emergency numbers have no limit.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, func, select, true

from hotline.agents import presence, service
from hotline.agents.models import Agent, OutboundDial
from hotline.calls import directory
from hotline.calls.models import Call
from hotline.clock import Now, now
from hotline.db import Database, Tx
from hotline.errors import Conflict, NotDone, TooManyAttempts
from hotline.events import OutsideDialled
from hotline.ids import new_id
from hotline.settings import Settings
from hotline.telephony import actions
from hotline.telephony.actions import Command

Send = Callable[[Command], Awaitable[Mapping[str, Any]]]

HOUR = timedelta(hours=1)
CONTEXT = "hl-dial"
_RING_MS = 20_000  # the agent's own phone, which its page answers by itself

_OF_CALL = (
    select(OutboundDial)
    .where(OutboundDial.node == bindparam("node"), OutboundDial.linkedid == bindparam("linkedid"))
    .execution_options(autoflush=False)
)
_RECENT = select(func.count(), func.min(OutboundDial.at)).where(
    OutboundDial.at > bindparam("since"), OutboundDial.is_emergency.is_(False)
)
# Dialled, and no call has come of it yet: it rings, or nobody knows.
_UNDERWAY = (
    select(OutboundDial.id)
    .outerjoin(Call, and_(Call.node == OutboundDial.node, Call.linkedid == OutboundDial.linkedid))
    .where(
        OutboundDial.agent_id == bindparam("agent"), OutboundDial.linkedid.is_not(None),
        OutboundDial.at > bindparam("since"), Call.id.is_(None),
    )
    .limit(1)
)  # fmt: skip


class Outbound:
    """`send` speaks to Asterisk and raises TelephonyError."""

    def __init__(
        self, db: Database, send: Send, *, settings: Settings, now: Now = now, node: Callable[[], str] | None = None
    ) -> None:
        """`node`: which Asterisk is told; the only one if not given."""
        self._db = db
        self._send = send
        self._settings = settings
        self._now = now
        self._node = node or (lambda: settings.node)

    def resolve(self, to: str) -> str:
        """The number of `place:CODE` or `number:DIGITS`. Raises Invalid for one that may not be dialled."""
        return directory.target(self._settings, to)

    async def permit(self, agent_id: UUID, number: str, call_id: UUID | None = None) -> None:
        """An agent has a number rung for a call that they have: counted. Raises Invalid, TooManyAttempts."""
        number = directory.allowed(self._settings, number)
        async with self._db.write() as tx:
            # Locked before the limits, as in `dial`: the dial's row holds on to the agent's.
            agent = await service.locked(tx, agent_id)
            await self._claim(tx, agent, number, call_id=call_id)

    async def dial(
        self,
        agent_id: UUID,
        number: str,
        *,
        line: str | None = None,
        ticket_id: UUID | None = None,
        due_id: UUID | None = None,
    ) -> str:
        """Ring the agent's phone, then `number`, which sees `line` (by default the first). Returns the call's name.

        `ticket_id`: what the call is about; `due_id`: the call-back that it makes. Raises Invalid, TooManyAttempts,
        Conflict (a call is on the phone, or about to be, or it is not connected), TelephonyError.
        """
        number = directory.allowed(self._settings, number)
        async with self._db.write() as tx:
            agent = await service.locked(tx, agent_id)
            if agent.phone != "ok":
                raise Conflict("Your phone is not connected: connect it first.")
            if agent.state in presence.BUSY:
                raise Conflict("You are on a call: end it first.")
            await self._none_underway(tx, agent_id, number)
            if line not in self._settings.line_channels:
                line = directory.first_line(self._settings)
            row = await self._claim(tx, agent, number, ticket_id=ticket_id, due_id=due_id, line=line)
            endpoint, name = agent.endpoint, str(row.linkedid)
        command = actions.originate(
            endpoint, CONTEXT, number, {"__HLLINE": line}, number,
            channel_id=name, asked="dial", timeout_ms=_RING_MS,
        )  # fmt: skip
        try:
            await self._send(command)
        except NotDone:  # of any other error nobody knows: the phone may ring, and then this is what the call is about
            async with self._db.write() as tx:  # it was never made: it counts for no limit
                failed = await dial_of(tx, row.node, name)
                if failed is not None:
                    await tx.session.delete(failed)
            raise
        return name

    async def _none_underway(self, tx: Tx, agent_id: UUID, number: str) -> None:
        """Raises Conflict while the agent's last dial may still come to ring. An emergency waits for nothing."""
        since = self._now() - timedelta(milliseconds=_RING_MS)
        if directory.is_emergency(self._settings, number):
            return
        if await tx.session.scalar(_UNDERWAY, {"agent": agent_id, "since": since}) is not None:
            raise Conflict("Your phone is still being rung for this call.")

    async def _claim(
        self,
        tx: Tx,
        agent: Agent,
        number: str,
        *,
        call_id: UUID | None = None,
        ticket_id: UUID | None = None,
        due_id: UUID | None = None,
        line: str | None = None,
    ) -> OutboundDial:
        at = self._now()
        is_emergency = directory.is_emergency(self._settings, number)
        if not is_emergency:
            await tx.in_turn("outbound")  # counting and adding is one step: two at once would both find room
            await self._within_limits(tx, agent.id, number, at)
        node = self._node()
        name = f"{node}-{int(at.timestamp())}.d{secrets.token_hex(4)}" if line is not None else None
        row = OutboundDial(
            id=new_id(), at=at, agent_id=agent.id, node=node, linkedid=name, number=number, line=line,
            is_emergency=is_emergency, call_id=call_id, ticket_id=ticket_id, due_id=due_id,
        )  # fmt: skip
        tx.session.add(row)
        await tx.session.flush()
        event = OutsideDialled(
            at=at, dedupe_key=f"outbound:{row.id}", agent_id=agent.id, emergency=is_emergency, due_id=due_id
        )
        tx.emit(event, call_id=call_id, ticket_id=ticket_id, agent_id=agent.id)
        return row

    async def _within_limits(self, tx: Tx, agent_id: UUID, number: str, at: datetime) -> None:
        settings = self._settings
        wait_s = await _wait_s(tx, at, settings.outbound_number_hour, OutboundDial.number == number)
        if wait_s:
            raise TooManyAttempts("This number was called often enough within the hour.", retry_after_s=wait_s)
        wait_s = await _wait_s(tx, at, settings.outbound_agent_hour, OutboundDial.agent_id == agent_id)
        if wait_s:
            raise TooManyAttempts(
                "You have made as many outside calls as are allowed within an hour.", retry_after_s=wait_s
            )
        wait_s = await _wait_s(tx, at, settings.outbound_hour, true())
        if wait_s:
            raise TooManyAttempts(
                "As many outside calls as are allowed within an hour were made.", retry_after_s=wait_s
            )


async def _wait_s(tx: Tx, at: datetime, most: int, which: ColumnElement[bool]) -> int:
    """Whole seconds until one more is allowed of these; 0: now. One statement."""
    made, first = (await tx.session.execute(_RECENT.where(which), {"since": at - HOUR})).one()
    if made < most:
        return 0
    return max(1, round(((first or at) + HOUR - at).total_seconds()))


async def dial_of(tx: Tx, node: str, linkedid: str) -> OutboundDial | None:
    """The dial that began a call; None for calls that come in. One statement."""
    found: OutboundDial | None = await tx.session.scalar(_OF_CALL, {"node": node, "linkedid": linkedid})
    return found
