"""What Asterisk itself wrote down, read from its own files: CEL and queue_log. Only `set_aside` changes anything.

A file is known by its inode, since its name changes when it is set aside, and read from a byte offset on, only in whole
lines. Fed to calls.recovery by hotline.journal. What cannot be read is counted and passed over, never raised.
"""

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from hotline.clock import from_epoch

Source = Literal["cel", "queue_log"]
CHUNK = 64 * 1024  # so that nothing else waits long meanwhile
_LONGEST = 16 * 1024  # of a record; a longer one is a torn line
# A quote inside a value is doubled, so nothing that a network sends as a name can look like the start of a record.
_CEL_START = re.compile(rb'"[A-Z_]{3,40}","\d{9,11}\.\d{1,6}",')
_QUEUE_START = re.compile(rb"(?m)^\d{9,11}\|")
_LATEST = 2**33


@dataclass(slots=True, unsafe_hash=True)
class Cel:
    """One record of the journal. `event`: CHAN_START, ANSWER, … or one of our own (HLOUTCOME); `extra`: what it adds.

    `number`, `exten` and `context` are the channel's at that moment; `at` has microseconds.
    """

    event: str
    at: datetime
    linkedid: str
    uniqueid: str
    channel: str
    number: str
    exten: str
    context: str
    extra: Mapping[str, str | int]


@dataclass(slots=True, unsafe_hash=True)
class QueueLine:
    """One line of queue_log, in whole seconds. `uniqueid`: of the caller's channel, or NONE, MANAGER."""

    at: datetime
    uniqueid: str
    event: str
    data: tuple[str, ...]


Record = Cel | QueueLine


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a file has been read for good, and when."""

    offset: int
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Piece:
    """What one look at a file found. `start` … `end`: the bytes; `records`: (offset, record).

    `is_whole`: up to the file's end; `is_current`: Asterisk writes to this one.
    """

    inode: int
    path: Path
    is_current: bool
    start: int
    end: int
    is_whole: bool
    records: tuple[tuple[int, Record], ...]


class Trail:
    """One of Asterisk's files with its set-aside predecessors (`cel.csv`, `cel.csv.…`). Remembers where it is.

    `counts`: records, broken (could not be read), truncated, replaced.
    """

    def __init__(self, path: Path, source: Source, counts: Counter[str] | None = None) -> None:
        self.path, self.source = path, source
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._at: dict[int, int] = {}

    def paths(self) -> list[Path]:
        """Oldest first, the one that Asterisk writes to last."""
        aside = [path for path in self.path.parent.glob(f"{self.path.name}.*") if path.is_file()]
        found = [*sorted(aside, key=lambda path: (path.stat().st_mtime_ns, path.name)), self.path]
        return [path for path in found if path.is_file()]

    def read(self, known: Mapping[int, Mark]) -> Iterator[Piece]:
        """The next piece of each file, up to the first that has more. `known`: marks by inode, for a file first met.

        A mark in a file that is shorter, or younger than the mark, is another file's of the same inode.
        """
        met: set[int] = set()
        for path in self.paths():
            try:
                piece = self._next(path, known)
            except FileNotFoundError:  # set aside, or removed, in this very moment
                continue
            met.add(piece.inode)
            yield piece
            if not piece.is_whole:  # what was written first is read first
                return
        for inode in self._at.keys() - met:
            del self._at[inode]

    def begun_at(self) -> datetime | None:
        """When the first record of the file that Asterisk writes to was made."""
        try:
            with self.path.open("rb") as file:
                return self._first_at(file.read(_LONGEST))
        except FileNotFoundError:
            return None

    def _next(self, path: Path, known: Mapping[int, Mark]) -> Piece:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            inode, size = status.st_ino, status.st_size
            start = self._at.get(inode)
            if start is None:
                start = self._begin(known.get(inode), file.read(_LONGEST))
            if start > size:
                self.counts["truncated"] += 1
                start = 0
            file.seek(start)
            data = file.read(CHUNK)
        whole = data[: data.rfind(b"\n") + 1]
        if not whole and len(data) > _LONGEST:
            whole = data  # no line is so long: whatever it is, it is passed over
        end = start + len(whole)
        self._at[inode] = end
        records = tuple(self._records(whole, start))
        return Piece(inode, path, path == self.path, start, end, end + len(data) - len(whole) >= size, records)

    def _begin(self, mark: Mark | None, head: bytes) -> int:
        if mark is None:
            return 0
        first_at = self._first_at(head)
        if first_at is not None and first_at > mark.read_at:
            self.counts["replaced"] += 1
            return 0
        return mark.offset

    def _first_at(self, head: bytes) -> datetime | None:
        first = next(self._records(head[: head.rfind(b"\n") + 1], 0, counted=False), None)
        return first[1].at if first is not None else None

    def _records(self, data: bytes, base: int, *, counted: bool = True) -> Iterator[tuple[int, Record]]:
        """A torn line (a disk was full) ends where the next record begins, also in the middle of a line."""
        start, parse = (_CEL_START, _cel) if self.source == "cel" else (_QUEUE_START, _queue_line)
        begins = [found.start() for found in start.finditer(data)] or [len(data)]
        lost = Counter[str](broken=int(bool(data[: begins[0]].strip())))
        for here, there in zip(begins, [*begins[1:], len(data)], strict=True):
            record = parse(data[here:there]) if here < there else None
            if record is not None:
                yield base + here, record
            lost["broken" if record is None else "records"] += here < there
        if counted:
            self.counts += lost


def _cel(text: bytes) -> Cel | None:
    """The row at the beginning; behind it there may be the beginning of a torn one."""
    end = text.find(b"\n") + 1
    while end:
        record = _cel_row(text[:end])
        if record is not None:
            return record
        end = text.find(b"\n", end) + 1  # inside a value
    return None


def _cel_row(text: bytes) -> Cel | None:
    try:
        [row] = csv.reader([text.decode("utf-8", "replace").rstrip("\r\n")], strict=True)
        event, at, linkedid, uniqueid, channel, number, exten, context, _peer, _kind, extra = row
        return Cel(event, _time(at), linkedid, uniqueid, channel, number, exten, context, _extra(extra))
    except (ValueError, csv.Error, OverflowError):
        return None


def _extra(text: str) -> Mapping[str, str | int]:
    if not text:
        return {}
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def _queue_line(line: bytes) -> QueueLine | None:
    words = line.partition(b"\n")[0].decode("utf-8", "replace").rstrip("\r").split("|")
    if len(words) < 5:
        return None
    try:
        return QueueLine(_time(words[0]), words[1], words[4], tuple(words[5:]))
    except (ValueError, OverflowError):
        return None


def _time(text: str) -> datetime:
    seconds = float(text)
    if not 0 < seconds < _LATEST:
        raise ValueError(text)
    return from_epoch(seconds)


def set_aside(path: Path, at: datetime) -> Path | None:
    """Give a file another name, so that Asterisk begins a new one; None if there is none. Its inode stays."""
    aside = path.with_name(f"{path.name}.{at:%Y%m%dT%H%M%S%f}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return None
    return aside
