"""What goes wrong between Asterisk and us, as a plan made from a seed: faults at places of a made-up day's stream.

A plan is data. tests.fault_memory plays it at once and without a socket; tests.fault_sockets plays it through
tests.fake_asterisk to the real client, worker and store. Both then ask tests.fault_verdict whether what the hotline
says is what happened. One number makes the whole plan again: `FaultPlan.random(seed)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from random import Random
from typing import Literal

from hotline.telephony import messages as m
from tests.pbx_calls import Day, TrueCall
from tests.pbx_model import T0

Kind = Literal["delay", "cut", "duplicate", "reorder", "stall", "look", "restart", "refuse", "kill"]
KINDS: tuple[Kind, ...] = ("delay", "cut", "duplicate", "reorder", "stall", "look", "restart", "refuse", "kill")
_MOST = 6


@dataclass(frozen=True, slots=True)
class Fault:
    """`at`: before which message of the stream. `size`: over how many messages. `chance`: of all that it leaves open.

    delay: so many messages are always on their way. cut: the connection ends in the middle of a message, and we are
    back after so many. duplicate: the last ones come again. reorder: the next ones come in another order, each
    channel's own kept. stall: nothing comes, then all at once; look: we take a snapshot though nothing is wrong, which
    takes that long. restart: Asterisk dies and starts anew; all its calls are over. refuse: cut, and the login is
    refused at first. kill: our process dies and starts again from its rows.
    """

    kind: Kind
    at: int
    size: int
    chance: int

    def __str__(self) -> str:
        return f"{self.kind}@{self.at}+{self.size}"


@dataclass(frozen=True)
class FaultPlan:
    """A day and what goes wrong in it, in order."""

    seed: int
    day: Day
    faults: tuple[Fault, ...]

    @classmethod
    def random(cls, seed: int, *, calls: int = 6, kinds: Sequence[Kind] = KINDS) -> "FaultPlan":
        random = Random(seed)
        day = Day(random, random.randint(1, calls))
        times = [message.at for message in day.stream]
        faults = []
        for _ in range(random.randint(1, _MOST)):
            at = random.randrange(len(times))
            while at and times[at] == times[at - 1]:
                at -= 1  # Asterisk dies between two moments
            faults.append(Fault(random.choice(kinds), at, _size(random), random.getrandbits(32)))
        return cls(seed, day, tuple(sorted(faults, key=lambda fault: fault.at)))

    def __str__(self) -> str:
        return f"seed {self.seed}: {len(self.day.calls)} calls, {' '.join(map(str, self.faults))}"

    @cached_property
    def calls(self) -> list[TrueCall]:
        """The truth: each call, cut off where Asterisk died."""
        calls = self.day.calls
        for fault in self.faults:
            if fault.kind == "restart":
                died = self.moment(fault)
                calls = [
                    call.cut_off(died) if call.messages[:1] and call.messages[0].at <= died else call for call in calls
                ]
        return calls

    def moment(self, fault: Fault) -> datetime:
        """When it happens: with the last message before it."""
        return self._whole[fault.at - 1].at if fault.at else T0

    @cached_property
    def _whole(self) -> list[m.Message]:
        return self.day.stream

    @cached_property
    def steps(self) -> list[tuple[m.Message | None, list[Fault]]]:
        """Each message that Asterisk lives to tell, with the faults before it; the last one stands for the end."""
        told = {id(message) for call in self.calls for message in call.messages}
        steps: list[tuple[m.Message | None, list[Fault]]] = []
        waiting: list[Fault] = []
        faults = list(self.faults)
        for index, message in enumerate(self._whole):
            while faults and faults[0].at <= index:
                waiting.append(faults.pop(0))
            if id(message) in told:
                steps.append((message, waiting))
                waiting = []
        return [*steps, (None, waiting + faults)]

    def without(self, index: int) -> "FaultPlan":
        """To find out which of its faults matter."""
        return replace(self, faults=self.faults[:index] + self.faults[index + 1 :])


def _size(random: Random) -> int:
    """Mostly a few messages, now and then many."""
    return random.choice([1, 2, 3, 5, 8, 13, 21, 40, 80])


def boot_after(restarts: int) -> str:
    """Asterisk's start, as it says: another one after each restart."""
    return f"2026-05-11T09:{restarts:02}:00"
