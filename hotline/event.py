"""What every domain event is: frozen data with an instant and a key. Pure. The events themselves: hotline.events."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

PII: dict[str, bool] = {"pii": True}
SELDOM: dict[str, bool] = {"seldom": True}
"""The log keeps such a field only where it differs from its default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. `at`: UTC, from whoever saw it."""

    at: datetime
    dedupe_key: str

    def data(self) -> dict[str, Any]:
        """What the log keeps beside `at` and the key: codes and ids, no personal data."""
        return {
            f.name: _plain(getattr(self, f.name))
            for f in fields(self)
            if f.name not in {"at", "dedupe_key"}
            and not f.metadata.get("pii")
            and not (f.metadata.get("seldom") and getattr(self, f.name) == f.default)
        }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
