"""Calls that agents dial, supervisors' legs, and what a cut or our restart leaves of either."""

from dataclasses import replace

import pytest

from hotline.calls.tracker import Tracker
from hotline.events import CallEnded
from hotline.telephony import messages as m
from tests import pbx_model as pbx
from tests.pbx_model import Pbx, open_calls
from tests.tracker_stories import (
    A1,
    A2,
    ASKED,
    BOSS,
    CALLER,
    DIALLER,
    DIALS,
    OUT,
    OWN_CONSULT,
    SENT,
    SPIES,
    TALK,
    THERE,
    end_of,
    feed,
    run,
    said,
    told,
    twice_is_once,
)

# Calls that an agent dials


def test_an_agent_dials_and_somebody_answers() -> None:
    story = [
        *DIALS, pbx.dialled(8, DIALLER, THERE), *pbx.together(8.1, THERE, DIALLER), *pbx.apart(20, THERE, DIALLER),
        pbx.hangs_up(20, THERE), pbx.outcome(20.1, "answered", "caller", DIALLER), pbx.hangs_up(20.1, DIALLER),
    ]  # fmt: skip
    assert told(story, 0) == [
        "0.1 CallStarted outbound",
        "0.1 AgentRang a1 dial",
        "3 PartyRang a1 13800138000",
        "8.1 PartyAnswered a1 13800138000",
        "8.1 CallAnswered a1 dial",
        "20 PartyLeft answered 13800138000",
        "20.1 AgentLegEnded a1 dial",
        "20.1 CallEnded answered",
    ]
    end = end_of(run(story))
    assert (end.talk_ms, end.hangup_by) == (11900, "caller")
    twice_is_once(story)


def test_nobody_answers_an_agent() -> None:
    story = [*DIALS, pbx.dialled(9, DIALLER, THERE, "BUSY"), pbx.hangs_up(9, THERE, 17), pbx.hangs_up(10, DIALLER)]
    assert told(story, 9) == [
        "9 PartyLeft busy 13800138000",
        "10 AgentOfferEnded a1 dial",
        "10 CallEnded busy",
    ]
    assert end_of(run(story)).talk_ms is None


def test_a_phone_that_rings_for_its_own_call_and_is_not_picked_up_has_called_nobody() -> None:
    assert told([*DIALS[:2], pbx.hangs_up(20, DIALLER, 19)], 20) == [
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
    assert told(story, 20) == [
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
    assert told(story) == ["20.1 PartyRang a1 110", "21 PartyAnswered a1 110"]


def test_through_local_channels_a_leg_is_whose_it_is() -> None:
    """A number is dialled through Local/…;1, whose other half dials the network; the two conversations are one."""
    one = m.Channel("Local/110@x-00000001;1", "l1", "c1", 6, None, None, "x", "110")
    two = replace(one, name="Local/110@x-00000001;2", uniqueid="l2")
    story = [
        *TALK, pbx.dials(20, A1, one), m.LocalBridge(at=pbx.at(20), one=one, two=two), pbx.dials(20.1, two, OUT),
        *pbx.together(22, OUT, two, bridge="b2"), *pbx.together(22.1, one, bridge="b-c1"),
        *pbx.apart(40, A1), pbx.hangs_up(40.1, A1),
    ]  # fmt: skip
    assert told(story) == [
        "20.1 PartyRang a1 110",
        "22 PartyAnswered a1 110",
        "40.1 AgentLegEnded a1 queue",
        "40 CallTransferred attended a1 outside",
    ]


def test_an_echo_test_is_no_call() -> None:
    echo = m.Channel("PJSIP/a1-t1", "t1", "t1", 6, None, None, "hl-test", "s")
    tracker = Tracker("pbx1")
    assert feed(tracker, [m.NewChannel(at=pbx.at(0), channel=echo), pbx.hangs_up(5, echo)]) == []
    assert (tracker.calls, tracker.unexpected) == ((), {})


# Supervisors


def test_a_supervisor_who_listens_is_in_no_call() -> None:
    tracker = Tracker("pbx1")
    feed(tracker, SPIES)
    assert [call.own for call in tracker.calls] == ["c1"]
    assert told(SPIES) == []
    assert told([*SPIES, pbx.hangs_up(30, BOSS)]) == []


def test_a_supervisor_who_joins_owns_nothing() -> None:
    story = [*SPIES, pbx.enters(25, BOSS, bridge="b-c1"), *pbx.apart(30, BOSS, bridge="b-c1"), pbx.hangs_up(30, BOSS)]
    assert told(story) == [
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
    words = [said.split(" ", 1)[1] for said in told(story, 25)]
    assert "CallTransferred take-over a1 s1" in words
    assert sum("CallTransferred" in one for one in words) == 1


# Cuts


@pytest.mark.parametrize("story", [ASKED, SENT, SPIES, DIALS, OWN_CONSULT])
def test_our_restart_in_the_middle_changes_nothing_of_who_is_on_the_call(story: list[m.Message]) -> None:
    for cut in range(2, len(story) + 1):
        before = run(story[:cut])
        tracker = Tracker("pbx1")
        tracker.adopt(open_calls(before))
        after = tracker.resync(Pbx.after(story[:cut]).snapshot()) + feed(tracker, story[cut:])
        known = {event.dedupe_key for event in before}
        whole = {event.dedupe_key for event in run(story)}
        keys = known | {event.dedupe_key for event in after}
        assert {key for key in whole if ":rang" in key or ":answered" in key} <= keys
        assert not any(isinstance(event, CallEnded) for event in after)


def test_a_caller_whom_a_snapshot_shows_aside() -> None:
    tracker = Tracker("pbx1")
    feed(tracker, TALK)
    pbx_now = Pbx.after([*TALK, *pbx.apart(20, CALLER, A1)])
    pbx_now.channels["c1"] = replace(CALLER, context="hl-wait", exten="consult")
    assert [said(event) for event in tracker.resync(pbx_now.snapshot())] == ["20 CallAside consult a1"]
    back = Pbx.after([*TALK, *pbx.apart(20, CALLER, A1), *pbx.together(30, CALLER, A1, bridge="b3")])
    assert [said(event) for event in tracker.resync(back.snapshot())] == ["30 CallRejoined a1"]


def test_a_call_that_an_agent_dials_is_known_by_its_place_in_the_dialplan() -> None:
    # While it rings outside, the agent's leg is in the routine that every way out goes through.
    dialling = replace(DIALLER, context="hl-way")
    now = Pbx.after([*DIALS[:2], m.NewState(at=pbx.at(3), channel=dialling)])
    tracker = Tracker("pbx1")
    words = [said(event) for event in tracker.resync(now.snapshot())]
    assert words[0].endswith("CallStarted outbound")
    assert words[1].endswith("AgentRang a1 dial")


def test_a_call_that_an_agent_dialled_is_known_while_somebody_else_is_asked() -> None:
    asking = replace(DIALLER, context="hl-consult", exten="a2")
    now = Pbx.after([*DIALS[:2], m.NewState(at=pbx.at(3), channel=asking)])
    words = [said(event) for event in Tracker("pbx1").resync(now.snapshot())]
    assert words[0].endswith("CallStarted outbound")
    assert words[1].endswith("AgentRang a1 dial")


def test_the_queues_word_on_an_agent_who_gave_the_caller_on_says_nothing_of_the_end() -> None:
    """app_queue: AgentComplete, reason agent, as the first agent's leg goes. How the call ended nobody heard."""
    story = [
        *TALK, *pbx.apart(20, CALLER, A1), pbx.moves(20.1, "transfer", "a1", "a2"), pbx.completes(20.1, A1, "agent"),
        pbx.hangs_up(20.2, A1), pbx.dials(20.3, CALLER, A2), pbx.dialled(22, CALLER, A2),
        *pbx.together(22.1, A2, CALLER), *pbx.apart(60, CALLER, A2), pbx.hangs_up(60, A2), pbx.hangs_up(60, CALLER),
    ]  # fmt: skip
    assert (end_of(run(story)).outcome, end_of(run(story)).hangup_by) == ("answered", None)


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
    assert told(story, 20) == [
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
    assert [said(event) for event in tracker.feed(DIALS[1])] == ["0.1 CallLineNamed"]
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
    feed(tracker, story)
    over = [said(event) for event in tracker.resync(m.Snapshot(pbx.at(60), pbx.BOOT, (), (), (), {}))]
    assert [word for word in over if "CallTransferred" in word] == []
    assert over[-1] == "60 CallEnded answered"
