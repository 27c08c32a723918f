"""Fault plans over real sockets: the client, the worker and the store end with what happened, whatever went wrong."""

from pathlib import Path

import pytest

from hotline.db import Database
from hotline.handlers import Handlers
from hotline.telephony import messages as m
from hotline.telephony.parser import Parser
from tests import fault_journal
from tests.ami_wire import wire
from tests.fake_asterisk import BANNER
from tests.fault_journal import JournalPlay
from tests.fault_plans import KINDS, FaultPlan, Kind
from tests.fault_sockets import SocketPlay, judged

SAMPLE = 15
HEALED = 12


async def _wrong(plan: FaultPlan, db: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    db.dispatch = Handlers(lambda at: at).dispatch
    return await judged(await SocketPlay(plan, db, folder, monkeypatch).run())


@pytest.mark.parametrize("seed", range(SAMPLE))
async def test_the_end_of_every_plan_is_the_truth(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    plan = FaultPlan.random(seed, calls=4)
    assert (str(plan), await _wrong(plan, db, tmp_path, monkeypatch)) == (str(plan), [])


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_fault_alone(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    plan = FaultPlan.random(100, calls=4, kinds=[kind])
    assert (str(plan), await _wrong(plan, db, tmp_path, monkeypatch)) == (str(plan), [])


def test_a_made_up_day_is_read_from_its_bytes_as_it_was_made_up() -> None:
    told = FaultPlan.random(3, calls=40).day.stream
    read = Parser().feed(BANNER + b"".join(map(wire, told)))
    assert read == told
    assert {type(message) for message in told} >= {m.NewChannel, m.AgentConnect, m.BridgeLeave, m.UserEvent, m.Hangup}


@pytest.mark.parametrize("seed", range(HEALED))
async def test_with_asterisks_own_records_nothing_is_lost(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Connections cut, logins refused, our process and Asterisk killed: each call is there once, as it was."""
    db.dispatch = Handlers(lambda at: at).dispatch
    plan = FaultPlan.random(seed, calls=4, kinds=["cut", "refuse", "kill", "restart", "reorder"])
    play = await JournalPlay(plan, db, tmp_path, monkeypatch).run()
    assert (str(plan), await fault_journal.judged(play)) == (str(plan), [])
