"""A made-up call that an agent makes. Each step follows a capture of the real Asterisk (tests/journal/outbound-…)."""

from collections.abc import Callable
from dataclasses import replace

from hotline.telephony import messages as m
from tests.pbx_moves import Mover, Pair
from tests.pbx_truth import Ring


class Dialler(Mover):
    """The agent's own phone is rung, then the number. Who is reached is as a caller is, and moves like one. What became
    of it is told as the agent's own phone goes; `by`: who ended it then, empty when it goes on without that agent.
    """

    is_told = False
    by = ""

    def _begins(self) -> None:
        member = self._free()
        leg = self.call.name
        self.own = m.Channel(
            f"PJSIP/{member}-{self.day.numbers:08x}", leg, leg, 0, self.call.number, None, "hl-agents", "s"
        )
        self.call.direction = "outbound"
        self.ring = Ring(leg, member, self.at)
        self.call.rings.append(self.ring)

    def dials(self) -> None:
        self._own_phone_rings()
        there = self._number_rings()
        become = self.random.choice([self._reached, self._reached, self._reached, self._not_reached, self._withdrawn])
        become(there)

    def _own_phone_rings(self) -> None:
        """And answers by itself; the call begins with that."""
        self._say(m.NewChannel(at=self.at, channel=self.own))
        self._tick()
        self._say(m.DialBegin(at=self.at, channel=None, dest=self.own, string=self.ring.member))
        self._tick()
        self.own = replace(self.own, state=5)
        self._say(m.NewState(at=self.at, channel=self.own))
        self._pass(0.1, 1)
        self.own = replace(self.own, state=6)
        self._say(m.NewState(at=self.at, channel=self.own))
        self._say(m.DialEnd(at=self.at, channel=None, dest=self.own, status="ANSWER"))
        self._tick()
        self.call.started_at = self.ring.rang_at = self.at
        self._turn("withdrawn")
        self.own = replace(self.own, context="hl-dial", exten=self.call.number)
        fields = {"hlline": self.call.line, "hlnumber": self.call.number, "hlby": self.ring.member}
        self._say(m.UserEvent(at=self.at, name="HLDial", fields=fields, channel=self.own))
        self._tick()

    def _number_rings(self) -> m.Channel:
        name = self.day.uniqueid(self.at)
        there = m.Channel(
            f"PJSIP/outside-{self.day.numbers:08x}", name, self.call.name, 0, self.call.number, None, "hl-party", "s"
        )
        self._say(m.NewChannel(at=self.at, channel=there))
        self._tick()
        self.own = replace(self.own, context="hl-way")
        string = f"{self.call.number}@outside"
        self._say(m.DialBegin(at=self.at, channel=self.own, dest=there, string=string))
        self._tick()
        there = replace(there, state=5)
        self._say(m.NewState(at=self.at, channel=there))
        self._pass(0.5, 5)
        return there

    # What becomes of it

    def _reached(self, there: m.Channel) -> None:
        self.channel = there = replace(there, state=6)
        self._say(m.NewState(at=self.at, channel=there))
        self._tick()
        file = self._file()
        self._fact("HLRecording", "hl-recording", hlkind="call", hlfile=file)
        self.call.files.append(("call", file))
        self._tick()
        self._say(m.DialEnd(at=self.at, channel=self.own, dest=there, status="ANSWER"))
        self._tick()
        self._new_room()
        self._bridge(m.BridgeEnter, there)
        self.ring.result, self.ring.answered_at = "answered", self.at
        self._owns(self.ring)
        self._turn("answered")
        self._bridge(m.BridgeEnter, self.own)
        self._pass(1, 15)
        has: Pair | None = (self.ring, self.own)
        for _ in range(self.random.choice([0, 0, 1, 2])):
            move: Callable[[Mover, Pair], Pair | None] = self.random.choice(_MOVES)
            assert has is not None
            has = move(self, has)
            if has is None:
                return
        assert has is not None
        self._says_bye(has)

    def _not_reached(self, there: m.Channel) -> None:
        outcome, status, cause = self.random.choice(
            [("busy", "BUSY", 17), ("no_answer", "NOANSWER", 0), ("rejected", "NOANSWER", 21)]
        )
        self._say(m.DialEnd(at=self.at, channel=self.own, dest=there, status=status))
        self._tick()
        self._turn(outcome)
        self._say(m.Hangup(at=self.at, channel=there, cause=cause))
        self._pass(2, 2.1)
        self.ring.result = "withdrawn"
        self._tells(outcome, "system")
        self._ends(self.ring, self.own, 16)

    def _withdrawn(self, there: m.Channel) -> None:
        self.ring.result = "withdrawn"
        self._say(m.DialEnd(at=self.at, channel=self.own, dest=there, status="CANCEL"))
        self._tick()
        self._tells("withdrawn", "agent")
        self._ends(self.ring, self.own, 0)
        self._say(m.Hangup(at=self.at, channel=there, cause=16))

    # Its end

    def _tells(self, outcome: str, by: str) -> None:
        self.is_told = True
        self.call.outcome, self.call.hangup_by, self.call.is_unsaid = outcome, by, not by
        fields = {"hloutcome": outcome, "hlhangupby": by, "hlmember": self.ring.member}
        where = replace(self.own, context="hl-dial-end", exten="s")
        self._say(m.UserEvent(at=self.at, name="HLOutcome", fields=fields, channel=where))
        self._tick()

    def _ends(self, ring: Ring, phone: m.Channel, cause: int) -> None:
        if ring is self.ring and not self.is_told:
            self._tells("answered", self.by)
        super()._ends(ring, phone, cause)

    def _states(self, outcome: str, by: str) -> None:
        self.by = by
        if self.is_told:
            self.call.hangup_by = by

    def _turn(self, outcome: str) -> None:
        super()._turn("answered" if self.ring.answered_at is not None else outcome)


_MOVES = (Mover.holds, Mover.consults, Mover.gives, Mover.queues, Mover.parks)
