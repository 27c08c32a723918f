"""The operations page: who may look, that every difference leads to its call, and that many viewers cost one read."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hotline.access.permissions import Role
from hotline.calls.models import JournalCall, PbxNode
from hotline.calls.totals import Count, Day, Hour
from hotline.clock import now
from hotline.db import ParkedEvent
from hotline.events import DriftCorrected, TotalsCompared
from hotline.leadership import Workers
from tests import factories
from tests.component.test_totals import ended, journal
from tests.web_house import House, Person, english, house, statements
from web import plot

__all__ = ["english", "house"]
AT = datetime(2026, 5, 11, 2, 10, tzinfo=UTC)  # 10:10 in Shanghai
DAY = "2026-05-11"
HTML = {"accept": "text/html"}


async def text(house: House, path: str = f"/operations?day={DAY}", role: Role = "supervisor") -> str:
    person = await house.sign_in(role)
    async with house.client(person, **HTML) as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def rows_of(page: str, table: str) -> list[str]:
    """Each row's words, of the table with that class."""
    found = re.search(rf'<table class="[^"]*{table}".*?</table>', page, re.S)
    assert found is not None, page
    rows = re.findall(r"<tr.*?</tr>", found[0], re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


@pytest.mark.parametrize(
    ("role", "status"), [("supervisor", 200), ("administrator", 200), ("agent", 403), ("caseworker", 403)]
)
async def test_supervisors_and_administrators_may_look_and_have_it_in_their_bar(
    house: House, role: Role, status: int
) -> None:
    person = await house.sign_in(role)
    async with house.client(person, **HTML) as client:
        for path in ("/operations", "/operations/rows", f"/operations?day={DAY}&line=12345&hour=10"):
            assert (await client.get(path)).status_code == status
        home = await client.get("/board")
    assert ('href="/operations"' in home.text) == (status == 200)


async def test_a_day_without_calls_and_records_says_so(house: House) -> None:
    page = await text(house)
    assert "None differs" in page and "of 0 calls" in page
    assert "Not read yet: totals are of our rows alone." in page
    assert 'id="differences"' not in page
    assert [row.split()[:2] for row in rows_of(page, "totals-table")[1:]] == [["12345", "All"], ["2912345", "All"]]


async def test_hours_are_local_and_add_up_in_every_source(house: House) -> None:
    async with house.db.write() as tx:
        calls = [await ended(tx, AT + timedelta(minutes=minute)) for minute in range(3)]
        calls.append(await ended(tx, AT + timedelta(hours=1), "voicemail", line="2912345"))
        await journal(tx, *calls, read_at=AT + timedelta(hours=3))
    page = await text(house)
    heads, *rows = rows_of(page, "totals-table")
    assert heads.startswith("Line Hour Calls Answered Gave up")
    assert rows == [
        "12345 All day 3 3 0 0 0 0 0 0 0 0 0 3 3 0",
        "10:00 3 3 0 0 0 0 0 0 0 0 0 3 3 0",
        "2912345 All day 1 0 0 0 1 0 0 0 0 0 0 1 1 0",
        "11:00 1 0 0 0 1 0 0 0 0 0 0 1 1 0",
    ]
    assert "10:00 · 3 calls · Answered 3" in page
    assert "13800001234" not in page


@pytest.mark.parametrize(
    ("source", "other", "kind", "word"),
    [
        ("cel", None, "A source lacks the call", "no such call"),
        ("queue_log", None, "A source lacks the call", "no such call"),
        ("cel", {"line": "2912345"}, "Another line", "2912345 · 10:10:00"),
        ("cel", {"started_at": AT - timedelta(minutes=20)}, "Another hour", "12345 · 09:50:00"),
        ("queue_log", {"outcome": "voicemail"}, "Another outcome", "Voicemail"),
        ("cel", {"outcome": None, "ended_at": None}, "Another outcome", "Going on"),
    ],
)
async def test_a_difference_leads_to_its_call_and_says_what_each_source_has(
    house: House, source: str, other: dict[str, Any] | None, kind: str, word: str
) -> None:
    async with house.db.write() as tx:
        call = await ended(tx, AT)
        await journal(tx, call, read_at=AT + timedelta(hours=1))
        row = await tx.session.get_one(JournalCall, ("pbx1", source, call.linkedid))
        if other is None:
            await tx.session.delete(row)
        for name, value in (other or {}).items():
            setattr(row, name, value)
    page = await text(house)
    assert "1 differ" in page
    assert f'href="/operations?day={DAY}&amp;line=12345&amp;hour=10#differences"' in page
    (row_text,) = rows_of(page, "differences-table")[1:]
    assert row_text.startswith(f"10:10:00 {kind} Answered")
    assert word in row_text
    assert f'<a href="/calls/{call.id}">{call.linkedid}</a>' in page
    for_administrator = await text(house, role="administrator")
    assert call.linkedid in for_administrator and f"/calls/{call.id}" not in for_administrator


async def test_a_call_that_only_asterisk_knows_is_listed_without_a_link(house: House) -> None:
    async with house.db.write() as tx:
        call = await ended(tx, AT)
        await journal(tx, call, read_at=AT + timedelta(hours=1))
        await tx.session.delete(call)
    page = await text(house)
    (row,) = rows_of(page, "differences-table")[1:]
    assert row.startswith("10:10:00 A source lacks the call no such call Answered")
    assert row.endswith(call.linkedid)
    assert f"/calls/{call.id}" not in page


async def test_an_hours_differences_alone_and_back_to_all(house: House) -> None:
    async with house.db.write() as tx:
        calls = [await ended(tx, AT + timedelta(hours=hour)) for hour in (0, 1)]
        await journal(tx, *calls, read_at=AT + timedelta(hours=3), source="cel", outcome="failed")
    page = await text(house, f"/operations?day={DAY}&line=12345&hour=11")
    (row,) = rows_of(page, "differences-table")[1:]
    assert row.endswith(calls[1].linkedid)
    assert f'href="/operations?day={DAY}#differences">Show all 2</a>' in page
    assert f'data-refresh="/operations/rows?day={DAY}&amp;line=12345&amp;hour=11"' in page


async def test_it_shows_node_records_corrections_parked_events_and_the_nightly_check(house: House) -> None:
    async with house.db.write() as tx:
        agent = await factories.agent(tx)
        call = await ended(tx, AT)
        await journal(tx, call, read_at=AT + timedelta(seconds=2), source="cel")
        boot = AT.astimezone().replace(tzinfo=None).isoformat()
        tx.session.add(PbxNode(name="pbx1", boot=boot, state="stale", since=AT, epoch=1))
        for subject, kind, what in ((call.linkedid, "call", "ended"), (agent.endpoint, "member", "paused")):
            about = {"node": "pbx1", "kind": kind, "subject": subject, "what": what}
            tx.emit(DriftCorrected(at=AT, dedupe_key=f"d:{subject}", **about))
        tx.emit(
            TotalsCompared(
                at=AT, dedupe_key=f"pbx1:totals:{DAY}", node="pbx1", day=DAY, calls=9, differences=4, unread=0
            )
        )
        tx.session.add(
            ParkedEvent(
                at=AT, handler="hotline.x", type="CallEnded", dedupe_key="k", error="ValueError: no", retry_at=AT
            )
        )
    house.unwritten = AT
    page = await text(house)
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    for said in (
        "Followed by here pid 1", "No standby",
        "Stale since 11 May 10:10:00", "Asterisk started 11 May 10:10:00", "CEL read 10:10:02",
        "Nightly check 10:10:00: 4 differed", "Corrections this day 2", "Events that wait for a handler 1",
        f"Agent in the queue was paused {agent.name}", f"Call had ended {call.linkedid}",
        "CallEnded 10:10:00 1 hotline.x: ValueError: no", "Messages not written yet — since 10:10:00",
    ):  # fmt: skip
        assert said in words
    assert f'href="/calls/{call.id}"' in page


async def test_who_follows_the_telephone_system_and_who_would_go_on_is_told(house: House) -> None:
    house.at_work = Workers(leader="pbx-a pid 7", standby="pbx-b pid 9")
    page = await text(house)
    assert "Followed by pbx-a pid 7" in page
    assert "pbx-b pid 9 stands by" in page
    house.at_work = Workers()
    assert "Nobody follows its events" in await text(house, "/operations?day=2026-05-10")


async def test_the_page_costs_the_same_for_one_and_three_calls_with_differences(house: House) -> None:
    person = await house.sign_in("supervisor")
    counts = []
    async with house.client(person) as client:
        await client.get("/operations")
        for day, many in ((11, 1), (12, 3)):
            async with house.db.write() as tx:
                for minute in range(many):
                    call = await ended(tx, AT + timedelta(days=day - 11, minutes=minute))
                    await journal(tx, call, read_at=AT + timedelta(days=2), outcome="failed")
            with statements(house.db) as seen:
                answer = await client.get(f"/operations/rows?day=2026-05-{day}")
            counts.append(len(seen))
            assert len(rows_of(answer.text, "differences-table")) == many + 1
    assert counts[0] == counts[1] <= 22


async def test_many_viewers_at_once_cost_one_read(house: House) -> None:
    people = [await house.sign_in("supervisor") for _ in range(4)]
    async with house.db.write() as tx:
        await ended(tx, AT)

    async def look(person: Person) -> str:
        async with house.client(person) as client:
            return (await client.get(f"/operations/rows?day={DAY}")).text

    with statements(house.db) as seen:
        pages = await asyncio.gather(*(look(person) for person in people))
    assert all("of 1 calls" in page for page in pages)
    assert sum("FROM journal_call" in statement for statement in seen) == 1


@pytest.mark.parametrize("query", ["day=yesterday", "hour=24", "hour=x", "day=2026-02-30"])
async def test_a_day_or_hour_that_does_not_exist_is_refused(house: House, query: str) -> None:
    person = await house.sign_in("supervisor")
    async with house.client(person, **HTML) as client:
        assert (await client.get(f"/operations?{query}")).status_code == 422


async def test_days_to_come_are_shown_as_today(house: House) -> None:
    today = now().astimezone(plot.ZoneInfo("Asia/Shanghai")).date()
    page = await text(house, f"/operations?day={today + timedelta(days=3)}")
    assert f'href="/operations?day={today - timedelta(days=1)}"' in page
    assert "The day after" not in page
    assert "The day after" in await text(house, "/operations?day=0001-01-01")


@pytest.mark.parametrize(("most", "step"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 5), (21, 10), (81, 50), (4001, 2000)])
def test_a_plot_has_at_most_four_round_steps(most: int, step: int) -> None:
    assert plot.step(most) == step


def test_bars_stand_on_each_other_and_hours_of_a_clock_put_back_are_one() -> None:
    hour = AT.replace(minute=0)
    counts = {"rows": Count(3, 1, {"answered": 1, "blocked": 1})}
    day = Day((Hour("12345", hour, counts, 1), Hour("12345", hour, counts, 0)), calls=6, going_on=2)
    shown, empty = plot.plots(day, ("12345", "2912345"), "Asia/Shanghai")
    assert (shown.calls, shown.differences, empty.calls, empty.bars) == (6, 1, 0, ())
    (bar,) = shown.bars
    assert (bar.hour, bar.calls, bar.differences) == (10, 6, 1)
    assert bar.parts == {"answered": 2, "other": 0, "lost": 2, "going_on": 2}
    tops = [segment.y for segment in bar.segments]
    assert [round(upper + segment.height, 1) for upper, segment in zip(tops, bar.segments, strict=True)] == [
        116.0, *(round(top, 1) for top in tops[:-1])
    ]  # fmt: skip
    assert [line.value for line in shown.grid] == [0, 2, 4, 6]
    assert bar.y == tops[-1] == shown.grid[-1].y
