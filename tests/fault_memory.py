"""Plays a fault plan in memory: Asterisk's state, the connection and our process as far as they decide what is heard.

No socket, no clock, no task: a plan takes milliseconds, so that ten thousand of them can be played. What the client and
its inbox do is done here in their order: messages of a lost connection are lost, a snapshot is taken while others
arrive, those come again behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from hotline.calls import drift
from hotline.calls.tracker import Tracker
from hotline.events import AgentLegEnded, AgentOfferEnded, AgentRang, CallEnded, CallEvent
from hotline.telephony import messages as m
from tests.fault_plans import Fault, FaultPlan, boot_after
from tests.fault_verdict import Heard, Verdict
from tests.pbx_model import Pbx, open_calls, shuffled

_SNAPSHOT_TAKES = timedelta(seconds=0.5)


@dataclass(slots=True)
class _Sync:
    """A snapshot on its way: `channels` and `entries` are listed after so many more messages, it is whole at `size`.

    `is_look`: nothing was lost, we only see whether we agree.
    """

    began: datetime
    size: int
    channels_at: int
    entries_at: int
    is_look: bool
    channels: Pbx | None = None
    entries: Pbx | None = None
    behind: list[m.Message] = field(default_factory=list)
    told: int = 0


class Rows:
    """The log as the store keeps it: an event with a key that it has already is not written."""

    def __init__(self) -> None:
        self.events: list[CallEvent] = []
        self.repeated: list[CallEvent] = []
        self._keys: set[str] = set()

    def write(self, events: Sequence[CallEvent]) -> None:
        for event in events:
            if event.dedupe_key in self._keys:
                self.repeated.append(event)
            else:
                self._keys.add(event.dedupe_key)
                self.events.append(event)

    def known(self) -> tuple[set[str], dict[str, datetime]]:
        """Calls that have ended, and of all the newest sign of where its caller is."""
        last: dict[str, datetime] = {}
        for event in self.events:
            if not isinstance(event, AgentRang | AgentOfferEnded | AgentLegEnded):  # those do not say where they are
                last[event.linkedid] = max(last.get(event.linkedid, event.at), event.at)
        return {event.linkedid for event in self.events if isinstance(event, CallEnded)}, last


class MemoryPlay:
    """One plan from beginning to end. Afterwards `rows` is what we wrote, `tracker` what we think goes on, `heard` what
    we could know; `corrections` is what looks found wrong although nothing was lost.
    """

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.pbx = Pbx()
        self.rows = Rows()
        self.tracker = Tracker("pbx1")
        self.heard = Heard(plan.calls)
        self.restarts = 0
        self.corrections: list[drift.Drift] = []
        self._transit: list[m.Message] = []
        self._session: list[m.Message] = []
        self._lag = self._lag_for = 0
        self._mixed: tuple[int, Random] | None = None
        self._down_for: int | None = 0
        self._sync: _Sync | None = None
        self._is_synced = False
        self._suspects: frozenset[drift.Drift] = frozenset()
        self._look_in: int | None = None

    def run(self) -> "MemoryPlay":
        for message, faults in self.plan.steps:
            for fault in faults:
                self._befalls(fault)
            if message is not None:
                self._tell(message)
        self._settle()
        return self

    # Asterisk

    def _tell(self, message: m.Message) -> None:
        if self._down_for is not None:
            if self._down_for <= 0:
                self._connect(Random(message.at.microsecond))
            else:
                self._down_for -= 1
        if self._sync is not None and message.at - self._sync.began > _SNAPSHOT_TAKES:
            self._finish(self._sync)
        self.pbx.tell(message)
        if self._down_for is not None:
            self.heard.loses(message)
            return
        self._transit.append(message)
        if self._sync is not None:
            self._list(self._sync, message)
        self._deliver()
        if self._look_in is not None:
            self._look_in -= 1
            if self._look_in < 0:
                self._look(Random(message.at.microsecond), 2)

    def _befalls(self, fault: Fault) -> None:
        random = Random(fault.chance)
        match fault.kind:
            case "delay" | "stall":
                self._lag, self._lag_for = fault.size, fault.size * (3 if fault.kind == "delay" else 1)
            case "reorder":
                self._mixed = (fault.size, random)
                self.heard.is_mixed = True
            case "duplicate":
                if self._down_for is None and self._sync is None:
                    self._hand_over(self._session[-fault.size :], again=True)
            case "look":
                self._look(random, fault.size)
            case "cut" | "refuse":
                self._cut(fault.size * (3 if fault.kind == "refuse" else 1))
            case "kill":
                self._cut(fault.size)
                self.tracker, boot = Tracker("pbx1"), self.tracker.boot
                self.tracker.boot = boot
                self.tracker.adopt(open_calls(self.rows.events))
                self._is_synced = False
                self.heard.forgets(*self.rows.known())
            case "restart":
                self._cut(random.choice([0, fault.size]))
                self.restarts += 1
                self.pbx = Pbx(at=self.plan.moment(fault))
                self.heard.restarts(self.pbx.at)

    # The connection

    def _cut(self, down_for: int) -> None:
        self.heard.goes_deaf(self.pbx.at)
        for message in self._transit:
            self.heard.loses(message)
        if self._sync is not None and self._is_synced:  # held for a snapshot that never came: facts too
            self._hand_over(self._sync.behind)
        elif self._sync is not None:
            for message in self._sync.behind:
                self.heard.loses(message)
        self._transit, self._session, self._sync, self._look_in = [], [], None, None
        self._lag = self._lag_for = 0
        self._mixed = None
        self._down_for = down_for

    def _connect(self, random: Random) -> None:
        self._down_for = None
        self._begin_sync(random.choice([0, 0, 1, 2, 4, 7]), random, is_look=False)

    def _look(self, random: Random, size: int) -> None:
        """Unless messages are on their way for long: they would come before Asterisk's answer."""
        self._look_in = None
        if self._down_for is None and self._sync is None and not self._transit:
            self._begin_sync(size, random, is_look=True)

    def _begin_sync(self, size: int, random: Random, *, is_look: bool) -> None:
        first, second = sorted(random.randint(0, size) for _ in range(2))
        self._sync = _Sync(self.pbx.at, size, first, second, is_look)
        self._list(self._sync, None)

    def _list(self, sync: _Sync, message: m.Message | None) -> None:
        """Asterisk lists its channels and its queue while it goes on telling."""
        sync.told += message is not None
        if sync.channels is None and sync.told >= sync.channels_at:
            sync.channels = self.pbx.copy()
        if sync.entries is None and sync.told >= sync.entries_at:
            sync.entries = self.pbx.copy()
        if sync.told >= sync.size:
            self._apply(sync)

    def _finish(self, sync: _Sync) -> None:
        """Its lists are whole before Asterisk has more to tell."""
        sync.size = sync.channels_at = sync.entries_at = 0
        self._list(sync, None)

    def _apply(self, sync: _Sync) -> None:
        """All that is on its way was told before the last list ended, so it arrives before it."""
        assert sync.channels is not None
        assert sync.entries is not None
        sync.behind += self._transit
        self._transit, self._sync = [], None
        boot = boot_after(self.restarts)
        snapshot = sync.channels.snapshot(sync.behind, boot=boot, at=sync.began, queue=sync.entries)
        if sync.is_look:
            self._compare(snapshot)
        else:
            self.heard.sees(snapshot, sync.channels.at)
            self.rows.write(self.tracker.resync(snapshot))
            self._is_synced, self._suspects = True, frozenset()
        self._hand_over(sync.behind)

    def _compare(self, snapshot: m.Snapshot) -> None:
        """As the worker does: what one look finds may be on its way, what two find is wrong and put right."""
        found = drift.of_calls(self.tracker, snapshot)
        sure = found & self._suspects
        self._suspects = found - sure
        self.corrections += sure
        if sure:
            self.rows.write(self.tracker.resync(snapshot, only={one.subject for one in sure}))
        if self._suspects:
            self._look_in = 3

    def _deliver(self) -> None:
        if self._sync is not None:
            return
        if self._mixed is not None:
            size, random = self._mixed
            if len(self._transit) < size:
                return
            self._transit, self._mixed = shuffled(self._transit, random), None
        if self._lag_for > 0:
            self._lag_for -= 1
        ready = max(0, len(self._transit) - (self._lag if self._lag_for > 0 else 0))
        batch, self._transit = self._transit[:ready], self._transit[ready:]
        self._hand_over(batch)

    def _hand_over(self, batch: Sequence[m.Message], *, again: bool = False) -> None:
        if not again:
            self._session += batch
        for message in batch:
            self.heard.hears(message)
            self.rows.write(self.tracker.feed(message))

    def _settle(self) -> None:
        """Asterisk has told everything: what is on its way arrives, and we are connected in the end."""
        self._lag_for, self._mixed = 0, None
        if self._down_for is not None:
            self._connect(Random(0))
        if self._sync is not None:
            self._finish(self._sync)
        self._deliver()


def judged(play: MemoryPlay) -> list[str]:
    """What is not true in the end, in words; empty when all is well."""
    plan = play.plan
    faults = Verdict(play.heard, play.rows.events).judge()
    faults += [f"{call.own} goes on" for call in play.tracker.calls]
    faults += [f"{one.subject} corrected: {one.what}" for one in play.corrections]
    # After a kill a new tracker may say again what the rows have; one alone never says a thing twice.
    if not any(fault.kind == "kill" for fault in plan.faults):
        faults += [f"{event.linkedid} said twice: {event.dedupe_key}" for event in play.rows.repeated]
    return faults
