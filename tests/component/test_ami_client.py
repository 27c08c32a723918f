"""The contracts of the AMI client, each a test, against a fake manager on loopback that misbehaves as told."""

import asyncio
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from hotline.telephony.client import AmiClient, Timing, tls_for
from hotline.telephony.messages import DeviceStateChange, FullyBooted, Hangup, Message, Snapshot
from tests.ami_clients import AT, DEVICE, FAST, MEMBER, Heard, hangup, running, soon, timing
from tests.fake_asterisk import BANNER, SECRET, FakeAsterisk, Plan, channel_event, event, reply

# -- logging in


async def test_states_follow_each_other_from_connecting_to_live() -> None:
    heard = Heard()
    async with FakeAsterisk() as ami, running(ami, heard) as client:
        assert heard.states == ["connecting", "auth", "syncing", "live"]
        assert client.state == "live"
        ami.drop()
        await heard.until(lambda: heard.states.count("live") == 2)
        assert heard.states[4:] == ["down", "connecting", "auth", "syncing", "live"]


async def test_the_secret_is_neither_on_the_wire_nor_in_the_log() -> None:
    with capture_logs() as logs:
        async with FakeAsterisk() as ami, running(ami, Heard()):
            (login,) = ami.sent("Login")
            assert (login["authtype"], login["username"], login["events"]) == ("MD5", "events", "on")
            assert SECRET.encode() not in ami.raw
        async with FakeAsterisk(Plan(login="refuse")) as ami, running(ami, wait=False):
            await ami.got("Login", 2)
    assert logs
    assert SECRET not in repr(logs)
    assert login["key"] not in repr(logs)


async def test_a_refused_login_is_one_clear_line_and_a_slow_retry() -> None:
    with capture_logs() as logs:
        async with FakeAsterisk(Plan(login="refuse"), Plan()) as ami:
            began = asyncio.get_running_loop().time()
            async with running(ami) as client:
                assert asyncio.get_running_loop().time() - began >= FAST.refused
                assert client.metrics.refused_logins == 1
    (line,) = [entry for entry in logs if "refused" in entry["event"]]
    assert (line["log_level"], line["user"], line["said"]) == ("error", "events", "Authentication failed")


async def test_a_login_that_stalls_is_given_up_and_tried_again() -> None:
    heard = Heard()
    async with (
        FakeAsterisk(Plan(login="stall"), Plan()) as ami,
        running(ami, heard, timing=timing(deadline=0.05)) as client,
    ):
        assert (client.metrics.deadlines, ami.connections) == (1, 2)
        assert heard.states == ["connecting", "auth", "down", "connecting", "auth", "syncing", "live"]


@pytest.mark.parametrize("greet", [b"", BANNER[:-2]])
async def test_a_port_that_says_nothing_is_given_up_after_the_connect_timeout(greet: bytes) -> None:
    async with (
        FakeAsterisk(Plan(greet=greet), Plan()) as ami,
        running(ami, timing=timing(connect=0.02)),
    ):
        assert ami.connections == 2
        assert len(ami.sent("Login")) == 1


@pytest.mark.parametrize("greet", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\xff" * 4000, b"x" * 1024 * 1024])
async def test_a_port_that_is_no_manager_gets_no_login(greet: bytes) -> None:
    async with FakeAsterisk(Plan(greet=greet), Plan()) as ami, running(ami):
        assert ami.connections == 2
        assert len(ami.sent("Challenge")) == 1


async def test_nobody_listening_is_retried_for_ever() -> None:
    async with FakeAsterisk() as ami:
        pass
    async with running(ami, wait=False) as client:
        await asyncio.sleep(0.01)
        async with ami, asyncio.timeout(5):
            await client.wait_live()


def test_back_off_doubles_to_a_bound_with_jitter() -> None:
    for attempt, full in enumerate([0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]):
        delays = {Timing().delay(attempt) for _ in range(50)}
        assert all(full * 2 / 3 <= delay <= full for delay in delays)
        assert len(delays) > 1


def test_a_connection_that_served_is_missed_at_once_and_looked_for_every_second_at_first() -> None:
    assert all(Timing().delay(-1) <= 0.1 for _ in range(50))
    assert all(Timing().delay(attempt, lost_for=29.0) <= 1.0 for attempt in range(8) for _ in range(50))
    assert Timing().delay(8, lost_for=31.0) >= 10.0


async def test_a_lost_connection_that_served_is_tried_again_without_a_wait() -> None:
    slow = timing(steady=0, backoff_first=0.01, backoff_most=60)
    async with FakeAsterisk(Plan(), Plan()) as ami, running(ami, Heard(), timing=slow) as client:
        ami.drop()
        await soon(lambda: client.metrics.connects == 2)


async def test_whoever_started_asterisk_need_not_wait_for_the_next_try() -> None:
    slow = timing(backoff_first=60, backoff_most=60, soon_most=60)
    heard = Heard()
    async with FakeAsterisk(Plan(), Plan()) as ami, running(ami, heard, timing=slow) as client:
        ami.drop()
        await heard.until(lambda: heard.states[-1] == "down")
        assert ami.connections == 1
        client.hurry()
        await heard.until(lambda: heard.states.count("live") == 2)
        client.hurry()  # while it is there: nothing
        assert not client._hurry.is_set()


def test_tls_is_used_wherever_the_address_is_not_loopback() -> None:
    assert tls_for("127.0.0.1", None) is None
    assert tls_for("127.8.8.8", None) is None
    assert tls_for("::1", None) is None
    assert tls_for("localhost", None) is None
    for host in ("192.0.2.1", "pbx.example", "localhost.example"):
        context = tls_for(host, None)
        assert context is not None
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_with_tls_nothing_is_said_in_the_clear() -> None:
    first = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not first.done():
            first.set_result(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = AmiClient(
        host="127.0.0.1", port=port, user="events", secret=SECRET, tls=ssl.create_default_context(), timing=FAST
    )
    task = asyncio.create_task(client.run())
    hello = await asyncio.wait_for(first, 5)
    task.cancel()
    await asyncio.wait({task})
    server.close()
    await server.wait_closed()
    assert hello[:2] == b"\x16\x03"  # a TLS record: handshake
    assert b"Action" not in hello


async def test_leaving_says_so() -> None:
    async with FakeAsterisk() as ami:
        async with running(ami) as client:
            pass
        await ami.got("Logoff")
        assert client.state == "down"


# -- snapshot first, then what was buffered, then live


async def test_events_since_the_login_wait_for_the_snapshot() -> None:
    heard = Heard()
    plan = Plan(after_login=hangup(1) + hangup(2), lists={"queuestatus": [MEMBER], "devicestatelist": [DEVICE]})
    async with FakeAsterisk(plan) as ami, running(ami, heard) as client:
        snapshot, *rest = heard.log
        assert isinstance(snapshot, Snapshot)
        assert snapshot.boot == "2026-05-09T08:00:00"
        assert [member.member for member in snapshot.members] == ["a7f3"]
        assert snapshot.devices == {"PJSIP/a7f3": "NOT_INUSE"}
        assert snapshot.behind == tuple(rest)
        assert isinstance(rest[0], FullyBooted)
        assert heard.causes() == [1, 2]
        assert client.metrics.snapshots == 1
        await ami.play(hangup(3))
        await heard.until(lambda: heard.causes() == [1, 2, 3])


async def test_events_during_the_snapshot_come_after_it() -> None:
    heard = Heard()

    def slow(command: Mapping[str, str]) -> bytes:
        return hangup(1) + ami.peer.rows({**command}) + hangup(2)

    plan = Plan(answers={"devicestatelist": slow})
    async with FakeAsterisk(plan) as ami, running(ami, heard):
        assert isinstance(heard.log[0], Snapshot)
        await heard.until(lambda: heard.causes() == [1, 2])


async def test_a_pbx_that_still_boots_is_waited_for() -> None:
    heard = Heard()
    async with FakeAsterisk(Plan(booted=False)) as ami, running(ami, heard, wait=False) as client:
        await ami.logged_in.wait()
        await heard.until(lambda: client.state == "syncing")
        assert ami.sent("CoreStatus") == []
        await ami.play(event("FullyBooted", AT))
        await heard.until(lambda: client.state == "live")


async def test_core_status_is_asked_until_the_boot_time_is_known() -> None:
    answers = [("", ""), ("1970-01-01", "00:00:00"), ("2026-05-09", "08:00:00")]

    def status(command: Mapping[str, str]) -> bytes:
        date, time = answers.pop(0)
        return reply(command, ("CoreStartupDate", date), ("CoreStartupTime", time))

    heard = Heard()
    async with FakeAsterisk(Plan(answers={"corestatus": status})) as ami, running(ami, heard):
        assert heard.snapshots()[0].boot == "2026-05-09T08:00:00"
        assert len(ami.sent("CoreStatus")) == 3


async def test_every_connect_takes_a_new_snapshot() -> None:
    heard = Heard()
    async with FakeAsterisk(Plan(), Plan(boot=("2026-05-10", "09:00:00"))) as ami, running(ami, heard):
        ami.drop()
        await heard.until(lambda: heard.states.count("live") == 2)
        assert [snapshot.boot for snapshot in heard.snapshots()] == ["2026-05-09T08:00:00", "2026-05-10T09:00:00"]


async def test_a_snapshot_that_cannot_be_taken_in_is_tried_again_on_a_new_connection() -> None:
    heard = Heard()
    failures = [RuntimeError("database away")]

    async def fail_once(snapshot: Snapshot) -> None:
        if failures:
            raise failures.pop()
        await heard.snapshot(snapshot)

    async with FakeAsterisk() as ami, running(ami, heard, on_snapshot=fail_once) as client:
        assert ami.connections == 2
        assert client.metrics.handler_errors == 1
        assert len(heard.snapshots()) == 1


async def test_a_snapshot_that_is_wanted_at_once_waits_for_no_pause() -> None:
    heard = Heard()
    async with FakeAsterisk() as ami, running(ami, heard, timing=timing(resync_pause=60.0)) as client:
        client.resync()
        await ami.play(hangup(1))
        await heard.until(lambda: heard.causes() == [1])
        assert len(heard.snapshots()) == 1
        client.resync(at_once=True)
        await heard.until(lambda: len(heard.snapshots()) == 2)


async def test_the_actions_connection_takes_no_snapshot_and_no_events() -> None:
    async with FakeAsterisk() as ami, running(ami) as client:
        assert client.state == "live"
        assert ami.sent("Login")[0]["events"] == "off"
        assert {command["action"] for command in ami.commands} == {"Challenge", "Login"}


# -- the reader


async def test_a_new_socket_never_hears_the_old_one() -> None:
    """Cut inside a block: what the old socket began is not completed by the new one's bytes."""
    heard = Heard()
    async with FakeAsterisk() as ami, running(ami, heard) as client:
        await ami.play(hangup(1) + hangup(2)[:-30])
        await heard.until(lambda: heard.causes() == [1])
        ami.drop()
        await heard.until(lambda: heard.states.count("live") == 2)
        await ami.play(hangup(3))
        await heard.until(lambda: heard.causes() == [1, 3])
        assert client.metrics.parser.lost == 0


async def test_what_arrives_after_a_connection_was_given_up_is_ignored() -> None:
    heard = Heard()
    async with FakeAsterisk() as ami, running(ami, heard) as client:
        old = client._connection
        assert old is not None
        old.close("test")
        old.data_received(hangup(9))
        await heard.until(lambda: heard.states.count("live") == 2)
        assert heard.causes() == []


@pytest.mark.parametrize("piece", [1, 7])
async def test_a_stream_in_small_pieces_loses_no_character(piece: int) -> None:
    heard = Heard()
    data = channel_event("Hangup", AT, "pbx1-1.1", ("Cause", "1"), caller_name="李四\u2028王五")
    async with FakeAsterisk(Plan(piece=piece)) as ami, running(ami, heard):
        await ami.play(data)
        await heard.until(lambda: heard.causes() == [1])
        (message,) = [item for item in heard.log if isinstance(item, Hangup)]
        assert message.channel.caller_name == "李四\u2028王五"


@pytest.mark.parametrize("cut_at", [3, 40, 150, 400, 700, 1100])
async def test_a_stream_cut_at_any_byte_is_begun_anew(cut_at: int) -> None:
    heard = Heard()
    async with FakeAsterisk(Plan(cut_at=cut_at, after_login=hangup(1)), Plan()) as ami, running(ami, heard, wait=False):
        await heard.until(lambda: "live" in heard.states and ami.connections >= 1)
        if ami.connections == 1:
            with suppress(ConnectionError):
                await ami.play(hangup(2) * 20)
        await heard.until(lambda: heard.states[-1] == "live" and ami.connections == 2)


async def test_what_one_read_brought_is_one_batch_in_order() -> None:
    heard = Heard()
    async with FakeAsterisk() as ami, running(ami, heard):
        heard.batches.clear()
        await ami.play(b"".join(hangup(n) for n in range(20)))
        await heard.until(lambda: len(heard.causes()) == 20)
        assert heard.causes() == list(range(20))
        assert len(heard.batches) < 5


async def test_a_handler_that_raises_is_counted_and_ends_nothing() -> None:
    heard = Heard()

    async def raise_once(batch: Sequence[Message]) -> None:
        if any(isinstance(message, Hangup) and message.cause == 1 for message in batch):
            raise RuntimeError
        await heard.batch(batch)

    async with FakeAsterisk() as ami, running(ami, heard, on_batch=raise_once) as client:
        await ami.play(hangup(1))
        await heard.until(lambda: len(heard.snapshots()) == 2)  # what the batch said is made good by a new snapshot
        await ami.play(hangup(2))
        await heard.until(lambda: heard.causes() == [2])
        assert (client.metrics.handler_errors, client.metrics.lost_batches) == (1, 1)
        assert (ami.connections, client.metrics.queued) == (1, 0)


async def test_a_state_handler_that_raises_ends_nothing() -> None:
    async def fail(_state: str) -> None:
        raise RuntimeError

    async with FakeAsterisk() as ami, running(ami, Heard(), on_state=fail) as client:
        assert client.metrics.handler_errors == 4


async def test_a_handler_too_slow_costs_the_connection_and_never_a_single_event() -> None:
    heard, gate = Heard(), asyncio.Event()

    async def slow(batch: Sequence[Message]) -> None:
        if any(isinstance(message, Hangup) for message in batch):
            await gate.wait()
        await heard.batch(batch)

    async with FakeAsterisk() as ami, running(ami, heard, on_batch=slow, limit=10) as client:
        for n in range(8):
            await ami.play(hangup(n))
            await soon(lambda n=n: client.metrics.queued == n + 1)  # type: ignore[misc]
        await ami.play(b"".join(hangup(n) for n in range(8, 16)))
        await heard.until(lambda: client.state == "down")
        assert client.metrics.overflows == 1
        assert client.metrics.queued == 8
        await asyncio.sleep(FAST.backoff_most * 3)
        assert ami.connections == 1  # not again before the queue is worked off
        gate.set()
        await heard.until(lambda: heard.states.count("live") == 2)
        assert heard.causes() == list(range(8))
        assert isinstance(heard.log[-2], Snapshot)
        assert client.metrics.queued_most <= 10


async def test_garbage_and_a_line_of_1_mb_are_left_out_and_a_new_snapshot_taken() -> None:
    heard = Heard()
    async with FakeAsterisk() as ami, running(ami, heard) as client:
        line = b"Event: Hangup\r\nX: " + b"x" * 1024 * 1024 + b"\r\n\r\n"
        await ami.play(b"\0\xff garbage\r\n\r\n" + hangup(1) + line + hangup(2), piece=65536)
        await heard.until(lambda: len(heard.snapshots()) >= 2 and heard.causes() == [1, 2])
        assert (client.metrics.parser.garbage, client.metrics.parser.oversized) == (1, 1)
        assert (ami.connections, client.state) == (1, "live")


async def test_unwanted_events_do_not_reach_the_handler() -> None:
    heard = Heard()
    wanted = frozenset({"Hangup"})
    async with FakeAsterisk() as ami, running(ami, heard, wanted=wanted) as client:
        await ami.play(event("DeviceStateChange", AT, ("Device", "PJSIP/a"), ("State", "INUSE")) + hangup(1))
        await heard.until(lambda: heard.causes() == [1])
        assert not any(isinstance(item, DeviceStateChange) for item in heard.log)
        assert client.metrics.parser.dropped == 1


async def test_a_drift_check_takes_a_snapshot_now_and_then() -> None:
    heard = Heard()
    async with FakeAsterisk() as ami, running(ami, heard, timing=timing(drift_check=0.005)):
        await heard.until(lambda: len(heard.snapshots()) >= 3)
        assert ami.connections == 1


# -- the watchdog


async def test_silence_is_death_and_a_new_connection() -> None:
    heard = Heard()
    plan = Plan(answers={"ping": None})
    with capture_logs() as logs:
        fast = timing(ping_every=0.01, dead_after=0.05)
        async with FakeAsterisk(plan, Plan()) as ami, running(ami, heard, timing=fast):
            await heard.until(lambda: heard.states.count("live") == 2)
            assert ami.connections >= 2
            assert ami.sent("Ping")
    assert "silent for 0.05 s" in [entry.get("reason") for entry in logs]


async def test_a_quiet_pbx_that_answers_pings_stays_connected() -> None:
    async with FakeAsterisk() as ami, running(ami, timing=timing(ping_every=0.005, dead_after=0.05)):
        async with asyncio.timeout(5):
            await ami.got("Ping", 15)
        assert ami.connections == 1


async def test_no_thread_is_started() -> None:
    before = threading.active_count()
    async with FakeAsterisk() as ami, running(ami, Heard()):
        assert threading.active_count() == before
