"""What an administrator records comes out fit for the line, or is refused with a reason they understand."""

import io
import wave

import numpy as np
import pytest
from numpy.typing import NDArray

from hotline.errors import Invalid
from hotline.ivr import levels, studio

Samples = NDArray[np.float64]


def speech(seconds: float, rate: int, loud: float) -> Samples:
    """A voice's rough likeness: syllables of a buzz at 200 Hz, with half a second of silence before and after."""
    at = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 200 * n * at) / n for n in range(1, 12))
    silence = np.zeros(rate // 2)
    return np.concatenate([silence, loud * buzz * (np.sin(2 * np.pi * 3 * at) > -0.3) / 2, silence])


def wav(sound: Samples, rate: int, channels: int = 1, width: int = 2) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        scaled = np.round(np.clip(sound, -1, 1) * 32767).astype("<i2")
        raw = np.repeat(scaled, channels).tobytes()
        file.writeframes(raw if width == 2 else b"\x00" * (len(raw) // 2 * width))
    return held.getvalue()


@pytest.mark.parametrize(
    ("rate", "channels", "loud"), [(48000, 2, 0.6), (44100, 1, 0.05), (16000, 1, 0.9), (8000, 1, 0.3)]
)
def test_any_recording_has_the_band_level_and_edges_of_all_prompts(rate: int, channels: int, loud: float) -> None:
    made = studio.finished(wav(speech(2, rate, loud), rate, channels))
    for data, expected in ((made.narrow, 8000), (made.wide, 16000)):
        with wave.open(io.BytesIO(data)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (expected, 1, 2)
        sound, _rate = levels.decoded(data)
        assert levels.dbfs(levels.active_level(sound, expected)) == pytest.approx(-18, abs=1)
        assert levels.dbfs(float(np.abs(sound).max())) < -1
        first = np.flatnonzero(levels.frame_levels(sound, expected) > levels.amplitude(-40))[0] * levels.FRAME_S
        assert first <= 0.05, "silence before it is cut"
        assert len(sound) / expected == pytest.approx(2, abs=0.4), "and after it"
    assert made.duration_ms == pytest.approx(len(levels.decoded(made.narrow)[0]) / 8, abs=1)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no sound that can be read"),
        (b"%PDF-1.7 not a sound", "no sound that can be read"),
        (b"RIFF\xff\xff\xff\x7fWAVE", "no sound that can be read"),
        (b"ID3\x03" + bytes(5000), "no sound that can be read"),
        (wav(speech(1, 8000, 0.5), 8000)[:40], "no sound that can be read"),
        (wav(speech(1, 8000, 0.5), 8000, width=1), "no sound that can be read"),
        (wav(speech(1, 8000, 0.5), 4000), "rate"),
        (wav(np.zeros(400), 8000), "too short"),
        (wav(np.zeros(0), 8000), "too short"),
        (wav(speech(31, 8000, 0.5), 8000), "too long"),
        (wav(np.zeros(16000), 8000), "Nothing can be heard"),
        (wav(np.full(16000, 0.5), 8000), "Nothing can be heard"),
        (wav(np.random.default_rng(1).normal(0, 0.001, 16000), 8000), "Nothing can be heard"),
        (wav(speech(2, 8000, 20), 8000), "distorted"),
    ],
)  # fmt: skip
def test_what_nobody_could_understand_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        studio.finished(data)


def test_a_header_that_promises_more_than_there_is_is_no_harm() -> None:
    whole = wav(speech(2, 8000, 0.5), 8000)
    assert studio.finished(whole[: len(whole) - 3001]).duration_ms > 1000
