"""What supervisors said of the hours, and what an administrator put in place of our own prompts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hotline.db import Base
from hotline.ids import new_id


class OpeningWord(Base):
    """A word on the hours (ivr.switch): each once, never changed. The newest counts, until its time is over."""

    __tablename__ = "opening_word"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    state: Mapped[str] = mapped_column(String(10))
    until: Mapped[datetime | None]
    at: Mapped[datetime] = mapped_column(index=True)
    way: Mapped[str] = mapped_column(String(8))
    by: Mapped[str] = mapped_column(String(32))
    node: Mapped[str] = mapped_column(String(16))
    __table_args__ = (UniqueConstraint("at", "way", "by"),)


class PromptVersion(Base):
    """A prompt's sound, never changed and never removed. `number`: from 1; 0 is the one that comes with the hotline.

    `narrow`, `wide`: WAV files at 8 and 16 kHz. `made`: uploaded or recorded; `account_id`: by whom.
    """

    __tablename__ = "prompt_version"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    prompt_id: Mapped[str] = mapped_column(String(20))
    number: Mapped[int] = mapped_column(Integer)
    made: Mapped[str] = mapped_column(String(10))
    account_id: Mapped[UUID]
    at: Mapped[datetime]
    duration_ms: Mapped[int] = mapped_column(Integer)
    narrow: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    wide: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    __table_args__ = (UniqueConstraint("prompt_id", "number"),)


class PromptChoice(Base):
    """Which version callers hear; without a row the one that comes with the hotline."""

    __tablename__ = "prompt_choice"
    prompt_id: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime]
