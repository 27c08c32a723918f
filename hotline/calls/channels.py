"""Who is in one call and one conversation: channels and bridges. Pure; the lower half of calls.tracker.

A call is everything that shares a Linkedid or a conversation, and what merged into it; it ends with its last channel.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from hotline.calls.legs import LiveCall, dialled
from hotline.calls.moves import Moves, is_outside
from hotline.calls.registry import Registry
from hotline.calls.teller import Teller
from hotline.events import CallEvent
from hotline.telephony import messages as m
from hotline.telephony.names import is_ghost, is_local, peer

TRUNK = "hl-trunk"  # the context in which a caller's channel begins, with the dialled line as its extension
SWITCH = "hl-switch-phone"  # where supervisors open and close the lines by telephone
UP = 6
_BUSY = 17
_NO_TALK = frozenset({"holding_bridge"})
_HANDED_ON = timedelta(milliseconds=300)  # those who hang up together do so within less
_BRANCHES = {
    ("hl-open", "s"): "hl-open", ("hl-closed", "closed"): "hl-closed", ("hl-closed", "emergency"): "hl-closed",
    ("hl-closed", "1"): "hl-closed", ("hl-recorder", "closed"): "hl-closed", ("hl-recorder", "emergency"): "hl-closed",
    ("hl-recorder", "record"): "hl-recorder",
}  # fmt: skip


class Channels:
    """All calls of one node. `unexpected` counts what did not fit, by kind. `outside`: which channels are legs to the
    network; `has_holds`: whether who feeds it knows of holds.
    """

    def __init__(self, node: str, *, outside: Callable[[m.Channel], bool] = is_outside, has_holds: bool = True) -> None:
        self.node = node
        self.unexpected: Counter[str] = Counter()
        self.registry = Registry()
        self.teller = Teller(node, self.registry, has_holds=has_holds)
        self.moves = Moves(self, self.teller, outside)
        self.outside = outside

    @property
    def calls(self) -> tuple[LiveCall, ...]:
        """Those that go on and were told, oldest first."""
        return tuple(sorted((call for call in self.registry.calls if call.is_told), key=lambda call: call.own))

    # Channels

    def on_channel(self, message: m.NewChannel | m.NewState) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self.call_of(message.channel, message.at, events)
        if call is not None:
            self.recognise(call, message.channel, message.at)
        return events

    def recognise(self, call: LiveCall, channel: m.Channel, at: datetime) -> None:
        """What a channel's own place in the dialplan says: that a caller begins it, and where they got to."""
        if channel.context == TRUNK and call.caller in {"", channel.uniqueid} and not call.dialler:
            call.caller, call.line = channel.uniqueid, call.line or channel.exten
            call.number = call.number or dialled(channel.caller_number)
            call.started_at = call.started_at or at
        elif call.caller == channel.uniqueid:
            call.branch = _BRANCHES.get((channel.context, channel.exten), call.branch)

    def call_of(self, channel: m.Channel, at: datetime, events: list[CallEvent]) -> LiveCall | None:
        """The call of a channel; None for what is over. That two calls are one is added to the events."""
        call, other = self.registry.call_of(channel)
        if call is not None and other is not None:
            events += self.teller.merged(call, at, other)
        return call

    def unite(self, call: LiveCall, other: LiveCall, at: datetime, events: list[CallEvent]) -> LiveCall:
        """Two calls in one conversation are one."""
        kept, name = self.registry.join(call, other)
        events += self.teller.merged(kept, at, name)
        return kept

    def on_hangup(self, message: m.Hangup) -> list[CallEvent]:
        channel, events = message.channel, list[CallEvent]()
        call = self.call_of(channel, message.at, events)
        if call is not None and channel.context == SWITCH and not call.is_told:
            call.caller = ""  # a supervisor with a PIN, on a number that is no line
        if call is not None and call.caller == channel.uniqueid:
            call.was_refused = message.cause == _BUSY and channel.state != UP
            self.recognise(call, channel, message.at)
        return events + self.end_channel(channel.uniqueid, message.at, message.cause)

    def end_channel(self, uniqueid: str, at: datetime, cause: int = 0) -> list[CallEvent]:
        call = self.registry.drop_channel(uniqueid)
        if call is None:
            return []
        call.last_at = max(call.last_at or at, at)
        self._out_of_room(call, uniqueid, at)
        events: list[CallEvent] = []
        if uniqueid == call.caller:
            call.gone_at = at
            events += self.teller.gone(call, at)
        if (offer := call.offers.pop(uniqueid, None)) is not None:
            events += self.teller.end_offer(call, offer, at)
            events += self._handed_on(call, at)
        if (party := call.parties.get(uniqueid)) is not None:
            events += self.teller.end_party(call, party, at, cause)
        return events if call.channels else events + self.end(call)

    def end(self, call: LiveCall) -> list[CallEvent]:
        self.registry.drop(call)
        at = call.last_at
        assert at is not None  # noqa: S101 - a channel ended just now
        events: list[CallEvent] = []
        if not call.is_told:
            if not call.caller:
                return events  # an agent's own leg, a control channel: no call of ours
            self.unexpected["ended before it was offered"] += 1
            events += self.teller.start(call, at)
        return [*events, self.teller.end(call, at)]

    # Conversation

    def on_bridge_enter(self, message: m.BridgeEnter) -> list[CallEvent]:
        events: list[CallEvent] = []
        channel, at = message.channel, message.at
        call = self.call_of(channel, at, events)
        is_new = bool(events)  # whoever came first was of another call until now
        if call is None or message.technology in _NO_TALK or is_ghost(channel.name):
            return events
        if not call.enter(channel.uniqueid, message.bridge, at):
            return events
        self.registry.enter(message.bridge, channel)
        if (offer := call.offers.get(channel.uniqueid)) is not None:
            offer.left_at = None
        for one in list(self.registry.rooms.get(message.bridge, {}).values()) if is_new else ():
            events += self.talks(call, one, at)
        return events + self.meet(call, channel, message.bridge, at)

    def meet(self, call: LiveCall, channel: m.Channel, bridge: str, at: datetime) -> list[CallEvent]:
        """Who is in one conversation is in one call, and hears the others."""
        events: list[CallEvent] = []
        if channel.name.startswith("Local/"):
            self.moves.note_half(call, channel)
        room = self.registry.rooms.get(bridge, {})
        for one in list(room.values()) if len(room) > 1 else ():
            other = self.registry.by_channel.get(one.uniqueid)
            if other is not None and other is not call:
                call = self.unite(call, other, at, events)
                for each in list(room.values()):
                    events += self.talks(call, each, at)
        # AgentConnect comes first; without one this is when they begin to hear each other.
        return events + self.talks(call, channel, at) + self.joined(call, at)

    def seat(self, call: LiveCall, channel: m.Channel, bridge: str | None, at: datetime) -> None:
        """Where a snapshot shows somebody."""
        leg = channel.uniqueid
        here = call.place(leg)
        if here == bridge:
            if bridge is not None:
                self.registry.enter(bridge, channel)
            return
        offer = call.offers.get(leg)
        if here is not None:
            self._out_of_room(call, leg, at)
            if offer is not None:
                offer.left_at = at
        if bridge is not None:
            call.enter(leg, bridge, at)
            self.registry.enter(bridge, channel)
            if offer is not None:
                offer.left_at = None

    def rung(self, call: LiveCall, channel: m.Channel, at: datetime) -> list[CallEvent]:
        """A leg that a snapshot shows, and that talks to nobody."""
        if self._is_party(call, channel):
            return self.teller.party_rings(call, channel.uniqueid, self.moves.number_of(channel), at, None)
        if not self._is_leg(call, channel) or channel.uniqueid == call.dialler:
            return []
        role = "queue" if call.waits_since is not None else self.moves.role_of(call, channel.uniqueid)
        return self.teller.rings(call, channel.uniqueid, peer(channel.name), at, role)

    def talks(self, call: LiveCall, channel: m.Channel, at: datetime) -> list[CallEvent]:
        leg = channel.uniqueid
        offer = call.offers.get(leg)
        is_known = (leg == call.caller and leg not in call.parties) or (
            offer is not None and offer.answered_at is not None
        )
        if is_known or not call.is_told or self.registry.is_gone(leg):
            return []
        if self._is_party(call, channel):
            events = self.teller.party_rings(call, leg, self.moves.number_of(channel), at, None)
            return events + self.teller.party_answers(call, call.parties[leg], at)
        if not self._is_leg(call, channel):
            return []
        events = self.teller.rings(call, leg, peer(channel.name), at, self.moves.role_of(call, leg))
        offer = call.offers[leg]
        return events if offer.is_over else events + self.teller.answered(call, offer, at)

    def _is_leg(self, call: LiveCall, channel: m.Channel) -> bool:
        """An agent's phone in a call that we know of."""
        is_person = not is_local(channel.name) and not is_ghost(channel.name)
        return call.is_told and is_person and channel.uniqueid != call.caller and not self.outside(channel)

    def _is_party(self, call: LiveCall, channel: m.Channel) -> bool:
        if channel.uniqueid in call.parties:
            return True
        return self.outside(channel) and channel.uniqueid not in {call.caller, call.dialler, call.own}

    def joined(self, call: LiveCall, at: datetime) -> list[CallEvent]:
        """Who was asked, or looks after somebody, has the caller from when the two meet."""
        if not call.is_told or not call.caller:
            return []
        events: list[CallEvent] = []
        for offer in call.offers.values():
            if offer.aside_since is not None and (met := call.met(offer.leg, call.caller, offer.aside_since)):
                events += self.teller.leg_rejoined(call, offer, met[-1][0])
        return events + self._given(call, at)

    def _given(self, call: LiveCall, at: datetime) -> list[CallEvent]:
        if len(call.offers) == 1 and call.owner in call.offers and not call.heir:
            return []  # one agent who has the caller: as nearly always
        for offer in (*call.offers.values(), *call.past):
            if offer.answered_at is None:
                continue
            if offer.has_since is None and (met := call.met(offer.leg, call.caller)):
                offer.has_since = met[0][0]
            if offer.has_since is not None and offer.member == call.heir and not offer.is_over:
                giver, call.heir = call.heir_of, ""
                return self.teller.transferred(call, at, "take-over", member=giver, to=offer.member, leg=offer.leg)
        return self._handed_on(call, at)

    def _handed_on(self, call: LiveCall, at: datetime) -> list[CallEvent]:
        """Whoever had the caller is gone, and somebody else is with them still: then it is theirs."""
        is_had = call.owner in call.offers or call.answered_at is None or call.waits_since is not None
        if (
            call.was_cut_off
            or is_had
            or call.sent is not None
            or (call.aside is not None and call.aside.what == "parked")
        ):
            return []
        if not (call.offers or call.parties or call.past_parties) and len(call.past) < 2:
            return []  # nobody else was there
        owner = call.leg(call.owner)
        since = owner.left_at or at if owner is not None else None
        legs = [(one.leg, one.member, one.role) for one in call.offers.values() if one.answered_at is not None]
        legs += [(one.leg, "outside", "") for one in call.parties.values() if one.answered_at is not None]
        if owner is not None:  # told in another order, they may be gone by now
            legs += [(one.leg, one.member, one.role) for one in call.past if one is not owner]
            legs += [(leg, "outside", "") for leg in call.past_parties]
        for leg, to, role in legs:
            met = call.met(leg, call.caller, since) if leg != call.caller else []
            if met and (met[-1][1] is None or (owner is not None and met[-1][1] - met[-1][0] >= _HANDED_ON)):
                kind = "take-over" if role == "supervisor" else "attended"
                giver = owner.member if owner is not None else None
                return self.teller.transferred(call, met[0][0], kind, member=giver, to=to, leg=leg)
        return []

    def on_bridge_leave(self, message: m.BridgeLeave) -> list[CallEvent]:
        events: list[CallEvent] = []
        call = self.call_of(message.channel, message.at, events)
        if call is None or message.technology in _NO_TALK:
            return events
        leg = message.channel.uniqueid
        self.registry.leave(message.bridge, leg)
        if call.leave(leg, message.at, message.bridge) or not call.stays.get(leg):
            offer = call.offers.get(leg)
            if offer is not None:
                offer.left_at = message.at
        return events

    def _out_of_room(self, call: LiveCall, uniqueid: str, at: datetime) -> None:
        here = call.place(uniqueid)
        if here is not None:
            self.registry.leave(here, uniqueid)
            call.leave(uniqueid, max(at, call.stays[uniqueid][-1].since))
