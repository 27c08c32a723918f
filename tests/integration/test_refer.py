"""A phone's own transfer (REFER) in the real Asterisk: to a colleague or the queue, no number, and only the caller."""

from collections.abc import AsyncIterator, Iterator

import pytest

from hotline.telephony.install import config_home
from tests.integration import sound
from tests.integration.conftest import _in_thread
from tests.integration.deployment import once
from tests.integration.pbx import PHONES, Ami, Pbx, free_port
from tests.integration.scene import SILENCE, TONES, Scene
from tests.integration.test_movements import first_in_line, moves, outcome
from tests.integration.voice import until

pytestmark = [pytest.mark.integration, once("pbx")]


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    sounds = sound.short_sounds(config_home() / "sounds", tmp_path_factory.mktemp("sounds"))
    sound.tone_music(sounds, TONES["music"], TONES["again"])
    trunk = f"{PHONES}:{free_port(20900)}"
    made = Pbx.make(tmp_path_factory.mktemp("switch"), sounds=sounds, outbound_trunk=trunk)
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


async def test_a_phones_own_transfer_leads_to_a_colleague(scene: Scene) -> None:
    await scene.answered()
    scene.phones["a1"].refer("a2")
    await scene.heard(caller={"a2"}, a2={"caller"}, a1=SILENCE)
    assert moves(scene) == [("transfer", "a1", "a2")]
    scene.phones["a2"].hang_up()
    assert await outcome(scene) == ("answered", "agent", "a2")


@pytest.mark.parametrize("to", ["110", "12355", "out-12355", "outside", "out112355"])
async def test_a_phones_own_transfer_to_a_number_dials_nobody_and_loses_nobody(scene: Scene, to: str) -> None:
    """Only the application asks whether this agent may, and has it written down."""
    await scene.answered()
    scene.phones["a1"].refer(to)
    await until(lambda: bool(scene.phones["a1"].transferred), "an answer to the phone's REFER")
    if to.isdigit():
        await until(lambda: "404" in scene.phones["a1"].transferred, "no such place")
        await scene.heard(caller={"a1"}, a1={"caller"})
        assert moves(scene) == []
    else:
        await first_in_line(scene)
    assert scene.phones["outside"].asked == []
    assert not [fact for fact in scene.facts("Newchannel") if fact["Channel"].startswith(("PJSIP/outside", "Local/1"))]


@pytest.mark.parametrize("to", ["12348", "a3", "queue"])
async def test_whom_an_agent_asks_outside_is_passed_on_to_nobody_by_the_phone(scene: Scene, to: str) -> None:
    """Else two strangers talk through us, or one waits in the place of a caller."""
    await scene.answered()
    await scene.consult("a1", "out-12355")
    await scene.heard(caller={"music"}, a1={"outside"})
    scene.phones["a1"].refer(to)
    await until(lambda: bool(scene.phones["a1"].transferred), "an answer to the phone's REFER")
    if to == "12348":
        await scene.heard(caller={"music"}, a1={"outside"})
        await scene.back()
    await scene.heard(caller={"a1"}, a1={"caller"})
    await until(scene.phones["outside"].ended.is_set, "the leg outside has ended")
    assert len(scene.phones["outside"].asked) == 1
    assert scene.phones["a3"].asked == []
    assert not [fact for fact in scene.facts("HLMove") if fact["HLWhat"] in ("transfer", "queue")]


async def test_a_caller_transfers_nobody(scene: Scene) -> None:
    await scene.answered()
    scene.caller.refer("a2")
    await until(lambda: bool(scene.caller.transferred), "an answer to the caller's REFER")
    assert int(scene.caller.transferred) >= 400
    await scene.heard(caller={"a1"}, a1={"caller"})
    assert moves(scene) == []


async def test_asterisk_complains_of_nothing_else(pbx: Pbx) -> None:
    """But of the caller who tried to transfer somebody, of phones that named a number, and, where a scene's people all
    hang up at once, of a word to a caller who is gone, or of an agent whom the scene's end had taken out of the queue.
    """
    known = ("transfer attempt blocked due to configuration", "but target does not exist", "func_global.c: Channel",
             "not in queue 'hotline'", "Attempt to pause interface")  # fmt: skip
    assert [line for line in pbx.log_complaints() if not any(why in line for why in known)] == []
