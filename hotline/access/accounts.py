"""Who may come in: accounts and passwords, signed-in browsers, programs with a key.

Functions take a transaction first and never commit. Hashing costs a tenth of a second and 64 MiB, so it runs in a
thread, few at once and outside any write transaction: `Accounts.sign_in` takes the database and does it in that order.
Cookies and bearer tokens are kept as SHA-256 only.
"""

import asyncio
import hashlib
import math
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import structlog
from limits import RateLimitItem, WindowStats, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers import HasherProtocol
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import CursorResult, bindparam, or_, select, update

from hotline.access.models import Account, ApiToken, SignInSession
from hotline.access.permissions import ROLES, Role
from hotline.db import Database, Tx
from hotline.errors import Conflict, Invalid, NotFound, NotSignedIn, TooManyAttempts
from hotline.events import SignedIn, SignedOut
from hotline.ids import new_id, new_token

log = structlog.get_logger()

IDLE = timedelta(hours=4)  # a quiet night shift is not an absence
ABSOLUTE = timedelta(hours=14)  # one long shift with its hand-over
TOUCH_EVERY = timedelta(minutes=1)
LOCALES = ("zh_CN", "en")
_NAME = re.compile(r"[^\W_](?:[\w.-]{0,30}[^\W_])?")
_SHORTEST, _LONGEST = 8, 256
_TOKEN_CHARS = 128
# Asked at every request, so built once: building a statement costs more than running it.
_GOOD = (
    select(SignInSession, Account)
    .join(Account, Account.id == SignInSession.account_id)
    .where(
        SignInSession.ended_at.is_(None),
        SignInSession.expires_at > bindparam("now"),
        SignInSession.seen_at > bindparam("idle_since"),
        Account.is_active.is_(True),
    )
)
_BY_COOKIE = _GOOD.where(SignInSession.token_hash == bindparam("token"))
_ALIVE = _GOOD.where(SignInSession.id.in_(bindparam("ids", expanding=True)))
_TOKENS_ALIVE = select(ApiToken).where(ApiToken.id.in_(bindparam("ids", expanding=True)), ApiToken.revoked_at.is_(None))


@dataclass(frozen=True, slots=True)
class Who:
    """A credential that is good now. A program has no `csrf` and no end, and its `account_id` is its token's.

    `is_stale`: its use was last written down over a minute ago: `touch` it.
    """

    credential_id: UUID
    account_id: UUID
    name: str
    role: Role
    locale: str
    csrf: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class NewSession:
    """A sign-in that succeeded. `token` goes into the cookie and is not kept."""

    who: Who
    token: str = field(repr=False)


class Passwords:
    """argon2id. `hasher` is cheap in tests; `at_once` bounds memory and leaves a core for calls."""

    def __init__(self, hasher: HasherProtocol | None = None, *, at_once: int = 2) -> None:
        self._hash = PasswordHash((hasher or Argon2Hasher(),))
        self._turn = asyncio.Semaphore(at_once)
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(self._hash.hash, password)

    async def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether it fits, and a better hash where the stored one is weaker than today's. None costs the same work."""
        async with self._turn:
            return await asyncio.to_thread(self._verify, password, stored)

    def _verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        if self._decoy is None:
            self._decoy = self._hash.hash(new_token())
        if len(password) <= _LONGEST and stored is not None:
            try:
                return self._hash.verify_and_update(password, stored)
            except PwdlibError:
                log.warning("accounts.hash unreadable")
        self._hash.verify(password[:_LONGEST], self._decoy)
        return False, None


class Attempts:
    """Counts wrong passwords, by account and by address, over all web processes when Redis is there.

    While Redis is away each process counts alone. A whole office may share one address: its limit is wide.
    """

    def __init__(
        self, redis_url: str = "", *, per_account: str = "10/5 minutes", per_address: str = "50/5 minutes"
    ) -> None:
        self._account, self._address = parse(per_account), parse(per_address)
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._shared = FixedWindowRateLimiter(_redis(redis_url)) if redis_url else None

    async def begin(self, name: str, address: str, at: datetime) -> None:
        """Before a password is looked at: tries in parallel gain nothing. Raises TooManyAttempts."""
        if not await self._do("test", self._address, address):
            await self._refuse(self._address, address, at)
        if not await self._do("hit", self._account, name):
            await self._refuse(self._account, name, at)

    async def failed(self, address: str) -> None:
        await self._do("hit", self._address, address)

    async def succeeded(self, name: str) -> None:
        await self._do("clear", self._account, name)

    async def close(self) -> None:
        """Let go of Redis."""
        if self._shared is not None:
            bridge: Any = cast(RedisStorage, self._shared.storage).bridge
            await bridge.get_connection().aclose()

    async def _refuse(self, item: RateLimitItem, key: str, at: datetime) -> None:
        stats: WindowStats = await self._do("get_window_stats", item, key)
        wait = max(1, math.ceil(stats.reset_time - at.timestamp()))
        raise TooManyAttempts("Too many attempts. Wait a while, then try again.", retry_after_s=wait)

    async def _do(self, what: str, item: RateLimitItem, key: str) -> Any:
        for limiter in (self._shared, self._own):
            if limiter is None:
                continue
            try:
                return await getattr(limiter, what)(item, _hashed(key))
            except StorageError as error:
                log.warning("accounts.limits without Redis", error=type(error).__name__)
        raise AssertionError("the process's own memory does not fail")


class Accounts:
    """What sign-in needs beyond rows: hashing and the counters of attempts. One a process."""

    def __init__(
        self, *, redis_url: str = "", passwords: Passwords | None = None, attempts: Attempts | None = None
    ) -> None:
        self.passwords = passwords or Passwords()
        self.attempts = attempts or Attempts(redis_url)

    async def sign_in(self, db: Database, name: str, password: str, address: str, at: datetime) -> NewSession:
        """Raises TooManyAttempts, or NotSignedIn with the same words for a wrong name and a wrong password."""
        known = normal_name(name)[:64]
        await self.attempts.begin(known, address, at)
        async with db.read() as tx:
            account = await by_name(tx, known)
        stored = account.password_hash if account is not None and account.is_active else None
        fits, better = await self.passwords.verify(password, stored)
        if not fits or account is None:
            await self.attempts.failed(address)
            raise NotSignedIn("The name or the password is wrong.")
        await self.attempts.succeeded(known)
        async with db.write() as tx:
            return await open_session(tx, account.id, at, better_hash=better)


def normal_name(name: str) -> str:
    """One spelling a name: full-width letters, capitals and outer spaces make no second account."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def check_password(name: str, password: str) -> None:
    """Raises Invalid."""
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise Invalid(f"A password has {_SHORTEST} to {_LONGEST} characters.", field="password")
    if normal_name(password) == normal_name(name):
        raise Invalid("The password must not be the name.", field="password")


async def add_user(tx: Tx, name: str, role: str, password_hash: str, at: datetime) -> Account:
    """A new account; hash first (Passwords.hash), outside the transaction. Raises Invalid, or Conflict if it exists."""
    known = normal_name(name)
    if not _NAME.fullmatch(known):
        raise Invalid("A name is 1 to 32 letters, digits, dots, hyphens or underscores.", field="name")
    _check_role(role)
    if await by_name(tx, known) is not None:
        raise Conflict("There is an account with this name already.")
    account = Account(name=known, role=role, password_hash=password_hash, created_at=at)
    tx.session.add(account)
    await tx.session.flush()
    return account


async def by_name(tx: Tx, name: str) -> Account | None:
    return (await tx.session.scalars(select(Account).where(Account.name == normal_name(name)))).one_or_none()


async def set_password(tx: Tx, account_id: UUID, password_hash: str, at: datetime) -> None:
    """Ends every session that the old password opened."""
    account = await _account(tx, account_id)
    account.password_hash = password_hash
    await revoke_sessions(tx, account_id, at)


async def set_locale(tx: Tx, account_id: UUID, locale: str) -> None:
    if locale not in LOCALES:
        raise Invalid("There is no such language.", field="locale")
    (await _account(tx, account_id)).locale = locale


async def deactivate(tx: Tx, account_id: UUID, at: datetime) -> None:
    """The person may not sign in any more and is signed out everywhere. Nothing of theirs is deleted."""
    (await _account(tx, account_id)).is_active = False
    await revoke_sessions(tx, account_id, at)


async def open_session(
    tx: Tx, account_id: UUID, at: datetime, *, lasts: timedelta = ABSOLUTE, better_hash: str | None = None
) -> NewSession:
    """A signed-in browser. Raises NotSignedIn if the account was closed meanwhile."""
    account = await _account(tx, account_id)
    if not account.is_active:
        raise NotSignedIn("The name or the password is wrong.")
    if better_hash is not None:
        account.password_hash = better_hash
    token = new_token()
    row = SignInSession(
        id=new_id(), account_id=account.id, token_hash=_hashed(token), csrf=new_token(),
        created_at=at, seen_at=at, expires_at=at + lasts,
    )  # fmt: skip
    tx.session.add(row)
    await tx.session.flush()
    tx.emit(SignedIn(at=at, dedupe_key=f"session:{row.id}:in", account_id=account.id))
    return NewSession(_who(row, account, at), token)


async def by_cookie(tx: Tx, token: str, at: datetime, *, idle: timedelta = IDLE) -> Who | None:
    """The session of a cookie, None if there is none that is good now."""
    if not 0 < len(token) <= _TOKEN_CHARS:
        return None
    values = {"token": _hashed(token), "now": at, "idle_since": at - idle}
    row = (await tx.session.execute(_BY_COOKIE, values)).one_or_none()
    return _who(row[0], row[1], at) if row else None


async def by_bearer(tx: Tx, secret: str) -> Who | None:
    """The program of a key, None if it is unknown or revoked."""
    if not 0 < len(secret) <= _TOKEN_CHARS:
        return None
    found = select(ApiToken).where(ApiToken.token_hash == _hashed(secret), ApiToken.revoked_at.is_(None))
    row = (await tx.session.scalars(found)).one_or_none()
    return _program(row) if row else None


async def alive(tx: Tx, credential_ids: Collection[UUID], at: datetime, *, idle: timedelta = IDLE) -> dict[UUID, Who]:
    """Those that are still good, sessions and programs alike: two statements however many."""
    ids = list(credential_ids)
    sessions = await tx.session.execute(_ALIVE, {"ids": ids, "now": at, "idle_since": at - idle})
    found = {row.id: _who(row, account, at) for row, account in sessions}
    return found | {row.id: _program(row) for row in await tx.session.scalars(_TOKENS_ALIVE, {"ids": ids})}


async def touch(tx: Tx, session_ids: Collection[UUID], at: datetime) -> None:
    """Somebody is there. Writes at most once a minute and session."""
    await tx.session.execute(
        update(SignInSession)
        .where(SignInSession.id.in_(session_ids), SignInSession.seen_at <= at - TOUCH_EVERY)
        .values(seen_at=at)
    )


async def sign_out(tx: Tx, session_id: UUID, at: datetime, why: str = "asked") -> bool:
    """False if it had ended already: then nothing happens."""
    ended = await tx.session.execute(
        update(SignInSession)
        .where(SignInSession.id == session_id, SignInSession.ended_at.is_(None))
        .values(ended_at=at)
    )
    if cast(CursorResult[object], ended).rowcount != 1:
        return False
    account_id = await tx.session.scalar(select(SignInSession.account_id).where(SignInSession.id == session_id))
    event = SignedOut(at=at, dedupe_key=f"session:{session_id}:out", account_id=cast(UUID, account_id), why=why)
    tx.emit(event)
    return True


async def revoke_sessions(tx: Tx, account_id: UUID, at: datetime) -> int:
    """Signs the person out everywhere. Returns from how many browsers."""
    own = select(SignInSession.id).where(SignInSession.account_id == account_id, SignInSession.ended_at.is_(None))
    ids = list(await tx.session.scalars(own))
    for session_id in ids:
        await sign_out(tx, session_id, at, "revoked")
    return len(ids)


async def expire_sessions(tx: Tx, at: datetime, *, idle: timedelta = IDLE) -> int:
    """Ends what is over by time, for the trail: such a session lets nobody in anyway. Returns how many."""
    due = await tx.session.scalars(
        select(SignInSession).where(
            SignInSession.ended_at.is_(None),
            or_(SignInSession.expires_at <= at, SignInSession.seen_at <= at - idle),
        )
    )
    rows = list(due)
    for row in rows:
        await sign_out(tx, row.id, at, "absolute" if row.expires_at <= at else "idle")
    return len(rows)


async def add_token(tx: Tx, name: str, role: str, at: datetime) -> str:
    """A program's key, to be shown once. Raises Invalid, or Conflict if the name exists."""
    if not _NAME.fullmatch(name):
        raise Invalid("A name is 1 to 32 letters, digits, dots, hyphens or underscores.", field="name")
    _check_role(role)
    if (await tx.session.scalars(select(ApiToken.id).where(ApiToken.name == name))).first() is not None:
        raise Conflict("There is a token with this name already.")
    secret = new_token()
    tx.session.add(ApiToken(name=name, role=role, token_hash=_hashed(secret), created_at=at))
    await tx.session.flush()
    return secret


async def revoke_token(tx: Tx, name: str, at: datetime) -> None:
    """Raises NotFound if no such key is good now."""
    good = update(ApiToken).where(ApiToken.name == name, ApiToken.revoked_at.is_(None)).values(revoked_at=at)
    if cast(CursorResult[object], await tx.session.execute(good)).rowcount != 1:
        raise NotFound("There is no such token.")


async def _account(tx: Tx, account_id: UUID) -> Account:
    account = await tx.session.get(Account, account_id)
    if account is None:
        raise NotFound("There is no such account.")
    return account


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Invalid(f"A role is one of {', '.join(ROLES)}.", field="role")


def _who(row: SignInSession, account: Account, at: datetime) -> Who:
    return Who(
        credential_id=row.id, account_id=account.id, name=account.name, role=cast(Role, account.role),
        locale=account.locale, csrf=row.csrf, expires_at=row.expires_at, is_stale=at - row.seen_at >= TOUCH_EVERY,
    )  # fmt: skip


def _program(row: ApiToken) -> Who:
    return Who(credential_id=row.id, account_id=row.id, name=row.name, role=cast(Role, row.role), locale="en")


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _redis(url: str) -> RedisStorage:
    scheme = "async+redis+" if url.startswith("unix:") else "async+"
    return RedisStorage(
        scheme + url, wrap_exceptions=True, implementation="redispy", socket_timeout=2, socket_connect_timeout=2
    )
