"""The presence table: every pair has its answer, and what Asterisk says is one of its causes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.agents import presence
from hotline.agents.presence import (
    BUSY,
    IGNORED,
    KINDS,
    STATES,
    TABLE,
    Faults,
    MemberSeen,
    PhoneSeen,
    Presence,
    SilentSeen,
    WrapUpSeen,
)
from hotline.telephony.messages import (
    Channel,
    ContactStatus,
    Hangup,
    LiveChannel,
    QueueMember,
    Snapshot,
    UserEvent,
)

AT = datetime(2026, 5, 11, 2, 0, tzinfo=UTC)
READY = Presence("ready", True)
ON_CALL = Presence("on_call", True)


def told(reason: str | None = None, *, in_queue: bool = True) -> MemberSeen:
    return MemberSeen("a1", in_queue, reason, True, "k")


def member_message(kind: str = "pause", *, paused: bool = False, reason: str | None = None) -> QueueMember:
    return QueueMember(
        at=AT, kind=kind, queue="hotline", member="a1", interface="PJSIP/a1", status=1, paused=paused, reason=reason
    )


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_pair_is_in_the_table_or_ignored_with_a_reason(state: presence.State, kind: presence.Kind) -> None:
    why, ignored = IGNORED.get(kind, ("", frozenset()))
    assert ((state, kind) in TABLE) != (state in ignored)
    assert not ignored or why


def test_every_state_is_reached_from_offline_and_leads_back() -> None:
    def reach(start: str) -> set[str]:
        seen, todo = {start}, [start]
        while todo:
            here = todo.pop()
            new = {after for (before, _), after in TABLE.items() if before == here} - seen
            seen |= new
            todo += new
        return seen

    assert reach("offline") == set(STATES)
    assert all("offline" in reach(state) for state in STATES)


def test_every_state_says_what_it_permits_and_what_may_be_forced() -> None:
    assert set(presence.PERMITS) == set(presence.FORCES) == set(STATES)
    assert all(not presence.PERMITS[state] for state in BUSY)
    assert all("log_off" in presence.FORCES[state] for state in STATES)


def test_wrap_up_follows_the_call_when_its_pause_is_seen_first() -> None:
    during = presence.member(ON_CALL, told("ACW"))
    assert during.state == "on_call"
    assert presence.step(during, "leg_ended") == Presence("wrap_up", True, "ACW")


def test_wrap_up_follows_the_call_when_its_pause_is_seen_last() -> None:
    after = presence.step(ON_CALL, "leg_ended")
    assert after.state == "wrap_up"
    assert presence.member(after, told("ACW")) == Presence("wrap_up", True, "ACW")


def test_without_wrap_up_time_the_agent_is_ready_after_the_queue_has_rested() -> None:
    after = presence.step(ON_CALL, "leg_ended")
    assert presence.member(after, MemberSeen("a1", True, None, False, "snapshot")) == after
    assert presence.step(after, "rested") == READY


def test_wrap_up_ends_when_the_queue_says_unpaused() -> None:
    assert presence.member(Presence("wrap_up", True, "ACW"), told()) == READY


@pytest.mark.parametrize(("said", "state"), [(told("LUNCH"), "paused"), (told(in_queue=False), "offline")])
def test_what_the_queue_said_during_a_ring_counts_after_it(said: MemberSeen, state: str) -> None:
    ringing = presence.member(Presence("ringing", True), said)
    assert ringing.state == "ringing"
    assert presence.step(ringing, "missed").state == state
    assert presence.step(ringing, "offer_ended").state == state


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["rang", "offer_ended", "missed", "answered", "leg_ended", "rested"]) |
                st.sampled_from([None, "ACW", "LUNCH", "OUT"])))  # fmt: skip
def test_a_free_phone_always_shows_what_the_queue_said_last(story: list[str | None]) -> None:
    now = Presence()
    for entry in story:
        if entry in KINDS:
            now = presence.step(now, entry)
        else:
            now = presence.member(now, told(None if entry == "OUT" else entry, in_queue=entry != "OUT"))
        match now:
            case Presence(state="offline"):
                assert not now.in_queue
            case Presence(state="ready"):
                assert now.in_queue
                assert now.reason is None
            case Presence(state="paused"):
                assert now.reason == "LUNCH"
            case Presence(state="wrap_up"):
                assert now.in_queue
                assert now.reason in {None, "ACW"}


def test_queue_messages_become_observations() -> None:
    (paused,) = presence.observe(member_message(paused=True, reason="LUNCH"))
    (added,) = presence.observe(member_message("added"))
    (removed,) = presence.observe(member_message("removed", paused=True, reason="ACW"))
    assert isinstance(paused, MemberSeen)
    assert isinstance(added, MemberSeen)
    assert isinstance(removed, MemberSeen)
    assert (paused.in_queue, paused.reason, paused.told) == (True, "LUNCH", True)
    assert (added.in_queue, added.reason) == (True, None)
    assert (removed.in_queue, removed.reason) == (False, None)


def test_a_pause_without_reason_is_still_a_pause() -> None:
    (seen,) = presence.observe(member_message(paused=True, reason=""))
    assert isinstance(seen, MemberSeen)
    assert seen.reason == "OTHER"


def test_repeated_status_and_other_queues_say_nothing() -> None:
    assert presence.observe(member_message("status")) == ()
    assert presence.observe(member_message(), queue="another") == ()


@pytest.mark.parametrize(
    ("status", "phone"),
    [("Created", "ok"), ("Reachable", "ok"), ("Updated", "ok"), ("Unreachable", "lost"), ("Removed", "lost")],
)
def test_registrations_become_phones(status: str, phone: str) -> None:
    (seen,) = presence.observe(ContactStatus(at=AT, endpoint="a1", status=status, uri="sip:x@y.invalid"))
    assert isinstance(seen, PhoneSeen)
    assert (seen.phone, seen.contact) == (phone, "sip:x@y.invalid")


def test_wrap_up_time_comes_from_the_dialplan() -> None:
    def wrap_up(until: str) -> tuple[presence.Observation, ...]:
        fields = {"hlmember": "a1", "hluntil": until}
        return presence.observe(UserEvent(at=AT, name="HLWrapUp", fields=fields, channel=None))

    (seen,) = wrap_up("1778464860")
    assert isinstance(seen, WrapUpSeen)
    assert seen.until == datetime(2026, 5, 11, 2, 1, tzinfo=UTC)
    assert wrap_up("") == wrap_up("soon") == wrap_up("-5") == wrap_up("9" * 10) == wrap_up("9" * 40) == ()


def test_the_old_registration_of_a_phone_that_moved_is_no_loss() -> None:
    old, new = "sip:old@x.invalid", "sip:new@x.invalid"
    assert presence.phone("ok", old, PhoneSeen("a1", "ok", new, "")) == ("ok", new)
    assert presence.phone("ok", new, PhoneSeen("a1", "lost", old, "")) == ("ok", new)
    assert presence.phone("ok", new, PhoneSeen("a1", "lost", new, "")) == ("lost", None)
    assert presence.phone("ok", new, PhoneSeen("a1", "lost", "", "")) == ("lost", None)
    assert presence.phone("none", None, PhoneSeen("a1", "lost", old, "")) == ("none", None)


def test_reactions_to_phones_and_missed_calls() -> None:
    def reaction(now: Presence, phone: presence.Phone = "ok", misses: int = 0, away_s: int = 0) -> str | None:
        return presence.reaction(now, AT, phone, AT + timedelta(seconds=away_s), Faults(misses))

    away = Presence("paused", True, "PHONE")
    assert reaction(ON_CALL, "lost") == reaction(Presence("ringing", True), "lost") == "hang_up"
    assert reaction(READY, "lost") == "pause_phone"
    assert reaction(away, "ok", away_s=120) == "unpause"
    assert reaction(away, "ok", away_s=121) is None
    assert reaction(away, "lost") is None
    assert reaction(READY, misses=1) is None
    assert reaction(READY, misses=2) == "pause_rna"
    assert reaction(Presence("paused", True, "RNA"), misses=2) is None
    assert reaction(ON_CALL, misses=2) is None


def test_a_phone_that_sends_no_sound_twice_is_out_of_the_queues_turn() -> None:
    def reaction(now: Presence, silences: int) -> str | None:
        return presence.reaction(now, AT, "ok", AT, Faults(0, silences))

    assert [reaction(READY, silences) for silences in (1, 2)] == [None, "pause_sound"]
    assert reaction(Presence("wrap_up", True), 2) == "pause_sound"
    assert reaction(Presence("wrap_up", True, "ACW"), 2) is None
    assert reaction(ON_CALL, 2) is None
    assert reaction(Presence("paused", True, "SOUND"), 2) is None


@pytest.mark.parametrize(
    ("name", "state", "cause", "seen"),
    [
        # Q.850 cause 44 is what chan_pjsip gives a channel that it hangs up for rtp_timeout.
        ("PJSIP/a1-0000000a", 6, 44, (SilentSeen("a1", "silent:u"),)),
        ("PJSIP/a1-0000000a", 6, 38, (SilentSeen("a1", "silent:u", refused=True),)),
        ("PJSIP/a1-0000000a", 6, 16, ()),
        ("PJSIP/a1-0000000a", 5, 44, ()),
        ("Local/a1@hl-control-0000000a;1", 6, 44, ()),
    ],
)
def test_a_call_that_ended_because_its_phone_was_silent(
    name: str, state: int, cause: int, seen: tuple[SilentSeen, ...]
) -> None:
    channel = Channel(name=name, uniqueid="u", linkedid="l", state=state)
    assert presence.observe(Hangup(at=AT, channel=channel, cause=cause)) == seen


def test_pending_is_confirmed_by_the_queue_alone() -> None:
    paused, out = Presence("paused", True, "LUNCH"), Presence()
    assert [presence.is_confirmed("ready", p) for p in (READY, paused, out)] == [True, False, False]
    assert [presence.is_confirmed("pause:LUNCH", p) for p in (READY, paused, out)] == [False, True, True]
    assert not presence.is_confirmed("pause:BREAK", paused)
    assert [presence.is_confirmed("log_off", p) for p in (READY, paused, out)] == [False, False, True]


def test_a_snapshot_answers_for_every_endpoint() -> None:
    channel = Channel(name="PJSIP/a1-0000000a", uniqueid="u", linkedid="l", state=6)
    taken = Snapshot(
        at=AT,
        boot="2026-05-11T01:00:00",
        channels=(LiveChannel(channel=channel, bridge=None, application="AppQueue", age_s=3),),
        members=(member_message("snapshot", paused=True, reason="ACW"),),
        entries=(),
        devices={"PJSIP/a1": "INUSE", "PJSIP/a2": "UNAVAILABLE"},
    )
    seen = presence.observe_snapshot(taken, ["a1", "a2", "a3"])
    assert [(s.member.in_queue, s.member.reason, s.member.told) for s in seen.values()] == [
        (True, "ACW", False), (False, None, False), (False, None, False),
    ]  # fmt: skip
    assert [s.has_leg for s in seen.values()] == [True, False, False]
    assert [s.phone and s.phone.phone for s in seen.values()] == ["ok", "lost", None]
