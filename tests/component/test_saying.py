"""A caller who cannot speak answers by key: what is on record and what is not; what is said into which talk."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from hotline.agents.models import Agent
from hotline.agents.saying import Sayer, keyed
from hotline.calls.models import Call, CallOffer
from hotline.db import Database, EventRow
from hotline.errors import Conflict, Invalid, NotDone
from hotline.telephony.catalogue import BUILDERS, Fields
from hotline.telephony.messages import Channel, KeyPressed
from tests import factories
from tests.component.test_call_control import Asterisk
from tests.factories import T0

NODE, CALLER, LEG = "pbx1", "pbx1-1.1", "pbx1-1.2"


def pressed(key: str, seconds: float = 0, uniqueid: str = CALLER, *, is_received: bool = True) -> KeyPressed:
    channel = Channel(f"PJSIP/trunk-{uniqueid}", uniqueid, CALLER, 6)
    return KeyPressed(at=T0 + timedelta(seconds=seconds), channel=channel, key=key, is_received=is_received)


async def talking(db: Database, **values: Any) -> tuple[Agent, Call]:
    async with db.write() as tx:
        agent = await factories.agent(tx, state="on_call")
        call = await factories.call(tx, linkedid=CALLER, node=NODE, phase="talking", answered_at=T0, **values)
        tx.session.add(
            CallOffer(
                call_id=call.id, member=agent.endpoint, agent_id=agent.id, leg=LEG, rang_at=T0, ended_at=T0,
                result="answered",
            )
        )  # fmt: skip
    return agent, call


async def told(db: Database, call_id: UUID) -> list[tuple[str, Any]]:
    async with db.read() as tx:
        rows = await tx.session.scalars(select(EventRow).where(EventRow.call_id == call_id).order_by(EventRow.seq))
        return [(row.type, row.data.get("answer", row.data.get("is_on"))) for row in rows]


async def test_keys_are_yes_and_no_while_the_switch_is_on_and_forgotten_at_all_other_times(db: Database) -> None:
    agent, call = await talking(db)
    sayer = Sayer(db, Asterisk())
    await keyed(db, NODE, [pressed("1")])
    await sayer.switch(agent.id, True)
    await sayer.switch(agent.id, True)
    await keyed(db, NODE, [pressed("2", 1), pressed("1", 2), pressed("5", 3), pressed("#", 4)])
    await keyed(db, NODE, [pressed("2", 1)])  # told again after a reconnect
    await keyed(db, NODE, [pressed("1", 5, LEG), pressed("1", 6, is_received=False)])
    await keyed(db, "pbx2", [pressed("1", 7)])
    await sayer.switch(agent.id, False)
    await keyed(db, NODE, [pressed("1", 8)])
    assert await told(db, call.id) == [
        ("SilentSwitched", True), ("CallerKeyed", "no"), ("CallerKeyed", "yes"), ("SilentSwitched", False),
    ]  # fmt: skip


async def test_a_prompt_is_said_to_the_caller_whom_the_agent_talks_with(db: Database) -> None:
    agent, call = await talking(db)
    asterisk = Asterisk()
    assert await Sayer(db, asterisk).say(agent.id, "P31") == call.id
    (asked,) = asterisk.asked
    assert (asked["Action"], asked["Channel"], asked["Context"]) == ("Originate", "Local/P31@hl-say/n", "hl-say-in")


@pytest.mark.parametrize("prompt", ["P01", "P99", "", "P40&P41", "a1"])
async def test_nothing_but_the_agents_own_prompts_is_said(db: Database, prompt: str) -> None:
    agent, _call = await talking(db)
    asterisk = Asterisk()
    with pytest.raises(Invalid):
        await Sayer(db, asterisk).say(agent.id, prompt)
    assert asterisk.asked == []


async def test_a_caller_who_is_elsewhere_hears_nothing(db: Database) -> None:
    agent, _call = await talking(db, aside="held", aside_by="x")
    asterisk = Asterisk()
    with pytest.raises(Conflict):
        await Sayer(db, asterisk).say(agent.id, "P40")
    with pytest.raises(Conflict):
        await Sayer(db, asterisk).switch(agent.id, True)
    async with db.write() as tx:
        idle = await factories.agent(tx)
    with pytest.raises(Conflict):
        await Sayer(db, asterisk).say(idle.id, "P40")
    assert asterisk.asked == []


async def test_what_asterisk_refuses_is_said_to_the_agent(db: Database) -> None:
    agent, _call = await talking(db)
    asterisk = Asterisk()
    asterisk.refuses = "Originate failed"
    with pytest.raises(NotDone):
        await Sayer(db, asterisk).say(agent.id, "P40")


def test_a_key_as_asterisk_tells_it() -> None:
    """As captured: Asterisk 22, caller's telephone-event on a queued call that an agent has answered."""
    lines = {
        "Event": "DTMFEnd", "Channel": "PJSIP/trunk-00000001", "ChannelState": "6", "ChannelStateDesc": "Up",
        "CallerIDNum": "13800138000", "CallerIDName": "<unknown>", "ConnectedLineNum": "<unknown>", "Language": "zh",
        "Context": "hl-open", "Exten": "s", "Priority": "21", "Uniqueid": CALLER, "Linkedid": CALLER,
        "Digit": "2", "DurationMs": "160", "Direction": "Received",
    }  # fmt: skip
    message = BUILDERS["DTMFEnd"](Fields("\r\n".join(f"{name}: {value}" for name, value in lines.items())), T0)
    assert isinstance(message, KeyPressed)
    assert (message.key, message.is_received, message.channel.uniqueid) == ("2", True, CALLER)
