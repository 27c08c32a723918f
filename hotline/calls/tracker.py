"""Call state from AMI messages. Pure: no I/O, no clock; what comes out are domain events, keyed by their causes.

Fed by the worker with what telephony.client read, and by hotline.replay with captures. A call is everything that shares
a Linkedid, and what merged into it; it ends with its last channel. The dialplan's own facts (HLOffered, HLRecording,
HLOutcome) decide; where they are missing, channel and queue events do. What does not fit is counted, never raised.

Order is kept for each channel; messages of different channels may come in any order, twice, or late.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable
from datetime import datetime, timedelta
from typing import Any

from hotline.calls.legs import LiveCall, Offer, OpenCall, dialled, milliseconds
from hotline.calls.registry import Registry
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
NOT_CALLERS = frozenset({"hl-agents", "hl-control", "hl-member", "hl-member-end", "hl-offer"})
UNKNOWN_LINE = "unknown"
OUTCOMES = frozenset(
    {"answered", "abandoned", "callback", "voicemail", "duty", "closed", "blocked", "overflowed", "failed"}
)
_UP = 6
_BUSY = 17
_NO_TALK = frozenset({"holding_bridge"})
_HANGUP_BY = frozenset({"caller", "agent", "system"})
_FACTS = frozenset({"HLOffered", "HLRecording", "HLAgain", "HLOutcome"})
_BRANCHES = {
    ("hl-open", "s"): "hl-open", ("hl-closed", "s"): "hl-closed", ("hl-recorder", "closed"): "hl-closed",
    ("hl-recorder", "record"): "hl-recorder",
}  # fmt: skip


class _Every:
    """Any name is in it."""

    def __contains__(self, name: object) -> bool:
        return True


EVERY = _Every()


class Tracker:
    """All calls of one node. `unexpected` counts what did not fit, by kind."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.boot: str | None = None
        self.unexpected: Counter[str] = Counter()
        self._registry = Registry()
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
            m.AgentComplete: self._on_complete,
            m.UserEvent: self._on_fact,
        }

    @property
    def calls(self) -> tuple[LiveCall, ...]:
        """Those that go on and were told, oldest first."""
        return tuple(sorted((call for call in self._registry.calls if call.is_told), key=lambda call: call.own))

    def feed(self, message: m.Message) -> list[CallEvent]:
        """What a message means. Messages of one channel must come in their order; others may be shuffled."""
        handler = self._handlers.get(type(message))
        return handler(message) if handler is not None else []

    def adopt(self, calls: Iterable[OpenCall]) -> None:
        """Calls that our rows say go on; the next `resync` ends those that do not."""
        for row in calls:
            self._registry.add(row.live(), (row.linkedid, *row.aliases))

    def resync(self, snapshot: m.Snapshot, only: Container[str] = EVERY) -> list[CallEvent]:
        """Make the calls agree with what Asterisk has now: end what vanished, take in what is new.

        What was told while the snapshot was taken (`behind`) is to be fed next: it says better how something ended.
        `only`: these calls, by their own Linkedid; the others are left as they are.
        """
        events: list[CallEvent] = []
        if self.boot not in {None, snapshot.boot}:
            for call in self._registry.calls:
                call.was_cut_off, call.hangup_by = True, call.hangup_by or "system"
        self.boot = snapshot.boot
        facts = [told for told in snapshot.behind if isinstance(told, m.UserEvent) and told.name == "HLOffered"]
        later = {told.channel.uniqueid for told in facts if told.channel is not None}
        channels = [live for live in snapshot.channels if self._own(live.channel) in only]
        for live in channels:
            events += self._take_in(live, snapshot.at, live.channel.uniqueid in later)
        here = {live.channel.uniqueid for live in snapshot.channels}
        here |= {told.channel.uniqueid for told in snapshot.behind if isinstance(told, m.Hangup)}
        for uniqueid, call in list(self._registry.by_channel.items()):
            if uniqueid not in here and call.own in only:
                events += self._end_channel(uniqueid, snapshot.at)
        events += self._take_queue(snapshot, only)
        for live in channels:
            events += self._take_leg(live, snapshot.at)
        for call in self._registry.calls:
            if not call.channels and call.caller not in here and call.own in only:
                call.last_at = call.last_at or snapshot.at
                events += self._end(call)
        return events

    def _own(self, channel: m.Channel) -> str:
        """What the call of a channel is called."""
        call = self._registry.by_channel.get(channel.uniqueid)
        return call.own if call is not None else channel.linkedid

    # Channels

    def _on_channel(self, message: m.NewChannel | m.NewState) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self._call_of(message.channel, message.at, events)
        if call is not None:
            self._recognise(call, message.channel, message.at)
        return events

    def _recognise(self, call: LiveCall, channel: m.Channel, at: datetime) -> None:
        """What a channel's own place in the dialplan says: that a caller begins it, and where they got to."""
        if channel.context == TRUNK and call.caller in {"", channel.uniqueid}:
            call.caller, call.line = channel.uniqueid, call.line or channel.exten
            call.number = call.number or dialled(channel.caller_number)
            call.started_at = call.started_at or at
        elif call.caller == channel.uniqueid:
            call.branch = _BRANCHES.get((channel.context, channel.exten), call.branch)

    def _call_of(self, channel: m.Channel, at: datetime, events: list[CallEvent]) -> LiveCall | None:
        """The call of a channel; None for what is over."""
        call, other = self._registry.call_of(channel)
        if call is not None and other is not None and call.is_told:
            events.append(CallMerged(**self._about(call, at, f"{call.own}:merged:{other}"), other=other))
        return call

    def _on_hangup(self, message: m.Hangup) -> list[CallEvent]:
        channel, events = message.channel, list[CallEvent]()
        call = self._call_of(channel, message.at, events)
        if call is not None and call.caller == channel.uniqueid:
            call.was_refused = message.cause == _BUSY and channel.state != _UP
            self._recognise(call, channel, message.at)
        return events + self._end_channel(channel.uniqueid, message.at)

    def _end_channel(self, uniqueid: str, at: datetime) -> list[CallEvent]:
        call = self._registry.drop_channel(uniqueid)
        if call is None:
            return []
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
        self._registry.drop(call)
        at = call.last_at
        assert at is not None  # noqa: S101 - a channel ended just now
        events: list[CallEvent] = []
        if not call.is_told:
            if not call.caller:
                return events  # an agent's own leg, a control channel: no call of ours
            self.unexpected["ended before it was offered"] += 1
            events += self._tell(call, at)
        talked, waited = call.spans(at)
        events.append(
            CallEnded(
                **self._about(call, at, f"{call.own}:ended"),
                outcome=call.outcome or call.likely_outcome(),
                hangup_by=call.hangup_by or call.completed_by,
                talk_ms=milliseconds(talked) if talked is not None else None,
                wait_ms=milliseconds(waited) if waited is not None else None,
            )
        )
        return events

    # Conversation

    def _on_bridge_enter(self, message: m.BridgeEnter) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self._call_of(message.channel, message.at, events)
        if call is None or message.technology in _NO_TALK:
            return events
        offer = call.offers.get(message.channel.uniqueid)
        if offer is not None:
            offer.left_at = None
        # AgentConnect comes first; without one this is when they begin to hear each other.
        return events + self._talks(call, message.channel, message.at)

    def _talks(self, call: LiveCall, channel: m.Channel, at: datetime) -> list[CallEvent]:
        if not self._is_leg(call, channel):
            return []
        events: list[CallEvent] = []
        offer = call.offers.get(channel.uniqueid)
        if offer is None:
            events += self._rings(call, channel.uniqueid, _endpoint(channel), at)
            offer = call.offers[channel.uniqueid]
        return events if offer.is_over else events + self._answered(call, offer, at)

    def _is_leg(self, call: LiveCall, channel: m.Channel) -> bool:
        """An agent's phone in a call that we know of."""
        return call.is_told and channel.uniqueid != call.caller and channel.name.startswith("PJSIP/")

    def _on_bridge_leave(self, message: m.BridgeLeave) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self._call_of(message.channel, message.at, events)
        offer = call.offers.get(message.channel.uniqueid) if call is not None else None
        if offer is not None and message.technology not in _NO_TALK:
            offer.left_at = message.at
        return events

    # The queue

    def _on_join(self, message: m.QueueCallerJoin) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self._call_of(message.channel, message.at, events)
        if call is None:
            return events
        events += self._tell(call, message.at, message.channel)
        return events if call.joined_before(message.at) else events + self._queued(call, message.queue, message.at)

    def _queued(self, call: LiveCall, queue: str, at: datetime) -> list[CallEvent]:
        if call.waits_since is not None:  # told again
            return []
        for offer in call.talks:  # nobody waits and talks: that talk is over, its own messages are still to come
            offer.left_at = at
        call.waits_since = at
        call.queued_at = call.queued_at or at
        call.unqueued_at = None
        key = f"{call.own}:queued:{_us(at)}"
        return [CallQueued(**self._about(call, at, key), queue=queue, recording=call.recording)]

    def _on_leave(self, message: m.QueueCallerLeave) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self._call_of(message.channel, message.at, events)
        if call is not None and not call.left_before(message.at):
            call.waits_since, call.unqueued_at = None, message.at
        return events

    def _on_called(self, message: m.AgentCalled) -> list[CallEvent]:
        events: list[CallEvent] = []
        call, offer = self._offer(message, events)
        if call is None or offer is not None or message.dest is None:
            return events
        return events + self._rings(call, message.dest.uniqueid, message.member, message.at)

    def _rings(self, call: LiveCall, leg: str, member: str, at: datetime) -> list[CallEvent]:
        if self._registry.is_gone(leg):
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
        if call is None or message.dest is None or self._registry.is_gone(message.dest.uniqueid):
            return events
        if offer is None:
            offer = call.offers[message.dest.uniqueid] = Offer(message.dest.uniqueid, message.member, message.at)
        return events + self._answered(call, offer, message.at)

    def _on_complete(self, message: m.AgentComplete) -> list[CallEvent]:
        """May be early, late, or of an agent who was lost long ago: then it has no leg."""
        call = self._registry.by_channel.get(message.channel.uniqueid)
        if call is not None and message.dest is not None and message.reason in _HANGUP_BY:
            call.completed_by = message.reason
        return []

    def _answered(self, call: LiveCall, offer: Offer, at: datetime) -> list[CallEvent]:
        if offer.answered_at is not None:
            return []
        offer.answered_at, offer.is_over = at, False
        call.waits_since = call.unqueued_at = None
        call.answered_at = call.answered_at or at
        call.last_answered_at = max(call.last_answered_at or at, at)
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
        call = self._call_of(message.channel, message.at, events)
        if call is None:
            return None, None
        events += self._tell(call, message.at, message.channel)
        if message.dest is None:
            self.unexpected["agent message without a leg"] += 1
            return call, None
        self._call_of(message.dest, message.at, events)
        return self._registry.by_channel.get(message.channel.uniqueid, call), call.offers.get(message.dest.uniqueid)

    # The dialplan's own facts

    def _on_fact(self, message: m.UserEvent) -> list[CallEvent]:
        if message.channel is None or message.name not in _FACTS:
            return []
        events: list[CallEvent] = []
        call = self._call_of(message.channel, message.at, events)
        if call is None:
            return events
        fields = message.fields
        if message.name == "HLOffered":
            call.line = fields.get("hlline") or call.line
            return events + self._tell(call, message.at, message.channel)
        events += self._tell(call, message.at, message.channel)
        if message.name == "HLRecording":
            return events + self._on_recording(call, fields.get("hlkind", ""), fields.get("hlfile", ""), message.at)
        if message.name == "HLAgain":
            is_old = call.joined_before(message.at)
            return events if is_old else events + self._queued(call, fields.get("hlqueue", ""), message.at)
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
            call.number = call.number or dialled(channel.caller_number)
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

    def _take_in(self, live: m.LiveChannel, at: datetime, is_told_later: bool) -> list[CallEvent]:
        channel = live.channel
        events: list[CallEvent] = []
        call = self._call_of(channel, at, events)
        is_caller = channel.uniqueid == channel.linkedid and channel.name.startswith("PJSIP/")
        if call is None or not is_caller or channel.context in NOT_CALLERS or not channel.context.startswith("hl-"):
            return events
        call.caller = call.caller or channel.uniqueid
        began = at - timedelta(seconds=live.age_s)
        self._recognise(call, channel, began)
        return events if is_told_later else events + self._tell(call, began, channel)

    def _take_queue(self, snapshot: m.Snapshot, only: Container[str]) -> list[CallEvent]:
        events: list[CallEvent] = []
        waiting = {entry.uniqueid: entry for entry in snapshot.entries}
        for uniqueid, entry in waiting.items():
            call = self._registry.by_channel.get(uniqueid)
            if call is not None and call.is_told and call.own in only:
                events += self._queued(call, entry.queue, snapshot.at - timedelta(seconds=entry.wait_s))
        for call in self.calls:
            if call.waits_since is not None and call.caller not in waiting and call.own in only:
                call.waits_since, call.unqueued_at = None, snapshot.at
        return events

    def _take_leg(self, live: m.LiveChannel, at: datetime) -> list[CallEvent]:
        """A member's leg: its phone rings, or talks when it is up and in a bridge."""
        channel = live.channel
        call = self._registry.by_channel.get(channel.uniqueid)
        if call is None or not self._is_leg(call, channel):
            return []
        if channel.state == _UP and live.bridge is not None:
            return self._talks(call, channel, at)
        return [] if channel.uniqueid in call.offers else self._rings(call, channel.uniqueid, _endpoint(channel), at)

    def _about(self, call: LiveCall, at: datetime, key: str) -> dict[str, Any]:
        return {"at": at, "dedupe_key": f"{self.node}:{key}", "node": self.node, "linkedid": call.own}


def _endpoint(channel: m.Channel) -> str:
    """PJSIP/a1-00000001 → a1."""
    return channel.name.removeprefix("PJSIP/").rpartition("-")[0]


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)
