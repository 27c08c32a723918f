"""Which Asterisk is told what people ask for: the node whose turn it is. One connection for commands to each.

A console has one to every node, a worker to its own alone: it commands only while that has the agents.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hotline.calls import nodes
from hotline.db import Database
from hotline.settings import Settings
from hotline.telephony.actions import Command
from hotline.telephony.client import AmiClient

log = structlog.get_logger()
_LOOK_S = 0.5


class Switchboard:
    """`own`: the connection to this machine's Asterisk. `is_worker`: it is the only one."""

    def __init__(self, settings: Settings, db: Database, secret: str, *, is_worker: bool) -> None:
        self._settings, self._db = settings, db
        self.node = settings.node
        ports = {settings.node: settings.ami_port} if is_worker else settings.manager_ports
        self.clients = {
            name: AmiClient(
                host="127.0.0.1",
                port=port,
                user="actions",
                secret=secret,
                name="actions" if name == settings.node else f"actions_{name}",
            )
            for name, port in ports.items()
        }
        self.own = self.clients[settings.node]

    @property
    def state(self) -> str:
        """Of the connection to the node whose turn it is."""
        return self.clients[self.node].state

    def active(self) -> str:
        """The node whose turn it was at the last look."""
        return self.node

    async def send(self, command: Command) -> Mapping[str, Any]:
        """Raises TelephonyError."""
        return await self.clients[self.node].send(command)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for name, client in self.clients.items():
                tasks.create_task(client.run(), name=f"ami.actions.{name}")
            if len(self.clients) > 1:
                tasks.create_task(self._follow(), name="turn")

    async def _follow(self) -> None:
        while True:
            with suppress(SQLAlchemyError, OSError):
                await self.look()
            await asyncio.sleep(_LOOK_S)

    async def look(self) -> None:
        """Whose turn it is. Raises SQLAlchemyError or OSError."""
        async with self._db.read() as tx:
            found = await nodes.active(tx, self._settings)
        if found != self.node:
            log.warning("switchboard.turn", node=found, before=self.node)
            self.node = found
