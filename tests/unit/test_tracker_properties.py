"""What holds for the call tracker whatever happens: over all transcripts, with messages cut, lost, repeated, shuffled.

Invariants, after any prefix: a call starts once, before all else of it, and ends at most once, after all else; an
agent's leg rings once, before it is answered, missed or over; who leaves had answered; no two events have one key; no
duration is negative; the outcome is one that we have a word for.
"""

import os
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotline.calls.record import CallRecord, fold
from hotline.calls.tracker import OUTCOMES, Tracker
from hotline.events import (
    CallAnswered,
    CallAside,
    CallEnded,
    CallEvent,
    CallQueued,
    CallRejoined,
    CallStarted,
    CallTransferred,
    LegAside,
    LegHeld,
    LegRejoined,
    LegResumed,
)
from hotline.telephony import messages as m
from hotline.telephony.parser import Parser
from tests import pbx_model as pbx
from tests.pbx_model import JOURNAL, MOVES, NAMES, TRANSCRIPTS, Pbx, transcript

ALL = [*NAMES, *MOVES]
names = st.sampled_from(ALL)
ONES = [name for name in ALL if not name.startswith(("outbound", "supervised-in", "taken-over", "parking", "picked"))]
"""Of one call that came in, whose every message names it. A call that an agent makes begins with a word of the
dialplan, not with a channel; a leg with a name of its own belongs to a call only once it has joined it.
"""
ones = st.sampled_from(ONES)
seeds = st.integers(0, 2**32)
A_SNAPSHOT_TAKES = timedelta(seconds=0.5)
EVERY = int(os.environ.get("HOTLINE_TEST_CUTS", "4"))
"""A capture of a movement is cut at each such message, from another first one in each; the transcripts at all."""
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def _cuts(name: str) -> range:
    step = EVERY if name in MOVES else 1
    return range(MOVES.index(name) % step if name in MOVES else 0, len(transcript(name)) + 1, step)


def _feed(tracker: Tracker, messages: Iterable[m.Message]) -> list[CallEvent]:
    return [event for message in messages for event in tracker.feed(message)]


def _run(messages: Iterable[m.Message]) -> list[CallEvent]:
    return _feed(Tracker("pbx1"), messages)


def _keys(events: Iterable[CallEvent]) -> list[str]:
    return [event.dedupe_key for event in events]


def _records(events: Iterable[CallEvent]) -> dict[str, CallRecord]:
    return {record.linkedid: record for record in fold(events)}


def _check(events: Sequence[CallEvent]) -> None:
    """The invariants."""
    assert len(set(_keys(events))) == len(events)
    started: set[str] = set()
    ended: set[str] = set()
    legs: dict[str, list[str]] = {}
    for event in events:
        kind = type(event).__name__
        assert event.linkedid not in ended, f"{kind} of an ended call"
        assert (event.linkedid in started) != isinstance(event, CallStarted), f"{kind} out of its place"
        started.add(event.linkedid)
        if isinstance(event, CallEnded):
            ended.add(event.linkedid)
            assert event.outcome in OUTCOMES
            assert min(event.talk_ms or 0, event.wait_ms or 0) >= 0
        if isinstance(event, CallAnswered):
            assert event.wait_ms >= 0
        if (leg := getattr(event, "leg", "")) and not isinstance(
            event, CallTransferred | LegAside | LegHeld | LegRejoined | LegResumed
        ):
            legs.setdefault(leg, []).append(kind)
        if isinstance(event, CallTransferred | LegAside | LegHeld | LegRejoined | LegResumed) and leg:
            assert {"CallAnswered", "PartyAnswered"} & set(legs.get(leg, ())), f"{kind} of a leg that never talked"
    for story in legs.values():
        assert tuple(story) in _STORIES, story


_STORIES = {
    ("AgentRang",),
    ("AgentRang", "AgentMissed"),
    ("AgentRang", "AgentOfferEnded"),
    ("AgentRang", "CallAnswered"),
    ("AgentRang", "CallAnswered", "AgentLegEnded"),
    ("PartyRang",),
    ("PartyRang", "PartyLeft"),
    ("PartyRang", "PartyAnswered"),
    ("PartyRang", "PartyAnswered", "PartyLeft"),
}


def _all_over(events: Sequence[CallEvent], tracker: Tracker) -> None:
    counts = Counter(type(event).__name__ for event in events)
    assert counts["CallStarted"] == counts["CallEnded"]
    assert counts["AgentRang"] == counts["AgentMissed"] + counts["AgentOfferEnded"] + counts["AgentLegEnded"]
    assert tracker.calls == ()


@pytest.mark.parametrize("name", [*ALL, "mixed"])
def test_any_prefix_keeps_the_invariants(name: str) -> None:
    tracker = Tracker("pbx1")
    events = _feed(tracker, transcript(name))
    _check(events)  # of the whole, which says it of every prefix: each event is checked against those before it
    _all_over(events, tracker)


@pytest.mark.parametrize("name", ALL)
def test_an_empty_snapshot_ends_all_calls_at_any_cut(name: str) -> None:
    messages = transcript(name)
    for cut in _cuts(name):
        tracker = Tracker("pbx1")
        events = _feed(tracker, messages[:cut])
        events += tracker.resync(m.Snapshot(Pbx.after(messages[:cut]).at, pbx.BOOT, (), (), (), {}))
        _check(events)
        _all_over(events, tracker)


@pytest.mark.parametrize("name", [*ALL, "mixed"])
def test_replayed_twice_is_once(name: str) -> None:
    messages, tracker = transcript(name), Tracker("pbx1")
    first = _feed(tracker, messages)
    assert _feed(tracker, messages) == []
    assert _run(messages) == first


@given(names, st.lists(st.integers(1, 3000), min_size=1, max_size=6))
@few
def test_any_split_of_the_bytes_is_the_same(name: str, sizes: list[int]) -> None:
    folder = JOURNAL if name in MOVES else TRANSCRIPTS
    data, parser, tracker = (folder / f"{name}.ami").read_bytes(), Parser(), Tracker("pbx1")
    events: list[CallEvent] = []
    start = turn = 0
    while start < len(data):
        size = sizes[turn % len(sizes)] + 16 * (turn >= len(sizes))
        found = parser.feed(data[start : start + size])
        events += _feed(tracker, (message for message in found if isinstance(message, m.Message)))
        start, turn = start + size, turn + 1
    assert events == _run(transcript(name))


@given(names, st.data())
@few
def test_any_stretch_that_is_told_again_at_once_changes_nothing(name: str, data: st.DataObject) -> None:
    messages, tracker = transcript(name), Tracker("pbx1")
    end = data.draw(st.integers(0, len(messages)))
    start = data.draw(st.integers(0, end))
    events = _feed(tracker, messages[:end])
    assert _feed(tracker, messages[start:end]) == []
    assert events + _feed(tracker, messages[end:]) == _run(messages)


@given(ones, seeds)
@few
def test_other_orders_across_channels_give_the_same_facts(name: str, seed: int) -> None:
    messages = transcript(name)
    events = _run(pbx.shuffled(messages, Random(seed)))
    _check(events)
    _alike(events, _run(messages), approximate=False)


@given(ones, seeds, st.data())
@few
def test_our_restart_amid_messages_in_another_order(name: str, seed: int, data: st.DataObject) -> None:
    """Each call once, and nothing left open, wherever we were killed."""
    messages = pbx.shuffled(transcript(name), Random(seed))
    cut = data.draw(st.integers(0, len(messages)))
    before, tracker = _run(messages[:cut]), Tracker("pbx1")
    tracker.adopt(pbx.open_calls(before))
    after = tracker.resync(Pbx.after(messages[:cut]).snapshot()) + _feed(tracker, messages[cut:])
    _check(before + [event for event in after if event.dedupe_key not in set(_keys(before))])
    assert tracker.calls == ()
    assert _records(before + after).keys() == _records(_run(messages)).keys()


def test_other_orders_of_240_calls_give_the_same_facts() -> None:
    messages = transcript("mixed")
    _alike(_run(pbx.shuffled(messages, Random(1))), _run(messages), approximate=False)


# Cut, at every message, and taken up again from a snapshot


def _takes(name: str) -> timedelta:
    """In captures of movements phones answer, or refuse, at once: what fits into a snapshot is told by nobody."""
    if name == "blind-transfer-rejected":
        return timedelta(0)
    return A_SNAPSHOT_TAKES / 50 if name in MOVES else A_SNAPSHOT_TAKES


@pytest.mark.parametrize("name", ALL)
def test_a_snapshot_while_nothing_was_lost_changes_nothing(name: str) -> None:
    messages, whole = transcript(name), _run(transcript(name))
    for cut in _cuts(name):
        soon = sum(one.at - messages[cut].at < _takes(name) for one in messages[cut:])
        for held in {0, 2, soon} if name in MOVES else {0, 1, 2, 5, 9, soon}:
            if held > soon:
                continue
            tracker = Tracker("pbx1")
            events = _feed(tracker, messages[:cut])
            events += tracker.resync(Pbx.after(messages[: cut + held]).snapshot(messages[cut : cut + held]))
            events += _feed(tracker, messages[cut:])
            _check(events)
            _all_over(events, tracker)
            _alike(events, whole, approximate=held > 0)


@pytest.mark.parametrize("name", ALL)
def test_lists_that_were_taken_a_moment_apart_change_nothing(name: str) -> None:
    """Asterisk lists its channels, then its queue, and goes on meanwhile."""
    messages, whole = transcript(name), _run(transcript(name))
    for cut in _cuts(name):
        behind = [one for one in messages[cut:] if one.at - messages[cut].at < _takes(name)]
        channels = Pbx.after(messages[: cut + len(behind) // 2])
        queue = Pbx.after(messages[: cut + len(behind)])
        tracker = Tracker("pbx1")
        events = _feed(tracker, messages[:cut]) + tracker.resync(channels.snapshot(behind, queue=queue))
        events += _feed(tracker, messages[cut:])
        _check(events)
        _all_over(events, tracker)
        _alike(events, whole, approximate=True)


@pytest.mark.parametrize("name", ALL)
def test_asterisks_death_ends_every_call_as_failed_unless_it_had_said_more(name: str) -> None:
    messages = transcript(name)
    for cut in _cuts(name):
        tracker = Tracker("pbx1")
        tracker.boot = pbx.BOOT
        events = _feed(tracker, messages[:cut])
        goes_on = {call.own for call in tracker.calls} - _outcomes(messages[:cut])
        events += tracker.resync(m.Snapshot(Pbx.after(messages[:cut]).at, "2030-01-01T00:00:00", (), (), (), {}))
        _check(events)
        _all_over(events, tracker)
        records = _records(events)
        assert {(records[call].outcome, records[call].hangup_by, records[call].talk_s) for call in goes_on} <= {
            ("failed", "system", None)
        }


@pytest.mark.parametrize("name", ALL)
def test_our_restart_with_the_calls_from_our_rows_changes_nothing(name: str) -> None:
    messages, whole = transcript(name), _run(transcript(name))
    for cut in _cuts(name):
        before, tracker = _run(messages[:cut]), Tracker("pbx1")
        tracker.adopt(pbx.open_calls(before))
        known = set(_keys(before))
        after = tracker.resync(Pbx.after(messages[:cut]).snapshot()) + _feed(tracker, messages[cut:])
        events = before + [event for event in after if event.dedupe_key not in known]  # as the log does
        _check(events)
        _all_over(events, tracker)
        told = _outcomes(messages[cut:])
        # What became of a dialled number rows do not know before its end, nor who is about to take a caller over.
        if name in ONES or (told and not name.startswith("taken-over")):
            _alike(events, whole, approximate=True, told=told, unsaid=_unsaid(messages[:cut]))


def _unsaid(messages: Sequence[m.Message]) -> set[str]:
    """Files that were named a moment before their callers joined the queue: no row has them yet."""
    named: dict[str, str] = {}
    for one in messages:
        if isinstance(one, m.UserEvent) and one.channel is not None and one.fields.get("hlkind") == "call":
            named[one.channel.linkedid] = one.fields["hlfile"]
        elif isinstance(one, m.QueueCallerJoin):
            named.pop(one.channel.linkedid, None)
    return set(named.values())


@pytest.mark.parametrize("name", ONES)
def test_a_first_connection_amid_calls_tells_them_all_the_same(name: str) -> None:
    """Without rows: the past of a call is what the snapshot shows of it, to the second."""
    messages, whole = transcript(name), _records(_run(transcript(name)))
    for cut in _cuts(name):
        state, tracker = Pbx.after(messages[:cut]), Tracker("pbx1")
        events = tracker.resync(state.snapshot()) + _feed(tracker, messages[cut:])
        _check(events)
        _all_over(events, tracker)
        told, facts = _records(events), _outcomes(messages[cut:])
        assert set(told) == {call for call in whole if call in state.channels or call in _begun(messages[cut:])}
        for call in set(told) & facts:
            for field in ("outcome", "hangup_by", "caller_number", "linkedids"):
                assert getattr(told[call], field) == getattr(whole[call], field)


def _begun(messages: Iterable[m.Message]) -> set[str]:
    return {one.channel.uniqueid for one in messages if isinstance(one, m.NewChannel)}


@given(ones, st.data())
@few
def test_after_a_lost_gap_every_call_that_was_seen_has_ended(name: str, data: st.DataObject) -> None:
    messages, whole = transcript(name), _records(_run(transcript(name)))
    start = data.draw(st.integers(0, len(messages)))
    end = data.draw(st.integers(start, len(messages)))
    tracker, state = Tracker("pbx1"), Pbx.after(messages[:end])
    before = _feed(tracker, messages[:start])
    events = before + tracker.resync(state.snapshot()) + _feed(tracker, messages[end:])
    _check(events)
    _all_over(events, tracker)
    # A call whose caller came and went inside the gap is for the records that Asterisk itself writes.
    seen = _begun(messages[:start]) | set(state.channels) | _begun(messages[end:])
    assert set(_records(events)) == set(whole) & seen
    facts = _outcomes(messages[:start]) | _outcomes(messages[end:])
    for call, record in _records(events).items():
        if call in facts:
            assert record.outcome == whole[call].outcome


@pytest.mark.parametrize("seed", range(3))
def test_gaps_among_240_calls(seed: int) -> None:
    random, messages, tracker = Random(seed), transcript("mixed"), Tracker("pbx1")
    state, events, live = Pbx(), list[CallEvent](), True
    for message in messages:
        state.tell(message)
        if live:
            events += tracker.feed(message)
            live = random.random() > 0.005
        elif random.random() < 0.05:
            events, live = events + tracker.resync(state.snapshot()), True
    events += tracker.resync(state.snapshot())
    _check(events)
    _all_over(events, tracker)


def _outcomes(messages: Iterable[m.Message]) -> set[str]:
    """Calls whose outcome is stated here."""
    facts = (one for one in messages if isinstance(one, m.UserEvent) and one.name == "HLOutcome")
    return {one.channel.linkedid for one in facts if one.channel is not None}


def _queued(events: Sequence[CallEvent]) -> Counter[str]:
    """How often each call began to wait."""
    return Counter(event.linkedid for event in events if isinstance(event, CallQueued))


def _holds_an_instant(event: CallEvent) -> bool:
    """Its key does, which two tellings of one fact may know a little apart."""
    return isinstance(event, CallQueued | CallAside | CallRejoined | LegAside | LegRejoined) or (
        isinstance(event, CallTransferred) and not event.leg
    )


def _alike(
    events: Sequence[CallEvent],
    whole: Sequence[CallEvent],
    *,
    approximate: bool,
    told: set[str] | None = None,
    unsaid: Container[str] = (),
) -> None:
    """The same facts by their keys; the same records, `approximate`: with times to the second.

    The key of CallQueued holds its time. `told`: calls whose outcome was stated where it could be heard; `unsaid`:
    files that were named where nobody heard it. Who was heard leaving a message left the queue at some time before.
    """
    of = [
        {
            event.dedupe_key
            for event in some
            if not _holds_an_instant(event) and getattr(event, "file", "") not in unsaid
        }
        for some in (events, whole)
    ]
    assert of[0] == of[1]
    assert _queued(events) == _queued(whole)
    left, right = _records(events), _records(whole)
    assert left.keys() == right.keys()
    for call, record in right.items():
        mine = left[call]
        assert (mine.linkedids, mine.line, mine.caller_number, mine.agent) == (
            record.linkedids, record.line, record.caller_number, record.agent,
        )  # fmt: skip
        assert mine.outcome == record.outcome
        if told is None or call in told:
            assert mine.hangup_by == record.hangup_by
        if not approximate:
            assert mine == record
        for field in ("wait_s", "talk_s"):
            theirs, ours = getattr(record, field), getattr(mine, field)
            assert (theirs is None) == (ours is None), field
            if (field, record.outcome, told is None) != ("wait_s", "voicemail", False):
                assert abs((theirs or 0) - (ours or 0)) <= 1, field
