"""What each captured movement means, read off its trace: HLMove says what was done, the bridges say who talked.

A line a fact, in order, from the first answer on. a1 has the caller first, a2 is asked or receives, a3 is the queue's.
"""

import pytest

from hotline.calls.tracker import Tracker
from hotline.events import CallAnswered, CallEvent, RecordingStarted
from tests import journal_files as journal
from tests.pbx_model import MOVES, transcript

ASKED = ["AgentRang a2 consult", "CallAside consult a1", "CallAnswered a2 consult"]
OVER = "CallEnded answered"
EXPECTED: dict[str, list[str]] = {
    "held-and-resumed": ["LegHeld a1", "LegResumed a1", "AgentLegEnded a1", OVER],
    "consult-back": [*ASKED, "AgentLegEnded a2 consult", "CallRejoined a1", "AgentLegEnded a1", OVER],
    "consult-completed": [
        *ASKED,
        "AgentLegEnded a1",
        "CallRejoined a2",
        "CallTransferred attended a1 a2",
        "AgentLegEnded a2 consult",
        OVER,
    ],
    "consult-conference": [
        *ASKED,
        "CallRejoined a1",
        "AgentLegEnded a1",
        "CallTransferred attended a1 a2",
        "AgentLegEnded a2 consult",
        OVER,
    ],
    "conference-caller-hangs-up": [
        *ASKED,
        "CallRejoined a2",
        "AgentLegEnded a1",
        "AgentLegEnded a2 consult",
        OVER,
    ],
    "conference-held": [
        *ASKED,
        "CallRejoined a1",
        "CallAside held a2",
        "CallRejoined a2",
        "AgentLegEnded a1",
        "AgentLegEnded a2 consult",
        OVER,
    ],
    # The leg that steps out says so, and who stays is not moved: only bridges say that it is back.
    "conference-asks-back": [
        *ASKED,
        "CallRejoined a1",
        "LegAside a1",
        "AgentRang a3 consult",
        "CallAnswered a3 consult",
        "AgentLegEnded a3 consult",
        "LegRejoined a1",
        "AgentLegEnded a1",
        "AgentLegEnded a2 consult",
        OVER,
    ],
    "consult-rejected": [
        "AgentRang a2 consult",
        "AgentMissed a2 consult",
        "CallAside consult a1",
        "CallRejoined a1",
        "AgentLegEnded a1",
        OVER,
    ],
    "consult-colleague-hangs-up": [
        *ASKED,
        "AgentLegEnded a2 consult",
        "CallRejoined a1",
        "AgentLegEnded a1",
        OVER,
    ],
    "consult-withdrawn": [
        "AgentRang a2 consult",
        "CallAside consult a1",
        "AgentOfferEnded a2 consult",
        "CallRejoined a1",
        "AgentLegEnded a1",
        OVER,
    ],
    "consult-caller-hangs-up": [
        *ASKED,
        "CallAside gone a1",
        "AgentLegEnded a2 consult",
        "AgentLegEnded a1",
        OVER,
    ],
    "consult-agent-lost": [
        *ASKED,
        "AgentLegEnded a2 consult",
        "AgentLegEnded a1",
        "CallRejoined",
        "CallQueued",
        "AgentRang a3",
        "CallAnswered a3",
        "AgentLegEnded a3",
        OVER,
    ],
    "consult-outside-conference": [
        "CallAside consult a1",
        "PartyRang a1 110",
        "PartyAnswered a1 110",
        "CallRejoined",
        "AgentLegEnded a1",
        "CallTransferred attended a1 outside",
        "PartyLeft answered 110",
        OVER,
    ],
    "consult-outside-completed": [
        "PartyRang a1 110",
        "PartyAnswered a1 110",
        "CallAside consult a1",
        "AgentLegEnded a1",
        "CallRejoined",
        "CallTransferred attended a1 outside",
        "PartyLeft answered 110",
        OVER,
    ],
    "blind-transfer": [
        "CallTransferred blind a1 a2",
        "AgentLegEnded a1",
        "AgentRang a2 transfer",
        "CallAnswered a2 transfer",
        "AgentLegEnded a2 transfer",
        OVER,
    ],
    "blind-transfer-by-phone": [
        "CallTransferred blind a1 a2",
        "AgentLegEnded a1",
        "AgentRang a2 transfer",
        "CallAnswered a2 transfer",
        "AgentLegEnded a2 transfer",
        OVER,
    ],
    "blind-transfer-rejected": [
        "CallTransferred blind a1 a2",
        "AgentLegEnded a1",
        "AgentRang a2 transfer",
        "AgentMissed a2 transfer",
        "CallQueued",
        "AgentRang a3",
        "CallAnswered a3",
        "AgentLegEnded a3",
        OVER,
    ],
    "blind-transfer-given-up": [
        "CallTransferred blind a1 a2",
        "AgentLegEnded a1",
        "AgentRang a2 transfer",
        "AgentOfferEnded a2 transfer",
        "CallEnded abandoned",
    ],
    "to-queue": [
        "CallTransferred queue a1 queue",
        "CallQueued",
        "AgentLegEnded a1",
        "AgentRang a3",
        "CallAnswered a3",
        "AgentLegEnded a3",
        OVER,
    ],
    "parked-and-taken": [
        "CallAside parked a1",
        "AgentLegEnded a1",
        "CallRejoined",
        "CallTransferred blind a1 a3",
        "AgentRang a3 transfer",
        "CallAnswered a3 transfer",
        "AgentLegEnded a3 transfer",
        OVER,
    ],
    "parked-too-long": [
        "CallAside parked a1",
        "AgentLegEnded a1",
        "CallRejoined",
        "CallQueued",
        "AgentRang a3",
        "CallAnswered a3",
        "AgentLegEnded a3",
        OVER,
    ],
}


def said(event: CallEvent) -> str:
    """Kind, and what there is of: what, how, who, to whom, result, number, outcome, role."""
    names = ("what", "kind", "member", "to", "result", "number", "outcome")
    words = [str(value) for name in names if (value := getattr(event, name, None)) not in {None, ""}]
    role = getattr(event, "role", "queue")
    return " ".join([type(event).__name__, *words, *([role] if role != "queue" else [])])


def _told(name: str) -> list[str]:
    tracker = Tracker(journal.NODE)
    events = [event for message in transcript(name) for event in tracker.feed(message)]
    first = next(at for at, event in enumerate(events) if isinstance(event, CallAnswered))
    return [said(event) for event in events[first + 1 :] if not isinstance(event, RecordingStarted)]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_captured_movement_means(name: str) -> None:
    assert _told(name) == EXPECTED[name]


def test_every_captured_movement_is_told_as_expected() -> None:
    others = ("outbound", "supervis", "taken-over", "parking", "picked")
    assert {name for name in MOVES if not name.startswith(others)} == set(EXPECTED)
