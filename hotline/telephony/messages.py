"""AMI text as typed messages. Pure: bytes and frozen data, no socket, no clock.

Made by telephony.parser; read by calls.tracker and agents.presence. What we do not handle has no class here and is
dropped before it is decoded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def frozen(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """A frozen dataclass to the type checker, which forbids every assignment. At run time it is an ordinary one: frozen
    ones take four times as long to make, and thousands are made a second.
    """
    return dataclass(slots=True, kw_only=kw_only, unsafe_hash=True)


@frozen()
class Channel:
    """A channel snapshot. `state` is Asterisk's number (4 Ring, 5 Ringing, 6 Up); what it does not know is None."""

    name: str
    uniqueid: str
    linkedid: str
    state: int
    caller_number: str | None = None
    connected_number: str | None = None
    context: str = ""
    exten: str = ""
    caller_name: str | None = None


@frozen(kw_only=True)
class Message:
    """What Asterisk said. `at`: its own Timestamp header (microseconds, UTC)."""

    at: datetime


@frozen(kw_only=True)
class NewChannel(Message):
    channel: Channel


@frozen(kw_only=True)
class NewState(Message):
    channel: Channel


@frozen(kw_only=True)
class Hangup(Message):
    """`cause`: Q.850 (16 normal, 17 busy)."""

    channel: Channel
    cause: int


@frozen(kw_only=True)
class DialBegin(Message):
    """`string`: what was dialled, as the channel's driver takes it: 13800138000@outside, a1."""

    channel: Channel | None
    dest: Channel
    string: str = ""


@frozen(kw_only=True)
class DialEnd(Message):
    channel: Channel | None
    dest: Channel
    status: str


@frozen(kw_only=True)
class BridgeEnter(Message):
    """`technology`: simple_bridge, native_rtp, softmix, holding_bridge (waiting music, no conversation)."""

    bridge: str
    technology: str
    channel: Channel


@frozen(kw_only=True)
class BridgeLeave(Message):
    bridge: str
    technology: str
    channel: Channel


@frozen(kw_only=True)
class KeyPressed(Message):
    """A telephone key, as it is let go. `is_received`: pressed by who is on the channel; else sent to them."""

    channel: Channel
    key: str
    is_received: bool


@frozen(kw_only=True)
class Hold(Message):
    channel: Channel


@frozen(kw_only=True)
class Unhold(Message):
    channel: Channel


@frozen(kw_only=True)
class QueueCallerJoin(Message):
    queue: str
    position: int
    channel: Channel


@frozen(kw_only=True)
class QueueCallerLeave(Message):
    """Before AgentConnect, after QueueCallerAbandon; carries no reason."""

    queue: str
    channel: Channel


@frozen(kw_only=True)
class QueueCallerAbandon(Message):
    """Not answered; says nothing of why (app_queue raises it for time-outs too)."""

    queue: str
    channel: Channel


@frozen(kw_only=True)
class AgentMessage(Message):
    """About a member's leg. `member`: MemberName, which is the endpoint id; `dest`: the member's channel."""

    queue: str
    member: str
    interface: str
    channel: Channel
    dest: Channel | None


@frozen(kw_only=True)
class AgentCalled(AgentMessage):
    """The member's phone rings; once a member and attempt."""


@frozen(kw_only=True)
class AgentRingNoAnswer(AgentMessage):
    """`ring_ms`: RingTime, which this event alone gives in milliseconds."""

    ring_ms: int


@frozen(kw_only=True)
class AgentConnect(AgentMessage):
    """`hold_s`, `ring_s`: whole seconds as app_queue counts them; HoldTime restarts when a caller is queued again."""

    hold_s: int
    ring_s: int


@frozen(kw_only=True)
class AgentComplete(AgentMessage):
    """`reason`: caller, agent, transfer. `channel`: the member's when the caller's is gone already.

    Order against Hangup and BridgeLeave is undefined.
    """

    hold_s: int
    talk_s: int
    reason: str


@frozen(kw_only=True)
class AgentDump(AgentMessage):
    """The member hung up during the announcement; the caller stays in the queue."""


@frozen(kw_only=True)
class QueueMember(Message):
    """A member as a queue sees it.

    `kind`: added, removed, pause, status (also penalty, ringinuse) or snapshot (QueueStatus).
    `status`: device state number (1 not in use, 2 in use, 4 invalid, 5 unavailable, 6 ringing, 8 on hold).
    """

    kind: str
    queue: str
    member: str
    interface: str
    status: int
    paused: bool
    reason: str | None


@frozen(kw_only=True)
class DeviceStateChange(Message):
    device: str
    state: str


@frozen(kw_only=True)
class ContactStatus(Message):
    """A phone's registration. `status`: Created, Reachable, Unreachable, Removed, NonQualified, Updated.

    `uri` tells two registrations of one endpoint apart: a phone that moves to another tab is Created before the old
    one is Removed.
    """

    endpoint: str
    status: str
    uri: str = ""


@frozen(kw_only=True)
class UserEvent(Message):
    """A fact that our dialplan states. `fields`: its own HL… headers, keys in lower case."""

    name: str
    fields: Mapping[str, str]
    channel: Channel | None


@frozen(kw_only=True)
class LocalBridge(Message):
    """The two halves of a Local channel are joined."""

    one: Channel
    two: Channel


@frozen(kw_only=True)
class BlindTransfer(Message):
    transferer: Channel
    transferee: Channel | None
    context: str
    exten: str
    success: bool


@frozen(kw_only=True)
class AttendedTransfer(Message):
    """`original` and `second` are the transferer's two legs; `dest_type`: Bridge, App, Link, Threeway, Fail."""

    original: Channel
    second: Channel
    transferee: Channel | None
    target: Channel | None
    dest_type: str
    success: bool


@frozen(kw_only=True)
class Pickup(Message):
    """`channel` answers in the place of `target`, which rang."""

    channel: Channel
    target: Channel


@frozen(kw_only=True)
class Parked(Message):
    """A channel waits in a parking lot, or no longer does. `what`: parked, unparked, timeout, given-up, swap.

    `parker`: who parked it, as dialled (PJSIP/a1); `retriever`: who took it out.
    """

    channel: Channel
    what: str
    parker: str
    retriever: Channel | None


@frozen(kw_only=True)
class OriginateResponse(Message):
    action_id: str
    success: bool
    uniqueid: str | None


@frozen(kw_only=True)
class FullyBooted(Message):
    """At login of a booted PBX it arrives at once."""


@frozen(kw_only=True)
class Shutdown(Message):
    restart: bool


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A waiting caller in a snapshot. `wait_s`: since this join."""

    queue: str
    position: int
    uniqueid: str
    wait_s: int


@dataclass(frozen=True, slots=True)
class LiveChannel:
    """A channel in a snapshot. `bridge`: None outside one; `age_s`: since it was made."""

    channel: Channel
    bridge: str | None
    application: str
    age_s: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that one Asterisk says of itself at one moment (CoreStatus, CoreShowChannels, QueueStatus, DeviceStateList).

    `boot`: CoreStartupDate and CoreStartupTime as one ISO text; a changed one means that every open leg ended.
    `behind`: what was told while it was taken, which comes again behind it.
    """

    at: datetime
    boot: str
    channels: tuple[LiveChannel, ...]
    members: tuple[QueueMember, ...]
    entries: tuple[QueueEntry, ...]
    devices: Mapping[str, str]
    behind: tuple[Message, ...] = ()
