"""The one process part that belongs to a PBX node: reads its events, writes its phones, watches its time.

AMI batches → tracker and presence → one transaction a batch → the log. Works while it holds the node's lease
(hotline.leadership), so that there is never a second one. Must not answer web requests; what it knows goes through rows
and events.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import structlog
from sqlalchemy import exc
from sqlalchemy.exc import DBAPIError

from hotline import engine
from hotline.access import accounts
from hotline.agents import presence, reconcile, saying, watching
from hotline.agents import service as agents
from hotline.agents.commands import AgentDesk
from hotline.agents.supervision import SupervisorDesk
from hotline.bus import Bus
from hotline.calls import drift, recordings
from hotline.calls import service as calls
from hotline.calls.drift import Drift
from hotline.calls.models import PbxNode
from hotline.calls.tracker import Tracker
from hotline.clock import now
from hotline.db import Database, Tx
from hotline.errors import HotlineError, Invalid, TelephonyError
from hotline.events import AgentMissed, CallEvent, DriftCorrected, NodeChanged
from hotline.ivr import laying, switch, words
from hotline.leadership import Leadership
from hotline.settings import Settings
from hotline.telephony import actions
from hotline.telephony.asterisk import Asterisk
from hotline.telephony.client import WANTED, AmiClient, Timing
from hotline.telephony.messages import KeyPressed, Message, Snapshot, UserEvent
from hotline.turn import Turn

log = structlog.get_logger()
_RETRY_S = 1.0
_UNWRITTEN_AFTER = timedelta(seconds=2)
_SWEEP_S = 1.0
_PHONES_S = 0.1  # every commit rings: a busy line must not ask for new secrets at each
_OF_CALLS = frozenset({"call", "queue"})
_OF_HOURS = frozenset({"HLSwitch", "HLSwitchRefused"})


class Worker:
    """One a node. `live`: set while Asterisk's events arrive and the rows agree with it; `lost`: its connection ended
    just now, perhaps with Asterisk itself.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        db: Database,
        bus: Bus,
        asterisk: Asterisk,
        desk: AgentDesk,
        supervision: SupervisorDesk,
        ami_secret: str,
        commands: words.Line | None = None,
        on_word: Callable[[switch.Word], None] = lambda _word: None,
    ) -> None:
        self.node = settings.node
        self.settings = settings
        self.db = db
        self.bus = bus
        self.asterisk = asterisk
        self.desk = desk
        self.supervision = supervision
        self._commands, self._on_word = commands, on_word
        self.tracker = Tracker(settings.node)
        self.live = asyncio.Event()
        self.lost = asyncio.Event()
        self.events = AmiClient(
            host="127.0.0.1",
            port=settings.ami_port,
            user="events",
            secret=ami_secret,
            name="events",
            wanted=WANTED,
            on_batch=self.on_batch,
            on_state=self.on_state,
            on_snapshot=self.on_snapshot,
            timing=Timing(drift_check=settings.reconcile_s),
        )
        self.counts: Counter[str] = Counter()
        self._writing_since: datetime | None = None
        self.corrections = 0
        self._agree = False
        self._is_known = False  # whoever was here before us may have died and left the row as it was
        self._suspects: frozenset[Drift] = frozenset()
        self._react = asyncio.Event()
        self._written: dict[str, int] = {}  # version of each phone's secret that this process gave Asterisk
        self.turn = Turn(settings, db, asterisk)
        self.leadership = Leadership(db, settings.node, settings.data_dir.resolve())

    @property
    def unwritten_since(self) -> datetime | None:
        """Since when what Asterisk tells waits for the database, counted from the first try: a try may hang. None
        while that takes less than two seconds.
        """
        since = self._writing_since
        return since if since is not None and now() - since >= _UNWRITTEN_AFTER else None

    async def run(self) -> None:
        """Until cancelled."""
        places = self.asterisk.places
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.events.run(), name="ami.events")
                tasks.create_task(self.leadership.hold(lambda: self.unwritten_since), name="lease")
                tasks.create_task(self._phones(), name="phones")
                tasks.create_task(self._sweep(), name="sweep")
                tasks.create_task(
                    recordings.keep_whole(self.db, self.settings.recordings_dir, self.node, self.counts),
                    name="recordings",
                )
                tasks.create_task(
                    laying.keep(self.db, places.data, self.asterisk.sounds, places.file_mode), name="prompts"
                )
        finally:
            await self._stale()

    async def on_batch(self, batch: Sequence[Message]) -> None:
        """All that one socket read brought, as one transaction."""
        events: list[CallEvent] = []
        seen: list[tuple[presence.Observation, datetime]] = []
        said = [message for message in batch if isinstance(message, UserEvent) and message.name in _OF_HOURS]
        if said:
            await self._hours_said(said)
        with self._in_step():
            for message in batch:
                events += self.tracker.feed(message)
                if self.turn.is_ours:
                    seen += [(observation, message.at) for observation in presence.observe(message)]
            if events or seen:
                await self._write(events, seen)
            if pressed := [message for message in batch if isinstance(message, KeyPressed)]:
                with suppress(exc.SQLAlchemyError, OSError):  # the agent sees no answer and asks again
                    await saying.keyed(self.db, self.node, pressed)
        if self.turn.called(events):
            self.events.resync(at_once=True)
        if any(isinstance(event, AgentMissed) for event in events) or any(
            isinstance(observation, presence.PhoneSeen | presence.SilentSeen) for observation, _at in seen
        ):
            self._react.set()

    async def _hours_said(self, facts: Sequence[UserEvent]) -> None:
        """A supervisor's word on the hours. Asterisk goes by it already; lost here, the next snapshot brings it."""
        for fact in facts:
            word = switch.of_fact(fact.fields)
            if fact.name == "HLSwitchRefused":
                log.warning("opening.PIN refused: five wrong ones, nobody is heard for ten minutes")
            if word is not None:
                self._on_word(word)
                with suppress(exc.SQLAlchemyError, OSError):
                    async with self.db.write() as tx:
                        await words.take_in(tx, word, self.node)

    async def _hours_agree(self) -> None:
        with suppress(exc.SQLAlchemyError, OSError):
            word = await words.agree(self.db, self.events, self._commands, self.node)
            if word is not None:
                self._on_word(word)

    @contextmanager
    def _in_step(self) -> Iterator[None]:
        """What the tracker told and no row took would be lost: after a failure the next snapshot starts from rows."""
        try:
            yield
        except BaseException:
            self._agree = False
            raise

    async def _write(self, events: Sequence[CallEvent], seen: Sequence[tuple[presence.Observation, datetime]]) -> None:
        """Keeps trying while the database is away: the batch waits here, those behind it in the client's queue.

        An error of ours is raised instead: the client counts it and asks for a new snapshot.
        """
        self._writing_since = self._writing_since or now()
        while True:
            try:
                async with self.db.write() as tx:
                    for event in events:
                        tx.emit(await agents.as_it_was(tx, event))
                    for observation, at in seen if await self.turn.is_still_ours(tx) else ():
                        await agents.observe(tx, observation, at)
                self.counts["batches"] += 1
                self._writing_since = None
                return
            except (exc.SQLAlchemyError, OSError) as error:
                if not _is_away(error):
                    raise
                self.counts["write_retries"] += 1
                log.error("worker.write failed, kept and tried again", error=type(error).__name__, events=len(events))
                await asyncio.sleep(_RETRY_S)

    async def on_snapshot(self, snapshot: Snapshot) -> None:
        """On every connect, before what was buffered meanwhile, and every reconcile_s: rows, tracker and Asterisk are
        made to agree.
        """
        with self._in_step():
            await self.turn.look()
            takes = self.turn.is_wanted and not self.turn.is_ours
            if self.live.is_set() and self._agree and not takes:
                await self._look(snapshot)
                await self.turn.tell()
                await self._hours_agree()
                return
            has_agents = takes or self.turn.is_ours
            dead = await self.turn.dead() if takes else frozenset()
            wishes = await self._restore(snapshot, takes=takes) if has_agents else ()
            ends = await self._wrap_up_ends(snapshot) if self.turn.is_ours else {}
            async with self.db.write() as tx:
                if takes:
                    await self.turn.cut_off(tx, dead, snapshot.at)
                if not self._agree:
                    self.tracker = await self._from_rows(tx)
                if self.live.is_set():
                    found = await self._drift(tx, snapshot)
                    self._correct(tx, found, snapshot.at)
                for event in self.tracker.resync(snapshot):
                    tx.emit(event)
                if has_agents:
                    away = await self.turn.elsewhere(tx, dead) if takes else frozenset()
                    await reconcile.take_in(tx, snapshot, wishes=wishes, ends=ends, but=away)
                    await watching.take_in(tx, _legs(snapshot), snapshot.at)
                await self._node(tx, "live", snapshot.at, boot=snapshot.boot, takes=takes)
            self._agree, self._suspects = True, frozenset()
            if takes:
                self._written.clear()
                await self.turn.taken()
            else:
                await self.turn.tell()
        await self._hours_agree()

    async def _restore(self, snapshot: Snapshot, *, takes: bool) -> Sequence[reconcile.Wish]:
        """An Asterisk that has begun anew, or takes the agents over from another, is told what it does not know of its
        members before anybody believes it.

        Not in the transaction: if we die here, the node's row still has the old boot, and the next start does it again.
        """
        async with self.db.read() as tx:
            row = await tx.session.get(PbxNode, self.node)
            if row is None or (row.boot in {None, snapshot.boot} and not takes):
                return ()
            everybody = await reconcile.everybody(tx)
        wrap_up = timedelta(seconds=self.settings.wrap_up_s)
        wishes = reconcile.forgotten(everybody, snapshot, wrap_up=wrap_up, heard_all=self._agree or takes)
        if wishes:
            log.warning("worker.members told again", members=len(wishes))
            await self.desk.restore(wishes)
        return wishes

    async def _wrap_up_ends(self, snapshot: Snapshot) -> Mapping[str, datetime]:
        """What Asterisk keeps of wrap-ups that may have begun while we were away, by endpoint."""
        ends: dict[str, datetime] = {}
        for member in snapshot.members:
            if member.reason == presence.ACW:
                with suppress(TelephonyError, Invalid):  # it has none: then the usual length counts
                    for row in await self.events.collect(actions.wrap_up_end(member.member)):
                        end = presence.stated_end(row.get("Val", ""))
                        ends |= {member.member: end} if end is not None else {}
        return ends

    async def _look(self, snapshot: Snapshot) -> None:
        """While connected: only what two looks found is drift, and put right; the rest is on its way to us."""
        async with self.db.read() as tx:
            found = await self._drift(tx, snapshot)
            spies_left = self.turn.is_ours and await watching.vanished(tx, _legs(snapshot))
        if spies_left:
            async with self.db.write() as tx:
                await watching.take_in(tx, _legs(snapshot), snapshot.at)
        sure = found & self._suspects
        self._suspects = found - sure
        if sure:
            linkedids = {one.subject for one in sure if one.kind in _OF_CALLS}
            members = {one.subject for one in sure if one.kind not in _OF_CALLS}
            async with self.db.write() as tx:
                for event in self.tracker.resync(snapshot, only=linkedids):
                    tx.emit(event)
                await reconcile.take_in(tx, snapshot, only=members)
                self._correct(tx, sure, snapshot.at)
        if self._suspects:
            self.events.resync()

    async def _drift(self, tx: Tx, snapshot: Snapshot) -> frozenset[Drift]:
        named = drift.names(snapshot.behind)
        if not self.turn.is_ours:
            return drift.of_calls(self.tracker, snapshot)
        return drift.of_calls(self.tracker, snapshot) | reconcile.drift(await reconcile.everybody(tx), snapshot, named)

    def _correct(self, tx: Tx, found: frozenset[Drift], at: datetime) -> None:
        for one in sorted(found, key=lambda one: (one.kind, one.subject, one.what, one.leg)):
            self.corrections += 1
            log.warning("worker.drift corrected", kind=one.kind, subject=one.subject, what=one.what)
            key = f"{self.node}:drift:{one.kind}:{one.subject}:{one.what}:{one.leg}:{at.isoformat()}"
            tx.emit(
                DriftCorrected(at=at, dedupe_key=key, node=self.node, kind=one.kind, subject=one.subject, what=one.what)
            )

    async def _from_rows(self, tx: Tx) -> Tracker:
        tracker, row = Tracker(self.node), await tx.session.get(PbxNode, self.node)
        tracker.boot = row.boot if row is not None else None
        tracker.unexpected = self.tracker.unexpected
        tracker.adopt(await calls.open_calls(tx, self.node))
        return tracker

    async def on_state(self, state: str) -> None:
        if state == "down":
            self.lost.set()
        if state == "live":
            self.live.set()
        elif self.live.is_set():
            self.live.clear()
            await self._stale()

    async def _stale(self) -> None:
        with suppress(exc.SQLAlchemyError, OSError):
            async with self.db.write() as tx:
                await self._node(tx, "stale", now())

    async def _node(self, tx: Tx, state: str, at: datetime, boot: str | None = None, takes: bool = False) -> None:
        row = await tx.session.get(PbxNode, self.node)
        if row is None:
            row = PbxNode(name=self.node, boot=None, state="", since=at, epoch=0)
            tx.session.add(row)
        if takes or (self.turn.is_shared and self.turn.is_ours and not row.turn):
            await self.turn.take(tx, row)
        elif row.state == state and row.boot == (boot or row.boot) and self._is_known:
            return
        self._is_known = True
        row.state, row.since, row.boot = state, at, boot or row.boot
        row.epoch += state == "live" and (takes or self.turn.is_ours)
        tx.emit(
            NodeChanged(
                at=at,
                dedupe_key=f"{self.node}:node:{state}:{at.isoformat()}{':turn' if takes else ''}",
                node=self.node,
                state=state,
                epoch=row.epoch,
            )
        )

    async def _phones(self) -> None:
        """Asterisk is told each phone's current secret, one reload for all that changed together."""
        async with self.bus.listen("log") as bell:
            while True:
                try:
                    await self.provision()
                except (HotlineError, exc.SQLAlchemyError, OSError) as error:
                    log.error("worker.phones failed, tried again", error=str(error))
                if not self.turn.is_ours:
                    await asyncio.sleep(_RETRY_S)  # no page waits for it
                    continue
                await bell.wait(_RETRY_S)
                await asyncio.sleep(_PHONES_S)

    async def provision(self) -> None:
        """Of two Asterisks both are told: phones come to the other one within a second of its taking over."""
        is_behind = self.turn.is_shared and not (self.turn.is_ours and self._written)
        async with self.db.read() as tx:
            rows = await agents.phones(tx) if is_behind or await agents.has_unprovisioned(tx) else ()
        behind = [row for row in rows if row.ready_version != row.version]
        versions = {row.endpoint: row.version for row in rows}
        if not (behind and self.turn.is_ours) and (not is_behind or versions == self._written):
            return
        outside = {row.endpoint: row.outside_number for row in rows if row.outside_number is not None}
        await self.asterisk.write_agents([(row.endpoint, row.secret) for row in rows], outside)
        self._written = versions
        if not (behind and self.turn.is_ours):
            return
        async with self.db.write() as tx:
            for row in behind:
                await agents.provisioned(tx, row.agent_id, row.version, now())

    async def _sweep(self) -> None:
        """What time brings (wrap-ups that end, handlers to retry); at once: lost phones and missed calls."""
        due = minute = now()
        is_owed = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_SWEEP_S):
                    await self._react.wait()
            try:
                if self.turn.is_ours and (is_owed or self._react.is_set()):
                    self._react.clear()
                    is_owed = True
                    await self.desk.react()
                    is_owed = False
                if now() >= due:
                    due = now() + timedelta(seconds=_SWEEP_S)
                    await self._every_second()
                if now() >= minute:
                    minute = now() + timedelta(minutes=1)
                    async with self.db.write() as tx:
                        await accounts.expire_sessions(tx, now())
            except (HotlineError, exc.SQLAlchemyError, OSError) as error:
                log.error("worker.sweep failed, tried again", error=str(error))

    async def _every_second(self) -> None:
        at = now()
        await self.turn.look()
        if self.turn.is_ours:
            await self.desk.wrap_up_sweep(at)
            await self.supervision.sweep()
            await self.turn.sweep(at)
        await self.db.retry_parked(at)
        await self.db.checkpoint()


def _legs(snapshot: Snapshot) -> frozenset[str]:
    """Uniqueids of every channel there is, and of those that came while the snapshot was taken."""
    behind = {told.channel.uniqueid for told in snapshot.behind if isinstance(told, UserEvent) and told.channel}
    return frozenset({live.channel.uniqueid for live in snapshot.channels} | behind)


def _is_away(error: Exception) -> bool:
    """The database cannot be reached now, has no connection left, or undid us for another writer: it will come back."""
    if (isinstance(error, DBAPIError) and error.connection_invalidated) or engine.is_undone(error):
        return True
    return isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError | OSError)
