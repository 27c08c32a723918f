"""The manifests: which text is which file. They are the list of work for the renderer and the truth for the tests."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

ROOT = Path(os.environ["HOTLINE_ROOT"])
PROMPTS = ROOT / "asterisk-config" / "sounds" / "manifest.json"
CALLERS = ROOT / "hotline" / "sipp" / "manifest.json"


@dataclass
class Entry:
    """One spoken file.

    text is what is meant and shown; spoken, if given, how the voice must read it: digits one by one, values filled in.
    voice is one of the model's, or who speaks if made is "recorded". made_from is the fingerprint of all that went in.
    """

    id: str
    text: str
    gloss: str
    file: str
    voice: str
    speed: float = 0.9
    spoken: str = ""
    pause_s: float = 0.3
    tail_s: float = 0.15
    made: str = "synthesised"
    made_from: str = ""
    sha256: str = ""
    sha256_wide: str = ""
    duration_s: float = 0.0

    def reading(self) -> str:
        return self.spoken or self.text


@dataclass
class Manifest:
    path: Path
    about: dict[str, Any]
    level_dbfs: float
    entries: list[Entry]

    def file(self, entry: Entry) -> Path:
        return self.path.parent / entry.file

    def wide(self, entry: Entry) -> Path:
        """The same at 16 kHz, named as Asterisk names it."""
        return self.file(entry).with_suffix(".wav16")

    def save(self) -> None:
        rows = [{key: value for key, value in asdict(entry).items() if value != ""} for entry in self.entries]
        content = {**self.about, "level_dbfs": self.level_dbfs, "prompts": rows}
        self.path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def load(path: Path) -> Manifest:
    content = json.loads(path.read_text(encoding="utf-8"))
    known = {field.name for field in fields(Entry)}
    entries = []
    for row in content.pop("prompts"):
        if unknown := set(row) - known:
            raise SystemExit(f"{path.name}: {row['id']}: unknown {sorted(unknown)}")
        entries.append(Entry(**row))
    return Manifest(path, content, content.pop("level_dbfs"), entries)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
