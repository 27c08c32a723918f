"""Dated lists of holidays and make-up working days, as data files with their source. Read once at start.

A year that no notice covers yet has the law's own holidays only, and every answer about it says so.
"""

import json
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from hotline.working_time import Calendar, Timetable

_YEARS_AHEAD = 5


@cache
def days(name: str = "cn") -> tuple[dict[date, str], dict[date, str], date]:
    """(days off, make-up working days, last confirmed day)."""
    data: dict[str, Any] = json.loads((files(__package__) / f"{name}.json").read_text("utf-8"))
    confirmed = date.fromisoformat(data["confirmed_through"])
    off = {date.fromisoformat(day): title for day, title in (data["off"] | data["unconfirmed_off"]).items()}
    listed = {day.year for day in off}
    for year in range(confirmed.year + 1, confirmed.year + 1 + _YEARS_AHEAD):
        if year not in listed:
            off |= {date.fromisoformat(f"{year}-{day}"): title for day, title in data["every_year"].items()}
    return off, {date.fromisoformat(day): title for day, title in data["make_up"].items()}, confirmed


def calendar(timezone: str, timetable: Timetable) -> Calendar:
    """The calendar in force."""
    off, make_up, confirmed = days()
    return Calendar(timezone, timetable, off, make_up, confirmed)
