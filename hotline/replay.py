"""`hotline replay`: a capture of what one AMI connection said → call records. No database; no bytes make it fail."""

from collections.abc import Iterator
from pathlib import Path

from hotline.calls.record import CallRecord, Fold
from hotline.calls.tracker import Tracker
from hotline.clock import now
from hotline.telephony.messages import Message
from hotline.telephony.parser import Parser

_CHUNK = 65536


def replay(path: Path, node: str = "replay") -> Iterator[CallRecord]:
    """Raises OSError when the file cannot be read."""
    parser, tracker, folded = Parser(now=now), Tracker(node), Fold()
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            for message in parser.feed(data):
                if isinstance(message, Message):
                    for event in tracker.feed(message):
                        folded.add(event)
    yield from folded.records
