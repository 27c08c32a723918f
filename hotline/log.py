"""Structured logs: facts, one JSON object a line, never personal data.

A field that carries a mark `pii` (hotline/tickets/forms.py, events, headers named here) cannot reach a handler: its
value is replaced, and any run of seven digits or more in other values is cut to its last four.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

import structlog

_NUMBER = re.compile(r"\+?\d[\d\- ]{5,}\d")
_HIDDEN = "[hidden]"
_SECRET = frozenset({"password", "secret", "token", "cookie", "authorization", "key"})
# Keys under which numbers that are no telephone numbers travel: ids, times, ports.
_PLAIN = frozenset(
    {"linkedid", "uniqueid", "call_id", "ticket_id", "agent_id", "account_id", "session_id", "seq", "at", "timestamp",
     "pid", "port", "version", "dedupe_key", "boot", "handler", "event", "level", "logger", "ref", "path"}
)  # fmt: skip
_pii: set[str] = {"caller_number", "number", "callerid", "caller", "summary", "calleridnum", "calleridname"}


def mark_pii(*names: str) -> None:
    """Name further keys whose values must not be logged; forms and tables do so when they load."""
    _pii.update(name.lower() for name in names)


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: hide what is marked, mask numbers elsewhere (`…4711`)."""
    for key, value in event.items():
        event[key] = _clean(key.lower(), value)
    return event


def _clean(key: str, value: Any) -> Any:
    if key in _pii:
        return _HIDDEN if not (isinstance(value, str) and _NUMBER.fullmatch(value)) else mask(value)
    if key in _SECRET:
        return _HIDDEN
    if isinstance(value, dict):
        return {k: _clean(str(k).lower(), v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(key, item) for item in value]
    if isinstance(value, str) and key not in _PLAIN:
        return _NUMBER.sub(lambda m: mask(m.group()), value)
    return value


def mask(number: str) -> str:
    """`…4711`: enough to tell two callers apart in a log, too little to call them."""
    digits = re.sub(r"\D", "", number)
    return "…" + digits[-4:]


class _Std(logging.Handler):
    """Library logs go the same way, through the same filter."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            logger = structlog.get_logger().bind(logger=record.name)
            level = record.levelname.lower() if record.levelno >= logging.INFO else "debug"
            text = record.getMessage()
            if record.exc_info and record.exc_info[0] is not None:
                getattr(logger, level)(text, error=record.exc_info[0].__name__, exc_info=record.exc_info)
            else:
                getattr(logger, level)(text)
        except Exception:  # a log line must never end a call
            self.handleError(record)


class _Lines:
    """Standard error, a line at a time. A full disk or a reader that is gone must end no call."""

    def __init__(self, *_args: Any) -> None:
        self._file = sys.stderr

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self._file.write(f"{line}\n")
            self._file.flush()

    debug = info = warning = error = critical = exception = msg


def configure(*, json: bool = True, level: int = logging.INFO) -> None:
    """Set up logs for the process. JSON for machines, a readable form on a terminal."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _error_text,
        redact,
    ]
    final: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=28)
    )
    structlog.configure(
        processors=[*shared, final],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Lines,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Std()]
    root.setLevel(max(level, logging.WARNING))


def _error_text(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Tracebacks as text, before the filter sees them: an exception's message may quote a form field."""
    info = event.pop("exc_info", None)
    if info:
        exc = info if isinstance(info, tuple) else sys.exc_info()
        event["traceback"] = "".join(_frames(exc[2]))
        if exc[0] is not None:
            event.setdefault("error", exc[0].__name__)
    return event


def _frames(trace: Any) -> list[str]:
    """Where, not what: file, line and function of each frame, without source text or values."""
    lines = []
    while trace is not None:
        code = trace.tb_frame.f_code
        lines.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}; ")
        trace = trace.tb_next
    return lines
