"""Sound as arrays of -1..1: to a telephone's band (8 kHz, or 16 kHz where both ends have more), even loudness, tight
start; WAV and A-law. Pure but for the files. Loads numpy, so it is imported where sound is made and nowhere else.
"""

import io
import struct
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE = 8000
WIDE_RATE = 16000
_SAMPLE_BYTES = 2
PEAK_DBFS = -1.5
LEAD_S = 0.02  # kept before the first sound, so that a soft consonant is not clipped
TAIL_S = 0.15
FRAME_S = 0.005
SOUND_DBFS = -42.0  # a frame louder than this is sound, once the level is set


def amplitude(dbfs: float) -> float:
    return float(10 ** (dbfs / 20))


def dbfs(value: float) -> float:
    return float(20 * np.log10(max(value, 1e-9)))


def telephone_band(sound: Samples, rate: int, to: int = RATE) -> Samples:
    """Resampled to `to` Hz by way of the spectrum, with soft edges at 80..140 Hz and 500..100 Hz below half of it."""
    padding = rate // 2
    padded = np.concatenate([np.zeros(padding), sound, np.zeros(padding + (-len(sound)) % rate)])
    seconds = len(padded) // rate  # a whole number, so that both rates share the same spectral lines
    padded = padded[: seconds * rate]
    spectrum = np.fft.rfft(padded)
    hertz = np.arange(len(spectrum)) / seconds
    rise = np.clip((hertz - 80) / 60, 0, 1)
    fall = np.clip((to // 2 - 100 - hertz) / 400, 0, 1)
    spectrum *= np.sin(rise * np.pi / 2) ** 2 * np.sin(fall * np.pi / 2) ** 2
    lines = seconds * to // 2 + 1
    kept = np.zeros(lines, dtype=spectrum.dtype)
    kept[: min(lines, len(spectrum))] = spectrum[:lines]
    result = np.fft.irfft(kept, seconds * to) * (to / rate)
    start = padding * to // rate
    return result[start : start + round(len(sound) * to / rate)]


def frame_levels(sound: Samples, rate: int = RATE) -> Samples:
    """RMS of each whole frame of FRAME_S."""
    size = round(rate * FRAME_S)
    frames = sound[: len(sound) // size * size].reshape(-1, size)
    return np.asarray(np.sqrt(np.mean(frames**2, axis=1)))


def active_level(sound: Samples, rate: int = RATE) -> float:
    """RMS of the frames in which somebody speaks: those no more than 30 dB below the loudest. 0 where nothing is."""
    levels = frame_levels(sound, rate)
    spoken = levels[levels > levels.max(initial=0) * amplitude(-30)]
    if not len(spoken):
        return 0.0
    return float(np.sqrt(np.mean(spoken**2)))


def limited(sound: Samples, ceiling: float, rate: int = RATE) -> Samples:
    """Peaks held under the ceiling by a gain that moves smoothly over 8 ms; quiet passages stay as they are."""
    half = round(rate * 0.004)
    needed = np.minimum(1.0, ceiling / np.maximum(np.abs(sound), 1e-9))
    lowest = sliding_window_view(np.pad(needed, 2 * half, constant_values=1.0), 2 * half + 1).min(axis=1)
    gain = np.convolve(lowest, np.ones(2 * half + 1) / (2 * half + 1), mode="valid")
    return sound * gain


def at_level(sound: Samples, level_dbfs: float, rate: int = RATE) -> Samples:
    """Active speech at the level, peaks under PEAK_DBFS. Limiting lowers the level a little, hence the rounds."""
    for _ in range(4):
        sound = limited(sound * (amplitude(level_dbfs) / active_level(sound, rate)), amplitude(PEAK_DBFS), rate)
    return sound


def tightened(sound: Samples, tail_s: float = TAIL_S, rate: int = RATE) -> Samples:
    """From LEAD_S before the first sound to tail_s of silence after the last, with 10 ms fades."""
    loud = np.flatnonzero(frame_levels(sound, rate) > amplitude(SOUND_DBFS))
    size = round(rate * FRAME_S)
    begin = max(0, int(loud[0]) * size - round(LEAD_S * rate))
    end = min(len(sound), (int(loud[-1]) + 1) * size + round(0.04 * rate))
    kept = sound[begin:end].copy()
    fade = np.linspace(0, 1, round(0.01 * rate))
    kept[: len(fade)] *= fade
    kept[-len(fade) :] *= fade[::-1]
    return np.concatenate([kept, np.zeros(max(0, round(tail_s * rate) - round(0.04 * rate)))])


def write_wav(path: Path, sound: Samples, rate: int = RATE) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encoded(sound, rate))


def encoded(sound: Samples, rate: int = RATE) -> bytes:
    """A WAV file: 16 bit, mono."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(_SAMPLE_BYTES)
        file.setframerate(rate)
        file.writeframes(np.round(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return held.getvalue()


def read_wav(path: Path) -> tuple[Samples, int]:
    """As `decoded`."""
    return decoded(path.read_bytes())


def decoded(data: bytes) -> tuple[Samples, int]:
    """Mono samples and rate of 16-bit PCM in a WAV file with any number of channels. Raises ValueError for all else."""
    try:
        with wave.open(io.BytesIO(data), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError, struct.error) as error:
        raise ValueError(f"no WAV file with PCM: {error}") from None
    if width != _SAMPLE_BYTES or not channels or not rate:
        raise ValueError(f"16-bit PCM wanted, this has {8 * width} bits")
    whole = len(frames) // (width * channels) * width * channels
    return np.frombuffer(frames[:whole], dtype="<i2").reshape(-1, channels).mean(axis=1) / 32768, rate


def alaw(sound: Samples) -> bytes:
    """ITU-T G.711 A-law: 13-bit magnitude, seven segments, even bits inverted."""
    value = np.round(np.clip(sound, -1, 1) * 32767).astype(np.int32) >> 3
    sign = np.where(value >= 0, 0x80, 0)
    magnitude = np.where(value >= 0, value, -value - 1)
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    mantissa = (magnitude >> np.maximum(segment, 1)) & 0x0F
    return bytes(((sign | (segment << 4) | mantissa) ^ 0x55).astype(np.uint8))


@dataclass(frozen=True)
class Figures:
    """What can be measured of one file without listening to it."""

    seconds: float
    active_dbfs: float
    peak_dbfs: float
    first_sound_ms: float
    sounding: float  # share of frames with sound


def figures(path: Path) -> Figures:
    sound, rate = read_wav(path)
    loud = frame_levels(sound) > amplitude(SOUND_DBFS)
    return Figures(
        seconds=len(sound) / rate,
        active_dbfs=dbfs(active_level(sound)),
        peak_dbfs=dbfs(float(np.abs(sound).max())),
        first_sound_ms=float(np.flatnonzero(loud)[0]) * FRAME_S * 1000,
        sounding=float(loud.mean()),
    )
