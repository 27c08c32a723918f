"""Which call a channel belongs to, and what is over. Pure; kept by calls.tracker.

The key is the Linkedid. It can change on the younger side when channels meet: then two calls are one.
"""

from collections import OrderedDict
from datetime import UTC, datetime

from hotline.calls.legs import LiveCall
from hotline.telephony.messages import Channel

_REMEMBERED = 8192
_LAST = datetime.max.replace(tzinfo=UTC)


class Registry:
    """Living calls by every Linkedid that became them, and by channel (Uniqueid)."""

    def __init__(self) -> None:
        self.by_channel: dict[str, LiveCall] = {}
        self._by_name: dict[str, LiveCall] = {}
        # Bridge → who is in it. Whoever is in one conversation is in one call, whatever their Linkedids say yet.
        self.rooms: dict[str, dict[str, Channel]] = {}
        # Uniqueids and Linkedids that are over: a late or repeated message must not bring them back.
        self._gone: OrderedDict[str, None] = OrderedDict()

    @property
    def calls(self) -> list[LiveCall]:
        """Each once, in the order in which they came to be known."""
        return list({id(call): call for call in self._by_name.values()}.values())

    def is_gone(self, name: str) -> bool:
        return name in self._gone

    def add(self, call: LiveCall, names: tuple[str, ...]) -> None:
        """A call that our rows know, with its Linkedids, its caller's channel and its offers'."""
        for uniqueid in filter(None, (call.caller, call.dialler, *call.offers, *call.parties)):
            call.channels.add(uniqueid)
            self.by_channel[uniqueid] = call
        for name in names:
            self._name(call, name)

    def call_of(self, channel: Channel) -> tuple[LiveCall | None, str | None]:
        """The call of a channel, made if it is the first of it, None for what is over; and what just became it."""
        call = self.by_channel.get(channel.uniqueid)
        if call is not None:
            if self._by_name.get(channel.linkedid) is call:
                return call, None
            return self._merge(call, channel.linkedid)
        call = self._by_name.get(channel.linkedid)
        # The leg that gave the call its name may be gone while others talk on, and new ones come.
        if channel.uniqueid in self._gone or (call is None and channel.linkedid in self._gone):
            return None, None
        if call is None:
            call = LiveCall(own=channel.linkedid)
            self._name(call, channel.linkedid)
        call.channels.add(channel.uniqueid)
        self.by_channel[channel.uniqueid] = call
        return call, None

    def _merge(self, call: LiveCall, linkedid: str) -> tuple[LiveCall, str]:
        """The one that was told stays; of two, the older."""
        other = self._by_name.get(linkedid)
        if other is None:
            self._name(call, linkedid)
            return call, linkedid
        return self.join(call, other)

    def join(self, call: LiveCall, other: LiveCall) -> tuple[LiveCall, str]:
        """Two calls are one. The one that was told stays; of two, the older, which is `other` if nobody knows."""
        keep, drop = (call, other) if call.is_told and not other.is_told else (other, call)
        if call.is_told and other.is_told and (call.started_at or _LAST) < (other.started_at or _LAST):
            keep, drop = call, other
        keep.absorb(drop)
        for name in drop.names:
            self._name(keep, name)
        for uniqueid in drop.channels:
            self.by_channel[uniqueid] = keep
        return keep, drop.own

    def _name(self, call: LiveCall, linkedid: str) -> None:
        call.names.add(linkedid)
        self._by_name[linkedid] = call

    def enter(self, bridge: str, channel: Channel) -> None:
        self.rooms.setdefault(bridge, {})[channel.uniqueid] = channel

    def leave(self, bridge: str, uniqueid: str) -> None:
        room = self.rooms.get(bridge)
        if room is not None and room.pop(uniqueid, None) is not None and not room:
            del self.rooms[bridge]

    def drop_channel(self, uniqueid: str) -> LiveCall | None:
        """The channel is over; the call that it was of."""
        self._forget(uniqueid)
        call = self.by_channel.pop(uniqueid, None)
        if call is not None:
            call.channels.discard(uniqueid)
        return call

    def drop(self, call: LiveCall) -> None:
        """The call is over. One that nobody told of may yet be: of its channels only the last words of one came."""
        for name in call.names:
            del self._by_name[name]
            if call.is_told or call.caller:
                self._forget(name)

    def _forget(self, name: str) -> None:
        self._gone[name] = None
        if len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)
