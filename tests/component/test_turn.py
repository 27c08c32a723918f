"""Of two Asterisks one has the agents: callers who come to the other bring them there."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from hotline.agents.commands import AgentDesk
from hotline.agents.models import Agent
from hotline.agents.reconcile import Wish
from hotline.agents.supervision import SupervisorDesk
from hotline.bus import InProcessBus
from hotline.calls import nodes
from hotline.calls.models import Call, PbxNode
from hotline.db import Database
from hotline.errors import StartupError, TelephonyError
from hotline.handlers import Handlers
from hotline.settings import Settings
from hotline.telephony import messages as m
from hotline.telephony.asterisk import Asterisk
from hotline.worker import Worker
from tests import factories, pbx_model
from tests.fake_asterisk import SECRET
from tests.pbx_model import BOOT, transcript

COMES, *_REST = transcript("answered-caller-hangs-up")
QUIET = m.Snapshot(factories.T0, BOOT, (), (), (), {})
OLD_BOOT = "2020-01-01T00:00:00"


class Node:
    """One machine's worker, with what it told its Asterisk. `claims`: it says `active`."""

    def __init__(self, db: Database, folder: Path, name: str, managers: Mapping[str, int]) -> None:
        self.phones: list[str] = []
        self.restored: list[Wish] = []
        self.claims = False
        self.settings = settings_of(folder / name, name, managers)
        self.worker = Worker(
            self.settings,
            db=db,
            bus=InProcessBus(),
            asterisk=cast(Asterisk, self),
            desk=cast(AgentDesk, self),
            supervision=SupervisorDesk(db, unheard),
            ami_secret=SECRET,
        )

    # As Asterisk and desk

    async def claim_turn(self, is_ours: bool) -> None:
        self.claims = is_ours

    async def write_agents(self, phones: Iterable[tuple[str, str]], _outside: Mapping[str, str] | None = None) -> None:
        self.phones = [endpoint for endpoint, _secret in phones]

    async def restore(self, wishes: Sequence[Wish]) -> None:
        self.restored = list(wishes)


async def unheard(_command: object) -> Any:
    raise TelephonyError("nobody is there")


def settings_of(folder: Path, name: str, managers: Mapping[str, int]) -> Settings:
    return Settings(
        data_dir=folder,
        node=name,
        ami_port=managers[name],
        nodes=",".join(f"{node}:{port}" for node, port in managers.items()),
        sip_ws_url=",".join(f"wss://phones.test/sip/{node}" for node in managers),
    )


@asynccontextmanager
async def manager(says: bytes = b"Asterisk Call Manager/9.0.0\r\n") -> AsyncIterator[int]:
    """Somebody's manager port."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


@pytest.fixture
async def here() -> AsyncIterator[int]:
    async with manager() as port:
        yield port


async def dead_port() -> int:
    async with manager() as port:
        return port


@pytest.fixture
async def pair(db: Database, tmp_path: Path, here: int) -> tuple[Node, Node]:
    """pbx1 has the agents, and dies without a word; pbx2 stands by."""
    db.dispatch = Handlers(lambda at: at).dispatch
    managers = {"pbx1": await dead_port(), "pbx2": here}
    one, other = (Node(db, tmp_path, name, managers) for name in managers)
    await one.worker.on_snapshot(replace(QUIET, boot=OLD_BOOT))
    await other.worker.on_snapshot(QUIET)
    for node in (one, other):
        await node.worker.on_state("live")
    return one, other


async def a_call_comes(node: Node) -> None:
    await node.worker.on_batch([COMES, *_REST[:2]])
    await node.worker.on_snapshot(replace(QUIET, at=pbx_model.at(1)))


async def active(db: Database, node: Node) -> str:
    async with db.read() as tx:
        return await nodes.active(tx, node.settings)


async def agents(db: Database) -> list[tuple[str, str, str | None, bool]]:
    async with db.read() as tx:
        rows = await tx.session.scalars(select(Agent).order_by(Agent.endpoint))
        return [(row.endpoint, row.state, row.reason, row.in_queue) for row in rows]


def added(endpoint: str) -> m.QueueMember:
    return m.QueueMember(
        at=factories.T0, kind="added", queue="hotline", member=endpoint, interface=f"PJSIP/{endpoint}", status=1,
        paused=False, reason=None,
    )  # fmt: skip


async def test_the_preferred_one_has_the_agents_until_a_call_comes_to_the_other(
    pair: tuple[Node, Node], db: Database
) -> None:
    one, other = pair
    assert (await active(db, one), one.claims, other.claims) == ("pbx1", True, False)
    await a_call_comes(other)
    assert (await active(db, one), other.claims) == ("pbx2", True)
    await one.worker.turn.look()
    assert (one.worker.turn.is_ours, one.claims) == (False, False)


async def test_what_the_standby_says_of_agents_is_not_believed_and_its_calls_are_on_record(
    pair: tuple[Node, Node], db: Database
) -> None:
    one, other = pair
    async with db.write() as tx:
        await factories.agent(tx, endpoint="a1")
    await other.worker.on_batch([added("a1"), COMES, *_REST[:2]])
    assert await agents(db) == [("a1", "offline", None, False)]
    async with db.read() as tx:
        assert list(await tx.session.scalars(select(Call.node))) == ["pbx2"]
    await one.worker.on_batch([added("a1")])
    assert await agents(db) == [("a1", "ready", None, True)]


async def test_who_gave_the_agents_away_is_not_believed_even_before_it_knows(
    pair: tuple[Node, Node], db: Database
) -> None:
    one, other = pair
    async with db.write() as tx:
        await factories.agent(tx, endpoint="a1")
    await a_call_comes(other)
    assert one.worker.turn.is_ours  # it has not looked yet
    await one.worker.on_batch([added("a1")])
    assert await agents(db) == [("a1", "offline", None, False)]


async def test_agents_come_as_their_rows_have_them_and_calls_of_the_dead_end(
    pair: tuple[Node, Node], db: Database
) -> None:
    _one, other = pair
    async with db.write() as tx:
        talks = await factories.call(tx, phase="talking", answered_at=factories.T0)
        waits = await factories.call(tx)
        common = {"in_queue": True, "phone": "ok"}
        await factories.agent(tx, endpoint="a1", state="on_call", call_id=talks.id, **common)
        await factories.agent(tx, endpoint="a2", state="paused", reason="LUNCH", **common)
        await factories.agent(tx, endpoint="a3", state="ringing", call_id=waits.id, **common)
        await factories.agent(tx, endpoint="a4")
    await a_call_comes(other)
    assert [(wish.endpoint, wish.in_queue, wish.reason) for wish in other.restored] == [
        ("a1", True, "ACW"), ("a2", True, "LUNCH"), ("a3", True, None)
    ]  # fmt: skip
    assert await agents(db) == [
        ("a1", "wrap_up", "ACW", True), ("a2", "paused", "LUNCH", True), ("a3", "ready", None, True),
        ("a4", "offline", None, False),
    ]  # fmt: skip
    async with db.read() as tx:
        ended = await tx.session.execute(select(Call.outcome, Call.hangup_by, Call.phase).where(Call.node == "pbx1"))
        assert [tuple(row) for row in ended] == [("failed", "system", "ended")] * 2


async def test_calls_that_go_on_at_the_other_one_keep_their_agents(db: Database, tmp_path: Path, here: int) -> None:
    """Callers are sent here on purpose: the one before lives."""
    db.dispatch = Handlers(lambda at: at).dispatch
    async with manager() as lives:
        other = Node(db, tmp_path, "pbx2", {"pbx1": lives, "pbx2": here})
        async with db.write() as tx:
            tx.session.add(PbxNode(name="pbx1", boot=OLD_BOOT, state="live", since=factories.T0, epoch=1, turn=1))
            talks = await factories.call(tx, phase="talking", answered_at=factories.T0)
            await factories.agent(tx, endpoint="a1", state="on_call", call_id=talks.id, in_queue=True, phone="ok")
        await other.worker.on_snapshot(QUIET)
        await a_call_comes(other)
    assert await active(db, other) == "pbx2"
    assert await agents(db) == [("a1", "on_call", None, True)]
    async with db.read() as tx:
        assert (await tx.session.scalar(select(Call.ended_at).where(Call.node == "pbx1"))) is None


async def test_calls_of_one_that_dies_after_it_gave_the_agents_away_end(pair: tuple[Node, Node], db: Database) -> None:
    _one, other = pair
    await a_call_comes(other)
    async with db.write() as tx:
        await factories.call(tx)
    for second in range(5):
        await other.worker.turn.sweep(pbx_model.at(10 + second))
    async with db.read() as tx:
        states = dict((await tx.session.execute(select(PbxNode.name, PbxNode.state))).all())
        left = list(await tx.session.scalars(select(Call.node).where(Call.ended_at.is_(None))))
    assert (left, states) == ([], {"pbx1": "stale", "pbx2": "live"})


async def test_both_are_told_the_phones_and_only_one_says_that_they_are_ready(
    pair: tuple[Node, Node], db: Database
) -> None:
    one, other = pair
    async with db.write() as tx:
        await factories.agent(tx, endpoint="a1", phone_version=1, phone_secret="s1")
    await other.worker.provision()
    assert (other.phones, [row.type for row in await db.after(0)].count("PhoneProvisioned")) == (["a1"], 0)
    await one.worker.provision()
    assert (one.phones, [row.type for row in await db.after(0)].count("PhoneProvisioned")) == (["a1"], 1)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"nodes": "pbx1:5038"}, "two nodes"),
        ({"nodes": "pbx1:5038,pbx2:5038"}, "two nodes"),
        ({"nodes": "pbx1:5038,pbx2"}, "name:port"),
        ({"nodes": "pbx2:5038,pbx3:5039"}, "this machine's own"),
        ({"nodes": "pbx1:5038,pbx2:5039"}, "an address for each"),
        ({"sip_ws_url": "wss://a/1,wss://a/2"}, "no nodes"),
    ],
)
def test_settings_that_name_no_pair_are_refused(values: dict[str, str], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Settings(**values)  # type: ignore[arg-type]


def test_console_and_worker_of_a_pair_are_apart(tmp_path: Path) -> None:
    from hotline.app import App  # noqa: PLC0415 - it loads much

    with pytest.raises(StartupError, match="--roles web"):
        App(settings_of(tmp_path, "pbx1", {"pbx1": 5038, "pbx2": 5039}))
