"""Which of several Asterisks has the agents: the one that took its turn last. Rows only.

Where callers go is not decided here but by whoever sends them (deploy/kamailio): a node's worker takes the turn when a
call has come to its Asterisk, so that agents follow callers. With one node there is nothing to ask.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select

from hotline.calls import service
from hotline.calls.models import Call, PbxNode
from hotline.calls.tracker import Tracker
from hotline.db import Tx
from hotline.events import CallEvent, NodeChanged
from hotline.settings import Settings
from hotline.telephony.messages import Snapshot

_TURNS = select(PbxNode.name, PbxNode.turn).order_by(PbxNode.turn.desc())
_DEAD = "ended"  # no start that an Asterisk would say


async def active(tx: Tx, settings: Settings) -> str:
    """The node whose turn it is; before anybody took one, the preferred node."""
    nodes: Mapping[str, int] = settings.manager_ports
    if len(nodes) == 1:
        return settings.node
    for name, turn in await tx.session.execute(_TURNS):
        if turn and name in nodes:
            return str(name)
    return next(iter(nodes))


async def with_open_calls(tx: Tx, names: Iterable[str]) -> frozenset[str]:
    """Which of these nodes have calls that go on. One statement."""
    found = (
        select(Call.node).where(Call.node.in_(list(names)), Call.ended_at.is_(None), Call.phase != "merged").distinct()
    )
    return frozenset(await tx.session.scalars(found))


async def said_to_live(tx: Tx, names: Iterable[str]) -> Sequence[str]:
    found = select(PbxNode.name).where(PbxNode.name.in_(list(names)), PbxNode.state == "live")
    return list(await tx.session.scalars(found))


async def mark_left(tx: Tx, names: Iterable[str], at: datetime) -> None:
    """Nobody follows these any more."""
    for row in await tx.session.scalars(select(PbxNode).where(PbxNode.name.in_(list(names)), PbxNode.state == "live")):
        row.state, row.since = "stale", at
        key = f"{row.name}:node:left:{at.isoformat()}"
        tx.emit(NodeChanged(at=at, dedupe_key=key, node=row.name, state=row.state, epoch=row.epoch))


async def take_turn(tx: Tx, node: PbxNode) -> None:
    """From the commit on it is this node's turn."""
    await tx.in_turn("pbx turn")
    node.turn = (await tx.session.scalar(select(func.max(PbxNode.turn))) or 0) + 1


async def cut_off(tx: Tx, dead: Iterable[str], at: datetime) -> list[CallEvent]:
    """Calls of nodes whose Asterisk is gone end now, as after its restart; its own records, once somebody reads them,
    say when.
    """
    events: list[CallEvent] = []
    for name in dead:
        calls = await service.open_calls(tx, name)
        if not calls:
            continue
        row = await tx.session.get(PbxNode, name)
        tracker = Tracker(name)
        tracker.boot = (row.boot if row is not None else None) or ""
        tracker.adopt(calls)
        events += tracker.resync(Snapshot(at, _DEAD, (), (), (), {}))
    return events
