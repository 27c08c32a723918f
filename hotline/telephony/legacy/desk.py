"""What one capture has told so far: its parties, its time, and what is to be said of them. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hotline.telephony import messages as m
from hotline.telephony import names
from hotline.telephony.catalogue import unescape
from hotline.telephony.legacy.switchboard import FAR, Party, Switchboard
from hotline.telephony.parser import Block

UP = 6
_BUSY = 17
_STATES = {
    "down": 0, "rsrvd": 1, "reserved": 1, "offhook": 2, "dialing": 3, "ring": 4, "ringing": 5, "up": UP, "busy": 7,
    "dialing offhook": 8, "pre-ring": 9,
}  # fmt: skip
_NO_NUMBER = frozenset({"", "unknown", "<unknown>", "<null>", "(null)", "unknown <>", "anonymous"})
_NUMBER = re.compile(r"\+?\d{2,}")
_USER = re.compile(r"[+*#\d]+")
_BORN = re.compile(r"(?:^|-)(\d{9,10})\.\d+$")
_TIMELESS = frozenset({"fullybooted", "shutdown"})  # Asterisk sends these without a time, in every version
_FIRST, _LAST = 0, 4102444800  # 1970 to 2100, in seconds: no PBX's clock stands outside


class Unread(Exception):
    """An event that we know, without what it is about."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be: its call has a name only when all is known. `channels`: field → whose, and as it was then.

    `meetings`: how many of the switchboard's meetings had been by then.
    """

    kind: Callable[..., m.Message]
    at: datetime
    channels: dict[str, tuple[Party, m.Channel] | None]
    more: dict[str, Any]
    meetings: int


class Desk:
    """`members`: interface in lower case → the name of the queue's member. `drafts`: what is to be said, in order.

    `offers`: a member's channel, perhaps Local → queue and interface; `from_queue`: phones that ring for a queue,
    seen through Local channels; `joined`, `connected`: since when. `is_modern`: of Asterisk 12 or newer.
    `is_estimated`: events carry no time, so that it is taken from channels' names, which hold the second of their
    making.
    """

    def __init__(self) -> None:
        self.board = Switchboard()
        self.members: dict[str, str] = {}
        self.drafts: list[Draft] = []
        self.offers: dict[Party, tuple[str, str]] = {}
        self.joined: dict[Party, datetime] = {}
        self.connected: dict[Party, datetime] = {}
        self.from_queue: set[Party] = set()
        self.is_down = self.is_modern = False
        self.at = datetime.fromtimestamp(0, UTC)
        self._has_times = self._is_timeless = False

    # Time

    @property
    def is_estimated(self) -> bool:
        return self._is_timeless and not self._has_times

    def tick(self, block: Block) -> None:
        """The event's own time; where it has none, no earlier than what it tells of."""
        try:
            stamp = float(block.get("timestamp", ""))
        except ValueError:
            stamp = -1.0
        if _FIRST < stamp < _LAST:
            self.at, self._has_times = datetime.fromtimestamp(stamp, UTC), True
        else:
            self._is_timeless = self._is_timeless or block.name.lower() not in _TIMELESS

    def no_earlier(self, at: datetime) -> None:
        """Only where events carry no time of their own."""
        if not self._has_times:
            self.at = max(self.at, at)

    def passed(self, since: datetime | None, span: str, unit: timedelta = timedelta(seconds=1)) -> None:
        """An event says how long something took."""
        if since is not None and span.isdecimal() and len(span) < 8:
            self.no_earlier(since + int(span) * unit)

    def _birth(self, uniqueid: str) -> None:
        found = _BORN.search(uniqueid)
        if found is not None:
            self.no_earlier(datetime.fromtimestamp(int(found[1]), UTC))

    # Who

    def party(
        self, block: Block, name: str = "channel", uniqueid: str = "uniqueid", prefix: str | None = None
    ) -> Party:
        """Whom these headers name, with what the event says of them. Raises Unread."""
        text, ident = unescape(block.get(name, "")), block.get(uniqueid, "")
        if not text and not ident:
            raise Unread
        self._birth(ident)
        party = self.board.meet(text, ident, self.at)
        if prefix is not None:
            self.learn(party, block, prefix)
        return party

    def maybe(self, block: Block, name: str, uniqueid: str, prefix: str | None = None) -> Party | None:
        """None where the headers are missing."""
        try:
            return self.party(block, name, uniqueid, prefix)
        except Unread:
            return None

    def born(self, block: Block) -> Party:
        """A new channel. Whoever had its name is gone: nothing said so."""
        text, ident = unescape(block.get("channel", "")), block.get("uniqueid", "")
        if not text and not ident:
            raise Unread
        self._birth(ident)
        party, stale = self.board.born(text, ident, self.at)
        if stale is not None:
            self.hang_up(stale, 0)
        self.learn(party, block)
        party.is_incoming = party.is_incoming or party.state not in {0, 5}
        return party

    def learn(self, party: Party, block: Block, prefix: str = "") -> None:
        """What the event says of a channel; what it does not say stays."""
        state = _state(block.get(f"{prefix}channelstate") or block.get(f"{prefix}state", ""))
        if state is not None:
            party.state = state
            party.was_up = party.was_up or state == UP
        party.number = number(block.get(f"{prefix}calleridnum") or block.get(f"{prefix}callerid", "")) or party.number
        party.connected = number(block.get(f"{prefix}connectedlinenum", "")) or party.connected
        label = block.get(f"{prefix}calleridname", "")
        party.label = unescape(label) if label.lower() not in _NO_NUMBER else party.label
        self.place(party, block.get(f"{prefix}context", ""), block.get(f"{prefix}exten", ""))
        if linkedid := block.get(f"{prefix}linkedid", ""):
            self.is_modern = True
            self.board.linked(party, linkedid)

    def place(self, party: Party, context: str, exten: str) -> None:
        """Where in the dialplan it is. The first place that tells a number is where it came in."""
        party.context, party.exten = context or party.context, exten or party.exten
        if not party.entry[0] or (not _NUMBER.fullmatch(party.entry[1]) and _NUMBER.fullmatch(exten)):
            party.entry = (party.entry[0] or context, exten or party.entry[1])

    # What is to be said

    def say(self, kind: Callable[..., m.Message], channels: dict[str, Party | None], **more: Any) -> None:
        """Of people only: Local channels and placeholders are the PBX's own business."""
        if all(party is None or (party.is_real and not party.is_gone) for party in channels.values()):
            seen = {key: (party, snapshot(party)) if party is not None else None for key, party in channels.items()}
            self.drafts.append(Draft(kind, self.at, seen, more, len(self.board.meetings)))

    def ring(self, phone: Party) -> None:
        """Say that a phone rings: for a queue where one asked for it, through however many Local channels."""
        for leg in self.board.phones_behind(phone):
            offer, person = self._offer(leg), self.board.person(leg.dialler, but=leg)
            if offer is None or person is None:
                self.say(m.DialBegin, {"channel": person, "dest": leg})
            elif leg not in self.from_queue:
                self.from_queue.add(leg)
                queue, interface = offer
                who = {"queue": queue, "member": names.peer(leg.name), "interface": interface}
                self.say(m.AgentCalled, {"channel": person, "dest": leg}, **who)

    def _offer(self, leg: Party) -> tuple[str, str] | None:
        at: Party | None = leg
        for _ in range(FAR):
            if at is None or at in self.offers:
                return self.offers[at] if at is not None else None
            half = self.board.half(at)
            if half is not None and half in self.offers:
                return self.offers[half]
            at = at.dialler or (half.dialler if half is not None else None)
            if at is not None and at.is_real:
                return None
        return None

    def settle(self) -> None:
        """Say who has changed rooms."""
        for step in self.board.moves():
            if step.before is not None:
                self.say(m.BridgeLeave, {"channel": step.party}, bridge=step.before, technology="simple_bridge")
            if step.after is not None:
                self.say(m.BridgeEnter, {"channel": step.party}, bridge=step.after, technology="simple_bridge")

    def hang_up(self, party: Party, cause: int) -> None:
        if party.is_gone:
            return
        end = ending(party, cause)
        for bridge in sorted(party.bridges):
            self.board.leave(bridge, party)
        self.settle()
        self.say(m.UserEvent, {"channel": party}, name="HLOutcome", fields=end)
        self.say(m.Hangup, {"channel": party}, cause=cause)
        self.board.gone(party)


def ending(party: Party, cause: int) -> dict[str, str]:
    """What our dialplan would have stated at a caller's end; it counts for callers from outside alone."""
    if party.was_cut:
        return {"hloutcome": "failed", "hlhangupby": "system", "hlmember": ""}
    if party.recorded and not party.talked:
        outcome = "voicemail"
    elif party.talked and not party.waits and not party.is_sent:
        outcome = "answered"
    elif party.queued or party.was_up or party.children:
        outcome = "abandoned"
    else:
        outcome = "blocked" if cause == _BUSY else "failed"
    by = "caller" if party.asked else "agent" if party.was_left else ""
    return {"hloutcome": outcome, "hlhangupby": by, "hlmember": ""}


def snapshot(party: Party) -> m.Channel:
    number = party.number or dialled_number(party.dialled) or None
    return m.Channel(
        party.name, party.id, party.linkedid, party.state, number, party.connected, party.context, party.exten,
        party.label,
    )  # fmt: skip


def number(text: str) -> str | None:
    """`"Wang" <13800138000>` (1.4) or the number alone; None for what is none."""
    if text.endswith(">") and "<" in text and text.lower() not in _NO_NUMBER:
        text = text[text.rindex("<") + 1 : -1]
    return None if text.strip().lower() in _NO_NUMBER else text.strip()[:80]


def dialled_number(text: str) -> str:
    """What a dial string calls: `trunk/13800138000`, `13800138000@trunk`, `101/sip:101@10.0.0.5`. Empty for a name."""
    user = text.partition("@")[0].rpartition("/")[2].removeprefix("sip:").removeprefix("sips:")
    return user if _USER.fullmatch(user) else ""


def is_number(text: str) -> bool:
    """Something that can be dialled from outside."""
    return _NUMBER.fullmatch(text) is not None


def whole(text: str) -> int:
    """Zero for what is no number."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _state(text: str) -> int | None:
    if text.isdecimal() and len(text) < 4:
        return int(text)
    return _STATES.get(text.strip().lower())


def interface_of(party: Party) -> str:
    return f"{names.technology(party.name)}/{names.peer(party.name)}"
