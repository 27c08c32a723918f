"""Messages as the bytes that Asterisk would send, its state as rows of its lists: for a fake that plays a day."""

from collections.abc import Callable
from typing import Any

from hotline.telephony import messages as m
from tests.fake_asterisk import Headers, event, snapshot_headers
from tests.pbx_model import Pbx

_NAMES: dict[type[m.Message], str] = {
    m.NewChannel: "Newchannel", m.NewState: "Newstate", m.Hangup: "Hangup", m.DialBegin: "DialBegin",
    m.DialEnd: "DialEnd", m.BridgeEnter: "BridgeEnter", m.BridgeLeave: "BridgeLeave",
    m.QueueCallerJoin: "QueueCallerJoin", m.QueueCallerLeave: "QueueCallerLeave",
    m.QueueCallerAbandon: "QueueCallerAbandon", m.AgentCalled: "AgentCalled",
    m.AgentRingNoAnswer: "AgentRingNoAnswer", m.AgentConnect: "AgentConnect", m.AgentComplete: "AgentComplete",
    m.UserEvent: "UserEvent", m.Hold: "Hold", m.Unhold: "Unhold",
}  # fmt: skip
_OWN: dict[str, str] = {
    "cause": "Cause", "bridge": "BridgeUniqueid", "technology": "BridgeTechnology", "queue": "Queue",
    "position": "Position", "member": "MemberName", "interface": "Interface", "ring_ms": "RingTime",
    "hold_s": "HoldTime", "ring_s": "RingTime", "talk_s": "TalkTime", "reason": "Reason", "status": "DialStatus",
    "name": "UserEvent", "string": "DialString",
}  # fmt: skip
"""Field of a message → header, in the order in which they are written."""


def wire(message: m.Message) -> bytes:
    """One event as AMI writes it. Raises KeyError for a kind that no made-up day has."""
    headers: list[tuple[str, str]] = []
    for field, prefix in (("channel", ""), ("dest", "Dest")):
        channel = getattr(message, field, None)
        if channel is not None:
            headers += _channel(channel, prefix)
    for field, header in _OWN.items():
        if (value := getattr(message, field, None)) is not None:
            headers.append((header, str(value)))
    if isinstance(message, m.UserEvent):  # the dialplan's own headers come last
        headers += [(_SPELT.get(name, name), value) for name, value in message.fields.items()]
    return event(_NAMES[type(message)], message.at.timestamp(), *headers)


_SPELT = {
    name.lower(): name
    for name in (
        "HLLine",
        "HLKind",
        "HLFile",
        "HLOutcome",
        "HLHangupBy",
        "HLMember",
        "HLUntil",
        "HLQueue",
        "HLWhat",
        "HLBy",
        "HLTo",
        "HLNumber",
    )
}


def _channel(channel: m.Channel, prefix: str = "") -> list[tuple[str, str]]:
    return snapshot_headers(
        channel.uniqueid, prefix=prefix, name=channel.name, linkedid=channel.linkedid, state=channel.state,
        caller=channel.caller_number or "<unknown>", connected=channel.connected_number or "<unknown>",
        context=channel.context, exten=channel.exten,
    )  # fmt: skip


def lists(pbx: Callable[[], Pbx]) -> dict[str, Any]:
    """For fake_asterisk.Plan.lists: each answered from what Asterisk has when it is asked."""
    return {
        "coreshowchannels": lambda: [_row(live) for live in pbx().snapshot().channels],
        "queuestatus": lambda: [_entry(one) for one in pbx().snapshot().entries],
        "devicestatelist": list,
    }


def _row(live: m.LiveChannel) -> Headers:
    minutes, seconds = divmod(live.age_s, 60)
    return [
        ("Event", "CoreShowChannel"),
        *_channel(live.channel),
        ("BridgeId", live.bridge or ""),
        ("Application", live.application),
        ("Duration", f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"),
    ]


def _entry(entry: m.QueueEntry) -> Headers:
    return [
        ("Event", "QueueEntry"),
        ("Queue", entry.queue),
        ("Position", str(entry.position)),
        ("Uniqueid", entry.uniqueid),
        ("Wait", str(entry.wait_s)),
    ]
