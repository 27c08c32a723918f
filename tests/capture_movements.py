"""Movements of a call as captures: what tests.capture records beside its own. The scenes are those of the tests."""

from hotline.telephony import actions
from tests.capture_plays import Plays
from tests.integration.scene import Scene
from tests.integration.voice import until


async def _answered(scene: Scene) -> None:
    await scene.answered()


MOVEMENTS = Plays(_answered, park_s=5)
play = MOVEMENTS.play


@play("held-and-resumed")
async def held(scene: Scene) -> None:
    scene.phones["a1"].hold(True)
    await scene.heard(caller={"music"})
    scene.phones["a1"].hold(False)
    await scene.heard(caller={"a1"})
    scene.phones["a1"].hang_up()


@play("consult-back")
async def back(scene: Scene) -> None:
    await scene.consulted()
    await scene.back()
    await scene.heard(caller={"a1"}, a1={"caller"})
    scene.phones["a1"].hang_up()


@play("consult-completed")
async def completed(scene: Scene) -> None:
    await scene.consulted()
    await scene.complete()
    await scene.heard(caller={"a2"}, a2={"caller"})
    scene.phones["a2"].hang_up()


@play("consult-conference")
async def conference(scene: Scene) -> None:
    await scene.consulted()
    await scene.conference()
    await scene.heard(caller={"a1", "a2"})
    scene.phones["a1"].hang_up()
    await scene.heard(caller={"a2"}, a2={"caller"})
    scene.phones["a2"].hang_up()


@play("conference-caller-hangs-up")
async def conference_over(scene: Scene) -> None:
    await scene.consulted()
    await scene.conference()
    await scene.heard(caller={"a1", "a2"})
    scene.caller.hang_up()


@play("conference-held")
async def conference_held(scene: Scene) -> None:
    await scene.consulted()
    await scene.conference()
    await scene.heard(caller={"a1", "a2"})
    await scene.move(actions.redirect(scene.call, "hl-wait", "held"))
    await scene.heard(caller={"music"}, a1={"a2"})
    await scene.move(actions.redirect(scene.call, "hl-room", "caller"))
    await scene.heard(caller={"a1", "a2"})
    scene.caller.hang_up()


async def _three(scene: Scene) -> None:
    await scene.consulted()
    await scene.conference()
    await scene.heard(caller={"a1", "a2"})


@play("conference-asks-back")
async def asks_back(scene: Scene) -> None:
    """One of three asks somebody else; the caller and the third hear nothing of it."""
    await _three(scene)
    await scene.consult_among("a1", "a3")
    await scene.heard(caller={"a2"}, a2={"caller"}, a1={"a3"}, a3={"a1"})
    await scene.back()
    await scene.heard(caller={"a1", "a2"}, a1={"caller", "a2"})
    scene.caller.hang_up()


@play("conference-asks-and-brings")
async def asks_and_brings(scene: Scene) -> None:
    await _three(scene)
    await scene.consult_among("a1", "a3")
    await scene.heard(caller={"a2"}, a1={"a3"})
    await scene.conference("a1", "a3")
    await scene.heard(caller={"a1", "a2", "a3"}, a3={"caller", "a1", "a2"})
    scene.phones["a1"].hang_up()
    await scene.heard(caller={"a2", "a3"})
    scene.phones["a2"].hang_up()
    await scene.heard(caller={"a3"}, a3={"caller"})
    scene.phones["a3"].hang_up()


@play("conference-asks-in-vain", a3={"refuses": "603 Decline"})
async def asks_in_vain(scene: Scene) -> None:
    await _three(scene)
    await scene.consult_among("a1", "a3")
    await scene.fact("HLMove", HLWhat="returns")
    await scene.heard(caller={"a1", "a2"}, a1={"caller", "a2"})
    scene.phones["a2"].hang_up()
    await scene.heard(caller={"a1"}, a1={"caller"})
    scene.phones["a1"].hang_up()


@play("conference-asks-and-others-leave")
async def asks_and_others_leave(scene: Scene) -> None:
    """Whoever stayed with the caller goes: music, and the one who asks comes back to them."""
    await _three(scene)
    await scene.consult_among("a1", "a3")
    await scene.heard(caller={"a2"}, a1={"a3"})
    scene.phones["a2"].hang_up()
    await scene.heard(caller={"music"}, a1={"a3"})
    await scene.back()
    await scene.heard(caller={"a1"}, a1={"caller"})
    scene.phones["a1"].hang_up()


@play("conference-asks-caller-hangs-up")
async def asks_caller_hangs_up(scene: Scene) -> None:
    """They go on with whom they ask, to whom something was said that must be said to its end."""
    await _three(scene)
    await scene.consult_among("a1", "a3")
    await scene.heard(caller={"a2"}, a1={"a3"})
    scene.caller.hang_up()
    await until(scene.phones["a2"].ended.is_set, "who was with the caller is let go")
    await scene.heard(a1={"a3"}, a3={"a1"})
    scene.phones["a3"].hang_up()
    await until(scene.phones["a1"].ended.is_set, "the asking leg ends")


@play("consult-rejected", a2={"refuses": "603 Decline"})
async def rejected(scene: Scene) -> None:
    await scene.consult("a1", "a2")
    await scene.fact("HLMove", HLWhat="back")
    await scene.heard(caller={"a1"}, a1={"caller"})
    scene.caller.hang_up()


@play("consult-colleague-hangs-up")
async def colleague_hangs_up(scene: Scene) -> None:
    await scene.consulted()
    scene.phones["a2"].hang_up()
    await scene.fact("HLMove", HLWhat="back")
    await scene.heard(caller={"a1"}, a1={"caller"})
    scene.caller.hang_up()


@play("consult-withdrawn", a2={"answers": None})
async def withdrawn(scene: Scene) -> None:
    await scene.consult("a1", "a2")
    await scene.rings("a2")
    await scene.heard(caller={"music"})
    await scene.back()
    await scene.heard(caller={"a1"}, a1={"caller"})
    scene.caller.hang_up()


@play("consult-agent-lost")
async def agent_lost(scene: Scene) -> None:
    await scene.consulted()
    await scene.lose("a1")
    await scene.fact("HLAgain")
    await scene.pbx.sign_in(scene.commands, "a3")
    await scene.heard(caller={"a3"})
    scene.phones["a3"].hang_up()


@play("consult-caller-hangs-up")
async def caller_hangs_up(scene: Scene) -> None:
    await scene.consulted()
    scene.caller.hang_up()
    await scene.heard(a1={"a2"}, a2={"a1"})
    scene.phones["a2"].hang_up()
    await until(scene.phones["a1"].ended.is_set, "the asking leg ends")


@play("consult-outside-conference")
async def outside(scene: Scene) -> None:
    await scene.consult("a1", "out-110")
    await scene.heard(caller={"music"}, a1={"110"})
    await scene.conference(to="110", place="party")
    await scene.heard(caller={"a1", "110"})
    scene.phones["a1"].hang_up()
    await scene.heard(caller={"110"})
    scene.caller.hang_up()


@play("consult-outside-completed")
async def outside_completed(scene: Scene) -> None:
    await scene.consult("a1", "out-110")
    await scene.heard(caller={"music"}, a1={"110"})
    await scene.complete(to="110", place="party")
    await scene.heard(caller={"110"})
    scene.caller.hang_up()


@play("blind-transfer")
async def blind(scene: Scene) -> None:
    await scene.give("a2")
    await scene.heard(caller={"a2"}, a2={"caller"})
    scene.phones["a2"].hang_up()


@play("blind-transfer-rejected", a2={"refuses": "603 Decline"})
async def blind_rejected(scene: Scene) -> None:
    await scene.give("a2")
    await scene.fact("HLAgain")
    await scene.pbx.sign_in(scene.commands, "a3")
    await scene.heard(caller={"a3"})
    scene.phones["a3"].hang_up()


@play("blind-transfer-given-up", a2={"answers": None})
async def blind_given_up(scene: Scene) -> None:
    await scene.give("a2")
    await scene.rings("a2")
    scene.caller.hang_up()


@play("blind-transfer-by-phone")
async def refer(scene: Scene) -> None:
    scene.phones["a1"].refer("a2")
    await scene.heard(caller={"a2"}, a2={"caller"})
    scene.phones["a2"].hang_up()


@play("to-queue")
async def to_queue(scene: Scene) -> None:
    await scene.give("queue")
    await scene.fact("HLAgain")
    await scene.pbx.sign_in(scene.commands, "a3")
    await scene.heard(caller={"a3"})
    scene.phones["a3"].hang_up()


@play("parked-and-taken")
async def parked(scene: Scene) -> None:
    await scene.give("parked", context="hl-wait")
    await scene.heard(caller={"music"})
    await scene.move(actions.redirect(scene.call, "hl-transfer", "a3"))
    await scene.heard(caller={"a3"}, a3={"caller"})
    scene.caller.hang_up()


@play("parked-too-long")
async def parked_too_long(scene: Scene) -> None:
    await scene.give("parked", context="hl-wait")
    await scene.fact("HLAgain")
    await scene.pbx.sign_in(scene.commands, "a3")
    await scene.heard(caller={"a3"})
    scene.phones["a3"].hang_up()
