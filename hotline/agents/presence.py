"""What an agent is doing, as one table: (state, event) → state. Pure: no I/O, no clock.

Fed by agents.service with observations made here from AMI messages, and with the call tracker's events. While the
phone rings or talks the call decides the state; what the queue says of the member meanwhile is remembered and counts
when the phone is free again. So it does not matter whether the wrap-up pause is seen before or after the leg's end.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from hotline.clock import from_epoch
from hotline.telephony.messages import ContactStatus, Hangup, Message, QueueMember, Snapshot, UserEvent

State = Literal["offline", "ready", "ringing", "on_call", "wrap_up", "paused"]
Kind = Literal[
    "added", "removed", "paused", "paused_acw", "unpaused",
    "rang", "offer_ended", "missed", "answered", "leg_ended", "rested",
    "phone_lost", "phone_back",
]  # fmt: skip
Phone = Literal["none", "ok", "lost"]
Command = Literal["ready", "pause", "log_off", "extend"]

STATES: tuple[State, ...] = ("offline", "ready", "ringing", "on_call", "wrap_up", "paused")
KINDS: tuple[Kind, ...] = (
    "added", "removed", "paused", "paused_acw", "unpaused",
    "rang", "offer_ended", "missed", "answered", "leg_ended", "rested",
    "phone_lost", "phone_back",
)  # fmt: skip
BUSY: frozenset[State] = frozenset({"ringing", "on_call"})

# Pause reasons: short ASCII codes, because persistent members are kept unescaped in Asterisk's own database.
ACW, PHONE, RNA, SOUND, OTHER = "ACW", "PHONE", "RNA", "SOUND", "OTHER"
MANUAL_REASONS: tuple[str, ...] = ("LUNCH", "BREAK", "TRAINING", "DEBRIEF", OTHER)

QUEUE = "hotline"
REST = timedelta(seconds=3)  # queues.conf wrapuptime: app_queue offers nothing so soon after a call, and says nothing
PENDING_FOR = timedelta(seconds=5)
PHONE_ASKED_WITHIN = timedelta(seconds=7)  # qualify_frequency and qualify_timeout in pjsip.conf
PHONE_BACK_WITHIN = timedelta(minutes=2)  # a longer absence is a person who left: they press ready themselves
MISSES_ALLOWED = 2
SILENCES_ALLOWED = 2
SILENCES_WITHIN = timedelta(
    hours=1
)  # one a day is a network that stumbled; two in an hour are a headset that is broken

FAILED = "failed"
"""`pending` of a command that Asterisk did not confirm in time."""

TABLE: Mapping[tuple[State, Kind], State] = {
    ("offline", "added"): "ready",
    ("offline", "paused"): "paused",
    ("offline", "paused_acw"): "wrap_up",
    ("offline", "unpaused"): "ready",
    ("offline", "rang"): "ringing",
    ("offline", "answered"): "on_call",
    ("ready", "removed"): "offline",
    ("ready", "paused"): "paused",
    ("ready", "paused_acw"): "wrap_up",
    ("ready", "rang"): "ringing",
    ("ready", "answered"): "on_call",
    ("ringing", "offer_ended"): "ready",
    ("ringing", "missed"): "ready",
    ("ringing", "answered"): "on_call",
    ("ringing", "leg_ended"): "wrap_up",
    ("on_call", "leg_ended"): "wrap_up",
    ("wrap_up", "removed"): "offline",
    ("wrap_up", "paused"): "paused",
    ("wrap_up", "unpaused"): "ready",
    ("wrap_up", "rested"): "ready",
    ("wrap_up", "rang"): "ringing",
    ("wrap_up", "answered"): "on_call",
    ("paused", "removed"): "offline",
    ("paused", "paused_acw"): "wrap_up",
    ("paused", "unpaused"): "ready",
    ("paused", "rang"): "ringing",
    ("paused", "answered"): "on_call",
}

# Every other pair, with why it changes nothing. A pair that is in neither fails the test.
IGNORED: Mapping[Kind, tuple[str, frozenset[State]]] = {
    "added": ("already in the queue, or remembered until the phone is free", frozenset(STATES) - {"offline"}),
    "removed": ("not in the queue; remembered while busy", frozenset({"offline", "ringing", "on_call"})),
    "paused": ("another reason for the same pause; remembered while busy", frozenset({"ringing", "on_call", "paused"})),
    "paused_acw": ("the wrap-up that began with the leg's end; remembered while busy",
                   frozenset({"ringing", "on_call", "wrap_up"})),
    "unpaused": ("was not paused; remembered while busy", frozenset({"ready", "ringing", "on_call"})),
    "rang": ("a second offer of the same ring, or beside a call", frozenset({"ringing", "on_call"})),
    "answered": ("said twice", frozenset({"on_call"})),
    "offer_ended": ("the offer is over already, or became the call", frozenset(STATES) - {"ringing"}),
    "missed": ("the offer is over already, or became the call", frozenset(STATES) - {"ringing"}),
    "leg_ended": ("its end was seen already", frozenset({"offline", "ready", "wrap_up", "paused"})),
    "rested": ("something else came first", frozenset(STATES) - {"wrap_up"}),
    "phone_lost": ("the phone is shown beside the state; what follows is a command", frozenset(STATES)),
    "phone_back": ("the phone is shown beside the state; what follows is a command", frozenset(STATES)),
}  # fmt: skip

# What a person may ask for in a state. In ringing and on_call the phone decides: nobody leaves a child by a button
# that says something else.
PERMITS: Mapping[State, frozenset[Command]] = {
    "offline": frozenset({"ready", "log_off"}),
    "ready": frozenset({"ready", "pause", "log_off"}),
    "ringing": frozenset(),
    "on_call": frozenset(),
    "wrap_up": frozenset({"ready", "pause", "log_off", "extend"}),
    "paused": frozenset({"ready", "pause", "log_off"}),
}
# What a supervisor may force beyond that. The caller of a forced log-off goes back to the head of the queue.
FORCES: Mapping[State, frozenset[Command]] = {
    "offline": frozenset({"log_off"}),
    "ready": frozenset({"pause", "log_off"}),
    "ringing": frozenset({"log_off"}),
    "on_call": frozenset({"log_off"}),
    "wrap_up": frozenset({"ready", "pause", "log_off"}),
    "paused": frozenset({"ready", "pause", "log_off"}),
}


@dataclass(frozen=True, slots=True)
class Presence:
    """State and what the queue said last. `reason`: of the queue pause, None when it offers calls."""

    state: State = "offline"
    in_queue: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MemberSeen:
    """The queue's word on a member. `told`: somebody changed it just now; a snapshot only repeats."""

    endpoint: str
    in_queue: bool
    reason: str | None
    told: bool
    key: str


@dataclass(frozen=True, slots=True)
class PhoneSeen:
    """A registration's word. `contact`: which registration, empty if unknown."""

    endpoint: str
    phone: Phone
    contact: str
    key: str


@dataclass(frozen=True, slots=True)
class WrapUpSeen:
    """The dialplan gave the agent time to write, until then."""

    endpoint: str
    until: datetime
    key: str


@dataclass(frozen=True, slots=True)
class SilentSeen:
    """A call ended because its phone sent no sound any more, however well it was registered. `refused`: because nobody
    pressed 1 at the number that rings instead of a page; a page's phone that the worker hangs up ends so too.
    """

    endpoint: str
    key: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class SpySeen:
    """A supervisor's leg on an agent's call. `what`: how it is there now (listen, whisper, join, take-over), or `end`.

    `ref`: which supervision; `leg`: Uniqueid of the supervisor's channel.
    """

    endpoint: str
    what: str
    ref: str
    leg: str
    key: str


Observation = MemberSeen | PhoneSeen | WrapUpSeen | SilentSeen | SpySeen


def step(now: Presence, kind: Kind) -> Presence:
    """After a call's own event. When it sets the phone free, what the queue said meanwhile counts."""
    state = TABLE.get((now.state, kind), now.state)
    after = replace(now, state=state)
    if state in BUSY or state == now.state:
        return after
    said = _member_kind(after, after)
    # Left unpaused, the queue still rests for a moment after a call; then `rested` or its pause comes.
    return after if said == "unpaused" else replace(after, state=TABLE.get((state, said), state))


def member(now: Presence, seen: MemberSeen) -> Presence:
    """After the queue's word. A snapshot that repeats it changes nothing."""
    said = Presence(now.state, seen.in_queue, seen.reason)
    if said == now and not seen.told:
        return now
    return replace(said, state=TABLE.get((now.state, _member_kind(now, said)), now.state))


def _member_kind(before: Presence, said: Presence) -> Kind:
    """The queue's word as an event of the table."""
    if not said.in_queue:
        return "removed"
    if said.reason is None:
        return "unpaused" if before.in_queue else "added"
    return "paused_acw" if said.reason == ACW else "paused"


def phone(now: Phone, contact: str | None, seen: PhoneSeen) -> tuple[Phone, str | None]:
    """Phone and registration in force. The end of a registration that was replaced already is no loss."""
    if seen.phone == "ok":
        return "ok", seen.contact or contact
    if now == "none" or (contact and seen.contact and contact != seen.contact):
        return now, contact
    return "lost", None


def is_offered(now: Presence) -> bool:
    """Whether the queue would ring them when their phone is free."""
    return now.in_queue and now.reason is None


Reaction = Literal["hang_up", "pause_phone", "pause_rna", "pause_sound", "unpause"]


@dataclass(frozen=True, slots=True)
class Faults:
    """What went wrong with a phone that is there: offers missed in a row, calls that ended for want of its sound."""

    misses: int = 0
    silences: int = 0


def reaction(
    now: Presence, since: datetime, phone_now: Phone, phone_since: datetime, faults: Faults
) -> Reaction | None:
    """What Asterisk must be told because of a lost or silent phone or missed calls. None once it is so: asked again at
    will.
    """
    if phone_now == "lost" and now.state in BUSY:
        return "hang_up"
    if phone_now == "lost" and now.state in {"ready", "wrap_up"} and is_offered(now):
        return "pause_phone"
    if faults.silences >= SILENCES_ALLOWED and now.state in {"ready", "wrap_up"} and is_offered(now):
        return "pause_sound"
    if faults.misses >= MISSES_ALLOWED and now.state == "ready" and is_offered(now):
        return "pause_rna"
    back = now.state == "paused" and now.reason == PHONE and phone_now == "ok"
    return "unpause" if back and phone_since - since <= PHONE_BACK_WITHIN else None


def is_confirmed(pending: str, now: Presence) -> bool:
    """Whether Asterisk has done what `pending` asked for."""
    command, _, reason = pending.partition(":")
    match command:
        case "ready":
            return now.in_queue and now.reason is None
        case "pause":
            # Who left the queue meanwhile is not rung either: nothing to wait for.
            return now.reason == reason or not now.in_queue
        case "log_off":
            return not now.in_queue
        case _:
            return False


def observe(message: Message, queue: str = QUEUE) -> tuple[Observation, ...]:
    """What a message says of an agent; most say nothing."""
    match message:
        # A status says again what pause, added and removed have said; there are six of them a call.
        case QueueMember(kind="added" | "removed" | "pause") if message.queue == queue and message.member:
            return (_member_seen(message),)
        case ContactStatus(endpoint=endpoint, status=status) if endpoint and status in _PHONE_STATUS:
            key = f"phone:{endpoint}:{message.at.isoformat()}:{status}"
            return (PhoneSeen(endpoint, _PHONE_STATUS[status], message.uri, key),)
        case UserEvent(name="HLWrapUp"):
            return _wrap_up_seen(message)
        case UserEvent(name="HLSpy"):
            return _spy_seen(message)
        case Hangup(cause=44 | 38 as cause, channel=channel) if channel.state == _UP:
            endpoint = _endpoint_of(channel.name)
            return (SilentSeen(endpoint, f"silent:{channel.uniqueid}", cause == 38),) if endpoint else ()
        case _:
            return ()


def _member_seen(message: QueueMember) -> MemberSeen:
    return MemberSeen(
        endpoint=message.member,
        in_queue=message.kind != "removed",
        reason=(message.reason or OTHER)[:20] if message.paused and message.kind != "removed" else None,
        told=message.kind in {"added", "removed", "pause"},
        key=f"member:{message.member}:{message.at.isoformat()}:{message.kind}:{message.status}:{int(message.paused)}",
    )


# NonQualified says nothing about the page behind it; Created came before it.
_PHONE_STATUS: Mapping[str, Phone] = {
    "Created": "ok", "Reachable": "ok", "Updated": "ok", "Unreachable": "lost", "Removed": "lost",
}  # fmt: skip
_UP = 6  # a channel's state: answered
_SPY_WORDS = frozenset({"listen", "whisper", "join", "take-over", "end"})
_DEVICE_GONE = frozenset({"UNAVAILABLE", "INVALID"})
_LATEST_EPOCH = 2**32


def stated_end(until: str) -> datetime | None:
    """A wrap-up's end as the dialplan writes it, epoch seconds; None for anything else."""
    if until.isascii() and until.isdigit() and len(until) <= 10 and int(until) < _LATEST_EPOCH:
        return from_epoch(int(until))
    return None


def _wrap_up_seen(message: UserEvent) -> tuple[WrapUpSeen, ...]:
    endpoint, until = message.fields.get("hlmember", ""), message.fields.get("hluntil", "")
    end = stated_end(until)
    if not endpoint or end is None:
        return ()
    return (WrapUpSeen(endpoint, end, f"wrap-up:{endpoint}:{message.at.isoformat()}:{until}"),)


def _spy_seen(message: UserEvent) -> tuple[SpySeen, ...]:
    fields, channel = message.fields, message.channel
    what, ref = fields.get("hlwhat", ""), fields.get("hlref", "")
    if channel is None or what not in _SPY_WORDS or not ref:
        return ()
    key = f"spy:{channel.uniqueid}:{message.at.isoformat()}:{what}"
    return (SpySeen(fields.get("hlby", ""), what, ref, channel.uniqueid, key),)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a snapshot says of one agent. `has_leg`: a channel of their phone exists; `phone`: None if not listed."""

    member: MemberSeen
    has_leg: bool
    phone: PhoneSeen | None


def observe_snapshot(snapshot: Snapshot, endpoints: Iterable[str], queue: str = QUEUE) -> dict[str, Seen]:
    """Mark and sweep: every endpoint gets an answer, also the one that Asterisk does not name."""
    members = {message.member: message for message in snapshot.members if message.queue == queue}
    legs = {_endpoint_of(live.channel.name) for live in snapshot.channels}
    key = f"{snapshot.boot}:{snapshot.at.isoformat()}"
    seen: dict[str, Seen] = {}
    for endpoint in endpoints:
        message, device = members.get(endpoint), snapshot.devices.get(f"PJSIP/{endpoint}")
        seen[endpoint] = Seen(
            member=replace(_member_seen(message), told=False)
            if message
            else MemberSeen(endpoint, False, None, False, f"absent:{endpoint}:{key}"),
            has_leg=endpoint in legs,
            phone=PhoneSeen(endpoint, "lost" if device in _DEVICE_GONE else "ok", "", f"device:{endpoint}:{key}")
            if device is not None
            else None,
        )
    return seen


def _endpoint_of(channel: str) -> str:
    """`PJSIP/a1b2-00000003` → `a1b2`; anything else is nobody's phone."""
    technology, _, rest = channel.partition("/")
    return rest.rpartition("-")[0] if technology == "PJSIP" else ""
