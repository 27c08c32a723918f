"""AMI bytes to typed messages. Pure: no socket, no clock of its own; time for the few events without one is given in.

Fed by telephony.connection and by replay. Blocks end with CRLFCRLF and lines with CRLF, nothing else: U+2028, NEL, VT
or a lone CR inside a caller's name stay inside the value. What nobody wants is dropped before it is decoded. Nothing
that arrives makes it raise: what cannot be read is counted.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from hotline.telephony import messages as m

MAX_BLOCK = 1024 * 1024
_END = b"\r\n\r\n"
_BANNER = b"Asterisk Call Manager/"
_MAX_BANNER = 256
_MAX_KEYS = 4096
_EPOCH = datetime.fromtimestamp(0, UTC)
_UNREADABLE = (KeyError, ValueError, OverflowError, OSError)
_NO_NUMBER = frozenset({"", "<unknown>", "unknown"})
_ESCAPE = re.compile(r"\\([abfnrtv\\'\"?])")
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}

Headers = dict[str, str]
Builder = Callable[[Headers, datetime], m.Message]


class Block(Mapping[str, str]):
    """A reply or a row of a list, every header kept. Keys in any case; a repeated one gives its first value."""

    __slots__ = ("_first", "kind", "name", "pairs")

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.kind = pairs[0][0].lower()
        self.name = pairs[0][1]
        self.pairs = pairs
        self._first = {key.lower(): value for key, value in reversed(pairs)}

    def __getitem__(self, key: str) -> str:
        return self._first[key.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def all(self, key: str) -> list[str]:
        """Every value of a repeated header, in order."""
        key = key.lower()
        return [value for name, value in self.pairs if name.lower() == key]

    def variables(self, key: str = "ChanVariable") -> dict[str, str]:
        """`ChanVariable: NAME=value` headers as one mapping; also DestChanVariable and its like."""
        return {name: value for name, _, value in (text.partition("=") for text in self.all(key))}

    @property
    def is_response(self) -> bool:
        return self.kind == "response"

    @property
    def failed(self) -> bool:
        return self.is_response and self.name.lower() == "error"


@dataclass(slots=True)
class Counts:
    """What became of every block. `oversized`: longer than 1 MiB; `garbage`: neither event nor reply."""

    messages: int = 0
    blocks: int = 0
    dropped: int = 0
    malformed: int = 0
    garbage: int = 0
    oversized: int = 0

    @property
    def lost(self) -> int:
        """Blocks that may have held a fact."""
        return self.malformed + self.garbage + self.oversized


class Parser:
    """Bytes in, messages out; one for each socket.

    `wanted`: names of events to read, None for all that have a class. `rows`: whether list rows (events with an
    ActionID) are handed out as blocks. `now`: the time of events that carry none. `tap`: sees every wanted event as a
    block beside its message. `counts`: where to go on counting.
    """

    def __init__(
        self,
        wanted: frozenset[str] | None = None,
        *,
        now: Callable[[], datetime] | None = None,
        tap: Callable[[Block], None] | None = None,
        counts: Counts | None = None,
    ) -> None:
        names = BUILDERS.keys() if wanted is None else wanted
        self.builders = {name.encode(): BUILDERS[name] for name in names if name in BUILDERS}
        self.extra = frozenset(name.encode() for name in names if name not in BUILDERS)
        self.counts = counts or Counts()
        self.banner: str | None = None
        self.rows = True
        self.tap = tap
        self._now = now
        self._last = _EPOCH
        self._rest = bytearray()
        self.begun = False
        self._skipping = False

    def feed(self, data: bytes) -> list[m.Message | Block]:
        """All that these bytes complete, in their order."""
        if self._rest:
            start = max(len(self._rest) - 3, 0)
            self._rest += data
            if self.begun and self._rest.find(_END, start) < 0:
                self._too_long()
                return []
            data = bytes(self._rest)
            self._rest.clear()
        if not self.begun:
            data = self._begin(data)
        pieces = data.split(_END)
        self._rest += pieces.pop()
        found: list[m.Message | Block] = []
        if pieces and self._skipping:
            self._skipping = False
            del pieces[0]
        for piece in pieces:
            item = self._read(piece)
            if item is not None:
                found.append(item)
        self._too_long()
        return found

    def _begin(self, data: bytes) -> bytes:
        """Take the banner line off; a stream that begins without one is read all the same."""
        if data.startswith(_BANNER):
            end = data.find(b"\r\n")
            if end < 0 and len(data) < _MAX_BANNER:
                self._rest += data
                return b""
            self.banner = data[len(_BANNER) : max(end, 0)].decode("utf-8", "replace").strip()
            data = data[end + 2 :] if end >= 0 else data
        elif _BANNER.startswith(data):
            self._rest += data
            return b""
        self.begun = True
        return data

    def _too_long(self) -> None:
        # + 3: the last bytes may be the beginning of the end
        if not self._skipping and len(self._rest) > MAX_BLOCK + 3:
            self._skipping = True
            self.counts.oversized += 1
        if self._skipping:
            del self._rest[:-3]

    def _read(self, block: bytes) -> m.Message | Block | None:
        if block[:7] != b"Event: ":
            return self._other(block)
        if len(block) > MAX_BLOCK:
            self.counts.oversized += 1
            return None
        end = block.find(b"\r\n")
        name = block[7:end] if end > 0 else block[7:]
        builder = self.builders.get(name)
        if builder is None:
            return self._row(block, name)
        # The one name that is an event and a list row alike.
        if name == b"DeviceStateChange" and b"\r\nActionID: " in block:
            return self._block(block) if self.rows else None
        return self._message(block, builder)

    def _message(self, block: bytes, builder: Builder) -> m.Message | None:
        # One decode for all values: the replacement of broken UTF-8 never reaches past an ASCII byte, so that no value
        # can swallow the CRLF behind it.
        text = block.decode("utf-8", "replace")
        lines = text.split("\r\n")
        lines.reverse()  # the first of a repeated header counts: what a dialplan adds cannot replace what it is about
        try:
            headers = {_KEYS[key]: value for key, value in [line.split(": ", 1) for line in lines]}
        except ValueError:
            headers = {key.lower(): value for key, value in _pairs(lines)}
        try:
            stamp = headers.get("timestamp")
            if stamp is not None:
                self._last = at = datetime.fromtimestamp(float(stamp), UTC)
            else:
                at = self._last if self._now is None else self._now()
            message = builder(headers, at)
        except _UNREADABLE:
            self.counts.malformed += 1
            return None
        self.counts.messages += 1
        if self.tap is not None:
            self.tap(Block(_pairs(text.split("\r\n"))))
        return message

    def _row(self, block: bytes, name: bytes) -> Block | None:
        if self.rows and b"\r\nActionID: " in block:
            return self._block(block)
        if self.tap is not None and name in self.extra:
            self.tap(Block(_pairs(block.decode("utf-8", "replace").split("\r\n"))))
        self.counts.dropped += 1
        return None

    def _other(self, block: bytes) -> m.Message | Block | None:
        """A reply, an event in other spelling, an empty line, or garbage."""
        if len(block) > MAX_BLOCK:
            self.counts.oversized += 1
            return None
        block = block.lstrip(b"\r\n")
        if not block:
            return None
        head = block[:10].lower()
        if head.startswith(b"response:"):
            return self._block(block)
        if head.startswith(b"event:"):
            line, _, rest = block.partition(b"\r\n")
            return self._read(b"Event: " + line[6:].strip() + b"\r\n" + rest)
        self.counts.garbage += 1
        return None

    def _block(self, block: bytes) -> Block:
        self.counts.blocks += 1
        return Block(_pairs(block.decode("utf-8", "replace").split("\r\n")))


class _Keys(dict[str, str]):
    """Header names in lower case, remembered; bounded, since anybody may invent names."""

    def __missing__(self, key: str) -> str:
        lower = key.lower()
        if len(self) < _MAX_KEYS:
            self[key] = lower
        return lower


_KEYS = _Keys()


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    """Lines in any spelling: `Key: value`, `Key:value` (a dialplan's own headers), `Key:`."""
    return [(key, value.removeprefix(" ")) for key, _, value in (line.partition(":") for line in lines)]


def unescape(text: str) -> str:
    """Undo Asterisk's C escapes. For names in channel snapshots; names of queue members and entries are raw."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text)


def number(text: str) -> str | None:
    """A telephone number, None where Asterisk says in one of its three ways that it has none."""
    return None if text in _NO_NUMBER else text


class _Snapshot:
    """Reads the channel whose headers begin with a prefix: "", Dest, Transferer, LocalOne …"""

    __slots__ = ("caller", "connected", "context", "exten", "label", "linkedid", "name", "state", "uniqueid")

    def __init__(self, prefix: str) -> None:
        prefix = prefix.lower()
        self.name = prefix + "channel"
        self.uniqueid = prefix + "uniqueid"
        self.linkedid = prefix + "linkedid"
        self.state = prefix + "channelstate"
        self.caller = prefix + "calleridnum"
        self.label = prefix + "calleridname"
        self.connected = prefix + "connectedlinenum"
        self.context = prefix + "context"
        self.exten = prefix + "exten"

    def must(self, h: Headers) -> m.Channel:
        """Raises KeyError without its identity."""
        get = h.get
        caller = get(self.caller, "")
        connected = get(self.connected, "")
        label = get(self.label, "")
        return m.Channel(
            h[self.name],
            h[self.uniqueid],
            h[self.linkedid],
            int(h[self.state]),
            None if caller in _NO_NUMBER else caller,
            None if connected in _NO_NUMBER else connected,
            get(self.context, ""),
            get(self.exten, ""),
            None if label in _NO_NUMBER else unescape(label),
        )

    def may(self, h: Headers) -> m.Channel | None:
        return self.must(h) if self.uniqueid in h else None


_own, _dest = _Snapshot(""), _Snapshot("Dest")
_one, _two = _Snapshot("LocalOne"), _Snapshot("LocalTwo")
_transferer, _transferee = _Snapshot("Transferer"), _Snapshot("Transferee")
_original, _second = _Snapshot("OrigTransferer"), _Snapshot("SecondTransferer")
_target = _Snapshot("TransferTarget")
channel_of = _own.must


def _about_channel(kind: Callable[..., m.Message]) -> Builder:
    return lambda h, at: kind(at=at, channel=_own.must(h))


def _bridge(kind: Callable[..., m.Message]) -> Builder:
    return lambda h, at: kind(
        at=at, bridge=h["bridgeuniqueid"], technology=h.get("bridgetechnology", ""), channel=_own.must(h)
    )


def _caller(kind: Callable[..., m.Message]) -> Builder:
    return lambda h, at: kind(at=at, queue=h["queue"], channel=_own.must(h))


def _agent(kind: Callable[..., m.Message], **more: str) -> Builder:
    """`more`: field = header, whole numbers."""
    fields = tuple((field, header.lower()) for field, header in more.items())

    def build(h: Headers, at: datetime) -> m.Message:
        extra = {field: int(h[header]) for field, header in fields}
        return kind(
            at=at,
            queue=h["queue"],
            member=h["membername"],
            interface=h["interface"],
            channel=_own.must(h),
            dest=_dest.may(h),
            **extra,
        )

    return build


def _member(kind: str) -> Builder:
    return lambda h, at: m.QueueMember(
        at=at,
        kind=kind,
        queue=h["queue"],
        member=h["membername"],
        interface=h["interface"],
        status=int(h["status"]),
        paused=h["paused"] == "1",
        reason=h.get("pausedreason") or None,
    )


def _complete(h: Headers, at: datetime) -> m.Message:
    return m.AgentComplete(
        at=at,
        queue=h["queue"],
        member=h["membername"],
        interface=h["interface"],
        channel=_own.must(h),
        dest=_dest.may(h),
        hold_s=int(h["holdtime"]),
        talk_s=int(h["talktime"]),
        reason=h["reason"],
    )


def _user_event(h: Headers, at: datetime) -> m.Message:
    own = {key: value for key, value in h.items() if key.startswith("hl")}
    return m.UserEvent(at=at, name=h["userevent"], fields=own, channel=_own.may(h))


def _blind(h: Headers, at: datetime) -> m.Message:
    return m.BlindTransfer(
        at=at,
        transferer=_transferer.must(h),
        transferee=_transferee.may(h),
        context=h.get("context", ""),
        exten=h.get("extension", ""),
        success=h["result"] == "Success",
    )


def _attended(h: Headers, at: datetime) -> m.Message:
    return m.AttendedTransfer(
        at=at,
        original=_original.must(h),
        second=_second.must(h),
        transferee=_transferee.may(h),
        target=_target.may(h),
        dest_type=h["desttype"],
        success=h["result"] == "Success",
    )


def _originated(h: Headers, at: datetime) -> m.Message:
    uniqueid = h.get("uniqueid", "")
    return m.OriginateResponse(
        at=at,
        action_id=h.get("actionid", ""),
        success=h["response"] == "Success",
        uniqueid=None if uniqueid in ("", "<null>") else uniqueid,
    )


BUILDERS: dict[str, Builder] = {
    "Newchannel": _about_channel(m.NewChannel),
    "Newstate": _about_channel(m.NewState),
    "Hangup": lambda h, at: m.Hangup(at=at, channel=_own.must(h), cause=int(h["cause"])),
    "DialBegin": lambda h, at: m.DialBegin(at=at, channel=_own.may(h), dest=_dest.must(h)),
    "DialEnd": lambda h, at: m.DialEnd(at=at, channel=_own.may(h), dest=_dest.must(h), status=h["dialstatus"]),
    "BridgeEnter": _bridge(m.BridgeEnter),
    "BridgeLeave": _bridge(m.BridgeLeave),
    "Hold": _about_channel(m.Hold),
    "Unhold": _about_channel(m.Unhold),
    "QueueCallerJoin": lambda h, at: m.QueueCallerJoin(
        at=at, queue=h["queue"], position=int(h["position"]), channel=_own.must(h)
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
    "DeviceStateChange": lambda h, at: m.DeviceStateChange(at=at, device=h["device"], state=h["state"]),
    "ContactStatus": lambda h, at: m.ContactStatus(
        at=at, endpoint=h["endpointname"], status=h["contactstatus"], uri=h.get("uri", "")
    ),
    "UserEvent": _user_event,
    "LocalBridge": lambda h, at: m.LocalBridge(at=at, one=_one.must(h), two=_two.must(h)),
    "BlindTransfer": _blind,
    "AttendedTransfer": _attended,
    "OriginateResponse": _originated,
    "FullyBooted": lambda _h, at: m.FullyBooted(at=at),
    "Shutdown": lambda h, at: m.Shutdown(at=at, restart=h.get("restart", "").lower() == "true"),
}
WANTED = frozenset(BUILDERS)
