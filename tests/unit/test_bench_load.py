"""The load of a measurement reads its screens rightly, and takes its time where the scenarios wait."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import archive, load
from tests.integration import pbx


class Wire:
    """What a console writes."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)


def _console() -> load.Console:
    made: Any = SimpleNamespace(settings=SimpleNamespace(port=1), url="")
    client: Any = None
    console = load.Console("", made, client)
    wire: Any = Wire()
    console.transport = wire
    return console


def test_a_frame_in_two_pieces_counts_when_its_second_piece_came() -> None:
    console = _console()
    console.chunks = [
        (1.0, b'..{"seq":5,"epoch":1}'),
        (2.0, b'..{"seq":6'),
        (3.0, b'1,"epoch":1}..{"seq":62,"epoch":1}'),
    ]
    assert console.seqs() == ([5, 61, 62], [1.0, 3.0, 3.0])
    assert console.has(62) and not console.has(63)


def test_a_ping_is_answered_with_its_own_bytes() -> None:
    """RFC 6455, sections 5.5.2 and 5.5.3; a client masks, here with nothing."""
    console = _console()
    console.data_received(b"\x89\x04abcd")
    wire: Any = console.transport
    assert wire.sent == [b"\x8a\x84\0\0\0\0abcd"]


@pytest.mark.parametrize(
    ("scenario", "what"), [(pbx.TEST_FILES / "agent.xml", "answer"), (pbx.SIPP_FILES / "caller.xml", "hang_up")]
)
@pytest.mark.parametrize("speaks", [True, False])
def test_people_take_their_own_time_and_are_silent_unless_they_speak(
    scenario: Path, what: str, speaks: bool, tmp_path: Path
) -> None:
    made: Any = SimpleNamespace(directory=tmp_path)
    text = load._taking_time(scenario, made, what, (500, 2500), speaks=speaks).read_text()
    assert text.count(f'<pause distribution="uniform" min="500" max="2500"/><nop next="{what}"/>') == 1
    assert f'ontimeout="{what}"' not in text
    assert ("rtp_stream" in text) == speaks


def test_most_tickets_of_an_archive_are_closed_and_some_wait() -> None:
    states = [archive.state_of(number, 2000) for number in range(1, 2001)]
    assert set(states) == {"NEW", "ACCEPTED", "CLOSED", "VOID"}
    assert states.count("CLOSED") / len(states) > 0.9
    assert states[-1] in {"NEW", "ACCEPTED"}
