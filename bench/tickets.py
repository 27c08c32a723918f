"""Work list, ticket, step, field and search at 2,000 and at 200,000 tickets: how long each answer takes.

The console's own process and a store that bench/archive.py filled; no Asterisk, since nobody calls. One request at a
time over one connection; permission, the trail of reads and the markup are in it, since people wait for them too.
"""

import argparse
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import psutil
import uvloop
from sqlalchemy import select

from bench import archive
from bench.house import House, house
from hotline import migrate
from hotline.access import accounts
from hotline.agents import service as agents
from hotline.clock import now
from hotline.db import Database
from hotline.ids import ticket_ref
from hotline.tickets.models import Ticket
from hotline.tickets.queries import _cursor

SIZES = (2_000, 200_000)
_AGENTS = 40
_TIMES = 60
_FIRST = 5  # not counted: connections and plans are made


@dataclass
class Person:
    """Somebody signed in."""

    client: httpx.AsyncClient
    csrf: str
    agent_id: UUID | None

    async def get(self, path: str, **values: str) -> httpx.Response:
        answer = await self.client.get(path, params=values)
        if answer.status_code != 200:
            raise RuntimeError(f"GET {path} was answered {answer.status_code}")
        return answer

    async def send(self, method: str, path: str, values: dict[str, str]) -> None:
        answer = await self.client.request(method, path, data=values, headers={"X-CSRF-Token": self.csrf})
        if answer.status_code != 200:
            raise RuntimeError(f"{method} {path} was answered {answer.status_code}: {answer.text[:300]}")


async def measure(size: int, base: int) -> None:
    """Prints a row for each kind of request."""
    async with house(base, roles=("web",)) as made:
        began = time.monotonic()
        people, own = await _fill(made, size)
        filled_s = time.monotonic() - began
        await made.start()
        clients = [
            httpx.AsyncClient(base_url=made.url, cookies={"hotline": token}, follow_redirects=True, timeout=60)
            for token, _csrf, _agent in people
        ]
        agent, supervisor = (
            Person(client, csrf, agent_id) for client, (_token, csrf, agent_id) in zip(clients, people, strict=True)
        )
        note = {"tickets": size, "deployment": made.deployment}
        try:
            for name, asked in _requests(agent, supervisor, own).items():
                print(json.dumps({"bench": f"tickets.{name}", **await _timed(made, asked), **note}), flush=True)
        finally:
            for client in clients:
                await client.aclose()
        memory = sum(psutil.Process(process.pid).memory_info().rss for process in made.processes)
    filled = {"bench": "tickets.filled", "value": round(filled_s, 1), "unit": "s", "console_mb": round(memory / 2**20)}
    print(json.dumps({**filled, **note}), flush=True)


@dataclass
class Own:
    """What the agent has and does: refs of tickets to read, to write in, to close; a page in the middle of the list."""

    drafts: list[str]
    closed: list[str]
    habitual: str
    cursor: str


async def _fill(made: House, size: int) -> tuple[list[tuple[str, str, UUID | None]], Own]:
    await migrate.upgrade(made.settings.store_url)
    db, at = Database(made.settings.store_url, command_s=None), now()
    try:
        ids, people = list[UUID](), list[tuple[str, str, UUID | None]]()
        async with db.write() as tx:
            for number in range(_AGENTS):
                account = await accounts.add_user(tx, f"agent{number}", "agent", "no password", at)
                agent = await agents.add_agent(tx, account.id, account.name, at, str(2000 + number))
                ids.append(agent.id)
                if number == 0:
                    opened = await accounts.open_session(tx, account.id, at)
                    people.append((opened.token, str(opened.who.csrf), agent.id))
            account = await accounts.add_user(tx, "supervisor", "supervisor", "no password", at)
            opened = await accounts.open_session(tx, account.id, at)
            people.append((opened.token, str(opened.who.csrf), None))
        await archive.write(db, size, ids, at - timedelta(minutes=1))
        async with db.read() as tx:
            mine = list(await tx.session.scalars(
                select(Ticket).where(Ticket.agent_id == ids[0]).order_by(Ticket.opened_at.desc()).limit(2000)
            ))  # fmt: skip
            middle = await tx.session.scalar(select(Ticket).where(Ticket.ref == ticket_ref(size // 2)))
            assert middle is not None
        return people, Own(
            drafts=[ticket.ref for ticket in mine if ticket.state == "NEW"],
            closed=[ticket.ref for ticket in mine if ticket.state == "CLOSED"],
            habitual=ticket_ref(size // 1000 * 500),
            cursor=_cursor(middle),
        )
    finally:
        await db.close()


Asked = Callable[[int], Awaitable[Any]]


def _requests(agent: Person, supervisor: Person, own: Own) -> dict[str, Asked]:
    """By name; each is given its turn, from 0 on."""

    def ref(turn: int) -> str:
        return own.closed[turn % len(own.closed)]

    async def step(turn: int) -> None:
        """Registered, as at the end of a call: the trail, the number, and the ticket anew."""
        await agent.send("POST", f"/tickets/{own.drafts[:-1][turn]}/steps/register", {"version": "6"})

    async def typed(turn: int) -> None:
        values = {"value": f"{archive.WORDS} {turn}", "version": str(1 + turn)}
        await agent.send("PUT", f"/tickets/{own.drafts[-1]}/fields/summary", values)

    return {
        "work": lambda _turn: agent.get("/console/work"),
        "console": lambda _turn: agent.get("/console"),
        "ticket": lambda turn: agent.get(f"/tickets/{ref(turn)}"),
        "ticket_of_habitual_caller": lambda _turn: supervisor.get(f"/tickets/{own.habitual}"),
        "search_ref": lambda turn: agent.get("/tickets", ref=ref(turn).lower()),
        "list_open": lambda _turn: agent.get("/tickets", filter="open"),
        "list_mine": lambda _turn: agent.get("/tickets", filter="mine"),
        "list_closed": lambda _turn: agent.get("/tickets", filter="closed"),
        "list_void": lambda _turn: agent.get("/tickets", filter="void"),
        "list_middle": lambda _turn: agent.get("/tickets", filter="all", cursor=own.cursor),
        "list_open_supervisor": lambda _turn: supervisor.get("/tickets", filter="open"),
        "calls_agent": lambda _turn: agent.get("/calls"),
        "calls_supervisor": lambda _turn: supervisor.get("/calls"),
        "board": lambda _turn: supervisor.get("/board"),
        "api_closed": lambda _turn: supervisor.get("/api/v1/tickets", state="CLOSED"),
        "field": typed,
        "step": step,
    }


async def _timed(made: House, asked: Asked) -> dict[str, Any]:
    """`cpu_ms`: of the console's process alone, which other work on the machine disturbs less."""
    console = psutil.Process(made.processes[0].pid)
    took, spent = list[float](), console.cpu_times()
    for turn in range(_TIMES + _FIRST):
        began = time.perf_counter()
        try:
            await asked(turn)
        except IndexError:
            break
        took.append((time.perf_counter() - began) * 1000)
    now_spent = console.cpu_times()
    cpu_ms = (now_spent.user - spent.user + now_spent.system - spent.system) / len(took) * 1000
    took = sorted(took[min(_FIRST, len(took) // 3) :])
    return {
        "value": round(statistics.median(took), 1), "unit": "ms", "p95": round(took[int(0.95 * (len(took) - 1))], 1),
        "max": round(took[-1], 1), "cpu_ms": round(cpu_ms, 1), "count": len(took),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench tickets", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    options = parser.parse_args()
    for size in options.sizes:
        uvloop.run(measure(size, 25000))


if __name__ == "__main__":
    main()
