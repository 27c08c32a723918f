"""The people at the phones: some at real pages in Chromium, who type into tickets, the others with phones alone.

All of them do what the console asks of people: ready, answer, talk, write, hang up, a break now and then, and ready
again when something took them out of the queue. What pages were seen to hold goes into `words`.
"""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import websockets
from playwright.async_api import BrowserContext, Error, Page, Playwright

from bench.chaos.phones import AnsweringPhone, PhoneLog
from bench.chaos.seen import Word
from bench.chaos.share import give_way
from hotline.agents.presence import MANUAL_REASONS
from tests.e2e.chromium import FLAGS, executable
from tests.e2e.house import House

_LOOK_S = 0.2
_PRESS_AGAIN_S = 4.0
_NOTICE_S = 3.0  # what comes back by itself is back before a person presses anything
_AT_WORK = frozenset({"ready", "ringing", "on_call", "wrap_up"})
_SEEN = """
() => ({
  call: document.querySelector('#softphone')?.dataset.call ?? '',
  phone: document.querySelector('#softphone')?.dataset.phone ?? '',
  state: document.querySelector('#phone')?.dataset.state ?? '',
  pending: document.querySelector('#phone')?.dataset.pending ?? '',
  ref: document.querySelector('#ticket-form') ? document.querySelector('#panel')?.dataset.ref ?? '' : '',
  writable: Boolean(document.querySelector('#ticket-form #field-summary:not([disabled], [readonly])')),
  started: 'started' in document.documentElement.dataset,
  kept: Object.keys(localStorage).filter((key) => key.startsWith('hotline-unsent/'))
    .flatMap((key) => JSON.parse(localStorage.getItem(key) || '[]'))
    .map(({ref, value, refused, theirs}) => ({ref, value, told: Boolean(refused || theirs)})),
})
"""

_HOLDS = """
(text) => document.querySelector('#field-summary').value.includes(text) && document.querySelector('#panel').dataset.ref
"""


@dataclass
class Agent(ABC):
    """`wants_break`: set by whoever plans the day. `presses`: how often they had to say ready, breaks apart."""

    house: House
    name: str
    cookie: str
    log: PhoneLog
    chance: random.Random
    wants_break: bool = False
    presses: int = 0
    _pressed_at: float = 0.0
    _worked_at: float = 0.0

    @abstractmethod
    async def work(self) -> None:
        """Until cancelled."""

    @abstractmethod
    async def press(self) -> None:
        """Ready, or from ready into a break."""

    async def tend(self, state: str, reason: str | None, phone: str) -> None:
        """What somebody does who sees this of themselves on the board."""
        if state in _AT_WORK:
            self._worked_at = time.monotonic()
        if time.monotonic() - self._pressed_at < _PRESS_AGAIN_S:
            return
        on_break = state == "paused" and reason in MANUAL_REASONS
        if self.wants_break and state == "ready":
            pass
        elif not self.wants_break and time.monotonic() - self._worked_at > (0 if on_break else _NOTICE_S):
            self.presses += not on_break and phone == "ok"
        else:
            return
        self._pressed_at = time.monotonic()
        with suppress(httpx.HTTPError, Error, AssertionError, TimeoutError):
            await self.press()


@dataclass
class PhoneAgent(Agent):
    """A phone alone: claims its secret and presses its buttons as a page would, by HTTP."""

    endpoint: str = ""

    async def work(self) -> None:
        while True:
            with suppress(httpx.HTTPError, OSError, TimeoutError, websockets.WebSocketException, AssertionError):
                await self._live()
            await asyncio.sleep(0.5)

    async def _live(self) -> None:
        port = self.house.settings.asterisk_http_port
        if not self.endpoint:
            claimed = (await self._post("/me/phone")).json()
            self.endpoint, self._secret = claimed["endpoint"], claimed["secret"]
        async with AnsweringPhone(port, self.endpoint, self._secret, log=self.log, chance=self.chance) as phone:
            assert phone.status == 200, phone.status
            await phone.live()

    async def press(self) -> None:
        if self.wants_break:
            await self._post("/me/pause", reason="BREAK")
        else:
            await self._post("/me/ready")

    async def _post(self, path: str, **fields: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.house.url, cookies={"hotline": self.cookie}, timeout=10) as client:
            page = (await client.get("/console")).text
            csrf = page.partition('name="csrf" content="')[2].partition('"')[0]
            answer = await client.post(path, data=fields, headers={"X-CSRF-Token": csrf})
            assert answer.is_success, answer.text
            return answer


@dataclass
class PageAgent(Agent):
    """A console in a Chromium of its own, whose profile outlives it. `has_written`: set when the day is over."""

    driver: Playwright | None = None
    profile: Path = Path()
    words: list[Word] = field(default_factory=list)
    typed: int = 0
    complaints: list[str] = field(default_factory=list)
    has_written: bool = False
    killed: list[float] = field(default_factory=list)
    context: BrowserContext | None = None
    page: Page | None = None
    seen: Mapping[str, Any] = field(default_factory=dict)
    _answer_at: float = 0.0
    _until: float = 0.0
    _word_at: float = 0.0

    async def open(self) -> None:
        """The browser, and the console in it."""
        assert self.driver is not None
        context = await self.driver.chromium.launch_persistent_context(
            self.profile, executable_path=executable(), args=[*FLAGS], viewport={"width": 1366, "height": 768},
            locale="zh-CN", timezone_id=self.house.settings.timezone,
        )  # fmt: skip
        context.set_default_timeout(8000)
        self.context = context
        for process in self._mains():
            give_way(process.pid)
        await context.grant_permissions(["microphone"], origin=self.house.url)
        await context.add_cookies([{"name": "hotline", "value": self.cookie, "url": self.house.url}])
        page = context.pages[0] if context.pages else await context.new_page()
        page.on("websocket", self._on_socket)
        page.on("pageerror", lambda error: self.complaints.append(f"{self.name}: {error}"))
        page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
        while True:
            try:
                answer = await page.goto(f"{self.house.url}/console")
                if answer is None or answer.ok:
                    break
            except Error:
                pass
            await asyncio.sleep(0.5)  # the hotline may be away: somebody presses reload
        self.page = page

    def _on_socket(self, socket: Any) -> None:
        if not socket.url.endswith("/ws"):
            return

        def note(text: Any, is_sent: bool) -> None:
            if isinstance(text, str):
                self.log.heard(self.name, text, is_sent=is_sent, at=time.time())

        socket.on("framereceived", lambda text: note(text, False))
        socket.on("framesent", lambda text: note(text, True))

    def kill(self) -> None:
        """kill -9 of the whole browser."""
        mains = self._mains()
        family = {child for main in mains for child in main.children(recursive=True)} | set(mains)
        self.page, self.seen = None, {}
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.killed.append(time.time())
        self.log.gone(self.name, self.killed[-1])

    def _mains(self) -> list[psutil.Process]:
        mark = f"--user-data-dir={self.profile}"
        return [one for one in psutil.process_iter(["cmdline"]) if mark in (one.info["cmdline"] or ())]

    async def work(self) -> None:
        while True:
            page = self.page
            if page is not None:
                with suppress(Error, AssertionError, TimeoutError):
                    self.seen = await page.evaluate(_SEEN)
                    await self._do(page)
            await asyncio.sleep(_LOOK_S)

    async def _do(self, page: Page) -> None:
        at = time.monotonic()
        call = self.seen["call"]
        if call == "ringing":
            self._answer_at = self._answer_at or at + self.chance.uniform(0.3, 1.5)
            if at >= self._answer_at:
                self._answer_at = 0.0
                if self.chance.random() < 0.1:
                    await page.locator("[data-phone-do=reject]").click(timeout=2000)
                else:
                    await page.keyboard.press("F2")
        elif call == "talking":
            self._until = self._until or at + self.chance.uniform(3.0, 7.0)
            await self._write(page)
            if at >= self._until:
                self._until = 0.0
                await page.keyboard.press("F8")
        else:
            self._answer_at = self._until = 0.0
            if self.seen["state"] in {"wrap_up", "ready"}:
                await self._write(page)

    async def _write(self, page: Page) -> None:
        """A word into the summary; it counts once the page holds it in the ticket that it was meant for."""
        if self.has_written or not self.seen["ref"] or not self.seen["writable"] or time.monotonic() < self._word_at:
            return
        self._word_at = time.monotonic() + self.chance.uniform(0.5, 1.2)
        self.typed += 1
        text = f"{self.name}第{self.typed:04d}句。"
        await page.keyboard.press("Alt+s")
        await page.keyboard.press("Control+End")
        await page.keyboard.type(text)
        ref = await page.evaluate(_HOLDS, text)
        if ref:
            self.words.append(Word(text, ref, self.name, time.time()))

    async def press(self) -> None:
        """By the key that does both; not while the page waits for an answer or shows what is wanted already."""
        if self.page is None or not self.seen.get("started") or self.seen["pending"]:
            return
        if self.wants_break == (self.seen["state"] == "ready"):
            await self.page.keyboard.press("F9")

    async def picture(self, directory: Path) -> None:
        """What the person sees, as a file named after them."""
        with suppress(Error):
            if self.page is not None:
                await self.page.screenshot(path=directory / f"{self.name}.png")

    async def all_sent(self) -> bool:
        """Whether the page has nothing left to send, but what it told the person that it could not."""
        if self.page is None:
            return False
        with suppress(Error):
            self.seen = await self.page.evaluate(_SEEN)
            return all(one["told"] for one in self.seen["kept"])
        return False
