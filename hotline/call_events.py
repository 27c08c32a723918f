"""What can happen to a call, as frozen data. Pure. Told by calls.tracker; catalogued in hotline.events."""

from dataclasses import dataclass, field
from datetime import datetime

from hotline.event import PII, SELDOM, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent(Event):
    """Told by the call tracker. `linkedid` is the call's own first Linkedid, on `node`.

    `is_past`: learnt from Asterisk's journal after it was over; rows are written, nobody's phone or screen is moved.
    """

    node: str
    linkedid: str
    is_past: bool = field(default=False, metadata=SELDOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(CallEvent):
    """First sign of a call: the network offered it on a line (blocked and closed calls too), or an agent dialled.

    `direction`: inbound, outbound (to a number outside: `caller_number`), internal (between phones of ours).
    `origin_number`, `origin_order`: of a caller whom the city centre sent on.
    """

    line: str
    direction: str
    caller_number: str | None = field(default=None, metadata=PII)
    origin_number: str | None = field(default=None, metadata=PII)
    origin_order: str | None = field(default=None, metadata=PII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallQueued(CallEvent):
    """The caller waits for an agent. Repeated when the caller is queued again.

    `recording`: the file that a recorder will write once caller and agent are joined.
    """

    queue: str
    recording: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWished(CallEvent):
    """The caller pressed a key before an agent had them. `wish`: danger, talk, policy."""

    wish: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackWanted(CallEvent):
    """The caller asked for a call back while waiting, at `number`; or said that calling them is not safe."""

    is_safe: bool
    number: str | None = field(default=None, metadata=PII)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRang(CallEvent):
    """An agent's phone rings for this call. `member`: endpoint id; `leg`: Uniqueid of the phone's channel.

    `role`: why it rings. queue; transfer (the caller was sent to this phone, or is picked up by it); consult (a
    colleague asks, the caller is aside); dial (its own agent dials); supervisor.
    """

    member: str
    leg: str = ""
    role: str = field(default="queue", metadata=SELDOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOfferEnded(CallEvent):
    """The phone stopped ringing unanswered, and not by the agent's fault: the caller left or somebody else has it."""

    member: str
    leg: str = ""
    role: str = field(default="queue", metadata=SELDOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMissed(CallEvent):
    """The phone rang its time out, or the agent rejected. `ring_ms`: how long it rang."""

    member: str
    ring_ms: int
    leg: str = ""
    role: str = field(default="queue", metadata=SELDOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswered(CallEvent):
    """Caller and agent can hear each other. `wait_ms`: first queued → answered, by the events' own times.

    `role` queue, transfer, dial: the call is this agent's from now on. `role` consult, supervisor: whoever has it keeps
    it; a consulted agent hears the colleague who asks, and the caller only once they are joined.
    """

    member: str
    wait_ms: int
    leg: str = ""
    role: str = field(default="queue", metadata=SELDOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLegEnded(CallEvent):
    """An answered agent is off the call; the call may go on without them.

    `talk_ms`: how long this leg had the caller, holds and consults in between included. `hold_ms`: how much of it the
    caller was on hold or aside; None where nobody knows (Asterisk's journal has no holds).
    """

    member: str
    leg: str = ""
    role: str = field(default="queue", metadata=SELDOM)
    talk_ms: int | None = field(default=None, metadata=SELDOM)
    hold_ms: int | None = field(default=0, metadata=SELDOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegHeld(CallEvent):
    """An agent's phone put the other side on hold: they hear music. The leg's end ends a hold without a word."""

    member: str
    leg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegResumed(CallEvent):
    """The hold is over."""

    member: str
    leg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAside(CallEvent):
    """An agent of several asks somebody else; the caller stays with the others. The leg's end may end it unsaid."""

    member: str
    leg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRejoined(CallEvent):
    """And is with the caller again."""

    member: str
    leg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAside(CallEvent):
    """The caller is by themselves and hears music. `what`: consult (`member` asks somebody), held, parked; gone:
    they hung up meanwhile, and the others go on.

    Whose call it was it still is; a parked one is nobody's until somebody picks it up.
    """

    what: str
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRejoined(CallEvent):
    """The caller is no longer aside. `member`: with whom they talk now; None when they went elsewhere: were sent on,
    wait in the queue, are gone.
    """

    member: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTransferred(CallEvent):
    """`member` gave the call away (None: nobody knows who had it).

    `kind`: blind (it rings there, nobody has it yet), attended (it is theirs from now on), queue (the caller waits
    again), take-over (a supervisor has it). `to`: an endpoint, `queue`, or `outside`. `leg`: the channel that has the
    caller now, empty while it only rings.
    """

    kind: str
    member: str | None
    to: str
    leg: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRang(CallEvent):
    """A number outside is dialled for this call: an agency, a guardian, 110. `leg`: Uniqueid of its channel.

    `member`: the endpoint whose agent asked for it; None for one to which the caller was sent on.
    """

    leg: str
    member: str | None = field(default=None, metadata=SELDOM)
    number: str | None = field(default=None, metadata=PII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyAnswered(CallEvent):
    """Somebody outside answered and hears an agent or the caller."""

    leg: str
    member: str | None = field(default=None, metadata=SELDOM)
    number: str | None = field(default=None, metadata=PII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyLeft(CallEvent):
    """The leg outside is over. `result`: answered, busy, no_answer, rejected, failed, withdrawn (we gave up ringing).

    `talk_ms`: from the answer on; zero without one.
    """

    leg: str
    result: str
    talk_ms: int = field(default=0, metadata=SELDOM)
    number: str | None = field(default=None, metadata=PII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted(CallEvent):
    """A recorder runs. `kind`: call or voicemail. `file`: below the recordings directory."""

    kind: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallEvent):
    """Nothing of the call is left. `outcome` is the PBX's own word; `hangup_by`: caller, agent, system or None.

    `wait_ms`: how long a caller waited whom nobody answered, from first queued to out of the queue. `talk_ms`: while
    any agent had the caller, once for all; `hold_ms`: how much of it on hold or aside, None where nobody knows.
    An outbound call ends as answered, busy, no_answer, rejected, failed or withdrawn.
    """

    outcome: str
    hangup_by: str | None
    talk_ms: int | None
    wait_ms: int | None = None
    hold_ms: int | None = field(default=0, metadata=SELDOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMerged(CallEvent):
    """A younger Linkedid turned out to belong to this call."""

    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCorrected(CallEvent):
    """Asterisk's journal knows better of a call that ended while nobody listened. What is None stays as it was.

    A call that failed because Asterisk died has no talk time, whatever it had before.
    """

    outcome: str | None = None
    hangup_by: str | None = None
    started_at: datetime | None = None
    queued_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    talk_ms: int | None = None
    wait_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLineNamed(CallEvent):
    """Which line was dialled, of a call that was met in its middle."""

    line: str
