"""A foreign capture's blocks in, our messages out. Pure.

The whole capture is read before the first message is given: only then is it known which channels were of one call, and
who called whom. Nothing that arrives makes it raise: what cannot be read and what nobody knows is counted by its name.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hotline.telephony import messages as m
from hotline.telephony import names
from hotline.telephony.legacy.calls import CALLS
from hotline.telephony.legacy.desk import Desk, Draft, Unread, interface_of, snapshot
from hotline.telephony.legacy.idle import IDLE
from hotline.telephony.legacy.queues import QUEUES
from hotline.telephony.legacy.recognition import Recognised, calls_of, is_inside, recognise
from hotline.telephony.legacy.switchboard import Party
from hotline.telephony.parser import Block

_HANDLERS = {**CALLS, **QUEUES}
_MISSED = frozenset({"NOANSWER", "BUSY", "CONGESTION", "CHANUNAVAIL"})
# Of a call that a phone of the PBX began, the channel that carries it is the agent's.
_SIDES = {"caller": "agent", "agent": "caller"}
_ENDS = (m.Hangup, m.UserEvent, m.NewState)


class Translator:
    """`unknown`: events that no Asterisk has, by name; `unread`: known ones without what they are about."""

    def __init__(self) -> None:
        self.unknown: Counter[str] = Counter()
        self.unread: Counter[str] = Counter()
        self._desk = Desk()
        self._outside: set[str] = set()

    @property
    def is_estimated(self) -> bool:
        """Events carried no time; it was taken from channels' names, to the second."""
        return self._desk.is_estimated

    def feed(self, block: Block) -> None:
        """One event, in its order. Replies, and what a client sent, tell nothing of calls."""
        if block.kind != "event":
            return
        name = block.name.lower()
        handler = _HANDLERS.get(name)
        if handler is None:
            if name not in IDLE:
                self.unknown[block.name[:40]] += 1
            return
        self._desk.tick(block)
        try:
            handler(self._desk, block)
        except Unread:
            self.unread[block.name[:40]] += 1

    def is_outside(self, channel: m.Channel) -> bool:
        """Of the network, not a phone of the PBX. Known once `messages` are given."""
        return channel.uniqueid in self._outside

    def messages(self) -> Iterator[m.Message]:
        """All that was told, as our own Asterisk would have said it, calls' facts among it."""
        desk = self._desk
        calls = {root: recognise(people, desk.members) for root, people in calls_of(desk.board).items()}
        for party in desk.board.parties:
            if party.is_real and not is_inside(party, desk.members):
                self._outside.add(party.id)
        return _Telling(desk, calls).all()


class _Telling:
    """Drafts to messages. `begun`: calls whose beginning is told; `rang`: since when a phone rings; `talked`: who
    has; `names`: of calls that became another, that one.
    """

    def __init__(self, desk: Desk, calls: dict[Party, Recognised | None]) -> None:
        self.desk = desk
        self.calls = calls
        self.begun: set[Party] = set()
        self.rang: dict[Party, datetime] = {}
        self.talked: set[Party] = set()
        self.met = 0
        self.names: dict[Party, Party] = {}

    def all(self) -> Iterator[m.Message]:
        for draft in self.desk.drafts:
            self._meet(draft.meetings)
            said = next((value for value in draft.channels.values() if value is not None), None)
            if said is None:
                continue
            root = self.desk.board.root(said[0])
            call = self.calls.get(root)
            if call is not None and root not in self.begun and self._begins(draft, call):
                self.begun.add(root)
                yield self._offered(draft, call)
            yield from self._told(draft, call, said[0])

    def _begins(self, draft: Draft, call: Recognised) -> bool:
        """The caller is there, and these are not the last words of a call that the capture did not see begin."""
        if not call.caller.was_born:
            return draft.kind not in _ENDS
        return any(value is not None and value[0] is call.caller for value in draft.channels.values())

    def _offered(self, draft: Draft, call: Recognised) -> m.Message:
        fields = {"hlline": call.line, "hldirection": call.direction}
        if call.number:
            fields["hlnumber"] = call.number
        here = (value for value in draft.channels.values() if value is not None and value[0] is call.caller)
        seen = next(here, (call.caller, snapshot(call.caller)))
        return m.UserEvent(at=draft.at, name="HLOffered", fields=fields, channel=self._channel(seen))

    def _told(self, draft: Draft, call: Recognised | None, said: Party) -> Iterator[m.Message]:
        channels = {key: self._channel(value) if value is not None else None for key, value in draft.channels.items()}
        if draft.kind is m.UserEvent:
            fields = _outcome(draft.more["fields"], call) if call is not None and said is call.caller else None
            if fields is not None:
                yield m.UserEvent(at=draft.at, name="HLOutcome", fields=fields, **channels)
            return
        if call is not None and call.direction == "inbound" and draft.kind in (m.DialBegin, m.DialEnd):
            yield from self._rings(draft, call, channels)
            return
        if draft.kind is m.BridgeEnter:
            self.talked.add(said)
        yield draft.kind(at=draft.at, **channels, **draft.more)

    def _rings(self, draft: Draft, call: Recognised, channels: dict[str, Any]) -> Iterator[m.Message]:
        """The dialplan rings a phone for a caller whom nobody has had yet: what a queue does, without one."""
        person, phone = draft.channels["channel"], draft.channels["dest"]
        is_offer = (
            person is not None
            and phone is not None
            and person[0] is call.caller
            and is_inside(phone[0], self.desk.members)
            and (phone[0] in self.rang or call.caller not in self.talked)
        )
        if not is_offer or phone is None:
            yield draft.kind(at=draft.at, **channels, **draft.more)
            return
        leg = phone[0]
        about = {"queue": "", "member": names.peer(leg.name), "interface": interface_of(leg), **channels}
        if draft.kind is m.DialBegin:
            self.rang.setdefault(leg, draft.at)
            yield m.AgentCalled(at=draft.at, **about)
        elif draft.more["status"] in _MISSED and leg not in self.desk.from_queue:
            ring_ms = max(0, (draft.at - self.rang.get(leg, draft.at)) // timedelta(milliseconds=1))
            yield m.AgentRingNoAnswer(at=draft.at, ring_ms=ring_ms, **about)

    def _meet(self, until: int) -> None:
        """Calls that met by then are one from then on, by the name of the older."""
        for one, two in self.desk.board.meetings[self.met : until]:
            older, younger = sorted((self._name(one), self._name(two)), key=lambda party: party.order)
            if older is not younger:
                self.names[younger] = older
        self.met = until

    def _name(self, party: Party) -> Party:
        party = self.desk.board.ancestor(party)
        while party in self.names:
            party = self.names[party]
        return party

    def _channel(self, seen: tuple[Party, m.Channel]) -> m.Channel:
        party, channel = seen
        return channel if channel.linkedid else replace(channel, linkedid=self._name(party).id)


def _outcome(fields: dict[str, str], call: Recognised) -> dict[str, str] | None:
    """Of a call that a phone of ours began the tracker knows better how it went, unless they talked or the PBX died."""
    if call.direction == "inbound":
        return fields
    outcome, by = fields["hloutcome"], fields["hlhangupby"]
    if outcome not in {"answered", "failed"} or (outcome == "failed" and by != "system"):
        return None
    return fields | {"hlhangupby": _SIDES.get(by, by)}
