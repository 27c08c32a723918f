"""One process from start to stop: checks, store, Asterisk, console, in the order in which a clear error helps most."""

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib import import_module

import structlog
import uvicorn

from hotline import admin, migrate, watchdog
from hotline.app import App, prepare_data_dir
from hotline.errors import StartupError
from hotline.settings import Settings

log = structlog.get_logger()
_READY_S = 60.0


class _Server(uvicorn.Server):
    """uvicorn with our signals: a stop first lets calls end, and the console shows them until then."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings, roles: frozenset[str], *, standby: bool = False) -> None:
    """Runs until SIGINT or SIGTERM. `standby`: a worker that waits while another one leads. Raises StartupError with
    one clear line when something cannot work.
    """
    stop = _Stop()
    alive = asyncio.create_task(watchdog.tell(), name="watchdog")
    try:
        await _serve(settings, roles, stop, standby=standby)
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    finally:
        alive.cancel()
    log.info("hotline.stopped")


class _Stop(asyncio.Event):
    """Set by SIGINT or SIGTERM. Before all is `ready` there is nothing to drain: the start is given up at once."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = False
        self._starting = asyncio.current_task()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, self._told)

    def _told(self) -> None:
        if not self.ready and not self.is_set() and self._starting is not None:
            self._starting.cancel()
        self.set()


async def _serve(settings: Settings, roles: frozenset[str], stop: _Stop, *, standby: bool) -> None:
    prepare_data_dir(settings)
    sock = _bind(settings) if "web" in roles else None
    # Half of the start is the web framework's loading: beside Asterisk's own start it costs no time.
    loading = asyncio.create_task(asyncio.to_thread(import_module, "web.app")) if sock is not None else None
    await migrate.upgrade(settings.store_url)

    def waiting(leader: str) -> None:
        _say(f"hotline standby: worker of {settings.node}, behind {leader}")

    app = App(settings, roles, standby=waiting if standby else None)
    await app.check()
    if settings.demo and (accounts := await admin.ensure_demo_accounts(app.db, settings)):
        _say(f"demo accounts, printed this once and kept in {settings.data_dir / admin.DEMO_FILE}:\n{accounts}")
    async with _figures(app, is_shown=sock is None), app.running():
        if sock is None or loading is None:
            await app.ready(_READY_S)
            _start_is_over()
            stop.ready = True
            _say(f"hotline ready: worker of {settings.node}")
            await stop.wait()
            await _drain(app)
        else:
            await loading
            await _serve_web(app, sock, stop)


async def _serve_web(app: App, sock: socket.socket, stop: _Stop) -> None:
    from web.app import create_app  # noqa: PLC0415 - see `loading`
    from web.wire import Socket  # noqa: PLC0415

    console = create_app(app)
    server = _Server(
        uvicorn.Config(
            console,
            log_config=None,
            access_log=False,
            ws=Socket,
            ws_per_message_deflate=False,  # 200 sockets' worth of zlib would cost more than all else
            ws_max_size=65536,
            timeout_graceful_shutdown=3,
            server_header=False,
            date_header=False,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="uvicorn")
    try:
        await app.ready(_READY_S)
        await server.listening.wait()
        await asyncio.to_thread(console.state.web.renderer.warm)  # screens that were open see calls meanwhile
        _start_is_over()
        stop.ready = True
        if app.settings.demo and app.settings.open == "always":
            _say("demo start: the lines are open at all hours")
        host, port = sock.getsockname()[:2]
        _say(f"hotline ready: http://{f'[{host}]' if ':' in host else host}:{port}")
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if stop.is_set():
            await _drain(app)
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def _figures(app: App, *, is_shown: bool) -> AsyncIterator[None]:
    """A console has its own page for them; a worker, also one that stands by, answers at a port of its own."""
    if not is_shown or app.settings.metrics_port == 0:
        yield
        return
    from web.worker_figures import shown  # noqa: PLC0415 - a console, or a worker without figures, starts without it

    async with shown(app):
        yield


def _start_is_over() -> None:
    """What was made by the start stays: the collector need not walk through it in the middle of a call."""
    gc.collect()
    gc.freeze()
    # A transaction makes thousands of objects and hardly a cycle: looked at ten times as rarely.
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


async def _drain(app: App) -> None:
    _say(f"stopping: calls may end for up to {app.settings.drain_s} s" if "worker" in app.roles else "stopping")
    await app.drain()


def _say(line: str) -> None:
    with suppress(OSError):  # nobody reads any more, or the disk is full: no reason to end calls
        print(line, flush=True)


def _bind(settings: Settings) -> socket.socket:
    """The console's port, held before anything is started."""
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.bind, settings.port))
        sock.listen(512)
    except OSError as error:
        sock.close()
        raise StartupError(
            f"port {settings.port} on {settings.bind} cannot be used for the console (HOTLINE_PORT): {error.strerror}"
        ) from error
    return sock
