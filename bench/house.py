"""A whole hotline for measuring: real Asterisk, real store, real console, in processes of its own; phones are SIPp's.

`python -m bench.house ADDRESS PORT ROLES` (of the phones) is such a process; `House` starts, fills and stops them.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from hotline import log, migrate
from hotline.access import accounts
from hotline.agents import service as agents
from hotline.clock import now
from hotline.db import Database
from hotline.settings import CHECKOUT, Settings
from hotline.telephony import actions
from hotline.telephony.asterisk import Asterisk
from hotline.telephony.client import AmiClient
from hotline.telephony.files import write_file
from hotline.telephony.install import config_home
from tests.integration import deployment
from tests.integration.pbx import PHONES, TRUNK, Sipp, free_port
from tests.integration.sound import short_sounds
from web.serve import serve


def plain_phone(endpoint: str, port: int, address: str) -> str:
    """An agent's phone without WebRTC: SIPp does not speak it."""
    return (
        f"[{endpoint}]\ntype = endpoint\ncontext = hl-agents\ntransport = udp\nidentify_by = username\nlanguage = zh\n"
        f"disallow = all\nallow = alaw\ndirect_media = no\ndevice_state_busy_at = 1\nallow_transfer = no\n"
        f"aors = {endpoint}\n[{endpoint}]\ntype = aor\ncontact = sip:{endpoint}@{address}:{port}\n"
    )


async def _run(address: str, phones_port: int, roles: str, *, records: bool) -> None:
    async def write_agents(
        self: Asterisk, phones: Sequence[tuple[str, str]], outside: Mapping[str, str] | None = None
    ) -> None:
        write_file(
            self.places.agents, "".join(plain_phone(endpoint, phones_port, address) for endpoint, _secret in phones)
        )
        if self.alive():
            await self.cli("module reload res_pjsip.so")

    files = Asterisk.files
    Asterisk.write_agents = write_agents  # type: ignore[method-assign]
    if not records:
        Asterisk.files = lambda self: {  # type: ignore[method-assign]
            name: text.replace("n,MixMonitor(", "n,NoOp(") for name, text in files(self).items()
        }
    log.configure()  # to standard error: nobody reads the other one after the start
    await serve(Settings(), frozenset(roles.split(",")))


@dataclass
class House:
    """`cookies`: one signed-in session a console, the agents' first, in the order of `endpoints`."""

    settings: Settings
    directory: Path
    phones_port: int
    endpoints: list[str] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)
    running: list[Sipp] = field(default_factory=list)
    ready_s: float = 0.0
    roles: tuple[str, ...] = ("web,worker",)
    records: bool = True
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    async def fill(self, phones: int, consoles: int) -> None:
        """Agents with phones; sessions for that many consoles, supervisors' beyond the agents' own."""
        self.endpoints, self.cookies = await fill(self.settings, phones, consoles)

    @property
    def deployment(self) -> str:
        """Of this run, as script/test names them."""
        return "servers" if deployment.ON_SERVERS else "embedded"

    @property
    def process(self) -> asyncio.subprocess.Process | None:
        """The worker's, where there are two."""
        return self.processes[0] if self.processes else None

    async def start(self) -> None:
        began = time.monotonic()
        self.processes = [await self._spawn(roles) for roles in self.roles]
        for process in self.processes:
            await self._ready(process)
        self.ready_s = time.monotonic() - began

    async def _spawn(self, roles: str) -> asyncio.subprocess.Process:
        env = {**os.environ, **environment(self.settings)}
        with (self.directory / "stderr").open("ab") as errors:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.house", PHONES, str(self.phones_port), roles,
                *([] if self.records else ["--no-recording"]),
                env=env, cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE, stderr=errors,
            )  # fmt: skip

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if line.startswith(b"hotline ready"):
                return
        raise RuntimeError(f"the hotline did not start: {(self.directory / 'stderr').read_text()[-2000:]}")

    def shorten_prompts(self) -> None:
        """Callers hear 0.3 s of each prompt."""
        link = Asterisk(self.settings).places.data / "sounds" / "zh"
        fresh = link.with_name("zh.new")
        fresh.symlink_to(short_sounds(config_home() / "sounds", self.directory / "short") / "zh")
        fresh.replace(link)

    async def sign_on(self) -> None:
        """Every phone into the queue, as the agents' commands would."""
        asterisk = Asterisk(self.settings)
        client = AmiClient(
            host="127.0.0.1",
            port=self.settings.ami_port,
            user="actions",
            secret=asterisk.secrets().actions,
            name="bench",
        )
        task = asyncio.create_task(client.run())
        await client.wait_live()
        for endpoint in self.endpoints:
            await client.send(actions.queue_add("hotline", endpoint))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def stop(self) -> None:
        for sipp in self.running:
            sipp.stop()
        for process in self.processes:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), 60)


async def fill(settings: Settings, phones: int, consoles: int) -> tuple[list[str], list[str]]:
    """A store with agents named agent0, agent1, …, and a supervisor. Returns the agents' endpoints, and a session for
    each of that many consoles: the agents' first, the supervisor's beyond.
    """
    endpoints, cookies = list[str](), list[str]()
    await migrate.upgrade(settings.store_url)
    db = Database(settings.store_url)
    at = now()
    try:
        async with db.write() as tx:
            people = []
            for number in range(phones):
                account = await accounts.add_user(tx, f"agent{number}", "agent", "no password", at)
                agent = await agents.add_agent(tx, account.id, account.name, at, str(2000 + number))
                endpoints.append(agent.endpoint)
                people.append(account.id)
            account = await accounts.add_user(tx, "supervisor", "supervisor", "no password", at)
            people += [account.id] * max(0, consoles - phones)
            for person in people[:consoles]:
                cookies.append((await accounts.open_session(tx, person, at)).token)
    finally:
        await db.close()
    return endpoints, cookies


def environment(settings: Settings) -> dict[str, str]:
    """The settings as variables for a process."""
    values = json.loads(settings.model_dump_json())
    return {f"HOTLINE_{name.upper()}": str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in values.items()}  # fmt: skip


@asynccontextmanager
async def house(base: int, *, roles: tuple[str, ...] = ("web,worker",), **changes: Any) -> AsyncIterator[House]:
    """A hotline in a temporary directory, on ports from `base` on; not started yet. `roles`: of each process."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as name:
        directory = Path(name)
        sip = free_port(base)
        values: dict[str, Any] = {
            "data_dir": directory / "data",
            "port": free_port(sip + 1, socket.SOCK_STREAM),
            "sip_port": sip,
            "ami_port": free_port(sip + 150, socket.SOCK_STREAM),
            "asterisk_http_port": free_port(sip + 300, socket.SOCK_STREAM),
            "rtp_ports": f"{base + 6000}-{base + 7999}",
            "trunks": TRUNK,
            "open": "always",
            "lines": "12345:200,2912345:1",
            "wrap_up_s": 0,
            "drain_s": 0,
        }
        settings = Settings(**(deployment.stores(directory / "data") | values | changes))
        settings.data_dir.mkdir(mode=0o700)
        made = House(settings, directory, free_port(base + 500), roles=roles)
        try:
            yield made
        finally:
            await made.stop()


if __name__ == "__main__":
    # uvloop as `hotline run` does
    uvloop.run(_run(sys.argv[1], int(sys.argv[2]), sys.argv[3], records="--no-recording" not in sys.argv))
