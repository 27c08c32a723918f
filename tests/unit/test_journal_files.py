"""Reading Asterisk's own files: whole lines only, each once, through new names, truncation and torn lines."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hotline.telephony.journal import CHUNK, Cel, Mark, Piece, QueueLine, Record, Trail, set_aside
from tests.journal_files import JOURNAL

NOW = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)
WHOLE = (JOURNAL / "answered-caller-hangs-up.cel.csv").read_bytes()
LINES = WHOLE.splitlines(keepends=True)


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path / "cel.csv", "cel")


def records(pieces: list[Piece]) -> list[Record]:
    return [record for piece in pieces for _offset, record in piece.records]


def look(trail: Trail, known: dict[int, Mark] | None = None) -> list[Record]:
    return records(list(trail.read(known or {})))


def append(trail: Trail, data: bytes) -> None:
    with trail.path.open("ab") as file:
        file.write(data)


def test_a_record_is_what_asterisk_wrote(trail: Trail) -> None:
    append(trail, WHOLE)
    found = look(trail)
    assert len(found) == len(LINES)
    first = found[0]
    assert isinstance(first, Cel)
    # Read off the file's first line.
    row = [cell.strip('"') for cell in LINES[0].decode().strip().split(",")]
    assert (first.event, first.linkedid, first.uniqueid) == ("CHAN_START", row[2], row[2])
    assert (first.at.timestamp(), first.channel, first.number) == (float(row[1]), "PJSIP/trunk-00000000", "13800138000")
    assert (first.exten, first.context, first.extra) == ("12345", "hl-trunk", {})
    outcome = next(record for record in found if isinstance(record, Cel) and record.event == "HLOUTCOME")
    assert outcome.extra == {"extra": "answered caller 12345 a1"}


def test_every_byte_boundary_gives_the_same_records_once(trail: Trail) -> None:
    whole = b"".join(LINES[:6])
    trail.path.touch()
    found = []
    for index in range(len(whole)):
        append(trail, whole[index : index + 1])
        found += look(trail)
    assert len(found) == 6
    assert +trail.counts == {"records": 6}


def test_a_file_that_is_not_there_yet_is_no_error(trail: Trail) -> None:
    assert look(trail) == []


def test_reading_goes_on_at_the_mark(trail: Trail) -> None:
    append(trail, WHOLE)
    [piece] = trail.read({})
    assert (piece.start, piece.end, piece.is_whole, piece.is_current) == (0, len(WHOLE), True, True)
    assert [offset for offset, _record in piece.records][:2] == [0, len(LINES[0])]
    fresh = Trail(trail.path, "cel")
    half = piece.records[10][0]
    found = look(fresh, {piece.inode: Mark(half, NOW)})
    assert found == [record for _offset, record in piece.records[10:]]


def test_the_age_of_a_file_is_that_of_its_first_record(trail: Trail) -> None:
    assert trail.begun_at() is None
    append(trail, WHOLE)
    assert trail.begun_at() == records(list(trail.read({})))[0].at


def test_nothing_is_lost_when_a_file_is_set_aside_while_it_is_written(trail: Trail) -> None:
    append(trail, b"".join(LINES[:3]))
    assert len(look(trail)) == 3
    aside = set_aside(trail.path, NOW)
    assert aside is not None
    with aside.open("ab") as late:  # Asterisk had it open
        late.write(LINES[3])
    append(trail, b"".join(LINES[4:7]))
    again = look(trail)
    expected = look(_whole(trail, b"".join(LINES[3:7])))
    assert again == expected
    assert [path.name for path in trail.paths()] == [aside.name, "cel.csv"]


def _whole(trail: Trail, data: bytes) -> Trail:
    path = trail.path.with_name("other.csv")
    path.write_bytes(data)
    return Trail(path, "cel")


def test_no_file_nothing_to_set_aside(trail: Trail) -> None:
    assert set_aside(trail.path, NOW) is None


def test_a_file_that_was_emptied_is_read_from_its_beginning(trail: Trail) -> None:
    append(trail, b"".join(LINES[:8]))
    look(trail)
    os.truncate(trail.path, 0)
    append(trail, LINES[8])
    assert len(look(trail)) == 1
    assert trail.counts["truncated"] == 1


def test_a_mark_of_another_file_with_the_same_inode_is_not_believed(trail: Trail) -> None:
    append(trail, WHOLE)
    inode = trail.path.stat().st_ino
    before = datetime.fromtimestamp(float(LINES[0].split(b'"')[3]), UTC) - timedelta(seconds=1)
    assert len(look(trail, {inode: Mark(len(LINES[0]), before)})) == len(LINES)
    assert trail.counts["replaced"] == 1


@pytest.mark.parametrize("cut", [1, 5, 30, 70, 120])
def test_a_torn_line_costs_nothing_but_itself(trail: Trail, cut: int) -> None:
    """A disk was full in the middle of a write; the next record follows at once."""
    append(trail, LINES[0] + LINES[1][:cut] + LINES[2] + LINES[3])
    found = look(trail)
    assert [record.event for record in found if isinstance(record, Cel)] == [
        line.split(b'"')[1].decode() for line in (LINES[0], LINES[2], LINES[3])
    ]
    assert trail.counts["broken"] <= 1


def test_a_caller_cannot_write_records(trail: Trail) -> None:
    """A number comes from the network; Asterisk doubles its quotes."""
    number = b'""\n""HLOUTCOME"",""1795785963.412284"",""c9"",""'
    append(trail, LINES[0].replace(b"13800138000", number))
    [record] = look(trail)
    assert isinstance(record, Cel)
    assert record.event == "CHAN_START"
    assert record.number == number.decode().replace('""', '"')


@pytest.mark.parametrize(
    "junk",
    [b"\n", b"\xff\xfe\x00\n", b'"CHAN_START","999999999999999.1","a"\n', b'"A_B","1795785963.1",\n', b"x" * 900],
)
def test_what_cannot_be_read_is_passed_over(trail: Trail, junk: bytes) -> None:
    append(trail, junk + LINES[0])
    assert len(look(trail)) == 1


def test_a_line_without_an_end_does_not_stop_the_reader(trail: Trail) -> None:
    append(trail, b"x" * 40_000)
    assert look(trail) == []
    append(trail, b"\n" + LINES[0])
    assert len(look(trail)) == 1


def test_much_is_read_in_pieces(trail: Trail) -> None:
    times = CHUNK // len(WHOLE) + 2
    append(trail, WHOLE * times)
    [first] = trail.read({})
    assert not first.is_whole
    [second] = trail.read({})
    assert second.is_whole
    assert len(first.records) + len(second.records) == times * len(LINES)


def test_an_older_file_is_read_to_its_end_first(trail: Trail) -> None:
    append(trail, WHOLE * (CHUNK // len(WHOLE) + 2))
    aside = set_aside(trail.path, NOW)
    append(trail, LINES[0])
    found = [[piece.path for piece in trail.read({})] for _ in range(3)]
    assert found == [[aside], [aside, trail.path], [aside, trail.path]]


def test_lines_of_the_queue_log(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "queue_log", "queue_log")
    append(
        trail,
        b"1795785963|NONE|NONE|NONE|QUEUESTART|\n"
        b"1795785963|c1|hotline|NONE|HLOFFERED|12345\n"
        b"178578596\n"
        b"1795785964|c1|hotline|NONE|HLOUTCOME|voicemail|caller|12345\n1795785965|c",
    )
    assert look(trail) == [
        QueueLine(datetime.fromtimestamp(1795785963, UTC), "NONE", "QUEUESTART", ("",)),
        QueueLine(datetime.fromtimestamp(1795785963, UTC), "c1", "HLOFFERED", ("12345",)),
        QueueLine(datetime.fromtimestamp(1795785964, UTC), "c1", "HLOUTCOME", ("voicemail", "caller", "12345")),
    ]
