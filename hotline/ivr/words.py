"""A supervisor's word on the hours: sent to every Asterisk, and taken in from what they say of it. Never commits."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import structlog
from sqlalchemy import select

from hotline.access.models import Account
from hotline.clock import now
from hotline.db import Database, Tx
from hotline.errors import Invalid, TelephonyError
from hotline.events import OpeningSaid
from hotline.ivr.models import OpeningWord
from hotline.ivr.switch import STATES, Word, read
from hotline.telephony import actions
from hotline.telephony.actions import Command

log = structlog.get_logger()
LONGEST: Final = timedelta(days=31)
_NEWEST = select(OpeningWord).order_by(OpeningWord.at.desc(), OpeningWord.id.desc()).limit(1)


class Line(Protocol):
    """A connection for commands to one Asterisk."""

    async def send(self, command: Command) -> Mapping[str, Any]: ...


class Lists(Protocol):
    """A connection that reads lists of one Asterisk."""

    async def collect(self, command: Command) -> Iterable[Mapping[str, str]]: ...


@dataclass(frozen=True, slots=True)
class Said:
    """`name`: of the account; None for a PIN, which has its own."""

    word: Word
    name: str | None


async def say(lines: Mapping[str, Line], word: Word) -> None:
    """To every node; each tells it back. Raises Invalid, and TelephonyError when none of them heard it.

    A node that is away now is told by its worker when it comes back.
    """
    if word.state not in STATES:
        raise Invalid("Choose open, closed, emergency or the calendar.")
    if word.until is not None and not timedelta(0) < word.until - word.at <= LONGEST:
        raise Invalid("Choose an end that is still to come, a month away at most.")
    until = 0 if word.until is None else int(word.until.timestamp())
    command = actions.switch_set(word.state, until, int(word.at.timestamp()), word.way, word.by)
    refused: TelephonyError | None = None
    heard = 0
    for node, line in lines.items():
        try:
            await line.send(command)
            heard += 1
        except TelephonyError as error:
            log.warning("opening.not said", node=node, error=error.message)
            refused = error
    if refused is not None and not heard:
        raise refused


async def newest(tx: Tx) -> Word | None:
    """The last word, whether or not its time is over."""
    row = await tx.session.scalar(_NEWEST)
    return None if row is None else Word(row.state, row.until, row.at, row.way, row.by)


async def latest(tx: Tx, count: int = 20) -> list[Said]:
    """The newest first, with the names of accounts."""
    rows = list(await tx.session.scalars(_NEWEST.limit(count)))
    names = {
        account.id.hex: account.name
        for account in await tx.session.scalars(
            select(Account).where(Account.id.in_({UUID(row.by) for row in rows if row.way == "web"}))
        )
    }
    return [Said(Word(row.state, row.until, row.at, row.way, row.by), names.get(row.by)) for row in rows]


async def take_in(tx: Tx, word: Word, node: str) -> None:
    """A word that an Asterisk has. Known already: nothing."""
    known = select(OpeningWord.id).where(
        OpeningWord.at == word.at, OpeningWord.way == word.way, OpeningWord.by == word.by
    )
    if await tx.session.scalar(known) is not None:
        return
    row = OpeningWord(state=word.state, until=word.until, at=word.at, way=word.way, by=word.by, node=node)
    tx.session.add(row)
    await tx.session.flush()
    key = f"opening:{int(word.at.timestamp())}:{word.way}:{word.by}"
    tx.emit(
        OpeningSaid(at=word.at, dedupe_key=key, state=word.state, until=word.until, way=word.way, by=word.by, node=node)
    )


async def agree(db: Database, lists: Lists, line: Line | None, node: str) -> Word | None:
    """This node's Asterisk and the rows: whoever knows a later word tells the other. Returns the latest."""
    kept: Word | None = None
    with suppress(TelephonyError):  # refused: there is none
        for row in await lists.collect(actions.switch()):
            kept = read(row.get("Val", ""))
    async with db.read() as tx:
        ours = await newest(tx)
    if kept is not None and (ours is None or ours.at < kept.at):
        async with db.write() as tx:
            await take_in(tx, kept, node)
        return kept
    if line is None or ours is None or not (ours.is_in_force(now()) if kept is None else kept.at < ours.at):
        return ours
    with suppress(TelephonyError):
        await say({node: line}, ours)
    return ours
