"""Captured pairs (tests.capture --journal): what AMI said and what Asterisk wrote of one run, as records and events."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from hotline.calls.recovery import Stories, Story
from hotline.calls.tracker import Tracker
from hotline.events import CallEvent
from hotline.telephony.journal import Cel, QueueLine, Record, Trail
from hotline.telephony.messages import Message
from hotline.telephony.parser import Parser

JOURNAL = Path(__file__).resolve().parent / "journal"
NAMES = sorted(path.stem for path in JOURNAL.glob("*.ami"))
NODE = "pbx1"


@cache
def live(name: str) -> tuple[CallEvent, ...]:
    """What the tracker told of the run."""
    tracker = Tracker(NODE)
    found = Parser().feed((JOURNAL / f"{name}.ami").read_bytes())
    return tuple(event for message in found if isinstance(message, Message) for event in tracker.feed(message))


@cache
def cel(name: str) -> tuple[Cel, ...]:
    return tuple(one for one in read(Trail(JOURNAL / f"{name}.cel.csv", "cel")) if isinstance(one, Cel))


@cache
def queue_log(name: str) -> tuple[QueueLine, ...]:
    found = read(Trail(JOURNAL / f"{name}.queue_log", "queue_log"))
    return tuple(one for one in found if isinstance(one, QueueLine))


def read(trail: Trail) -> list[Record]:
    """Everything, from the beginning of each file."""
    found: list[Record] = []
    while True:
        pieces = list(trail.read({}))
        found += [record for piece in pieces for _offset, record in piece.records]
        if all(piece.is_whole for piece in pieces):
            return found


def stories(records: Iterable[Cel]) -> list[Story]:
    """By call, in the order in which they began."""
    made = Stories()
    for record in records:
        made.add(record)
    return list(made)
