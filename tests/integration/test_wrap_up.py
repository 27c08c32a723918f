"""A wrap-up ends when its time is over, with nobody of ours there, for whoever waits already or comes meanwhile."""

import pytest

from tests.integration.conftest import NewPbx
from tests.integration.deployment import once

pytestmark = [pytest.mark.integration, once("pbx")]
WRAP_UP_S = 4


async def test_who_waits_for_the_only_agent_waits_no_longer_than_the_wrap_up(new_pbx: NewPbx) -> None:
    pbx = await new_pbx(phones=("a1",), wrap_up_s=WRAP_UP_S)
    async with pbx.ami() as events, pbx.ami("actions") as actions:
        await pbx.sign_in(actions, "a1")
        pbx.phone("a1", answer_ms=200, talk_ms=1500)
        pbx.calls(hold_ms=60000)
        await events.event("AgentConnect")
        # One who waits when the wrap-up begins, then one who comes while it lasts.
        pbx.calls(hold_ms=60000, first_number=13900139001)
        for number in ("13900139001", "13900139002"):
            mark = len(events.raw)
            wrap_up = await events.fact("HLWrapUp", since=mark, HLMember="a1")
            # What a worker that comes back asks, with the rights of its events user.
            await events.send("DBGet", Family="hl/acw", Key="a1")
            kept = await events.event("DBGetResponse", since=mark)
            assert kept["Val"] == wrap_up["HLUntil"]
            if number == "13900139002":
                pbx.calls(hold_ms=60000, first_number=int(number))
            talk = await events.event("AgentConnect", since=mark, CallerIDNum=number)
            assert -1 < float(talk["Timestamp"]) - int(wrap_up["HLUntil"]) < 4
    assert pbx.log_complaints() == []
