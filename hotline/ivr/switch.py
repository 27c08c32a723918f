"""A supervisor's word on the hours: open, closed or emergency from now on, until an instant or another word. Pure.

Kept in Asterisk's own database (`hl/switch`), where the dialplan reads it for every caller; ours are the rows of who
said what when. Said on the board, or by PIN from any telephone while nothing of ours runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hotline.clock import from_epoch, utc

STATES: Final = frozenset({"open", "closed", "emergency", "calendar"})
"""`emergency`: nobody can work; callers hear that, and may have the duty phone rung. `calendar`: the hours again."""
WAYS: Final = frozenset({"web", "phone"})
FOR_EVER: Final = 0
_LATEST_EPOCH = 2**32


@dataclass(frozen=True, slots=True)
class Word:
    """`until`: None until another word. `by`: an account's id without dashes (web), a PIN's name (phone)."""

    state: str
    until: datetime | None
    at: datetime
    way: str
    by: str

    def is_in_force(self, at: datetime) -> bool:
        """Whether callers of that instant are treated by it instead of the hours."""
        return self.state != "calendar" and at >= self.at and (self.until is None or at < self.until)

    @property
    def kept(self) -> str:
        """As it stands in Asterisk's database."""
        until = FOR_EVER if self.until is None else int(self.until.timestamp())
        return f"{self.state}.{until}.{int(self.at.timestamp())}.{self.way}.{self.by}"


def read(kept: str) -> Word | None:
    """What Asterisk's database has; None for nothing, and for what is no word of ours."""
    parts = kept.strip().split(".")
    return of_fact(dict(zip(("hlstate", "hluntil", "hlat", "hlway", "hlby"), parts, strict=False)))


def of_fact(fields: Mapping[str, str]) -> Word | None:
    """An HLSwitch fact of the dialplan."""
    state, way, by = fields.get("hlstate", ""), fields.get("hlway", ""), fields.get("hlby", "")
    until, at = _instant(fields.get("hluntil", "")), _instant(fields.get("hlat", ""))
    if state not in STATES or way not in WAYS or until is None or at is None or not by.isalnum() or len(by) > 32:
        return None
    return Word(state, None if until.timestamp() == FOR_EVER else until, utc(at), way, by)


def _instant(text: str) -> datetime | None:
    if text.isascii() and text.isdigit() and len(text) <= 11 and int(text) < _LATEST_EPOCH:
        return from_epoch(int(text))
    return None
