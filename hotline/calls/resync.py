"""The calls made to agree with a snapshot: what vanished ends, what is new is taken in. Pure; used by calls.tracker.

A snapshot says where everybody is, and not how they came there: only what it shows is told.
"""

from collections.abc import Container
from datetime import datetime, timedelta
from typing import TypeGuard

from hotline.calls.channels import UP, Channels
from hotline.calls.legs import dialled
from hotline.events import CallEvent
from hotline.telephony import messages as m
from hotline.telephony.names import is_ghost, is_local, peer

NOT_CALLERS = frozenset(
    {
        "hl-agents", "hl-consult", "hl-control", "hl-dial", "hl-member", "hl-member-end", "hl-offer", "hl-out",
        "hl-outside", "hl-party", "hl-sandbox", "hl-spy", "hl-spy-end", "hl-spy-told", "hl-switch-phone", "hl-test",
        "hl-way",
    }
)  # fmt: skip
_WAITS = "hl-wait"  # where a caller is aside, with what for as the extension
_ASIDE = frozenset({"consult", "held", "parked"})
_DIALS = frozenset({"hl-dial", "hl-out", "hl-way"})  # it dials in a routine of the dialplan's
_ASKS = "hl-consult"  # and here while it asks somebody else; in the room it may as well be a supervisor who took over
_OPEN = "hl-open"
_SPIES = "hl-spy"  # where a supervisor's leg is, and a caller whom one takes over
_SENT = "hl-transfer"  # where a caller is on the way to somebody else
_BEGINNINGS = frozenset({"HLOffered", "HLDial"})
_WAITING_ROOMS = frozenset({"BridgeWait", "Park", "ParkedCall", "Parked Call"})


class _Every:
    """Any name is in it."""

    def __contains__(self, name: object) -> bool:
        return True


EVERY = _Every()


def cut_off(calls: Channels) -> None:
    """Asterisk died: whatever was going on was cut off."""
    for call in calls.registry.calls:
        call.was_cut_off, call.hangup_by = True, call.hangup_by or "system"


def agree(calls: Channels, snapshot: m.Snapshot, only: Container[str]) -> list[CallEvent]:
    """What Tracker.resync tells."""
    at, events, registry = snapshot.at, list[CallEvent](), calls.registry
    facts = [told for told in snapshot.behind if isinstance(told, m.UserEvent) and told.name in _BEGINNINGS]
    _take_supervisors(calls, snapshot)
    later = {told.channel.uniqueid for told in facts if told.channel is not None}
    channels = [live for live in snapshot.channels if _own(calls, live.channel) in only]
    for live in channels:
        events += _take_in(calls, live, at, live.channel.uniqueid in later)
    here = {live.channel.uniqueid for live in snapshot.channels}
    here |= {told.channel.uniqueid for told in snapshot.behind if isinstance(told, m.Hangup)}
    # Callers first: who is left behind by one who is gone was not given them.
    for uniqueid, call in sorted(registry.by_channel.items(), key=lambda one: one[0] != one[1].caller):
        if uniqueid not in here and call.own in only:
            events += calls.end_channel(uniqueid, at)
    events += _take_queue(calls, snapshot, only)
    moved = {told.channel.uniqueid for told in snapshot.behind if _is_move(told) and told.channel is not None}
    for live in channels:
        _take_room(calls, live, at)
        if live.channel.uniqueid not in moved:
            _take_sent(calls, live)
    for live in channels:
        events += _take_leg(calls, live, at)
    for live in channels:
        if live.channel.uniqueid not in moved:
            events += _take_place(calls, live, at)
    for call in registry.calls:
        if not call.channels and call.caller not in here and call.own in only:
            call.last_at = call.last_at or at
            events += calls.end(call)
    return events


def _take_supervisors(calls: Channels, snapshot: m.Snapshot) -> None:
    """A supervisor's leg, by its place, or by a word that is still to come: else it is taken for an agent's."""
    for live in snapshot.channels:
        if live.channel.context.startswith(_SPIES) and not calls.outside(live.channel):
            calls.moves.supervises(live.channel)
    for told in snapshot.behind:
        if isinstance(told, m.UserEvent) and told.name == "HLSpy" and told.channel is not None:
            calls.moves.supervises(told.channel)


def _is_move(told: m.Message) -> TypeGuard[m.UserEvent]:
    return isinstance(told, m.UserEvent) and told.name == "HLMove"


def _own(calls: Channels, channel: m.Channel) -> str:
    """What the call of a channel is called."""
    call = calls.registry.by_channel.get(channel.uniqueid)
    return call.own if call is not None else channel.linkedid


def _take_in(calls: Channels, live: m.LiveChannel, at: datetime, is_told_later: bool) -> list[CallEvent]:
    channel = live.channel
    events: list[CallEvent] = []
    call = calls.call_of(channel, at, events)
    if call is None or channel.uniqueid != channel.linkedid:
        return events
    began = at - timedelta(seconds=live.age_s)
    is_dialler = channel.context in _DIALS or (channel.context == _ASKS and not calls.outside(channel))
    if is_dialler and not call.is_told and not is_told_later:
        number = dialled(channel.exten) if channel.context in _DIALS else None
        return events + calls.moves.dials(
            call, channel, began, number=number, line="", member=peer(channel.name), direction="outbound"
        )
    is_caller = calls.outside(channel) and not call.dialler and channel.context not in NOT_CALLERS
    if not is_caller or not channel.context.startswith("hl-"):
        return events
    call.caller = call.caller or channel.uniqueid
    calls.recognise(call, channel, began)
    return events if is_told_later else events + calls.teller.start(call, began, channel)


def _take_queue(calls: Channels, snapshot: m.Snapshot, only: Container[str]) -> list[CallEvent]:
    events: list[CallEvent] = []
    waiting = {entry.uniqueid: entry for entry in snapshot.entries}
    for uniqueid, entry in waiting.items():
        call = calls.registry.by_channel.get(uniqueid)
        if call is not None and call.is_told and call.own in only:
            events += calls.teller.queued(call, entry.queue, snapshot.at - timedelta(seconds=entry.wait_s))
    there = {live.channel.uniqueid for live in snapshot.channels if live.channel.context == _OPEN and not live.bridge}
    for call in calls.calls:
        if call.is_promised and call.caller in there:
            continue
        if call.waits_since is not None and call.caller not in waiting and call.own in only:
            call.waits_since, call.unqueued_at = None, snapshot.at
    return events


def _take_room(calls: Channels, live: m.LiveChannel, at: datetime) -> None:
    """In which conversation somebody is."""
    call = calls.registry.by_channel.get(live.channel.uniqueid)
    if call is None:
        return
    bridge = None if live.application in _WAITING_ROOMS or is_ghost(live.channel.name) else live.bridge
    calls.seat(call, live.channel, bridge, at)


def _take_sent(calls: Channels, live: m.LiveChannel) -> None:
    """A caller who is on the way to somebody else."""
    call = calls.registry.by_channel.get(live.channel.uniqueid)
    is_sent = live.channel.context.startswith(_SENT) and live.bridge is None
    if call is not None and call.is_told and live.channel.uniqueid == call.caller and is_sent:
        call.sent = call.sent or ("blind", live.channel.exten)


def _take_leg(calls: Channels, live: m.LiveChannel, at: datetime) -> list[CallEvent]:
    """A leg: its phone rings, or talks when it is up and in a bridge."""
    channel, events = live.channel, list[CallEvent]()
    call = calls.registry.by_channel.get(channel.uniqueid)
    if call is None or not call.is_told:
        return events
    if channel.state == UP and live.bridge is not None and live.application not in _WAITING_ROOMS:
        return calls.meet(call, channel, live.bridge, at)
    if is_local(channel.name) or is_ghost(channel.name) or channel.uniqueid in call.offers:
        return events
    return events + calls.rung(call, channel, at)


def _take_place(calls: Channels, live: m.LiveChannel, at: datetime) -> list[CallEvent]:
    """Whether a caller is aside."""
    channel = live.channel
    call = calls.registry.by_channel.get(channel.uniqueid)
    if call is None or not call.is_told or channel.uniqueid != call.caller:
        return []
    is_aside = channel.context == _WAITS and channel.exten in _ASIDE
    if not is_aside and call.aside is not None and live.bridge is not None:
        return calls.teller.rejoined(call, calls.moves.owner(call), at)
    if is_aside and (call.aside is None or call.aside.what != channel.exten):
        return calls.teller.put_aside(call, channel.exten, calls.moves.owner(call), at)
    return []
