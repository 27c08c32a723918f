"""When the lines are open: one rule for callers (compiled into the dialplan) and for everybody who asks. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from hotline.calendars import calendar
from hotline.clock import Window, parse_windows, show_windows
from hotline.settings import Settings

WINDOWS: Final = "09:00-17:00"
CALL_BACK_OPEN: Final = timedelta(minutes=30)
CALL_BACK_CLOSED_MINUTE: Final = 11 * 60  # of the next working day


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
    """The same rule as dialplan: `steps` for any day, `dates` (YYYYMMDD) for those that the week does not tell."""

    steps: tuple[Step, ...]
    dates: Mapping[str, tuple[Step, ...]]


class Hours:
    """Opening hours of these settings."""

    def __init__(self, settings: Settings) -> None:
        self.mode = settings.open
        self.calendar = calendar(settings.timezone, parse_windows(WINDOWS))

    def what(self, at: datetime) -> State:
        """Open or closed at an instant, and why."""
        if self.mode != "calendar":
            return State(self.mode == "always", "at all hours, by setting")
        days, day = self.calendar, self.calendar.day_of(at)
        sure = days.is_confirmed(day)
        windows = show_windows(days.windows)
        if not days.is_workday(day):
            return State(False, f"day off: {days.off.get(day, 'weekend')}", sure)
        kind = f"make-up working day: {days.make_up[day]}" if day in days.make_up else "working day"
        is_open = days.is_open(at)
        return State(is_open, f"{kind}, {windows}" if is_open else f"outside {windows}, {kind}", sure)

    def known_until(self) -> date:
        """The last day that an official notice of holidays covers."""
        return self.calendar.confirmed_through

    def call_back_due(self, at: datetime) -> datetime:
        """By when a caller who reached nobody is called back: half an hour while open, else 11:00 of the next working
        day, which may be today.
        """
        if self.what(at).is_open:
            return at + CALL_BACK_OPEN
        today = self.calendar.day_of(at)
        first = self.calendar.hours(today)
        if first and at < first[0][0]:
            return self.calendar.instant(today, CALL_BACK_CLOSED_MINUTE)
        return self.calendar.instant(next(self.calendar.workdays_after(today)), CALL_BACK_CLOSED_MINUTE)

    def rules(self) -> Rules:
        """For the dialplan. Asterisk decides alone, from the week, the date and its own clock."""
        if self.mode != "calendar":
            return Rules((Step(f"Return({'open' if self.mode == 'always' else 'closed'})"),), {})
        days, zone = self.calendar, self.calendar.timezone
        dates = {day: self._open(days.windows, "*") for day in days.make_up if day.weekday() >= 5}
        dates |= {day: (Step("Return(closed)"),) for day in days.off if day.weekday() < 5 and day not in days.make_up}
        today = (
            Step(f"Set(LOCAL(today)=${{STRFTIME(,{zone},%Y%m%d)}})"),
            Step("GotoIf(${DIALPLAN_EXISTS(hl-dates,${today},1)}?hl-dates,${today},1)"),
        )
        return Rules(
            (*today, *self._open(days.windows, "mon-fri")),
            {f"{day:%Y%m%d}": steps for day, steps in sorted(dates.items())},
        )

    def _open(self, windows: tuple[Window, ...], weekdays: str) -> tuple[Step, ...]:
        checks = tuple(
            Step(f"GotoIfTime({_range(window)},{weekdays},*,*,{self.calendar.timezone}?open)") for window in windows
        )
        return (*checks, Step("Return(closed)"), Step("Return(open)", "open"))


def _range(window: Window) -> str:
    """GotoIfTime includes its last minute, a window excludes its end."""
    start, last = window[0], window[1] - 1
    return f"{start // 60:02}:{start % 60:02}-{last // 60:02}:{last % 60:02}"
