"""What becomes of a call once it is answered: hold, consult, transfer, conference, parking, and calls that agents dial.

The order of messages is the real Asterisk's in our dialplan (tests/transcripts shows it); where a scene is of a phone's
own doing, Asterisk's documentation of the event says what it holds.
"""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from hotline.calls.tracker import Tracker
from hotline.events import AgentLegEnded, CallEnded, CallEvent, CallMerged
from hotline.telephony import messages as m
from tests import pbx_model as pbx
from tests.pbx_model import Pbx, open_calls

CALLER, A1 = pbx.trunk(), pbx.phone()
A2, A3, OUT = pbx.phone("p2", member="a2"), pbx.phone("p3", member="a3"), pbx.outside()
TALK: list[m.Message] = [
    pbx.begins(0), pbx.offered(0.1), pbx.joins(10), pbx.calls_agent(10.1, A1), pbx.dials(10.1, CALLER, A1),
    pbx.dialled(12, CALLER, A1), pbx.leaves(12), pbx.connects(12, A1), *pbx.together(12.1, A1, CALLER),
]  # fmt: skip
CONSULT: list[m.Message] = [
    *TALK, *pbx.apart(20, CALLER, A1), pbx.dials(20.1, A1, A2), pbx.moves(20.2, "consult", "a1", "a2"),
]  # fmt: skip
ASKED: list[m.Message] = [*CONSULT, pbx.dialled(22, A1, A2), *pbx.together(22.1, A1, A2, bridge="b2")]
ENDS: list[m.Message] = [pbx.outcome(60, "answered", "caller"), pbx.hangs_up(60, CALLER)]


def _feed(tracker: Tracker, messages: Iterable[m.Message]) -> list[CallEvent]:
    return [event for message in messages for event in tracker.feed(message)]


def _run(messages: Iterable[m.Message]) -> list[CallEvent]:
    return _feed(Tracker("pbx1"), messages)


def _told(messages: Iterable[m.Message], since: float = 13) -> list[str]:
    """From a second on: `12 CallAnswered a1 queue`."""
    return [_said(event) for event in _run(messages) if event.at >= pbx.at(since)]


def _said(event: CallEvent) -> str:
    names = ("what", "kind", "member", "to", "role", "result", "number", "direction", "outcome", "other")
    words = [str(value) for name in names if (value := getattr(event, name, None)) not in {None, ""}]
    seconds = (event.at - pbx.T0).total_seconds()
    return " ".join([f"{seconds:g}", type(event).__name__, *words])


def _end(events: Iterable[CallEvent]) -> CallEnded:
    [end] = [event for event in events if isinstance(event, CallEnded)]
    return end


def _legs(events: Iterable[CallEvent]) -> dict[str, tuple[int | None, int | None]]:
    """Member → talk and hold in milliseconds."""
    return {event.member: (event.talk_ms, event.hold_ms) for event in events if isinstance(event, AgentLegEnded)}


def _twice_is_once(messages: list[m.Message]) -> None:
    tracker = Tracker("pbx1")
    _feed(tracker, messages)
    assert _feed(tracker, messages) == []


# Hold


def test_a_hold_is_part_of_the_talk_and_known_by_itself() -> None:
    story = [
        *TALK, m.Hold(at=pbx.at(20), channel=A1), m.Unhold(at=pbx.at(25), channel=A1),
        m.Hold(at=pbx.at(30), channel=A1), m.Unhold(at=pbx.at(31), channel=A1),
        *pbx.apart(60, CALLER, A1), *ENDS, pbx.hangs_up(60, A1),
    ]  # fmt: skip
    assert _told(story)[:4] == ["20 LegHeld a1", "25 LegResumed a1", "30 LegHeld a1", "31 LegResumed a1"]
    events = _run(story)
    assert _legs(events) == {"a1": (48000, 6000)}
    assert (_end(events).talk_ms, _end(events).hold_ms) == (48000, 6000)
    _twice_is_once(story)


def test_a_phone_that_dies_while_it_holds_holds_no_longer() -> None:
    story = [*TALK, m.Hold(at=pbx.at(20), channel=A1), *pbx.apart(25, A1, CALLER), pbx.hangs_up(25, A1, 38)]
    assert _legs(_run(story)) == {"a1": (13000, 5000)}


# Consult


def test_a_colleague_is_asked_and_takes_the_caller() -> None:
    story = [
        *ASKED, *pbx.apart(30, A1, A2, bridge="b2"), pbx.hangs_up(30.1, A1),
        pbx.moves(30.2, "room", "a1", "a2"), *pbx.together(30.3, A2, CALLER, bridge="b3"),
        *pbx.apart(60, CALLER, A2, bridge="b3"), *ENDS, pbx.hangs_up(60.1, A2),
    ]  # fmt: skip
    assert _told(story) == [
        "20.1 AgentRang a2 consult",
        "20.2 CallAside consult a1",
        "22.1 CallAnswered a2 consult",
        "30.1 AgentLegEnded a1 queue",
        "30.2 CallRejoined a2",
        "30.3 CallTransferred attended a1 a2",
        "60.1 AgentLegEnded a2 consult",
        "60.1 CallEnded answered",
    ]
    events = _run(story)
    assert _legs(events) == {"a1": (18000, 9800), "a2": (29700, 0)}
    assert (_end(events).talk_ms, _end(events).hold_ms) == (47700, 9800)
    _twice_is_once(story)


@pytest.mark.parametrize("order", ["the phone first", "the caller first"])
def test_back_to_the_caller_the_colleague_was_only_asked(order: str) -> None:
    """The fact comes a little before the two are together again."""
    meet = pbx.together(30.2, *((A1, CALLER) if order == "the phone first" else (CALLER, A1)), bridge="b3")
    story = [
        *ASKED, *pbx.apart(30, A2, A1, bridge="b2"), pbx.hangs_up(30, A2), pbx.moves(30.1, "back", "a1"), *meet,
        *pbx.apart(60, CALLER, A1, bridge="b3"), *ENDS, pbx.hangs_up(60.1, A1),
    ]  # fmt: skip
    assert _told(story)[2:] == [
        "22.1 CallAnswered a2 consult",
        "30 AgentLegEnded a2 consult",
        "30.1 CallRejoined a1",
        "60.1 AgentLegEnded a1 queue",
        "60.1 CallEnded answered",
    ]
    events = _run(story)
    assert _legs(events) == {"a2": (0, 0), "a1": (48000, 9900)}
    _twice_is_once(story)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("BUSY", "AgentMissed a2 consult"),
        ("NOANSWER", "AgentMissed a2 consult"),
        ("CANCEL", "AgentOfferEnded a2 consult"),
    ],
)
def test_the_colleague_is_not_reached(status: str, said: str) -> None:
    story = [*CONSULT, pbx.dialled(25, A1, A2, status), pbx.hangs_up(25, A2, 17), pbx.moves(25.1, "back", "a1")]
    assert _told(story, 25) == [f"25 {said}", "25.1 CallRejoined a1"]


def test_a_conference_has_one_owner_until_they_leave() -> None:
    story = [
        *ASKED, *pbx.apart(30, A1, A2, bridge="b2"), pbx.moves(30.1, "back", "a1"),
        *pbx.together(30.2, A1, CALLER, A2, bridge="b3"),
        *pbx.apart(40, A1, bridge="b3"), pbx.hangs_up(40.1, A1),
        *pbx.apart(60, CALLER, A2, bridge="b3"), *ENDS, pbx.hangs_up(60.1, A2),
    ]  # fmt: skip
    assert _told(story, 30) == [
        "30.1 CallRejoined a1",
        "40.1 AgentLegEnded a1 queue",
        "40 CallTransferred attended a1 a2",
        "60.1 AgentLegEnded a2 consult",
        "60.1 CallEnded answered",
    ]
    events = _run(story)
    assert _legs(events) == {"a1": (28000, 9900), "a2": (29800, 0)}
    assert _end(events).talk_ms == 48000, "the ten seconds of three are counted once"
    _twice_is_once(story)


def test_the_caller_who_hangs_up_in_a_conference_is_nobodys_to_have() -> None:
    story = [
        *ASKED, *pbx.apart(30, A1, A2, bridge="b2"), pbx.moves(30.1, "back", "a1"),
        *pbx.together(30.2, A1, CALLER, A2, bridge="b3"), *pbx.apart(60, CALLER, A1, A2, bridge="b3"), *ENDS,
        pbx.hangs_up(60.1, A1), pbx.hangs_up(60.2, A2),
    ]  # fmt: skip
    assert _told(story, 31) == [
        "60.1 AgentLegEnded a1 queue",
        "60.2 AgentLegEnded a2 consult",
        "60.2 CallEnded answered",
    ]


def test_the_agent_vanishes_while_asking_the_caller_waits_first_in_line() -> None:
    again = pbx.fact(30.5, "HLAgain", CALLER, hlqueue="hotline")
    story = [*ASKED, *pbx.apart(30, A1, A2, bridge="b2"), pbx.hangs_up(30, A1, 38), pbx.hangs_up(30.1, A2), again]
    assert _told(story, 30) == [
        "30 AgentLegEnded a1 queue",
        "30.1 AgentLegEnded a2 consult",
        "30.5 CallRejoined",
        "30.5 CallQueued",
    ]


def test_the_caller_hangs_up_while_somebody_is_asked() -> None:
    story = [*ASKED, *ENDS, *pbx.apart(60.1, A1, A2, bridge="b2"), pbx.hangs_up(60.2, A2), pbx.hangs_up(60.3, A1)]
    events = _run(story)
    assert _told(story, 60) == [
        "60 CallAside gone a1",
        "60.2 AgentLegEnded a2 consult",
        "60.3 AgentLegEnded a1 queue",
        "60.3 CallEnded answered",
    ]
    assert (_end(events).talk_ms, _end(events).hold_ms) == (48000, 39800), "nobody talks with who is gone"


def test_110_is_asked_and_joined() -> None:
    story = [
        *TALK, *pbx.apart(20, CALLER, A1), pbx.dials(20.1, A1, OUT), pbx.moves(20.2, "consult", "a1", "outside"),
        pbx.dialled(22, A1, OUT), *pbx.together(22.1, OUT, A1, bridge="b2"), *pbx.apart(30, A1, OUT, bridge="b2"),
        pbx.moves(30.1, "back", "a1"), *pbx.together(30.2, A1, CALLER, OUT, bridge="b3"),
        *pbx.apart(40, A1, bridge="b3"), pbx.hangs_up(40.1, A1),
        *pbx.apart(60, CALLER, OUT, bridge="b3"), *ENDS, pbx.hangs_up(60.1, OUT),
    ]  # fmt: skip
    assert _told(story) == [
        "20.1 PartyRang a1 110",
        "20.2 CallAside consult a1",
        "22.1 PartyAnswered a1 110",
        "30.1 CallRejoined a1",
        "40.1 AgentLegEnded a1 queue",
        "40 CallTransferred attended a1 outside",
        "60.1 PartyLeft answered 110",
        "60.1 CallEnded answered",
    ]
    assert _end(_run(story)).talk_ms == 28000, "our talk: what is said to others without us is theirs"
    _twice_is_once(story)


@pytest.mark.parametrize(
    ("status", "cause", "result"),
    [
        ("BUSY", 17, "busy"), ("NOANSWER", 0, "no_answer"), ("NOANSWER", 21, "rejected"), ("CONGESTION", 34, "failed"),
        ("CHANUNAVAIL", 20, "failed"), ("CANCEL", 0, "withdrawn"),
    ],
)  # fmt: skip
def test_a_number_outside_is_not_reached(status: str, cause: int, result: str) -> None:
    story = [*TALK, pbx.dials(20.1, A1, OUT), pbx.dialled(25, A1, OUT, status), pbx.hangs_up(25, OUT, cause)]
    assert _told(story) == ["20.1 PartyRang a1 110", f"25 PartyLeft {result} 110"]


# Blind transfer


SENT: list[m.Message] = [
    *TALK, *pbx.apart(20, CALLER, A1), pbx.hangs_up(20.05, A1), pbx.moves(20.1, "transfer", "a1", "a2"),
    pbx.dials(20.2, CALLER, A2),
]  # fmt: skip


def test_a_caller_who_is_sent_on_is_the_receivers_from_the_answer() -> None:
    story = [
        *SENT, pbx.dialled(25, CALLER, A2), *pbx.together(25.1, A2, CALLER, bridge="b2"),
        *pbx.apart(60, CALLER, A2, bridge="b2"), *ENDS, pbx.hangs_up(60.1, A2),
    ]  # fmt: skip
    assert _told(story) == [
        "20.05 AgentLegEnded a1 queue",
        "20.1 CallTransferred blind a1 a2",
        "20.2 AgentRang a2 transfer",
        "25.1 CallAnswered a2 transfer",
        "60.1 AgentLegEnded a2 transfer",
        "60.1 CallEnded answered",
    ]
    events = _run(story)
    assert _legs(events) == {"a1": (8000, 0), "a2": (34900, 0)}
    assert _end(events).talk_ms == 42900, "the ringing in between is nobody's talk"
    _twice_is_once(story)


def test_a_transfer_that_nobody_answers_leads_back_to_the_queue() -> None:
    again = pbx.fact(40.2, "HLAgain", CALLER, hlqueue="hotline")
    story = [
        *SENT,
        pbx.dialled(40, CALLER, A2, "NOANSWER"),
        pbx.hangs_up(40.1, A2),
        again,
        pbx.joins(40.3),
        pbx.leaves(60),
    ]
    assert _told(story, 40) == ["40 AgentMissed a2 transfer", "40.2 CallQueued"]
    assert _end(_run([*story, pbx.hangs_up(60, CALLER)])).outcome == "abandoned"
    _twice_is_once(story)


def test_a_phones_own_transfer_is_told_once() -> None:
    """REFER: Asterisk tells of it, and then the dialplan that it leads to."""
    refer = m.BlindTransfer(
        at=pbx.at(20), transferer=A1, transferee=CALLER, context="hl-transfer", exten="a2", success=True
    )
    story = [*TALK, refer, *SENT[len(TALK) :]]
    assert _told(story)[:2] == ["20 CallTransferred blind a1 a2", "20.05 AgentLegEnded a1 queue"]
    assert sum("CallTransferred" in said for said in _told(story)) == 1
    refused = replace(refer, success=False)
    assert _told([*TALK, refused]) == []


@pytest.mark.parametrize(
    ("exten", "to"), [("out-110", "outside"), ("13800138000", "outside"), ("a2", "a2"), ("800", "800")]
)
def test_a_number_outside_stays_unsaid(exten: str, to: str) -> None:
    refer = m.BlindTransfer(at=pbx.at(20), transferer=A1, transferee=CALLER, context="x", exten=exten, success=True)
    assert _told([*TALK, refer]) == [f"20 CallTransferred blind a1 {to}"]


def test_back_to_the_queue_with_a_note() -> None:
    story = [
        *TALK, *pbx.apart(20, CALLER, A1), pbx.moves(20.1, "queue", "a1", "queue"),
        pbx.fact(20.2, "HLAgain", CALLER, hlqueue="hotline"), pbx.hangs_up(20.3, A1),
    ]  # fmt: skip
    assert _told(story) == ["20.1 CallTransferred queue a1 queue", "20.2 CallQueued", "20.3 AgentLegEnded a1 queue"]
    _twice_is_once(story)


# Parking


def test_a_parked_caller_is_nobodys_until_picked_up() -> None:
    story = [
        *TALK, *pbx.apart(20, CALLER, A1), pbx.moves(20.1, "parked", "a1"), pbx.hangs_up(20.2, A1),
        pbx.moves(50, "transfer", "", "a2"), pbx.dials(50.1, CALLER, A2), *pbx.together(52, A2, CALLER, bridge="b2"),
        *pbx.apart(60, CALLER, A2, bridge="b2"), *ENDS, pbx.hangs_up(60, A2),
    ]  # fmt: skip
    assert _told(story)[:5] == [
        "20.1 CallAside parked a1",
        "20.2 AgentLegEnded a1 queue",
        "50 CallRejoined",
        "50 CallTransferred blind a2",
        "50.1 AgentRang a2 transfer",
    ]
    assert _end(_run(story)).talk_ms == 16000
    assert _end(_run(story)).hold_ms == 0
    _twice_is_once(story)


def test_asterisks_own_parking_and_who_takes_the_caller_out() -> None:
    parked = m.Parked(at=pbx.at(20.1), channel=CALLER, what="parked", parker="PJSIP/a1", retriever=None)
    own = pbx.phone("p2", of="p2", member="a2")
    taken = m.Parked(at=pbx.at(50), channel=CALLER, what="unparked", parker="PJSIP/a1", retriever=own)
    story = [
        *TALK, *pbx.apart(20, CALLER, A1), parked, pbx.hangs_up(20.2, A1), m.NewChannel(at=pbx.at(49), channel=own),
        taken, *pbx.together(50.1, CALLER, A2, bridge="b2"),
    ]  # fmt: skip
    assert _told(story)[2:] == [
        "50 CallMerged p2",
        "50 CallRejoined a2",
        "50.1 AgentRang a2 transfer",
        "50.1 CallAnswered a2 transfer",
    ]


# A phone's own consult, with a call of its own


SECOND = pbx.phone("p1b", of="p1b", member="a1")
THEIRS = pbx.phone("p2", of="p1b", member="a2")
OWN_CONSULT: list[m.Message] = [
    *TALK, m.Hold(at=pbx.at(20), channel=A1), m.NewChannel(at=pbx.at(21), channel=SECOND),
    pbx.fact(21, "HLOffered", SECOND, hldirection="internal", hlline="101"), pbx.dials(21.1, SECOND, THEIRS),
]  # fmt: skip


def _attended(seconds: float, dest_type: str, target: m.Channel | None) -> m.AttendedTransfer:
    return m.AttendedTransfer(
        at=pbx.at(seconds),
        original=A1,
        second=SECOND,
        transferee=CALLER,
        target=target,
        dest_type=dest_type,
        success=True,
    )


def test_a_phones_own_consult_becomes_part_of_the_call() -> None:
    story = [
        *OWN_CONSULT, *pbx.together(23, THEIRS, SECOND, bridge="b2"), _attended(30, "Bridge", THEIRS),
        *pbx.apart(30, A1), pbx.exits(30, SECOND, bridge="b2"), pbx.exits(30, CALLER),
        pbx.enters(30, CALLER, bridge="b2"),
        pbx.hangs_up(30.1, A1), pbx.hangs_up(30.1, SECOND), *pbx.apart(60, CALLER, A2, bridge="b2"), *ENDS,
        pbx.hangs_up(60, A2),
    ]  # fmt: skip
    events = _run(story)
    assert [event.other for event in events if isinstance(event, CallMerged)] == ["p1b"]
    assert "30 CallTransferred attended a1 a2" in _told(story)
    assert {event.linkedid for event in events if event.at > pbx.at(30)} == {"c1"}
    assert _legs(events)["a2"][0] == 30000
    _twice_is_once(story)


def test_given_away_before_the_colleague_answers_the_call_is_theirs_from_the_answer() -> None:
    """DestType App: the caller takes the place of who dials (a blonde transfer)."""
    story = [
        *OWN_CONSULT, _attended(25, "App", None), *pbx.apart(25, A1, CALLER), pbx.hangs_up(25.1, A1),
        pbx.hangs_up(25.1, SECOND), pbx.dialled(28, CALLER, A2), *pbx.together(28, A2, CALLER, bridge="b2"),
    ]  # fmt: skip
    told = _told(story, 25)
    assert "25 CallTransferred blind a1 a2" in told
    assert told[-1] == "28 CallAnswered a2 transfer"


def test_a_failed_or_threeway_transfer_changes_nothing() -> None:
    for dest_type in ("Fail", "Threeway"):
        told = _told(
            [*OWN_CONSULT, *pbx.together(23, THEIRS, SECOND, bridge="b2"), _attended(30, dest_type, THEIRS)], 24
        )
        assert not any("CallTransferred" in said for said in told), told


def test_a_colleague_answers_a_phone_that_rings_elsewhere() -> None:
    """Pickup: the picker's channel takes the place of the phone that rang, which is gone."""
    picker = pbx.phone("p9", of="p9", member="a9")
    story = [
        *TALK[:5], m.NewChannel(at=pbx.at(11), channel=picker),
        m.Pickup(at=pbx.at(11.1), channel=picker, target=A1), pbx.hangs_up(11.2, A1, 26), pbx.leaves(11.3),
        pbx.connects(11.3, replace(picker, linkedid="c1")), *pbx.together(11.4, CALLER, replace(picker, linkedid="c1")),
    ]  # fmt: skip
    assert _told(story, 11) == [
        "11.1 CallMerged p9",
        "11.1 AgentRang a9 queue",
        "11.2 AgentOfferEnded a1 queue",
        "11.3 CallAnswered a9 queue",
    ]


# Calls that an agent dials


DIALLER = m.Channel("PJSIP/a1-d1", "d1", "d1", 5, None, None, "hl-dial", "13800138000")
THERE = pbx.outside("o1", of="d1", number="13800138000")
DIALS: list[m.Message] = [
    m.NewChannel(at=pbx.at(0), channel=DIALLER),
    pbx.fact(0.1, "HLDial", DIALLER, hlline="12345", hlnumber="13800138000", hlby="a1"),
    pbx.dials(3, DIALLER, THERE),
]  # fmt: skip


def test_an_agent_dials_and_somebody_answers() -> None:
    story = [
        *DIALS, pbx.dialled(8, DIALLER, THERE), *pbx.together(8.1, THERE, DIALLER), *pbx.apart(20, THERE, DIALLER),
        pbx.hangs_up(20, THERE), pbx.outcome(20.1, "answered", "caller", DIALLER), pbx.hangs_up(20.1, DIALLER),
    ]  # fmt: skip
    assert _told(story, 0) == [
        "0.1 CallStarted outbound",
        "0.1 AgentRang a1 dial",
        "3 PartyRang a1 13800138000",
        "8.1 PartyAnswered a1 13800138000",
        "8.1 CallAnswered a1 dial",
        "20 PartyLeft answered 13800138000",
        "20.1 AgentLegEnded a1 dial",
        "20.1 CallEnded answered",
    ]
    end = _end(_run(story))
    assert (end.talk_ms, end.hangup_by) == (11900, "caller")
    _twice_is_once(story)


def test_nobody_answers_an_agent() -> None:
    story = [*DIALS, pbx.dialled(9, DIALLER, THERE, "BUSY"), pbx.hangs_up(9, THERE, 17), pbx.hangs_up(10, DIALLER)]
    assert _told(story, 9) == [
        "9 PartyLeft busy 13800138000",
        "10 AgentOfferEnded a1 dial",
        "10 CallEnded busy",
    ]
    assert _end(_run(story)).talk_ms is None


def test_a_phone_that_rings_for_its_own_call_and_is_not_picked_up_has_called_nobody() -> None:
    assert _told([*DIALS[:2], pbx.hangs_up(20, DIALLER, 19)], 20) == [
        "20 AgentOfferEnded a1 dial",
        "20 CallEnded withdrawn",
    ]


def test_who_was_called_is_whom_a_colleague_is_asked_about() -> None:
    asked = pbx.phone("p2", of="d1", member="a2")
    story = [
        *DIALS, *pbx.together(8.1, THERE, DIALLER), *pbx.apart(20, THERE, DIALLER), pbx.dials(20.1, DIALLER, asked),
        pbx.moves(20.2, "consult", "a1", "a2", THERE), *pbx.together(22, DIALLER, asked, bridge="b2"),
        *pbx.apart(30, DIALLER, asked, bridge="b2"), pbx.hangs_up(30.1, DIALLER),
        pbx.moves(30.2, "room", "a1", "a2", THERE),
        *pbx.together(30.3, asked, THERE, bridge="b3"),
    ]  # fmt: skip
    assert _told(story, 20) == [
        "20.1 AgentRang a2 consult",
        "20.2 CallAside consult a1",
        "22 CallAnswered a2 consult",
        "30.1 AgentLegEnded a1 dial",
        "30.2 CallRejoined a2",
        "30.3 CallTransferred attended a1 a2",
    ]


def test_the_sandbox_stands_for_whoever_would_answer_110() -> None:
    local = m.Channel("Local/110@hl-sandbox-00000001;1", "l1", "c1", 6, "110", None, "hl-party", "s")
    story = [*TALK, *pbx.apart(20, CALLER, A1), pbx.dials(20.1, A1, local), *pbx.together(21, A1, local, bridge="b2")]
    assert _told(story) == ["20.1 PartyRang a1 110", "21 PartyAnswered a1 110"]


def test_through_local_channels_a_leg_is_whose_it_is() -> None:
    """A number is dialled through Local/…;1, whose other half dials the network; the two conversations are one."""
    one = m.Channel("Local/110@x-00000001;1", "l1", "c1", 6, None, None, "x", "110")
    two = replace(one, name="Local/110@x-00000001;2", uniqueid="l2")
    story = [
        *TALK, pbx.dials(20, A1, one), m.LocalBridge(at=pbx.at(20), one=one, two=two), pbx.dials(20.1, two, OUT),
        *pbx.together(22, OUT, two, bridge="b2"), *pbx.together(22.1, one, bridge="b-c1"),
        *pbx.apart(40, A1), pbx.hangs_up(40.1, A1),
    ]  # fmt: skip
    assert _told(story) == [
        "20.1 PartyRang a1 110",
        "22 PartyAnswered a1 110",
        "40.1 AgentLegEnded a1 queue",
        "40 CallTransferred attended a1 outside",
    ]


def test_an_echo_test_is_no_call() -> None:
    echo = m.Channel("PJSIP/a1-t1", "t1", "t1", 6, None, None, "hl-test", "s")
    tracker = Tracker("pbx1")
    assert _feed(tracker, [m.NewChannel(at=pbx.at(0), channel=echo), pbx.hangs_up(5, echo)]) == []
    assert (tracker.calls, tracker.unexpected) == ((), {})


# Supervisors


BOSS = pbx.phone("s1", of="s1", member="s1")
SPIES: list[m.Message] = [
    *TALK, m.NewChannel(at=pbx.at(19), channel=BOSS),
    pbx.fact(19, "HLSpy", BOSS, hlwhat="listen", hlspied="p1", hlcall="c1", hlmember="a1", hlby="s1"),
]  # fmt: skip


def test_a_supervisor_who_listens_is_in_no_call() -> None:
    tracker = Tracker("pbx1")
    _feed(tracker, SPIES)
    assert [call.own for call in tracker.calls] == ["c1"]
    assert _told(SPIES) == []
    assert _told([*SPIES, pbx.hangs_up(30, BOSS)]) == []


def test_a_supervisor_who_joins_owns_nothing() -> None:
    story = [*SPIES, pbx.enters(25, BOSS, bridge="b-c1"), *pbx.apart(30, BOSS, bridge="b-c1"), pbx.hangs_up(30, BOSS)]
    assert _told(story) == [
        "25 CallMerged s1",
        "25 AgentRang s1 supervisor",
        "25 CallAnswered s1 supervisor",
        "30 AgentLegEnded s1 supervisor",
    ]


@pytest.mark.parametrize("order", ["said first", "seen first"])
def test_a_supervisor_takes_over(order: str) -> None:
    said, seen = pbx.moves(25.1, "take-over", "s1", "s1"), pbx.together(25, BOSS, CALLER, bridge="b3")
    story = [
        *SPIES, *pbx.apart(24, CALLER, A1), *((said, *seen) if order == "said first" else (*seen, said)),
        pbx.hangs_up(25.2, A1),
    ]  # fmt: skip
    told = [said.split(" ", 1)[1] for said in _told(story, 25)]
    assert "CallTransferred take-over a1 s1" in told
    assert sum("CallTransferred" in one for one in told) == 1


# Cuts


@pytest.mark.parametrize("story", [ASKED, SENT, SPIES, DIALS, OWN_CONSULT])
def test_our_restart_in_the_middle_changes_nothing_of_who_is_on_the_call(story: list[m.Message]) -> None:
    for cut in range(2, len(story) + 1):
        before = _run(story[:cut])
        tracker = Tracker("pbx1")
        tracker.adopt(open_calls(before))
        after = tracker.resync(Pbx.after(story[:cut]).snapshot()) + _feed(tracker, story[cut:])
        known = {event.dedupe_key for event in before}
        whole = {event.dedupe_key for event in _run(story)}
        told = known | {event.dedupe_key for event in after}
        assert {key for key in whole if ":rang" in key or ":answered" in key} <= told
        assert not any(isinstance(event, CallEnded) for event in after)


def test_a_caller_whom_a_snapshot_shows_aside() -> None:
    tracker = Tracker("pbx1")
    _feed(tracker, TALK)
    pbx_now = Pbx.after([*TALK, *pbx.apart(20, CALLER, A1)])
    pbx_now.channels["c1"] = replace(CALLER, context="hl-wait", exten="consult")
    assert [_said(event) for event in tracker.resync(pbx_now.snapshot())] == ["20 CallAside consult a1"]
    back = Pbx.after([*TALK, *pbx.apart(20, CALLER, A1), *pbx.together(30, CALLER, A1, bridge="b3")])
    assert [_said(event) for event in tracker.resync(back.snapshot())] == ["30 CallRejoined a1"]


def test_a_call_that_an_agent_dials_is_known_by_its_place_in_the_dialplan() -> None:
    # While it rings outside, the agent's leg is in the routine that every way out goes through.
    dialling = replace(DIALLER, context="hl-way")
    now = Pbx.after([*DIALS[:2], m.NewState(at=pbx.at(3), channel=dialling)])
    tracker = Tracker("pbx1")
    said = [_said(event) for event in tracker.resync(now.snapshot())]
    assert said[0].endswith("CallStarted outbound")
    assert said[1].endswith("AgentRang a1 dial")


def test_a_call_that_an_agent_dialled_is_known_while_somebody_else_is_asked() -> None:
    asking = replace(DIALLER, context="hl-consult", exten="a2")
    now = Pbx.after([*DIALS[:2], m.NewState(at=pbx.at(3), channel=asking)])
    said = [_said(event) for event in Tracker("pbx1").resync(now.snapshot())]
    assert said[0].endswith("CallStarted outbound")
    assert said[1].endswith("AgentRang a1 dial")


def test_the_queues_word_on_an_agent_who_gave_the_caller_on_says_nothing_of_the_end() -> None:
    """app_queue: AgentComplete, reason agent, as the first agent's leg goes. How the call ended nobody heard."""
    story = [
        *TALK, *pbx.apart(20, CALLER, A1), pbx.moves(20.1, "transfer", "a1", "a2"), pbx.completes(20.1, A1, "agent"),
        pbx.hangs_up(20.2, A1), pbx.dials(20.3, CALLER, A2), pbx.dialled(22, CALLER, A2),
        *pbx.together(22.1, A2, CALLER), *pbx.apart(60, CALLER, A2), pbx.hangs_up(60, A2), pbx.hangs_up(60, CALLER),
    ]  # fmt: skip
    assert (_end(_run(story)).outcome, _end(_run(story)).hangup_by) == ("answered", None)


def test_who_was_called_and_is_given_on_has_a_colleague_ring_though_the_leg_that_named_the_call_is_gone() -> None:
    """The Linkedid is that of the first agent's leg, which ended before the colleague's began."""
    given = pbx.phone("p2", of="d1", member="a2")
    story = [
        *DIALS, pbx.dialled(8, DIALLER, THERE), *pbx.together(8.1, THERE, DIALLER), *pbx.apart(20, THERE, DIALLER),
        pbx.moves(20.1, "transfer", "a1", "a2", THERE), pbx.hangs_up(20.2, DIALLER),
        m.NewChannel(at=pbx.at(20.3), channel=replace(given, state=0)), pbx.dials(20.4, THERE, given),
        *pbx.together(25, given, THERE, bridge="b2"), *pbx.apart(40, given, THERE, bridge="b2"),
        pbx.hangs_up(40, given), pbx.hangs_up(40, THERE),
    ]  # fmt: skip
    assert _told(story, 20) == [
        "20.1 CallTransferred blind a1 a2",
        "20.2 AgentLegEnded a1 dial",
        "20.4 AgentRang a2 transfer",
        "25 CallAnswered a2 transfer",
        "40 AgentLegEnded a2 transfer",
        "40 PartyLeft answered 13800138000",
        "40 CallEnded answered",
    ]


def test_the_line_of_a_call_that_a_snapshot_showed_first_is_learnt_when_it_is_said() -> None:
    tracker = Tracker("pbx1")
    tracker.resync(Pbx.after([m.NewState(at=pbx.at(0), channel=DIALLER)]).snapshot())
    assert [_said(event) for event in tracker.feed(DIALS[1])] == ["0.1 CallLineNamed"]
    assert [call.line for call in tracker.calls] == ["12345"]


def test_nobody_was_given_whom_a_snapshot_finds_gone_with_all_who_talked() -> None:
    """A conference of a call that an agent made: all of it is over, and nobody heard how."""
    asked = pbx.phone("p2", of="d1", member="a2")
    story = [
        *DIALS, *pbx.together(8.1, THERE, DIALLER), *pbx.apart(20, THERE, DIALLER), pbx.dials(20.1, DIALLER, asked),
        pbx.moves(20.2, "consult", "a1", "a2", THERE), *pbx.together(22, DIALLER, asked, bridge="b2"),
        *pbx.apart(30, DIALLER, asked, bridge="b2"), pbx.moves(30.2, "room", "a1", "a2", THERE),
        *pbx.together(30.3, asked, THERE, DIALLER, bridge="b3"),
    ]  # fmt: skip
    tracker = Tracker("pbx1")
    _feed(tracker, story)
    over = [_said(event) for event in tracker.resync(m.Snapshot(pbx.at(60), pbx.BOOT, (), (), (), {}))]
    assert [word for word in over if "CallTransferred" in word] == []
    assert over[-1] == "60 CallEnded answered"
