"""Where what we believe of an Asterisk's calls is not what it says. Pure.

The worker looks every HOTLINE_RECONCILE_S while connected. Between a change and its message lies a moment in which a
snapshot is newer than we are: that is no drift. So nothing counts of which a message came while the snapshot was taken,
and only what two looks found the same is corrected.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from hotline.calls.tracker import Tracker
from hotline.events import (
    AgentLegEnded,
    AgentMissed,
    AgentOfferEnded,
    AgentRang,
    CallAnswered,
    CallAside,
    CallEnded,
    CallEvent,
    CallMerged,
    CallQueued,
    CallRejoined,
    CallStarted,
    CallTransferred,
    LegAside,
    LegRejoined,
    PartyAnswered,
    PartyLeft,
    PartyRang,
)
from hotline.telephony import messages as m

_WHAT: dict[type[CallEvent], tuple[str, str]] = {
    CallStarted: ("call", "adopted"),
    CallMerged: ("call", "joined"),
    CallEnded: ("call", "ended"),
    CallQueued: ("queue", "queued"),
    AgentRang: ("call", "joined"),
    CallAnswered: ("call", "joined"),
    AgentMissed: ("call", "left"),
    AgentOfferEnded: ("call", "left"),
    AgentLegEnded: ("call", "left"),
    PartyRang: ("call", "joined"),
    PartyAnswered: ("call", "joined"),
    PartyLeft: ("call", "left"),
    CallAside: ("call", "moved"),
    CallRejoined: ("call", "moved"),
    CallTransferred: ("call", "moved"),
    LegAside: ("call", "moved"),
    LegRejoined: ("call", "moved"),
}
"""What Tracker.resync would tell, as a correction's kind and word."""

_WHOLE = frozenset({"ended", "adopted"})


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference, as events.DriftCorrected names it. `leg`: which phone's channel, where it is one's."""

    kind: str
    subject: str
    what: str
    leg: str = ""


def of_calls(tracker: Tracker, snapshot: m.Snapshot) -> frozenset[Drift]:
    """What `tracker.resync(snapshot)` would correct. The tracker stays as it is: a copy is asked."""
    trial = copy.deepcopy(tracker)
    waited = {call.own for call in tracker.calls if call.waits_since is not None}
    found: set[Drift] = set()
    for event in trial.resync(replace(snapshot, behind=())):
        said = _WHAT.get(type(event))
        if said is not None:
            found.add(Drift(said[0], event.linkedid, said[1], getattr(event, "leg", "")))
    whole = {drift.subject for drift in found if drift.what in _WHOLE}  # its parts need no word of their own
    found = {drift for drift in found if drift.what in _WHOLE or drift.subject not in whole}
    told = {drift.subject for drift in found}
    found |= {
        Drift("queue", call.own, "unqueued")
        for call in trial.calls
        if call.own in waited - told and call.waits_since is None
    }
    named = names(snapshot.behind)
    known = {call.own: call.names | call.channels for call in (*tracker.calls, *trial.calls)}
    return frozenset(drift for drift in found if not named & (known.get(drift.subject, set()) | {drift.subject}))


def names(messages: Iterable[m.Message]) -> set[str]:
    """Whom messages are about: Uniqueids, Linkedids, endpoints."""
    found: set[str] = set()
    for message in messages:
        for field in fields(message):
            found |= _names(field.name, getattr(message, field.name))
    return found - {""}


def _names(field: str, value: Any) -> set[str]:
    if isinstance(value, m.Channel):
        technology, _, rest = value.name.partition("/")
        return {value.uniqueid, value.linkedid, rest.rpartition("-")[0] if technology == "PJSIP" else ""}
    if field in {"member", "endpoint"}:
        return {value}
    if field in {"interface", "device"}:
        return {value.removeprefix("PJSIP/")}
    if field == "fields":
        return {value.get("hlmember", "")}
    return set()
