"""Who is on a foreign PBX, and who hears whom, by whatever dialect it speaks. Pure; kept by telephony.legacy.

A `Party` is a person's channel for its whole life. Until Asterisk 11 channels change places (masquerade): a transfer,
an optimised Local channel or a pick-up puts the device of one channel into another, so that a Uniqueid ends while its
phone talks on. A party follows the device: its name is found again in whatever Uniqueid it sits.

Local channels are seen through: two people are in one room when bridges and Local channels lead from one to the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from hotline.telephony import names

FAR = 64  # as many channels a way may lead over: beyond that the capture is damaged


@dataclass(slots=True, eq=False)
class Party:
    """`id`: the first Uniqueid it was seen by; `uniqueids`: where it sits now. `order`: in which parties came to be
    known. `linkedid`: as the PBX has it, empty before Asterisk 13. `is_incoming`: it called the PBX, not the PBX it.
    `entry`: the first place in the dialplan. `did`: what was dialled to reach the PBX. `dialled`: what the PBX dialled
    to reach it, for `dialler`.

    What has happened: `was_born` (its beginning was seen), `was_up`, `talked`, `queued`, `waits` (in a queue now),
    `recorded` (a voice mailbox took it), `asked` (it hung up of itself), `was_left` (whom it talked to did), `was_cut`
    (the PBX died), `is_sent` (blindly, and nobody has them yet), `is_zombie` (another device has its place; it talks no
    more).
    """

    id: str
    name: str
    order: int
    born: datetime
    was_born: bool = False
    linkedid: str = ""
    state: int = 0
    number: str | None = None
    connected: str | None = None
    label: str | None = None
    context: str = ""
    exten: str = ""
    is_incoming: bool = False
    entry: tuple[str, str] = ("", "")
    did: str = ""
    dialled: str = ""
    dialler: "Party | None" = None
    children: list["Party"] = field(default_factory=list)
    ringing_since: datetime | None = None
    was_up: bool = False
    talked: bool = False
    queued: bool = False
    waits: bool = False
    recorded: bool = False
    asked: bool = False
    was_left: bool = False
    was_cut: bool = False
    is_zombie: bool = False
    is_sent: bool = False
    is_gone: bool = False
    room: str | None = None
    uniqueids: set[str] = field(default_factory=set)
    bridges: set[str] = field(default_factory=set)
    parent: "Party | None" = None
    kin: "Party | None" = None

    @property
    def is_real(self) -> bool:
        """A person or a phone, not the dialplan's own doing."""
        return names.peer(self.name) != ""


@dataclass(frozen=True, slots=True)
class Moved:
    """A party is in another room now. `before`, `after`: None outside one."""

    party: Party
    before: str | None
    after: str | None


class Switchboard:
    """All parties of a capture, by name and by Uniqueid; bridges; calls as sets of parties that met."""

    def __init__(self) -> None:
        self.parties: list[Party] = []
        self._by_name: dict[str, Party] = {}
        self._by_uniqueid: dict[str, Party] = {}
        self._bridges: dict[str, set[Party]] = {}
        self._linked: dict[str, Party] = {}
        self._rooms = 0
        self._moved: list[Moved] = []
        self.meetings: list[tuple[Party, Party]] = []

    def moves(self) -> list[Moved]:
        """Who has changed rooms since this was asked last, those who left first."""
        moved, self._moved = self._moved, []
        return moved

    # Who

    def find(self, name: str, uniqueid: str) -> Party | None:
        """By its name where one is given: a Uniqueid may have another device in it than before."""
        if names.is_ghost(name) and name != names.settled(name):
            return self._by_name.get(names.settled(name)) or self._by_uniqueid.get(uniqueid)
        named, known = self._by_name.get(name), self._by_uniqueid.get(uniqueid)
        if named is not None and known is not None and named is not known:
            self._swap(named, known)
        return named or known

    def meet(self, name: str, uniqueid: str, at: datetime) -> Party:
        """The party of that channel, made when it is not known yet."""
        party = self.find(name, uniqueid)
        if party is None:
            return self._add(name, uniqueid, at)
        if uniqueid and uniqueid not in self._by_uniqueid:
            self._by_uniqueid[uniqueid] = party
            party.uniqueids.add(uniqueid)
        if name and not party.is_gone and name not in self._by_name and names.settled(name) == name != party.name:
            self._named(party, name)  # renamed, and nobody said so
        return party

    def born(self, name: str, uniqueid: str, at: datetime) -> tuple[Party, Party | None]:
        """A new channel; and who had its name until now without a word of their end."""
        known = self._by_uniqueid.get(uniqueid)
        if known is not None:
            return self.meet(name, uniqueid, at), None
        stale = self._by_name.get(name)
        party = self._add(name, uniqueid, at)
        party.was_born = True
        return party, stale

    def _add(self, name: str, uniqueid: str, at: datetime) -> Party:
        order = len(self.parties)
        party = Party(uniqueid or f"{name}#{order}", name, order, at)
        self.parties.append(party)
        self._by_name[name] = party
        if uniqueid:
            self._by_uniqueid[uniqueid] = party
            party.uniqueids.add(uniqueid)
        half = self._by_name.get(names.other_half(name))
        if half is not None:
            self.same_call(half, party, from_birth=True)
        return party

    def _named(self, party: Party, name: str) -> None:
        if self._by_name.get(party.name) is party:
            del self._by_name[party.name]
        party.name = name
        self._by_name[name] = party

    def rename(self, old: str, new: str, uniqueid: str) -> None:
        """A channel has another name. X → X<MASQ>, Y → X, X<MASQ> → Y<ZOMBIE>: two devices change places."""
        here, other = self._by_name.get(old) or self._by_uniqueid.get(uniqueid), self._by_name.get(new)
        if names.settled(new) != new or here is None or here is other:
            return
        if other is None:
            self._named(here, new)
        else:
            self._swap(other, here)

    def _swap(self, moved: Party, replaced: Party) -> None:
        """`moved` sits where `replaced` sat, with its bridges, and the other way round."""
        moved.is_zombie, replaced.is_zombie = False, True
        moved.uniqueids, replaced.uniqueids = replaced.uniqueids, moved.uniqueids
        moved.bridges, replaced.bridges = replaced.bridges, moved.bridges
        for party, other in ((moved, replaced), (replaced, moved)):
            for uniqueid in party.uniqueids:
                self._by_uniqueid[uniqueid] = party
            for bridge in other.bridges - party.bridges:
                self._bridges[bridge].discard(party)
            for bridge in party.bridges:
                self._bridges[bridge].add(party)
        self.same_call(moved, replaced)
        self._settle([moved, replaced, *self._others(moved.bridges | replaced.bridges)])

    def gone(self, party: Party) -> None:
        """Its channel is over."""
        for bridge in sorted(party.bridges):
            self.leave(bridge, party)
        party.is_gone, party.waits = True, False
        if self._by_name.get(party.name) is party:
            del self._by_name[party.name]

    # Whose call

    def linked(self, party: Party, linkedid: str) -> None:
        """The PBX says which call it belongs to."""
        party.linkedid = linkedid
        self.same_call(self._linked.setdefault(linkedid, party), party)

    def same_call(self, one: Party, two: Party, *, from_birth: bool = False) -> None:
        """They are of one call: since the younger began (it was made for the other), or from now on (`meetings`)."""
        if from_birth:
            _unite(one, two, "kin")
        else:
            self.meetings.append((one, two))
        _unite(one, two, "parent")

    def root(self, party: Party) -> Party:
        """The oldest of its call, by all that happened."""
        return _oldest(party, "parent")

    def ancestor(self, party: Party) -> Party:
        """For whom it was made, through all Local channels: what its Linkedid was at first."""
        return _oldest(party, "kin")

    def half(self, party: Party) -> Party | None:
        """The other half of a Local channel."""
        other = names.other_half(party.name)
        return self._by_name.get(other) if other else None

    def person(self, party: Party | None, but: Party | None = None) -> Party | None:
        """Who it is that acts through these Local channels: whoever dialled them, or, where the PBX itself made them (a
        dialler, a click to call), whoever they have brought in. `but`: who it cannot be.
        """
        behind = self._dialled_by(party)
        if behind is not None or party is None:
            return behind
        return next((phone for phone in self.phones_behind(party) if phone.was_up and phone is not but), None)

    def _dialled_by(self, party: Party | None) -> Party | None:
        for _ in range(FAR):
            if party is None or party.is_real:
                return party
            half = self.half(party)
            party = (half.dialler if half is not None else None) or party.dialler
        return None

    def phones_behind(self, party: Party) -> list[Party]:
        """The phones that a Local channel rings, or the party itself."""
        found: list[Party] = []
        waiting, seen = [party], {party}
        while waiting and len(seen) < FAR:
            one = waiting.pop()
            if one.is_real:
                found.append(one)
                continue
            half = self.half(one)
            for child in (*one.children, *(half.children if half is not None else ())):
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
        return sorted(found, key=lambda phone: phone.order)

    # Who hears whom

    def join(self, bridge: str, party: Party) -> None:
        if bridge not in party.bridges and not party.is_gone:
            party.bridges.add(bridge)
            self._bridges.setdefault(bridge, set()).add(party)
            self._settle([party])

    def leave(self, bridge: str, party: Party) -> None:
        if bridge in party.bridges:
            party.bridges.discard(bridge)
            self._bridges[bridge].discard(party)
            self._settle([party, *self._inside(bridge)])

    def empty(self, bridge: str) -> None:
        """The bridge is no more."""
        for party in self._inside(bridge):
            self.leave(bridge, party)

    def _inside(self, bridge: str) -> list[Party]:
        return sorted(self._bridges.get(bridge, ()), key=lambda party: party.order)

    def _others(self, bridges: set[str]) -> Iterator[Party]:
        for bridge in sorted(bridges):
            yield from self._inside(bridge)

    def together(self, party: Party) -> list[Party]:
        """All whom bridges and Local channels join to it, itself among them."""
        found, waiting = {party}, [party]
        while waiting:
            one = waiting.pop()
            near = {other for bridge in one.bridges for other in self._bridges.get(bridge, ())}
            half = self.half(one)
            if half is not None:
                near.add(half)
            waiting += near - found
            found |= near
        return sorted(found, key=lambda other: other.order)

    def _settle(self, parties: list[Party]) -> None:
        """Give everyone near these the room that they are in now."""
        moved: list[Moved] = []
        done: set[Party] = set()
        taken: set[str] = set()
        for party in parties:
            if party in done:
                continue
            near = self.together(party)
            done.update(near)
            people = [other for other in near if other.is_real and other.bridges and not other.is_zombie]
            room = self._room(people, taken) if len(people) > 1 else None
            crowd = set(people)
            for other in near:
                its = room if other in crowd else None
                if other.is_real and other.room != its:
                    moved.append(Moved(other, other.room, its))
                    other.room = its
                    other.was_left, other.is_sent = other.was_left and its is None, other.is_sent and its is None
            for other in people if room is not None else ():
                other.talked, other.waits = True, False
                if self.root(other) is not self.root(people[0]):
                    self.same_call(people[0], other)
        self._moved += sorted(moved, key=lambda step: (step.after is not None, step.party.order))

    def _room(self, people: list[Party], taken: set[str]) -> str:
        room = next((other.room for other in people if other.room is not None and other.room not in taken), None)
        if room is None:
            self._rooms += 1
            room = f"room-{self._rooms}"
        taken.add(room)
        return room


_Tie = Literal["parent", "kin"]


def _unite(one: Party, two: Party, tie: _Tie) -> None:
    first, second = _oldest(one, tie), _oldest(two, tie)
    if first is not second:
        older, younger = sorted((first, second), key=lambda party: party.order)
        setattr(younger, tie, older)


def _oldest(party: Party, tie: _Tie) -> Party:
    while (above := getattr(party, tie)) is not None:
        if (top := getattr(above, tie)) is not None:
            setattr(party, tie, top)  # a shorter way for the next who asks
        party = above
    return party
