"""Totals that must add up: a call about which sources disagree is found, one that they see alike or late is not."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.calls.day import bounds
from hotline.calls.totals import SOURCES, Count, Day, Told, compare

ZONE = "Asia/Shanghai"
FIRST, LAST = bounds(date(2026, 5, 11), ZONE)
NOON = datetime(2026, 5, 11, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai
OUTCOMES = ("answered", "abandoned", "callback", "voicemail", "duty", "closed", "blocked", "overflowed", "failed")
READ = {("pbx1", "cel"): NOON, ("pbx1", "queue_log"): NOON}


def told(source: str, linkedid: str = "1.1", *, ago: float = 3000, lasts: float | None = 60, **values: Any) -> Told:
    """A call that began `ago` seconds before noon and lasted `lasts`; None: it goes on."""
    started_at = NOON - timedelta(seconds=ago)
    ended_at = None if lasts is None else started_at + timedelta(seconds=lasts)
    usual: dict[str, Any] = {
        "source": source, "node": "pbx1", "linkedid": linkedid, "line": "12345", "started_at": started_at,
        "ended_at": ended_at, "outcome": None if lasts is None else "answered",
    }  # fmt: skip
    return Told(**{**usual, **values})


def everywhere(linkedid: str = "1.1", **values: Any) -> list[Told]:
    return [told(source, linkedid, **values) for source in SOURCES]


def compared(*said: Told, read: Any = None, aliases: Any = None, at: datetime = NOON) -> Day:
    return compare(
        said, aliases=aliases or {}, read_until=READ if read is None else read, at=at, first=FIRST, last=LAST,
        timezone=ZONE,
    )  # fmt: skip


def kinds(day: Day) -> list[tuple[str, str]]:
    return [(one.linkedid, one.kind) for one in day.differences]


def test_a_day_that_all_sources_see_alike_has_no_difference_and_its_sums_add_up() -> None:
    said = [*everywhere("1.1"), *everywhere("1.2", outcome="abandoned"), *everywhere("1.3", line="2912345", lasts=None)]
    day = compared(*said)
    assert (day.differences, day.calls, day.going_on, day.settling, day.unread) == ((), 3, 1, 0, 0)
    counts = {hour.line: hour.counts for hour in day.hours}
    assert counts == {
        "12345": dict.fromkeys(SOURCES, Count(2, 0, {"answered": 1, "abandoned": 1})),
        "2912345": dict.fromkeys(SOURCES, Count(1, 1, {})),
    }
    assert {hour.at for hour in day.hours} == {NOON - timedelta(hours=1)}


@pytest.mark.parametrize("source", SOURCES)
def test_a_call_that_one_source_lacks_is_found_whichever_it_is(source: str) -> None:
    day = compared(*[one for one in everywhere() if one.source != source])
    assert kinds(day) == [("1.1", "missing")]
    assert day.differences[0].told[source] is None
    assert [hour.differences for hour in day.hours] == [1]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("kind", "other"),
    [("line", {"line": "2912345"}), ("outcome", {"outcome": "voicemail"}), ("hour", {"ago": 4000, "lasts": 1060})],
)
def test_a_source_that_tells_something_else_is_found(source: str, kind: str, other: dict[str, Any]) -> None:
    said = [told(name, **(other if name == source else {})) for name in SOURCES]
    assert kinds(compared(*said)) == [("1.1", kind)]


def test_equal_sums_do_not_hide_two_faults() -> None:
    said = [*everywhere("1.1"), *everywhere("1.2", outcome="abandoned")]
    said[1] = told("cel", "1.1", outcome="abandoned")
    said[4] = told("cel", "1.2", outcome="answered")
    day = compared(*said)
    assert day.hours[0].counts["rows"] == day.hours[0].counts["cel"]
    assert kinds(day) == [("1.1", "outcome"), ("1.2", "outcome")]


def test_a_call_that_goes_on_for_us_though_asterisk_ended_it_is_found() -> None:
    assert kinds(compared(told("rows", lasts=None), told("cel"), told("queue_log"))) == [("1.1", "open")]


def test_a_call_that_ended_without_an_outcome_is_found_even_alone() -> None:
    assert kinds(compared(told("rows", outcome=None), read={})) == [("1.1", "outcome")]


def test_a_record_that_stops_in_mid_call_means_failed_and_nothing_else() -> None:
    failed = [told("rows", outcome="failed"), told("cel", outcome="failed"), told("queue_log", lasts=None)]
    day = compared(*failed)
    assert day.differences == ()
    assert day.hours[0].counts["queue_log"] == Count(1, 0, {"failed": 1})
    assert kinds(compared(told("rows"), told("cel"), told("queue_log", lasts=None))) == [("1.1", "outcome")]


@pytest.mark.parametrize("young", [{"ago": 90, "lasts": None}, {"ago": 900, "lasts": 730}, {"ago": 60, "lasts": 5}])
def test_what_happened_in_the_last_three_minutes_is_not_compared_yet(young: dict[str, Any]) -> None:
    day = compared(told("rows", **young))
    assert (day.differences, day.settling, day.calls) == ((), 1, 1)


def test_a_call_that_has_gone_on_for_long_is_compared() -> None:
    assert kinds(compared(told("rows", lasts=None), told("cel", lasts=None))) == [("1.1", "missing")]
    assert kinds(compared(*everywhere(lasts=None))) == []


def test_a_record_that_was_not_read_so_far_is_not_asked_and_said_to_be_behind() -> None:
    read = {("pbx1", "cel"): NOON, ("pbx1", "queue_log"): NOON - timedelta(seconds=2950)}
    day = compared(told("rows"), told("cel"), read=read)
    assert (day.differences, day.unread) == ((), 1)
    assert kinds(compared(told("rows"), read=read)) == [("1.1", "missing")]
    assert (compared(told("rows"), read={}).differences, compared(told("rows"), read={}).unread) == ((), 0)


def test_another_nodes_record_says_nothing_about_this_nodes_calls() -> None:
    day = compared(told("rows"), read={("pbx2", "cel"): NOON})
    assert (day.differences, day.unread) == ((), 0)


def test_moments_that_sources_see_apart_make_no_difference_at_the_hour() -> None:
    said = [told("rows", ago=3602), told("cel", ago=3598), told("queue_log", ago=3599.5)]
    day = compared(*said)
    assert day.differences == ()
    assert [hour.at for hour in day.hours] == [NOON - timedelta(hours=2)]


def test_a_younger_name_of_a_call_counts_as_the_call() -> None:
    said = [told("rows", "1.1"), told("cel", "1.1"), told("cel", "1.9", ago=2990, outcome="failed"),
            told("queue_log", "1.9", ago=2990)]  # fmt: skip
    day = compared(*said, aliases={("pbx1", "1.9"): "1.1"})
    assert day.differences == ()
    assert [count.calls for count in day.hours[0].counts.values()] == [1, 1, 1]


def test_days_are_local_and_a_call_at_midnight_is_of_one_day() -> None:
    assert (datetime(2026, 5, 10, 16, tzinfo=UTC), datetime(2026, 5, 11, 16, tzinfo=UTC)) == (FIRST, LAST)
    before = FIRST - timedelta(milliseconds=40)
    said = [told("rows", started_at=FIRST), told("cel", started_at=before), told("queue_log", started_at=before)]
    day = compared(*said)
    assert (day.differences, day.calls, day.hours[0].at) == ((), 1, FIRST)
    said = [told("rows", started_at=before), told("cel", started_at=FIRST), told("queue_log", started_at=FIRST)]
    assert compared(*said) == Day()


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["12345", "2912345"]),
        st.integers(200, 40_000),
        st.none() | st.integers(0, 150),
        st.sampled_from(OUTCOMES),
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(CALLS, st.sampled_from(SOURCES), st.data())
def test_exactly_the_call_that_was_taken_out_of_one_source_differs_and_sums_add_up(
    calls: list[tuple[str, int, int | None, str]], source: str, data: st.DataObject
) -> None:
    said = [
        one
        for number, (line, ago, lasts, outcome) in enumerate(calls)
        for one in everywhere(
            f"1.{number}", line=line, ago=ago, lasts=lasts, outcome=None if lasts is None else outcome
        )
    ]
    whole = compared(*said)
    assert whole.differences == ()
    assert whole.calls == len(calls)
    for hour in whole.hours:
        assert all(count.adds_up for count in hour.counts.values())
        assert len({str(count) for count in hour.counts.values()}) == 1
    if calls:
        lost = f"1.{data.draw(st.integers(0, len(calls) - 1))}"
        day = compared(*[one for one in said if (one.source, one.linkedid) != (source, lost)])
        settling = compared(*[one for one in said if one.linkedid == lost]).settling
        assert kinds(day) == ([] if settling else [(lost, "missing")])
