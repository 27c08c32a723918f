"""How an agent's phone does: how its call sounds by the page's own figures, and whether it is the page at all.

Rows only; called by pages in their transaction. What Asterisk says of phones is agents.service; its file is written by
the worker.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from hotline.agents import presence, service
from hotline.agents.models import Agent
from hotline.calls import directory
from hotline.db import Tx
from hotline.errors import Conflict, Invalid
from hotline.ids import new_id
from hotline.settings import Settings

Sound = Literal["good", "fair", "bad", "none"]
SOUNDS: tuple[Sound, ...] = ("good", "fair", "bad", "none")


async def note_sound(tx: Tx, agent_id: UUID, sound: str, at: datetime) -> bool:
    """The page's word on its call; `none`: no call any more. An event only when it changed: returns whether it did.

    Raises Invalid.
    """
    if sound not in SOUNDS:
        raise Invalid("This says nothing about sound.", field="sound")
    shown = sound if sound in {"fair", "bad"} else None
    agent = await service.get(tx, agent_id)
    if agent.sound == shown:
        return False
    agent = await service.locked(tx, agent_id)
    agent.sound = shown
    service.changed(tx, agent, at, f"sound:{new_id()}")
    return True


def outside_number(settings: Settings, text: str) -> str:
    """The number that may ring instead of a page: one that may be dialled, and a person's own. Raises Invalid."""
    number = directory.allowed(settings, text)
    if directory.is_emergency(settings, number) or directory.place_of(settings, number) is not None:
        raise Invalid("This number belongs to somebody else: calls to the hotline cannot ring there.", field="number")
    return number


async def ring_outside(tx: Tx, agent_id: UUID, number: str, at: datetime) -> None:
    """Once the worker wrote it, the queue rings that number; the page's phone is void. Raises Conflict in a call."""
    agent = await _free(tx, agent_id)
    await service.new_secret(tx, agent_id, at)
    agent.outside_number = number
    _moved(tx, agent, at)


async def ring_here(tx: Tx, agent_id: UUID, at: datetime) -> None:
    """Back to the page, which registers with a new secret. Raises Conflict in a call."""
    agent = await _free(tx, agent_id)
    if agent.outside_number is not None:
        await service.new_secret(tx, agent_id, at)
        _moved(tx, agent, at)


async def _free(tx: Tx, agent_id: UUID) -> Agent:
    agent = await service.locked(tx, agent_id)
    if agent.state in presence.BUSY:
        raise Conflict("There is a call on the phone: end it first.", state=agent.state)
    return agent


def _moved(tx: Tx, agent: Agent, at: datetime) -> None:
    # Nothing is there until Asterisk knows it; and the end of the registration before it is no loss.
    agent.phone, agent.phone_since, agent.phone_contact = "none", at, None
    service.changed(tx, agent, at, f"phone-moved:{agent.endpoint}:{agent.phone_version}")
