"""What the hotline has on record after a run, read from its store and from Asterisk's own journal as they lie there."""

import csv
import json
import sqlite3
import wave
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.chaos.seen import Record, Times
from hotline.ivr.menu import SPOKEN
from hotline.telephony.install import config_home
from tests.e2e.house import House

_CALLS = """
select c.caller_number, c.linkedid, c.outcome, c.started_at, c.ended_at,
  (select count(*) from contact k where k.call_id = c.id),
  (select count(*) from contact k join contact_ticket x on x.contact_id = k.id where k.call_id = c.id),
  (select count(*) from contact k join due_work d on d.subject_id = k.id and d.kind = 'call_back' and d.done_at is null
    where k.call_id = c.id)
from call c where c.phase != 'merged' order by c.started_at
"""


def records(house: House) -> list[Record]:
    """Every call, oldest first."""
    return [
        Record(number or "", linkedid, outcome, _unix(started) or 0.0, _unix(ended), *counts)
        for number, linkedid, outcome, started, ended, *counts in house.rows(_CALLS)
    ]


def open_calls(house: House) -> int:
    (row,) = house.rows("select count(*) from call where ended_at is null and phase not in ('ended', 'merged')")
    return int(row[0])


def agents(house: House) -> list[tuple[str, str, str | None, str]]:
    """Name, state, reason and phone of everybody. Empty while the store cannot be read."""
    try:
        rows = house.rows("select name, state, reason, phone from agent")
        return [(name, state, reason, phone) for name, state, reason, phone in rows]
    except sqlite3.Error:
        return []


def summaries(house: House) -> dict[str, str]:
    """Ticket → what was written in its summary."""
    return {
        ref: json.loads(values).get("summary") or "" for ref, values in house.rows('select ref, "values" from ticket')
    }


def told(cel: Path) -> dict[str, list[str]]:
    """Number → outcomes that Asterisk wrote into its journal, whole lines only."""
    found: dict[str, list[str]] = {}
    for row in csv.reader(cel.read_text(errors="replace").splitlines()) if cel.exists() else []:
        if len(row) == 11 and row[0] == "HLOUTCOME":
            found.setdefault(row[5], []).append(row[10].partition('":"')[2].split(" ")[0])
    return found


def unreachable(house: House, queue: str, endpoints: Sequence[str]) -> list[str]:
    """Agents whom no call can reach now, by Asterisk's own list of the queue, or whose row says otherwise."""
    lines = {endpoint: line for endpoint in endpoints for line in queue.splitlines() if endpoint in line}
    rows = {endpoint: (name, state) for name, endpoint, state in house.rows("select name, endpoint, state from agent")}
    wrong = []
    for endpoint in endpoints:
        name, state = rows[endpoint]
        line = lines.get(endpoint, "not in the queue")
        if "Not in use" not in line or "paused" in line or state != "ready":
            wrong.append(f"{name}: {state}; in the queue: {line.strip()}")
    return wrong


def times(wait_s: float) -> Times:
    """From the prompts as they are."""
    return Times(_spoken("greeting"), wait_s, _spoken("nobody"))


def _spoken(what: str) -> float:
    total = 0.0
    for name in SPOKEN[what]:
        with wave.open(str(config_home() / "sounds" / "zh" / f"{name}.wav")) as sound:
            total += sound.getnframes() / sound.getframerate()
    return total


def _unix(text: Any) -> float | None:
    """The store keeps UTC without saying so."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else None
