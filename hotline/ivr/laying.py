"""What Asterisk plays: the prompts that come with the hotline, with an administrator's own laid over them.

Asterisk opens a file each time it plays it: a prompt that is exchanged is heard by the next caller, without a reload.
Each node's worker does this for its own Asterisk, from the rows: any console may have changed them. Without us the
files stay as they are.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hotline.db import Database
from hotline.ivr import prompts, versions
from hotline.telephony import sounds

log = structlog.get_logger()
EVERY_S: Final = 2.0


async def keep(db: Database, data: Path, ours: Path, mode: int) -> None:
    """Until cancelled. `data`: Asterisk's data directory; `ours`: where the sounds are that come with the hotline."""
    seen: Mapping[str, int] | None = None
    while True:
        try:
            seen = await look(db, data, ours, mode, seen)
        except (SQLAlchemyError, OSError) as error:
            log.error("prompts.look failed, tried again", error=type(error).__name__)
        await asyncio.sleep(EVERY_S)


async def look(
    db: Database, data: Path, ours: Path, mode: int, seen: Mapping[str, int] | None = None
) -> Mapping[str, int]:
    """Lays what is chosen and not there yet. `seen`: as returned the time before. Returns versions by file name."""
    stems = {prompt.id: prompt.stem for prompt in prompts.catalogue().values()}
    async with db.read() as tx:
        chosen = {stems[one]: (one, number) for one, number in (await versions.chosen(tx)).items() if one in stems}
        wanted = {stem: number for stem, (_id, number) in chosen.items()}
        there = sounds.own(data) if seen is None else seen
        changed = sorted(stem for stem in {*wanted, *there} if wanted.get(stem) != there.get(stem))
        rows = {stem: await versions.sound(tx, *chosen[stem]) for stem in changed if stem in chosen}
    for stem in changed:
        if stem in rows:
            new = (rows[stem].narrow, rows[stem].wide)
            await asyncio.to_thread(sounds.exchange, data, ours, stem, new, mode)
        else:
            await asyncio.to_thread(sounds.take_back, data, ours, stem)
        log.info("prompts.laid", prompt=stem, version=wanted.get(stem, versions.OURS))
    if changed:
        sounds.note(data, wanted)
    return wanted
