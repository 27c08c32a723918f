"""What a caller said by a key while they waited: on the call, on screens, and as work that is owed."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from hotline.access.permissions import Actor
from hotline.calls.models import Call
from hotline.calls.recovery import Stories, tell
from hotline.calls.tracker import Tracker
from hotline.clock import now
from hotline.db import Database, EventRow
from hotline.errors import Conflict, NotFound
from hotline.events import (
    CallAnswered,
    CallBackWanted,
    CallEnded,
    CallEvent,
    CallQueued,
    CallStarted,
    CallWished,
)
from hotline.handlers import Handlers
from hotline.ids import new_id
from hotline.ivr.hours import Hours
from hotline.settings import Settings
from hotline.telephony import messages as m
from hotline.telephony.journal import Cel
from hotline.tickets import call_backs, listening
from hotline.tickets.models import DueWork
from web.board import BoardState

AT = now().replace(microsecond=0)
CALL = "pbx1-1.1"
NUMBER = "13800138000"
HALF_AN_HOUR = timedelta(minutes=30)
NIGHT = timedelta(hours=9)


def about(second: int, key: str) -> dict[str, Any]:
    return {"at": AT + timedelta(seconds=second), "dedupe_key": f"pbx1:{key}", "node": "pbx1", "linkedid": CALL}


def began(number: str | None = NUMBER) -> list[CallEvent]:
    return [
        CallStarted(**about(0, "started"), line="12345", direction="inbound", caller_number=number),
        CallQueued(**about(1, "queued"), queue="hotline"),
    ]


def ended(outcome: str) -> CallEnded:
    return CallEnded(**about(60, "ended"), outcome=outcome, hangup_by="caller", talk_ms=None)


@pytest.fixture
def told(db: Database) -> Any:
    async def tell(*events: CallEvent) -> None:
        db.dispatch = Handlers(lambda at: at + HALF_AN_HOUR, lambda at: at + NIGHT).dispatch
        for event in events:
            async with db.write() as tx:
                tx.emit(event)

    return tell


async def work_of(db: Database) -> list[tuple[datetime, str | None, bool | None]]:
    async with db.read() as tx:
        rows = (await tx.session.scalars(select(DueWork))).all()
    return [(row.due_at, row.number, row.is_safe) for row in rows]


def wanted(is_safe: bool = True, number: str | None = NUMBER) -> CallBackWanted:
    return CallBackWanted(**about(30, f"call-back:{is_safe}"), is_safe=is_safe, number=number)


async def test_who_has_said_danger_is_in_danger_whatever_they_press_then(db: Database, told: Any) -> None:
    wishes = [CallWished(**about(n, f"wish:{wish}"), wish=wish) for n, wish in enumerate(("talk", "danger", "policy"))]
    await told(*began(), *wishes)
    async with db.read() as tx:
        assert (await tx.session.scalars(select(Call.wish))).all() == ["danger"]
        state = BoardState({"12345": 5}, "Asia/Shanghai", AT)
        await state.load(tx, now())
    assert ([row.wish for row in state.calls.values()], state.totals.danger) == (["danger"], 1)


async def test_a_call_back_asked_for_is_owed_once_at_the_number_that_was_given(db: Database, told: Any) -> None:
    """Told twice, and with the outcome after it."""
    await told(*began(), wanted(number="02088881234"), wanted(number="02088881234"), ended("callback"))
    assert await work_of(db) == [(AT + timedelta(seconds=30) + HALF_AN_HOUR, "02088881234", True)]
    async with db.read() as tx:
        due = (await tx.session.scalars(select(DueWork.id))).one()
        assert (await call_backs.owed(tx, due)).number == "02088881234"


async def test_a_call_back_to_the_number_that_called_names_no_other(db: Database, told: Any) -> None:
    await told(*began(), wanted(), ended("callback"))
    assert [work[1:] for work in await work_of(db)] == [(None, True)]


async def test_a_caller_without_a_number_may_give_one(db: Database, told: Any) -> None:
    await told(*began(None), wanted(number="02088881234"), ended("callback"))
    assert [work[1:] for work in await work_of(db)] == [("02088881234", True)]


async def test_nobody_rings_who_said_that_it_is_not_safe(db: Database, told: Any) -> None:
    await told(*began(), wanted(False, None), ended("abandoned"))
    assert [work[1:] for work in await work_of(db)] == [(None, False)]
    async with db.read() as tx:
        due = (await tx.session.scalars(select(DueWork.id))).one()
        with pytest.raises(Conflict, match="not safe"):
            await call_backs.owed(tx, due)


async def test_who_said_so_and_was_helped_is_owed_nothing(db: Database, told: Any) -> None:
    answer = CallAnswered(**about(40, "answered"), member="a1", wait_ms=39000, leg="pbx1-1.2")
    await told(*began(), wanted(False, None), answer, ended("answered"))
    assert await work_of(db) == []


async def test_a_message_is_listened_to_once_and_its_caller_is_called_back(db: Database, told: Any) -> None:
    await told(*began(), ended("voicemail"), ended("voicemail"))
    async with db.read() as tx:
        work = (await tx.session.scalars(select(DueWork).order_by(DueWork.kind))).all()
        assert [one.kind for one in work] == ["call_back", "listen"]
        assert work[1].due_at == AT + timedelta(seconds=60) + NIGHT
    supervisor = Actor(new_id(), "supervisor", "wang")
    async with db.write() as tx:
        await listening.message_heard(tx, work[1].id, supervisor, AT)
    async with db.write() as tx:
        with pytest.raises(Conflict, match="already"):
            await listening.message_heard(tx, work[1].id, supervisor, AT)
        with pytest.raises(NotFound):
            await listening.message_heard(tx, work[0].id, supervisor, AT)
    async with db.read() as tx:
        types = (await tx.session.scalars(select(EventRow.type))).all()
    assert (types.count("MessageLeft"), types.count("MessageHeard")) == (1, 1)


async def test_a_message_without_a_number_is_listened_to_as_well(db: Database, told: Any) -> None:
    await told(*began(None), ended("voicemail"))
    async with db.read() as tx:
        assert (await tx.session.scalars(select(DueWork.kind))).all() == ["listen"]


def test_messages_are_listened_to_at_nine_in_the_evening_and_eight_in_the_morning_of_any_day(tmp_path: Path) -> None:
    hours = Hours(Settings(data_dir=tmp_path))
    zone = ZoneInfo("Asia/Shanghai")
    for at, due in (
        ("2026-03-13T17:00", "2026-03-13T21:00"),
        ("2026-03-13T21:00", "2026-03-14T08:00"),
        ("2026-03-14T07:59", "2026-03-14T08:00"),
        ("2026-10-01T08:00", "2026-10-01T21:00"),
    ):
        left, listened = (datetime.fromisoformat(text).replace(tzinfo=zone) for text in (at, due))
        assert hours.listen_due(left) == listened


async def test_a_caller_whom_the_city_centre_sent_on_brings_number_and_order(db: Database, told: Any) -> None:
    channel = m.Channel("PJSIP/trunk-1", CALL, CALL, 4, NUMBER, None, "hl-line", "s")
    fields = {"hlline": "12345", "hlorigin": "13900009999", "hlorder": "GZ20261128001"}
    started = Tracker("pbx1").feed(m.UserEvent(at=AT, name="HLOffered", fields=fields, channel=channel))
    await told(*started)
    async with db.read() as tx:
        rows = (await tx.session.execute(select(Call.origin_number, Call.origin_order))).all()
        logged = (await tx.session.scalars(select(EventRow.data).where(EventRow.type == "CallStarted"))).all()
    assert [tuple(row) for row in rows] == [("13900009999", "GZ20261128001")]
    assert not {"origin_number", "origin_order", "caller_number"} & set(logged[0])


async def test_the_board_counts_who_was_refused_on_each_line(db: Database, told: Any) -> None:
    await told(*began()[:1], ended("blocked"))
    async with db.read() as tx:
        state = BoardState({"12345": 5, "2912345": 1}, "Asia/Shanghai", AT)
        await state.load(tx, now())
    assert {key: lamp.blocked for key, lamp in state.lamps().items()} == {"lamp-12345": 1, "lamp-2912345": 0}


def test_the_trackers_words_are_keyed_without_their_instant() -> None:
    """So that the journal, which knows it a little apart, tells them once."""
    channel = m.Channel("PJSIP/trunk-1", CALL, CALL, 6, NUMBER, None, "hl-keys", "1")
    facts = [
        m.UserEvent(at=AT, name="HLOffered", fields={"hlline": "12345"}, channel=channel),
        m.UserEvent(at=AT, name="HLKey", fields={"hlwish": "danger"}, channel=channel),
        m.UserEvent(at=AT, name="HLKey", fields={"hlwish": "lunch"}, channel=channel),
        m.UserEvent(at=AT, name="HLCallBack", fields={"hlsafe": "1", "hlnumber": "0208888"}, channel=channel),
    ]
    tracker = Tracker("pbx1")
    events = [event for fact in facts for event in tracker.feed(fact)]
    assert [type(event) for event in events] == [CallStarted, CallWished, CallBackWanted]
    assert [event.dedupe_key for event in events[1:]] == [f"pbx1:{CALL}:wish:danger", f"pbx1:{CALL}:call-back:safe"]


def test_the_journal_knows_keys_that_were_pressed_while_we_were_away() -> None:
    """With the same keys, so that what was told already is told once."""

    def record(second: int, event: str, words: str = "", context: str = "hl-keys") -> Cel:
        at = AT + timedelta(seconds=second)
        return Cel(event, at, CALL, CALL, "PJSIP/trunk-1", NUMBER, "s", context, {"extra": words})

    stories = Stories()
    for one in (
        record(0, "CHAN_START", context="hl-trunk"), record(0, "HLOFFERED", "12345"),
        record(1, "HLQUEUED", "hotline 12345"),
        record(5, "HLUNQUEUED", "KEY"), record(5, "HLKEY", "danger"), record(9, "HLCALLBACK", "1 02088881234"),
        record(9, "HLOUTCOME", "callback system 12345 "), record(9, "HANGUP"), record(9, "CHAN_END"),
        record(9, "LINKEDID_END"),
    ):  # fmt: skip
        stories.add(one)
    events = {type(event): event for event in tell(next(iter(stories)), "pbx1", is_cut=False)}
    wished, wants, ends = events[CallWished], events[CallBackWanted], events[CallEnded]
    assert isinstance(wants, CallBackWanted) and isinstance(ends, CallEnded)
    assert wished.dedupe_key == f"pbx1:{CALL}:wish:danger"
    assert (wants.is_safe, wants.number, wants.dedupe_key) == (True, "02088881234", f"pbx1:{CALL}:call-back:safe")
    assert ends.outcome == "callback"


def test_the_log_keeps_no_number() -> None:
    assert wanted().data() == {"node": "pbx1", "linkedid": CALL, "is_safe": True}
