"""What the operations page's templates are given: plain frozen view models. Pure; see web.views."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NodeState:
    """An Asterisk as we know it. `state`: live, or stale since `since`; `started_at`: its own start, as it says.
    `part`: active, or standby; none where it is alone.
    """

    name: str
    state: str
    since: datetime
    started_at: datetime | None
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How far one of Asterisk's own records was read. `source`: cel, queue_log. `is_behind`: by more than a minute."""

    node: str
    source: str
    read_at: datetime
    is_behind: bool = False


@dataclass(frozen=True, slots=True)
class Correction:
    """What we believed of an Asterisk was put right. `agent`: name behind an endpoint; `call_id`: behind a Linkedid."""

    at: datetime
    node: str
    kind: str
    what: str
    subject: str
    call_id: str | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class Parked:
    """An event whose handler failed and is tried again at `retry_at`."""

    at: datetime
    handler: str
    type: str
    error: str
    attempts: int
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class NightlyCheck:
    """The comparison of a day that was over, as it was told to the trail."""

    at: datetime
    node: str
    calls: int
    differences: int
    unread: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a bar, in the plot's units. `part`: answered, other, lost, going_on."""

    part: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour in a plot. `hour`: 0 to 23, local; `parts`: calls by part; `y`: its top."""

    hour: int
    x: float
    y: float
    calls: int
    parts: dict[str, int]
    segments: tuple[Segment, ...]
    differences: int


@dataclass(frozen=True, slots=True)
class GridLine:
    """A number of calls and its height in the plot."""

    value: int
    y: float


@dataclass(frozen=True, slots=True)
class LinePlot:
    """A line's day, hour by hour. `differences`: of the whole day."""

    line: str
    calls: int
    differences: int
    bars: tuple[Bar, ...]
    grid: tuple[GridLine, ...]


@dataclass(frozen=True, slots=True)
class TotalsRow:
    """A line in one hour, or in all of the day (`hour` None). `outcomes`: of our rows.

    `cel`, `queue_log`: calls by that record; None: it was not read.
    """

    line: str
    hour: int | None
    calls: int
    outcomes: dict[str, int]
    going_on: int
    cel: int | None
    queue_log: int | None
    differences: int
