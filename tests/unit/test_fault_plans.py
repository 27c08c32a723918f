"""Whatever goes wrong between Asterisk and us, what we say of its calls in the end is what happened.

A fixed sample of plans; `script/bench faults` plays ten thousand others, and one again by its seed.
"""

from random import Random

import pytest

from hotline.calls.record import fold
from hotline.calls.tracker import Tracker
from hotline.events import CallEvent
from hotline.telephony import messages as m
from tests import fault_healed, fault_memory
from tests.fault_memory import MemoryPlay, judged
from tests.fault_plans import KINDS, FaultPlan, Kind
from tests.pbx_calls import Day, stream

SAMPLE = 150


def _judged(plan: FaultPlan) -> list[str]:
    """What is not true after the faults, and what is not exact after Asterisk's own records were read."""
    play = MemoryPlay(plan).run()
    return judged(play) + fault_healed.judged(play)


def test_without_faults_every_call_of_a_day_is_told_as_it_was() -> None:
    day = Day(Random(1), 60)
    tracker = Tracker("pbx1")
    records = fold(event for message in day.stream for event in tracker.feed(message))
    told = [(r.linkedid, r.line, r.caller_number, r.outcome, r.agent, r.talk_s) for r in records]
    true = [
        (c.name, c.line, c.number, c.outcome, c.agent, None if c.talk is None else _seconds(c.talk)) for c in day.calls
    ]
    assert sorted(told) == sorted(true)
    by = {r.linkedid: r.hangup_by for r in records}
    assert [c.name for c in day.calls if by[c.name] not in c.ended_by] == []
    assert (tracker.calls, tracker.unexpected) == ((), {})


def _seconds(talk: object) -> float:
    return round(talk.total_seconds() * 1000) / 1000  # type: ignore[attr-defined]


@pytest.mark.parametrize("tens", range(SAMPLE // 10))
def test_the_end_of_every_plan_is_the_truth(tens: int) -> None:
    plans = [FaultPlan.random(tens * 10 + one) for one in range(10)]
    assert {str(plan): faults for plan in plans if (faults := _judged(plan))} == {}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_alone(kind: Kind) -> None:
    plans = [FaultPlan.random(seed, kinds=[kind]) for seed in range(6)]
    assert {str(plan): faults for plan in plans if (faults := _judged(plan))} == {}


def test_a_plan_is_made_again_from_its_seed() -> None:
    one, again = FaultPlan.random(7), FaultPlan.random(7)
    assert (str(one), one.faults, stream(one.calls)) == (str(again), again.faults, stream(again.calls))
    assert {fault.kind for seed in range(50) for fault in FaultPlan.random(seed).faults} == set(KINDS)


def test_a_call_that_asterisk_did_not_survive_is_cut_off_in_the_truth() -> None:
    day = Day(Random(2), 40)
    talked = next(
        call for call in day.calls if len(call.answers) == 1 and call.outcome == "answered" and not call.is_moved
    )
    [ring] = talked.answers
    assert ring.answered_at is not None
    middle = ring.answered_at + (talked.ended_at - ring.answered_at) / 2
    cut = talked.cut_off(middle)
    assert (cut.outcome, cut.hangup_by, cut.ended_at, cut.agent) == ("failed", "system", middle, ring.member)
    assert (cut.messages, cut.talk) == ([one for one in talked.messages if one.at <= middle], middle - ring.answered_at)


class _Deaf(Tracker):
    """One that never hears a caller leave the queue, and takes each call's end as it comes."""

    def _on_leave(self, message: m.QueueCallerLeave) -> list[CallEvent]:
        return []


def test_a_tracker_that_hears_less_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_memory, "Tracker", _Deaf)
    assert any(judged(MemoryPlay(FaultPlan.random(seed)).run()) for seed in range(20))
