"""Calls of a time in which nobody listened: told from Asterisk's own files, once each, as if somebody had.

The files are captured ones, of the same runs as the AMI transcripts beside them (tests/journal).
"""

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import OperationalError

from hotline.agents.models import Agent
from hotline.calls import history, service
from hotline.calls.models import Call, CallAlias, CallOffer, CallParty, JournalCall, JournalFile, Recording
from hotline.calls.tracker import Tracker
from hotline.db import Database, EventRow, ParkedEvent
from hotline.handlers import Handlers
from hotline.journal import KEPT, Journal
from hotline.telephony import messages as m
from hotline.telephony.parser import Parser
from hotline.tickets import call_backs
from hotline.tickets.models import Contact, ContactTicket, DueWork, Ticket
from tests import factories, journal_files
from tests.journal_files import JOURNAL, cel
from tests.pbx_model import BOOT, Pbx, channels_of
from web.console import timeline

NODE = "pbx1"
LATER = timedelta(minutes=5)
COLUMNS = (
    "linkedid", "line", "direction", "caller_number", "phase", "outcome", "hangup_by", "agent_id", "recording_file",
    "started_at", "queued_at", "answered_at", "ended_at", "wait_ms", "talk_ms",
)  # fmt: skip
_APART = {
    "parking-lot-taken", "picked-up",  # not of our dialplan: no word of it in the journal
    "outbound-own-phone-refuses",  # no call; and three of which only app_queue knows who ended them
    "outbound-to-queue", "outbound-transfer-rejected", "outbound-parked-too-long",
}  # fmt: skip
NAMES = [name for name in journal_files.NAMES if name not in _APART]
# A kill in these may cost talk that is too short to be corrected, or the word that a supervisor takes the caller over.
UNSURE = {"outbound-parked-and-taken", "outbound-phone-lost", "taken-over", "taken-over-then-consult"}
# Rows from AMI and from the journal may see one moment this far apart.
CLOSE = timedelta(milliseconds=200)


def said(name: str) -> tuple[m.Message, ...]:
    """What AMI said of the run."""
    found = Parser().feed((JOURNAL / f"{name}.ami").read_bytes())
    return tuple(message for message in found if isinstance(message, m.Message) and channels_of(message))


@dataclass
class House:
    """A store, Asterisk's files, and the journal between them. `heard`: what our process has been told by AMI."""

    db: Database
    folder: Path
    is_live: bool = True
    started_at: datetime | None = None
    reopened: int = 0
    tracker: Tracker = field(default_factory=lambda: Tracker(NODE))

    def __post_init__(self) -> None:
        self.db.dispatch = Handlers(lambda at: at + timedelta(minutes=30)).dispatch
        self.folder.mkdir(exist_ok=True)
        self.journal = self.new_journal()

    @property
    def cel(self) -> Path:
        return self.folder / "cel.csv"

    @property
    def queue_log(self) -> Path:
        return self.folder / "queue_log"

    def new_journal(self) -> Journal:
        async def reopen() -> None:
            self.reopened += 1
            self.queue_log.touch()

        self.journal = Journal(
            NODE,
            self.db,
            cel=self.cel,
            queue_log=self.queue_log,
            is_live=lambda: self.is_live,
            started_at=lambda: self.started_at,
            reopen=reopen,
        )
        return self.journal

    def write(self, name: str, *, lines: int | None = None) -> None:
        """Asterisk has written this; of CEL perhaps only so many lines."""
        whole = (JOURNAL / f"{name}.cel.csv").read_bytes().splitlines(keepends=True)
        self.cel.write_bytes(b"".join(whole[:lines]))
        shutil.copyfile(JOURNAL / f"{name}.queue_log", self.queue_log)

    async def hear(self, messages: Sequence[m.Message]) -> None:
        async with self.db.write() as tx:
            for message in messages:
                for event in self.tracker.feed(message):
                    tx.emit(event)

    async def come_back(self, snapshot: m.Snapshot) -> None:
        """Our process was killed, and starts from its rows."""
        self.tracker = Tracker(NODE)
        self.tracker.boot = BOOT
        async with self.db.write() as tx:
            self.tracker.adopt(await service.open_calls(tx, NODE))
            for event in self.tracker.resync(snapshot):
                tx.emit(event)
        self.new_journal()

    async def read(self, at: datetime) -> None:
        """Look until there is nothing more to do."""
        while await self.journal.look(at):
            pass

    async def all(self, table: type[Any], *order: Any) -> list[Any]:
        async with self.db.read() as tx:
            return list(await tx.session.scalars(select(table).order_by(*order)))

    async def events(self) -> list[str]:
        return [row.type for row in await self.all(EventRow, EventRow.seq)]

    async def calls(self) -> list[Call]:
        return await self.all(Call, Call.linkedid)


@pytest.fixture
async def house(db: Database, tmp_path: Path) -> House:
    made = House(db, tmp_path / "log")
    async with db.write() as tx:
        for member in ("a1", "a2"):
            await factories.agent(tx, endpoint=member, state="ready", in_queue=True)
    return made


def end_of(name: str) -> datetime:
    return max(record.at for record in cel(name))


async def rows_of(house: House) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]], list[Any]]:
    calls = {call.id: call for call in await house.calls()}
    offers = sorted(
        (calls[offer.call_id].linkedid, offer.leg, offer.member, offer.result, offer.agent_id is not None)
        for offer in await house.all(CallOffer)
    )
    for offer in await house.all(CallOffer):
        ended_at = calls[offer.call_id].ended_at
        assert all(
            ended_at is None or moment is None or moment <= ended_at for moment in (offer.ended_at, offer.left_at)
        )
    files = sorted((calls[one.call_id].linkedid, one.kind, one.file) for one in await house.all(Recording))
    return [{name: getattr(call, name) for name in COLUMNS} for call in calls.values()], offers, files


def assert_same(ours: Any, theirs: Any) -> None:
    (calls, *rest), (others, *those) = ours, theirs
    assert rest == those
    assert [call["linkedid"] for call in calls] == [call["linkedid"] for call in others]
    for call, other in zip(calls, others, strict=True):
        for name in COLUMNS:
            one, two = call[name], other[name]
            if isinstance(one, datetime) and isinstance(two, datetime):
                assert abs(one - two) <= CLOSE, name
            elif name.endswith("_ms") and one is not None and two is not None:
                assert abs(one - two) <= CLOSE / timedelta(milliseconds=1), name
            else:
                assert one == two, name


@pytest.fixture
async def truth(house: House, db: Database) -> Any:
    """Rows as a process that was never away has them, by name of a run. The store is left empty."""

    async def ask(name: str) -> Any:
        await house.hear(said(name))
        found = await rows_of(house)
        async with db.write() as tx:
            await empty(tx)
        house.tracker = Tracker(NODE)
        return found

    return ask


async def empty(tx: Any) -> None:
    for table in (
        Recording, CallOffer, CallParty, CallAlias, DueWork, ContactTicket, Ticket, Contact, Call, EventRow,
        JournalCall, JournalFile,
    ):  # fmt: skip
        await tx.session.execute(delete(table))
    for agent in await tx.session.scalars(select(Agent)):
        agent.state, agent.call_id, agent.ticket_id = "ready", None, None


def _missed(calls: Sequence[Call]) -> int:
    """Who is owed a call; not who was not reached when we rang them."""
    owed = [call for call in calls if call.outcome in call_backs.MISSED]
    return sum(call.direction == "inbound" or call.answered_at is not None for call in owed)


# We were away all the time


@pytest.mark.parametrize("name", NAMES)
async def test_a_call_that_nobody_heard_is_as_if_somebody_had(house: House, truth: Any, name: str) -> None:
    heard = await truth(name)
    house.write(name)
    await house.read(end_of(name) + LATER)
    assert_same(await rows_of(house), heard)
    calls = await house.calls()
    contacts = await house.all(Contact)
    assert sorted(contact.call_id for contact in contacts) == sorted(call.id for call in calls)
    assert len(await house.all(Ticket)) == len(calls)
    assert len([work for work in await house.all(DueWork) if work.kind == "call_back"]) == _missed(calls)
    assert house.journal.counts == {"created": len(calls)}
    assert await house.all(ParkedEvent) == []


async def test_nobody_is_moved_by_what_is_over(house: House) -> None:
    async with house.db.write() as tx:
        busy = await tx.session.scalar(select(Agent).where(Agent.endpoint == "a1"))
        assert busy is not None
        busy.state, busy.call_id = "on_call", (await factories.call(tx, phase="talking")).id
        with_call = busy.call_id
    name = "ring-no-answer-next-agent"
    house.write(name)
    await house.read(end_of(name) + LATER)
    one, other = await house.all(Agent, Agent.endpoint)
    assert (one.state, one.call_id, one.ticket_id, one.misses) == ("on_call", with_call, None, 0)
    assert (other.state, other.call_id) == ("ready", None)
    assert "AgentChanged" not in await house.events()
    [handed] = [row for row in await house.all(EventRow) if row.type == "TicketHandedTo"]
    assert handed.data["is_past"] is True
    [ticket] = await house.all(Ticket)
    assert ticket.agent_id == other.id


async def test_reading_again_changes_nothing(house: House) -> None:
    name = "phone-lost-next-agent"
    house.write(name)
    at = end_of(name) + LATER
    await house.read(at)
    before, told = await rows_of(house), await house.events()
    for forgotten in ((), (JournalFile,), (JournalFile, JournalCall)):
        async with house.db.write() as tx:
            for table in forgotten:
                await tx.session.execute(delete(table))
        house.new_journal()
        await house.read(at + timedelta(minutes=1))
        assert await rows_of(house) == before
        assert await house.events() == told
    assert len(await house.all(JournalCall)) == 2  # cel and queue_log


async def test_records_of_all_sources_say_the_same_of_a_call(house: House) -> None:
    name = "blocked"
    house.write(name)
    await house.read(end_of(name) + LATER)
    ours = {(call.linkedid, call.line, call.outcome, call.hangup_by) for call in await house.calls()}
    for source in ("cel", "queue_log"):
        theirs = [one for one in await house.all(JournalCall) if one.source == source]
        assert {(one.linkedid, one.line, one.outcome, one.hangup_by) for one in theirs} == ours
        assert all(one.ended_at is not None for one in theirs)


# We were there


@pytest.mark.parametrize("name", NAMES)
async def test_what_was_heard_is_left_alone(house: House, name: str) -> None:
    await house.hear(said(name))
    before, told = await rows_of(house), await house.events()
    house.write(name)
    await house.read(end_of(name) + LATER)
    assert await rows_of(house) == before
    assert await house.events() == told
    assert set(house.journal.counts) == {"agreed"}


async def test_a_call_that_goes_on_is_left_to_the_tracker(house: House) -> None:
    name = "answered-caller-hangs-up"
    messages = said(name)
    await house.hear(messages[: len(messages) * 2 // 3])
    house.write(name)
    await house.read(end_of(name) + LATER)
    [call] = await house.calls()
    assert (call.phase, call.ended_at) == ("talking", None)
    await house.hear(messages[len(messages) * 2 // 3 :])
    await house.read(end_of(name) + 2 * LATER)
    assert house.journal.counts == {"agreed": 1}


async def test_a_call_is_told_only_after_it_settled(house: House) -> None:
    name = "abandoned"
    house.write(name)
    await house.read(end_of(name) + timedelta(seconds=1))
    assert await house.calls() == []
    assert [(one.source, one.outcome) for one in await house.all(JournalCall, JournalCall.source)] == [
        ("cel", None),
        ("queue_log", "abandoned"),
    ]
    await house.read(end_of(name) + timedelta(seconds=4))
    [call] = await house.calls()
    assert call.outcome == "abandoned"


# We were killed in the middle


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNSURE])
async def test_killed_anywhere_the_rows_are_whole_in_the_end(house: House, truth: Any, name: str) -> None:
    heard = await truth(name)
    messages = said(name)
    first = len(name) % 3 + 1
    for cut in (len(messages) * step // 12 for step in range(first, 12, 4)):
        await house.hear(messages[:cut])
        over = Pbx.after(messages)
        over.at += timedelta(seconds=90)
        assert over.channels == {}
        house.write(name)
        await house.come_back(over.snapshot())
        await house.read(over.at + LATER)
        assert_same(await rows_of(house), heard)
        calls = await house.calls()
        assert len(await house.all(Ticket)) == len(calls)
        owed = [work for work in await house.all(DueWork) if work.done_at is None and work.kind == "call_back"]
        assert len(owed) == _missed(calls)
        async with house.db.write() as tx:
            await empty(tx)
        house.tracker = Tracker(NODE)


async def test_a_guess_that_was_wrong_is_no_call_back(house: House) -> None:
    """Killed while the caller waited; they were helped meanwhile."""
    name = "answered-agent-hangs-up"
    messages = said(name)
    joined = next(index for index, message in enumerate(messages) if isinstance(message, m.QueueCallerJoin))
    await house.hear(messages[: joined + 1])
    over = Pbx.after(messages)
    house.write(name)
    await house.come_back(over.snapshot())
    [guessed] = await house.calls()
    assert guessed.outcome == "abandoned"
    [owed] = await house.all(DueWork)
    assert owed.done_at is None
    await house.read(over.at + LATER)
    [call] = await house.calls()
    assert (call.outcome, call.hangup_by) == ("answered", "agent")
    [owed] = await house.all(DueWork)
    assert owed.done_at is not None
    assert {"CallCorrected", "CallBackDone"} <= set(await house.events())
    [ticket] = await house.all(Ticket)
    [a1, _a2] = await house.all(Agent, Agent.endpoint)
    assert ticket.agent_id == call.agent_id == a1.id
    assert house.journal.counts == {"corrected": 1}


async def test_a_first_wait_that_nobody_saw_counts(house: House) -> None:
    """Killed before the queue, back when the caller was queued again: waiting began with the first time."""
    name = "phone-lost-next-agent"
    messages = said(name)
    first, again = [index for index, message in enumerate(messages) if isinstance(message, m.QueueCallerJoin)]
    await house.hear(messages[: first - 1])
    await house.come_back(Pbx.after(messages[:again]).snapshot())
    await house.hear(messages[again:])
    queued = [record.at for record in cel(name) if record.event == "HLQUEUED"]
    [call] = await house.calls()
    assert call.queued_at is not None
    assert abs(call.queued_at - queued[1]) < CLOSE
    house.write(name)
    await house.read(end_of(name) + LATER)
    [call] = await house.calls()
    assert call.queued_at == queued[0]
    assert call.answered_at is not None
    assert call.wait_ms == pytest.approx((call.answered_at - queued[0]) / timedelta(milliseconds=1), abs=200)


@pytest.mark.parametrize("known", ["open", "ended"])
async def test_a_call_that_was_met_in_its_middle_learns_its_line(house: House, known: str) -> None:
    name = "abandoned"
    async with house.db.write() as tx:
        start = cel(name)[0]
        await factories.call(
            tx, node=NODE, linkedid=start.linkedid, line="unknown", caller_number="13800138000",
            **({"ended_at": end_of(name), "phase": "ended", "outcome": "abandoned"} if known == "ended" else {}),
        )  # fmt: skip
        [call] = await tx.session.scalars(select(Call))
        await factories.ticket(tx, of_call=call)
    house.write(name, lines=4 if known == "open" else None)
    await house.read(end_of(name) + LATER)
    [call] = await house.calls()
    assert call.line == "12345"
    [contact] = await house.all(Contact)
    assert contact.channel == "phone_12345"
    assert (await house.events()).count("CallLineNamed") == 1


# Asterisk died


async def test_a_call_in_which_asterisk_died_is_failed_and_owed_a_call_back(house: House) -> None:
    name = "answered-caller-hangs-up"
    lines = next(index for index, one in enumerate(cel(name)) if one.event == "BRIDGE_EXIT")
    messages = said(name)
    spoken = next(index for index, one in enumerate(messages) if isinstance(one, m.BridgeLeave))
    await house.hear(messages[:spoken])
    house.write(name, lines=lines)
    lost_at = cel(name)[lines - 1].at
    house.started_at = lost_at + timedelta(seconds=20)
    house.queue_log.write_bytes(b"".join((JOURNAL / f"{name}.queue_log").read_bytes().splitlines(keepends=True)[:4]))
    empty = Pbx()
    empty.at = lost_at + timedelta(seconds=22)
    await house.come_back(empty.snapshot(boot="2026-11-27T21:30:00"))
    await house.read(lost_at + LATER)
    [call] = await house.calls()
    assert (call.outcome, call.hangup_by, call.talk_ms, call.ended_at) == ("failed", "system", None, lost_at)
    assert call.answered_at is not None
    [owed] = await house.all(DueWork)
    assert owed.done_at is None
    assert {(one.source, one.outcome) for one in await house.all(JournalCall)} == {
        ("cel", "failed"),
        ("queue_log", "failed"),
    }


async def test_a_call_that_nobody_heard_and_in_which_asterisk_died_is_there(house: House) -> None:
    name = "abandoned"
    house.write(name, lines=5)
    house.is_live = False
    await house.read(end_of(name) + LATER)
    assert await house.calls() == []  # as far as we know it goes on
    house.started_at = end_of(name) + LATER
    await house.read(end_of(name) + 2 * LATER)
    [call] = await house.calls()
    assert (call.outcome, call.hangup_by, call.wait_ms) == ("failed", "system", None)
    assert call.ended_at == cel(name)[4].at


async def test_an_end_that_was_heard_before_asterisk_died_stays(house: House) -> None:
    name = "answered-caller-hangs-up"
    await house.hear(said(name))
    before = await rows_of(house)
    lines = next(index for index, one in enumerate(cel(name)) if one.event == "HLOUTCOME")
    house.write(name, lines=lines)
    house.started_at = end_of(name) + timedelta(minutes=1)
    await house.read(end_of(name) + LATER)
    assert await rows_of(house) == before


async def test_a_recorder_that_ended_by_itself_before_asterisk_died_stays(house: House) -> None:
    name = "voicemail-waited"
    heard = [replace(one, fields=one.fields | {"hlhangupby": "system"})
             if isinstance(one, m.UserEvent) and one.name == "HLOutcome" else one for one in said(name)]  # fmt: skip
    await house.hear(heard)
    before = await rows_of(house)
    lines = next(index for index, one in enumerate(cel(name)) if "voicemail" in str(one.extra.get("extra")))
    house.write(name, lines=lines + 1)  # no room for more
    house.started_at = end_of(name) + timedelta(minutes=1)
    await house.read(end_of(name) + LATER)
    assert await rows_of(house) == before
    [call] = await house.calls()
    assert (call.outcome, call.hangup_by) == ("voicemail", "system")


# The disk was full


async def test_a_last_word_that_is_missing_is_not_waited_for_for_ever(house: House) -> None:
    name = "abandoned"
    house.write(name, lines=-1)
    await house.read(end_of(name) + timedelta(minutes=1))
    assert await house.calls() == []
    house.is_live = False
    await house.read(end_of(name) + timedelta(minutes=3))
    assert await house.calls() == []  # who knows
    house.is_live = True
    await house.read(end_of(name) + timedelta(minutes=3))
    [call] = await house.calls()
    assert (call.outcome, call.hangup_by) == ("abandoned", "caller")


async def test_a_journal_with_holes_corrects_nothing_but_the_stated_outcome(house: House) -> None:
    name = "answered-caller-hangs-up"
    await house.hear(said(name))
    before = await rows_of(house)
    whole = (JOURNAL / f"{name}.cel.csv").read_bytes().splitlines(keepends=True)
    house.cel.write_bytes(b"".join(line for line in whole if b"BRIDGE" not in line and b"CHAN_START" not in line))
    await house.read(end_of(name) + LATER)
    assert await rows_of(house) == before


# Transactions and files


async def test_what_could_not_be_written_is_written_later(
    house: House, truth: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "blocked"
    heard = await truth(name)
    house.write(name)
    real, failures = history.settle, [1, 1, 0, 1]

    async def settle(*args: Any) -> Any:
        if failures and failures.pop():
            raise OperationalError("away", None, Exception())
        return await real(*args)

    monkeypatch.setattr(history, "settle", settle)
    for _ in range(3):
        with pytest.raises(OperationalError):
            await house.read(end_of(name) + LATER)
    await house.read(end_of(name) + LATER)
    assert_same(await rows_of(house), heard)


async def test_whatever_fails_does_not_end_the_worker(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write("abandoned")
    real, failures = history.settle, [ValueError("a record that nobody thought of")]

    async def settle(*args: Any) -> Any:
        if failures:
            raise failures.pop()
        return await real(*args)

    monkeypatch.setattr(history, "settle", settle)
    monkeypatch.setattr("hotline.journal._LOOK_S", 0.001)
    monkeypatch.setattr("hotline.journal.now", lambda: end_of("abandoned") + LATER)
    task = asyncio.create_task(house.journal.run())
    try:
        async with asyncio.timeout(10):
            while not await house.calls():
                await asyncio.sleep(0.001)
    finally:
        task.cancel()
    assert failures == []


async def test_a_kill_in_the_middle_of_a_call_costs_a_second_look(house: House, truth: Any) -> None:
    """The mark stays where the call began, however far the file was read."""
    name = "phone-lost-next-agent"
    heard = await truth(name)
    for lines in range(1, len(cel(name)) + 1, 3):
        house.write(name, lines=lines)
        await house.read(end_of(name))
        [mark] = [one for one in await house.all(JournalFile) if one.source == "cel"]
        assert mark.offset == 0
        house.new_journal()
    house.write(name)
    await house.read(end_of(name) + LATER)
    assert_same(await rows_of(house), heard)
    [mark] = [one for one in await house.all(JournalFile) if one.source == "cel"]
    assert mark.offset == house.cel.stat().st_size


async def test_files_are_set_aside_after_a_day_and_removed_a_day_later(house: House) -> None:
    name = "abandoned"
    house.write(name)
    house.started_at = end_of(name) - timedelta(hours=1)
    at = end_of(name) + timedelta(minutes=10)
    await house.read(at)
    assert sorted(path.name for path in house.folder.iterdir()) == ["cel.csv", "queue_log"]
    at += KEPT
    await house.read(at)
    aside = [path for path in house.folder.iterdir() if path.suffix.startswith(".2")]
    assert sorted(path.stem for path in aside) == ["cel.csv", "queue_log"]
    assert house.reopened == 1
    assert not house.cel.exists()  # the next record makes it
    for path in aside:
        os.utime(path, (at.timestamp(), at.timestamp()))
    await house.read(at + KEPT - timedelta(minutes=5))
    assert len(list(house.folder.iterdir())) == 3
    await house.read(at + KEPT + timedelta(minutes=5))
    assert [path.name for path in house.folder.iterdir()] == ["queue_log"]
    assert [one.source for one in await house.all(JournalFile)] == ["queue_log"]
    [call] = await house.calls()
    assert call.outcome == "abandoned"


async def test_a_file_that_is_not_read_to_its_end_is_not_removed(house: House) -> None:
    name = "abandoned"
    house.write(name, lines=5)
    long_ago = end_of(name) - 2 * KEPT
    aside = house.cel.with_name("cel.csv.1")
    house.cel.rename(aside)
    os.utime(aside, (long_ago.timestamp(), long_ago.timestamp()))
    house.is_live = False
    await house.read(end_of(name) + 3 * KEPT)
    assert aside.exists()


@pytest.mark.parametrize("name", ["blocked", "phone-lost-next-agent"])
async def test_a_long_absence_is_read_in_pieces_and_no_call_is_told_by_half(
    house: House, truth: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    heard = await truth(name)
    house.write(name)
    monkeypatch.setattr("hotline.telephony.journal.CHUNK", 700)
    await house.read(end_of(name) + LATER)
    assert_same(await rows_of(house), heard)
    assert house.journal.counts == {"created": len(heard[0])}


async def test_calls_are_told_a_few_at_a_time(house: House) -> None:
    name = "blocked"
    house.write(name)
    assert await house.journal.look(end_of(name) + LATER) is True
    async with house.db.read() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(Call)) == 4
    assert await house.journal.look(end_of(name) + LATER) is False


async def test_a_timeline_says_what_was_corrected_and_what_was_learnt_where_it_happened(house: House) -> None:
    name = "answered-agent-hangs-up"
    messages = said(name)
    joined = next(index for index, message in enumerate(messages) if isinstance(message, m.QueueCallerJoin))
    await house.hear(messages[: joined + 1])
    over = Pbx.after(messages)
    over.at += timedelta(seconds=60)
    house.write(name)
    await house.come_back(over.snapshot())
    await house.read(over.at + LATER)
    entries = timeline(await house.all(EventRow, EventRow.seq), {})
    kinds = [entry.kind for entry in entries if entry.kind.startswith(("Call", "Agent"))]
    assert kinds[:4] == ["CallStarted", "CallQueued", "AgentRang", "CallAnswered"]

    [corrected] = [entry for entry in entries if entry.kind == "CallCorrected"]
    assert (corrected.detail["outcome"], corrected.detail["hangup_by"]) == ("answered", "agent")
