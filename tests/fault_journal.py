"""Plays a fault plan over a socket with Asterisk's own records beside it, which make good what connections lose.

Then nothing is excused: every call that was is a row, exactly once, with what happened in it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from hotline.calls.history import CLOSE
from hotline.calls.models import Call, CallOffer, JournalCall
from hotline.db import Database
from hotline.events import CallEnded
from hotline.journal import LOST, SETTLING, Journal
from hotline.telephony import messages as m
from tests import pbx_journal
from tests.fault_healed import owner
from tests.fault_plans import Fault, FaultPlan
from tests.fault_sockets import SocketPlay
from tests.pbx_calls import TrueCall
from tests.pbx_model import T0

_LOOKS = 12
# A row that is close to the journal is left as it is; bridges are joined a moment after AgentConnect.
_CLOSE = CLOSE + timedelta(milliseconds=200)
_MS = timedelta(milliseconds=1)


class JournalPlay(SocketPlay):
    """The day's files grow as Asterisk tells; we look at them now and then, and at the end until nothing is left."""

    def __init__(self, plan: FaultPlan, db: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(plan, db, folder, monkeypatch)
        cel = [one for call in plan.calls for one in pbx_journal.cel(call)]
        queue = [one for call in plan.calls for one in pbx_journal.queue_log(call)]
        self._cel = sorted(cel, key=lambda one: one.at, reverse=True)
        self._queue = sorted(queue, key=lambda one: one.at, reverse=True)
        self._booted_at = T0 - timedelta(hours=1)
        self._paths = folder / "cel.csv", folder / "queue_log"
        for path in self._paths:
            path.touch()
        self.journal = self._begin()
        self.looked: Counter[str] = Counter()

    def _begin(self) -> Journal:
        return Journal(
            "pbx1", self.db, cel=self._paths[0], queue_log=self._paths[1],
            is_live=lambda: self.worker is not None and self.worker.live.is_set(),
            started_at=lambda: self._booted_at, reopen=_nothing,
        )  # fmt: skip

    async def _tell(self, message: m.Message, random: Random) -> None:
        await super()._tell(message, random)
        self._write(message.at)
        if random.randrange(_LOOKS) == 0:
            await self.journal.look(self.pbx.at)

    def _write(self, until: datetime) -> None:
        """What Asterisk writes down does not depend on us."""
        with self._paths[0].open("ab") as cel, self._paths[1].open("ab") as queue:
            while self._cel and self._cel[-1].at <= until:
                cel.write(pbx_journal.cel_lines([self._cel.pop()]))
            while self._queue and self._queue[-1].at <= until:
                queue.write(pbx_journal.queue_lines([self._queue.pop()]))

    async def _befalls(self, fault: Fault) -> None:
        await super()._befalls(fault)
        if fault.kind == "restart":
            self._write(self.plan.moment(fault))
            self._booted_at = self.plan.moment(fault) + timedelta(microseconds=1)
        elif fault.kind == "kill":
            self.looked += self.journal.counts
            self.journal = self._begin()

    async def _settle(self) -> None:
        await super()._settle()
        self._write(self.pbx.at)
        for later in (timedelta(), SETTLING, LOST, 2 * LOST):
            while await self.journal.look(self.pbx.at + later):
                pass
        self.looked += self.journal.counts
        # Again from the beginning, as after a store that was put back: nothing may change.
        before = await self.db.last_seq()
        self.journal = self._begin()
        while await self.journal.look(self.pbx.at + 3 * LOST):
            pass
        assert await self.db.last_seq() == before, "imported twice"


async def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Row:
    call: Call
    offers: Sequence[CallOffer]
    agent: str | None


async def judged(play: JournalPlay) -> list[str]:
    """What is not as it was, in words."""
    async with play.db.read() as tx:
        offers = list(await tx.session.scalars(select(CallOffer)))
        journal = {(one.source, one.linkedid): one for one in await tx.session.scalars(select(JournalCall))}
    faults: list[str] = []
    calls = {call.name: call for call in play.plan.calls if call.was}
    faults += [f"{name} never was" for name in play.calls.keys() - calls.keys()]
    ends = Counter(event.linkedid for event in play.events if isinstance(event, CallEnded))
    for name, call in calls.items():
        row = play.calls.get(name)
        if row is None:
            faults.append(f"{name} is not known")
            continue
        mine = [one for one in offers if one.call_id == row.id]
        own = [event for event in play.events if event.linkedid == name]
        faults += [f"{name} {wrong}" for wrong in _differences(call, _Row(row, mine, owner(own)))]
        faults += [f"{name} ended {ends[name]} times"] * (ends[name] != 1)
        for source in ("cel", "queue_log"):
            kept = journal.get((source, name))
            said = (kept.line, kept.outcome, kept.hangup_by) if kept is not None else None
            if source == "queue_log" and not pbx_journal.queue_log(call):
                continue  # Asterisk died before the dialplan's first word
            if said not in {(call.line, call.outcome, by) for by in call.ended_by}:
                faults.append(f"{name} {source}: {said}, wanted {(call.line, call.outcome, call.ended_by)}")
    return faults


def _differences(call: TrueCall, row: _Row) -> list[str]:
    ours = row.call
    found: list[str] = []

    def expect(what: str, got: object, wanted: object, is_right: bool) -> None:
        if not is_right:
            found.append(f"{what}: {got}, wanted {wanted}")

    for what, got, wanted in (
        ("line", ours.line, call.line), ("number", ours.caller_number, call.number), ("phase", ours.phase, "ended"),
        ("outcome", ours.outcome, call.outcome),
    ):  # fmt: skip
        expect(what, got, wanted, got == wanted)
    expect("hangup_by", ours.hangup_by, call.ended_by, ours.hangup_by in call.ended_by)
    if call.is_cut:
        return found  # how far it had come is known as well as Asterisk had written it down
    expect("agent", row.agent, call.agent, row.agent == call.agent)
    rings, true = {one.leg: one.result for one in row.offers}, {ring.leg: ring.result for ring in call.rings}
    # A ring that a snapshot found gone, a moment after it was missed, stays withdrawn: nobody is blamed for a guess.
    guessed = {leg for leg, result in rings.items() if (result, true.get(leg)) == ("withdrawn", "missed")}
    expect("rings", rings, true, rings | dict.fromkeys(guessed, "missed") == true and len(rings) == len(row.offers))
    for what, mine, theirs in (
        ("started", ours.started_at, call.started_at), ("ended", ours.ended_at, call.ended_at),
        ("queued", ours.queued_at, call.queued[0] if call.queued else None),
        ("answered", ours.answered_at, call.answered_at),
    ):  # fmt: skip
        expect(
            what,
            mine,
            theirs,
            mine is theirs or (mine is not None and theirs is not None and abs(mine - theirs) <= _CLOSE),
        )
    for what, ms, span in (("talk", ours.talk_ms, call.talk), ("wait", ours.wait_ms, call.wait)):
        expect(what, ms, span, ms is span or (ms is not None and span is not None and abs(ms * _MS - span) <= _CLOSE))
    return found
