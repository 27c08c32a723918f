"""Open or closed, as a real Asterisk decides with its clock set; other hours are put in force while calls go on."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hotline.admin import opening_word
from hotline.errors import TelephonyError
from hotline.ivr import opening, render
from hotline.ivr.hours import Hours
from hotline.ivr.switch import Word, of_fact
from hotline.settings import CHECKOUT
from hotline.telephony import actions
from hotline.telephony.asterisk import HOURS
from tests.integration.conftest import NewPbx
from tests.integration.pbx import TRUNK, Pbx
from tests.integration.voice import Voice, until

MOMENTS = (
    "2026-03-10T08:59:58", "2026-03-10T09:00:00", "2026-03-10T16:59:50", "2026-03-10T17:00:00",
    "2026-03-14T10:00", "2026-05-01T10:00", "2026-05-06T10:00", "2026-05-09T10:00", "2026-05-09T17:00",
    "2026-05-10T10:00", "2026-02-28T09:00", "2026-09-20T16:59", "2026-12-31T16:59", "2027-01-01T10:00",
    "2027-02-05T10:00", "2027-02-10T10:00",
)  # fmt: skip
SEASONS = """{
  "week": {"mon-fri": "09:00-12:00,13:00-18:00", "sat": "10:00-12:00"},
  "seasons": [
    {"from": "06-15", "to": "09-10", "week": {"mon-thu": "08:30-12:00,14:30-19:00", "fri": "08:00-16:00"}},
    {"from": "12-20", "to": "02-10", "week": {"mon-fri": "10:00-18:00"}}
  ],
  "days": {
    "2026-08-01": {"hours": "00:00-24:00", "why": "防汛值守"},
    "2026-08-03": {"hours": "", "why": "搬迁"}
  }
}"""
SEASONS_MOMENTS = (
    "2026-03-10T12:00", "2026-03-10T13:00", "2026-03-14T11:59", "2026-06-14T10:00", "2026-06-15T08:30",
    "2026-06-19T08:30", "2026-09-04T15:59", "2026-09-04T16:00", "2026-09-10T18:59", "2026-09-11T08:45",
    "2026-12-21T09:30", "2026-01-05T17:30", "2026-02-14T13:00", "2026-05-02T10:30", "2026-08-01T03:00",
    "2026-08-03T10:00", "2026-10-10T12:30",
)  # fmt: skip


Clock = Callable[[datetime], None]


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Sets the time that an Asterisk with libfaketime sees."""
    file = tmp_path / "now"
    for name, value in {"TIMESTAMP_FILE": file, "NO_CACHE": 1, "DONT_FAKE_MONOTONIC": 1}.items():
        monkeypatch.setenv(f"FAKETIME_{name}", str(value))
    monkeypatch.setenv("TZ", "UTC")

    def put(at: datetime) -> None:
        part = tmp_path / "now.part"
        part.write_text(f"@{at.astimezone(ZoneInfo('UTC')):%Y-%m-%d %H:%M:%S}\n")
        part.replace(file)

    put(datetime(2026, 3, 10, 2, tzinfo=ZoneInfo("UTC")))
    yield put


async def told(pbx: Pbx, clock: Clock, moments: tuple[str, ...]) -> dict[str, bool]:
    """Whether a caller of each moment was let in."""
    said = {}
    async with pbx.ami() as events, pbx.ami("actions") as actions:
        for text in moments:
            clock(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai")))
            mark = len(events.raw)
            await actions.send("Originate", Channel="Local/12345@hl-trunk", Context="hl-control", Exten="done",
                               Priority=1, Async="true")  # fmt: skip
            outcome = (await events.fact("HLOutcome", since=mark))["HLOutcome"]
            said[text] = outcome == "abandoned"
    return said


def promised(hours: Hours, moments: tuple[str, ...]) -> dict[str, bool]:
    """What `hotline when` says of them."""
    zone = ZoneInfo("Asia/Shanghai")
    return {text: hours.what(datetime.fromisoformat(text).replace(tzinfo=zone)).is_open for text in moments}


async def test_a_caller_meets_at_every_time_what_was_said_of_it(new_pbx: NewPbx, clock: Clock) -> None:
    found = sorted(CHECKOUT.glob(".asterisk/usr/lib/*/faketime/libfaketimeMT.so.1"))
    assert found, "libfaketime is missing: run script/asterisk"
    pbx = await new_pbx(phones=(), open="calendar", preload=found[0])
    settings, asterisk = pbx.settings, pbx.asterisk
    was = promised(Hours(settings), MOMENTS)
    assert set(was.values()) == {True, False}
    assert await told(pbx, clock, MOMENTS) == was

    # Other hours, while a call is up.
    clock(datetime(2026, 3, 10, 2, tzinfo=ZoneInfo("UTC")))
    async with pbx.ami() as events, pbx.ami("actions") as actions:
        await actions.send("Originate", Channel="Local/12345@hl-trunk", Application="Wait", Data="60", Async="true")
        await events.fact("HLRecording")
        up = await asterisk.active_calls()
        await asterisk.claim_turn(True)
        opening.adopt(settings.data_dir, SEASONS)
        await asterisk.reload_hours(render.hours_text(settings))
        assert await asterisk.active_calls() == up > 0
        assert await asterisk.has_turn()  # what tells who sends callers where agents are
    await asterisk.cli("channel request hangup all")
    now = promised(Hours(settings, opening.parse(SEASONS)), SEASONS_MOMENTS)
    assert set(now.values()) == {True, False}
    assert await told(pbx, clock, SEASONS_MOMENTS) == now
    assert asterisk.is_as_rendered()

    # What Asterisk does not read to its end is taken back.
    with pytest.raises(TelephonyError, match="those before are in force"):
        await asterisk.reload_hours("[hl-hours]\nexten => s,1,Return(closed)\n")
    assert await told(pbx, clock, SEASONS_MOMENTS[:4]) == {text: now[text] for text in SEASONS_MOMENTS[:4]}
    assert asterisk.is_as_rendered()
    gone = "ast_streamfile failed on Local/"  # our own caller's other half left before the next prompt
    assert [line for line in pbx.log_complaints() if gone not in line] == []

    # Without any hours every caller is let in.
    (asterisk.places.etc / HOURS).unlink()
    await asterisk.cli("dialplan reload")
    assert set((await told(pbx, clock, SEASONS_MOMENTS[:4])).values()) == {True}


async def test_a_supervisors_word_goes_before_the_hours_until_its_time_is_over(new_pbx: NewPbx, clock: Clock) -> None:
    """By the application and by telephone, and only by who knows a PIN; kept by Asterisk alone."""
    found = sorted(CHECKOUT.glob(".asterisk/usr/lib/*/faketime/libfaketimeMT.so.1"))
    pbx = await new_pbx(phones=(), open="calendar", preload=found[0], switch_number="8000", switch_pins="wang:834712")
    saturday = datetime(2026, 3, 14, 2, tzinfo=ZoneInfo("UTC"))  # ten o'clock in Shanghai
    hour = int(saturday.timestamp()) + 3600
    clock(saturday)
    async with pbx.ami() as events, pbx.ami("actions") as commands, Voice(pbx.server, TRUNK, 440.0) as caller:

        async def say(state: str, until: int) -> Word | None:
            mark = len(events.raw)
            command = actions.switch_set(state, until, int(saturday.timestamp()), "web", "5" * 32)
            headers: dict[str, list[str]] = {}
            for name, value in command.headers:
                headers.setdefault(name, []).append(value)
            await commands.send(command.action, **headers)
            return of_fact(lowered(await events.fact("HLSwitch", since=mark)))

        async def meets() -> str:
            mark = len(events.raw)
            await caller.call("12345")
            await events.fact("HLOffered", since=mark)
            caller.hang_up()
            return (await events.fact("HLOutcome", since=mark))["HLOutcome"]

        assert await meets() == "closed"
        word = await say("open", hour)
        assert word == Word("open", datetime.fromtimestamp(hour, UTC), saturday, "web", "5" * 32)
        assert await meets() == "abandoned"
        hours = Hours(pbx.settings)
        known = await opening_word(pbx.settings)
        assert str(hours.what(saturday, known)) == "open by a supervisor's word until 2026-03-14 11:00"
        clock(datetime.fromtimestamp(hour, UTC))
        assert await meets() == "closed"
        assert str(hours.what(datetime.fromtimestamp(hour, UTC), known)) == "closed day off: weekend"

        # Open at all hours, and then nobody can work.
        clock(saturday)
        assert await say("open", 0) is not None
        assert await meets() == "abandoned"
        assert await say("emergency", 0) is not None
        assert await meets() == "closed"
        assert await say("calendar", 0) is not None
        assert await meets() == "closed"

        # By telephone: a wrong PIN thrice is hung up on, the right one is taken. Neither is a call of anybody's.
        mark = len(events.raw)
        await caller.call("8000")
        for _ in range(3):
            caller.keys("111111#")
        await until(caller.ended.is_set, "the wrong PIN is hung up on", 15)
        assert await meets() == "closed"
        await caller.call("8000")
        caller.keys("834712#102#")
        said = of_fact(lowered(await events.fact("HLSwitch", since=mark)))
        assert said is not None and said.until is not None
        assert (said.state, said.way, said.by) == ("open", "phone", "wang")
        assert said.until - said.at == timedelta(hours=2)
        await until(caller.ended.is_set, "it is confirmed and over")
        assert await meets() == "abandoned"
        offered = [block for block in events.blocks(mark) if block.get("UserEvent") == "HLOffered"]
        assert {block["HLLine"] for block in offered} == {"12345"}
    assert pbx.log_complaints() == []


def lowered(fact: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in fact.items()}
