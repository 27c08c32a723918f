"""Rows and the real Asterisk: what is on its way is no drift under load, and what was missed is put right."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest
from sqlalchemy import select

from hotline.agents import service as agents
from hotline.agents.commands import AgentDesk
from hotline.agents.supervision import SupervisorDesk
from hotline.bus import InProcessBus
from hotline.calls.models import Call
from hotline.db import Database
from hotline.events import DriftCorrected
from hotline.handlers import Handlers
from hotline.telephony.asterisk import Asterisk
from hotline.telephony.client import AmiClient
from hotline.telephony.messages import Message
from hotline.worker import Worker
from tests import factories
from tests.integration.conftest import NewPbx
from tests.integration.pbx import Pbx
from tests.integration.process import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
PHONES = ("a1", "a2", "a3")


class NoPhones:
    """SIPp's phones have fixed addresses: nothing is written for them."""

    def __init__(self, asterisk: Asterisk) -> None:
        self.places, self.sounds = asterisk.places, asterisk.sounds

    async def write_agents(self, _phones: Sequence[tuple[str, str]], _outside: Mapping[str, str] | None = None) -> None:
        pass


class Ear(Worker):
    """A worker that may be deaf for a while."""

    is_deaf = False

    async def on_batch(self, batch: Sequence[Message]) -> None:
        if not self.is_deaf:
            await super().on_batch(batch)


@asynccontextmanager
async def at_work(pbx: Pbx, db: Database) -> AsyncIterator[Ear]:
    """A look every second, and a second one a second later: far more often than anybody sets."""
    db.dispatch = Handlers(lambda at: at).dispatch
    secrets, bus = pbx.asterisk.secrets(), InProcessBus()
    actions = AmiClient(
        host="127.0.0.1", port=pbx.settings.ami_port, user="actions", secret=secrets.actions, name="actions"
    )
    desk = AgentDesk(db, actions.send, bus=bus, settings=pbx.settings)
    work = Ear(
        pbx.settings,
        db=db,
        bus=bus,
        asterisk=cast(Asterisk, NoPhones(pbx.asterisk)),
        desk=desk,
        supervision=SupervisorDesk(db, actions.send),
        ami_secret=secrets.events,
    )
    work.events._time = replace(work.events._time, drift_check=1.0, resync_pause=1.0)
    tasks = [asyncio.create_task(actions.run()), asyncio.create_task(work.run())]
    try:
        await asyncio.wait_for(asyncio.gather(actions.wait_live(), work.live.wait()), 30)
        yield work
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _corrections(db: Database) -> list[tuple[str, str, str]]:
    rows = [row for row in await db.after(0) if row.type == DriftCorrected.__name__]
    return [(row.data["kind"], row.data["subject"], row.data["what"]) for row in rows]


async def _state(db: Database, endpoint: str) -> tuple[str, str | None]:
    async with db.read() as tx:
        agent = await agents.by_endpoint(tx, endpoint)
    assert agent is not None
    return agent.state, agent.reason


async def _calls(db: Database) -> list[Call]:
    async with db.read() as tx:
        return list(await tx.session.scalars(select(Call).order_by(Call.started_at)))


async def test_thirty_calls_are_no_drift_and_what_was_missed_is(new_pbx: NewPbx, db: Database) -> None:
    pbx = await new_pbx(PHONES, lines="12345:40,2912345:1", wrap_up_s=2)
    async with db.write() as tx:
        for endpoint in PHONES:
            await factories.agent(tx, endpoint=endpoint, phone="ok")
    async with at_work(pbx, db) as work, pbx.ami("actions") as actions:
        for phone in PHONES:
            pbx.phone(phone, answer_ms=500)
        await pbx.sign_in(actions, *PHONES)
        await (pbx.calls(30, rate=3, hold_ms=4000)).end(90)

        async def over() -> bool:
            states = [(await _state(db, endpoint))[0] for endpoint in PHONES]
            calls = await _calls(db)
            return len(calls) == 30 and all(call.ended_at for call in calls) and states == ["ready"] * 3

        await until(over, "all calls and wrap-ups are over")
        snapshots = work.events.metrics.snapshots
        assert snapshots >= 10
        assert (await _corrections(db), work.corrections) == ([], 0)

        # Behind our back: one call ends, one begins; one agent pauses, one leaves.
        ends = pbx.calls(1, hold_ms=60000, first_number=13900139000)
        await until(lambda: _talking(db, 1), "it is answered")
        (busy,) = [endpoint for endpoint in PHONES if (await _state(db, endpoint))[0] == "on_call"]
        pauses, leaves = [endpoint for endpoint in PHONES if endpoint != busy]
        work.is_deaf = True
        ends.stop()
        await pbx.asterisk.cli("channel request hangup all")
        await pbx.asterisk.cli(f"queue pause member PJSIP/{pauses} queue hotline reason LUNCH")
        await pbx.asterisk.cli(f"queue remove member PJSIP/{leaves} from hotline")
        pbx.calls(1, hold_ms=60000, first_number=13900139001)
        await until(lambda: _waits(pbx), "the new caller waits")
        await until(lambda: work.events.metrics.queued == 0, "nothing is on its way")
        work.is_deaf = False
        missed = {("call", "ended"), ("call", "adopted"), ("member", "paused"), ("member", "left")}
        await until(lambda: _put_right(db, missed), "what was missed is put right", 20)
        [*_others, old, new] = await _calls(db)
        assert (old.phase, old.outcome, new.phase) == ("ended", "answered", "waiting")
        assert (await _state(db, pauses), await _state(db, leaves)) == (("paused", "LUNCH"), ("offline", None))
        found = set(await _corrections(db))
        assert {
            ("call", old.linkedid, "ended"), ("call", new.linkedid, "adopted"),
            ("member", pauses, "paused"), ("member", leaves, "left"),
        } <= found  # fmt: skip
        # The member whose call ended was paused for its wrap-up meanwhile.
        assert found <= {
            ("call", old.linkedid, "ended"), ("call", new.linkedid, "adopted"), ("call", new.linkedid, "joined"),
            ("member", pauses, "paused"), ("member", leaves, "left"),
            ("member", busy, "ended"), ("member", busy, "paused"),
        }  # fmt: skip
        assert work.corrections == len(await _corrections(db))


async def _talking(db: Database, count: int) -> bool:
    return sum(call.phase == "talking" for call in await _calls(db)) == count


async def _waits(pbx: Pbx) -> bool:
    return "Callers:" in await pbx.asterisk.cli("queue show hotline")


async def _put_right(db: Database, missed: set[tuple[str, str]]) -> bool:
    return missed <= {(kind, what) for kind, _subject, what in await _corrections(db)}
