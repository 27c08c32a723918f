"""kill -9 of our process, of Asterisk, of both: who talks goes on talking, and every agent is what they were."""

import asyncio
import json
import os
import re
import signal
import sys
import time
import wave
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bench.house import House, house
from hotline.ivr import render
from hotline.telephony.asterisk import Asterisk
from hotline.telephony.install import config_home
from tests.integration import deployment, pbx
from tests.integration.pbx import Ami, Sipp
from tests.integration.process import until
from tests.integration.sound import short_sounds

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
LIVE_WITHIN_S = 10.0  # five on a machine of its own, which is measured by script/bench
WRAP_UP_S = 300  # longer than all that happens here
READY, LUNCH, BREAK, ACW = "ready", "paused:LUNCH", "paused:BREAK", "wrap_up:ACW"


class Survivor:
    """A house with four agents whose phones answer by themselves. `names`: their endpoints, in order."""

    def __init__(self, made: House) -> None:
        self.house, self.names = made, made.endpoints
        self.asterisk = Asterisk(made.settings, render.texts(made.settings))
        self.took: list[str] = []
        self._lab = pbx.Pbx(made.settings, self.asterisk, made.directory)

    async def begin(self) -> None:
        await self.house.start()
        short = short_sounds(config_home() / "sounds", self.house.directory / "short") / "zh"
        link = self.asterisk.places.data / "sounds" / "zh"
        link.unlink()
        link.symlink_to(short)
        phones = self._lab.sipp(
            pbx.TEST_FILES / "agent.xml", address=pbx.PHONES, port=self.house.phones_port, count=100000,
            answer_ms=300, talk_ms=3600000, sound=pbx.SIPP_FILES / "caller.al",
        )  # fmt: skip
        self.house.running.append(phones)

    def call(self, number: int, hold_ms: int, line: str = "12345") -> Sipp:
        sipp = self._lab.calls(1, hold_ms=hold_ms, first_number=number, line=line)
        self.house.running.append(sipp)
        return sipp

    # What is killed

    def kill_ours(self) -> float:
        for process in self.house.processes:
            process.kill()
        return time.monotonic()

    def kill_asterisk(self) -> float:
        pid = self.asterisk.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return time.monotonic()

    async def live_again(self, killed: float, epoch: int) -> float:
        """Seconds from the kill until the node is live in an epoch after `epoch`."""
        await until(lambda: self.epoch() > epoch, "live again", 30)
        return time.monotonic() - killed

    # What is so

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return deployment.rows(self.house.settings, query, *values)

    def epoch(self) -> int:
        return int((self.rows("select epoch from pbx_node where state = 'live'") or [(0,)])[0][0])

    def shown(self) -> list[str]:
        """Each agent as the screens have them: state, with the reason of a pause."""
        rows = {row[0]: row[1:] for row in self.rows("select endpoint, state, reason from agent")}
        return [f"{state}:{reason}" if reason else state for state, reason in (rows[name] for name in self.names)]

    async def asked(self) -> list[str]:
        """Each agent as Asterisk has them."""
        said = await self.asterisk.cli("queue show hotline")
        found = {}
        for line in said.splitlines():
            name = re.search(r"PJSIP/(\w+)", line)
            if name:
                reason = re.search(r"\(paused:(\w+)", line)
                found[name[1]] = reason[1] if reason else "rung"
        return [found.get(name, "out") for name in self.names]

    async def becomes(self, *states: str) -> None:
        await until(lambda: self.shown() == list(states), lambda: f"{states}, is {self.shown()}")

    async def both_say(self, *states: str) -> None:
        """Screens and Asterisk agree, and nobody is left unable to be rung, or rung while paused."""
        wanted = [state.partition(":")[2] or "rung" for state in states]
        await self.becomes(*states)
        assert await self.asked() == wanted

    def ends(self) -> list[float]:
        """When each wrap-up ends, Unix seconds."""
        rows = self.rows("select wrap_up_until from agent where wrap_up_until is not null order by wrap_up_until")
        return [datetime.fromisoformat(f"{row[0]}+00:00").timestamp() for row in rows]

    async def stated_ends(self) -> list[float]:
        said = await self.asterisk.cli("database show hl/acw")
        return sorted(float(found) for found in re.findall(r"/hl/acw/\w+\s*: (\d+)", said))

    def record(self, number: int) -> dict[str, Any]:
        names = ("outcome", "hangup_by", "phase", "talk_ms", "agent", "ref")
        (row,) = self.rows(
            "select c.outcome, c.hangup_by, c.phase, c.talk_ms, a.endpoint, t.ref from call c"
            " left join agent a on a.id = c.agent_id join contact k on k.call_id = c.id"
            " join contact_ticket kt on kt.contact_id = k.id join ticket t on t.id = kt.ticket_id"
            " where c.caller_number = ?", str(number),
        )  # fmt: skip
        return dict(zip(names, row, strict=True))

    def sound(self, number: int) -> Path:
        ((file,),) = self.rows(
            "select r.file from recording r join call c on c.id = r.call_id where c.caller_number = ?", str(number)
        )
        return self.house.settings.recordings_dir / str(file)

    def states(self, number: int) -> list[str]:
        """Of the recordings of a call."""
        query = "select r.state from recording r join call c on c.id = r.call_id where c.caller_number = ?"
        return [row[0] for row in self.rows(query, str(number))]


@pytest.fixture
async def survivor() -> AsyncIterator[Survivor]:
    async with house(24500, roles=deployment.ROLES, lines="12345:5,2912345:1", wrap_up_s=WRAP_UP_S) as made:
        await made.fill(4, 0)
        made.endpoints.sort()
        one = Survivor(made)
        try:
            await one.begin()
            yield one
        finally:
            for sipp in made.running:
                sipp.stop()
            await made.stop()
            await one.asterisk.stop()


async def _tell(ami: Ami, action: str, name: str, **more: str) -> None:
    said = await ami.send(action, Queue="hotline", Interface=f"PJSIP/{name}", **more)
    assert said["Response"] == "Success", said


async def test_talks_and_agents_states_outlive_us_asterisk_and_both(survivor: Survivor) -> None:
    a, b, c, d = survivor.names
    ami = Ami(survivor.house.settings.ami_port, "actions", survivor.asterisk.secrets().actions)
    async with ami:
        await _tell(ami, "QueueAdd", c, MemberName=c)
        await survivor.becomes("offline", "offline", READY, "offline")
        await survivor.call(13800138001, 1500).end()
        await survivor.becomes("offline", "offline", ACW, "offline")
        await _tell(ami, "QueueAdd", d, MemberName=d)
        talks = survivor.call(13800138002, 120_000)
        await survivor.becomes("offline", "offline", ACW, "on_call")
        await _tell(ami, "QueueAdd", a, MemberName=a)
        await _tell(ami, "QueueAdd", b, MemberName=b, Paused="true", Reason="LUNCH")
        await survivor.becomes(READY, LUNCH, ACW, "on_call")

        # Ours. The child goes on talking, to the end and beyond our return.
        before, ends, heard = survivor.epoch(), survivor.ends(), survivor.sound(13800138002)
        killed = survivor.kill_ours()
        size = heard.stat().st_size
        await until(lambda: heard.stat().st_size > size + 16000, "the talk is recorded on")
        assert talks.process.poll() is None
        await survivor.house.start()
        took = await survivor.live_again(killed, before)
        survivor.took.append(f"live {survivor.house.ready_s:.2f} s after the start, {took:.2f} s after kill -9 of ours")
        assert survivor.house.ready_s <= LIVE_WITHIN_S
        await survivor.becomes(READY, LUNCH, ACW, "on_call")
        assert survivor.ends() == ends
        size = heard.stat().st_size
        await until(lambda: heard.stat().st_size > size + 16000, "the talk is recorded on")
        for _ in range(2):
            talks.process.send_signal(signal.SIGUSR1)
            await asyncio.sleep(0.1)
        await talks.end()
        await survivor.both_say(READY, LUNCH, ACW, ACW)
        record = survivor.record(13800138002)
        assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "caller", d)
        with wave.open(str(heard)) as sound:
            assert abs(sound.getnframes() / sound.getframerate() - record["talk_ms"] / 1000) < 1.0
        assert await survivor.stated_ends() == pytest.approx(survivor.ends(), abs=1)

        # Asterisk, with changes that it has not written down yet.
        survivor.call(13800138003, 120_000)
        await survivor.becomes("on_call", LUNCH, ACW, ACW)
        cut = survivor.sound(13800138003)
        await until(lambda: cut.exists() and cut.stat().st_size > 16000, "something of the talk is on the disk")
        before, ends = survivor.epoch(), survivor.ends()
        await _tell(ami, "QueuePause", b, Paused="true", Reason="BREAK")
        await survivor.becomes("on_call", BREAK, ACW, ACW)
        killed = survivor.kill_asterisk()
    took = await survivor.live_again(killed, before)
    survivor.took.append(f"live {took:.2f} s after kill -9 of Asterisk")
    assert took <= LIVE_WITHIN_S
    await survivor.both_say(ACW, BREAK, ACW, ACW)
    assert survivor.ends()[:2] == ends
    await until(lambda: _stated(survivor), "Asterisk keeps the wrap-ups' ends")
    record = survivor.record(13800138003)
    assert (record["phase"], record["hangup_by"], record["agent"]) == ("ended", "system", a)

    await until(lambda: survivor.states(13800138003) == ["repaired"], "the recording that was cut is completed")
    with wave.open(str(cut)) as sound:
        assert sound.getnframes() > 7000

    # Both, as when the machine starts anew; the last button was pressed a moment before.
    async with Ami(survivor.house.settings.ami_port, "actions", survivor.asterisk.secrets().actions) as ami:
        await _tell(ami, "QueuePause", b, Paused="false")
        await _tell(ami, "QueuePause", a, Paused="true", Reason="LUNCH")
        await survivor.becomes(LUNCH, READY, ACW, ACW)
        before = survivor.epoch()
        survivor.kill_asterisk()
        survivor.kill_ours()
    await survivor.house.start()
    assert survivor.epoch() > before
    assert survivor.house.ready_s <= LIVE_WITHIN_S
    survivor.took.append(f"live {survivor.house.ready_s:.2f} s after the start of both")
    await survivor.both_say(LUNCH, READY, ACW, ACW)
    survivor.call(13800138004, 120_000)
    await survivor.becomes(LUNCH, "on_call", ACW, ACW)
    corrected = survivor.rows("select data from event_log where type = 'DriftCorrected'")
    assert [json.loads(row[0]) for row in corrected] == []
    sys.stdout.write("\n".join(["", *survivor.took, ""]))


async def _stated(survivor: Survivor) -> bool:
    return await survivor.stated_ends() == pytest.approx(survivor.ends(), abs=1)
