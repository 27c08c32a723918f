"""What routes are given: the house (from the composition root) and the web's own long-lived objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import Depends
from starlette.requests import HTTPConnection

from hotline.access.accounts import Accounts
from hotline.access.audit import AuditLog
from hotline.agents.call_control import CallControl
from hotline.agents.commands import AgentDesk
from hotline.agents.outbound import Outbound
from hotline.agents.saying import Sayer
from hotline.agents.supervision import SupervisorDesk
from hotline.bus import Bus
from hotline.db import Database
from hotline.ivr.words import Line
from hotline.leadership import Workers
from hotline.settings import Settings
from web.figures import Figures
from web.live import Hub
from web.metrics import Metrics
from web.operations import Operations
from web.render import Renderer


class House(Protocol):
    """What the web needs of `hotline.app.App`; tests build a small one."""

    settings: Settings
    db: Database
    bus: Bus
    accounts: Accounts
    audit: AuditLog
    desk: AgentDesk
    control: CallControl
    outbound: Outbound
    supervision: SupervisorDesk
    sayer: Sayer

    @property
    def lines(self) -> Mapping[str, Line]:
        """Connections for commands, one to each Asterisk, by node."""

    def telephony_state(self) -> str:
        """What the connection that carries commands says of itself: `live` or why not."""

    def unwritten_since(self) -> datetime | None:
        """Since when this process cannot write down what Asterisk tells it; None while it can, or is told nothing."""

    async def workers(self) -> Workers:
        """Who follows Asterisk's events, and who would go on. Raises SQLAlchemyError or OSError without a database."""

    def counters(self) -> Mapping[str, float]:
        """Running totals for /metrics, by metric name without prefix (`ami_messages_total` …)."""


@dataclass(frozen=True, slots=True)
class Web:
    """One web application: kept in app.state.web."""

    house: House
    hub: Hub
    renderer: Renderer
    metrics: Metrics
    figures: Figures
    operations: Operations


def of(connection: HTTPConnection) -> Web:
    web = connection.app.state.web
    assert isinstance(web, Web)  # noqa: S101 - create_app puts it there
    return web


Wired = Annotated[Web, Depends(of)]
