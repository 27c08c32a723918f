"""Where calls may go outside: what a site allows, what the dialplan then holds, and that nothing else leads out."""

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from hotline.calls import directory
from hotline.errors import Invalid, StartupError
from hotline.ivr import render
from hotline.settings import Settings
from hotline.telephony.files import environment

TRUNK = "127.0.0.9:5070"
MOBILE = "1[3-9]XXXXXXXXX"


def settings(**changes: object) -> Settings:
    values: dict[str, object] = {"data_dir": Path("/var/lib/hotline"), "outbound_trunk": TRUNK}
    return Settings(**(values | changes))  # type: ignore[arg-type]


def contexts(**changes: object) -> dict[str, str]:
    """Context → its text."""
    text = re.sub(r"^;.*\n", "", render.texts(settings(**changes))["extensions.conf"], flags=re.MULTILINE)
    parts = re.split(r"^\[([a-z-]+)\]$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def names(context: str) -> list[str]:
    return re.findall(r"^exten => ([^,]+),1,", context, re.MULTILINE)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("110", "110"),
        ("12356", "12356"),
        ("138 0013 8000", "13800138000"),
        ("+86 138-0013-8000", "13800138000"),
        (" 0571110 ", "0571110"),
    ],
)
def test_a_number_that_may_be_dialled_is_its_digits(typed: str, number: str) -> None:
    assert directory.allowed(settings(outbound_allow=MOBILE), typed) == number


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "no telephone number"),
        ("abc", "no telephone number"),
        ("13800138000,2", "no telephone number"),
        ("*72138", "no telephone number"),
        ("+1 212 555 0100", "no telephone number"),
        ("12", "no telephone number"),
        ("0012125550100", "may not be dialled"),
        ("1380013800", "may not be dialled"),
        ("12800138000", "may not be dialled"),
        ("138001380001", "may not be dialled"),
        ("12345", "our own line"),
        ("2912345", "our own line"),
    ],
)
def test_any_other_number_is_refused_with_a_reason(typed: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        directory.allowed(settings(outbound_allow=MOBILE), typed)


def test_nothing_is_allowed_but_the_directory_unless_a_site_says_so() -> None:
    assert directory.allowed(settings(), "12355") == "12355"
    with pytest.raises(Invalid, match="may not be dialled"):
        directory.allowed(settings(), "13800138000")


def test_without_a_trunk_only_emergency_numbers_answer() -> None:
    assert directory.allowed(settings(outbound_trunk=""), "110") == "110"
    with pytest.raises(Invalid, match="No trunk"):
        directory.allowed(settings(outbound_trunk=""), "12355")
    plan = contexts(outbound_trunk="", outbound_allow=MOBILE)
    assert names(plan["hl-listed"]) == names(plan["hl-allowed"]) == []
    assert "@outside" not in "".join(plan.values())


def test_a_target_is_a_place_of_the_directory_or_a_number() -> None:
    assert directory.target(settings(), "place:police") == "110"
    assert directory.target(settings(outbound_allow=MOBILE), "number:13800138000") == "13800138000"
    for unknown in ("place:nowhere", "agent:1", "police", ""):
        with pytest.raises(Invalid, match="no such place"):
            directory.target(settings(), unknown)


def test_every_place_has_both_names_and_the_emergency_numbers_are_the_first_four() -> None:
    found = list(directory.places(settings()).values())
    assert [place.number for place in found[:4]] == ["110", "120", "119", "122"]
    assert all(place.name_zh and place.name_en for place in found)
    assert {place.number for place in found if place.kind == "emergency"} == {"110", "119", "120", "122"}
    # A lawyer's and a doctor's secrets.
    assert {place.number for place in found if place.privileged} == {"12348", "12356"}
    assert directory.places(settings())["police"].name("zh_CN") == "公安 110"


def test_a_site_adds_its_own_places(tmp_path: Path) -> None:
    own = {
        "code": "umc",
        "name_zh": "未保中心值班",
        "name_en": "UMC on duty",
        "number": "057188888888",
        "kind": "agency",
    }
    path = tmp_path / "places.json"
    path.write_text(json.dumps({"places": [own]}))
    with_own = settings(directory=str(path))
    assert list(directory.places(with_own))[-1] == "umc"
    assert directory.allowed(with_own, "0571-8888 8888") == "057188888888"
    assert "057188888888" in names(contexts(directory=str(path))["hl-listed"])


@pytest.mark.parametrize(
    "change",
    [{"number": "00123"}, {"number": "110,1,System(x)"}, {"kind": "pizza"}, {"code": "a b"}, {"name_zh": None}],
)
def test_a_place_that_a_dialplan_cannot_carry_keeps_it_from_starting(change: dict[str, object], tmp_path: Path) -> None:
    own = {"code": "umc", "name_zh": "x", "name_en": "x", "number": "057188888888", "kind": "agency"} | change
    own = {name: value for name, value in own.items() if value is not None}
    path = tmp_path / "places.json"
    path.write_text(json.dumps({"places": [own]}))
    with pytest.raises(StartupError, match="HOTLINE_DIRECTORY"):
        contexts(directory=str(path))


@pytest.mark.parametrize(
    "pattern", ["X.", "1!", "_.", "13", "00XXXXXXXX", "[0-3]XXXXXXX", "XXXXXXX", "1[3-9", "13800138000;x", "1a[0]3"]
)
def test_a_pattern_without_an_end_or_for_numbers_abroad_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        settings(outbound_allow=pattern)


@pytest.mark.parametrize("trunk", ["sip:x", "127.0.0.9:0", "127.0.0.9:99999", "a b", "127.0.0.9:", "x\ny", "-a"])
def test_a_trunk_that_is_no_address_is_refused(trunk: str) -> None:
    with pytest.raises(ValidationError):
        settings(outbound_trunk=trunk)


def test_a_demo_reaches_nobody_and_production_reaches_110() -> None:
    for changes in ({"demo": True, "outbound_trunk": "10.1.2.3"}, {"demo": True, "production": True}):
        with pytest.raises(ValidationError, match="a demo calls nobody outside"):
            settings(**changes)
    with pytest.raises(ValidationError, match="nobody reaches 110"):
        settings(production=True, outbound_trunk="")
    assert settings(demo=True).outbound_trunk == TRUNK


def test_emergency_numbers_are_practice_unless_production_is_switched_on() -> None:
    practice, real = contexts()["hl-emergency"], contexts(production=True)["hl-emergency"]
    assert names(practice) == names(real)
    assert set(names(real)) >= {"110", "_0XX110", "_0XXX110", "119", "120", "122"}
    assert "@outside" not in practice
    assert practice.count("@hl-sandbox") == len(names(practice))
    assert "@hl-sandbox" not in real
    assert real.count("PJSIP/${EXTEN}@outside") == len(names(real))


def test_one_context_leads_out_and_holds_nothing_but_what_is_listed() -> None:
    plan = contexts(outbound_allow=f"{MOBILE},_0571XXXXXXXX,96110")
    ways = {"hl-emergency", "hl-listed", "hl-allowed"}
    assert {name for name, text in plan.items() if "@outside" in text} == {"hl-listed", "hl-allowed"}
    assert names(plan["hl-allowed"]) == [f"_{MOBILE}", "_0571XXXXXXXX", "96110"]
    included = {
        (name, one) for name, text in plan.items() for one in re.findall(r"^include => (\S+)$", text, re.MULTILINE)
    }
    assert {(name, one) for name, one in included if one in ways} == {("hl-out", one) for one in ways}
    assert not [one for one in included if one[1] in {"hl-out", "hl-way", "hl-dial"}]
    # Emergency numbers are looked for first: no pattern of a site can lead 110 elsewhere.
    assert re.findall(r"^include => (\S+)$", plan["hl-out"], re.MULTILINE)[0] == "hl-emergency"
    # Dial() to what hl-out found stands in one place.
    assert [name for name, text in plan.items() if "Dial(${way}" in text] == ["hl-way"]
    for name in ("hl-trunk", "hl-line", "hl-open", "hl-agents"):
        assert "hl-out" not in plan[name]


def test_nobody_comes_in_where_calls_go_out() -> None:
    text = environment().get_template("pjsip.conf.j2").render(settings=settings(), trunks=["127.0.0.9/32"])
    sections = re.findall(r"^\[outside\]\n((?:.+\n)+)", text, re.MULTILINE)
    kinds = [dict(re.findall(r"^(\w+) = (.+)$", one, re.MULTILINE)) for one in sections]
    assert [kind["type"] for kind in kinds] == ["endpoint", "aor"]
    assert kinds[0]["identify_by"] == "ip"
    assert kinds[1]["contact"] == f"sip:{TRUNK}"
