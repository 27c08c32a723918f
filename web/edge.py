"""Round every request, before routes see it: request id, size limit, security headers, time taken, bugs caught.

Plain ASGI: sockets pass through untouched, responses stream.
"""

import re
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hotline.ids import new_id
from hotline.settings import Settings
from web.deps import Web
from web.forms import BODY_LIMIT

OnBug = Callable[[Request, Exception], Awaitable[Response]]
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_LEFT = 499  # for the figures only: nobody is there to read an answer
_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}


def phone_urls(settings: Settings, host_header: str) -> dict[str, str]:
    """Where a page's phone reaches each Asterisk: as set, else its port on the host that the page came from."""
    if settings.phone_urls:
        return settings.phone_urls
    match = _HOST.match(host_header)
    host = match.group() if match else settings.bind
    return {settings.node: f"ws://{host}:{settings.asterisk_http_port}/ws"}


def content_policy(settings: Settings, host_header: str) -> str:
    """Nothing from other hosts, nothing inline; the page may also speak to Asterisk and play sound it was given."""
    urls = phone_urls(settings, host_header).values()
    origins = " ".join(dict.fromkeys(re.sub(r"(?<=[^:/])/.*$", "", url) for url in urls))
    return (
        f"default-src 'self'; connect-src 'self' {origins}; media-src 'self' blob:; object-src 'none'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )


class Edge:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, *, template: Callable[[Scope], str], on_bug: OnBug) -> None:
        self.app = app
        self._template = template
        self._on_bug = on_bug

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        web: Web = scope["app"].state.web
        began = time.monotonic()
        request_id = new_id().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status, is_begun = 500, False

        async def answer(message: Message) -> None:
            nonlocal status, is_begun
            if message["type"] == "http.response.start":
                status, is_begun = message["status"], True
                dress(web.house.settings, scope, MutableHeaders(scope=message), request_id)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, limited(scope, receive), answer)
            except ClientDisconnect:
                status = _LEFT
            except Exception as error:
                # Here and not in the framework's own outermost layer: its answer would lack everything of `dress`.
                failed = await self._on_bug(Request(scope, receive), error)
                if is_begun:
                    raise
                await failed(scope, receive, answer)
            finally:
                route = self._template(scope)
                took = time.monotonic() - began
                web.metrics.requests.labels(scope["method"], route, str(status)).observe(took)


def dress(settings: Settings, scope: Scope, headers: MutableHeaders, request_id: str) -> None:
    """The headers of every answer."""
    headers["X-Request-Id"] = request_id
    for name, value in _FIXED.items():
        headers[name] = value
    headers["Content-Security-Policy"] = content_policy(settings, Headers(scope=scope).get("host", ""))
    if settings.secure_cookies:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    # What a page shows must not be found in a shared computer's cache.
    headers.setdefault("Cache-Control", "no-store")


def limited(scope: Scope, receive: Receive) -> Receive:
    """The body, refused once it is over the limit: before reading when it says so, while reading when it does not.

    An HTTPException, because FastAPI makes a plain 400 of any other error while it reads a body.
    """
    declared = Headers(scope=scope).get("content-length", "")
    known_too_large = declared.isdigit() and int(declared) > BODY_LIMIT
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        if known_too_large:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_LIMIT:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return bounded
