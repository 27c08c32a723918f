"""`hotline replay` over every capture, ours and others', whole, cut, damaged, shuffled, mixed: records, and no failure.

A message that the tracker could not take is counted with the error's name (`Hangup: KeyError`): none may be.
"""

import json
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotline.calls.record import CallRecord
from hotline.replay import Misfits, replay
from tests import foreign
from tests import pbx_model as pbx
from tests.foreign_scenes import SCENES
from tests.pbx_model import TRANSCRIPTS

MOVEMENTS = [
    "blind-transfer", "blind-transfer-by-phone", "blind-transfer-given-up", "blind-transfer-rejected",
    "conference-caller-hangs-up", "conference-held", "consult-agent-lost", "consult-back", "consult-caller-hangs-up",
    "consult-colleague-hangs-up", "consult-completed", "consult-conference", "consult-rejected", "consult-withdrawn",
    "held-and-resumed", "parked-and-taken", "parked-too-long", "to-queue",
]  # fmt: skip
JOURNAL = TRANSCRIPTS.parent / "journal"
NAMES = [*pbx.NAMES, *pbx.MOVES, *SCENES]
names, seeds = st.sampled_from(NAMES), st.integers(0, 2**32)
few = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@cache
def _whole(name: str) -> bytes:
    if name in SCENES:
        return foreign.capture(SCENES[name])
    return ((JOURNAL if name in pbx.MOVES else TRANSCRIPTS) / f"{name}.ami").read_bytes()


@cache
def _stripped(name: str) -> bytes:
    """One of ours as another dialplan would have it: no facts, other contexts."""
    data = _whole(name).replace(b"UserEvent: HL", b"UserEvent: XX")
    data = data.replace(b"Context: hl-trunk", b"Context: from-trunk").replace(b"Context: hl-agents", b"Context: agents")
    return data.replace(b"Context: hl-", b"Context: ivr-")


def _blocks(data: bytes) -> list[bytes]:
    return [block + b"\r\n\r\n" for block in data.split(b"\r\n\r\n") if block]


def _read(tmp_path: Path, data: bytes) -> list[CallRecord]:
    file, misfits = tmp_path / "any.ami", Misfits()
    file.write_bytes(data)
    records = list(replay(file, misfits=misfits))
    for record in records:
        json.dumps(record.as_json())
    assert misfits.line().startswith("did not fit: ")
    assert [kind for kind in misfits.unexpected if kind.endswith("Error")] == []
    return records


PLAIN = [
    "abandoned", "answered-agent-hangs-up", "answered-caller-hangs-up", "closed-hang-up", "phone-lost-next-agent",
    "rejected-next-agent", "ring-no-answer-next-agent", "voicemail-closed", "voicemail-nobody", "voicemail-waited",
]  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_without_our_dialplans_facts_the_same_call_is_read(tmp_path: Path, name: str) -> None:
    """All that the channels themselves say: who, which line, which agent, how long; not what only a dialplan knows."""
    [ours], [read] = _read(tmp_path, _whole(name)), _read(tmp_path, _stripped(name))
    assert (read.line, read.direction, read.caller_number, read.started_at, read.queued_at, read.ended_at) == (
        ours.line, ours.direction, ours.caller_number, ours.started_at, ours.queued_at, ours.ended_at,
    )  # fmt: skip
    assert (read.agent, read.answered_at, read.wait_s) == (ours.agent, ours.answered_at, ours.wait_s)
    assert [leg.member for leg in read.legs] == [leg.member for leg in ours.legs]
    assert (read.talk_s or 0) == pytest.approx(ours.talk_s or 0, abs=0.05)
    if ours.answered_at is not None or name == "abandoned":
        assert read.outcome == ours.outcome


@pytest.mark.parametrize("name", MOVEMENTS)
def test_without_our_dialplans_facts_the_same_movement_is_read(tmp_path: Path, name: str) -> None:
    """Who had the caller, who was asked, who was given the call; holds only where a phone itself says so."""
    [ours], [read] = _read(tmp_path, _whole(name)), _read(tmp_path, _stripped(name))
    assert (read.agent, read.answered_at, read.wait_s, read.hangup_by) == (
        ours.agent, ours.answered_at, ours.wait_s, ours.hangup_by,
    )  # fmt: skip
    assert read.talk_s == pytest.approx(ours.talk_s, abs=0.01)
    assert [(leg.member, leg.role, leg.result) for leg in read.legs] == [
        (leg.member, leg.role, leg.result) for leg in ours.legs
    ]
    attended, told = ([given.to for given in record.transfers if given.kind == "attended"] for record in (read, ours))
    assert attended == told
    assert name != "held-and-resumed" or read.hold_s == ours.hold_s


def test_two_hundred_calls_of_another_dialplan_are_two_hundred_calls(tmp_path: Path) -> None:
    ours, read = _read(tmp_path, _whole("mixed")), _read(tmp_path, _stripped("mixed"))
    assert {record.linkedid: record.agent for record in read} == {record.linkedid: record.agent for record in ours}
    assert len(read) == 210


@pytest.mark.parametrize("name", NAMES)
def test_every_capture_is_read_whole_cut_damaged_and_beside_another(tmp_path: Path, name: str) -> None:
    """Its own calls, whatever surrounds them; what a damaged one says is anybody's guess, but it says something."""
    whole, random = _whole(name), Random(name)
    calls = {linkedid for record in _read(tmp_path, whole) for linkedid in record.linkedids}
    cut = random.randrange(len(whole))
    assert {record.linkedid for record in _read(tmp_path, whole[:cut])} <= calls
    _read(tmp_path, whole[cut:])
    damaged = bytearray(whole)
    for _ in range(20):
        start = random.randrange(len(damaged))
        damaged[start : start + random.randrange(40)] = random.randbytes(random.randrange(20))
    _read(tmp_path, bytes(damaged))
    one, two = _blocks(whole), _blocks(_whole(NAMES[NAMES.index(name) - 1]))
    mixed = [(one if random.random() < 0.5 else two).pop(0) for _ in range(len(one) + len(two)) if one and two]
    read = {linkedid for record in _read(tmp_path, b"".join([*mixed, *one, *two])) for linkedid in record.linkedids}
    # Ours beside another PBX's is read as ours; two captures of ours may name their channels alike.
    assert name in SCENES or calls <= read


@given(names, st.floats(0, 1))
@few
def test_a_capture_that_is_cut_anywhere(tmp_path: Path, name: str, part: float) -> None:
    whole = _whole(name)
    cut = round(len(whole) * part)
    names_of_calls = {linkedid for record in _read(tmp_path, whole) for linkedid in record.linkedids}
    assert {record.linkedid for record in _read(tmp_path, whole[:cut])} <= names_of_calls
    _read(tmp_path, whole[cut:])


@given(names, st.booleans(), st.data())
@few
def test_a_capture_with_damaged_bytes(tmp_path: Path, name: str, stripped: bool, data: st.DataObject) -> None:
    whole = bytearray(_stripped(name) if stripped else _whole(name))
    for _ in range(data.draw(st.integers(1, 12))):
        start = data.draw(st.integers(0, len(whole) - 1))
        whole[start : start + data.draw(st.integers(0, 60))] = data.draw(st.binary(max_size=20))
    _read(tmp_path, bytes(whole))


@given(names, names, st.booleans(), seeds)
@few
def test_messages_lost_repeated_shuffled_and_of_two_captures(
    tmp_path: Path, name: str, other: str, stripped: bool, seed: int
) -> None:
    random = Random(seed)
    form = _stripped if stripped else _whole
    one, two = _blocks(form(name)), _blocks(form(other))
    mixed = [(one if random.random() < 0.5 else two).pop(0) for _ in range(len(one) + len(two)) if one and two]
    mixed += one + two
    _read(tmp_path, b"".join(mixed))
    for _ in range(8):
        index = random.randrange(len(mixed))
        if random.random() < 0.5:
            del mixed[index]
        else:
            mixed.insert(index, random.choice(mixed))
    _read(tmp_path, b"".join(mixed))
    random.shuffle(mixed)
    _read(tmp_path, b"".join(mixed))


_WORDS = [
    b"Event: ", b"Newchannel", b"Hangup", b"Rename", b"Bridge", b"Dial", b"AgentConnect", b"AgentCalled", b"Join",
    b"Leave", b"LocalBridge", b"Transfer", b"AttendedTransfer", b"Uniqueid: ", b"Uniqueid1: ", b"Uniqueid2: ",
    b"Channel: ", b"Channel1: ", b"Channel2: ", b"Newname: ", b"DestUniqueID: ", b"Destination: ", b"SubEvent: ",
    b"Begin", b"End", b"SIP/1-1", b"Local/1@x-1;1", b"Local/1@x-1;2", b"SIP/1-1<MASQ>", b"SIP/1-1<ZOMBIE>",
    b"1400000000.1", b"1400000000.2", b"ChannelState: ", b"Timestamp: ", b"nan", b"1e400", b"-1", b"9" * 40,
    "٣".encode(), b"\xff", b"HoldTime: ", b"\r\n", b"\r\n", b"\r\n\r\n", b"\n", b":", b"",
]  # fmt: skip


@given(st.lists(st.sampled_from(_WORDS), max_size=120).map(b"".join))
@few
def test_words_of_the_protocol_in_any_order(tmp_path: Path, data: bytes) -> None:
    _read(tmp_path, data)
