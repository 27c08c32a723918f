"""Calls of a time in which nobody listened: our rows brought to what Asterisk's journal says. Never commits.

Fed by hotline.journal with stories that are over (calls.recovery). A call that rows lack is told whole, in the past;
one that ended on a guess is corrected; one that ended rightly is left alone. What is written follows from the story
alone, so twice is once.
"""

import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, select, update

from hotline.calls.models import Call, CallAlias, CallOffer, JournalCall
from hotline.calls.queue_log import QueueStory, queue_story
from hotline.calls.recovery import Story, Told, tell, told
from hotline.calls.tracker import TRUNK, UNKNOWN_LINE
from hotline.db import EventRow, Tx
from hotline.events import (
    AgentLegEnded,
    AgentMissed,
    AgentOfferEnded,
    CallAside,
    CallCorrected,
    CallEnded,
    CallEvent,
    CallLineNamed,
    CallQueued,
    CallRejoined,
    CallStarted,
    CallTransferred,
    LegAside,
    LegRejoined,
)
from hotline.telephony.journal import QueueLine

Found = Literal["known", "open", "created", "corrected", "filled", "agreed", "untold"]
"""What a story met: told before; its row goes on; no row; a row that was wrong, lacked something, or was right. Untold:
its records make no call.
"""

# Rows and records see one moment a little apart, and a snapshot knows ages in whole seconds.
CLOSE = timedelta(seconds=2)
_TIMES = ("started_at", "queued_at", "answered_at", "ended_at", "talk_ms", "wait_ms")
_LEG_ENDS = {AgentOfferEnded: "withdrawn", AgentMissed: "missed", AgentLegEnded: "left"}
_ROWS = (
    select(Call)
    .where(Call.node == bindparam("node"), Call.linkedid.in_(bindparam("names", expanding=True)))
    .order_by(Call.started_at)
    .with_for_update()
)
_LINES = select(Call.linkedid, Call.line).where(
    Call.node == bindparam("node"), Call.linkedid.in_(bindparam("names", expanding=True))
)
_SETTLED = select(JournalCall.linkedid).where(
    JournalCall.node == bindparam("node"), JournalCall.source == "cel", JournalCall.ended_at.is_not(None),
    JournalCall.linkedid.in_(bindparam("names", expanding=True)),
)  # fmt: skip
_MOVES = (CallAside, CallRejoined, CallTransferred, LegAside, LegRejoined)
_MOVED = select(EventRow.type, EventRow.at).where(
    EventRow.call_id == bindparam("call"), EventRow.type.in_(bindparam("names", expanding=True))
)
_UPSERTS: dict[tuple[str, tuple[str, ...]], Any] = {}


@dataclass(frozen=True, slots=True)
class Over:
    """Why a story is over. `boot_at`: Asterisk died in it, and the next one was started then."""

    boot_at: datetime | None = None

    @property
    def is_cut(self) -> bool:
        return self.boot_at is not None


@dataclass(frozen=True, slots=True)
class Known:
    """A call by name. `line`: `unknown` while it is."""

    node: str
    linkedid: str
    line: str


async def settled(tx: Tx, node: str, names: Collection[str]) -> set[str]:
    """Which of these calls were told before: their records may be read again, from a file's mark on."""
    return set(await tx.session.scalars(_SETTLED, {"node": node, "names": list(names)})) if names else set()


async def settle(tx: Tx, node: str, story: Story, over: Over) -> Found:
    """Bring our rows to what a story says. `open`: nothing was written, the tracker has it still."""
    if await settled(tx, node, story.names):
        return "known"
    call = await _row(tx, node, story)
    if call is not None and call.ended_at is None:
        return "open"
    events = tell(story, node, is_cut=over.is_cut)
    truth = told(events)
    if truth is None:
        return "untold"
    if call is None:
        for event in events:
            tx.emit(replace(event, is_past=True))
        found: Found = "created"
    else:
        found = await _compare(tx, call, story, over, events, truth=truth)
    await keep(tx, "cel", Known(node, story.own, story.line), started_at=truth.started_at, end=truth)
    return found


async def _row(tx: Tx, node: str, story: Story) -> Call | None:
    rows = list(await tx.session.scalars(_ROWS, {"node": node, "names": sorted(story.names)}))
    for call in rows:
        if call.phase != "merged":
            return call
    for name in sorted(story.names):
        alias = await tx.session.get(CallAlias, (node, name))
        if alias is not None:
            return await tx.session.get(Call, alias.call_id)
    return None


async def _compare(tx: Tx, call: Call, story: Story, over: Over, events: Sequence[CallEvent], *, truth: Told) -> Found:
    found: Found = "agreed"
    for event in await _missing(tx, call, events):
        tx.emit(replace(event, is_past=True))
        found = "filled"
    if call.line == UNKNOWN_LINE and story.line != UNKNOWN_LINE:
        name_line(tx, call.node, call.linkedid, story)
        found = "filled"
    values = corrections(_as_told(call), truth, story, over)
    if values:
        key = f"{call.node}:{call.linkedid}:corrected"
        fact = CallCorrected(
            at=truth.ended_at, dedupe_key=key, node=call.node, linkedid=call.linkedid, is_past=True, **values
        )
        tx.emit(fact)
        found = "corrected"
    return found


async def _missing(tx: Tx, call: Call, events: Sequence[CallEvent]) -> list[CallEvent]:
    """What happened in the call and was not told, but for its start and end. A leg ends once, whatever the word."""
    keys = {event.dedupe_key: _also(event) for event in events if not isinstance(event, CallStarted | CallEnded)}
    known = await tx.known_keys([also for others in keys.values() for also in others])
    moved = await _moved(tx, call) if any(isinstance(event, _MOVES) for event in events) else []
    found: list[CallEvent] = []
    for event in events:
        if event.dedupe_key not in keys or event.dedupe_key in known:
            continue
        if any(type(event).__name__ == name and abs(at - event.at) <= CLOSE for name, at in moved):
            continue
        # Its key holds the instant, which AMI and the journal know a little apart.
        if isinstance(event, CallQueued) and call.queued_at is not None and call.queued_at - event.at <= CLOSE:
            continue
        is_told = bool(known.intersection(keys[event.dedupe_key]))
        if not is_told or (isinstance(event, AgentMissed) and await _was_guessed(tx, call, event)):
            found.append(event)
    return found


async def _moved(tx: Tx, call: Call) -> list[tuple[str, datetime]]:
    """Movements that were told of it. Their keys too hold the instant."""
    rows = await tx.session.execute(_MOVED, {"call": call.id, "names": [kind.__name__ for kind in _MOVES]})
    return [(name, at) for name, at in rows]


async def _was_guessed(tx: Tx, call: Call, event: AgentMissed) -> bool:
    """A ring that a snapshot found gone was called withdrawn, at the time of the snapshot."""
    offer = await tx.session.scalar(
        select(CallOffer).where(
            CallOffer.call_id == call.id, CallOffer.leg == event.leg, CallOffer.result == "withdrawn"
        )
    )
    return offer is not None and offer.ended_at is not None and abs(offer.ended_at - event.at) > CLOSE


def _also(event: CallEvent) -> tuple[str, ...]:
    if isinstance(event, AgentOfferEnded | AgentMissed | AgentLegEnded):
        return tuple(f"{event.node}:{event.leg}:{word}" for word in _LEG_ENDS.values())
    return (event.dedupe_key,)


def _as_told(call: Call) -> Told:
    assert call.ended_at is not None  # noqa: S101 - asked of ended calls only
    return Told(
        started_at=call.started_at,
        queued_at=call.queued_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        outcome=call.outcome or "",
        hangup_by=call.hangup_by,
        wait_ms=call.wait_ms,
        talk_ms=call.talk_ms,
    )


def corrections(ours: Told, truth: Told, story: Story, over: Over) -> Mapping[str, Any]:
    """Fields of CallCorrected in which a row is wrong; none where it was right, or where the journal cannot know.

    A journal with holes (a disk was full) is believed in the outcome that the dialplan stated, and in nothing else. Of
    a call in which Asterisk died, it is believed unless its end was heard: only the living dialplan says of a call that
    it is anything but failed.
    """
    found: dict[str, Any] = {}
    was_heard = ours.hangup_by in {"caller", "agent"} or ours.outcome != "failed"
    if over.boot_at is not None and ours.ended_at < over.boot_at and was_heard:
        return found
    if story.outcome is not None or over.is_cut:
        found |= {name: getattr(truth, name) for name in ("outcome", "hangup_by")}
    if over.is_cut or is_whole(story):
        found |= {name: getattr(truth, name) for name in _TIMES}
    for name in ("started_at", "queued_at"):  # a journal with holes may begin later than what we heard
        ours_at = getattr(ours, name)
        if ours_at is not None and found.get(name) is not None and found[name] > ours_at:
            del found[name]
    # Who ended otherwise than we thought did more than we saw, however short it was.
    differs = operator.ne if found.get("outcome", ours.outcome) != ours.outcome else _differs
    return {name: value for name, value in found.items() if value is not None and differs(value, getattr(ours, name))}


def is_whole(story: Story) -> bool:
    """The journal has it from the first record to the last."""
    first = story.records[0]
    begins = first.context == TRUNK or any(record.event == "HLDIAL" for record in story.records)
    return story.is_over and first.event == "CHAN_START" and begins and story.outcome is not None


def _differs(truth: Any, ours: Any) -> bool:
    if ours is None:
        return True
    if isinstance(truth, datetime):
        return bool(abs(truth - ours) > CLOSE)
    if isinstance(truth, int):
        return bool(abs(truth - ours) > CLOSE / timedelta(milliseconds=1))
    return bool(truth != ours)


def name_line(tx: Tx, node: str, linkedid: str, story: Story) -> None:
    """Tell which line a call is on that was met in its middle."""
    tx.emit(
        CallLineNamed(
            at=story.records[0].at,
            dedupe_key=f"{node}:{linkedid}:line",
            node=node,
            linkedid=linkedid,
            line=story.line,
        )
    )


async def lines(tx: Tx, node: str, names: Collection[str]) -> Mapping[str, str]:
    """Of calls that have a row: Linkedid → line."""
    rows = await tx.session.execute(_LINES, {"node": node, "names": list(names)})
    return dict(rows.all())


async def keep(
    tx: Tx, source: str, known: Known, *, started_at: datetime, end: Told | QueueStory | None = None
) -> None:
    """What a record (cel, queue_log) has of a call, for the totals: that it began, and its end once that is known."""
    values = {
        "node": known.node, "source": source, "linkedid": known.linkedid[:64], "line": known.line[:32],
        "started_at": started_at, "ended_at": end and end.ended_at, "outcome": end and end.outcome,
        "hangup_by": end and end.hangup_by,
    }  # fmt: skip
    newer: tuple[str, ...] = () if known.line == UNKNOWN_LINE else ("line",)
    newer += ("ended_at", "outcome", "hangup_by") if end is not None else ()
    await tx.session.execute(_upsert(tx, newer), values)


def _upsert(tx: Tx, newer: tuple[str, ...]) -> Any:
    """Built once: there are four a call, and building it costs more than running it."""
    found = _UPSERTS.get((tx.dialect, newer))
    if found is None:
        keys = ["node", "source", "linkedid"]
        insert = tx.insert(JournalCall.__table__)
        found = _UPSERTS[tx.dialect, newer] = (
            insert.on_conflict_do_update(index_elements=keys, set_={name: insert.excluded[name] for name in newer})
            if newer
            else insert.on_conflict_do_nothing(index_elements=keys)
        )
    return found


async def keep_line(tx: Tx, node: str, line: QueueLine) -> None:
    """A line of queue_log; most say nothing of what became of a call."""
    said = queue_story(None, line)
    if said is not None:
        end = said if said.ended_at is not None else None
        known = Known(node, line.uniqueid, said.line)
        await keep(tx, "queue_log", known, started_at=said.started_at, end=end)


async def cut_queue_log(tx: Tx, node: str, boot_at: datetime) -> None:
    """Calls that queue_log began before Asterisk was started anew, and never ended."""
    await tx.session.execute(
        update(JournalCall)
        .where(
            JournalCall.node == node, JournalCall.source == "queue_log", JournalCall.ended_at.is_(None),
            JournalCall.started_at < boot_at,
        )
        .values(ended_at=JournalCall.started_at, outcome="failed", hangup_by="system")
        .execution_options(synchronize_session=False)
    )  # fmt: skip
