"""Call state from AMI messages. Pure: no I/O, no clock; what comes out are domain events, keyed by their causes.

Fed by the worker with what telephony.client read, and by hotline.replay with captures. The dialplan's own
facts (HLOffered, HLRecording, HLOutcome, and those of calls.moves) decide; where they are missing, channel and queue
events do. What does not fit is counted, never raised.

Here: the queue, and what the dialplan says. Channels and bridges are calls.channels', what becomes of an answered
call calls.moves', snapshots calls.resync's, and what is told calls.teller's.

Order is kept for each channel; messages of different channels may come in any order, twice, or late.
"""

from collections.abc import Callable, Container, Iterable
from datetime import datetime
from typing import Any

from hotline.calls import resync
from hotline.calls.channels import TRUNK, Channels
from hotline.calls.legs import LiveCall, Offer, OpenCall, dialled
from hotline.calls.moves import is_outside
from hotline.calls.resync import EVERY, NOT_CALLERS
from hotline.calls.teller import UNKNOWN_LINE
from hotline.events import CallEvent, RecordingStarted
from hotline.telephony import messages as m
from hotline.telephony.names import is_local, peer

__all__ = ["EVERY", "NOT_CALLERS", "OUTCOMES", "TRUNK", "UNKNOWN_LINE", "Tracker"]

OUTCOMES = frozenset(
    {
        "answered", "abandoned", "callback", "voicemail", "duty", "closed", "blocked", "overflowed", "failed",
        "busy", "no_answer", "rejected", "withdrawn",
    }
)  # fmt: skip
"""The last four only of calls that an agent dialled."""
WISHES = frozenset({"danger", "talk", "policy"})
_HANGUP_BY = frozenset({"caller", "agent", "system"})


class Tracker(Channels):
    """All calls of one node, from messages. `boot`: Asterisk's start, as the last snapshot said."""

    def __init__(self, node: str, *, outside: Callable[[m.Channel], bool] = is_outside, has_holds: bool = True) -> None:
        super().__init__(node, outside=outside, has_holds=has_holds)
        self.boot: str | None = None
        self._handlers: dict[type[m.Message], Callable[[Any], list[CallEvent]]] = {
            m.NewChannel: self.on_channel,
            m.NewState: self.on_channel,
            m.Hangup: self.on_hangup,
            m.BridgeEnter: self.on_bridge_enter,
            m.BridgeLeave: self.on_bridge_leave,
            m.QueueCallerJoin: self._on_join,
            m.QueueCallerLeave: self._on_leave,
            m.AgentCalled: self._on_called,
            m.AgentRingNoAnswer: self._on_no_answer,
            m.AgentConnect: self._on_connect,
            m.AgentComplete: self._on_complete,
            m.UserEvent: self._on_fact,
            **self.moves.handlers,
        }
        self._facts: dict[str, Callable[[m.UserEvent], list[CallEvent]]] = {
            **dict.fromkeys(("HLOffered", "HLRecording", "HLAgain", "HLOutcome"), self._on_own_fact),
            **dict.fromkeys(("HLKey", "HLCallBack"), self._on_key),
            **self.moves.facts,
        }

    def feed(self, message: m.Message) -> list[CallEvent]:
        """What a message means. Messages of one channel must come in their order; others may be shuffled."""
        handler = self._handlers.get(type(message))
        return handler(message) if handler is not None else []

    def adopt(self, calls: Iterable[OpenCall]) -> None:
        """Calls that our rows say go on; the next `resync` ends those that do not."""
        for row in calls:
            self.registry.add(row.live(), (row.linkedid, *row.aliases))

    def resync(self, snapshot: m.Snapshot, only: Container[str] = EVERY) -> list[CallEvent]:
        """Make the calls agree with what Asterisk has now: end what vanished, take in what is new.

        What was told while the snapshot was taken (`behind`) is to be fed next: it says better how something ended.
        `only`: these calls, by their own Linkedid; the others are left as they are.
        """
        if self.boot not in {None, snapshot.boot}:
            resync.cut_off(self)
        self.boot = snapshot.boot
        return resync.agree(self, snapshot, only)

    # The queue

    def _on_join(self, message: m.QueueCallerJoin) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self.call_of(message.channel, message.at, events)
        if call is None:
            return events
        events += self.teller.start(call, message.at, message.channel)
        if call.joined_before(message.at):
            return events
        call.is_promised = False
        return events + self.teller.queued(call, message.queue, message.at)

    def _on_leave(self, message: m.QueueCallerLeave) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self.call_of(message.channel, message.at, events)
        if call is not None and not call.left_before(message.at):
            call.waits_since, call.unqueued_at = None, message.at
        return events

    def _on_called(self, message: m.AgentCalled) -> list[CallEvent]:
        events: list[CallEvent] = []
        call, offer = self._offer(message, events)
        if call is None or offer is not None or message.dest is None:
            return events
        if is_local(message.dest.name):  # the phone behind it is dialled by the other half
            call.dialled_by[message.dest.uniqueid] = message.channel.uniqueid
            return events
        return events + self.teller.rings(call, message.dest.uniqueid, message.member, message.at)

    def _on_no_answer(self, message: m.AgentRingNoAnswer) -> list[CallEvent]:
        events: list[CallEvent] = []
        call, offer = self._offer(message, events)
        if call is None or offer is None:
            return events
        return events + self.teller.missed(call, offer, message.at, message.ring_ms)

    def _on_connect(self, message: m.AgentConnect) -> list[CallEvent]:
        events: list[CallEvent] = []
        call, offer = self._offer(message, events)
        if call is None or message.dest is None or self.registry.is_gone(message.dest.uniqueid):
            return events
        if offer is None and is_local(message.dest.name):
            return events  # whoever is behind it enters the conversation
        if offer is None:
            offer = call.offers[message.dest.uniqueid] = Offer(message.dest.uniqueid, message.member, message.at)
        return events + self.teller.answered(call, offer, message.at)

    def _on_complete(self, message: m.AgentComplete) -> list[CallEvent]:
        """May be early, late, or of an agent who was lost long ago: then it has no leg."""
        call = self.registry.by_channel.get(message.channel.uniqueid)
        is_old = call is not None and call.waits_since is not None and message.at <= call.waits_since
        if call is not None and message.dest is not None and message.reason in _HANGUP_BY and not is_old:
            call.completed_by, call.completed_leg = message.reason, message.dest.uniqueid
        return []

    def _offer(self, message: m.AgentMessage, events: list[CallEvent]) -> tuple[LiveCall | None, Offer | None]:
        """The caller's call, and what is known of the member's leg."""
        call = self.call_of(message.channel, message.at, events)
        if call is None:
            return None, None
        events += self.teller.start(call, message.at, message.channel)
        if message.dest is None:
            self.unexpected["agent message without a leg"] += 1
            return call, None
        self.call_of(message.dest, message.at, events)
        return self.registry.by_channel.get(message.channel.uniqueid, call), call.offers.get(message.dest.uniqueid)

    # The dialplan's own facts

    def _on_fact(self, message: m.UserEvent) -> list[CallEvent]:
        handler = self._facts.get(message.name)
        return handler(message) if handler is not None and message.channel is not None else []

    def _on_own_fact(self, message: m.UserEvent) -> list[CallEvent]:
        events: list[CallEvent] = []
        channel, fields = message.channel, message.fields
        call = self.call_of(channel, message.at, events) if channel is not None else None
        if call is None or channel is None:
            return events
        if message.name == "HLOffered":
            return events + self._offered(call, channel, message)
        events += self.teller.start(call, message.at, channel)
        if message.name == "HLRecording":
            return events + self._on_recording(call, fields.get("hlkind", ""), fields.get("hlfile", ""), message.at)
        if message.name == "HLAgain":
            if call.joined_before(message.at) or call.waits_since is not None:
                return events
            call.is_promised = True
            return events + self.teller.queued(call, fields.get("hlqueue", ""), message.at)
        outcome, by = fields.get("hloutcome", ""), fields.get("hlhangupby", "")
        if outcome not in OUTCOMES:
            self.unexpected["outcome"] += 1
        elif call.outcome is None or (call.direction == "outbound" and channel.uniqueid == call.caller):
            # Who was dialled and then waited for somebody else says last how it ended.
            call.outcome, call.hangup_by = outcome, by if by in _HANGUP_BY else None
        return events

    def _on_key(self, message: m.UserEvent) -> list[CallEvent]:
        """What a caller said by a key while they waited, or heard that we are closed."""
        events: list[CallEvent] = []
        channel, fields = message.channel, message.fields
        call = self.call_of(channel, message.at, events) if channel is not None else None
        if call is None:
            return events
        events += self.teller.start(call, message.at, channel)
        if message.name == "HLCallBack":
            is_safe, number = fields.get("hlsafe") == "1", fields.get("hlnumber", "")
            return events + self.teller.wants_call_back(call, is_safe, number, message.at)
        wish = fields.get("hlwish", "")
        return events + (self.teller.wished(call, wish, message.at) if wish in WISHES else [])

    def _offered(self, call: LiveCall, channel: m.Channel, message: m.UserEvent) -> list[CallEvent]:
        """`hldirection` and `hlnumber`: of captures of other dialplans (telephony.legacy)."""
        fields = message.fields
        direction, line = fields.get("hldirection", "inbound"), fields.get("hlline") or call.line
        number = dialled(fields.get("hlnumber"))
        if direction in {"outbound", "internal"}:
            return self.moves.dials(
                call, channel, message.at, number=number, line=line, member=peer(channel.name), direction=direction
            )
        call.line, call.number = line, number or call.number
        call.origin = (fields.get("hlorigin", ""), fields.get("hlorder", ""))
        return self.teller.start(call, message.at, channel)

    def _on_recording(self, call: LiveCall, kind: str, file: str, at: datetime) -> list[CallEvent]:
        if kind == "voicemail" and not call.has_voicemail:
            call.has_voicemail = True
            if call.waits_since is not None:  # nobody told that they left the queue: met after it, in a snapshot
                call.waits_since, call.unqueued_at = None, at
            about = self.teller.about(call, at, f"{call.own}:recording:{file}")
            return [RecordingStarted(**about, kind=kind, file=file)]
        if kind == "call" and file not in call.files:
            call.files.add(file)
            call.recording, call.is_recording = file, False
            return self.teller.recording(call, at) if call.answered_at is not None else []
        return []
