"""Rows of AMI lists to one Snapshot. Pure.

Fed by telephony.client on every connect, and by replay. Lists use other header names than events, have raw instead of
escaped names, and say `unknown` where events say `<unknown>`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from hotline.telephony.catalogue import Fields, channel_of
from hotline.telephony.messages import LiveChannel, QueueEntry, QueueMember, Snapshot
from hotline.telephony.parser import Block

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{2}:\d{2}:\d{2}")


def boot_of(status: Mapping[str, str]) -> str | None:
    """CoreStatus' startup date and time as one ISO text; None while Asterisk does not know them yet."""
    date, time = status.get("CoreStartupDate", ""), status.get("CoreStartupTime", "")
    if not (_DATE.fullmatch(date) and _TIME.fullmatch(time)) or date.startswith("1970"):
        return None
    return f"{date}T{time}"


def build(boot: str, rows: Iterable[Block], at: datetime) -> Snapshot:
    """Rows of CoreShowChannels, QueueStatus and DeviceStateList in any order. Raises ValueError for a broken row."""
    channels: list[LiveChannel] = []
    members: list[QueueMember] = []
    entries: list[QueueEntry] = []
    devices: dict[str, str] = {}
    for row in rows:
        try:
            match row.name:
                case "CoreShowChannel":
                    channels.append(_channel(row))
                case "QueueMember":
                    members.append(_member(row, at))
                case "QueueEntry":
                    entries.append(
                        QueueEntry(row["Queue"], int(row["Position"]), row["Uniqueid"], int(row.get("Wait", "0")))
                    )
                case "DeviceStateChange":
                    devices[row["Device"]] = row["State"]
        except KeyError as missing:
            raise ValueError(f"{row.name} without {missing}") from missing
    return Snapshot(at, boot, tuple(channels), tuple(members), tuple(entries), devices)


def _channel(row: Block) -> LiveChannel:
    return LiveChannel(
        channel=channel_of(Fields("".join(f"\r\n{name}: {value}" for name, value in row.pairs))),
        bridge=row.get("BridgeId") or None,
        application=row.get("Application", ""),
        age_s=_seconds(row.get("Duration", "")),
    )


def _member(row: Block, at: datetime) -> QueueMember:
    return QueueMember(
        at=at,
        kind="snapshot",
        queue=row["Queue"],
        member=row["Name"],
        interface=row["Location"],
        status=int(row["Status"]),
        paused=row["Paused"] == "1",
        reason=row.get("PausedReason") or None,
    )


def _seconds(duration: str) -> int:
    """`26:03:09` → seconds; hours do not roll over."""
    total = 0
    for part in duration.split(":") if duration else ():
        total = total * 60 + int(part)
    return total
