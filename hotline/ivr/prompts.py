"""What every prompt says, by id, and whether its sound is there (asterisk-config/sounds, docs/prompts.md)."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hotline.ivr.menu import SPOKEN
from hotline.labels import N_
from hotline.telephony.install import config_home

# When it is heard, by id or by the part of it before the first "-"; English, translated where it is shown.
WHEN = {
    "P01": N_("Open, and the call is answered"),
    "P02": N_("After P01 and P20"),
    "P03": N_("Waiting, at first"),
    "P04": N_("After key 1"),
    "P05": N_("After key 2"),
    "P06": N_("After a key that means nothing"),
    "P10": N_("Waiting, every 30 seconds"),
    "P11": N_("Waiting, with the place in the queue"),
    "P12": N_("Waiting for a minute"),
    "P13": N_("After key 9, around the number"),
    "P14": N_("A call-back was noted"),
    "P15": N_("An agent answers, around their number"),
    "P16": N_("After the talk"),
    "P17": N_("At the end"),
    "P18": N_("Another number is wanted for the call-back"),
    "P20": N_("Closed"),
    "P21": N_("Closed, after P20"),
    "P22": N_("Before a message is recorded"),
    "P23": N_("After a message"),
    "P24": N_("The duty phone was not reached"),
    "P25": N_("Closed for a holiday, before P21"),
    "P26": N_("Open, and nobody can answer"),
    "P27": N_("The agent's phone was lost, the next one is rung"),
    "P30": N_("An agent plays it to who cannot speak"),
    "P31": N_("An agent plays it into silence"),
    "P32": N_("An agent ends a silent call"),
    "P40": N_("An agent warns an abusive caller"),
    "P41": N_("An agent ends an abusive call"),
    "P50": N_("Something broke"),
    "P51": N_("Somebody answers an emergency number"),
    "digit": N_("A number is read out"),
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """`text`: the words; `{…}` in them were filled in when the sound was made. `gloss`: their meaning in English.

    `stem`: the sound's name below sounds/zh, without an ending. `when`: English, translated where it is shown.
    """

    id: str
    text: str
    gloss: str
    stem: str
    when: str
    made: str
    duration_ms: int


@cache
def catalogue(sounds: Path | None = None) -> dict[str, Prompt]:
    """Every prompt that comes with the hotline, by id, in the script's order. `sounds`: where ours are, if not told."""
    home = sounds or config_home() / "sounds"
    rows = json.loads((home / "manifest.json").read_text("utf-8"))["prompts"]
    return {
        row["id"]: Prompt(
            row["id"], row["text"], row["gloss"], row["file"].removeprefix("zh/").removesuffix(".wav"),
            WHEN[row["id"].partition("-")[0]], row["made"], round(1000 * row["duration_s"]),
        )
        for row in rows
    }  # fmt: skip


def used() -> tuple[str, ...]:
    """Ids that the dialplan plays, each once, in order of appearance."""
    return tuple(dict.fromkeys(prompt for way in SPOKEN.values() for prompt in way))


def missing(sounds: Path | None = None) -> list[str]:
    """Ids without a sound, and `music` if there is none to wait with. `sounds`: where ours are, if not told."""
    home = sounds or config_home() / "sounds"
    found = [prompt for prompt in used() if not (home / "zh" / f"{prompt}.wav").is_file()]
    has_music = all(any((home / name).glob("*.wav")) for name in ("moh", "moh-again"))
    return found if has_music else [*found, "music"]
