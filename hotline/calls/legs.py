"""The pieces that a call is made of while it goes on. Pure data; calls.tracker moves them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

_DIALLED = frozenset("+0123456789")
_MERGED_FIRST = ("started_at", "queued_at", "answered_at")
_MERGED_ANY = (
    "line", "number", "caller", "branch", "waits_since", "unqueued_at", "recording", "outcome", "hangup_by",
    "completed_by", "has_voicemail", "is_recording", "last_answered_at",
)  # fmt: skip


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

    `caller`: Uniqueid of the caller's channel, empty until something says that this is a caller's; `branch`: the
    dialplan context that took it, hl-open, hl-closed or hl-recorder; `was_refused`: with busy, before the answer;
    `was_cut_off`: Asterisk itself died. `talked`: of offers that are over; `waits_since`: in the queue now;
    `unqueued_at`: out of it, and nobody has answered since; `last_answered_at`: by the agent who had the caller last.
    `completed_by`: who ended the conversation, as app_queue says.
    """

    own: str
    names: set[str] = field(default_factory=set)
    line: str = ""
    number: str | None = None
    caller: str = ""
    branch: str = ""
    was_refused: bool = False
    was_cut_off: bool = False
    is_told: bool = False
    channels: set[str] = field(default_factory=set)
    offers: dict[str, Offer] = field(default_factory=dict)
    started_at: datetime | None = None
    queued_at: datetime | None = None
    waits_since: datetime | None = None
    unqueued_at: datetime | None = None
    answered_at: datetime | None = None
    last_answered_at: datetime | None = None
    recording: str | None = None
    is_recording: bool = False
    has_voicemail: bool = False
    outcome: str | None = None
    hangup_by: str | None = None
    completed_by: str | None = None
    last_at: datetime | None = None
    talked: timedelta = timedelta()

    @property
    def talks(self) -> list[Offer]:
        """The agents in conversation with the caller."""
        return [
            offer
            for offer in self.offers.values()
            if offer.answered_at is not None and offer.left_at is None and not offer.is_over
        ]

    def joined_before(self, at: datetime) -> bool:
        """Joining the queue then is no news: an answer came after it, or the caller has left the queue since."""
        answered, left = self.last_answered_at, self.unqueued_at
        return (answered is not None and at <= answered) or (left is not None and at < left)

    def left_before(self, at: datetime) -> bool:
        """Leaving the queue then is no news: an agent has the caller, or had, or they are in the queue anew."""
        answered, joined = self.last_answered_at, self.waits_since
        is_old = (answered is not None and at < answered) or (joined is not None and at < joined)
        return is_old or bool(self.talks)

    def absorb(self, other: Self) -> None:
        """Another call turned out to be this one."""
        self.channels |= other.channels
        self.offers |= other.offers
        self.talked += other.talked
        for name in _MERGED_ANY:
            setattr(self, name, getattr(self, name) or getattr(other, name))
        for name in _MERGED_FIRST:
            setattr(self, name, min(filter(None, (getattr(self, name), getattr(other, name))), default=None))

    def spans(self, end: datetime) -> tuple[timedelta | None, timedelta | None]:
        """How long was talked, and waited by whom nobody answered. None where it was not so, and where nobody knows:
        when Asterisk died, nobody saw the end.
        """
        if self.was_cut_off:
            return None, None
        if self.answered_at is not None:
            return self.talked, None
        return None, (self.unqueued_at or end) - self.queued_at if self.queued_at is not None else None

    def likely_outcome(self) -> str:
        """Where the dialplan's own word is missing: what it would have said there."""
        if self.was_cut_off:
            return "failed"  # nobody gave up or was helped: the line broke
        if self.has_voicemail or self.branch == "hl-recorder":
            return "voicemail"
        if self.answered_at is not None and self.waits_since is None and self.unqueued_at is None:
            return "answered"
        if self.was_refused:
            return "blocked"
        if self.queued_at is not None or self.branch == "hl-open":
            return "abandoned"
        return "closed" if self.branch == "hl-closed" else "failed"


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """An offer as our rows have it. `is_over`: missed, its channel perhaps not gone yet."""

    leg: str
    member: str
    rang_at: datetime
    answered_at: datetime | None
    is_over: bool = False


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
    unqueued_at: datetime | None = None

    def live(self) -> LiveCall:
        call = LiveCall(
            own=self.linkedid, line=self.line, number=self.caller_number, caller=self.linkedid, is_told=True,
            branch="hl-open",  # no row says; who was refused was gone at once, and who may have waited is called back
            last_answered_at=self.answered_at,
            started_at=self.started_at, queued_at=self.queued_at, answered_at=self.answered_at,
            waits_since=self.queued_at if self.is_waiting else None, unqueued_at=self.unqueued_at,
            recording=self.recording, is_recording=self.is_recording, has_voicemail=self.has_voicemail,
            talked=timedelta(milliseconds=self.talked_ms),
        )  # fmt: skip
        for row in self.offers:
            call.offers[row.leg] = Offer(row.leg, row.member, row.rang_at, row.answered_at, is_over=row.is_over)
            call.last_answered_at = row.answered_at or call.last_answered_at
        return call


def milliseconds(span: timedelta) -> int:
    return max(0, round(span / timedelta(milliseconds=1)))


def dialled(text: str | None) -> str | None:
    """A number as the dialplan keeps it: digits and plus. What a network sends instead of one is none."""
    return "".join(char for char in text or "" if char in _DIALLED)[:64] or None
