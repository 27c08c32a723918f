"""Call records, as the API and `hotline replay` print them. Pure: folded from the tracker's events.

Times are ISO 8601 UTC, durations seconds, absent is None. The rows of calls.service say the same of the same events.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from hotline.clock import iso
from hotline.events import CallAnswered, CallEnded, CallEvent, CallMerged, CallQueued, CallStarted


@dataclass(slots=True)
class CallRecord:
    """One call. `linkedids`: every Linkedid that became it, its own first; `agent`: who had the caller last."""

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

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


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
        match event:
            case CallQueued():
                record.queued_at = record.queued_at or iso(event.at)
            case CallAnswered():
                record.agent = event.member
                if record.answered_at is None:
                    record.answered_at, record.wait_s = iso(event.at), seconds(event.wait_ms)
            case CallMerged():
                gone = self._records.pop(event.other, None)
                names = gone.linkedids if gone is not None else [event.other]
                record.linkedids += [name for name in names if name not in record.linkedids]
            case CallEnded():
                record.ended_at, record.outcome, record.hangup_by = iso(event.at), event.outcome, event.hangup_by
                record.talk_s = seconds(event.talk_ms)
                record.wait_s = seconds(event.wait_ms) if record.answered_at is None else record.wait_s


def fold(events: Iterable[CallEvent]) -> list[CallRecord]:
    """Records of calls, in the order in which they started; those that go on have no end."""
    folded = Fold()
    for event in events:
        folded.add(event)
    return folded.records


def seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
