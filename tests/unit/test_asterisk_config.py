"""Rendered configuration: the golden files, and values that must never reach a dialplan."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hotline.errors import Invalid, StartupError, TelephonyError
from hotline.ivr import render
from hotline.ivr.hours import Hours
from hotline.ivr.menu import SPOKEN
from hotline.ivr.prompts import catalogue, missing, used
from hotline.settings import CHECKOUT, Settings
from hotline.telephony import install, ports
from hotline.telephony.asterisk import AmiSecrets, Asterisk
from hotline.telephony.files import agents_text
from hotline.telephony.install import Installation

GOLDEN = CHECKOUT / "tests" / "golden"
SOUNDS = CHECKOUT / "asterisk-config" / "sounds"


def settings(**changes: object) -> Settings:
    values: dict[str, object] = {"data_dir": Path("/var/lib/hotline"), "open": "calendar"}
    return Settings(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def asterisk(monkeypatch: pytest.MonkeyPatch) -> Asterisk:
    """With fixed secrets and an installation that need not be there."""
    made = Asterisk(settings(), render.texts(settings()))
    fixed = Installation(("asterisk",), Path("/usr/lib/asterisk/modules"), Path("/usr/share/asterisk"), "22", False)
    made.__dict__["installation"] = fixed
    monkeypatch.setattr(made, "secrets", lambda: AmiSecrets(events="events-secret", actions="actions-secret"))
    return made


def test_every_file_is_as_agreed(asterisk: Asterisk) -> None:
    """A difference is a change of what Asterisk does: look at it, then copy it to tests/golden on purpose."""
    made = asterisk.files() | {"pjsip_agents.conf": agents_text([("a0f1e2d3c4", "secret-of-this-sign-in")])}
    assert made == {path.name: path.read_text() for path in GOLDEN.glob("*.conf")}


def test_no_dialplan_no_start() -> None:
    with pytest.raises(StartupError, match="no dialplan"):
        Asterisk(settings()).files()


def test_the_same_settings_have_the_same_hash_and_others_another(asterisk: Asterisk) -> None:
    before = asterisk.config_hash()
    assert asterisk.config_hash() == before
    asterisk.texts["extensions.conf"] += "; changed\n"
    assert asterisk.config_hash() != before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data_dir": Path("/tmp/a;b")}, "data directory's path"),
        ({"data_dir": Path("/tmp/a,b")}, "data directory's path"),
        ({"data_dir": Path("/tmp/${EXEC}")}, "data directory's path"),
        ({"data_dir": Path("/tmp/a\nb")}, "data directory's path"),
        ({"data_dir": Path("/tmp/100%d")}, "data directory's path"),
        ({"lines": "１２３４５:5"}, "no telephone number"),
    ],
)
def test_a_value_that_could_become_dialplan_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(StartupError, match=said):
        render.texts(settings(**changes))


@pytest.mark.parametrize("trunk", ["carrier.example", "10.0.0.1\nmatch = 0.0.0.0/0", "10.0.0.1/33", "anything"])
def test_a_trunk_that_is_no_address_is_refused(asterisk: Asterisk, trunk: str) -> None:
    asterisk.settings = settings(trunks=trunk)
    with pytest.raises(StartupError, match="HOTLINE_TRUNKS"):
        asterisk.files()


@pytest.mark.parametrize(
    "phone",
    [
        ("a1\n[x]", "s" * 20),
        ("A1", "s" * 20),
        ("", "s" * 20),
        ("a1", "short"),
        ("a1", "with;comment-and-more"),
        ("a1", "x" * 20 + "\n"),
    ],
)
def test_a_phone_that_could_break_its_file_is_refused(phone: tuple[str, str]) -> None:
    with pytest.raises(Invalid):
        agents_text([phone])


def test_a_number_outside_is_rung_through_the_trunk_shows_the_line_and_lets_nobody_in() -> None:
    phones, outside = [("a0f1e2d3c4", "s" * 20), ("b1", "t" * 20)], {"a0f1e2d3c4": "13800138000"}
    text = agents_text(phones, outside, "10.1.2.3:5060")
    assert "contact = sip:13800138000@10.1.2.3:5060" in text
    assert "[a0f1e2d3c4](hl-agent-auth)" not in text
    assert "[b1](hl-agent-auth)" in text
    assert agents_text(phones, outside, "") == agents_text(phones)  # no trunk, no number


@pytest.mark.parametrize("number", ["1380013800a", "138\n[x]", "", "+8613800138000", "1" * 16])
def test_a_number_outside_that_could_break_the_file_is_refused(number: str) -> None:
    with pytest.raises(Invalid):
        agents_text([("b1", "t" * 20)], {"b1": number}, "10.1.2.3")


class Slow(Asterisk):
    """Runs, and does not answer its first command."""

    told: tuple[str, ...] = ()

    def alive(self) -> bool:
        return True

    async def cli(self, command: str, timeout_s: float = 10.0) -> str:
        self.told += (command,)
        if len(self.told) == 1:
            raise TelephonyError(f"Asterisk did not answer the command {command!r}")
        return ""


async def test_a_phones_secret_that_was_written_and_not_read_is_read_at_the_next_try(tmp_path: Path) -> None:
    asterisk, phone = Slow(settings(data_dir=tmp_path)), ("a0f1e2d3c4", "secret-of-this-sign-in")
    asterisk.places.make()
    with pytest.raises(TelephonyError):
        await asterisk.write_agents([phone])
    await asterisk.write_agents([phone])
    assert asterisk.places.agents.read_text() == agents_text([phone])
    assert asterisk.told == ("module reload res_pjsip.so", "module reload res_pjsip.so")


def test_what_was_started_just_now_runs_before_the_system_knows_its_command(tmp_path: Path) -> None:
    asterisk = Asterisk(Settings(data_dir=tmp_path))
    # Between fork and exec the command line is another one, or none.
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        asterisk._started = process
        assert asterisk.alive()
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    assert not asterisk.alive()


def test_every_line_is_reached_and_nothing_leads_out() -> None:
    text = render.texts(settings(lines="12345:5,2912345:1,16:2"))["extensions.conf"]
    trunk = text.split("[hl-trunk]")[1].split("\n[")[0]
    assert re.findall(r"^exten => (\d+),1,", trunk, re.MULTILINE) == ["12345", "2912345", "16"]
    assert not re.search(r"hl-(out|way|dial|emergency|listed|allowed)\b", trunk)
    assert "System(" not in text


def test_every_way_ends_in_the_recorder_a_person_or_a_hang_up() -> None:
    text = render.texts(settings())["extensions.conf"]
    extensions = re.split(r"^exten => ", text, flags=re.MULTILINE)[1:]
    for extension in extensions:
        lines = [line for line in extension.splitlines() if line.strip().startswith("same") or line is extension]
        steps = [
            line for line in extension.splitlines() if line and not line.lstrip().startswith((";", "[", "include"))
        ]
        last = (lines or steps)[-1]
        assert re.search(r",(Hangup|Goto|Return|GotoIf)\(", last), last


def test_days_that_the_week_does_not_tell_stand_by_date() -> None:
    rules = Hours(settings()).rules()
    assert [step.application for step in rules.dates["20260504"]] == ["Return(closed)"]
    assert rules.dates["20260509"][0].application == "GotoIfTime(09:00-16:59,*,*,*,Asia/Shanghai?open)"
    assert "20260502" not in rules.dates  # a Saturday is closed anyway
    assert "20270205" in rules.dates


def test_all_that_is_spoken_has_a_text_and_a_sound_that_says_it() -> None:
    known = {entry["id"]: entry for entry in json.loads((SOUNDS / "manifest.json").read_text())["prompts"]}
    assert set(used()) <= set(known) == set(catalogue())
    assert missing(SOUNDS) == []


def test_a_missing_sound_is_named(tmp_path: Path) -> None:
    for prompt in set(used()) - {"P22"}:
        (tmp_path / "zh").mkdir(exist_ok=True)
        (tmp_path / "zh" / f"{prompt}.wav").touch()
    assert missing(tmp_path) == ["P22", "music"]


def test_the_notice_that_the_call_is_recorded_comes_before_every_recorder() -> None:
    assert "P02" in SPOKEN["greeting"]  # nobody, failed and the conversation come after it
    assert all("P02" in SPOKEN[way] for way in ("closed", "emergency"))  # and so does `leave`


def test_half_an_installation_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "usr/lib/x/asterisk/modules").mkdir(parents=True)
    monkeypatch.setattr(install, "_system", lambda: None)
    with pytest.raises(StartupError, match="run script/asterisk"):
        install.find(tmp_path)


def test_a_long_data_path_has_its_socket_elsewhere() -> None:
    short = install.places(settings(data_dir=Path("/srv/hotline")))
    long = install.places(settings(data_dir=Path("/srv/" + "d" * 120)))
    assert short.run == Path("/srv/hotline/asterisk/run")
    assert len(str(long.run / "asterisk.ctl")) < 108


def test_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    first = Asterisk(settings(data_dir=tmp_path / "data"))
    kept = first.secrets()
    assert Asterisk(settings(data_dir=tmp_path / "data")).secrets() == kept
    assert kept.events != kept.actions
    assert first.places.secrets.stat().st_mode & 0o777 == 0o600
    first.places.secrets.write_text("{}")
    with pytest.raises(StartupError, match=r"secrets\.json is damaged"):
        first.secrets()


def test_who_holds_a_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert (ports.holder_of(socket.SOCK_STREAM, taken.getsockname()[1]) or "").split(" ")[0].isdigit()
    assert ports.holder_of(socket.SOCK_STREAM, 1) is None
