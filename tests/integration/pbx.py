"""A private Asterisk on ports of its own, with SIPp on both sides and a plain AMI line: what the real thing does."""

import asyncio
import csv
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from hotline.ivr import render
from hotline.settings import CHECKOUT, Settings
from hotline.telephony.asterisk import Asterisk
from hotline.telephony.files import write_file
from hotline.telephony.install import find_program

# Addresses and first ports of this process's own: several test runs may share a machine, and a run has three processes.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 3
_MARK = os.getpid() % 70 * 3 + WORKER + 20
_FURTHER = (0, 2000, -12000)[WORKER]
TRUNK = f"127.0.{_MARK}.9"
PHONES = f"127.0.{_MARK}.20"
SIPP_FILES = CHECKOUT / "hotline" / "sipp"
TEST_FILES = CHECKOUT / "tests" / "sipp"


_ports = itertools.count(21400 + _FURTHER, 3)
_CONTROL_PORTS = range(18000, 20000)
_claims: dict[int, socket.socket] = {}


def _is_free(address: str, port: int, kind: socket.SocketKind = socket.SOCK_DGRAM) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def free_port(first: int, kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """The first free port from `first` on; below the range from which the system hands out its own."""
    return next(port for port in range(first, first + 900) if _is_free("127.0.0.1", port, kind))


def control_port() -> int:
    """A port for one SIPp process's control socket, which it binds on every address: no other test run may try the same
    one. Claimed by a name that the system knows, until this process ends.
    """
    for port in _CONTROL_PORTS:
        if port in _claims or not _is_free("0.0.0.0", port):
            continue
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0hotline-sipp-control-{port}")
        except OSError:
            claim.close()
            continue
        _claims[port] = claim
        return port
    raise AssertionError("no free control port for SIPp")


class Ami:
    """One AMI connection as it is: what was said stays in `raw`."""

    def __init__(self, port: int, user: str, secret: str) -> None:
        self.port, self.user, self.secret = port, user, secret
        self.raw = bytearray()
        self._count = 0

    async def __aenter__(self) -> "Ami":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._task = asyncio.create_task(self._read())
        await self.send("Login", Username=self.user, Secret=self.secret)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        self._task.cancel()

    async def _read(self) -> None:
        while chunk := await self._reader.read(65536):
            self.raw += chunk

    def blocks(self, since: int = 0) -> list[dict[str, str]]:
        """Complete messages after a byte offset, keys as sent."""
        whole = bytes(self.raw[since:]).rpartition(b"\r\n\r\n")[0].decode()
        return [
            dict(line.split(": ", 1) for line in block.split("\r\n") if ": " in line)
            for block in whole.split("\r\n\r\n")
        ]

    async def send(self, action: str, **headers: Any) -> dict[str, str]:
        self._count += 1
        mark, since = f"t{self._count}", len(self.raw)
        lines = [f"Action: {action}", f"ActionID: {mark}"]
        for name, value in headers.items():
            lines += [f"{name}: {one}" for one in (value if isinstance(value, list) else [value])]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        return await self.wait(lambda block: block.get("ActionID") == mark and "Response" in block, since=since)

    async def wait(self, matches: Any, *, since: int = 0, timeout_s: float = 15) -> dict[str, str]:
        """The first message after `since` that matches."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            for block in self.blocks(since):
                if matches(block):
                    return block
            await asyncio.sleep(0.01)
        raise AssertionError(f"no such message in {timeout_s} s; last: {self.blocks(since)[-3:]}")

    async def event(self, name: str, *, since: int = 0, timeout_s: float = 15, **fields: str) -> dict[str, str]:
        wanted = {"Event": name, **fields}
        return await self.wait(lambda b: wanted.items() <= b.items(), since=since, timeout_s=timeout_s)

    async def fact(self, name: str, *, since: int = 0, timeout_s: float = 15, **fields: str) -> dict[str, str]:
        """A UserEvent of our dialplan."""
        return await self.event("UserEvent", since=since, timeout_s=timeout_s, UserEvent=name, **fields)


@dataclass
class Sipp:
    """A running SIPp process; `log` has the lines of its scenario."""

    process: subprocess.Popen[bytes]
    directory: Path

    @property
    def log(self) -> list[str]:
        path = self.directory / "log"
        return path.read_text().splitlines() if path.exists() else []

    def said(self, word: str) -> int:
        return sum(word in line.split() for line in self.log)

    async def end(self, timeout_s: float = 60) -> int:
        """Exit code once all its calls ended."""
        until = time.monotonic() + timeout_s
        while self.process.poll() is None:
            if time.monotonic() > until:
                self.stop()
                raise AssertionError(f"SIPp did not end in {timeout_s} s: {self.log}")
            await asyncio.sleep(0.02)
        return self.process.returncode

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


@dataclass
class Pbx:
    """The thing under test. Phones are SIPp at fixed addresses: no registration is needed."""

    settings: Settings
    asterisk: Asterisk
    directory: Path
    running: list[Sipp] = field(default_factory=list)

    @classmethod
    def make(
        cls,
        directory: Path,
        base: int = 21000,
        *,
        preload: Path | None = None,
        sounds: Path | None = None,
        **changes: Any,
    ) -> "Pbx":
        base += _FURTHER
        sip = free_port(base + os.getpid() % 50)
        values: dict[str, Any] = {
            "data_dir": directory / "data",
            "sip_port": sip,
            "ami_port": free_port(sip + 1, socket.SOCK_STREAM),
            "asterisk_http_port": free_port(sip + 100, socket.SOCK_STREAM),
            "rtp_ports": f"{base + 6000}-{base + 7999}",
            "open": "always",
            "trunks": TRUNK,
            "ring_s": 5,
            "wrap_up_s": 20,
            "drain_s": 0,
        }
        settings = Settings(**(values | changes))
        return cls(settings, Asterisk(settings, render.texts(settings), preload=preload, sounds=sounds), directory)

    async def start(self, phones: Sequence[str] = (), *, shared_port: bool = False) -> None:
        """`shared_port`: one SIPp process is all the phones."""
        shared = self.port()
        self.phone_ports = {phone: shared if shared_port else self.port() for phone in phones}
        text = "".join(_endpoint(phone, port) for phone, port in self.phone_ports.items())
        self.asterisk.places.make()
        write_file(self.asterisk.places.agents, text)
        await self.asterisk.start()

    async def stop(self) -> None:
        for sipp in self.running:
            sipp.stop()
        await self.asterisk.stop()

    async def sweep(self) -> None:
        """As if just started: no calls, no members, no wrap-ups."""
        # Calls end before the phones do: else the next phone on that port is told of the last one's.
        await self.asterisk.cli("channel request hangup all")
        leave = [f"queue remove member PJSIP/{phone} from hotline" for phone in self.phone_ports]
        await asyncio.gather(*map(self.asterisk.cli, leave))
        for _ in range(100):
            if await self.asterisk.active_calls() == 0:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("calls of an earlier test do not end")
        await self.asterisk.cli("database deltree hl")  # an end may begin a wrap-up
        await asyncio.sleep(0.1)
        for sipp in self.running:
            sipp.stop()
        self.running.clear()

    async def sign_in(self, actions: Ami, *phones: str) -> None:
        """Into the queue, as the application does it."""
        for phone in phones:
            said = await actions.send("QueueAdd", Queue="hotline", Interface=f"PJSIP/{phone}", MemberName=phone)
            assert said["Response"] == "Success", said

    @property
    def server(self) -> tuple[str, int]:
        return self.settings.sip_bind, self.settings.sip_port

    def recording(self, fact: dict[str, str]) -> Path:
        """The file that an HLRecording fact names."""
        return self.settings.recordings_dir / fact["HLFile"]

    def journal(self) -> list[list[str]]:
        """Rows of the CEL file."""
        path = self.asterisk.places.cel
        return list(csv.reader(path.read_text().splitlines())) if path.exists() else []

    def port(self) -> int:
        """A fresh port for a SIPp process."""
        return next(port for port in _ports if all(_is_free(address, port) for address in (TRUNK, PHONES)))

    def ami(self, user: str = "events") -> Ami:
        return Ami(self.settings.ami_port, user, getattr(self.asterisk.secrets(), user))

    def calls(
        self, count: int = 1, *, line: str = "12345", hold_ms: int = 60000, rate: float = 1000, **more: Any
    ) -> Sipp:
        """Callers that speak; from 13800138000 on."""
        values = {"address": TRUNK, "sound": SIPP_FILES / "caller.al"} | more
        return self.sipp(SIPP_FILES / "caller.xml", count=count, rate=rate, line=line, hold_ms=hold_ms, **values)

    def phone(
        self,
        name: str,
        *,
        answer_ms: int = 1000,
        talk_ms: int = 3600000,
        count: int = 1000,
        rejects: bool = False,
        **more: Any,
    ) -> Sipp:
        """An agent's phone that rings `answer_ms`, answers (or rejects), and hangs up after `talk_ms`."""
        scenario = TEST_FILES / ("agent-rejects.xml" if rejects else "agent.xml")
        values = {"sound": SIPP_FILES / "caller.al", "answer_ms": answer_ms, "talk_ms": talk_ms} | more
        values = {"address": PHONES, "port": self.phone_ports.get(name), "refusal": "486 Busy Here"} | values
        return self.sipp(scenario, count=count, **values)

    def sipp(
        self,
        scenario: Path,
        *,
        address: str,
        count: int = 1,
        rate: float = 10,
        period_ms: int = 1000,
        port: int = 0,
        first_number: int = 13800138000,
        **values: Any,
    ) -> Sipp:
        """Run a scenario with its `${…}` filled in; `rate` calls a period."""
        program = find_program(self.settings.asterisk_prefix, "sipp")
        assert program, "sipp is missing: run script/asterisk"
        port = port or self.port()
        directory = Path(tempfile.mkdtemp(prefix="sipp-", dir=self.directory))
        (directory / "scenario.xml").write_text(Template(scenario.read_text()).safe_substitute(values))
        numbers = "".join(f"{first_number + index}\n" for index in range(max(count, 1)))
        (directory / "numbers.csv").write_text("SEQUENTIAL\n" + numbers)
        options = {
            "-sf": "scenario.xml", "-inf": "numbers.csv", "-i": address, "-p": port, "-mi": address,
            "-cp": control_port(), "-m": count, "-l": max(count, 1), "-r": rate, "-rp": period_ms,
            "-log_file": "log", "-error_file": "errors", "-min_rtp_port": 30000 + (port - 21400) % 900 * 32,
            "-max_rtp_port": 60000,
        }  # fmt: skip
        server = f"{self.settings.sip_bind}:{self.settings.sip_port}"
        command = [*program, server, "-trace_logs", "-trace_err", "-nostdin"]
        command += [str(part) for option in options.items() for part in option]
        with (directory / "screen").open("wb") as screen:
            process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen)
        sipp = Sipp(process, directory)
        self.running.append(sipp)
        return sipp

    def log_complaints(self) -> list[str]:
        """WARNING and ERROR lines of Asterisk's log."""
        text = (self.asterisk.places.log / "messages").read_text()
        return [line for line in text.splitlines() if "WARNING" in line or "ERROR" in line]


def _endpoint(name: str, port: int) -> str:
    """A phone for tests: like an agent's, but plain SIP at a fixed address."""
    return (
        f"[{name}]\ntype = endpoint\ncontext = hl-agents\ntransport = udp\nidentify_by = username\nlanguage = zh\n"
        f"disallow = all\nallow = alaw\ndirect_media = no\nrtp_timeout = 10\ndevice_state_busy_at = 1\n"
        f"allow_transfer = yes\nauth = {name}\naors = {name}\n[{name}]\ntype = auth\nusername = {name}\n"
        f"password = never-used-{name}\n[{name}]\ntype = aor\ncontact = sip:{name}@{PHONES}:{port}\n"
    )


def has_asterisk(prefix: Path) -> bool:
    return (prefix / "complete").is_file() or shutil.which("asterisk") is not None
