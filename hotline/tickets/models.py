"""Contacts, tickets and the work that waits for a time."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hotline.db import Base
from hotline.ids import new_id


class Contact(Base):
    """One interaction, made at the first ring. Never a person."""

    __tablename__ = "contact"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    call_id: Mapped[UUID | None] = mapped_column(ForeignKey("call.id"), unique=True)
    channel: Mapped[str] = mapped_column(String(32))
    caller_number: Mapped[str | None] = mapped_column(String(64), index=True, info={"pii": True})
    at: Mapped[datetime]


class Ticket(Base):
    """The unit of work. `ref` exists from the first ring, `ticket_no` from registration.

    `version` counts every change; `field_versions` the changes of each field, so that two tabs writing different
    fields do not disturb each other. `values` holds the form's fields by name. `written_by`: the agent who last wrote.

    `agent_id` is the pen: who writes; nobody else does. `handed_from`: who had it before, until `handed_at`;
    `asked_by`: the agent who asks for it since `asked_at`.
    """

    __tablename__ = "ticket"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ref: Mapped[str] = mapped_column(String(20), unique=True)
    ticket_no: Mapped[str | None] = mapped_column(String(20), unique=True)
    workflow: Mapped[str] = mapped_column(String(20))
    workflow_version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(20), index=True)
    confidentiality: Mapped[str] = mapped_column(String(2), default="K2")
    agent_id: Mapped[UUID | None] = mapped_column(index=True)
    written_by: Mapped[UUID | None]
    handed_from: Mapped[UUID | None]
    handed_at: Mapped[datetime | None]
    asked_by: Mapped[UUID | None]
    asked_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)
    values: Mapped[dict[str, Any]] = mapped_column(default=dict, info={"pii": True})
    field_versions: Mapped[dict[str, int]] = mapped_column(default=dict)
    field_saved_at: Mapped[dict[str, Any]] = mapped_column(default=dict)
    opened_at: Mapped[datetime] = mapped_column(index=True)
    registered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    __table_args__ = (Index("ix_ticket_mine", "agent_id", "state"),)


class ContactTicket(Base):
    """Which contacts a ticket is about: many to many, a later call about the same matter joins an old ticket."""

    __tablename__ = "contact_ticket"
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True, index=True)


class Addition(Base):
    """What somebody without the pen has to say: signed, timed, never changed. `account_id`: whose words they are."""

    __tablename__ = "ticket_addition"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), index=True)
    account_id: Mapped[UUID]
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text, info={"pii": True})


class Counter(Base):
    """Numbers that people read aloud must not have holes that look like lost tickets: one row a series."""

    __tablename__ = "counter"
    name: Mapped[str] = mapped_column(String(30), primary_key=True)
    value: Mapped[int] = mapped_column(Integer)


class DueWork(Base):
    """Something that must happen by a time: written in the transaction of its cause, claimed by UPDATE … RETURNING.

    Of a call-back: `number`, where the caller gave another one than the contact's; `is_safe`: they said that we may
    ring there (true) or must not (false); None where nobody asked.
    """

    __tablename__ = "due_work"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(30))
    subject_id: Mapped[UUID] = mapped_column(index=True)
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    number: Mapped[str | None] = mapped_column(String(64), info={"pii": True})
    is_safe: Mapped[bool | None]
    __table_args__ = (Index("ix_due_work_open", "kind", "done_at", "due_at"),)
