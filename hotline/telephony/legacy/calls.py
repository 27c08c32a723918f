"""What events about channels, dialling, bridges, hold and transfers mean, in every dialect. Pure.

Each function takes the desk and a block; the tables at the end say which event is whose. Names and headers: Asterisk's
own manager documentation (`core show manager event`, 12 to 22) and, for 11 and older, its source (channel.c,
app_dial.c, features.c, chan_sip.c, chan_local.c), where events are written out header by header.
"""

from collections.abc import Callable

from hotline.telephony import messages as m
from hotline.telephony.legacy.desk import UP, Desk, Unread, interface_of, number, whole
from hotline.telephony.legacy.switchboard import Party
from hotline.telephony.parser import Block

_NO_TALK = frozenset({"holding_bridge"})
_MAILBOX = frozenset({"voicemail", "minivmrecord", "record", "vmauthenticate"})
_JUST_BOOTED_S = 30
_PARKINGS = {
    "parkedcall": "parked", "unparkedcall": "unparked", "parkedcalltimeout": "timeout", "parkedcallgiveup": "given-up",
    "parkedcallswap": "swap",
}  # fmt: skip

Handler = Callable[[Desk, Block], None]


def _newchannel(desk: Desk, block: Block) -> None:
    desk.say(m.NewChannel, {"channel": desk.born(block)})


def _newstate(desk: Desk, block: Block) -> None:
    party = desk.party(block, prefix="")
    desk.say(m.NewState, {"channel": party})


def _newexten(desk: Desk, block: Block) -> None:
    party = desk.party(block, prefix="")
    desk.place(party, block.get("context", ""), block.get("extension", ""))
    party.recorded = party.recorded or block.get("application", "").lower() in _MAILBOX


def _known(desk: Desk, block: Block) -> None:
    """Says more of a channel (its number, its place), and nothing of the call."""
    desk.party(block, prefix="")


def _variable(desk: Desk, block: Block) -> None:
    """FreePBX and its kin keep the number that was dialled, over whatever the call goes through."""
    if block.get("variable", "").lstrip("_") in {"FROM_DID", "CALLED_DID"} and block.get("value", "") not in {"", "s"}:
        desk.party(block).did = block["value"][:80]


def _hangup(desk: Desk, block: Block) -> None:
    desk.hang_up(desk.party(block, prefix=""), whole(block.get("cause", "")))


def _hangup_request(desk: Desk, block: Block) -> None:
    party = desk.party(block, prefix="")
    party.asked = True
    for other in desk.board.together(party):
        other.was_left = other.was_left or other is not party


def _rename(desk: Desk, block: Block) -> None:
    old = block.get("oldname") or block.get("channel", "")  # 1.4, 1.6 and newer
    if not old or not block.get("newname"):
        raise Unread
    if desk.is_modern and desk.board.find(block["newname"], "") is not None:
        return  # since 12 the Uniqueids change places as well (channel.c): nobody is elsewhere
    desk.board.rename(old, block["newname"], block.get("uniqueid", ""))
    desk.settle()


def _local_bridge(desk: Desk, block: Block) -> None:
    if "localonechannel" in block:
        one, two = (desk.party(block, f"local{n}channel", f"local{n}uniqueid", f"local{n}") for n in ("one", "two"))
    else:
        one, two = (desk.party(block, f"channel{n}", f"uniqueid{n}") for n in "12")
    desk.board.same_call(one, two, from_birth=True)


# Dialling


def _dial(desk: Desk, block: Block) -> None:
    """Until 11: one name for begin and end; the end names the caller alone. 1.4: Source, SrcUniqueID, no end."""
    caller = desk.maybe(block, "channel", "uniqueid") or desk.maybe(block, "source", "srcuniqueid")
    if block.get("subevent", "").lower() == "end":
        if caller is None:
            raise Unread
        for phone in list(caller.children):
            _dial_over(desk, caller, phone, block.get("dialstatus", ""))
        return
    if caller is not None:
        caller.number = number(block.get("calleridnum") or block.get("callerid", "")) or caller.number
    _dial_begins(desk, caller, desk.party(block, "destination", "destuniqueid"), block.get("dialstring", ""))


def _dial_begin(desk: Desk, block: Block) -> None:
    caller = desk.maybe(block, "channel", "uniqueid", "")
    _dial_begins(desk, caller, desk.party(block, "destchannel", "destuniqueid", "dest"), block.get("dialstring", ""))


def _dial_end(desk: Desk, block: Block) -> None:
    caller = desk.maybe(block, "channel", "uniqueid", "")
    _dial_over(desk, caller, desk.party(block, "destchannel", "destuniqueid", "dest"), block.get("dialstatus", ""))


def _dial_begins(desk: Desk, caller: Party | None, phone: Party, dialled: str) -> None:
    phone.dialled = phone.dialled or dialled
    phone.ringing_since = phone.ringing_since or desk.at
    if caller is not None and phone.dialler is None and caller is not phone:
        phone.dialler = caller
        caller.children.append(phone)
        caller.is_incoming = caller.is_incoming or not caller.was_born
        desk.board.same_call(caller, phone, from_birth=True)
    desk.ring(phone)


def _dial_over(desk: Desk, caller: Party | None, phone: Party, status: str) -> None:
    """An old end is of all that were dialled: who answered is up."""
    if phone.is_gone and phone.ringing_since is None:
        return
    status = status.upper() or "CANCEL"
    if status == "ANSWER" and phone.is_real and phone.state != UP and not phone.talked:
        status = "CANCEL"
    phone.ringing_since = None
    desk.say(m.DialEnd, {"channel": desk.board.person(caller, but=phone), "dest": phone}, status=status)


# Bridges


def _link(desk: Desk, block: Block) -> None:
    """Until 11 a bridge is a pair: Bridge with Bridgestate Link or Unlink; Link and Unlink themselves in 1.4."""
    one, two = (desk.party(block, f"channel{n}", f"uniqueid{n}") for n in "12")
    for party, n in ((one, "1"), (two, "2")):
        party.number = number(block.get(f"callerid{n}", "")) or party.number
    bridge = "|".join(sorted((one.id, two.id)))
    if (block.get("bridgestate") or block.name).lower() == "unlink":
        for party in (one, two):
            _out_of_pairs(desk, party)
    else:
        for party in (one, two):
            _out_of_pairs(desk, party, but=bridge)
            party.state, party.was_up = UP, True
        for party in (one, two):
            desk.board.join(bridge, party)
    desk.settle()


def _out_of_pairs(desk: Desk, party: Party, but: str = "") -> None:
    for bridge in sorted(party.bridges):
        if "|" in bridge and bridge != but:
            desk.board.empty(bridge)


def _enter(desk: Desk, block: Block) -> None:
    if block.get("bridgetechnology", "") in _NO_TALK:
        return
    desk.is_modern = True
    desk.board.join(block.get("bridgeuniqueid", ""), desk.party(block, prefix=""))
    desk.settle()


def _leave(desk: Desk, block: Block) -> None:
    desk.board.leave(block.get("bridgeuniqueid", ""), desk.party(block, prefix=""))
    desk.settle()


def _destroyed(desk: Desk, block: Block) -> None:
    desk.board.empty(block.get("bridgeuniqueid", ""))
    desk.settle()


def _conference(desk: Desk, block: Block) -> None:
    """MeetMe and, until 11, ConfBridge: rooms without a bridge."""
    room = "conference " + (block.get("conference") or block.get("meetme", ""))
    party = desk.party(block, prefix="")
    act = desk.board.leave if block.name.lower().endswith("leave") else desk.board.join
    act(room, party)
    desk.settle()


# Hold, transfers, pick-up


def _hold(desk: Desk, block: Block) -> None:
    """One event with Status On or Off until 11; two events before 1.6 and since 12."""
    party = desk.party(block, prefix="")
    off = block.get("status", "").lower() == "off" or block.name.lower() == "unhold"
    desk.say(m.Unhold if off else m.Hold, {"channel": party})


def _transfer(desk: Desk, block: Block) -> None:
    """chan_sip until 11. Blind: TransferExten, TransferContext; attended: the phone's second leg as TargetChannel."""
    giver = desk.party(block)
    second = desk.maybe(block, "targetchannel", "targetuniqueid")
    if block.get("transfertype", "").lower() == "attended" and second is not None:
        desk.board.same_call(giver, second)
        _attended_by(desk, giver, second, "Bridge", success=True)
        return
    others = [party for party in desk.board.together(giver) if party is not giver and party.is_real]
    context, exten = block.get("transfercontext", ""), block.get("transferexten", "")
    _blind_to(desk, giver, others[0] if others else None, context, exten, success=True)


def _blind(desk: Desk, block: Block) -> None:
    giver = desk.party(block, "transfererchannel", "transfereruniqueid", "transferer")
    given = desk.maybe(block, "transfereechannel", "transfereeuniqueid", "transferee")
    success = block.get("result", "").lower() == "success"
    _blind_to(desk, giver, given, block.get("context", ""), block.get("extension", ""), success=success)


def _blind_to(desk: Desk, giver: Party, given: Party | None, context: str, exten: str, *, success: bool) -> None:
    given = desk.board.person(given)
    if given is not None:
        given.is_sent = success
    channels = {"transferer": giver, "transferee": given}
    desk.say(m.BlindTransfer, channels, context=context, exten=exten, success=success)


def _attended(desk: Desk, block: Block) -> None:
    giver = desk.party(block, "origtransfererchannel", "origtransfereruniqueid", "origtransferer")
    second = desk.party(block, "secondtransfererchannel", "secondtransfereruniqueid", "secondtransferer")
    success = block.get("result", "").lower() == "success"
    if success:
        desk.board.same_call(giver, second)
    _attended_by(desk, giver, second, block.get("desttype", ""), success=success)


def _attended_by(desk: Desk, giver: Party, second: Party, dest_type: str, *, success: bool) -> None:
    """Whom the two legs of the giver talk to is known from their rooms, in every version."""
    given, target = (_partner(desk, leg, but=(giver, second)) for leg in (giver, second))
    channels = {"original": giver, "second": second, "transferee": given, "target": target}
    desk.say(m.AttendedTransfer, channels, dest_type=dest_type, success=success)


def _partner(desk: Desk, leg: Party, but: tuple[Party, Party]) -> Party | None:
    return next((party for party in desk.board.together(leg) if party.is_real and party not in but), None)


def _pickup(desk: Desk, block: Block) -> None:
    taker = desk.party(block, prefix="")
    rung = desk.party(block, "targetchannel", "targetuniqueid")
    desk.board.same_call(taker, rung)
    for phone in desk.board.phones_behind(rung)[:1]:
        desk.say(m.Pickup, {"channel": taker, "target": phone})


def _parked(desk: Desk, block: Block) -> None:
    """Until 11: Channel, and From is who parked it or takes it out. Since 12: Parkee…, ParkerDialString, Retriever…."""
    what = _PARKINGS[block.name.lower()]
    if "parkeechannel" in block:
        party = desk.party(block, "parkeechannel", "parkeeuniqueid", "parkee")
        retriever = desk.maybe(block, "retrieverchannel", "retrieveruniqueid", "retriever")
        parker = block.get("parkerdialstring", "")
    else:
        party, other = desk.party(block), desk.board.find(block.get("from", ""), "")
        parker, retriever = (interface_of(other) if other else ""), (other if what == "unparked" else None)
    retriever = desk.board.person(retriever)
    if retriever is not None:
        desk.board.same_call(party, retriever)
    desk.say(m.Parked, {"channel": party, "retriever": retriever}, what=what, parker=parker)


# The PBX itself


def _shutdown(desk: Desk, _block: Block) -> None:
    desk.is_down = True


def _booted(desk: Desk, block: Block) -> None:
    """A new life of the PBX: every channel of the old one is over. At a login to one that runs, nothing."""
    uptime = block.get("uptime", "")
    if not (desk.is_down or (uptime.isdecimal() and whole(uptime) < _JUST_BOOTED_S)):
        return
    desk.is_down = False
    for party in desk.board.parties:
        if not party.is_gone:
            party.was_cut = True
            desk.hang_up(party, 0)


CALLS: dict[str, Handler] = {
    "newchannel": _newchannel,
    "newstate": _newstate,
    "newexten": _newexten,
    "newcallerid": _known,
    "newconnectedline": _known,
    "musiconholdstart": _known,
    "varset": _variable,
    "hangup": _hangup,
    "hanguprequest": _hangup_request,
    "rename": _rename,
    "localbridge": _local_bridge,
    "dial": _dial,
    "dialbegin": _dial_begin,
    "dialend": _dial_end,
    "bridge": _link,
    "link": _link,
    "unlink": _link,
    "bridgeenter": _enter,
    "bridgeleave": _leave,
    "bridgedestroy": _destroyed,
    "meetmejoin": _conference,
    "meetmeleave": _conference,
    "confbridgejoin": _conference,
    "confbridgeleave": _conference,
    "hold": _hold,
    "unhold": _hold,
    "transfer": _transfer,
    "blindtransfer": _blind,
    "attendedtransfer": _attended,
    "pickup": _pickup,
    **dict.fromkeys(_PARKINGS, _parked),
    "shutdown": _shutdown,
    "fullybooted": _booted,
}
