"""What an agent has the hotline say into their talk, and callers who cannot speak: their keys are yes and no.

The dialplan plays the prompt (hl-say): it is heard by the caller and the agent, and goes on when we die. P32 and P41
end the call as the agent's own goodbye does. Keys count while the agent's switch is on, and are kept as yes and no.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, delete, select

from hotline.agents.call_control import OnCall, on_call
from hotline.calls.models import Call, SilentSwitch
from hotline.clock import Now, now
from hotline.db import Database, Tx
from hotline.errors import Conflict, Invalid, TelephonyError
from hotline.events import CallerKeyed, SilentSwitched
from hotline.telephony import actions
from hotline.telephony.actions import Command
from hotline.telephony.messages import KeyPressed

Send = Callable[[Command], Awaitable[Mapping[str, Any]]]
PROMPTS: Final = ("P30", "P31", "P32", "P40", "P41")
ANSWERS: Final = {"1": "yes", "2": "no"}

_SWITCH = (
    select(SilentSwitch.agent_id, Call.id, Call.linkedid)
    .join(Call, Call.id == SilentSwitch.call_id)
    .where(Call.node == bindparam("node"), Call.linkedid.in_(bindparam("linkedids", expanding=True)))
)


class Sayer:
    """`send` speaks to Asterisk and raises TelephonyError."""

    def __init__(self, db: Database, send: Send, *, now: Now = now) -> None:
        self._db, self._send, self._now = db, send, now

    async def say(self, agent_id: UUID, prompt: str) -> UUID:
        """Plays it to the caller and the agent. Returns the call's id.

        Raises Invalid for another prompt, Conflict without a caller who hears the agent.
        """
        if prompt not in PROMPTS:
            raise Invalid("This prompt is not played by agents.", field="prompt")
        async with self._db.read() as tx:
            mine = await _with_caller(tx, agent_id)
        try:
            await self._send(actions.say(prompt, mine.caller, mine.agent))
        except TelephonyError as error:
            if "no such" in error.message.lower():
                raise Conflict("Somebody has just hung up. The screen shows how it stands.") from None
            raise
        return mine.call_id

    async def switch(self, agent_id: UUID, is_on: bool) -> UUID:
        """From now on the caller's keys 1 and 2 are yes and no, or no longer. Twice is once. Raises Conflict."""
        async with self._db.write() as tx:
            mine = await _with_caller(tx, agent_id)
            at, call_id = self._now(), mine.call_id
            row = await tx.session.get(SilentSwitch, call_id)
            if is_on == (row is not None):
                return call_id
            if row is None:
                tx.session.add(SilentSwitch(call_id=call_id, agent_id=agent_id, at=at))
            else:
                await tx.session.execute(delete(SilentSwitch).where(SilentSwitch.call_id == call_id))
            key = f"call:{call_id}:silent:{is_on}:{at.isoformat()}"
            tx.emit(
                SilentSwitched(at=at, dedupe_key=key, call_id=call_id, agent_id=agent_id, is_on=is_on),
                call_id=call_id, agent_id=agent_id,
            )  # fmt: skip
        return call_id


async def keyed(db: Database, node: str, pressed: Sequence[KeyPressed]) -> None:
    """Keys of callers whose agent's switch is on; all others are forgotten."""
    mine = [one for one in pressed if one.is_received and one.key in ANSWERS and _is_callers(one)]
    if not mine:
        return
    async with db.read() as tx:
        asked = {"node": node, "linkedids": [one.channel.linkedid for one in mine]}
        switches = {row.linkedid: row for row in await tx.session.execute(_SWITCH, asked)}
    answers = [one for one in mine if one.channel.linkedid in switches]
    if not answers:
        return
    async with db.write() as tx:
        for one in answers:
            agent_id, call_id, _linkedid = switches[one.channel.linkedid]
            _answer(tx, one, call_id, agent_id, one.at)


def _answer(tx: Tx, pressed: KeyPressed, call_id: UUID, agent_id: UUID, at: datetime) -> None:
    key = f"{pressed.channel.uniqueid}:keyed:{at.isoformat()}"
    event = CallerKeyed(
        at=at, dedupe_key=key, call_id=call_id, agent_id=agent_id, answer=ANSWERS[pressed.key]
    )  # fmt: skip
    tx.emit(event, call_id=call_id, agent_id=agent_id)


def _is_callers(pressed: KeyPressed) -> bool:
    """Who began the call: an agent's keypad is nobody's answer."""
    return pressed.channel.uniqueid == pressed.channel.linkedid


async def _with_caller(tx: Tx, agent_id: UUID) -> OnCall:
    """Raises Conflict when the caller does not hear this agent now."""
    mine = await on_call(tx, agent_id)
    if mine is None:
        raise Conflict("You are on no call now.")
    if mine.aside is not None or mine.is_away or mine.has_left:
        raise Conflict("The caller is not with you now: take them back first.")
    return mine
