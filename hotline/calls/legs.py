"""The pieces that a call is made of while it goes on. Pure data; calls.tracker moves them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from hotline.calls.spans import Span, common, length, without

_DIALLED = frozenset("+0123456789")
OWNS = frozenset({"queue", "transfer", "dial"})
"""Roles in which whoever answers has the caller from then on."""
_MERGED_FIRST = ("started_at", "queued_at", "answered_at")
_MERGED_ANY = (
    "line", "number", "caller", "branch", "waits_since", "unqueued_at", "recording", "outcome", "hangup_by",
    "completed_by", "completed_leg", "has_voicemail", "is_recording", "last_answered_at", "dialler", "owner",
    "aside", "moved_at", "sent", "heir", "heir_of", "was_held",
)  # fmt: skip
_MERGED_ALL = ("files", "offers", "parties", "stays", "dialled_by", "halves", "rooms")


@dataclass(slots=True)
class Stay:
    """A channel in a bridge. `until`: None while it is there."""

    bridge: str
    since: datetime
    until: datetime | None = None


@dataclass(slots=True)
class Offer:
    """An agent's phone that rings or talks. `leg`: Uniqueid of its channel; `left_at`: out of the conversation.

    `has_since`: from when on this leg has the caller: from the answer, or, of a leg that was asked (consult) or looks
    after somebody (supervisor), from when the two met. `held_since`: its phone holds now; `holds`: those that are over;
    `held`: what our rows know of them; `held_told_at`: the last word on it. `aside_since`, `asides`, `was_aside`,
    `aside_told_at`: the same of asking somebody else while the caller stays with others.
    """

    leg: str
    member: str
    rang_at: datetime
    answered_at: datetime | None = None
    left_at: datetime | None = None
    is_over: bool = False
    role: str = "queue"
    has_since: datetime | None = None
    held_since: datetime | None = None
    held_told_at: datetime | None = None
    holds: list[Span] = field(default_factory=list)
    held: timedelta = timedelta()
    aside_since: datetime | None = None
    aside_told_at: datetime | None = None
    asides: list[Span] = field(default_factory=list)
    was_aside: timedelta = timedelta()

    def talk(self, until: datetime) -> list[Span]:
        """When it had the caller; nothing before that."""
        if self.has_since is None:
            return []
        end = min(self.left_at or until, until)
        talk = [(self.has_since, end)] if self.has_since < end else []
        if self.aside_since is None and not self.asides:
            return talk
        return without(talk, [*self.asides, *([(self.aside_since, end)] if self.aside_since is not None else [])])

    def on_hold(self, until: datetime) -> list[Span]:
        return [*self.holds, *([(self.held_since, until)] if self.held_since is not None else [])]


@dataclass(slots=True)
class Party:
    """Somebody outside who is dialled for the call, or talks. `member`: whose phone asked for them."""

    leg: str
    number: str | None
    rang_at: datetime
    member: str | None = None
    answered_at: datetime | None = None
    status: str = ""


@dataclass(slots=True)
class Aside:
    """The caller by themselves. `what`: consult, held, parked; `member`: whose doing."""

    what: str
    member: str
    since: datetime


@dataclass(slots=True)
class LiveCall:
    """A call that goes on. `own`: its first Linkedid, its name for good; `names`: all of them.

    `caller`: Uniqueid of the channel of the person outside whose call it is, empty until something says who that is (of
    an outbound call it is who was dialled); `branch`: the dialplan context that took it, hl-open, hl-closed or
    hl-recorder; `was_refused`: with busy, before the answer; `was_cut_off`: Asterisk itself died. `past`: offers that
    were answered and are over; `waits_since`: in the queue now, or
    (`is_promised`) told so while the queue cannot take them in yet; `unqueued_at`: out of it, and nobody has answered
    since; `last_answered_at`: by the agent who had the caller last. `completed_by`: who ended the conversation with
    `completed_leg`, as app_queue says: nothing of its end once somebody else has had the caller. `dialler`: Uniqueid of
    the phone that dialled, of a call that did not come in. `gone_at`: the caller is. `files`: recordings that
    were told of.

    `owner`: the leg that has the caller as its own, empty while nobody has; `aside`: now, and `asides` when that was;
    `was_held`: that, or a hold, has been; `moved_at`: the last movement that the dialplan told of; `sent`: given
    away, how and to whom, and nobody has answered yet; `heir`: the supervisor who takes over from `heir_of`. `stays`:
    by channel, where it was and is; `dialled_by`: channel → who dialled it; `halves`: name of a Local channel's half →
    its Uniqueid; `rooms`: bridges that a Local channel joins → the first of them.
    """

    own: str
    names: set[str] = field(default_factory=set)
    line: str = ""
    number: str | None = None
    direction: str = "inbound"
    caller: str = ""
    dialler: str = ""
    branch: str = ""
    was_refused: bool = False
    was_cut_off: bool = False
    is_told: bool = False
    channels: set[str] = field(default_factory=set)
    offers: dict[str, Offer] = field(default_factory=dict)
    past: list[Offer] = field(default_factory=list)
    parties: dict[str, Party] = field(default_factory=dict)
    past_parties: list[str] = field(default_factory=list)
    owner: str = ""
    aside: Aside | None = None
    asides: list[Span] = field(default_factory=list)
    was_held: bool = False
    moved_at: datetime | None = None
    sent: tuple[str, str] | None = None
    heir: str = ""
    heir_of: str = ""
    files: set[str] = field(default_factory=set)
    stays: dict[str, list[Stay]] = field(default_factory=dict)
    dialled_by: dict[str, str] = field(default_factory=dict)
    halves: dict[str, str] = field(default_factory=dict)
    rooms: dict[str, str] = field(default_factory=dict)
    started_at: datetime | None = None
    queued_at: datetime | None = None
    waits_since: datetime | None = None
    is_promised: bool = False
    unqueued_at: datetime | None = None
    answered_at: datetime | None = None
    last_answered_at: datetime | None = None
    recording: str | None = None
    is_recording: bool = False
    has_voicemail: bool = False
    origin: tuple[str, str] = ("", "")
    outcome: str | None = None
    hangup_by: str | None = None
    completed_by: str | None = None
    completed_leg: str = ""
    party_result: str | None = None
    gone_at: datetime | None = None
    last_at: datetime | None = None
    talked: timedelta = timedelta()

    @property
    def talks(self) -> list[Offer]:
        """The agents in conversation with the caller."""
        return [
            offer
            for offer in self.offers.values()
            if offer.has_since is not None and offer.left_at is None and not offer.is_over
        ]

    def leg(self, uniqueid: str) -> Offer | None:
        """An agent's leg that rings, talks, or is over."""
        found = self.offers.get(uniqueid)
        return found or next((offer for offer in reversed(self.past) if offer.leg == uniqueid), None)

    def joined_before(self, at: datetime) -> bool:
        """Joining the queue then is no news: an answer came after it, or the caller has left the queue since."""
        answered, left = self.last_answered_at, self.unqueued_at
        return (answered is not None and at <= answered) or (left is not None and at < left)

    def left_before(self, at: datetime) -> bool:
        """Leaving the queue then is no news: an agent has the caller, or had, or they are in the queue anew."""
        answered, joined = self.last_answered_at, self.waits_since
        is_old = (answered is not None and at < answered) or (joined is not None and at < joined)
        return is_old or bool(self.talks) or (self.unqueued_at is not None and at <= self.unqueued_at)

    # Who is with whom

    def enter(self, uniqueid: str, bridge: str, at: datetime) -> bool:
        """False when that was told before."""
        stays = self.stays.setdefault(uniqueid, [])
        if stays:
            if any(stay.bridge == bridge and (stay.since == at or stay.until is None) for stay in stays):
                return False
            self._close(stays, at)
        stays.append(Stay(bridge, at))
        return True

    def leave(self, uniqueid: str, at: datetime, bridge: str | None = None) -> bool:
        """False when it is in none, or in another by now."""
        stays = self.stays.get(uniqueid)
        if not stays or stays[-1].until is not None or at < stays[-1].since or bridge not in {None, stays[-1].bridge}:
            return False
        self._close(stays, at)
        return True

    def place(self, uniqueid: str) -> str | None:
        """The bridge that a channel is in."""
        stays = self.stays.get(uniqueid)
        return stays[-1].bridge if stays and stays[-1].until is None else None

    @staticmethod
    def _close(stays: list[Stay], at: datetime) -> None:
        if stays and stays[-1].until is None:
            stays[-1].until = at

    def met(self, one: str, other: str, after: datetime | None = None) -> list[tuple[datetime, datetime | None]]:
        """When two channels were in one conversation, oldest first; the last may go on (None)."""
        found: list[tuple[datetime, datetime | None]] = []
        for mine in self.stays.get(one, ()):
            for theirs in self.stays.get(other, ()):
                if self.rooms.get(mine.bridge, mine.bridge) != self.rooms.get(theirs.bridge, theirs.bridge):
                    continue
                since = max(mine.since, theirs.since, *([after] if after is not None else []))
                until = min((end for end in (mine.until, theirs.until) if end is not None), default=None)
                if until is None or since < until:
                    found.append((since, until))
        return sorted(found, key=lambda span: span[0])

    def wire(self, name: str, uniqueid: str, other: str) -> None:
        """A half of a Local channel in a bridge: what its other half is in is the same conversation."""
        self.halves[name] = uniqueid
        twin = self.halves.get(other)
        ends = [stays[-1].bridge for half in (uniqueid, twin or "") if (stays := self.stays.get(half))]
        if len(ends) == 2:
            first = self.rooms.get(ends[1], ends[1])
            self.rooms[ends[0]] = first

    def asker(self, uniqueid: str) -> str | None:
        """Who had this channel dialled: through Local channels to the person's own. None when nobody said."""
        seen: set[str] = set()
        found = self.dialled_by.get(uniqueid)
        while found is not None and found not in seen:
            seen.add(found)
            half = next((name for name, one in self.halves.items() if one == found), None)
            if half is None:
                return found
            found = self.dialled_by.get(self.halves.get(half[:-1] + "1", "")) if half.endswith("2") else None
        return None

    def absorb(self, other: Self) -> None:
        """Another call turned out to be this one. Whoever talked in one without a caller had none."""
        for offer in (*other.offers.values(), *other.past) if not other.caller else ():
            offer.has_since = None
        self.channels |= other.channels
        self.past += other.past
        self.asides += other.asides
        self.past_parties += other.past_parties
        self.talked += other.talked
        for name in _MERGED_ALL:
            setattr(self, name, getattr(other, name) | getattr(self, name))
        for name in _MERGED_ANY:
            setattr(self, name, getattr(self, name) or getattr(other, name))
        for name in _MERGED_FIRST:
            setattr(self, name, min(filter(None, (getattr(self, name), getattr(other, name))), default=None))

    # How long

    def put_back(self, at: datetime) -> Aside | None:
        """The caller is no longer aside: what they were."""
        was, self.aside = self.aside, None
        if was is not None and was.what != "parked":  # a parked caller is held by nobody
            self.asides.append((was.since, max(was.since, at)))
        return was

    def on_hold(self, until: datetime) -> list[Span]:
        """When the caller was aside for whoever had them."""
        is_held = self.aside is not None and self.aside.what != "parked"
        return [*self.asides, *([(self.aside.since, until)] if self.aside is not None and is_held else [])]

    def spans(self, end: datetime) -> tuple[timedelta | None, timedelta | None]:
        """How long was talked, and waited by whom nobody answered. None where it was not so, and where nobody knows:
        when Asterisk died, nobody saw the end.
        """
        if self.was_cut_off:
            return None, None
        if self.answered_at is not None:
            return self.talked + length(self._talks(end)), None
        return None, (self.unqueued_at or end) - self.queued_at if self.queued_at is not None else None

    def held(self, end: datetime) -> timedelta:
        """How much of the talk the caller was on hold or aside."""
        if not self.was_held:
            return timedelta()
        legs = [*self.past, *self.offers.values()]
        holds = [span for leg in legs for span in leg.on_hold(leg.left_at or end)]
        before = sum((leg.held for leg in legs), timedelta())
        return before + length(common(self._talks(end), holds + self.on_hold(end)))

    def _talks(self, end: datetime) -> list[Span]:
        return [span for leg in (*self.past, *self.offers.values()) for span in self.talk(leg, end)]

    def talk(self, leg: Offer, until: datetime) -> list[Span]:
        """When a leg had the caller: not after they were gone."""
        return leg.talk(min(until, self.gone_at) if self.gone_at is not None else until)

    def likely_end_by(self) -> str | None:
        """Where the dialplan's own word is missing: who hung up, as app_queue says of whoever had the caller last."""
        is_anothers = self.completed_leg != self.owner and self.leg(self.completed_leg) is not None
        return None if is_anothers else self.completed_by

    def likely_outcome(self) -> str:
        """Where the dialplan's own word is missing: what it would have said there."""
        if self.was_cut_off:
            return "failed"  # nobody gave up or was helped: the line broke
        if self.direction == "inbound":
            return self._of_caller()
        return "answered" if self.answered_at is not None else self.party_result or "withdrawn"

    def _of_caller(self) -> str:
        if self.has_voicemail or self.branch == "hl-recorder":
            return "voicemail"
        is_parked = self.aside is not None and self.aside.what == "parked"
        is_nobodys = self.waits_since is not None or self.unqueued_at is not None or self.sent is not None or is_parked
        # Whom an agent put aside they had, also if nobody saw that.
        was_had = self.answered_at is not None or self.was_held
        if was_had and not is_nobodys:
            return "answered"
        if self.was_refused:
            return "blocked"
        if self.queued_at is not None or self.sent is not None or was_had or self.branch == "hl-open":
            return "abandoned"
        return "closed" if self.branch == "hl-closed" else "failed"


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """An offer as our rows have it. `is_over`: missed, its channel perhaps not gone yet.

    `has_since`: from when on this leg has the caller; for a queue's from the answer, unless our rows know better.
    `held_at`: on hold since; `hold_ms`: before that; `aside_at`, `aside_ms`: the same of asking somebody else.
    """

    leg: str
    member: str
    rang_at: datetime
    answered_at: datetime | None
    is_over: bool = False
    role: str = "queue"
    has_since: datetime | None = None
    held_at: datetime | None = None
    hold_ms: int = 0
    aside_at: datetime | None = None
    aside_ms: int = 0

    def offer(self) -> Offer:
        has_since = self.has_since or (self.answered_at if self.role in OWNS else None)
        return Offer(
            self.leg, self.member, self.rang_at, self.answered_at, is_over=self.is_over, role=self.role,
            has_since=has_since, held_since=self.held_at, held_told_at=self.held_at,
            held=timedelta(milliseconds=self.hold_ms), aside_since=self.aside_at, aside_told_at=self.aside_at,
            was_aside=timedelta(milliseconds=self.aside_ms),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class OpenParty:
    """A leg outside as our rows have it."""

    leg: str
    number: str | None
    rang_at: datetime
    answered_at: datetime | None
    member: str | None = None


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that our rows say goes on: what the tracker starts from after our own start.

    `aside`: consult, held or parked since `aside_at`, by the phone `aside_by`.
    """

    linkedid: str
    line: str
    caller_number: str | None
    started_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    is_waiting: bool
    has_voicemail: bool
    recording: str | None
    is_recording: bool
    aliases: tuple[str, ...]
    offers: tuple[OpenOffer, ...]
    talked_ms: int = 0
    unqueued_at: datetime | None = None
    direction: str = "inbound"
    parties: tuple[OpenParty, ...] = ()
    aside: str | None = None
    aside_at: datetime | None = None
    aside_by: str | None = None

    def live(self) -> LiveCall:
        is_inbound = self.direction == "inbound"
        call = LiveCall(
            own=self.linkedid, line=self.line, number=self.caller_number, is_told=True, direction=self.direction,
            caller=self.linkedid if is_inbound else "", dialler="" if is_inbound else self.linkedid,
            branch="hl-open",  # no row says; who was refused was gone at once, and who may have waited is called back
            last_answered_at=self.answered_at,
            started_at=self.started_at, queued_at=self.queued_at, answered_at=self.answered_at,
            # Who waits, and was never seen to begin: since they were last known to.
            waits_since=self.queued_at or self.answered_at or self.started_at if self.is_waiting else None,
            unqueued_at=self.unqueued_at,
            is_promised=self.is_waiting,
            recording=self.recording, is_recording=self.is_recording, has_voicemail=self.has_voicemail,
            talked=timedelta(milliseconds=self.talked_ms),
        )  # fmt: skip
        call.files = {self.recording} if self.recording is not None else set()
        call.was_held = self.aside is not None or any(row.held_at or row.hold_ms for row in self.offers)
        for row in self.offers:
            offer = call.offers[row.leg] = row.offer()
            call.last_answered_at = row.answered_at or call.last_answered_at
            call.owner = row.leg if offer.has_since is not None and not row.is_over else call.owner
        for party in self.parties:
            call.parties[party.leg] = Party(
                party.leg, party.number, party.rang_at, party.member, answered_at=party.answered_at
            )
            call.caller = call.caller or party.leg
        if self.aside not in {None, "gone"}:
            call.moved_at = self.aside_at or self.started_at
            call.aside = Aside(self.aside, self.aside_by or "", call.moved_at)
        return call


def milliseconds(span: timedelta) -> int:
    return max(0, round(span / timedelta(milliseconds=1)))


def dialled(text: str | None) -> str | None:
    """A number as the dialplan keeps it: digits and plus. What a network sends instead of one is none."""
    return "".join(char for char in text or "" if char in _DIALLED)[:64] or None
