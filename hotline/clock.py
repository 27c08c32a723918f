"""The only module that asks what time it is. Everything inside is aware UTC; people see the configured time zone."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

Now = Callable[[], datetime]


def now() -> datetime:
    """This instant, aware, UTC."""
    return datetime.now(UTC)


def utc(value: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a naive value: it would be hours off somewhere."""
    if value.tzinfo is None:
        raise ValueError("a naive datetime has no instant")
    return value.astimezone(UTC)


def from_epoch(seconds: float) -> datetime:
    """Unix seconds, as Asterisk writes them, to UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def local(value: datetime, timezone: str) -> datetime:
    """The wall clock of a zone, for showing; never for sums."""
    return utc(value).astimezone(ZoneInfo(timezone))


def iso(value: datetime | None) -> str | None:
    """ISO 8601 with `Z`, milliseconds; None stays None."""
    if value is None:
        return None
    return utc(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")
