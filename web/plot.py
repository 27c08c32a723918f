"""A day's totals as a picture and a table: geometry and sums, no markup. Pure; filled by web.operations."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from hotline.calls.totals import OURS, Count, Day, Hour
from web.operations_views import Bar, GridLine, LinePlot, Segment, TotalsRow

# The plot's own units; the template's viewBox says the same.
WIDTH, HEIGHT = 640, 136
_LEFT, _TOP, _FLOOR = 30, 18, 116
SLOT = (WIDTH - _LEFT) / 24
_MOST_STEPS = 4
PARTS: Mapping[str, frozenset[str]] = {
    "answered": frozenset({"answered"}),
    "other": frozenset({"voicemail", "callback", "duty", "closed", "overflowed"}),
    "lost": frozenset({"abandoned", "blocked", "failed"}),
}
_NONE = Count()


def plots(day: Day, lines: Sequence[str], timezone: str) -> tuple[LinePlot, ...]:
    """One a line: those of `lines` always, in their order, others when they had calls. Bars are our rows' calls."""
    zone = ZoneInfo(timezone)
    return tuple(_plot(line, [hour for hour in day.hours if hour.line == line], zone) for line in _all(day, lines))


def table(day: Day, lines: Sequence[str], timezone: str, read: frozenset[str]) -> tuple[tuple[TotalsRow, ...], ...]:
    """For each line its sum, then its hours with calls. `read`: the records that are read at all."""
    zone = ZoneInfo(timezone)
    found = []
    for line in _all(day, lines):
        hours = [
            _row(line, number, list(same), read)
            for number, same in groupby(
                (hour for hour in day.hours if hour.line == line), lambda one: _of(one.at, zone)
            )
        ]
        whole = _row(line, None, [hour for hour in day.hours if hour.line == line], read)
        found.append((whole, *hours))
    return tuple(found)


def step(most: int) -> int:
    """Calls between two grid lines: 1, 2 or 5 times a power of ten, so that there are at most four."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if size * factor * _MOST_STEPS >= most:
                return size * factor
        size *= 10


def _all(day: Day, lines: Sequence[str]) -> list[str]:
    return [*lines, *sorted({hour.line for hour in day.hours} - set(lines))]


def _of(at: datetime, zone: ZoneInfo) -> int:
    return at.astimezone(zone).hour


def _plot(line: str, hours: Iterable[Hour], zone: ZoneInfo) -> LinePlot:
    parts: dict[int, Counter[str]] = {}
    differences: Counter[int] = Counter()
    for hour in hours:  # where a clock is put back, two hours have one name
        number, count = _of(hour.at, zone), hour.counts.get(OURS, _NONE)
        differences[number] += hour.differences
        here = parts.setdefault(number, Counter())
        for part, outcomes in PARTS.items():
            here[part] += sum(count.outcomes.get(outcome, 0) for outcome in outcomes)
        here["going_on"] += count.going_on
    most = max((here.total() for here in parts.values()), default=0)
    between = step(max(most, 1))
    top = max(-(-most // between), 1) * between
    unit = (_FLOOR - _TOP) / top
    return LinePlot(
        line=line,
        calls=sum(here.total() for here in parts.values()),
        differences=differences.total(),
        bars=tuple(_bar(number, here, unit, differences[number]) for number, here in sorted(parts.items())),
        grid=tuple(GridLine(value, _FLOOR - value * unit) for value in range(0, top + 1, between)),
    )


def _bar(hour: int, parts: Counter[str], unit: float, differences: int) -> Bar:
    segments, y = [], float(_FLOOR)
    for part in (*PARTS, "going_on"):
        if parts[part]:
            y -= parts[part] * unit
            segments.append(Segment(part, round(y, 2), round(parts[part] * unit, 2)))
    return Bar(
        hour=hour,
        x=round(_LEFT + hour * SLOT, 2),
        y=round(y, 2),
        calls=parts.total(),
        parts={part: parts[part] for part in (*PARTS, "going_on")},
        segments=tuple(segments),
        differences=differences,
    )


def _row(line: str, hour: int | None, hours: Sequence[Hour], read: frozenset[str]) -> TotalsRow:
    ours = [one.counts.get(OURS, _NONE) for one in hours]
    outcomes: Counter[str] = Counter()
    for count in ours:
        outcomes.update(count.outcomes)

    def by(source: str) -> int | None:
        return sum(one.counts.get(source, _NONE).calls for one in hours) if source in read else None

    return TotalsRow(
        line=line,
        hour=hour,
        calls=sum(count.calls for count in ours),
        outcomes=dict(outcomes),
        going_on=sum(count.going_on for count in ours),
        cel=by("cel"),
        queue_log=by("queue_log"),
        differences=sum(one.differences for one in hours),
    )
