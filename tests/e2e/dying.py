"""A browser of its own for one person, which can die: killed like a machine that loses power, or frozen like one that
swaps. Only its own processes are touched.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

from playwright.async_api import Browser, BrowserContext, Error, async_playwright

from tests.e2e.chromium import FLAGS, executable
from tests.e2e.screens import Screen


class Doomed:
    """A running browser; `browser` opens its pages."""

    def __init__(self, browser: Browser | BrowserContext, mark: str) -> None:
        self._browser, self._mark = browser, mark
        self._frozen: list[int] = []

    @property
    def browser(self) -> Browser:
        assert isinstance(self._browser, Browser)
        return self._browser

    @property
    def context(self) -> BrowserContext:
        assert isinstance(self._browser, BrowserContext)
        return self._browser

    def _processes(self) -> dict[int, str]:
        """Process id → command line: the browser, found by its mark, and all that it started."""
        found: dict[int, tuple[int, str]] = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue  # ended meanwhile
            found[int(entry.name)] = parent, line
        family = {pid for pid, (_, line) in found.items() if self._mark in line}
        while more := {pid for pid, (parent, _) in found.items() if parent in family} - family:
            family |= more
        return {pid: found[pid][1] for pid in family}

    def kill(self) -> None:
        """kill -9, all of it: no goodbye is said to anybody."""
        self._send(signal.SIGKILL, list(self._processes()))

    def freeze(self) -> None:
        """What runs its pages stands still; the sockets stay open."""
        self._frozen = [pid for pid, line in self._processes().items() if "--type=renderer" in line]
        assert self._frozen, "the browser has no page"
        self._send(signal.SIGSTOP, self._frozen)

    def thaw(self) -> None:
        self._send(signal.SIGCONT, self._frozen)
        self._frozen = []

    @staticmethod
    def _send(number: signal.Signals, processes: list[int]) -> None:
        for pid in processes:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    async def end(self) -> None:
        self.thaw()
        try:
            async with asyncio.timeout(10):
                await self._browser.close()
        finally:
            self.kill()


@asynccontextmanager
async def doomed() -> AsyncIterator[Doomed]:
    mark = f"--doomed={uuid4().hex}"
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=executable(), args=[*FLAGS, mark])
        made = Doomed(browser, mark)
        try:
            yield made
        finally:
            await made.end()


@asynccontextmanager
async def doomed_with(profile: Path) -> AsyncIterator[Doomed]:
    """One whose profile stays for the next: `context` is its only one."""
    mark = f"--doomed={uuid4().hex}"
    async with async_playwright() as driver:
        context = await driver.chromium.launch_persistent_context(
            profile, executable_path=executable(), args=[*FLAGS, mark], locale="zh-CN", permissions=["microphone"]
        )
        made = Doomed(context, mark)
        try:
            yield made
        finally:
            with suppress(Error):  # killed already
                await made.end()


async def crash(screen: Screen) -> None:
    """What runs this page dies, as without memory: no goodbye is said, the browser's other pages live on."""
    protocol = await screen.page.context.new_cdp_session(screen.page)
    async with screen.page.expect_event("crash"):
        dying = asyncio.ensure_future(protocol.send("Page.crash"))  # nobody is left to answer
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await screen.page.close()
