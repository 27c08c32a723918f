"""An Asterisk manager that does as it is told: for faults that the real one cannot be asked to have.

Loopback only. A `Plan` says how logins, commands and bytes go wrong; the server records what it was sent.

    async with FakeAsterisk(Plan(login="refuse")) as ami:
        client = AmiClient(host="127.0.0.1", port=ami.port, user="events", secret="s3cret")
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Self

Headers = Sequence[tuple[str, str]]
Answer = bytes | None
SECRET = "s3cret"
BANNER = b"Asterisk Call Manager/11.0.0\r\n"
BOOT = ("2026-05-09", "08:00:00")


def block(*headers: tuple[str, str]) -> bytes:
    """`("Event", "Hangup"), …` as AMI writes it."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\n"


def snapshot_headers(
    uniqueid: str,
    *,
    prefix: str = "",
    name: str | None = None,
    linkedid: str | None = None,
    state: int = 6,
    caller: str = "13800004711",
    caller_name: str = "<unknown>",
    connected: str = "<unknown>",
    context: str = "hl-in",
    exten: str = "12345",
) -> list[tuple[str, str]]:
    """A channel as every event about one carries it, with all headers that Asterisk 22 sends."""
    headers = [
        ("Channel", name or f"PJSIP/trunk-{uniqueid[-4:]}"),
        ("ChannelState", str(state)),
        ("ChannelStateDesc", {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}.get(state, "Unknown")),
        ("CallerIDNum", caller),
        ("CallerIDName", caller_name),
        ("ConnectedLineNum", connected),
        ("ConnectedLineName", "<unknown>"),
        ("Language", "zh"),
        ("AccountCode", ""),
        ("Context", context),
        ("Exten", exten),
        ("Priority", "7"),
        ("Uniqueid", uniqueid),
        ("Linkedid", linkedid or uniqueid),
    ]
    return [(prefix + header, value) for header, value in headers]


def event(name: str, at: float, *headers: tuple[str, str]) -> bytes:
    return block(("Event", name), ("Privilege", "call,all"), ("Timestamp", f"{at:.6f}"), *headers)


def channel_event(kind: str, at: float, uniqueid: str, /, *more: tuple[str, str], **snapshot: object) -> bytes:
    return event(kind, at, *snapshot_headers(uniqueid, **snapshot), *more)  # type: ignore[arg-type]


@dataclass(slots=True)
class Plan:
    """What happens on one connection. The last plan given to the server serves all further connections too.

    `login`: accept, refuse, stall (never answers). `booted`: whether FullyBooted follows. `greet`: the first bytes.
    `answers`: action in lower case → bytes, a function of its headers, or None for silence. `lists`: action in lower
    case → rows (headers without Event's ActionID), or what says them when it is asked. `count_off`: added to ListItems,
    once for each number in it.
    `cut_at`: close after so many bytes were sent. `piece`: send in pieces of this size. `after_login`: played at once.
    """

    login: Literal["accept", "refuse", "stall"] = "accept"
    greet: bytes = BANNER
    booted: bool = True
    answers: dict[str, bytes | Callable[[Mapping[str, str]], Answer] | None] = field(default_factory=dict)
    lists: dict[str, list[Headers] | Callable[[], list[Headers]]] = field(default_factory=dict)
    count_off: list[int] = field(default_factory=list)
    boot: tuple[str, str] = BOOT
    cut_at: int | None = None
    piece: int | None = None
    after_login: bytes = b""


class FakeAsterisk:
    """`commands`: every command received, headers in lower case; `raw`: every byte of every connection."""

    def __init__(self, *plans: Plan) -> None:
        self.plans = list(plans) or [Plan()]
        self.commands: list[dict[str, str]] = []
        self.raw = b""
        self.connections = 0
        self.port = 0
        self.logged_in = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._peers: list[_Peer] = []
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()
        for peer in self._peers:
            with suppress(asyncio.CancelledError, ConnectionError):
                await peer.task
        await self._server.wait_closed()

    @property
    def peer(self) -> "_Peer":
        """The latest connection."""
        return self._peers[-1]

    def drop(self) -> None:
        """Every connection ends as when Asterisk dies."""
        for peer in self._peers:
            peer.task.cancel()
            peer.writer.transport.abort()

    async def play(self, data: bytes, *, piece: int | None = None) -> None:
        """Send bytes to the latest connection, in pieces of a size if one is given."""
        await self.peer.send(data, piece)

    async def got(self, action: str, times: int = 1) -> list[dict[str, str]]:
        """Wait until a command came so often."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.sent(action)) >= times)
        return self.sent(action)

    def sent(self, action: str) -> list[dict[str, str]]:
        return [command for command in self.commands if command["action"].lower() == action.lower()]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plan = self.plans[min(self.connections, len(self.plans) - 1)]
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        peer = _Peer(self, plan, reader, writer, task)
        self._peers.append(peer)
        with suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            await peer.run()
        writer.close()

    async def note(self, command: dict[str, str]) -> None:
        async with self._news:
            self.commands.append(command)
            self._news.notify_all()


@dataclass(slots=True)
class _Peer:
    """One client's connection."""

    server: FakeAsterisk
    plan: Plan
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    task: "asyncio.Task[object]"
    bytes_sent: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        await self.send(self.plan.greet)
        while True:
            text = await self.reader.readuntil(b"\r\n\r\n")
            self.server.raw += text
            lines = text.decode().split("\r\n")[:-2]
            command = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            await self.server.note(command)
            await self._answer(command)

    async def send(self, data: bytes, piece: int | None = None) -> None:
        """Whole, whatever else is to be sent. Honours the plan's `cut_at`: the rest is never sent."""
        async with self.turn:
            if self.plan.cut_at is not None and self.bytes_sent + len(data) >= self.plan.cut_at:
                self.writer.write(data[: self.plan.cut_at - self.bytes_sent])
                await self.writer.drain()
                self.writer.close()
                raise ConnectionAbortedError
            self.bytes_sent += len(data)
            size = piece or self.plan.piece or max(len(data), 1)
            for start in range(0, len(data), size):
                self.writer.write(data[start : start + size])
                await self.writer.drain()
                if size < len(data):
                    await asyncio.sleep(0)

    async def _answer(self, command: dict[str, str]) -> None:
        action, plan = command["action"].lower(), self.plan
        if action in plan.answers:
            answer = plan.answers[action]
            data = answer(command) if callable(answer) else answer
        elif action in ("challenge", "login"):
            data = self._log_in(command)
        elif action in ("coreshowchannels", "queuestatus", "devicestatelist"):
            data = self.rows(command)
        elif action == "corestatus":
            data = reply(command, ("CoreStartupDate", plan.boot[0]), ("CoreStartupTime", plan.boot[1]))
        elif action == "dbget":
            data = refusal(command, "Database entry not found")
        else:
            data = reply(command)
        if data:
            await self.send(data)

    def _log_in(self, command: dict[str, str]) -> bytes | None:
        if self.plan.login == "stall":
            return None
        if command["action"] == "Challenge":
            return reply(command, ("Challenge", "158303486"))
        key = hashlib.md5(f"158303486{SECRET}".encode()).hexdigest()
        if self.plan.login == "refuse" or command.get("key") != key:
            return refusal(command, "Authentication failed")
        self.server.logged_in.set()
        data = reply(command, ("Message", "Authentication accepted"))
        if self.plan.booted and command.get("events") == "on":
            data += block(("Event", "FullyBooted"), ("Privilege", "system,all"), ("Status", "Fully Booted"))
        return data + self.plan.after_login

    def rows(self, command: dict[str, str]) -> bytes:
        """A list as Asterisk sends it: reply, rows, and how many there were."""
        action = command["action"]
        ours = ("ActionID", command["actionid"])
        listed = self.plan.lists.get(action.lower(), [])
        rows = listed() if callable(listed) else listed
        off = self.plan.count_off.pop(0) if self.plan.count_off else 0
        end = [
            ("Event", f"{action}Complete"),
            ours,
            ("EventList", "Complete"),
            ("ListItems", str(len(rows) + off)),
        ]
        return reply(command, ("EventList", "start")) + b"".join(block(*row, ours) for row in rows) + block(*end)


def reply(command: Mapping[str, str], *headers: tuple[str, str]) -> bytes:
    return block(("Response", "Success"), ("ActionID", command["actionid"]), *headers)


def refusal(command: Mapping[str, str], message: str) -> bytes:
    return block(("Response", "Error"), ("ActionID", command["actionid"]), ("Message", message))
