"""What Asterisk would have written of a made-up call: CEL and queue_log, as records and as the lines of the files.

Which records there are, and what they say, follows tests/journal, captured on the real Asterisk.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from hotline.telephony import messages as m
from hotline.telephony.journal import Cel, QueueLine
from tests.pbx_calls import TrueCall

_A_MOMENT = timedelta(seconds=1)
_WORDS = {
    "HLOffered": "HLOFFERED", "HLRecording": "HLRECORDING", "HLMove": "HLMOVE", "HLDial": "HLDIAL",
    "HLOutcome": "HLOUTCOME",
}  # fmt: skip


def cel(call: TrueCall) -> list[Cel]:
    """All records of a call, in the order in which they are written. One that was cut off has no last ones."""
    records: list[Cel] = []
    up = set[str]()
    for index, message in enumerate(call.messages):
        channel = getattr(message, "channel", None)
        if channel is None:
            continue
        match message:
            case m.NewChannel():
                records.append(_record("CHAN_START", message.at, channel))
            case m.NewState() if channel.state == 6 and channel.uniqueid not in up:
                up.add(channel.uniqueid)
                records.append(_record("ANSWER", message.at, channel))
            case m.UserEvent() if message.name in _WORDS:
                records.append(_record(_WORDS[message.name], message.at, channel, _said(message, call)))
            case m.QueueCallerLeave() if _returns(message.at, call.messages[index + 1 :]):
                records.append(_record("HLUNQUEUED", message.at, channel, "TIMEOUT"))
            case m.QueueCallerJoin():
                records.append(_record("HLQUEUED", message.at, channel, f"hotline {call.line}"))
            case m.BridgeEnter() | m.BridgeLeave():
                kind = "BRIDGE_ENTER" if isinstance(message, m.BridgeEnter) else "BRIDGE_EXIT"
                bridge = {"bridge_id": message.bridge, "bridge_technology": message.technology}
                records.append(_record(kind, message.at, channel, **bridge))
                if (
                    kind == "BRIDGE_EXIT"
                    and channel.uniqueid == call.name
                    and _returns(message.at, call.messages[index + 1 :])
                ):
                    records.append(_record("HLUNQUEUED", message.at, channel, "CONTINUE"))
            case m.Hangup():
                records.append(_record("HANGUP", message.at, channel, hangupcause=message.cause))
                records.append(_record("CHAN_END", message.at, channel))
    if not call.is_cut:
        last = call.messages[-1]
        assert isinstance(last, m.Hangup)
        records.append(_record("LINKEDID_END", last.at, last.channel))
    return records


def _returns(at: datetime, later: Sequence[m.Message]) -> bool:
    """Queue() comes back to the dialplan: not to a caller who was answered just now, or hung up in it."""
    for message in later:
        match message:
            case m.AgentConnect():
                return False
            case m.QueueCallerJoin():
                return True
            case m.UserEvent() if message.name == "HLRecording":
                return True
            case m.UserEvent() if message.name == "HLMove":
                return False  # sent on, out of the middle of it
            case m.UserEvent() if message.name == "HLOutcome":
                return message.fields["hlhangupby"] != "caller" or message.at - at > _A_MOMENT
    return False


def _said(message: m.UserEvent, call: TrueCall) -> str:
    fields = message.fields
    match message.name:
        case "HLOffered":
            return fields["hlline"]
        case "HLRecording":
            return f"{fields['hlkind']} {fields['hlfile']}"
        case "HLMove":
            return " ".join(fields[name] or "-" for name in ("hlwhat", "hlby", "hlto"))
        case "HLDial":
            return f"{fields['hlline']} {fields['hlnumber']} {fields['hlby']}"
    return f"{fields['hloutcome']} {fields['hlhangupby'] or '-'} {call.line} {fields['hlmember']}"


def _record(event: str, at: datetime, channel: m.Channel, said: str = "", **extra: str | int) -> Cel:
    return Cel(
        event, at, channel.linkedid, channel.uniqueid, channel.name, channel.caller_number or "", channel.exten,
        channel.context, ({"extra": said} if said else {}) | extra,
    )  # fmt: skip


def cel_lines(records: Iterable[Cel]) -> bytes:
    """As cel_custom writes them (asterisk-config/cel_custom.conf.j2)."""
    return b"".join(map(_cel_line, records))


def _cel_line(one: Cel) -> bytes:
    extra = json.dumps(dict(one.extra)) if one.extra else ""
    row = (
        one.event, f"{one.at.timestamp():.6f}", one.linkedid, one.uniqueid, one.channel, one.number, one.exten,
        one.context, "", one.event if one.event.startswith("HL") else "", extra,
    )  # fmt: skip
    return (",".join('"' + value.replace('"', '""') + '"' for value in row) + "\n").encode()


def queue_log(call: TrueCall) -> list[QueueLine]:
    """The lines that our dialplan adds; app_queue's own say nothing that is asked of this file."""
    lines: list[QueueLine] = []
    for message in call.messages:
        if not isinstance(message, m.UserEvent) or call.direction == "outbound":
            continue
        at = message.at.replace(microsecond=0)
        if message.name == "HLOffered":
            lines.append(QueueLine(at, call.name, "HLOFFERED", (call.line,)))
        elif message.name == "HLOutcome":
            fields = message.fields
            lines.append(QueueLine(at, call.name, "HLOUTCOME", (fields["hloutcome"], fields["hlhangupby"], call.line)))
    return lines


def queue_lines(lines: Iterable[QueueLine]) -> bytes:
    """As app_queue writes them."""
    return b"".join(
        f"{int(line.at.timestamp())}|{line.uniqueid}|hotline|NONE|{line.event}|{'|'.join(line.data)}\n".encode()
        for line in lines
    )
