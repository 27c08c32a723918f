"""What was seen from outside while things broke, and what the hotline has on record: plain data.

All times are Unix seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Placed:
    """One INVITE as SIPp tells of it. Unix seconds; None: that did not happen.

    `trying_at`: first 100. `status`: final answer, 0 for none. `ended_by`: caller, hotline, or empty while it lasts.
    """

    number: str
    began_at: float
    trying_at: float | None = None
    status: int = 0
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: str = ""

    @property
    def is_final(self) -> bool:
        """Answered or refused: such a call must be on record."""
        return self.status != 0


@dataclass(slots=True)
class Ring:
    """One INVITE to one phone. Unix seconds. `accepted_at`: the phone's 200; `answered_at`: Asterisk's ACK of it.

    `ended_by`: agent, hotline, rejected, cancelled, killed; empty while it lasts.
    """

    number: str
    phone: str
    rang_at: float
    accepted_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """One word as a page was seen to hold it in a ticket's summary. `at`: Unix seconds."""

    text: str
    ref: str
    agent: str
    at: float


@dataclass(slots=True)
class Fault:
    """One that was done. Unix seconds. `live_s`: None when it was not live again within forty seconds.

    Counted from the kill; for the disk from the moment it has room again; None for a browser, which is a person's.
    """

    kind: str
    began_at: float
    ended_at: float | None = None
    live_s: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A call as the hotline has it. Unix seconds. `contacts`, `tickets`, `call_backs`: how many rows."""

    number: str
    linkedid: str
    outcome: str | None
    started_at: float
    ended_at: float | None
    contacts: int
    tickets: int
    call_backs: int


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of the dialplan: greeting, longest wait, words before the recorder."""

    greeting: float
    wait: float
    before_recorder: float


@dataclass
class Seen:
    """All that was seen from outside, and the records.

    `kills`: agent → when their browser was killed. `told`: number → outcomes in Asterisk's own journal. `presses`: how
    often agents had to say ready again. `unreachable`: agents whom no call could reach at the end. `kept`: tickets and
    texts that pages still hold because the server refused them, and say so. `agents`: how many at pages, at phones.
    """

    calls: Mapping[str, Placed]
    rings: Sequence[Ring]
    words: Sequence[Word]
    faults: Sequence[Fault]
    kills: Mapping[str, Sequence[float]]
    records: Sequence[Record]
    summaries: Mapping[str, str]
    told: Mapping[str, Sequence[str]]
    times: Times
    open_calls: int = 0
    ended_alone: Sequence[tuple[str, float]] = ()
    unreachable: Sequence[str] = ()
    presses: int = 0
    agents: Mapping[str, int] = field(default_factory=dict)
    kept: Sequence[tuple[str, str]] = ()
