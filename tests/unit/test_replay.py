"""`hotline replay`: captures in, call records out, whatever the bytes. Times are those of the messages themselves."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hotline.__main__ import cli
from hotline.replay import replay

TRANSCRIPTS = Path(__file__).resolve().parent.parent / "transcripts"
ANSWERED = {
    "id": "pbx1-1795545637.0",
    "linkedid": "pbx1-1795545637.0",
    "linkedids": ["pbx1-1795545637.0"],
    "line": "12345",
    "direction": "inbound",
    "caller_number": "13800138000",
    "started_at": "2026-11-24T18:40:37.296Z",
    "queued_at": "2026-11-24T18:40:46.888Z",
    "answered_at": "2026-11-24T18:40:47.902Z",
    "ended_at": "2026-11-24T18:40:53.310Z",
    "outcome": "answered",
    "hangup_by": "caller",
    "agent": "a1",
    "wait_s": 1.013,
    "talk_s": 5.404,
    "ticket": None,
}
HOSTILE = {
    "nothing": b"",
    "zeros": b"\0" * 4096,
    "a banner alone": b"Asterisk Call Manager/11.0.0\r\n",
    "a line of a megabyte": b"Event: Newchannel\r\nChannel: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "a megabyte without an end": b"Event: Hangup\r\n" * 70_000,
    "broken utf-8": b"Event: Newchannel\r\nUniqueid: \xff\xfe\xc3\r\nLinkedid: \xed\xa0\x80\r\n\r\n",
    "other line ends": "Event: Hangup\r\nUniqueid: 1\u2028Linkedid: 2\x85\r\n\r\n".encode(),
    "times that are none": b"Event: Newchannel\r\nUniqueid: 1\r\nLinkedid: 1\r\nTimestamp: 1e400\r\n\r\n",
    "numbers without end": b"Event: Hangup\r\nUniqueid: 1\r\nLinkedid: 1\r\nCause: " + b"9" * 5000 + b"\r\n\r\n",
    "a picture": b"\x89PNG\r\n\x1a\n\r\n\r\n" * 100,
}


def _transcript(name: str) -> bytes:
    return (TRANSCRIPTS / f"{name}.ami").read_bytes()


def _replayed(tmp_path: Path, data: bytes) -> list[dict[str, object]]:
    path = tmp_path / "some.ami"
    path.write_bytes(data)
    return [record.as_json() for record in replay(path)]


def test_a_capture_becomes_its_call(tmp_path: Path) -> None:
    assert _replayed(tmp_path, _transcript("answered-caller-hangs-up")) == [ANSWERED]


def test_as_many_calls_of_each_outcome_as_the_dialplan_told(tmp_path: Path) -> None:
    data = _transcript("mixed")
    said = Counter(line[11:].decode() for line in data.split(b"\r\n") if line.startswith(b"HLOutcome: "))
    assert Counter(record["outcome"] for record in _replayed(tmp_path, data)) == said
    assert said.total() == 210


def test_a_call_that_goes_on_at_the_end_has_no_end(tmp_path: Path) -> None:
    data = _transcript("answered-caller-hangs-up")
    cut = data.index(b"Event: BridgeLeave")
    gone = {"ended_at": None, "outcome": None, "hangup_by": None, "talk_s": None}
    assert _replayed(tmp_path, data[:cut]) == [ANSWERED | gone]


def test_captures_of_two_connections_in_a_row_are_one_story(tmp_path: Path) -> None:
    data = _transcript("answered-caller-hangs-up")
    assert _replayed(tmp_path, data + data) == [ANSWERED]


def test_the_command_prints_a_call_a_line_and_asks_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_DATABASE_URL", "no such thing")
    done = CliRunner().invoke(cli, ["replay", str(TRANSCRIPTS / "blocked.ami")])
    assert done.exit_code == 0
    calls = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(call) for call in calls] == [list(ANSWERED)] * 6
    assert [call["outcome"] for call in calls].count("blocked") == 1
    assert [call["started_at"] for call in calls] == sorted(call["started_at"] for call in calls)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(replay(tmp_path / "nothing.ami"))


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_are_no_calls_and_hide_none(tmp_path: Path, data: bytes) -> None:
    assert _replayed(tmp_path, data) == []
    told = _replayed(tmp_path, data + b"\r\n\r\n" + _transcript("answered-caller-hangs-up"))
    assert told == [ANSWERED]


@given(st.data())
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_bytes_make_it_fail(tmp_path: Path, data: st.DataObject) -> None:
    names = ["answered-caller-hangs-up", "phone-lost-next-agent", "voicemail-waited", "abandoned"]
    text = bytearray(_transcript(data.draw(st.sampled_from(names))))
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 400)))
        text[start:end] = data.draw(st.sampled_from([b"", bytes(text[end : end + 2000]), b"\r\n\r\n", b"\xff\0\x85"]))
    for record in _replayed(tmp_path, bytes(text)):
        json.dumps(record)
