"""Who is the caller of a foreign call, on which line, which way. Pure.

A dialplan that is not ours says none of it. What is left: who called the PBX and whom it called, the context in which a
channel began, queues' members, and how a peer is named: phones by their extension, trunks by anything else.
"""

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

from hotline.telephony import names
from hotline.telephony.legacy.desk import dialled_number, interface_of, is_number
from hotline.telephony.legacy.switchboard import Party, Switchboard

# FreePBX, Elastix and Issabel: from-trunk, from-pstn, from-did-direct, from-zaptel, from-sip-external, ext-did; and
# what others call the same.
_FROM_OUTSIDE = re.compile(
    r"(?:^|[-_])(?:trunks?|pstn|did|incoming|inbound|outside|external|zaptel|dahdi|analog|provider)", re.IGNORECASE
)
_FROM_INSIDE = re.compile(
    r"(?:^|[-_])(?:internal|agents?|extensions?|phones?|users?|outgoing|outbound|local)", re.IGNORECASE
)
_EXTENSION = re.compile(r"\d{2,6}")
_PHONE_NETWORK = frozenset({"DAHDI", "ZAP", "MISDN", "DONGLE", "KHOMP", "VPB", "H323", "OOH323"})
UNKNOWN_LINE = "unknown"


@dataclass(frozen=True, slots=True)
class Recognised:
    """`caller`: whose channel carries the call; of an outbound call that is our own phone's. `number`: the other's."""

    caller: Party
    direction: str
    line: str
    number: str | None


def is_inside(party: Party, members: Container[str]) -> bool:
    """A phone of ours, not the network."""
    technology, peer = names.technology(party.name).upper(), names.peer(party.name)
    if technology == "AGENT" or interface_of(party).lower() in members:
        return True
    number = dialled_number(party.dialled)
    is_short = _EXTENSION.fullmatch(peer) is not None and technology not in _PHONE_NETWORK
    if number and number != peer and len(number) > 2:
        return is_short
    if party.is_incoming or not (party.was_born or party.dialled):
        context = party.entry[0]
        if _FROM_OUTSIDE.search(context):
            return False
        return bool(_FROM_INSIDE.search(context)) or is_short or (party.number == peer and peer != "")
    return technology not in _PHONE_NETWORK


def recognise(people: Iterable[Party], members: Container[str]) -> Recognised | None:
    """One call's people, oldest first. None for a call of nobody."""
    people = [party for party in people if party.is_real]
    if not people:
        return None
    came = [party for party in people if party.is_incoming]
    guest = next((party for party in came if not is_inside(party, members)), None)
    if guest is not None:
        return Recognised(guest, "inbound", _line(guest), guest.number)
    if not came and not any(party.dialled or party.dialler or party.talked or party.queued for party in people):
        return None  # a channel that the PBX made, and nothing became of it
    first = came[0] if came else None
    ours = [party for party in people if is_inside(party, members)]
    outside = next((party for party in people if party not in ours), None)
    caller = first or (ours or people)[0]
    if outside is None:
        to = _internal(caller, people)
        return Recognised(caller, "internal", to or UNKNOWN_LINE, to or None)
    number = (
        dialled_number(outside.dialled) or outside.number or (caller.entry[1] if is_number(caller.entry[1]) else None)
    )
    shown = outside.connected if outside.connected and is_number(outside.connected) else names.peer(outside.name)
    was_met = first is None and not outside.was_born and not outside.dialled  # in mid-call: nobody saw who began it
    if outside.queued or was_met:  # queued: a dialler's; the queue has them as a caller, and so have the agents
        return Recognised(outside, "inbound", shown or UNKNOWN_LINE, number)
    return Recognised(caller, "outbound", shown or UNKNOWN_LINE, number)


def _line(caller: Party) -> str:
    """The number that was dialled to reach the PBX."""
    return caller.did or (caller.entry[1] if is_number(caller.entry[1]) else "") or UNKNOWN_LINE


def _internal(caller: Party, people: list[Party]) -> str:
    if is_number(caller.entry[1]):
        return caller.entry[1]
    return next((names.peer(party.name) for party in people if party is not caller), "")


def calls_of(board: Switchboard) -> dict[Party, list[Party]]:
    """The oldest of each call → all of it, in the order in which they came."""
    calls: dict[Party, list[Party]] = {}
    for party in board.parties:
        calls.setdefault(board.root(party), []).append(party)
    return calls
