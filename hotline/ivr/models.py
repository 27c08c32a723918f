"""What supervisors said of the hours."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String, UniqueConstraint
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
