"""Composition root: Settings → App. Builds every long-lived object once and owns the tasks that run them."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hotline import engine
from hotline.access.accounts import Accounts
from hotline.access.audit import AuditLog
from hotline.agents.call_control import CallControl
from hotline.agents.commands import AgentDesk
from hotline.agents.outbound import Outbound
from hotline.agents.saying import Sayer
from hotline.agents.supervision import SupervisorDesk
from hotline.bus import Bus, open_bus
from hotline.calls import directory
from hotline.clock import now
from hotline.db import Database
from hotline.errors import HotlineError, StartupError
from hotline.handlers import Handlers
from hotline.ivr import opening
from hotline.ivr.render import texts
from hotline.journal import Journal
from hotline.leadership import Workers, workers
from hotline.nightly import Nightly
from hotline.settings import Settings
from hotline.switchboard import Switchboard
from hotline.telephony.asterisk import Asterisk
from hotline.worker import Worker

log = structlog.get_logger()
LOG_CHANNEL = "log"
_LOOK_S = 1.0
_AGAIN_S = 5.0
# What is counted only when it happens: an alert on a count that begins at one would not see the first.
_FROM_ZERO = (
    "worker_recordings_missing_total", "worker_recordings_repaired_total", "worker_write_retries_total",
    "journal_cel_broken_total", "journal_calls_corrected_total", "journal_calls_created_total",
)  # fmt: skip
_LEAST_FREE_BYTES = 64 * 1024 * 1024


class App:
    """One process of the hotline. `roles`: web, worker, or both (embedded). `standby`: while another worker leads,
    wait for its end, and tell who it is; None: give up.
    """

    def __init__(
        self,
        settings: Settings,
        roles: frozenset[str] = frozenset({"web", "worker"}),
        *,
        standby: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings
        self.roles = roles
        self._standby = standby
        self.db = Database(settings.store_url)
        self.bus: Bus = open_bus(settings.redis_url)
        self.hours = opening.InForce(settings)
        self.asterisk = Asterisk(settings, texts(settings))
        self.accounts = Accounts(redis_url=settings.redis_url)
        self.audit = AuditLog(self.db)
        secrets = self.asterisk.secrets()
        if len(settings.manager_ports) > 1 and len(roles) > 1:
            raise StartupError(
                "with HOTLINE_NODES console and worker are processes of their own: --roles web, --roles worker"
            )
        self.switchboard = Switchboard(settings, self.db, secrets.actions, is_worker="worker" in roles)
        self.actions, send = self.switchboard.own, self.switchboard.send
        self.lines = self.switchboard.clients
        self.desk = AgentDesk(self.db, send, bus=self.bus, settings=settings)
        self.outbound = Outbound(self.db, send, settings=settings, node=self.switchboard.active)
        self.control = CallControl(
            self.db, send, resolve=self.outbound.resolve, permit=self.outbound.permit,
            is_secret=partial(directory.is_privileged, settings), park=timedelta(seconds=settings.park_s),
        )  # fmt: skip
        self.supervision = SupervisorDesk(self.db, send, bus=self.bus)
        self.sayer = Sayer(self.db, send)
        self.handlers = Handlers(self.hours.call_back_due, self.hours.listen_due)
        self._was_ready = self._is_stopping = self._hands_over = False
        self._workers: Workers | None = None
        self._unwatched_since: datetime | None = None
        self.db.dispatch = self.handlers.dispatch
        self.db.on_commit = self._ring
        self.worker = (
            Worker(
                settings,
                db=self.db,
                bus=self.bus,
                asterisk=self.asterisk,
                desk=self.desk,
                supervision=self.supervision,
                ami_secret=secrets.events,
                commands=self.actions,
                on_word=self.hours.say,
            )
            if "worker" in roles
            else None
        )
        self.nightly = Nightly(settings, self.db) if "worker" in roles else None
        self.journal = self._journal(self.worker) if self.worker is not None else None

    def _journal(self, worker: Worker) -> Journal:
        return Journal(
            self.settings.node,
            self.db,
            cel=self.asterisk.places.cel,
            queue_log=self.asterisk.places.queue_log,
            is_live=worker.live.is_set,
            started_at=self.asterisk.started_at,
            reopen=self.asterisk.reopen_logs,
        )

    async def _ring(self) -> None:
        await self.bus.ring(LOG_CHANNEL)

    def telephony_state(self) -> str:
        """The connection for commands: `live`, or how far it got."""
        return self.switchboard.state

    def unwritten_since(self) -> datetime | None:
        """Since when what Asterisk tells waits for the database or has no worker; None while it is written."""
        return self.worker.unwritten_since if self.worker is not None else self._unwatched_since

    async def workers(self) -> Workers:
        """Who follows Asterisk's events, and who would go on. Raises SQLAlchemyError or OSError without a database."""
        return await workers(self.db, self.switchboard.node, self.settings.data_dir.resolve())

    def counters(self) -> Mapping[str, float]:
        """Running totals for /metrics: what each AMI connection counted since the process began."""
        clients = [*self.switchboard.clients.values()] + ([self.worker.events] if self.worker is not None else [])
        found: dict[str, float] = {}
        for client in clients:
            for name, value in client.metrics.flat().items():
                suffix = "" if name.startswith("queued") else "_total"
                found[f"ami_{client.name}_{name}{suffix}"] = value
        if self.worker is not None:
            found |= dict.fromkeys(_FROM_ZERO, 0.0)
            found["drift_corrections_total"] = self.worker.corrections
            found |= {f"worker_{name}_total": value for name, value in self.worker.counts.items()}
        elif self._workers is not None:
            found["worker_leader"] = float(self._workers.leader is not None)
            found["worker_standby"] = float(self._workers.standby is not None)
        if self.nightly is not None:
            found |= self.nightly.counts()
        if self.journal is not None:
            found |= self.journal.totals()
        return found

    async def check(self) -> None:
        """Raises StartupError with one clear line when something cannot work."""
        await self.db.check()
        await self.bus.check()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything of this process but the web server runs inside; on leaving, all of it stops."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.db.close)
            stack.push_async_callback(self.bus.close)
            stack.push_async_callback(self.accounts.attempts.close)
            if self.worker is not None:
                await stack.enter_async_context(self.worker.leadership.led(self._standby))
                stack.push_async_exit(self._leave_asterisk)
                await self._start_asterisk()
            async with asyncio.TaskGroup() as tasks:
                own = [
                    tasks.create_task(self.audit.run(), name="audit"),
                    tasks.create_task(self.switchboard.run(), name="ami.actions"),
                    tasks.create_task(engine.fill(self.db.engine), name="connections"),
                ]
                if self.journal is not None:
                    own.append(tasks.create_task(self.journal.run(), name="journal"))
                if self.nightly is not None:
                    own.append(tasks.create_task(self.nightly.run(), name="totals"))
                if self.worker is not None:
                    own.append(tasks.create_task(self.worker.run(), name="worker"))
                    own.append(tasks.create_task(self._watch_asterisk(self.worker), name="watch"))
                else:
                    own.append(tasks.create_task(self._watch_worker(), name="watch"))
                try:
                    yield
                finally:
                    for task in own:
                        task.cancel()

    async def _start_asterisk(self) -> None:
        """With the hours that are in force now: they may be others than at our own start."""
        found = opening.find(self.settings.data_dir)
        if found.problem:
            log.error("opening hours refused, those accepted before are in force", problem=found.problem)
        self.asterisk.texts.update(texts(self.settings))
        await self.asterisk.start()
        opening.keep(self.settings.data_dir)

    async def _leave_asterisk(self, _kind: object, error: BaseException | None, _at: object) -> None:
        """A fault of ours ends no call: only what was started just now, and in vain, is taken down again."""
        if self._hands_over:
            return
        if error is None or (self.asterisk.is_ours and not self._was_ready):
            await self.asterisk.stop()
        elif self.asterisk.alive():
            log.error("asterisk.left running: it serves callers without us", pid=self.asterisk.pid())

    async def _watch_worker(self) -> None:
        """A console alone: a worker that was killed cannot say that the rows are old, one that cannot write only so."""
        while True:
            with suppress(SQLAlchemyError, OSError):
                self._workers = await self.workers()
                vacant_since = None if self._workers.leader else self._unwatched_since or now()
                self._unwatched_since = self._workers.unwritten_since or vacant_since
            await asyncio.sleep(_LOOK_S)

    async def _watch_asterisk(self, worker: Worker) -> None:
        """One that ended without being told to is started again, by its keeper or by us: callers must not wait for
        somebody to notice.

        A lost connection is reason to look at once; the clients need not wait for their next try either.
        """
        pid = self.asterisk.pid()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await worker.lost.wait()
                    worker.lost.clear()
            if self._is_stopping or (pid is not None and self.asterisk.pid() == pid):
                continue
            log.error("asterisk.ended by itself, started again", pid=pid)
            try:
                await self._start_asterisk()
            except (HotlineError, OSError) as error:
                log.error("asterisk.start failed, tried again", error=str(error))
                await asyncio.sleep(_AGAIN_S)
            else:
                pid = self.asterisk.pid()
                self.actions.hurry()
                worker.events.hurry()

    async def drain(self) -> None:
        """Let calls end while the screens still show them; new ones are refused. At most `drain_s`, then all end.

        With a standby no call ends: it adopts Asterisk as it is.
        """
        self._is_stopping = True
        if self.worker is None:
            return
        self._hands_over = await self.worker.leadership.has_standby()
        if self._hands_over:
            log.info("worker.hands over: Asterisk goes on, the standby will follow it")
        else:
            await self.asterisk.stop()

    async def ready(self, timeout_s: float) -> None:
        """Returns once calls can be taken and shown; a console alone needs no Asterisk to show tickets.

        Raises StartupError after `timeout_s`.
        """
        if self.worker is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self.actions.wait_live()
                await self.worker.live.wait()
            self._was_ready = True
        except TimeoutError:
            log_dir = self.asterisk.places.log
            raise StartupError(f"Asterisk runs, but its manager port took no login: see {log_dir}") from None


def prepare_data_dir(settings: Settings) -> None:
    """Make the data directory (mode 700). Raises StartupError when it cannot be written or the disk is full."""
    path = settings.data_dir.resolve()
    if path.exists() and not path.is_dir():
        raise StartupError(f"data directory {path} is no directory: set HOTLINE_DATA_DIR to another one")
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
        probe = path / ".writable"
        probe.write_bytes(b"ok")
        probe.unlink(missing_ok=True)  # another process of ours may start in the same moment
    except OSError as error:
        raise StartupError(f"data directory {path} (HOTLINE_DATA_DIR) cannot be written: {error.strerror}") from error
    free = shutil.disk_usage(path).free
    if free < _LEAST_FREE_BYTES:
        raise StartupError(f"disk is full: {free // 2**20} MB free at {path}, recordings need at least 64 MB")
