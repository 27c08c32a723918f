"""Records what the real Asterisk says on AMI, as transcripts: python -m tests.capture [NAME…]

Each transcript is all that one login of the events user read, byte for byte, from a fresh Asterisk with the real
dialplan. Numbers are test numbers. NAME `movements`, `outbound`, `supervision`, `parking`, `pickup`: all scenes of
tests.capture_movements, _outbound and _help by that name, in turn. With --journal what Asterisk itself wrote of the
same run is kept beside it, in tests/journal, and the transcripts stay as they are.
"""

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hotline.telephony.install import config_home
from tests.capture_help import PARKING, PICKUP, SUPERVISION
from tests.capture_movements import MOVEMENTS
from tests.capture_outbound import OUTBOUND
from tests.capture_plays import Script
from tests.integration.pbx import Ami, Pbx
from tests.integration.scene import TONES
from tests.integration.sound import short_sounds, tone_music

HERE = Path(__file__).resolve().parent / "transcripts"
JOURNAL = HERE.with_name("journal")
SCRIPTS: dict[str, tuple[Script, dict[str, Any]]] = {}
SETS = {
    "movements": MOVEMENTS, "outbound": OUTBOUND, "supervision": SUPERVISION, "parking": PARKING, "pickup": PICKUP,
}  # fmt: skip
SCENES = {name: script for plays in SETS.values() for name, script in plays.scripts().items()}
SCRIPTS |= SCENES
GREETING_S = 9.6  # P01 and P02


def script(name: str, **settings: Any) -> Callable[[Script], Script]:
    def keep(function: Script) -> Script:
        SCRIPTS[name] = (function, settings)
        return function

    return keep


@script("answered-caller-hangs-up")
async def answered_by_caller(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1")
    pbx.calls(hold_ms=16000)
    await events.fact("HLOutcome", HLOutcome="answered", HLHangupBy="caller", timeout_s=30)


@script("answered-agent-hangs-up")
async def answered_by_agent(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", talk_ms=4000)
    pbx.calls(hold_ms=60000)
    await events.fact("HLOutcome", HLOutcome="answered", HLHangupBy="agent", timeout_s=30)


@script("abandoned")
async def abandoned(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=60000)
    pbx.calls(hold_ms=12500)
    await events.fact("HLOutcome", HLOutcome="abandoned", timeout_s=30)


@script("ring-no-answer-next-agent")
async def next_agent(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=60000)
    pbx.phone("a2")
    pbx.calls(hold_ms=22000)
    await events.event("AgentCalled", MemberName="a1", timeout_s=20)
    await pbx.sign_in(actions, "a2")
    await events.fact("HLOutcome", HLOutcome="answered", HLMember="a2", timeout_s=30)


@script("rejected-next-agent")
async def rejected(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=1500, rejects=True)
    pbx.phone("a2")
    pbx.calls(hold_ms=18000)
    await events.event("AgentCalled", MemberName="a1", timeout_s=20)
    await pbx.sign_in(actions, "a2")
    await events.fact("HLOutcome", HLOutcome="answered", HLMember="a2", timeout_s=30)


@script("blocked")
async def blocked(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1")
    pbx.calls(6, hold_ms=14000)
    for _ in range(100):
        if sum(b.get("UserEvent") == "HLOutcome" for b in events.blocks()) == 6:
            return
        await asyncio.sleep(0.3)
    raise AssertionError("six outcomes were expected")


@script("voicemail-nobody")
async def nobody(pbx: Pbx, events: Ami, actions: Ami) -> None:
    pbx.calls(hold_ms=27000)
    await events.fact("HLOutcome", HLOutcome="voicemail", timeout_s=40)


@script("voicemail-closed", open="closed")
async def closed(pbx: Pbx, events: Ami, actions: Ami) -> None:
    pbx.calls(hold_ms=26000)
    await events.fact("HLOutcome", HLOutcome="voicemail", timeout_s=40)


@script("closed-hang-up", open="closed")
async def closed_hang_up(pbx: Pbx, events: Ami, actions: Ami) -> None:
    pbx.calls(hold_ms=5000)
    await events.fact("HLOutcome", HLOutcome="closed", timeout_s=20)


@script("voicemail-waited", max_wait_s=10)
async def waited(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1", answer_ms=60000)
    pbx.calls(hold_ms=43000)
    await events.fact("HLOutcome", HLOutcome="voicemail", timeout_s=60)


@script("phone-lost-next-agent")
async def phone_lost(pbx: Pbx, events: Ami, actions: Ami) -> None:
    await pbx.sign_in(actions, "a1")
    pbx.phone("a1")
    pbx.phone("a2")
    pbx.calls(hold_ms=22000)
    found = await events.event("AgentConnect", MemberName="a1", timeout_s=20)
    await pbx.sign_in(actions, "a2")
    await asyncio.sleep(2)
    await actions.send("Hangup", Channel=found["DestChannel"], Cause=38)
    await events.fact("HLOutcome", HLOutcome="answered", HLMember="a2", timeout_s=30)


@script("mixed", lines="12345:200,2912345:2", wrap_up_s=2, max_wait_s=30)
async def mixed(pbx: Pbx, events: Ami, actions: Ami) -> None:
    """Some 240 calls of all kinds, for measuring."""
    phones = [f"b{number}" for number in range(40)]
    await pbx.sign_in(actions, *phones)
    pbx.phone("b0", answer_ms=800, talk_ms=4000, count=10000)
    callers = [
        pbx.calls(120, rate=3, hold_ms=60000),
        pbx.calls(60, rate=1.5, hold_ms=10100, first_number=13900139000),
        pbx.calls(30, rate=1.0, hold_ms=11000, line="2912345", first_number=13700137000),
    ]
    unpause = asyncio.create_task(unpause_when_over(events, actions))
    for sipp in callers:
        await sipp.end(180)
    unpause.cancel()


async def unpause_when_over(events: Ami, actions: Ami) -> None:
    since = 0
    while True:
        await asyncio.sleep(2)
        blocks, since = events.blocks(since), len(events.raw)
        for member in {b["HLMember"] for b in blocks if b.get("UserEvent") == "HLWrapUp"}:
            await actions.send("QueuePause", Queue="hotline", Interface=f"PJSIP/{member}", Paused="false")


async def capture(name: str, base: int, *, with_journal: bool) -> None:
    function, settings = SCRIPTS[name]
    with tempfile.TemporaryDirectory(prefix="hl-") as directory:
        if name in SCENES:
            sounds = tone_music(
                short_sounds(config_home() / "sounds", Path(directory) / "sounds"), TONES["music"], TONES["again"]
            )
            settings = settings | {"sounds": sounds}
        pbx = Pbx.make(Path(directory), base, **settings)
        mixed = name == "mixed"
        await pbx.start([f"b{number}" for number in range(40)] if mixed else ["a1", "a2", "a3"], shared_port=mixed)
        try:
            async with pbx.ami("events") as events, pbx.ami("actions") as actions:
                await function(pbx, events, actions)
                await asyncio.sleep(1.5)
                raw = bytes(events.raw)
        finally:
            await pbx.stop()
        for line in pbx.log_complaints():
            sys.stderr.write(f"{name}: {line}\n")
        home = JOURNAL if with_journal else HERE
        home.mkdir(exist_ok=True)
        if with_journal:
            (home / f"{name}.cel.csv").write_bytes(pbx.asterisk.places.cel.read_bytes())
            (home / f"{name}.queue_log").write_bytes((pbx.asterisk.places.log / "queue_log").read_bytes())
        (home / f"{name}.ami").write_bytes(raw)
    sys.stderr.write(f"{name}: {len(raw)} bytes\n")


async def main(words: list[str]) -> None:
    with_journal, names = "--journal" in words, [word for word in words if word != "--journal"]
    scenes = [scene for name in names for scene in (SETS[name].scripts() if name in SETS else [name])]
    if scenes and SCENES.keys() >= set(scenes):
        for name in scenes:
            await capture(name, 21000, with_journal=with_journal)
        return
    async with asyncio.TaskGroup() as tasks:
        for index, name in enumerate(names or [name for name in SCRIPTS if name != "mixed" and name not in SCENES]):
            tasks.create_task(capture(name, 21000 + 10 * index, with_journal=with_journal))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
