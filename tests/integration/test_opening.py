"""Open or closed, as a real Asterisk decides with its clock set; other hours are put in force while calls go on."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hotline.errors import TelephonyError
from hotline.ivr import opening, render
from hotline.ivr.hours import Hours
from hotline.settings import CHECKOUT
from hotline.telephony.asterisk import HOURS
from tests.integration.conftest import NewPbx
from tests.integration.pbx import Pbx

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
    assert pbx.log_complaints() == []

    # Without any hours every caller is let in.
    (asterisk.places.etc / HOURS).unlink()
    await asterisk.cli("dialplan reload")
    assert set((await told(pbx, clock, SEASONS_MOMENTS[:4])).values()) == {True}
