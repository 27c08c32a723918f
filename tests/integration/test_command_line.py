"""The commands as a person types them, in processes of their own: what they print, and how they refuse."""

import asyncio
import json
import re
import stat
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hotline.__main__ import cli
from tests.integration.process import Hotline, settings_for, until
from tests.integration.visitor import Visitor

pytestmark = pytest.mark.integration
TRANSCRIPTS = Path(__file__).resolve().parent.parent / "transcripts"
FIELDS = [
    "id", "linkedid", "linkedids", "line", "direction", "caller_number", "started_at", "queued_at", "answered_at",
    "ended_at", "outcome", "hangup_by", "agent", "wait_s", "talk_s", "ticket",
    "hold_s", "legs", "transfers",
]  # fmt: skip
PASSWORD = r"(?:[a-z2-9]{4}-){3}[a-z2-9]{4}"


@pytest.fixture
def quiet(tmp_path: Path) -> Hotline:
    """One that is not running."""
    return Hotline(settings_for(tmp_path), tmp_path)


def fails_with(done: tuple[int, str, str], line: str) -> None:
    """Exit 1, nothing on standard output, one line on standard error (after log lines)."""
    code, out, err = done
    told = [part for part in err.splitlines() if not part.startswith("{")]
    assert (code, out, told) == (1, "", [f"hotline: {line}"])


@pytest.mark.parametrize(
    "command",
    ["", "run", "migrate", "user", "user add", "token", "token add", "replay", "render-asterisk", "opening", "when",
     "simulate", "doctor"],
)  # fmt: skip
def test_every_command_has_an_example(command: str) -> None:
    done = CliRunner().invoke(cli, [*command.split(), "--help"])
    assert done.exit_code == 0
    assert re.search(rf"Example: [^│]*hotline {command}", done.stdout)


async def test_people_are_added_with_their_own_or_a_made_password(quiet: Hotline) -> None:
    own = await quiet.command("user", "add", "Wang", "--role", "agent", "--extension", "1003", given="correct horse\n")
    assert own[:2] == (0, "Wang may sign in as agent\n")
    code, out, _ = await quiet.command("user", "add", "li", "--role", "supervisor")
    assert code == 0
    assert re.fullmatch(rf"li may sign in as supervisor\npassword \(shown this once\): {PASSWORD}\n", out)
    assert quiet.rows("select name, role from account order by name") == [("li", "supervisor"), ("wang", "agent")]
    assert quiet.rows("select extension from agent order by extension")[0] == ("1003",)
    ((stored,),) = quiet.rows("select password_hash from account where name = 'wang'")
    assert stored.startswith("$argon2id$")
    assert stat.S_IMODE(quiet.settings.data_dir.stat().st_mode) == 0o700

    add = ("user", "add")
    refusals = {
        (*add, "WANG", "--role", "agent"): "There is an account with this name already.",
        (*add, "sun", "--role", "chef"): "A role is one of agent, supervisor, caseworker, administrator.",
        (*add, "sun", "--role", "agent", "--extension", "1003"): "The extension is taken, or the account has a phone "
        "already.",
        (*add, "sun", "--role", "agent", "--extension", "12a"): "An extension is 2 to 6 digits.",
        (*add, "sun", "--role", "caseworker", "--extension", "1009"): "Only agent and supervisor have a phone: leave "
        "out --extension.",
        (*add, "a b", "--role", "agent"): "A name is 1 to 32 letters, digits, dots, hyphens or underscores.",
    }
    told = await asyncio.gather(*(quiet.command(*words) for words in refusals))
    for done, line in zip(told, refusals.values(), strict=True):
        fails_with(done, line)
    fails_with(
        await quiet.command(*add, "sun", "--role", "agent", given="short\n"), "A password has 8 to 256 characters."
    )
    assert quiet.rows("select count(*) from account") == [(2,)]


async def test_a_programs_key_is_printed_once_and_kept_as_a_hash(quiet: Hotline) -> None:
    code, out, _ = await quiet.command("token", "add", "wallboard", "--role", "supervisor")
    key = out.strip()
    assert (code, len(key) >= 43, out) == (0, True, f"{key}\n")
    assert key not in str(quiet.rows("select * from api_token"))
    code, _, err = await quiet.command("token", "add", "wallboard", "--role", "supervisor")
    assert (code, len([line for line in err.splitlines() if line.startswith("hotline: ")])) == (1, 1)


async def test_the_store_is_migrated_and_that_may_be_said_again(quiet: Hotline) -> None:
    for _ in range(2):
        code, out, _err = await quiet.command("migrate")
        assert (code, out) == (0, "database is up to date\n")
    assert len(quiet.rows("select version_num from alembic_version")) == 1


@pytest.mark.parametrize("transcript", sorted(TRANSCRIPTS.glob("*.ami")), ids=lambda path: path.stem)
def test_a_replayed_call_has_the_fields_that_others_rely_on(transcript: Path) -> None:
    done = CliRunner().invoke(cli, ["replay", str(transcript)])
    assert done.exit_code == 0
    calls = [json.loads(line) for line in done.stdout.splitlines()]
    assert calls
    for call in calls:
        assert list(call) == FIELDS
        assert call["linkedids"][0] == call["linkedid"]
        assert call["line"] in {"12345", "2912345"}
        times = [
            call[name] for name in ("started_at", "queued_at", "answered_at", "ended_at") if call[name] is not None
        ]
        assert all(datetime.fromisoformat(at).utcoffset() is not None for at in times)
        assert times == sorted(times)
        assert call["outcome"] in {"answered", "abandoned", "voicemail", "closed", "blocked", "failed"}
        assert call["hangup_by"] in {"caller", "agent", "system", None}
        assert (call["agent"] is not None) == (call["outcome"] == "answered") or call["outcome"] == "abandoned"
        assert (call["talk_s"] is None) == (call["answered_at"] is None)
    whole = transcript.stem.split("-")[0]
    assert whole in {"mixed", "phone", "rejected", "ring", "closed"} or whole in {call["outcome"] for call in calls}


async def test_asterisks_configuration_is_written_for_a_look(quiet: Hotline, tmp_path: Path) -> None:
    folder = tmp_path / "look"
    code, out, _ = await quiet.command("render-asterisk", str(folder), HOTLINE_LINES="4567:3")
    assert code == 0
    assert sorted(out.split()) == sorted(str(path) for path in folder.iterdir())
    assert {"extensions.conf", "pjsip.conf", "pjsip_agents.conf", "manager.conf", "modules.conf"} <= {
        path.name for path in folder.iterdir()
    }
    assert "4567" in (folder / "extensions.conf").read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("moment", "first"),
    [
        ("2026-05-09T10:00", "open"),  # Saturday, made-up working day
        ("2026-03-11T20:30", "closed"),
        ("2026-05-16T23:10", "closed"),
    ],
)
async def test_what_a_caller_would_meet(quiet: Hotline, moment: str, first: str) -> None:
    code, out, _ = await quiet.command("when", moment, HOTLINE_OPEN="calendar")
    assert (code, out.split()[0]) == (0, first)


async def test_other_hours_are_checked_first_and_then_in_force(quiet: Hotline, tmp_path: Path) -> None:
    saturdays, wrong = tmp_path / "saturdays.json", tmp_path / "wrong.json"
    saturdays.write_text('{"week": {"mon-fri": "09:00-17:00", "sat": "10:00-12:00"}}')
    wrong.write_text('{"week": {"mon-fri": "22:00-02:00"}}')
    fails_with(
        await quiet.command("opening", str(wrong)),
        f"{wrong}: week: a window ends after it starts, past midnight is the next day's: 22:00-02:00",
    )
    shown = "week: mon-fri 09:00-17:00, sat 10:00-12:00\n"
    assert (await quiet.command("opening", "--check", str(saturdays)))[:2] == (0, shown)
    assert (await quiet.command("opening"))[:2] == (0, "week: mon-fri 09:00-17:00\n")
    assert (await quiet.command("opening", str(saturdays)))[:2] == (0, shown)
    assert (await quiet.command("opening"))[:2] == (0, shown)
    code, out, _ = await quiet.command("when", "2026-03-14T10:00", HOTLINE_OPEN="calendar")
    assert (code, out) == (0, "open weekend, 10:00-12:00\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "eighty"), ("SIP_PORT", "70000"), ("LINES", "12345"), ("RTP_PORTS", "20-10"), ("TIMEZONE", "Mars/Base"),
     ("OPEN", "sometimes"), ("DRAIN_S", "-1"), ("NODE", "PBX 1"), ("DATABASE_URL", "redis://x")],
)  # fmt: skip
async def test_a_bad_setting_is_one_line_with_its_name(quiet: Hotline, name: str, value: str) -> None:
    code, out, err = await quiet.command("when", "2026-05-09T10:00", **{f"HOTLINE_{name}": value})
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith(f"hotline: setting HOTLINE_{name}: ")


async def test_commands_without_a_running_hotline_say_so(quiet: Hotline, tmp_path: Path) -> None:
    fails_with(
        await quiet.command("simulate"),
        f"nobody takes calls on 127.0.0.1 port {quiet.settings.sip_port}: start the hotline first",
    )
    fails_with(await quiet.command("run", "--roles", "cook"), "--roles takes web and worker, not 'cook'")
    fails_with(await quiet.command("replay", str(tmp_path / "no.ami")), f"No such file or directory: {tmp_path}/no.ami")
    code, out, err = await quiet.command("doctor")
    assert (code, err) == (1, "")
    assert all(re.match(r"(ok  |FAIL) [a-z ]+: \S", line) for line in out.splitlines())
    failed = set(re.findall(r"(?m)^FAIL ([a-z ]+):", out))
    assert {"data directory", "asterisk", "manager users", "events"} <= failed
    assert not quiet.settings.data_dir.exists()  # who asks changes nothing


async def test_a_simulated_call_is_a_ticket_and_the_doctor_is_content(hotline: Hotline) -> None:
    code, out, err = await hotline.command("simulate", "--hold-s", "6", "--number", "013800138777")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"call 1 from 013800138777: voicemail, \d+\.\d s on the line, ended by the caller\n", out)
    mine = "select c.outcome, c.hangup_by from call c where c.caller_number = '013800138777' and c.ended_at is not null"
    await until(lambda: hotline.rows(mine), "the call's record is whole")
    assert hotline.rows(mine) == [("voicemail", "caller")]

    code, out, err = await hotline.command("doctor")
    assert (re.findall(r"(?m)^FAIL.*", out), err, code) == ([], "", 0)
    assert len(re.findall(r"(?m)^ok   ", out)) == len(out.splitlines()) >= 15

    code, out, _err = await hotline.command("doctor", HOTLINE_RING_S="33")
    assert code == 1
    assert re.findall(r"(?m)^FAIL ([a-z ]+):.*\((.*)\)", out) == [("asterisk configuration", "queues.conf")]


async def test_a_person_added_while_it_runs_may_sign_in(hotline: Hotline) -> None:
    code, _out, err = await hotline.command("user", "add", "zhao", "--role", "caseworker", given="correct horse\n")
    assert code == 0, err
    async with Visitor(hotline) as visitor:
        assert (await visitor.sign_in("zhao", "correct horse")).status_code == 303
