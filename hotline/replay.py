"""`hotline replay`: a capture of what one AMI connection said → call records. No database; no bytes make it fail.

A capture of our own Asterisk is read as in service; any other through telephony.legacy, which knows the AMI of Asterisk
1.4 to 22 and needs none of our dialplan's facts (docs/adr/0007).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hotline.calls.record import CallRecord, Fold
from hotline.calls.tracker import Tracker
from hotline.clock import now
from hotline.telephony.legacy import Translator
from hotline.telephony.messages import Message
from hotline.telephony.parser import BANNER, Block, Parser

_CHUNK = 65536
_OURS = (b"\nUserEvent: HL", b"\nContext: hl-")  # our dialplan's facts, and its places
_OVERLAP = max(map(len, _OURS)) - 1


@dataclass(slots=True)
class Misfits:
    """What of a capture did not fit, by kind. `is_estimated`: its events carry no time of their own."""

    blocks: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)
    is_estimated: bool = False

    def line(self) -> str:
        """All of it in one line; says so when there is nothing."""
        parts = [
            f"{what} {counts.total()} ({', '.join(f'{name} {n}' for name, n in counts.most_common(8))})"
            for what, counts in (
                ("unreadable blocks", self.blocks), ("unknown events", self.unknown),
                ("events without their subject", self.unread), ("out of place", self.unexpected),
            )
            if counts.total()
        ]  # fmt: skip
        if self.is_estimated:
            parts.append("events without a time: times are those of the channels' names, to the second")
        return "did not fit: " + ("; ".join(parts) or "nothing")


class _Blocks(Parser):
    """Every event as a block with all its headers, whatever dialect it is of."""

    def _read(self, block: bytes) -> Message | Block | None:
        block = block.strip(b"\r\n")
        if block.startswith(BANNER):  # the capture goes on with another connection
            block = block.partition(b"\r\n")[2]
        if not block:
            return None
        if b":" not in block.partition(b"\r\n")[0]:
            self.counts.garbage += 1
            return None
        return self._block(block)


def replay(path: Path, node: str = "replay", misfits: Misfits | None = None) -> Iterator[CallRecord]:
    """Records in the order in which calls started. `misfits` is filled once all are given. Raises OSError."""
    misfits = misfits if misfits is not None else Misfits()
    folded = Fold()
    messages, tracker, parser = _opened(path, node, misfits)
    for message in messages:
        try:
            events = tracker.feed(message)
        except Exception as broken:
            misfits.unexpected[f"{type(message).__name__}: {type(broken).__name__}"] += 1
            continue
        for event in events:
            folded.add(event)
    misfits.unexpected += tracker.unexpected
    counts = parser.counts
    for name, n in (("malformed", counts.malformed), ("garbage", counts.garbage), ("oversized", counts.oversized)):
        if n:
            misfits.blocks[name] += n
    yield from folded.records


def _opened(path: Path, node: str, misfits: Misfits) -> tuple[Iterable[Message], Tracker, Parser]:
    if _is_ours(path):
        ours = Parser(now=now)
        found = (item for data in _raw(path) for item in ours.feed(data))
        return (item for item in found if isinstance(item, Message)), Tracker(node), ours
    parser, translator = _Blocks(), Translator()
    for data in _chunks(path):
        for item in parser.feed(data):
            if isinstance(item, Block):
                _translate(translator, item, misfits)
    misfits.unknown, misfits.unread = translator.unknown, translator.unread
    misfits.is_estimated = translator.is_estimated
    return translator.messages(), Tracker(node, outside=translator.is_outside), parser


def _translate(translator: Translator, block: Block, misfits: Misfits) -> None:
    try:
        translator.feed(block)
    except Exception as broken:
        misfits.unexpected[f"{block.name[:40]}: {type(broken).__name__}"] += 1


def _is_ours(path: Path) -> bool:
    rest = b""
    for data in _raw(path):
        rest += data
        if any(mark in rest for mark in _OURS):
            return True
        rest = rest[-_OVERLAP:]
    return False


def _raw(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            yield data


def _chunks(path: Path) -> Iterator[bytes]:
    """As it came; a capture that lost its carriage returns, as texts do that were copied, gets them again."""
    is_plain: bool | None = None
    data = b""
    for data in _raw(path):
        if is_plain is None:
            is_plain = b"\n" in data and b"\r\n" not in data
        yield data.replace(b"\n", b"\r\n") if is_plain else data
    if is_plain and data.endswith(b"\n"):
        yield b"\r\n"  # editors take the last empty line off a text
