"""The prompts as files where Asterisk looks for them: links to those that come with the hotline, own ones over them.

Each is exchanged in one step, so that a caller hears the old or the new and never half of one. `zh/NAME.wav` is at
8 kHz, `zh/NAME.wav16` the same at 16.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hotline.telephony import waiting

_FOLDER: Final = "spoken"  # below Asterisk's data; sounds/zh leads there
_KINDS: Final = (".wav", ".wav16")
_NOTE: Final = "own.json"
_AGAIN: Final = "P27"  # also the first file of the music for who is queued again
_AGAIN_FOLDER: Final = "spoken-again"
_UNKNOWN: Final = -1


def lay(data: Path, ours: Path) -> Path:
    """Every prompt of `ours` (a folder `zh`), but where an own one lies already. Returns the folder for sounds/zh."""
    folder = data / _FOLDER
    folder.mkdir(exist_ok=True)
    for source in sorted(ours.rglob("*")):
        target = folder / source.relative_to(ours)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif not target.is_file() or target.is_symlink():
            _link(target, source)
    for old in sorted(folder.rglob("*")):
        if old.is_symlink() and not (ours / old.relative_to(folder)).is_file():
            old.unlink()  # an earlier version's
    return folder


def again(data: Path, ours: Path) -> Path:
    """The folder for moh-again: the word that it goes on, own or ours, then the music."""
    said = data / _FOLDER / f"{_AGAIN}.wav"
    if said.is_symlink() or not said.is_file():
        return ours / "moh-again"
    folder = data / _AGAIN_FOLDER
    folder.mkdir(exist_ok=True)
    _link(folder / "1-again.wav", said)
    _link(folder / "2-waiting.wav", ours / "moh-again" / "2-waiting.wav")
    return folder


def exchange(data: Path, ours: Path, stem: str, new: tuple[bytes, bytes], mode: int) -> None:
    """An own one in place of what is there. `stem`: its name below zh, without an ending."""
    for kind, content in zip(_KINDS, new, strict=True):
        target = (data / _FOLDER / stem).with_suffix(kind)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    _link(data / "moh-again", again(data, ours))
    waiting.lay(ours / "moh", data / _FOLDER, data)


def take_back(data: Path, ours: Path, stem: str) -> None:
    """The one that comes with the hotline again."""
    for kind in _KINDS:
        target = (data / _FOLDER / stem).with_suffix(kind)
        source = (ours / "zh" / stem).with_suffix(kind)
        if source.is_file():
            _link(target, source)
        else:
            target.unlink(missing_ok=True)
    _link(data / "moh-again", again(data, ours))
    waiting.lay(ours / "moh", data / _FOLDER, data)


def own(data: Path) -> dict[str, int]:
    """Which own prompts lie there, by stem with their version; -1 where that was not noted."""
    folder = data / _FOLDER
    try:
        noted = dict(json.loads((folder / _NOTE).read_text()))
    except (OSError, ValueError, TypeError):
        noted = {}  # none, or damaged: all that is chosen is laid anew
    files = (path for path in folder.rglob("*.wav") if not path.is_symlink())
    stems = [path.relative_to(folder).with_suffix("").as_posix() for path in files]
    return {stem: int(noted.get(stem, _UNKNOWN)) for stem in stems}


def note(data: Path, chosen: Mapping[str, int]) -> None:
    """What lies there now, by stem."""
    target = data / _FOLDER / _NOTE
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.write_text(json.dumps(dict(chosen)) + "\n")
    part.replace(target)


def _link(target: Path, source: Path) -> None:
    if target.is_symlink() and target.readlink() == source:
        return
    part = target.with_name(f".{target.name}.link")
    part.unlink(missing_ok=True)
    part.symlink_to(source)
    part.replace(target)
