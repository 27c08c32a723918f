"""One call and all in it: a caller, agents' phones, each with a tone of its own. Moves legs as the application does.

So a test says who was moved where, and then who hears whom.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any

from hotline.telephony import actions
from tests.integration.pbx import PHONES, TRUNK, Ami, Pbx
from tests.integration.voice import Voice, until

# Hertz. Waiting music and its other beginning are tones too (sound.tone_music).
TONES = {
    "caller": 440.0,
    "a1": 700.0,
    "a2": 1000.0,
    "a3": 1250.0,
    "music": 1500.0,
    "again": 1700.0,
    "110": 1100.0,
    "outside": 550.0,
}
SILENCE: set[str] = set()


class Scene:
    """`async with`: the phones are there, nobody is signed in. `call` is the caller's Uniqueid."""

    def __init__(self, pbx: Pbx, events: Ami, commands: Ami, **phones: Any) -> None:
        """`phones`: name = arguments of its Voice."""
        self.pbx, self.events, self.commands = pbx, events, commands
        self.caller = Voice(pbx.server, TRUNK, TONES["caller"])
        self.phones = {
            name: Voice(pbx.server, PHONES, TONES[name], port=pbx.phone_ports[name], **(phones.get(name) or {}))
            for name in ("a1", "a2", "a3")
        }
        if pbx.settings.outbound_trunk:
            host, _, port = pbx.settings.outbound_trunk.partition(":")
            self.outside = Voice(pbx.server, host, TONES["outside"], port=int(port), **(phones.get("outside") or {}))
            self.phones["outside"] = self.outside
        self.since = 0
        self.call = ""

    async def __aenter__(self) -> "Scene":
        self._stack = AsyncExitStack()
        for voice in (self.caller, *self.phones.values()):
            await self._stack.enter_async_context(voice)
        self.since = len(self.events.raw)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for voice in (self.caller, *self.phones.values()):
            voice.hang_up()
        await self._all_end()
        # Only now: of a member taken out while its leg still gives it its time to write, Asterisk complains.
        for name in self.phones:
            await self.commands.send("QueueRemove", Queue="hotline", Interface=f"PJSIP/{name}")
        await self.pbx.asterisk.cli("database deltree hl")
        await self._stack.aclose()

    async def _all_end(self) -> None:
        """Also what begins only because something else has ended."""
        end = time.monotonic() + 10
        while not self.is_over():
            assert time.monotonic() < end, "all legs have ended"
            await self.commands.send("Hangup", Channel="/^/", Cause="16")
            await asyncio.sleep(0.05)

    def is_over(self) -> bool:
        """Every leg that there was has ended."""
        made, gone = ({one["Uniqueid"] for one in self.facts(name)} for name in ("Newchannel", "Hangup"))
        return made <= gone  # a channel that changed places with another may end under a name that nobody announced

    # What goes on

    async def answered(self, agent: str = "a1", *, paused: bool = True) -> "Scene":
        """The caller has called, the agent has them, and is paused: the queue rings nobody, and nobody writes up."""
        await self.pbx.sign_in(self.commands, agent)
        await self.caller.call("12345")
        connected = await self.fact("AgentConnect", MemberName=agent)
        self.call = connected["Uniqueid"]
        await self.heard(caller={agent}, **{agent: {"caller"}})
        if paused:
            said = await self.commands.send("QueuePause", Queue="hotline", Interface=f"PJSIP/{agent}", Paused="true")
            assert said["Response"] == "Success", said
        return self

    async def fact(self, name: str, **fields: str) -> dict[str, str]:
        """An event of this call, by AMI's own name or that of a UserEvent of ours."""
        if name.startswith("HL"):
            return await self.events.fact(name, since=self.since, **fields)
        return await self.events.event(name, since=self.since, **fields)

    def facts(self, name: str) -> list[dict[str, str]]:
        blocks = self.events.blocks(self.since)
        return [block for block in blocks if name in (block.get("UserEvent"), block.get("Event"))]

    def leg(self, phone: str) -> str:
        """Uniqueid of a phone's newest leg."""
        made = [b for b in self.facts("Newchannel") if b["Channel"].startswith((f"PJSIP/{phone}-", f"Local/{phone}@"))]
        return [b for b in made if not b["Channel"].endswith(";2")][-1]["Uniqueid"]

    async def rings(self, phone: str) -> None:
        await until(self.phones[phone].ringing.is_set, f"{phone} rings")

    async def heard(self, **who: set[str]) -> None:
        """Within some seconds these hear exactly whom is said, and go on doing so for a moment."""
        voices = {name: self.caller if name == "caller" else self.phones[name] for name in who}
        end, since = time.monotonic() + 8, 0.0
        while True:
            now = {
                name: {other for other, hertz in TONES.items() if voice.hears(hertz)} for name, voice in voices.items()
            }
            since = (since or time.monotonic()) if now == who else 0.0
            if since and time.monotonic() - since > 0.1:
                return
            came = {name: voice.arrived() for name, voice in voices.items()}
            assert time.monotonic() < end, f"heard {now}, not {who}; {came}"
            await asyncio.sleep(0.05)

    # What the application does, each by one command

    async def move(self, command: actions.Command) -> None:
        headers: dict[str, Any] = {}
        for name, value in command.headers:  # variables come several times
            headers.setdefault(name, []).append(value)
        said = await self.commands.send(command.action, **headers)
        assert said["Response"] == "Success", said

    async def consult(self, agent: str, to: str) -> None:
        await self.move(actions.redirect(self.call, "hl-wait", "consult", (self.leg(agent), "hl-consult", to)))

    async def consulted(self, agent: str = "a1", to: str = "a2") -> None:
        """Asked, and they talk."""
        await self.consult(agent, to)
        await self.heard(caller={"music"}, **{agent: {to}, to: {agent}})

    async def consult_among(self, agent: str, to: str) -> None:
        """Out of a conference: the caller stays with the others."""
        await self.move(actions.redirect(self.leg(agent), "hl-consult-among", to))

    async def back(self, agent: str = "a1") -> None:
        await self.move(actions.redirect(self.leg(agent), "hl-room", "agent"))

    async def complete(self, agent: str = "a1", to: str = "a2", place: str = "agent") -> None:
        await self.move(actions.redirect(self.leg(to), "hl-room", place, (self.leg(agent), "hl-room", "leave")))

    async def conference(self, agent: str = "a1", to: str = "a2", place: str = "agent") -> None:
        await self.move(actions.redirect(self.leg(to), "hl-room", place, (self.leg(agent), "hl-room", "agent")))

    async def give(self, to: str, agent: str = "a1", context: str = "hl-transfer") -> None:
        """Blind transfer, queue; with context hl-wait: parked."""
        await self.move(actions.redirect(self.call, context, to, (self.leg(agent), "hl-room", "leave")))

    async def lose(self, phone: str) -> None:
        """As the worker does it when a page is gone."""
        await self.move(actions.hangup(self.leg(phone), 38))
