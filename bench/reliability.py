"""Kills, full disks and dead browsers under a call a second, and whether everything that happened is on record.

The real house: `hotline run`, its private Asterisk, SIPp's callers, agents at real pages and at phones alone. At random
moments (seeded) something dies. With `script/bench --servers` it is two workers, two consoles behind nginx, PostgreSQL
and Redis, and those die too. What callers, phones and pages saw is then held against the store. Needs root for the
full disk, which is a file system in memory; without, that fault is left out and the report says so.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from bench.chaos import callers, checks, faults, record, report, schedule
from bench.chaos.agents import Agent, PageAgent, PhoneAgent
from bench.chaos.phones import PhoneLog
from bench.chaos.seen import Seen
from bench.chaos.share import ELSEWHERE, give_way
from bench.house import fill
from hotline.settings import CHECKOUT
from tests.e2e.city import City
from tests.e2e.house import House
from tests.integration.deployment import ON_SERVERS
from tests.integration.pbx import Pbx

REPORT = CHECKOUT / "docs" / ("reliability-servers.md" if ON_SERVERS else "reliability.md")
KINDS = schedule.ON_SERVERS if ON_SERVERS else schedule.KINDS
_BREAK_EVERY_S, _BREAK_S = 55.0, 14.0
_SETTLE_S = 60.0
_WAIT_S = 10


@contextmanager
def elsewhere() -> Iterator[None]:
    """What is started inside has what our process and Asterisk leave of the machine: in service it is on others."""
    may = os.geteuid() == 0  # nobody else may take it back
    if may:
        os.setpriority(os.PRIO_PROCESS, 0, ELSEWHERE)
    try:
        yield
    finally:
        if may:
            os.setpriority(os.PRIO_PROCESS, 0, 0)


async def measure(options: argparse.Namespace, directory: Path) -> tuple[Seen, list[checks.Check]]:
    """One run. What it leaves in `directory` says more of it."""
    seconds, chance = options.minutes * 60, random.Random(options.seed)
    make = City.found if ON_SERVERS else House.make
    house = make(
        directory, 2000, demo=False, lines="12345:60,2912345:1", ring_s=5, max_wait_s=_WAIT_S, wrap_up_s=3,
        rtp_ports="34000-34999",
    )  # fmt: skip
    disk = faults.Disk(house.settings.data_dir) if os.geteuid() == 0 else None
    log = PhoneLog()
    tasks: list[asyncio.Task[None]] = []
    try:
        if disk is not None:
            disk.mount()
        else:
            house.settings.data_dir.mkdir(mode=0o700)
        count = options.pages + options.phones
        endpoints, cookies = await fill(house.settings, count, count)
        house.is_apart = True
        await house.start()
        async with AsyncExitStack() as stack:
            with elsewhere():
                driver = await stack.enter_async_context(async_playwright())
                give_way(os.getpid())
            more = [(house, f"agent{n}", cookie, log, random.Random(f"{options.seed}/{n}"))
                    for n, cookie in enumerate(cookies)]  # fmt: skip
            pages = [PageAgent(*given, driver=driver, profile=directory / f"profile-{given[1]}")
                     for given in more[: options.pages]]  # fmt: skip
            everybody: list[Agent] = [*pages, *(PhoneAgent(*given) for given in more[options.pages :])]
            for page in pages:
                await page.open()
            breaker = faults.Breaker(house, disk, pages, chance)
            tasks += [asyncio.create_task(agent.work()) for agent in everybody]
            tasks += [asyncio.create_task(breaker.supervise()), asyncio.create_task(_tend(house, everybody))]
            await _until(lambda: _ready(house) == count, 120, "all agents are ready")
            for agent in everybody:
                agent.presses = 0
            lab = Pbx(house.settings, house.asterisk, directory)
            with elsewhere():
                house.running += callers.start(lab, seconds=seconds, rate=options.rate)
            breaks = asyncio.create_task(_breaks(everybody))
            tasks.append(breaks)
            planned = schedule.plan(chance, seconds, options.faults.split(","))
            began = time.monotonic()
            await breaker.follow(planned)
            await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
            breaks.cancel()
            await _settle(house, pages, everybody, [one.directory / "log" for one in house.running])
            seen = _seen(house, log, pages, breaker)
            seen.agents = {"pages": len(pages), "phones": options.phones}
            seen.presses = sum(agent.presses for agent in everybody)
            seen.unreachable = record.unreachable(house, await house.asterisk.cli("queue show hotline"), endpoints)
            for page in pages:
                await page.picture(directory)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for page in pages:
                with suppress(Exception):
                    await asyncio.wait_for(page.context.close(), 5) if page.context else None
        return seen, checks.run(seen)
    finally:
        for task in tasks:
            task.cancel()
        with suppress(Exception):
            await house.stop()
        if isinstance(house, City):
            house.close()
        if disk is not None:
            if options.keep:
                shutil.copytree(
                    disk.path, directory / "kept", ignore=shutil.ignore_patterns("*.wav", "*.ctl", "*.sock")
                )
            disk.unmount()


def _seen(house: House, log: PhoneLog, pages: Sequence[PageAgent], breaker: faults.Breaker) -> Seen:
    calls = callers.read(one.directory / "log" for one in house.running)
    return Seen(
        calls=calls, rings=log.rings, words=[word for page in pages for word in page.words], faults=breaker.done,
        kills={page.name: page.killed for page in pages}, records=record.records(house),
        summaries=record.summaries(house), told=record.told(house.asterisk.places.cel), times=record.times(_WAIT_S),
        kept=[(one["ref"], one["value"]) for page in pages for one in page.seen.get("kept", ()) if one["told"]],
        open_calls=record.open_calls(house), ended_alone=breaker.ended_alone,
    )  # fmt: skip


async def _tend(house: House, everybody: Sequence[Agent]) -> None:
    """Each agent looks at the board once a second, and does what they see is needed."""
    while True:
        with suppress(Exception):
            states = {name: tuple(of) for name, *of in record.agents(house)}
            await asyncio.gather(*(agent.tend(*states[agent.name]) for agent in everybody))
        await asyncio.sleep(1)


def _ready(house: House) -> int:
    return sum(state == "ready" for _name, state, *_more in record.agents(house))


async def _breaks(everybody: Sequence[Agent]) -> None:
    """Now and then nobody is there, so that callers who stay reach the recorder."""
    while True:
        await asyncio.sleep(_BREAK_EVERY_S - _BREAK_S)
        for agent in everybody:
            agent.wants_break = True
        await asyncio.sleep(_BREAK_S)
        for agent in everybody:
            agent.wants_break = False


async def _settle(house: House, pages: Sequence[PageAgent], everybody: Sequence[Agent], logs: Sequence[Path]) -> None:
    """Callers end their calls, pages send what they hold, the hotline catches up with what it missed."""
    for agent in everybody:
        agent.wants_break = False
    for page in pages:
        page.has_written = True
    longest = max(kind.patience_s for kind in callers.KINDS) + 5
    await _until(lambda: all(sipp.process.poll() is not None for sipp in house.running), longest, "")
    for sipp in house.running:  # callers who wait for an answer that an Asterisk took with it
        sipp.stop()
    final = {number for number, call in callers.read(logs).items() if call.is_final}

    async def caught_up() -> bool:
        sent = [await page.all_sent() for page in pages]
        known = {one.number for one in record.records(house)}
        return all(sent) and not record.open_calls(house) and final <= known and _ready(house) == len(everybody)

    end = time.monotonic() + _SETTLE_S
    while not await caught_up() and time.monotonic() < end:
        await asyncio.sleep(0.5)
    await asyncio.sleep(5)  # what would come twice has come by now


async def _until(holds: Any, seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            if what:
                raise RuntimeError(f"not within {seconds:g} s: {what}")
            return
        await asyncio.sleep(0.2)


def main() -> int:
    options = _options()
    # Told to end: as by Ctrl-C, so that Asterisk stops and the disk is unmounted.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    made = tempfile.mkdtemp(prefix="hotline-reliability-")
    directory = Path(options.keep or made)
    directory.mkdir(parents=True, exist_ok=True)
    try:
        seen, made_checks = asyncio.run(measure(options, directory))
        text = report.page(
            seen, made_checks, words=_said(options), kinds=KINDS, rate=options.rate, load=os.getloadavg()[2]
        )
        if (target := options.report or (REPORT if options.minutes >= 10 else None)) is not None:
            Path(target).write_text(text)
        (directory / "seen.json").write_text(json.dumps(asdict(seen), ensure_ascii=False, indent=1))
        (directory / "wrong.txt").write_text("".join(f"{one.name}: {w}\n" for one in made_checks for w in one.wrong))
        for check in made_checks:
            if not check.holds:
                print(f"# {check.name}: {len(check.wrong)} of {check.of}", file=sys.stderr)
                for line in check.wrong[:8]:
                    print(f"#   {line}", file=sys.stderr)
        failed = [check.name for check in made_checks if not check.holds]
        failures = sum(len(check.wrong) for check in made_checks if not check.holds)
        row = {
            "bench": "reliability", "value": failures, "unit": "failures",
            "calls": len(seen.calls), "faults": len(seen.faults), "words": len(seen.words), "failed": failed,
            "outcomes": checks.outcomes(seen.records), "slowest_s": report.slowest(seen),
        }  # fmt: skip
        print(json.dumps(row, ensure_ascii=False))
        return 1 if failed else 0
    finally:
        if not options.keep:
            shutil.rmtree(made, ignore_errors=True)


def _said(options: argparse.Namespace) -> list[str]:
    """The command line without what changes nothing of the run."""
    given = {"minutes": f"{options.minutes:g}", "seed": options.seed}
    usual = {"rate": 1.0, "pages": 2, "phones": 10, "faults": ",".join(KINDS)}
    given |= {name: getattr(options, name) for name, value in usual.items() if getattr(options, name) != value}
    return [f"--{name} {value}" for name, value in given.items()]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench reliability", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1.0, help="calls a second")
    parser.add_argument("--pages", type=int, default=2, help="agents at real pages")
    parser.add_argument("--phones", type=int, default=10, help="agents at phones alone")
    parser.add_argument("--faults", default=",".join(KINDS), help="which, comma between")
    parser.add_argument("--report", help="where the page is written; ten minutes or more: docs/reliability.md")
    parser.add_argument("--keep", help="a directory in which logs, journal and store stay")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
