"""What the page says and asks of the agent's own phone: how the call sounds, and where it is to ring."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request

from hotline.agents import phones
from hotline.clock import now
from hotline.errors import Invalid
from web.auth import Signed, require
from web.deps import Wired
from web.forms import read_form
from web.metrics import Metrics
from web.pages.me import own_agent

router = APIRouter()
_DONE = HTTPStatus.NO_CONTENT
_PHONE = Annotated[Signed, require("phone.use")]
_MOST = 1e6  # of any figure: what is above it was not measured


@router.post("/me/phone/health", status_code=_DONE)
async def health(request: Request, web: Wired, signed: _PHONE) -> None:
    """Form: `sound` good, fair, bad or none; `loss` in percent, `jitter` and `rtt` in milliseconds where known.

    Every ten seconds of a call, and at once when the sound changes. Raises Invalid.
    """
    agent_id, form = own_agent(signed, "phone.use"), await read_form(request)
    figures = {name: _figure(form.get(name, ""), name) for name in ("loss", "jitter", "rtt")}
    async with web.house.db.write() as tx:
        await phones.note_sound(tx, agent_id, form.get("sound", ""), now())
    observe(web.metrics, figures)


@router.post("/me/phone/number", status_code=_DONE)
async def ring_there(request: Request, web: Wired, signed: _PHONE) -> None:
    """Form: `number`, which the queue rings from now on instead of this page: a broken headset closes no place.

    Raises Invalid for a number that may not be dialled, TooManyAttempts, Conflict in a call.
    """
    agent_id, form = own_agent(signed, "phone.use"), await read_form(request)
    number = phones.outside_number(web.house.settings, form.get("number", ""))
    await web.house.outbound.permit(agent_id, number)
    async with web.house.db.write() as tx:
        await phones.ring_outside(tx, agent_id, number, now())


@router.post("/me/phone/browser", status_code=_DONE)
async def ring_here(web: Wired, signed: _PHONE) -> None:
    """Back to this page, which then registers. Raises Conflict in a call."""
    agent_id = own_agent(signed, "phone.use")
    async with web.house.db.write() as tx:
        await phones.ring_here(tx, agent_id, now())


def _figure(text: str, name: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= _MOST:  # also what is no number at all
        raise Invalid("This is no measurement.", field=name)
    return value


def observe(metrics: Metrics, figures: dict[str, float | None]) -> None:
    """Base units, as Prometheus wants them: ratio and seconds."""
    for name, histogram, unit in (
        ("loss", metrics.phone_loss, 100),
        ("jitter", metrics.phone_jitter, 1000),
        ("rtt", metrics.phone_rtt, 1000),
    ):
        value = figures[name]
        if value is not None:
            histogram.observe(value / unit)
