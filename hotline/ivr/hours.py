"""When the lines are open: one rule for callers (compiled into the dialplan) and for everybody who asks. Pure.

`Rules` are what Asterisk is given; what a caller would meet at a time is read from the same rules.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from hotline.calendars import calendar
from hotline.clock import local
from hotline.ivr.switch import Word
from hotline.settings import Settings
from hotline.working_time import (
    DAY,
    WEEKDAYS,
    MonthDay,
    Timetable,
    Week,
    Window,
    Windows,
    every_working_day,
    parse_windows,
    show_windows,
)  # fmt: skip

USUAL: Final = every_working_day(parse_windows("09:00-17:00"))
CALL_BACK_OPEN: Final = timedelta(minutes=30)
LISTEN_MINUTES: Final = (8 * 60, 21 * 60)  # of every day
CALL_BACK_CLOSED_MINUTE: Final = 11 * 60  # of the next working day


@dataclass(frozen=True, slots=True)
class Special:
    """Another day than the week and the calendar tell. No windows: closed."""

    windows: Windows
    why: str


@dataclass(frozen=True, slots=True)
class Opening:
    """What was decided about hours; holidays and make-up days come from the calendar. See ivr.opening."""

    timetable: Timetable = USUAL
    days: Mapping[date, Special] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """What a caller would meet. Its text starts with the word open or closed."""

    is_open: bool
    reason: str
    is_confirmed: bool = True

    def __str__(self) -> str:
        doubt = "" if self.is_confirmed else " (holidays of this year are not confirmed yet)"
        return f"{'open' if self.is_open else 'closed'} {self.reason}{doubt}"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a dialplan extension."""

    application: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule as Asterisk has it: the week, the weeks of seasons (from, to), and by date (YYYYMMDD) what those do not
    tell. `always`: at all hours open or closed, whatever the rest.
    """

    timezone: str
    week: Week
    seasons: tuple[tuple[MonthDay, MonthDay, Week], ...] = ()
    days: Mapping[str, Windows] = field(default_factory=dict)
    always: bool | None = None

    def is_open(self, at: datetime) -> bool:
        """As Asterisk would decide it."""
        now = local(at, self.timezone)
        minute = now.hour * 60 + now.minute
        return any(start <= minute < end for start, end in self.windows(now.date()))

    def windows(self, day: date) -> Windows:
        """In which callers are put through on that day: by its date, else by its season's week, else by the week."""
        if self.always is not None:
            return ((0, DAY),) if self.always else ()
        told = self.days.get(f"{day:%Y%m%d}")
        return self._week(day)[day.weekday()] if told is None else told

    def _week(self, day: date) -> Week:
        at = (day.month, day.day)
        for first, last, week in self.seasons:
            if first <= at <= last if first <= last else at >= first or at <= last:
                return week
        return self.week

    @property
    def steps(self) -> tuple[Step, ...]:
        """The dialplan's, for any day."""
        if self.always is not None:
            return (Step(f"Return({'open' if self.always else 'closed'})"),)
        today = (
            Step(f"Set(LOCAL(today)=${{STRFTIME(,{self.timezone},%Y%m%d)}})"),
            Step("GotoIf(${DIALPLAN_EXISTS(hl-dates,${today},1)}?hl-dates,${today},1)"),
        )
        choice: tuple[Step, ...] = ()
        weeks: tuple[Step, ...] = ()
        for number, (first, last, week) in enumerate(self.seasons, 1):
            both = "&" if first <= last else "|"
            choice += (Step(f"GotoIf($[{_after(first)} {both} {_before(last)}]?season{number})"),)
            begin, *rest = self._checks(week)
            weeks += (Step(begin.application, f"season{number}"), *rest, Step("Return(closed)"))
        if choice:
            # A leading 1 keeps January a number of five digits.
            choice = (Step(f"Set(LOCAL(day)=${{STRFTIME(,{self.timezone},1%m%d)}})"), *choice)
        return (*today, *choice, *self._checks(self.week), *_END, *weeks)

    @property
    def dates(self) -> Mapping[str, tuple[Step, ...]]:
        """The dialplan's, by date."""
        return {day: self._day(windows) for day, windows in self.days.items()}

    def _checks(self, week: Week) -> tuple[Step, ...]:
        return tuple(step for days, windows in alike(week) for step in self._within(windows, days))

    def _day(self, windows: Windows) -> tuple[Step, ...]:
        return (*self._within(windows, "*"), *_END) if windows else (Step("Return(closed)"),)

    def _within(self, windows: Windows, weekdays: str) -> Iterator[Step]:
        for window in windows:
            yield Step(f"GotoIfTime({_range(window)},{weekdays},*,*,{self.timezone}?open)")


_END = (Step("Return(closed)"), Step("Return(open)", "open"))


class Hours:
    """Opening hours of these settings."""

    def __init__(self, settings: Settings, opening: Opening | None = None) -> None:
        self.mode = settings.open
        self.opening = opening or Opening()
        self.calendar = calendar(settings.timezone, self.opening.timetable)

    def what(self, at: datetime, word: Word | None = None) -> State:
        """Open or closed at an instant, and why. `word`: a supervisor's, which goes before the hours."""
        if word is not None and word.is_in_force(at):
            until = (
                "until another word"
                if word.until is None
                else f"until {local(word.until, self.calendar.timezone):%Y-%m-%d %H:%M}"
            )
            kind = "emergency, " if word.state == "emergency" else ""
            return State(word.state == "open", f"{kind}by a supervisor's word {until}")
        is_open = self.rules().is_open(at)
        if self.mode != "calendar":
            return State(is_open, "at all hours, by setting")
        days, day = self.calendar, self.calendar.day_of(at)
        sure = days.is_confirmed(day)
        windows = self._windows(day)
        shown = show_windows(windows)
        if special := self.opening.days.get(day):
            kind = f"special day: {special.why}"
        elif day in days.make_up:
            kind = f"make-up working day: {days.make_up[day]}"
        elif day in days.off:
            kind = f"day off: {days.off[day]}"
        elif day.weekday() >= 5:
            kind = "weekend" if windows else "day off: weekend"
        else:
            kind = "working day"
        if not windows:
            return State(is_open, kind, sure)
        return State(is_open, f"{kind}, {shown}" if is_open else f"outside {shown}, {kind}", sure)

    def known_until(self) -> date:
        """The last day that an official notice of holidays covers."""
        return self.calendar.confirmed_through

    def call_back_due(self, at: datetime, word: Word | None = None) -> datetime:
        """By when a caller who reached nobody is called back: half an hour while open, else 11:00 of the next working
        day, which may be today.
        """
        if self.what(at, word).is_open:
            return at + CALL_BACK_OPEN
        today = self.calendar.day_of(at)
        first = self.calendar.hours(today)
        if first and at < first[0][0]:
            return self.calendar.instant(today, CALL_BACK_CLOSED_MINUTE)
        return self.calendar.instant(next(self.calendar.workdays_after(today)), CALL_BACK_CLOSED_MINUTE)

    def listen_due(self, at: datetime) -> datetime:
        """By when somebody on duty has listened to a message: the next time that is done, on any day."""
        today = self.calendar.day_of(at)
        times = (self.calendar.instant(today + timedelta(days=n), minute) for n in (0, 1) for minute in LISTEN_MINUTES)
        return next(one for one in times if one > at)

    def _windows(self, day: date) -> Windows:
        """In which callers are put through: a special day's, a day off's none, else the week's."""
        if special := self.opening.days.get(day):
            return special.windows
        days = self.calendar
        if day in days.off and day not in days.make_up:
            return ()
        return days.windows(day) if day in days.make_up else days.timetable.on(day)[day.weekday()]

    def rules(self) -> Rules:
        """For the dialplan. Asterisk decides alone, from the week, the date and its own clock."""
        days, table = self.calendar, self.opening.timetable
        if self.mode != "calendar":
            return Rules(days.timezone, table.week, always=self.mode == "always")
        told = sorted({*days.off, *days.make_up, *self.opening.days})
        return Rules(
            days.timezone,
            table.week,
            tuple((season.first, season.last, season.week) for season in table.seasons),
            {f"{day:%Y%m%d}": self._windows(day) for day in told if self._windows(day) != table.on(day)[day.weekday()]},
        )


def alike(week: Week) -> Iterator[tuple[str, Windows]]:
    """Days one after the other with the same windows, as GotoIfTime names them; those without any are left out."""
    for windows, days in groupby(range(7), key=lambda day: week[day]):
        first, *rest = days
        if windows:
            yield WEEKDAYS[first] + (f"-{WEEKDAYS[rest[-1]]}" if rest else ""), windows


def _after(first: MonthDay) -> str:
    return f"${{day}} >= 1{first[0]:02}{first[1]:02}"


def _before(last: MonthDay) -> str:
    return f"${{day}} <= 1{last[0]:02}{last[1]:02}"


def _range(window: Window) -> str:
    """GotoIfTime includes its last minute, a window excludes its end."""
    start, last = window[0], window[1] - 1
    return f"{start // 60:02}:{start % 60:02}-{last // 60:02}:{last % 60:02}"
