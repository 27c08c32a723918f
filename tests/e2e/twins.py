"""Two machines of one hotline on one: each has an Asterisk with its worker and a console. PostgreSQL, Redis and
Kamailio are beside them.
"""

import os
import shutil
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.caller import Caller
from tests.e2e.house import BASE_PORT, House, until
from tests.integration import servers
from tests.integration.kamailio import Kamailio
from tests.integration.pbx import TRUNK, free_port

_OFFSET = 800
NODES = ("pbx1", "pbx2")
HOST = TRUNK.rpartition(".")[0] + ".30"


class Twins:
    """`houses`: by node. Whose `rows` are asked makes no difference: there is one store."""

    def __init__(self, directory: Path) -> None:
        first = BASE_PORT + _OFFSET
        managers = [free_port(first + 200 + 50 * n, socket.SOCK_STREAM) for n in range(2)]
        phones = [free_port(first + 300 + 50 * n, socket.SOCK_STREAM) for n in range(2)]
        common: dict[str, Any] = {
            "database_url": servers.postgres().database(f"twins_{os.getpid()}"),
            "redis_url": f"redis://127.0.0.1:{servers.redis().port}/15",
            "nodes": ",".join(f"{name}:{port}" for name, port in zip(NODES, managers, strict=True)),
            "sip_ws_url": ",".join(f"ws://127.0.0.1:{port}/ws" for port in phones),
            "trunks": HOST,
            "ring_s": 20,
            "max_wait_s": 60,
            "wrap_up_s": 20,
        }
        self.houses: dict[str, House] = {}
        for number, node in enumerate(NODES):
            house = House.make(
                directory / node, _OFFSET + 40 * number, node=node, ami_port=managers[number],
                asterisk_http_port=phones[number], sip_port=free_port(first + 100 + 50 * number), **common,
            )  # fmt: skip
            (directory / node).mkdir()
            house.roles = ("worker", "web")
            self.houses[node] = house
        one, other = self.houses.values()
        one.asterisk.secrets()
        other.asterisk.places.secrets.parent.mkdir(parents=True)
        shutil.copy(one.asterisk.places.secrets, other.asterisk.places.secrets)
        provider = (TRUNK, int(one.settings.outbound_trunk.rpartition(":")[2]))
        ports = [house.settings.sip_port for house in self.houses.values()]
        self.kamailio = Kamailio(directory / "kamailio", (HOST, free_port(first + 390)), ports, provider)

    async def start(self) -> None:
        self.kamailio.start()
        for house in self.houses.values():
            await house.start()
            house.shorten_prompts()
        for account in ("demo-accounts.txt",):
            shutil.copy(self.houses["pbx1"].settings.data_dir / account, self.houses["pbx2"].settings.data_dir)
        await self.answer(*NODES)

    async def answer(self, *nodes: str) -> None:
        """Kamailio has heard these, and no others."""
        wanted = {self.sip(node): node in nodes for node in NODES}

        def seen() -> bool:
            states = self.kamailio.states()
            return {uri: states.get(uri, "").startswith("A") for uri in wanted} == wanted

        await until(seen, what=f"Kamailio hears {nodes}: {self.kamailio.states()}")

    def sip(self, node: str) -> str:
        return f"sip:127.0.0.1:{self.houses[node].settings.sip_port}"

    def caller(self, number: str) -> Caller:
        return Caller(self.kamailio.address, "12345", number)

    def kill(self, node: str) -> None:
        """The machine, in one moment: whatever runs on its data directory."""
        house = self.houses[node]
        mark = os.fspath(house.asterisk.places.etc / "asterisk.conf")
        pids = [one.pid for one in psutil.process_iter(["cmdline"]) if mark in (one.info["cmdline"] or ())]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        house.kill()

    async def stop(self) -> None:
        for house in self.houses.values():
            await house.stop()
        self.kamailio.stop()
