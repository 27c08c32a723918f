"""The pieces that a call is made of while it goes on. Pure data; calls.tracker moves them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(slots=True)
class Offer:
    """An agent's phone that rings or talks. `leg`: Uniqueid of its channel; `left_at`: out of the conversation."""

    leg: str
    member: str
    rang_at: datetime
    answered_at: datetime | None = None
    left_at: datetime | None = None
    is_over: bool = False

    def talked(self, until: datetime) -> timedelta:
        """Zero before the answer."""
        if self.answered_at is None:
            return timedelta()
        return max(timedelta(), (self.left_at or until) - self.answered_at)


@dataclass(slots=True)
class LiveCall:
    """A call that goes on. `own`: its first Linkedid, its name for good; `names`: all of them.

    `caller`: Uniqueid of the caller's channel, empty until something says that this is a caller's.
    `talked`: of offers that are over; `waits_since`: in the queue now.
    """

    own: str
    names: set[str] = field(default_factory=set)
    line: str = ""
    number: str | None = None
    caller: str = ""
    is_told: bool = False
    channels: set[str] = field(default_factory=set)
    offers: dict[str, Offer] = field(default_factory=dict)
    started_at: datetime | None = None
    queued_at: datetime | None = None
    waits_since: datetime | None = None
    unqueued_at: datetime | None = None
    answered_at: datetime | None = None
    recording: str | None = None
    is_recording: bool = False
    has_voicemail: bool = False
    outcome: str | None = None
    hangup_by: str | None = None
    last_at: datetime | None = None
    talked: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """An offer as our rows have it."""

    leg: str
    member: str
    rang_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that our rows say goes on: what the tracker starts from after our own start."""

    linkedid: str
    line: str
    caller_number: str | None
    started_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    is_waiting: bool
    has_voicemail: bool
    recording: str | None
    is_recording: bool
    aliases: tuple[str, ...]
    offers: tuple[OpenOffer, ...]
    talked_ms: int = 0


def milliseconds(span: timedelta) -> int:
    return max(0, round(span / timedelta(milliseconds=1)))
