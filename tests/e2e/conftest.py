"""The running hotline and people's browsers for end-to-end tests.

`hotline` is one running system for the session, swept before each test; `brisk` another one whose times are short and
whose line 12345 has twenty channels. Both are stopped at the end, with their Asterisk. `people` opens browsers.
"""

import json
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright

from tests.e2e.chromium import FLAGS, executable
from tests.e2e.floor import Floor
from tests.e2e.house import House
from tests.e2e.screens import PATIENT, AgentPage, Screen

_LONG = ("test_looks.py", "test_movements_in_vain.py")  # begun first: of two processes none is long without work
_FAILED = pytest.StashKey[bool]()
WINDOW = {"width": 1366, "height": 768}
_session = pytest_asyncio.fixture(scope="session", loop_scope="session")
_each = pytest_asyncio.fixture(loop_scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all: the browser lives in it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
    items.sort(key=lambda item: item.path.name not in _LONG)


@_session
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        started = await driver.chromium.launch(executable_path=executable(), args=[*FLAGS])
        yield started
        await started.close()


@_session
async def running_hotline(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    house = House.make(tmp_path_factory.mktemp("hotline"), 0)
    try:
        await house.start()
        house.shorten_prompts()
        yield house
    finally:
        await house.stop()


@_session
async def running_brisk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    short: dict[str, Any] = {
        "lines": "12345:20,2912345:1", "ring_s": 10, "max_wait_s": 15, "wrap_up_s": 8, "park_s": 8,
        "consult_ring_s": 15,
    }  # fmt: skip
    house = House.make(tmp_path_factory.mktemp("brisk"), 400, **short)
    try:
        await house.start()
        house.shorten_prompts()
        yield house
    finally:
        await house.stop()


@_each
async def hotline(running_hotline: House) -> AsyncIterator[House]:
    yield running_hotline
    await running_hotline.sweep()


@_each
async def brisk(running_brisk: House) -> AsyncIterator[House]:
    yield running_brisk
    await running_brisk.sweep()


class People:
    """Opens a browser for somebody, signed in. Everybody signs in once: that is slow and limited on purpose."""

    def __init__(self, browser: Browser, cookies: dict[tuple[str, str], Any]) -> None:
        self.browser, self._cookies = browser, cookies
        self.contexts: list[BrowserContext] = []
        self.screens: list[Screen] = []

    async def context(self, house: House, name: str, **options: Any) -> BrowserContext:
        usual = {"viewport": WINDOW, "locale": "zh-CN", "timezone_id": house.settings.timezone}
        context = await self.browser.new_context(**(usual | options))
        context.set_default_timeout(PATIENT)
        self.contexts.append(context)
        await context.grant_permissions(["microphone"], origin=house.url)
        if (kept := self._cookies.get((house.url, name))) is not None:
            await context.add_cookies(kept)
        else:
            await self.sign_in(house, name, context)
        return context

    async def sign_in(self, house: House, name: str, context: BrowserContext) -> None:
        """By the form. The session is used again by later browsers of the same person."""
        page = await context.new_page()
        await page.goto(f"{house.url}/sign-in")
        await page.fill("[name=name]", name)
        await page.fill("[name=password]", house.password(name))
        await page.keyboard.press("Enter")
        await page.wait_for_url(lambda url: "/sign-in" not in url)
        self._cookies[house.url, name] = await context.cookies()
        await page.close()

    def forget(self, house: House, name: str) -> None:
        """The next browser signs in anew."""
        self._cookies.pop((house.url, name), None)

    async def agent(self, house: House, name: str = "agent1", *, ready: bool = True, **options: Any) -> AgentPage:
        """An agent's console in a browser of its own."""
        return await self.console(house, await self.context(house, name, **options), name, ready=ready)

    async def console(self, house: House, context: BrowserContext, name: str, *, ready: bool) -> AgentPage:
        screen = AgentPage(house, await context.new_page(), name)
        self.screens.append(screen)
        await screen.open("/console")
        if ready:
            await screen.is_ready()
        return screen

    async def at(self, house: House, name: str, path: str, **options: Any) -> Screen:
        """Somebody before a page of theirs."""
        context = await self.context(house, name, **options)
        screen = Screen(house, await context.new_page(), name)
        self.screens.append(screen)
        await screen.open(path)
        return screen

    async def photograph(self, request: pytest.FixtureRequest, directory: Path) -> None:
        """What is on the screens of a failed test stays in its directory as pictures."""
        if request.node.stash.get(_FAILED, False):
            for number, screen in enumerate(self.screens):
                if not (screen.page.is_closed() or screen.has_crashed):
                    await screen.page.screenshot(path=directory / f"{number}-{screen.name}.png")

    async def leave(self) -> None:
        for context in self.contexts:
            await context.close()
        complaints = [line for screen in self.screens for line in screen.complaints]
        assert not complaints, json.dumps(complaints, ensure_ascii=False, indent=1)


@_session
async def kept_cookies() -> dict[tuple[str, str], Any]:
    return {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@_each
async def people(
    browser: Browser, kept_cookies: dict[tuple[str, str], Any], request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[People]:
    made = People(browser, kept_cookies)
    yield made
    await made.photograph(request, tmp_path)
    await made.leave()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def whole_floor(
    browser: Browser, kept_cookies: dict[tuple[str, str], Any], running_brisk: House
) -> AsyncIterator[Floor]:
    made = Floor(running_brisk, People(browser, kept_cookies))
    await made.open()
    yield made
    await made.people.leave()
    await running_brisk.sweep()


@_each
async def floor(whole_floor: Floor, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Floor]:
    """Two agents of the brisk house at pages that stay open."""
    await whole_floor.rest()
    yield whole_floor
    await whole_floor.people.photograph(request, tmp_path)
