"""Stories of answered calls, as messages in the order of the real Asterisk in our dialplan, and how events are read off
them: for the tests of the call tracker.

tests/transcripts shows that order; where a story is of a phone's own doing, Asterisk's documentation of the event says
what it holds.
"""

from collections.abc import Iterable

from hotline.calls.tracker import Tracker
from hotline.events import AgentLegEnded, CallEnded, CallEvent
from hotline.telephony import messages as m
from tests import pbx_model as pbx

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
THREE: list[m.Message] = [
    *ASKED, *pbx.apart(30, A1, A2, bridge="b2"), pbx.moves(30.1, "back", "a1"),
    *pbx.together(30.2, A1, CALLER, A2, bridge="b3"),
]  # fmt: skip
ASIDE: list[m.Message] = [
    *THREE, *pbx.apart(40, A1, bridge="b3"), pbx.fact(40.1, "HLMove", A1, hlwhat="asks", hlby="a1", hlto="a3"),
    pbx.dials(40.2, A1, A3), pbx.dialled(42, A1, A3), *pbx.together(42.1, A1, A3, bridge="b4"),
]  # fmt: skip
SENT: list[m.Message] = [
    *TALK, *pbx.apart(20, CALLER, A1), pbx.hangs_up(20.05, A1), pbx.moves(20.1, "transfer", "a1", "a2"),
    pbx.dials(20.2, CALLER, A2),
]  # fmt: skip
SECOND = pbx.phone("p1b", of="p1b", member="a1")
THEIRS = pbx.phone("p2", of="p1b", member="a2")
OWN_CONSULT: list[m.Message] = [
    *TALK, m.Hold(at=pbx.at(20), channel=A1), m.NewChannel(at=pbx.at(21), channel=SECOND),
    pbx.fact(21, "HLOffered", SECOND, hldirection="internal", hlline="101"), pbx.dials(21.1, SECOND, THEIRS),
]  # fmt: skip
DIALLER = m.Channel("PJSIP/a1-d1", "d1", "d1", 5, None, None, "hl-dial", "13800138000")
THERE = pbx.outside("o1", of="d1", number="13800138000")
DIALS: list[m.Message] = [
    m.NewChannel(at=pbx.at(0), channel=DIALLER),
    pbx.fact(0.1, "HLDial", DIALLER, hlline="12345", hlnumber="13800138000", hlby="a1"),
    pbx.dials(3, DIALLER, THERE),
]  # fmt: skip
BOSS = pbx.phone("s1", of="s1", member="s1")
SPIES: list[m.Message] = [
    *TALK, m.NewChannel(at=pbx.at(19), channel=BOSS),
    pbx.fact(19, "HLSpy", BOSS, hlwhat="listen", hlspied="p1", hlcall="c1", hlmember="a1", hlby="s1"),
]  # fmt: skip


def feed(tracker: Tracker, messages: Iterable[m.Message]) -> list[CallEvent]:
    return [event for message in messages for event in tracker.feed(message)]


def run(messages: Iterable[m.Message]) -> list[CallEvent]:
    return feed(Tracker("pbx1"), messages)


def told(messages: Iterable[m.Message], since: float = 13) -> list[str]:
    """From a second on: `12 CallAnswered a1 queue`."""
    return [said(event) for event in run(messages) if event.at >= pbx.at(since)]


def said(event: CallEvent) -> str:
    names = ("what", "kind", "member", "to", "role", "result", "number", "direction", "outcome", "other")
    words = [str(value) for name in names if (value := getattr(event, name, None)) not in {None, ""}]
    seconds = (event.at - pbx.T0).total_seconds()
    return " ".join([f"{seconds:g}", type(event).__name__, *words])


def end_of(events: Iterable[CallEvent]) -> CallEnded:
    [end] = [event for event in events if isinstance(event, CallEnded)]
    return end


def legs(events: Iterable[CallEvent]) -> dict[str, tuple[int | None, int | None]]:
    """Member → talk and hold in milliseconds."""
    return {event.member: (event.talk_ms, event.hold_ms) for event in events if isinstance(event, AgentLegEnded)}


def twice_is_once(messages: list[m.Message]) -> None:
    tracker = Tracker("pbx1")
    feed(tracker, messages)
    assert feed(tracker, messages) == []
