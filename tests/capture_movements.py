"""Movements of a call as captures: what tests.capture records beside its own. The scenes are those of the tests."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from hotline.telephony import actions
from tests.integration.pbx import Ami, Pbx
from tests.integration.scene import Scene
from tests.integration.voice import until

Play = Callable[[Scene], Awaitable[None]]
SETTINGS: dict[str, Any] = {"park_s": 5}
_PHONES: dict[str, dict[str, Any]] = {}
_PLAYS: dict[str, Play] = {}


def play(name: str, **phones: Any) -> Callable[[Play], Play]:
    """`phones`: name = arguments of its Voice."""

    def keep(function: Play) -> Play:
        _PLAYS[name], _PHONES[name] = function, phones
        return function

    return keep


def scripts() -> dict[str, tuple[Callable[[Pbx, Ami, Ami], Awaitable[None]], dict[str, Any]]]:
    return {name: (_script(name), SETTINGS) for name in _PLAYS}


def _script(name: str) -> Callable[[Pbx, Ami, Ami], Awaitable[None]]:
    async def run(pbx: Pbx, events: Ami, commands: Ami) -> None:
        async with Scene(pbx, events, commands, **_PHONES[name]) as scene:
            await scene.answered()
            await _PLAYS[name](scene)
            await until(lambda: bool(scene.facts("HLOutcome")), "the outcome", 20)
            await asyncio.sleep(0.5)

    return run


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
