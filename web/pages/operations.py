"""Operations: whether the totals add up, how near to the truth the screens are, and what waits."""

from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from hotline.clock import now
from web.auth import Signed, require
from web.deps import Web, Wired
from web.shell import page, part

router = APIRouter()
Viewer = Annotated[Signed, require("operations.view")]
LineName = Annotated[str | None, Query(max_length=32)]
HourOfDay = Annotated[int | None, Query(ge=0, le=23)]


@router.get("/operations")
async def operations(
    web: Wired, signed: Viewer, day: date | None = None, line: LineName = None, hour: HourOfDay = None
) -> HTMLResponse:
    """`line` and `hour`: only their differences are listed."""
    return await page(web, signed, "operations/index.html", await _context(web, day, line, hour))


@router.get("/operations/rows")
async def rows(
    web: Wired, signed: Viewer, day: date | None = None, line: LineName = None, hour: HourOfDay = None
) -> HTMLResponse:
    """The same anew, for a page that is open."""
    return await part(web, signed, "operations/_all.html", await _context(web, day, line, hour))


async def _context(web: Web, day: date | None, line: str | None, hour: int | None) -> dict[str, Any]:
    view = await web.operations.view(day, now())
    shown = view.differences(line, hour, web.house.settings.timezone)
    asked = {"day": day, "line": line, "hour": hour}
    return {
        "view": view,
        "query": urlencode({name: value for name, value in asked.items() if value is not None}),
        "differences": shown,
        "chosen_line": line,
        "chosen_hour": hour,
        "before": view.day - timedelta(days=1),
        "after": None if view.is_today else view.day + timedelta(days=1),
    }
