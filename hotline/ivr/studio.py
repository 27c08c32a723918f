"""A person's recording made fit for the line: checked, brought to the band, to the others' loudness, cut tight.

Pure, and slow (tens of milliseconds a second of sound): called in a thread. Loads numpy: imported where it is needed.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from hotline.errors import Invalid
from hotline.ivr import levels
from hotline.labels import N_

LEVEL_DBFS: Final = -18.0
"""Active speech, as that of all prompts (asterisk-config/sounds/manifest.json)."""
LONGEST_S: Final = 30.0
SHORTEST_S: Final = 0.2
_RATES: Final = range(8000, 192_001)
_QUIET_DBFS: Final = -45.0  # nobody speaks: room noise alone would be raised to speech
_CLIPPED: Final = 0.01


@dataclass(frozen=True, slots=True)
class Sound:
    """Two WAV files of the same: 8 and 16 kHz, 16 bit, mono."""

    narrow: bytes
    wide: bytes
    duration_ms: int


def finished(data: bytes) -> Sound:
    """Raises Invalid with what is wrong, for the person who made it."""
    try:
        sound, rate = levels.decoded(data)
    except ValueError:
        raise Invalid(N_("This file is no sound that can be read. Use a WAV file with 16 bits.")) from None
    if rate not in _RATES:
        raise Invalid(N_("The sound has a rate that cannot be used: 8 to 192 kHz."))
    seconds = len(sound) / rate
    sound = sound - np.mean(sound) if len(sound) else sound  # a cheap device's offset is no sound
    if seconds < SHORTEST_S:
        raise Invalid(N_("The sound is too short: nothing can be heard."))
    if seconds > LONGEST_S:
        raise Invalid(N_("The sound is too long: 30 seconds at most."))
    if levels.dbfs(levels.active_level(levels.telephone_band(sound, rate))) < _QUIET_DBFS:  # a hum is no voice
        raise Invalid(N_("Nothing can be heard: is it the right microphone, and near enough?"))
    if float(np.mean(np.abs(sound) > 0.999)) > _CLIPPED:
        raise Invalid(N_("The sound is distorted: speak less loudly, or farther from the microphone."))
    narrow, wide = (_made(sound, rate, to) for to in (levels.RATE, levels.WIDE_RATE))
    return Sound(
        levels.encoded(narrow), levels.encoded(wide, levels.WIDE_RATE), round(1000 * len(narrow) / levels.RATE)
    )


def _made(sound: levels.Samples, rate: int, to: int) -> levels.Samples:
    band = levels.telephone_band(sound, rate, to)
    return levels.tightened(levels.at_level(band, LEVEL_DBFS, to), rate=to)
