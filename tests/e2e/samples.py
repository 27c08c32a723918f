"""Invented but lifelike view models: every screen can be drawn without a server, for the gallery and template tests."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e import operations_samples, phone_samples, talk_samples
from web import views

NOW = datetime(2026, 3, 12, 6, 3, 22, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    """An instant before NOW."""
    return NOW - timedelta(seconds=seconds)


LINES = (views.LineLamp("lamp-12345", "12345", 5, 3), views.LineLamp("lamp-2912345", "2912345", 1, 1))
CALLS = (
    views.CallRow("call-1", "1", "12345", "waiting", ago(41), "138****1234", "H-2031-8", None, "0-1"),
    views.CallRow("call-2", "2", "2912345", "waiting", ago(18), None, "H-2031-9", None, "0-2"),
    views.CallRow("call-3", "3", "12345", "ringing", ago(6), "139****8820", "H-2031-7", "钟宁", "1-3"),
    views.CallRow("call-4", "4", "12345", "talking", ago(732), "136****0417", "H-2031-5", "罗晓", "2-4"),
)


def agent(number: int, name: str, state: str, seconds: float, **more: Any) -> views.AgentRow:
    """An agent row with everything else at rest."""
    base = views.AgentRow(
        f"agent-{number}",
        str(number),
        name,
        f"80{number:02}",
        state,
        None,
        ago(seconds),
        "ok",
        None,
        None,
        None,
        None,
        f"{number}",
    )
    return replace(base, **more)


AGENTS = (
    agent(1, "钟宁", "ringing", 6, ref="H-2031-7", line="12345"),
    agent(2, "罗晓", "on_call", 732, ref="H-2031-5", line="12345", sound="bad"),
    agent(3, "白杨", "wrap_up", 22, until=ago(-38), ref="H-2031-4"),
    agent(4, "田野", "paused", 1260, reason="LUNCH"),
    agent(5, "方圆", "paused", 95, reason="PHONE", phone="lost"),
    agent(6, "江月", "ready", 5420, outside="139****9000"),
    agent(7, "石磊", "offline", 30000, phone="none"),
)
TOTALS = views.Totals(
    offered=48,
    answered=41,
    answered_fast=37,
    abandoned=4,
    abandoned_short=1,
    blocked=1,
    voicemail=2,
    closed=3,
    waiting=2,
    longest_since=ago(41),
    call_backs_due=2,
)
BOARD = views.Board(LINES, CALLS, AGENTS, TOTALS)
QUIET = views.Board(tuple(replace(line, busy=0) for line in LINES), (), (), views.Totals(), stale_since=None)
SUMMARY = (
    "孩子自己来电，11 岁，说父亲喝酒后打她，昨晚用皮带打了后背，现在一个人在家，父亲去上班，晚上七点回来。"
    "奶奶住在同一个小区，可以去。孩子不想让老师知道。"
)


def fields(**values: str) -> dict[str, views.FieldView]:
    """The four fields; those with a value were saved at NOW."""
    kinds = {"contact_type": "choice", "category": "category", "summary": "text", "urgency": "choice"}
    return {
        name: views.FieldView(
            name, kind, values.get(name, ""), 1 if name in values else 0, NOW if name in values else None
        )
        for name, kind in kinds.items()
    }


RECORDINGS = (views.RecordingView("r1", "call", ago(3600), 192.0),)
CALL = views.CallView(
    "3",
    "12345",
    "138****1234",
    ago(3640),
    ago(3632),
    ago(3620),
    ago(3428),
    "answered",
    "caller",
    "钟宁",
    12.4,
    192.0,
    "H-2031-7",
    RECORDINGS,
)
CALL_LIST = [
    CALL,
    replace(
        CALL,
        id="5",
        number="139****8820",
        outcome="abandoned",
        answered_at=None,
        agent=None,
        talk_s=None,
        wait_s=44.0,
        ref="H-2031-6",
        recordings=(),
        started_at=ago(5000),
    ),
    replace(
        CALL,
        id="6",
        line="2912345",
        number=None,
        outcome="voicemail",
        answered_at=None,
        agent=None,
        hangup_by="caller",
        talk_s=None,
        wait_s=300.0,
        ref="H-2031-3",
        started_at=ago(9000),
    ),
    replace(
        CALL,
        id="7",
        outcome="blocked",
        answered_at=None,
        agent=None,
        hangup_by="system",
        talk_s=None,
        wait_s=None,
        ref=None,
        recordings=(),
        started_at=ago(12000),
    ),
    replace(CALL, id="8", outcome=None, hangup_by=None, ended_at=None, talk_s=None, recordings=(), started_at=ago(80)),
]
EARLIER = (
    views.EarlierContact("H-2019-3", ago(864000), "12345", "answered", "CT01", "VIO.01", "CLOSED"),
    views.EarlierContact("H-2007-11", ago(2592000), "2912345", "abandoned", None, None, "CLOSED"),
)
TIMELINE = (
    views.TimelineEntry(ago(204), "CallStarted", {"line": "12345"}),
    views.TimelineEntry(ago(204), "ContactOpened", {}),
    views.TimelineEntry(ago(200), "CallQueued", {}),
    views.TimelineEntry(ago(196), "AgentRang", {"agent": "罗晓"}),
    views.TimelineEntry(ago(190), "AgentMissed", {"agent": "罗晓"}),
    views.TimelineEntry(ago(189), "AgentRang", {"agent": "钟宁"}),
    views.TimelineEntry(ago(184), "TicketHandedTo", {"agent": "钟宁"}),
    views.TimelineEntry(ago(184), "CallAnswered", {"agent": "钟宁", "wait_s": "16.2"}),
    views.TimelineEntry(ago(184), "RecordingStarted", {"kind": "call"}),
    views.TimelineEntry(ago(60), "TicketChanged", {"fields": "summary,urgency", "actor": "钟宁"}),
)
TICKET = views.TicketView(
    "H-2031-7",
    None,
    "NEW",
    7,
    True,
    True,
    "138****1234",
    True,
    "c1",
    fields(contact_type="CT01", category="VIO.01", summary=SUMMARY),
    ("close", "register", "discard"),
    (replace(CALL, recordings=()),),
    EARLIER,
    TIMELINE,
    ago(204),
)
FRESH = replace(TICKET, fields=fields(), timeline=TIMELINE[:6], version=1)
FAULTY = replace(
    TICKET,
    fields={
        **fields(contact_type="CT01"),
        "summary": views.FieldView("summary", "text", "打人", 3, NOW, "At least ten characters are needed."),
        "urgency": views.FieldView("urgency", "choice", "", 0, None, "This is needed."),
        "category": views.FieldView("category", "category", "", 0, None, "This is needed."),
    },
)
VOID = replace(TICKET, state="VOID", fields=fields(contact_type="CT10"), steps=("restore",), writable=False)
CLOSED = replace(
    TICKET,
    state="CLOSED",
    ticket_no="20260312-0031",
    steps=(),
    writable=False,
    closed_at=NOW,
    calls=(CALL,),
    fields=fields(contact_type="CT01", category="VIO.01", summary=SUMMARY, urgency="U0"),
)
ADDITIONS = (views.AdditionView(ago(20), "李云", "孩子有哮喘，药在班主任那里。"),)
READING = replace(
    TICKET,
    mine=False,
    writable=False,
    steps=(),
    pen=views.PenView("李云", may_ask=True),
    additions=ADDITIONS,
    may_add=True,
)
ASKED = replace(
    TICKET, pen=views.PenView("钟宁", (("a2", "李云"), ("a3", "何山")), asked_by="李云"), additions=ADDITIONS
)  # fmt: skip
LEFT_ALONE = replace(READING, pen=views.PenView("李云", may_take=True), additions=())
MARKED = replace(
    CALL,
    hold_s=14.0,
    recordings=(replace(RECORDINGS[0], marks=(views.MarkView(0.0, "钟宁"), views.MarkView(71.4, "李云"))),),
    legs=(
        views.LegView("何山", None, "queue", "missed", ago(3632), None, ago(3622), None, None),
        views.LegView("钟宁", None, "queue", "answered", ago(3621), ago(3620), ago(3548), 72.0, 14.0),
        views.LegView("李云", None, "consult", "answered", ago(3570), ago(3562), ago(3428), 120.0, 0.0),
        views.LegView(None, "110", "party", "busy", ago(3500), None, ago(3498), None, None),
    ),
)
WORK = [
    views.WorkItem("work-1", "call_back", "H-2031-6", ago(1200), ago(-600), "12345", "139****8820", None, "c6", "d6"),
    views.WorkItem("work-2", "draft", "H-2031-4", ago(700), None, "12345", "136****0417", "孩子说不想上学，同学"),
    views.WorkItem("work-3", "open", "H-2030-2", ago(90000), None, "2912345", None, "奶奶问临时救助怎么申请，材料"),
]
ROWS = [
    views.TicketRow(
        "H-2031-7", None, "NEW", ago(204), "12345", "138****1234", "CT01", "VIO.01", None, SUMMARY, "钟宁", True
    ),
    views.TicketRow(
        "H-2031-5",
        "20260312-0029",
        "ACCEPTED",
        ago(4000),
        "12345",
        "136****0417",
        "CT02",
        "PSY.01",
        "U0",
        "班主任来电，学生在班级群里说不想活了，人在学校天台附近，已有老师陪着。",
        "罗晓",
        False,
    ),
    views.TicketRow(
        "H-2031-4",
        "20260312-0028",
        "CLOSED",
        ago(9000),
        "2912345",
        None,
        "CT08",
        "LIV.03",
        "U3",
        "问临时救助怎么申请。",
        "白杨",
        False,
    ),
    views.TicketRow(
        "H-2031-2", None, "VOID", ago(12000), "12345", "139****8820", "CT14", None, None, None, "江月", False
    ),
]
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
