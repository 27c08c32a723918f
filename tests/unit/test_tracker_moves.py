"""What becomes of a call while its agent has it: hold, consult, conference."""

import pytest

from hotline.calls.tracker import Tracker
from hotline.telephony import messages as m
from tests import pbx_model as pbx
from tests.pbx_model import Pbx, open_calls
from tests.tracker_stories import (
    A1,
    A2,
    A3,
    ASIDE,
    ASKED,
    CALLER,
    CONSULT,
    ENDS,
    OUT,
    TALK,
    end_of,
    feed,
    legs,
    run,
    told,
    twice_is_once,
)

# Hold


def test_a_hold_is_part_of_the_talk_and_known_by_itself() -> None:
    story = [
        *TALK, m.Hold(at=pbx.at(20), channel=A1), m.Unhold(at=pbx.at(25), channel=A1),
        m.Hold(at=pbx.at(30), channel=A1), m.Unhold(at=pbx.at(31), channel=A1),
        *pbx.apart(60, CALLER, A1), *ENDS, pbx.hangs_up(60, A1),
    ]  # fmt: skip
    assert told(story)[:4] == ["20 LegHeld a1", "25 LegResumed a1", "30 LegHeld a1", "31 LegResumed a1"]
    events = run(story)
    assert legs(events) == {"a1": (48000, 6000)}
    assert (end_of(events).talk_ms, end_of(events).hold_ms) == (48000, 6000)
    twice_is_once(story)


def test_a_phone_that_dies_while_it_holds_holds_no_longer() -> None:
    story = [*TALK, m.Hold(at=pbx.at(20), channel=A1), *pbx.apart(25, A1, CALLER), pbx.hangs_up(25, A1, 38)]
    assert legs(run(story)) == {"a1": (13000, 5000)}


# Consult


def test_a_colleague_is_asked_and_takes_the_caller() -> None:
    story = [
        *ASKED, *pbx.apart(30, A1, A2, bridge="b2"), pbx.hangs_up(30.1, A1),
        pbx.moves(30.2, "room", "a1", "a2"), *pbx.together(30.3, A2, CALLER, bridge="b3"),
        *pbx.apart(60, CALLER, A2, bridge="b3"), *ENDS, pbx.hangs_up(60.1, A2),
    ]  # fmt: skip
    assert told(story) == [
        "20.1 AgentRang a2 consult",
        "20.2 CallAside consult a1",
        "22.1 CallAnswered a2 consult",
        "30.1 AgentLegEnded a1 queue",
        "30.2 CallRejoined a2",
        "30.3 CallTransferred attended a1 a2",
        "60.1 AgentLegEnded a2 consult",
        "60.1 CallEnded answered",
    ]
    events = run(story)
    assert legs(events) == {"a1": (18000, 9800), "a2": (29700, 0)}
    assert (end_of(events).talk_ms, end_of(events).hold_ms) == (47700, 9800)
    twice_is_once(story)


@pytest.mark.parametrize("order", ["the phone first", "the caller first"])
def test_back_to_the_caller_the_colleague_was_only_asked(order: str) -> None:
    """The fact comes a little before the two are together again."""
    meet = pbx.together(30.2, *((A1, CALLER) if order == "the phone first" else (CALLER, A1)), bridge="b3")
    story = [
        *ASKED, *pbx.apart(30, A2, A1, bridge="b2"), pbx.hangs_up(30, A2), pbx.moves(30.1, "back", "a1"), *meet,
        *pbx.apart(60, CALLER, A1, bridge="b3"), *ENDS, pbx.hangs_up(60.1, A1),
    ]  # fmt: skip
    assert told(story)[2:] == [
        "22.1 CallAnswered a2 consult",
        "30 AgentLegEnded a2 consult",
        "30.1 CallRejoined a1",
        "60.1 AgentLegEnded a1 queue",
        "60.1 CallEnded answered",
    ]
    events = run(story)
    assert legs(events) == {"a2": (0, 0), "a1": (48000, 9900)}
    twice_is_once(story)


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
    assert told(story, 25) == [f"25 {said}", "25.1 CallRejoined a1"]


def test_a_conference_has_one_owner_until_they_leave() -> None:
    story = [
        *ASKED, *pbx.apart(30, A1, A2, bridge="b2"), pbx.moves(30.1, "back", "a1"),
        *pbx.together(30.2, A1, CALLER, A2, bridge="b3"),
        *pbx.apart(40, A1, bridge="b3"), pbx.hangs_up(40.1, A1),
        *pbx.apart(60, CALLER, A2, bridge="b3"), *ENDS, pbx.hangs_up(60.1, A2),
    ]  # fmt: skip
    assert told(story, 30) == [
        "30.1 CallRejoined a1",
        "40.1 AgentLegEnded a1 queue",
        "40 CallTransferred attended a1 a2",
        "60.1 AgentLegEnded a2 consult",
        "60.1 CallEnded answered",
    ]
    events = run(story)
    assert legs(events) == {"a1": (28000, 9900), "a2": (29800, 0)}
    assert end_of(events).talk_ms == 48000, "the ten seconds of three are counted once"
    twice_is_once(story)


def test_one_of_three_who_asks_somebody_else_has_no_talk_with_the_caller_meanwhile() -> None:
    story = [
        *ASIDE, *pbx.apart(50, A3, A1, bridge="b4"), pbx.hangs_up(50, A3),
        pbx.fact(50.1, "HLMove", A1, hlwhat="returns", hlby="a1", hlto=""), *pbx.together(50.2, A1, bridge="b3"),
        *pbx.apart(60, CALLER, A1, A2, bridge="b3"), *ENDS, pbx.hangs_up(60.1, A1), pbx.hangs_up(60.2, A2),
    ]  # fmt: skip
    assert told(story, 40) == [
        "40.1 LegAside a1",
        "40.2 AgentRang a3 consult",
        "42.1 CallAnswered a3 consult",
        "50 AgentLegEnded a3 consult",
        "50.2 LegRejoined a1",
        "60.1 AgentLegEnded a1 queue",
        "60.2 AgentLegEnded a2 consult",
        "60.2 CallEnded answered",
    ]
    events = run(story)
    # Of a1's 48 s since the answer 9.9 were music for the caller, and 10.1 were spoken elsewhere.
    assert legs(events) == {"a3": (0, 0), "a1": (37900, 9900), "a2": (29800, 0)}
    assert (end_of(events).talk_ms, end_of(events).hold_ms) == (48000, 9900), (
        "somebody was with the caller all the time"
    )
    twice_is_once(story)


def test_whom_one_of_three_asked_comes_in_and_is_a_fourth() -> None:
    story = [*ASIDE, *pbx.apart(50, A1, A3, bridge="b4"), *pbx.together(50.2, A3, A1, bridge="b3")]
    assert told(story, 43) == ["50.2 LegRejoined a1"]
    leave = [
        *pbx.apart(55, A2, bridge="b3"),
        pbx.hangs_up(55, A2),
        *pbx.apart(57, A1, bridge="b3"),
        pbx.hangs_up(57, A1),
    ]
    assert told([*story, *leave], 55) == [
        "55 AgentLegEnded a2 consult",
        "57 AgentLegEnded a1 queue",
        "57 CallTransferred attended a1 a3",
    ]


def test_one_of_three_who_asks_and_is_gone_leaves_the_others_with_the_caller() -> None:
    story = [*ASIDE, *pbx.apart(50, A1, A3, bridge="b4"), pbx.hangs_up(50, A1, 38), pbx.hangs_up(50, A3)]
    assert told(story, 50) == [
        "50 AgentLegEnded a1 queue",
        "50 CallTransferred attended a1 a2",
        "50 AgentLegEnded a3 consult",
    ]


def test_the_caller_who_hangs_up_while_one_of_three_asks_is_shown_as_gone() -> None:
    story = [*ASIDE, *pbx.apart(60, CALLER, A2, bridge="b3"), *ENDS, pbx.hangs_up(60.1, A2)]
    assert told(story, 60) == ["60 CallAside gone a1", "60.1 AgentLegEnded a2 consult"]


def test_our_restart_while_one_of_three_asks_loses_none_of_it() -> None:
    whole = [
        *ASIDE, *pbx.apart(50, A3, A1, bridge="b4"), pbx.hangs_up(50, A3), *pbx.together(50.2, A1, bridge="b3"),
        *pbx.apart(60, CALLER, A1, A2, bridge="b3"), *ENDS, pbx.hangs_up(60.1, A1), pbx.hangs_up(60.2, A2),
    ]  # fmt: skip
    for cut in (len(ASIDE), len(ASIDE) + 5):
        before, tracker = run(whole[:cut]), Tracker("pbx1")
        tracker.adopt(open_calls(before))
        after = tracker.resync(Pbx.after(whole[:cut]).snapshot()) + feed(tracker, whole[cut:])
        talked, _held = legs(before + after)["a1"]
        assert talked == 37900


def test_the_caller_who_hangs_up_in_a_conference_is_nobodys_to_have() -> None:
    story = [
        *ASKED, *pbx.apart(30, A1, A2, bridge="b2"), pbx.moves(30.1, "back", "a1"),
        *pbx.together(30.2, A1, CALLER, A2, bridge="b3"), *pbx.apart(60, CALLER, A1, A2, bridge="b3"), *ENDS,
        pbx.hangs_up(60.1, A1), pbx.hangs_up(60.2, A2),
    ]  # fmt: skip
    assert told(story, 31) == [
        "60.1 AgentLegEnded a1 queue",
        "60.2 AgentLegEnded a2 consult",
        "60.2 CallEnded answered",
    ]


def test_the_agent_vanishes_while_asking_the_caller_waits_first_in_line() -> None:
    again = pbx.fact(30.5, "HLAgain", CALLER, hlqueue="hotline")
    story = [*ASKED, *pbx.apart(30, A1, A2, bridge="b2"), pbx.hangs_up(30, A1, 38), pbx.hangs_up(30.1, A2), again]
    assert told(story, 30) == [
        "30 AgentLegEnded a1 queue",
        "30.1 AgentLegEnded a2 consult",
        "30.5 CallRejoined",
        "30.5 CallQueued",
    ]


def test_the_caller_hangs_up_while_somebody_is_asked() -> None:
    story = [*ASKED, *ENDS, *pbx.apart(60.1, A1, A2, bridge="b2"), pbx.hangs_up(60.2, A2), pbx.hangs_up(60.3, A1)]
    events = run(story)
    assert told(story, 60) == [
        "60 CallAside gone a1",
        "60.2 AgentLegEnded a2 consult",
        "60.3 AgentLegEnded a1 queue",
        "60.3 CallEnded answered",
    ]
    assert (end_of(events).talk_ms, end_of(events).hold_ms) == (48000, 39800), "nobody talks with who is gone"


def test_110_is_asked_and_joined() -> None:
    story = [
        *TALK, *pbx.apart(20, CALLER, A1), pbx.dials(20.1, A1, OUT), pbx.moves(20.2, "consult", "a1", "outside"),
        pbx.dialled(22, A1, OUT), *pbx.together(22.1, OUT, A1, bridge="b2"), *pbx.apart(30, A1, OUT, bridge="b2"),
        pbx.moves(30.1, "back", "a1"), *pbx.together(30.2, A1, CALLER, OUT, bridge="b3"),
        *pbx.apart(40, A1, bridge="b3"), pbx.hangs_up(40.1, A1),
        *pbx.apart(60, CALLER, OUT, bridge="b3"), *ENDS, pbx.hangs_up(60.1, OUT),
    ]  # fmt: skip
    assert told(story) == [
        "20.1 PartyRang a1 110",
        "20.2 CallAside consult a1",
        "22.1 PartyAnswered a1 110",
        "30.1 CallRejoined a1",
        "40.1 AgentLegEnded a1 queue",
        "40 CallTransferred attended a1 outside",
        "60.1 PartyLeft answered 110",
        "60.1 CallEnded answered",
    ]
    assert end_of(run(story)).talk_ms == 28000, "our talk: what is said to others without us is theirs"
    twice_is_once(story)


@pytest.mark.parametrize(
    ("status", "cause", "result"),
    [
        ("BUSY", 17, "busy"), ("NOANSWER", 0, "no_answer"), ("NOANSWER", 21, "rejected"), ("CONGESTION", 34, "failed"),
        ("CHANUNAVAIL", 20, "failed"), ("CANCEL", 0, "withdrawn"),
    ],
)  # fmt: skip
def test_a_number_outside_is_not_reached(status: str, cause: int, result: str) -> None:
    story = [*TALK, pbx.dials(20.1, A1, OUT), pbx.dialled(25, A1, OUT, status), pbx.hangs_up(25, OUT, cause)]
    assert told(story) == ["20.1 PartyRang a1 110", f"25 PartyLeft {result} 110"]
