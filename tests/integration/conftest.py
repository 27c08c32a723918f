"""The real Asterisk for tests: `pbx` is shared and swept clean after each test, `new_pbx` makes one of other settings.
`hotline` is the whole system, shared.

Prompts are cut short, so that a test need not listen to them; tests of sound and of time ask for the real ones.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from hotline.telephony.install import config_home
from tests.integration import deployment
from tests.integration.pbx import Ami, Pbx
from tests.integration.process import Hotline, settings_for
from tests.integration.sound import short_sounds

PHONES = ("a1", "a2", "a3")
NewPbx = Callable[..., Awaitable[Pbx]]


def _in_thread(work: Coroutine[Any, Any, None]) -> None:
    """Outside any test's event loop."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


if deployment.ON_SERVERS:

    @pytest.fixture
    def store_url(tmp_path: Path) -> str:
        """A database of the test's own instead of a SQLite file."""
        return deployment.stores(tmp_path)["database_url"]


@pytest.fixture(scope="session")
def quick_sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return short_sounds(config_home() / "sounds", tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="session")
def shared_pbx(tmp_path_factory: pytest.TempPathFactory, quick_sounds: Path) -> Iterator[Pbx]:
    made = Pbx.make(tmp_path_factory.mktemp("pbx"), sounds=quick_sounds)
    _in_thread(made.start(PHONES))
    yield made
    _in_thread(made.stop())


@pytest.fixture
async def pbx(shared_pbx: Pbx) -> AsyncIterator[Pbx]:
    yield shared_pbx
    await shared_pbx.sweep()


@pytest.fixture
async def new_pbx(tmp_path: Path, quick_sounds: Path) -> AsyncIterator[NewPbx]:
    """Start an Asterisk with other settings; it ends with the test."""
    async with AsyncExitStack() as stack:

        async def make(phones: Sequence[str] = PHONES, *, shared_port: bool = False, **changes: Any) -> Pbx:
            made = Pbx.make(tmp_path, **({"sounds": quick_sounds} | changes))
            stack.push_async_callback(made.stop)
            await made.start(phones, shared_port=shared_port)
            return made

        yield make


@pytest.fixture(scope="session")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """The whole demo start, for tests that leave no trace which others would mind."""
    directory = tmp_path_factory.mktemp("hotline")
    made = Hotline(settings_for(directory, demo=True), directory)
    try:
        _in_thread(made.start())
        made.shorten_prompts()
        yield made
    finally:
        _in_thread(made.stop())


@pytest.fixture
async def events(pbx: Pbx) -> AsyncIterator[Ami]:
    async with pbx.ami("events") as ami:
        yield ami


@pytest.fixture
async def actions(pbx: Pbx) -> AsyncIterator[Ami]:
    async with pbx.ami("actions") as ami:
        yield ami
