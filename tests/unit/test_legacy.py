"""Captures of other PBXs, told as our own Asterisk would have told the same calls.

Expected values are read off the scenes in tests/foreign.py, and off what events mean by Asterisk's own texts.
"""

from collections import Counter
from pathlib import Path

import pytest

from hotline.calls.record import CallRecord
from hotline.replay import Misfits, replay
from hotline.telephony import messages as m
from hotline.telephony.legacy import Translator
from hotline.telephony.legacy.desk import dialled_number
from hotline.telephony.parser import Block, pairs
from tests import foreign
from tests.foreign_scenes import SCENES


def _translated(scene: str | list[bytes]) -> tuple[Translator, list[m.Message]]:
    translator = Translator()
    for block in SCENES[scene] if isinstance(scene, str) else scene:
        translator.feed(Block(pairs(block.decode().removesuffix("\r\n\r\n"))))
    return translator, list(translator.messages())


def _said(scene: str | list[bytes]) -> list[m.Message]:
    return _translated(scene)[1]


def _offers(scene: str) -> list[tuple[str, str, str, str | None]]:
    return [
        (told.channel.name, told.fields["hldirection"], told.fields["hlline"], told.fields.get("hlnumber"))
        for told in _said(scene)
        if isinstance(told, m.UserEvent) and told.name == "HLOffered" and told.channel is not None
    ]


def _read(tmp_path: Path, blocks: list[bytes], misfits: Misfits | None = None) -> list[CallRecord]:
    file = tmp_path / "foreign.ami"
    file.write_bytes(foreign.capture(blocks))
    return list(replay(file, misfits=misfits))


@pytest.mark.parametrize(
    ("scene", "caller", "direction", "line", "number"),
    [
        ("queue_through_local", "SIP/trunk-00000001", "inbound", "2912345", foreign.NUMBER),
        ("attended_transfer", "SIP/trunk-00000001", "inbound", "12345", foreign.NUMBER),
        ("of_the_fourth", "Zap/1-1", "inbound", "unknown", foreign.NUMBER),  # an analogue line says no number dialled
        ("ring_group", "PJSIP/provider-00000010", "inbound", "2912345", foreign.NUMBER),
        ("gave_up_in_a_queue", "SIP/trunk-00000001", "inbound", "12345", foreign.NUMBER),
        ("mailbox", "DAHDI/i1/2912345-5", "inbound", "2912345", foreign.NUMBER),
        ("outbound_busy", "SIP/101-00000002", "outbound", "i1", "13900139000"),
        ("between_extensions", "IAX2/101-1234", "internal", "102", "102"),
        ("click_to_dial", "SIP/101-00000001", "outbound", "12345", "13900139000"),
        ("blind_transfer", "PJSIP/provider-00000001", "inbound", "12345", foreign.NUMBER),
        ("parked_and_picked_up", "SIP/trunk-00000001", "inbound", "12345", foreign.NUMBER),
        ("forwarded", "SIP/trunk-00000001", "inbound", "12345", foreign.NUMBER),
        ("queue_through_local_kept", "PJSIP/provider-00000001", "inbound", "12345", foreign.NUMBER),
        (
            "dialler",
            "SIP/carrier-00000001",
            "inbound",
            "carrier",
            "13900139000",
        ),  # the queue's caller, as agents see it
    ],
)
def test_who_calls_on_which_line_and_which_way(scene: str, caller: str, direction: str, line: str, number: str) -> None:
    assert _offers(scene) == [(caller, direction, line, number)]


@pytest.mark.parametrize("scene", SCENES)
def test_every_message_is_of_a_person_with_a_call_and_a_time(scene: str) -> None:
    told = _said(scene)
    channels = [
        channel
        for message in told
        for channel in (
            getattr(message, name, None) for name in ("channel", "dest", "transferer", "original", "second")
        )
        if channel is not None
    ]
    assert not [channel.name for channel in channels if channel.name.startswith("Local/") or "<" in channel.name]
    first = foreign.uid({"ring_group": 10, "mailbox": 5}.get(scene, 1))
    # Who calls on a line of their own is of another call until they meet.
    own = {
        "meetme": {foreign.uid(2, 10), foreign.uid(3, 20)},
        "attended_transfer": {foreign.uid(3, 30)},
        "parked_and_picked_up": {foreign.uid(3, 20)},
    }.get(scene, set())
    assert {channel.linkedid for channel in channels} == {first} | own
    last = {channel.uniqueid: channel.linkedid for channel in channels}
    assert set(last.values()) == {first}
    assert all(message.at.timestamp() >= foreign.T for message in told)
    assert [message.at for message in told] == sorted(message.at for message in told)


@pytest.mark.parametrize("scene", SCENES)
def test_who_entered_a_room_has_left_it_and_hung_up_once(scene: str) -> None:
    told = _said(scene)
    rooms = Counter[tuple[str, str]]()
    for message in told:
        if isinstance(message, m.BridgeEnter | m.BridgeLeave):
            rooms[message.channel.uniqueid, message.bridge] += 1 if isinstance(message, m.BridgeEnter) else -1
            assert rooms[message.channel.uniqueid, message.bridge] in {0, 1}
    assert set(rooms.values()) <= {0}
    ends = [message.channel.uniqueid for message in told if isinstance(message, m.Hangup)]
    begins = [message.channel.uniqueid for message in told if isinstance(message, m.NewChannel)]
    assert sorted(ends) == sorted(begins)


def test_a_phone_behind_a_local_channel_is_the_queues_own(tmp_path: Path) -> None:
    told = _said("queue_through_local")
    [called] = [message for message in told if isinstance(message, m.AgentCalled)]
    [connected] = [message for message in told if isinstance(message, m.AgentConnect)]
    for message in (called, connected):
        assert message.dest is not None
        assert (message.channel.name, message.dest.name, message.member) == (
            "SIP/trunk-00000001", "SIP/1001-00000002", "1001",
        )  # fmt: skip
    [record] = _read(tmp_path, SCENES["queue_through_local"])
    assert (record.line, record.caller_number, record.agent, record.outcome, record.hangup_by) == (
        "2912345", foreign.NUMBER, "1001", "answered", "caller",
    )  # fmt: skip
    # No event has a time: HoldTime 12 and TalkTime 60 say how long it took.
    assert (record.wait_s, record.talk_s) == (12.0, 60.0)


def test_a_caller_stays_who_they_are_when_channels_change_places() -> None:
    told = _said("attended_transfer")
    talks = [
        (type(message).__name__, message.channel.name)
        for message in told
        if isinstance(message, m.BridgeEnter | m.BridgeLeave)
    ]
    assert talks == [
        ("BridgeEnter", "SIP/trunk-00000001"), ("BridgeEnter", "SIP/101-00000002"),  # 101 answers
        ("BridgeEnter", "SIP/101-00000003"), ("BridgeEnter", "SIP/102-00000004"),  # asks 102, the caller hears music
        ("BridgeLeave", "SIP/101-00000002"), ("BridgeLeave", "SIP/101-00000003"),
        *talks[6:],
    ]  # fmt: skip
    [transfer] = [message for message in told if isinstance(message, m.AttendedTransfer)]
    assert transfer.transferee is not None
    assert transfer.target is not None
    assert (transfer.transferee.name, transfer.target.name, transfer.success) == (
        "SIP/trunk-00000001", "SIP/102-00000004", True,
    )  # fmt: skip
    ends = [message.channel for message in told if isinstance(message, m.Hangup)]
    assert [end.name for end in ends] == [
        "SIP/101-00000003", "SIP/101-00000002", "SIP/102-00000004", "SIP/trunk-00000001",
    ]  # fmt: skip
    assert ends[-1].uniqueid == foreign.uid(1)


def test_a_phone_that_a_dialplan_rings_is_offered_the_call() -> None:
    told = _said("ring_group")
    rang = [message for message in told if isinstance(message, m.AgentCalled)]
    assert [(message.member, message.at.timestamp() - foreign.T) for message in rang] == [("101", 1), ("102", 1)]
    assert not [message for message in told if isinstance(message, m.AgentRingNoAnswer)]
    [mailbox] = [message for message in _said("mailbox") if isinstance(message, m.AgentRingNoAnswer)]
    assert (mailbox.member, mailbox.ring_ms) == ("103", 15000)


def test_who_waited_in_vain_gave_up(tmp_path: Path) -> None:
    [record] = _read(tmp_path, SCENES["gave_up_in_a_queue"])
    assert (record.outcome, record.hangup_by, record.wait_s, record.agent) == ("abandoned", "caller", 20.0, None)
    [leg] = record.legs
    assert (leg.member, leg.result, leg.role) == ("201", "missed", "queue")


def test_who_spoke_to_a_mailbox_left_a_voicemail(tmp_path: Path) -> None:
    [record] = _read(tmp_path, SCENES["mailbox"])
    assert (record.outcome, record.line, record.answered_at) == ("voicemail", "2912345", None)


Leg = tuple[str | None, str | None, str, str, float | None]
RECORDS: dict[str, tuple[tuple[object, ...], list[Leg], list[tuple[str, str | None, str]]]] = {
    # scene: outcome, hung up by, agent, waited, talked, held · legs: member, number, role, result, talked · transfers
    "queue_through_local": (
        ("answered", "caller", "1001", 12.0, 60.0, 0.0),
        [("1001", None, "queue", "answered", 60.0)],
        [],
    ),
    "attended_transfer": (
        ("answered", None, "102", 1.0, 30.0, 30.0),
        [("101", None, "queue", "answered", 30.0), ("102", None, "consult", "answered", 0.0)],
        [("attended", "101", "102")],
    ),
    "outbound_busy": (
        ("busy", None, None, None, None, 0.0),
        [("101", None, "dial", "withdrawn", None), ("101", "13900139000", "party", "busy", 0.0)],
        [],
    ),
    "between_extensions": (
        ("answered", None, "102", 1.0, 0.0, 0.0),
        [("101", None, "dial", "answered", 0.0), ("102", None, "dial", "answered", 0.0)],
        [],
    ),
    "of_the_fourth": (("answered", None, "101", 2.0, 0.0, 0.0), [("101", None, "queue", "answered", 0.0)], []),
    "ring_group": (
        ("answered", "agent", "102", 9.0, 30.0, 0.0),
        [("101", None, "queue", "withdrawn", None), ("102", None, "queue", "answered", 30.0)],
        [],
    ),
    "gave_up_in_a_queue": (
        ("abandoned", "caller", None, 20.0, None, 0.0),
        [("201", None, "queue", "missed", None)],
        [],
    ),
    "mailbox": (("voicemail", None, None, None, None, 0.0), [("103", None, "queue", "missed", None)], []),
    "blind_transfer": (
        ("answered", "caller", "103", 10.0, 50.0, 0.0),
        [("101", None, "queue", "answered", 20.0), ("103", None, "transfer", "answered", 30.0)],
        [("blind", "101", "103")],
    ),
    "click_to_dial": (
        ("answered", "caller", "101", 15.0, 25.0, 0.0),
        [("101", None, "dial", "answered", 25.0), ("101", "13900139000", "party", "answered", 25.0)],
        [],
    ),
    "parked_and_picked_up": (
        ("answered", None, "102", 1.0, 0.0, 0.0),
        [("101", None, "queue", "answered", 0.0), ("102", None, "transfer", "answered", 0.0)],
        [],
    ),
    "queue_through_local_kept": (
        ("answered", "agent", "1001", 10.0, 40.0, 15.0),
        [("1001", None, "queue", "answered", 40.0)],
        [],
    ),
    "dialler": (("answered", "agent", "101", 15.0, 20.0, 0.0), [("101", None, "queue", "answered", 20.0)], []),
    "meetme": (
        ("answered", None, "102", 0.0, 10.0, 0.0),
        [("101", None, "transfer", "answered", 10.0), ("102", None, "transfer", "answered", 0.0)],
        [],
    ),
    "by_an_agent_channel": (
        ("answered", "caller", "1001", 8.0, 33.0, 0.0),
        [("1001", None, "queue", "answered", 33.0)],
        [],
    ),
    "forwarded": (
        ("answered", None, None, None, None, 0.0),
        [("101", None, "queue", "withdrawn", None), (None, "13900139000", "party", "answered", 0.0)],
        [],
    ),
}


@pytest.mark.parametrize("scene", SCENES)
def test_the_record_of_each_scene(tmp_path: Path, scene: str) -> None:
    misfits = Misfits()
    [record] = _read(tmp_path, SCENES[scene], misfits)
    call, legs, transfers = RECORDS[scene]
    assert (
        record.outcome, record.hangup_by, record.agent, record.wait_s, record.talk_s, record.hold_s,
    ) == call  # fmt: skip
    assert [(leg.member, leg.number, leg.role, leg.result, leg.talk_s) for leg in record.legs] == legs
    assert [(given.kind, given.member, given.to) for given in record.transfers] == transfers
    assert (misfits.blocks, misfits.unknown, misfits.unread, misfits.unexpected) == ({}, {}, {}, {})


def test_a_pbx_that_dies_ends_its_calls(tmp_path: Path) -> None:
    cut = SCENES["queue_through_local"][:-7]
    [record] = _read(tmp_path, [*cut, foreign.event("Shutdown", Shutdown="Uncleanly", Restart="False"),
                                foreign.event("FullyBooted", Status="Fully Booted")])  # fmt: skip
    assert (record.outcome, record.hangup_by) == ("failed", "system")
    assert record.ended_at is not None


def test_a_name_that_is_used_again_ends_who_had_it() -> None:
    line = ("DAHDI/1-1", foreign.uid(1)), ("DAHDI/1-1", foreign.uid(2, 60))
    told = _said([foreign.born(*who, 4, foreign.NUMBER, "12345", "from-zaptel") for who in line])
    assert [message.channel.uniqueid for message in told if isinstance(message, m.Hangup)] == [foreign.uid(1)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("104", "104"),
        ("trunk/13800138000", "13800138000"),
        ("13800138000@trunk", "13800138000"),
        ("101/sip:101@192.168.1.20:5060", "101"),
        ("trunk/sip:13800138000@10.0.0.1", "13800138000"),
        ("g0/w13800138000", ""),
        ("alice", ""),
        ("", ""),
    ],
)
def test_what_a_dial_string_calls(text: str, number: str) -> None:
    assert dialled_number(text) == number


def test_what_does_not_fit_is_said_in_one_line(tmp_path: Path) -> None:
    misfits = Misfits()
    blocks = [
        *SCENES["gave_up_in_a_queue"],
        foreign.event("VendorThing", Foo="bar"), foreign.event("VendorThing", Foo="baz"),
        foreign.event("Newchannel", ChannelState=4), b"nonsense\r\n\r\n",
        foreign.event("PeerStatus", Peer="SIP/101"), b"Action: Ping\r\n\r\n",
    ]  # fmt: skip
    _read(tmp_path, blocks, misfits)
    assert misfits.line() == (
        "did not fit: unreadable blocks 1 (garbage 1); unknown events 2 (VendorThing 2); "
        "events without their subject 1 (Newchannel 1)"
    )
    timeless = Misfits()
    _read(tmp_path, SCENES["outbound_busy"], timeless)
    assert timeless.line() == (
        "did not fit: events without a time: times are those of the channels' names, to the second"
    )


def test_a_capture_without_carriage_returns_is_the_same(tmp_path: Path) -> None:
    plain, whole = tmp_path / "plain.ami", foreign.capture(SCENES["ring_group"])
    plain.write_bytes(whole.replace(b"\r\n", b"\n"))
    assert list(replay(plain)) == _read(tmp_path, SCENES["ring_group"])
    assert len(list(replay(plain))) == 1


def test_since_twelve_a_change_of_names_moves_nobody(tmp_path: Path) -> None:
    """A redirect of a leg that no dialplan runs: its device is put into a Surrogate and its Uniqueid goes along."""
    scene = SCENES["ring_group"]
    name, ident = "PJSIP/102-00000012", foreign.uid(12, 1)
    surrogate = (f"Surrogate/{name}", foreign.uid(13, 20))
    steps = [
        foreign.event("Newchannel", **foreign.at(20), **foreign.snapshot(*surrogate, 6, linked=foreign.uid(10))),
        *foreign.renames((name, ident), surrogate)[1:],
        foreign.event("Hangup", **foreign.at(20), Channel=f"{surrogate[0]}<ZOMBIE>", Uniqueid=surrogate[1], Cause=16),
    ]
    [plain] = _read(tmp_path, scene)
    [record] = _read(tmp_path, [*scene[:-5], *steps, *scene[-5:]])
    assert record.as_json() == plain.as_json()


def test_a_capture_that_begins_in_mid_talk_has_its_caller(tmp_path: Path) -> None:
    [record] = _read(tmp_path, SCENES["ring_group"][-7:])
    assert (record.direction, record.caller_number, record.agent, record.outcome) == (
        "inbound", foreign.NUMBER, "102", "answered",
    )  # fmt: skip
    assert record.talk_s == 30.0


def test_who_was_sent_on_and_hangs_up_before_anybody_answers_has_given_up(tmp_path: Path) -> None:
    """As our own dialplan states it; the talk before was one all the same."""
    scene = SCENES["blind_transfer"]
    [record] = _read(tmp_path, [*scene[:13], scene[-1], scene[-2]])
    assert (record.outcome, record.agent, record.talk_s) == ("abandoned", "101", 20.0)
    assert [(leg.member, leg.result) for leg in record.legs] == [("101", "answered"), ("103", "withdrawn")]
