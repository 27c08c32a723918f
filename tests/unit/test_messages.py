"""AMI bytes → messages: framing, decoding, what is dropped, and that nothing raises. Header names from Asterisk 22."""

import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.telephony import messages as m
from hotline.telephony import parser, snapshot
from hotline.telephony.catalogue import unescape
from hotline.telephony.parser import Block, Parser
from tests.fake_asterisk import BANNER, block, channel_event, event, snapshot_headers

AT = 1778284800.25
WHEN = datetime(2026, 5, 9, 0, 0, 0, 250000, UTC)
CALLER = "pbx1-1778284800.1"
PHONE = "pbx1-1778284800.2"
MEMBER = (("Queue", "hotline"), ("MemberName", "a7f3"), ("Interface", "PJSIP/a7f3"))
DEST = snapshot_headers(PHONE, prefix="Dest", name="PJSIP/a7f3-00000001", linkedid=CALLER, state=5, caller="<unknown>")


def read(data: bytes, wanted: frozenset[str] | None = None) -> list[m.Message | Block]:
    return Parser(wanted).feed(data)


def one(data: bytes) -> m.Message:
    (message,) = read(data)
    assert isinstance(message, m.Message)
    return message


def test_channel_snapshot_becomes_a_channel_and_the_timestamp_an_instant() -> None:
    assert one(channel_event("Newchannel", AT, CALLER, name="PJSIP/trunk-00000001", state=4)) == m.NewChannel(
        at=WHEN,
        channel=m.Channel(
            name="PJSIP/trunk-00000001",
            uniqueid=CALLER,
            linkedid=CALLER,
            state=4,
            caller_number="13800004711",
            connected_number=None,
            context="hl-in",
            exten="12345",
        ),
    )


def test_microseconds_of_a_timestamp_are_kept() -> None:
    message = one(b"Event: FullyBooted\r\nTimestamp: 1778284800.123457\r\n\r\n")
    assert message.at == datetime(2026, 5, 9, 0, 0, 0, 123457, UTC)


@pytest.mark.parametrize("missing", ["<unknown>", "unknown", ""])
def test_missing_numbers_are_none(missing: str) -> None:
    message = one(channel_event("Newstate", AT, CALLER, caller=missing, connected=missing))
    assert isinstance(message, m.NewState)
    assert (message.channel.caller_number, message.channel.connected_number) == (None, None)


def test_member_leg_of_agent_events() -> None:
    message = one(channel_event("AgentConnect", AT, CALLER, *MEMBER, *DEST, ("HoldTime", "12"), ("RingTime", "4")))
    assert isinstance(message, m.AgentConnect)
    assert (message.queue, message.member, message.interface) == ("hotline", "a7f3", "PJSIP/a7f3")
    assert (message.hold_s, message.ring_s) == (12, 4)
    assert message.channel.uniqueid == CALLER
    assert message.dest is not None
    assert (message.dest.uniqueid, message.dest.linkedid, message.dest.state) == (PHONE, CALLER, 5)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (event("FullyBooted", AT, ("Status", "Fully Booted")), m.FullyBooted(at=WHEN)),
        (event("Shutdown", AT, ("Shutdown", "Cleanly"), ("Restart", "True")), m.Shutdown(at=WHEN, restart=True)),
        (
            event("DeviceStateChange", AT, ("Device", "PJSIP/a7f3"), ("State", "NOT_INUSE")),
            m.DeviceStateChange(at=WHEN, device="PJSIP/a7f3", state="NOT_INUSE"),
        ),
        (
            event(
                "ContactStatus",
                AT,
                ("URI", "sip:a7f3@127.0.0.1:5062"),
                ("ContactStatus", "Removed"),
                ("AOR", "a7f3"),
                ("EndpointName", "a7f3"),
                ("RoundtripUsec", ""),
            ),
            m.ContactStatus(at=WHEN, endpoint="a7f3", status="Removed", uri="sip:a7f3@127.0.0.1:5062"),
        ),
        (
            event("QueueMemberPause", AT, *MEMBER, ("Status", "1"), ("Paused", "1"), ("PausedReason", "LUNCH")),
            m.QueueMember(
                at=WHEN,
                kind="pause",
                queue="hotline",
                member="a7f3",
                interface="PJSIP/a7f3",
                status=1,
                paused=True,
                reason="LUNCH",
            ),
        ),
        (
            event("QueueMemberStatus", AT, *MEMBER, ("Status", "6"), ("Paused", "0"), ("PausedReason", "")),
            m.QueueMember(
                at=WHEN,
                kind="status",
                queue="hotline",
                member="a7f3",
                interface="PJSIP/a7f3",
                status=6,
                paused=False,
                reason=None,
            ),
        ),
        (
            event("OriginateResponse", AT, ("ActionID", "ab-7"), ("Response", "Failure"), ("Uniqueid", "<null>")),
            m.OriginateResponse(at=WHEN, action_id="ab-7", success=False, uniqueid=None),
        ),
    ],
)
def test_events_without_a_channel(data: bytes, expected: m.Message) -> None:
    assert one(data) == expected


def test_events_about_two_channels() -> None:
    local = event(
        "LocalBridge", AT, *snapshot_headers("1.1", prefix="LocalOne"), *snapshot_headers("1.2", prefix="LocalTwo")
    )
    blind = event(
        "BlindTransfer",
        AT,
        ("Result", "Success"),
        *snapshot_headers("1.3", prefix="Transferer"),
        *snapshot_headers("1.4", prefix="Transferee"),
        ("IsExternal", "Yes"),
        ("Context", "hl-transfer"),
        ("Extension", "1002"),
    )
    attended = event(
        "AttendedTransfer",
        AT,
        ("Result", "Fail"),
        *snapshot_headers("1.5", prefix="OrigTransferer"),
        *snapshot_headers("1.6", prefix="SecondTransferer"),
        ("DestType", "Bridge"),
        *snapshot_headers("1.7", prefix="TransferTarget"),
    )
    first, second, third = read(local + blind + attended)
    assert isinstance(first, m.LocalBridge)
    assert (first.one.uniqueid, first.two.uniqueid) == ("1.1", "1.2")
    assert isinstance(second, m.BlindTransfer)
    assert second.transferee is not None
    assert (second.transferer.uniqueid, second.transferee.uniqueid) == ("1.3", "1.4")
    assert (second.context, second.exten, second.success) == ("hl-transfer", "1002", True)
    assert isinstance(third, m.AttendedTransfer)
    assert third.target is not None
    assert (third.original.uniqueid, third.second.uniqueid, third.target.uniqueid) == ("1.5", "1.6", "1.7")
    assert (third.transferee, third.dest_type, third.success) == (None, "Bridge", False)


def test_user_event_keeps_the_dialplans_own_headers_also_without_a_space_behind_the_colon() -> None:
    data = channel_event("UserEvent", AT, CALLER, ("UserEvent", "HLOffered"))[:-2] + b"HLLine:12345\r\nOther: x\r\n\r\n"
    message = one(data)
    assert isinstance(message, m.UserEvent)
    assert (message.name, dict(message.fields)) == ("HLOffered", {"hlline": "12345"})
    assert message.channel is not None
    assert message.channel.uniqueid == CALLER


def test_a_dialplan_header_cannot_replace_whom_the_event_is_about() -> None:
    message = one(
        channel_event(
            "UserEvent", AT, CALLER, ("UserEvent", "HLOutcome"), ("Uniqueid", "9.9"), ("UserEvent", "HLOffered")
        )
    )
    assert isinstance(message, m.UserEvent)
    assert message.channel is not None
    assert (message.name, message.channel.uniqueid) == ("HLOutcome", CALLER)


@pytest.mark.parametrize("line_end", ["\u2028", "\u2029", "\u0085", "\v", "\f", "\x1c", "\x1d", "\x1e", "\n", "\r"])
def test_line_ends_of_other_worlds_do_not_forge_a_header(line_end: str) -> None:
    name = f"李四{line_end}Uniqueid: 9.9{line_end}Evil: 1"
    message = one(channel_event("Newchannel", AT, CALLER, caller_name=name))
    assert isinstance(message, m.NewChannel)
    assert message.channel.uniqueid == CALLER
    assert message.channel.caller_name == name


def test_broken_utf8_is_replaced_in_its_own_value_alone() -> None:
    whole = channel_event("Newchannel", AT, CALLER, caller_name="NAME")
    message = one(whole.replace(b"NAME", b"\xc0\xee\xcb\xc4\xe6"))
    assert isinstance(message, m.NewChannel)
    assert message.channel.caller_name == "\ufffd\ufffd\ufffd\ufffd\ufffd"
    assert message.channel.exten == "12345"


def test_names_in_channel_snapshots_are_unescaped_and_names_of_members_are_not() -> None:
    caller = one(channel_event("Newchannel", AT, CALLER, caller_name=r"\"Li\" \\ Si\r\n"))
    assert isinstance(caller, m.NewChannel)
    assert caller.channel.caller_name == '"Li" \\ Si\r\n'
    member = one(
        event("QueueMemberAdded", AT, ("Queue", "hotline"), ("MemberName", r"a\"b"), ("Interface", "PJSIP/a"),
              ("Status", "1"), ("Paused", "0"))
    )  # fmt: skip
    assert isinstance(member, m.QueueMember)
    assert member.member == r"a\"b"


@pytest.mark.parametrize(
    ("raw", "text"), [(r"\a\b\t\v\'\?", "\a\b\t\v'?"), (r"\x", r"\x"), ("\\", "\\"), (r"\\n", r"\n")]
)
def test_unescape_follows_c(raw: str, text: str) -> None:
    assert unescape(raw) == text


def test_header_names_are_read_in_any_case() -> None:
    data = channel_event("Hangup", AT, CALLER, ("Cause", "16"))
    head, _, rest = data.partition(b"\r\n")
    message = one(head.lower().replace(b"hangup", b"Hangup") + b"\r\n" + rest.swapcase().replace(b"PBX1", b"pbx1"))
    assert isinstance(message, m.Hangup)
    assert (message.channel.uniqueid, message.cause) == (CALLER, 16)


def test_order_of_headers_does_not_matter() -> None:
    lines = channel_event("Hangup", AT, CALLER, ("Cause", "16")).split(b"\r\n")[:-2]
    assert one(b"\r\n".join([lines[0], *reversed(lines[1:])]) + b"\r\n\r\n") == one(b"\r\n".join(lines) + b"\r\n\r\n")


def test_unwanted_events_are_dropped_and_counted() -> None:
    reader = Parser(frozenset({"Hangup"}))
    data = (
        channel_event(
            "VarSet", AT, CALLER, ("Variable", "X"), ("Value", "\udcff".encode("utf-8", "surrogateescape").hex())
        )
        + channel_event("Newchannel", AT, CALLER)
        + channel_event("Hangup", AT, CALLER, ("Cause", "17"))
    )
    assert [type(message) for message in reader.feed(data)] == [m.Hangup]
    assert (reader.counts.dropped, reader.counts.messages) == (2, 1)


def test_rows_of_lists_and_replies_are_blocks_with_every_header() -> None:
    data = (
        block(("Response", "Success"), ("ActionID", "ab-1"), ("EventList", "start"))
        + block(("Event", "QueueParams"), ("Queue", "hotline"), ("ActionID", "ab-1"))
        + block(("Event", "DeviceStateChange"), ("Device", "PJSIP/a"), ("State", "INUSE"), ("ActionID", "ab-2"))
        + block(("Event", "CoreShowChannel"), ("ActionID", "ab-3"), ("ChanVariable", "A=1"), ("ChanVariable", "B=x=y"))
    )
    first, second, third, fourth = read(data)
    assert isinstance(first, Block)
    assert (first.is_response, first.failed, first["eventlist"]) == (True, False, "start")
    assert isinstance(second, Block)
    assert (second.name, second["QUEUE"]) == ("QueueParams", "hotline")
    assert isinstance(third, Block)
    assert third.name == "DeviceStateChange"
    assert isinstance(fourth, Block)
    assert fourth.all("chanvariable") == ["A=1", "B=x=y"]
    assert fourth.variables() == {"A": "1", "B": "x=y"}


def test_banner_is_told_and_is_no_message() -> None:
    reader = Parser()
    assert reader.feed(BANNER[:9]) == []
    assert not reader.begun
    assert reader.feed(BANNER[9:]) == []
    assert reader.banner == "11.0.0"
    assert len(reader.feed(event("FullyBooted", AT))) == 1


def test_events_without_a_timestamp_take_the_time_that_is_given() -> None:
    assert Parser(now=lambda: WHEN).feed(b"Event: FullyBooted\r\n\r\n") == [m.FullyBooted(at=WHEN)]
    assert Parser().feed(event("FullyBooted", AT) + b"Event: FullyBooted\r\n\r\n") == [m.FullyBooted(at=WHEN)] * 2


@pytest.mark.parametrize("piece", [parser.MAX_BLOCK * 3, 65536, 999])
@pytest.mark.parametrize("size", [parser.MAX_BLOCK, parser.MAX_BLOCK * 2])
def test_a_block_over_1_mib_is_left_out_and_counted_once(piece: int, size: int) -> None:
    reader = Parser()
    data = b"Event: Hangup\r\nX: " + b"x" * size + b"\r\n\r\n" + event("FullyBooted", AT)
    found = [item for start in range(0, len(data), piece) for item in reader.feed(data[start : start + piece])]
    assert found == [m.FullyBooted(at=WHEN)]
    assert (reader.counts.oversized, reader.counts.lost) == (1, 1)


def test_endless_bytes_without_an_end_do_not_fill_the_memory() -> None:
    reader = Parser()
    for _ in range(40):
        reader.feed(b"x" * 65536)
    assert reader.counts.oversized == 1
    assert reader.feed(b"\r\n\r\n" + event("FullyBooted", AT)) == [m.FullyBooted(at=WHEN)]


def test_an_agent_s_talk_ends_also_where_the_caller_is_gone_already() -> None:
    """As Asterisk 22 told it of a caller who hung up under load: no header of the caller's channel at all."""
    told = one(
        b"Event: AgentComplete\r\nPrivilege: agent,all\r\nTimestamp: 1778284800.250000\r\nSystemName: pbx1\r\n"
        b"DestChannel: PJSIP/a7f3-00000001\r\nDestChannelState: 6\r\nDestChannelStateDesc: Up\r\n"
        b"DestCallerIDNum: 2912345\r\nDestCallerIDName: <unknown>\r\nDestConnectedLineNum: 13800004711\r\n"
        b"DestConnectedLineName: <unknown>\r\nDestLanguage: zh\r\nDestAccountCode: \r\nDestContext: hl-agents\r\n"
        b"DestExten: s\r\nDestPriority: 1\r\nDestUniqueid: pbx1-1778284800.2\r\nDestLinkedid: pbx1-1778284800.1\r\n"
        b"Queue: hotline\r\nInterface: PJSIP/a7f3\r\nMemberName: a7f3\r\nHoldTime: 2\r\nTalkTime: 1\r\n"
        b"Reason: caller\r\n\r\n"
    )
    assert isinstance(told, m.AgentComplete)
    assert told.dest is not None
    assert (told.channel, told.dest.uniqueid, told.dest.linkedid) == (told.dest, PHONE, CALLER)
    assert (told.member, told.reason, told.talk_s) == ("a7f3", "caller", 1)


def test_an_agent_s_talk_whose_channels_are_both_gone_says_nothing_and_is_no_loss() -> None:
    reader = Parser()
    told = event("AgentComplete", AT, *MEMBER, ("HoldTime", "1"), ("TalkTime", "6"), ("Reason", "agent"))
    assert reader.feed(told) == []
    assert (reader.counts.lost, reader.counts.dropped) == (0, 1)


@pytest.mark.parametrize(
    "data",
    [
        event("Hangup", AT, ("Cause", "16")),
        channel_event("Hangup", AT, CALLER, ("Cause", "sixteen")),
        channel_event("Hangup", AT, CALLER, ("Cause", "16")).replace(b"1778284800.250000", b"nan"),
        channel_event("Hangup", AT, CALLER, ("Cause", "16")).replace(b"1778284800.250000", b"1e300"),
        channel_event("Hangup", AT, CALLER, ("Cause", "9" * 5000)),
    ],
)
def test_events_that_lack_what_they_are_about_are_counted(data: bytes) -> None:
    reader = Parser()
    assert reader.feed(data) == []
    assert reader.counts.malformed == 1


@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([b"\r\n\r\n", b"\r\n", b"Event: ", b"Event: Hangup\r\n", b": "]))
)
@settings(max_examples=80, deadline=None)
def test_garbage_never_raises(pieces: list[bytes]) -> None:
    reader = Parser()
    for piece in pieces:
        reader.feed(piece)


STREAM = (
    BANNER
    + block(("Response", "Success"), ("ActionID", "ab-1"))
    + channel_event("Newchannel", AT, CALLER, caller_name="李四\u2028王")
    + b"\r\n\r\ngarbage\r\n\r\n"
    + channel_event("UserEvent", AT + 1, CALLER, ("UserEvent", "HLOffered"), ("HLLine", "12345"))
    + channel_event("VarSet", AT + 1, CALLER)
    + channel_event("Hangup", AT + 2, CALLER, ("Cause", "16"))
    + b"\xff\xfe\r\n\r\n"
    + channel_event("Hangup", AT + 2, PHONE, ("Cause", "x"))
)  # fmt: skip


def plain(items: list[m.Message | Block]) -> list[object]:
    return [item.pairs if isinstance(item, Block) else item for item in items]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
@settings(max_examples=80, deadline=None)
def test_any_split_of_the_bytes_gives_the_same_messages(cuts: list[int]) -> None:
    whole, split = Parser(), Parser()
    expected = plain(whole.feed(STREAM))
    edges = [0, *sorted(cuts), len(STREAM)]
    found = [item for a, b in itertools.pairwise(edges) for item in split.feed(STREAM[a:b])]
    assert plain(found) == expected
    assert len(expected) == 4
    assert split.counts == whole.counts
    assert (split.counts.garbage, split.counts.malformed) == (2, 1)


def test_one_byte_at_a_time_gives_the_same_messages() -> None:
    reader = Parser()
    assert plain([item for byte in STREAM for item in reader.feed(bytes([byte]))]) == plain(read(STREAM))


TRANSCRIPTS = sorted((Path(__file__).parent.parent / "transcripts").glob("*.ami"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_all_that_the_real_asterisk_said_can_be_read(path: Path) -> None:
    reader = Parser()
    found = reader.feed(path.read_bytes())
    assert reader.banner == "11.0.0"
    assert reader.counts.lost == 0
    assert reader.counts.messages == sum(isinstance(item, m.Message) for item in found) > 5


@pytest.mark.parametrize("path", [path for path in TRANSCRIPTS if path.stem != "mixed"], ids=lambda path: path.stem)
def test_what_the_real_asterisk_said_means_the_same_in_any_order_and_case(path: Path) -> None:
    events = [text for text in path.read_bytes().split(b"\r\n\r\n") if text.startswith(b"Event: ")]
    plain_, odd = Parser(), Parser()
    for text in events:
        first, *lines = text.split(b"\r\n")
        # A dialplan's own headers stay behind the event's name, where Asterisk puts them.
        own = next((n for n, line in enumerate(lines) if line.startswith(b"UserEvent: ")), len(lines))
        mixed = [line.partition(b":")[0].upper() + b":" + line.partition(b":")[2] for line in reversed(lines[:own])]
        turned = b"\r\n".join([first, *mixed, *lines[own:]])
        assert odd.feed(turned + b"\r\n\r\n") == plain_.feed(text + b"\r\n\r\n")


# -- snapshot


def test_lists_become_a_snapshot() -> None:
    rows = [
        Block([("Event", "CoreShowChannel"), *snapshot_headers(CALLER, name="PJSIP/trunk-1"), ("BridgeId", ""),
               ("Application", "Queue"), ("Duration", "26:03:09")]),
        Block([("Event", "QueueParams"), ("Queue", "hotline")]),
        Block([("Event", "QueueMember"), ("Queue", "hotline"), ("Name", r"a\"7"), ("Location", "PJSIP/a7f3"),
               ("Status", "1"), ("Paused", "1"), ("PausedReason", "ACW")]),
        Block([("Event", "QueueEntry"), ("Queue", "hotline"), ("Position", "1"), ("Channel", "PJSIP/trunk-1"),
               ("Uniqueid", CALLER), ("CallerIDNum", "unknown"), ("Wait", "31")]),
        Block([("Event", "DeviceStateChange"), ("Device", "PJSIP/a7f3"), ("State", "NOT_INUSE")]),
    ]  # fmt: skip
    taken = snapshot.build("2026-05-09T08:00:00", rows, WHEN)
    assert [(live.channel.uniqueid, live.bridge, live.application, live.age_s) for live in taken.channels] == [
        (CALLER, None, "Queue", 26 * 3600 + 3 * 60 + 9)
    ]
    assert [(who.member, who.interface, who.kind, who.paused, who.reason) for who in taken.members] == [
        (r"a\"7", "PJSIP/a7f3", "snapshot", True, "ACW")
    ]
    assert taken.entries == (m.QueueEntry("hotline", 1, CALLER, 31),)
    assert taken.devices == {"PJSIP/a7f3": "NOT_INUSE"}


def test_a_row_without_its_identity_is_refused() -> None:
    with pytest.raises(ValueError, match="QueueEntry without 'uniqueid'"):
        snapshot.build("b", [Block([("Event", "QueueEntry"), ("Queue", "q"), ("Position", "1")])], WHEN)


@pytest.mark.parametrize(
    ("date", "expected"), [("2026-05-09", "2026-05-09T08:00:00"), ("1970-01-01", None), ("", None)]
)
def test_boot_is_none_while_asterisk_does_not_know_it(date: str, expected: str | None) -> None:
    assert snapshot.boot_of({"CoreStartupDate": date, "CoreStartupTime": "08:00:00"}) == expected
