"""A supervisor on an agent's call, in the real Asterisk: who hears whom, by tones of their own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from hotline.telephony import actions as builders
from hotline.telephony.actions import Command
from tests.e2e.caller import Caller
from tests.integration.pbx import Ami, Pbx
from tests.integration.sound import level
from tests.integration.tone_phone import TonePhone

pytestmark = pytest.mark.integration
CALLER, AGENT, SUPERVISOR = 440.0, 700.0, 1100.0


async def tell(ami: Ami, command: Command) -> dict[str, str]:
    headers: dict[str, Any] = {}
    for name, value in command.headers:
        headers.setdefault(name, []).append(value)
    return await ami.send(command.action, **headers)


@dataclass
class Scene:
    """A caller and agent a1 talk; a2 is the supervisor's phone."""

    pbx: Pbx
    events: Ami
    actions: Ami
    caller: Caller
    agent: TonePhone
    supervisor: TonePhone
    call: str
    leg: str
    spy: str = ""

    async def begin(self, mode: str) -> None:
        variables = {
            "HLSPIED": self.leg, "HLCALL": self.call,
            "HLMEMBER": "a1", "HLBY": "a2", "HLREF": "r1",
        }  # fmt: skip
        said = await tell(self.actions, builders.originate("a2", "hl-spy", mode, variables, "12345", asked="supervise"))
        assert said["Response"] == "Success", said
        self.spy = (await self.is_so(mode))["Uniqueid"]

    async def switch(self, mode: str) -> None:
        since = len(self.events.raw)
        said = await tell(self.actions, builders.redirect(self.spy, "hl-spy", mode))
        assert said["Response"] == "Success", said
        assert (await self.is_so(mode, since))["Uniqueid"] == self.spy

    async def is_so(self, what: str, since: int = 0) -> dict[str, str]:
        return await self.events.fact("HLSpy", since=since, HLWhat=what)

    async def two_talk(self) -> None:
        """Caller and agent hear each other, and nobody else."""
        await self.caller.until_hears(AGENT, but=(SUPERVISOR,))
        await self.agent.until_hears(CALLER, but=(SUPERVISOR,))


class HearingCaller(Caller):
    """A caller who knows whose tones are heard."""

    async def until_hears(self, *hertz: float, but: tuple[float, ...] = ()) -> None:
        def is_so(caller: Caller) -> bool:
            heard = caller.heard(0.4)
            return all(level(heard, one) > 700 for one in hertz) and all(level(heard, one) < 700 for one in but)

        await self.until(is_so, 12)


@pytest.fixture
async def scene(pbx: Pbx, events: Ami, actions: Ami) -> AsyncIterator[Scene]:
    async with (
        TonePhone(pbx, "a1", AGENT) as agent,
        TonePhone(pbx, "a2", SUPERVISOR) as supervisor,
        HearingCaller(pbx.server, "12345", "13800138000", hertz=CALLER) as caller,
    ):
        await pbx.sign_in(actions, "a1")
        connected = await events.event("AgentConnect", MemberName="a1")
        made = Scene(pbx, events, actions, caller, agent, supervisor, connected["Linkedid"], connected["DestUniqueid"])
        await made.two_talk()
        yield made


async def test_listening_whispering_and_joining_without_dialling_again(scene: Scene) -> None:
    await scene.begin("listen")
    assert scene.supervisor.asked == "supervise"
    await scene.supervisor.until_hears(CALLER, AGENT)
    await scene.two_talk()

    await scene.switch("whisper")
    await scene.agent.until_hears(CALLER, SUPERVISOR)
    await scene.caller.until_hears(AGENT, but=(SUPERVISOR,))
    await scene.supervisor.until_hears(CALLER, AGENT)

    await scene.switch("join")
    await scene.caller.until_hears(AGENT, SUPERVISOR)
    await scene.agent.until_hears(CALLER, SUPERVISOR)
    await scene.supervisor.until_hears(CALLER, AGENT)

    await scene.switch("listen")
    await scene.two_talk()
    assert scene.supervisor.calls == 1

    since = len(scene.events.raw)
    await scene.supervisor.hang_up()
    await scene.is_so("end", since)
    await scene.two_talk()
