"""A supervisor (a3) on an agent's call, in the real Asterisk: who hears whom, by tones of their own."""

from collections.abc import AsyncIterator

import pytest

from hotline.telephony import actions as asked
from tests.integration.deployment import once
from tests.integration.pbx import Ami, Pbx
from tests.integration.scene import Scene
from tests.integration.voice import until

pytestmark = [pytest.mark.integration, once("pbx")]
ROUND = 1778464800


@pytest.fixture
async def scene(pbx: Pbx, events: Ami, actions: Ami) -> AsyncIterator[Scene]:
    async with Scene(pbx, events, actions) as made:
        await made.answered()
        yield made


async def begin(scene: Scene, mode: str) -> None:
    variables = {
        "HLSPIED": scene.leg("a1"), "HLCALL": scene.call, "HLWHOM": scene.call, "HLMEMBER": "a1", "HLBY": "a3",
        "HLREF": "r1", "HLROUND": str(ROUND),
    }  # fmt: skip
    await scene.move(asked.originate("a3", "hl-spy", mode, variables, "12345", asked="supervise"))
    await scene.fact("HLSpy", HLWhat=mode, HLBy="a3")


async def switch(scene: Scene, mode: str) -> None:
    since, leg = len(scene.events.raw), scene.leg("a3")
    await scene.move(asked.redirect(leg, "hl-spy", mode))
    assert (await scene.events.fact("HLSpy", since=since, HLWhat=mode))["Uniqueid"] == leg


async def test_listening_whispering_and_joining_without_dialling_again(scene: Scene) -> None:
    await begin(scene, "listen")
    assert scene.phones["a3"].asked[-1]["x-hotline-asked"] == "supervise"
    await scene.heard(caller={"a1"}, a1={"caller"}, a3={"caller", "a1"})
    await switch(scene, "whisper")
    await scene.heard(caller={"a1"}, a1={"caller", "a3"}, a3={"caller", "a1"})
    await switch(scene, "join")
    await scene.heard(caller={"a1", "a3"}, a1={"caller", "a3"}, a3={"caller", "a1"})
    await switch(scene, "listen")
    await scene.heard(caller={"a1"}, a1={"caller"}, a3={"caller", "a1"})
    assert len(scene.phones["a3"].asked) == 1
    # It follows the agent who puts the caller aside to ask somebody, and hears both.
    await scene.consult("a1", "a2")
    await scene.heard(a1={"a2"}, a2={"a1"}, a3={"a1", "a2"})
    await scene.conference()
    await scene.heard(caller={"a1", "a2"}, a1={"caller", "a2"}, a3={"caller", "a1", "a2"})
    # In a conference of three the supervisor is the fourth.
    await switch(scene, "join")
    await scene.heard(
        caller={"a1", "a2", "a3"}, a1={"caller", "a2", "a3"}, a2={"caller", "a1", "a3"}, a3={"caller", "a1", "a2"}
    )
    scene.phones["a3"].hang_up()
    await scene.fact("HLSpy", HLWhat="end")
    await scene.heard(caller={"a1", "a2"}, a1={"caller", "a2"})


@pytest.mark.parametrize("mode", ["listen", "whisper", "join"])
async def test_a_supervisor_who_goes_or_whose_phone_dies_harms_nothing(scene: Scene, mode: str) -> None:
    await begin(scene, mode)
    await scene.heard(a3={"caller", "a1"})
    await scene.lose("a3")
    await scene.fact("HLSpy", HLWhat="end")
    await scene.heard(caller={"a1"}, a1={"caller"})
    scene.caller.hang_up()
    told = await scene.fact("HLOutcome", Uniqueid=scene.call)
    assert (told["HLOutcome"], told["HLHangupBy"], told["HLMember"]) == ("answered", "caller", "a1")


async def test_the_end_of_the_agents_leg_ends_the_supervisors(scene: Scene) -> None:
    await begin(scene, "join")
    await scene.heard(a3={"caller", "a1"})
    scene.phones["a1"].hang_up()
    told = await scene.fact("HLOutcome", Uniqueid=scene.call)
    assert (told["HLOutcome"], told["HLHangupBy"], told["HLMember"]) == ("answered", "agent", "a1")
    await until(scene.phones["a3"].ended.is_set, "the supervisor is let go")
    assert len([fact for fact in scene.facts("HLSpy") if fact["HLWhat"] == "end"]) == 1


async def take_over(scene: Scene) -> None:
    await scene.move(asked.redirect(scene.leg("a3"), "hl-spy", "take-over"))
    place = ("hl-spy", f"caller-{ROUND}-a3", (scene.leg("a1"), "hl-room", "leave"))
    await scene.move(asked.redirect(scene.call, *place))


@pytest.mark.parametrize("who", ["caller", "a3"])
async def test_taking_over_hands_the_caller_from_the_agent_to_the_supervisor(scene: Scene, who: str) -> None:
    await begin(scene, "whisper")
    await scene.heard(a3={"caller", "a1"})
    await take_over(scene)
    await scene.heard(caller={"a3"}, a3={"caller"})
    await until(scene.phones["a1"].ended.is_set, "the agent is let go")
    moved = await scene.fact("HLMove", HLWhat="take-over")
    assert (moved["Uniqueid"], moved["HLBy"], moved["HLTo"]) == (scene.call, "a3", "a3")
    (scene.caller if who == "caller" else scene.phones["a3"]).hang_up()
    told = await scene.fact("HLOutcome", Uniqueid=scene.call)
    by = "caller" if who == "caller" else "agent"
    assert (told["HLOutcome"], told["HLHangupBy"], told["HLMember"]) == ("answered", by, "a3")


async def test_a_supervisor_who_is_lost_in_taking_over_leaves_the_caller_first_in_line(scene: Scene) -> None:
    await begin(scene, "listen")
    await scene.heard(a3={"caller", "a1"})
    await take_over(scene)
    await scene.heard(caller={"a3"}, a3={"caller"})
    await scene.lose("a3")
    await scene.fact("HLAgain", Uniqueid=scene.call)
    await scene.pbx.sign_in(scene.commands, "a2")
    await scene.heard(caller={"a2"}, a2={"caller"})
