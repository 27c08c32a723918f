"""Invented but lifelike calls in all their movements, for the console's pictures."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from web.views import LegRow, ParkedCall, Talk, Target

TARGETS = [
    Target("queue", "queue", "", "queue", "", "", None, None),
    Target("agent", "agent:6", "江月", "江月 8006", "ready", "ok", None, None),
    Target("agent", "agent:3", "白杨", "白杨 8003", "wrap_up", "ok", None, None),
    Target("agent", "agent:2", "罗晓", "罗晓 8002", "on_call", "ok", None, "On another call."),
    Target("agent", "agent:5", "方圆", "方圆 8005", "paused", "lost", None, "No phone is connected there now."),
    Target("emergency", "place:police", "公安报警 110", "110", "", "", "110", None),
    Target("emergency", "place:ambulance", "医疗急救 120", "120", "", "", "120", None),
    Target("agency", "place:legal-aid", "法律援助", "12348", "", "", "12348", None),
]


def states(ago: Callable[[float], datetime]) -> Mapping[str, Mapping[str, Any]]:
    """By name, what the console is given beside the rest."""
    caller = LegRow("caller", "138****1234", "waiting", ago(24))

    def talk(state: str, *legs: LegRow, with_name: str = "", missed: tuple[str, str] | None = None) -> dict[str, Any]:
        return {"talk": Talk("c", state, with_name, legs, state == "held", missed, state)}

    talking = LegRow("caller", "138****1234", "talking", ago(192))
    parked = [ParkedCall("p1", "1.1", "12345", "139****8820", ago(75), "罗晓", "H-2031-9")]
    return {
        "calling": talk("calling", caller, LegRow("agent", "江月", "ringing", ago(6)), with_name="江月"),
        "consult": talk("consult", caller, LegRow("agent", "江月", "asked", ago(18)), with_name="江月"),
        "conference": talk(
            "conference",
            talking,
            LegRow("party", "公安报警 110", "talking", ago(40)),
            LegRow("agent", "江月", "talking", ago(9)),
        ),
        "asked": talk("asked", caller, LegRow("agent", "罗晓", "asked", ago(18)), with_name="罗晓"),
        "not-reached": talk("talking", talking, missed=("江月", "no_answer")) | {"parked": parked},
        "on-hold": talk("held", LegRow("caller", "138****1234", "held", ago(31))),
        "picker": talk("talking", talking) | {"targets": TARGETS},
    }  # fmt: skip
