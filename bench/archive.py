"""A store as a hotline has it after years: tickets with their calls, contacts, legs, recordings, trail and call-backs.

Written in bulk past the services, so that 200,000 tickets are there in a minute or two; figures are made up but in
proportion. Nobody's words: the texts are of one sentence.
"""

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table, insert, text

from hotline.calls.models import Call, CallOffer, Recording
from hotline.db import Database, EventRow
from hotline.ids import ticket_ref
from hotline.tickets import taxonomy
from hotline.tickets.models import Contact, ContactTicket, Counter, DueWork, Ticket
from hotline.tickets.workflows.general import GENERAL

OPEN_CALL_BACKS = 40
HABITUAL = "13900000000"  # rang for every five hundredth ticket
_YEARS = timedelta(days=730)
_BATCH = 2000
WORDS = "来电人说孩子这几天不愿意上学，晚上睡不好，想知道怎么跟孩子谈，也想知道学校可以做什么。"
_EVENTS = ("CallStarted", "ContactOpened", "CallQueued", "AgentRang", "TicketHandedTo", "CallAnswered",
           "RecordingStarted", "CallEnded", "TicketChanged", "TicketMoved")  # fmt: skip
Rows = dict[type[Any], list[dict[str, Any]]]


def state_of(number: int, count: int) -> str:
    """Most are closed; the newest hundredth is open, and a few stay so for long."""
    if number > count - max(20, count // 200) or number % 400 == 0:
        return "ACCEPTED" if number % 3 else "NEW"
    return "VOID" if number % 50 == 0 else "CLOSED"


async def write(db: Database, count: int, agents: list[UUID], at: datetime) -> None:
    """So many tickets, the last one a moment before `at`, in turn of these agents."""
    chance = random.Random(count)
    tables = (Call, Contact, Ticket, ContactTicket, CallOffer, Recording, DueWork, EventRow)
    for first in range(1, count + 1, _BATCH):
        rows: Rows = {table: [] for table in tables}
        for number in range(first, min(first + _BATCH, count + 1)):
            for table, row in _matter(number, count, agents, at, chance):
                rows[table].append(row)
        async with db.write() as tx:
            for table in tables:
                if rows[table]:
                    await tx.session.execute(insert(_table(table)), rows[table])
    async with db.write() as tx:
        await tx.session.execute(insert(_table(Counter)), [{"name": "ticket", "value": count}])
    async with db.engine.connect() as connection:  # what a server does by itself sooner or later
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE"))


def _table(kind: type[Any]) -> Table:
    table = kind.__table__
    assert isinstance(table, Table)
    return table


def _matter(
    number: int, count: int, agents: list[UUID], now: datetime, chance: random.Random
) -> Iterator[tuple[type[Any], Mapping[str, Any]]]:
    at = now - _YEARS * ((count - number) / count) - timedelta(minutes=5)
    call, contact, ticket, offer = (UUID(int=chance.getrandbits(128), version=4) for _ in range(4))
    agent = agents[number % len(agents)]
    state = state_of(number, count)
    caller = HABITUAL if number % 500 == 0 else f"138{number // 3:08}"
    rang, answered, ended = (at + timedelta(seconds=after) for after in (14, 18, 240))
    fields = {
        "contact_type": "CT01", "category": sorted(taxonomy.CATEGORY_CODES)[number % 60], "summary": WORDS,
        "urgency": "U3", "answer": WORDS,
    }  # fmt: skip
    yield Call, {
        "id": call, "node": "pbx1", "linkedid": f"pbx1-{1600000000 + number}.{number}", "line": "12345",
        "direction": "inbound", "caller_number": caller, "phase": "ended", "phase_at": ended, "started_at": at,
        "queued_at": rang, "answered_at": answered, "ended_at": ended, "outcome": "answered", "hangup_by": "caller",
        "agent_id": agent, "wait_ms": 4000, "talk_ms": 222000, "hold_ms": 0, "recording_file": f"{number}.wav",
        "aside": None, "aside_at": None, "aside_by": None, "apart_at": None, "apart_ms": 0,
    }  # fmt: skip
    yield Contact, {"id": contact, "call_id": call, "channel": "12345", "caller_number": caller, "at": at}
    is_registered = state in {"ACCEPTED", "CLOSED"}
    yield Ticket, {
        "id": ticket, "ref": ticket_ref(number), "ticket_no": f"T{number:09}" if is_registered else None,
        "workflow": GENERAL.code, "workflow_version": GENERAL.version, "state": state, "confidentiality": "K2",
        "agent_id": agent, "written_by": agent, "handed_from": None, "handed_at": None, "asked_by": None,
        "asked_at": None, "version": 6, "values": fields, "field_versions": dict.fromkeys(fields, 1),
        "field_saved_at": {name: answered.isoformat() for name in fields}, "opened_at": at,
        "registered_at": ended if is_registered else None,
        "closed_at": ended if state in {"CLOSED", "VOID"} else None,
    }  # fmt: skip
    yield ContactTicket, {"contact_id": contact, "ticket_id": ticket}
    yield CallOffer, {
        "id": offer, "call_id": call, "agent_id": agent, "member": "a1", "leg": f"pbx1-{number}.2", "rang_at": rang,
        "ended_at": answered, "left_at": ended, "result": "answered", "role": "queue", "owned_at": answered,
        "held_at": None, "talk_ms": 222000, "hold_ms": 0, "apart_ms": 0,
    }  # fmt: skip
    yield Recording, {
        "id": UUID(int=chance.getrandbits(128), version=4), "call_id": call, "kind": "call",
        "file": f"pbx1/{at:%Y/%m/%d}/{number}.wav", "started_at": answered, "state": "ok", "apart_ms": 0,
    }  # fmt: skip
    if number % 20 == 0:
        is_open = number > count - 20 * OPEN_CALL_BACKS
        yield DueWork, {
            "id": UUID(int=chance.getrandbits(128), version=4), "kind": "call_back", "subject_id": contact,
            "due_at": at + timedelta(hours=2), "created_at": at,
            "done_at": None if is_open else at + timedelta(hours=1),
        }  # fmt: skip
    base = {"node": "pbx1", "linkedid": f"pbx1-{1600000000 + number}.{number}", "line": "12345"}
    for step, kind in enumerate(_EVENTS):
        of_ticket = kind.startswith(("Ticket", "Contact"))
        yield EventRow, {
            "at": at + timedelta(seconds=20 * step), "type": kind, "call_id": call,
            "ticket_id": ticket if of_ticket else None,
            "agent_id": agent if kind in {"AgentRang", "CallAnswered", "TicketHandedTo"} else None,
            "dedupe_key": f"{number}:{kind}",
            "data": _DATA.get(kind, base) | {"ticket_id": str(ticket), "agent_id": str(agent), "call_id": str(call)},
        }  # fmt: skip


_DATA: Mapping[str, dict[str, Any]] = {
    "TicketChanged": {"fields": ["summary"], "version": 5, "actor": None},
    "TicketMoved": {"step": "close_answered", "from_state": "NEW", "to_state": "CLOSED", "version": 6, "actor": None},
    "CallAnswered": {"node": "pbx1", "linkedid": "", "member": "a1", "wait_ms": 4000, "leg": "", "role": "queue"},
    "CallEnded": {"node": "pbx1", "linkedid": "", "outcome": "answered", "hangup_by": "caller", "talk_ms": 222000},
}
