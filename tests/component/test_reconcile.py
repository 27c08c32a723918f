"""Rows and Asterisk are made to agree: after a restart of Asterisk it is told what it forgot, while connected only what
two looks found is put right.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from hotline.agents import reconcile
from hotline.agents import service as agents
from hotline.agents.commands import AgentDesk
from hotline.agents.models import Agent
from hotline.agents.reconcile import Wish
from hotline.agents.supervision import SupervisorDesk
from hotline.bus import InProcessBus
from hotline.calls.models import Call, PbxNode
from hotline.db import Database
from hotline.errors import NotDone, TelephonyError
from hotline.events import DriftCorrected
from hotline.handlers import Handlers
from hotline.settings import Settings
from hotline.telephony import messages as m
from hotline.telephony.actions import Command
from hotline.telephony.asterisk import Asterisk
from hotline.telephony.connection import GONE
from hotline.telephony.parser import Block
from hotline.worker import Worker
from tests import factories, pbx_model
from tests.pbx_model import BOOT, Pbx, transcript

AT = pbx_model.T0
MINUTE = timedelta(minutes=1)
TALK = transcript("answered-caller-hangs-up")
MEMBER = "a1"


class Manager:
    """Asterisk's ear for commands. `away`: so many are not taken, for there is no connection."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.away = 0
        self.refuses: dict[str, str] = {}

    async def __call__(self, command: Command) -> Mapping[str, str]:
        if self.away:
            self.away -= 1
            raise TelephonyError(GONE)
        if command.action in self.refuses:
            raise TelephonyError(self.refuses[command.action])
        values = dict(command.headers)
        reason = values.get("Reason", "") if values.get("Paused") == "true" else "-"
        what = values.get("Channel", "").removeprefix("Local/").partition("@")[0] or reason
        self.said.append(f"{command.action} {what}")
        return {}


@pytest.fixture
def manager() -> Manager:
    return Manager()


@pytest.fixture
def work(db: Database, manager: Manager, tmp_path: Path) -> Worker:
    db.dispatch = Handlers(lambda at: at).dispatch
    settings = Settings(data_dir=tmp_path, ami_port=1)
    return Worker(
        settings,
        db=db,
        bus=InProcessBus(),
        asterisk=cast(Asterisk, None),
        desk=AgentDesk(db, manager, settings=settings, now=lambda: AT),
        supervision=SupervisorDesk(db, manager, now=lambda: AT),
        ami_secret="",
    )


def _snapshot(
    *, paused: str | None = None, member: bool = True, device: str = "NOT_INUSE", boot: str = BOOT, at: Any = AT
) -> m.Snapshot:
    one = m.QueueMember(
        at=at, kind="snapshot", queue="hotline", member=MEMBER, interface=f"PJSIP/{MEMBER}", status=1,
        paused=paused is not None, reason=paused,
    )  # fmt: skip
    return m.Snapshot(at, boot, (), (one,) if member else (), (), {f"PJSIP/{MEMBER}": device})


def _row(state: str, reason: str | None = None, **values: Any) -> Agent:
    usual: dict[str, Any] = {
        "endpoint": MEMBER, "state": state, "reason": reason, "in_queue": state != "offline", "since": AT,
        "phone": "ok", "phone_since": AT - MINUTE, "wrap_up_until": None, "pending": None, "pending_at": None,
    }  # fmt: skip
    return Agent(**(usual | values))


# What an Asterisk that has just started must be told

OUT, READY = Wish(MEMBER, False), Wish(MEMBER, True)


def _paused(reason: str) -> Wish:
    return Wish(MEMBER, True, reason)


def _until(end: Any) -> Wish:
    return Wish(MEMBER, True, "ACW", end)


@pytest.mark.parametrize(
    ("row", "said", "wish"),
    [
        (_row("ready"), _snapshot(), None),
        (_row("ready"), _snapshot(member=False), READY),
        (_row("ready"), _snapshot(paused="LUNCH"), READY),
        (_row("ready"), _snapshot(paused="ACW"), READY),
        (_row("ringing"), _snapshot(member=False), READY),
        (_row("offline"), _snapshot(member=False), None),
        (_row("offline"), _snapshot(), OUT),
        (_row("paused", "LUNCH"), _snapshot(paused="LUNCH"), None),
        (_row("paused", "LUNCH"), _snapshot(), _paused("LUNCH")),
        (_row("paused", "PHONE"), _snapshot(member=False), _paused("PHONE")),
        (_row("wrap_up", "ACW", wrap_up_until=AT + MINUTE), _snapshot(paused="ACW"), _until(AT + MINUTE)),
        (_row("wrap_up", "ACW", wrap_up_until=AT + MINUTE), _snapshot(), _until(AT + MINUTE)),
        (_row("wrap_up", "ACW", since=AT - MINUTE / 2), _snapshot(member=False), _until(AT + MINUTE / 2)),
        (_row("wrap_up", "ACW", wrap_up_until=AT - MINUTE), _snapshot(), None),
        (_row("wrap_up", "ACW", wrap_up_until=AT - MINUTE), _snapshot(paused="ACW"), READY),
        (_row("wrap_up"), _snapshot(), None),
        (_row("on_call"), _snapshot(), _until(AT + MINUTE)),
        (_row("on_call", "LUNCH"), _snapshot(), _paused("LUNCH")),
        (_row("ready", pending="pause:BREAK", pending_at=AT), _snapshot(), _paused("BREAK")),
        (_row("ready", pending="pause:BREAK", pending_at=AT - MINUTE), _snapshot(), None),
        (_row("paused", "LUNCH", pending="ready", pending_at=AT), _snapshot(paused="LUNCH"), READY),
        (_row("offline", pending="ready", pending_at=AT), _snapshot(member=False), READY),
        (_row("ready", pending="log_off", pending_at=AT), _snapshot(), OUT),
        (_row("ready", pending="failed", pending_at=AT), _snapshot(), None),
    ],
)
def test_what_asterisk_forgot_is_told_by_the_rows(row: Agent, said: m.Snapshot, wish: Wish | None) -> None:
    wishes = reconcile.forgotten([row], said, wrap_up=MINUTE, heard_all=True)
    assert wishes == ((wish,) if wish is not None else ())


def test_a_wrap_up_that_began_while_we_were_away_is_believed() -> None:
    rows, said = [_row("ready")], _snapshot(paused="ACW")
    assert reconcile.forgotten(rows, said, wrap_up=MINUTE, heard_all=False) == ()


def test_without_wrap_up_a_call_that_died_with_asterisk_leaves_its_agent_ready() -> None:
    assert reconcile.forgotten([_row("on_call")], _snapshot(), wrap_up=timedelta(), heard_all=True) == ()


async def _house(db: Database, state: str, reason: str | None = None, *, boot: str = "2020-01-01T00:00:00") -> None:
    row = _row(state, reason)
    async with db.write() as tx:
        await factories.agent(
            tx, endpoint=MEMBER, state=state, reason=reason, in_queue=row.in_queue, since=AT, phone="ok",
            phone_since=AT - MINUTE,
        )  # fmt: skip
        tx.session.add(PbxNode(name="pbx1", boot=boot, state="live", since=AT, epoch=1))


async def _agent(db: Database) -> Agent:
    async with db.read() as tx:
        agent = await agents.by_endpoint(tx, MEMBER)
    assert agent is not None
    return agent


async def test_after_a_restart_of_asterisk_a_ready_agent_is_rung_again(
    work: Worker, db: Database, manager: Manager
) -> None:
    await _house(db, "ready")
    manager.away = 3
    await work.on_snapshot(_snapshot(member=False))
    assert manager.said == ["Originate acw-clear", "QueueAdd -"]
    assert ((await _agent(db)).state, [row.type for row in await db.after(0)]) == ("ready", ["NodeChanged"])


async def test_after_a_restart_of_asterisk_a_pause_holds_also_where_the_member_is_there(
    work: Worker, db: Database, manager: Manager
) -> None:
    await _house(db, "paused", "LUNCH")
    manager.refuses = {"QueueAdd": "Unable to add interface: Already there"}
    await work.on_snapshot(_snapshot())
    assert manager.said == ["Originate acw-clear", "QueuePause LUNCH"]
    agent = await _agent(db)
    assert (agent.state, agent.reason) == ("paused", "LUNCH")


async def test_whose_call_died_with_asterisk_has_time_to_write(work: Worker, db: Database, manager: Manager) -> None:
    await _house(db, "on_call")
    await work.on_snapshot(_snapshot())
    assert manager.said == ["Originate acw-set", "QueueAdd ACW"]
    agent = await _agent(db)
    assert (agent.state, agent.reason, agent.wrap_up_until) == ("wrap_up", "ACW", AT + MINUTE)


async def test_what_asterisk_could_not_be_told_is_told_at_the_next_connect(
    work: Worker, db: Database, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotline.agents.commands.RESTORE_S", 0.01)
    await _house(db, "ready")
    manager.away = 1000
    with pytest.raises(TelephonyError):
        await work.on_snapshot(_snapshot(member=False))
    assert (await _agent(db)).state == "ready"
    manager.away = 0
    await work.on_snapshot(_snapshot(member=False))
    assert manager.said[-1] == "QueueAdd -"
    await work.on_snapshot(_snapshot(member=False))
    assert manager.said.count("QueueAdd -") == 1  # the same start: Asterisk is right
    assert (await _agent(db)).state == "offline"


async def test_an_asterisk_that_lived_on_is_right(work: Worker, db: Database, manager: Manager) -> None:
    await _house(db, "ready", boot=BOOT)
    await work.on_snapshot(_snapshot(paused="ACW"))
    assert (manager.said, (await _agent(db)).state) == ([], "wrap_up")


async def test_a_wrap_up_that_began_while_we_were_away_ends_when_asterisk_keeps_that_it_does(
    work: Worker, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _house(db, "on_call", boot=BOOT)
    end = AT + timedelta(seconds=20)

    async def collect(command: Command) -> list[Block]:
        if command.headers != (("Family", "hl/acw"), ("Key", MEMBER)):
            raise NotDone("Database entry not found")
        return [Block([("Event", "DBGetResponse"), ("Val", f"{end.timestamp():.0f}")])]

    monkeypatch.setattr(work.events, "collect", collect)
    await work.on_snapshot(_snapshot(paused="ACW"))
    agent = await _agent(db)
    assert (agent.state, agent.wrap_up_until) == ("wrap_up", end)


# While connected


async def _corrections(db: Database) -> list[tuple[str, str, str]]:
    rows = [row for row in await db.after(0) if row.type == DriftCorrected.__name__]
    return [(row.data["kind"], row.data["subject"], row.data["what"]) for row in rows]


async def _connected(work: Worker, snapshot: m.Snapshot) -> None:
    await work.on_snapshot(snapshot)
    await work.on_state("live")


async def test_a_call_that_vanished_unheard_is_ended_by_the_second_look(work: Worker, db: Database) -> None:
    await _connected(work, replace(_snapshot(), members=()))
    await work.on_batch(TALK[:-3])
    quiet = Pbx.after(TALK).snapshot()
    await work.on_snapshot(quiet)
    assert await _corrections(db) == []
    assert work.events._inbox is not None
    assert work.events._inbox.stale.is_set()  # a second look is asked for soon
    await work.on_snapshot(quiet)
    own = TALK[0].channel.linkedid  # type: ignore[attr-defined]
    assert await _corrections(db) == [("call", own, "ended")]
    async with db.read() as tx:
        call = (await tx.session.scalars(select(Call))).one()
    assert (call.phase, call.outcome) == ("ended", "answered")
    await work.on_snapshot(quiet)
    assert work.corrections == len(await _corrections(db)) == 1


async def test_what_is_on_its_way_is_no_drift_however_often_one_looks(work: Worker, db: Database) -> None:
    await _connected(work, replace(_snapshot(), members=()))
    for middle in range(0, len(TALK) - 2, 2):
        await work.on_snapshot(Pbx.after(TALK[: middle + 2]).snapshot(behind=TALK[middle : middle + 2]))
        await work.on_batch(TALK[middle : middle + 2])
    assert (await _corrections(db), work.corrections) == ([], 0)


@pytest.mark.parametrize(
    ("row", "said", "drift", "state"),
    [
        (("ready", None), _snapshot(member=False), ("member", MEMBER, "left"), "offline"),
        (("offline", None), _snapshot(), ("member", MEMBER, "joined"), "ready"),
        (("ready", None), _snapshot(paused="LUNCH"), ("member", MEMBER, "paused"), "paused"),
        (("paused", "LUNCH"), _snapshot(), ("member", MEMBER, "unpaused"), "ready"),
        (("ready", None), _snapshot(device="UNAVAILABLE"), ("phone", MEMBER, "lost"), "ready"),
        (("on_call", None), _snapshot(), ("member", MEMBER, "ended"), "wrap_up"),
    ],
)
async def test_an_agent_of_whom_asterisk_says_otherwise_in_two_looks_is_put_right(
    work: Worker, db: Database, row: tuple[str, str | None], said: m.Snapshot, drift: tuple[str, str, str], state: str
) -> None:
    await _house(db, *row, boot=BOOT)
    work._agree = True
    await work.on_state("live")
    await work.on_snapshot(said)
    assert (await _corrections(db), (await _agent(db)).state) == ([], row[0])
    await work.on_snapshot(said)
    assert await _corrections(db) == [drift]
    assert (await _agent(db)).state == state
    assert (await _agent(db)).phone == ("lost" if drift[0] == "phone" else "ok")


async def test_a_registration_that_outlives_a_sign_off_is_no_drift(work: Worker, db: Database) -> None:
    await _house(db, "offline", boot=BOOT)
    async with db.write() as tx:
        agent = await agents.by_endpoint(tx, MEMBER)
        assert agent is not None
        agent.phone = "none"
    work._agree = True
    await work.on_state("live")
    for _ in range(2):
        await work.on_snapshot(_snapshot(member=False))
    assert await _corrections(db) == []
