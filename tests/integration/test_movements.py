"""Hold, consult, transfer, conference and parking in the real Asterisk: who hears whom, and what is told afterwards.

Every movement is one command of ours; nothing of ours runs behind it. So each of these tests is also one of our process
dying right after it.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

import pytest

from hotline.telephony import actions as asked
from hotline.telephony.install import config_home
from tests.integration import sound
from tests.integration.deployment import once
from tests.integration.pbx import PHONES, Ami, Pbx, free_port
from tests.integration.scene import SILENCE, TONES, Scene
from tests.integration.voice import until

pytestmark = [pytest.mark.integration, once("pbx")]
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


def kept(scene: Scene) -> list[set[str]]:
    """Who is heard in each part of the recording."""
    parts = [sound.read_wav(scene.pbx.recording(fact)) for fact in scene.facts("HLRecording")]
    people = ("caller", "a1", "a2", "a3", "outside")
    # A short word in a long part is still some percent of its level.
    return [{who for who in people if sound.level(part, TONES[who]) > 200} for part in parts]


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


async def test_asterisk_has_nothing_to_complain_of_after_all_that(pbx: Pbx) -> None:
    """But of callers who went between being looked for and told: no step does both."""
    expected = "func_global.c: Channel 'PJSIP/trunk-"
    assert [line for line in pbx.log_complaints() if expected not in line] == []
