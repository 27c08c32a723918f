"""Sound as arrays of -1..1: to the 8 kHz telephone band, even loudness, tight start; WAV and A-law files."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE = 8000
PEAK_DBFS = -1.5
LEAD_S = 0.02  # kept before the first sound, so that a soft consonant is not clipped
TAIL_S = 0.15
FRAME_S = 0.005
SOUND_DBFS = -42.0  # a frame louder than this is sound, once the level is set


def amplitude(dbfs: float) -> float:
    return float(10 ** (dbfs / 20))


def dbfs(value: float) -> float:
    return float(20 * np.log10(max(value, 1e-9)))


def telephone_band(sound: Samples, rate: int) -> Samples:
    """Resampled to 8 kHz by way of the spectrum, with soft edges at 80..140 Hz and 3500..3900 Hz."""
    padding = rate // 2
    padded = np.concatenate([np.zeros(padding), sound, np.zeros(padding + (-len(sound)) % rate)])
    seconds = len(padded) // rate  # a whole number, so that both rates share the same spectral lines
    padded = padded[: seconds * rate]
    spectrum = np.fft.rfft(padded)
    hertz = np.arange(len(spectrum)) / seconds
    rise = np.clip((hertz - 80) / 60, 0, 1)
    fall = np.clip((3900 - hertz) / 400, 0, 1)
    spectrum *= np.sin(rise * np.pi / 2) ** 2 * np.sin(fall * np.pi / 2) ** 2
    lines = seconds * RATE // 2 + 1
    kept = np.zeros(lines, dtype=spectrum.dtype)
    kept[: min(lines, len(spectrum))] = spectrum[:lines]
    result = np.fft.irfft(kept, seconds * RATE) * (RATE / rate)
    start = padding * RATE // rate
    return result[start : start + round(len(sound) * RATE / rate)]


def frame_levels(sound: Samples) -> Samples:
    """RMS of each whole frame of FRAME_S."""
    size = round(RATE * FRAME_S)
    frames = sound[: len(sound) // size * size].reshape(-1, size)
    return np.asarray(np.sqrt(np.mean(frames**2, axis=1)))


def active_level(sound: Samples) -> float:
    """RMS of the frames in which somebody speaks: those no more than 30 dB below the loudest."""
    levels = frame_levels(sound)
    spoken = levels[levels > levels.max() * amplitude(-30)]
    return float(np.sqrt(np.mean(spoken**2)))


def limited(sound: Samples, ceiling: float) -> Samples:
    """Peaks held under the ceiling by a gain that moves smoothly over 8 ms; quiet passages stay as they are."""
    half = round(RATE * 0.004)
    needed = np.minimum(1.0, ceiling / np.maximum(np.abs(sound), 1e-9))
    lowest = sliding_window_view(np.pad(needed, 2 * half, constant_values=1.0), 2 * half + 1).min(axis=1)
    gain = np.convolve(lowest, np.ones(2 * half + 1) / (2 * half + 1), mode="valid")
    return sound * gain


def at_level(sound: Samples, level_dbfs: float) -> Samples:
    """Active speech at the level, peaks under PEAK_DBFS. Limiting lowers the level a little, hence the rounds."""
    for _ in range(4):
        sound = limited(sound * (amplitude(level_dbfs) / active_level(sound)), amplitude(PEAK_DBFS))
    return sound


def tightened(sound: Samples, tail_s: float = TAIL_S) -> Samples:
    """From LEAD_S before the first sound to tail_s of silence after the last, with 10 ms fades."""
    loud = np.flatnonzero(frame_levels(sound) > amplitude(SOUND_DBFS))
    size = round(RATE * FRAME_S)
    begin = max(0, int(loud[0]) * size - round(LEAD_S * RATE))
    end = min(len(sound), (int(loud[-1]) + 1) * size + round(0.04 * RATE))
    kept = sound[begin:end].copy()
    fade = np.linspace(0, 1, round(0.01 * RATE))
    kept[: len(fade)] *= fade
    kept[-len(fade) :] *= fade[::-1]
    return np.concatenate([kept, np.zeros(max(0, round(tail_s * RATE) - round(0.04 * RATE)))])


def write_wav(path: Path, sound: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def read_wav(path: Path) -> tuple[Samples, int]:
    """Mono samples and rate of a 16-bit PCM file with any number of channels."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise SystemExit(f"{path}: 16-bit PCM wanted, this has {8 * file.getsampwidth()} bits")
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, file.getnchannels())
        return raw.mean(axis=1) / 32768, file.getframerate()


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
