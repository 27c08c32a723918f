"""The waiting music: our own composition, made of sine tones, so that nobody's rights are touched.

Eighteen bars of four seconds in G pentatonic (G A B D E), quiet bells over slow open fifths. Every note that rings past
the end is added to the beginning, so the file loops without a seam.
"""

import numpy as np

from hotline.ivr.levels import RATE, Samples, amplitude, limited

BEAT_S = 1.0
BEATS_PER_BAR = 4
LEVEL_DBFS = -24.0
SEMITONES = {"G": -2, "A": 0, "B": 2, "D": 5, "E": 7}  # distance from the A of the octave named after it

# Two tokens a beat; "." lets the last bell ring on.
MELODY = """
    G4 .  B4 .  D5 .  .  .  | E5 .  D5 .  B4 .  .  .  | A4 .  B4 .  D5 .  B4 .  | A4 .  .  .  .  .  .  .
    G4 .  B4 .  D5 .  .  .  | E5 .  G5 .  E5 .  D5 .  | B4 .  A4 .  B4 .  .  .  | G4 .  .  .  .  .  .  .
    E5 .  .  .  D5 .  B4 .  | D5 .  .  .  B4 .  A4 .  | B4 .  D5 .  E5 .  D5 .  | B4 .  .  .  .  .  D4 .
    G4 .  A4 .  B4 .  .  .  | D5 .  B4 .  A4 .  .  .  | E4 .  G4 .  A4 .  B4 .  | A4 .  .  .  D4 .  .  .
    G4 .  B4 .  A4 .  E4 .  | G4 .  .  .  .  .  .  .
"""
GROUND = "G3 E3 A3 D3 G3 E3 D3 G3 E3 G3 A3 E3 G3 D3 E3 D3 E3 G3"  # one a bar, each with its fifth


def compose() -> Samples:
    """The whole loop at RATE."""
    bars = len(GROUND.split())
    sound = np.zeros(round(bars * BEATS_PER_BAR * BEAT_S * RATE))
    steps = MELODY.replace("|", " ").split()
    if len(steps) != bars * BEATS_PER_BAR * 2:
        raise ValueError(f"{len(steps)} steps do not fill {bars} bars")
    for position, name in enumerate(steps):
        if name != ".":
            loudness = 0.5 if position % 8 == 0 else 0.4
            _add(sound, position * BEAT_S / 2, loudness * _bell(_hertz(name)))
    for bar, name in enumerate(GROUND.split()):
        start = bar * BEATS_PER_BAR * BEAT_S
        _add(sound, start, 0.16 * _pad(_hertz(name)))
        _add(sound, start, 0.10 * _pad(_hertz(name) * 1.5))
    level = float(np.sqrt(np.mean(sound**2)))
    return limited(sound * (amplitude(LEVEL_DBFS) / level), amplitude(-6))


def _hertz(name: str) -> float:
    octave = int(name[-1]) if name[0] in "AB" else int(name[-1]) - (0 if name[0] == "G" else 1)
    return float(440 * 2 ** (octave - 4 + SEMITONES[name[0]] / 12))


def _bell(hertz: float) -> Samples:
    """A soft bell: fundamental and two quieter, faster fading partials, 12 ms of attack."""
    time = np.arange(round(3.5 * RATE)) / RATE
    partials = ((1.0, 1.0, 1.1), (2.0, 0.22, 0.5), (3.01, 0.07, 0.2))
    tone = sum(
        weight * np.sin(2 * np.pi * hertz * ratio * time) * np.exp(-time / fade) for ratio, weight, fade in partials
    )
    edge = np.minimum(time / 0.012, 1) * np.minimum((time[-1] - time) / 0.2, 1)
    return np.asarray(tone * edge)


def _pad(hertz: float) -> Samples:
    """A slow swell of a bar and a half, a second, quieter voice a little apart makes it breathe."""
    seconds = 1.5 * BEATS_PER_BAR * BEAT_S
    time = np.arange(round(seconds * RATE)) / RATE
    swell = np.sin(np.pi * time / seconds) ** 2
    voices = np.sin(2 * np.pi * hertz * time) + 0.4 * np.sin(2 * np.pi * (hertz + 0.4) * time)
    return np.asarray(swell * voices / 1.4)


def _add(sound: Samples, start_s: float, tone: Samples) -> None:
    """Added in place, round the end of the loop to its beginning."""
    where = (round(start_s * RATE) + np.arange(len(tone))) % len(sound)
    sound[where] += tone
