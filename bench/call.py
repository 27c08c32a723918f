"""What a caller and an agent wait for: first sound after the INVITE, ring of a free agent after the notice.

A real Asterisk alone, no process of ours: this part must not need one. Clock: ours for the caller's side, Asterisk's
own timestamps for the ring (end of notice = queue join, since Queue() follows it).
"""

import asyncio
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from hotline.telephony.install import config_home
from tests.integration import ear, sound
from tests.integration.pbx import TRUNK, Pbx

ROUNDS = 15


async def measure() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as name:
        pbx = Pbx.make(Path(name), base=27000, wrap_up_s=0)
        await pbx.start(["a1"])
        try:
            first = [await _first_sound(pbx) for _ in range(ROUNDS)]
            rings = await _rings(pbx)
        finally:
            await pbx.stop()
    return [_figure("call.first_sound", first), _figure("call.ring_after_notice", rings)]


async def _first_sound(pbx: Pbx) -> float:
    heard = await ear.listen(("127.0.0.1", pbx.settings.sip_port), address=TRUNK, line="12345")
    if heard.sound_s is None:
        raise RuntimeError(f"no sound came: {heard}")
    return heard.sound_s * 1000


async def _rings(pbx: Pbx) -> list[float]:
    """P01 and P02 have their length; what is left of answer → the phone's own Ringing is ours."""
    spoken = sum(len(sound.read_wav(config_home() / "sounds" / "zh" / f"{n}.wav")) for n in ("P01", "P02")) / sound.RATE
    waits: list[float] = []
    async with pbx.ami() as events, pbx.ami("actions") as actions:
        await actions.send("QueueAdd", Queue="hotline", Interface="PJSIP/a1", MemberName="a1")
        for _ in range(5):
            since = len(events.raw)
            phone = pbx.phone("a1", answer_ms=500, talk_ms=500)
            caller = pbx.calls(1, hold_ms=20000)
            up = await events.event("Newstate", since=since, ChannelStateDesc="Up")
            rang = await events.event("Newstate", since=since, timeout_s=30, ChannelStateDesc="Ringing")
            waits.append((float(rang["Timestamp"]) - float(up["Timestamp"]) - spoken) * 1000)
            await caller.end()
            phone.stop()
            await asyncio.sleep(4)  # app_queue rests 3 s after a call
    return waits


def _figure(name: str, values: list[float]) -> dict[str, Any]:
    return {
        "bench": name, "value": round(statistics.median(values), 1), "unit": "ms", "min": round(min(values), 1),
        "max": round(max(values), 1), "count": len(values),
    }  # fmt: skip


if __name__ == "__main__":
    for row in asyncio.run(measure()):
        print(json.dumps(row))
