"""What templates are given: plain frozen view models. Pure; web.board, web.console and the pages fill them.

Texts in here are data or codes, never labels: templates translate codes by `label(kind, code)`.
`key` is the id of the row's element, the same in every place where the row is shown.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from hotline.ivr.switch import Word


@dataclass(frozen=True, slots=True)
class LineLamp:
    """One dialled number: `busy` of `channels` are in use; `blocked`: callers refused today."""

    key: str
    number: str
    channels: int
    busy: int
    blocked: int = 0


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call that is going on. `phase`: greeting, waiting, ringing, talking, recorder; `number`: as far as shown."""

    key: str
    call_id: str
    line: str
    phase: str
    since: datetime
    number: str | None
    ref: str | None
    agent: str | None
    order: str
    wish: str | None = None


@dataclass(frozen=True, slots=True)
class Watcher:
    """A supervisor on an agent's call. `mode`: listen, whisper, join; None until it is so. `pending`: asked."""

    name: str
    mode: str | None
    pending: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class HelpRow:
    """An agent who asks for a supervisor."""

    agent_id: str
    name: str
    since: datetime
    line: str | None


@dataclass(frozen=True, slots=True)
class OwnSupervision:
    """The agent's call that this supervisor is on."""

    agent_id: str
    name: str
    line: str
    reason: str
    watcher: Watcher
    ref: str | None


@dataclass(frozen=True, slots=True)
class HelpView:
    """Help in the console: what this agent asks for since when, who is with them, and whose call they are on."""

    asked_at: datetime | None
    watchers: tuple[Watcher, ...]
    own: OwnSupervision | None


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent. `state`: offline ready ringing on_call wrap_up paused; `phone`: none ok lost.

    `pending`: a command that Asterisk has not confirmed yet. `sound`: fair or bad while their call sounds so.
    `outside`: the number that rings instead of their page, masked.
    `pending`: a command that Asterisk has not confirmed yet. For supervisors only: `help_since`, `watchers`, and
    `watchable`: there is a call to take part in.
    """

    key: str
    agent_id: str
    name: str
    extension: str
    state: str
    reason: str | None
    since: datetime
    phone: str
    pending: str | None
    until: datetime | None
    ref: str | None
    line: str | None
    order: str
    sound: str | None = None
    outside: str | None = None
    help_since: datetime | None = None
    watchers: tuple[Watcher, ...] = ()
    watchable: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """Today so far, by arrival, from the calls' outcomes. `answered_fast`: waited 15 s or less; `danger`: wait now."""

    offered: int = 0
    answered: int = 0
    answered_fast: int = 0
    abandoned: int = 0
    abandoned_short: int = 0
    blocked: int = 0
    voicemail: int = 0
    closed: int = 0
    waiting: int = 0
    longest_since: datetime | None = None
    call_backs_due: int = 0
    danger: int = 0

    @property
    def counted(self) -> "Totals":
        """The figures without those of this moment."""
        return replace(self, waiting=0, longest_since=None)


@dataclass(frozen=True, slots=True)
class Stale:
    """What is shown may be old since `since`. `store_away`: because the database cannot be asked."""

    since: datetime
    store_away: bool


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that many people see at once. `stale_since`: telephony data is older than that; `store_away`: for
    want of the database. `opening`: a supervisor's word on the hours that is in force.
    """

    lines: tuple[LineLamp, ...]
    calls: tuple[CallRow, ...]
    agents: tuple[AgentRow, ...]
    totals: Totals
    stale_since: datetime | None = None
    asked: tuple[HelpRow, ...] = ()
    store_away: bool = False
    opening: Word | None = None

    @property
    def stale(self) -> Stale | None:
        """What the screen's head says of it; None while everything shown is true."""
        return None if self.stale_since is None else Stale(self.stale_since, self.store_away)


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field of the ticket form. `kind`: choice, category, text. `version`: of this field, sent back with a change."""

    name: str
    kind: str
    value: str
    version: int
    saved_at: datetime | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class EarlierContact:
    """An earlier contact of the same number."""

    ref: str
    at: datetime
    line: str
    outcome: str | None
    contact_type: str | None
    category: str | None
    state: str


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened. `kind`: domain event name; `detail`: codes for the template."""

    at: datetime
    kind: str
    detail: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MarkView:
    """The caller became this agent's, `seconds` into the sound."""

    seconds: float
    agent: str | None


@dataclass(frozen=True, slots=True)
class RecordingView:
    """A recording that may be played at `/recordings/{id}`. `kind`: call, voicemail; `seconds`: None while it runs.

    `is_missing`: there is no file, or nothing in it. `marks`: where the agent changed, none if it stayed the same one.
    """

    id: str
    kind: str
    started_at: datetime
    seconds: float | None
    is_missing: bool = False
    marks: tuple[MarkView, ...] = ()


@dataclass(frozen=True, slots=True)
class LegView:
    """Somebody who was rung for a call. `name`: of the agent, else `number` as far as shown. `role`: queue, transfer,
    consult, dial, supervisor; party for somebody outside. `result`: ringing, answered, missed, withdrawn; of a party
    also busy, no_answer, rejected, failed. Seconds are None until it is over, or where nobody knows.
    """

    name: str | None
    number: str | None
    role: str
    result: str
    rang_at: datetime
    answered_at: datetime | None
    left_at: datetime | None
    talk_s: float | None
    hold_s: float | None
    held: bool = False


@dataclass(frozen=True, slots=True)
class CallView:
    """The call record. Durations in seconds; absent is None. `is_unheard`: recorded, but not this person's to hear.

    `origin_number` (masked), `origin_order`: of a caller whom the city centre sent on.
    """

    id: str
    line: str
    number: str | None
    started_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    hangup_by: str | None
    agent: str | None
    wait_s: float | None
    talk_s: float | None
    ref: str | None
    recordings: tuple[RecordingView, ...] = ()
    linkedid: str = ""
    direction: str = "inbound"
    aside: str | None = None
    hold_s: float | None = None
    legs: tuple[LegView, ...] = ()
    is_unheard: bool = False
    origin_number: str | None = None
    origin_order: str | None = None


@dataclass(frozen=True, slots=True)
class PenView:
    """Who writes a ticket and what this person may do about it. `holder`: their name, None if nobody writes.

    `give_to`: (agent id, name) of who else is on the call, the one who asks first; `asked_by`: their name; `has_asked`:
    it is this person.
    """

    holder: str | None = None
    give_to: tuple[tuple[str, str], ...] = ()
    asked_by: str | None = None
    has_asked: bool = False
    may_ask: bool = False
    may_take: bool = False


@dataclass(frozen=True, slots=True)
class AdditionView:
    """Words that somebody without the pen added."""

    at: datetime
    who: str | None
    text: str


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket as its form shows it. `steps`: codes this person may take now. `mine`: this person writes it.

    `may_add`: they do not, and may add words of their own.
    """

    ref: str
    ticket_no: str | None
    state: str
    version: int
    mine: bool
    writable: bool
    number: str | None
    number_hidden: bool
    contact_id: str | None
    fields: dict[str, FieldView]
    steps: tuple[str, ...]
    calls: tuple[CallView, ...]
    earlier: tuple[EarlierContact, ...]
    timeline: tuple[TimelineEntry, ...]
    opened_at: datetime
    closed_at: datetime | None = None
    pen: PenView = PenView()
    additions: tuple[AdditionView, ...] = ()
    may_add: bool = False


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A ticket in a list. `agent`: name of who writes it; `line` and `number`: of its first call."""

    ref: str
    ticket_no: str | None
    state: str
    opened_at: datetime
    line: str | None
    number: str | None
    contact_type: str | None
    category: str | None
    urgency: str | None
    summary: str | None
    agent: str | None
    mine: bool


@dataclass(frozen=True, slots=True)
class WorkItem:
    """Something in *my work*. `kind`: draft (unfinished ticket), open (registered, needs more), call_back.

    `due_id`: of the call-back, for saying that it was made.
    """

    key: str
    kind: str
    ref: str | None
    at: datetime
    due_at: datetime | None
    line: str | None
    number: str | None
    summary: str | None
    contact_id: str | None = None
    due_id: str | None = None


@dataclass(frozen=True, slots=True)
class CutOff:
    """A caller whom this agent lost at `at`, with the page or its phone. `ref`: None if they may not see the ticket.

    `state`: waiting, ringing, talking (to `agent`), recorder, helped (`agent` did), gone; so since `since`.
    """

    at: datetime
    state: str
    since: datetime
    line: str
    number: str | None
    ref: str | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class LegRow:
    """Somebody else on my call. `kind`: caller, agent, party; `state`: talking held waiting ringing asked gone."""

    kind: str
    name: str | None
    state: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Talk:
    """The call on an agent's phone. `state`: talking held calling consult conference gone asked.

    `with_name`: whom they ask, or who asks them, or who has stepped out of a conference to ask (`among`: the caller
    stays with the others). `in_room`: the telephone system holds the caller, not the phone.
    `missed`: whom they asked in vain, and why. `stamp` differs when anything but a clock does.
    """

    call_id: str
    state: str
    with_name: str
    legs: tuple[LegRow, ...]
    in_room: bool
    missed: tuple[str, str] | None
    stamp: str
    among: bool = False


@dataclass(frozen=True, slots=True)
class ParkedCall:
    """A caller who hears music until somebody picks them up. `number`: as far as shown; `by`: who parked."""

    call_id: str
    linkedid: str
    line: str
    number: str | None
    since: datetime
    by: str | None
    ref: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call can go. `kind`: queue, agent, emergency, agency, line; `words`: what finds it; `why`: not now."""

    kind: str
    to: str
    name: str
    words: str
    state: str
    phone: str
    number: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Me:
    """The person before the screen. `agent` is None for people without a phone."""

    name: str
    role: str
    locale: str
    agent: AgentRow | None
    may: frozenset[str]
