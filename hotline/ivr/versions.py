"""An administrator's own prompts: kept, chosen, taken back. Never commits. What Asterisk plays: hotline.ivr.laying."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select
from sqlalchemy.orm import undefer

from hotline.access.models import Account
from hotline.access.permissions import Actor
from hotline.db import Tx
from hotline.errors import Conflict, Invalid, NotFound
from hotline.events import PromptChosen
from hotline.ivr import prompts
from hotline.ivr.models import PromptChoice, PromptVersion
from hotline.labels import N_

if TYPE_CHECKING:  # numpy is loaded by whoever makes sound
    from hotline.ivr.studio import Sound

OURS: Final = 0
MADE: Final = frozenset({"uploaded", "recorded"})
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Version:
    """`who`: the account's name."""

    number: int
    made: str
    at: datetime
    who: str
    duration_ms: int


async def chosen(tx: Tx) -> dict[str, int]:
    """Version in force by prompt; a prompt that is not named has ours."""
    rows = await tx.session.execute(select(PromptChoice.prompt_id, PromptChoice.number))
    return {prompt_id: number for prompt_id, number in rows if number != OURS}


async def listed(tx: Tx, prompt_id: str) -> list[Version]:
    """Newest first, without ours. Raises NotFound."""
    _known(prompt_id)
    rows = await tx.session.execute(
        select(PromptVersion.number, PromptVersion.made, PromptVersion.at, Account.name, PromptVersion.duration_ms)
        .outerjoin(Account, Account.id == PromptVersion.account_id)
        .where(PromptVersion.prompt_id == prompt_id)
        .order_by(PromptVersion.number.desc())
    )
    return [Version(number, made, at, who or "", length) for number, made, at, who, length in rows]


async def sound(tx: Tx, prompt_id: str, number: int) -> PromptVersion:
    """With its sound. Raises NotFound."""
    row = await tx.session.scalar(
        select(PromptVersion)
        .where(PromptVersion.prompt_id == prompt_id, PromptVersion.number == number)
        .options(undefer(PromptVersion.narrow), undefer(PromptVersion.wide))
    )
    if row is None:
        raise NotFound("There is no such version of the prompt.")
    return row


async def add(tx: Tx, prompt_id: str, new: "Sound", made: str, *, actor: Actor, at: datetime) -> int:
    """Keeps it as the newest version and puts it in force. Raises NotFound, Invalid, Conflict."""
    _known(prompt_id)
    if made not in MADE:
        raise Invalid("A sound is uploaded or recorded.")
    await tx.in_turn(f"prompt {prompt_id}")
    latest = select(func.max(PromptVersion.number)).where(PromptVersion.prompt_id == prompt_id)
    number = (await tx.session.scalar(latest) or OURS) + 1
    if number > _MOST:
        raise Conflict(N_("This prompt has too many versions already."))
    tx.session.add(
        PromptVersion(
            prompt_id=prompt_id, number=number, made=made, account_id=actor.account_id, at=at,
            duration_ms=new.duration_ms, narrow=new.narrow, wide=new.wide,
        )
    )  # fmt: skip
    await _choose(tx, prompt_id, number, actor, at)
    return number


async def choose(tx: Tx, prompt_id: str, number: int, actor: Actor, at: datetime) -> None:
    """From now on callers hear this version; 0 is ours. Raises NotFound."""
    _known(prompt_id)
    await tx.in_turn(f"prompt {prompt_id}")
    if number != OURS:
        found = select(PromptVersion.number).where(PromptVersion.prompt_id == prompt_id, PromptVersion.number == number)
        if await tx.session.scalar(found) is None:
            raise NotFound("There is no such version of the prompt.")
    await _choose(tx, prompt_id, number, actor, at)


async def _choose(tx: Tx, prompt_id: str, number: int, actor: Actor, at: datetime) -> None:
    row = await tx.session.get(PromptChoice, prompt_id)
    if row is None:
        row = PromptChoice(prompt_id=prompt_id, number=OURS, at=at)
        tx.session.add(row)
    elif row.number == number:
        return
    row.number, row.at = number, at
    tx.emit(
        PromptChosen(
            at=at, dedupe_key=f"prompt:{prompt_id}:{number}:{at.isoformat()}",
            prompt_id=prompt_id, number=number, actor=str(actor.account_id),
        )
    )  # fmt: skip


def _known(prompt_id: str) -> None:
    if prompt_id not in prompts.catalogue():
        raise NotFound("There is no such prompt.")
