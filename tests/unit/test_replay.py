"""`hotline replay`: records as promised, from any file."""

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotline.calls.record import fold
from hotline.calls.tracker import Tracker
from hotline.replay import replay
from tests import pbx_model as pbx
from tests.fake_asterisk import channel_event, event, snapshot_headers
from tests.pbx_model import TRANSCRIPTS

FIELDS = [
    "id", "linkedid", "linkedids", "line", "direction", "caller_number", "started_at", "queued_at", "answered_at",
    "ended_at", "outcome", "hangup_by", "agent", "wait_s", "talk_s", "ticket",
    "hold_s", "legs", "transfers",
]  # fmt: skip


def test_a_record_has_the_fields_that_were_promised() -> None:
    [record] = replay(TRANSCRIPTS / "answered-caller-hangs-up.ami")
    # Read off the transcript's NewChannel, QueueCallerJoin, AgentCalled, AgentConnect, BridgeLeave and Hangups.
    told = json.loads(json.dumps(record.as_json()))
    assert list(told) == FIELDS
    [leg] = told.pop("legs")
    assert (leg["leg"], leg["role"], leg["member"], leg["number"], leg["result"]) == (
        "pbx1-1795545646.1", "queue", "a1", None, "answered",
    )  # fmt: skip
    assert (leg["rang_at"], leg["answered_at"], leg["ended_at"]) == (
        "2026-11-24T18:40:46.893Z", "2026-11-24T18:40:47.902Z", "2026-11-24T18:40:53.310Z",
    )  # fmt: skip
    assert told == {
        "id": "pbx1-1795545637.0",
        "linkedid": "pbx1-1795545637.0",
        "linkedids": ["pbx1-1795545637.0"],
        "line": "12345",
        "direction": "inbound",
        "caller_number": "13800138000",
        "started_at": "2026-11-24T18:40:37.296Z",
        "queued_at": "2026-11-24T18:40:46.888Z",
        "answered_at": "2026-11-24T18:40:47.902Z",
        "ended_at": "2026-11-24T18:40:53.310Z",
        "outcome": "answered",
        "hangup_by": "caller",
        "agent": "a1",
        "wait_s": 1.013,
        "talk_s": 5.404,
        "ticket": None,
        "hold_s": 0.0,
        "transfers": [],
    }


def test_a_call_that_goes_on_is_a_record_without_an_end(tmp_path: Path) -> None:
    whole = (TRANSCRIPTS / "abandoned.ami").read_bytes()
    cut = tmp_path / "cut.ami"
    cut.write_bytes(whole[: whole.index(b"Event: QueueCallerAbandon")])
    [record] = replay(cut)
    assert record.queued_at is not None
    assert (record.ended_at, record.outcome, record.hangup_by, record.wait_s, record.talk_s) == (None,) * 5


def test_a_merged_call_is_printed_once(tmp_path: Path) -> None:
    file = tmp_path / "merged.ami"
    offers = [
        event("UserEvent", at, *snapshot_headers(name), ("UserEvent", "HLOffered"), ("HLLine", "12345"))
        for at, name in ((1.0, "c1"), (2.0, "c2"))
    ]
    met = channel_event("Newstate", 3.0, "c2", linkedid="c1")
    ends = [channel_event("Hangup", 4.0, name, ("Cause", "16"), linkedid="c1") for name in ("c2", "c1")]
    file.write_bytes(b"".join([*offers, met, *ends]))
    [record] = replay(file)
    assert (record.linkedid, record.linkedids, record.ended_at) == ("c1", ["c1", "c2"], "1970-01-01T00:00:04.000Z")


def test_records_come_in_the_order_in_which_calls_started() -> None:
    records = list(replay(TRANSCRIPTS / "blocked.ami"))
    assert [record.caller_number for record in records] == [f"1380013800{n}" for n in range(6)]


quick = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
garbage = st.one_of(
    st.binary(max_size=400),
    st.lists(
        st.sampled_from(
            [
                b"Event: Newchannel", b"Event: Hangup", b"Event: UserEvent", b"Event: AgentConnect", b"Uniqueid: a",
                b"Linkedid: b", b"Channel: PJSIP/x", b"ChannelState: 6", b"Cause: x", b"Timestamp: nan",
                b"Timestamp: 1e300", b"UserEvent: HLOutcome", b"HLOutcome: \xff", b"DestUniqueid: a", b"", b"", b":",
            ]
        ),
        max_size=40,
    ).map(b"\r\n".join),
)  # fmt: skip


@given(garbage)
@quick
def test_no_bytes_make_it_fail(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "any.ami"
    file.write_bytes(data)
    for record in replay(file):
        json.dumps(record.as_json())


@given(st.data())
@quick
def test_a_damaged_transcript_is_read_all_the_same(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(pbx.NAMES))
    whole = bytearray((TRANSCRIPTS / f"{name}.ami").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(whole) - 1))
        whole[start : start + data.draw(st.integers(0, 90))] = data.draw(st.binary(max_size=20))
    file = tmp_path / "damaged.ami"
    file.write_bytes(whole)
    for record in replay(file):
        assert list(record.as_json()) == FIELDS


def test_a_fold_lets_events_of_unknown_calls_go() -> None:
    tracker = Tracker("pbx1")
    events = [told for message in pbx.transcript("abandoned") for told in tracker.feed(message)]
    assert fold(events[1:]) == []
