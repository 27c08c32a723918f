"""The journal tells of a call what AMI told: from captured pairs, and from what a full disk or a dead Asterisk left."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from hotline.calls.queue_log import QueueStory, queue_story
from hotline.calls.recovery import Stories, Told, tell, told
from hotline.events import (
    AgentMissed,
    AgentOfferEnded,
    AgentRang,
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
    PartyAnswered,
    PartyLeft,
    PartyRang,
    RecordingStarted,
)
from hotline.telephony.journal import Cel
from tests import journal_files as journal
from tests.pbx_model import MOVES

# Both are written as it happens, by different threads of Asterisk.
CLOSE = timedelta(milliseconds=150)
BUSIEST = "blocked"


def recovered(records: Sequence[Cel]) -> list[CallEvent]:
    return [
        event
        for story in journal.stories(records)
        if story.is_callers
        for event in tell(story, journal.NODE, is_cut=False)
    ]


def of_each_call(events: Sequence[CallEvent]) -> dict[str, list[CallEvent]]:
    calls: dict[str, list[CallEvent]] = {}
    for event in events:
        if not isinstance(event, LegHeld | LegResumed):  # the journal has no holds
            calls.setdefault(event.linkedid, []).append(event)
    return {name: sorted(mine, key=lambda event: event.dedupe_key.split(":")[1:3]) for name, mine in calls.items()}


def same(one: CallEvent, other: CallEvent) -> None:
    """The same fact: all but the instant and what is measured by it."""
    assert type(one) is type(other)
    assert abs(one.at - other.at) <= CLOSE
    spans = {name for name in ("wait_ms", "talk_ms", "ring_ms") if hasattr(one, name)}
    for name in spans:
        mine, theirs = getattr(one, name), getattr(other, name)
        # app_queue counts the ring of a rejected call in seconds, rounded up
        least = 1000 if name == "ring_ms" else 200
        assert (mine is None) == (theirs is None)
        assert mine is None or abs(mine - theirs) <= least
    level = dict.fromkeys(spans, 0) | {"at": one.at}
    if hasattr(one, "hold_ms"):
        level["hold_ms"] = 0  # the journal has no holds
    if isinstance(one, CallEnded) and one.hangup_by is None:
        level["hangup_by"] = None  # nor app_queue's word, the only one where whoever was dialled ended in the queue
    if isinstance(one, PartyRang | PartyAnswered | PartyLeft):
        level["number"] = None  # nor what was dialled
    if isinstance(one, CallQueued | CallAside | CallRejoined | CallTransferred) and not getattr(one, "leg", ""):
        level["dedupe_key"] = ""  # the keys that hold an instant
    if isinstance(one, LegAside | LegRejoined):
        level["dedupe_key"] = ""
    assert replace(one, **level) == replace(other, **level)


@pytest.mark.parametrize(
    "name", [name for name in journal.NAMES if not name.startswith(("parking-lot", "picked-up"))]
)  # of another dialplan: our CEL keeps no parking and no pickup
def test_the_journal_and_ami_tell_the_same_events(name: str) -> None:
    live, written = of_each_call(journal.live(name)), of_each_call(recovered(journal.cel(name)))
    assert live.keys() == written.keys()
    assert live or name == "outbound-own-phone-refuses"
    for call, events in live.items():
        assert [type(event).__name__ for event in written[call]] == [type(event).__name__ for event in events]
        for one, other in zip(written[call], events, strict=True):
            same(one, other)


@pytest.mark.parametrize("name", journal.NAMES)
def test_the_queue_log_has_the_same_outcome(name: str) -> None:
    calls: dict[str, QueueStory] = {}
    for line in journal.queue_log(name):
        found = queue_story(calls.get(line.uniqueid), line)
        if found is not None:
            calls[line.uniqueid] = found
    starts = {event.linkedid: event for event in journal.live(name) if isinstance(event, CallStarted)}
    made = {call for call, start in starts.items() if start.direction == "outbound"}  # app_queue has none of those
    ends = {
        event.linkedid: event
        for event in journal.live(name)
        if isinstance(event, CallEnded) and event.linkedid not in made
    }
    assert {call: (story.outcome, story.hangup_by, story.line) for call, story in calls.items()} == {
        call: (end.outcome, end.hangup_by, starts[call].line) for call, end in ends.items()
    }


@pytest.mark.parametrize("name", journal.NAMES)
def test_any_one_record_may_be_missing(name: str) -> None:
    """A full disk loses lines. The call, its caller and its outcome stay; LINKEDID_END is waited for by others."""
    whole = of_each_call(recovered(journal.cel(name)))
    records = journal.cel(name)
    step = 3 if name in MOVES else 1  # each capture of a movement another third
    for index in range(len(name) % step, len(records), step):
        left = of_each_call(recovered(records[:index] + records[index + 1 :]))
        assert left.keys() == whole.keys()
        for call, events in left.items():
            assert [type(event) for event in events].count(CallStarted) == 1
            [end] = [event for event in events if isinstance(event, CallEnded)]
            said = next(event for event in whole[call] if isinstance(event, CallEnded))
            start = next(event for event in events if isinstance(event, CallStarted))
            # What became of a number that rang nobody, or of whom the queue had then, only that word says.
            assert end.outcome == said.outcome or (start.direction, records[index].event) == ("outbound", "HLOUTCOME")
            assert start.line == next(event.line for event in whole[call] if isinstance(event, CallStarted))


def test_a_call_begins_with_whatever_is_left_of_it() -> None:
    [outcome] = [record for record in journal.cel("answered-caller-hangs-up") if record.event == "HLOUTCOME"]
    events = recovered([outcome])
    assert [(type(event), event.linkedid, event.at) for event in events] == [
        (CallStarted, outcome.linkedid, outcome.at),
        (CallEnded, outcome.linkedid, outcome.at),
    ]
    start, end = events
    assert isinstance(start, CallStarted)
    assert isinstance(end, CallEnded)
    assert (start.line, start.caller_number) == ("12345", "13800138000")
    assert (end.outcome, end.hangup_by) == ("answered", "caller")


def test_of_a_call_only_the_agents_phone_is_left() -> None:
    legs = [record for record in journal.cel("answered-caller-hangs-up") if record.context == "hl-agents"]
    [start, *rest] = recovered(legs)
    assert isinstance(start, CallStarted)
    assert (start.linkedid, start.line, start.caller_number) == (legs[0].linkedid, "unknown", None)
    assert [type(event) for event in rest if isinstance(event, AgentRang | CallAnswered | CallEnded)] == [
        AgentRang, CallAnswered, CallEnded,
    ]  # fmt: skip


def test_an_asterisk_that_dies_in_a_talk_leaves_a_failed_call_with_unknown_lengths() -> None:
    """Lab: starts, answers and bridges are on disk, HANGUP and LINKEDID_END are not."""
    whole = journal.cel("answered-caller-hangs-up")
    cut = [record for record in whole if record.event not in {"BRIDGE_EXIT", "HLOUTCOME", "HANGUP", "CHAN_END"}][:-1]
    [story] = journal.stories(cut)
    assert not story.is_over
    events = tell(story, journal.NODE, is_cut=True)
    end = told(events)
    assert end is not None
    assert (end.outcome, end.hangup_by, end.talk_ms, end.ended_at) == ("failed", "system", None, cut[-1].at)
    assert end.answered_at is not None
    assert any(isinstance(event, RecordingStarted) for event in events)


def test_an_asterisk_that_dies_after_the_outcome_was_said_changes_nothing_of_it() -> None:
    whole = journal.cel("abandoned")
    upto = next(index for index, record in enumerate(whole) if record.event == "HLOUTCOME") + 1
    [story] = journal.stories(whole[:upto])
    end = told(tell(story, journal.NODE, is_cut=True))
    assert end is not None
    assert (end.outcome, end.hangup_by, end.wait_ms) == ("abandoned", "caller", None)


def test_a_story_is_over_when_asterisk_says_that_nothing_is_left() -> None:
    records = journal.cel("answered-caller-hangs-up")
    [before] = journal.stories(records[:-1])
    [whole] = journal.stories(records)
    assert (before.is_over, before.has_hung_up, whole.is_over) == (False, True, True)
    [talking] = journal.stories(records[:8])
    assert not talking.has_hung_up


def test_calls_beside_each_other_are_told_apart_in_any_order() -> None:
    one, other = journal.cel("phone-lost-next-agent"), journal.cel("abandoned")
    mixed = sorted(one + other, key=lambda record: record.at)
    assert of_each_call(recovered(mixed)) == of_each_call(recovered(one)) | of_each_call(recovered(other))


def test_two_calls_whose_channels_meet_are_one() -> None:
    records = list(journal.cel("abandoned"))
    younger = {"linkedid": "pbx1-9.0", "uniqueid": "pbx1-9.0"}
    other = [replace(record, at=record.at + CLOSE, **younger) for record in records[:3]]
    met = replace(records[3], uniqueid="pbx1-9.0")
    [story] = journal.stories([*records[:3], *other, met])
    assert story.names == {records[0].linkedid, "pbx1-9.0"}
    assert story.own == records[0].linkedid


def test_what_is_told_is_let_go() -> None:
    stories = Stories()
    for record in journal.cel(BUSIEST):
        stories.add(record)
    for story in list(stories):
        stories.drop(story)
    assert list(stories) == []


def test_a_command_of_ours_is_no_call() -> None:
    start = journal.cel("abandoned")[0]
    command = replace(start, channel="Local/acw-set@hl-control-0;1", context="hl-control", exten="acw-set")
    leg = replace(start, context="hl-agents", exten="s")
    assert recovered([command]) == []
    assert recovered([leg]) == []


def test_a_supervisor_who_takes_over_when_nobody_is_there_any_more_is_no_call() -> None:
    """Their leg came to the room and went, without ever meeting the caller's."""
    stories = Stories()
    alone = [one for one in journal.cel("taken-over") if one.linkedid == "pbx1-1795811748.2"]
    assert {one.context for one in alone} >= {"hl-agents", "hl-spy-told", "hl-room-leg"}
    for record in alone:
        stories.add(record)
    assert [story.is_callers for story in stories] == [False]


def test_a_ring_that_the_caller_ended_is_not_missed() -> None:
    kinds = [type(event) for event in recovered(journal.cel("abandoned"))]
    assert (AgentOfferEnded in kinds, AgentMissed in kinds) == (True, False)


def test_a_ring_that_the_caller_ended_is_not_missed_whichever_is_written_first() -> None:
    """Seen under load: HLOUTCOME half a millisecond before the HANGUP of the phone."""
    records = list(journal.cel("abandoned"))
    index = next(index for index, record in enumerate(records) if record.event == "HLOUTCOME")
    ended = next(index for index, record in enumerate(records) if record.event == "HANGUP")
    records.insert(ended, replace(records.pop(index), at=records[ended].at - CLOSE / 300))
    kinds = [type(event) for event in recovered(records)]
    assert (AgentOfferEnded in kinds, AgentMissed in kinds) == (True, False)


def test_told_needs_both_ends() -> None:
    events = recovered(journal.cel("abandoned"))
    assert isinstance(told(events), Told)
    assert told(events[:-1]) is None


@pytest.mark.parametrize("seed", range(20))
def test_damaged_records_are_told_somehow(seed: int) -> None:
    """Whatever is lost or repeated: each call starts once and ends once."""
    random = Random(seed)
    for name in journal.NAMES[seed % 3 :: 3]:
        records = [record for record in journal.cel(name) for _ in range(random.choice((0, 1, 1, 1, 2)))]
        for events in of_each_call(recovered(records)).values():
            kinds = [type(event) for event in events]
            assert (kinds.count(CallStarted), kinds.count(CallEnded)) == (1, 1)
