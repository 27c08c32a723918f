"""Starting, adopting, commanding and stopping the real Asterisk."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hotline.errors import StartupError
from hotline.ivr import render
from hotline.settings import Settings
from hotline.telephony.asterisk import Asterisk
from tests.integration.deployment import once
from tests.integration.pbx import Pbx
from tests.integration.process import until

pytestmark = [pytest.mark.integration, once("pbx")]
NewPbx = Callable[..., Awaitable[Pbx]]


def again(settings: Settings, **changes: object) -> Asterisk:
    """What another process of ours would make of the same (or slightly other) settings."""
    other = settings.model_copy(update=changes)
    return Asterisk(other, render.texts(other))


async def test_it_starts_without_a_complaint(new_pbx: NewPbx) -> None:
    pbx = await new_pbx()
    assert pbx.log_complaints() == []
    assert pbx.asterisk.places.secrets.stat().st_mode & 0o777 == 0o600


async def test_it_lives_in_a_session_of_its_own_and_is_adopted(new_pbx: NewPbx) -> None:
    pbx = await new_pbx()
    pid = pbx.asterisk.pid()
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)
    second = again(pbx.settings, asterisk_prefix=pbx.settings.asterisk_prefix)
    second.sounds = pbx.asterisk.sounds
    await second.start()
    assert second.pid() == pid


async def test_one_that_was_killed_runs_again_with_nobody_of_ours_there(new_pbx: NewPbx) -> None:
    pbx = await new_pbx()
    killed = pbx.asterisk.pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    later = again(pbx.settings)  # has started nothing itself
    await until(lambda: later.pid() not in {None, killed}, "another one runs")
    later.sounds = pbx.asterisk.sounds
    await later.start()
    pbx.calls(hold_ms=3000)
    async with pbx.ami() as events:
        await events.fact("HLOffered")
    await later.cli("channel request hangup all")
    await later.stop()
    assert not later.alive()


async def test_one_whose_keeper_died_is_stopped_and_started_all_the_same(new_pbx: NewPbx) -> None:
    pbx = await new_pbx(drain_s=0)
    keeper, pid = map(int, pbx.asterisk.places.pid.read_text().split())
    os.kill(keeper, signal.SIGKILL)
    assert pbx.asterisk.pid() == pid
    await pbx.asterisk.stop()
    assert not pbx.asterisk.alive()
    await pbx.asterisk.start()
    assert pbx.asterisk.pid() not in {None, pid}


async def test_a_changed_configuration_restarts_it_when_no_call_is_up_and_not_otherwise(new_pbx: NewPbx) -> None:
    pbx = await new_pbx()
    pid = pbx.asterisk.pid()
    pbx.calls(hold_ms=20000)
    async with pbx.ami() as events:
        await events.fact("HLOffered")
        changed = again(pbx.settings, ring_s=30)
        await changed.start()
        assert changed.pid() == pid
        await changed.cli("channel request hangup all")
        await events.fact("HLOutcome")
        await asyncio.sleep(0.3)
    await changed.start()
    assert changed.pid() != pid
    assert "timeout = 30" in (changed.places.etc / "queues.conf").read_text()
    await changed.stop()


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("ami_port", socket.SOCK_STREAM),
        ("asterisk_http_port", socket.SOCK_STREAM),
        ("sip_port", socket.SOCK_DGRAM),
    ],
)
async def test_a_taken_port_is_named_with_its_setting_and_holder(
    tmp_path: Path, setting: str, kind: socket.SocketKind
) -> None:
    pbx = Pbx.make(tmp_path, 21050)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", getattr(pbx.settings, setting)))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        with pytest.raises(StartupError) as caught:
            await pbx.start()
    port = getattr(pbx.settings, setting)
    assert caught.value.message.startswith(f"port {port} on 127.0.0.1 is taken by process {os.getpid()} (")
    assert f"HOTLINE_{setting.upper()}" in caught.value.message
    assert pbx.asterisk.pid() is None


async def test_stopping_waits_for_calls_no_longer_than_told(new_pbx: NewPbx) -> None:
    pbx = await new_pbx(drain_s=1)
    caller = pbx.calls(hold_ms=60000)
    async with pbx.ami() as events:
        await events.fact("HLOffered")
    began = asyncio.get_running_loop().time()
    await pbx.asterisk.stop()
    assert 1 <= asyncio.get_running_loop().time() - began < 8
    assert pbx.asterisk.pid() is None
    await caller.end(5)
    assert caller.said("ended-by-hotline") == 1


async def test_a_phone_with_a_new_secret_is_known_while_a_call_goes_on(new_pbx: NewPbx) -> None:
    pbx = await new_pbx(phones=())
    pbx.calls(hold_ms=20000)
    async with pbx.ami() as events:
        await events.fact("HLOffered")
        await pbx.asterisk.write_agents([("a0f1e2d3c4", "s" * 43)])
        assert "a0f1e2d3c4" in await pbx.asterisk.cli("pjsip show endpoints")
        assert pbx.asterisk.places.agents.stat().st_mode & 0o777 == 0o600
        assert "dtls" in (await pbx.asterisk.cli("pjsip show endpoint a0f1e2d3c4")).lower()
        assert await pbx.asterisk.active_calls() == 1
    assert pbx.log_complaints() == []


async def test_a_damaged_installation_is_one_clear_line(tmp_path: Path) -> None:
    pbx = Pbx.make(tmp_path, 21060)
    pbx.asterisk.texts["extensions.conf"] = "[general]\n"
    pbx.asterisk.places.make()
    (pbx.asterisk.places.root / "db" / "astdb.sqlite3").mkdir()
    with pytest.raises(StartupError, match=r"Asterisk ended at its start: .*database"):
        await pbx.start()
