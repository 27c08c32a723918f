"""After a plan was played in memory: what Asterisk's own records would make of it. Then nothing is excused.

As hotline.journal does, without a store: calls that we never heard of are told from their records, those that ended on
a guess are corrected (calls.recovery, calls.history). tests.fault_journal does the same with the store and the files.
"""

from collections.abc import Container, Sequence
from datetime import timedelta

from hotline.calls.history import CLOSE, Over, corrections
from hotline.calls.legs import OWNS
from hotline.calls.recovery import Stories, Story, Told, tell, told
from hotline.events import CallAnswered, CallEvent, CallTransferred
from tests import pbx_journal
from tests.fault_memory import MemoryPlay
from tests.fault_verdict import agents_of
from tests.pbx_calls import TrueCall

# A row that is close to the journal is left as it is; bridges are joined a moment after AgentConnect.
_CLOSE = CLOSE + timedelta(milliseconds=200)
_MS = timedelta(milliseconds=1)
_A_MICROSECOND = timedelta(microseconds=1)


def judged(play: MemoryPlay) -> list[str]:
    """What is not as it was once the records are read, in words."""
    mine: dict[str, list[CallEvent]] = {}
    for event in play.rows.events:
        mine.setdefault(event.linkedid, []).append(event)
    faults = [f"{name} never was" for name in mine.keys() - play.heard.calls.keys()]
    for call in play.plan.calls:
        if call.was:
            agents = agents_of(play.heard.calls[call.name], is_mixed=play.heard.is_mixed)
            found = _differences(call, mine.get(call.name, []), agents | {call.agent})
            faults += [f"{call.name} healed {wrong}" for wrong in found]
    return faults


def _story(call: TrueCall) -> Story:
    stories = Stories()
    for record in sorted(pbx_journal.cel(call), key=lambda one: one.at):
        stories.add(record)
    [story] = stories
    return story


def owner(events: Sequence[CallEvent]) -> str | None:
    """Who had the caller last."""
    owns = [(event.at, event.member) for event in events if isinstance(event, CallAnswered) and event.role in OWNS]
    given = [event for event in events if isinstance(event, CallTransferred) and event.kind == "attended"]
    owns += [(event.at, event.to) for event in given if event.to != "outside"]
    return max(owns)[1] if owns else None


def _differences(call: TrueCall, heard: list[CallEvent], agents: Container[str | None]) -> list[str]:
    """`agents`: who may be told to have had the caller last. A leg's role is not learnt from the records."""
    story = _story(call)
    over = Over(call.ended_at + _A_MICROSECOND if call.is_cut else None)
    written = tell(story, "pbx1", is_cut=call.is_cut)
    truth, ours = told(written), told(heard)
    if truth is None:
        return ["into nothing"]
    last = ours or truth
    values = corrections(last, truth, story, over) if ours is not None else {}
    result = {name: values.get(name, getattr(last, name)) for name in Told.__slots__}
    found: list[str] = []
    for name, wanted in (("outcome", {call.outcome}), ("hangup_by", call.ended_by)):
        if result[name] not in wanted:
            found.append(f"{name}: {result[name]}, wanted {wanted}")
    if call.is_cut:
        return found  # how far it had come is known as well as Asterisk had written it down
    for name, at in (
        ("started_at", call.started_at), ("ended_at", call.ended_at), ("answered_at", call.answered_at),
        ("queued_at", call.queued[0] if call.queued else None),
    ):  # fmt: skip
        got = result[name]
        if got is not at and (got is None or at is None or abs(got - at) > _CLOSE):
            found.append(f"{name}: {got}, wanted {at}")
    for name, span in (("talk_ms", call.talk), ("wait_ms", call.wait)):
        got = result[name]
        if got is not span and (got is None or span is None or abs(got * _MS - span) > _CLOSE):
            found.append(f"{name}: {got}, wanted {span}")
    agent = owner([*written, *heard])
    if agent not in agents:
        found.append(f"agent: {agent}, wanted {agents}")
    return found
