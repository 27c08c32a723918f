"""What events about queues and their members mean, in every dialect. Pure.

Until Asterisk 11 (app_queue.c): Join, Leave; the caller is Uniqueid, the member's channel is Channel, and
BridgedChannel is that channel's Uniqueid; AgentCalled has ChannelCalling and DestinationChannel. Since 12:
QueueCallerJoin and its kin with the caller as Channel and the member's channel as Dest….
"""

from datetime import timedelta

from hotline.telephony import messages as m
from hotline.telephony import names
from hotline.telephony.legacy.calls import Handler
from hotline.telephony.legacy.desk import Desk, Unread, interface_of, whole
from hotline.telephony.legacy.switchboard import Party
from hotline.telephony.parser import Block

_MS = timedelta(milliseconds=1)


def _join(desk: Desk, block: Block) -> None:
    caller = _caller(desk, block)
    caller.queued = caller.waits = True
    caller.was_left = False
    caller.is_incoming = caller.is_incoming or not caller.was_born
    desk.joined[caller] = desk.at
    place = whole(block.get("position", ""))
    desk.say(m.QueueCallerJoin, {"channel": caller}, queue=block.get("queue", ""), position=place)


def _left(desk: Desk, block: Block) -> None:
    caller = _caller(desk, block)
    desk.say(m.QueueCallerLeave, {"channel": caller}, queue=block.get("queue", ""))


def _abandoned(desk: Desk, block: Block) -> None:
    caller = _caller(desk, block)
    desk.passed(desk.joined.get(caller), block.get("holdtime", ""))
    desk.say(m.QueueCallerAbandon, {"channel": caller}, queue=block.get("queue", ""))


def _caller(desk: Desk, block: Block) -> Party:
    """Who waits, seen through Local channels. Raises Unread."""
    party = desk.party(block, prefix="")
    return desk.board.person(party) or party


def _called(desk: Desk, block: Block) -> None:
    interface = block.get("interface") or block.get("agentcalled", "")
    if _is_new(block):
        caller, phone = desk.party(block, prefix=""), _phone(desk, block)
    else:
        caller = desk.party(block, "channelcalling")
        phone = desk.party(block, "destinationchannel", "destuniqueid")
    desk.members.setdefault(interface.lower(), block.get("membername") or block.get("agentname", ""))
    desk.board.same_call(caller, phone, from_birth=True)
    if phone.dialler is None:
        phone.dialler = caller
        caller.children.append(phone)
    phone.ringing_since = phone.ringing_since or desk.at
    desk.offers[phone] = (block.get("queue", ""), interface)
    desk.ring(phone)


def _connected(desk: Desk, block: Block) -> None:
    caller, phone = _both(desk, block)
    desk.passed(desk.joined.get(caller), block.get("holdtime", ""))
    for leg in _answering(desk, phone):
        hold, ring = whole(block.get("holdtime", "")), whole(block.get("ringtime", ""))
        _say(desk, m.AgentConnect, caller, leg, block, hold_s=hold, ring_s=ring)
        desk.connected[leg] = desk.at
    caller.waits = False


def _completed(desk: Desk, block: Block) -> None:
    caller, phone = _both(desk, block)
    talk, hold = block.get("talktime", ""), whole(block.get("holdtime", ""))
    for leg in _answering(desk, phone):
        desk.passed(desk.connected.get(leg), talk)
        reason = block.get("reason", "").lower()
        _say(desk, m.AgentComplete, caller, leg, block, hold_s=hold, talk_s=whole(talk), reason=reason)


def _unanswered(desk: Desk, block: Block) -> None:
    caller, phone = _both(desk, block)
    ring = block.get("ringtime", "")
    desk.passed(phone.ringing_since, ring, _MS)
    for leg in desk.board.phones_behind(phone):
        _say(desk, m.AgentRingNoAnswer, caller, leg, block, ring_ms=whole(ring))


def _dumped(desk: Desk, block: Block) -> None:
    caller, phone = _both(desk, block)
    for leg in _answering(desk, phone):
        _say(desk, m.AgentDump, caller, leg, block)


def _say(desk: Desk, kind: type[m.AgentMessage], caller: Party, leg: Party, block: Block, **more: object) -> None:
    who = {"queue": block.get("queue", ""), "member": names.peer(leg.name), "interface": interface_of(leg)}
    desk.say(kind, {"channel": caller, "dest": leg}, **who, **more)


def _is_new(block: Block) -> bool:
    return "destchannel" in block or "destuniqueid" in block


def _phone(desk: Desk, block: Block) -> Party:
    return desk.party(block, "destchannel", "destuniqueid", "dest")


def _both(desk: Desk, block: Block) -> tuple[Party, Party]:
    """The caller, and the member's channel. Raises Unread."""
    if _is_new(block):
        caller, phone = desk.party(block, prefix=""), _phone(desk, block)
    else:
        ident = block.get("uniqueid", "")
        known = desk.board.find("", ident)
        if not ident or known is None:
            raise Unread
        caller, phone = known, desk.party(block, "channel", "bridgedchannel")
    return desk.board.person(caller) or caller, phone


def _answering(desk: Desk, phone: Party) -> list[Party]:
    """The one phone that took the call, behind however many Local channels."""
    phones = desk.board.phones_behind(phone)
    return [leg for leg in phones if leg.was_up and not leg.is_gone][:1] or phones[:1]


def _member(desk: Desk, block: Block) -> None:
    interface = block.get("interface") or block.get("location", "")
    if not interface:
        raise Unread
    desk.members[interface.lower()] = block.get("membername") or block.get("name", "")


QUEUES: dict[str, Handler] = {
    "join": _join,
    "queuecallerjoin": _join,
    "leave": _left,
    "queuecallerleave": _left,
    "queuecallerabandon": _abandoned,
    "agentcalled": _called,
    "agentconnect": _connected,
    "agentcomplete": _completed,
    "agentringnoanswer": _unanswered,
    "agentdump": _dumped,
    "queuemember": _member,
    "queuememberadded": _member,
    "queuememberstatus": _member,
    "queuememberpause": _member,
    "queuememberpaused": _member,
}
