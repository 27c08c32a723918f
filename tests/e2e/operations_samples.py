"""Invented figures for the operations page: a day on which all agrees, and one on which something must be looked at."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from hotline.calls.day import bounds
from hotline.calls.totals import SOURCES, Day, Told, compare
from hotline.leadership import Workers
from web import operations_views, plot
from web.operations import OperationsView

ZONE = "Asia/Shanghai"
DAY = date(2026, 3, 12)
FIRST, LAST = bounds(DAY, ZONE)
LINES = ("12345", "2912345")
# Local hour → outcomes of its calls.
_USUAL = ("answered",) * 6 + ("abandoned", "voicemail")
_BUSY = ("answered",) * 11 + ("abandoned", "abandoned", "blocked", "voicemail", "callback", "failed")
_HOURS = {0: ("closed",), 7: ("voicemail", "duty"), 9: _USUAL, 10: _BUSY, 11: _USUAL[:5], 12: _USUAL[2:], 13: _USUAL}


def _calls(now: datetime) -> Iterator[Told]:
    for line, share in (("12345", 1), ("2912345", 3)):
        for hour, outcomes in _HOURS.items():
            for number, outcome in enumerate(outcomes[::share]):
                at = FIRST + timedelta(hours=hour, minutes=3 * number + 1, seconds=17)
                name = f"177323{share}5{hour:02}.{number}"
                for source in SOURCES:
                    yield Told(
                        source, "pbx1", name, line, at, at + timedelta(seconds=95), outcome, UUID(int=number + 1)
                    )
    for number in range(2):
        for source in SOURCES:
            yield Told(source, "pbx1", f"1773200000.{number}", "12345", now - timedelta(minutes=4), None, None)


def _totals(now: datetime, *, is_whole: bool) -> Day:
    told = list(_calls(now))
    if not is_whole:
        told = [one for one in told if (one.source, one.linkedid) != ("cel", "1773231510.3")]
        told = [one for one in told if (one.source, one.linkedid) != ("rows", "1773233512.1")]
        told = [
            replace(one, outcome="voicemail") if (one.source, one.linkedid) == ("queue_log", "1773231510.1") else one
            for one in told
        ]
    read = {("pbx1", source): now for source in SOURCES[1:]}
    return compare(told, aliases={}, read_until=read, at=now, first=FIRST, last=LAST, timezone=ZONE)


def day(now: datetime, *, is_whole: bool) -> OperationsView:
    """The page's day as it was at `now`."""
    found = _totals(now, is_whole=is_whole)
    read = frozenset({"cel", "queue_log"})
    corrections = (
        operations_views.Correction(
            now - timedelta(minutes=4), "pbx1", "call", "ended", "1773231510.3", str(UUID(int=4)), None
        ),
        operations_views.Correction(now - timedelta(minutes=4), "pbx1", "member", "paused", "a1b2c3d4e5", None, "钟宁"),
    )
    parked = operations_views.Parked(
        now - timedelta(minutes=2), "hotline.tickets.pen.hand_to", "CallAnswered",
        "OperationalError: disk I/O error at service.py:88", 3, now + timedelta(seconds=40),
    )  # fmt: skip
    whole = OperationsView(
        at=now - timedelta(seconds=3),
        day=DAY,
        first=FIRST,
        is_today=True,
        totals=found,
        plots=plot.plots(found, LINES, ZONE),
        lines=plot.table(found, LINES, ZONE, read),
        nodes=(operations_views.NodeState("pbx1", "live", now - timedelta(hours=5), now - timedelta(hours=30)),),
        readings=tuple(operations_views.Reading("pbx1", source, now - timedelta(seconds=2)) for source in sorted(read)),
        corrected=0,
        corrections=(),
        parked_count=0,
        parked=(),
        queued=0,
        unwritten_since=None,
        nightly=(),
        workers=Workers("hotline-a pid 812", "hotline-b pid 640"),
    )
    if is_whole:
        return whole
    return replace(
        whole,
        readings=(whole.readings[0], replace(whole.readings[1], read_at=now - timedelta(minutes=9), is_behind=True)),
        nodes=(replace(whole.nodes[0], state="stale", since=now - timedelta(seconds=40)),),
        corrected=2,
        corrections=corrections,
        parked_count=1,
        parked=(parked,),
        queued=312,
        unwritten_since=now - timedelta(seconds=40),
        workers=Workers(),
    )
