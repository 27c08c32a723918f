"""What happened, as callers, phones and pages saw it, against what the hotline has on record. Pure.

Each check says what was expected of how many, and names those that were otherwise. Where two things fell on the same
moment (a caller who hangs up as Asterisk dies), each of the outcomes that can be true is allowed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.chaos.seen import Placed, Record, Ring, Seen

LIVE_AGAIN_S = 5.0
_OPEN = float("inf")
_SAME_S = 2.5  # two ends of one event, seen by two programs on a loaded machine
_NEAR_S = 0.5  # on which side of a kill something was cannot be told
_CROSSED_S = 1.0  # an answer and a goodbye that were both under way
_FLUSH_S = 1.0  # a browser that is killed may take with it what was typed just then
OWED = frozenset({"abandoned", "callback", "voicemail", "closed", "blocked", "overflowed", "failed"})


@dataclass
class Check:
    """`of`: how many were looked at. `wrong`: those that were not as they should be, each with what was found."""

    name: str
    of: int
    wrong: list[str] = field(default_factory=list)
    note: str = ""
    is_promised: bool = True

    @property
    def holds(self) -> bool:
        return not self.wrong or not self.is_promised


def run(seen: Seen) -> list[Check]:
    """All of them, in the order of the report."""
    by_number: dict[str, list[Record]] = {}
    for record in seen.records:
        by_number.setdefault(record.number, []).append(record)
    final = [call for call in seen.calls.values() if call.is_final]
    return [
        _once(final, by_number),
        _outcomes(seen, final, by_number),
        _journal(seen, by_number),
        _contacts(seen.records),
        _owed(seen.records),
        _times(seen, final, by_number),
        _nothing_else(seen, by_number),
        _nothing_open(seen),
        *_words(seen),
        _live(seen),
        _ended_alone(seen),
        _reachable(seen),
    ]


def _once(final: Sequence[Placed], by_number: Mapping[str, Sequence[Record]]) -> Check:
    check = Check("every INVITE answered or refused has exactly one call record", len(final))
    for call in final:
        found = by_number.get(call.number, ())
        if len(found) != 1:
            check.wrong.append(f"{_call(call)}: {len(found)} records {[one.outcome for one in found]}")
    return check


def _outcomes(seen: Seen, final: Sequence[Placed], by_number: Mapping[str, Sequence[Record]]) -> Check:
    check, either = Check("its outcome is what callers and phones saw", 0), 0
    rings: dict[str, list[Ring]] = {}
    for ring in seen.rings:
        rings.setdefault(ring.number, []).append(ring)
    for call in final:
        may = allowed(call, rings.get(call.number, ()), seen)
        for record in by_number.get(call.number, ()):
            check.of += 1
            either += len(may) > 1
            if record.outcome not in may:
                check.wrong.append(f"{_call(call)}: {record.outcome}, expected {' or '.join(sorted(may))}")
    check.note = f"{either} of them near a fault or a limit, where more than one is right"
    return check


def allowed(call: Placed, rings: Sequence[Ring], seen: Seen) -> frozenset[str]:
    """The outcomes that can be true of a call that was answered or refused."""
    if call.status != 200:
        return frozenset({"blocked"})
    began, ended = call.trying_at or call.began_at, call.ended_at or _OPEN
    hits = [at for at in _kills(seen) if began - _NEAR_S <= at <= ended + _NEAR_S]
    cut = min(hits, default=None)
    # What was so before Asterisk died; after its death nobody's goodbye is heard.
    until = min(ended, cut) if cut is not None else ended
    quiet = _quiet(call, rings, seen, until)
    if cut is None:
        return quiet
    # The new Asterisk's, all of it. Callers note an answer when they get to run, which may be after the next kill.
    if call.answered_at is not None and call.answered_at > cut + _NEAR_S:
        return quiet
    is_sure = began + _NEAR_S < cut < ended - _NEAR_S
    talked = any(ring.answered_at is not None and ring.answered_at < cut for ring in rings)
    recorded = not talked and until - (call.answered_at or began) > seen.times.greeting + seen.times.wait
    died = frozenset({"failed"} | ({"answered"} if talked else set()) | ({"voicemail"} if recorded else set()))
    return died if is_sure else died | quiet


def _quiet(call: Placed, rings: Sequence[Ring], seen: Seen, ended: float) -> frozenset[str]:
    """Without a death of Asterisk."""
    full = any(one.kind == "disk" and one.began_at - 1 < ended and (one.ended_at or _OPEN) + 1 > (call.answered_at or 0)
               for one in seen.faults)  # fmt: skip
    may_fail = frozenset({"failed"}) if full else frozenset[str]()
    talks = [ring for ring in rings if ring.answered_at is not None and ring.answered_at < ended + _NEAR_S]
    if talks:
        last = max(talks, key=lambda ring: ring.answered_at or 0)
        # A caller whose agent's browser died waits again, and may give that up at once.
        is_whole = last.ended_by == "agent" or (
            last.ended_by != "killed" and ended - (last.ended_at or ended) < _SAME_S
        )
        sure = frozenset({"answered"})
        if len(talks) == 1 and ended - (last.accepted_at or ended) < _CROSSED_S:
            return sure | {"abandoned"}
        return sure if is_whole else sure | {"abandoned", "voicemail"} | may_fail
    maybe = frozenset({"answered"} if any(ring.accepted_at is not None for ring in rings) else ())
    lasted = ended - (call.answered_at or ended)
    limit = seen.times.greeting + seen.times.wait
    near_fault = any(one.began_at < ended and (one.ended_at or _OPEN) + 5 > (call.answered_at or 0)
                     for one in seen.faults if one.kind != "browser")  # fmt: skip
    if call.ended_by == "hotline":
        return maybe | {"voicemail"} | may_fail
    if lasted < (seen.times.greeting if near_fault else limit - 1):
        return maybe | {"abandoned"}
    if lasted > limit + seen.times.before_recorder + 5 and not near_fault:
        return maybe | {"voicemail"} | may_fail
    return maybe | {"abandoned", "voicemail"} | may_fail


def _kills(seen: Seen) -> list[float]:
    return [fault.began_at for fault in seen.faults if fault.kind in {"asterisk", "both"}]


def _journal(seen: Seen, by_number: Mapping[str, Sequence[Record]]) -> Check:
    check = Check("its outcome is the one that Asterisk itself wrote down", 0)
    check.note = "calls that Asterisk's death or the full disk kept out of its journal are not counted"
    for number, told in seen.told.items():
        for record in by_number.get(number, ()):
            check.of += 1
            if record.outcome not in told:
                check.wrong.append(f"{number}: {record.outcome}, Asterisk wrote {', '.join(told)}")
    return check


def _contacts(records: Sequence[Record]) -> Check:
    check = Check("every call record has exactly one contact and a ticket", len(records))
    check.wrong += [f"{one.number}: {one.contacts} contacts, {one.tickets} tickets" for one in records
                    if one.contacts != 1 or one.tickets < 1]  # fmt: skip
    return check


def _owed(records: Sequence[Record]) -> Check:
    check = Check("whoever nobody helped is owed exactly one call-back, and nobody else", len(records))
    check.wrong += [f"{one.number} ({one.outcome}): {one.call_backs} call-backs" for one in records
                    if one.outcome is not None and one.call_backs != (one.outcome in OWED)]  # fmt: skip
    return check


def _times(seen: Seen, final: Sequence[Placed], by_number: Mapping[str, Sequence[Record]]) -> Check:
    check = Check(f"it begins and ends within {_SAME_S:g} s of what the caller saw", 0)
    check.note = "the end only of calls that Asterisk outlived"
    for call in final:
        for record in by_number.get(call.number, ()):
            check.of += 1
            seen_at = call.trying_at or call.answered_at or call.ended_at or call.began_at
            if not call.began_at - _NEAR_S <= record.started_at <= seen_at + _SAME_S:
                check.wrong.append(f"{_call(call)}: began {record.started_at - seen_at:+.1f} s")
            died = any(seen_at - _NEAR_S <= at <= (call.ended_at or _OPEN) + _NEAR_S for at in _kills(seen))
            if record.ended_at is not None and call.ended_at is not None and not died:
                off = record.ended_at - call.ended_at
                if abs(off) > _SAME_S:
                    check.wrong.append(f"{_call(call)}: ended {off:+.1f} s")
    return check


def _nothing_else(seen: Seen, by_number: Mapping[str, Sequence[Record]]) -> Check:
    check = Check("no record of a call that nobody made", len(seen.records))
    for number, records in by_number.items():
        call = seen.calls.get(number)
        if call is None:
            check.wrong.append(f"{number}: {len(records)} records")
        elif not call.is_final and len(records) > 1:
            check.wrong.append(f"{_call(call)}: {len(records)} records")
    return check


def _nothing_open(seen: Seen) -> Check:
    wrong = [f"{seen.open_calls} calls still open"] if seen.open_calls else []
    return Check("no call is open when all are over", len(seen.records), wrong)


def _words(seen: Seen) -> tuple[Check, Check]:
    here = Check("every word typed is in the ticket it was typed into, once", 0)
    just = Check(f"also those typed in the last {_FLUSH_S:g} s before their browser was killed", 0, is_promised=False)
    just.note, told = "not promised", 0
    for word in seen.words:
        was_last = any(-_NEAR_S <= at - word.at < _FLUSH_S for at in seen.kills.get(word.agent, ()))
        check = just if was_last else here
        check.of += 1
        found = seen.summaries.get(word.ref, "").count(word.text)
        if not found and any(ref == word.ref and word.text in text for ref, text in seen.kept):
            told += 1
        elif found != 1:
            elsewhere = [ref for ref, text in seen.summaries.items() if ref != word.ref and word.text in text]
            where = f", but in {elsewhere}" if elsewhere else ""
            check.wrong.append(f"{word.text} typed at {word.at:.1f} into {word.ref}: {found} times{where}")
    here.note = f"{told} into a ticket that was another agent's by then: the page keeps the text and says so"
    return here, just


def _live(seen: Seen) -> Check:
    timed = [fault for fault in seen.faults if fault.kind != "browser"]
    check = Check(f"live again within {LIVE_AGAIN_S:g} s", len(timed))
    for fault in timed:
        if fault.live_s is None or fault.live_s > LIVE_AGAIN_S:
            took = "not in 40 s" if fault.live_s is None else f"{fault.live_s:.1f} s"
            check.wrong.append(f"{fault.kind} at {fault.began_at:.1f}: {took}")
    return check


def _ended_alone(seen: Seen) -> Check:
    return Check(
        "nothing ended but what was killed", len(seen.faults), [f"{what} at {at:.1f}" for what, at in seen.ended_alone]
    )


def _reachable(seen: Seen) -> Check:
    return Check("at the end every agent can be rung again", sum(seen.agents.values()), list(seen.unreachable))


def _call(call: Placed) -> str:
    end = f"{call.ended_by} after {call.ended_at - call.began_at:.1f} s" if call.ended_at else "open"
    return f"{call.number} began {call.began_at:.1f} status {call.status} ended {end}"


def outcomes(records: Sequence[Record]) -> dict[str, int]:
    """How many of each, most first."""
    return dict(Counter(str(record.outcome) for record in records).most_common())
