"""Which of a node's workers is at work: the leader, by a lease of the database; the standby waits for it to end.

Asterisk, its journal and what waits for the database are the leader's. A database that restarts, or that the network
keeps from us, drops every lease, and the leader still holds what it could not write: the lock of a file, which ends
with the leader's process alone, keeps a standby of the same node away until then (docs/adr/0008).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import exc

from hotline.clock import from_epoch
from hotline.db import Database
from hotline.engine import Lease
from hotline.errors import StartupError

log = structlog.get_logger()
_LOOK_S = 0.5
_LETTING_GO_S = 2.0
_UNWRITTEN = "old@"  # before Unix seconds


@dataclass(frozen=True, slots=True)
class Workers:
    """Who leads and who stands by, as machine and process; None: nobody. `unwritten_since`: since when the leader
    cannot write what Asterisk tells; None while it can.
    """

    leader: str | None = None
    standby: str | None = None
    unwritten_since: datetime | None = None


class Leadership:
    """This process's part in it. `folder`: the data directory that all workers of the node share. `look_s`: between
    looks at the lease.
    """

    def __init__(self, db: Database, node: str, folder: Path, *, look_s: float = _LOOK_S) -> None:
        self._db, self._node, self._folder, self._look_s = db, node, folder, look_s
        self._lease: Lease | None = None

    @asynccontextmanager
    async def led(self, waiting: Callable[[str], None] | None = None) -> AsyncIterator[None]:
        """Leads inside. With `waiting` it first stands by while somebody else leads, and tells it who that is; without,
        it raises StartupError.
        """
        self._lease = await (self._at_once() if waiting is None else self._stand_by(waiting))
        try:
            yield
        finally:
            with suppress(exc.SQLAlchemyError, OSError):
                await self._lease()

    async def hold(self, unwritten_since: Callable[[], datetime | None] = lambda: None) -> None:
        """Until cancelled. Consoles are told since when what Asterisk tells cannot be written. A database that drops
        the lease is asked for it again, for as long as it is away. Raises StartupError when another machine's worker
        was quicker: then there must be one less.
        """
        noted: datetime | None = None
        while True:
            await asyncio.sleep(self._look_s)
            if self._lease is None:
                continue
            try:
                if await self._lease.is_held():
                    noted = await self._note(noted, unwritten_since())
                    continue
                noted = None
                await self._again(self._lease)
            except (exc.SQLAlchemyError, OSError) as error:
                log.error("worker.lease lost, tried again", error=type(error).__name__)
                continue
            log.warning("worker.lease taken again")

    async def _note(self, noted: datetime | None, since: datetime | None) -> datetime | None:
        if since != noted and self._lease is not None:
            try:
                await self._lease.note(f"{_UNWRITTEN}{int(since.timestamp())}" if since is not None else "")
            except (exc.SQLAlchemyError, OSError):  # a full disk takes no note; whether it is held `is_held` says
                return noted
        return since

    async def has_standby(self) -> bool:
        """Somebody would go on at once if we ended. False also where that cannot be asked."""
        try:
            return (await workers(self._db, self._node, self._folder)).standby is not None
        except (exc.SQLAlchemyError, OSError):
            return False

    async def _try(self) -> Lease | None:
        return await self._db.try_lease(leader_of(self._node), self._folder)

    async def _at_once(self) -> Lease:
        held = await self._try()
        if held is None:
            raise self._refused()
        return held

    async def _again(self, lease: Lease) -> None:
        """Raises StartupError when it has been another's for longer than a broken connection takes to end."""
        end: float | None = None  # counted from the first answer: to connect may have taken longer
        while not await lease.again():
            end = time.monotonic() + _LETTING_GO_S if end is None else end
            if time.monotonic() >= end:
                raise self._refused()
            await asyncio.sleep(self._look_s)

    def _refused(self) -> StartupError:
        return StartupError(f"another hotline is at work on this Asterisk (node {self._node}, data in {self._folder})")

    async def _stand_by(self, waiting: Callable[[str], None]) -> Lease:
        place: Lease | None = None
        told: str | None = None
        try:
            while True:
                try:
                    leader = (await workers(self._db, self._node, self._folder)).leader
                    if leader is None and (held := await self._try()) is not None:
                        log.info("worker.leads", node=self._node, before=told)
                        return held
                    if leader not in {None, told}:
                        told = leader
                        log.info("worker.standby", node=self._node, leader=leader)
                        waiting(str(leader))
                    place = await self._place(place)
                except (exc.SQLAlchemyError, OSError) as error:
                    log.error("worker.standby cannot ask the database, tried again", error=type(error).__name__)
                await asyncio.sleep(self._look_s)
        finally:
            if place is not None:
                with suppress(exc.SQLAlchemyError, OSError):
                    await place()

    async def _place(self, place: Lease | None) -> Lease | None:
        """The first one behind the leader says so."""
        if place is None:
            return await self._db.try_lease(standby_of(self._node), self._folder)
        if not await place.is_held():
            await place.again()
        return place


async def workers(db: Database, node: str, folder: Path) -> Workers:
    """Raises SQLAlchemyError or OSError when the database is away."""
    said = await db.leaseholder(leader_of(node), folder)
    leader, _, since = (said or "").partition(f" {_UNWRITTEN}")
    return Workers(
        leader=leader or None,
        standby=await db.leaseholder(standby_of(node), folder),
        unwritten_since=from_epoch(int(since)) if since.isdigit() else None,
    )


def leader_of(node: str) -> str:
    """The lease of a node's one worker."""
    return f"worker:{node}"


def standby_of(node: str) -> str:
    """The lease of the first one behind it."""
    return f"standby:{node}"
