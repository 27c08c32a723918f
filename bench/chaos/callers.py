"""The public: SIPp callers of several kinds, a number of its own for each call, and what SIPp's own log says of them.

The log is one side of the truth that the hotline's records are held against: it is written by the callers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.chaos.seen import Placed
from hotline.settings import CHECKOUT
from tests.integration.pbx import SIPP_FILES, TRUNK, Pbx, Sipp

FIRST_NUMBER = 13900000000
_BLOCK = 100000


@dataclass(frozen=True, slots=True)
class Kind:
    """Callers who hang up after `patience_s` of connection. `share`: of all calls."""

    name: str
    line: str
    patience_s: int
    share: float


# At one call a second: patience in the greeting (9.6 s), just after it, in a talk, and as long as it takes.
KINDS = (
    Kind("gives up in the greeting", "12345", 5, 0.15),
    Kind("gives up waiting", "12345", 13, 0.15),
    Kind("hangs up in the talk", "12345", 17, 0.2),
    Kind("stays", "12345", 45, 0.4),
    Kind("dials the line of one channel", "2912345", 13, 0.1),
)


def start(lab: Pbx, *, seconds: float, rate: float, kinds: Sequence[Kind] = KINDS) -> list[Sipp]:
    """`rate` calls a second for so long, evenly spaced within a kind."""
    scenario = lab.directory / "caller-told.xml"
    scenario.write_text(_telling((SIPP_FILES / "caller.xml").read_text()))
    running = []
    for index, kind in enumerate(kinds):
        each = rate * kind.share
        running.append(
            lab.sipp(
                scenario, address=TRUNK, count=max(1, round(each * seconds)), rate=1, period_ms=round(1000 / each),
                first_number=FIRST_NUMBER + index * _BLOCK, line=kind.line, hold_ms=kind.patience_s * 1000,
                sound=CHECKOUT / "hotline" / "sipp" / "caller.al",
            )
        )  # fmt: skip
    return running


def _telling(scenario: str) -> str:
    """The scenario, which then also says when the first answer came and with which code a call was refused."""
    told = scenario.replace(
        '<recv response="100" optional="true"/>',
        '<recv response="100" optional="true"><action><log message="[timestamp] [call_number] trying [field0]"/>'
        "</action></recv>",
    )
    for code in ("503", "404", "401"):
        told = told.replace(
            f'<recv response="{code}" optional="true" next="refused"/>',
            f'<recv response="{code}" optional="true" next="refused"><action><log message="[timestamp] [call_number]'
            f' refused-{code} [field0]"/></action></recv>',
        )
    if told.count("<log") < scenario.count("<log") + 4:
        raise RuntimeError("caller.xml has changed: its answers are not where they were")
    return told


def read(logs: Iterable[Path]) -> dict[str, Placed]:
    """Number → call, from SIPp's log files."""
    found: dict[str, Placed] = {}
    for log in logs:
        for line in log.read_text().splitlines() if log.exists() else []:
            note(found, line)
    return found


def note(found: dict[str, Placed], line: str) -> None:
    """One line: date, time, Unix time, call, what, number. Anything else is no line of a call."""
    parts = line.split()
    if len(parts) != 6 or not parts[3].isdigit():
        return
    at, what, number = float(parts[2]), parts[4], parts[5]
    call = found.get(number) or Placed(number, at)
    match what.partition("-"):
        case ("trying", _, _):
            call = replace(call, trying_at=call.trying_at or at)
        case ("connected", _, _):
            call = replace(call, status=200, answered_at=at)
        case ("busy", _, _):
            call = replace(call, status=486, ended_at=at, ended_by="hotline")
        case ("refused", "-", code):
            call = replace(call, status=int(code), ended_at=at, ended_by="hotline")
        case ("hung", _, _):
            call = replace(call, ended_at=call.ended_at or at, ended_by=call.ended_by or "caller")
        case ("ended", _, _):
            call = replace(call, ended_at=call.ended_at or at, ended_by=call.ended_by or "hotline")
    found[number] = call
