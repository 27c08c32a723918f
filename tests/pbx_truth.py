"""What really happened in a made-up call: put down while tests.pbx_teller makes it up, never read from its messages."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hotline.calls.spans import length
from hotline.telephony import messages as m
from tests.pbx_model import T0


@dataclass(slots=True)
class Ring:
    """An agent's phone in a call. `result`: ringing, missed, withdrawn, answered; `left_at`: off the conversation;
    `has_since`: from when on this phone had the caller, None of one that was only asked.
    """

    leg: str
    member: str
    rang_at: datetime
    result: str = "ringing"
    answered_at: datetime | None = None
    left_at: datetime | None = None
    has_since: datetime | None = None


@dataclass(slots=True)
class TrueCall:
    """What happened in one call. `turns`: from when on it would have ended with which outcome, had it ended there.

    `talk`: over all agents, each moment once, from when a phone had the caller (of the queue's from AgentConnect) until
    it was out of the conversation. `wait`: first queued → answered, or → out of the queue for the last time. `owners`:
    whose the caller was, from when on. `is_cut`: Asterisk died in it; `is_unsaid`: who ended it nothing says for sure.
    """

    name: str
    line: str
    number: str
    started_at: datetime
    messages: list[m.Message] = field(default_factory=list)
    turns: list[tuple[datetime, str]] = field(default_factory=list)
    rings: list[Ring] = field(default_factory=list)
    queued: list[datetime] = field(default_factory=list)
    unqueued_at: datetime | None = None
    files: list[tuple[str, str]] = field(default_factory=list)
    outcome: str = ""
    hangup_by: str = ""
    ended_at: datetime = T0
    is_cut: bool = False
    is_unsaid: bool = False
    direction: str = "inbound"
    owners: list[tuple[datetime, Ring]] = field(default_factory=list)

    @property
    def is_moved(self) -> bool:
        """More than a phone that answers, and another after it was lost."""
        return any(isinstance(told, m.UserEvent) and told.name in {"HLMove", "HLDial"} for told in self.messages)

    @property
    def began_at(self) -> datetime:
        """Its first channel's beginning; of a call that an agent makes that is before the call's own."""
        return self.messages[0].at if self.messages else self.started_at

    @property
    def was(self) -> bool:
        """It came to be a call: of a phone that only rang for its own agent Asterisk told nothing."""
        is_begun = self.direction == "inbound" or any(_is_dial(told) for told in self.messages)
        return bool(self.messages) and is_begun

    @property
    def answers(self) -> list[Ring]:
        return [ring for ring in self.rings if ring.answered_at is not None]

    @property
    def agent(self) -> str | None:
        """Who had the caller last."""
        return self.owners[-1][1].member if self.owners else None

    @property
    def talk(self) -> timedelta | None:
        return self.talked(self.ended_at) if self.answers else None

    def talked(self, until: datetime) -> timedelta:
        """How much talk there had been at a moment."""
        spans = [
            (ring.has_since, min(ring.left_at or until, until)) for ring in self.rings if ring.has_since is not None
        ]
        return length([(start, end) for start, end in spans if start < end])

    @property
    def answered_at(self) -> datetime | None:
        return self.answers[0].answered_at if self.answers else None

    @property
    def wait(self) -> timedelta | None:
        if self.direction == "outbound":
            return self.answered_at - self.started_at if self.answered_at is not None else None
        if not self.queued:
            return None
        end = self.answered_at or self.unqueued_at
        return end - self.queued[0] if end is not None else None

    @property
    def ended_by(self) -> set[str | None]:
        """What may be told of that when everything was heard."""
        return {"caller", "agent", "system", None} if self.is_unsaid else {self.hangup_by}

    def outcomes_since(self, at: datetime) -> set[str]:
        """With which outcome the call could have ended at some moment from then on, the one that it has among them."""
        now = [outcome for since, outcome in self.turns if since <= at]
        return {*now[-1:], *(outcome for since, outcome in self.turns if since > at), self.outcome}

    def cut_off(self, at: datetime) -> "TrueCall":
        """The same call, had Asterisk died at a moment (telephony.md, Lab: it ends as failed)."""
        if self.ended_at <= at:
            return self
        told = [one for one in self.messages if one.at <= at]
        stated = any(isinstance(one, m.UserEvent) and one.name == "HLOutcome" for one in told)
        turns = [turn for turn in self.turns if turn[0] <= at]
        queued = [since for since in self.queued if since <= at]
        return replace(
            self,
            messages=told,
            turns=[*turns, (at, "failed")],
            rings=[_broken(ring, at) for ring in self.rings if ring.rang_at <= at],
            owners=[(since, ring) for since, ring in self.owners if since <= at],
            queued=queued,
            unqueued_at=min(self.unqueued_at or at, at) if queued else None,
            files=[
                (kind, file)
                for kind, file in self.files
                if any(file in _fields(said).values() for said in told)
                and (kind == "voicemail" or (self.answered_at is not None and self.answered_at <= at))
            ],
            outcome=self.outcome if stated else "failed",
            hangup_by=self.hangup_by if stated and not self.is_unsaid else "system",
            ended_at=at,
            is_cut=True,
        )


def _is_dial(message: m.Message) -> bool:
    return isinstance(message, m.UserEvent) and message.name == "HLDial"


def _fields(message: m.Message) -> dict[str, str]:
    return dict(message.fields) if isinstance(message, m.UserEvent) else {}


def _broken(ring: Ring, at: datetime) -> Ring:
    if ring.answered_at is not None and ring.answered_at <= at:
        has_since = ring.has_since if ring.has_since is not None and ring.has_since <= at else None
        return replace(ring, left_at=min(ring.left_at or at, at), has_since=has_since)
    over = ring.result == "missed" and ring.left_at is not None and ring.left_at <= at
    return replace(ring, answered_at=None, left_at=None, result="missed" if over else "withdrawn")
