"""Scenes of the call tracker that faults bring about: what was told twice, late, or not at all, and what of it is news.

Each was found by a fault plan (tests/fault_plans.py) and is told here as short as it can be.
"""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from hotline.calls.record import fold
from hotline.calls.tracker import Tracker
from hotline.events import CallEnded, CallEvent, CallQueued, CallStarted
from hotline.telephony import messages as m
from tests import pbx_model as pbx
from tests.pbx_model import Pbx, open_calls

CALLER, LEG = pbx.trunk(), pbx.phone()
RINGS = [pbx.begins(0), pbx.offered(0.1), pbx.joins(10), pbx.calls_agent(10.1, LEG)]
TALKS = [pbx.leaves(12), pbx.connects(12.1, LEG), pbx.enters(12.2, LEG), pbx.enters(12.2, CALLER)]
LOST = [pbx.exits(20, LEG), pbx.exits(20, CALLER), pbx.hangs_up(20.1, LEG, 38)]
EMPTY = m.Snapshot(pbx.at(60), pbx.BOOT, (), (), (), {})


def _feed(tracker: Tracker, messages: Iterable[m.Message]) -> list[CallEvent]:
    return [event for message in messages for event in tracker.feed(message)]


def _end(events: Iterable[CallEvent]) -> CallEnded:
    [end] = [event for event in events if isinstance(event, CallEnded)]
    return end


def test_a_caller_who_waits_again_is_told_before_the_lost_phone_is() -> None:
    """Join is on the caller's channel, the end of the talk on the phone's: either may come first."""
    tracker = Tracker("pbx1")
    events = _feed(tracker, [*RINGS, *TALKS, pbx.joins(22), *LOST, pbx.leaves(30), pbx.hangs_up(30, CALLER)])
    assert [event.at for event in events if isinstance(event, CallQueued)] == [pbx.at(10), pbx.at(22)]
    end = _end(events)
    assert (end.outcome, end.talk_ms) == ("abandoned", 7900)


def test_leaving_the_queue_told_after_the_answer_was_seen_takes_nothing_back() -> None:
    """A snapshot shows the two in talk before the messages of it arrive; then Asterisk says no more of the call."""
    tracker = Tracker("pbx1")
    events = _feed(tracker, RINGS)
    events += tracker.resync(Pbx.after([*RINGS, *TALKS]).snapshot(TALKS))
    events += _feed(tracker, TALKS)
    events += tracker.resync(EMPTY)
    assert _end(events).outcome == "answered"


def test_what_is_told_again_of_the_first_wait_does_not_end_the_second() -> None:
    tracker = Tracker("pbx1")
    story = [*RINGS, *TALKS, *LOST, pbx.joins(22)]
    events = _feed(tracker, story)
    assert _feed(tracker, story) == []
    assert sum(isinstance(event, CallQueued) for event in events) == 2
    [call] = tracker.calls
    assert call.waits_since == pbx.at(22)


def test_what_is_told_again_of_a_wait_that_is_over_does_not_begin_it_anew() -> None:
    tracker = Tracker("pbx1")
    story = [pbx.begins(0), pbx.offered(0.1), pbx.joins(10), pbx.leaves(20)]
    _feed(tracker, story)
    assert _feed(tracker, story[2:3]) == []


@pytest.mark.parametrize(
    ("context", "exten", "outcome"), [("hl-recorder", "record", "voicemail"), ("hl-recorder", "nobody", "abandoned")]
)
def test_a_caller_whom_a_snapshot_shows_at_the_recorder(context: str, exten: str, outcome: str) -> None:
    tracker = Tracker("pbx1")
    story = [pbx.begins(0), pbx.offered(0.1), pbx.joins(10), pbx.leaves(20)]
    events = _feed(tracker, story)
    there = Pbx.after(story)
    there.channels["c1"] = replace(CALLER, context=context, exten=exten)
    events += tracker.resync(there.snapshot())
    events += tracker.resync(EMPTY)
    assert _end(events).outcome == outcome


def test_a_caller_who_was_met_just_out_of_the_queue_waits_no_more_when_the_recorder_runs() -> None:
    """Our process was away while they left the queue: rows say that they wait, the snapshot has them in hl-open."""
    before = _feed(Tracker("pbx1"), [pbx.begins(0), pbx.offered(0.1), pbx.joins(10)])
    tracker = Tracker("pbx1")
    tracker.adopt(open_calls(before))
    there = Pbx.after([pbx.begins(0), pbx.offered(0.1), pbx.joins(10), pbx.leaves(20)])
    there.channels["c1"] = replace(CALLER, context="hl-open")
    tracker.resync(there.snapshot())
    _feed(tracker, [pbx.fact(22, "HLRecording", CALLER, hlkind="voicemail", hlfile="v.wav")])
    [call] = tracker.calls
    assert call.waits_since is None


@pytest.mark.parametrize(
    "story",
    [
        RINGS,
        RINGS[:2],
        [*RINGS, *TALKS],
        [*RINGS, *TALKS, *LOST, pbx.joins(22)],
        [*RINGS[:2], pbx.fact(9, "HLRecording", hlkind="voicemail", hlfile="v.wav")],
    ],
)
def test_a_call_in_which_asterisk_died_has_failed_and_nobody_knows_how_long_it_went_on(story: list[m.Message]) -> None:
    tracker = Tracker("pbx1")
    tracker.boot = pbx.BOOT
    events = _feed(tracker, story)
    end = _end(events + tracker.resync(replace(EMPTY, boot="2026-11-24T12:00:00")))
    assert (end.outcome, end.hangup_by, end.talk_ms, end.wait_ms) == ("failed", "system", None, None)


def test_what_the_dialplan_had_said_before_asterisk_died_stands() -> None:
    tracker = Tracker("pbx1")
    tracker.boot = pbx.BOOT
    events = _feed(tracker, [*RINGS, *TALKS, pbx.outcome(20, "answered", "agent")])
    end = _end(events + tracker.resync(replace(EMPTY, boot="2026-11-24T12:00:00")))
    assert (end.outcome, end.hangup_by) == ("answered", "agent")


def test_a_caller_of_our_rows_whose_end_is_on_its_way_ends_as_it_says() -> None:
    """Our process was away while the phone stopped ringing; the caller's own end came while the snapshot was taken."""
    before = _feed(Tracker("pbx1"), RINGS)
    tracker = Tracker("pbx1")
    tracker.adopt(open_calls(before))
    behind = [pbx.outcome(60.1, "abandoned"), pbx.hangs_up(60.2, CALLER)]
    events = tracker.resync(replace(EMPTY, behind=tuple(behind))) + _feed(tracker, behind)
    end = _end(events)
    assert (end.at, end.outcome, end.hangup_by) == (pbx.at(60.2), "abandoned", "caller")


def test_a_caller_of_our_rows_who_vanished_in_the_greeting_gave_up() -> None:
    tracker = Tracker("pbx1")
    tracker.adopt(open_calls(_feed(Tracker("pbx1"), RINGS[:2])))
    assert _end(tracker.resync(EMPTY)).outcome == "abandoned"


def test_a_caller_of_our_rows_who_was_refused_is_blocked() -> None:
    tracker = Tracker("pbx1")
    tracker.adopt(open_calls(_feed(Tracker("pbx1"), RINGS[:2])))
    refused = pbx.hangs_up(0.2, pbx.trunk(state=4, context="hl-line"), 17)
    events = tracker.resync(replace(EMPTY, at=pbx.at(0.15), behind=(refused,))) + tracker.feed(refused)
    assert _end(events).outcome == "blocked"


def test_the_last_words_of_a_phone_do_not_hide_its_caller() -> None:
    """All that reaches us of a call is its very end, the phone's first."""
    tracker = Tracker("pbx1")
    tail = [pbx.hangs_up(30, LEG), pbx.outcome(30.1, "abandoned"), pbx.hangs_up(30.1, CALLER)]
    events = _feed(tracker, tail)
    assert [type(event) for event in events] == [CallStarted, CallEnded]
    assert fold(events)[0].outcome == "abandoned"


def test_a_caller_whose_agents_phone_died_waits_from_then_on_also_while_no_phone_can_be_reached() -> None:
    """The queue takes nobody in as long as every phone is away: the dialplan says that they wait, and then it does."""
    tracker = Tracker("pbx1")
    again = pbx.fact(20.2, "HLAgain", CALLER, hlqueue="hotline")
    events = _feed(tracker, [*RINGS, *TALKS, *LOST, again, again, pbx.joins(24), pbx.leaves(30)])
    assert _feed(tracker, [again]) == []
    events += _feed(tracker, [pbx.hangs_up(30, CALLER)])
    queued = [(event.at, event.queue) for event in events if isinstance(event, CallQueued)]
    assert queued == [(pbx.at(10), "hotline"), (pbx.at(20.2), "hotline")]
    end = _end(events)
    assert (end.outcome, end.talk_ms) == ("abandoned", 7900)
