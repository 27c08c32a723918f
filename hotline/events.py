"""The catalogue of domain events: what can happen, as frozen data. Pure.

Written to event_log in the transaction that changes the rows. Fields marked `pii` reach handlers in memory but never
the log. `dedupe_key` makes a second copy of the same fact vanish; it comes from the cause, never from our clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, get_args, get_type_hints
from uuid import UUID

from hotline.call_events import (
    AgentLegEnded,
    AgentMissed,
    AgentOfferEnded,
    AgentRang,
    CallAnswered,
    CallAside,
    CallBackWanted,
    CallCorrected,
    CallEnded,
    CallEvent,
    CallLineNamed,
    CallMerged,
    CallQueued,
    CallRejoined,
    CallStarted,
    CallTransferred,
    CallWished,
    LegAside,
    LegHeld,
    LegRejoined,
    LegResumed,
    PartyAnswered,
    PartyLeft,
    PartyRang,
    RecordingStarted,
)
from hotline.event import PII, SELDOM, Event

__all__ = [
    "CATALOGUE",
    "PII",
    "SELDOM",
    "AgentChanged",
    "AgentLegEnded",
    "AgentMissed",
    "AgentOfferEnded",
    "AgentRang",
    "CallAnswered",
    "CallAside",
    "CallBackDone",
    "CallBackDue",
    "CallBackWanted",
    "CallCorrected",
    "CallEnded",
    "CallEvent",
    "CallLineNamed",
    "CallMerged",
    "CallQueued",
    "CallRejoined",
    "CallStarted",
    "CallTransferred",
    "CallWished",
    "ContactOpened",
    "DriftCorrected",
    "Event",
    "HelpAsked",
    "HelpEnded",
    "LegAside",
    "LegHeld",
    "LegRejoined",
    "LegResumed",
    "MessageHeard",
    "MessageLeft",
    "NodeChanged",
    "OpeningSaid",
    "OutsideDialled",
    "PartyAnswered",
    "PartyLeft",
    "PartyRang",
    "PenAsked",
    "PenHanded",
    "PhoneProvisioned",
    "PhoneSecretChanged",
    "RecordingChecked",
    "RecordingStarted",
    "SignedIn",
    "SignedOut",
    "SupervisionChanged",
    "TicketAddedTo",
    "TicketChanged",
    "TicketHandedBack",
    "TicketHandedTo",
    "TicketMoved",
    "TicketShownTo",
    "TotalsCompared",
    "revive",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingChecked(Event):
    """A recording was looked at after its call. `state`: ok, repaired (Asterisk died while it wrote), missing."""

    recording_id: UUID
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentChanged(Event):
    """An agent's presence, pending command or phone changed."""

    agent_id: UUID
    state: str
    reason: str | None
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSecretChanged(Event):
    """A phone has a new secret (sign-in) or none (sign-off); Asterisk's worker must be told."""

    agent_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneProvisioned(Event):
    """Asterisk knows the phone's current secret."""

    agent_id: UUID
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactOpened(Event):
    """A contact exists, with its first ticket."""

    contact_id: UUID
    ticket_id: UUID
    call_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketChanged(Event):
    """Fields were saved. `fields`: their names, never their text."""

    ticket_id: UUID
    version: int
    fields: tuple[str, ...]
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketMoved(Event):
    """A step was taken."""

    ticket_id: UUID
    version: int
    step: str
    from_state: str
    to_state: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketHandedTo(Event):
    """The ticket is this agent's to write. `is_past`: of a talk that is over already; no screen opens it."""

    ticket_id: UUID
    agent_id: UUID
    is_past: bool = field(default=False, metadata=SELDOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketHandedBack(Event):
    """The agent was not reached and has not written: the ticket is nobody's again."""

    ticket_id: UUID
    agent_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketShownTo(Event):
    """The ticket is put before an agent who reads it: asked for advice, or about to get the caller from another one."""

    ticket_id: UUID
    agent_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PenHanded(Event):
    """One agent wrote the ticket and now another does. `how`: transfer, take-over, given, taken."""

    ticket_id: UUID
    agent_id: UUID
    from_agent_id: UUID | None
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PenAsked(Event):
    """Somebody on the call (`by_agent_id`) asks its writer for the pen."""

    ticket_id: UUID
    by_agent_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketAddedTo(Event):
    """Somebody without the pen added words of their own, which stay as they are."""

    ticket_id: UUID
    addition_id: UUID
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackDone(Event):
    """A call-back that was due was made, or is no longer needed."""

    contact_id: UUID
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackDue(Event):
    """Somebody who could not be helped is to be called back. Times are UTC."""

    contact_id: UUID
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLeft(Event):
    """A caller left a message: somebody on duty is to listen to it by `due_at`."""

    contact_id: UUID
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHeard(Event):
    """Somebody listened to a message."""

    contact_id: UUID
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideDialled(Event):
    """An agent may have an outside number rung, and it is counted. `emergency`: 110 and such, which have no limit.

    `due_id`: the call-back that this makes.
    """

    agent_id: UUID
    emergency: bool = field(default=False, metadata=SELDOM)
    due_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningSaid(Event):
    """A supervisor said how the lines are from `at` on. `state`: open, closed, emergency, calendar (the hours again).

    `until`: None until another word. `way`: web or phone; `by`: an account's id, or the name of a PIN.
    """

    state: str
    until: datetime | None
    way: str
    by: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeChanged(Event):
    """What we know of an Asterisk: `live`, or `stale` since `at`. A new `epoch` makes screens start over."""

    node: str
    state: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftCorrected(Event):
    """What we believed of an Asterisk was not so, and was put right. `kind`: call, queue, member, phone.

    `subject`: Linkedid of a call, endpoint of an agent. `what`: ended, adopted, queued, unqueued, joined, left, moved,
    paused, unpaused, lost, found.
    """

    node: str
    kind: str
    subject: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsCompared(Event):
    """A day's calls were compared with Asterisk's own records, after the day was over. `day`: local, ISO.

    `differences`: calls about which the sources disagree; `unread`: calls that could not be compared with one of them.
    """

    node: str
    day: str
    calls: int
    differences: int
    unread: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(Event):
    """An account opened a session."""

    account_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut(Event):
    """A session ended. `why`: asked, idle, absolute, revoked."""

    account_id: UUID
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpAsked(Event):
    """An agent on a call asks for a supervisor."""

    call_id: UUID
    agent_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpEnded(Event):
    """A supervisor came (answered), the agent took it back (withdrawn), or the talk was over (over)."""

    call_id: UUID
    agent_id: UUID
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionChanged(Event):
    """A supervisor is on an agent's call in another way than before, as Asterisk says, or not any more.

    `mode`: listen, whisper (only the agent hears them), join (both do); take-over, left and failed end it.
    `before`: the mode until now, None when they come. `agent_id`: whose call it was when they came;
    `supervisor_id`: the supervisor's phone. `reason`: as they gave it.
    """

    call_id: UUID
    agent_id: UUID
    supervisor_id: UUID
    mode: str
    reason: str
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentSwitched(Event):
    """An agent says that the caller cannot speak: from now on their keys 1 and 2 are yes and no; or not any more."""

    call_id: UUID
    agent_id: UUID
    is_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerKeyed(Event):
    """A caller who cannot speak answered by key. `answer`: yes, no."""

    call_id: UUID
    agent_id: UUID
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptChosen(Event):
    """Callers hear another version of a prompt from now on. `number`: 0 is the one that comes with the hotline."""

    prompt_id: str
    number: int
    actor: str


CATALOGUE: dict[str, type[Event]] = {
    cls.__name__: cls
    for cls in (
        CallStarted, CallQueued, CallWished, CallBackWanted, AgentRang, AgentOfferEnded, AgentMissed, CallAnswered,
        AgentLegEnded, LegHeld, LegResumed, LegAside, LegRejoined, CallAside, CallRejoined, CallTransferred,
        PartyRang, PartyAnswered, PartyLeft, RecordingStarted, RecordingChecked, CallEnded, CallMerged, CallCorrected,
        CallLineNamed, AgentChanged, PhoneSecretChanged, PhoneProvisioned, ContactOpened, TicketChanged, TicketMoved,
        TicketHandedTo, TicketHandedBack, TicketShownTo, PenHanded, PenAsked, TicketAddedTo, CallBackDue,
        CallBackDone, MessageLeft, MessageHeard, OutsideDialled, NodeChanged, OpeningSaid, DriftCorrected,
        TotalsCompared, SignedIn, SignedOut, HelpAsked, HelpEnded, SupervisionChanged,
        SilentSwitched, CallerKeyed, PromptChosen,
    )
}  # fmt: skip


def revive(name: str, at: datetime, dedupe_key: str, data: Mapping[str, Any]) -> Event:
    """The event that the log keeps as `data`; its `pii` fields are None. Raises KeyError for an unknown name."""
    cls = CATALOGUE[name]
    hints = get_type_hints(cls)
    known = {f.name for f in fields(cls)} & set(data)
    return cls(at=at, dedupe_key=dedupe_key, **{key: _typed(hints[key], data[key]) for key in known})


def _typed(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    kinds = {hint, *get_args(hint)}
    if datetime in kinds:
        return datetime.fromisoformat(value)
    if UUID in kinds:
        return UUID(value)
    return tuple(value) if isinstance(value, list) else value
