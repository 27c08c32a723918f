"""The web application: routes, middleware, errors as responses. Built by the command line from a house.

A route that names no action of the permission table, and is not marked public, keeps the server from starting.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope
from starlette.websockets import WebSocket

from hotline.errors import HotlineError, NotSignedIn
from web import api, auth, pages, problems, screens
from web.deps import House, Web
from web.edge import Edge
from web.figures import Figures
from web.live import Hub
from web.metrics import Metrics
from web.operations import Operations
from web.render import STATIC, TEMPLATES, Renderer
from web.shell import error_page
from web.static import BuiltFiles

log = structlog.get_logger()


def create_app(house: House, *, templates: Path = TEMPLATES, static: Path = STATIC) -> FastAPI:
    """Raises StartupError for a route without a permission row, or a front end that is not built."""
    renderer = Renderer(house.settings, templates=templates, static=static)
    app = FastAPI(
        title="Hotline", version="1", openapi_url=None, docs_url=None, redoc_url=None, lifespan=_lifespan,
        redirect_slashes=False,
    )  # fmt: skip
    app.state.web = wire(house, renderer)
    for router in (*pages.ROUTERS, *api.ROUTERS):
        app.include_router(router)
    built = BuiltFiles(static, frozenset(renderer.assets.values()))
    app.mount("/static", built, name="static")
    auth.check_routes(app.routes)
    app.add_exception_handler(HotlineError, _on_error)  # type: ignore[arg-type]  # sockets have errors too
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    for lost in (SQLAlchemyError, ConnectionError, TimeoutError):
        app.add_exception_handler(lost, _on_store)  # type: ignore[arg-type]
    app.add_middleware(Edge, template=template_of, on_bug=_on_bug)
    return app


def wire(house: House, renderer: Renderer) -> Web:
    """The web's long-lived objects round a house."""
    metrics = Metrics(house.counters)
    hub = Hub(
        house.db, house.bus, house.settings,
        renderer=renderer, metrics=metrics, alive=auth.alive_in(house), unwritten=house.unwritten_since,
    )  # fmt: skip
    operations = Operations(
        house.db, house.settings,
        counters=house.counters, unwritten_since=house.unwritten_since, workers=house.workers,
    )  # fmt: skip
    figures = Figures(house.db, house.settings, lambda: hub.seq, house.unwritten_since)
    return Web(house, hub, renderer, metrics, figures, operations)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    web: Web = app.state.web
    follower = asyncio.create_task(web.hub.run(), name="live")
    try:
        yield
    finally:
        follower.cancel()
        with suppress(asyncio.CancelledError):
            await follower


def template_of(scope: Scope) -> str:
    """The route's path with its placeholders, for labels; never the address that was asked."""
    context = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(context, "path", None) or getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"


async def _on_error(request: Request | WebSocket, error: Exception) -> Response | None:
    assert isinstance(error, HotlineError)  # noqa: S101 - registered for it
    if isinstance(request, WebSocket):
        await screens.turn_away(request, auth.close_code(error))
        return None
    if problems.is_page(request):
        if isinstance(error, NotSignedIn):
            return problems.to_sign_in(request)
        document = problems.of_error(request, error)
        return await error_page(request, document)
    return problems.response(problems.of_error(request, error))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return await _plain(request, error.status_code, dict(error.headers or {}))


async def _on_invalid(request: Request, error: Exception) -> Response:
    """Says where, never what: the input may be a child's words."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    where = [".".join(str(part) for part in item["loc"]) for item in error.errors()]
    return await _plain(request, 422, {}, errors=where)


async def _on_store(request: Request | WebSocket, error: Exception) -> Response | None:
    log.error("web.store failed", error=type(error).__name__, route=template_of(request.scope))
    if isinstance(request, WebSocket):
        await screens.turn_away(request, screens.TRY_LATER)
        return None
    return await _plain(request, 503, {"Retry-After": "2"})


async def _on_bug(request: Request, error: Exception) -> Response:
    log.error("web.request failed", exc_info=error, route=template_of(request.scope))
    return await _plain(request, 500, {})


async def _plain(request: Request, status: int, headers: dict[str, str], **extra: object) -> Response:
    document = problems.plain_document(request, status, extra)
    if problems.is_page(request):
        return await error_page(request, document, headers)
    return problems.response(document, headers)
