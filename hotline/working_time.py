"""Which days and hours are worked: windows of a day, timetables of a year, the calendar of holidays. Pure.

The days of a `Calendar` come from a dated file (hotline.calendars), its timetable from the opening hours (ivr.opening).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from hotline.clock import utc

Window = tuple[int, int]
"""Minutes of a day, first and one past the last: (540, 1020) is 09:00 to 17:00."""
Windows = tuple[Window, ...]
Week = tuple[Windows, Windows, Windows, Windows, Windows, Windows, Windows]
"""Monday first; a day without work is empty."""
MonthDay = tuple[int, int]

DAY = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST_SEARCH = 400  # days; longer without a working day means a calendar that nobody meant


def parse_windows(text: str) -> Windows:
    """`09:00-12:00,13:00-17:00`. Raises ValueError unless sorted, apart and within one day."""
    windows = tuple(_window(part.strip()) for part in text.split(","))
    if any(after[0] < before[1] for before, after in pairwise(windows)):
        raise ValueError(f"windows overlap or are not in order: {text}")
    return windows


def _window(text: str) -> Window:
    first, _, last = text.partition("-")
    start, end = _minute(first), _minute(last)
    if not start < end:
        raise ValueError(f"a window ends after it starts, past midnight is the next day's: {text}")
    return start, end


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    if not (hour.isascii() and hour.isdigit() and minute.isascii() and minute.isdigit() and len(minute) == 2):
        raise ValueError(f"expected HH:MM: {text!r}")
    value = int(hour) * 60 + int(minute)
    if int(minute) > 59 or value > DAY:
        raise ValueError(f"no time of day: {text!r}")
    return value


def show_windows(windows: Windows) -> str:
    """The same text again: `09:00-17:00`."""
    return ",".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in windows)


def parse_week(days: Mapping[str, str]) -> Week:
    """`{"mon-fri": "09:00-17:00", "sat": "09:00-12:00"}`; days that are not named have none. Raises ValueError for an
    unknown day, or one that is named twice.
    """
    week: list[Windows | None] = [None] * 7
    for name, text in days.items():
        first, _, last = name.partition("-")
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            raise ValueError(f"no days of a week: {name!r} (mon tue wed thu fri sat sun, or mon-fri)")
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        if end < start:
            raise ValueError(f"days are not in order: {name!r}")
        for day in range(start, end + 1):
            if week[day] is not None:
                raise ValueError(f"{WEEKDAYS[day]} is named twice")
            week[day] = parse_windows(text)
    mon, tue, wed, thu, fri, sat, sun = (windows or () for windows in week)
    return mon, tue, wed, thu, fri, sat, sun


@dataclass(frozen=True, slots=True)
class Season:
    """From a month and day to another one, both included; past New Year when the last comes before the first."""

    first: MonthDay
    last: MonthDay
    week: Week

    def has(self, day: date) -> bool:
        at = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


@dataclass(frozen=True, slots=True)
class Timetable:
    """The week in force on a day: the first season that has it, else the year's."""

    week: Week
    seasons: tuple[Season, ...] = ()

    def on(self, day: date) -> Week:
        return next((season.week for season in self.seasons if season.has(day)), self.week)


def every_working_day(windows: Windows) -> Timetable:
    """Monday to Friday alike, all the year."""
    return Timetable((windows, windows, windows, windows, windows, (), ()))


@dataclass(frozen=True)
class Calendar:
    """Which days and hours are worked. `off`: days without work that the week does not tell; `make_up`: weekend days
    that are worked, by the hours of a Monday. `confirmed_through`: the last day that an official notice covers; later
    ones are the law's own holidays only.
    """

    timezone: str
    timetable: Timetable
    off: Mapping[date, str]
    make_up: Mapping[date, str]
    confirmed_through: date

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def is_workday(self, day: date) -> bool:
        if day in self.make_up:
            return True
        return day.weekday() < 5 and day not in self.off

    def is_confirmed(self, day: date) -> bool:
        return day <= self.confirmed_through

    def day_of(self, at: datetime) -> date:
        """The local date of an instant."""
        return utc(at).astimezone(self.zone).date()

    def is_working(self, at: datetime) -> bool:
        """Windows include their first instant and exclude their end."""
        return any(start <= utc(at) < end for start, end in self.hours(self.day_of(at)))

    def windows(self, day: date) -> Windows:
        """Worked on that day; none on a day off."""
        if not self.is_workday(day):
            return ()
        return self.timetable.on(day)[0 if day.weekday() >= 5 else day.weekday()]

    def hours(self, day: date) -> list[tuple[datetime, datetime]]:
        """The day's windows as instants, UTC."""
        return [(self.instant(day, start), self.instant(day, end)) for start, end in self.windows(day)]

    def instant(self, day: date, minute: int) -> datetime:
        """A local wall-clock time as an instant; minute 1440 is the next midnight."""
        local_time = datetime(day.year, day.month, day.day, tzinfo=self.zone) + timedelta(minutes=minute)
        return local_time.astimezone(UTC)

    def workdays_after(self, day: date) -> Iterator[date]:
        """Raises ValueError after more than a year without one."""
        last = day
        while (day := day + timedelta(days=1)) - last < timedelta(days=_LONGEST_SEARCH):
            if self.is_workday(day):
                last = day
                yield day
        raise ValueError("the calendar has no working days")

    def add_days(self, received: datetime, days: int) -> datetime:
        """End of the last window of the Nth working day after the local day of receipt, which is day 0 even if it is
        a holiday. Raises ValueError for less than one day.
        """
        if days < 1:
            raise ValueError("working days are counted from one")
        following = self.workdays_after(self.day_of(received))
        day = next(day for number, day in enumerate(following, 1) if number == days)
        return self.instant(day, self.windows(day)[-1][1])

    def add_time(self, received: datetime, time: timedelta) -> datetime:
        """When `time` of work has passed, counting inside windows only. Raises ValueError unless it is positive."""
        if time <= timedelta(0):
            raise ValueError("working time is positive")
        at, left = utc(received), time
        for start, end in self._hours_from(self.day_of(received)):
            counted = end - max(start, at)
            if counted >= left:
                return max(start, at) + left
            left -= max(counted, timedelta(0))
        raise AssertionError("unreachable: working days never end")

    def _hours_from(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        yield from self.hours(day)
        for following in self.workdays_after(day):
            yield from self.hours(following)
