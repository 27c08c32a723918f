"""What becomes of a call once it is answered: hold, transfer, consult, parking, pick-up, and calls that an agent dials.
Pure; the second half of calls.tracker.

The dialplan states our own movements (HLMove, HLDial, HLSpy); a phone's own are told by Asterisk's events. A movement
is a matter of the caller's channel, so that those of one call come in their order.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from hotline.calls.legs import LiveCall, Offer, dialled
from hotline.calls.teller import UNKNOWN_LINE, Teller
from hotline.events import CallEvent, CallLineNamed
from hotline.telephony import messages as m
from hotline.telephony.names import is_ghost, is_local, local_extension, other_half, peer

SANDBOX = "@hl-sandbox"
"""A Local channel to an emergency number that is not the real one stands for whoever would answer there."""
_ASIDE = frozenset({"consult", "held", "parked"})
_BACK = frozenset({"back", "room"})
_ANSWERED = "ANSWER"
_GIVEN_UP = frozenset({"CANCEL", "ABORT"})
_EXTENSION = 6  # digits; what is longer is somebody's number
_REMEMBERED = 1024


def is_outside(channel: m.Channel) -> bool:
    """A leg to the network, or to what stands for it in the sandbox."""
    if is_local(channel.name):
        return SANDBOX in channel.name and channel.name.endswith(";1")
    return peer(channel.name) in {"outside", "trunk"}


class Calls(Protocol):
    """What calls.tracker does for this half."""

    def call_of(self, channel: m.Channel, at: datetime, events: list[CallEvent]) -> LiveCall | None: ...
    def unite(self, call: LiveCall, other: LiveCall, at: datetime, events: list[CallEvent]) -> LiveCall: ...
    def joined(self, call: LiveCall, at: datetime) -> list[CallEvent]: ...


class Moves:
    """Of one node. `outside`: which channels are legs to the network."""

    def __init__(self, calls: Calls, teller: Teller, outside: Callable[[m.Channel], bool]) -> None:
        self._calls, self._teller, self._outside = calls, teller, outside
        self._supervisors: dict[str, None] = {}
        self.handlers: dict[type[m.Message], Callable[[Any], list[CallEvent]]] = {
            m.DialBegin: self._on_dial,
            m.DialEnd: self._on_dialled,
            m.Hold: self._on_hold,
            m.Unhold: self._on_unhold,
            m.LocalBridge: self._on_local,
            m.BlindTransfer: self._on_blind,
            m.AttendedTransfer: self._on_attended,
            m.Pickup: self._on_pickup,
            m.Parked: self._on_parked,
        }
        self.facts: dict[str, Callable[[m.UserEvent], list[CallEvent]]] = {
            "HLMove": self._on_move,
            "HLDial": self._on_own_dial,
            "HLSpy": self._on_spy,
        }

    def role_of(self, call: LiveCall, uniqueid: str) -> str:
        """Of an agent's leg that is met in a conversation, and nobody said why it rang."""
        if uniqueid in self._supervisors:
            return "supervisor"
        if uniqueid == call.dialler:
            return "dial"
        if uniqueid in call.names and uniqueid != call.own:
            return "transfer"  # it came of its own, to a caller who waited for somebody
        asker = call.asker(uniqueid)
        if asker is not None:
            return self._role(call, asker)
        if call.waits_since is not None or call.owner == uniqueid:
            return "queue"
        return "transfer" if call.sent is not None else "consult" if call.owner in call.offers else "queue"

    def _role(self, call: LiveCall, asker: str | None) -> str:
        if asker is None or asker == call.caller:
            return "queue" if call.waits_since is not None else "transfer"
        return "dial" if call.direction == "internal" and call.answered_at is None else "consult"

    # Dialling

    @staticmethod
    def number_of(leg: m.Channel) -> str | None:
        """Of a leg outside of which nobody said what was dialled."""
        return dialled(local_extension(leg.name)) or dialled(leg.caller_number)

    def _on_dial(self, message: m.DialBegin) -> list[CallEvent]:
        events: list[CallEvent] = []
        leg, dialler, at = message.dest, message.channel, message.at
        known = self._teller.registry.by_channel.get(leg.uniqueid)
        if known is not None and leg.uniqueid in known.offers:
            return events  # AgentCalled came before
        if dialler is not None:
            self._calls.call_of(dialler, at, events)
        call = self._calls.call_of(leg, at, events)
        if call is None or is_ghost(leg.name):
            return events
        if dialler is not None:
            call.dialled_by[leg.uniqueid] = dialler.uniqueid
            self.note_half(call, dialler)
        is_news = call.is_told and leg.uniqueid not in {call.caller, call.dialler}
        return events + self._rings(call, message) if is_news else events

    def _rings(self, call: LiveCall, message: m.DialBegin) -> list[CallEvent]:
        leg, dialler, at = message.dest, message.channel, message.at
        asker = call.asker(leg.uniqueid)
        if self._outside(leg):
            asking = call.leg(asker) if asker is not None else None
            number = dialled(message.string.partition("@")[0]) or self.number_of(leg)
            if call.direction == "outbound" and not call.parties:
                number = call.number or number
            member = asking.member if asking is not None else None
            return self._teller.party_rings(call, leg.uniqueid, number, at, member)
        if is_local(leg.name):  # whoever it leads to is dialled by its other half
            self.note_half(call, leg)
            return []
        if call.waits_since is not None and (dialler is None or dialler.uniqueid == call.caller):
            return []  # the queue's own doing: AgentCalled says it
        return self._teller.rings(call, leg.uniqueid, peer(leg.name), at, self._role(call, asker))

    def note_half(self, call: LiveCall, channel: m.Channel) -> None:
        """What the other half of a Local channel is in is the same conversation."""
        if is_local(channel.name):
            call.wire(channel.name, channel.uniqueid, other_half(channel.name))

    def _on_dialled(self, message: m.DialEnd) -> list[CallEvent]:
        events: list[CallEvent] = []
        leg = message.dest.uniqueid
        known = self._teller.registry.by_channel.get(leg)
        if known is not None and _is_the_queues(known, known.offers.get(leg)):
            return events  # AgentRingNoAnswer and AgentConnect say it
        call = self._calls.call_of(message.dest, message.at, events)
        if call is None:
            return events
        if leg in call.parties:
            call.parties[leg].status = message.status
            return events
        offer = call.offers.get(leg)
        if offer is None or _is_the_queues(call, offer) or message.status in {_ANSWERED, *_GIVEN_UP}:
            return events
        return events + self._teller.missed(call, offer, message.at)

    # Hold

    def _on_hold(self, message: m.Hold) -> list[CallEvent]:
        call, offer, events = self._offer(message.channel, message.at)
        held = self._teller.held(call, offer, message.at) if call is not None and offer is not None else []
        return events + held

    def _on_unhold(self, message: m.Unhold) -> list[CallEvent]:
        call, offer, events = self._offer(message.channel, message.at)
        resumed = self._teller.resumed(call, offer, message.at) if call is not None and offer is not None else []
        return events + resumed

    def _offer(self, channel: m.Channel, at: datetime) -> tuple[LiveCall | None, Offer | None, list[CallEvent]]:
        events: list[CallEvent] = []
        call = self._calls.call_of(channel, at, events)
        offer = call.offers.get(channel.uniqueid) if call is not None else None
        return call, offer if offer is not None and offer.answered_at is not None else None, events

    # The dialplan's facts

    def _on_move(self, message: m.UserEvent) -> list[CallEvent]:
        events: list[CallEvent] = []
        channel, at = message.channel, message.at
        call = self._calls.call_of(channel, at, events) if channel is not None else None
        if call is None or channel is None or not call.is_told:
            return events
        if message.fields.get("hlwhat") in {"asks", "returns"}:  # told by the leg itself; bridges say when it is back
            return events + self._steps_out(call, channel.uniqueid, message.fields["hlwhat"], at)
        if _is_old(call, at):
            return events
        call.moved_at = at
        what, by, to = (_word(message.fields.get(f"hl{name}", "")) for name in ("what", "by", "to"))
        return events + self._moved(call, what, by, to, at=at)

    def _steps_out(self, call: LiveCall, leg: str, what: str, at: datetime) -> list[CallEvent]:
        offer = call.offers.get(leg)
        is_there = what == "asks" and offer is not None and offer.answered_at is not None
        return self._teller.leg_aside(call, offer, at) if is_there and offer is not None else []

    def _moved(self, call: LiveCall, what: str, by: str, to: str, *, at: datetime) -> list[CallEvent]:
        call.completed_by = None  # the queue's word on an agent who only moved
        if what in _ASIDE:
            return self._teller.put_aside(call, what, by, at)
        if what in _BACK:
            met = by if what == "back" else to.replace("outside", "")
            return self._teller.rejoined(call, met or None, at)
        if what == "take-over":
            return self._take_over(call, to or by, at)
        if what not in {"queue", "transfer"}:
            return []
        kind, to = ("queue", "queue") if "queue" in {what, to} else ("blind", to or "outside")
        return self._teller.transferred(call, at, kind, member=by or self.owner(call), to=to)

    def owner(self, call: LiveCall) -> str:
        """Whose phone has the caller; empty while nobody's has."""
        owner = call.leg(call.owner)
        return owner.member if owner is not None else ""

    def _take_over(self, call: LiveCall, member: str, at: datetime) -> list[CallEvent]:
        """A supervisor does, as soon as their leg and the caller are together."""
        call.heir, call.heir_of = member, self.owner(call)
        return self._calls.joined(call, at)

    def _on_own_dial(self, message: m.UserEvent) -> list[CallEvent]:
        """Told by the agent's own leg before it rings."""
        channel, fields, events = message.channel, message.fields, list[CallEvent]()
        call = self._calls.call_of(channel, message.at, events) if channel is not None else None
        if channel is None or call is None:
            return events
        number = dialled(_word(fields.get("hlnumber", "")))
        return events + self.dials(
            call, channel, message.at, number=number, line=_word(fields.get("hlline", "")),
            member=_word(fields.get("hlby", "")), direction="outbound" if number else "internal",
        )  # fmt: skip

    def dials(
        self,
        call: LiveCall,
        channel: m.Channel,
        at: datetime,
        *,
        number: str | None,
        line: str,
        member: str,
        direction: str,
    ) -> list[CallEvent]:
        """An agent's phone begins a call."""
        if call.is_told:
            return self._line(call, line, at)
        call.direction, call.dialler, call.line = direction, channel.uniqueid, line or call.line
        call.number = number
        events = self._teller.start(call, at)
        return events + self._teller.rings(call, channel.uniqueid, member or peer(channel.name), at, "dial")

    def _line(self, call: LiveCall, line: str, at: datetime) -> list[CallEvent]:
        """Of a call that a snapshot had shown before anything was said of it."""
        if call.line != UNKNOWN_LINE or not line:
            return []
        call.line = line
        return [CallLineNamed(**self._teller.about(call, at, f"{call.own}:line"), line=line)]

    def _on_spy(self, message: m.UserEvent) -> list[CallEvent]:
        """A supervisor's leg: what it does is agents' affair, but in a conversation it is known by this."""
        if message.channel is not None:
            self.supervises(message.channel)
        return []

    def supervises(self, channel: m.Channel) -> None:
        self._supervisors[channel.uniqueid] = None
        if len(self._supervisors) > _REMEMBERED:
            del self._supervisors[next(iter(self._supervisors))]

    # A phone's own doing

    def _on_local(self, message: m.LocalBridge) -> list[CallEvent]:
        events: list[CallEvent] = []
        one = self._calls.call_of(message.one, message.at, events)
        two = self._calls.call_of(message.two, message.at, events)
        for half, other in ((message.one, message.two), (message.two, message.one)):
            call = one if half is message.one else two
            if call is not None:
                call.wire(half.name, half.uniqueid, other.name)
        if one is not None and two is not None and one is not two:
            self._calls.unite(one, two, message.at, events)
        return events

    def _on_blind(self, message: m.BlindTransfer) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self._calls.call_of(message.transferee or message.transferer, message.at, events)
        self._calls.call_of(message.transferer, message.at, events)
        if call is None or not call.is_told or not message.success or _is_old(call, message.at):
            return events
        if call.aside is not None and call.aside.what == "parked":
            return events  # to Asterisk's own parking, which has said so just before
        call.moved_at = message.at
        kind, to = _place(message.exten)
        return events + self._teller.transferred(call, message.at, kind, member=peer(message.transferer.name), to=to)

    def _on_attended(self, message: m.AttendedTransfer) -> list[CallEvent]:
        events: list[CallEvent] = []
        at = message.at
        call = self._calls.call_of(message.original, at, events)
        second = self._calls.call_of(message.second, at, events)
        if not message.success or message.dest_type == "Fail":
            return events
        if call is not None and second is not None and call is not second:
            call = self._calls.unite(call, second, at, events)
        call = call or second
        if call is None or not call.is_told or message.dest_type == "Threeway":
            return events
        member = peer(message.original.name)
        target = message.target.uniqueid if message.target is not None else ""
        there = call.leg(target)
        to = there.member if there is not None and there.answered_at is not None else ""
        to = "outside" if target in call.parties else to
        if to:
            return events + self._teller.transferred(call, at, "attended", member=member, to=to, leg=target)
        ringing = [offer for offer in call.offers.values() if offer.answered_at is None and not offer.is_over]
        for offer in ringing:  # given away before anybody answered: whoever does has the caller
            offer.role = "transfer"
        if ringing:
            events += self._teller.transferred(call, at, "blind", member=member, to=ringing[-1].member)
        return events

    def _on_pickup(self, message: m.Pickup) -> list[CallEvent]:
        """Somebody answers a phone that rings elsewhere."""
        events: list[CallEvent] = []
        at = message.at
        call = self._calls.call_of(message.target, at, events)
        own = self._calls.call_of(message.channel, at, events)
        if call is None or own is None:
            return events
        if call is not own:
            call = self._calls.unite(call, own, at, events)
        rung = call.offers.get(message.target.uniqueid)
        if not call.is_told or message.channel.uniqueid in {call.caller, call.dialler}:
            return events
        role = rung.role if rung is not None else "queue"
        return events + self._teller.rings(call, message.channel.uniqueid, peer(message.channel.name), at, role)

    def _on_parked(self, message: m.Parked) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self._calls.call_of(message.channel, message.at, events)
        if call is None or not call.is_told or _is_old(call, message.at):
            return events
        call.moved_at = message.at
        if message.what == "parked":
            return events + self._teller.put_aside(call, "parked", peer(f"{message.parker}-"), message.at)
        retriever = message.retriever
        if retriever is not None:
            own = self._calls.call_of(retriever, message.at, events)
            if own is not None and own is not call:
                call = self._calls.unite(call, own, message.at, events)
        return events + self._teller.rejoined(call, peer(retriever.name) if retriever is not None else None, message.at)


def _is_the_queues(call: LiveCall, offer: Offer | None) -> bool:
    """It rings for a caller who waits for anybody. Who waits by now may have had one phone rung just before."""
    return offer is not None and call.waits_since is not None and offer.role == "queue"


def _is_old(call: LiveCall, at: datetime) -> bool:
    """Told again."""
    return call.moved_at is not None and at <= call.moved_at


def _word(text: str) -> str:
    """`-` stands for nothing."""
    return "" if text == "-" else text


def _place(exten: str) -> tuple[str, str]:
    """Where a blind transfer goes: kind, and to whom. A number outside stays unsaid."""
    if exten == "queue":
        return "queue", "queue"
    is_ours = exten and not exten.startswith("out-") and not (exten.lstrip("+").isdigit() and len(exten) > _EXTENSION)
    return "blind", exten if is_ours else "outside"
