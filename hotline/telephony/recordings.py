"""Sound files that Asterisk wrote: whether they are whole, and made so where it died while writing.

Asterisk puts the sizes into a wav file's header when it closes it; after a kill they are 0 and a player hears nothing,
though the sound is there. Waits for the disk: call it from a thread, and only once nobody writes the file any more.
"""

import os
import struct
from pathlib import Path
from typing import Literal

State = Literal["ok", "repaired", "missing"]
_HEAD = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_FRAME = 2  # bytes: 16 bits, one channel
_MOST_CHUNKS = 16


def check(path: Path) -> State:
    """`missing`: there is no file, or no sound in it that could be saved."""
    try:
        with path.open("r+b") as file:
            return _check(file.fileno())
    except FileNotFoundError:
        return "missing"


def _check(file: int) -> State:
    """A wav file is `RIFF`, its size less 8, `WAVE`, then chunks of name, size and content; `data` is the last."""
    size = os.fstat(file).st_size
    head = os.pread(file, _HEAD.size, 0)
    if len(head) < _HEAD.size or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return "missing"
    place = _data(file)
    if place is None:
        return "missing"
    began = place + _CHUNK.size
    length = (size - began) // _FRAME * _FRAME
    if length <= 0:
        return "missing"
    said = _CHUNK.unpack(os.pread(file, _CHUNK.size, place))[1]
    # A whole file may have something behind its sound; one that claims more than it has was cut.
    if 0 < said <= size - began:
        return "ok"
    os.pwrite(file, struct.pack("<I", length), place + 4)
    os.pwrite(file, struct.pack("<I", began + length - 8), 4)
    os.fsync(file)
    return "repaired"


def _data(file: int) -> int | None:
    """Where the chunk with the sound begins."""
    place = _HEAD.size
    for _ in range(_MOST_CHUNKS):
        found = os.pread(file, _CHUNK.size, place)
        if len(found) < _CHUNK.size:
            return None
        name, length = _CHUNK.unpack(found)
        if name == b"data":
            return place
        place += _CHUNK.size + length + length % 2
    return None
