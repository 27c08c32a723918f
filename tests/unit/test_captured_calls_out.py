"""What each capture of a call that an agent made, of a supervisor's leg, and of Asterisk's own parking and pickup,
means, read off its trace.

All that is told, in order: HLDial begins a call that an agent makes, Dial() and Q.850's causes say what became of the
number, bridges say who talked, HLMove what was done. Whoever only listens is in no call.
"""

import pytest

from hotline.calls.tracker import Tracker
from hotline.events import CallEnded, RecordingStarted
from tests import journal_files as journal
from tests.pbx_model import MOVES, transcript
from tests.unit.test_captured_moves import said

N = "13900139000"
BEGINS = ["CallStarted", "AgentRang a1 dial"]
RINGS = [*BEGINS, f"PartyRang a1 {N}"]
TALKS = [*RINGS, f"PartyAnswered a1 {N}", "CallAnswered a1 dial"]
ASKED = ["AgentRang a2 consult", "CallAside consult a1", "CallAnswered a2 consult"]
NEXT = ["AgentRang a3", "CallAnswered a3", "AgentLegEnded a3", f"PartyLeft answered {N}"]
A1, A2, A3, GONE = "AgentLegEnded a1 dial", "AgentLegEnded a2 consult", "AgentLegEnded a3", f"PartyLeft answered {N}"
INBOUND = ["CallStarted", "CallQueued", "AgentRang a1", "CallAnswered a1"]
TAKEN = [
    *INBOUND, "AgentLegEnded a1", "CallMerged", "AgentRang a3 supervisor", "CallAnswered a3 supervisor",
    "CallTransferred take-over a1 a3",
]  # fmt: skip
EXPECTED: dict[str, tuple[list[str], tuple[str, str | None]]] = {
    "outbound-answered": ([*TALKS, A1, GONE], ("answered", "caller")),
    "outbound-call-back": ([*TALKS, A1, GONE], ("answered", "agent")),
    "outbound-held": ([*TALKS, "LegHeld a1", "LegResumed a1", A1, GONE], ("answered", "agent")),
    "outbound-busy": ([*RINGS, f"PartyLeft busy {N}", "AgentOfferEnded a1 dial"], ("busy", "system")),
    "outbound-rejected": ([*RINGS, f"PartyLeft rejected {N}", "AgentOfferEnded a1 dial"], ("rejected", "system")),
    "outbound-unknown": ([*RINGS, f"PartyLeft failed {N}", "AgentOfferEnded a1 dial"], ("failed", "system")),
    "outbound-no-answer": ([*RINGS, f"PartyLeft no_answer {N}", "AgentOfferEnded a1 dial"], ("no_answer", "system")),
    "outbound-given-up": ([*RINGS, f"PartyLeft withdrawn {N}", "AgentOfferEnded a1 dial"], ("withdrawn", "agent")),
    "outbound-on-no-list": ([*BEGINS, "AgentOfferEnded a1 dial"], ("failed", "system")),
    "outbound-emergency": (
        [*BEGINS, "PartyRang a1 110", "PartyAnswered a1 110", "CallAnswered a1 dial", A1, "PartyLeft answered 110"],
        ("answered", "agent"),
    ),
    "outbound-consult-back": ([*TALKS, *ASKED, A2, "CallRejoined a1", A1, GONE], ("answered", "agent")),
    # Who was given on is ended by nobody that the first agent's leg could name.
    "outbound-consult-completed": (
        [*TALKS, *ASKED, A1, "CallRejoined a2", "CallTransferred attended a1 a2", A2, GONE],
        ("answered", None),
    ),
    # The first agent hangs up, and the colleague stays: nothing was ended by that.
    "outbound-conference": (
        [*TALKS, *ASKED, "CallRejoined a1", A1, "CallTransferred attended a1 a2", A2, GONE],
        ("answered", None),
    ),
    "outbound-transferred": (
        [
            *TALKS, "CallTransferred blind a1 a2", A1, "AgentRang a2 transfer", "CallAnswered a2 transfer", GONE,
            "AgentLegEnded a2 transfer",
        ],
        ("answered", None),
    ),
    "outbound-transfer-rejected": (
        [
            *TALKS, "CallTransferred blind a1 a2", A1, "AgentRang a2 transfer", "AgentMissed a2 transfer",
            "CallQueued", *NEXT,
        ],
        ("answered", "agent"),
    ),
    "outbound-to-queue": ([*TALKS, "CallTransferred queue a1 queue", "CallQueued", A1, *NEXT], ("answered", "agent")),
    "outbound-parked-and-taken": (
        [
            *TALKS, "CallAside parked a1", A1, "CallRejoined", "CallTransferred blind a1 a3", "AgentRang a3 transfer",
            "CallAnswered a3 transfer", GONE, "AgentLegEnded a3 transfer",
        ],
        ("answered", None),
    ),
    "outbound-parked-too-long": (
        [*TALKS, "CallAside parked a1", A1, "CallRejoined", "CallQueued", *NEXT],
        ("answered", "agent"),
    ),
    "outbound-phone-lost": ([*TALKS, A1, "CallQueued", *NEXT], ("answered", "agent")),
    # Told twice: as the first agent's phone died, and as the person gave up waiting. They are owed a call.
    "outbound-phone-lost-given-up": ([*TALKS, A1, "CallQueued", GONE], ("abandoned", "caller")),
    # res_parking: ParkedCall, then BlindTransfer to its extension. The parked caller is nobody's until UnParkedCall.
    "parking-lot-taken": (
        [
            *INBOUND, "CallAside parked a1", "CallMerged", "CallRejoined a2", "AgentRang a2 transfer",
            "CallAnswered a2 transfer", "AgentLegEnded a2 transfer", "AgentLegEnded a1",
        ],
        ("answered", "caller"),
    ),
    # Pickup names the phone that rang and who answers in its place; then that one is let go, and AgentConnect's
    # DestChannel is the one that answered, though MemberName is still the queue's member.
    "picked-up": (
        [
            "CallStarted", "CallQueued", "AgentRang a1", "CallMerged", "AgentRang a2", "AgentOfferEnded a1",
            "CallAnswered a2", "AgentLegEnded a2",
        ],
        ("answered", "caller"),
    ),
    "supervised": ([*INBOUND, "AgentLegEnded a1"], ("answered", "caller")),
    "supervisor-lost": ([*INBOUND, "AgentLegEnded a1"], ("answered", "agent")),
    "supervised-agent-hangs-up": ([*INBOUND, "AgentLegEnded a1"], ("answered", "agent")),
    "supervised-in-a-conference": (
        [
            *INBOUND, *ASKED, "CallRejoined a1", "CallMerged", "AgentRang a3 supervisor", "CallAnswered a3 supervisor",
            "AgentLegEnded a3 supervisor", "AgentLegEnded a1", "CallTransferred attended a1 a2", A2,
        ],
        ("answered", "caller"),
    ),
    "taken-over": ([*TAKEN, "AgentLegEnded a3 supervisor"], ("answered", "agent")),
    "taken-over-then-consult": (
        [
            *TAKEN, "AgentRang a2 consult", "CallAside consult a3", "CallAnswered a2 consult",
            "AgentLegEnded a3 supervisor", "CallRejoined a2", "CallTransferred attended a3 a2", A2,
        ],
        ("answered", "caller"),
    ),
    "taken-over-and-lost": (
        [
            *TAKEN, "AgentLegEnded a3 supervisor", "CallQueued", "AgentRang a2", "CallAnswered a2", "AgentLegEnded a2",
        ],
        ("answered", "agent"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_a_captured_call_means(name: str) -> None:
    tracker = Tracker(journal.NODE)
    events = [event for message in transcript(name) for event in tracker.feed(message)]
    end = events.pop()
    assert isinstance(end, CallEnded)
    told = [said(event) for event in events if not isinstance(event, RecordingStarted)]
    assert (told, (end.outcome, end.hangup_by)) == EXPECTED[name]
    assert tracker.unexpected == {}


def test_an_agents_own_phone_that_refuses_has_called_nobody() -> None:
    tracker = Tracker(journal.NODE)
    assert [event for message in transcript("outbound-own-phone-refuses") for event in tracker.feed(message)] == []


def test_every_capture_of_these_is_told_as_expected() -> None:
    these = {name for name in MOVES if name.startswith(("outbound", "supervis", "taken-over", "parking", "picked"))}
    assert these == EXPECTED.keys() | {"outbound-own-phone-refuses"}
