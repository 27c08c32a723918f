"""Captures of PBXs that are not ours, written out after what each version's events carry.

Headers of Asterisk 12 to 22: `core show manager event NAME` and docs.asterisk.org, AMI Events. Of 11 and older, which
write them in code: main/channel.c (Newchannel, Newstate, Hangup, Masquerade, Rename, Bridge), apps/app_dial.c (Dial),
apps/app_queue.c (Join, Leave, AgentCalled, AgentConnect, AgentComplete, AgentRingNoAnswer), channels/chan_local.c
(LocalBridge), channels/chan_sip.c (Hold, Transfer). Contexts are FreePBX's: from-trunk, from-internal, from-queue.
"""

from collections.abc import Sequence

T = 1400000000  # the second in every Uniqueid: captures of old PBXs hold no other time
STATES = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}


def event(name: str, **headers: object) -> bytes:
    """Headers in their order; `Cause_txt` is Cause-txt."""
    lines = [f"Event: {name}", *(f"{key.replace('_', '-')}: {value}" for key, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def uid(n: int, after: int = 0) -> str:
    return f"{T + after}.{n}"


def capture(blocks: Sequence[bytes], banner: str = "1.1") -> bytes:
    return f"Asterisk Call Manager/{banner}\r\n".encode() + b"".join(blocks)


# Asterisk 1.8 to 11: AMI 1.1 and 1.3, neither Linkedid nor, unless asked for, Timestamp


def born(name: str, ident: str, state: int = 0, number: str = "", exten: str = "", context: str = "") -> bytes:
    return event(
        "Newchannel", Privilege="call,all", Channel=name, ChannelState=state, ChannelStateDesc=STATES[state],
        CallerIDNum=number, CallerIDName="", AccountCode="", Exten=exten, Context=context, Uniqueid=ident,
    )  # fmt: skip


def state(name: str, ident: str, to: int, number: str = "") -> bytes:
    return event(
        "Newstate", Privilege="call,all", Channel=name, ChannelState=to, ChannelStateDesc=STATES[to],
        CallerIDNum=number, CallerIDName="", ConnectedLineNum="", ConnectedLineName="", Uniqueid=ident,
    )  # fmt: skip


def over(name: str, ident: str, cause: int = 16) -> bytes:
    return event(
        "Hangup", Privilege="call,all", Channel=name, Uniqueid=ident, CallerIDNum="<unknown>", CallerIDName="<unknown>",
        ConnectedLineNum="<unknown>", ConnectedLineName="<unknown>", AccountCode="", Cause=cause, Cause_txt="any",
    )  # fmt: skip


def dials(caller: tuple[str, str], phone: tuple[str, str], dialstring: str, number: str = "<unknown>") -> bytes:
    return event(
        "Dial", Privilege="call,all", SubEvent="Begin", Channel=caller[0], Destination=phone[0], CallerIDNum=number,
        CallerIDName="<unknown>", ConnectedLineNum="<unknown>", ConnectedLineName="<unknown>", UniqueID=caller[1],
        DestUniqueID=phone[1], Dialstring=dialstring,
    )  # fmt: skip


def dialled(caller: tuple[str, str], status: str) -> bytes:
    return event(
        "Dial", Privilege="call,all", SubEvent="End", Channel=caller[0], UniqueID=caller[1], DialStatus=status
    )  # fmt: skip


def link(one: tuple[str, str], two: tuple[str, str], to: str = "Link") -> bytes:
    return event(
        "Bridge", Privilege="call,all", Bridgestate=to, Bridgetype="core", Channel1=one[0], Channel2=two[0],
        Uniqueid1=one[1], Uniqueid2=two[1], CallerID1="", CallerID2="",
    )  # fmt: skip


def renames(one: tuple[str, str], two: tuple[str, str]) -> list[bytes]:
    """The device of `one` takes the place of `two` (channel.c, ast_do_masquerade)."""
    steps = [
        (one[0], f"{one[0]}<MASQ>", one[1]),
        (two[0], one[0], two[1]),
        (f"{one[0]}<MASQ>", f"{two[0]}<ZOMBIE>", one[1]),
    ]
    masquerade = event(
        "Masquerade", Privilege="call,all", Clone=one[0], CloneState="Up", Original=two[0], OriginalState="Up"
    )
    names = [event("Rename", Privilege="call,all", Channel=a, Newname=b, Uniqueid=c) for a, b, c in steps]
    return [masquerade, *names]


CALLER = ("SIP/trunk-00000001", uid(1))
NUMBER = "13800138000"


# Asterisk 12 and newer: channels as snapshots, bridges as objects; Linkedid since 13


def snapshot(name: str, ident: str, state: int, prefix: str = "", linked: str = "", **more: str) -> dict[str, object]:
    """`more`: number, context, exten, connected."""
    headers: dict[str, object] = {
        "Channel": name, "ChannelState": state, "ChannelStateDesc": STATES[state],
        "CallerIDNum": more.get("number", "<unknown>"), "CallerIDName": "<unknown>",
        "ConnectedLineNum": more.get("connected", "<unknown>"), "ConnectedLineName": "<unknown>", "AccountCode": "",
        "Context": more.get("context", ""), "Exten": more.get("exten", ""), "Priority": 1, "Uniqueid": ident,
    }  # fmt: skip
    if linked:
        headers["Linkedid"] = linked
    return {prefix + key: value for key, value in headers.items()}


def at(seconds: float) -> dict[str, object]:
    return {"Privilege": "call,all", "Timestamp": f"{T + seconds:.6f}"}


def bridge(kind: str, seconds: float, ident: str, channel: dict[str, object]) -> bytes:
    return event(
        kind, **at(seconds), BridgeUniqueid=ident, BridgeType="basic", BridgeTechnology="simple_bridge",
        BridgeCreator="<unknown>", BridgeName="<unknown>", BridgeNumChannels=1, **channel,
    )  # fmt: skip
