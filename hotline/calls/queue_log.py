"""Calls as Asterisk's queue_log tells them: offered on a line, and what became of them. Pure."""

from dataclasses import dataclass
from datetime import datetime

from hotline.calls.tracker import OUTCOMES, UNKNOWN_LINE
from hotline.telephony.journal import QueueLine


@dataclass(slots=True)
class QueueStory:
    """A call as queue_log has it: offered on a line, and what became of it."""

    line: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None
    hangup_by: str | None = None


def queue_story(known: QueueStory | None, line: QueueLine) -> QueueStory | None:
    """After one more line of the same call; as it was if that says nothing of it."""
    if line.event == "HLOFFERED" and known is None:
        return QueueStory((line.data[0] if line.data else "") or UNKNOWN_LINE, line.at)
    if line.event != "HLOUTCOME":
        return known
    outcome, by, dialled, *_ = [*line.data, "", "", ""]
    known = known or QueueStory(dialled or UNKNOWN_LINE, line.at)
    if outcome in OUTCOMES and known.outcome is None:
        known.ended_at, known.outcome, known.hangup_by = line.at, outcome, by or None
    return known
