"""Callers that speak: real calls through the running Asterisk, placed by SIPp from the trunk's loopback address.

For trying things out and for showing them. What became of each call is read in Asterisk's own journal.
"""

import csv
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from hotline.errors import Invalid, StartupError
from hotline.settings import Settings
from hotline.telephony import ports
from hotline.telephony.install import find_program, places

_FILES = Path(__file__).resolve().parent / "sipp"
_JOURNAL_S = 2.0  # how long Asterisk may take to write a call's outcome
_LOOK_S = 0.1
_FIRST_RTP_PORT = 36000


@dataclass(slots=True)
class _Call:
    """What SIPp told of one caller. Times are Unix seconds."""

    number: str
    began: float = 0.0
    connected: float | None = None
    end: str = ""
    ended: float = 0.0


def simulate(settings: Settings, *, line: str, calls: int, rate: float, hold_s: int, number: str) -> int:
    """Place the calls and print one line for each when it is over. Returns how many did not reach Asterisk's dialplan.

    Raises StartupError when there is nobody to call or nothing to call with, Invalid for numbers that are none.
    """
    if not (line.isascii() and line.isdigit() and number.isascii() and number.isdigit()):
        raise Invalid("a telephone number has digits only")
    address, server = _trunk(settings), _server(settings)
    program = find_program(settings.asterisk_prefix, "sipp")
    if program is None:
        raise StartupError("SIPp is missing: run script/asterisk, or install the package sip-tester")
    journal = places(settings).cel
    told = journal.stat().st_size if journal.exists() else 0
    with tempfile.TemporaryDirectory(prefix="hotline-calls-") as name:
        directory = Path(name)
        _write_scenario(directory, line=line, calls=calls, hold_s=hold_s, number=number)
        command = _command(program, server, address, calls=calls, rate=rate)
        reached = 0
        with _running(command, directory) as process:
            for index, call in _finished(process, directory / "log", calls):
                outcome = _outcome(journal, told, call.number) if call.end != "refused" else None
                reached += call.end in {"hung-up", "ended-by-hotline", "busy"}
                sys.stdout.write(f"call {index} from {call.number}: {_tell(call, outcome)}\n")
                sys.stdout.flush()
    if reached < calls:
        sys.stdout.write(f"{calls - reached} of {calls} calls did not get through\n")
    return calls - reached


def _trunk(settings: Settings) -> str:
    for address in settings.trunk_addresses:
        if address.startswith("127."):
            return address
    raise StartupError("simulated calls come from a loopback address that is a trunk: add 127.0.0.9 to HOTLINE_TRUNKS")


def _server(settings: Settings) -> str:
    host = "127.0.0.1" if settings.sip_bind == "0.0.0.0" else settings.sip_bind  # noqa: S104 (a comparison)
    if ports.is_free(socket.SOCK_DGRAM, host, settings.sip_port):
        raise StartupError(f"nobody takes calls on {host} port {settings.sip_port}: start the hotline first")
    return f"{host}:{settings.sip_port}"


def _write_scenario(directory: Path, *, line: str, calls: int, hold_s: int, number: str) -> None:
    shutil.copy(_FILES / "caller.al", directory / "caller.al")
    values = {"line": line, "hold_ms": hold_s * 1000, "sound": "caller.al"}
    (directory / "caller.xml").write_text(Template((_FILES / "caller.xml").read_text()).substitute(values))
    width = len(number)
    numbers = "".join(f"{int(number) + index:0{width}}\n" for index in range(calls))
    (directory / "numbers.csv").write_text("SEQUENTIAL\n" + numbers)


def _command(program: tuple[str, ...], server: str, address: str, *, calls: int, rate: float) -> list[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        port = probe.getsockname()[1]
    # SIPp counts whole calls a period: a slow rate is one call in a longer one.
    period_ms = max(1000, round(1000 / rate))
    options = {
        "-sf": "caller.xml", "-inf": "numbers.csv", "-i": address, "-p": port, "-mi": address, "-m": calls, "-l": calls,
        "-r": max(1, round(rate * period_ms / 1000)), "-rp": period_ms, "-log_file": "log", "-error_file": "errors",
        "-min_rtp_port": _FIRST_RTP_PORT, "-max_rtp_port": 65534,
    }  # fmt: skip
    flags = ["-trace_logs", "-trace_err", "-nostdin"]
    return [*program, server, *flags, *(str(part) for option in options.items() for part in option)]


@contextmanager
def _running(command: list[str], directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """SIPp; on leaving early its calls are hung up."""
    with (directory / "screen").open("wb") as screen:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, start_new_session=True
        )
    try:
        yield process
    finally:
        for _ in range(2):  # once: no new calls; twice: say goodbye in those that are up
            if process.poll() is None:
                process.send_signal(signal.SIGUSR1)
                time.sleep(_LOOK_S)
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _finished(process: subprocess.Popen[bytes], log: Path, calls: int) -> Iterator[tuple[int, _Call]]:
    """Each call when it is over, in the order of their ends."""
    known: dict[int, _Call] = {}
    told: set[int] = set()
    while len(told) < calls:
        running = process.poll() is None
        _read(log, known)
        for index, call in sorted(known.items()):
            if call.end and index not in told:
                told.add(index)
                yield index, call
        if not running:
            return
        time.sleep(_LOOK_S)


def _read(log: Path, known: dict[int, _Call]) -> None:
    """Lines are: date, time, Unix time, call, what, number."""
    for line in log.read_text().splitlines() if log.exists() else []:
        parts = line.split()
        if len(parts) != 6 or not parts[3].isdigit():
            continue
        when, what = float(parts[2]), parts[4]
        call = known.setdefault(int(parts[3]), _Call(number=parts[5], began=when))
        if what == "connected":
            call.connected = when
        elif what != "calling":
            call.end, call.ended = what, when


def _outcome(journal: Path, start: int, number: str) -> list[str] | None:
    """Outcome, who hung up, line and agent, as Asterisk wrote them; None if it did not (yet), or elsewhere."""
    end = time.monotonic() + _JOURNAL_S
    while journal.exists() and time.monotonic() < end:
        with journal.open(encoding="utf-8", newline="") as file:
            file.seek(start)
            for row in csv.reader(file):
                if row and row[0] == "HLOUTCOME" and row[5] == number:
                    return row[10].partition('":"')[2].rstrip('"}').split(" ")
        time.sleep(_LOOK_S)
    return None


def _tell(call: _Call, outcome: list[str] | None) -> str:
    if call.end == "refused":
        return "refused: Asterisk does not know this line or this trunk"
    if call.end == "busy":
        return "busy (blocked)"
    span = f"{call.ended - (call.connected or call.began):.1f} s on the line"
    if outcome is None:
        return f"{span}, {'ended by the hotline' if call.end == 'ended-by-hotline' else 'hung up by the caller'}"
    word, by, member = outcome[0], outcome[1], outcome[3] if len(outcome) > 3 else ""
    return f"{word}{f' by {member}' if member else ''}, {span}, ended by the {by}"
