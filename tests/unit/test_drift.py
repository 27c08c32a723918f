"""What is drift between the tracker's calls and a snapshot, and what is only a message on its way."""

from collections.abc import Sequence

import pytest

from hotline.calls.drift import Drift, names, of_calls
from hotline.calls.tracker import Tracker
from hotline.events import CallEnded, CallEvent, CallStarted
from hotline.telephony import messages as m
from tests import pbx_model as pbx
from tests.pbx_model import NAMES, Pbx, transcript

CALLER, LEG = pbx.trunk(), pbx.phone(state=5)
WAITING = (pbx.begins(0), pbx.offered(0.1), pbx.joins(1))
RINGING = (*WAITING, pbx.calls_agent(2, LEG))
TALKING = (
    *RINGING, pbx.leaves(3), pbx.connects(3, pbx.phone()), pbx.enters(3, pbx.phone()), pbx.enters(3, CALLER),
)  # fmt: skip
OVER = (*TALKING, pbx.hangs_up(9, pbx.phone()), pbx.hangs_up(9, CALLER))


def _after(messages: Sequence[m.Message]) -> Tracker:
    tracker = Tracker("pbx1")
    tracker.boot = pbx.BOOT
    for message in messages:
        tracker.feed(message)
    return tracker


def _found(believed: Sequence[m.Message], true: Sequence[m.Message], behind: Sequence[m.Message] = ()) -> set[Drift]:
    return set(of_calls(_after(believed), Pbx.after(true).snapshot(behind)))


@pytest.mark.parametrize("name", NAMES)
def test_a_tracker_that_heard_all_has_no_drift_at_any_moment(name: str) -> None:
    tracker, truth = _after(()), Pbx()
    for index, message in enumerate(transcript(name)):
        tracker.feed(message)
        truth.tell(message)
        if index % 7:
            continue
        found = of_calls(tracker, truth.snapshot())
        # A channel's first message may come before the one that says whose it is.
        assert not {drift for drift in found if drift.what in {"ended", "unqueued", "left"}}


@pytest.mark.parametrize(
    ("believed", "true", "drift"),
    [
        (TALKING, OVER, {Drift("call", "c1", "ended")}),
        (WAITING, OVER, {Drift("call", "c1", "ended")}),
        ((), WAITING, {Drift("call", "c1", "adopted")}),
        (WAITING[:2], WAITING, {Drift("queue", "c1", "queued")}),
        (WAITING, (*WAITING, pbx.leaves(5)), {Drift("queue", "c1", "unqueued")}),
        (WAITING, RINGING, {Drift("call", "c1", "joined", "p1")}),
        (RINGING, WAITING, {Drift("call", "c1", "left", "p1")}),
        (RINGING, TALKING, {Drift("call", "c1", "joined", "p1")}),
        (TALKING, TALKING, set()),
    ],
)
def test_each_difference_has_its_word(
    believed: Sequence[m.Message], true: Sequence[m.Message], drift: set[Drift]
) -> None:
    assert _found(believed, true) == drift


def test_a_call_whose_message_is_on_its_way_has_not_drifted() -> None:
    assert _found(TALKING, OVER, behind=OVER[len(TALKING) :]) == set()
    assert _found((), WAITING, behind=WAITING) == set()
    other = (pbx.begins(0, "c2"), pbx.offered(0.1, "c2"))
    assert _found(TALKING, OVER, behind=other) == _found(TALKING, OVER)


def test_a_look_changes_nothing() -> None:
    tracker = _after(TALKING)
    of_calls(tracker, Pbx.after(OVER).snapshot())
    assert [call.own for call in tracker.calls] == ["c1"]
    events: list[CallEvent] = [event for message in OVER[len(TALKING) :] for event in tracker.feed(message)]
    assert isinstance(events[-1], CallEnded)


def test_only_what_is_asked_for_is_put_right() -> None:
    tracker = _after((*TALKING, pbx.begins(4, "c2"), pbx.offered(4, "c2")))
    new = pbx.trunk("c3")
    truth = Pbx.after((m.NewChannel(at=pbx.at(5), channel=new),)).snapshot()
    events = tracker.resync(truth, only={"c1"})
    assert {event.linkedid for event in events} == {"c1"}
    assert [call.own for call in tracker.calls] == ["c2"]
    events = tracker.resync(truth, only={"c2", "c3"})
    told = {(type(event), event.linkedid) for event in events}
    assert told == {(CallStarted, "c3"), (CallEnded, "c2")}


def test_whom_messages_are_about() -> None:
    wrap_up = pbx.fact(1, "HLWrapUp", pbx.phone(), hlmember="a1", hluntil="1")
    assert names([pbx.calls_agent(2, LEG)]) == {"c1", "trunk", "p1", "a1"}
    assert names([wrap_up]) == {"p1", "c1", "a1"}
    gone = m.ContactStatus(at=pbx.at(0), endpoint="a2", status="Removed", uri="sip:x")
    device = m.DeviceStateChange(at=pbx.at(0), device="PJSIP/a3", state="UNAVAILABLE")
    assert names([gone, device]) == {"a2", "a3"}
