"""Call records, as the API and `hotline replay` print them. Pure: folded from the tracker's events.

Times are ISO 8601 UTC, durations seconds, absent is None. The rows of calls.service say the same of the same events.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from hotline.clock import iso
from hotline.events import (
    AgentLegEnded,
    AgentMissed,
    AgentOfferEnded,
    AgentRang,
    CallAnswered,
    CallEnded,
    CallEvent,
    CallLineNamed,
    CallMerged,
    CallQueued,
    CallStarted,
    CallTransferred,
    PartyAnswered,
    PartyLeft,
    PartyRang,
)


@dataclass(slots=True)
class LegRecord:
    """An agent's phone or a number outside, in one call. `leg`: Uniqueid of its channel.

    `role`: queue, transfer, consult, dial, supervisor; party for a number outside. `member`: the agent's endpoint, of a
    party whoever asked for it. `result`: answered, missed, withdrawn, busy, no_answer, rejected, failed; None while it
    goes on. `talk_s`: how long it had the caller, holds included; `hold_s`: how much of it the caller heard music, None
    where nobody knows.
    """

    leg: str
    role: str
    member: str | None = None
    number: str | None = None
    rang_at: str | None = None
    answered_at: str | None = None
    ended_at: str | None = None
    result: str | None = None
    talk_s: float | None = None
    hold_s: float | None = None


@dataclass(slots=True)
class TransferRecord:
    """The caller was given on. `kind`: blind, attended, queue, take-over; `to`: an endpoint, `queue` or `outside`."""

    at: str | None
    kind: str
    member: str | None
    to: str


@dataclass(slots=True)
class CallRecord:
    """One call. `linkedids`: every Linkedid that became it, its own first; `agent`: who had the caller last.

    Two records are equal when they tell the same of the call itself: its legs' holds are not in Asterisk's journal.
    """

    id: str
    linkedid: str
    linkedids: list[str]
    line: str
    direction: str
    caller_number: str | None
    started_at: str | None
    queued_at: str | None = None
    answered_at: str | None = None
    ended_at: str | None = None
    outcome: str | None = None
    hangup_by: str | None = None
    agent: str | None = None
    wait_s: float | None = None
    talk_s: float | None = None
    ticket: str | None = None
    hold_s: float | None = field(default=None, compare=False)
    legs: list[LegRecord] = field(default_factory=list, compare=False)
    transfers: list[TransferRecord] = field(default_factory=list, compare=False)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def leg(self, name: str, role: str) -> LegRecord:
        """That leg, in the order in which they rang; made when it is not known yet."""
        for known in self.legs:
            if known.leg == name:
                return known
        self.legs.append(LegRecord(name, role))
        return self.legs[-1]


@dataclass(slots=True)
class Fold:
    """Events in, records out; `records` is in the order in which calls started."""

    _records: dict[str, CallRecord] = field(default_factory=dict)

    @property
    def records(self) -> list[CallRecord]:
        return list(self._records.values())

    def add(self, event: CallEvent) -> None:
        if isinstance(event, CallStarted):
            self._records.setdefault(
                event.linkedid,
                CallRecord(
                    id=event.linkedid,
                    linkedid=event.linkedid,
                    linkedids=[event.linkedid],
                    line=event.line,
                    direction=event.direction,
                    caller_number=event.caller_number,
                    started_at=iso(event.at),
                ),
            )
            return
        record = self._records.get(event.linkedid)
        if record is None:
            return
        _leg(record, event)
        match event:
            case CallQueued():
                record.queued_at = record.queued_at or iso(event.at)
            case CallAnswered() if event.role in _OWNS:
                record.agent = event.member
                if record.answered_at is None:
                    record.answered_at, record.wait_s = iso(event.at), seconds(event.wait_ms)
            case CallTransferred():
                record.transfers.append(TransferRecord(iso(event.at), event.kind, event.member, event.to))
                if event.kind in _HANDS_OVER and event.to not in _NO_AGENT:
                    record.agent = event.to
            case CallLineNamed():
                record.line = event.line
            case CallMerged():
                self._merge(record, event.other)
            case CallEnded():
                record.ended_at, record.outcome, record.hangup_by = iso(event.at), event.outcome, event.hangup_by
                record.talk_s, record.hold_s = seconds(event.talk_ms), seconds(event.hold_ms)
                record.wait_s = seconds(event.wait_ms) if record.answered_at is None else record.wait_s

    def _merge(self, record: CallRecord, other: str) -> None:
        gone = self._records.pop(other, None)
        names = gone.linkedids if gone is not None else [other]
        record.linkedids += [name for name in names if name not in record.linkedids]
        if gone is not None:
            known = {leg.leg for leg in record.legs}
            record.legs += [leg for leg in gone.legs if leg.leg not in known]
            record.transfers += gone.transfers


_OWNS = frozenset({"queue", "transfer", "dial"})
_HANDS_OVER = frozenset({"attended", "take-over"})
_NO_AGENT = frozenset({"queue", "outside"})


def _leg(record: CallRecord, event: CallEvent) -> None:
    """What an event says of one leg."""
    at = iso(event.at)
    match event:
        case AgentRang():
            leg = record.leg(event.leg, event.role)
            leg.member, leg.rang_at = event.member, at
        case CallAnswered():
            leg = record.leg(event.leg, event.role)
            leg.member, leg.answered_at = event.member, at
        case AgentMissed() | AgentOfferEnded():
            leg = record.leg(event.leg, event.role)
            leg.member, leg.ended_at = event.member, at
            leg.result = "missed" if isinstance(event, AgentMissed) else "withdrawn"
        case AgentLegEnded():
            leg = record.leg(event.leg, event.role)
            leg.member, leg.ended_at, leg.result = event.member, at, "answered"
            leg.talk_s, leg.hold_s = seconds(event.talk_ms), seconds(event.hold_ms)
        case PartyRang() | PartyAnswered() | PartyLeft():
            _party(record.leg(event.leg, "party"), event, at)


def _party(leg: LegRecord, event: PartyRang | PartyAnswered | PartyLeft, at: str | None) -> None:
    leg.number = leg.number or event.number
    match event:
        case PartyRang():
            leg.member, leg.rang_at = event.member, at
        case PartyAnswered():
            leg.member, leg.answered_at = leg.member or event.member, at
        case PartyLeft():
            leg.ended_at, leg.result, leg.talk_s = at, event.result, seconds(event.talk_ms)


def fold(events: Iterable[CallEvent]) -> list[CallRecord]:
    """Records of calls, in the order in which they started; those that go on have no end."""
    folded = Fold()
    for event in events:
        folded.add(event)
    return folded.records


def seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
