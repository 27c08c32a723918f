"""Simulated callers against the real Asterisk."""

import asyncio
import re
from pathlib import Path

import pytest

from hotline.errors import Invalid, StartupError
from hotline.settings import Settings
from hotline.simulate import simulate
from tests.integration.deployment import once
from tests.integration.pbx import Ami, Pbx

pytestmark = [pytest.mark.integration, once("pbx")]


async def test_each_caller_gets_a_line_that_says_what_happened(
    pbx: Pbx, actions: Ami, capsys: pytest.CaptureFixture[str]
) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=200, talk_ms=1000)
    failed = await asyncio.to_thread(
        simulate, pbx.settings, line="2912345", calls=2, rate=2.0, hold_s=10, number="013800138000"
    )
    lines = sorted(line for line in capsys.readouterr().out.splitlines() if line.startswith("call "))
    assert failed == 0
    assert re.fullmatch(r"call 1 from 013800138000: answered by a1, \d\.\d s on the line, ended by the agent", lines[0])
    assert lines[1] == "call 2 from 013800138001: busy (blocked)"


async def test_a_caller_hangs_up_when_the_time_is_over(pbx: Pbx, capsys: pytest.CaptureFixture[str]) -> None:
    await asyncio.to_thread(simulate, pbx.settings, line="12345", calls=1, rate=0.5, hold_s=3, number="13800138000")
    assert "voicemail, 3.0 s on the line, ended by the caller" in capsys.readouterr().out


async def test_a_line_that_is_none_is_refused(pbx: Pbx, capsys: pytest.CaptureFixture[str]) -> None:
    failed = await asyncio.to_thread(
        simulate, pbx.settings, line="999", calls=1, rate=1.0, hold_s=3, number="13800138000"
    )
    assert failed == 1
    assert "refused" in capsys.readouterr().out


def test_what_cannot_work_is_one_clear_line(tmp_path: Path) -> None:
    nobody = Settings(data_dir=tmp_path, sip_port=21999)
    with pytest.raises(StartupError, match="start the hotline first"):
        simulate(nobody, line="12345", calls=1, rate=1, hold_s=1, number="13800138000")
    far = Settings(data_dir=tmp_path, sip_port=21999, trunks="10.1.2.3")
    with pytest.raises(StartupError, match="HOTLINE_TRUNKS"):
        simulate(far, line="12345", calls=1, rate=1, hold_s=1, number="13800138000")
    with pytest.raises(Invalid):
        simulate(nobody, line="1;2", calls=1, rate=1, hold_s=1, number="13800138000")
