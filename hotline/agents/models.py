"""Agents: people with a phone in the queue; their calls for help, and the supervisors who come."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hotline.db import Base
from hotline.ids import new_id


class Agent(Base):
    """One agent and what Asterisk says of them. `endpoint` is also the queue member's name.

    `pending`: a command sent and not yet confirmed. `phone`: none, ok, lost. `phone_secret` is this sign-in's SIP
    secret, `phone_version` counts them, `phone_ready_version` is the one that Asterisk has; `phone_contact` is the
    registration in force. `in_queue` and `reason` are what the queue said last, also while a call hides it behind the
    state. `misses`: offers missed in a row; `silences`: calls that ended since the phone sent no sound, the last at
    `silent_at`. `sound`: how the page finds its call's sound when it is not good: fair or bad. `outside_number`: rung
    there instead of in the page.
    """

    __tablename__ = "agent"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    extension: Mapped[str] = mapped_column(String(16), unique=True)
    endpoint: Mapped[str] = mapped_column(String(32), unique=True)
    state: Mapped[str] = mapped_column(String(12), default="offline")
    reason: Mapped[str | None] = mapped_column(String(20))
    in_queue: Mapped[bool] = mapped_column(default=False)
    since: Mapped[datetime]
    pending: Mapped[str | None] = mapped_column(String(40))
    pending_at: Mapped[datetime | None]
    phone: Mapped[str] = mapped_column(String(8), default="none")
    phone_since: Mapped[datetime]
    phone_contact: Mapped[str | None] = mapped_column(String(255))
    phone_secret: Mapped[str] = mapped_column(String(64), info={"pii": True})
    phone_version: Mapped[int] = mapped_column(Integer, default=0)
    phone_ready_version: Mapped[int] = mapped_column(Integer, default=0)
    wrap_up_until: Mapped[datetime | None]
    misses: Mapped[int] = mapped_column(Integer, default=0)
    silences: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    silent_at: Mapped[datetime | None]
    sound: Mapped[str | None] = mapped_column(String(4))
    outside_number: Mapped[str | None] = mapped_column(String(32), info={"pii": True})
    call_id: Mapped[UUID | None]
    ticket_id: Mapped[UUID | None]


class OutboundDial(Base):
    """An agent had an outside number rung: what limits count, and what a call that we made is about.

    `linkedid`: of the call that it began, known before it is made; None where it was for a call that the agent had
    already, then `call_id` is that. `ticket_id`, `due_id`: what it is about, and the call-back that it makes.
    """

    __tablename__ = "outbound_dial"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(index=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id"))
    node: Mapped[str] = mapped_column(String(16))
    linkedid: Mapped[str | None] = mapped_column(String(64))
    number: Mapped[str] = mapped_column(String(20), info={"pii": True})
    line: Mapped[str | None] = mapped_column(String(32))
    is_emergency: Mapped[bool]
    call_id: Mapped[UUID | None]
    ticket_id: Mapped[UUID | None]
    due_id: Mapped[UUID | None]
    __table_args__ = (UniqueConstraint("node", "linkedid"), Index("ix_outbound_dial_agent", "agent_id", "at"))


class HelpRequest(Base):
    """An agent on a call asked for a supervisor; one open at most.

    `why` it ended: answered, withdrawn, over (the talk was).
    """

    __tablename__ = "help_request"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("call.id"), index=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id"))
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    why: Mapped[str | None] = mapped_column(String(10))
    __table_args__ = (Index("ix_help_request_open", "ended_at", "agent_id"),)


class Supervision(Base):
    """A supervisor on an agent's call; one open at most.

    `mode`: listen, whisper, join, take-over; `pending`: the one that is asked for and not confirmed yet.
    `leg`: Uniqueid of the supervisor's channel, once Asterisk has told it. `role`: of the supervisor's account, then.
    `began_at`: None for one that never came about. `result`: left, taken (over the call), failed.
    """

    __tablename__ = "supervision"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("call.id"), index=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id"), index=True)
    supervisor_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id"))
    role: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(12))
    mode: Mapped[str | None] = mapped_column(String(10))
    pending: Mapped[str | None] = mapped_column(String(10))
    pending_at: Mapped[datetime | None]
    leg: Mapped[str | None] = mapped_column(String(64))
    asked_at: Mapped[datetime]
    began_at: Mapped[datetime | None]
    mode_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    result: Mapped[str | None] = mapped_column(String(10))
    __table_args__ = (Index("ix_supervision_open", "ended_at", "supervisor_id"),)
