"""What machines watch: alive, ready, figures."""

import asyncio
import ipaddress
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hotline.access.permissions import can
from hotline.errors import NotAllowed, StartupError
from hotline.leadership import Workers
from web.auth import identify, public
from web.deps import Web, Wired
from web.metrics import CONTENT_TYPE

router = APIRouter()
_CHECK_S = 3.0


@router.get("/healthz", dependencies=[public("health")])
async def healthz() -> dict[str, str]:
    """The process lives and its loop turns."""
    return {"status": "ok"}


@router.get("/readyz", dependencies=[public("health")])
async def readyz(web: Wired) -> JSONResponse:
    """Database, bus, Asterisk. 503 if one is not as it should be; says which, not why (the log does). No standby is
    no fault: most have none.
    """
    database, bus = await asyncio.gather(_answers(web.house.db.check()), _answers(web.house.bus.check()))
    asterisk = web.house.telephony_state()
    node = await _node(web) if database == "ok" else "unknown"
    workers = await web.house.workers() if database == "ok" else Workers()
    checks = {
        "database": database, "bus": bus, "asterisk": asterisk, "events": node,
        "worker": "leads" if workers.leader else "none", "standby": "waits" if workers.standby else "none",
    }  # fmt: skip
    is_ready = database == bus == "ok" and asterisk == node == "live"
    return JSONResponse({"ready": is_ready, **checks}, 200 if is_ready else 503)


async def _answers(check: Any) -> str:
    try:
        async with asyncio.timeout(_CHECK_S):
            await check
    except (StartupError, TimeoutError, OSError):
        return "down"
    return "ok"


async def _node(web: Web) -> str:
    """Whether the worker that follows Asterisk's events says that it does."""
    await web.hub.catch_up()
    return web.hub.state.node


@router.get("/metrics", dependencies=[public("metrics")])
async def metrics(request: Request, web: Wired) -> Response:
    """For loopback, or a token whose role may."""
    if not _is_loopback(request):
        signed = await identify(request, web.house)
        if not can(signed.actor, "metrics.view"):
            raise NotAllowed("Your role may not do this.")
    return Response(web.metrics.text(await web.figures.read()), media_type=CONTENT_TYPE)


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
