"""An Asterisk for movements, a scene on it, and what is read off afterwards: for test_movements and _outside."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

import pytest

from hotline.telephony.install import config_home
from tests.integration import sound
from tests.integration.pbx import PHONES, Ami, Pbx, free_port
from tests.integration.scene import TONES, Scene
from tests.integration.voice import until

PARK_S = 5


def _in_thread(work: Coroutine[Any, Any, None]) -> None:
    thread = threading.Thread(target=lambda: asyncio.run(work))
    thread.start()
    thread.join()


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    sounds = sound.short_sounds(config_home() / "sounds", tmp_path_factory.mktemp("sounds"))
    sound.tone_music(sounds, TONES["music"], TONES["again"])
    trunk = f"{PHONES}:{free_port(20900)}"
    made = Pbx.make(tmp_path_factory.mktemp("switch"), 23000, sounds=sounds, park_s=PARK_S, outbound_trunk=trunk)
    _in_thread(made.start(("a1", "a2", "a3")))
    yield made
    _in_thread(made.stop())


@pytest.fixture
async def pbx(switch: Pbx) -> AsyncIterator[Pbx]:
    """Each scene leaves it as it found it."""
    yield switch


@pytest.fixture
async def scene(pbx: Pbx, events: Ami, actions: Ami) -> AsyncIterator[Scene]:
    async with Scene(pbx, events, actions, a3={"answers": 0.2}) as made:
        yield made


async def first_in_line(scene: Scene, agent: str = "a3") -> None:
    """The caller waits again, hears that it goes on, and the next agent has them."""
    await scene.fact("HLAgain", Uniqueid=scene.call)
    await scene.heard(caller={"again"})
    await scene.pbx.sign_in(scene.commands, agent)
    await scene.heard(caller={agent}, **{agent: {"caller"}})


async def outcome(scene: Scene) -> tuple[str, str, str]:
    told = await scene.fact("HLOutcome", Uniqueid=scene.call)
    return told["HLOutcome"], told["HLHangupBy"], told["HLMember"]


def moves(scene: Scene) -> list[tuple[str, str, str]]:
    """What the caller's channel told, which is also what the journal has."""
    told = [(fact["HLWhat"], fact["HLBy"], fact["HLTo"]) for fact in scene.facts("HLMove")]
    assert {fact["Uniqueid"] for fact in scene.facts("HLMove")} <= {scene.call}
    return told


async def journal(scene: Scene) -> list[str]:
    """Movements in the journal, once the call is over there."""
    await until(
        lambda: any(row[0] == "LINKEDID_END" and row[2] == scene.call for row in scene.pbx.journal()), "journal"
    )
    return [row[10] for row in scene.pbx.journal() if row[0] == "HLMOVE" and row[3] == scene.call]


def kept(scene: Scene) -> list[set[str]]:
    """Who is heard in each part of the recording."""
    parts = [sound.read_wav(scene.pbx.recording(fact)) for fact in scene.facts("HLRecording")]
    people = ("caller", "a1", "a2", "a3", "outside")
    # A short word in a long part is still some percent of its level.
    return [{who for who in people if sound.level(part, TONES[who]) > 200} for part in parts]
