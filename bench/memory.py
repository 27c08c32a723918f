"""Memory of our processes with 200 consoles and 200 live calls, and whether it stays flat over 5,000 calls.

PSS (/proc, smaps_rollup) of web and worker together: what they share is counted once. Asterisk, databases and the load
itself are not in it. Signalling only; calls of one length at an even rate, so that as many are up all the time.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy import func, select

from bench import load
from bench.house import House, house
from hotline.calls.models import Call
from hotline.db import Database
from tests.integration import deployment

_PSS = "Pss:"


async def measure(*, consoles: int, live: int, calls: int, rate: float, base: int) -> dict[str, Any]:
    hold_s = live / rate
    async with house(base, roles=deployment.ROLES, lines=f"12345:{2 * live},2912345:1") as made:
        made.records = False
        await made.fill(max(consoles, live + 20), consoles)
        await made.start()
        made.shorten_prompts()
        await made.sign_on()
        load.phones(made, (300, 700))
        started = _pss_mb(made)
        async with load.screens(made) as screens:
            await asyncio.sleep(5)
            idle = _pss_mb(made)
            callers = load.callers(made, calls, rate, (round(hold_s * 1000),) * 2)
            await asyncio.sleep(hold_s + 3)
            at_live, up = _pss_mb(made), await _up(made)
            seen = [at_live]
            end = time.monotonic() + calls / rate + 60
            while callers.process.poll() is None and time.monotonic() < end:
                await asyncio.sleep(min(10.0, calls / rate / 20))
                seen.append(_pss_mb(made))
                for screen in screens:
                    screen.chunks.clear()
            last = seen[-2] if len(seen) > 1 else at_live
            outcomes = await _outcomes(made)
    third = max(1, len(seen) // 3)
    growth = sum(seen[-third:]) / third - sum(seen[:third]) / third
    return {
        "bench": "memory.pss", "value": max(seen), "unit": "MB", "vs": 300, "started": started, "with_consoles": idle,
        "with_live_calls": at_live, "at_the_end": last, "growth_first_to_last_third": round(growth, 1),
        "live_calls": up, "consoles": consoles, "calls": calls, "calls_per_s": rate, "outcomes": outcomes,
        "deployment": made.deployment,
    }  # fmt: skip


def _pss_mb(made: House) -> float:
    """Of our processes now."""
    found = 0
    for process in made.processes:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        found += sum(int(line.split()[1]) for line in rollup if line.startswith(_PSS))
    return round(found / 1024, 1)


async def _up(made: House) -> int:
    db = Database(made.settings.store_url)
    try:
        async with db.read() as tx:
            return await tx.session.scalar(select(func.count()).where(Call.ended_at.is_(None))) or 0
    finally:
        await db.close()


async def _outcomes(made: House) -> dict[str, int]:
    db = Database(made.settings.store_url)
    try:
        async with db.read() as tx:
            rows = await tx.session.execute(select(Call.outcome, func.count()).group_by(Call.outcome))
            return {str(outcome): count for outcome, count in rows}
    finally:
        await db.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench memory", description=__doc__)
    parser.add_argument("--consoles", type=int, default=200)
    parser.add_argument("--live", type=int, default=200, help="calls at a time")
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=8.0, help="calls a second")
    options = parser.parse_args()
    values = {"consoles": options.consoles, "live": options.live, "calls": options.calls, "rate": options.rate}
    print(json.dumps(uvloop.run(measure(base=23000, **values))), flush=True)


if __name__ == "__main__":
    main()
