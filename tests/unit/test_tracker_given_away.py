"""What becomes of a call that is given away: transfer, parking, a phone's own consult, pickup."""

from dataclasses import replace

import pytest

from hotline.events import CallMerged
from hotline.telephony import messages as m
from tests import pbx_model as pbx
from tests.tracker_stories import (
    A1,
    A2,
    CALLER,
    ENDS,
    OWN_CONSULT,
    SECOND,
    SENT,
    TALK,
    THEIRS,
    end_of,
    legs,
    run,
    told,
    twice_is_once,
)

# Blind transfer


def test_a_caller_who_is_sent_on_is_the_receivers_from_the_answer() -> None:
    story = [
        *SENT, pbx.dialled(25, CALLER, A2), *pbx.together(25.1, A2, CALLER, bridge="b2"),
        *pbx.apart(60, CALLER, A2, bridge="b2"), *ENDS, pbx.hangs_up(60.1, A2),
    ]  # fmt: skip
    assert told(story) == [
        "20.05 AgentLegEnded a1 queue",
        "20.1 CallTransferred blind a1 a2",
        "20.2 AgentRang a2 transfer",
        "25.1 CallAnswered a2 transfer",
        "60.1 AgentLegEnded a2 transfer",
        "60.1 CallEnded answered",
    ]
    events = run(story)
    assert legs(events) == {"a1": (8000, 0), "a2": (34900, 0)}
    assert end_of(events).talk_ms == 42900, "the ringing in between is nobody's talk"
    twice_is_once(story)


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
    assert told(story, 40) == ["40 AgentMissed a2 transfer", "40.2 CallQueued"]
    assert end_of(run([*story, pbx.hangs_up(60, CALLER)])).outcome == "abandoned"
    twice_is_once(story)


def test_a_phones_own_transfer_is_told_once() -> None:
    """REFER: Asterisk tells of it, and then the dialplan that it leads to."""
    refer = m.BlindTransfer(
        at=pbx.at(20), transferer=A1, transferee=CALLER, context="hl-transfer", exten="a2", success=True
    )
    story = [*TALK, refer, *SENT[len(TALK) :]]
    assert told(story)[:2] == ["20 CallTransferred blind a1 a2", "20.05 AgentLegEnded a1 queue"]
    assert sum("CallTransferred" in said for said in told(story)) == 1
    refused = replace(refer, success=False)
    assert told([*TALK, refused]) == []


@pytest.mark.parametrize(
    ("exten", "to"), [("out-110", "outside"), ("13800138000", "outside"), ("a2", "a2"), ("800", "800")]
)
def test_a_number_outside_stays_unsaid(exten: str, to: str) -> None:
    refer = m.BlindTransfer(at=pbx.at(20), transferer=A1, transferee=CALLER, context="x", exten=exten, success=True)
    assert told([*TALK, refer]) == [f"20 CallTransferred blind a1 {to}"]


def test_back_to_the_queue_with_a_note() -> None:
    story = [
        *TALK, *pbx.apart(20, CALLER, A1), pbx.moves(20.1, "queue", "a1", "queue"),
        pbx.fact(20.2, "HLAgain", CALLER, hlqueue="hotline"), pbx.hangs_up(20.3, A1),
    ]  # fmt: skip
    assert told(story) == ["20.1 CallTransferred queue a1 queue", "20.2 CallQueued", "20.3 AgentLegEnded a1 queue"]
    twice_is_once(story)


# Parking


def test_a_parked_caller_is_nobodys_until_picked_up() -> None:
    story = [
        *TALK, *pbx.apart(20, CALLER, A1), pbx.moves(20.1, "parked", "a1"), pbx.hangs_up(20.2, A1),
        pbx.moves(50, "transfer", "", "a2"), pbx.dials(50.1, CALLER, A2), *pbx.together(52, A2, CALLER, bridge="b2"),
        *pbx.apart(60, CALLER, A2, bridge="b2"), *ENDS, pbx.hangs_up(60, A2),
    ]  # fmt: skip
    assert told(story)[:5] == [
        "20.1 CallAside parked a1",
        "20.2 AgentLegEnded a1 queue",
        "50 CallRejoined",
        "50 CallTransferred blind a2",
        "50.1 AgentRang a2 transfer",
    ]
    assert end_of(run(story)).talk_ms == 16000
    assert end_of(run(story)).hold_ms == 0
    twice_is_once(story)


def test_asterisks_own_parking_and_who_takes_the_caller_out() -> None:
    parked = m.Parked(at=pbx.at(20.1), channel=CALLER, what="parked", parker="PJSIP/a1", retriever=None)
    own = pbx.phone("p2", of="p2", member="a2")
    taken = m.Parked(at=pbx.at(50), channel=CALLER, what="unparked", parker="PJSIP/a1", retriever=own)
    story = [
        *TALK, *pbx.apart(20, CALLER, A1), parked, pbx.hangs_up(20.2, A1), m.NewChannel(at=pbx.at(49), channel=own),
        taken, *pbx.together(50.1, CALLER, A2, bridge="b2"),
    ]  # fmt: skip
    assert told(story)[2:] == [
        "50 CallMerged p2",
        "50 CallRejoined a2",
        "50.1 AgentRang a2 transfer",
        "50.1 CallAnswered a2 transfer",
    ]


# A phone's own consult, with a call of its own


def attended(seconds: float, dest_type: str, target: m.Channel | None) -> m.AttendedTransfer:
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
        *OWN_CONSULT, *pbx.together(23, THEIRS, SECOND, bridge="b2"), attended(30, "Bridge", THEIRS),
        *pbx.apart(30, A1), pbx.exits(30, SECOND, bridge="b2"), pbx.exits(30, CALLER),
        pbx.enters(30, CALLER, bridge="b2"),
        pbx.hangs_up(30.1, A1), pbx.hangs_up(30.1, SECOND), *pbx.apart(60, CALLER, A2, bridge="b2"), *ENDS,
        pbx.hangs_up(60, A2),
    ]  # fmt: skip
    events = run(story)
    assert [event.other for event in events if isinstance(event, CallMerged)] == ["p1b"]
    assert "30 CallTransferred attended a1 a2" in told(story)
    assert {event.linkedid for event in events if event.at > pbx.at(30)} == {"c1"}
    assert legs(events)["a2"][0] == 30000
    twice_is_once(story)


def test_given_away_before_the_colleague_answers_the_call_is_theirs_from_the_answer() -> None:
    """DestType App: the caller takes the place of who dials (a blonde transfer)."""
    story = [
        *OWN_CONSULT, attended(25, "App", None), *pbx.apart(25, A1, CALLER), pbx.hangs_up(25.1, A1),
        pbx.hangs_up(25.1, SECOND), pbx.dialled(28, CALLER, A2), *pbx.together(28, A2, CALLER, bridge="b2"),
    ]  # fmt: skip
    words = told(story, 25)
    assert "25 CallTransferred blind a1 a2" in words
    assert words[-1] == "28 CallAnswered a2 transfer"


def test_a_failed_or_threeway_transfer_changes_nothing() -> None:
    for dest_type in ("Fail", "Threeway"):
        words = told(
            [*OWN_CONSULT, *pbx.together(23, THEIRS, SECOND, bridge="b2"), attended(30, dest_type, THEIRS)], 24
        )
        assert not any("CallTransferred" in said for said in words), words


def test_a_colleague_answers_a_phone_that_rings_elsewhere() -> None:
    """Pickup: the picker's channel takes the place of the phone that rang, which is gone."""
    picker = pbx.phone("p9", of="p9", member="a9")
    story = [
        *TALK[:5], m.NewChannel(at=pbx.at(11), channel=picker),
        m.Pickup(at=pbx.at(11.1), channel=picker, target=A1), pbx.hangs_up(11.2, A1, 26), pbx.leaves(11.3),
        pbx.connects(11.3, replace(picker, linkedid="c1")), *pbx.together(11.4, CALLER, replace(picker, linkedid="c1")),
    ]  # fmt: skip
    assert told(story, 11) == [
        "11.1 CallMerged p9",
        "11.1 AgentRang a9 queue",
        "11.2 AgentOfferEnded a1 queue",
        "11.3 CallAnswered a9 queue",
    ]
