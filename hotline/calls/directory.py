"""Where a call may go outside: the directory's places, and the numbers that a site allows. Reads its data files once.

Asterisk's dialplan is rendered from the same facts (ivr.render) and refuses all else by itself; `allowed` says so
sooner, in a sentence. A directory is a dated JSON file: ours beside this module, a site's own from HOTLINE_DIRECTORY.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast, get_args

from hotline.errors import Invalid, StartupError
from hotline.settings import Settings

Kind = Literal["emergency", "agency", "line"]
_CODE = re.compile(r"[a-z0-9-]{1,32}")
_NUMBER = re.compile(r"[0-9]{3,15}")
_TYPED = re.compile(r"[0-9+() .\-\u3000\uff08\uff09]{1,40}")
_AREA_CODE = "0[0-9]{2,3}"


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to call. `privileged`: what is said there is a lawyer's or doctor's secret and is not recorded."""

    code: str
    name_zh: str
    name_en: str
    number: str
    kind: Kind
    privileged: bool = False

    def name(self, locale: str) -> str:
        return self.name_zh if locale.startswith("zh") else self.name_en


def places(settings: Settings) -> Mapping[str, Place]:
    """Code → place, as shown: ours, then the site's own. A site's place replaces ours of the same code.

    Raises StartupError for a file that cannot be read, or a place that a dialplan cannot carry.
    """
    return _places(settings.directory)


@cache
def _places(own: str) -> Mapping[str, Place]:
    found = _read((files(__package__) / "directory.json").read_text("utf-8"), "directory.json")
    if own:
        try:
            found += _read(Path(own).read_text("utf-8"), f"HOTLINE_DIRECTORY {own}")
        except OSError as error:
            raise StartupError(f"HOTLINE_DIRECTORY {own} cannot be read: {error.strerror}") from error
    return {place.code: place for place in found}


def _read(text: str, name: str) -> list[Place]:
    try:
        return [_place(entry) for entry in json.loads(text)["places"]]
    except (ValueError, KeyError, TypeError) as error:
        raise StartupError(f"{name}: {error!r} in a place; see hotline/calls/directory.json for the form") from error


def _place(entry: Mapping[str, Any]) -> Place:
    place = Place(
        code=str(entry["code"]),
        name_zh=str(entry["name_zh"]),
        name_en=str(entry["name_en"]),
        number=str(entry["number"]),
        kind=cast(Kind, entry["kind"]),
        privileged=bool(entry.get("privileged", False)),
    )
    if not _CODE.fullmatch(place.code) or not _NUMBER.fullmatch(place.number) or place.kind not in get_args(Kind):
        raise ValueError(place.code)
    if place.number.startswith("00"):
        raise ValueError(f"{place.code}: no number abroad")
    return place


def patterns(settings: Settings) -> tuple[str, ...]:
    """The site's own patterns as a dialplan has them: `_1[3-9]XXXXXXXXX`, or a number as it is."""
    return tuple(f"_{pattern}" if re.search(r"[XZN\[]", pattern) else pattern for pattern in settings.outbound_patterns)


def emergency_numbers(settings: Settings) -> tuple[str, ...]:
    return tuple(place.number for place in places(settings).values() if place.kind == "emergency")


def is_emergency(settings: Settings, number: str) -> bool:
    """Also with an area code before it, as mobile networks take it."""
    return any(re.fullmatch(f"({_AREA_CODE})?{one}", number) for one in emergency_numbers(settings))


def is_privileged(settings: Settings, number: str) -> bool:
    return any(place.number == number and place.privileged for place in places(settings).values())


def place_of(settings: Settings, number: str) -> Place | None:
    """The first place with this number."""
    return next((place for place in places(settings).values() if place.number == number), None)


def first_line(settings: Settings) -> str:
    """The number that is shown where a call belongs to no line."""
    return next(iter(settings.line_channels))


def clean(text: str) -> str:
    """Digits of a number as typed or stored: spaces, hyphens, brackets and +86 are left out. Raises Invalid."""
    if not _TYPED.fullmatch(text.strip()):
        raise Invalid("This is no telephone number.", field="number")
    digits = re.sub(r"[^0-9+]", "", text)
    if digits.startswith("+86"):
        digits = digits[3:]
    if not _NUMBER.fullmatch(digits):
        raise Invalid("This is no telephone number.", field="number")
    return digits


def allowed(settings: Settings, text: str) -> str:
    """The number to dial, as digits. Raises Invalid with the reason why it may not be dialled from here."""
    number = clean(text)
    if number in settings.line_channels:
        raise Invalid("This is our own line.", field="number")
    if is_emergency(settings, number):
        return number  # outside production the dialplan leads it to a practice extension
    listed = place_of(settings, number) is not None
    if not listed and not any(_matches(pattern, number) for pattern in settings.outbound_patterns):
        raise Invalid("This number may not be dialled from here.", field="number")
    if not settings.outbound_trunk:
        raise Invalid("No trunk for outside calls is set up.", field="number")
    return number


def target(settings: Settings, to: str) -> str:
    """The number of `place:CODE` or `number:DIGITS`, if it may be dialled. Raises Invalid."""
    kind, _, value = to.partition(":")
    if kind == "number":
        return allowed(settings, value)
    place = places(settings).get(value) if kind == "place" else None
    if place is None:
        raise Invalid("There is no such place in the directory.", field="to")
    return allowed(settings, place.number)


def _matches(pattern: str, number: str) -> bool:
    """As Asterisk's own patterns: X 0-9, Z 1-9, N 2-9, a set in brackets."""
    classes = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]"}
    parts: Iterable[str] = re.findall(r"\[[0-9-]+\]|.", pattern)
    return re.fullmatch("".join(classes.get(part, part) for part in parts), number) is not None
