"""Whether this node's Asterisk has the agents, where there is a second one as hot standby.

Callers are sent by somebody else (deploy/kamailio), who tells nobody: a call that comes here while another node has the
agents says that it cannot be reached any more, or that somebody sends callers here on purpose. Either way agents follow
callers. Used by the worker; rows are calls.nodes.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from hotline import leadership
from hotline.agents import reconcile
from hotline.calls import nodes
from hotline.calls.models import PbxNode
from hotline.db import Database, Tx
from hotline.errors import TelephonyError
from hotline.events import CallEvent, CallStarted
from hotline.settings import Settings
from hotline.telephony import ports
from hotline.telephony.asterisk import Asterisk

log = structlog.get_logger()
_BANNER = b"Asterisk Call Manager"
_SURE = timedelta(seconds=3)  # a node that gave the agents away may lose its manager for a moment


class Turn:
    """This node's part. `is_ours`: it has the agents, as far as was seen at the last look. `is_wanted`: a call has come
    here, so the turn is to be taken with the next snapshot.
    """

    def __init__(self, settings: Settings, db: Database, asterisk: Asterisk) -> None:
        self._settings, self._db, self._asterisk = settings, db, asterisk
        self.is_shared = len(settings.manager_ports) > 1
        self.is_ours = not self.is_shared
        self.is_wanted = False
        self._others = {name: port for name, port in settings.manager_ports.items() if name != settings.node}
        self._silent_since: dict[str, datetime] = {}

    def called(self, events: Iterable[CallEvent]) -> bool:
        """Whether one of these is a caller who was sent here though another node has the agents."""
        if self.is_ours or self.is_wanted:
            return False
        self.is_wanted = any(isinstance(event, CallStarted) and event.direction == "inbound" for event in events)
        if self.is_wanted:
            log.warning("turn.wanted: a call has come here", node=self._settings.node)
        return self.is_wanted

    async def look(self) -> None:
        """What the rows say. Asterisk is told when that has changed. Raises SQLAlchemyError or OSError."""
        if not self.is_shared:
            return
        async with self._db.read() as tx:
            found = await nodes.active(tx, self._settings)
        if (found == self._settings.node) != self.is_ours:
            self.is_ours = not self.is_ours
            log.warning("turn.ours" if self.is_ours else "turn.given away", node=self._settings.node, active=found)
            await self.tell()

    async def tell(self) -> None:
        """Asterisk says whether it has the agents: to callers who find nobody (hl-open), and to who sends callers, when
        asked for `active`. It forgets that with its end: so one that comes back claims nothing.
        """
        if not self.is_shared:
            return
        try:
            await self._asterisk.claim_turn(self.is_ours)
        except TelephonyError as error:  # told again with the next snapshot
            log.warning("turn.not told", error=error.message)

    async def is_still_ours(self, tx: Tx) -> bool:
        """In the transaction that would believe what this Asterisk says of agents."""
        return not self.is_shared or await nodes.active(tx, self._settings) == self._settings.node

    async def take(self, tx: Tx, row: PbxNode) -> None:
        """From the commit on; then `taken`."""
        await nodes.take_turn(tx, row)

    async def taken(self) -> None:
        self.is_ours, self.is_wanted = True, False
        log.warning("turn.taken", node=self._settings.node)
        await self.tell()

    async def dead(self) -> frozenset[str]:
        """Nodes whose Asterisk does not answer now."""
        names = tuple(self._others)
        answers = await asyncio.gather(*(ports.greets(self._others[name], _BANNER) for name in names))
        return frozenset(name for name, answered in zip(names, answers, strict=True) if not answered)

    async def elsewhere(self, tx: Tx, dead: Iterable[str]) -> frozenset[str]:
        """Endpoints whose call goes on at a node that lives."""
        return await reconcile.with_calls_at(tx, set(self._others) - set(dead))

    async def cut_off(self, tx: Tx, dead: Iterable[str], at: datetime) -> None:
        """Their calls have ended."""
        for event in await nodes.cut_off(tx, dead, at):
            tx.emit(event)

    async def _mark_left(self, at: datetime) -> None:
        """A node whose worker is gone with its machine cannot say so itself."""
        async with self._db.read() as tx:
            rows = await nodes.said_to_live(tx, self._others)
        folder = self._settings.data_dir.resolve()
        left = [name for name in rows if (await leadership.workers(self._db, name, folder)).leader is None]
        if left:
            async with self._db.write() as tx:
                await nodes.mark_left(tx, left, at)

    async def sweep(self, at: datetime) -> None:
        """Once a second: calls of a node that died after it gave the agents away."""
        if not (self.is_shared and self.is_ours):
            return
        await self._mark_left(at)
        async with self._db.read() as tx:
            busy = await nodes.with_open_calls(tx, self._others)
        silent = await self.dead() if busy else frozenset()
        self._silent_since = {name: self._silent_since.get(name, at) for name in busy & silent}
        dead = {name for name, since in self._silent_since.items() if at - since >= _SURE}
        if dead:
            log.warning("turn.cut off: calls of a node that does not answer", nodes=sorted(dead))
            async with self._db.write() as tx:
                await self.cut_off(tx, dead, at)
