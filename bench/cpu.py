"""Processor time of our processes for each second of Asterisk's, under a steady load.

`signalling`: nobody sends sound and nothing is recorded; prompts are cut to 0.3 s, the music while a phone rings
remains; consoles are sockets that are told what they would be told. `pops`: the same, and each fetches the ticket that
pops up. `pages`: it also fetches what an agent's page fetches for itself. `sound`: `pops` with both sides speaking, all
of it recorded, and prompts at their length. CPU is user and system time of
the processes with their threads (/proc), so other work on the machine weighs little; PostgreSQL's and Redis's own is
stated apart.
"""

import argparse
import asyncio
import json
import os
import statistics
from collections.abc import Iterable
from typing import Any

import psutil
import uvloop
from sqlalchemy import func, select

from bench import load
from bench.house import House, house
from hotline.calls.models import Call
from hotline.db import Database
from hotline.telephony.asterisk import Asterisk
from tests.integration import deployment

KINDS = ("signalling", "pops", "pages", "sound")
_SCREENS = {"signalling": load.Listener, "pages": load.Page}
_HOLD_MS = 5000
_TAIL_S = 4.0  # what a call's end still brings


async def measure(kind: str, *, consoles: int, rate: float, seconds: float, base: int) -> dict[str, Any]:
    """One round."""
    speaks = kind == "sound"
    # As many channels as such a line needs: its lamp has a cell for each.
    async with house(base, roles=deployment.ROLES, lines=f"12345:{max(30, round(rate * 12))},2912345:1") as made:
        made.records = speaks
        await made.fill(max(60, consoles), consoles)
        await made.start()
        if not speaks:
            made.shorten_prompts()
        await made.sign_on()
        load.phones(made, (300, 700), speaks=speaks)
        async with load.screens(made, _SCREENS.get(kind, load.Console)) as screens:
            await asyncio.sleep(_TAIL_S)
            calls = round(rate * seconds)
            before = _spent(made)
            await load.ended(load.callers(made, calls, rate, (_HOLD_MS, _HOLD_MS), speaks=speaks), seconds + 90)
            await asyncio.sleep(_TAIL_S)
            spent = {name: value - before[name] for name, value in _spent(made).items()}
            failed = [words for screen in screens for words in screen.failed]
            fetched = sum(len(screen.pops) + getattr(screen, "fetched", 0) for screen in screens)
        if len(failed) > fetched / 100:
            raise RuntimeError(f"{len(failed)} fetches failed, first: {failed[0]}")
        outcomes = await _outcomes(made)
    return {
        "bench": f"cpu.{kind}", "value": round(spent["ours"] / spent["asterisk"], 2), "unit": "times Asterisk's",
        "vs": 1.0, "ours_ms_a_call": round(spent["ours"] / calls * 1000, 2),
        "asterisk_ms_a_call": round(spent["asterisk"] / calls * 1000, 2),
        "stores_ms_a_call": round(spent["stores"] / calls * 1000, 2), "calls": calls, "calls_per_s": rate,
        "consoles": consoles, "fetches_a_call": round(fetched / calls, 1), "fetches_failed": len(failed),
        "outcomes": outcomes,
        "deployment": made.deployment,
    }  # fmt: skip


def _spent(made: House) -> dict[str, float]:
    """Seconds so far: of our processes, of Asterisk, of the databases' own processes."""
    asterisk = Asterisk(made.settings).pid()
    assert asterisk is not None
    return {
        "ours": _cpu(process.pid for process in made.processes),
        "asterisk": _cpu([asterisk]),
        "stores": _cpu(_stores()) if deployment.ON_SERVERS else 0.0,
    }


def _cpu(pids: Iterable[int]) -> float:
    """Of those that ended meanwhile nothing is known: their parent counts them once it has waited for them."""
    found = 0.0
    for pid in pids:
        times = psutil.Process(pid).cpu_times()
        found += times.user + times.system
    return found


def _stores() -> list[int]:
    """Servers that this process started, with PostgreSQL's own children."""
    mine = psutil.Process(os.getpid()).children(recursive=True)
    apart = [one for one in psutil.process_iter(["name"]) if one.info["name"] in {"postgres", "valkey-server"}]
    return [one.pid for one in {*apart, *mine} if one.name() in {"postgres", "valkey-server", "redis-server"}]


async def _outcomes(made: House) -> dict[str, int]:
    db = Database(made.settings.store_url)
    try:
        async with db.read() as tx:
            rows = await tx.session.execute(select(Call.outcome, func.count()).group_by(Call.outcome))
            return {str(outcome): count for outcome, count in rows}
    finally:
        await db.close()


def main() -> None:
    """Each round as a row, then the median of the rounds."""
    parser = argparse.ArgumentParser(prog="script/bench cpu", description=__doc__)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--consoles", type=int, default=50)
    parser.add_argument("--rate", type=float, default=5.0, help="calls a second")
    parser.add_argument("--seconds", type=float, default=120.0)
    options = parser.parse_args()
    for kind in options.kinds.split(","):
        rounds = [
            uvloop.run(measure(kind, consoles=options.consoles, rate=options.rate, seconds=options.seconds, base=base))
            for base in (23000 + number % 2 * 1000 for number in range(options.rounds))
        ]
        values = sorted(row["value"] for row in rounds)
        middle = next(row for row in rounds if row["value"] == statistics.median_low(values))
        print(json.dumps({**middle, "min": values[0], "max": values[-1], "count": len(values)}), flush=True)


if __name__ == "__main__":
    main()
