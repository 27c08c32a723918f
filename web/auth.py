"""Who is it, and may they: session cookie or bearer token, forged requests, and the check that no route is unguarded.

A route depends on `require("action")`, its row in the permission table, or on `public("…")`. Conditions on a subject
(own, team) are asked by the route with `permit`, once it knows the subject.
"""

import asyncio
import hmac
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends
from fastapi.routing import iter_route_contexts
from sqlalchemy import bindparam, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.websockets import WebSocket

from hotline.access import accounts
from hotline.access.audit import Access
from hotline.access.permissions import PUBLIC, TABLE, Actor, Subject, can
from hotline.agents.models import Agent
from hotline.clock import now
from hotline.errors import HotlineError, NotAllowed, NotFound, NotSignedIn, StartupError
from hotline.labels import N_
from hotline.settings import Settings
from web import deps
from web.forms import read_form
from web.live import Alive
from web.screens import EXPIRED, NOT_SIGNED_IN, ORIGIN, POLICY

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_TOUCH_S = 0.5
_AGENT_OF = select(Agent.id).where(Agent.account_id == bindparam("account"))
_AGENTS_OF = select(Agent.account_id, Agent.id).where(Agent.account_id.in_(bindparam("accounts", expanding=True)))


class SessionExpired(NotSignedIn):
    """There was a session or token; it is over."""

    code = "session-expired"


class ForgedRequest(NotAllowed):
    """A form without the page's token: from elsewhere, or from a page of an earlier session."""

    code = "csrf"


class ForeignOrigin(NotAllowed):
    """Asked by a page that is not ours."""

    code = "origin"


@dataclass(frozen=True, slots=True)
class Signed:
    """Somebody known. `csrf`: None for programs with a token, which no foreign page can make send anything."""

    actor: Actor
    credential_id: UUID
    csrf: str | None


class Require:
    """A dependency that is also the route's row: who comes in may do `action` to something."""

    def __init__(self, action: str) -> None:
        self.action = action

    async def __call__(self, connection: HTTPConnection) -> Signed:
        web = deps.of(connection)
        if isinstance(connection, WebSocket):
            _check_origin(connection, web.house.settings)
        signed = await identify(connection, web.house)
        connection.state.signed = signed
        if isinstance(connection, Request) and signed.csrf is not None and connection.method not in _SAFE:
            await _check_csrf(connection, signed.csrf)
        permit(signed, self.action)
        return signed


class Public:
    """A route that is open to everybody on purpose."""

    def __init__(self, what: str) -> None:
        self.what = what

    async def __call__(self) -> None:
        return None


def require(action: str) -> Any:
    return Depends(Require(action))


def public(what: str) -> Any:
    return Depends(Public(what))


def permit(signed: Signed, action: str, subject: Subject | None = None, *, hide: bool = True) -> None:
    """Raises NotAllowed; for a subject NotFound: whether there is such a thing is no business of theirs either.

    `hide` False: they see it anyway (an agent on the board), so the refusal may say so.
    """
    if can(signed.actor, action, subject):
        return
    if hide and subject is not None and can(signed.actor, action):
        raise NotFound("There is nothing here for you.")
    raise NotAllowed("Your role may not do this.")


async def trace(web: deps.Web, signed: Signed, action: str, subject: str, **detail: str) -> None:
    """Who read what. Written before the answer leaves."""
    await web.house.audit.record(Access(now(), signed.actor.name, action, subject, detail))


def check_routes(routes: Iterable[BaseRoute]) -> None:
    """Raises StartupError unless every route has exactly one row of the table, or a public mark."""
    for context in iter_route_contexts(list(routes)):
        route = context.original_route
        name = f"{','.join(sorted(context.methods or ())) or type(route).__name__} {context.path}"
        if isinstance(route, Mount):
            marks = [route.name] if route.name in PUBLIC else []
        else:
            marks = list(_marks(getattr(context, "dependant", None)))
        if len(marks) != 1:
            raise StartupError(f"route {name} must name one action of the permission table, it names {marks or 'none'}")
        if marks[0] not in TABLE and marks[0] not in PUBLIC:
            raise StartupError(f"route {name}: the permission table has no row for {marks[0]!r}")


def _marks(dependant: Any) -> Iterable[str]:
    for part in getattr(dependant, "dependencies", ()):
        match part.call:
            case Require() as guard:
                yield guard.action
            case Public() as door:
                yield door.what
        yield from _marks(part)


# -- credentials


def cookie_name(settings: Settings) -> str:
    return "__Host-hotline" if settings.secure_cookies else "hotline"


def set_cookie(response: Response, settings: Settings, token: str) -> None:
    """A session cookie: gone with the browser, limits are the server's."""
    response.set_cookie(
        cookie_name(settings), token, path="/", httponly=True, samesite="lax", secure=settings.secure_cookies
    )


def drop_cookie(response: Response, settings: Settings) -> None:
    response.delete_cookie(
        cookie_name(settings), path="/", httponly=True, samesite="lax", secure=settings.secure_cookies
    )


async def identify(connection: HTTPConnection, house: deps.House) -> Signed:
    """Raises NotSignedIn without a credential, SessionExpired with one that is over."""
    scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip():
        found = await _by_token(house, bearer.strip())
    else:
        token = session_token(connection, house.settings)
        if not token:
            raise NotSignedIn("Sign in first.")
        found = await _by_session(house, token)
    if found is None:
        raise SessionExpired(N_("Your session is over. Sign in again; what you typed is kept on this page."))
    return found


def session_token(connection: HTTPConnection, settings: Settings) -> str:
    return connection.cookies.get(cookie_name(settings), "")


# -- requests that somebody else's page makes


def is_foreign(connection: HTTPConnection, settings: Settings) -> bool | None:
    """Whether another site's page asks; None if the browser or program does not say."""
    origin = connection.headers.get("origin")
    if origin is None:
        return None
    if origin in {allowed.strip() for allowed in settings.origins.split(",")}:
        return False
    parts = urlsplit(origin)
    host = connection.headers.get("host", "").lower()
    return parts.scheme not in {"http", "https"} or parts.netloc.lower() != host


def _check_origin(socket: WebSocket, settings: Settings) -> None:
    """Browsers always say where a socket's page comes from; only a program with a token may be silent."""
    foreign = is_foreign(socket, settings)
    if foreign or (foreign is None and "authorization" not in socket.headers):
        raise ForeignOrigin(N_("This page may not open a connection here."))


async def _check_csrf(request: Request, expected: str) -> None:
    given = request.headers.get("x-csrf-token")
    if given is None and request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        given = (await read_form(request)).get("csrf")
    if given is None or not hmac.compare_digest(given.encode(), expected.encode()):
        raise ForgedRequest(N_("This page is from an earlier session or another site. Load it again."))


def close_code(error: HotlineError) -> int:
    """What a refused socket is closed with."""
    return _CLOSE_CODES.get(type(error), POLICY)


_CLOSE_CODES: Mapping[type[HotlineError], int] = {
    NotSignedIn: NOT_SIGNED_IN,
    SessionExpired: EXPIRED,
    ForeignOrigin: ORIGIN,
}


async def _by_session(house: deps.House, token: str) -> Signed | None:
    at = now()
    async with house.db.read() as tx:
        who = await accounts.by_cookie(tx, token, at)
        if who is None:
            return None
        agent_id = await tx.session.scalar(_AGENT_OF, {"account": who.account_id})
    if who.is_stale:
        await _touch(house, [who.credential_id], at)
    return Signed(_actor(who, agent_id), who.credential_id, who.csrf)


async def _touch(house: deps.House, session_ids: Collection[UUID], at: datetime) -> None:
    """Somebody is there. A store that takes no writes now keeps nobody from reading: the next request notes it."""
    with suppress(SQLAlchemyError, OSError):
        async with asyncio.timeout(_TOUCH_S), house.db.write() as tx:
            await accounts.touch(tx, session_ids, at)


async def _by_token(house: deps.House, secret: str) -> Signed | None:
    async with house.db.read() as tx:
        who = await accounts.by_bearer(tx, secret)
    return Signed(_actor(who, None), who.credential_id, None) if who else None


def alive_in(house: deps.House) -> Alive:
    """What the hub asks about open sockets: who of these credentials is still good, as whom.

    An open page is somebody at work: typing that cannot be sent, a night without a call, a display on a wall. Its
    session does not become idle; the absolute limit stays.
    """

    async def alive(credential_ids: Collection[UUID]) -> Mapping[UUID, Actor]:
        at = now()
        async with house.db.read() as tx:
            found = await accounts.alive(tx, credential_ids, at)
            people = [who.account_id for who in found.values()]
            rows = await tx.session.execute(_AGENTS_OF, {"accounts": people})
            agents = dict(rows.all())
        if stale := [who.credential_id for who in found.values() if who.is_stale]:
            await _touch(house, stale, at)
        return {key: _actor(who, agents.get(who.account_id)) for key, who in found.items()}

    return alive


def _actor(who: accounts.Who, agent_id: UUID | None) -> Actor:
    return Actor(who.account_id, who.role, who.name, who.locale, agent_id)
