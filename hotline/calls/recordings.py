"""Recordings of calls that are over are looked at once: whole, made whole again, or missing. Run by the worker."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from hotline.calls.models import Call, Recording
from hotline.clock import now
from hotline.db import Database
from hotline.events import RecordingChecked
from hotline.telephony import recordings

log = structlog.get_logger()
EVERY_S = 2.0
_CLOSED_AFTER = timedelta(seconds=3)  # Asterisk's recorder ends a moment after its call
_NO_MORE_AFTER = timedelta(minutes=1)  # what is not there by then never comes
_AT_ONCE = 50
_UNSEEN = (
    select(Recording.id, Recording.call_id, Recording.file, Call.ended_at)
    .join(Call, Call.id == Recording.call_id)
    .where(Recording.state.is_(None), Call.ended_at.is_not(None))
    .order_by(Call.ended_at)
)


async def keep_whole(db: Database, root: Path, node: str, counts: Counter[str]) -> None:
    """Until cancelled. `root`: the recordings directory."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await look(db, root, node, now(), counts)
        except (SQLAlchemyError, OSError) as error:
            log.error("recordings.look failed, tried again", error=type(error).__name__)


async def look(db: Database, root: Path, node: str, at: datetime, counts: Counter[str]) -> None:
    """Every recording of this node's calls that are over and not looked at yet. Counts what was wrong."""
    async with db.read() as tx:
        due = _UNSEEN.where(Call.node == node, Call.ended_at <= at - _CLOSED_AFTER).limit(_AT_ONCE)
        rows = (await tx.session.execute(due)).all()
    for recording_id, call_id, file, ended_at in rows:
        state = await asyncio.to_thread(recordings.check, root / file)
        if state == "missing" and ended_at is not None and ended_at > at - _NO_MORE_AFTER:
            continue
        async with db.write() as tx:
            await tx.session.execute(update(Recording).where(Recording.id == recording_id).values(state=state))
            key = f"recording:{recording_id}:checked"
            tx.emit(RecordingChecked(at=at, dedupe_key=key, recording_id=recording_id, state=state), call_id=call_id)
        if state != "ok":
            counts[f"recordings_{state}"] += 1
            log.warning(f"recordings.{state}", recording_id=str(recording_id))
