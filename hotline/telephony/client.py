"""The connection to Asterisk's manager (AMI): one asyncio transport under the asterisk-ami package's own types.

Up: events as typed batches to the worker, a snapshot on every connect. Down: commands of telephony.actions from any web
process. The only module that imports `asterisk`: its Action, Event, Response and listeners are used as they are, its
threads, framing and reconnecting are replaced (its reader dies after three silent seconds).
"""

import asyncio
import hashlib
import ipaddress
import secrets
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import count
from typing import Any, Literal

import structlog
from asterisk.ami import Action, AMIClient, Event, Response

from hotline.clock import now
from hotline.errors import NotDone, TelephonyError
from hotline.telephony import actions, snapshot
from hotline.telephony.actions import Command
from hotline.telephony.catalogue import WANTED
from hotline.telephony.connection import GONE, Connection, Metrics
from hotline.telephony.inbox import Inbox, OnBatch, OnSnapshot
from hotline.telephony.messages import Snapshot
from hotline.telephony.parser import Block, Parser
from hotline.telephony.timing import Timing

__all__ = ["WANTED", "AmiClient", "Metrics", "State", "Timing"]

State = Literal["down", "connecting", "auth", "syncing", "live"]
log = structlog.get_logger()
_TICKS = 5
_BOOT_TRIES = 100


class _Refused(TelephonyError):
    """The login; nothing gets better by asking again soon."""


class AmiClient(AMIClient):  # type: ignore[misc]  # the package has no types
    """One for events (with `on_batch`), one for actions (without).

    Batches and snapshots reach their handlers in the order in which Asterisk told them, one at a time. The queue holds
    at most `limit` messages: when the handler falls that far behind, the connection is given up and begun anew from a
    snapshot once the queue is worked off, since single dropped events could never be made good.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        user: str,
        secret: str,
        wanted: frozenset[str] | None = None,
        on_batch: OnBatch | None = None,
        on_state: Callable[[str], Awaitable[None]] | None = None,
        on_snapshot: OnSnapshot | None = None,
        name: str = "events",
        limit: int = 50_000,
        tls: ssl.SSLContext | None = None,
        timing: Timing | None = None,
    ) -> None:
        super().__init__(address=host, port=port)
        self.name = name
        self.state: State = "down"
        self.metrics = Metrics()
        self.on_state = on_state
        self._user, self._secret = user, secret
        self._wanted = frozenset() if on_batch is None else (wanted or WANTED) | {"FullyBooted"}
        self._time = timing or Timing()
        self._inbox = (
            None if on_batch is None
            else Inbox(name, limit, self.metrics, on_batch, on_snapshot, gather=self._time.gather)
        )  # fmt: skip
        self._tls = tls_for(host, tls)
        self._boot, self._numbers = secrets.token_hex(3), count(1)
        self._connection: Connection | None = None
        self._live = asyncio.Event()
        self._hurry = asyncio.Event()

    # -- what others call

    async def run(self) -> None:
        """Connect, serve, back off, for ever; cancel to stop. Never raises for anything that Asterisk does."""
        async with asyncio.TaskGroup() as tasks:
            if self._inbox is not None:
                tasks.create_task(self._inbox.run(), name=f"ami.{self.name}.handlers")
            attempt, lost_at = 0, time.monotonic()
            while True:
                began = time.monotonic()
                least = await self._try()
                await self._enter("down")
                attempt += 1
                if time.monotonic() - began > self._time.steady:
                    attempt, lost_at = -1, time.monotonic()
                if await self._pause(max(least, self._time.delay(attempt, time.monotonic() - lost_at))):
                    attempt, lost_at = 0, time.monotonic()

    async def _pause(self, seconds: float) -> bool:
        """Whether somebody said that it is worth a try at once."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        hurried = self._hurry.is_set()
        self._hurry.clear()
        return hurried

    def hurry(self) -> None:
        """Asterisk was started just now: connect without waiting for the next try. Nothing while connected."""
        if self.state == "down":
            self._hurry.set()

    async def _try(self) -> float:
        """One connection from beginning to end. Returns the least seconds to wait before the next."""
        try:
            if self._inbox is not None:
                await self._inbox.drained()  # what came before a snapshot is handled before it
            await self._serve()
        except asyncio.CancelledError:
            self.state = "down"
            self._live.clear()
            raise
        except _Refused as error:
            self.metrics.refused_logins += 1
            log.error("ami.login refused: check manager.conf", client=self.name, user=self._user, said=str(error))
            return self._time.refused
        except (TelephonyError, OSError) as error:
            log.warning("ami.lost", client=self.name, reason=str(error) or type(error).__name__)
        except Exception as error:
            self.metrics.handler_errors += 1
            log.exception("ami.lost by a fault of ours", client=self.name, error=type(error).__name__)
        return 0.0

    async def wait_live(self) -> None:
        await self._live.wait()

    async def send(self, command: Command) -> Mapping[str, str]:
        """The reply's headers. Raises NotDone: refused (its own words), unsent; TelephonyError: deadline, lost.

        After a deadline or a lost connection nobody knows whether Asterisk did it; it is never sent again by itself.
        """
        reply = await self._ask(self._usable(), command)
        if reply.failed:
            self.metrics.refused_actions += 1
            raise NotDone(reply.get("Message", "Asterisk refused."), action=command.action)
        return reply

    async def collect(self, command: Command) -> list[Block]:
        """The rows of a list command. Asked once more when they are not as many as Asterisk says."""
        for last in (False, True):
            connection = self._usable()
            action_id, text = self._line(command)
            rows, end = await connection.list(action_id, text, self._time.list_deadline)
            if end.failed:
                self.metrics.refused_actions += 1
                raise TelephonyError(end.get("Message", "Asterisk refused."), action=command.action)
            if end["EventList"].lower() == "complete" and end.get("ListItems") == str(len(rows)):
                return rows
            if not last:
                self.metrics.list_retries += 1
        raise TelephonyError("Asterisk's list was not complete.", action=command.action)

    async def snapshot(self) -> Snapshot:
        """All that Asterisk says of itself now. Raises TelephonyError."""
        boot = None
        for _ in range(_BOOT_TRIES):
            boot = snapshot.boot_of(await self.send(actions.core_status()))
            if boot is not None:
                break
            await asyncio.sleep(self._time.boot / _BOOT_TRIES)
        else:
            raise TelephonyError("Asterisk does not know when it started.")
        at = now()
        rows = await self.collect(actions.core_show_channels())
        rows += await self.collect(actions.queue_status())
        rows += await self.collect(actions.device_state_list())
        try:
            return snapshot.build(boot, rows, at)
        except ValueError as error:
            raise TelephonyError(f"Asterisk's state cannot be read: {error}") from error

    def resync(self, *, at_once: bool = False) -> None:
        """Ask for a new snapshot soon: something may have been missed."""
        if self._inbox is not None:
            self._inbox.stale.set()
            if at_once:
                self._inbox.urgent.set()

    def disconnect(self) -> None:
        """Leave politely; `run` connects again unless it is cancelled."""
        if self._connection is not None:
            self._connection.close("we left", last=self._line(actions.logoff())[1])

    # -- one connection's life

    async def _serve(self) -> None:
        """From connecting until the connection is over, which is always an error."""
        await self._enter("connecting")
        connection = await self.connect()
        watch = asyncio.create_task(self._watch(connection), name=f"ami.{self.name}.watchdog")
        try:
            await self._enter("auth")
            await self._log_in(connection)
            self._connection = connection
            if self._inbox is not None:
                await self._enter("syncing")
                if not await _before_end(connection, self._inbox.booted.wait(), self._time.boot):
                    raise TelephonyError("Asterisk did not say that it has started.")
                await self._synchronise(connection, self._inbox)
            await self._enter("live")
            await self._stay(connection)
        finally:
            watch.cancel()
            self._leave(connection)

    async def connect(self) -> Connection:
        """A new socket, greeted. Raises TelephonyError or OSError."""
        loop = asyncio.get_running_loop()
        parser = Parser(self._wanted, now=now, counts=self.metrics.parser)
        made: list[Connection] = []

        def build() -> Connection:
            put = (lambda _batch: True) if self._inbox is None else self._inbox.put
            made.append(Connection(parser, self.metrics, put, self._lost_something))
            return made[0]

        if self._inbox is not None:
            self._inbox.begin()
        try:
            async with asyncio.timeout(self._time.connect):
                await loop.create_connection(build, self._address, self._port, ssl=self._tls)
                self._ami_version = await made[0].banner
        except BaseException as error:
            for connection in made:
                connection.close("given up while connecting")
            if isinstance(error, TimeoutError):
                raise TelephonyError("Asterisk's manager port did not answer in time.") from None
            raise
        self.metrics.connects += 1
        self._tap(made[0])
        self._fire("connect")
        return made[0]

    async def _log_in(self, connection: Connection) -> None:
        """By MD5 challenge: the secret itself is never on the wire."""
        reply = await self._ask(connection, actions.challenge())
        if reply.failed:
            raise _Refused(reply.get("Message", ""))
        digest = hashlib.md5((reply.get("Challenge", "") + self._secret).encode(), usedforsecurity=False)
        events = "off" if self._inbox is None else "on"
        reply = await self._ask(connection, actions.login(self._user, digest.hexdigest(), events))
        if reply.failed:
            raise _Refused(reply.get("Message", ""))

    async def _synchronise(self, connection: Connection, inbox: Inbox) -> None:
        """Snapshot, then what arrived meanwhile, both through the queue; returns when the handlers have them.

        It converges: whatever the buffer repeats, Asterisk had published before it answered, so each stale message in
        it is followed by its own newer one.
        """
        inbox.hold()
        await _before_end(connection, inbox.apply(await self.snapshot()), None)

    async def _stay(self, connection: Connection) -> None:
        """Live until it is over. A fresh snapshot now and then, and whenever something may have been missed."""
        inbox = self._inbox
        if inbox is None:
            await asyncio.wait({connection.closed})
            raise TelephonyError(connection.closed.result())
        while True:
            if await _before_end(connection, inbox.stale.wait(), self._time.drift_check):
                await _before_end(connection, inbox.urgent.wait(), self._time.resync_pause)
            await self._synchronise(connection, inbox)

    async def _watch(self, connection: Connection) -> None:
        """Ping, and give up on a connection that is silent. Counts its own ticks: after a pause of this whole process
        bytes may be waiting that nobody has read yet.
        """
        tick = self._time.dead_after / _TICKS
        silent, since_ping = 0, 0.0
        while True:
            await asyncio.sleep(tick)
            silent = 0 if connection.heard else silent + 1
            connection.heard = False
            since_ping += tick
            if silent >= _TICKS:
                connection.close(f"silent for {self._time.dead_after:g} s")
            if since_ping >= self._time.ping_every:
                since_ping = 0.0
                with suppress(TelephonyError):
                    connection.write(self._line(actions.ping())[1])

    def _leave(self, connection: Connection) -> None:
        if self._connection is connection:
            self.disconnect()
        self._connection = None
        connection.close("given up")
        self.metrics.disconnects += 1
        if self._inbox is not None:
            self._inbox.end()
        self._fire("disconnect", error=TelephonyError(connection.closed.result()))

    async def _enter(self, state: State) -> None:
        if state == self.state:
            return
        self.state = state
        (self._live.set if state == "live" else self._live.clear)()
        log.info(f"ami.{state}", client=self.name)
        if self.on_state is not None:
            try:
                await self.on_state(state)
            except Exception as error:
                self.metrics.handler_errors += 1
                log.exception("ami.state handler failed", client=self.name, error=type(error).__name__)

    def _lost_something(self) -> None:
        counts = self.metrics.parser
        lost = {"malformed": counts.malformed, "garbage": counts.garbage, "oversized": counts.oversized}
        log.warning("ami.unreadable, taking a new snapshot", client=self.name, **lost)
        self.resync()

    # -- commands on their way down

    def _usable(self) -> Connection:
        if self._connection is None:
            raise NotDone(GONE)
        return self._connection

    async def _ask(self, connection: Connection, command: Command) -> Block:
        action_id, text = self._line(command)
        return await connection.ask(action_id, text, self._time.deadline)

    def _line(self, command: Command) -> tuple[str, bytes]:
        """A new Action of the package each time, so that no caller's object is changed; its ActionID and its bytes."""
        action_id = f"{self._boot}-{next(self._numbers)}"
        variables = dict(value.split("=", 1) for name, value in command.headers if name.lower() == "variable")
        keys = {name: value for name, value in command.headers if name.lower() != "variable"}
        keys["ActionID"] = action_id
        action = Action(command.action, keys, variables)
        self.metrics.actions += 1
        if command.action != "Login":
            self._fire("action", action=action)
        return action_id, f"{action}\r\n".encode()

    # -- the package's listeners; its ways to connect and to send are gone with its threads

    def _replaced(self, *_args: object, **_values: object) -> None:
        raise NotImplementedError("AmiClient connects by run() and sends by send()")

    login = logoff = listen = send_action = _replaced

    def add_listener(self, *args: Any, **kwargs: Any) -> Any:
        added = super().add_listener(*args, **kwargs)
        self._tap(self._connection)
        return added

    def add_event_listener(self, *args: Any, **kwargs: Any) -> Any:
        added = super().add_event_listener(*args, **kwargs)
        self._tap(self._connection)
        return added

    def _tap(self, connection: Connection | None) -> None:
        """Package objects are made only while somebody listens for them."""
        if connection is not None and (self._listeners or self._event_listeners):
            connection.parser.tap = self._tell_event
            connection.on_reply = self._tell_reply

    def _tell_event(self, block: Block) -> None:
        event = Event(block.name, _event_keys(block))
        self._fire("event", event=event)
        for listener in self._event_listeners:
            self._guarded(listener, event=event, source=self)

    def _tell_reply(self, block: Block) -> None:
        keys = {name: "\n".join(block.all(name)) for name, _ in block.pairs[1:]}
        self._fire("response", response=Response(block.name, keys, []))

    def _fire(self, what: str, **values: Any) -> None:
        for listener in self._listeners:
            self._guarded(getattr(listener, f"on_{what}"), source=self, **values)

    def _guarded(self, listener: Callable[..., object], **values: Any) -> None:
        try:
            listener(**values)
        except Exception as error:
            self.metrics.handler_errors += 1
            log.exception("ami.listener failed", client=self.name, error=type(error).__name__)


async def _before_end(connection: Connection, what: Awaitable[Any], within: float | None) -> bool:
    """Whether `what` came in time. Raises TelephonyError when the connection ends first."""
    task = asyncio.ensure_future(what)
    try:
        await asyncio.wait({task, connection.closed}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if connection.closed.done():
            raise TelephonyError(connection.closed.result())
        if task.done():
            task.result()
        return task.done()
    finally:
        task.cancel()


def _event_keys(block: Block) -> dict[str, Any]:
    """As the package has them: …ChanVariable headers as a mapping; other repeated headers as a list."""
    keys: dict[str, Any] = {}
    for name, value in block.pairs[1:]:
        if name.endswith("ChanVariable"):
            variable, _, text = value.partition("=")
            keys.setdefault(name, {})[variable] = text
        elif name in keys:
            first = keys[name]
            keys[name] = [*first, value] if isinstance(first, list) else [first, value]
        else:
            keys[name] = value
    return keys


def tls_for(host: str, given: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """None on this machine's own loopback unless one is given; everywhere else TLS that checks the certificate."""
    if given is not None:
        return given
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    return None if local else ssl.create_default_context()
