"""Hold, consult, conference, transfer and parking in the real Asterisk: who hears whom, and what is told afterwards.

Every movement is one command of ours; nothing of ours runs behind it. So each of these tests is also one of our process
dying right after it.
"""

from typing import Any

import pytest

from hotline.telephony import actions as asked
from tests.integration import sound
from tests.integration.deployment import once
from tests.integration.movement_scene import first_in_line, journal, moves, outcome, pbx, scene, switch
from tests.integration.pbx import Ami, Pbx
from tests.integration.scene import SILENCE, TONES, Scene
from tests.integration.voice import until

__all__ = ["pbx", "scene", "switch"]
pytestmark = [pytest.mark.integration, once("pbx")]


async def test_a_phones_own_hold_gives_music_before_and_after_a_consult_and_the_recording_goes_on(
    scene: Scene,
) -> None:
    await scene.answered(paused=False)
    a1 = scene.phones["a1"]
    a1.hold(True)
    await scene.heard(caller={"music"})
    a1.hold(False)
    await scene.heard(caller={"a1"}, a1={"caller"})
    await scene.consulted()
    await scene.back()
    await scene.heard(caller={"a1"}, a1={"caller"}, a2=SILENCE)
    await until(scene.phones["a2"].ended.is_set, "the colleague is free again")
    a1.hold(True)
    await scene.heard(caller={"music"})
    a1.hold(False)
    await scene.heard(caller={"a1"}, a1={"caller"})
    legs = {fact["Uniqueid"] for fact in scene.facts("Newchannel")}
    a1.hang_up()
    assert await outcome(scene) == ("answered", "agent", "a1")
    assert (await scene.fact("HLWrapUp"))["HLMember"] == "a1"
    assert moves(scene) == [("consult", "a1", "a2"), ("back", "a1", "")]
    assert await journal(scene) == ['{"extra":"consult a1 a2"}', '{"extra":"back a1 -"}']
    # Three legs from beginning to end, all of one call; and one recording, in which nothing of the consult is.
    assert len(legs) == 3
    assert {fact["Linkedid"] for fact in scene.facts("Newchannel")} == {scene.call}
    (recording,) = scene.facts("HLRecording")
    kept = sound.read_wav(scene.pbx.recording(recording))
    halves = [kept[: sound.RATE // 2], kept[-sound.RATE // 2 :]]
    assert all(sound.level(half, TONES[who]) > 2000 for half in halves for who in ("caller", "a1"))
    assert sound.level(kept, TONES["a2"]) < 50


async def test_a_consult_that_is_completed_gives_the_caller_to_the_colleague(scene: Scene) -> None:
    await scene.answered(paused=False)
    await scene.consulted()
    assert "x-hotline-call" in scene.phones["a2"].asked[0]
    assert scene.phones["a2"].asked[0]["x-hotline-call"] == scene.call
    await scene.complete()
    await scene.heard(caller={"a2"}, a2={"caller"}, a1=SILENCE)
    assert (await scene.fact("HLWrapUp"))["HLMember"] == "a1"
    assert scene.phones["a1"].ended.is_set()
    assert moves(scene) == [("consult", "a1", "a2"), ("room", "a1", "a2")]
    scene.phones["a2"].hang_up()
    assert await outcome(scene) == ("answered", "agent", "a2")
    assert [fact["HLMember"] for fact in scene.facts("HLWrapUp")] == ["a1"]  # a2 is no member


async def test_who_came_in_after_a_leg_that_ends_looked_who_is_left_has_the_caller(scene: Scene) -> None:
    """A colleague's leg says that it has the caller while the first one's, which found nobody else, is ending."""
    await scene.answered()
    await scene.consulted()
    await scene.back()
    await scene.heard(caller={"a1"}, a1={"caller"}, a2=SILENCE)
    (caller,) = {fact["Channel"] for fact in scene.facts("Newchannel") if fact["Uniqueid"] == scene.call}
    await scene.commands.send("Setvar", Channel=caller, Variable="SHARED(HLMEMBER)", Value="a2")
    scene.phones["a1"].hang_up()
    assert await outcome(scene) == ("answered", "agent", "a2")


async def test_three_talk_and_who_leaves_ends_nothing_for_the_others(scene: Scene) -> None:
    """The last one's phone dies: then the caller is first in line, though the other said goodbye."""
    await scene.answered()
    await scene.consulted()
    await scene.conference()
    await scene.heard(caller={"a1", "a2"}, a1={"caller", "a2"}, a2={"caller", "a1"})
    scene.phones["a1"].hang_up()
    await scene.heard(caller={"a2"}, a2={"caller"})
    await scene.lose("a2")
    await first_in_line(scene)
    scene.phones["a3"].hang_up()
    assert await outcome(scene) == ("answered", "agent", "a3")


async def three(scene: Scene) -> None:
    await scene.answered()
    await scene.consulted()
    await scene.conference()
    await scene.heard(caller={"a1", "a2"}, a1={"caller", "a2"}, a2={"caller", "a1"})


async def test_one_of_three_asks_somebody_else_and_the_caller_hears_nothing_of_it(scene: Scene) -> None:
    await three(scene)
    await scene.consult_among("a1", "a3")
    await scene.heard(caller={"a2"}, a2={"caller"}, a1={"a3"}, a3={"a1"})
    await scene.back()
    await scene.heard(caller={"a1", "a2"}, a1={"caller", "a2"}, a3=SILENCE)
    # Asked again, and brought in: four.
    await scene.consult_among("a1", "a3")
    await scene.heard(caller={"a2"}, a1={"a3"})
    await scene.conference("a1", "a3")
    await scene.heard(caller={"a1", "a2", "a3"}, a3={"caller", "a1", "a2"})
    scene.caller.hang_up()
    for phone in ("a1", "a2", "a3"):
        await until(scene.phones[phone].ended.is_set, f"{phone} is let go")
    assert (await outcome(scene))[:2] == ("answered", "caller")
    told = [(fact["HLWhat"], fact["HLBy"], fact["HLTo"]) for fact in scene.facts("HLMove")]
    assert told[2:] == [("asks", "a1", "a3"), ("returns", "a1", "")] * 2
    # One part, from the answer to the end: what was spoken elsewhere is in none.
    assert len(scene.facts("HLRecording")) == 1


async def test_a_caller_whose_others_leave_while_one_asks_waits_for_that_one(scene: Scene) -> None:
    await three(scene)
    await scene.consult_among("a1", "a3")
    await scene.heard(caller={"a2"}, a1={"a3"})
    scene.phones["a2"].hang_up()
    await scene.heard(caller={"music"}, a1={"a3"}, a3={"a1"})
    await scene.back()
    await scene.heard(caller={"a1"}, a1={"caller"})
    scene.phones["a1"].hang_up()
    assert await outcome(scene) == ("answered", "agent", "a1")


async def test_a_caller_who_hangs_up_while_one_of_three_asks_leaves_them_their_word(scene: Scene) -> None:
    await three(scene)
    await scene.consult_among("a1", "a3")
    await scene.heard(caller={"a2"}, a1={"a3"})
    scene.caller.hang_up()
    await until(scene.phones["a2"].ended.is_set, "who was with the caller is let go")
    await scene.heard(a1={"a3"}, a3={"a1"})
    scene.phones["a3"].hang_up()
    await until(scene.phones["a1"].ended.is_set, "the asking leg ends")
    assert (await outcome(scene))[:2] == ("answered", "caller")


async def test_one_of_three_who_asks_and_is_lost_leaves_the_caller_with_the_others(scene: Scene) -> None:
    await three(scene)
    await scene.consult_among("a1", "a3")
    await scene.heard(caller={"a2"}, a1={"a3"})
    await scene.lose("a1")
    await until(scene.phones["a3"].ended.is_set, "who was asked is let go")
    await scene.heard(caller={"a2"}, a2={"caller"})
    scene.phones["a2"].hang_up()
    assert await outcome(scene) == ("answered", "agent", "a2")


async def test_the_last_of_three_says_goodbye(scene: Scene) -> None:
    """Though the other's phone died: the caller was not left alone."""
    await scene.answered()
    await scene.consulted()
    await scene.conference()
    await scene.heard(caller={"a1", "a2"})
    await scene.lose("a1")
    await scene.heard(caller={"a2"}, a2={"caller"})
    scene.phones["a2"].hang_up()
    assert await outcome(scene) == ("answered", "agent", "a2")
    await until(scene.caller.ended.is_set, "the call is over")


async def test_a_caller_who_hangs_up_after_one_of_three_was_lost_was_answered(scene: Scene) -> None:
    await scene.answered()
    await scene.consulted()
    await scene.conference()
    await scene.heard(caller={"a1", "a2"})
    await scene.lose("a1")
    await scene.heard(caller={"a2"}, a2={"caller"})
    scene.caller.hang_up()
    assert await outcome(scene) == ("answered", "caller", "a2")


async def test_a_conference_ends_when_the_caller_leaves_and_can_go_on_without_them_for_a_while(scene: Scene) -> None:
    await scene.answered()
    await scene.consulted()
    await scene.conference()
    await scene.heard(caller={"a1", "a2"})
    await scene.move(asked.redirect(scene.call, "hl-wait", "held"))
    await scene.heard(caller={"music"}, a1={"a2"}, a2={"a1"})
    await scene.move(asked.redirect(scene.call, "hl-room", "caller"))
    await scene.heard(caller={"a1", "a2"}, a1={"caller", "a2"}, a2={"caller", "a1"})
    scene.caller.hang_up()
    await until(lambda: all(scene.phones[name].ended.is_set() for name in ("a1", "a2")), "both phones are free", 3)
    assert (await outcome(scene))[:2] == ("answered", "caller")
    assert [fact["HLMember"] for fact in scene.facts("HLWrapUp")] == []  # paused already, or no member


@pytest.mark.parametrize("why", ["busy", "absent", "rejects", "hangs up at once", "withdrawn while it rings"])
async def test_a_colleague_who_is_not_reached_brings_agent_and_caller_together_again(
    pbx: Pbx, events: Ami, actions: Ami, why: str
) -> None:
    colleague: dict[str, Any] = {"answers": None} if why == "withdrawn while it rings" else {"answers": 0.1}
    if why == "rejects":
        colleague["refuses"] = "603 Decline"
    async with Scene(pbx, events, actions, a2=colleague) as scene:
        if why == "busy":
            await busy(scene)
        await scene.answered()
        await scene.consult("a1", "zz9" if why == "absent" else "a2")
        if why == "hangs up at once":
            await until(scene.phones["a2"].up.is_set, "the colleague answered")
            scene.phones["a2"].hang_up()
        if why == "withdrawn while it rings":
            await scene.rings("a2")
            await scene.heard(caller={"music"})
            await scene.back()
            await until(scene.phones["a2"].ended.is_set, "the colleague's phone is quiet")
        await scene.fact("HLMove", HLWhat="back")
        await scene.heard(caller={"a1"}, a1={"caller"})
        scene.caller.hang_up()
        assert await outcome(scene) == ("answered", "caller", "a1")
        assert [what for what, _, _ in moves(scene)] == ["consult", "back"]


async def busy(scene: Scene) -> None:
    """a2 talks with somebody else."""
    await scene.move(asked.originate("a2", "hl-control", "stay"))
    await until(scene.phones["a2"].up.is_set, "a2 talks")


@pytest.mark.parametrize("how", ["phone lost", "hung up"])
async def test_whose_agent_is_gone_during_a_consult_is_first_in_line(scene: Scene, how: str) -> None:
    await scene.answered()
    await scene.consulted()
    if how == "phone lost":
        await scene.lose("a1")
    else:
        scene.phones["a1"].hang_up()
    await first_in_line(scene)
    await until(scene.phones["a2"].ended.is_set, "the colleague is free again")


async def test_a_caller_who_hangs_up_during_a_consult_was_answered_and_the_agents_may_finish(scene: Scene) -> None:
    await scene.answered()
    await scene.consulted()
    scene.caller.hang_up()
    assert await outcome(scene) == ("answered", "caller", "a1")
    await scene.heard(a1={"a2"}, a2={"a1"})
    scene.phones["a2"].hang_up()
    await until(scene.phones["a1"].ended.is_set, "the asking leg ends by itself")


async def test_the_agents_goodbye_counts_though_who_was_asked_had_hung_up_before(scene: Scene) -> None:
    """Asterisk keeps the first that hung up as the source of every later end of that leg."""
    await scene.answered(paused=False)
    await scene.consulted()
    scene.phones["a2"].hang_up()
    await scene.fact("HLMove", HLWhat="back")
    await scene.heard(caller={"a1"}, a1={"caller"})
    scene.phones["a1"].hang_up()
    assert await outcome(scene) == ("answered", "agent", "a1")
    assert (await scene.fact("HLWrapUp"))["HLMember"] == "a1"
    await until(scene.caller.ended.is_set, "the call is over")


async def test_the_agents_goodbye_counts_though_the_third_had_left_while_the_caller_was_on_hold(scene: Scene) -> None:
    await scene.answered()
    await scene.consulted()
    await scene.conference()
    await scene.heard(caller={"a1", "a2"})
    await scene.move(asked.redirect(scene.call, "hl-wait", "held"))
    await scene.heard(caller={"music"}, a1={"a2"}, a2={"a1"})
    scene.phones["a2"].hang_up()
    await scene.heard(a1=SILENCE)
    await scene.move(asked.redirect(scene.call, "hl-room", "caller"))
    await scene.heard(caller={"a1"}, a1={"caller"})
    scene.phones["a1"].hang_up()
    assert await outcome(scene) == ("answered", "agent", "a1")


async def test_a_phone_that_is_lost_after_who_was_asked_had_hung_up_makes_the_caller_first_in_line(
    scene: Scene,
) -> None:
    await scene.answered()
    await scene.consulted()
    scene.phones["a2"].hang_up()
    await scene.fact("HLMove", HLWhat="back")
    await scene.heard(caller={"a1"}, a1={"caller"})
    await scene.lose("a1")
    await first_in_line(scene)


async def test_both_hang_up_while_a_consult_is_completed(scene: Scene) -> None:
    """The worst moment: the caller is told that somebody comes, and nobody does."""
    await scene.answered()
    await scene.consulted()
    await scene.complete()
    scene.phones["a2"].hang_up()
    # Before the caller had them: first in line. A moment later: a goodbye. Never silence.
    await until(lambda: bool(scene.facts("HLAgain") or scene.facts("HLOutcome")), "the caller is not left alone", 3)


async def test_a_blind_transfer_rings_the_colleague_who_then_has_the_call(scene: Scene) -> None:
    await scene.answered(paused=False)
    await scene.give("a2")
    await scene.heard(caller={"a2"}, a2={"caller"}, a1=SILENCE)
    assert scene.phones["a2"].asked[0]["x-hotline-call"] == scene.call
    assert scene.phones["a1"].ended.is_set()
    assert (await scene.fact("HLWrapUp"))["HLMember"] == "a1"
    assert moves(scene) == [("transfer", "a1", "a2")]
    # And from there on as with any agent: a consult, and back.
    await scene.consulted("a2", "a3")
    await scene.back("a2")
    await scene.heard(caller={"a2"}, a2={"caller"}, a3=SILENCE)
    scene.phones["a2"].hang_up()
    assert await outcome(scene) == ("answered", "agent", "a2")


@pytest.mark.parametrize("why", ["busy", "absent", "rejects", "phone lost later"])
async def test_a_transfer_that_reaches_nobody_makes_the_caller_first_in_line(
    pbx: Pbx, events: Ami, actions: Ami, why: str
) -> None:
    colleague = {"refuses": "486 Busy Here"} if why == "rejects" else {}
    async with Scene(pbx, events, actions, a2=colleague) as scene:
        if why == "busy":
            await busy(scene)
        await scene.answered()
        await scene.give("zz9" if why == "absent" else "a2")
        if why == "phone lost later":
            await scene.heard(caller={"a2"}, a2={"caller"})
            await scene.lose("a2")
        await first_in_line(scene)


async def test_a_caller_who_gives_up_while_the_colleague_rings_is_owed_a_call(
    pbx: Pbx, events: Ami, actions: Ami
) -> None:
    async with Scene(pbx, events, actions, a2={"answers": None}) as scene:
        await scene.answered()
        await scene.give("a2")
        await scene.rings("a2")
        await scene.heard(caller={"music"})
        scene.caller.hang_up()
        assert (await outcome(scene))[:2] == ("abandoned", "caller")
        await until(scene.phones["a2"].ended.is_set, "the colleague's phone is quiet")


async def test_who_is_asked_and_still_rings_can_be_given_the_caller(pbx: Pbx, events: Ami, actions: Ami) -> None:
    """The agent does not wait until the colleague answers. Their phone rings on, for the caller now."""
    async with Scene(pbx, events, actions, a2={"answers": 1.0}) as scene:
        await scene.answered()
        await scene.consult("a1", "a2")
        await scene.rings("a2")
        await scene.fact("HLMove", HLWhat="consult")
        await scene.give("a2")
        await scene.heard(caller={"a2"}, a2={"caller"}, a1=SILENCE)
        assert moves(scene) == [("consult", "a1", "a2"), ("transfer", "a1", "a2")]


async def test_back_into_the_queue_first_in_line(scene: Scene) -> None:
    await scene.answered()
    await scene.give("queue")
    await first_in_line(scene)
    assert moves(scene) == [("queue", "a1", "queue")]


async def test_a_parked_caller_hears_music_until_somebody_takes_them(scene: Scene) -> None:
    await scene.answered()
    await scene.give("parked", context="hl-wait")
    await scene.heard(caller={"music"})
    assert scene.phones["a1"].ended.is_set()
    await scene.move(asked.redirect(scene.call, "hl-transfer", "a3"))
    await scene.heard(caller={"a3"}, a3={"caller"})
    assert moves(scene) == [("parked", "a1", ""), ("transfer", "a1", "a3")]
    scene.caller.hang_up()
    assert await outcome(scene) == ("answered", "caller", "a3")


async def test_a_parked_caller_who_gives_up_is_owed_a_call(scene: Scene) -> None:
    await scene.answered()
    await scene.give("parked", context="hl-wait")
    await scene.heard(caller={"music"})
    scene.caller.hang_up()
    assert (await outcome(scene))[:2] == ("abandoned", "caller")


async def test_a_parked_caller_whom_nobody_takes_is_first_in_line_when_the_time_is_over(scene: Scene) -> None:
    await scene.answered()
    await scene.give("parked", context="hl-wait")
    await scene.heard(caller={"music"})
    await first_in_line(scene)


async def test_asterisk_has_nothing_to_complain_of_after_all_that(pbx: Pbx) -> None:
    """But of who went in that very moment: a caller between being looked for and told, a phone that still rang between
    two of its caller's frames. No step does both.
    """
    expected = ("func_global.c: Channel 'PJSIP/trunk-", "app_dial.c: Unable to forward frametype 2 on PJSIP/a")
    assert [line for line in pbx.log_complaints() if not any(why in line for why in expected)] == []
