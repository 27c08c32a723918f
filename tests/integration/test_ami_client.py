"""Our AMI client on the real Asterisk: its users' rights, the snapshot, commands, a restart, and whole calls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from hotline.calls.tracker import Tracker
from hotline.errors import TelephonyError
from hotline.events import CallAnswered, CallEnded, CallEvent
from hotline.telephony import actions
from hotline.telephony.client import AmiClient
from hotline.telephony.messages import Message, QueueMember
from tests.ami_clients import Heard, soon
from tests.integration.conftest import NewPbx
from tests.integration.deployment import once
from tests.integration.pbx import Pbx

pytestmark = [pytest.mark.integration, once("pbx")]


@asynccontextmanager
async def client(pbx: Pbx, heard: Heard | None = None) -> AsyncIterator[AmiClient]:
    """As the application makes them: for events when somebody hears, else for actions."""
    user = "actions" if heard is None else "events"
    made = AmiClient(
        host="127.0.0.1",
        port=pbx.settings.ami_port,
        user=user,
        secret=getattr(pbx.asterisk.secrets(), user),
        name=user,
        on_batch=None if heard is None else heard.batch,
        on_snapshot=None if heard is None else heard.snapshot,
        on_state=None if heard is None else heard.state,
    )
    task = asyncio.create_task(made.run())
    try:
        async with asyncio.timeout(10):
            await made.wait_live()
        yield made
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_snapshot_has_members_callers_and_channels(pbx: Pbx) -> None:
    async with client(pbx) as desk:
        await desk.send(actions.queue_add("hotline", "a1", paused=True, reason="BREAK"))
        pbx.calls(1)
        heard = Heard()
        async with client(pbx, heard) as ear:
            snapshot = await ear.snapshot()
            async with asyncio.timeout(10):
                while not snapshot.entries or snapshot.channels[0].application != "Queue":
                    snapshot = await ear.snapshot()
            (member,) = snapshot.members
            assert (member.queue, member.member, member.interface) == ("hotline", "a1", "PJSIP/a1")
            assert (member.kind, member.paused, member.reason) == ("snapshot", True, "BREAK")
            (entry,) = snapshot.entries
            (live,) = snapshot.channels
            assert (entry.queue, entry.position, entry.uniqueid) == ("hotline", 1, live.channel.uniqueid)
            assert (live.channel.caller_number, live.channel.linkedid) == ("13800138000", live.channel.uniqueid)
            assert snapshot.devices["PJSIP/a1"]
            assert ear.metrics.parser.lost == 0
            assert ear.metrics.list_retries == 0


async def test_commands_are_confirmed_by_events_and_refused_in_asterisks_words(pbx: Pbx) -> None:
    heard = Heard()
    async with client(pbx, heard), client(pbx) as desk:
        await desk.send(actions.queue_add("hotline", "a1", paused=True, reason="LUNCH"))
        await desk.send(actions.queue_pause("hotline", "a1", False))
        await desk.send(actions.queue_remove("hotline", "a1"))

        def told() -> list[tuple[str, bool]]:
            return [(item.kind, item.paused) for item in heard.log if isinstance(item, QueueMember)]

        await heard.until(lambda: ("removed", False) in told())
        assert ("added", True) in told()
        assert ("pause", False) in told()
        with pytest.raises(TelephonyError, match=r"(?i)not found|not there"):
            await desk.send(actions.queue_pause("hotline", "nobody", True))


async def test_the_control_extension_keeps_and_forgets_a_wrap_up(pbx: Pbx) -> None:
    async with client(pbx) as desk:
        await desk.send(actions.control("acw-set", "a1", 1778284860))
        await _database(pbx, "1778284860")
        await desk.send(actions.control("acw-clear", "a1"))
        await _database(pbx, None)


async def _database(pbx: Pbx, expected: str | None) -> None:
    async with asyncio.timeout(10):
        while True:
            said = await pbx.asterisk.cli("database get hl/acw a1")
            if (expected or "not found") in said:
                return
            await asyncio.sleep(0.02)


async def test_each_user_may_do_its_part_alone(pbx: Pbx) -> None:
    async with client(pbx, Heard()) as ear, client(pbx) as desk:
        for refused in (actions.queue_add("hotline", "a1"), actions.control("acw-clear", "a1")):
            with pytest.raises(TelephonyError, match=r"(?i)permission"):
                await ear.send(refused)
        for action in ("Command", "GetConfig", "DBPut"):
            with pytest.raises(TelephonyError, match=r"(?i)permission"):
                await desk.send(actions.Command(action))


async def test_a_wrong_secret_is_refused_and_said(pbx: Pbx) -> None:
    wrong = AmiClient(host="127.0.0.1", port=pbx.settings.ami_port, user="events", secret="wrong")
    task = asyncio.create_task(wrong.run())
    async with asyncio.timeout(10):
        await soon(lambda: wrong.metrics.refused_logins == 1)
    assert wrong.state != "live"
    task.cancel()
    await asyncio.wait({task})


async def test_a_call_becomes_events_without_an_unexpected_one(pbx: Pbx) -> None:
    heard, tracker = Heard(), Tracker("pbx1")
    async with client(pbx, heard), client(pbx) as desk:
        await desk.send(actions.queue_add("hotline", "a1"))
        pbx.phone("a1", answer_ms=200, talk_ms=700)
        pbx.calls(1)
        events: list[CallEvent] = []
        done = 0

        def ended() -> bool:
            nonlocal done
            messages = [item for item in heard.log if isinstance(item, Message)]
            for message in messages[done:]:
                events.extend(tracker.feed(message))
            done = len(messages)
            return any(isinstance(event, CallEnded) for event in events)

        async with asyncio.timeout(20):
            while not ended():
                await asyncio.sleep(0.02)
    assert [event.member for event in events if isinstance(event, CallAnswered)] == ["a1"]
    (end,) = [event for event in events if isinstance(event, CallEnded)]
    assert (end.outcome, end.hangup_by) == ("answered", "agent")
    assert not tracker.unexpected


async def test_after_a_restart_the_boot_is_another_and_the_client_live_again(new_pbx: NewPbx) -> None:
    pbx = await new_pbx()
    heard = Heard()
    async with client(pbx, heard):
        await pbx.asterisk.stop()
        await heard.until(lambda: heard.states[-1] == "down" or heard.states[-1] == "connecting")
        await asyncio.sleep(1)  # startup times are whole seconds
        await pbx.asterisk.start()
        async with asyncio.timeout(20):
            while len(heard.snapshots()) < 2 or heard.states[-1] != "live":
                await asyncio.sleep(0.05)
        before, after = heard.snapshots()
        assert before.boot < after.boot
