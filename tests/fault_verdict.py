"""Whether what the hotline says of a day is what happened, as far as it could know.

A call of which everything was heard must be told exactly. Where a connection was lost, messages are lost with it: then
the outcome must be one that the call could have ended with after the last thing heard of it, talk may be off by as long
as nothing was heard, and the agent is the last one who was heard or seen to answer. Nothing may stay open, no call may
be told twice or made up.
"""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hotline.calls.record import CallRecord, fold
from hotline.calls.tracker import OUTCOMES, UNKNOWN_LINE
from hotline.clock import iso
from hotline.events import AgentLegEnded, AgentMissed, AgentOfferEnded, AgentRang, CallAnswered, CallEvent, CallQueued
from hotline.telephony import messages as m
from tests.pbx_calls import TrueCall
from tests.pbx_model import channels_of

_MS = timedelta(milliseconds=1)
_TO_THE_SECOND = timedelta(seconds=1.5)  # ages and waits in a snapshot are whole seconds, it takes up to half a one
_DIALS = frozenset({"hl-dial", "hl-way"})
_ASKING = timedelta(seconds=6)  # who asks a colleague is off the call until they are back, or the colleague answers
_RESULTS = {AgentMissed: "missed", AgentOfferEnded: "withdrawn", CallAnswered: "answered"}


@dataclass(slots=True)
class Known:
    """What could be known of one call. `contact`: the last thing that was heard or seen of its caller's channel."""

    call: TrueCall
    contact: datetime | None = None
    is_seen: bool = False
    is_whole: bool = True
    is_exact: bool = True
    has_line: bool = False
    has_outcome: bool = False
    answered: set[str] = field(default_factory=set)
    lost: list[datetime] = field(default_factory=list)
    may_be_cut: bool = False
    was_forgotten: bool = False

    def meets(self, at: datetime) -> None:
        self.contact = max(self.contact or at, at)


class Heard:
    """Kept while a plan is played: which message reached us, which was lost, what a snapshot showed. `is_mixed`: some
    came in another order.
    """

    def __init__(self, calls: Iterable[TrueCall]) -> None:
        self.calls = {call.name: Known(call) for call in calls}
        self._of = {
            channel.uniqueid: known
            for known in self.calls.values()
            for message in known.call.messages
            for channel in channels_of(message)
        }
        self.is_mixed = False
        self._deaf: list[datetime] = []
        self._seen: list[datetime] = []

    def _known(self, message: m.Message) -> Known:
        return self._of[channels_of(message)[0].uniqueid]

    def loses(self, message: m.Message) -> None:
        self.goes_deaf(message.at)
        known = self._known(message)
        known.is_whole = known.is_exact = False
        known.lost.append(message.at)

    def hears(self, message: m.Message) -> None:
        known = self._known(message)
        channel = channels_of(message)[0]
        if channel.uniqueid == known.call.name and not isinstance(message, m.Hangup | m.AgentComplete | m.BridgeLeave):
            known.meets(message.at)  # those say that something ends, and not what
        match message:
            case m.NewChannel() if channel.uniqueid == known.call.name:
                known.has_line = known.is_seen = known.call.direction == "inbound"
            case m.UserEvent() if message.name.startswith("HL") and message.name != "HLWrapUp":
                known.is_seen = True
                known.has_line |= message.name in {"HLOffered", "HLDial"}
                known.has_outcome |= message.name == "HLOutcome"
            case m.AgentConnect() if message.dest is not None:
                known.answered.add(message.dest.uniqueid)
            case m.BridgeEnter() if message.technology != "holding_bridge":
                known.answered.add(channel.uniqueid)

    def goes_deaf(self, at: datetime) -> None:
        self._deaf.append(at)

    @property
    def gaps(self) -> list[tuple[datetime, datetime]]:
        """From the first thing that did not reach us until the next snapshot."""
        found: dict[datetime, datetime] = {}
        for at in self._deaf:
            until = next((seen for seen in self._seen if seen >= at), at)
            found[until] = min(found.get(until, at), at)
        return [(start, end) for end, start in found.items()]

    def sees(self, snapshot: m.Snapshot, until: datetime) -> None:
        """A snapshot: every call that goes on is from now on known to the second. `until`: when it was listed."""
        self._seen.append(until)
        for known in self.calls.values():
            if known.call.started_at <= until and known.call.ended_at >= snapshot.at:
                known.is_exact = False
        parting = {
            live.channel.linkedid
            for live in snapshot.channels
            if live.channel.uniqueid not in self.calls and live.channel.state == 6 and live.bridge is None
        }
        waiting = {entry.uniqueid for entry in snapshot.entries}
        parting |= {
            live.channel.uniqueid
            for live in snapshot.channels
            if (known := self.calls.get(live.channel.uniqueid)) is not None
            and known.answered
            and live.bridge is None
            and live.channel.uniqueid not in waiting
        }
        for live in snapshot.channels:
            seen = self._of[live.channel.uniqueid]
            if live.channel.uniqueid == seen.call.name:
                seen.is_seen |= seen.call.direction == "inbound" or live.channel.context in _DIALS
                # Between two states, or ending: then a snapshot does not say what was or how.
                if live.channel.context != "hl-end" and live.channel.uniqueid not in parting:
                    seen.meets(snapshot.at)
            if live.channel.state == 6 and live.bridge is not None and live.application != "BridgeWait":
                seen.answered.add(live.channel.uniqueid)

    def forgets(self, ended: Container[str], last: Mapping[str, datetime]) -> None:
        """Our process died: of open calls it knows what rows say. `last`: the newest sign of where each caller is."""
        for name, known in self.calls.items():
            if name not in ended and known.contact is not None:
                known.is_exact = known.has_outcome = False
                known.was_forgotten = True
                known.contact = last.get(name)
                known.is_seen = name in last
                known.has_line &= name in last

    def restarts(self, at: datetime) -> None:
        for known in self.calls.values():
            if known.call.started_at <= at:
                known.may_be_cut = True
                known.is_exact &= known.call.ended_at < at
                named = {channel.uniqueid for message in known.call.messages for channel in channels_of(message)}
                # A phone's channel that was there and not yet said to ring: a snapshot may have shown it.
                known.is_whole &= len(named) == len(known.call.rings) + 1


@dataclass(slots=True)
class Verdict:
    """Asks of a play's events all that must hold; `faults` says in words what does not."""

    heard: Heard
    events: Sequence[CallEvent]
    faults: list[str] = field(default_factory=list)
    gaps: list[tuple[datetime, datetime]] = field(default_factory=list)

    def judge(self) -> list[str]:
        self.gaps = self.heard.gaps
        records = {record.linkedid: record for record in fold(self.events)}
        for name in records.keys() - self.heard.calls.keys():
            self.faults.append(f"{name} never was")
        for name, known in self.heard.calls.items():
            record = records.get(name)
            if record is None and known.call.direction == "outbound" and not known.has_line:
                continue
            if record is None:
                self._expect(name, "told", False, known.is_seen, known.is_seen)
            else:
                self._record(name, known, record)
        return self.faults

    def _expect(self, name: str, what: str, got: object, wanted: object, is_wrong: bool) -> None:
        if is_wrong:
            self.faults.append(f"{name} {what}: {got}, wanted {wanted}")

    def _record(self, name: str, known: Known, record: CallRecord) -> None:
        call = known.call
        if record.ended_at is None:
            self.faults.append(f"{name} is still open")
            return
        if call.direction == "outbound" and not known.has_line:
            return  # nothing was heard of its beginning: what is known of it is what a snapshot happened to show
        numbers = {call.number} if known.has_line or call.direction == "inbound" else {call.number, None}
        self._expect(name, "number", record.caller_number, numbers, record.caller_number not in numbers)
        lines = {call.line} if known.has_line else {call.line, UNKNOWN_LINE}
        self._expect(name, "line", record.line, lines, record.line not in lines)
        self._outcome(name, known, record)
        agents = agents_of(known, is_mixed=self.heard.is_mixed)
        self._expect(name, "agent", record.agent, agents, record.agent not in agents)
        self._talk(name, known, record)
        if self.heard.is_mixed and call.is_moved:
            return  # of two channels' words the later may have come first
        if known.is_whole:
            self._whole(name, known)
        if known.is_whole and known.is_exact:
            self._exact(name, known, record)

    def _outcome(self, name: str, known: Known, record: CallRecord) -> None:
        call = known.call
        if known.has_outcome:
            wanted, by = {call.outcome}, call.ended_by
        else:
            since = known.contact or call.started_at
            wanted = call.outcomes_since(since) | ({"failed"} if known.may_be_cut else set())
            wanted |= {"abandoned"} if known.was_forgotten and not call.queued else set()  # rows know no branch
            # Nor what became of a number; one that nobody saw end has failed. Met first in the queue: it is a caller's.
            wanted |= {"failed", "withdrawn", "abandoned", "no_answer"} if call.direction == "outbound" else set()
            by = {call.hangup_by, None} | ({"system"} if known.may_be_cut else set())
            # app_queue's word on whoever had them once may be the last that was heard.
            by |= {told.reason for told in call.messages if isinstance(told, m.AgentComplete)}
        self._expect(name, "outcome", record.outcome, wanted, record.outcome not in wanted & OUTCOMES)
        self._expect(name, "hangup_by", record.hangup_by, by, record.hangup_by not in by)

    def _talk(self, name: str, known: Known, record: CallRecord) -> None:
        if known.may_be_cut and record.talk_s is None:
            return  # nobody saw the end of it
        talk = timedelta(seconds=record.talk_s or 0)
        truth = known.call.talk or timedelta()
        slack = self._slack(known)
        self._expect(name, "talk", talk, f"{truth} ± {slack}", abs(talk - truth) > slack)

    def _slack(self, known: Known) -> timedelta:
        if known.is_exact and not (self.heard.is_mixed and known.call.is_moved):
            return _MS
        start, end = known.call.started_at, known.call.ended_at
        unheard = sum((b - a for a, b in self.gaps if a <= end and b >= start), timedelta())
        return _TO_THE_SECOND + unheard + (_ASKING if known.call.is_moved else timedelta())

    def _whole(self, name: str, known: Known) -> None:
        """Everything of it was heard: every wait and every ring is told, once."""
        mine = [event for event in self.events if event.linkedid == name]
        waits = sum(isinstance(event, CallQueued) for event in mine)
        self._expect(name, "waits", waits, len(known.call.queued), waits != len(known.call.queued))
        told = Counter((event.leg, _RESULTS[type(event)]) for event in mine if type(event) in _RESULTS)
        true = Counter((ring.leg, ring.result) for ring in known.call.rings)
        self._expect(name, "rings", told, true, told != true)
        rang = sum(isinstance(event, AgentRang) for event in mine)
        self._expect(name, "rang", rang, len(known.call.rings), rang != len(known.call.rings))
        left = sum(isinstance(event, AgentLegEnded) for event in mine)
        self._expect(name, "left", left, len(known.call.answers), left != len(known.call.answers))

    def _exact(self, name: str, known: Known, record: CallRecord) -> None:
        call = known.call
        got = (record.started_at, record.queued_at, record.answered_at, record.ended_at, record.wait_s)
        wait = None if call.wait is None else round(call.wait / _MS) / 1000
        queued = call.queued[0] if call.queued else None
        wanted = (_iso(call.started_at), _iso(queued), _iso(call.answered_at), _iso(call.ended_at), wait)
        self._expect(name, "times", got, wanted, got != wanted and not call.is_cut)


def agents_of(known: Known, *, is_mixed: bool) -> set[str | None]:
    """Who may be told to have had the caller last: who had, if all was heard, in its order. Else any who was heard or
    seen to talk: who of them had the caller only messages say that were lost, or came later than what followed.
    """
    call = known.call
    owners = [ring.member for _since, ring in call.owners if ring.leg in known.answered]
    if (known.is_whole and not is_mixed and not known.may_be_cut) or not call.is_moved:
        return {owners[-1] if owners else None}
    return {None, *(ring.member for ring in call.answers if ring.leg in known.answered)}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else iso(at)
