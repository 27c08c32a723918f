"""What each transcript of the real Asterisk means, read off its messages; and scenes that it does not show.

Times are seconds and microseconds of the message that says so (its Timestamp header).
"""

from collections.abc import Iterable

import pytest

from hotline.calls.record import CallRecord, fold
from hotline.calls.tracker import Tracker
from hotline.events import CallEvent, CallStarted
from hotline.telephony import messages as m
from tests import pbx_model as pbx
from tests.pbx_model import transcript

Said = tuple[str, str, str]
"""Seconds of the minute, event, what it is about."""


def _run(messages: Iterable[m.Message], tracker: Tracker | None = None) -> list[CallEvent]:
    tracker = tracker or Tracker("pbx1")
    return [event for message in messages for event in tracker.feed(message)]


def _said(event: CallEvent) -> Said:
    names = ("line", "caller_number", "queue", "recording", "member", "ring_ms", "kind", "file", "outcome", "hangup_by",
             "wait_ms", "talk_ms", "other")  # fmt: skip
    about = [f"{name}={value}" for name in names if (value := getattr(event, name, None)) is not None]
    return event.at.strftime("%S.%f"), type(event).__name__, " ".join(about)


def _told(messages: Iterable[m.Message]) -> list[Said]:
    return [_said(event) for event in _run(messages)]


def _kinds(events: Iterable[CallEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


def _record(messages: Iterable[m.Message]) -> CallRecord:
    [record] = fold(_run(messages))
    return record


def _file(call: str, part: int = 1) -> str:
    return f"pbx1/2026/11/24/{call}-{part}.wav"


NUMBER = "caller_number=13800138000"
STARTED = f"line=12345 {NUMBER}"
EXPECTED: dict[str, list[Said]] = {
    "answered-caller-hangs-up": [
        ("37.296265", "CallStarted", STARTED),
        ("46.888933", "CallQueued", f"queue=hotline recording={_file('pbx1-1795545637.0')}"),
        ("46.893409", "AgentRang", "member=a1"),
        ("47.902101", "CallAnswered", "member=a1 wait_ms=1013"),
        ("47.902101", "RecordingStarted", f"kind=call file={_file('pbx1-1795545637.0')}"),
        ("53.310644", "AgentLegEnded", "member=a1 talk_ms=5404"),
        ("53.310644", "CallEnded", "outcome=answered hangup_by=caller talk_ms=5404"),
    ],
    "answered-agent-hangs-up": [
        ("37.309986", "CallStarted", STARTED),
        ("46.906944", "CallQueued", f"queue=hotline recording={_file('pbx1-1795545637.0')}"),
        ("46.909868", "AgentRang", "member=a1"),
        ("47.921172", "CallAnswered", "member=a1 wait_ms=1014"),
        ("47.921172", "RecordingStarted", f"kind=call file={_file('pbx1-1795545637.0')}"),
        ("51.928335", "AgentLegEnded", "member=a1 talk_ms=4003"),
        ("51.928335", "CallEnded", "outcome=answered hangup_by=agent talk_ms=4003"),
    ],
    "abandoned": [
        ("18.101099", "CallStarted", STARTED),
        ("27.691822", "CallQueued", f"queue=hotline recording={_file('pbx1-1795545978.0')}"),
        ("27.693102", "AgentRang", "member=a1"),
        ("30.609729", "AgentOfferEnded", "member=a1"),
        ("30.610609", "CallEnded", "outcome=abandoned hangup_by=caller wait_ms=2918"),
    ],
    "ring-no-answer-next-agent": [
        ("51.399855", "CallStarted", STARTED),
        ("00.989741", "CallQueued", f"queue=hotline recording={_file('pbx1-1795545711.0')}"),
        ("00.990743", "AgentRang", "member=a1"),
        ("05.990871", "AgentMissed", "member=a1 ring_ms=5000"),
        ("06.993141", "AgentRang", "member=a2"),
        ("08.000428", "CallAnswered", "member=a2 wait_ms=7011"),
        ("08.000428", "RecordingStarted", f"kind=call file={_file('pbx1-1795545711.0')}"),
        ("13.411858", "AgentLegEnded", "member=a2 talk_ms=5409"),
        ("13.411858", "CallEnded", "outcome=answered hangup_by=caller talk_ms=5409"),
    ],
    "rejected-next-agent": [
        ("51.531978", "CallStarted", STARTED),
        ("01.122183", "CallQueued", f"queue=hotline recording={_file('pbx1-1795545711.0')}"),
        ("01.123733", "AgentRang", "member=a1"),
        ("02.629158", "AgentMissed", "member=a1 ring_ms=1000"),
        ("03.631889", "AgentRang", "member=a2"),
        ("04.638695", "CallAnswered", "member=a2 wait_ms=3517"),
        ("04.638695", "RecordingStarted", f"kind=call file={_file('pbx1-1795545711.0')}"),
        ("09.544498", "AgentLegEnded", "member=a2 talk_ms=4902"),
        ("09.544768", "CallEnded", "outcome=answered hangup_by=caller talk_ms=4902"),
    ],
    # The AgentComplete of the lost a1 comes with the caller's end, without a leg: it means nothing.
    "phone-lost-next-agent": [
        ("37.629821", "CallStarted", STARTED),
        ("47.222800", "CallQueued", f"queue=hotline recording={_file('pbx1-1795545637.0')}"),
        ("47.222855", "AgentRang", "member=a1"),
        ("48.231030", "CallAnswered", "member=a1 wait_ms=1008"),
        ("48.231030", "RecordingStarted", f"kind=call file={_file('pbx1-1795545637.0')}"),
        ("50.249611", "AgentLegEnded", "member=a1 talk_ms=2014"),
        ("52.366928", "CallQueued", f"queue=hotline recording={_file('pbx1-1795545637.0')}"),
        ("52.368913", "AgentRang", "member=a2"),
        ("53.377356", "CallAnswered", "member=a2 wait_ms=6155"),
        ("59.643402", "AgentLegEnded", "member=a2 talk_ms=6263"),
        ("59.643402", "CallEnded", "outcome=answered hangup_by=caller talk_ms=8277"),
    ],
    "voicemail-nobody": [
        ("18.062058", "CallStarted", STARTED),
        ("38.532179", "RecordingStarted", f"kind=voicemail file={_file('pbx1-1795545978.0')}"),
        ("45.071312", "CallEnded", "outcome=voicemail hangup_by=caller"),
    ],
    "voicemail-closed": [
        ("37.408827", "CallStarted", STARTED),
        ("57.587380", "RecordingStarted", f"kind=voicemail file={_file('pbx1-1795545637.0')}"),
        ("03.418121", "CallEnded", "outcome=voicemail hangup_by=caller"),
    ],
    "voicemail-waited": [
        ("18.088579", "CallStarted", STARTED),
        ("27.679160", "CallQueued", f"queue=hotline recording={_file('pbx1-1795545978.0')}"),
        ("27.680857", "AgentRang", "member=a1"),
        ("32.681519", "AgentMissed", "member=a1 ring_ms=5000"),
        ("33.683258", "AgentRang", "member=a1"),
        ("38.684198", "AgentMissed", "member=a1 ring_ms=5000"),
        ("49.566860", "RecordingStarted", f"kind=voicemail file={_file('pbx1-1795545978.0', 2)}"),
        ("01.098066", "CallEnded", "outcome=voicemail hangup_by=caller wait_ms=11006"),
    ],
    "closed-hang-up": [
        ("37.433008", "CallStarted", STARTED),
        ("42.442491", "CallEnded", "outcome=closed hangup_by=caller"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_a_transcript_means(name: str) -> None:
    assert _told(transcript(name)) == EXPECTED[name]


def test_six_callers_on_five_channels() -> None:
    events = _run(transcript("blocked"))
    told = {
        name: [_said(event) for event in events if event.linkedid == f"pbx1-1795545637.{name}"] for name in range(6)
    }
    starts = ["37.384564", "37.386185", "37.388544", "37.390161", "37.391644", "37.393618"]
    for name, at in enumerate(starts):
        assert told[name][0] == (at, "CallStarted", f"line=12345 caller_number=1380013800{name}")
    assert told[1][1:] == [
        ("46.976227", "CallQueued", f"queue=hotline recording={_file('pbx1-1795545637.1')}"),
        ("46.977749", "AgentRang", "member=a1"),
        ("47.987115", "CallAnswered", "member=a1 wait_ms=1011"),
        ("47.987115", "RecordingStarted", f"kind=call file={_file('pbx1-1795545637.1')}"),
        ("51.407541", "AgentLegEnded", "member=a1 talk_ms=3417"),
        ("51.407541", "CallEnded", "outcome=answered hangup_by=caller talk_ms=3417"),
    ]
    waited = {0: ("46.976608", "51.404442", 4424), 2: ("46.977237", "51.404425", 4426)}
    waited |= {3: ("46.978242", "51.404378", 4426), 4: ("46.979862", "51.404396", 4424)}
    for name, (joined, ended, wait) in waited.items():
        assert told[name][1:] == [
            (joined, "CallQueued", f"queue=hotline recording={_file(f'pbx1-1795545637.{name}')}"),
            (ended, "CallEnded", f"outcome=abandoned hangup_by=caller wait_ms={wait}"),
        ]
    assert told[5][1:] == [("37.394456", "CallEnded", "outcome=blocked hangup_by=system")]


def test_all_transcripts_are_told_as_expected() -> None:
    assert {*EXPECTED, "blocked"} == set(pbx.NAMES)


# Missing facts


CALLER, LEG = pbx.trunk(), pbx.phone()
TALK = [
    pbx.begins(0), pbx.offered(0.1), pbx.joins(10), pbx.calls_agent(10.1, LEG), pbx.leaves(12), pbx.connects(12.1, LEG),
    pbx.enters(12.2, LEG), pbx.enters(12.2, CALLER), pbx.completes(20, LEG, "agent"), pbx.exits(20, LEG),
    pbx.exits(20, CALLER), pbx.outcome(20.1, "answered", "agent"), pbx.hangs_up(20.2, CALLER), pbx.hangs_up(20.3, LEG),
]  # fmt: skip


def _without(*kinds: type[m.Message] | str) -> list[m.Message]:
    return [one for one in TALK if type(one) not in kinds and getattr(one, "name", None) not in kinds]


def test_a_call_without_its_offer_is_told_by_the_queue() -> None:
    told = _told(_without("HLOffered"))
    assert told[:2] == [("00.000000", "CallStarted", STARTED), ("10.000000", "CallQueued", "queue=hotline")]
    assert _record(_without("HLOffered", m.NewChannel)).as_json() | {"line": "12345"} == _record(TALK).as_json() | {
        "started_at": "2026-05-11T02:00:10.000Z"
    }


def test_a_call_of_which_only_its_channel_was_seen_is_told_when_it_ends() -> None:
    tracker = Tracker("pbx1")
    events = _run([pbx.begins(0), pbx.hangs_up(3, pbx.trunk(state=4, context="hl-line"), 17)], tracker)
    assert [_said(event) for event in events] == [
        ("00.000000", "CallStarted", STARTED),
        ("03.000000", "CallEnded", "outcome=blocked"),
    ]
    assert tracker.unexpected == {"ended before it was offered": 1}


def test_without_agent_connect_the_bridge_is_the_answer() -> None:
    told = _told(_without(m.AgentConnect))
    assert ("12.200000", "CallAnswered", "member=a1 wait_ms=2200") in told
    assert told[-1] == ("20.300000", "CallEnded", "outcome=answered hangup_by=agent talk_ms=7800")


def test_without_any_word_of_the_queue_an_agent_in_the_bridge_has_answered() -> None:
    events = _run(_without(m.AgentConnect, m.AgentCalled))
    assert _kinds(events) == ["CallStarted", "CallQueued", "AgentRang", "CallAnswered", "AgentLegEnded", "CallEnded"]
    assert [event.member for event in events if hasattr(event, "member")] == ["a1", "a1", "a1"]


def test_waiting_music_is_no_conversation() -> None:
    music = [pbx.enters(10.5, LEG, "holding_bridge"), pbx.exits(10.6, LEG, "holding_bridge")]
    assert _told([*TALK[:4], *music, *TALK[4:]]) == _told(TALK)


@pytest.mark.parametrize(
    ("messages", "outcome"),
    [
        (TALK, "answered"),
        ([pbx.begins(0), pbx.offered(0.1), pbx.joins(10), pbx.leaves(20), pbx.hangs_up(20, CALLER)], "abandoned"),
        # left during the greeting
        ([pbx.begins(0), pbx.offered(0.1), pbx.hangs_up(4, CALLER)], "abandoned"),
        ([pbx.begins(0), pbx.offered(0.1), pbx.hangs_up(0.2, pbx.trunk(state=4, context="hl-line"), 17)], "blocked"),
        (
            [
                pbx.begins(0),
                pbx.offered(0.1),
                m.NewState(at=pbx.at(0.2), channel=pbx.trunk(context="hl-closed")),
                pbx.hangs_up(9, pbx.trunk(context="hl-recorder", exten="closed")),
            ],
            "closed",
        ),
        (
            [
                pbx.begins(0),
                pbx.offered(0.1),
                pbx.fact(9, "HLRecording", hlkind="voicemail", hlfile="v.wav"),
                pbx.hangs_up(20, CALLER),
            ],
            "voicemail",
        ),
        ([pbx.begins(0), pbx.offered(0.1), pbx.hangs_up(1, pbx.trunk(state=4, context="hl-line"), 34)], "failed"),
        # the agent's phone died, and the caller gave up in the second wait
        ([*TALK[:8], pbx.hangs_up(15, LEG, 38), pbx.joins(17), pbx.leaves(25), pbx.hangs_up(25, CALLER)], "abandoned"),
    ],
)  # fmt: skip
def test_without_the_dialplans_outcome_the_channel_says_it(messages: list[m.Message], outcome: str) -> None:
    told = [one for one in messages if getattr(one, "name", None) != "HLOutcome"]
    assert _record(told).outcome == outcome


def test_without_the_dialplans_outcome_the_queue_says_who_ended_the_talk() -> None:
    assert _record(_without("HLOutcome")).hangup_by == "agent"
    assert _record(_without("HLOutcome", m.AgentComplete)).hangup_by is None


def test_the_queues_completion_may_come_before_or_after_the_hangup() -> None:
    complete = TALK[8]
    early, late = TALK, [*_without(m.AgentComplete), complete]
    assert _told(late) == _told(early)
    between = _without(m.AgentComplete)
    between.insert(-1, complete)
    assert _told(between) == _told(early)


def test_a_completion_without_a_leg_is_of_an_agent_lost_before() -> None:
    lost = pbx.completes(20, None, "caller")
    assert _told([*TALK[:8], lost, *_without("HLOutcome", m.AgentComplete)[8:]]) == _told(
        _without("HLOutcome", m.AgentComplete)
    )


def test_an_unknown_outcome_is_counted_and_the_channel_decides() -> None:
    tracker = Tracker("pbx1")
    messages = [pbx.begins(0), pbx.offered(0.1), pbx.joins(1), pbx.outcome(2, "<b>"), pbx.hangs_up(2, CALLER)]
    [record] = fold(_run(messages, tracker))
    assert (record.outcome, record.hangup_by, tracker.unexpected) == ("abandoned", None, {"outcome": 1})


def test_what_the_recorder_says_is_kept_when_an_agent_had_answered_before() -> None:
    lost = [*TALK[:8], pbx.hangs_up(15, LEG, 38), pbx.fact(30, "HLRecording", hlkind="voicemail", hlfile="v.wav")]
    record = _record([*lost, pbx.outcome(40, "voicemail"), pbx.hangs_up(40, CALLER)])
    assert (record.outcome, record.agent, record.wait_s, record.talk_s) == ("voicemail", "a1", 2.1, 2.9)


# Linkedids that change


def _younger(linkedid: str) -> m.Message:
    """The younger caller's channel after the two met."""
    return m.NewState(at=pbx.at(5), channel=pbx.trunk("c2", linkedid=linkedid))


OLDER = [pbx.begins(0), pbx.offered(0.1)]
YOUNGER = [pbx.begins(2, "c2", "13900139000", "2912345"), pbx.offered(2.1, "c2", "2912345")]


def test_two_calls_that_were_told_become_the_older_one() -> None:
    ends = [pbx.hangs_up(8, pbx.trunk("c2", linkedid="c1")), pbx.outcome(9, "answered"), pbx.hangs_up(9, CALLER)]
    events = _run([*OLDER, *YOUNGER, _younger("c1"), *ends])
    assert _kinds(events) == ["CallStarted", "CallStarted", "CallMerged", "CallEnded"]
    assert _said(events[2]) == ("05.000000", "CallMerged", "other=c2")
    [record] = fold(events)
    assert (record.linkedid, record.linkedids, record.line, record.ended_at) == (
        "c1", ["c1", "c2"], "12345", "2026-05-11T02:00:09.000Z",
    )  # fmt: skip


def test_a_call_that_was_told_keeps_its_name_when_the_older_one_was_not() -> None:
    agent = m.NewChannel(at=pbx.at(0), channel=pbx.phone("p9", "p9"))
    ends = [pbx.hangs_up(8, pbx.trunk("c2", linkedid="p9")), pbx.hangs_up(9, pbx.phone("p9", "p9"))]
    events = _run([agent, *YOUNGER, _younger("p9"), *ends])
    assert _kinds(events) == ["CallStarted", "CallMerged", "CallEnded"]
    [record] = fold(events)
    assert (record.linkedid, record.linkedids, record.line) == ("c2", ["c2", "p9"], "2912345")


def test_two_calls_of_which_nothing_was_told_are_told_once() -> None:
    events = _run([pbx.begins(0), pbx.begins(2, "c2", "13900139000"), _younger("c1"), pbx.offered(6)])
    assert _kinds(events) == ["CallStarted"]
    assert isinstance(events[0], CallStarted)
    assert (events[0].linkedid, events[0].caller_number) == ("c1", "13800138000")


def test_what_only_the_younger_call_knew_is_not_lost() -> None:
    agent = m.NewChannel(at=pbx.at(0), channel=pbx.phone("p9", "p9"))
    events = _run([agent, pbx.begins(2, "c2"), _younger("p9"), pbx.offered(6, "c2")])
    [record] = fold(events)
    assert (record.linkedid, record.caller_number, record.started_at) == (
        "p9", "13800138000", "2026-05-11T02:00:02.000Z",
    )  # fmt: skip


def test_a_linkedid_that_nobody_knew_is_an_alias() -> None:
    record = _record([*YOUNGER, _younger("gone"), pbx.hangs_up(8, pbx.trunk("c2", linkedid="gone"))])
    assert (record.linkedid, record.linkedids) == ("c2", ["c2", "gone"])


# What is no call, or comes late, twice, or ugly


def test_our_own_control_channels_are_no_calls() -> None:
    halves = [m.Channel(f"Local/acw-set@hl-control-1;{n}", f"l{n}", "l1", 6, None, None, "hl-control") for n in (1, 2)]
    tracker = Tracker("pbx1")
    messages: list[m.Message] = [m.NewChannel(at=pbx.at(0), channel=half) for half in halves]
    messages += [m.LocalBridge(at=pbx.at(0), one=halves[0], two=halves[1])]
    messages += [pbx.hangs_up(1, half) for half in halves]
    assert _run(messages, tracker) == []
    assert tracker.calls == ()


def test_a_call_from_an_agents_phone_is_none_of_ours() -> None:
    leg = pbx.phone("p1", "p1")
    assert _run([m.NewChannel(at=pbx.at(0), channel=leg), pbx.hangs_up(1, leg, 21)]) == []


def test_late_messages_do_not_bring_an_ended_call_back() -> None:
    tracker = Tracker("pbx1")
    _run(TALK, tracker)
    late = [m.NewState(at=pbx.at(21), channel=LEG), pbx.joins(21), pbx.connects(21, LEG), pbx.outcome(21, "failed")]
    assert _run([*late, *TALK], tracker) == []
    assert tracker.calls == ()


@pytest.mark.parametrize("name", pbx.NAMES)
def test_every_message_twice_is_once(name: str) -> None:
    messages = transcript(name)
    assert _told(message for message in messages for _ in range(2)) == _told(messages)


def test_a_late_join_of_a_caller_who_talks_does_not_make_them_wait() -> None:
    assert "CallQueued" not in _kinds(_run([pbx.joins(10.5)], _after(TALK[:8])))


def _after(messages: Iterable[m.Message]) -> Tracker:
    tracker = Tracker("pbx1")
    _run(messages, tracker)
    return tracker


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("13800138000", "13800138000"),
        ("+8613800138000", "+8613800138000"),
        ("138\x00001\r\n38000\x1b", "13800138000"),
        ("١٢٣", None),
        ("anonymous", None),
        ("", None),
        (None, None),
        ("1" * 300, "1" * 64),
    ],
)
def test_of_a_callers_number_only_digits_and_plus_are_kept(sent: str | None, kept: str | None) -> None:
    [started] = _run([pbx.begins(0, number=sent), pbx.fact(0.1, "HLOffered", pbx.trunk(number=sent), hlline="12345")])
    assert isinstance(started, CallStarted)
    assert started.caller_number == kept


def test_asterisks_own_restart_is_who_ended_the_calls() -> None:
    tracker = _after(TALK[:8])
    tracker.resync(pbx.Pbx.after(TALK[:8]).snapshot())
    events = tracker.resync(m.Snapshot(pbx.at(60), "2026-11-24T12:00:00", (), (), (), {}))
    assert [_said(event) for event in events] == [
        ("00.000000", "AgentLegEnded", "member=a1"),
        ("00.000000", "CallEnded", "outcome=failed hangup_by=system"),
    ]
