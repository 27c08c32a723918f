"""The catalogue of domain events: what can happen, as frozen data. Pure.

Written to event_log in the transaction that changes the rows. Fields marked `pii` reach handlers in memory but never
the log. `dedupe_key` makes a second copy of the same fact vanish; it comes from the cause, never from our clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, get_args, get_type_hints
from uuid import UUID

PII: dict[str, bool] = {"pii": True}
SELDOM: dict[str, bool] = {"seldom": True}
"""The log keeps such a field only where it is true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. `at`: UTC, from whoever saw it."""

    at: datetime
    dedupe_key: str

    def data(self) -> dict[str, Any]:
        """What the log keeps beside `at` and the key: codes and ids, no personal data."""
        return {
            f.name: _plain(getattr(self, f.name))
            for f in fields(self)
            if f.name not in {"at", "dedupe_key"}
            and not f.metadata.get("pii")
            and (getattr(self, f.name) or not f.metadata.get("seldom"))
        }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent(Event):
    """Told by the call tracker. `linkedid` is the call's own first Linkedid, on `node`.

    `is_past`: learnt from Asterisk's journal after it was over; rows are written, nobody's phone or screen is moved.
    """

    node: str
    linkedid: str
    is_past: bool = field(default=False, metadata=SELDOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(CallEvent):
    """First sign of a call: the network offered it on a line (blocked and closed calls too)."""

    line: str
    direction: str
    caller_number: str | None = field(default=None, metadata=PII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallQueued(CallEvent):
    """The caller waits for an agent. Repeated when the caller is queued again.

    `recording`: the file that a recorder will write once caller and agent are joined.
    """

    queue: str
    recording: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRang(CallEvent):
    """An agent's phone rings for this call. `member`: endpoint id; `leg`: Uniqueid of the phone's channel."""

    member: str
    leg: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOfferEnded(CallEvent):
    """The phone stopped ringing unanswered, and not by the agent's fault: the caller left or somebody else has it."""

    member: str
    leg: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMissed(CallEvent):
    """The phone rang its time out, or the agent rejected. `ring_ms`: how long it rang."""

    member: str
    ring_ms: int
    leg: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswered(CallEvent):
    """Caller and agent can hear each other. `wait_ms`: first queued → answered, by the events' own times."""

    member: str
    wait_ms: int
    leg: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLegEnded(CallEvent):
    """An answered agent is off the call; the call may go on without them."""

    member: str
    leg: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted(CallEvent):
    """A recorder runs. `kind`: call or voicemail. `file`: below the recordings directory."""

    kind: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingChecked(Event):
    """A recording was looked at after its call. `state`: ok, repaired (Asterisk died while it wrote), missing."""

    recording_id: UUID
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallEvent):
    """Nothing of the call is left. `outcome` is the PBX's own word; `hangup_by`: caller, agent, system or None.

    `wait_ms`: how long a caller waited whom nobody answered, from first queued to out of the queue.
    """

    outcome: str
    hangup_by: str | None
    talk_ms: int | None
    wait_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMerged(CallEvent):
    """A younger Linkedid turned out to belong to this call."""

    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCorrected(CallEvent):
    """Asterisk's journal knows better of a call that ended while nobody listened. What is None stays as it was.

    A call that failed because Asterisk died has no talk time, whatever it had before.
    """

    outcome: str | None = None
    hangup_by: str | None = None
    started_at: datetime | None = None
    queued_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    talk_ms: int | None = None
    wait_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLineNamed(CallEvent):
    """Which line was dialled, of a call that was met in its middle."""

    line: str


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
class NodeChanged(Event):
    """What we know of an Asterisk: `live`, or `stale` since `at`. A new `epoch` makes screens start over."""

    node: str
    state: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftCorrected(Event):
    """What we believed of an Asterisk was not so, and was put right. `kind`: call, queue, member, phone.

    `subject`: Linkedid of a call, endpoint of an agent. `what`: ended, adopted, queued, unqueued, joined, left, paused,
    unpaused, lost, found.
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


CATALOGUE: dict[str, type[Event]] = {
    cls.__name__: cls
    for cls in (
        CallStarted, CallQueued, AgentRang, AgentOfferEnded, AgentMissed, CallAnswered, AgentLegEnded,
        RecordingStarted, RecordingChecked, CallEnded, CallMerged, CallCorrected, CallLineNamed, AgentChanged,
        PhoneSecretChanged, PhoneProvisioned, ContactOpened, TicketChanged, TicketMoved, TicketHandedTo,
        TicketHandedBack, CallBackDue, CallBackDone, NodeChanged, DriftCorrected, TotalsCompared, SignedIn, SignedOut,
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
