"""Open, closed or emergency now: a supervisor says so here, everybody sees it, and who said what before."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from hotline.clock import local, now, utc
from hotline.errors import Invalid
from hotline.ivr import opening, words
from hotline.ivr.switch import Word
from web.auth import Signed, require, trace
from web.deps import Wired
from web.forms import read_form
from web.shell import page

router = APIRouter()
Viewer = Annotated[Signed, require("opening.view")]
Supervisor = Annotated[Signed, require("opening.say")]


@router.get("/opening")
async def shown(web: Wired, signed: Viewer) -> HTMLResponse:
    settings, at = web.house.settings, now()
    async with web.house.db.read() as tx:
        said = await words.latest(tx)
    word = said[0].word if said else None
    midnight = local(at, settings.timezone).replace(hour=23, minute=59)
    context = {
        "is_open": opening.hours(settings).what(at, word).is_open,
        "word": said[0] if word is not None and word.is_in_force(at) else None,
        "said": said,
        "until": f"{midnight:%Y-%m-%dT%H:%M}",
    }
    return await page(web, signed, "opening/index.html", context)


@router.post("/opening")
async def say(request: Request, web: Wired, signed: Supervisor) -> RedirectResponse:
    """`state`: open, closed, emergency, calendar; `until`: local time, empty: until another word."""
    form = await read_form(request)
    at, state = now().replace(microsecond=0), form.get("state", "")
    until = None if state == "calendar" else _instant(form.get("until", ""), web.house.settings.timezone)
    word = Word(state, until, at, "web", signed.actor.account_id.hex)
    await words.say(web.house.lines, word)
    await trace(web, signed, "opening.say", state, until=until.isoformat() if until else "")
    return RedirectResponse("/opening?said", HTTPStatus.SEE_OTHER)


def _instant(text: str, timezone: str) -> datetime | None:
    """Raises Invalid."""
    if not text.strip():
        return None
    try:
        return utc(datetime.fromisoformat(text.strip()).replace(tzinfo=ZoneInfo(timezone)))
    except (ValueError, OverflowError):
        raise Invalid("Give the end as a date and a time, or leave it empty.") from None
