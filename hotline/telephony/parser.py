"""AMI bytes to typed messages. Pure: no socket, no clock of its own; time for the few events without one is given in.

Fed by telephony.connection and by replay. Blocks end with CRLFCRLF and lines with CRLF, nothing else: U+2028, NEL, VT
or a lone CR inside a caller's name stay inside the value. What nobody wants is dropped before it is decoded. Nothing
that arrives makes it raise: what cannot be read is counted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from hotline.telephony import messages as m
from hotline.telephony.catalogue import BUILDERS, Builder, Fields, Nameless, pairs

MAX_BLOCK = 1024 * 1024
_END = b"\r\n\r\n"
BANNER = b"Asterisk Call Manager/"
_STAMP = "\r\nTimestamp: "
_MAX_BANNER = 256
_EPOCH = datetime.fromtimestamp(0, UTC)
_UNREADABLE = (KeyError, ValueError, OverflowError, OSError)


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
        if data.startswith(BANNER):
            end = data.find(b"\r\n")
            if end < 0 and len(data) < _MAX_BANNER:
                self._rest += data
                return b""
            self.banner = data[len(BANNER) : max(end, 0)].decode("utf-8", "replace").strip()
            data = data[end + 2 :] if end >= 0 else data
        elif BANNER.startswith(data):
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
        fields = Fields(block.decode("utf-8", "replace"))
        try:
            message = builder(fields, self._at(fields))
        except Nameless:
            self.counts.dropped += 1
            return None
        except _UNREADABLE:
            self.counts.malformed += 1
            return None
        self.counts.messages += 1
        if self.tap is not None:
            self.tap(Block(pairs(fields.text)))
        return message

    def _at(self, fields: Fields) -> datetime:
        text = fields.text
        start = text.find(_STAMP)
        end = text.find("\r\n", start + len(_STAMP))
        stamp = text[start + len(_STAMP) : end] if 0 < start < end else fields.get("Timestamp")
        if stamp:
            self._last = at = datetime.fromtimestamp(float(stamp), UTC)
            return at
        return self._last if self._now is None else self._now()

    def _row(self, block: bytes, name: bytes) -> Block | None:
        if self.rows and b"\r\nActionID: " in block:
            return self._block(block)
        if self.tap is not None and name in self.extra:
            self.tap(Block(pairs(block.decode("utf-8", "replace"))))
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
        return Block(pairs(block.decode("utf-8", "replace")))
