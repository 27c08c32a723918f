"""kill -9 while calls come and go, on the real Asterisk: each is one record, one contact, with what became of it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bench.house import house
from tests.integration import deployment
from tests.integration.pbx import Ami, Sipp
from tests.integration.process import until
from tests.integration.test_survival import Survivor

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

TALK, WAITS, AWAY_TALK, GIVES_UP, LAST_LINE, BLOCKED, RECORDED, STAYS, CUT, CUT_TWICE = range(13800138100, 13800138110)
RENAMED = 13800138200
# But for those of the worker's own time: its node, and when it comes to look at a recording.
EVENTS = (
    "select type, count(*) from event_log where type not like 'Node%' and type != 'RecordingChecked'"
    " group by type order by type"
)


@pytest.fixture
async def away() -> AsyncIterator[Survivor]:
    async with house(25500, roles=deployment.ROLES, lines="12345:5,2912345:1", wrap_up_s=120) as made:
        await made.fill(3, 0)
        made.endpoints.sort()
        one = Survivor(made)
        try:
            await one.begin()
            yield one
        finally:
            for sipp in made.running:
                sipp.stop()
            await made.stop()
            await one.asterisk.stop()


async def hang_up(*callers: Sipp) -> None:
    for _ in range(2):  # once: no new calls; twice: goodbye in those that are up
        for sipp in callers:
            sipp.process.send_signal(signal.SIGUSR1)
        await asyncio.sleep(0.1)
    for sipp in callers:
        await sipp.end()


class Asked:
    """What our rows and Asterisk's files have."""

    def __init__(self, survivor: Survivor) -> None:
        self.survivor = survivor
        self.rows = survivor.rows

    def written(self, number: int) -> list[str]:
        """Kinds of CEL records of a caller's own channel."""
        path = self.survivor.asterisk.places.cel
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.split('"')[1] for line in lines if f'"{number}"' in line]

    async def wrote(self, number: int, kind: str) -> None:
        await until(lambda: kind in self.written(number), f"{kind} of {number}")

    def calls(self) -> dict[int, tuple[Any, ...]]:
        """By number: outcome, who hung up, and how many calls, contacts, tickets and call-backs owed there are."""
        rows = self.rows(
            "select c.caller_number, min(c.outcome), min(c.hangup_by), count(distinct c.id), count(distinct k.id),"
            " count(distinct kt.ticket_id), count(distinct w.id) from call c left join contact k on k.call_id = c.id"
            " left join contact_ticket kt on kt.contact_id = k.id"
            " left join due_work w on w.subject_id = k.id and w.done_at is null"
            " and w.kind = 'call_back' group by c.caller_number"
        )
        return {int(row[0]): row[1:] for row in rows}

    def spans(self, number: int) -> tuple[float, float]:
        ((talk, wait),) = self.rows("select talk_ms, wait_ms from call where caller_number = ?", str(number))
        return (talk or 0) / 1000, (wait or 0) / 1000

    async def settled(self, count: int) -> None:
        """The journal has told every call, and both records agree with our rows."""

        def agree() -> bool:
            told = self.rows("select source, linkedid, outcome, line from journal_call where outcome is not null")
            ours = self.rows("select linkedid, outcome, line from call where ended_at is not null")
            return all(
                sorted(row[1:] for row in told if row[0] == source) == sorted(ours) and len(ours) == count
                for source in ("cel", "queue_log")
            )

        await until(agree, lambda: f"{self.rows('select * from journal_call')}, {self.calls()}")


async def test_calls_of_a_time_in_which_nobody_listened(away: Survivor) -> None:
    a, b, c = away.names
    asked = Asked(away)
    async with Ami(away.house.settings.ami_port, "actions", away.asterisk.secrets().actions) as ami:

        async def tell(action: str, name: str, **more: str) -> None:
            said = await ami.send(action, Queue="hotline", Interface=f"PJSIP/{name}", **more)
            assert said["Response"] == "Success", said

        await tell("QueueAdd", a, MemberName=a)
        talks = away.call(TALK, 120_000)
        await asked.wrote(TALK, "BRIDGE_ENTER")
        waits = away.call(WAITS, 120_000)
        await asked.wrote(WAITS, "HLQUEUED")
        await until(lambda: len(asked.calls()) == 2, "both are known")
        await away.becomes("on_call", "offline", "offline")

        away.kill_ours()
        last = away.call(LAST_LINE, 120_000, "2912345")
        await asked.wrote(LAST_LINE, "HLQUEUED")
        await away.call(BLOCKED, 120_000, "2912345").end()
        gives_up = away.call(GIVES_UP, 120_000)
        await asked.wrote(GIVES_UP, "HLQUEUED")
        await hang_up(talks, waits, last, gives_up)
        await tell("QueueAdd", b, MemberName=b)
        await away.call(AWAY_TALK, 2500).end()
        for name in (a, b):
            await tell("QueueRemove", name)
        await away.call(RECORDED, 3000).end()
        stays = away.call(STAYS, 120_000)
        await asked.wrote(STAYS, "HLRECORDING")

        await away.house.start()
        await asyncio.wait_for(hang_up(stays), 30)
        await asked.settled(8)
        assert asked.calls() == {
            TALK: ("answered", "caller", 1, 1, 1, 0),
            WAITS: ("abandoned", "caller", 1, 1, 1, 1),
            LAST_LINE: ("abandoned", "caller", 1, 1, 1, 1),
            BLOCKED: ("blocked", "system", 1, 1, 1, 1),
            GIVES_UP: ("abandoned", "caller", 1, 1, 1, 1),
            AWAY_TALK: ("answered", "caller", 1, 1, 1, 0),
            RECORDED: ("voicemail", "caller", 1, 1, 1, 1),
            STAYS: ("voicemail", "caller", 1, 1, 1, 1),
        }
        assert asked.rows("select count(*) from due_work where kind = 'listen'") == [(2,)]
        assert away.record(AWAY_TALK)["agent"] == b
        talked, waited = asked.spans(AWAY_TALK)
        assert 0.5 < talked < 2.5
        assert waited < 2.5
        assert asked.rows("select count(*) from call where line = 'unknown'") == [(0,)]
        assert asked.rows("select count(*) from event_parked") == [(0,)]
        assert [row[0] for row in asked.rows("select state from agent")] == ["offline"] * 3

        # All of it is read again, as if for the first time.
        before = asked.rows("select * from call order by id"), asked.rows("select count(*) from call_offer")
        told = asked.rows(EVENTS)
        away.kill_ours()
        for table in ("journal_file", "journal_call"):
            deployment.write(away.house.settings, f"delete from {table}")
        await away.house.start()
        await asked.settled(8)
        assert (asked.rows("select * from call order by id"), asked.rows("select count(*) from call_offer")) == before
        assert asked.rows(EVENTS) == told

        # Asterisk dies in a talk; then both, in another.
        await tell("QueueAdd", c, MemberName=c)
        away.call(CUT, 120_000)
        await asked.wrote(CUT, "BRIDGE_ENTER")
        await away.becomes("offline", "offline", "on_call")
        epoch = away.epoch()
        killed = away.kill_asterisk()
    await away.live_again(killed, epoch)
    await asked.settled(9)
    async with Ami(away.house.settings.ami_port, "actions", away.asterisk.secrets().actions) as ami:
        await ami.send("QueuePause", Queue="hotline", Interface=f"PJSIP/{c}", Paused="false")
        away.call(CUT_TWICE, 120_000)
        await asked.wrote(CUT_TWICE, "BRIDGE_ENTER")
        away.kill_asterisk()
        away.kill_ours()
    await away.house.start()
    await asked.settled(10)
    for number in (CUT, CUT_TWICE):
        assert asked.calls()[number] == ("failed", "system", 1, 1, 1, 1)
        assert asked.spans(number)[0] == 0
        assert away.record(number)["agent"] == c

    # Files get other names while calls pass: by us once a day, by an operator's rotation at any time.
    places, sipps = away.asterisk.places, []
    for index in range(4):
        sipps.append(away.call(RENAMED + index, 1500))
        for path in (places.cel, places.queue_log):
            if path.exists():
                path.rename(path.with_name(f"{path.name}.{index}"))
        await away.asterisk.reopen_logs()
    for sipp in sipps:
        await sipp.end()
    await asked.settled(14)
    assert {asked.calls()[RENAMED + index][2:5] for index in range(4)} == {(1, 1, 1)}
    files = asked.rows("select count(*) from journal_file where cut_at is not null")
    assert files[0][0] >= 4
    for path in places.log.rglob("*"):
        assert path.is_dir() or path.stat().st_mode & 0o077 == 0, path
