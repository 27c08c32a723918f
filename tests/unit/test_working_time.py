"""Expected values: the deadline table's own check values and the 2026 holiday notice."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hotline.calendars import calendar
from hotline.working_time import Calendar, every_working_day, parse_windows, show_windows

SHANGHAI = ZoneInfo("Asia/Shanghai")
CN = calendar("Asia/Shanghai", every_working_day(parse_windows("09:00-17:00")))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        ("2026-03-10T09:30", 2, "2026-03-12T17:00"),
        ("2026-03-10T09:30", 5, "2026-03-17T17:00"),
        ("2026-03-10T09:30", 10, "2026-03-24T17:00"),
        ("2026-03-10T09:30", 15, "2026-03-31T17:00"),
        ("2026-04-30T10:00", 5, "2026-05-11T17:00"),  # over Labour Day, with a make-up Saturday
        ("2026-05-09T10:00", 5, "2026-05-15T17:00"),  # received on that Saturday
        ("2026-03-11T20:30", 5, "2026-03-18T17:00"),  # after hours: the same date is day 0
        ("2026-03-30T15:00", 1, "2026-03-31T17:00"),
        ("2026-03-31T10:00", 5, "2026-04-08T17:00"),  # the Monday of Tomb-Sweeping is a holiday
        ("2026-04-14T15:40", 5, "2026-04-21T17:00"),
        ("2026-05-16T23:10", 5, "2026-05-22T17:00"),  # received on a Saturday night
        ("2026-03-25T11:00", 5, "2026-04-01T17:00"),
    ],
)
def test_working_days_end_with_the_last_window_of_the_nth_day(received: str, days: int, due: str) -> None:
    assert CN.add_days(at(received), days) == at(due)


@pytest.mark.parametrize(
    ("received", "hours", "due"),
    [
        ("2026-03-13T16:30", 4, "2026-03-16T12:30"),
        ("2026-03-10T09:30", 1, "2026-03-10T10:30"),
        ("2026-03-10T07:00", 1, "2026-03-10T10:00"),
        ("2026-03-10T16:00", 1, "2026-03-10T17:00"),
        ("2026-05-02T12:00", 9, "2026-05-07T10:00"),  # in a holiday: from Wednesday 6 May 09:00
        ("2026-05-08T16:30", 1, "2026-05-09T09:30"),  # on into the make-up Saturday
    ],
)
def test_working_hours_count_inside_windows_only(received: str, hours: int, due: str) -> None:
    assert CN.add_time(at(received), timedelta(hours=hours)) == at(due)


def test_a_lunch_break_is_not_counted() -> None:
    split = calendar("Asia/Shanghai", every_working_day(parse_windows("09:00-12:00,13:00-17:00")))
    assert split.add_time(at("2026-03-10T11:30"), timedelta(hours=1)) == at("2026-03-10T13:30")


def test_the_year_2026_has_248_working_days() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert sum(CN.is_workday(day) for day in days) == 248


def test_a_year_without_notice_is_unconfirmed_and_has_the_laws_holidays() -> None:
    assert CN.is_confirmed(date(2026, 12, 31))
    assert not CN.is_confirmed(date(2027, 1, 1))
    assert not CN.is_workday(date(2027, 2, 5))  # eve of the year of the sheep
    assert CN.is_workday(date(2027, 2, 10))  # days off by exchange are not known yet
    assert not CN.is_workday(date(2029, 5, 1))  # beyond the lunar table: fixed dates
    assert CN.is_workday(date(2029, 5, 3))


def test_windows_include_their_start_and_exclude_their_end() -> None:
    assert [CN.is_working(at(f"2026-03-10T{time}")) for time in ("08:59:59", "09:00", "16:59:59", "17:00")] == [
        False,
        True,
        True,
        False,
    ]


def test_hours_keep_the_wall_clock_over_a_change_of_summer_time() -> None:
    berlin = Calendar(
        "Europe/Berlin",
        every_working_day(parse_windows("00:00-24:00")),
        {},
        {date(2026, 3, 29): "night of the change"},
        date.max,
    )
    assert berlin.hours(date(2026, 3, 29)) == [
        (datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC))
    ]
    # 23 real hours on that Sunday; the 24th is Monday's first.
    assert berlin.add_time(datetime(2026, 3, 28, 23, tzinfo=UTC), timedelta(hours=24)) == datetime(
        2026, 3, 29, 23, tzinfo=UTC
    )


def test_a_leap_day_is_a_day() -> None:
    assert CN.add_days(at("2028-02-28T10:00"), 1) == at("2028-02-29T17:00")


@pytest.mark.parametrize("text", ["", "9-17", "17:00-09:00", "09:00-24:01", "09:00-17:60", "12:00-13:00,09:00-10:00",
                                  "09:00-12:00,11:00-13:00", "０９:00-17:00"])  # fmt: skip
def test_windows_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_windows(text)


def test_windows_read_as_written() -> None:
    assert show_windows(parse_windows("09:00-12:00, 13:00-24:00")) == "09:00-12:00,13:00-24:00"


def test_naive_times_and_empty_spans_are_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        CN.is_working(datetime(2026, 3, 10, 10))  # noqa: DTZ001
    with pytest.raises(ValueError, match="positive"):
        CN.add_time(at("2026-03-10T10:00"), timedelta(0))
    with pytest.raises(ValueError, match="from one"):
        CN.add_days(at("2026-03-10T10:00"), 0)


def test_a_calendar_without_working_days_does_not_search_for_ever() -> None:
    start = date(2026, 1, 1)
    never = Calendar(
        "UTC",
        every_working_day(parse_windows("09:00-17:00")),
        {start + timedelta(days=n): "" for n in range(2000)},
        {},
        start,
    )
    with pytest.raises(ValueError, match="no working days"):
        never.add_days(datetime(2026, 1, 1, tzinfo=UTC), 1)
