"""Calls that an agent makes as captures, and what becomes of them: what tests.capture records beside its own.

The application asks for the agent's phone; the person outside is, for every movement, what a caller is.
"""

from hotline.telephony import actions
from tests.capture_plays import Plays
from tests.integration.pbx import PHONES, free_port
from tests.integration.scene import Scene
from tests.integration.voice import until

MOBILE, ON_NO_LIST = "13900139000", "0012125550100"
CALL = "pbx1-1799000000.d1"


async def _here(scene: Scene) -> None:
    """Somebody is signed in, or whom nobody has would be sent to the recorder."""
    await scene.pbx.sign_in(scene.commands, "a1")
    await scene.commands.send("QueuePause", Queue="hotline", Interface="PJSIP/a1", Paused="true")


OUTBOUND = Plays(
    _here, park_s=5, outbound_trunk=f"{PHONES}:{free_port(20900)}", outbound_allow="1[3-9]XXXXXXXXX",
    outbound_ring_s=5,
)  # fmt: skip
play = OUTBOUND.play


async def _dials(scene: Scene, number: str = MOBILE, line: str = "12345") -> None:
    await scene.move(
        actions.originate("a1", "hl-dial", number, {"__HLLINE": line}, number, channel_id=CALL, asked="dial")
    )


async def _reached(scene: Scene) -> None:
    """They talk; who was dialled is whom movements move."""
    await _dials(scene)
    await scene.heard(outside={"a1"}, a1={"outside"})
    scene.call = scene.leg("outside")


@play("outbound-answered")
async def answered(scene: Scene) -> None:
    await _reached(scene)
    scene.outside.hang_up()


@play("outbound-call-back")
async def call_back(scene: Scene) -> None:
    """Of a call to the other line: that one is shown."""
    await _dials(scene, line="2912345")
    await scene.heard(outside={"a1"}, a1={"outside"})
    assert "<sip:2912345@" in scene.outside.asked[-1]["from"]
    scene.phones["a1"].hang_up()


@play("outbound-busy", outside={"refuses": "486 Busy Here"})
async def busy(scene: Scene) -> None:
    await _dials(scene)


@play("outbound-rejected", outside={"refuses": "603 Decline"})
async def rejected(scene: Scene) -> None:
    await _dials(scene)


@play("outbound-unknown", outside={"refuses": "404 Not Found"})
async def unknown(scene: Scene) -> None:
    await _dials(scene)


@play("outbound-no-answer", outside={"answers": None})
async def no_answer(scene: Scene) -> None:
    await _dials(scene)


@play("outbound-given-up", outside={"answers": None})
async def given_up(scene: Scene) -> None:
    await _dials(scene)
    await scene.rings("outside")
    scene.phones["a1"].hang_up()


@play("outbound-on-no-list")
async def on_no_list(scene: Scene) -> None:
    await _dials(scene, ON_NO_LIST)


@play("outbound-own-phone-refuses", a1={"refuses": "603 Decline"})
async def own_phone(scene: Scene) -> None:
    await _dials(scene)
    await scene.fact("Hangup", Uniqueid=CALL)


@play("outbound-emergency")
async def emergency(scene: Scene) -> None:
    await _dials(scene, "110")
    await scene.heard(a1={"110"})
    scene.phones["a1"].hang_up()


@play("outbound-held")
async def held(scene: Scene) -> None:
    await _reached(scene)
    scene.phones["a1"].hold(True)
    await scene.heard(outside={"music"})
    scene.phones["a1"].hold(False)
    await scene.heard(outside={"a1"})
    scene.phones["a1"].hang_up()


@play("outbound-consult-back")
async def back(scene: Scene) -> None:
    await _reached(scene)
    await _consulted(scene)
    await scene.back()
    await scene.heard(outside={"a1"}, a1={"outside"})
    scene.phones["a1"].hang_up()


async def _consulted(scene: Scene) -> None:
    await scene.consult("a1", "a2")
    await scene.heard(outside={"music"}, a1={"a2"}, a2={"a1"})


@play("outbound-consult-completed")
async def completed(scene: Scene) -> None:
    await _reached(scene)
    await _consulted(scene)
    await scene.complete()
    await scene.heard(outside={"a2"}, a2={"outside"})
    scene.phones["a2"].hang_up()


@play("outbound-conference")
async def conference(scene: Scene) -> None:
    await _reached(scene)
    await _consulted(scene)
    await scene.conference()
    await scene.heard(outside={"a1", "a2"})
    scene.phones["a1"].hang_up()
    await scene.heard(outside={"a2"}, a2={"outside"})
    scene.phones["a2"].hang_up()


@play("outbound-transferred")
async def transferred(scene: Scene) -> None:
    await _reached(scene)
    await scene.give("a2")
    await scene.heard(outside={"a2"}, a2={"outside"})
    scene.outside.hang_up()


@play("outbound-transfer-rejected", a2={"refuses": "603 Decline"})
async def transfer_rejected(scene: Scene) -> None:
    await _reached(scene)
    await scene.give("a2")
    await scene.fact("HLAgain")
    await _next(scene)


@play("outbound-to-queue")
async def to_queue(scene: Scene) -> None:
    await _reached(scene)
    await scene.give("queue")
    await scene.fact("HLAgain")
    await _next(scene)


@play("outbound-parked-and-taken")
async def parked(scene: Scene) -> None:
    await _reached(scene)
    await scene.give("parked", context="hl-wait")
    await scene.heard(outside={"music"})
    await scene.move(actions.redirect(scene.call, "hl-transfer", "a3"))
    await scene.heard(outside={"a3"}, a3={"outside"})
    scene.outside.hang_up()


@play("outbound-parked-too-long")
async def parked_too_long(scene: Scene) -> None:
    await _reached(scene)
    await scene.give("parked", context="hl-wait")
    await scene.fact("HLAgain")
    await _next(scene)


@play("outbound-phone-lost")
async def phone_lost(scene: Scene) -> None:
    await _reached(scene)
    await scene.lose("a1")
    await scene.fact("HLAgain")
    await _next(scene)


@play("outbound-phone-lost-given-up")
async def phone_lost_given_up(scene: Scene) -> None:
    await _reached(scene)
    await scene.lose("a1")
    await scene.fact("HLAgain")
    await scene.heard(outside={"again"})
    scene.outside.hang_up()
    await until(lambda: len(scene.facts("HLOutcome")) == 2, "both outcomes")


async def _next(scene: Scene) -> None:
    await scene.pbx.sign_in(scene.commands, "a3")
    await scene.heard(outside={"a3"}, a3={"outside"})
    scene.phones["a3"].hang_up()
