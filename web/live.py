"""Screens that move by themselves: follows the event log, rereads what changed, sends each change to who may see it.

One follower a process: cursor + bell + a look each second. The first change goes out at once; a burst is gathered, the
longer the more screens there are. Board fragments are shared by class; personal events go to whom they concern, the
permission asked again at each send. Never writes; a dead database or bus makes screens late, not wrong.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import SQLAlchemyError

from hotline.access.permissions import Actor
from hotline.bus import Bus
from hotline.clock import now
from hotline.db import Database, EventRow, Tx
from hotline.settings import Settings
from web.board import BoardState, Changes
from web.fragments import Group, Patches, frame, hello
from web.metrics import Metrics
from web.personal import Entry, Personal, entry_of
from web.render import Renderer
from web.screens import EXPIRED, GOING_AWAY, Screen, Spent
from web.views import AgentRow, Board
from web.watching import EVENTS as WATCHING_EVENTS
from web.wire import Message

log = structlog.get_logger()
Alive = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, Actor]]]
RESUME_EVENTS = 500
_LOOK_S = 0.8  # without Redis a screen follows within a second, reading and rendering included
_READ_S = 3.0  # a store that is slower than this is as good as away
_UNREAD_AFTER = timedelta(seconds=2)
_TOTALS_S = 1.0  # nobody reads the day's figures faster, and counting them reads all its calls
_HEARTBEAT_S = 10.0
_RECHECK_S = 5.0
_RELOAD_S = 30.0
_READ_ROWS = 500
_BOARD_CALL_EVENTS = frozenset(
    {"CallStarted", "CallQueued", "CallWished", "AgentRang", "AgentOfferEnded", "AgentMissed", "CallAnswered",
     "AgentLegEnded", "RecordingStarted", "CallEnded", "CallMerged", "CallLineNamed"}
)  # fmt: skip
_TOTALS_EVENTS = frozenset(
    {"CallStarted", "CallAnswered", "CallEnded", "CallMerged", "CallCorrected", "CallBackDue", "CallBackDone"}
)


class Pace:
    """How long to gather before the next frame: as long as the last one cost, so that screens take half of the process
    at most, however many they are; never longer than a twentieth of a second. A few screens cost next to nothing and
    are told at once. A longer rest saves no processor time that can be measured.
    """

    def __init__(self, most_s: float = 0.05, share: float = 1.0) -> None:
        self._most_s = most_s
        self._share = share

    def wait(self, cost_s: float) -> float:
        """`cost_s`: what rendering the last frame and writing it to every screen took, without what came between."""
        return min(self._most_s, cost_s * self._share)


class Hub:
    """All screens of this process, and the board that pages show too."""

    def __init__(
        self, db: Database, bus: Bus, settings: Settings, *, renderer: Renderer, metrics: Metrics, alive: Alive,
        unwritten: Callable[[], datetime | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._db = db
        self._bus = bus
        self._metrics = metrics
        self._alive = alive
        self._unwritten = unwritten
        self.state = BoardState(settings.line_channels, settings.timezone, now())
        self._patches = Patches(renderer, self.state)
        self._personal = Personal(self.state.on_call, shows_listeners=settings.supervision_shown)
        self.screens: set[Screen] = set()
        self.seq = -1
        self._past: deque[Entry] = deque(maxlen=RESUME_EVENTS)
        self._dirty: set[str] = set()
        self._news: list[Entry] = []
        self._start_over = False
        self._lock = asyncio.Lock()
        self._read_at = now()
        self._loaded_at = self._totals_at = self._beat_at = self._checked_at = float("-inf")
        self._sends = Spent()
        self._rendered_s = 0.0
        self._totals_due = False

    # -- what pages ask

    async def board(self, *, full: bool) -> Board:
        """The board as the rows have it now."""
        await self.catch_up()
        return self.state.view(full=full)

    async def agent(self, agent_id: UUID | None) -> AgentRow | None:
        """An agent as the rows have it now; also one who was added a moment ago, of which no event tells."""
        await self.catch_up()
        if agent_id is not None and agent_id not in self.state.agents:
            async with self._lock, self._db.read() as tx:
                self._changed(await self.state.read(tx, Changes(agents={agent_id})))
        return self.state.agents.get(agent_id) if agent_id else None

    @property
    def position(self) -> dict[str, int]:
        """What a page tells its socket, so that nothing between the two is lost."""
        return {"seq": max(self.seq, 0), "epoch": self.state.epoch}

    # -- the follower

    async def run(self) -> None:
        """Until cancelled; then every screen is told that we go away."""
        pace = Pace()
        try:
            async with self._bus.listen("log") as bell:
                while True:
                    if await self._step():
                        await asyncio.sleep(pace.wait(self._cost()))
                    await bell.wait(_LOOK_S)
        finally:
            for screen in self.screens:
                screen.close(GOING_AWAY)

    def _cost(self) -> float:
        """Of the frame before: the sends of this one are still queued behind us."""
        cost, self._rendered_s = self._rendered_s + self._sends.spent_s, 0.0
        self._sends.spent_s = 0.0
        return cost

    async def _step(self) -> bool:
        # Also when nothing can be read: this much of the truth needs no database.
        self._changed(self.state.unwritten(self._unwritten()))
        try:
            await self.catch_up()
            sent = self.flush()
            await self._look_after()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.error("live.read failed, tried again", error=type(error).__name__)
            if now() - self._read_at >= _UNREAD_AFTER:
                self._changed(self.state.unread(self._read_at))
            self._beat()
            return self.flush()
        return sent

    async def catch_up(self) -> None:
        """Read what the log has more, and the rows it speaks of. Raises TimeoutError when the store does not answer."""
        async with asyncio.timeout(_READ_S), self._lock, self._db.read() as tx:
            at = time.monotonic()
            self._changed(self.state.unwritten(self._unwritten()))
            if self.seq < 0:
                await self._begin(tx)
                self._loaded_at = self._totals_at = at
            while entries := await _after(tx, self.seq):
                await self._take(tx, entries)
                if len(entries) < _READ_ROWS:
                    break
            if at - self._loaded_at >= _RELOAD_S:
                self._loaded_at = self._totals_at = at
                self._changed(await self.state.load(tx, now()))
            elif self._totals_due and at - self._totals_at >= _TOTALS_S:
                self._totals_at, self._totals_due = at, False
                self._changed(await self.state.read_totals(tx, now()))
            self._read_at = now()
            self._changed(self.state.unread(None))

    async def _begin(self, tx: Tx) -> None:
        last = (await tx.session.scalar(select(func.max(EventRow.seq)))) or 0
        self._past.extend(await _after(tx, max(0, last - RESUME_EVENTS)))
        await self._personal.read(tx, self._past)
        self.seq = max([last, *(entry.seq for entry in self._past)])
        await self.state.load(tx, now())

    async def _take(self, tx: Tx, entries: list[Entry]) -> None:
        changes = changes_of(entries)
        epoch = self.state.epoch
        self._changed(await self.state.read(tx, changes))
        if self._personal.concerns(entries):
            await self._personal.read(tx, entries)
        self._start_over |= self.state.epoch != epoch
        self._totals_due |= changes.totals
        self._news += entries if self.screens else ()
        self._past.extend(entries)
        self.seq = entries[-1].seq
        self._metrics.event_lag.observe(max(0.0, (now() - entries[-1].at).total_seconds()))
        for entry in entries:
            self._metrics.events.labels(entry.type).inc()
            if entry.type == "CallEnded":
                self._metrics.outcomes.labels(str(entry.data.get("outcome"))).inc()

    def _changed(self, keys: set[str]) -> None:
        self._dirty |= keys

    def flush(self) -> bool:
        """Queue what changed to every screen. True if there was anything to send."""
        if not (self._dirty or self._news or self._start_over):
            return False
        began = time.monotonic()
        keys, news, start_over = self._dirty, self._news, self._start_over
        self._dirty, self._news, self._start_over = set(), [], False
        shared: dict[Group, tuple[str, Message]] = {}
        sent = 0
        mail = self._personal.sort(news)
        for screen in self.screens:
            if screen.group not in shared:
                patches = self._patches.text(screen.group, keys)
                text = frame(self.seq, self.state.epoch, patches, "", reload=start_over)
                shared[screen.group] = patches, Message(text)
            patches, message = shared[screen.group]
            events = self._personal.text(mail, screen)
            if events:
                message = Message(frame(self.seq, self.state.epoch, patches, events, reload=start_over))
            if patches or events or start_over:
                sent += screen.put(message)
        self._patches.forget(key for key in keys if key.startswith("call-") and self.state.call(key) is None)
        self._metrics.frames.inc(sent)
        self._rendered_s += time.monotonic() - began
        self._metrics.lag.observe(time.monotonic() - began)
        return sent > 0

    # -- screens come and go

    async def join(self, screen: Screen, after: int | None) -> None:
        """Greet a screen and close the gap since `after` (None: its page is as fresh as the board)."""
        await self.catch_up()
        # No await from here on: nothing can be read between the gap's last event and the screen's first frame.
        screen.put(Message(hello(self.seq, self.state.epoch, screen.actor.name)))
        if after is not None and after != self.seq:
            screen.put(Message(self._gap(screen, after)))
        screen.spent = self._sends
        self.screens.add(screen)
        self._metrics.sockets.set(len(self.screens))

    def leave(self, screen: Screen) -> None:
        self.screens.discard(screen)
        self._metrics.sockets.set(len(self.screens))
        if screen.close_code is not None:
            self._metrics.closed.labels(str(screen.close_code)).inc()

    def _gap(self, screen: Screen, after: int) -> str:
        missed = [entry for entry in self._past if entry.seq > after]
        if not 0 <= self.seq - after <= RESUME_EVENTS or any(entry.type == "NodeChanged" for entry in missed):
            return frame(self.seq, self.state.epoch, "", "", reload=True)
        keys = keys_of(changes_of(missed), self.state)
        events = self._personal.text(self._personal.sort(missed), screen)
        return frame(self.seq, self.state.epoch, self._patches.text(screen.group, keys), events)

    async def recheck(self, account_id: UUID | None = None) -> None:
        """Ask the accounts again: screens whose session ended are closed, the others take role and language anew."""
        asked = [screen for screen in self.screens if account_id in (None, screen.actor.account_id)]
        if not asked:
            return
        alive = await self._alive({screen.credential_id for screen in asked})
        for screen in asked:
            actor = alive.get(screen.credential_id)
            if actor is None:
                screen.close(EXPIRED)
            else:
                screen.is_now(actor)

    async def _look_after(self) -> None:
        """What time brings: a sign of life, sessions that ended, gauges."""
        self._beat()
        at = time.monotonic()
        if at - self._checked_at >= _RECHECK_S:
            self._checked_at = at
            await self.recheck()

    def _beat(self) -> None:
        at = time.monotonic()
        if at - self._beat_at >= _HEARTBEAT_S:
            self._beat_at = at
            message = Message(frame(self.seq, self.state.epoch, "", ""))
            for screen in self.screens:
                screen.put(message)
            self._measure()

    def _measure(self) -> None:
        for gauge, values in (
            (self._metrics.open_calls, [call.phase for call in self.state.calls.values()]),
            (self._metrics.agents, [agent.state for agent in self.state.agents.values()]),
            (self._metrics.sounds, [agent.sound for agent in self.state.agents.values() if agent.sound]),
        ):
            gauge.clear()
            for value in set(values):
                gauge.labels(value).set(values.count(value))


def changes_of(entries: Iterable[Entry]) -> Changes:
    """Which rows these events may have changed."""
    changes = Changes()
    for entry in entries:
        if entry.call_id is not None and (entry.type in _BOARD_CALL_EVENTS or entry.type == "ContactOpened"):
            changes.calls.add(entry.call_id)
        if entry.agent_id is not None:
            changes.agents.add(entry.agent_id)
        changes.totals |= entry.type in _TOTALS_EVENTS
        changes.node |= entry.type == "NodeChanged"
        changes.watching |= entry.type in WATCHING_EVENTS
        changes.opening |= entry.type == "OpeningSaid"
    return changes


def keys_of(changes: Changes, state: BoardState) -> set[str]:
    """The elements that show these rows."""
    keys = {f"call-{call}" for call in changes.calls} | {f"agent-{agent}" for agent in changes.agents}
    if changes.calls or changes.totals:
        keys |= {"totals", "waiting", *state.lamps()}
    if changes.watching:
        keys.add("asked")
    if changes.opening:
        keys.add("opening")
    return keys


_AFTER = (
    select(
        EventRow.seq, EventRow.type, EventRow.call_id, EventRow.ticket_id, EventRow.agent_id, EventRow.data, EventRow.at
    )
    .where(EventRow.seq > bindparam("cursor"))
    .order_by(EventRow.seq)
    .limit(_READ_ROWS)
)


async def _after(tx: Tx, cursor: int) -> list[Entry]:
    return [entry_of(row) for row in await tx.session.execute(_AFTER, {"cursor": cursor})]
