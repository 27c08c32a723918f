"""Which AMI event becomes which message, and from which headers. Pure.

Used by telephony.parser, which finds the headers. An event is added here: a class in messages, a row in BUILDERS.
"""

import re
from collections.abc import Callable
from datetime import datetime

from hotline.telephony import messages as m

_OURS = ("HL", "hl")
_USER_EVENT = "\r\nUserEvent: "
_NO_NUMBER = frozenset({"", "<unknown>", "unknown"})
_ESCAPE = re.compile(r"\\([abfnrtv\\'\"?])")
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class _Marks(dict[str, str]):
    """A header's name → what stands before its value. Names come from this module, never from the wire."""

    def __missing__(self, name: str) -> str:
        mark = self[name] = f"\r\n{name}: "
        return mark


_MARKS = _Marks()


class Fields:
    """The headers of one event, each found when it is asked for: few of many are. Names as Asterisk spells them are
    fast, any other spelling is found too. The first of a repeated header counts: what a dialplan adds to an event
    cannot replace what the event is about.
    """

    __slots__ = ("_all", "text")

    def __init__(self, text: str) -> None:
        # One decode for all values: the replacement of broken UTF-8 never reaches past an ASCII byte, so that no value
        # can swallow the CRLF behind it.
        self.text = text
        self._all: dict[str, str] | None = None

    def __getitem__(self, name: str) -> str:
        """Raises KeyError."""
        text = self.text
        mark = _MARKS[name]
        start = text.find(mark)
        if start < 0:
            return self.all()[name.lower()]
        start += len(mark)
        end = text.find("\r\n", start)
        return text[start:end] if end >= 0 else text[start:]

    def get(self, name: str) -> str:
        """Empty when it is missing."""
        try:
            return self[name]
        except KeyError:
            return ""

    def all(self) -> dict[str, str]:
        """Name in lower case → value."""
        if self._all is None:
            self._all = {name.lower(): value for name, value in reversed(pairs(self.text))}
        return self._all


def pairs(text: str) -> list[tuple[str, str]]:
    """Lines in any spelling: `Key: value`, `Key:value` (a dialplan's own headers), `Key:`."""
    return [(key, value.removeprefix(" ")) for key, _, value in (line.partition(":") for line in text.split("\r\n"))]


Builder = Callable[[Fields, datetime], m.Message]


class Nameless(Exception):
    """An event about channels that names none any more: whole, and nothing to learn from."""


def unescape(text: str) -> str:
    """Undo Asterisk's C escapes. For names in channel snapshots; names of queue members and entries are raw."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text)


class Shape:
    """Reads the channel whose headers begin with a prefix: "", Dest, Transferer, LocalOne …

    Asterisk writes them together and in this order, so one match finds all; any other order is read as well.
    """

    __slots__ = ("_first", "_prefix", "_whole")

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._first = f"\r\n{prefix}Channel: "
        self._whole = re.compile(
            "".join(f"\r\n{prefix}{name}: " + ("([^\r]*)" if read else "[^\r]*") for name, read in _SNAPSHOT)
        )

    def must(self, f: Fields) -> m.Channel:
        """Raises KeyError without its identity."""
        return self._at(f, f.text.find(self._first))

    def may(self, f: Fields) -> m.Channel | None:
        start = f.text.find(self._first)
        return self._at(f, start) if start >= 0 or f"{self._prefix}Uniqueid".lower() in f.all() else None

    def _at(self, f: Fields, start: int) -> m.Channel:
        found = self._whole.match(f.text, start) if start >= 0 else None
        if found is None:
            return self._in_any_order(f)
        name, state, caller, label, connected, context, exten, uniqueid, linkedid = found.groups()
        return m.Channel(
            name,
            uniqueid,
            linkedid,
            int(state),
            None if caller in _NO_NUMBER else caller,
            None if connected in _NO_NUMBER else connected,
            context,
            exten,
            None if label in _NO_NUMBER else unescape(label),
        )

    def _in_any_order(self, f: Fields) -> m.Channel:
        prefix = self._prefix
        caller, connected = f.get(f"{prefix}CallerIDNum"), f.get(f"{prefix}ConnectedLineNum")
        label = f.get(f"{prefix}CallerIDName")
        return m.Channel(
            f[f"{prefix}Channel"],
            f[f"{prefix}Uniqueid"],
            f[f"{prefix}Linkedid"],
            int(f[f"{prefix}ChannelState"]),
            None if caller in _NO_NUMBER else caller,
            None if connected in _NO_NUMBER else connected,
            f.get(f"{prefix}Context"),
            f.get(f"{prefix}Exten"),
            None if label in _NO_NUMBER else unescape(label),
        )


# The headers of a channel in Asterisk's order (manager_channels.c), and whether we read them.
_SNAPSHOT = (
    ("Channel", True),
    ("ChannelState", True),
    ("ChannelStateDesc", False),
    ("CallerIDNum", True),
    ("CallerIDName", True),
    ("ConnectedLineNum", True),
    ("ConnectedLineName", False),
    ("Language", False),
    ("AccountCode", False),
    ("Context", True),
    ("Exten", True),
    ("Priority", False),
    ("Uniqueid", True),
    ("Linkedid", True),
)
_own, _dest = Shape(""), Shape("Dest")
_one, _two = Shape("LocalOne"), Shape("LocalTwo")
_transferer, _transferee = Shape("Transferer"), Shape("Transferee")
_original, _second = Shape("OrigTransferer"), Shape("SecondTransferer")
_target = Shape("TransferTarget")
_picked, _parkee, _retriever = Shape("Target"), Shape("Parkee"), Shape("Retriever")
channel_of = _own.must


def _about_channel(kind: Callable[..., m.Message]) -> Builder:
    return lambda f, at: kind(at=at, channel=_own.must(f))


def _bridge(kind: Callable[..., m.Message]) -> Builder:
    return lambda f, at: kind(
        at=at, bridge=f["BridgeUniqueid"], technology=f.get("BridgeTechnology"), channel=_own.must(f)
    )


def _caller(kind: Callable[..., m.Message]) -> Builder:
    return lambda f, at: kind(at=at, queue=f["Queue"], channel=_own.must(f))


def _agent(kind: Callable[..., m.Message], **more: str) -> Builder:
    """`more`: field = header, whole numbers."""
    fields = tuple(more.items())

    def build(f: Fields, at: datetime) -> m.Message:
        extra = {field: int(f[header]) for field, header in fields}
        return kind(
            at=at,
            queue=f["Queue"],
            member=f["MemberName"],
            interface=f["Interface"],
            channel=_own.must(f),
            dest=_dest.may(f),
            **extra,
        )

    return build


def _member(kind: str) -> Builder:
    return lambda f, at: m.QueueMember(
        at=at,
        kind=kind,
        queue=f["Queue"],
        member=f["MemberName"],
        interface=f["Interface"],
        status=int(f["Status"]),
        paused=f["Paused"] == "1",
        reason=f.get("PausedReason") or None,
    )


def _complete(f: Fields, at: datetime) -> m.Message:
    # Whoever hung up may be gone when app_queue tells of it: then the other's channel is named, or none.
    channel = _own.may(f) or _dest.may(f)
    if channel is None:
        raise Nameless
    return m.AgentComplete(
        at=at,
        queue=f["Queue"],
        member=f["MemberName"],
        interface=f["Interface"],
        channel=channel,
        dest=_dest.may(f),
        hold_s=int(f["HoldTime"]),
        talk_s=int(f["TalkTime"]),
        reason=f["Reason"],
    )


def _user_event(f: Fields, at: datetime) -> m.Message:
    """What the dialplan adds follows its name; Asterisk's own headers stand before."""
    name = f["UserEvent"]
    own = f.text[f.text.find(_USER_EVENT) + len(_USER_EVENT) + len(name) :]
    fields = {}
    for line in reversed(own.split("\r\n")):
        key, _, value = line.partition(":")
        if key.startswith(_OURS):
            fields[key.lower()] = value.removeprefix(" ")
    return m.UserEvent(at=at, name=name, fields=fields, channel=_own.may(f))


def _blind(f: Fields, at: datetime) -> m.Message:
    return m.BlindTransfer(
        at=at,
        transferer=_transferer.must(f),
        transferee=_transferee.may(f),
        context=f.get("Context"),
        exten=f.get("Extension"),
        success=f["Result"] == "Success",
    )


def _attended(f: Fields, at: datetime) -> m.Message:
    return m.AttendedTransfer(
        at=at,
        original=_original.must(f),
        second=_second.must(f),
        transferee=_transferee.may(f),
        target=_target.may(f),
        dest_type=f["DestType"],
        success=f["Result"] == "Success",
    )


def _parked(what: str) -> Builder:
    return lambda f, at: m.Parked(
        at=at,
        channel=_parkee.must(f),
        what=what,
        parker=f.get("ParkerDialString"),
        retriever=_retriever.may(f) if what == "unparked" else None,
    )


def _originated(f: Fields, at: datetime) -> m.Message:
    uniqueid = f.get("Uniqueid")
    return m.OriginateResponse(
        at=at,
        action_id=f.get("ActionID"),
        success=f["Response"] == "Success",
        uniqueid=None if uniqueid in ("", "<null>") else uniqueid,
    )


BUILDERS: dict[str, Builder] = {
    "Newchannel": _about_channel(m.NewChannel),
    "Newstate": _about_channel(m.NewState),
    "Hangup": lambda f, at: m.Hangup(at=at, channel=_own.must(f), cause=int(f["Cause"])),
    "DialBegin": lambda f, at: m.DialBegin(at=at, channel=_own.may(f), dest=_dest.must(f), string=f.get("DialString")),
    "DialEnd": lambda f, at: m.DialEnd(at=at, channel=_own.may(f), dest=_dest.must(f), status=f["DialStatus"]),
    "BridgeEnter": _bridge(m.BridgeEnter),
    "BridgeLeave": _bridge(m.BridgeLeave),
    "DTMFEnd": lambda f, at: m.KeyPressed(
        at=at, channel=_own.must(f), key=f["Digit"], is_received=f["Direction"] == "Received"
    ),
    "Hold": _about_channel(m.Hold),
    "Unhold": _about_channel(m.Unhold),
    "QueueCallerJoin": lambda f, at: m.QueueCallerJoin(
        at=at, queue=f["Queue"], position=int(f["Position"]), channel=_own.must(f)
    ),
    "QueueCallerLeave": _caller(m.QueueCallerLeave),
    "QueueCallerAbandon": _caller(m.QueueCallerAbandon),
    "AgentCalled": _agent(m.AgentCalled),
    "AgentRingNoAnswer": _agent(m.AgentRingNoAnswer, ring_ms="RingTime"),
    "AgentConnect": _agent(m.AgentConnect, hold_s="HoldTime", ring_s="RingTime"),
    "AgentComplete": _complete,
    "AgentDump": _agent(m.AgentDump),
    "QueueMemberAdded": _member("added"),
    "QueueMemberRemoved": _member("removed"),
    "QueueMemberPause": _member("pause"),
    "QueueMemberStatus": _member("status"),
    "QueueMemberPenalty": _member("penalty"),
    "QueueMemberRinginuse": _member("ringinuse"),
    "DeviceStateChange": lambda f, at: m.DeviceStateChange(at=at, device=f["Device"], state=f["State"]),
    "ContactStatus": lambda f, at: m.ContactStatus(
        at=at, endpoint=f["EndpointName"], status=f["ContactStatus"], uri=f.get("URI")
    ),
    "UserEvent": _user_event,
    "LocalBridge": lambda f, at: m.LocalBridge(at=at, one=_one.must(f), two=_two.must(f)),
    "BlindTransfer": _blind,
    "AttendedTransfer": _attended,
    "Pickup": lambda f, at: m.Pickup(at=at, channel=_own.must(f), target=_picked.must(f)),
    "ParkedCall": _parked("parked"),
    "UnParkedCall": _parked("unparked"),
    "ParkedCallTimeOut": _parked("timeout"),
    "ParkedCallGiveUp": _parked("given-up"),
    "ParkedCallSwap": _parked("swap"),
    "OriginateResponse": _originated,
    "FullyBooted": lambda _f, at: m.FullyBooted(at=at),
    "Shutdown": lambda f, at: m.Shutdown(at=at, restart=f.get("Restart").lower() == "true"),
}
WANTED = frozenset(BUILDERS)
