"""The moment of every sample, and the floor in it: lines, calls, agents, the day's figures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

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
