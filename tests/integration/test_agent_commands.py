"""The desk's commands on the real Asterisk: its confirmations arrive, and its refusals have the words we know."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from hotline.agents import presence, service
from hotline.agents.commands import AgentDesk
from hotline.clock import now
from hotline.db import Database
from hotline.errors import TelephonyError
from hotline.telephony import actions as ami
from hotline.telephony.actions import Command
from hotline.telephony.client import WANTED, AmiClient
from hotline.telephony.messages import Message
from tests import factories
from tests.integration.pbx import Ami, Pbx

pytestmark = pytest.mark.integration
PHONE = "a1"


class Duty:
    """One agent with a phone, and an ear on Asterisk that writes rows as the worker does."""

    def __init__(self, pbx: Pbx, db: Database, actions: Ami) -> None:
        self.pbx, self.db, self.actions = pbx, db, actions
        self.desk = AgentDesk(db, self.send, settings=pbx.settings)

    async def send(self, command: Command) -> Mapping[str, str]:
        headers: dict[str, list[str]] = {}
        for name, value in command.headers:
            headers.setdefault(name, []).append(value)
        said = await self.actions.send(command.action, **headers)
        if said["Response"] == "Error":
            raise TelephonyError(said["Message"])
        return said

    async def hear(self, batch: Sequence[Message]) -> None:
        async with self.db.write() as tx:
            for message in batch:
                for observation in presence.observe(message):
                    await service.observe(tx, observation, message.at)

    async def becomes(self, state: str, reason: str | None = None) -> None:
        """Shown so, with nothing pending, within five seconds."""
        shown: tuple[str, str | None, str | None] | None = None
        for _ in range(250):
            async with self.db.read() as tx:
                agent = await service.by_endpoint(tx, PHONE)
            assert agent is not None
            shown = agent.state, agent.reason, agent.pending
            if shown == (state, reason, None):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"still {shown}")


@asynccontextmanager
async def on_duty(pbx: Pbx, db: Database) -> AsyncIterator[Duty]:
    async with pbx.ami("actions") as actions:
        duty = Duty(pbx, db, actions)
        client = AmiClient(
            host="127.0.0.1",
            port=pbx.settings.ami_port,
            user="events",
            secret=pbx.asterisk.secrets().events,
            wanted=WANTED,
            on_batch=duty.hear,
        )
        listening = asyncio.create_task(client.run())
        try:
            await client.wait_live()
            yield duty
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def test_each_button_is_confirmed_by_the_queue(pbx: Pbx, db: Database) -> None:
    async with db.write() as tx:
        agent = await factories.agent(tx, endpoint=PHONE, phone="ok")
    async with on_duty(pbx, db) as duty:
        await duty.desk.ready(agent.id)
        await duty.becomes("ready")
        await duty.desk.ready(agent.id)
        await duty.becomes("ready")
        await duty.desk.pause(agent.id, "LUNCH")
        await duty.becomes("paused", "LUNCH")
        await duty.desk.pause(agent.id, "BREAK")
        await duty.becomes("paused", "BREAK")
        await duty.desk.ready(agent.id)
        await duty.becomes("ready")
        await duty.desk.log_off(agent.id)
        await duty.becomes("offline")
        await duty.desk.log_off(agent.id)
        await duty.becomes("offline")


async def test_a_wrap_up_is_extended_in_asterisk_and_ends(pbx: Pbx, db: Database) -> None:
    async with db.write() as tx:
        agent = await factories.agent(tx, endpoint=PHONE, phone="ok")
    async with on_duty(pbx, db) as duty:
        await duty.desk.ready(agent.id)
        await duty.becomes("ready")
        await duty.send(ami.queue_pause("hotline", PHONE, True, "ACW"))
        await duty.becomes("wrap_up", "ACW")
        until = await duty.desk.extend(agent.id)
        key = f"/hl/acw/{PHONE}"
        assert key in await _astdb(pbx, str(int(until.timestamp())))
        await duty.desk.wrap_up_sweep(until + timedelta(seconds=1))
        await duty.becomes("ready")
        assert key not in await _astdb(pbx)
        assert until > now()


async def _astdb(pbx: Pbx, wanted: str = "") -> str:
    """AstDB's hl/acw entries; the control channel writes them a moment after its answer."""
    shown = ""
    for _ in range(100):
        shown = await pbx.asterisk.cli("database show hl/acw")
        if wanted in shown:
            break
        await asyncio.sleep(0.02)
    return shown


async def test_refusals_have_the_words_that_the_desk_knows(pbx: Pbx, db: Database) -> None:
    async with on_duty(pbx, db) as duty:
        with pytest.raises(TelephonyError, match="Not there"):
            await duty.send(ami.queue_remove("hotline", PHONE))
        with pytest.raises(TelephonyError, match="Interface not found"):
            await duty.send(ami.queue_pause("hotline", PHONE, False))
        await duty.send(ami.queue_add("hotline", PHONE))
        with pytest.raises(TelephonyError, match="Already there"):
            await duty.send(ami.queue_add("hotline", PHONE))


async def test_a_forced_log_off_ends_the_leg_and_gives_the_caller_back(pbx: Pbx, db: Database) -> None:
    async with db.write() as tx:
        agent = await factories.agent(tx, endpoint=PHONE, phone="ok")
    async with on_duty(pbx, db) as duty, pbx.ami() as events:
        await duty.desk.ready(agent.id)
        await duty.becomes("ready")
        pbx.phone(PHONE, answer_ms=200)
        pbx.calls(hold_ms=30000)
        await events.event("AgentConnect", MemberName=PHONE)
        since = len(events.raw)
        await duty.desk.log_off(agent.id, force=True)
        ended = await events.wait(
            lambda b: b.get("Event") == "Hangup" and b["Channel"].startswith(f"PJSIP/{PHONE}-"), since=since
        )
        assert ended["Cause"] == "38"
        await events.fact("HLRecording", HLKind="voicemail", since=since)
        await duty.becomes("offline")
