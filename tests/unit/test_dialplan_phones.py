"""What the rendered dialplan lets a phone do: its own transfer, and a number that rings instead of the page."""

import re
from pathlib import Path

import pytest

from hotline.ivr import render
from hotline.settings import Settings


def settings(**changes: str) -> Settings:
    return Settings(data_dir=Path("/var/lib/hotline"), open="calendar", **changes)  # type: ignore[arg-type]


def _steps(name: str, exten: str) -> list[str]:
    """Applications of one extension, as written, without labels."""
    text = render.texts(settings(outbound_trunk="10.1.2.3"))["extensions.conf"]
    context = re.split(r"^\[", text.split(f"\n[{name}]\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    lines = f"\n{context}".split(f"\nexten => {exten},1,")[1].split("\nexten => ")[0].splitlines()
    first, *others = [line for line in lines if line and not line.lstrip().startswith(";")]
    return [first, *(line.partition("n")[2].partition(",")[2] for line in others)]


def test_a_phones_own_transfer_finds_colleagues_and_the_queue_and_no_number() -> None:
    text = render.texts(settings(outbound_trunk="10.1.2.3"))["extensions.conf"]
    assert set(re.findall(r"TRANSFER_CONTEXT=([^)]+)\)", text)) == {"hl-transfer-phone"}
    place = text.split("\n[hl-transfer-phone]\n")[1].split("\n[")[0]
    assert re.findall(r"^exten => ([^,]+),", place, re.MULTILINE) == ["queue", "_[a-z]."]
    assert not re.search(r"include|hl-(out|way|dial)\b|Goto\(hl-transfer,|out-", place)
    # Whoever is moved is the caller, not somebody outside whom the phone has asked: else two strangers talk through us.
    for exten in ("queue", "_[a-z]."):
        assert _steps("hl-transfer-phone", exten)[0] == 'GotoIf($["${CHANNEL(name)}" = "${HLCALLER}"]?:hl-room,over,1)'
    assert "^(outside|trunk)$" in place
    assert "exten => _X." not in text.split("\n[hl-transfer]\n")[1].split("\n[")[0]


@pytest.mark.parametrize(
    ("place", "exten"),
    [("hl-dial", "_[0-9]!"), ("hl-spy", "listen"), ("hl-spy", "whisper"), ("hl-spy", "join")],
)
def test_a_number_that_rings_instead_of_the_page_presses_1_first_of_all(place: str, exten: str) -> None:
    assert _steps(place, exten)[0] == "Gosub(hl-outside,s,1)"


def test_who_is_asked_on_a_number_outside_presses_1_before_the_agent_is_heard() -> None:
    (dial,) = [step for step in _steps("hl-consult", "_[a-z].") if step.startswith("Dial(")]
    assert dial.endswith("gb(hl-consulted^s^1)U(hl-outside))")


def test_a_page_is_never_asked_for_1_and_a_number_once() -> None:
    asked = _steps("hl-outside", "s")
    assert asked[0] == 'GotoIf($["${HLOUTSIDE}" = "1" & "${HLAGREED}" != "1"]?:agreed)'
    assert asked.index("Set(HLAGREED=1)") > asked.index("Read(HLKEY,dial,1,i,1,8)")


def test_nobody_has_the_caller_until_1_is_pressed() -> None:
    steps = _steps("hl-member", "s")
    asks = steps.index("Set(SHARED(HLASKING,${HLCALLER})=1)")
    pressed = steps.index("Gosub(hl-outside,s,1)")
    over = steps.index('ExecIf($["${CHANNEL_EXISTS(${HLCALLER})}" = "1"]?Set(SHARED(HLASKING,${HLCALLER})=))')
    assert asks < pressed < over < steps.index("Gosub(hl-legs,with,1)")
    assert "Set(SHARED(HLASKING)=)" in _steps("hl-nobody", "s")
    (answered,) = [step for step in _steps("hl-end", "s") if "MEMBERINTERFACE}${SHARED" in step]
    assert '"${SHARED(HLASKING)}" = "1"]?who)' in answered
