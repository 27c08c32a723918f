"""Plays a fault plan over a socket: a fake Asterisk on one side, on the other the real client, worker and store.

The same plans as tests.fault_memory plays, with bytes: a cut is in the middle of an event, a login is refused by a
reply, what a list says is what Asterisk has at that moment. Time is the day's own. Afterwards `events` is our log.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Self, cast

import pytest
from sqlalchemy import select

from hotline.agents.commands import AgentDesk
from hotline.agents.supervision import SupervisorDesk
from hotline.bus import InProcessBus
from hotline.calls.models import Call
from hotline.calls.record import fold, seconds
from hotline.clock import iso
from hotline.db import Database
from hotline.events import CallEvent, CallStarted, DriftCorrected, revive
from hotline.settings import Settings
from hotline.telephony import client
from hotline.telephony import messages as m
from hotline.telephony.asterisk import Asterisk
from hotline.worker import Worker
from tests.ami_clients import FAST
from tests.ami_wire import lists, wire
from tests.fake_asterisk import SECRET, FakeAsterisk, Plan, channel_event
from tests.fault_plans import Fault, FaultPlan, boot_after
from tests.fault_verdict import Heard, Verdict
from tests.pbx_model import Pbx, channels_of, shuffled

_SOON = 20.0
_AT_ONCE = 8
_LAST_WORD = "pbx1-1.1"
"""A channel that is in no made-up call."""


class _Nobody:
    """The agents' desk and Asterisk's files: not of interest here."""

    async def react(self) -> None:
        pass

    async def restore(self, wishes: object) -> None:
        pass


class _Ear(Worker):
    """A worker of which we know what it was told. `last_word`: that all of the day has come."""

    play: "SocketPlay"

    async def on_batch(self, batch: Sequence[m.Message]) -> None:
        await super().on_batch(batch)
        for message in batch:
            if isinstance(message, m.Hold) and message.channel.uniqueid == _LAST_WORD:
                self.play.last_word.set()
            elif channels_of(message):
                self.play.heard.hears(message)
                self.play.reached.add(_key(message))

    async def on_snapshot(self, snapshot: m.Snapshot) -> None:
        was_live = self.live.is_set()
        await super().on_snapshot(snapshot)
        if not was_live:
            self.play.heard.sees(snapshot, self.play.pbx.at)


class SocketPlay:
    """One plan from beginning to end. `db`: an empty store with its handlers.

    `pbx`: what Asterisk has; `shown`: what it would list now. What is late is late in both: Asterisk sends what it told
    before it answers (telephony.md, B4).
    """

    def __init__(self, plan: FaultPlan, db: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plan, self.db, self.folder = plan, db, folder
        self.pbx, self.shown, self.restarts = Pbx(), Pbx(), 0
        self.heard = Heard(plan.calls)
        self.script = Plan(lists=lists(lambda: self.shown), boot=_boot(0))
        self.ami = FakeAsterisk(self.script)
        self.worker: _Ear | None = None
        self._task: asyncio.Task[None] | None = None
        self.reached: set[tuple[object, ...]] = set()
        self.last_word = asyncio.Event()
        self.corrections: list[DriftCorrected] = []
        self._told: list[m.Message] = []
        self._sent: deque[m.Message] = deque(maxlen=80)
        self._waiting: list[m.Message] = []
        self._hold_for = self._away_for = 0
        self._mix: Random | None = None
        monkeypatch.setattr(client, "now", lambda: self.pbx.at)

    async def run(self) -> Self:
        async with self.ami, asyncio.timeout(_SOON):
            await self._start()
            await self._until_live()
            for step, (message, faults) in enumerate(self.plan.steps):
                for fault in faults:
                    await self._befalls(fault)
                if message is not None:
                    await self._tell(message, Random(step))
            await self._settle()
            await self._stop()
        await self._read()
        return self

    # Our side

    async def _start(self) -> None:
        settings = Settings(data_dir=self.folder, ami_port=self.ami.port)
        nobody = _Nobody()
        self.worker = _Ear(
            settings, db=self.db, bus=InProcessBus(), asterisk=cast(Asterisk, nobody),
            desk=cast(AgentDesk, nobody), supervision=cast(SupervisorDesk, nobody), ami_secret=SECRET,
        )  # fmt: skip
        self.worker.play = self
        self.worker.events._time = FAST
        self._task = asyncio.create_task(self.worker.events.run())

    async def _stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _until_live(self) -> None:
        assert self.worker is not None
        await self.worker.live.wait()

    async def _kill(self) -> None:
        """What is not in the store is forgotten."""
        await self._stop()
        async with self.db.read() as tx:
            rows = list(await tx.session.scalars(select(Call)))
        last = {row.linkedid: _newest(row) for row in rows}
        self.heard.forgets({row.linkedid for row in rows if row.ended_at is not None}, last)
        await self._start()

    # Asterisk's side

    @property
    def _is_up(self) -> bool:
        return self.ami.logged_in.is_set()

    async def _tell(self, message: m.Message, random: Random) -> None:
        if self._away_for > 0:
            self._away_for -= 1
            if self._away_for == 0:
                await self._return()
        self.pbx.tell(message)
        self._told.append(message)
        if self._is_up:
            self._waiting.append(message)
            self._hold_for -= 1
            if self._hold_for <= 0:
                await self._flush()
        else:
            self.shown.tell(message)
        if random.randrange(_AT_ONCE) == 0:
            await asyncio.sleep(0)

    async def _flush(self) -> None:
        batch, self._waiting = self._waiting, []
        if self._mix is not None:
            batch, self._mix = shuffled(batch, self._mix), None
        self._sent += batch
        for message in batch:
            self.shown.tell(message)
        with suppress(ConnectionError):
            await self.ami.play(b"".join(map(wire, batch)))

    async def _befalls(self, fault: Fault) -> None:
        random = Random(fault.chance)
        match fault.kind:
            case "delay" | "stall":
                self._hold_for = fault.size
            case "reorder":
                self._hold_for, self._mix = fault.size, random
                self.heard.is_mixed = True
            case "duplicate" if self._is_up and not self._waiting:
                with suppress(ConnectionError):
                    await self.ami.play(b"".join(map(wire, list(self._sent)[-fault.size :])))
            case "look":
                assert self.worker is not None
                self.worker.events.resync()
            case "cut":
                await self._cut(fault, random)
            case "refuse":
                await self._cut(fault, random, login="refuse")
            case "kill":
                await self._cut(fault, random)
                await self._kill()
            case "restart":
                await self._cut(fault, random)
                self.restarts += 1
                self.pbx, self.shown = Pbx(at=self.plan.moment(fault)), Pbx(at=self.plan.moment(fault))
                self.script.boot = _boot(self.restarts)
                self.heard.restarts(self.pbx.at)

    async def _cut(self, fault: Fault, random: Random, login: str = "stall") -> None:
        """In the middle of an event; until we are let in again, so many messages pass."""
        if self._is_up:
            half = b"".join(map(wire, self._waiting)) or b"Event: Hangup\r\nChan"
            self.script.cut_at = self.ami.peer.bytes_sent + random.randrange(1, len(half))
            with suppress(ConnectionError):
                await self.ami.play(half)
        self.script.cut_at = None
        self.script.login = "refuse" if login == "refuse" else "stall"
        self.ami.logged_in.clear()
        self._waiting, self._hold_for, self._mix = [], 0, None
        self.shown = self.pbx.copy()
        self._sent.clear()
        self._away_for = max(self._away_for, fault.size)

    async def _return(self) -> None:
        self.script.login = "accept"
        self.ami.drop()  # whoever still waits at the door comes again
        await self.ami.logged_in.wait()

    async def _settle(self) -> None:
        if self._away_for > 0:
            await self._return()
        await self._until_live()
        await self._flush()
        last = channel_event("Hold", self.pbx.at.timestamp(), _LAST_WORD)
        await self.ami.play(last)
        await self.last_word.wait()
        for message in self._told:
            if _key(message) not in self.reached:
                self.heard.loses(message)

    # What came of it

    async def _read(self) -> None:
        async with self.db.read() as tx:
            self.calls = {row.linkedid: row for row in await tx.session.scalars(select(Call))}
        self.events: list[CallEvent] = []
        for row in await self.db.after(0, 100_000):
            event = revive(row.type, row.at, row.dedupe_key, row.data)
            if isinstance(event, CallStarted):
                event = replace(event, caller_number=self.calls[event.linkedid].caller_number)
            if isinstance(event, CallEvent):
                self.events.append(event)
            elif isinstance(event, DriftCorrected):
                self.corrections.append(event)


async def judged(play: SocketPlay) -> list[str]:
    """What is not true in the end, in words: neither in the log nor in the rows that were written with it."""
    faults = Verdict(play.heard, play.events).judge()
    for record in fold(play.events):
        row = play.calls[record.linkedid]
        ours = (record.line, record.outcome, record.hangup_by, record.ended_at, record.talk_s)
        rows = (row.line, row.outcome, row.hangup_by, row.ended_at and iso(row.ended_at), seconds(row.talk_ms))
        if ours != rows or row.phase != "ended":
            faults.append(f"{record.linkedid} row: {row.phase} {rows}, log: {ours}")
    return faults + [f"{one.subject} corrected: {one.what}" for one in play.corrections]


def _key(message: m.Message) -> tuple[object, ...]:
    return (type(message), message.at, *(channel.uniqueid for channel in channels_of(message)))


def _boot(restarts: int) -> tuple[str, str]:
    date, _, time = boot_after(restarts).partition("T")
    return date, time


def _newest(row: Call) -> datetime:
    return max(filter(None, (row.started_at, row.queued_at, row.answered_at)))
