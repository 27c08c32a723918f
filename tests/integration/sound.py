"""Sound for tests: tones as A-law, energy at a frequency, and prompts cut short so that a test need not listen."""

import wave
from pathlib import Path

import numpy as np

RATE = 8000


def alaw(samples: np.ndarray) -> bytes:
    """G.711 A-law of 16-bit samples (ITU-T G.711, even bits inverted)."""
    value = np.clip(samples.astype(np.int32), -32768, 32767)
    sign = np.where(value >= 0, 0x80, 0)
    size = np.where(value >= 0, value, -value - 1) >> 3
    segment = np.maximum(np.floor(np.log2(np.maximum(size, 1))).astype(int) - 4, 0)
    mantissa = np.where(segment == 0, size >> 1, size >> segment) & 0x0F
    return bytes(((sign | segment << 4 | mantissa) ^ 0x55).astype(np.uint8))


def from_alaw(data: bytes) -> np.ndarray:
    code = np.frombuffer(data, np.uint8).astype(np.int32) ^ 0x55
    segment, mantissa = code >> 4 & 7, code & 0x0F
    size = np.where(segment == 0, (mantissa << 4) + 8, (mantissa << 4) + 0x108 << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, size, -size)


def tone(path: Path, hertz: float, seconds: float = 4.0) -> Path:
    """An A-law file of a steady tone, for SIPp to send."""
    time = np.arange(int(RATE * seconds)) / RATE
    path.write_bytes(alaw((8000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)))
    return path


def read_wav(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def level(samples: np.ndarray, hertz: float) -> float:
    """Amplitude of the part at a frequency, in the samples' own unit."""
    if not len(samples):
        return 0.0
    time = np.arange(len(samples)) / RATE
    return float(2 * np.abs(np.mean(samples * np.exp(-2j * np.pi * hertz * time))))


def short_sounds(ours: Path, directory: Path, seconds: float = 0.3) -> Path:
    """A copy of our sounds in which every prompt is only its beginning."""
    for source in [*ours.glob("zh/*.wav"), *ours.glob("moh*/*.wav")]:
        target = directory / source.parent.name / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        keep = len(read_wav(source)) if source.parent.name != "zh" else int(RATE * seconds)
        with wave.open(str(target), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(read_wav(source)[:keep].tobytes())
    return directory


def tone_music(directory: Path, waiting: float, again: float) -> Path:
    """Music that a test can tell from voices: a tone for `moh`, another for `moh-again`."""
    for name, hertz in (("moh", waiting), ("moh-again", again)):
        for path in (directory / name).glob("*.wav"):
            path.unlink()
        samples = 8000 * np.sin(2 * np.pi * hertz * np.arange(RATE * 4) / RATE)
        with wave.open(str(directory / name / "tone.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.astype("<i2").tobytes())
    return directory
