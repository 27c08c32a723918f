"""What an agent's key has said into a talk, in the real Asterisk: who hears it, how it ends, and the caller's keys.

Prompts are tones here. One of them is exchanged for an administrator's own, as the worker does it, and back.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from hotline.ivr import levels
from hotline.telephony import actions as asked
from hotline.telephony import sounds
from hotline.telephony.install import config_home
from tests.integration import sound
from tests.integration.deployment import once
from tests.integration.pbx import Ami, Pbx
from tests.integration.scene import TONES, Scene
from tests.integration.voice import until

pytestmark = [pytest.mark.integration, once("pbx")]
PROMPT, OWN = "outside", "110"  # tones that nobody else has here
SECONDS = 2.5


def tone(name: str, rate: int) -> bytes:
    at = np.arange(round(SECONDS * rate)) / rate
    return levels.encoded(0.3 * np.sin(2 * np.pi * TONES[name] * at), rate)


def _in_thread(work: Coroutine[Any, Any, None]) -> None:
    thread = Thread(target=lambda: asyncio.run(work))
    thread.start()
    thread.join()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    ours = sound.short_sounds(config_home() / "sounds", tmp_path_factory.mktemp("sounds"))
    sound.tone_music(ours, TONES["music"], TONES["again"])
    for prompt in ("P31", "P41"):
        (ours / "zh" / f"{prompt}.wav").write_bytes(tone(PROMPT, 8000))
        (ours / "zh" / f"{prompt}.wav16").write_bytes(tone(PROMPT, 16000))
    made = Pbx.make(tmp_path_factory.mktemp("said"), 24000, sounds=ours)
    _in_thread(made.start(("a1", "a2", "a3")))
    yield made
    _in_thread(made.stop())


@pytest.fixture
async def pbx(shared: Pbx) -> AsyncIterator[Pbx]:
    yield shared


@pytest.fixture
async def scene(pbx: Pbx, events: Ami, actions: Ami) -> AsyncIterator[Scene]:
    async with Scene(pbx, events, actions) as made:
        yield made


async def say(scene: Scene, prompt: str) -> None:
    await scene.move(asked.say(prompt, scene.call, scene.leg("a1")))


async def test_both_hear_the_prompt_over_their_talk_which_goes_on_and_the_callers_keys_are_told(scene: Scene) -> None:
    await scene.answered(paused=False)
    await say(scene, "P31")
    await scene.heard(caller={"a1", PROMPT}, a1={"caller", PROMPT})
    scene.caller.press("2")
    pressed = await scene.fact("DTMFEnd", Uniqueid=scene.call)
    assert (pressed["Digit"], pressed["Direction"], pressed["Linkedid"]) == ("2", "Received", scene.call)
    await scene.heard(caller={"a1"}, a1={"caller"})
    assert scene.facts("HLOutcome") == []
    scene.caller.hang_up()
    told = await scene.fact("HLOutcome", Uniqueid=scene.call)
    assert (told["HLOutcome"], told["HLHangupBy"], told["HLMember"]) == ("answered", "caller", "a1")


async def test_the_last_prompt_of_a_call_ends_it_as_the_agents_goodbye(scene: Scene) -> None:
    await scene.answered(paused=False)
    await say(scene, "P41")
    await scene.heard(caller={"a1", PROMPT})
    await until(scene.caller.ended.is_set, "the call is over")
    told = await scene.fact("HLOutcome", Uniqueid=scene.call)
    assert (told["HLOutcome"], told["HLHangupBy"], told["HLMember"]) == ("answered", "agent", "a1")
    assert (await scene.fact("HLWrapUp"))["HLMember"] == "a1"
    assert scene.facts("HLAgain") == []


async def test_with_three_on_the_line_the_last_prompt_lets_the_agent_alone_go(scene: Scene) -> None:
    await scene.answered()
    await scene.consulted()
    await scene.conference()
    await say(scene, "P41")
    await until(scene.phones["a1"].ended.is_set, "the agent has gone")
    await scene.heard(caller={"a2"}, a2={"caller"})


async def test_a_caller_who_has_just_gone_hears_nothing_and_nothing_stays(scene: Scene) -> None:
    await scene.answered(paused=False)
    leg = scene.leg("a1")
    scene.caller.hang_up()
    await scene.fact("HLOutcome", Uniqueid=scene.call)
    await scene.move(asked.say("P41", scene.call, leg))
    await until(scene.is_over, "no leg is left")
    assert len(scene.facts("HLOutcome")) == 1


async def test_an_own_prompt_is_heard_by_the_next_call_without_a_reload_and_the_old_one_after_it(
    scene: Scene, shared: Pbx
) -> None:
    data, ours = shared.asterisk.places.data, shared.asterisk.sounds
    sounds.exchange(data, ours, "P31", (tone(OWN, 8000), tone(OWN, 16000)), 0o600)
    await scene.answered(paused=False)
    await say(scene, "P31")
    await scene.heard(caller={"a1", OWN}, a1={"caller", OWN})
    sounds.take_back(data, ours, "P31")
    await scene.heard(caller={"a1"})
    await say(scene, "P31")
    await scene.heard(caller={"a1", PROMPT})
    assert Path(data / "spoken" / "P31.wav").is_symlink()


async def test_asterisk_has_nothing_to_complain_of(pbx: Pbx) -> None:
    assert pbx.log_complaints() == []
