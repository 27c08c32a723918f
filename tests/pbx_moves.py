"""What becomes of a made-up call once it is answered: hold, consult, conference, transfer, parking, a dead phone. Each
step follows a capture of the real Asterisk (tests/journal) message by message.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from hotline.telephony import messages as m
from tests.pbx_teller import Teller
from tests.pbx_truth import Ring

Pair = tuple[Ring, m.Channel]
"""An agent's phone as the truth has it, and its channel."""


class Mover(Teller):
    """`due`: whom app_queue has not yet said to have completed the call; it says so once, late."""

    due: Pair | None = None

    def moved(self) -> None:
        self._waits()
        self._goes_on()

    def _goes_on(self) -> None:
        """Somebody answers, and it is moved until somebody hangs up."""
        has: Pair | None = self._connected()
        for _ in range(self.random.choice([1, 1, 2, 3])):
            move: Callable[[Mover, Pair], Pair | None] = self.random.choice(_MOVES)
            assert has is not None
            has = move(self, has)
            if has is None:
                return
        assert has is not None
        self._says_bye(has)

    def _connected(self) -> Pair:
        self.due = self._answers()
        return self.due

    # Ends

    def _completes(self, reason: str, of: Ring | None = None) -> None:
        """app_queue's word, when its agent's phone ends, or the caller."""
        if self.due is None or (of is not None and of is not self.due[0]):
            return
        ring, phone = self.due
        self.due = None
        self._say(
            m.AgentComplete(
                at=self.at, channel=self.channel, dest=phone, hold_s=1, talk_s=9, reason=reason, **self._member(ring)
            )
        )
        self._tick()

    def _says_bye(self, has: Pair) -> None:
        ring, phone = has
        by = self.random.choice(["caller", "agent"])
        self._completes(by)
        self._parts(ring, phone)
        self._states("answered", by)
        for end in self.random.sample([0, 1], 2):
            if end:
                self._ends(ring, phone, 16)
            else:
                self._say(m.Hangup(at=self.at, channel=self.channel, cause=16))
                self._tick()

    def _away(self, has: Pair) -> None:
        """Who had the caller has gone, with a person's goodbye."""
        ring, phone = has
        self._completes("agent", ring)
        self._ends(ring, phone, 16)

    def _again(self) -> Pair | None:
        """First in line; somebody answers, or the caller gives up."""
        self._turn("abandoned")
        self._goes_to("hl-open")
        self.call.queued.append(self.at)
        self._fact("HLAgain", hlqueue="hotline")
        self._tick()
        self._joins(is_told=True)
        if self.random.random() < 0.2:
            self._gives_up(while_ringing=self.random.random() < 0.5)
            return None
        return self._connected()

    # Movements. Each returns who has the caller then; None when the call is over.

    def holds(self, has: Pair) -> Pair:
        _ring, phone = has
        self._say(m.Hold(at=self.at, channel=phone))
        self._pass(0.5, 5)
        self._say(m.Unhold(at=self.at, channel=phone))
        self._pass(0.5, 5)
        return has

    def loses(self, has: Pair) -> Pair | None:
        ring, phone = has
        self._parts(ring, phone)
        self._completes("agent", ring)
        self._ends(ring, phone, 38)
        self._pass(0.05, 0.5)
        return self._again()

    def _moves(self, what: str, by: str, to: str = "") -> None:
        self._fact("HLMove", "hl-moved", hlwhat=what, hlby=by, hlto=to)
        self._tick()

    def _leaves_for(self, has: Pair, caller: tuple[str, str], agent: tuple[str, str]) -> Pair:
        """One Redirect of both: out of the conversation, in either order."""
        ring, phone = has
        self._goes_to(*caller)
        phone = replace(phone, context=agent[0], exten=agent[1])
        for channel in self.random.sample([phone, self.channel], 2):
            if channel is phone:
                ring.left_at = self.at
            self._bridge(m.BridgeLeave, channel)
        return ring, phone

    def _dials_up(self, dialler: m.Channel, member: str, role: str) -> Pair:
        """A phone rings because somebody dialled it."""
        leg = self.day.uniqueid(self.at)
        phone = m.Channel(
            f"PJSIP/{member}-{self.day.numbers:08x}", leg, self.call.name, 0, None, None, "hl-agents", "s"
        )
        self._say(m.NewChannel(at=self.at, channel=phone))
        self._tick()
        ring = Ring(leg, member, self.at)
        self.call.rings.append(ring)
        place = "hl-consulted" if role == "consult" else "hl-offer"
        dest = replace(phone, context=place)
        self._say(m.DialBegin(at=self.at, channel=dialler, dest=dest, string=member))
        self._tick()
        phone = replace(phone, state=5)
        self._say(m.NewState(at=self.at, channel=phone))
        self._tick()
        return ring, phone

    def _refuses(self, dialler: m.Channel, rung: Pair) -> None:
        ring, phone = rung
        self._say(m.DialEnd(at=self.at, channel=dialler, dest=phone, status="NOANSWER"))
        ring.result, ring.left_at = "missed", self.at
        self._tick()
        self._ends(ring, phone, self.random.choice([19, 21]))

    def _picks_up(self, dialler: m.Channel, rung: Pair) -> Pair:
        """And the two talk, in a conversation of their own."""
        ring, phone = rung
        phone = replace(phone, state=6)
        self._say(m.NewState(at=self.at, channel=phone))
        self._say(m.DialEnd(at=self.at, channel=dialler, dest=phone, status="ANSWER"))
        self._tick()
        self._new_room()
        ring.result, ring.answered_at = "answered", self.at
        return ring, phone

    # Asking a colleague

    def consults(self, has: Pair) -> Pair | None:
        member = self._free(but={has[0].member})
        ring, phone = self._leaves_for(has, ("hl-wait", "consult"), ("hl-consult", member))
        has = ring, phone
        rung = self._dials_up(phone, member, "consult")
        self._pass(0.08, 0.12)
        self._moves("consult", ring.member, member)
        self._goes_to("hl-wait", "consult")
        self._pass(0.1, 4)
        if self.random.random() < 0.3:
            self._refuses(phone, rung)
            self._pass(1.2, 1.3)
            return self._comes_back(has)
        asked = self._picks_up(phone, rung)
        self._bridge(m.BridgeEnter, asked[1])
        ring.left_at = None
        self._bridge(m.BridgeEnter, phone)
        self._pass(1, 6)
        then: Callable[[Mover, Pair, Pair], Pair | None] = self.random.choice(_CONSULTED)
        return then(self, has, asked)

    def _comes_back(self, has: Pair) -> Pair:
        """To the caller, through the room."""
        ring, phone = has
        phone = replace(phone, context="hl-room-leg", exten="s")
        self._waits_in_the_room(phone, "back", ring.member)
        self._meets(phone)
        ring.left_at = None
        self._pass(0.5, 6)
        return ring, phone

    def _waits_in_the_room(self, phone: m.Channel, what: str, by: str, to: str = "") -> None:
        room = f"w{self.rooms}-{self.call.name}"
        self._say(m.BridgeEnter(at=self.at, bridge=room, technology="holding_bridge", channel=phone))
        self._pass(0.01, 0.1)
        self._moves(what, by, to)
        self._say(m.BridgeLeave(at=self.at, bridge=room, technology="holding_bridge", channel=phone))
        self._tick()

    def _meets(self, *phones: m.Channel) -> list[datetime]:
        """The caller's own conversation; since when each phone is in it with them. A third comes a moment later."""
        self._new_room()
        self._goes_to("hl-room-caller")
        self._bridge(m.BridgeEnter, phones[0])
        met = [self.at]
        self._bridge(m.BridgeEnter, self.channel)
        for phone in phones[1:]:
            self._pass(0.05, 0.15)
            met.append(self.at)
            self._bridge(m.BridgeEnter, phone)
        return met

    def _apart(self, has: Pair, asked: Pair) -> None:
        for ring, phone in self.random.sample([has, asked], 2):
            ring.left_at = self.at
            self._bridge(m.BridgeLeave, phone)

    def back_from(self, has: Pair, asked: Pair) -> Pair:
        self._apart(has, asked)
        self._ends(*asked, 16)
        return self._comes_back(has)

    def completed(self, has: Pair, asked: Pair) -> Pair:
        self._apart(has, asked)
        self._away(has)
        ring, phone = asked[0], replace(asked[1], context="hl-room-leg", exten="s")
        self._waits_in_the_room(phone, "room", has[0].member, ring.member)
        [met] = self._meets(phone)
        ring.left_at, ring.has_since = None, met
        self.call.owners.append((met, ring))
        self._pass(0.5, 6)
        return ring, phone

    def confers(self, has: Pair, asked: Pair) -> Pair | None:
        """All three. Then the first agent leaves, the colleague does, or the caller hangs up."""
        self._apart(has, asked)
        order = self.random.sample([has[0], asked[0]], 2)
        phones = {ring.leg: replace(phone, context="hl-room-leg", exten="s") for ring, phone in (has, asked)}
        self._waits_in_the_room(phones[order[0].leg], "room", has[0].member, order[0].member)
        for ring, met in zip(order, self._meets(*(phones[ring.leg] for ring in order)), strict=True):
            ring.left_at, ring.has_since = None, ring.has_since or met
        self._pass(1, 6)
        pairs = [(ring, phones[ring.leg]) for ring in (has[0], asked[0])]
        stays = self.random.choice([0, 1, None])
        if stays is None:
            self._completes("caller")
            self._bridge(m.BridgeLeave, self.channel)
            for ring, phone in pairs:
                ring.left_at = self.at
                self._bridge(m.BridgeLeave, phone)
            self._states("answered", "caller")
            for ring, phone in pairs:
                self._ends(ring, phone, 16)
            self._say(m.Hangup(at=self.at, channel=self.channel, cause=16))
            return None
        ring, phone = pairs[1 - stays]
        ring.left_at = self.at
        if stays == 1:
            self.call.owners.append((self.at, pairs[1][0]))
        self._bridge(m.BridgeLeave, phone)
        self._away((ring, phone))
        self._pass(1, 6)
        return pairs[stays]

    # Given away

    def gives(self, has: Pair) -> Pair | None:
        member = self._free(but={has[0].member})
        ring, phone = self._leaves_for(has, ("hl-transfer", member), ("hl-room", "leave"))
        self._moves("transfer", ring.member, member)
        self._turn("abandoned")
        self._away((ring, phone))
        return self._rings_at(member)

    def _rings_at(self, member: str) -> Pair | None:
        """For a caller who waits for this phone and no other."""
        self._goes_to("hl-transfer", member)
        rung = self._dials_up(self.channel, member, "transfer")
        self._pass(0.1, 4)
        chance = self.random.random()
        if chance < 0.3:
            self._refuses(self.channel, rung)
            return self._again()
        if chance < 0.45:
            ring, phone = rung
            ring.result = "withdrawn"
            self._say(m.DialEnd(at=self.at, channel=self.channel, dest=phone, status="CANCEL"))
            self._tick()
            self._ends(ring, phone, 0)
            self._hangs_up("abandoned", "caller", 0)
            return None
        ring, phone = self._picks_up(self.channel, rung)
        self._owns(ring)
        self._turn("answered")
        self._bridge(m.BridgeEnter, phone)
        self._bridge(m.BridgeEnter, self.channel)
        self._pass(0.5, 6)
        return ring, phone

    def queues(self, has: Pair) -> Pair | None:
        ring, phone = self._leaves_for(has, ("hl-transfer", "queue"), ("hl-room", "leave"))
        self._moves("queue", ring.member, "queue")
        self._away((ring, phone))
        return self._again()

    def parks(self, has: Pair) -> Pair | None:
        ring, phone = self._leaves_for(has, ("hl-wait", "parked"), ("hl-room", "leave"))
        self._moves("parked", ring.member)
        self._goes_to("hl-wait", "parked")
        self._turn("abandoned")
        self._away((ring, phone))
        self._pass(1, 10)
        chance = self.random.random()
        if chance < 0.3:
            return self._again()
        if chance < 0.5:
            self._hangs_up("abandoned", "caller", 0)
            return None
        member = self._free()
        self._moves("transfer", ring.member, member)
        return self._rings_at(member)


_MOVES: tuple[Callable[[Mover, Pair], Pair | None], ...] = (
    Mover.holds, Mover.loses, Mover.consults, Mover.consults, Mover.gives, Mover.queues, Mover.parks,
)  # fmt: skip
_CONSULTED: tuple[Callable[[Mover, Pair, Pair], Pair | None], ...] = (
    Mover.back_from, Mover.completed, Mover.confers,
)  # fmt: skip
