"""A tiny Asterisk for tests of the call tracker: transcripts as messages, what a snapshot would say after some of them,
what our rows would say, and single messages to build a scene from.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random

from hotline.calls.legs import OWNS, OpenCall, OpenOffer, OpenParty
from hotline.events import (
    AgentLegEnded,
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
from hotline.telephony import messages as m
from hotline.telephony.parser import Parser

TRANSCRIPTS = Path(__file__).resolve().parent / "transcripts"
JOURNAL = TRANSCRIPTS.parent / "journal"
NAMES = sorted(path.stem for path in TRANSCRIPTS.glob("*.ami") if path.stem != "mixed")
MOVES = sorted({path.stem for path in JOURNAL.glob("*.ami")} - set(NAMES))
"""Captures of what becomes of answered calls; of each there is the journal too."""
BOOT = "2026-11-24T10:00:00"
_CHANNELS = (
    "channel", "dest", "transferer", "transferee", "original", "second", "target", "one", "two", "retriever",
)  # fmt: skip
_PLACES = {"transfer": "hl-transfer", "consult": "hl-wait", "held": "hl-wait", "parked": "hl-wait"}
T0 = datetime(2026, 5, 11, 2, 0, tzinfo=UTC)


@cache
def transcript(name: str) -> tuple[m.Message, ...]:
    """Its messages about calls; the few without a time are none."""
    folder = JOURNAL if name in MOVES else TRANSCRIPTS
    found = Parser().feed((folder / f"{name}.ami").read_bytes())
    return tuple(message for message in found if isinstance(message, m.Message) and channels_of(message))


def channels_of(message: m.Message) -> tuple[m.Channel, ...]:
    named = (getattr(message, name, None) for name in _CHANNELS)
    return tuple(channel for channel in named if channel is not None)


def shuffled(messages: Sequence[m.Message], random: Random) -> list[m.Message]:
    """Another order, in which the messages of each channel keep theirs."""
    waiting: dict[str, list[int]] = {}
    for index, message in enumerate(messages):
        for channel in channels_of(message):
            waiting.setdefault(channel.uniqueid, []).append(index)
    for line in waiting.values():
        line.reverse()
    result: list[m.Message] = []
    while waiting:
        index = waiting[random.choice(list(waiting))][-1]
        names = {channel.uniqueid for channel in channels_of(messages[index])}
        if all(waiting[name][-1] == index for name in names):
            result.append(messages[index])
            for name in names:
                waiting[name].pop()
                if not waiting[name]:
                    del waiting[name]
    return result


@dataclass(slots=True)
class Pbx:
    """What Asterisk has after the messages that it told."""

    channels: dict[str, m.Channel] = field(default_factory=dict)
    born: dict[str, datetime] = field(default_factory=dict)
    bridges: dict[str, str] = field(default_factory=dict)
    entries: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    aside: set[str] = field(default_factory=set)
    at: datetime = T0

    @classmethod
    def after(cls, messages: Iterable[m.Message]) -> "Pbx":
        pbx = cls()
        for message in messages:
            pbx.tell(message)
        return pbx

    def tell(self, message: m.Message) -> None:
        self.at = max(self.at, message.at)
        for channel in channels_of(message):
            if channel.uniqueid not in self.gone:
                self.channels[channel.uniqueid] = channel
                self.born.setdefault(channel.uniqueid, message.at)
        match message:
            case m.Hangup():
                self.gone.add(message.channel.uniqueid)
                for table in (self.channels, self.bridges, self.entries):
                    table.pop(message.channel.uniqueid, None)
            case m.BridgeEnter():
                (self.aside.add if message.technology == "holding_bridge" else self.aside.discard)(
                    message.channel.uniqueid
                )
                self.bridges[message.channel.uniqueid] = message.bridge
            case m.BridgeLeave():
                self.bridges.pop(message.channel.uniqueid, None)
            case m.UserEvent(name="HLMove"):  # told by a subroutine, which returns at once
                place = _PLACES.get(message.fields["hlwhat"])
                if place is not None and message.channel is not None:
                    moved = replace(message.channel, context=place, exten=message.fields["hlwhat"])
                    self.channels[moved.uniqueid] = moved
            case m.QueueCallerJoin():
                self.entries[message.channel.uniqueid] = (message.queue, message.at)
            case m.QueueCallerLeave():
                self.entries.pop(message.channel.uniqueid, None)

    def copy(self) -> "Pbx":
        tables = (self.channels, self.born, self.bridges, self.entries)
        return Pbx(*(dict(table) for table in tables), set(self.gone), set(self.aside), self.at)  # type: ignore[arg-type]

    def _runs(self, name: str) -> str:
        """The application of a channel, as far as anybody asks."""
        return "BridgeWait" if name in self.aside and name in self.bridges else ""

    def snapshot(
        self,
        behind: Sequence[m.Message] = (),
        boot: str = BOOT,
        at: datetime | None = None,
        queue: "Pbx | None" = None,
    ) -> m.Snapshot:
        """`behind`: the messages that were told while it was taken; `queue`: Asterisk when it listed that, if later."""
        queue = queue or self
        return m.Snapshot(
            at=at or (behind[0].at if behind else self.at),
            boot=boot,
            channels=tuple(
                m.LiveChannel(
                    channel,
                    self.bridges.get(name),
                    self._runs(name),
                    (self.at - self.born[name]) // timedelta(seconds=1),
                )
                for name, channel in self.channels.items()
            ),
            members=(),
            entries=tuple(
                m.QueueEntry(name, place, uniqueid, (queue.at - since) // timedelta(seconds=1))
                for place, (uniqueid, (name, since)) in enumerate(queue.entries.items(), 1)
            ),
            devices={},
            behind=tuple(behind),
        )


def open_calls(events: Iterable[CallEvent]) -> list[OpenCall]:
    """The calls that go on, as rows written from these events have them."""
    calls: dict[str, OpenCall] = {}
    offers: dict[str, dict[str, OpenOffer]] = {}
    for event in events:
        name = event.linkedid
        if isinstance(event, CallStarted):
            calls[name] = OpenCall(
                name, event.line, event.caller_number, event.at, None, None, False, False, None, False, (), (),
                direction=event.direction,
            )  # fmt: skip
            offers[name] = {}
            continue
        call, mine = calls[name], offers[name]
        match event:
            case CallQueued():
                calls[name] = replace(
                    call,
                    queued_at=call.queued_at or event.at,
                    is_waiting=True,
                    recording=event.recording or call.recording,
                )
            case AgentRang():
                mine[event.leg] = OpenOffer(event.leg, event.member, event.at, None, role=event.role)
            case AgentMissed():
                mine[event.leg] = replace(mine[event.leg], is_over=True)
            case AgentOfferEnded():
                del mine[event.leg]
            case CallAnswered():
                mine[event.leg] = replace(mine[event.leg], answered_at=event.at)
                if event.role in OWNS:
                    calls[name] = replace(call, answered_at=call.answered_at or event.at, is_waiting=False)
            case AgentLegEnded():
                mine.pop(event.leg)
                calls[name] = replace(call, talked_ms=call.talked_ms + (event.talk_ms or 0))
            case LegHeld():
                mine[event.leg] = replace(mine[event.leg], held_at=event.at)
            case LegResumed():
                was = mine[event.leg]
                assert was.held_at is not None
                held = round((event.at - was.held_at) / timedelta(milliseconds=1))
                mine[event.leg] = replace(was, held_at=None, hold_ms=was.hold_ms + held)
            case LegAside():
                mine[event.leg] = replace(mine[event.leg], aside_at=event.at)
            case LegRejoined():
                was = mine[event.leg]
                assert was.aside_at is not None
                away = round((event.at - was.aside_at) / timedelta(milliseconds=1))
                mine[event.leg] = replace(was, aside_at=None, aside_ms=was.aside_ms + away)
            case CallAside():
                calls[name] = replace(call, aside=event.what, aside_at=event.at, aside_by=event.member)
            case CallRejoined():
                calls[name] = replace(call, aside=None, aside_at=None, aside_by=None)
            case CallTransferred() if not event.leg:
                calls[name] = replace(call, is_waiting=True)
            case CallTransferred() if event.leg in mine:
                mine[event.leg] = replace(mine[event.leg], has_since=event.at)
            case PartyRang():
                party = OpenParty(event.leg, event.number, event.at, None, event.member)
                calls[name] = replace(call, parties=(*call.parties, party))
            case PartyAnswered():
                calls[name] = replace(call, parties=tuple(
                    replace(one, answered_at=event.at) if one.leg == event.leg else one for one in call.parties
                ))  # fmt: skip
            case PartyLeft():
                calls[name] = replace(call, parties=tuple(one for one in call.parties if one.leg != event.leg))
            case RecordingStarted() if event.kind == "call":
                calls[name] = replace(call, is_recording=True)
            case RecordingStarted():
                calls[name] = replace(call, has_voicemail=True, is_waiting=False, unqueued_at=event.at)
            case CallEnded():
                del calls[name]
    return [
        replace(
            call,
            offers=tuple(offers[name].values()),
            is_waiting=call.is_waiting and not any(_is_sent_on(offer) for offer in offers[name].values()),
        )
        for name, call in calls.items()
    ]


def _is_sent_on(offer: OpenOffer) -> bool:
    """The caller waits for this phone, not in the queue."""
    return offer.role == "transfer" and offer.answered_at is None and not offer.is_over


# Single messages


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def trunk(
    name: str = "c1",
    *,
    linkedid: str = "",
    state: int = 6,
    number: str | None = "13800138000",
    context: str = "hl-open",
    exten: str = "s",
) -> m.Channel:
    """A caller's channel."""
    return m.Channel(f"PJSIP/trunk-{name}", name, linkedid or name, state, number, None, context, exten)


def phone(name: str = "p1", of: str = "c1", *, member: str = "a1", state: int = 6) -> m.Channel:
    """An agent's leg in a call."""
    return m.Channel(f"PJSIP/{member}-{name}", name, of, state, None, None, "hl-agents", "s")


def begins(seconds: float, name: str = "c1", number: str | None = "13800138000", line: str = "12345") -> m.NewChannel:
    return m.NewChannel(at=at(seconds), channel=trunk(name, state=4, number=number, context="hl-trunk", exten=line))


def fact(seconds: float, name: str, channel: m.Channel | None = None, **fields: str) -> m.UserEvent:
    return m.UserEvent(at=at(seconds), name=name, fields=fields, channel=channel or trunk())


def offered(seconds: float, name: str = "c1", line: str = "12345") -> m.UserEvent:
    return fact(seconds, "HLOffered", trunk(name, state=4, context="hl-line"), hlline=line)


def outcome(seconds: float, what: str, by: str = "caller", channel: m.Channel | None = None) -> m.UserEvent:
    return fact(seconds, "HLOutcome", channel, hloutcome=what, hlhangupby=by, hlmember="")


def joins(seconds: float, channel: m.Channel | None = None) -> m.QueueCallerJoin:
    return m.QueueCallerJoin(at=at(seconds), queue="hotline", position=1, channel=channel or trunk())


def leaves(seconds: float, channel: m.Channel | None = None) -> m.QueueCallerLeave:
    return m.QueueCallerLeave(at=at(seconds), queue="hotline", channel=channel or trunk())


def calls_agent(seconds: float, leg: m.Channel, caller: m.Channel | None = None) -> m.AgentCalled:
    return m.AgentCalled(at=at(seconds), channel=caller or trunk(), dest=leg, **_member(leg))


def connects(seconds: float, leg: m.Channel, caller: m.Channel | None = None) -> m.AgentConnect:
    return m.AgentConnect(
        at=at(seconds), channel=caller or trunk(), dest=leg, hold_s=1, ring_s=1, **_member(leg)
    )  # fmt: skip


def completes(seconds: float, leg: m.Channel | None, reason: str, member: str = "a1") -> m.AgentComplete:
    named = {"queue": "hotline", "member": member, "interface": f"PJSIP/{member}"}
    return m.AgentComplete(at=at(seconds), channel=trunk(), dest=leg, hold_s=1, talk_s=9, reason=reason, **named)


def _member(leg: m.Channel) -> dict[str, str]:
    member = leg.name.removeprefix("PJSIP/").rpartition("-")[0]
    return {"queue": "hotline", "member": member, "interface": f"PJSIP/{member}"}


def enters(seconds: float, channel: m.Channel, technology: str = "simple_bridge", bridge: str = "") -> m.BridgeEnter:
    """`bridge`: the one conversation of the call, unless another is named."""
    named = bridge or f"b-{channel.linkedid}"
    return m.BridgeEnter(at=at(seconds), bridge=named, technology=technology, channel=channel)


def exits(seconds: float, channel: m.Channel, technology: str = "simple_bridge", bridge: str = "") -> m.BridgeLeave:
    named = bridge or f"b-{channel.linkedid}"
    return m.BridgeLeave(at=at(seconds), bridge=named, technology=technology, channel=channel)


def together(seconds: float, *channels: m.Channel, bridge: str = "") -> list[m.Message]:
    return [enters(seconds, channel, bridge=bridge) for channel in channels]


def apart(seconds: float, *channels: m.Channel, bridge: str = "") -> list[m.Message]:
    return [exits(seconds, channel, bridge=bridge) for channel in channels]


def dials(seconds: float, dialler: m.Channel | None, leg: m.Channel) -> m.DialBegin:
    return m.DialBegin(at=at(seconds), channel=dialler, dest=leg)


def dialled(seconds: float, dialler: m.Channel | None, leg: m.Channel, status: str = "ANSWER") -> m.DialEnd:
    return m.DialEnd(at=at(seconds), channel=dialler, dest=leg, status=status)


def moves(seconds: float, what: str, by: str = "a1", to: str = "", channel: m.Channel | None = None) -> m.UserEvent:
    return fact(seconds, "HLMove", channel, hlwhat=what, hlby=by, hlto=to)


def outside(name: str = "o1", of: str = "c1", number: str | None = "110") -> m.Channel:
    """A leg to the network."""
    return m.Channel(f"PJSIP/outside-{name}", name, of, 6, number, None, "hl-party", "s")


def hangs_up(seconds: float, channel: m.Channel, cause: int = 16) -> m.Hangup:
    return m.Hangup(at=at(seconds), channel=channel, cause=cause)
