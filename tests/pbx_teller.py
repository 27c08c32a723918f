"""One made-up call, told as Asterisk would: each step follows a transcript of the real one (tests/transcripts)."""

from collections.abc import Callable, Container
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Protocol, Self

from hotline.telephony import messages as m
from tests.pbx_truth import Ring, TrueCall

LINES = ("12345", "12345", "12345", "2912345")
MEMBERS = ("a1", "a2", "a3", "a4")


class Switch(Protocol):
    """The day of which a call is one."""

    random: Random
    free: dict[str, datetime]
    numbers: int

    def uniqueid(self, at: datetime) -> str: ...


class Teller:
    """Makes up one call: time passes by `_pass`, Asterisk speaks by `_say`, and the truth is put down beside it."""

    def __init__(self, day: Switch, at: datetime) -> None:
        self.day, self.random, self.at = day, day.random, at
        name = day.uniqueid(at)
        self.call = TrueCall(name, self.random.choice(LINES), f"138{self.random.randrange(10**8):08}", at)
        self.channel = m.Channel(
            f"PJSIP/trunk-{day.numbers:08x}", name, name, 4, self.call.number, None, "hl-trunk", self.call.line
        )
        self.parts = self.rooms = 0
        self._begins()

    def _begins(self) -> None:
        at = self.at
        self._turn("failed")
        self._say(m.NewChannel(at=at, channel=self.channel))
        self._tick()
        self._fact("HLOffered", "hl-line", hlline=self.call.line)
        self._tick()

    def tell(self, kind: Callable[[Self], None]) -> TrueCall:
        kind(self)
        self.call.messages.sort(key=lambda message: message.at)
        self.call.ended_at = self.call.messages[-1].at
        return self.call

    # Time, and what is said

    def _pass(self, least: float, most: float) -> None:
        self.at += timedelta(microseconds=round(self.random.uniform(least, most) * 1_000_000))

    def _tick(self) -> None:
        """As long as Asterisk needs from one step to the next."""
        self.at += timedelta(microseconds=self.random.randint(50, 1500))

    def _say(self, message: m.Message) -> None:
        self.call.messages.append(message)

    def _fact(self, name: str, context: str = "", **fields: str) -> None:
        where = replace(self.channel, context=context, exten="s") if context else self.channel
        self._say(m.UserEvent(at=self.at, name=name, fields=fields, channel=where))

    def _turn(self, outcome: str) -> None:
        self.call.turns.append((self.at, outcome))

    def _goes_to(self, context: str, exten: str = "s", state: int = 6) -> None:
        self.channel = replace(self.channel, context=context, exten=exten, state=state)

    # The dialplan's branches

    def _opens(self) -> None:
        self._turn("abandoned")
        self._goes_to("hl-open")
        self._say(m.NewState(at=self.at, channel=self.channel))
        self._pass(5, 10)

    def _closes(self) -> None:
        self._turn("closed")
        self._goes_to("hl-closed")
        self._say(m.NewState(at=self.at, channel=self.channel))
        self._goes_to("hl-recorder", "closed")
        self._pass(3, 12)

    def _records(self) -> None:
        """Before the first wait: the file that a recorder will write once two talk."""
        self._fact("HLRecording", hlkind="call", hlfile=self._file())
        self._tick()

    def _file(self) -> str:
        self.parts += 1
        return f"pbx1/2026/05/11/{self.call.name}-{self.parts}.wav"

    def _joins(self, *, is_told: bool = False) -> None:
        """`is_told`: the dialplan said so before."""
        if not is_told:
            self.call.queued.append(self.at)
        self._say(m.QueueCallerJoin(at=self.at, queue="hotline", position=1, channel=self.channel))
        self._tick()

    def _leaves(self) -> None:
        self.call.unqueued_at = self.at
        self._say(m.QueueCallerLeave(at=self.at, queue="hotline", channel=self.channel))
        self._tick()

    def _waits(self) -> None:
        """Greeting, then the queue."""
        self._opens()
        self._records()
        self._joins()

    # Agents

    def _free(self, but: Container[str] = ()) -> str:
        """The agent who is free first, and it is that time."""
        members = [one for one in MEMBERS if one not in but]
        member = min(members, key=lambda one: (max(self.day.free[one], self.at), self.random.random()))
        self.at = max(self.at, self.day.free[member])
        return member

    def _rings(self) -> tuple[Ring, m.Channel]:
        member = self._free()
        self._tick()
        leg = self.day.uniqueid(self.at)
        phone = m.Channel(
            f"PJSIP/{member}-{self.day.numbers:08x}", leg, self.call.name, 0, None, None, "hl-agents", "s"
        )
        ring = Ring(leg, member, self.at)
        self.call.rings.append(ring)
        self._say(m.NewChannel(at=self.at, channel=phone))
        self._tick()
        ring.rang_at = self.at
        self._say(m.AgentCalled(at=self.at, channel=self.channel, dest=phone, **self._member(ring)))
        self._tick()
        self._say(m.DialBegin(at=self.at, channel=self.channel, dest=phone))
        phone = replace(phone, state=5)
        self._tick()
        self._say(m.NewState(at=self.at, channel=phone))
        return ring, phone

    def _member(self, ring: Ring) -> dict[str, str]:
        return {"queue": "hotline", "member": ring.member, "interface": f"PJSIP/{ring.member}"}

    def _misses(self) -> None:
        """Rings its time out, or is rejected."""
        ring, phone = self._rings()
        rang_from = self.at
        self._pass(0.3, 5)
        self._say(m.DialEnd(at=self.at, channel=self.channel, dest=phone, status="NOANSWER"))
        self._tick()
        ring.result, ring.left_at = "missed", self.at
        rang = (self.at - rang_from) // timedelta(milliseconds=1)
        self._say(m.AgentRingNoAnswer(at=self.at, channel=self.channel, dest=phone, ring_ms=rang, **self._member(ring)))
        self._tick()
        self._ends(ring, phone, 17)
        self._pass(0.9, 1.1)

    def _ends(self, ring: Ring, phone: m.Channel, cause: int) -> None:
        self._say(m.Hangup(at=self.at, channel=phone, cause=cause))
        self.day.free[ring.member] = self.at + timedelta(seconds=1)
        self._tick()

    def _answers(self) -> tuple[Ring, m.Channel]:
        ring, phone = self._rings()
        self._pass(0.5, 4)
        phone = replace(phone, state=6)
        self._say(m.NewState(at=self.at, channel=phone))
        self._say(m.DialEnd(at=self.at, channel=self.channel, dest=phone, status="ANSWER"))
        self._tick()
        self._leaves()
        ring.result, ring.answered_at = "answered", self.at
        self._owns(ring)
        self._turn("answered")
        self._say(
            m.AgentConnect(at=self.at, channel=self.channel, dest=phone, hold_s=1, ring_s=1, **self._member(ring))
        )
        self._tick()
        self._new_room()
        self._bridge(m.BridgeEnter, phone)
        self._bridge(m.BridgeEnter, self.channel)
        if not any(kind == "call" for kind, _file in self.call.files):
            self.call.files.append(("call", f"pbx1/2026/05/11/{self.call.name}-1.wav"))
        self._pass(1, 20)
        return ring, phone

    def _owns(self, ring: Ring) -> None:
        ring.has_since = ring.has_since or self.at
        self.call.owners.append((self.at, ring))

    def _new_room(self) -> None:
        self.rooms += 1

    def _bridge(self, kind: type[m.BridgeEnter] | type[m.BridgeLeave], channel: m.Channel, room: int = 0) -> None:
        """Into, or out of, the newest conversation, or `room`."""
        bridge = f"b{room or self.rooms}-{self.call.name}"
        self._say(kind(at=self.at, bridge=bridge, technology="simple_bridge", channel=channel))
        self._tick()

    def _parts(self, ring: Ring, phone: m.Channel) -> None:
        """The two are out of the conversation, in either order."""
        for channel in self.random.sample([phone, self.channel], 2):
            if channel is phone:
                ring.left_at = self.at
            self._bridge(m.BridgeLeave, channel)

    def _wraps_up(self, ring: Ring, phone: m.Channel) -> None:
        fields = {"hlmember": ring.member, "hluntil": str(int(self.at.timestamp()) + 18)}
        where = replace(phone, context="hl-member-end")
        self._say(m.UserEvent(at=self.at, name="HLWrapUp", fields=fields, channel=where))
        self._tick()

    def _loses_the_phone(self) -> None:
        """Its page died in mid-talk; the caller is first in line again."""
        ring, phone = self._answers()
        self._parts(ring, phone)
        self._wraps_up(ring, phone)
        self._ends(ring, phone, 38)
        self._pass(1, 3)
        self._turn("abandoned")
        self._joins()

    # Ends

    def _hangs_up(self, outcome: str, by: str, cause: int = 16) -> None:
        self._states(outcome, by)
        self._say(m.Hangup(at=self.at, channel=self.channel, cause=cause))
        self._tick()

    def _states(self, outcome: str, by: str) -> None:
        self.call.outcome, self.call.hangup_by = outcome, by
        member = self.call.agent or "" if outcome == "answered" else ""
        self._fact("HLOutcome", "hl-end", hloutcome=outcome, hlhangupby=by, hlmember=member)
        self._tick()

    def _speaks_to_the_recorder(self) -> None:
        self._goes_to("hl-recorder", "record")
        self._turn("voicemail")
        file = self._file()
        self.call.files.append(("voicemail", file))
        self._fact("HLRecording", hlkind="voicemail", hlfile=file)
        self._pass(2, 15)
        self._hangs_up("voicemail", self.random.choice(["caller", "system"]), 0)

    def _says_goodbye(self) -> None:
        """Caller or agent; who of the two channels is gone first is chance."""
        ring, phone = self._answers()
        by = self.random.choice(["caller", "agent"])
        complete = m.AgentComplete(
            at=self.at, channel=self.channel, dest=phone, hold_s=1, talk_s=9, reason=by, **self._member(ring)
        )
        self._say(complete)
        self._tick()
        self._parts(ring, phone)
        for lost in self.call.answers[:-1]:  # app_queue's word on an agent who was lost: late, and without a leg
            again = replace(complete, at=self.at, dest=None, member=lost.member, interface=f"PJSIP/{lost.member}")
            self._say(again)
            self._tick()
        if self.random.random() < 0.5:
            self._hangs_up("answered", by)
            self._wraps_up(ring, phone)
            self._ends(ring, phone, 16)
        else:
            self._states("answered", by)
            self._wraps_up(ring, phone)
            self._ends(ring, phone, 16)
            self._say(m.Hangup(at=self.at, channel=self.channel, cause=16))

    def _gives_up(self, *, while_ringing: bool) -> None:
        rung = self._rings() if while_ringing else None
        self._pass(0.5, 8)
        if rung is not None:
            ring, phone = rung
            self._say(m.DialEnd(at=self.at, channel=self.channel, dest=phone, status="CANCEL"))
            ring.result = "withdrawn"
        self._say(m.QueueCallerAbandon(at=self.at, queue="hotline", channel=self.channel))
        self._tick()
        self._leaves()
        if rung is not None and self.random.random() < 0.5:
            self._ends(*rung, 0)
            rung = None
        self._hangs_up("abandoned", "caller", 0)
        if rung is not None:
            self._ends(*rung, 0)

    def _times_out(self) -> None:
        """Nobody answered for as long as anybody waits."""
        self._say(m.QueueCallerAbandon(at=self.at, queue="hotline", channel=self.channel))
        self._tick()
        self._leaves()
        self._goes_to("hl-recorder", "nobody")
        self._pass(3, 10)

    # Kinds of calls

    def answered(self) -> None:
        self._waits()
        for _ in range(self.random.choice([0, 0, 1, 2])):
            self._misses()
        self._says_goodbye()

    def abandoned_in_the_greeting(self) -> None:
        self._opens()
        self._hangs_up("abandoned", "caller", 0)

    def abandoned(self) -> None:
        self._waits()
        if self.random.random() < 0.3:
            self._misses()
        self._gives_up(while_ringing=self.random.random() < 0.5)

    def phone_lost(self) -> None:
        self._waits()
        self._loses_the_phone()
        after = self.random.random()
        if after < 0.6:
            self._says_goodbye()
        elif after < 0.8:
            self._gives_up(while_ringing=self.random.random() < 0.5)
        else:
            self._misses()
            self._times_out()
            self._speaks_to_the_recorder()

    def voicemail_after_waiting(self) -> None:
        self._waits()
        self._misses()
        self._times_out()
        if self.random.random() < 0.2:
            self._hangs_up("abandoned", "caller", 0)
        else:
            self._speaks_to_the_recorder()

    def voicemail_as_nobody_is_there(self) -> None:
        self._opens()
        self._goes_to("hl-recorder", "nobody")
        self._pass(3, 10)
        self._speaks_to_the_recorder()

    def closed(self) -> None:
        self._closes()
        if self.random.random() < 0.5:
            self._hangs_up("closed", "caller", 0)
        else:
            self._speaks_to_the_recorder()

    def blocked(self) -> None:
        self._states("blocked", "system")
        self._goes_to("hl-line", state=4)
        self._say(m.Hangup(at=self.at, channel=self.channel, cause=17))
