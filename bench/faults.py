"""Random fault plans: is what the hotline says of its calls in the end what happened? `value` is how many times not.

`--plans N` plans from `--seed S` on (another seed each run unless one is given). A plan that fails is printed with what
is not true and with the command that plays it alone. In memory: what a plan is, and what is asked in the end, stands in
tests/fault_plans.py and tests/fault_verdict.py; what Asterisk's own records then make good, in tests/fault_healed.py.
The same plans run over sockets, with the store and the files, in tests/component/test_faults.py.
"""

import argparse
import json
import os
import secrets
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from tests import fault_healed
from tests.fault_memory import MemoryPlay, judged
from tests.fault_plans import FaultPlan

PLANS = 10_000
_AT_ONCE = 250


def play(first: int, count: int) -> tuple[list[tuple[str, int, list[str]]], int, int]:
    """Plans of which the end is not true (plan, its seed, in words); how many calls and faults there were."""
    failed: list[tuple[str, int, list[str]]] = []
    calls = faults = 0
    for seed in range(first, first + count):
        plan = FaultPlan.random(seed)
        calls, faults = calls + len(plan.day.calls), faults + len(plan.faults)
        played = MemoryPlay(plan).run()
        wrong = judged(played) + fault_healed.judged(played)
        if wrong:
            failed.append((str(plan), seed, wrong))
    return failed, calls, faults


def run(plans: int, seed: int) -> dict[str, Any]:
    """One row, as script/bench prints it."""
    began = time.perf_counter()
    starts = range(seed, seed + plans, _AT_ONCE)
    counts = [min(_AT_ONCE, seed + plans - start) for start in starts]
    if plans <= _AT_ONCE:
        parts = list(map(play, starts, counts))
    else:
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(play, starts, counts))
    took = time.perf_counter() - began
    failed = [one for part in parts for one in part[0]]
    for plan, number, wrong in failed:
        print(f"{plan}\n  " + "\n  ".join(wrong), file=sys.stderr)
        print(f"  again: script/bench faults --plans 1 --seed {number}", file=sys.stderr)
    return {
        "bench": "faults", "value": len(failed), "unit": "failures", "vs": 0, "count": plans, "seed": seed,
        "calls": sum(part[1] for part in parts), "faults": sum(part[2] for part in parts),
        "plans_per_s": round(plans / took),
    }  # fmt: skip


def main() -> int:
    """Exit 1 if any plan failed."""
    parser = argparse.ArgumentParser(prog="script/bench faults", description=__doc__)
    parser.add_argument("--plans", type=int, default=PLANS)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    row = run(options.plans, secrets.randbelow(10**9) if options.seed is None else options.seed)
    print(json.dumps(row))
    return int(row["value"] > 0)


if __name__ == "__main__":
    sys.exit(main())
