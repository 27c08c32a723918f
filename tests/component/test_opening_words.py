"""A supervisor's word on the hours: who may say it, what is sent, what is kept of it, who sees it."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from hotline.access.models import AccessRow
from hotline.clock import now
from hotline.db import Database, EventRow
from hotline.errors import NotDone
from hotline.ivr import words
from hotline.ivr.hours import Hours
from hotline.ivr.models import OpeningWord
from hotline.ivr.opening import InForce
from hotline.ivr.switch import Word, read
from hotline.settings import Settings
from hotline.telephony.actions import Command
from tests.web_house import House, english, house

__all__ = ["english", "house"]
AT = now().replace(microsecond=0)


def word(state: str = "open", *, minutes: int = 0, until: int | None = 60, by: str = "wang") -> Word:
    at = AT + timedelta(minutes=minutes)
    return Word(state, None if until is None else at + timedelta(minutes=until), at, "phone", by)


class Asterisk:
    """Its database, with one key."""

    def __init__(self, kept: Word | None = None) -> None:
        self.kept = kept
        self.told: list[dict[str, str]] = []

    async def collect(self, _command: Command) -> Iterable[Mapping[str, str]]:
        if self.kept is None:
            raise NotDone("Database entry not found")
        return [{"Val": self.kept.kept}]

    async def send(self, command: Command) -> Mapping[str, Any]:
        self.told.append(dict(value.split("=", 1) for name, value in command.headers if name == "Variable"))
        return {}


async def test_a_supervisor_says_it_and_the_line_is_told_and_the_trail_has_it(house: House) -> None:
    supervisor = await house.sign_in("supervisor")
    form = {"state": "emergency", "until": "2099-01-01T10:00"}
    async with house.client(supervisor) as client:
        answer = await client.post("/opening", data=form)
        assert answer.status_code == 422  # further away than a month
        answer = await client.post("/opening", data={"state": "emergency", "until": ""})
        assert (answer.status_code, answer.headers["location"]) == (303, "/opening?said")
        for bad in (
            {"state": "ajar"},
            {"state": "open", "until": "soon"},
            {"state": "open", "until": "2020-01-01T10:00"},
        ):
            assert (await client.post("/opening", data=bad)).status_code == 422
    assert len(house.desk.told) == 1
    command = house.desk.told[0][1]
    assert isinstance(command, Command)
    assert ("Variable", "HLSTATE=emergency") in command.headers
    assert ("Variable", f"HLBY={supervisor.account.id.hex}") in command.headers
    await house.audit.flush()
    async with house.db.read() as tx:
        rows = (await tx.session.scalars(select(AccessRow).where(AccessRow.action == "opening.say"))).all()
    assert [(row.actor, row.subject) for row in rows] == [(supervisor.account.name, "emergency")]


async def test_an_agent_may_look_and_not_say(house: House) -> None:
    agent = await house.sign_in("agent")
    async with house.client(agent) as client:
        page = await client.get("/opening")
        assert (page.status_code, 'action="/opening"' in page.text) == (200, False)
        answer = await client.post("/opening", data={"state": "open"})
    assert (answer.status_code, house.desk.told) == (403, [])


async def test_all_pages_show_a_word_while_it_is_in_force(house: House) -> None:
    agent = await house.sign_in("agent")
    async with house.client(agent) as client:
        assert "Emergency" not in (await client.get("/board")).text
        async with house.db.write() as tx:
            await words.take_in(tx, word("emergency", minutes=-1), "pbx1")
        assert "Emergency" in (await client.get("/board")).text
        async with house.db.write() as tx:
            await words.take_in(tx, word("calendar", minutes=0, until=None, by="li"), "pbx1")
        assert "Emergency" not in (await client.get("/board")).text


async def test_a_word_is_kept_once_and_told_once(db: Database) -> None:
    for _ in range(2):
        async with db.write() as tx:
            await words.take_in(tx, word(), "pbx1")
    async with db.read() as tx:
        assert len((await tx.session.scalars(select(OpeningWord))).all()) == 1
        told = (await tx.session.scalars(select(EventRow).where(EventRow.type == "OpeningSaid"))).all()
        assert [(one.data["state"], one.data["by"]) for one in told] == [("open", "wang")]
        assert await words.newest(tx) == word()


async def test_what_was_said_while_we_were_away_is_taken_in(db: Database) -> None:
    asterisk = Asterisk(word("closed", minutes=5))
    async with db.write() as tx:
        await words.take_in(tx, word("open"), "pbx1")
    assert await words.agree(db, asterisk, asterisk, "pbx1") == asterisk.kept
    async with db.read() as tx:
        assert await words.newest(tx) == asterisk.kept
    assert asterisk.told == []


async def test_an_asterisk_that_was_away_is_told_the_last_word(db: Database) -> None:
    """And one that has lost its database; but not of a word whose time is over."""
    async with db.write() as tx:
        await words.take_in(tx, word("closed", minutes=-300), "pbx2")
    gone, behind = Asterisk(), Asterisk(word("open", minutes=-400))
    await words.agree(db, gone, gone, "pbx1")
    assert gone.told == []
    await words.agree(db, behind, behind, "pbx1")
    assert [told["HLSTATE"] for told in behind.told] == ["closed"]
    async with db.write() as tx:
        await words.take_in(tx, word("open", until=None), "pbx2")
    await words.agree(db, gone, gone, "pbx1")
    assert [(told["HLSTATE"], told["HLUNTIL"], told["HLBY"]) for told in gone.told] == [("open", "0", "wang")]


def test_what_asterisk_keeps_reads_as_it_was_written() -> None:
    for one in (word(), word("emergency", until=None), word("calendar", until=None)):
        assert read(one.kept) == one
    for bad in ("", "open", "ajar.0.1.web.wang", "open.x.1.web.wang", "open.0.1.pigeon.wang", "open.0.1.web.wa;ng"):
        assert read(bad) is None


def test_whoever_calls_while_a_word_keeps_us_open_is_called_back_within_half_an_hour(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    hours = InForce(settings)
    closed = Hours(settings)
    sunday = next(AT + timedelta(days=n) for n in range(40) if not closed.what(AT + timedelta(days=n)).is_open)
    assert hours.call_back_due(sunday) == closed.call_back_due(sunday) > sunday + timedelta(hours=1)
    hours.say(Word("open", None, AT - timedelta(minutes=1), "web", "5" * 32))
    assert hours.call_back_due(sunday) == sunday + timedelta(minutes=30)
