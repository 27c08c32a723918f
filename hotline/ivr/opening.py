"""Opening hours as people write them: `opening.json` in the data directory. Without one: working days, 09:00-17:00.

    {"week": {"mon-fri": "09:00-17:00"},
     "seasons": [{"from": "06-01", "to": "09-30", "week": {"mon-fri": "09:00-12:00,14:30-19:30"}}],
     "days": {"2026-08-03": {"hours": "00:00-24:00", "why": "防汛值守"}, "2026-08-10": {"hours": "", "why": "搬迁"}}}

A file that cannot be read changes nothing: the hours last accepted stay in force, and `hotline doctor` says what is
wrong.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from hotline.ivr.hours import Hours, Opening, Special, alike
from hotline.ivr.switch import Word
from hotline.settings import Settings
from hotline.telephony.files import write_file
from hotline.working_time import MonthDay, Season, Timetable, Week, Windows, parse_week, parse_windows, show_windows

FILE: Final = "opening.json"
KEPT: Final = "opening.accepted.json"
DAILY_MINUTES: Final = 8 * 60
_A_LEAP_YEAR = 2024
_WHY_LONGEST = 40


def _working_week(days: dict[str, str]) -> dict[str, str]:
    week = parse_week(days)
    if not all(week[:5]):
        raise ValueError("every day from Monday to Friday needs hours: deadlines are counted in them")
    return days


def _month_day(text: str) -> str:
    if not re.fullmatch(r"[0-9]{2}-[0-9]{2}", text):
        raise ValueError("expected MM-DD")
    date.fromisoformat(f"{_A_LEAP_YEAR}-{text}")
    return text


def _hours(text: str) -> str:
    if text:
        parse_windows(text)
    return text


_WorkingWeek = Annotated[dict[str, str], AfterValidator(_working_week)]
_MonthDay = Annotated[str, AfterValidator(_month_day)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class _Season(_Strict):
    first: _MonthDay = Field(alias="from")
    last: _MonthDay = Field(alias="to")
    week: _WorkingWeek


class _Day(_Strict):
    hours: Annotated[str, AfterValidator(_hours)]
    why: str = Field(min_length=1, max_length=_WHY_LONGEST)


class _Document(_Strict):
    week: _WorkingWeek = {"mon-fri": "09:00-17:00"}
    seasons: list[_Season] = []
    days: dict[date, _Day] = {}


@dataclass(frozen=True, slots=True)
class Found:
    """`problem`: why the file is not what is in force, empty when it is. `remarks`: what is allowed but unusual."""

    opening: Opening
    problem: str = ""
    remarks: tuple[str, ...] = field(default=())


def parse(text: str) -> Opening:
    """Raises ValueError with one sentence for the first thing that is wrong."""
    try:
        document = _Document.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where}: {_said(first)}" if where else _said(first)) from None
    seasons = tuple(
        Season(_pair(season.first), _pair(season.last), parse_week(season.week)) for season in document.seasons
    )
    for one, other in combinations(seasons, 2):
        if one.has(_on(other.first)) or other.has(_on(one.first)):
            raise ValueError(f"seasons: two of them have the day {_show(max(one.first, other.first))}")
    return Opening(
        Timetable(parse_week(document.week), seasons),
        {day: Special(parse_windows(one.hours) if one.hours else (), one.why) for day, one in document.days.items()},
    )


def _said(error: Any) -> str:
    return str(error["msg"]).removeprefix("Value error, ")


def _pair(text: str) -> MonthDay:
    month, _, day = text.partition("-")
    return int(month), int(day)


def _on(at: MonthDay) -> date:
    return date(_A_LEAP_YEAR, *at)


def _show(at: MonthDay) -> str:
    return f"{at[0]:02}-{at[1]:02}"


def remarks(opening: Opening) -> tuple[str, ...]:
    """Working days that are not eight hours long: that is what the deadlines' working hours are made of."""
    weeks: list[tuple[str, Week]] = [("week", opening.timetable.week)]
    weeks += [(f"season {_show(one.first)} to {_show(one.last)}", one.week) for one in opening.timetable.seasons]
    return tuple(
        f"{name}: a working day of {_minutes(windows) / 60:g} hours instead of 8"
        for name, week in weeks
        for windows in sorted({windows for windows in week[:5] if _minutes(windows) != DAILY_MINUTES})
    )


def _minutes(windows: Windows) -> int:
    return sum(end - start for start, end in windows)


def shown(opening: Opening) -> tuple[str, ...]:
    """As lines to read: the week, its seasons, special days."""
    seasons = [(f"{_show(one.first)} to {_show(one.last)}", one.week) for one in opening.timetable.seasons]
    return (
        *(
            f"{when}: {', '.join(f'{days} {show_windows(windows)}' for days, windows in alike(week))}"
            for when, week in [*seasons, ("otherwise" if seasons else "week", opening.timetable.week)]
        ),
        *(
            f"{day}: {show_windows(special.windows) or 'closed'}, {special.why}"
            for day, special in sorted(opening.days.items())
        ),
    )


def find(data_dir: Path) -> Found:
    """What is in force: the file, else what was last accepted, else the hours of every working day."""
    problem = ""
    for name in (FILE, KEPT):
        try:
            opening = parse((data_dir / name).read_text("utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            problem = problem or f"{data_dir / name}: {error}"
            continue
        return Found(opening, problem, remarks(opening))
    return Found(parse("{}"), problem)


def keep(data_dir: Path) -> None:
    """The file is accepted: it is what stays in force when a later one is wrong. Nothing without one."""
    file = data_dir / FILE
    if not file.exists():
        (data_dir / KEPT).unlink(missing_ok=True)
    elif not find(data_dir).problem:
        write_file(data_dir / KEPT, file.read_text("utf-8"))


def adopt(data_dir: Path, text: str) -> Opening:
    """Writes it as the file, in one go. Raises ValueError and changes nothing when it is wrong."""
    opening = parse(text)
    write_file(data_dir / FILE, text)
    return opening


def hours(settings: Settings) -> Hours:
    """The hours in force for these settings."""
    return Hours(settings, find(settings.data_dir).opening)


class InForce:
    """The hours in force, read again when the file has changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: object = None
        self._hours = hours(settings)
        self._word: Word | None = None

    def say(self, word: Word) -> None:
        """A supervisor's word, as Asterisk has it."""
        if self._word is None or word.at >= self._word.at:
            self._word = word

    @property
    def hours(self) -> Hours:
        marks = tuple(_mark(self._settings.data_dir / name) for name in (FILE, KEPT))
        if marks != self._seen:
            self._hours = hours(self._settings)
            self._seen = marks
        return self._hours

    def call_back_due(self, at: datetime) -> datetime:
        """As Hours says now."""
        return self.hours.call_back_due(at, self._word)

    def listen_due(self, at: datetime) -> datetime:
        """As Hours says."""
        return self.hours.listen_due(at)


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
