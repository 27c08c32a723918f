"""A supervisor on a live call, a phone that another one picks up, and Asterisk's own parking, as captures.

The last two are no part of our dialplan: these Asterisks are given modules that ours has not.
"""

from hotline.telephony import actions
from tests.capture_plays import Plays
from tests.integration.pbx import Pbx
from tests.integration.scene import Scene
from tests.integration.voice import until

ROUND = 1799000000
_LOT = """[general]
[default]
parkext => 700
parkpos => 701-702
context => parkedcalls
findslot => first
parkingtime => 4
comebacktoorigin = yes
comebackdialtime = 5
"""


async def _answered(scene: Scene) -> None:
    await scene.answered()


SUPERVISION = Plays(_answered)
play = SUPERVISION.play


async def _begins(scene: Scene, mode: str) -> None:
    variables = {
        "HLSPIED": scene.leg("a1"), "HLCALL": scene.call, "HLWHOM": scene.call, "HLMEMBER": "a1", "HLBY": "a3",
        "HLREF": "r1", "HLROUND": str(ROUND),
    }  # fmt: skip
    await scene.move(actions.originate("a3", "hl-spy", mode, variables, "12345", asked="supervise"))
    await scene.fact("HLSpy", HLWhat=mode)
    await scene.heard(a3={"caller", "a1"})


async def _switches(scene: Scene, mode: str) -> None:
    await scene.move(actions.redirect(scene.leg("a3"), "hl-spy", mode))
    await scene.fact("HLSpy", HLWhat=mode)


async def _takes_over(scene: Scene) -> None:
    await scene.move(actions.redirect(scene.leg("a3"), "hl-spy", "take-over"))
    away = (scene.leg("a1"), "hl-room", "leave")
    await scene.move(actions.redirect(scene.call, "hl-spy", f"caller-{ROUND}-a3", away))
    await scene.heard(caller={"a3"}, a3={"caller"})


@play("supervised")
async def supervised(scene: Scene) -> None:
    await _begins(scene, "listen")
    await _switches(scene, "whisper")
    await scene.heard(caller={"a1"}, a1={"caller", "a3"})
    await _switches(scene, "join")
    await scene.heard(caller={"a1", "a3"}, a1={"caller", "a3"})
    scene.phones["a3"].hang_up()
    await scene.fact("HLSpy", HLWhat="end")
    await scene.heard(caller={"a1"}, a1={"caller"})
    scene.caller.hang_up()


@play("supervised-in-a-conference")
async def in_a_conference(scene: Scene) -> None:
    await scene.consulted()
    await scene.conference()
    await scene.heard(caller={"a1", "a2"})
    await _begins_among(scene)
    scene.phones["a3"].hang_up()
    await scene.fact("HLSpy", HLWhat="end")
    await scene.heard(caller={"a1", "a2"})
    scene.phones["a1"].hang_up()
    await scene.heard(caller={"a2"}, a2={"caller"})
    scene.caller.hang_up()


async def _begins_among(scene: Scene) -> None:
    """In the caller's own room, as one more in it."""
    variables = {
        "HLSPIED": scene.leg("a1"), "HLCALL": scene.call, "HLWHOM": scene.call, "HLMEMBER": "a1", "HLBY": "a3",
        "HLREF": "r1", "HLROUND": str(ROUND),
    }  # fmt: skip
    await scene.move(actions.originate("a3", "hl-spy", "join", variables, "12345", asked="supervise"))
    await scene.heard(caller={"a1", "a2", "a3"}, a3={"caller", "a1", "a2"})


@play("supervisor-lost")
async def lost(scene: Scene) -> None:
    await _begins(scene, "whisper")
    await scene.lose("a3")
    await scene.fact("HLSpy", HLWhat="end")
    scene.phones["a1"].hang_up()


@play("supervised-agent-hangs-up")
async def agent_hangs_up(scene: Scene) -> None:
    await _begins(scene, "join")
    scene.phones["a1"].hang_up()
    await until(scene.phones["a3"].ended.is_set, "the supervisor is let go")


@play("taken-over")
async def taken_over(scene: Scene) -> None:
    await _begins(scene, "listen")
    await _takes_over(scene)
    scene.phones["a3"].hang_up()


@play("taken-over-then-consult")
async def taken_over_consult(scene: Scene) -> None:
    await _begins(scene, "whisper")
    await _takes_over(scene)
    await scene.consulted("a3", "a2")
    await scene.complete("a3", "a2")
    await scene.heard(caller={"a2"}, a2={"caller"})
    scene.caller.hang_up()


@play("taken-over-and-lost")
async def taken_over_lost(scene: Scene) -> None:
    await _begins(scene, "listen")
    await _takes_over(scene)
    await scene.lose("a3")
    await scene.fact("HLAgain")
    await scene.pbx.sign_in(scene.commands, "a2")
    await scene.heard(caller={"a2"}, a2={"caller"})
    scene.phones["a2"].hang_up()


# What only another dialplan does


async def _with_a_lot(pbx: Pbx) -> None:
    (pbx.asterisk.places.etc / "res_parking.conf").write_text(_LOT)
    for command in (
        "module load res_parking.so",
        "dialplan add include parkedcalls into hl-transfer-phone",
    ):
        await pbx.asterisk.cli(command)


PARKING = Plays(_answered, prepare=_with_a_lot)
lot = PARKING.play


async def _parked(scene: Scene) -> None:
    scene.phones["a1"].refer("700")
    await scene.fact("ParkedCall")
    await scene.heard(caller={"music"})


async def _rings_for(scene: Scene, context: str, exten: str) -> None:
    """a2's own phone, as if it had dialled that."""
    said = await scene.commands.send(
        "Originate", Channel="PJSIP/a2", Context=context, Exten=exten, Priority=1, Async="true"
    )
    assert said["Response"] == "Success", said


@lot("parking-lot-taken")
async def lot_taken(scene: Scene) -> None:
    await _parked(scene)
    await _rings_for(scene, "parkedcalls", "701")
    await scene.heard(caller={"a2"}, a2={"caller"})
    scene.caller.hang_up()


@lot("parking-lot-too-long")
async def lot_too_long(scene: Scene) -> None:
    """It comes back to the phone that parked."""
    await _parked(scene)
    await scene.fact("ParkedCallTimeOut")
    await scene.heard(caller={"a1"}, a1={"caller"})
    scene.caller.hang_up()


@lot("parking-lot-given-up")
async def lot_given_up(scene: Scene) -> None:
    await _parked(scene)
    scene.caller.hang_up()


async def _calls_in(scene: Scene) -> None:
    await scene.pbx.sign_in(scene.commands, "a1")
    await scene.caller.call("12345")
    await scene.rings("a1")


async def _with_pickup(pbx: Pbx) -> None:
    await pbx.asterisk.cli("module load app_directed_pickup.so")


PICKUP = Plays(_calls_in, prepare=_with_pickup)


@PICKUP.play("picked-up", a1={"answers": None})
async def picked_up(scene: Scene) -> None:
    (rung,) = [block for block in scene.facts("Newchannel") if block["Channel"].startswith("PJSIP/a1-")]
    await scene.pbx.asterisk.cli(f"dialplan add extension pick,1,PickupChan({rung['Channel']}) into hl-agents")
    await _rings_for(scene, "hl-agents", "pick")
    await scene.heard(caller={"a2"}, a2={"caller"})
    scene.caller.hang_up()
