"""Calls as rows: written from the tracker's events, and what Asterisk's own records say of the same calls."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hotline.db import Base
from hotline.ids import new_id


class Call(Base):
    """One call. `linkedid` is its own first one; others that became it are in call_alias.

    `phase`: greeting, waiting, ringing, talking, recorder, ended, merged (it became another call, which counts).
    `wait_ms`: first queued → answered, or → out of the queue. `recording_file`: will be written once it is answered.
    `talk_ms`: while any agent had the caller; `hold_ms`: how much of it on hold or aside, None where nobody knows.
    `direction`: inbound, outbound, internal. `aside`: consult, held, parked while the caller hears music and nobody, by
    the phone `aside_by`; `agent_id`: who has the caller now, or had them last. `apart_at`: since when nobody hears the
    caller after the first answer, `apart_ms` how long that was before: the recorder stands still meanwhile. `wish`: by
    key while waiting: danger, talk, policy. `origin_number`, `origin_order`: of a caller whom the city centre sent on.
    """

    __tablename__ = "call"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    node: Mapped[str] = mapped_column(String(16))
    linkedid: Mapped[str] = mapped_column(String(64))
    line: Mapped[str] = mapped_column(String(32))
    direction: Mapped[str] = mapped_column(String(10))
    caller_number: Mapped[str | None] = mapped_column(String(64), index=True, info={"pii": True})
    phase: Mapped[str] = mapped_column(String(12))
    phase_at: Mapped[datetime]
    started_at: Mapped[datetime] = mapped_column(index=True)
    queued_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    outcome: Mapped[str | None] = mapped_column(String(12))
    hangup_by: Mapped[str | None] = mapped_column(String(10))
    agent_id: Mapped[UUID | None] = mapped_column(index=True)
    wait_ms: Mapped[int | None] = mapped_column(Integer)
    talk_ms: Mapped[int | None] = mapped_column(Integer)
    hold_ms: Mapped[int | None] = mapped_column(Integer)
    recording_file: Mapped[str | None] = mapped_column(String(200))
    wish: Mapped[str | None] = mapped_column(String(8))
    origin_number: Mapped[str | None] = mapped_column(String(64), info={"pii": True})
    origin_order: Mapped[str | None] = mapped_column(String(64), info={"pii": True})
    aside: Mapped[str | None] = mapped_column(String(10))
    aside_at: Mapped[datetime | None]
    aside_by: Mapped[str | None] = mapped_column(String(32))
    apart_at: Mapped[datetime | None]
    apart_ms: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    __table_args__ = (UniqueConstraint("node", "linkedid"), Index("ix_call_open", "ended_at", "started_at"))


class CallAlias(Base):
    """A younger Linkedid that turned out to be this call."""

    __tablename__ = "call_alias"
    node: Mapped[str] = mapped_column(String(16), primary_key=True)
    linkedid: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("call.id"), index=True)


class CallOffer(Base):
    """An agent's phone rang for a call. `result`: ringing, answered, missed, withdrawn.

    `member`: the phone's endpoint, `leg`: Uniqueid of its channel. `agent_id`: None when nobody owns that endpoint.
    `ended_at`: the ringing ended; `left_at`: an agent who answered is off the call. `role`: why it rang: queue,
    transfer, consult, dial, supervisor. `owned_at`: since when the caller was this agent's own, None for who was only
    asked. `talk_ms`, `hold_ms`: of this leg, None until it is over or where nobody knows; `held_at`: on hold since.
    `apart_ms`: the call's, when the caller became theirs. `aside_at`: of several, asks somebody else since, while the
    caller stays with the others; `aside_ms`: before that.
    """

    __tablename__ = "call_offer"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("call.id"), index=True)
    agent_id: Mapped[UUID | None] = mapped_column(index=True)
    member: Mapped[str] = mapped_column(String(32))
    leg: Mapped[str] = mapped_column(String(64), default="")
    rang_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    result: Mapped[str] = mapped_column(String(10))
    role: Mapped[str] = mapped_column(String(10), default="queue", server_default="queue")
    owned_at: Mapped[datetime | None]
    held_at: Mapped[datetime | None]
    talk_ms: Mapped[int | None] = mapped_column(Integer)
    hold_ms: Mapped[int | None] = mapped_column(Integer)
    apart_ms: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    aside_at: Mapped[datetime | None]
    aside_ms: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    # An agent's last talk is asked for at every change of their state, after years out of thousands.
    __table_args__ = (Index("ix_call_offer_latest", "agent_id", "rang_at"),)


class CallParty(Base):
    """Somebody outside who was rung for a call beside its caller: an agency, 110, the number of a call-back.

    `result`: ringing, answered, busy, no_answer, rejected, failed, withdrawn. `leg`: Uniqueid of the channel; `member`:
    the phone that asked for it.
    """

    __tablename__ = "call_party"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("call.id"), index=True)
    leg: Mapped[str] = mapped_column(String(64))
    number: Mapped[str | None] = mapped_column(String(64), info={"pii": True})
    member: Mapped[str | None] = mapped_column(String(32))
    rang_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    talk_ms: Mapped[int | None] = mapped_column(Integer)
    result: Mapped[str] = mapped_column(String(12))
    __table_args__ = (UniqueConstraint("call_id", "leg"),)


class Recording(Base):
    """A sound file of a call. `file` is below the recordings directory. `kind`: call, voicemail.

    `state`: ok, repaired, missing; None until the file was looked at after the call. `apart_ms`: the call's, when the
    recorder began.
    """

    __tablename__ = "recording"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("call.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    file: Mapped[str] = mapped_column(String(200), unique=True)
    started_at: Mapped[datetime]
    state: Mapped[str | None] = mapped_column(String(10), index=True)
    apart_ms: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class PbxNode(Base):
    """What we know of an Asterisk. `boot`: its start, as it says; `epoch` grows when screens must start over.

    `turn`: of several nodes the one with the highest has the agents (calls.nodes); 0: it never had.
    """

    __tablename__ = "pbx_node"
    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    boot: Mapped[str | None] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12))
    since: Mapped[datetime]
    epoch: Mapped[int] = mapped_column(Integer, default=0)
    turn: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class JournalFile(Base):
    """How far one of Asterisk's own files has been read. `source`: cel, queue_log. Known by its inode: names change."""

    __tablename__ = "journal_file"
    node: Mapped[str] = mapped_column(String(16), primary_key=True)
    source: Mapped[str] = mapped_column(String(10), primary_key=True)
    inode: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    offset: Mapped[int] = mapped_column(BigInteger, default=0)
    read_at: Mapped[datetime]
    cut_at: Mapped[datetime | None]


class JournalCall(Base):
    """A call as one of Asterisk's own records has it: what our rows are compared with. No numbers.

    `source`: cel, queue_log. `started_at`: its first line there. `outcome`: None while it goes on.
    """

    __tablename__ = "journal_call"
    node: Mapped[str] = mapped_column(String(16), primary_key=True)
    source: Mapped[str] = mapped_column(String(10), primary_key=True)
    linkedid: Mapped[str] = mapped_column(String(64), primary_key=True)
    line: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(12))
    hangup_by: Mapped[str | None] = mapped_column(String(10))


class SilentSwitch(Base):
    """The caller cannot speak: while this is on, their keys 1 and 2 are yes and no. By the agent who switched it on."""

    __tablename__ = "silent_switch"
    call_id: Mapped[UUID] = mapped_column(ForeignKey("call.id"), primary_key=True)
    agent_id: Mapped[UUID]
    at: Mapped[datetime]
