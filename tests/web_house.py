"""A web application without Asterisk: real store, accounts, tickets, templates; a desk that notes what it is told.

Sockets are driven as ASGI in the test's own loop: no server, no thread, no waiting.
"""

import asyncio
import gettext
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event

from hotline import i18n
from hotline.access import accounts
from hotline.access.audit import AuditLog
from hotline.access.models import Account
from hotline.access.permissions import Role
from hotline.agents.commands import PhoneCredentials
from hotline.agents.models import Agent
from hotline.agents.supervision import Wish
from hotline.bus import Bus, InProcessBus
from hotline.calls.models import PbxNode
from hotline.clock import now
from hotline.db import Database
from hotline.errors import HotlineError
from hotline.ids import new_id
from hotline.leadership import Workers
from hotline.settings import Settings
from hotline.telephony.actions import Command
from tests import factories
from web.app import create_app, wire
from web.deps import Web
from web.live import Hub

HOST = "console.test"
ORIGIN = f"http://{HOST}"
CHEAP = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
ASSETS = ("app.js", "app.css", "theme.js", "icons.svg", "favicon.svg")


class Told:
    """Notes what it is told. `refuses`: raised instead of doing."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.refuses: HotlineError | None = None

    async def _tell(self, *what: object) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.told.append(what)


class Control(Told):
    """Stands where agents.call_control does: every movement is of the same call."""

    def __init__(self) -> None:
        super().__init__()
        self.call_id = new_id()

    def __getattr__(self, move: str) -> Any:
        async def tell(agent_id: UUID, *what: object) -> UUID:
            await self._tell(move, agent_id, *what)
            return self.call_id

        return tell


class Desk(Told):
    """Stands where agents.commands does."""

    async def ready(self, agent_id: UUID, *, force: bool = False) -> None:
        await self._tell("ready", agent_id, force)

    async def pause(self, agent_id: UUID, reason: str, *, force: bool = False) -> None:
        await self._tell("pause", agent_id, reason, force)

    async def log_off(self, agent_id: UUID, *, force: bool = False) -> None:
        await self._tell("log_off", agent_id, force)

    async def extend(self, agent_id: UUID) -> None:
        await self._tell("extend", agent_id)

    async def phone_lost(self, agent_id: UUID) -> None:
        await self._tell("phone_lost", agent_id)

    async def claim_phone(self, agent_id: UUID) -> PhoneCredentials:
        await self._tell("claim_phone", agent_id)
        return PhoneCredentials("a1b2c3d4e5", 3, "sip-secret")


class SupervisorDesk:
    """Stands where agents.supervision does."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.call_id = new_id()

    async def ask_help(self, agent_id: UUID) -> None:
        await self._desk._tell("ask_help", agent_id)

    async def withdraw_help(self, agent_id: UUID) -> None:
        await self._desk._tell("withdraw_help", agent_id)

    async def begin(self, supervisor_id: UUID, agent_id: UUID, wish: Wish) -> UUID:
        await self._desk._tell("begin", supervisor_id, agent_id, wish)
        return self.call_id

    async def switch(self, supervisor_id: UUID, mode: str) -> UUID:
        await self._desk._tell("switch", supervisor_id, mode)
        return self.call_id

    async def take_over(self, supervisor_id: UUID) -> UUID:
        await self._desk._tell("take_over", supervisor_id)
        return self.call_id

    async def leave(self, supervisor_id: UUID) -> None:
        await self._desk._tell("leave", supervisor_id)


class Line:
    """Stands where a connection for commands does."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def send(self, command: Command) -> Mapping[str, Any]:
        await self._desk._tell("send", command)
        return {}


@dataclass
class Person:
    """A signed-in browser."""

    account: Account
    agent: Agent | None
    cookie: str
    csrf: str
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = {"cookie": f"hotline={self.cookie}", "x-csrf-token": self.csrf}


class House:
    """What web.deps.House asks for, and short ways for tests."""

    def __init__(self, db: Database, tmp_path: Path, **settings: Any) -> None:
        self.settings = Settings(**{"data_dir": tmp_path, "_env_file": None, **settings})
        self.db = db
        self.bus: Bus = InProcessBus()
        self.accounts = accounts.Accounts(passwords=accounts.Passwords(CHEAP))
        self.audit = AuditLog(db)
        self.desk: Any = Desk()
        self.control: Any = Control()
        self.outbound: Any = None
        self.sayer: Any = Control()
        self.supervision: Any = SupervisorDesk(self.desk)
        self.lines: dict[str, Any] = {"pbx1": Line(self.desk)}
        self.telephony = "live"
        self.unwritten: datetime | None = None
        self.at_work = Workers(leader="here pid 1")
        self.app = _app(self, tmp_path, bool(settings))

    def telephony_state(self) -> str:
        return self.telephony

    def unwritten_since(self) -> datetime | None:
        return self.unwritten

    async def workers(self) -> Workers:
        return self.at_work

    def counters(self) -> Mapping[str, float]:
        return {"ami_messages_total": 7.0}

    @property
    def hub(self) -> Hub:
        web: Web = self.app.state.web
        return web.hub

    async def live(self) -> None:
        """Asterisk's events arrive."""
        async with self.db.write() as tx:
            tx.session.add(PbxNode(name="pbx1", boot="b", state="live", since=now(), epoch=1))

    async def sign_in(self, role: Role = "agent", *, phone: bool | None = None, locale: str = "en") -> Person:
        """Somebody with a session; agents have a phone unless `phone` says otherwise."""
        async with self.db.write() as tx:
            if role == "agent" if phone is None else phone:
                agent = await factories.agent(tx, role)
                account = await tx.session.get_one(Account, agent.account_id)
            else:
                agent, account = None, await factories.account(tx, role)
            account.locale = locale
            opened = await accounts.open_session(tx, account.id, now())
        assert opened.who.csrf is not None
        return Person(account, agent, opened.token, opened.who.csrf)

    async def token(self, role: Role) -> dict[str, str]:
        async with self.db.write() as tx:
            secret = await accounts.add_token(tx, f"program-{role}", role, now())
        return {"authorization": f"Bearer {secret}"}

    def client(self, person: Person | None = None, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False, client=("127.0.0.1", 5)),
            base_url=ORIGIN,
            headers={**(person.headers if person else {}), **headers},
        )

    @asynccontextmanager
    async def socket(
        self, person: Person | None, *, after: int | None = None, origin: str | None = ORIGIN, **headers: str
    ) -> AsyncIterator["Socket"]:
        all_headers = {"host": HOST, **(person.headers if person else {}), **headers}
        if origin is not None:
            all_headers["origin"] = origin
        socket = Socket(self.app, all_headers, after)
        try:
            yield socket
        finally:
            await socket.leave()


class Socket:
    """The page's end. `deaf`: it stops reading, as a page behind a broken network does."""

    def __init__(self, app: FastAPI, headers: Mapping[str, str], after: int | None) -> None:
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._hears = asyncio.Event()
        self._hears.set()
        self._in.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket", "asgi": {"version": "3.0"}, "scheme": "ws", "path": "/live", "raw_path": b"/live",
            "query_string": b"" if after is None else f"after={after}".encode(), "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 6), "server": (HOST, 80), "subprotocols": [],
        }  # fmt: skip
        self._task = asyncio.create_task(app(scope, self._in.get, self._send))  # type: ignore[arg-type]

    async def _send(self, message: Any) -> None:
        await self._hears.wait()
        self._out.put_nowait(message)

    def deaf(self) -> None:
        self._hears.clear()

    def say(self, text: str) -> None:
        self._in.put_nowait({"type": "websocket.receive", "text": text})

    async def message(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            return await self._out.get()

    async def frame(self) -> dict[str, Any]:
        """The next frame; the handshake is passed over."""
        while True:
            message = await self.message()
            if message["type"] == "websocket.send":
                found: dict[str, Any] = json.loads(message["text"])
                return found
            assert message["type"] == "websocket.accept", message

    async def close_code(self) -> int:
        """The code it is closed with; nothing but the handshake may come before."""
        while True:
            message = await self.message()
            if message["type"] == "websocket.close":
                return int(message["code"])
            assert message["type"] == "websocket.accept", message

    async def settle(self) -> None:
        """Let what is under way arrive."""
        for _ in range(20):
            await asyncio.sleep(0)

    @property
    def silent(self) -> bool:
        return self._out.empty()

    async def leave(self) -> None:
        self._hears.set()
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(20):
            await asyncio.gather(self._task, return_exceptions=True)


_apps: list[FastAPI] = []


def _app(house: House, tmp_path: Path, is_special: bool) -> FastAPI:
    """Routes and templates are built once a session, what they work on once a test; special settings have their own."""
    if is_special or not _apps:
        app = create_app(house, static=built_files(tmp_path / "static"))
        if is_special:
            return app
        _apps.append(app)
    app = _apps[0]
    app.state.web = wire(house, app.state.web.renderer)
    return app


def built_files(folder: Path) -> Path:
    """A front end as script/web leaves it, empty."""
    folder.mkdir()
    names = {name: name.replace(".", "-0a1b2c.", 1) for name in ASSETS}
    (folder / "manifest.json").write_text(json.dumps(names), "utf-8")
    for name in names.values():
        (folder / name).write_bytes(b"plain")
        (folder / f"{name}.br").write_bytes(b"packed")
    return folder


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """The statements that a block sends to the store."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, text: str, *_rest: Any) -> None:
        if not text.startswith(("BEGIN", "PRAGMA")):
            seen.append(text)

    event.listen(db.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.sync_engine, "before_cursor_execute", note)


@pytest.fixture
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts as they are in the code, in both languages: what is tested here is behaviour, not translation."""
    monkeypatch.setattr(i18n, "translations", lambda _locale: gettext.NullTranslations())


@pytest.fixture
async def house(db: Database, tmp_path: Path, english: None) -> House:
    return House(db, tmp_path)
