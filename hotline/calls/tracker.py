"""Call state from AMI messages. Pure: no I/O, no clock; what comes out are domain events, keyed by their causes.

Fed by the worker with what telephony.client read, and by hotline.replay with captures. A call is everything that shares
a Linkedid, and what merged into it; it ends with its last channel. The dialplan's own facts (HLOffered, HLRecording,
HLOutcome) decide; where they are missing, channel and queue events do. What does not fit is counted, never raised.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from hotline.calls.legs import LiveCall, Offer, OpenCall, milliseconds
from hotline.events import (
    AgentLegEnded,
    AgentMissed,
    AgentOfferEnded,
    AgentRang,
    CallAnswered,
    CallEnded,
    CallEvent,
    CallMerged,
    CallQueued,
    CallStarted,
    RecordingStarted,
)
from hotline.telephony import messages as m

TRUNK = "hl-trunk"  # the context in which a caller's channel begins, with the dialled line as its extension
NOT_CALLERS = frozenset({"hl-agents", "hl-control", "hl-member", "hl-member-end"})
UNKNOWN_LINE = "unknown"
OUTCOMES = frozenset(
    {"answered", "abandoned", "callback", "voicemail", "duty", "closed", "blocked", "overflowed", "failed"}
)
_REMEMBERED = 8192
_UP = 6
_NO_TALK = frozenset({"holding_bridge"})
_HANGUP_BY = frozenset({"caller", "agent", "system"})


class Tracker:
    """All calls of one node. `unexpected` counts what did not fit, by kind."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.boot: str | None = None
        self.unexpected: Counter[str] = Counter()
        self._calls: dict[str, LiveCall] = {}  # by every Linkedid that became the call
        self._by_channel: dict[str, LiveCall] = {}
        # Uniqueids and Linkedids that are over: a late or repeated message must not bring them back.
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._handlers: dict[type[m.Message], Callable[[Any], list[CallEvent]]] = {
            m.NewChannel: self._on_channel,
            m.NewState: self._on_channel,
            m.Hangup: self._on_hangup,
            m.BridgeEnter: self._on_bridge_enter,
            m.BridgeLeave: self._on_bridge_leave,
            m.QueueCallerJoin: self._on_join,
            m.QueueCallerLeave: self._on_leave,
            m.AgentCalled: self._on_called,
            m.AgentRingNoAnswer: self._on_no_answer,
            m.AgentConnect: self._on_connect,
            m.UserEvent: self._on_fact,
        }

    @property
    def calls(self) -> tuple[LiveCall, ...]:
        """Those that go on and were told, oldest first."""
        found = {id(call): call for call in self._calls.values() if call.is_told}
        return tuple(sorted(found.values(), key=lambda call: call.own))

    def feed(self, message: m.Message) -> list[CallEvent]:
        """What a message means. Messages of one channel must come in their order; others may be shuffled."""
        handler = self._handlers.get(type(message))
        return handler(message) if handler is not None else []

    def adopt(self, calls: Iterable[OpenCall]) -> None:
        """Calls that our rows say go on; the next `resync` ends those that do not."""
        for row in calls:
            call = LiveCall(
                own=row.linkedid, line=row.line, number=row.caller_number, caller=row.linkedid, is_told=True,
                started_at=row.started_at, queued_at=row.queued_at, answered_at=row.answered_at,
                waits_since=row.queued_at if row.is_waiting else None, recording=row.recording,
                is_recording=row.is_recording, has_voicemail=row.has_voicemail,
                talked=timedelta(milliseconds=row.talked_ms),
            )  # fmt: skip
            for offer in row.offers:
                call.offers[offer.leg] = Offer(offer.leg, offer.member, offer.rang_at, offer.answered_at)
                call.channels.add(offer.leg)
                self._by_channel[offer.leg] = call
            for linkedid in (row.linkedid, *row.aliases):
                self._name(call, linkedid)

    def resync(self, snapshot: m.Snapshot) -> list[CallEvent]:
        """Make the calls agree with what Asterisk has now: end what vanished, take in what is new."""
        events: list[CallEvent] = []
        self.boot = snapshot.boot
        for live in snapshot.channels:
            events += self._take_in(live, snapshot.at)
        here = {live.channel.uniqueid for live in snapshot.channels}
        for uniqueid in [one for one in self._by_channel if one not in here]:
            events += self._end_channel(uniqueid, snapshot.at)
        events += self._take_queue(snapshot)
        for live in snapshot.channels:
            events += self._take_leg(live, snapshot.at)
        for call in {id(call): call for call in self._calls.values()}.values():
            if not call.channels:
                call.last_at = call.last_at or snapshot.at
                events += self._end(call)
        return events

    # Channels

    def _on_channel(self, message: m.NewChannel | m.NewState) -> list[CallEvent]:
        channel = message.channel
        events: list[CallEvent] = []
        call = self._call_of(channel, events)
        if call is not None and channel.context == TRUNK and not call.caller:
            call.caller, call.line, call.number = channel.uniqueid, channel.exten, channel.caller_number
            call.started_at = call.started_at or message.at
        return events

    def _call_of(self, channel: m.Channel, events: list[CallEvent]) -> LiveCall | None:
        """The call of a channel, made if it is the first of it; None for what is over."""
        call = self._by_channel.get(channel.uniqueid)
        if call is not None:
            if self._calls.get(channel.linkedid) is not call:
                call = self._merge(call, channel.linkedid, events)
            return call
        if channel.uniqueid in self._gone or channel.linkedid in self._gone:
            return None
        call = self._calls.get(channel.linkedid)
        if call is None:
            call = LiveCall(own=channel.linkedid)
            self._name(call, channel.linkedid)
        call.channels.add(channel.uniqueid)
        self._by_channel[channel.uniqueid] = call
        return call

    def _merge(self, call: LiveCall, linkedid: str, events: list[CallEvent]) -> LiveCall:
        """A channel's Linkedid changed: two calls are one. The one that was told stays; of two, the older."""
        other = self._calls.get(linkedid)
        if other is None:
            self._name(call, linkedid)
            if call.is_told:
                events.append(self._merged(call, linkedid))
            return call
        keep, drop = (call, other) if call.is_told and not other.is_told else (other, call)
        keep.channels |= drop.channels
        keep.offers |= drop.offers
        keep.talked += drop.talked
        keep.recording = keep.recording or drop.recording
        keep.answered_at = min(filter(None, (keep.answered_at, drop.answered_at)), default=None)
        for name in drop.names:
            self._name(keep, name)
        for uniqueid in drop.channels:
            self._by_channel[uniqueid] = keep
        if keep.is_told:
            events.append(self._merged(keep, drop.own))
        return keep

    def _name(self, call: LiveCall, linkedid: str) -> None:
        call.names.add(linkedid)
        self._calls[linkedid] = call

    def _merged(self, call: LiveCall, other: str) -> CallMerged:
        at = call.last_at or call.answered_at or call.started_at
        assert at is not None  # noqa: S101 - a call that was told has begun
        return CallMerged(**self._about(call, at, f"{call.own}:merged:{other}"), other=other)

    def _on_hangup(self, message: m.Hangup) -> list[CallEvent]:
        events: list[CallEvent] = []
        self._call_of(message.channel, events)
        return events + self._end_channel(message.channel.uniqueid, message.at)

    def _end_channel(self, uniqueid: str, at: datetime) -> list[CallEvent]:
        call = self._by_channel.pop(uniqueid, None)
        self._forget(uniqueid)
        if call is None:
            return []
        call.channels.discard(uniqueid)
        call.last_at = max(call.last_at or at, at)
        offer = call.offers.pop(uniqueid, None)
        events = self._end_offer(call, offer, at) if offer is not None else []
        return events if call.channels else events + self._end(call)

    def _end_offer(self, call: LiveCall, offer: Offer, at: datetime) -> list[CallEvent]:
        if offer.is_over:
            return []
        offer.is_over = True
        if offer.answered_at is None:
            key = f"{offer.leg}:withdrawn"
            return [AgentOfferEnded(**self._about(call, at, key), member=offer.member, leg=offer.leg)]
        call.talked += offer.talked(at)
        return [AgentLegEnded(**self._about(call, at, f"{offer.leg}:left"), member=offer.member, leg=offer.leg)]

    def _end(self, call: LiveCall) -> list[CallEvent]:
        for name in call.names:
            del self._calls[name]
            self._forget(name)
        at = call.last_at
        assert at is not None  # noqa: S101 - a channel ended just now
        events: list[CallEvent] = []
        if not call.is_told:
            if not call.caller:
                return events  # an agent's own leg, a control channel: no call of ours
            self.unexpected["ended before it was offered"] += 1
            events += self._tell(call, at)
        is_answered = call.answered_at is not None
        waited = (call.unqueued_at or at) - call.queued_at if call.queued_at is not None and not is_answered else None
        events.append(
            CallEnded(
                **self._about(call, at, f"{call.own}:ended"),
                outcome=call.outcome or _outcome(call),
                hangup_by=call.hangup_by,
                talk_ms=milliseconds(call.talked) if is_answered else None,
                wait_ms=milliseconds(waited) if waited is not None else None,
            )
        )
        return events

    def _forget(self, name: str) -> None:
        self._gone[name] = None
        if len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)

    # Conversation

    def _on_bridge_enter(self, message: m.BridgeEnter) -> list[CallEvent]:
        return self._in_bridge(message, None)

    def _on_bridge_leave(self, message: m.BridgeLeave) -> list[CallEvent]:
        return self._in_bridge(message, message.at)

    def _in_bridge(self, message: m.BridgeEnter | m.BridgeLeave, left_at: datetime | None) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self._call_of(message.channel, events)
        offer = call.offers.get(message.channel.uniqueid) if call is not None else None
        if offer is not None and message.technology not in _NO_TALK:
            offer.left_at = left_at
        return events

    # The queue

    def _on_join(self, message: m.QueueCallerJoin) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self._call_of(message.channel, events)
        if call is None:
            return events
        events += self._tell(call, message.at, message.channel)
        return events + self._queued(call, message.queue, message.at)

    def _queued(self, call: LiveCall, queue: str, at: datetime) -> list[CallEvent]:
        if call.waits_since is not None:
            return []
        call.waits_since = at
        call.queued_at = call.queued_at or at
        call.unqueued_at = None
        key = f"{call.own}:queued:{_us(at)}"
        return [CallQueued(**self._about(call, at, key), queue=queue, recording=call.recording)]

    def _on_leave(self, message: m.QueueCallerLeave) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self._call_of(message.channel, events)
        if call is not None:
            call.waits_since, call.unqueued_at = None, message.at
        return events

    def _on_called(self, message: m.AgentCalled) -> list[CallEvent]:
        events: list[CallEvent] = []
        call, offer = self._offer(message, events)
        if call is None or offer is not None or message.dest is None:
            return events
        return events + self._rings(call, message.dest.uniqueid, message.member, message.at)

    def _rings(self, call: LiveCall, leg: str, member: str, at: datetime) -> list[CallEvent]:
        if leg in self._gone:
            return []
        call.offers[leg] = Offer(leg, member, at)
        return [AgentRang(**self._about(call, at, f"{leg}:rang"), member=member, leg=leg)]

    def _on_no_answer(self, message: m.AgentRingNoAnswer) -> list[CallEvent]:
        events: list[CallEvent] = []
        call, offer = self._offer(message, events)
        if call is None or offer is None or offer.is_over or offer.answered_at is not None:
            return events
        offer.is_over = True
        missed = AgentMissed(
            **self._about(call, message.at, f"{offer.leg}:missed"),
            member=offer.member,
            ring_ms=message.ring_ms,
            leg=offer.leg,
        )
        return [*events, missed]

    def _on_connect(self, message: m.AgentConnect) -> list[CallEvent]:
        events: list[CallEvent] = []
        call, offer = self._offer(message, events)
        if call is None or message.dest is None or message.dest.uniqueid in self._gone:
            return events
        if offer is None:
            offer = call.offers[message.dest.uniqueid] = Offer(message.dest.uniqueid, message.member, message.at)
        return events + self._answered(call, offer, message.at)

    def _answered(self, call: LiveCall, offer: Offer, at: datetime) -> list[CallEvent]:
        if offer.answered_at is not None:
            return []
        offer.answered_at, offer.is_over = at, False
        call.answered_at = call.answered_at or at
        wait = at - (call.queued_at or call.started_at or at)
        answered = CallAnswered(
            **self._about(call, at, f"{offer.leg}:answered"),
            member=offer.member,
            wait_ms=milliseconds(wait),
            leg=offer.leg,
        )
        return [answered, *self._recording(call, at)]

    def _offer(self, message: m.AgentMessage, events: list[CallEvent]) -> tuple[LiveCall | None, Offer | None]:
        """The caller's call, and what is known of the member's leg."""
        call = self._call_of(message.channel, events)
        if call is None:
            return None, None
        events += self._tell(call, message.at, message.channel)
        if message.dest is None:
            self.unexpected["agent message without a leg"] += 1
            return call, None
        self._call_of(message.dest, events)
        return self._by_channel.get(message.channel.uniqueid, call), call.offers.get(message.dest.uniqueid)

    # The dialplan's own facts

    def _on_fact(self, message: m.UserEvent) -> list[CallEvent]:
        if message.channel is None or message.name not in _FACTS:
            return []
        events: list[CallEvent] = []
        call = self._call_of(message.channel, events)
        if call is None:
            return events
        fields = message.fields
        if message.name == "HLOffered":
            call.line = fields.get("hlline") or call.line
            return events + self._tell(call, message.at, message.channel)
        events += self._tell(call, message.at, message.channel)
        if message.name == "HLRecording":
            return events + self._on_recording(call, fields.get("hlkind", ""), fields.get("hlfile", ""), message.at)
        outcome, by = fields.get("hloutcome", ""), fields.get("hlhangupby", "")
        if outcome not in OUTCOMES:
            self.unexpected["outcome"] += 1
        elif call.outcome is None:
            call.outcome, call.hangup_by = outcome, by if by in _HANGUP_BY else None
        return events

    def _on_recording(self, call: LiveCall, kind: str, file: str, at: datetime) -> list[CallEvent]:
        if kind == "voicemail" and not call.has_voicemail:
            call.has_voicemail = True
            return [RecordingStarted(**self._about(call, at, f"{call.own}:recording:{file}"), kind=kind, file=file)]
        if kind == "call" and not call.is_recording:
            call.recording = file
            return self._recording(call, at) if call.answered_at is not None else []
        return []

    def _recording(self, call: LiveCall, at: datetime) -> list[CallEvent]:
        """The recorder writes while caller and agent are joined; until then there is a name and no sound."""
        if call.recording is None or call.is_recording:
            return []
        call.is_recording = True
        key = f"{call.own}:recording:{call.recording}"
        return [RecordingStarted(**self._about(call, at, key), kind="call", file=call.recording)]

    def _tell(self, call: LiveCall, at: datetime, channel: m.Channel | None = None) -> list[CallEvent]:
        """CallStarted, once."""
        if call.is_told:
            return []
        call.is_told = True
        if channel is not None:
            call.caller = call.caller or channel.uniqueid
            call.number = call.number or channel.caller_number
        call.line = call.line or UNKNOWN_LINE
        call.started_at = call.started_at or at
        return [
            CallStarted(
                **self._about(call, call.started_at, f"{call.own}:started"),
                line=call.line,
                direction="inbound",
                caller_number=call.number,
            )
        ]

    # Snapshots

    def _take_in(self, live: m.LiveChannel, at: datetime) -> list[CallEvent]:
        channel = live.channel
        events: list[CallEvent] = []
        call = self._call_of(channel, events)
        is_caller = channel.uniqueid == channel.linkedid and channel.name.startswith("PJSIP/")
        if call is None or call.is_told or not is_caller or channel.context in NOT_CALLERS:
            return events
        if not channel.context.startswith("hl-"):
            return events
        call.line = call.line or (channel.exten if channel.context == TRUNK else "")
        return events + self._tell(call, at - timedelta(seconds=live.age_s), channel)

    def _take_queue(self, snapshot: m.Snapshot) -> list[CallEvent]:
        events: list[CallEvent] = []
        waiting = {entry.uniqueid: entry for entry in snapshot.entries}
        for uniqueid, entry in waiting.items():
            call = self._by_channel.get(uniqueid)
            if call is not None and call.is_told:
                events += self._queued(call, entry.queue, snapshot.at - timedelta(seconds=entry.wait_s))
        for call in self.calls:
            if call.waits_since is not None and call.caller not in waiting:
                call.waits_since, call.unqueued_at = None, snapshot.at
        return events

    def _take_leg(self, live: m.LiveChannel, at: datetime) -> list[CallEvent]:
        """A member's leg: its phone rings, or talks when it is up and in a bridge."""
        channel = live.channel
        call = self._by_channel.get(channel.uniqueid)
        if call is None or not call.is_told or channel.uniqueid == call.caller or not channel.name.startswith("PJSIP/"):
            return []
        member = channel.name.removeprefix("PJSIP/").rpartition("-")[0]
        events: list[CallEvent] = []
        if channel.uniqueid not in call.offers:
            events += self._rings(call, channel.uniqueid, member, at)
        offer = call.offers[channel.uniqueid]
        if channel.state == _UP and live.bridge is not None and not offer.is_over:
            events += self._answered(call, offer, at)
        return events

    def _about(self, call: LiveCall, at: datetime, key: str) -> dict[str, Any]:
        return {"at": at, "dedupe_key": f"{self.node}:{key}", "node": self.node, "linkedid": call.own}


_FACTS = frozenset({"HLOffered", "HLRecording", "HLOutcome"})


def _outcome(call: LiveCall) -> str:
    """Where the dialplan's word is missing."""
    if call.answered_at is not None:
        return "answered"
    if call.has_voicemail:
        return "voicemail"
    return "abandoned" if call.queued_at is not None else "failed"


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)
