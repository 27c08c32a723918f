"""What a caller meets at a time. Dates are those of the 2026 holiday notice."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from hotline.ivr.hours import Hours
from hotline.settings import Settings


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def hours() -> Hours:
    return Hours(Settings(open="calendar"))


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-03-10T10:00", "open working day, 09:00-17:00"),
        ("2026-03-10T08:59", "closed outside 09:00-17:00, working day"),
        ("2026-03-10T17:00", "closed outside 09:00-17:00, working day"),
        ("2026-03-14T10:00", "closed day off: weekend"),
        ("2026-05-04T10:00", "closed day off: 劳动节"),
        ("2026-05-09T10:00", "open make-up working day: 劳动节, 09:00-17:00"),
        ("2026-05-16T23:10", "closed day off: weekend"),
        ("2027-01-01T10:00", "closed day off: 元旦 (holidays of this year are not confirmed yet)"),
        ("2027-03-10T10:00", "open working day, 09:00-17:00 (holidays of this year are not confirmed yet)"),
    ],
)
def test_the_answer_starts_with_open_or_closed_and_says_why(hours: Hours, moment: str, said: str) -> None:
    assert str(hours.what(at(moment))) == said


def test_holidays_are_known_until_the_last_notice_ends(hours: Hours) -> None:
    assert hours.known_until() == date(2026, 12, 31)


def test_the_setting_overrules_the_calendar() -> None:
    night = at("2026-05-16T23:10")
    assert str(Hours(Settings(open="always")).what(night)) == "open at all hours, by setting"
    assert str(Hours(Settings(open="closed")).what(night)) == "closed at all hours, by setting"


@pytest.mark.parametrize(
    ("missed", "due"),
    [
        ("2026-03-10T10:00", "2026-03-10T10:30"),  # open: half an hour
        ("2026-03-11T20:30", "2026-03-12T11:00"),  # evening
        ("2026-03-12T07:00", "2026-03-12T11:00"),  # before opening: this morning
        ("2026-03-13T17:00", "2026-03-16T11:00"),  # Friday evening
        ("2026-05-08T18:00", "2026-05-09T11:00"),  # before a make-up Saturday
        ("2026-04-30T17:30", "2026-05-06T11:00"),  # over Labour Day
    ],
)
def test_a_missed_caller_is_called_back_by(hours: Hours, missed: str, due: str) -> None:
    assert hours.call_back_due(at(missed)) == at(due)
