"""The highest call rate at which nothing is lost and the screens keep their figure, on this machine.

One house, one step of the rate after the other; the last step that kept both counts. Nothing is lost: every call that
SIPp made has its row, its ticket and its end, as many were answered as SIPp saw answered by an agent, nothing was
refused. The figure: the board's p99 at the sockets (bench/live.py). Callers, phones and screens run on the same
machine and take their share of it.
"""

import argparse
import asyncio
import json
from typing import Any

import psutil
import uvloop
from sqlalchemy import func, select

from bench import live, load
from bench.house import House, house
from hotline.calls.models import Call
from hotline.db import Database
from hotline.tickets.models import Contact
from tests.integration import deployment

RATES = (5.0, 7.5, 10.0, 12.5, 15.0, 20.0, 25.0)
P99_MS = 100.0
_HOLD_MS = (6000, 10000)


async def measure(consoles: int, phones: int, rates: tuple[float, ...], seconds: float, base: int) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    async with house(base, roles=deployment.ROLES, lines="12345:600,2912345:1") as made:
        made.records = False
        await made.fill(phones, consoles)
        await made.start()
        made.shorten_prompts()
        await made.sign_on()
        load.phones(made, (500, 1500))
        async with load.screens(made) as screens:
            for rate in rates:
                steps.append(await _step(made, screens, rate, round(rate * seconds)))
                print(json.dumps({"bench": "capacity.step", **steps[-1]}), flush=True)
                if not steps[-1]["is_kept"]:
                    break
                for screen in screens:
                    screen.chunks.clear()
                    screen.pops.clear()
                await asyncio.sleep(12)  # a frame comes every ten seconds
    kept = [step for step in steps if step["is_kept"]]
    return {
        "bench": "capacity.calls_per_s", "value": kept[-1]["calls_per_s"] if kept else 0.0, "unit": "calls/s",
        "board_p99_ms": kept[-1]["board_p99_ms"] if kept else None, "consoles": consoles, "phones": phones,
        "first_not_kept": None if steps[-1]["is_kept"] else steps[-1], "deployment": made.deployment,
    }  # fmt: skip


async def _step(made: House, screens: list[load.Console], rate: float, calls: int) -> dict[str, Any]:
    before, idle = await _counts(made), psutil.cpu_times()
    try:
        board, pop = await live.under(made, screens, rate=rate, calls=calls, hold_ms=_HOLD_MS)
    except RuntimeError as error:
        return {"calls_per_s": rate, "is_kept": False, "why": str(error), "board_p99_ms": None}
    await asyncio.sleep(3)
    found = {name: count - before[name] for name, count in (await _counts(made)).items()}
    lost = calls - min(found["ended"], found["answered"], found["contacts"])
    now = psutil.cpu_times()
    spent = sum(now) - sum(idle)
    return {
        "calls_per_s": rate, "is_kept": lost == 0 and board["value"] <= P99_MS, "board_p99_ms": board["value"],
        "board_p50_ms": board["p50"], "pop_p99_ms": pop["value"], "calls": calls, "lost": lost, **found,
        "machine_busy": round(1 - (now.idle - idle.idle) / spent, 2),
    }  # fmt: skip


async def _counts(made: House) -> dict[str, int]:
    db = Database(made.settings.store_url)
    try:
        async with db.read() as tx:
            asked = {
                "calls_begun": select(func.count()).select_from(Call),
                "ended": select(func.count()).where(Call.ended_at.is_not(None)),
                "answered": select(func.count()).where(Call.outcome == "answered"),
                "contacts": select(func.count()).select_from(Contact),
            }
            return {name: await tx.session.scalar(query) or 0 for name, query in asked.items()}
    finally:
        await db.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench capacity", description=__doc__)
    parser.add_argument("--consoles", type=int, default=200)
    parser.add_argument("--phones", type=int, default=250)
    parser.add_argument("--rates", type=float, nargs="*", default=list(RATES))
    parser.add_argument("--seconds", type=float, default=30.0, help="of calls at each rate")
    options = parser.parse_args()
    row = uvloop.run(measure(options.consoles, options.phones, tuple(options.rates), options.seconds, 23000))
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
