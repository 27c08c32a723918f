"""Recordings after their call: whole, made whole where Asterisk died while writing, or noted as missing."""

import math
import struct
import wave
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hotline.calls.models import Recording
from hotline.calls.recordings import look
from hotline.db import Database
from hotline.events import RecordingChecked
from hotline.telephony.recordings import check
from tests import factories
from tests.factories import T0

FRAMES = 8000
SOUND = b"".join(struct.pack("<h", round(8000 * math.sin(n / 3))) for n in range(FRAMES))


def _write(path: Path, *, riff: int | None = None, data: int | None = None, tail: bytes = b"") -> Path:
    """As Asterisk's wav: 44 bytes of header, 16 bit, 8 kHz. `riff`, `data`: sizes that it should not say."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + len(SOUND) if riff is None else riff, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16,
        b"data", len(SOUND) if data is None else data,
    )  # fmt: skip
    path.write_bytes(head + SOUND + tail)
    return path


def _heard(path: Path) -> bytes:
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        return sound.readframes(sound.getnframes())


def test_a_whole_recording_is_left_as_it_is(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.wav")
    before = path.read_bytes()
    assert (check(path), path.read_bytes()) == ("ok", before)


@pytest.mark.parametrize("tail", [b"", b"\1"], ids=["even", "a half sample at the end"])
@pytest.mark.parametrize("said", [0, len(SOUND) + 5000], ids=["never closed", "more than there is"])
def test_the_sizes_of_a_recording_that_was_never_closed_are_put_in(tmp_path: Path, said: int, tail: bytes) -> None:
    path = _write(tmp_path / "a.wav", riff=0, data=said, tail=tail)
    assert check(path) == "repaired"
    assert _heard(path) == SOUND
    assert check(path) == "ok"


def test_what_holds_no_sound_is_missing(tmp_path: Path) -> None:
    assert check(tmp_path / "nothing.wav") == "missing"
    for name, content in (("empty", b""), ("header", b"RIFF\0\0\0\0WAVEfmt "), ("other", b"x" * 9000)):
        path = tmp_path / f"{name}.wav"
        path.write_bytes(content)
        assert (check(path), path.read_bytes()) == ("missing", content)
    silent = _write(tmp_path / "silent.wav", data=0)
    silent.write_bytes(silent.read_bytes()[:44])
    assert check(silent) == "missing"


async def _recordings(db: Database) -> dict[str, str | None]:
    async with db.read() as tx:
        return {row.file: row.state for row in await tx.session.scalars(select(Recording))}


async def _have(db: Database, node: str, ended: timedelta | None, *files: str) -> None:
    async with db.write() as tx:
        call = await factories.call(tx, node=node, ended_at=None if ended is None else T0 + ended)
        for file in files:
            tx.session.add(Recording(call_id=call.id, kind="call", file=file, started_at=T0))


async def test_recordings_of_calls_that_are_over_are_looked_at_once(db: Database, tmp_path: Path) -> None:
    _write(tmp_path / "whole.wav")
    for name in ("cut", "runs", "fresh", "theirs"):
        _write(tmp_path / f"{name}.wav", riff=0, data=0)
    await _have(db, "pbx1", timedelta(), "whole.wav", "cut.wav", "gone.wav")
    await _have(db, "pbx1", None, "runs.wav")
    await _have(db, "pbx1", timedelta(seconds=8), "fresh.wav")
    await _have(db, "pbx2", timedelta(), "theirs.wav")
    counts: Counter[str] = Counter()
    await look(db, tmp_path, "pbx1", T0 + timedelta(seconds=10), counts)
    some = {"whole.wav": "ok", "cut.wav": "repaired", "gone.wav": None}
    rest = {"runs.wav": None, "fresh.wav": None, "theirs.wav": None}
    assert await _recordings(db) == some | rest
    for _ in range(2):
        await look(db, tmp_path, "pbx1", T0 + timedelta(minutes=2), counts)
    assert await _recordings(db) == some | rest | {"gone.wav": "missing", "fresh.wav": "repaired"}
    assert counts == {"recordings_repaired": 2, "recordings_missing": 1}
    told = [row.data["state"] for row in await db.after(0) if row.type == RecordingChecked.__name__]
    assert told == ["ok", "repaired", "missing", "repaired"]
    assert _heard(tmp_path / "cut.wav") == SOUND
    assert (tmp_path / "runs.wav").read_bytes() == (tmp_path / "theirs.wav").read_bytes()  # as they were
