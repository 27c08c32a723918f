"""What the command line does to the store (open it, add an account or take its shape back, close it; the demo start's
accounts too), and to hours.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hotline import leadership, migrate
from hotline.access import accounts
from hotline.access.accounts import Passwords
from hotline.agents import service as agents
from hotline.app import prepare_data_dir
from hotline.clock import now
from hotline.db import Database, Tx
from hotline.errors import Invalid, StartupError, TelephonyError
from hotline.ids import new_password
from hotline.ivr import opening, render
from hotline.ivr.switch import Word, read
from hotline.settings import Settings
from hotline.telephony.asterisk import Asterisk
from hotline.telephony.files import write_file

DEMO_FILE = "demo-accounts.txt"
_DEMO = (
    ("agent1", "agent", "1001"),
    ("agent2", "agent", "1002"),
    ("supervisor", "supervisor", "1000"),
    ("caseworker", "caseworker", None),
    ("administrator", "administrator", None),
)
WITH_PHONE = frozenset({"agent", "supervisor"})


async def add_user(settings: Settings, name: str, role: str, extension: str | None, password: str | None) -> str:
    """Returns the password, a made one if none was given. Raises Invalid, Conflict."""
    if extension is not None and role not in WITH_PHONE:
        raise Invalid(f"Only {' and '.join(sorted(WITH_PHONE))} have a phone: leave out --extension.")
    if password is not None:
        accounts.check_password(name, password)
    secret = password or new_password()
    async with _store(settings) as db:
        hashed = await Passwords().hash(secret)
        async with db.write() as tx:
            await _add(tx, name, role, extension, hashed)
    return secret


async def add_token(settings: Settings, name: str, role: str) -> str:
    """Returns the key. Raises Invalid, Conflict."""
    async with _store(settings) as db, db.write() as tx:
        return await accounts.add_token(tx, name, role, now())


async def ensure_demo_accounts(db: Database, settings: Settings) -> str | None:
    """Make the demo accounts once; returns what to print, None if they are there. Kept in the data directory."""
    async with db.read() as tx:
        if await accounts.by_name(tx, _DEMO[0][0]) is not None:
            return None
    made = [(name, role, extension, new_password()) for name, role, extension in _DEMO]
    passwords = Passwords()
    hashes = [await passwords.hash(secret) for *_rest, secret in made]
    text = "".join(f"{name:<14} {secret}  ({role})\n" for name, role, _extension, secret in made)
    async with db.write() as tx:
        await tx.in_turn("demo accounts")  # a console and a worker that start together: the first one's are used
        if await accounts.by_name(tx, _DEMO[0][0]) is not None:
            return None
        # The file first: an account whose password nobody can know would lock the demo for good.
        write_file(settings.data_dir.resolve() / DEMO_FILE, text)
        for (name, role, extension, _secret), hashed in zip(made, hashes, strict=True):
            await _add(tx, name, role, extension, hashed)
    return text


async def _add(tx: Tx, name: str, role: str, extension: str | None, hashed: str) -> None:
    at = now()
    account = await accounts.add_user(tx, name, role, hashed, at)
    if role in WITH_PHONE:
        await agents.add_agent(tx, account.id, account.name, at, extension)


async def take_back(settings: Settings, revision: str, *, is_meant: bool) -> list[str]:
    """The database back to the shape of an earlier version, if `is_meant`. Returns what is lost by it, one line each.

    Raises StartupError, also while a worker is at work: it needs the newer shape.
    """
    lost = await migrate.lost_by(settings.store_url, revision)
    db = Database(settings.store_url)
    try:
        found = await leadership.workers(db, settings.node, settings.data_dir.resolve())
    finally:
        await db.close()
    if found.leader or found.standby:
        raise StartupError(f"{found.leader or found.standby} is at work: stop every process of ours first; calls go on")
    if is_meant:
        await migrate.downgrade(settings.store_url, revision)
    return lost


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[Database]:
    prepare_data_dir(settings)
    await migrate.upgrade(settings.store_url)
    db = Database(settings.store_url)
    try:
        yield db
    finally:
        await db.close()


async def opening_word(settings: Settings) -> Word | None:
    """A supervisor's word on the hours, as Asterisk has it; None without one, and while it does not run."""
    asterisk = Asterisk(settings, {})
    if not asterisk.alive():
        return None
    try:
        said = await asterisk.cli("database get hl switch")
    except TelephonyError:
        return None
    return read(said.partition("Value:")[2])


async def set_opening(settings: Settings, text: str) -> opening.Found:
    """These opening hours from now on, for every call that comes; calls that are up go on.

    Raises Invalid for hours that make no sense and TelephonyError when Asterisk did not take them; nothing is changed
    then.
    """
    prepare_data_dir(settings)
    file = settings.data_dir / opening.FILE
    was = file.read_text("utf-8") if file.exists() else None
    try:
        opening.adopt(settings.data_dir, text)
    except ValueError as error:
        raise Invalid(str(error)) from None
    try:
        await Asterisk(settings, render.texts(settings)).reload_hours(render.hours_text(settings))
    except BaseException:
        if was is None:
            file.unlink()
        else:
            write_file(file, was)
        raise
    opening.keep(settings.data_dir)
    return opening.find(settings.data_dir)
