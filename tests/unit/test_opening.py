"""Opening hours as data. Days off and make-up days are those of the State Council's notice for 2026, read here anew."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hotline.ivr import opening
from hotline.ivr.hours import Hours, Step
from hotline.settings import Settings
from hotline.working_time import DAY

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFF = ("01-01 01-03", "02-15 02-23", "04-04 04-06", "05-01 05-05", "06-19 06-21", "09-25 09-27", "10-01 10-07")
MADE_UP = ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"]
LUNCH = """{
  "week": {"mon-fri": "09:00-12:00,13:00-18:00", "sat": "10:00-12:00"},
  "seasons": [
    {"from": "06-15", "to": "09-10", "week": {"mon-thu": "08:30-12:00,14:30-19:00", "fri": "08:00-16:00"}},
    {"from": "12-20", "to": "02-10", "week": {"mon-fri": "10:00-18:00"}}
  ],
  "days": {
    "2026-08-01": {"hours": "00:00-24:00", "why": "防汛值守"},
    "2026-08-03": {"hours": "", "why": "搬迁"},
    "2026-10-03": {"hours": "09:00-12:00", "why": "国庆值班"}
  }
}"""


def hours(text: str = "{}") -> Hours:
    return Hours(Settings(open="calendar"), opening.parse(text))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def is_day_off(day: date) -> bool:
    for span in OFF:
        first, last = (date.fromisoformat(f"2026-{end}") for end in span.split())
        if first <= day <= last:
            return True
    return day.weekday() >= 5 and f"{day:%m-%d}" not in MADE_UP


def asterisk_says(steps: Sequence[Step], dates: Mapping[str, Sequence[Step]], moment: datetime) -> str:
    """The steps as Asterisk runs them, its clock at `moment`. Returns open or closed."""
    place = 0
    while True:
        application, _, rest = steps[place].application.partition("(")
        given = rest[:-1]
        if application == "Return":
            return given
        place += 1
        label = ""
        if application == "GotoIfTime":
            when, _, target = given.partition("?")
            times, weekdays, days, months, _zone = when.split(",")
            assert (days, months) == ("*", "*")
            if _in_time(times, moment) and _in_days(weekdays, moment):
                label = target
        elif application == "GotoIf" and "DIALPLAN_EXISTS" in given:
            if found := dates.get(f"{moment:%Y%m%d}"):
                steps, place = found, 0
        elif application == "GotoIf":
            left, _, target = given.partition("?")
            now = int(f"1{moment:%m%d}")
            words = left.removeprefix("$[").removesuffix("]").replace("${day}", str(now)).split()
            one, two = int(words[0]) >= int(words[2]), int(words[4]) <= int(words[6])
            if (one and two) if words[3] == "&" else (one or two):
                label = target
        if label:
            place = next(number for number, step in enumerate(steps) if step.label == label)


def _in_time(text: str, moment: datetime) -> bool:
    first, last = text.split("-")
    return first <= f"{moment:%H:%M}" <= last


def _in_days(text: str, moment: datetime) -> bool:
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    if text == "*":
        return True
    first, _, last = text.partition("-")
    return names.index(first) <= moment.weekday() <= names.index(last or first)


DAYS_OF_2026 = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]


def test_every_minute_of_2026_is_as_the_notice_and_the_clock_say() -> None:
    rules = hours().rules()
    worked = set(range(9 * 60, 17 * 60))
    for day in DAYS_OF_2026:
        is_open = {minute for first, end in rules.windows(day) for minute in range(first, end)}
        assert is_open == (set() if is_day_off(day) else worked), day


def test_a_minute_is_told_by_the_clock_of_the_place() -> None:
    rules = hours().rules()
    last = datetime(2026, 3, 10, 8, 59, 59, tzinfo=UTC)  # 16:59:59 there
    assert [rules.is_open(last), rules.is_open(last + timedelta(seconds=1))] == [True, False]
    assert not rules.is_open(datetime(2026, 5, 8, 16, 30, tzinfo=UTC))  # half past midnight of a make-up Saturday


@pytest.mark.parametrize("text", ["{}", LUNCH])
def test_asterisk_decides_as_the_rules_that_people_are_told(text: str) -> None:
    rules = hours(text).rules()
    steps, dates = rules.steps, rules.dates
    borders = sorted({minute for day in DAYS_OF_2026 for window in rules.windows(day) for minute in window})
    times = {time for minute in borders for time in (minute - 1, minute) if 0 <= time < DAY}
    moments = [
        datetime(day.year, day.month, day.day, *divmod(time, 60), tzinfo=SHANGHAI)
        for day in DAYS_OF_2026
        for time in times
    ]
    assert [one for one in moments if (asterisk_says(steps, dates, one) == "open") is not rules.is_open(one)] == []


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-03-10T12:30", "closed outside 09:00-12:00,13:00-18:00, working day"),
        ("2026-03-14T10:30", "open weekend, 10:00-12:00"),
        ("2026-06-14T10:30", "closed day off: weekend"),  # Sunday
        ("2026-06-15T08:30", "open working day, 08:30-12:00,14:30-19:00"),
        ("2026-09-10T18:59", "open working day, 08:30-12:00,14:30-19:00"),
        ("2026-09-11T08:30", "closed outside 09:00-12:00,13:00-18:00, working day"),
        ("2026-12-21T09:30", "closed outside 10:00-18:00, working day"),
        ("2026-01-05T17:30", "open working day, 10:00-18:00"),
        ("2026-02-14T10:30", "open make-up working day: 春节, 09:00-12:00,13:00-18:00"),  # by a Monday's hours
        ("2026-05-02T10:30", "closed day off: 劳动节"),  # a Saturday in a holiday, though Saturdays are open
        ("2026-08-01T03:00", "open special day: 防汛值守, 00:00-24:00"),
        ("2026-08-03T10:00", "closed special day: 搬迁"),
        ("2026-10-03T11:59", "open special day: 国庆值班, 09:00-12:00"),
    ],
)
def test_weeks_seasons_and_special_days_say_what_a_caller_meets(moment: str, said: str) -> None:
    assert str(hours(LUNCH).what(at(moment))) == said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Invalid JSON"),
        ('{"weeks": {}}', "weeks: Extra inputs"),
        ('{"week": {"mon-fri": "09:00-12:00,11:00-17:00"}}', "week: windows overlap"),
        ('{"week": {"mon-fri": "22:00-02:00"}}', "past midnight is the next day's"),
        ('{"week": {"mon-fri": "9-17"}}', "week: expected HH:MM"),
        ('{"week": {"mon-thu": "09:00-17:00"}}', "every day from Monday to Friday"),
        ('{"week": {"mon-fri": "09:00-17:00", "fri": "09:00-12:00"}}', "fri is named twice"),
        ('{"week": {"fri-mon": "09:00-17:00"}}', "not in order"),
        ('{"week": {"montag": "09:00-17:00"}}', "no days of a week"),
        ('{"seasons": [{"from": "02-30", "to": "03-30", "week": {"mon-fri": "09:00-17:00"}}]}', "seasons.0.from"),
        ('{"seasons": [{"from": "2-1", "to": "03-30", "week": {"mon-fri": "09:00-17:00"}}]}', "expected MM-DD"),
        ('{"seasons": [{"from": "05-01", "to": "06-01", "week": {"mon-fri": "09:00-17:00"}},'
         ' {"from": "06-01", "to": "07-01", "week": {"mon-fri": "09:00-17:00"}}]}', "two of them have the day 06-01"),
        ('{"days": {"2026-02-30": {"hours": "", "why": "?"}}}', "days.2026-02-30"),
        ('{"days": {"2026-02-03": {"hours": "", "why": ""}}}', "why"),
    ],
)  # fmt: skip
def test_hours_that_make_no_sense_are_refused_with_the_place(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r".+") as refused:
        opening.parse(text)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_wrong_file_leaves_what_was_accepted_in_force(tmp_path: Path) -> None:
    assert opening.find(tmp_path).opening == opening.parse("{}")
    opening.adopt(tmp_path, LUNCH)
    opening.keep(tmp_path)
    (tmp_path / opening.FILE).write_text('{"week": 1}')
    opening.keep(tmp_path)  # what is wrong is not kept
    found = opening.find(tmp_path)
    assert found.opening == opening.parse(LUNCH)
    assert str(tmp_path / opening.FILE) in found.problem
    (tmp_path / opening.FILE).unlink()
    opening.keep(tmp_path)
    assert opening.find(tmp_path) == opening.Found(opening.parse("{}"))


def test_a_refused_proposal_changes_nothing(tmp_path: Path) -> None:
    opening.adopt(tmp_path, LUNCH)
    with pytest.raises(ValueError, match="overlap"):
        opening.adopt(tmp_path, '{"week": {"mon-fri": "09:00-12:00,11:00-17:00"}}')
    assert (tmp_path / opening.FILE).read_text() == LUNCH


def test_hours_change_while_the_process_runs(tmp_path: Path) -> None:
    in_force = opening.InForce(Settings(open="calendar", data_dir=tmp_path))
    assert not in_force.hours.what(at("2026-08-01T03:00")).is_open
    opening.adopt(tmp_path, LUNCH)
    assert in_force.hours.what(at("2026-08-01T03:00")).is_open
    assert in_force.call_back_due(at("2026-08-01T03:00")) == at("2026-08-01T03:30")


def test_a_working_day_that_is_not_eight_hours_long_is_remarked() -> None:
    assert opening.remarks(opening.parse("{}")) == ()
    assert opening.remarks(opening.parse('{"week": {"mon-thu": "09:00-12:00,13:00-18:00", "fri": "09:00-12:00"}}')) == (
        "week: a working day of 3 hours instead of 8",
    )


def test_what_is_in_force_reads_like_a_timetable() -> None:
    assert opening.shown(opening.parse(LUNCH)) == (
        "06-15 to 09-10: mon-thu 08:30-12:00,14:30-19:00, fri 08:00-16:00",
        "12-20 to 02-10: mon-fri 10:00-18:00",
        "otherwise: mon-fri 09:00-12:00,13:00-18:00, sat 10:00-12:00",
        "2026-08-01: 00:00-24:00, 防汛值守",
        "2026-08-03: closed, 搬迁",
        "2026-10-03: 09:00-12:00, 国庆值班",
    )
    assert opening.shown(opening.parse("{}")) == ("week: mon-fri 09:00-17:00",)
