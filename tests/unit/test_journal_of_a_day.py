"""The journal of made-up days tells what happened: every call once, with its outcome, agent, rings, waits and talk.

tests/unit/test_recovery.py holds captured pairs against each other; here there are more kinds of calls than we could
capture, and the truth is known without asking anybody.
"""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from hotline.calls.queue_log import queue_story
from hotline.calls.record import fold
from hotline.calls.recovery import Stories, Story, tell, told
from hotline.events import AgentMissed, AgentOfferEnded, CallAnswered, CallEvent, RecordingStarted
from hotline.telephony.journal import Trail
from tests import pbx_journal as journal
from tests.fault_plans import FaultPlan
from tests.pbx_calls import TrueCall

# Bridges are joined a moment after AgentConnect, and left a moment before the channels end.
CLOSE = timedelta(milliseconds=200)
RESULTS = {AgentMissed: "missed", AgentOfferEnded: "withdrawn", CallAnswered: "answered"}
WHOLE_DAYS = [FaultPlan.random(seed, calls=12, kinds=["look"]).calls for seed in range(8)]
BROKEN_DAYS = [FaultPlan.random(seed, calls=12, kinds=["restart"]).calls for seed in range(8)]


def _stories(calls: list[TrueCall]) -> dict[str, Story]:
    stories = Stories()
    for record in sorted((one for call in calls for one in journal.cel(call)), key=lambda one: one.at):
        stories.add(record)
    return {story.own: story for story in stories}


def _close(one: datetime | None, other: datetime | None) -> bool:
    return one is other if one is None or other is None else abs(one - other) <= CLOSE


def _near(ms: int | None, span: timedelta | None) -> bool:
    return (
        ms is None and span is None if ms is None or span is None else abs(timedelta(milliseconds=ms) - span) <= CLOSE
    )


def _rings(events: list[CallEvent]) -> Counter[tuple[str, str]]:
    return Counter((event.leg, RESULTS[type(event)]) for event in events if type(event) in RESULTS)  # type: ignore[attr-defined]


@pytest.mark.parametrize("calls", WHOLE_DAYS)
def test_a_day_in_which_nobody_listened(calls: list[TrueCall]) -> None:
    stories = _stories(calls)
    assert stories.keys() == {call.name for call in calls}
    for call in calls:
        story = stories[call.name]
        assert (story.is_callers, story.is_over, story.line) == (True, True, call.line)
        events = tell(story, "pbx1", is_cut=False)
        [record], truth = fold(events), told(events)
        assert truth is not None
        assert (record.line, record.caller_number, record.agent) == (call.line, call.number, call.agent)
        assert truth.outcome == call.outcome
        assert truth.hangup_by in call.ended_by
        assert _close(truth.started_at, call.started_at)
        assert _close(truth.queued_at, call.queued[0] if call.queued else None)
        assert _close(truth.answered_at, call.answered_at)
        assert _close(truth.ended_at, call.ended_at)
        assert _near(truth.wait_ms, call.wait), call.name
        assert _near(truth.talk_ms, call.talk), call.name
        assert _rings(events) == Counter((ring.leg, ring.result) for ring in call.rings)
        files = [(event.kind, event.file) for event in events if isinstance(event, RecordingStarted)]
        assert files == call.files


@pytest.mark.parametrize("calls", BROKEN_DAYS)
def test_a_day_on_which_asterisk_died(calls: list[TrueCall]) -> None:
    stories = _stories(calls)
    for call in calls:
        if not call.was:
            continue
        story = stories[call.name]
        assert story.is_over != call.is_cut
        truth = told(tell(story, "pbx1", is_cut=call.is_cut))
        assert truth is not None
        assert truth.outcome == call.outcome
        assert truth.hangup_by in call.ended_by
        assert _close(truth.queued_at, call.queued[0] if call.queued else None)


def test_queue_log_has_the_same_outcomes() -> None:
    for call in WHOLE_DAYS[0]:
        if call.direction == "outbound":
            continue  # app_queue has none of those
        found = None
        for line in journal.queue_log(call):
            found = queue_story(found, line) or found
        assert found is not None
        assert (found.line, found.outcome, found.hangup_by) == (call.line, call.outcome, call.hangup_by)


def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("journal")
    records = [record for call in WHOLE_DAYS[1] for record in journal.cel(call)]
    lines = [line for call in WHOLE_DAYS[1] for line in journal.queue_log(call)]
    (folder / "cel.csv").write_bytes(journal.cel_lines(records))
    (folder / "queue_log").write_bytes(journal.queue_lines(lines))
    read = [one for piece in Trail(folder / "cel.csv", "cel").read({}) for _offset, one in piece.records]
    queue = [one for piece in Trail(folder / "queue_log", "queue_log").read({}) for _offset, one in piece.records]
    assert (read, queue) == (records, lines)
