"""The one permission table: action → role → condition. Pure. Pages, sockets and the API ask `can`; nobody else decides.

A route names its action; a route whose action has no row keeps the server from starting (web/auth.py).
Conditions: `any` · `own` (the person's own agent, ticket or call) · `team` (ordinary and child-case files, or own).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

Role = Literal["agent", "supervisor", "caseworker", "administrator"]
Condition = Literal["any", "own", "team"]
ROLES: tuple[Role, ...] = ("agent", "supervisor", "caseworker", "administrator")
TEAM_LEVELS = frozenset({"K1", "K2"})

_STAFF: dict[Role, Condition] = {"agent": "any", "supervisor": "any", "caseworker": "any", "administrator": "any"}
_PHONE: dict[Role, Condition] = {"agent": "own", "supervisor": "own"}
_WRITE: dict[Role, Condition] = {"agent": "own", "caseworker": "own", "supervisor": "any"}
_CASE: dict[Role, Condition] = {"agent": "team", "caseworker": "team", "supervisor": "any"}
_CALLS: dict[Role, Condition] = {"agent": "own", "caseworker": "own", "supervisor": "any"}

TABLE: Mapping[str, Mapping[Role, Condition]] = {
    "home.view": _STAFF,
    "session.close": _STAFF,
    "locale.set": _STAFF,
    "live.connect": _STAFF,
    "metrics.view": {"administrator": "any"},
    "operations.view": {"supervisor": "any", "administrator": "any"},
    "board.view": _STAFF,
    "opening.view": _STAFF,
    "opening.say": {"supervisor": "any"},
    "number.live": {"supervisor": "any"},
    "console.use": _PHONE,
    "phone.use": _PHONE,
    "agent.view": _STAFF,
    "agent.ready": _PHONE,
    "agent.pause": {"agent": "own", "supervisor": "any"},
    "agent.log-off": {"agent": "own", "supervisor": "any"},
    "agent.extend": _PHONE,
    "call.move": _PHONE,
    "call.pick-up": _PHONE,
    "call.dial": _PHONE,
    "call.say": _PHONE,
    "queue.view": _STAFF,
    "call.list": _CALLS,
    "call.view": _CALLS,
    "call.supervise": {"supervisor": "any"},
    "help.ask": _PHONE,
    "recording.play": _CALLS,
    "ticket.list": _CASE,
    "ticket.view": _CASE,
    "ticket.edit": _WRITE,
    "ticket.take": _CASE,
    "ticket.pen": _CASE,
    "ticket.add": _CASE,
    "ticket.close": _WRITE,
    "ticket.discard": _WRITE,
    "ticket.restore": _WRITE,
    "number.reveal": _CASE,
    "prompt.view": {"supervisor": "any", "administrator": "any"},
    "prompt.edit": {"administrator": "any"},
    "message.heard": {"supervisor": "any"},
    "call-back.done": {"agent": "any", "supervisor": "any"},
}

# Open to everybody on purpose: the way in, and what machines watch.
PUBLIC = frozenset({"sign-in", "static", "health", "metrics", "openapi"})


class Subject(Protocol):
    """What a condition looks at. `owners`: accounts and agents it belongs to; `level`: K1–K4 or None."""

    @property
    def owners(self) -> frozenset[UUID]: ...
    @property
    def level(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Owned:
    """A subject by value."""

    owners: frozenset[UUID]
    level: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an account, or a program with a token (then `account_id` is the token's id)."""

    account_id: UUID
    role: Role
    name: str
    locale: str = "zh_CN"
    agent_id: UUID | None = None

    @property
    def ids(self) -> frozenset[UUID]:
        return frozenset({self.account_id} | ({self.agent_id} if self.agent_id else set()))


def condition(actor: Actor, action: str) -> Condition | None:
    """The condition under which the role may act, None if it may not. Raises KeyError for an unknown action."""
    return TABLE[action].get(actor.role)


def can(actor: Actor, action: str, subject: Subject | None = None) -> bool:
    """Whether this person may do this to that. Without a subject: whether there is anything they may do it to."""
    match condition(actor, action):
        case None:
            return False
        case "any":
            return True
        case "own":
            return subject is None or bool(actor.ids & subject.owners)
        case "team":
            return subject is None or subject.level in TEAM_LEVELS or bool(actor.ids & subject.owners)
