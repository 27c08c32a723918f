"""Numbers outside in movements, in the real Asterisk: police, lawyers, numbers that are not allowed, calls that agents
make.
"""

import pytest

from hotline.telephony import actions as asked
from tests.integration.deployment import once
from tests.integration.movement_scene import first_in_line, kept, moves, outcome, pbx, scene, switch
from tests.integration.pbx import Ami, Pbx
from tests.integration.scene import SILENCE, Scene
from tests.integration.voice import until

__all__ = ["pbx", "scene", "switch"]
pytestmark = [pytest.mark.integration, once("pbx")]


async def test_police_join_and_stay(scene: Scene) -> None:
    """The practice extension answers for 110; the agent goes, caller and police talk on."""
    await scene.answered()
    await scene.consult("a1", "out-110")
    await scene.heard(caller={"music"}, a1={"110"})
    await scene.conference(to="110", place="party")
    await scene.heard(caller={"a1", "110"}, a1={"caller", "110"})
    scene.phones["a1"].hang_up()
    await scene.heard(caller={"110"})
    scene.caller.hang_up()
    assert await outcome(scene) == ("answered", "caller", "a1")
    assert moves(scene)[0] == ("consult", "a1", "outside")


async def test_what_is_said_to_a_lawyer_is_not_kept(scene: Scene) -> None:
    """12348 is marked privileged in the directory."""
    await scene.answered()
    await scene.consult("a1", "out-12348")
    await scene.heard(caller={"music"}, a1={"outside"}, outside={"a1"})
    await scene.complete(to="outside", place="party")
    await scene.heard(caller={"outside"}, outside={"caller"}, a1=SILENCE)
    assert moves(scene) == [("consult", "a1", "outside"), ("room", "a1", "outside")]
    scene.phones["outside"].hang_up()
    assert await outcome(scene) == ("answered", "agent", "a1")
    assert kept(scene) == [{"caller", "a1"}]


async def test_what_others_outside_say_is_kept(scene: Scene) -> None:
    await scene.answered()
    await scene.consult("a1", "out-12355")
    await scene.heard(caller={"music"}, a1={"outside"})
    await scene.conference(to="outside", place="party")
    await scene.heard(caller={"a1", "outside"}, a1={"caller", "outside"}, outside={"caller", "a1"})
    scene.phones["a1"].hang_up()
    await scene.heard(caller={"outside"}, outside={"caller"})
    scene.phones["outside"].hang_up()
    assert await outcome(scene) == ("answered", "agent", "a1")
    assert kept(scene) == [{"caller", "a1", "outside"}]


async def test_after_a_lawyer_who_is_not_reached_the_recording_goes_on(pbx: Pbx, events: Ami, actions: Ami) -> None:
    """First asked, then given the caller: both times busy."""
    async with Scene(pbx, events, actions, outside={"refuses": "486 Busy Here"}) as scene:
        await scene.answered()
        await scene.consult("a1", "out-12348")
        await scene.fact("HLMove", HLWhat="back")
        await scene.heard(caller={"a1"}, a1={"caller"})
        await scene.give("out-12348")
        await first_in_line(scene)
        scene.phones["a3"].hang_up()
        assert await outcome(scene) == ("answered", "agent", "a3")
        assert kept(scene) == [{"caller", "a1"}, {"caller", "a3"}]


async def test_a_number_that_is_not_allowed_is_not_reached_and_the_agent_is_back(scene: Scene) -> None:
    await scene.answered()
    await scene.consult("a1", "out-0013800138000")
    await scene.fact("HLMove", HLWhat="back")
    await scene.heard(caller={"a1"}, a1={"caller"})


async def test_a_call_out_is_over_for_all_agents_on_it_when_the_person_leaves(scene: Scene) -> None:
    """As a call in: two who were with them do not stay behind with each other."""
    made = "pbx1-1.d101"
    await scene.move(asked.originate("a1", "hl-dial", "12355", {"__HLLINE": "12345"}, channel_id=made, asked="dial"))
    await scene.heard(a1={"outside"}, outside={"a1"})
    scene.call = scene.leg("outside")
    await scene.consult("a1", "a2")
    await scene.heard(outside={"music"}, a1={"a2"}, a2={"a1"})
    await scene.conference()
    await scene.heard(outside={"a1", "a2"}, a1={"outside", "a2"}, a2={"outside", "a1"})
    scene.phones["outside"].hang_up()
    await until(lambda: all(scene.phones[name].ended.is_set() for name in ("a1", "a2")), "both phones are free", 3)
    told = await scene.fact("HLOutcome", Uniqueid=made)
    assert (told["HLOutcome"], told["HLHangupBy"], told["HLMember"]) == ("answered", "caller", "a1")


async def test_a_person_called_who_is_given_to_the_queue_and_gives_up_there_was_not_helped(scene: Scene) -> None:
    """As a caller in the same place; else nobody would call them again."""
    await scene.pbx.sign_in(scene.commands, "a2")
    await scene.commands.send("QueuePause", Queue="hotline", Interface="PJSIP/a2", Paused="true")
    made = "pbx1-1.d102"
    await scene.move(asked.originate("a1", "hl-dial", "12355", {"__HLLINE": "12345"}, channel_id=made, asked="dial"))
    await scene.heard(a1={"outside"}, outside={"a1"})
    scene.call = scene.leg("outside")
    await scene.give("queue")
    await scene.heard(outside={"again"})
    scene.phones["outside"].hang_up()
    told = await scene.fact("HLOutcome", Uniqueid=scene.call)
    assert (told["HLOutcome"], told["HLHangupBy"]) == ("abandoned", "caller")


async def test_a_lawyer_does_not_come_into_a_conference_that_is_recorded(scene: Scene) -> None:
    """Asked out of one they may be, and nothing of that is kept; brought in they would be heard on the recording."""
    await scene.answered()
    await scene.consulted()
    await scene.conference()
    await scene.heard(caller={"a1", "a2"})
    await scene.consult_among("a1", "out-12348")
    await scene.heard(caller={"a2"}, a1={"outside"}, outside={"a1"})
    await scene.conference(to="outside", place="party")
    await until(scene.phones["outside"].ended.is_set, "the lawyer is let go")
    await scene.heard(caller={"a1", "a2"}, a1={"caller", "a2"})
    scene.caller.hang_up()
    assert (await outcome(scene))[:2] == ("answered", "caller")
    assert all("outside" not in part for part in kept(scene))


async def test_asterisk_has_nothing_to_complain_of_after_all_that(pbx: Pbx) -> None:
    """But of callers who went between being looked for and told: no step does both."""
    expected = "func_global.c: Channel 'PJSIP/trunk-"
    assert [line for line in pbx.log_complaints() if expected not in line] == []
