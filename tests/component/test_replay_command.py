"""`hotline replay`: the command itself, hostile bytes before a true capture, and the counts that the dialplan told."""

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hotline.__main__ import cli
from hotline.replay import replay

TRANSCRIPTS = Path(__file__).resolve().parent.parent / "transcripts"
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


def test_as_many_calls_of_each_outcome_as_the_dialplan_told(tmp_path: Path) -> None:
    data = _transcript("mixed")
    said = Counter(line[11:].decode() for line in data.split(b"\r\n") if line.startswith(b"HLOutcome: "))
    assert Counter(record["outcome"] for record in _replayed(tmp_path, data)) == said
    assert said.total() == 210


def test_a_capture_told_twice_is_told_once(tmp_path: Path) -> None:
    data = _transcript("answered-caller-hangs-up")
    assert _replayed(tmp_path, data + data) == _replayed(tmp_path, data)


def test_the_command_prints_a_call_a_line_and_asks_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_DATABASE_URL", "no such thing")
    done = CliRunner().invoke(cli, ["replay", str(TRANSCRIPTS / "blocked.ami")])
    assert done.exit_code == 0
    calls = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(calls) == 6
    assert [call["outcome"] for call in calls].count("blocked") == 1
    assert [call["started_at"] for call in calls] == sorted(call["started_at"] for call in calls)
    assert done.stderr == "did not fit: nothing\n"


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(replay(tmp_path / "nothing.ami"))


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_are_no_calls_and_hide_none(tmp_path: Path, data: bytes) -> None:
    assert _replayed(tmp_path, data) == []
    [told] = _replayed(tmp_path, data + b"\r\n\r\n" + _transcript("answered-caller-hangs-up"))
    assert (told["outcome"], told["agent"], told["wait_s"], told["talk_s"]) == ("answered", "a1", 1.013, 5.404)
