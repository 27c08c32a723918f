"""Calls as other PBXs tell them: one scene each, of several versions, drivers and dialplans."""

from tests.foreign import (
    CALLER,
    NUMBER,
    at,
    born,
    bridge,
    dialled,
    dials,
    event,
    link,
    over,
    renames,
    snapshot,
    state,
    uid,
)


def queue_through_local() -> list[bytes]:
    """Asterisk 11, FreePBX: a queue rings Local/1001@from-queue, which dials SIP/1001; the Local channel is optimised
    away once they talk. Waited 12 s, talked 60 s; the caller hangs up.
    """
    one = ("Local/1001@from-queue-00000001;1", uid(2, 5))
    two = ("Local/1001@from-queue-00000001;2", uid(3, 5))
    phone = ("SIP/1001-00000002", uid(4, 5))
    queue = {"Queue": "400"}
    member = {"Member": "Local/1001@from-queue/n", "MemberName": "Li"}
    return [
        born(*CALLER, 4, NUMBER, "2912345", "from-trunk"),
        event("Newexten", Channel=CALLER[0], Context="from-trunk", Extension="2912345", Priority=1, Application="Set",
              AppData="__FROM_DID=2912345", Uniqueid=CALLER[1]),
        event("VarSet", Channel=CALLER[0], Variable="__FROM_DID", Value="2912345", Uniqueid=CALLER[1]),
        state(*CALLER, 6, NUMBER),
        event("Join", Privilege="call,all", Channel=CALLER[0], CallerIDNum=NUMBER, CallerIDName="", **queue, Position=1,
              Count=1, Uniqueid=CALLER[1]),
        born(*one, 0), born(*two, 4),
        event("LocalBridge", Channel1=one[0], Channel2=two[0], Uniqueid1=one[1], Uniqueid2=two[1], Context="from-queue",
              Exten="1001", LocalOptimization="No"),
        event("AgentCalled", Privilege="agent,all", **queue, AgentCalled="Local/1001@from-queue/n", AgentName="Li",
              ChannelCalling=CALLER[0], DestinationChannel=one[0], CallerIDNum=NUMBER, CallerIDName="unknown",
              ConnectedLineNum="unknown", ConnectedLineName="unknown", Context="ext-queues", Extension="400",
              Priority=30, Uniqueid=CALLER[1]),
        born(*phone, 0, "1001"), dials(two, phone, "1001"), state(*phone, 5), state(*phone, 6),
        dialled(two, "ANSWER"), state(*one, 6), link(two, phone),
        event("Leave", Privilege="call,all", Channel=CALLER[0], **queue, Count=0, Position=1, Uniqueid=CALLER[1]),
        event("AgentConnect", Privilege="agent,all", **queue, Uniqueid=CALLER[1], Channel=one[0], **member,
              Holdtime=12, BridgedChannel=one[1], Ringtime=6),
        link(CALLER, one),
        *renames(phone, one), over(f"{one[0]}<ZOMBIE>", phone[1]), over(*two),
        event("AgentComplete", Privilege="agent,all", **queue, Uniqueid=CALLER[1], Channel=phone[0], **member,
              HoldTime=12, TalkTime=60, Reason="caller"),
        link(CALLER, (phone[0], one[1]), "Unlink"),
        over(phone[0], one[1]), over(*CALLER),
    ]  # fmt: skip


def attended_transfer() -> list[bytes]:
    """Asterisk 11, chan_sip: 101 answers, holds, asks 102 on a second line, and gives the caller to 102 by REFER."""
    first, second = ("SIP/101-00000002", uid(2, 1)), ("SIP/101-00000003", uid(3, 30))
    other = ("SIP/102-00000004", uid(4, 31))
    return [
        born(*CALLER, 4, NUMBER, "12345", "from-pstn"), born(*first, 0, "101"),
        dials(CALLER, first, "101", NUMBER), state(*first, 5), state(*first, 6), state(*CALLER, 6, NUMBER),
        link(CALLER, first),
        event("Hold", Privilege="call,all", Status="On", Channel=first[0], Uniqueid=first[1]),
        born(*second, 4, "101", "102", "from-internal"), born(*other, 0, "102"),
        dials(second, other, "102", "101"), state(*other, 5), state(*other, 6), state(*second, 6),
        link(second, other),
        event("Transfer", Privilege="call,all", TransferMethod="SIP", TransferType="Attended", Channel=first[0],
              Uniqueid=first[1], SIP_Callid="any", TargetChannel=second[0], TargetUniqueid=second[1]),
        *renames(CALLER, second), over(f"{second[0]}<ZOMBIE>", CALLER[1]), over(*first),
        over(*other), over(CALLER[0], second[1]),
    ]  # fmt: skip


def outbound_busy() -> list[bytes]:
    """Asterisk 11: 101 dials a mobile over an ISDN trunk; busy."""
    phone, trunk = ("SIP/101-00000002", uid(1)), ("DAHDI/i1/13900139000-3", uid(2, 1))
    return [
        born(*phone, 4, "101", "913900139000", "from-internal"), born(*trunk, 0),
        dials(phone, trunk, "i1/13900139000", "101"), dialled(phone, "BUSY"),
        over(*trunk, 17), over(*phone, 17),
    ]  # fmt: skip


def between_extensions() -> list[bytes]:
    """Asterisk 1.6, IAX2 phones: 101 calls 102, who answers and hangs up."""
    one, two = ("IAX2/101-1234", uid(1)), ("IAX2/102-5678", uid(2, 1))
    return [
        born(*one, 4, "101", "102", "from-internal"), born(*two, 0), dials(one, two, "102", "101"),
        state(*two, 5), state(*two, 6), state(*one, 6), link(one, two), link(one, two, "Unlink"), over(*two),
        over(*one),
    ]  # fmt: skip


def of_the_fourth() -> list[bytes]:
    """Asterisk 1.4, Zaptel: states as words, CallerID, Link and Unlink, Dial without an end, Oldname."""
    caller, phone = ("Zap/1-1", uid(1)), ("SIP/101-081e9f20", uid(2, 2))
    return [
        event("Newchannel", Privilege="call,all", Channel=caller[0], State="Ring", CallerIDNum=NUMBER,
              CallerIDName="<unknown>", Uniqueid=caller[1]),
        event("Newexten", Privilege="call,all", Channel=caller[0], Context="from-zaptel", Extension="s", Priority=1,
              Application="NoOp", AppData="", Uniqueid=caller[1]),
        event("Newchannel", Privilege="call,all", Channel=phone[0], State="Down", CallerIDNum="<unknown>",
              CallerIDName="<unknown>", Uniqueid=phone[1]),
        event("Dial", Privilege="call,all", Source=caller[0], Destination=phone[0], CallerID=NUMBER,
              CallerIDName="<unknown>", SrcUniqueID=caller[1], DestUniqueID=phone[1]),
        event("Newstate", Privilege="call,all", Channel=phone[0], State="Ringing", CallerID="<unknown>",
              CallerIDName="<unknown>", Uniqueid=phone[1]),
        event("Newstate", Privilege="call,all", Channel=phone[0], State="Up", CallerID="<unknown>",
              CallerIDName="<unknown>", Uniqueid=phone[1]),
        event("Link", Privilege="call,all", Channel1=caller[0], Channel2=phone[0], Uniqueid1=caller[1],
              Uniqueid2=phone[1], CallerID1=NUMBER, CallerID2="101"),
        event("Unlink", Privilege="call,all", Channel1=caller[0], Channel2=phone[0], Uniqueid1=caller[1],
              Uniqueid2=phone[1], CallerID1=NUMBER, CallerID2="101"),
        event("Hangup", Privilege="call,all", Channel=phone[0], Uniqueid=phone[1], Cause=16),
        event("Hangup", Privilege="call,all", Channel=caller[0], Uniqueid=caller[1], Cause=16),
    ]  # fmt: skip


def ring_group() -> list[bytes]:
    """Asterisk 18, FreePBX with PJSIP: two phones ring by their contacts, 102 answers after 8 s, talks for 30 s and
    hangs up.
    """
    caller = ("PJSIP/provider-00000010", uid(10))
    phones = {n: (f"PJSIP/{n}-0000001{n[-1]}", uid(10 + int(n[-1]), 1)) for n in ("101", "102")}

    def of(who: tuple[str, str], to: int, prefix: str = "", **more: str) -> dict[str, object]:
        return snapshot(*who, to, prefix, linked=caller[1], **more)

    theirs = {"number": NUMBER, "context": "from-pstn", "exten": "2912345"}
    blocks = [event("Newchannel", **at(0), **of(caller, 4, **theirs))]
    for n, phone in phones.items():
        blocks += [
            event("Newchannel", **at(1), **of(phone, 0, context="from-internal", exten="2912345")),
            event("DialBegin", **at(1), **of(caller, 4, **theirs), **of(phone, 0, "Dest", number=n),
                  DialString=f"{n}/sip:{n}@192.168.1.20:5060"),
            event("Newstate", **at(1), **of(phone, 5, number=n)),
        ]  # fmt: skip
    gone, here = phones["101"], phones["102"]
    leaving = event("HangupRequest", **at(39), **of(here, 6, number="102"), Cause=16)
    return [
        *blocks,
        event("Newstate", **at(9), **of(here, 6, number="102")),
        event("DialEnd", **at(9), **of(caller, 4, **theirs), **of(here, 6, "Dest", number="102"), DialStatus="ANSWER"),
        event("DialEnd", **at(9), **of(caller, 4, **theirs), **of(gone, 5, "Dest", number="101"), DialStatus="CANCEL"),
        event("Hangup", **at(9), **of(gone, 5, number="101"), Cause=26, Cause_txt="Answered elsewhere"),
        event("Newstate", **at(9), **of(caller, 6, **theirs)),
        bridge("BridgeEnter", 9, "b1", of(here, 6, number="102")),
        bridge("BridgeEnter", 9, "b1", of(caller, 6, **theirs)),
        leaving,
        bridge("BridgeLeave", 39, "b1", of(here, 6, number="102")),
        event("Hangup", **at(39), **of(here, 6, number="102"), Cause=16, Cause_txt="Normal Clearing"),
        bridge("BridgeLeave", 39, "b1", of(caller, 6, **theirs)),
        event("Hangup", **at(39), **of(caller, 6, **theirs), Cause=16, Cause_txt="Normal Clearing"),
    ]  # fmt: skip


def gave_up_in_a_queue() -> list[bytes]:
    """Asterisk 12, chan_sip, no Linkedid: waits 20 s, one phone rings in vain, the caller hangs up."""
    caller, phone = ("SIP/trunk-00000001", uid(1)), ("SIP/201-00000002", uid(2, 3))
    who = snapshot(*caller, 6, number=NUMBER, context="ext-queues", exten="400")
    agent = {"Queue": "400", "MemberName": "Zhang", "Interface": "SIP/201"}

    def dest(to: int) -> dict[str, object]:
        return snapshot(*phone, to, "Dest", number="201")

    return [
        event("Newchannel", **at(0), **snapshot(*caller, 4, number=NUMBER, context="from-trunk", exten="12345")),
        event("QueueCallerJoin", **at(2), **who, Queue="400", Position=1, Count=1),
        event("Newchannel", **at(3), **snapshot(*phone, 0, context="from-internal")),
        event("AgentCalled", **at(3), **who, **dest(0), **agent),
        event("AgentRingNoAnswer", **at(18), **who, **dest(5), **agent, RingTime=15000),
        event("Hangup", **at(18), **snapshot(*phone, 5, number="201"), Cause=0, Cause_txt="Unknown"),
        event("HangupRequest", **at(22), **who, Cause=16),
        event("QueueCallerAbandon", **at(22), **who, Queue="400", Position=1, OriginalPosition=1, HoldTime=20),
        event("QueueCallerLeave", **at(22), **who, Queue="400", Position=1, Count=0),
        event("Hangup", **at(22), **who, Cause=16, Cause_txt="Normal Clearing"),
    ]  # fmt: skip


def mailbox() -> list[bytes]:
    """Asterisk 16, DAHDI: nobody answers 103, the caller speaks to the mailbox."""
    caller, phone = ("DAHDI/i1/2912345-5", uid(5)), ("PJSIP/103-00000006", uid(6, 1))
    who = snapshot(*caller, 6, linked=caller[1], number=NUMBER, context="from-dahdi", exten="2912345")

    def dest(to: int) -> dict[str, object]:
        return snapshot(*phone, to, "Dest", linked=caller[1], number="103")

    return [
        event("Newchannel", **at(0), **{**who, "ChannelState": 4}),
        event("Newchannel", **at(1), **snapshot(*phone, 0, linked=caller[1])),
        event("DialBegin", **at(1), **who, **dest(0), DialString="103"),
        event("DialEnd", **at(16), **who, **dest(5), DialStatus="NOANSWER"),
        event("Hangup", **at(16), **snapshot(*phone, 5, linked=caller[1]), Cause=0, Cause_txt="Unknown"),
        event("Newexten", **at(17), **who, Extension="vmu103", Application="VoiceMail", AppData="103@default,u"),
        event("Hangup", **at(40), **who, Cause=16, Cause_txt="Normal Clearing"),
    ]  # fmt: skip


def blind_transfer() -> list[bytes]:
    """Asterisk 20, PJSIP: 101 talks for 20 s, sends REFER to 103, who answers after 6 s and talks for 30 s."""
    caller = ("PJSIP/provider-00000001", uid(1))
    first, other = ("PJSIP/101-00000002", uid(2, 1)), ("PJSIP/103-00000003", uid(3, 31))

    def of(who: tuple[str, str], to: int, prefix: str = "", **more: str) -> dict[str, object]:
        return snapshot(*who, to, prefix, linked=caller[1], **more)

    theirs = {"number": NUMBER, "context": "from-trunk", "exten": "12345"}
    sent = {"number": NUMBER, "context": "from-internal", "exten": "103"}
    in_bridge = {"BridgeUniqueid": "b1", "BridgeType": "basic", "BridgeTechnology": "simple_bridge"}
    return [
        event("Newchannel", **at(0), **of(caller, 4, **theirs)),
        event("Newchannel", **at(1), **of(first, 0)),
        event("DialBegin", **at(1), **of(caller, 4, **theirs), **of(first, 0, "Dest"), DialString="101"),
        event("Newstate", **at(10), **of(first, 6)),
        event("DialEnd", **at(10), **of(caller, 4, **theirs), **of(first, 6, "Dest"), DialStatus="ANSWER"),
        bridge("BridgeEnter", 10, "b1", of(first, 6)),
        bridge("BridgeEnter", 10, "b1", of(caller, 6, **theirs)),
        event("BlindTransfer", **at(30), Result="Success", **of(first, 6, "Transferer"),
              **of(caller, 6, "Transferee", **theirs), **in_bridge, IsExternal="Yes", Context="from-internal",
              Extension="103"),
        bridge("BridgeLeave", 30, "b1", of(first, 6)),
        bridge("BridgeLeave", 30, "b1", of(caller, 6, **sent)),
        event("Hangup", **at(30), **of(first, 6), Cause=16, Cause_txt="Normal Clearing"),
        event("Newchannel", **at(31), **of(other, 0)),
        event("DialBegin", **at(31), **of(caller, 6, **sent), **of(other, 0, "Dest"), DialString="103"),
        event("Newstate", **at(37), **of(other, 6)),
        event("DialEnd", **at(37), **of(caller, 6, **sent), **of(other, 6, "Dest"), DialStatus="ANSWER"),
        bridge("BridgeEnter", 37, "b2", of(other, 6)),
        bridge("BridgeEnter", 37, "b2", of(caller, 6, **sent)),
        event("HangupRequest", **at(67), **of(caller, 6, **sent)),
        bridge("BridgeLeave", 67, "b2", of(caller, 6, **sent)),
        bridge("BridgeLeave", 67, "b2", of(other, 6)),
        event("Hangup", **at(67), **of(other, 6), Cause=16, Cause_txt="Normal Clearing"),
        event("Hangup", **at(67), **of(caller, 6, **sent), Cause=16, Cause_txt="Normal Clearing"),
    ]  # fmt: skip


def click_to_dial() -> list[bytes]:
    """Asterisk 13, chan_sip: Originate rings 101 first, then dials a mobile over a trunk; answered, 25 s."""
    phone, trunk = ("SIP/101-00000001", uid(1)), ("SIP/carrier-00000002", uid(2, 4))

    def of(who: tuple[str, str], to: int, prefix: str = "", **more: str) -> dict[str, object]:
        return snapshot(*who, to, prefix, linked=phone[1], **more)

    dialling = {"number": "101", "context": "from-internal", "exten": "13900139000"}
    shown = {"number": "13900139000", "connected": "12345"}
    return [
        event("Newchannel", **at(0), **of(phone, 0, context="from-internal", exten="s")),
        event("DialBegin", **at(0), **of(phone, 0, "Dest"), DialString="101"),
        event("Newstate", **at(1), **of(phone, 5)), event("Newstate", **at(3), **of(phone, 6)),
        event("DialEnd", **at(3), **of(phone, 6, "Dest"), DialStatus="ANSWER"),
        event("Newexten", **at(3), **of(phone, 6, **dialling), Extension="13900139000", Application="Dial",
              AppData="SIP/carrier/13900139000"),
        event("Newchannel", **at(4), **of(trunk, 0, **shown)),
        event("DialBegin", **at(4), **of(phone, 6, **dialling), **of(trunk, 0, "Dest", **shown),
              DialString="carrier/13900139000"),
        event("Newstate", **at(15), **of(trunk, 6, **shown)),
        event("DialEnd", **at(15), **of(phone, 6, **dialling), **of(trunk, 6, "Dest", **shown), DialStatus="ANSWER"),
        bridge("BridgeEnter", 15, "b1", of(trunk, 6, **shown)),
        bridge("BridgeEnter", 15, "b1", of(phone, 6, **dialling)),
        event("HangupRequest", **at(40), **of(trunk, 6, **shown)),
        bridge("BridgeLeave", 40, "b1", of(trunk, 6, **shown)),
        event("Hangup", **at(40), **of(trunk, 6, **shown), Cause=16, Cause_txt="Normal Clearing"),
        bridge("BridgeLeave", 40, "b1", of(phone, 6, **dialling)),
        event("Hangup", **at(40), **of(phone, 6, **dialling), Cause=16, Cause_txt="Normal Clearing"),
    ]  # fmt: skip


def parked_and_picked_up() -> list[bytes]:
    """Asterisk 11: 101 parks the caller, 102 dials the place and has them (features.c, ParkedCall, UnParkedCall)."""
    first, other = ("SIP/101-00000002", uid(2, 1)), ("SIP/102-00000003", uid(3, 20))
    return [
        born(*CALLER, 4, NUMBER, "12345", "from-trunk"), born(*first, 0, "101"),
        dials(CALLER, first, "101", NUMBER), state(*first, 6), state(*CALLER, 6, NUMBER), link(CALLER, first),
        event("ParkedCall", Privilege="call,all", Exten="701", Channel=CALLER[0], Parkinglot="default", From=first[0],
              Timeout=45, CallerIDNum=NUMBER, CallerIDName="", Uniqueid=CALLER[1]),
        link(CALLER, first, "Unlink"), over(*first),
        born(*other, 4, "102", "701", "from-internal"),
        event("UnParkedCall", Privilege="call,all", Exten="701", Channel=CALLER[0], Parkinglot="default",
              From=other[0], CallerIDNum=NUMBER, CallerIDName="", Uniqueid=CALLER[1]),
        state(*other, 6), link(other, CALLER), link(other, CALLER, "Unlink"), over(*CALLER), over(*other),
    ]  # fmt: skip


def forwarded() -> list[bytes]:
    """Asterisk 11: 101 forwards to a mobile (302): a Local channel dials it over a trunk, and the two talk."""
    phone, mobile = ("SIP/101-00000002", uid(2, 1)), ("SIP/carrier-00000005", uid(5, 2))
    one = ("Local/13900139000@from-internal-00000001;1", uid(3, 1))
    two = ("Local/13900139000@from-internal-00000001;2", uid(4, 1))
    return [
        born(*CALLER, 4, NUMBER, "12345", "from-trunk"), born(*phone, 0, "101"), dials(CALLER, phone, "101", NUMBER),
        born(*one, 0), born(*two, 4), over(*phone),
        dials(CALLER, one, "Local/13900139000@from-internal", NUMBER), born(*mobile, 0),
        dials(two, mobile, "carrier/13900139000", NUMBER), state(*mobile, 6), dialled(two, "ANSWER"),
        state(*one, 6), link(two, mobile), state(*CALLER, 6, NUMBER), link(CALLER, one),
        link(CALLER, one, "Unlink"), over(*one), link(two, mobile, "Unlink"), over(*mobile), over(*two), over(*CALLER),
    ]  # fmt: skip


def queue_through_local_kept() -> list[bytes]:
    """Asterisk 16, FreePBX: the queue's member is Local/1001@from-queue/n, which stays in the middle. Waited 10 s,
    talked for 40 s, of which 15 on hold; the agent hangs up.
    """
    caller, phone = ("PJSIP/provider-00000001", uid(1)), ("PJSIP/1001-00000002", uid(4, 3))
    one = ("Local/1001@from-queue-00000001;1", uid(2, 2))
    two = ("Local/1001@from-queue-00000001;2", uid(3, 2))

    def of(who: tuple[str, str], to: int, prefix: str = "", **more: str) -> dict[str, object]:
        return snapshot(*who, to, prefix, linked=caller[1], **more)

    theirs = {"number": NUMBER, "context": "ext-queues", "exten": "400"}
    agent = {"Queue": "400", "MemberName": "Li", "Interface": "Local/1001@from-queue/n"}
    return [
        event("Newchannel", **at(0), **of(caller, 4, number=NUMBER, context="from-trunk", exten="12345")),
        event("QueueCallerJoin", **at(2), **of(caller, 6, **theirs), Queue="400", Position=1, Count=1),
        event("Newchannel", **at(2), **of(one, 0)), event("Newchannel", **at(2), **of(two, 4)),
        event("LocalBridge", **at(2), **of(one, 0, "LocalOne"), **of(two, 4, "LocalTwo"), Context="from-queue",
              Exten="1001", LocalOptimization="No"),
        event("DialBegin", **at(2), **of(caller, 6, **theirs), **of(one, 0, "Dest"), DialString="1001@from-queue/n"),
        event("AgentCalled", **at(2), **of(caller, 6, **theirs), **of(one, 0, "Dest"), **agent),
        event("Newchannel", **at(3), **of(phone, 0)),
        event("DialBegin", **at(3), **of(two, 4), **of(phone, 0, "Dest"), DialString="1001/sip:1001@10.0.0.9:5060"),
        event("Newstate", **at(12), **of(phone, 6)),
        event("DialEnd", **at(12), **of(two, 4), **of(phone, 6, "Dest"), DialStatus="ANSWER"),
        event("Newstate", **at(12), **of(one, 6)),
        bridge("BridgeEnter", 12, "b1", of(phone, 6)), bridge("BridgeEnter", 12, "b1", of(two, 6)),
        event("QueueCallerLeave", **at(12), **of(caller, 6, **theirs), Queue="400", Position=1, Count=0),
        event("AgentConnect", **at(12), **of(caller, 6, **theirs), **of(one, 6, "Dest"), **agent, HoldTime=10,
              RingTime=9),
        bridge("BridgeEnter", 12, "b2", of(one, 6)), bridge("BridgeEnter", 12, "b2", of(caller, 6, **theirs)),
        event("Hold", **at(20), **of(phone, 6), MusicClass="default"), event("Unhold", **at(35), **of(phone, 6)),
        event("HangupRequest", **at(52), **of(phone, 6)),
        bridge("BridgeLeave", 52, "b1", of(phone, 6)), event("Hangup", **at(52), **of(phone, 6), Cause=16),
        bridge("BridgeLeave", 52, "b1", of(two, 6)), event("Hangup", **at(52), **of(two, 6), Cause=16),
        bridge("BridgeLeave", 52, "b2", of(one, 6)), event("Hangup", **at(52), **of(one, 6), Cause=16),
        event("AgentComplete", **at(52), **of(caller, 6, **theirs), **of(one, 6, "Dest"), **agent, HoldTime=10,
              TalkTime=40, Reason="agent"),
        bridge("BridgeLeave", 52, "b2", of(caller, 6, **theirs)),
        event("Hangup", **at(52), **of(caller, 6, **theirs), Cause=16),
    ]  # fmt: skip


def dialler() -> list[bytes]:
    """Asterisk 11, Issabel's dialler: Originate of a Local channel whose one half dials a mobile while the other waits
    in the queue. Waited 15 s, talked 20 s.
    """
    one = ("Local/13900139000@from-internal-00000001;1", uid(1))
    two = ("Local/13900139000@from-internal-00000001;2", uid(2))
    mobile, phone = ("SIP/carrier-00000001", uid(3, 1)), ("SIP/101-00000002", uid(4, 12))
    member = {"Member": "SIP/101", "MemberName": "Wang"}
    return [
        born(*one, 0), born(*two, 4), born(*mobile, 0),
        dials(two, mobile, "carrier/13900139000"), state(*mobile, 6), dialled(two, "ANSWER"), link(two, mobile),
        state(*one, 6),
        event("Join", Privilege="call,all", Channel=one[0], CallerIDNum="", CallerIDName="", Queue="500", Position=1,
              Count=1, Uniqueid=one[1]),
        born(*phone, 0),
        event("AgentCalled", Privilege="agent,all", Queue="500", AgentCalled="SIP/101", AgentName="Wang",
              ChannelCalling=one[0], DestinationChannel=phone[0], Context="from-internal", Extension="500",
              Priority=1, Uniqueid=one[1]),
        state(*phone, 6),
        event("Leave", Privilege="call,all", Channel=one[0], Queue="500", Count=0, Position=1, Uniqueid=one[1]),
        event("AgentConnect", Privilege="agent,all", Queue="500", Uniqueid=one[1], Channel=phone[0], **member,
              Holdtime=15, BridgedChannel=phone[1], Ringtime=1),
        link(one, phone),
        event("AgentComplete", Privilege="agent,all", Queue="500", Uniqueid=one[1], Channel=phone[0], **member,
              HoldTime=15, TalkTime=20, Reason="agent"),
        link(one, phone, "Unlink"), over(*phone), over(*one), link(two, mobile, "Unlink"), over(*mobile), over(*two),
    ]  # fmt: skip


def meetme() -> list[bytes]:
    """Asterisk 1.8: 101 sits in a MeetMe room, the caller comes in, 10 s later 102; 101 leaves first (app_meetme.c)."""
    caller = ("SIP/trunk-00000002", uid(2, 10))
    people = [(("SIP/101-00000001", uid(1)), 4, "101", "8000", "from-internal")]
    people += [
        (caller, 4, NUMBER, "12345", "from-trunk"),
        (("SIP/102-00000003", uid(3, 20)), 4, "102", "8000", "from-internal"),
    ]

    def room(what: str, who: tuple[str, str]) -> bytes:
        return event(f"Meetme{what}", Privilege="call,all", Channel=who[0], Uniqueid=who[1], Meetme="8000", Usernum=1)

    blocks = []
    for who, *rest in people:
        blocks += [born(*who, *rest), state(*who, 6), room("Join", who)]
    for who, *_rest in people:
        blocks += [room("Leave", who), over(*who)]
    return blocks


def by_an_agent_channel() -> list[bytes]:
    """Asterisk 11, chan_agent: the queue's member is Agent/1001, a channel that stands for a phone off the hook."""
    agent = ("Agent/1001", uid(2, 5))
    about = {
        "Queue": "400",
        "Uniqueid": CALLER[1],
        "Channel": agent[0],
        "Member": "Agent/1001",
        "MemberName": "Agent/1001",
    }
    return [
        born(*CALLER, 4, NUMBER, "12345", "from-trunk"), state(*CALLER, 6, NUMBER),
        event("Join", Privilege="call,all", Channel=CALLER[0], CallerIDNum=NUMBER, Queue="400", Position=1, Count=1,
              Uniqueid=CALLER[1]),
        born(*agent, 0),
        event("AgentCalled", Privilege="agent,all", Queue="400", AgentCalled="Agent/1001", AgentName="Agent/1001",
              ChannelCalling=CALLER[0], DestinationChannel=agent[0], Context="ext-queues", Extension="400",
              Priority=1, Uniqueid=CALLER[1]),
        state(*agent, 6),
        event("Leave", Privilege="call,all", Channel=CALLER[0], Queue="400", Count=0, Position=1, Uniqueid=CALLER[1]),
        event("AgentConnect", Privilege="agent,all", **about, Holdtime=8, BridgedChannel=agent[1], Ringtime=0),
        link(CALLER, agent),
        event("AgentComplete", Privilege="agent,all", **about, HoldTime=8, TalkTime=33, Reason="caller"),
        link(CALLER, agent, "Unlink"), over(*agent), over(*CALLER),
    ]  # fmt: skip


SCENES = {
    scene.__name__: scene()
    for scene in (
        queue_through_local, attended_transfer, outbound_busy, between_extensions, of_the_fourth, ring_group,
        gave_up_in_a_queue, mailbox, blind_transfer, click_to_dial, parked_and_picked_up, forwarded,
        queue_through_local_kept, dialler, meetme, by_an_agent_channel,
    )
}  # fmt: skip
