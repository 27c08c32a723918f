"""The errors people and programs can meet. Every one has a stable code; only web/app.py turns them into responses.

HotlineError
├── NotFound            404   no such thing, or not for you
├── NotAllowed          403   the permission table says no
├── NotSignedIn         401
├── Invalid             422   input was refused, nothing changed
│   ├── MissingFields         fields that the step needs
│   └── TooLarge        413
├── Conflict            409   somebody else changed it, or the state does not allow it
│   └── VersionConflict       carries both texts
├── TooManyAttempts     429
├── TelephonyError      503   Asterisk did not do it, or nobody knows whether it did
│   └── NotDone               it refused, or was never asked: nothing happened
└── StartupError              one clear line, then the process ends
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class HotlineError(Exception):
    """Base of all our errors. `message` is a whole English sentence, translated at the edge with `values`."""

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str = "", *, values: Mapping[str, Any] | None = None, **extra: Any) -> None:
        super().__init__(message or self.code)
        self.message = message or self.code
        self.values: dict[str, Any] = dict(values or {})
        self.extra: dict[str, Any] = extra


class NotFound(HotlineError):
    code, http_status = "not-found", 404


class NotAllowed(HotlineError):
    code, http_status = "not-allowed", 403


class NotSignedIn(HotlineError):
    code, http_status = "not-signed-in", 401


class Invalid(HotlineError):
    code, http_status = "invalid", 422


class MissingFields(Invalid):
    """`extra["fields"]` names them, in form order."""

    code = "missing-fields"


class TooLarge(Invalid):
    code, http_status = "too-large", 413


class Conflict(HotlineError):
    code, http_status = "conflict", 409


class VersionConflict(Conflict):
    """`extra`: field, yours, theirs, version. Nothing was overwritten."""

    code = "version-conflict"


class TooManyAttempts(HotlineError):
    """`extra["retry_after_s"]`: whole seconds to wait."""

    code, http_status = "too-many-attempts", 429


class TelephonyError(HotlineError):
    code, http_status = "telephony-unavailable", 503


class NotDone(TelephonyError):
    """Asterisk refused in so many words, or the command never left: what was to happen has certainly not happened."""


class StartupError(HotlineError):
    """Something cannot work; the command line prints the message as its last line and exits 1."""

    code = "cannot-start"
