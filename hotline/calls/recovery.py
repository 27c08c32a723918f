"""Calls as Asterisk's journal tells them. Pure: records in, out the domain events that the tracker gives of them.

Fed by hotline.journal with telephony.journal's records. Each story is told to a tracker of its own as the messages that
AMI would have sent, so that there is one understanding of a call; dedupe keys come from Uniqueids and are the same.
A record may be missing (a disk was full): whatever says that it was a caller's call makes one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hotline.calls.channels import SWITCH
from hotline.calls.moves import is_outside
from hotline.calls.tracker import NOT_CALLERS, OUTCOMES, TRUNK, UNKNOWN_LINE, Tracker
from hotline.events import CallAnswered, CallEnded, CallEvent, CallQueued, CallStarted
from hotline.telephony import messages as m
from hotline.telephony.journal import Cel
from hotline.telephony.names import peer

_FACTS = frozenset(
    {"HLOFFERED", "HLDIAL", "HLQUEUED", "HLUNQUEUED", "HLRECORDING", "HLKEY", "HLCALLBACK", "HLMOVE", "HLOUTCOME"}
)
# The caller's hang-up ends the ringing; the dialplan says so a few milliseconds later, or under load a little before.
_SAME_MOMENT = timedelta(milliseconds=500)
_RINGING, _UP = 5, 6
_NO_TALK = "holding_bridge"
# Q.850: with these a phone that rang is let go by us, or rang its time out; with any other it or its network said no.
_QUIET = frozenset({0, 16, 19, 26, 127})
_REFUSED = frozenset({17, 21})


@dataclass(slots=True)
class Story:
    """All records of one call, in their order. `names`: its Linkedids; `ended`: those of which nothing is left.

    Notes of its reader: `needs`: inode of a file → where its first record there begins; `is_kept`, `is_named`: what was
    written of it already; `again_at`: not to be told before.
    """

    names: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    channels: set[str] = field(default_factory=set)
    bridges: set[str] = field(default_factory=set)
    records: list[Cel] = field(default_factory=list)
    needs: dict[int, int] = field(default_factory=dict)
    is_kept: bool = False
    is_named: bool = False
    again_at: datetime | None = None

    @property
    def own(self) -> str:
        """Its first Linkedid: of two, the older stays."""
        return self.records[0].linkedid

    @property
    def last_at(self) -> datetime:
        return max(record.at for record in self.records)

    @property
    def is_over(self) -> bool:
        """Asterisk says that nothing is left."""
        return self.names <= self.ended

    @property
    def has_hung_up(self) -> bool:
        """Every channel that was seen has ended, whether or not the last word was written."""
        gone = {record.uniqueid for record in self.records if record.event in {"HANGUP", "CHAN_END"}}
        return self.channels <= gone

    @property
    def is_callers(self) -> bool:
        """Anything in it says that somebody called a line; agents' and supervisors' legs and commands are no calls."""
        if any(record.context == SWITCH for record in self.records):
            return False
        return any(_is_callers(record) for record in self.but_supervisors())

    def but_supervisors(self) -> list[Cel]:
        """Without the legs that supervisors were rung for, wherever in the dialplan they came to."""
        theirs = {record.uniqueid for record in self.records if record.event == "HLSPY"}
        return [record for record in self.records if record.uniqueid not in theirs]

    @property
    def line(self) -> str:
        """As dialled, or as the dialplan repeats it."""
        return next(filter(None, map(_line, self.records)), UNKNOWN_LINE)

    @property
    def outcome(self) -> tuple[str, str] | None:
        """The dialplan's own word, its last: outcome and who hung up."""
        for record in reversed(self.records):
            if record.event == "HLOUTCOME":
                outcome, by, *_ = [*_words(record), "", ""]
                return (outcome, by.strip("-")) if outcome in OUTCOMES else None
        return None


class Stories:
    """Records by call. Two calls whose channels met are one."""

    def __init__(self) -> None:
        self._by_name: dict[str, Story] = {}
        self._by_channel: dict[str, Story] = {}
        self._by_bridge: dict[str, Story] = {}

    def __iter__(self) -> Iterator[Story]:
        return iter({id(story): story for story in self._by_name.values()}.values())

    def add(self, record: Cel) -> Story:
        """To the call that it is of; made when it is the first."""
        story = self._by_name.get(record.linkedid)
        for met in (self._by_channel.get(record.uniqueid), self._by_bridge.get(_bridge(record))):
            if met is not None and met is not story:
                story = met if story is None else _joined(met, story)
        story = story or Story()
        story.records.append(record)
        story.names.add(record.linkedid)
        story.channels.add(record.uniqueid)
        if bridge := _bridge(record):
            story.bridges.add(bridge)
        if record.event == "LINKEDID_END":
            story.ended.add(record.linkedid)
        self._by_name |= dict.fromkeys(story.names, story)
        self._by_channel |= dict.fromkeys(story.channels, story)
        self._by_bridge |= dict.fromkeys(story.bridges, story)
        return story

    def drop(self, story: Story) -> None:
        """It is told, or nobody's call."""
        for name in story.names:
            self._by_name.pop(name, None)
        for channel in story.channels:
            self._by_channel.pop(channel, None)
        for bridge in story.bridges:
            self._by_bridge.pop(bridge, None)


def _bridge(record: Cel) -> str:
    """The conversation that a record shows somebody enter; empty for any other record."""
    if record.event != "BRIDGE_ENTER" or record.extra.get("bridge_technology") == _NO_TALK:
        return ""
    return str(record.extra.get("bridge_id", ""))


def _joined(met: Story, story: Story) -> Story:
    """Two stories whose channels met are one."""
    met.records = sorted(met.records + story.records, key=lambda one: one.at)
    for name in ("names", "ended", "channels", "bridges"):
        setattr(met, name, getattr(met, name) | getattr(story, name))
    for inode, offset in story.needs.items():
        met.needs[inode] = min(offset, met.needs.get(inode, offset))
    return met


def tell(story: Story, node: str, *, is_cut: bool) -> list[CallEvent]:
    """The events of a call that is over. `is_cut`: Asterisk died in it.

    Then it ends as failed, unless the dialplan had said more, at its last record: how long was talked nobody knows.
    """
    teller = _Teller(story, node)
    events = teller.all()
    if not is_cut:
        return events
    ends = [event for event in events if isinstance(event, CallEnded)]
    said = story.outcome
    return [event for event in events if event not in ends] + [
        replace(
            end,
            outcome=said[0] if said else "failed",
            hangup_by=(said[1] or None) if said else "system",
            talk_ms=None,
            wait_ms=None,
        )
        for end in ends[-1:]
    ]


class _Teller:
    """Plays one story to a tracker. `dials`: an agent's phone began it; `sent`: by this record somebody is rung now."""

    def __init__(self, story: Story, node: str) -> None:
        self.story, self.tracker = story, Tracker(node, has_holds=False)
        self.events: list[CallEvent] = []
        self.up: set[str] = set()
        self.gone: set[str] = set()
        self.rang_at: dict[str, datetime] = {}
        self.dialled_by: dict[str, Cel] = {}
        self.talked: list[Cel] = []
        self.waits = self.is_told = False
        self.sent: Cel | None = None
        self.dials = any(_is_dialler(record) for record in story.records)
        self.dialled = next((record for record in story.records if record.event == "HLDIAL"), None)
        self.caller = self._caller()

    def all(self) -> list[CallEvent]:
        records = self.story.records
        for record in records:
            self._record(record)
        for channel in [*sorted(self.story.channels - {self.caller.uniqueid}), self.caller.uniqueid]:
            left = next((record for record in reversed(records) if record.uniqueid == channel), self.caller)
            self._feed(m.Hangup(at=self.story.last_at, channel=self._channel(left), cause=0))
        return self.events

    def _caller(self) -> Cel:
        """A record of the first channel; made up from an agent's leg when nothing else was written."""
        if self.dials:
            return next(record for record in self.story.records if _is_dialler(record))
        mine = [record for record in self.story.but_supervisors() if _is_callers(record)]
        found = next((record for record in mine if record.uniqueid == record.linkedid), mine[0])
        if found.context in NOT_CALLERS or found.uniqueid != found.linkedid:
            return Cel("", found.at, found.linkedid, found.linkedid, "PJSIP/trunk-0", "", "", "", {})
        return found

    def _feed(self, message: m.Message) -> None:
        self.events += self.tracker.feed(message)

    def _channel(self, record: Cel) -> m.Channel:
        return m.Channel(
            name=record.channel,
            uniqueid=record.uniqueid,
            linkedid=record.linkedid,
            state=_UP if record.uniqueid in self.up else _RINGING,
            caller_number=record.number or None,
            context=record.context,
            exten=record.exten,
        )

    def _offered(self, record: Cel) -> None:
        """The first sign of the caller. A call that an agent makes begins when their own phone has answered."""
        said = self.dialled
        if self.is_told or (said is not None and record.at < said.at):
            return
        self.is_told = True
        if self.dials:
            line, number, member = ([*_words(said), "", "", ""] if said is not None else ["", "", ""])[:3]
            fields = {"hldirection": "outbound", "hlline": line or self.story.line, "hlnumber": number.strip("-")}
            if said is not None and not fields["hlnumber"]:
                fields["hldirection"] = "internal"
            channel = replace(self.caller, channel=f"PJSIP/{member}-0") if member else self.caller
            self._feed(m.UserEvent(at=record.at, name="HLOffered", fields=fields, channel=self._channel(channel)))
            return
        first = replace(record, context=self.caller.context) if record is self.caller else self.caller
        offered = next((_words(one) for one in self.story.records if one.event == "HLOFFERED"), [])
        _line_dialled, origin, order = [*offered, "", "", ""][:3]
        fields = {"hlline": self.story.line, "hlorigin": origin.strip("-"), "hlorder": order.strip("-")}
        self._feed(m.UserEvent(at=record.at, name="HLOffered", fields=fields, channel=self._channel(first)))

    def _record(self, record: Cel) -> None:
        channel, at = self._channel(record), record.at
        is_leg = record.uniqueid != self.caller.uniqueid
        if record.event == "CHAN_START" and record.context == TRUNK:
            # HLOFFERED comes next; the time of the call is this one.
            self._feed(m.NewChannel(at=at, channel=channel))
            return
        self._offered(record)
        match record.event:
            case "CHAN_START" if is_leg and (record.channel.startswith("PJSIP/") or is_outside(channel)):
                self._rings(record)
            case "ANSWER":
                self.up.add(record.uniqueid)
                self._feed(m.NewState(at=at, channel=self._channel(record)))
            case "BRIDGE_ENTER" | "BRIDGE_EXIT":
                self._bridged(record, is_leg)
            case "HANGUP" | "CHAN_END":
                self._ends(record, is_leg)
            case "HLSPY":
                _call, by, what = [*_words(record), "", "", ""][:3]
                fields = {"hlby": by, "hlwhat": what}
                self._feed(m.UserEvent(at=at, name="HLSpy", fields=fields, channel=channel))
            case name if name in _FACTS:
                self._fact(record)

    def _rings(self, record: Cel) -> None:
        self.rang_at[record.uniqueid] = record.at
        channel = self._channel(record)
        self._feed(m.NewChannel(at=record.at, channel=channel))
        if self.waits:
            self._feed(m.AgentCalled(at=record.at, **self._between(record)))
            return
        asker = self._asker()
        if asker is not None:
            self.dialled_by[record.uniqueid] = asker
            self._feed(m.DialBegin(at=record.at, channel=self._channel(asker), dest=channel))
        elif not is_outside(channel) and record.uniqueid != record.linkedid:
            self._feed(m.AgentCalled(at=record.at, **self._between(record)))

    def _asker(self) -> Cel | None:
        """Who has somebody rung while nobody waits: a caller who was sent on, else the agent who has them."""
        if self.sent is not None:
            return self.sent if self.dials else self.caller
        here = [leg for leg in self.talked if leg.uniqueid not in self.gone]
        return here[-1] if here else self.caller if self.dials else None

    def _between(self, leg: Cel) -> dict[str, Any]:
        member = peer(leg.channel)
        return {
            "queue": "",
            "member": member,
            "interface": f"PJSIP/{member}",
            "channel": self._channel(self.caller),
            "dest": self._channel(leg),
        }

    def _bridged(self, record: Cel, is_leg: bool) -> None:
        told = m.BridgeEnter if record.event == "BRIDGE_ENTER" else m.BridgeLeave
        technology = str(record.extra.get("bridge_technology", ""))
        if told is m.BridgeEnter and technology != _NO_TALK and (is_leg or self.dials):
            self.waits = False
            if self.rang_at.pop(record.uniqueid, None) is not None:
                self.sent = None
            if not is_outside(self._channel(record)):
                self.talked = [leg for leg in self.talked if leg.uniqueid != record.uniqueid] + [record]
        bridge = str(record.extra.get("bridge_id", ""))
        self._feed(told(at=record.at, bridge=bridge, technology=technology, channel=self._channel(record)))

    def _ends(self, record: Cel, is_leg: bool) -> None:
        self.gone.add(record.uniqueid)
        said = record.extra.get("hangupcause", 0)
        cause = said if isinstance(said, int) else 0
        if is_leg and self.rang_at.get(record.uniqueid) is not None:
            dialler = self.dialled_by.get(record.uniqueid)
            if dialler is not None:
                self._dialled(record, dialler, cause)
            elif self._is_missed(record):
                self._missed(record)
        self._feed(m.Hangup(at=record.at, channel=self._channel(record), cause=cause))

    def _dialled(self, record: Cel, dialler: Cel, cause: int) -> None:
        """Rung by somebody, and nobody answered."""
        self.rang_at.pop(record.uniqueid)
        self.sent = None
        status = "BUSY" if cause in _REFUSED else "NOANSWER" if cause in _QUIET else "CONGESTION"
        after = [one for one in self.story.records if one.at - record.at <= _SAME_MOMENT]
        gone = any(
            (one.uniqueid == dialler.uniqueid and one.event == "HANGUP")
            # who asks went back before anybody answered
            or (one.event == "HLMOVE" and one.at >= record.at and _words(one)[0] in {"back", "room", "returns"})
            for one in after
        )
        told = "CANCEL" if gone and cause in _QUIET else status
        between = {"channel": self._channel(dialler), "dest": self._channel(record)}
        self._feed(m.DialEnd(at=record.at, status=told, **between))

    def _is_missed(self, record: Cel) -> bool:
        """It rang, nobody took it, and the caller went on waiting."""
        near = [one for one in self.story.records if one.at - record.at <= _SAME_MOMENT]
        return not any(
            one.event == "HLOUTCOME"
            or (one.event == "ANSWER" and one.channel != self.caller.channel and record.at - one.at <= _SAME_MOMENT)
            for one in near
        )

    def _missed(self, record: Cel) -> None:
        ring = record.at - self.rang_at.pop(record.uniqueid)
        between = self._between(record)
        self._feed(m.AgentRingNoAnswer(at=record.at, ring_ms=round(ring / timedelta(milliseconds=1)), **between))

    def _fact(self, record: Cel) -> None:
        words, channel, at = [*_words(record), "", "", ""], self._channel(record), record.at
        if record.event == "HLQUEUED":
            self.waits, self.sent = True, None
            self._feed(m.QueueCallerJoin(at=at, queue=words[0], position=0, channel=channel))
        elif record.event in {"HLUNQUEUED", "HLOUTCOME"} and self.waits:
            self.waits = False
            self._feed(m.QueueCallerLeave(at=at, queue="", channel=channel))
        if record.event == "HLRECORDING":
            fields = {"hlkind": words[0], "hlfile": words[1]}
            self._feed(m.UserEvent(at=at, name="HLRecording", fields=fields, channel=channel))
        elif record.event == "HLKEY":
            self._feed(m.UserEvent(at=at, name="HLKey", fields={"hlwish": words[0]}, channel=channel))
        elif record.event == "HLCALLBACK":
            fields = {"hlsafe": words[0], "hlnumber": words[1]}
            self._feed(m.UserEvent(at=at, name="HLCallBack", fields=fields, channel=channel))
        elif record.event == "HLMOVE":
            if words[0] == "asks":  # whoever is rung next, they ask
                self.talked = [leg for leg in self.talked if leg.uniqueid != record.uniqueid] + [record]
            self.sent = record if words[0] == "transfer" and words[2] != "queue" else None
            fields = {"hlwhat": words[0], "hlby": words[1], "hlto": words[2]}
            self._feed(m.UserEvent(at=at, name="HLMove", fields=fields, channel=channel))
        elif record.event == "HLOUTCOME":
            fields = {"hloutcome": words[0], "hlhangupby": words[1]}
            self._feed(m.UserEvent(at=at, name="HLOutcome", fields=fields, channel=channel))


def _is_dialler(record: Cel) -> bool:
    """Of a call that an agent's phone began: its first channel is a phone."""
    is_first = record.uniqueid == record.linkedid and record.channel.startswith("PJSIP/")
    return record.event == "HLDIAL" or (is_first and record.event == "HLOUTCOME" and peer(record.channel) != "trunk")


def _words(record: Cel) -> list[str]:
    return str(record.extra.get("extra", "")).split(" ")


def _is_callers(record: Cel) -> bool:
    if record.event in _FACTS:
        return True
    if not record.channel.startswith("PJSIP/"):
        return False
    if record.uniqueid != record.linkedid:
        return record.context.startswith("hl-")  # an agent's phone that rang for somebody, or was sent on
    return record.context.startswith("hl-") and record.context not in NOT_CALLERS


def _line(record: Cel) -> str:
    if record.event == "CHAN_START" and record.context == TRUNK:
        return record.exten
    place = {"HLOFFERED": 0, "HLDIAL": 0, "HLQUEUED": 1, "HLOUTCOME": 2}.get(record.event)
    words = _words(record) if place is not None else []
    return words[place] if place is not None and len(words) > place else ""


@dataclass(frozen=True, slots=True)
class Told:
    """A call as its events tell it: what rows of the same call are compared with. Times None where it was not so."""

    started_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime
    outcome: str
    hangup_by: str | None
    wait_ms: int | None
    talk_ms: int | None


def told(events: Iterable[CallEvent]) -> Told | None:
    """None without a start or an end."""
    found = list(events)
    start = next((event for event in found if isinstance(event, CallStarted)), None)
    queued = next((event for event in found if isinstance(event, CallQueued)), None)
    answered = next((event for event in found if isinstance(event, CallAnswered)), None)
    end = next((event for event in found if isinstance(event, CallEnded)), None)
    if start is None or end is None:
        return None
    return Told(
        started_at=start.at,
        queued_at=queued.at if queued else None,
        answered_at=answered.at if answered else None,
        ended_at=end.at,
        outcome=end.outcome,
        hangup_by=end.hangup_by,
        wait_ms=answered.wait_ms if answered else end.wait_ms,
        talk_ms=end.talk_ms,
    )
