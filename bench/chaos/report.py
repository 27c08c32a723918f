"""The page docs/reliability.md: what broke, what was checked, what came out. Written by the run itself."""

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.chaos.checks import LIVE_AGAIN_S, Check, outcomes
from bench.chaos.schedule import SAYS
from bench.chaos.seen import Fault, Seen
from bench.chaos.share import ELSEWHERE

_HEAD = """# {title}

What is left when things die under load, measured on the real thing and written by one command:

```
script/bench{option} reliability {words}
```

{when} on {machine}; load average over the last quarter of an hour {load:.1f}.

{who}, SIPp's callers at {rate:g} call a second, {pages} agents at consoles in Chromium who
type into tickets and {phones} at phones alone. At random moments one of the things below dies. A process of ours is
started again at once, as systemd does; Asterisk by its keeper; a browser by the person, some seconds later. Callers and
browsers, which in service are on other machines, run at a lower priority (nice {nice}) than our process and Asterisk.
{other}
"""
_TITLES = {False: "Reliability", True: "Reliability on servers"}
_WHO = {
    False: "Our process, the private Asterisk",
    True: "Two workers, two consoles behind nginx as it is delivered, PostgreSQL, Redis, the private Asterisk",
}
_OTHER = {
    False: "\nThe same in several processes, on servers: [reliability-servers.md](reliability-servers.md).",
    True: "\nThe same in one process: [reliability.md](reliability.md).",
}

_MEANS = """
## What is compared

Every call has a number of its own. *Callers* are SIPp: its log says when each INVITE went out, what was answered, who
ended the call and when. *Phones*: the SIP of every agent's phone, a page's or a plain one, says which caller rang
where, was answered, and who hung up. *Pages*: a word counts as typed once the page shows it in the ticket's summary.
These are held against the store at the end: calls, contacts, tickets, call-backs. Nothing of ours is asked what
happened.

- **Outcome**: a talk seen at a phone is `answered`; a caller who hung up before the longest wait, without one, is
  `abandoned`; one who stayed is `voicemail`; busy is `blocked`; a call that Asterisk's death cut is `failed`, or
  `answered` or `voicemail` if it had come so far. Where two things fell on the same moment, each that can be true
  counts.
- **Live again**: from the kill, or from the moment that the disk has room, until `/readyz` says that database, commands
  and Asterisk's events are all there; of another Asterisk than before, where that died.
{servers}- **Full disk**: the data directory ({disk}) has no byte left for four to nine seconds.

## What is not promised

- A call that Asterisk's death cuts is cut: the caller has to ring again. It is on record, and owed a call-back.
- An INVITE that no Asterisk was there to hear is on nobody's record. The network repeats it for some seconds.
- What is typed in the last second before a browser is killed may not have reached the disk or us. Counted apart.
- Sound that had no room on a full disk is not recorded. A message to the recorder then ends as `failed`, said aloud.
{unpromised}- A machine that dies whole: not tried here, but Asterisk and our process killed in the same instant are.
"""


_DISK = {False: "journal, store and recordings", True: "journal and recordings, not the store"}
_SERVERS = """- **Which one is live**: all consoles must say so. After the leader's death not before another worker has
  begun to follow Asterisk; after PostgreSQL's, not before events are written.
- **PostgreSQL** is stopped in one of three ways, drawn by lot (its manual, 18.5): *fast*, *immediate*, or kill -9
  of all its processes.
"""
_UNPROMISED = """- While PostgreSQL is away nobody can sign in, open a ticket or say ready: the page tells so.
"""


def page(
    seen: Seen, checks: Sequence[Check], *, words: Sequence[str], kinds: Sequence[str], rate: float, load: float
) -> str:
    """The whole document. `words`: of the command line; `kinds`: what may have died."""
    servers = "postgres" in kinds
    head = _HEAD.format(
        title=_TITLES[servers], option=" --servers" if servers else "", who=_WHO[servers], other=_OTHER[servers],
        nice=ELSEWHERE,
        words=" ".join(words) or "--minutes 10", rate=rate, load=load, machine=_machine(), **seen.agents,
        when=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )  # fmt: skip
    means = _MEANS.format(
        disk=_DISK[servers], servers=_SERVERS if servers else "", unpromised=_UNPROMISED if servers else ""
    )
    return "\n".join([head, *_checks(checks), "", *_faults(seen, kinds), "", *_calls(seen), means])


def slowest(seen: Seen) -> dict[str, float | None]:
    """Longest time to live a kind; None if one never was."""
    found: dict[str, float | None] = {}
    for kind in SAYS:
        times = [fault.live_s for fault in seen.faults if fault.kind == kind]
        if times and kind != "browser":
            found[kind] = None if None in times else round(max(one for one in times if one is not None), 2)
    return found


def _checks(checks: Sequence[Check]) -> list[str]:
    rows = ["| check | of | wrong | |", "|---|---|---|---|"]
    return rows + [f"| {one.name} | {one.of or ''} | {len(one.wrong) or 'none'} | {one.note} |" for one in checks]


def _faults(seen: Seen, kinds: Sequence[str]) -> list[str]:
    rows = [f"| what died | times | live again, median | slowest | aim {LIVE_AGAIN_S:g} s |", "|---|---|---|---|---|"]
    for kind in kinds:
        says = SAYS[kind]
        done = [fault for fault in seen.faults if fault.kind == kind]
        if not done:
            rows.append(f"| {says} | not tried | | | |")
        elif kind == "browser":
            rows.append(f"| {says} | {len(done)} | {_next_ring(seen, done)} | | |")
        else:
            times = [fault.live_s for fault in done if fault.live_s is not None]
            kept = len(times) == len(done) and max(times) <= LIVE_AGAIN_S
            middle = f"{statistics.median(times):.1f} s" if times else ""
            longest = f"{max(times):.1f} s" if len(times) == len(done) else "not in 40 s"
            rows.append(f"| {says} | {len(done)} | {middle} | {longest} | {'kept' if kept else 'missed'} |")
    return rows


def _next_ring(seen: Seen, done: Sequence[Fault]) -> str:
    """How soon a caller whose agent's browser was killed in the talk rang at the next phone."""
    waits = []
    for ring in seen.rings:
        if ring.ended_by == "killed" and ring.answered_at is not None and ring.ended_at is not None:
            later = [one.rang_at for one in seen.rings if one.number == ring.number and one.rang_at > ring.ended_at]
            if later and any(abs(fault.began_at - ring.ended_at) < 1 for fault in done):
                waits.append(min(later) - ring.ended_at)
    if not waits:
        return "no caller was talking then"
    return f"callers cut off rang at the next agent after {min(waits):.1f} to {max(waits):.1f} s ({len(waits)})"


def _calls(seen: Seen) -> list[str]:
    calls = seen.calls.values()
    final = [call for call in calls if call.is_final]
    silent = len(calls) - len(final)
    told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes(seen.records).items())
    return [
        f"{len(calls)} INVITEs, {len(final)} of them answered or refused; {silent} were heard by no Asterisk or lost",
        f"the answer with it. On record: {told}. {len(seen.rings)} rings at phones, {len(seen.words)} words typed.",
        f"Agents had to press *ready* again {seen.presses} times after something took them out of the queue.",
    ]


def _machine() -> str:
    memory = int(next(line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line))
    return f"{os.cpu_count()} cores, {memory // 2**20} GiB, {platform.system()}, Python {platform.python_version()}"
