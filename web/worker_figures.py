"""What a process without a console shows: `/metrics` and `/healthz`, on loopback alone.

A worker's own counts (Asterisk's events, corrections, the journal, totals) are on no console's page in another process.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from hotline.app import App
from hotline.errors import StartupError
from web.figures import Figures
from web.metrics import CONTENT_TYPE, told, totals

log = structlog.get_logger()
_HOST = "127.0.0.1"
_ASK_S = 5.0
_LONGEST = 8192


@asynccontextmanager
async def shown(app: App) -> AsyncIterator[None]:
    """Answers at HOTLINE_METRICS_PORT while the block runs. Raises StartupError when that is taken."""
    port = app.settings.metrics_port
    desk = _Desk(app)
    try:
        server = await asyncio.start_server(desk.meet, _HOST, port, limit=_LONGEST)
    except OSError as error:
        raise StartupError(
            f"port {port} cannot be used for figures (HOTLINE_METRICS_PORT): {error.strerror}"
        ) from error
    async with server:
        yield


class _Desk:
    """One request a connection; whoever sends more than a header's worth, or nothing, is hung up on."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._figures = Figures(app.db, app.settings, unwritten_since=app.unwritten_since)

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_ASK_S):
                asked = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)
                writer.write(await self._answer(asked[0], asked[1] if len(asked) > 1 else b""))
                await writer.drain()
        except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError):
            pass
        except Exception as error:  # figures must never end the worker
            log.error("figures.answer failed", error=type(error).__name__)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, method: bytes, path: bytes) -> bytes:
        if (method, path) == (b"GET", b"/metrics"):
            return _response("200 OK", totals(self._app.counters) + told(await self._figures.read()), CONTENT_TYPE)
        if (method, path) == (b"GET", b"/healthz"):
            return _response("200 OK", b'{"status":"ok"}', "application/json")
        return _response("404 Not Found", b"", "text/plain")


def _response(status: str, body: bytes, kind: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
