"""What callers hear is in the repository, is what the manifest says it is, and is fit for an 8 kHz telephone line."""

import hashlib
import json
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
SOUNDS = ROOT / "asterisk-config" / "sounds"
CALLER = ROOT / "hotline" / "sipp"
Samples = NDArray[np.float64]

FRAME = 80  # 10 ms
SOUND = 10 ** (-40 / 20)
SENTENCE = 8  # characters

# Every prompt of the script (domain reference, IVR script); P11, P13, P15 and P25 are pieces round a value.
NEEDED = {
    *(
        [
            "P01",
            "P02",
            "P03",
            "P04",
            "P05",
            "P06",
            "P10",
            "P11",
            "P12",
            "P13",
            "P14",
            "P15",
            "P16",
            "P17",
            "P20",
            "P21",
            "P22",
            "P23",
            "P24",
            "P25",
            "P30",
            "P31",
            "P32",
            "P40",
            "P41",
        ]
    )
}
NEEDED |= {"P18", "P26", "P27", "P50", "P51", "digit"}


@dataclass(frozen=True)
class Sound:
    rate: int
    channels: int
    width: int
    samples: Samples

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def frame_levels(self) -> Samples:
        whole = self.samples[: len(self.samples) // FRAME * FRAME].reshape(-1, FRAME)
        return np.asarray(np.sqrt(np.mean(whole**2, axis=1)))


def read(path: Path) -> Sound:
    with wave.open(str(path), "rb") as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float64) / 32768
        return Sound(file.getframerate(), file.getnchannels(), file.getsampwidth(), raw)


def rows(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["prompts"])


ENTRIES = [pytest.param(folder, row, id=row["id"]) for folder in (SOUNDS, CALLER) for row in rows(folder)]


def test_prompts_the_dialplan_plays_are_all_there() -> None:
    assert {row["id"].partition("-")[0] for row in rows(SOUNDS)} == NEEDED


def test_a_number_a_place_in_the_queue_and_any_date_can_be_said() -> None:
    known = {row["id"]: row["file"] for row in rows(SOUNDS)}
    assert [known[f"digit-{digit}"] for digit in range(10)] == [f"zh/digits/{digit}.wav" for digit in range(10)]
    assert {f"P11-{place}" for place in range(1, 6)} <= set(known)
    assert {f"P25-month-{month}" for month in range(1, 13)} | {f"P25-day-{day}" for day in range(1, 32)} <= set(known)


@pytest.mark.parametrize("row", rows(SOUNDS), ids=lambda row: row["id"])
def test_the_same_is_there_at_twice_the_rate(row: dict[str, Any]) -> None:
    path = (SOUNDS / row["file"]).with_suffix(".wav16")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256_wide"]
    sound = read(path)
    assert (sound.rate, sound.channels, sound.width) == (16000, 1, 2)
    assert sound.seconds == pytest.approx(row["duration_s"], abs=0.25), "soft ends are heard in one and not the other"


def test_no_prompt_is_listed_twice_and_none_lies_about_unlisted() -> None:
    files = [row["file"] for row in rows(SOUNDS)]
    assert len(files) == len(set(files))
    there = {path.relative_to(SOUNDS) for path in SOUNDS.glob("zh/**/*") if path.is_file()}
    assert {path.as_posix() for path in there if path.suffix == ".wav"} == set(files)
    assert {path.with_suffix(".wav").as_posix() for path in there if path.suffix == ".wav16"} == set(files)


@pytest.mark.parametrize(("folder", "row"), ENTRIES)
def test_file_is_the_one_the_manifest_describes(folder: Path, row: dict[str, Any]) -> None:
    path = folder / row["file"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]
    assert read(path).seconds == pytest.approx(row["duration_s"], abs=0.001)
    assert row["text"] and row["gloss"] and row["voice"]


@pytest.mark.parametrize(("folder", "row"), ENTRIES)
def test_sound_is_telephone_format_loud_enough_and_not_clipped(folder: Path, row: dict[str, Any]) -> None:
    sound = read(folder / row["file"])
    assert (sound.rate, sound.channels, sound.width) == (8000, 1, 2)
    levels = sound.frame_levels()
    assert np.mean(levels > SOUND) > 0.4, "mostly silence"
    spoken = levels[levels > levels.max() * 10 ** (-30 / 20)]
    assert -23 < 20 * np.log10(np.sqrt(np.mean(spoken**2))) < -16
    assert 20 * np.log10(np.abs(sound.samples).max()) < -1


@pytest.mark.parametrize(("folder", "row"), ENTRIES)
def test_first_sound_comes_at_once_and_a_short_silence_ends_it(folder: Path, row: dict[str, Any]) -> None:
    loud = np.flatnonzero(read(folder / row["file"]).frame_levels() > SOUND) * FRAME / 8000
    # An s or x lies mostly above what a telephone carries: it counts as silence here.
    is_hissing = row.get("spoken", row["text"]).startswith(("四", "谢"))
    assert loud[0] <= (0.130 if is_hissing else 0.050)
    assert row["duration_s"] - loud[-1] >= min(0.1, row["tail_s"] - 0.03)


@pytest.mark.parametrize(("folder", "row"), ENTRIES)
def test_pace_is_that_of_calm_speech(folder: Path, row: dict[str, Any]) -> None:
    """Between 2.5 and 5.5 syllables a second, pauses included; a newsreader speaks about five."""
    loud = np.flatnonzero(read(folder / row["file"]).frame_levels() > SOUND) * FRAME / 8000
    if len(row["text"]) < SENTENCE:
        pytest.skip("a piece of a sentence has no pace")
    syllables = sum("\u4e00" <= character <= "\u9fff" for character in row.get("spoken", row["text"]))
    assert 2.5 <= syllables / (loud[-1] - loud[0]) <= 5.5


def test_greeting_and_recording_notice_together_last_at_most_twelve_seconds() -> None:
    lasting = {row["id"]: row["duration_s"] for row in rows(SOUNDS)}
    assert lasting["P01"] + lasting["P02"] <= 12


def test_help_line_numbers_are_spoken_digit_by_digit() -> None:
    """1 is said yao in telephone numbers; a number left to the voice would be read as a quantity."""
    names = {"110": "幺幺零", "120": "幺二零", "12356": "幺二三五六", "12355": "幺二三五五"}
    for row in rows(SOUNDS):
        for number in (number for number in names if number in row["text"]):
            assert names[number] in row["spoken"], (row["id"], number)


def test_values_in_a_text_are_spoken_out() -> None:
    for row in rows(SOUNDS):
        assert "{" not in row.get("spoken", row["text"]), row["id"]


def test_waiting_music_is_quiet_of_some_length_and_loops_without_a_seam() -> None:
    music = read(SOUNDS / "moh" / "waiting.wav")
    assert (music.rate, music.channels, music.width) == (8000, 1, 2)
    assert 60 <= music.seconds <= 90
    assert 20 * np.log10(np.sqrt(np.mean(music.samples**2))) == pytest.approx(-24, abs=1)
    inside = np.abs(np.diff(music.samples)).max()
    assert abs(music.samples[0] - music.samples[-1]) <= inside
    assert music.frame_levels().min() > 10 ** (-60 / 20), "a gap sounds like a dropped call"


def alaw_decoded(data: bytes) -> Samples:
    """ITU-T G.711, table 1a, as values of a 16-bit scale."""
    code = np.frombuffer(data, dtype=np.uint8).astype(np.int32) ^ 0x55
    segment, step = (code >> 4) & 7, ((code & 0x0F) << 4) + 8
    magnitude = np.where(segment == 0, step, (step + 0x100) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude) / 32768


def test_raw_alaw_of_the_caller_is_the_same_speech() -> None:
    speech = read(CALLER / "caller.wav").samples
    decoded = alaw_decoded((CALLER / "caller.al").read_bytes())
    assert len(decoded) == len(speech)
    noise = np.mean((decoded - speech) ** 2)
    assert 10 * np.log10(np.mean(speech**2) / noise) > 33  # what ITU-T G.712 asks of PCM at speech level
