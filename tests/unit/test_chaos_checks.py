"""What the chaos run takes for true of a call, and that it notices what is missing, doubled or wrong."""

import itertools
import random
from dataclasses import replace

import pytest

from bench.chaos import callers, checks, schedule
from bench.chaos.seen import Fault, Placed, Record, Ring, Seen, Times, Word

NUMBER = "13900000000"
TIMES = Times(greeting=9.6, wait=10.0, before_recorder=10.9)
ASTERISK_DIES = Fault("asterisk", 120.0, 122.0, 2.0)


def placed(began: float = 100.0, ended: float | None = 105.0, **more: object) -> Placed:
    base = Placed(NUMBER, began, began, 200, began, ended, "caller")
    return replace(base, **more)  # type: ignore[arg-type]


def ring(answered: float | None = 111.0, ended: float | None = 115.0, by: str = "agent") -> Ring:
    return Ring(NUMBER, "agent0", 110.0, answered, answered, ended, by)


def record(outcome: str | None = "abandoned", **more: object) -> Record:
    base = Record(NUMBER, "pbx1-1.1", outcome, 100.0, 105.0, 1, 1, 1)
    return replace(base, **more)  # type: ignore[arg-type]


def seen(**more: object) -> Seen:
    base = Seen({NUMBER: placed()}, (), (), (), {}, (record(),), {}, {NUMBER: ["abandoned"]}, TIMES)
    return replace(base, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "rings", "faults", "outcomes"),
    [
        (placed(status=486, ended_by="hotline"), [], [], {"blocked"}),
        (placed(), [], [], {"abandoned"}),
        (placed(ended=115.3, ended_by="hotline"), [ring()], [], {"answered"}),
        (placed(ended=113.0), [ring(ended=113.2, by="hotline")], [], {"answered"}),
        (placed(ended=111.3), [ring(ended=111.4, by="hotline")], [], {"answered", "abandoned"}),  # they crossed
        (placed(ended=145.0), [ring(None, 115.0, "cancelled")], [], {"voicemail"}),
        # The phone died in the talk; the caller waited again, and what became of that nobody outside can tell.
        (placed(ended=125.0), [ring(ended=113.0, by="killed")], [], {"answered", "abandoned", "voicemail"}),
        (placed(ended=113.6), [ring(ended=113.0, by="killed")], [], {"answered", "abandoned", "voicemail"}),
        # Asterisk died in the greeting, in the talk, and in the very moment in which the caller hung up.
        (placed(118.0, 130.0), [], [ASTERISK_DIES], {"failed"}),
        (placed(ended=130.0), [ring(ended=None, by="")], [ASTERISK_DIES], {"failed", "answered"}),
        (placed(118.0, 120.1), [], [ASTERISK_DIES], {"failed", "abandoned"}),
        # It answered and died; the caller's program, late, noted the answer only then.
        (placed(120.01, 125.0), [], [ASTERISK_DIES], {"failed", "abandoned"}),
        # The INVITE was repeated until the next Asterisk heard it.
        (placed(121.5, 126.5, began_at=119.0), [], [ASTERISK_DIES], {"abandoned"}),
        (placed(ended=145.0), [], [Fault("disk", 128.0, 134.0, 0.1)], {"abandoned", "voicemail", "failed"}),
    ],
)
def test_the_outcomes_that_can_be_true(
    call: Placed, rings: list[Ring], faults: list[Fault], outcomes: set[str]
) -> None:
    assert checks.allowed(call, rings, seen(faults=faults)) == outcomes


def wrong(what: Seen) -> list[str]:
    return [check.name.split(" ", 3)[3] for check in checks.run(what) if not check.holds]


def test_all_holds_when_the_record_is_what_was_seen() -> None:
    assert wrong(seen()) == []


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"records": ()}, 1),
        ({"records": (record(), record())}, 1),
        ({"records": (record("answered", call_backs=0),)}, 2),  # neither what was seen nor what Asterisk wrote
        ({"records": (record(contacts=2),)}, 1),
        ({"records": (record(contacts=0, tickets=0),)}, 1),
        ({"records": (record(call_backs=0),)}, 1),
        ({"records": (record(ended_at=110.0),)}, 1),
        ({"records": (record(), record(number="13900000009"))}, 1),
        ({"open_calls": 1}, 1),
        ({"words": [Word("字", "H-1", "agent0", 104.0)]}, 1),
        ({"words": [Word("字", "H-1", "agent0", 104.0)], "summaries": {"H-1": "字字"}}, 1),
        ({"words": [Word("字", "H-1", "agent0", 104.0)], "summaries": {"H-1": "", "H-2": "字"}}, 1),
        ({"faults": [Fault("ours", 300.0, 306.0, 6.0)]}, 1),
        ({"faults": [Fault("ours", 300.0, 340.0, None)]}, 1),
        ({"ended_alone": [("our process, exit 1", 300.0)]}, 1),
        ({"unreachable": ["agent0: paused"]}, 1),
    ],
)
def test_what_is_missing_doubled_or_wrong_is_noticed(changes: dict[str, object], failed: int) -> None:
    assert len(wrong(seen(**changes))) == failed


def test_what_was_typed_as_its_browser_was_killed_is_told_apart_and_not_promised() -> None:
    words = [Word("甲", "H-1", "agent0", at) for at in (104.0, 110.3)]
    here, just = (
        check for check in checks.run(seen(words=words, kills={"agent0": [110.0]})) if check.name.find(" typed ") > 0
    )
    assert (here.of, len(here.wrong), here.holds) == (1, 1, False)
    assert (just.of, len(just.wrong), just.holds) == (1, 1, True)


def test_a_call_that_no_asterisk_heard_need_not_be_on_record_but_never_twice() -> None:
    silent = Placed(NUMBER, 100.0)
    assert wrong(seen(calls={NUMBER: silent}, records=(), told={})) == []
    assert wrong(seen(calls={NUMBER: silent}, records=(record(), record()), told={})) != []


def test_a_call_is_read_from_sipp_s_own_words() -> None:
    found: dict[str, Placed] = {}
    for line in (
        "2026-11-27 13:36:35 1795786600.5 1 calling 13900000000",
        "2026-11-27 13:36:35 1795786600.6 1 trying 13900000000",
        "2026-11-27 13:36:35 1795786600.7 1 connected 13900000000",
        "2026-11-27 13:36:40 1795786605.7 1 hung-up 13900000000",
        "2026-11-27 13:36:35 1795786601.0 2 calling 13900000001",
        "2026-11-27 13:36:35 1795786601.1 2 refused-503 13900000001",
        "no line of a call",
    ):
        callers.note(found, line)
    assert found == {
        "13900000000": Placed(
            "13900000000", 1795786600.5, 1795786600.6, 200, 1795786600.7, 1795786605.7, "caller"
        ),
        "13900000001": Placed(
            "13900000001", 1795786601.0, None, 503, None, 1795786601.1, "hotline"
        ),
    }  # fmt: skip


def test_the_same_seed_breaks_the_same_and_every_kind_comes_in_each_round() -> None:
    planned = schedule.plan(random.Random(7), 600)
    assert planned == schedule.plan(random.Random(7), 600)
    assert planned != schedule.plan(random.Random(8), 600)
    rounds = len(planned) // len(schedule.KINDS)
    assert rounds >= 6
    assert all(sorted(one.kind for one in planned[n * 5 : n * 5 + 5]) == sorted(schedule.KINDS) for n in range(rounds))
    assert all(later.after_s - one.after_s >= 11 for one, later in itertools.pairwise(planned))
