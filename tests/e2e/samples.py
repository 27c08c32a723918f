"""Invented but lifelike view models: every screen can be drawn without a server, for the gallery and template tests."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.e2e import operations_samples, phone_samples, talk_samples
from tests.e2e.board_samples import BOARD, CALLS, NOW, QUIET, agent, ago
from tests.e2e.ticket_samples import (
    ASKED,
    CALL,
    CALL_LIST,
    CLOSED,
    FAULTY,
    FRESH,
    LEFT_ALONE,
    MARKED,
    READING,
    ROWS,
    TICKET,
    TIMELINE,
    VOID,
    WORK,
)
from web import views

MAY = frozenset(
    {
        "call-back.done",
        "call.dial",
        "console.use",
        "board.view",
        "ticket.list",
        "call.list",
        "number.reveal",
        "recording.play",
    }
)


def me(state: str = "ready", seconds: float = 8020, *, locale: str = "zh_CN", **more: Any) -> views.Me:
    """The person before the screen, in a state."""
    return views.Me("钟宁", "agent", locale, agent(1, "钟宁", state, seconds, **more), MAY)


def supervisor(state: str = "paused", seconds: float = 8020, **more: Any) -> views.Me:
    """A supervisor with a phone and a long name: nobody's status bar is fuller."""
    row = agent(8, "supervisor-of-the-day", state, seconds, reason="OTHER", **more)
    return views.Me(row.name, "supervisor", "zh_CN", row, MAY | {"operations.view", "call.view"})


def operations(*, is_whole: bool, line: str | None = None, hour: int | None = None) -> dict[str, Any]:
    """The operations page's context."""
    view = operations_samples.day(NOW, is_whole=is_whole)
    return {
        "me": supervisor(),
        "board": BOARD if is_whole else replace(BOARD, stale_since=ago(40)),
        "view": view,
        "differences": view.differences(line, hour, operations_samples.ZONE),
        "chosen_line": line,
        "chosen_hour": hour,
        "query": "",
        "before": view.day - timedelta(days=1),
        "after": None,
    }


CUT_OFF = views.CutOff(
    at=ago(12), state="waiting", since=ago(11), line="12345", number="138****1234", ref="H-2031-7", agent=None
)
SCREENS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "console-idle": (
        "console/index.html",
        {"me": me("ready"), "ticket": None, "call": None, "work": [], "board": QUIET},
    ),
    "console-off": (
        "console/index.html",
        {"me": me("offline", phone="none"), "ticket": None, "call": None, "work": WORK, "board": BOARD},
    ),
    "console-ringing": (
        "console/index.html",
        {"me": me("ringing", 6), "ticket": FRESH, "call": CALLS[2], "work": WORK, "board": BOARD},
    ),
    "console-headset": (
        "console/index.html",
        {"me": me("paused", 40, reason="BREAK"), "ticket": None, "call": None, "work": WORK, "board": BOARD},
    ),
    "console-outside": (
        "console/index.html",
        {"me": me("ready", 400, outside="139****9000"), "ticket": None, "call": None, "work": WORK, "board": BOARD},
    ),
    "console-bad-sound": (
        "console/index.html",
        {
            "me": me("on_call", 192, sound="bad"),
            "ticket": TICKET,
            "call": replace(CALLS[3], since=ago(192)),
            "work": WORK,
            "board": BOARD,
        },
    ),
    "console-talking": (
        "console/index.html",
        {
            "me": me("on_call", 192),
            "ticket": TICKET,
            "call": replace(CALLS[3], since=ago(192)),
            "work": WORK,
            "board": BOARD,
        },
    ),
    "console-reading": (
        "console/index.html",
        {"me": me("on_call", 20), "ticket": READING, "call": CALLS[3], "work": WORK, "board": BOARD},
    ),
    "console-asked-to-write": (
        "console/index.html",
        {"me": me("on_call", 192), "ticket": ASKED, "call": CALLS[3], "work": WORK, "board": BOARD},
    ),
    "console-left-alone": (
        "console/index.html",
        {"me": me("on_call", 192), "ticket": LEFT_ALONE, "call": CALLS[3], "work": WORK, "board": BOARD},
    ),
    "call-transferred": ("calls/show.html", {"me": me("ready"), "call": MARKED, "timeline_entries": TIMELINE}),
    "console-wrap-up": (
        "console/index.html",
        {
            "me": me("wrap_up", 22, until=ago(-38), ref="H-2031-7"),
            "ticket": FAULTY,
            "call": None,
            "work": WORK,
            "board": BOARD,
        },
    ),
    "console-unconfirmed": (
        "console/index.html",
        {"me": me("ready", 40, pending="failed"), "ticket": None, "call": None, "work": WORK, "board": BOARD},
    ),
    "console-void": (
        "console/index.html",
        {"me": me("wrap_up", 5, until=ago(-55)), "ticket": VOID, "call": None, "work": WORK, "board": BOARD},
    ),
    "console-lost": (
        "console/index.html",
        {
            "me": me("paused", 12, reason="PHONE", phone="lost"),
            "ticket": TICKET,
            "call": None,
            "work": WORK,
            "board": replace(BOARD, stale_since=ago(20)),
        },
    ),
    "console-cut-off": (
        "console/index.html",
        {
            "me": me("paused", 9, reason="PHONE"),
            "ticket": TICKET,
            "call": None,
            "cut": CUT_OFF,
            "work": WORK,
            "board": BOARD,
        },
    ),
    "console-taken-over": (
        "console/index.html",
        {
            "me": me("ready", 40),
            "ticket": None,
            "call": None,
            "cut": replace(CUT_OFF, state="talking", agent="白杨", ref=None),
            "work": WORK,
            "board": BOARD,
        },
    ),
    "console-closed": (
        "console/index.html",
        {"me": me("ready", 5, pending="pause"), "ticket": CLOSED, "call": None, "work": WORK, "board": BOARD},
    ),
    "console-unreached": (
        "console/index.html",
        {"me": me("wrap_up", 22, until=ago(-38)), "ticket": TICKET, "call": None, "work": WORK, "board": BOARD},
    ),
    "console-note": (
        "console/index.html",
        {"me": me("on_call", 192), "ticket": TICKET, "call": None, "work": WORK, "board": BOARD},
    ),
    "console-signed-out": (
        "console/index.html",
        {"me": me("on_call", 192), "ticket": TICKET, "call": CALLS[3], "work": WORK, "board": BOARD},
    ),
    "console-offline": (
        "console/index.html",
        {"me": me("on_call", 192), "ticket": TICKET, "call": CALLS[3], "work": WORK, "board": BOARD},
    ),
    "console-store-away": (
        "console/index.html",
        {
            "me": me("on_call", 192),
            "ticket": TICKET,
            "call": CALLS[3],
            "work": WORK,
            "board": replace(BOARD, stale_since=ago(20), store_away=True),
        },
    ),
    **{
        f"console-{name}": (
            "console/index.html",
            {"me": me("on_call", 192), "ticket": TICKET, "call": CALLS[3], "work": WORK, "board": BOARD, **more},
        )
        for name, more in talk_samples.states(ago).items()
    },
    **phone_samples.screens(
        ago,
        me,
        supervisor,
        {
            "me": me("on_call", 192),
            "ticket": TICKET,
            "call": CALLS[3],
            "work": WORK,
            "board": BOARD,
            "targets": talk_samples.TARGETS,
        },
    ),
    "board-stale": (
        "board/index.html",
        {"me": me("ready"), "board": replace(BOARD, stale_since=ago(20)), "wall": False},
    ),
    "board": ("board/index.html", {"me": me("ready"), "board": BOARD, "wall": False}),
    "board-quiet": ("board/index.html", {"me": me("ready"), "board": QUIET, "wall": False}),
    "board-wall": ("board/index.html", {"me": me("ready"), "board": BOARD, "wall": True}),
    "tickets": ("tickets/index.html", {"me": me("ready"), "tickets": ROWS, "next_cursor": "abc", "filter": "all"}),
    "tickets-empty": ("tickets/index.html", {"me": me("ready"), "tickets": [], "next_cursor": None, "filter": "mine"}),
    "ticket": ("tickets/show.html", {"me": me("ready"), "ticket": CLOSED, "call": None}),
    "calls": ("calls/index.html", {"me": me("ready"), "calls": CALL_LIST, "next_cursor": "abc"}),
    "call": ("calls/show.html", {"me": me("ready"), "call": CALL, "timeline_entries": TIMELINE}),
    "operations": ("operations/index.html", operations(is_whole=True)),
    "operations-differ": ("operations/index.html", operations(is_whole=False)),
    "sign-in": (
        "sign_in/index.html",
        {
            "me": None,
            "board_bar": None,
            "live": None,
            "error": "The name or the password is wrong.",
            "next": "/",
            "name": "a1",
        },
    ),
    "error": (
        "error.html",
        {
            "me": me("ready"),
            "status": 503,
            "code": "telephony-unavailable",
            "message": "The telephone system did not answer.",
            "kept": None,
            "next": None,
        },
    ),
}
