"""Small builders of rows for tests: say what matters, the rest is ordinary. Each adds to the transaction, flushed."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from hotline.access.models import Account
from hotline.access.permissions import Actor, Role
from hotline.agents.models import Agent
from hotline.calls.models import Call
from hotline.db import Tx
from hotline.ids import new_endpoint, new_id, ticket_ref
from hotline.tickets.models import Contact, ContactTicket, Ticket

T0 = datetime(2026, 5, 11, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in Shanghai: the lines are open
_numbers = count(100001)


async def account(tx: Tx, role: Role = "agent", **values: Any) -> Account:
    """An account. Its password hash fits no password: use hotline.access.accounts for one that signs in."""
    number = next(_numbers)
    row = Account(**{"name": f"{role}-{number}", "role": role, "password_hash": "!", "created_at": T0, **values})
    tx.session.add(row)
    await tx.session.flush()
    return row


async def agent(tx: Tx, role: Role = "agent", **values: Any) -> Agent:
    """An agent with an account of its own; off line, no phone."""
    number = next(_numbers)
    owner = await account(tx, role)
    row = Agent(
        **{
            "account_id": owner.id,
            "name": owner.name,
            "extension": str(number),
            "endpoint": new_endpoint(),
            "since": T0,
            "phone_since": T0,
            "phone_secret": "",
            **values,
        }
    )
    tx.session.add(row)
    await tx.session.flush()
    return row


async def call(tx: Tx, **values: Any) -> Call:
    """A call that waits in the queue."""
    row = Call(
        **{
            "node": "pbx1",
            "linkedid": f"1778464800.{next(_numbers)}",
            "line": "12345",
            "direction": "in",
            "caller_number": "13800001234",
            "phase": "waiting",
            "phase_at": T0,
            "started_at": T0,
            "queued_at": T0,
            **values,
        }
    )
    tx.session.add(row)
    await tx.session.flush()
    return row


async def ticket(tx: Tx, *, of_call: Call | None = None, **values: Any) -> Ticket:
    """A new ticket with its contact, of a call of its own unless given."""
    of_call = of_call or await call(tx)
    contact = Contact(
        call_id=of_call.id, channel="phone_12345", caller_number=of_call.caller_number, at=of_call.started_at
    )
    row = Ticket(
        **{
            "ref": ticket_ref(next(_numbers)),
            "workflow": "general",
            "workflow_version": 1,
            "state": "NEW",
            "opened_at": of_call.started_at,
            **values,
        }
    )
    tx.session.add_all([contact, row])
    await tx.session.flush()
    tx.session.add(ContactTicket(contact_id=contact.id, ticket_id=row.id))
    await tx.session.flush()
    return row


def actor(role: Role = "agent", of: Agent | None = None) -> Actor:
    """Somebody who acts: the agent's own person, or a stranger with that role."""
    if of is None:
        return Actor(account_id=new_id(), role=role, name=role)
    return Actor(account_id=of.account_id, role=role, name=of.name, agent_id=of.id)
