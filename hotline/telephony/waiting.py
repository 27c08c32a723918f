"""What is heard while waiting: prompts at their times in the music, as files that Asterisk plays one after the other.

Announcements of app_queue would keep a free agent's phone from ringing, so what callers must hear is part of the
music. One folder a class: `waiting` begins with the offer of keys, `danger`, `talk` and `any` with a word for the key
that was pressed, `patient` with the music. Written anew when a prompt or the music has changed.
"""

import hashlib
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FIRST: Final[dict[str, str]] = {"waiting": "P03", "patient": "", "danger": "P04", "talk": "P05", "any": "P06"}
COMFORT: Final = "P10"
CALL_BACK: Final = "P12"
EVERY_S: Final = 30
LAPS: Final = 10  # then it begins anew
_MARK = "made"
_BYTES_A_SECOND = 16000


def lay(moh: Path, prompts: Path, data: Path) -> None:
    """`moh`: the music's folder; `data`: where the folders `moh-…` are made. Their names stay: Asterisk lists them."""
    music = sorted(moh.glob("*.wav"))
    heard = [prompts / f"{name}.wav" for name in (*FIRST.values(), COMFORT, CALL_BACK) if name]
    mark = hashlib.sha256(b"".join(path.read_bytes() for path in [*music, *heard] if path.is_file())).hexdigest()
    parts = data / "moh-parts"
    if not music or not _frames(music[0]) or ((parts / _MARK).is_file() and (parts / _MARK).read_text() == mark):
        return
    parts.mkdir(exist_ok=True)
    for old in parts.iterdir():
        old.unlink()
    frames = _frames(music[0])
    for name, first in FIRST.items():
        folder = data / f"moh-{name}"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for number, piece in enumerate(_pieces(prompts, first), 1):
            source = piece if isinstance(piece, Path) else _music(parts, frames, *piece)
            (folder / f"{number:02}.wav").symlink_to(source)
    (parts / _MARK).write_text(mark)


def _pieces(prompts: Path, first: str) -> Iterator[Path | tuple[int, int]]:
    """Prompts, and between them music from a place, so many bytes of it."""
    at = played = place = 0
    for lap in range(LAPS):
        names = [first] if lap == 0 else [COMFORT, CALL_BACK] if lap % 2 == 0 else [COMFORT]
        files = [prompts / f"{name}.wav" for name in names if name and (prompts / f"{name}.wav").is_file()]
        for file in files:
            yield file
            played += len(_frames(file))
        at += EVERY_S * _BYTES_A_SECOND
        length = max(at - played, _BYTES_A_SECOND)
        yield place, length
        place, played = place + length, at


def _music(parts: Path, frames: bytes, place: int, length: int) -> Path:
    path = parts / f"music-{place}-{length}.wav"
    if not path.is_file():
        begin = place % len(frames)
        whole = frames * (2 + length // len(frames))
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(_BYTES_A_SECOND // 2)
            file.writeframes(whole[begin : begin + length])
    return path


def _frames(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        return bytes(file.readframes(file.getnframes()))
