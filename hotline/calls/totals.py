"""Calls by line and hour as three sources have them, and the calls about which they disagree. Pure: no I/O, no clock.

The sources: `rows` (ours), `cel` and `queue_log` (Asterisk's own records). In each, calls = the sum of their outcomes +
those that go on. Calls are compared, not sums: equal sums may hide two faults, and a sum tells nobody where to look.
Fed by calls.day; what comes out is shown on the operations page, by `hotline doctor` and in the nightly line.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

SOURCES = ("rows", "cel", "queue_log")
OURS = "rows"
# Until then a source may still be on its way to what the others have. Batches are written and lines read in seconds;
# the journal waits two minutes for a last word that a full disk may have swallowed.
SETTLING = timedelta(minutes=3)
GOING_ON = "going_on"
UNTOLD = "untold"
# Sources see the same moment apart: an adopted call's start is known to the second, and a clock is read twice.
_SAME_MOMENT = timedelta(seconds=5)
# A source that stops in mid-call tells no outcome: that is what a call looks like whose Asterisk died.
_SILENCE_MEANS = "failed"


@dataclass(frozen=True, slots=True)
class Told:
    """A call as one source has it. `outcome`: None while it goes on, or where its end was never told."""

    source: str
    node: str
    linkedid: str
    line: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    call_id: UUID | None = None

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None or self.outcome is not None


@dataclass(frozen=True, slots=True)
class Difference:
    """A call about which sources disagree.

    `kind`: missing (a source lacks it), line, hour (started in another one), open (ours goes on, theirs is over) or
    outcome. `told`: what each source that was asked says; None where it has no such call.
    """

    kind: str
    node: str
    linkedid: str
    call_id: UUID | None
    line: str
    hour: datetime
    started_at: datetime
    told: Mapping[str, Told | None]


@dataclass(frozen=True, slots=True)
class Count:
    """Calls of one source in one hour. A call whose end was never told counts as failed."""

    calls: int = 0
    going_on: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)

    @property
    def adds_up(self) -> bool:
        return self.calls == self.going_on + sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Hour:
    """One line in one local hour, which begins at `at` (UTC). `counts`: by source; `differences`: how many."""

    line: str
    at: datetime
    counts: Mapping[str, Count]
    differences: int


@dataclass(frozen=True, slots=True)
class Day:
    """What `compare` found. `calls`: by our rows. `settling`: too young to be compared.

    `unread`: calls for which a source that is read was not read far enough: neither agreed nor differing.
    """

    hours: tuple[Hour, ...] = ()
    differences: tuple[Difference, ...] = ()
    calls: int = 0
    going_on: int = 0
    settling: int = 0
    unread: int = 0


def compare(
    told: Iterable[Told],
    *,
    aliases: Mapping[tuple[str, str], str],
    read_until: Mapping[tuple[str, str], datetime],
    at: datetime,
    first: datetime,
    last: datetime,
    timezone: str,
) -> Day:
    """Calls that started from `first` to before `last`, as known at `at`.

    `aliases`: (node, younger Linkedid) → the call's own. `read_until`: (node, source) → how far that record was read;
    a record that is not in it is not asked. Calls younger than SETTLING count, but are not compared.
    """
    zone = ZoneInfo(timezone)
    counted: dict[tuple[str, datetime], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    differences: list[Difference] = []
    settling = unread = 0
    for (node, linkedid), says in _by_call(told, aliases).items():
        best = _best(says)
        if not first <= best.started_at < last:
            continue
        is_over = any(one.is_over for one in says.values())
        words = {source: _word(one, is_over) for source, one in says.items()}
        hour = hour_of(best.started_at, zone)
        hours = {source: _hour_in(one, best, hour, zone) for source, one in says.items()}
        for source, one in says.items():
            counted[one.line, hours[source]][source].append(words[source])
        known_at = max(moment for one in says.values() for moment in (one.started_at, one.ended_at) if moment)
        if known_at > at - SETTLING:
            settling += 1
            continue
        seen = {source: says.get(source) for source in SOURCES if _is_asked(source, node, known_at, read_until)}
        unread += any((node, source) in read_until for source in SOURCES if source not in seen)
        if (kind := _kind(seen, words, hours)) is not None:
            differences.append(Difference(kind, node, linkedid, best.call_id, best.line, hour, best.started_at, seen))
    return _day(counted, differences, settling, unread)


def _day(
    counted: Mapping[tuple[str, datetime], Mapping[str, list[str]]],
    differences: list[Difference],
    settling: int,
    unread: int,
) -> Day:
    found = Counter((one.line, one.hour) for one in differences)
    hours = [
        Hour(line, at, {source: _count(words) for source, words in by_source.items()}, found[line, at])
        for (line, at), by_source in sorted(counted.items())
    ]
    ours = [hour.counts[OURS] for hour in hours if OURS in hour.counts]
    return Day(
        hours=tuple(hours),
        differences=tuple(sorted(differences, key=lambda one: (one.started_at, one.linkedid))),
        calls=sum(count.calls for count in ours),
        going_on=sum(count.going_on for count in ours),
        settling=settling,
        unread=unread,
    )


def _by_call(told: Iterable[Told], aliases: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], dict[str, Told]]:
    """Node and own Linkedid → source → what it says. What a source says under the call's own name counts before what
    it says under a younger one.
    """
    calls: dict[tuple[str, str], dict[str, Told]] = defaultdict(dict)
    for one in sorted(told, key=lambda one: one.started_at):
        own = aliases.get((one.node, one.linkedid), one.linkedid)
        says = calls[one.node, own]
        if one.source not in says or one.linkedid == own:
            says[one.source] = one
    return calls


def _best(says: Mapping[str, Told]) -> Told:
    """Whose line and time name the call."""
    return next(says[source] for source in SOURCES if source in says)


def hour_of(at: datetime, zone: ZoneInfo) -> datetime:
    """The local hour's beginning, UTC."""
    return at.astimezone(zone).replace(minute=0, second=0, microsecond=0).astimezone(UTC)


def _hour_in(one: Told, best: Told, hour: datetime, zone: ZoneInfo) -> datetime:
    is_same = one is best or abs(one.started_at - best.started_at) <= _SAME_MOMENT
    return hour if is_same else hour_of(one.started_at, zone)


def _word(one: Told, is_over: bool) -> str:
    """Its outcome, or how it lacks one."""
    if one.outcome is not None:
        return one.outcome
    return UNTOLD if one.ended_at is not None or is_over else GOING_ON


def _is_asked(source: str, node: str, known_at: datetime, read_until: Mapping[tuple[str, str], datetime]) -> bool:
    return source == OURS or ((node, source) in read_until and read_until[node, source] >= known_at)


def _kind(seen: Mapping[str, Told | None], words: Mapping[str, str], hours: Mapping[str, datetime]) -> str | None:
    """What the asked sources disagree about; the first that applies, since one often brings the others with it."""
    there = {source: one for source, one in seen.items() if one is not None}
    if len(there) < len(seen):
        return "missing"
    if len({one.line for one in there.values()}) > 1:
        return "line"
    if len({hours[source] for source in there}) > 1:
        return "hour"
    ours = there.get(OURS)
    if ours is not None and words[OURS] == UNTOLD:
        return "outcome" if ours.is_over else "open"
    return "outcome" if len({_meant(words[source]) for source in there}) > 1 else None


def _meant(word: str) -> str:
    return _SILENCE_MEANS if word == UNTOLD else word


def _count(words: Iterable[str]) -> Count:
    outcomes = Counter(_meant(word) for word in words)
    calls, going_on = outcomes.total(), outcomes.pop(GOING_ON, 0)
    return Count(calls, going_on, dict(outcomes))
