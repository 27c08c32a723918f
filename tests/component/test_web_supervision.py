"""Help on a call as screens show it: who may ask, who is told, who sees whom, and the trace of every step."""

import re
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hotline.access.models import AccessRow
from hotline.agents import service, watching
from hotline.agents.models import Supervision
from hotline.agents.presence import SpySeen
from hotline.agents.supervision import Wish
from hotline.calls.models import Call
from hotline.clock import now
from hotline.db import Database, Tx
from tests import factories
from tests.web_house import House, Person, Socket, english, house

__all__ = ["english", "house"]


async def _talks(house: House, person: Person) -> Call:
    """The person's agent has a call."""
    async with house.db.write() as tx:
        call = await factories.call(tx, phase="talking", answered_at=now())
        assert person.agent is not None
        agent = await service.locked(tx, person.agent.id)
        agent.state, agent.call_id, agent.phone = "on_call", call.id, "ok"
    return call


async def _comes(house: House, supervisor: Person, agent: Person, call: Call, mode: str = "listen") -> None:
    """Asterisk says that the supervisor is on the agent's call."""
    assert supervisor.agent is not None and agent.agent is not None
    async with house.db.write() as tx:
        row = await _row(tx) or Supervision(
            call_id=call.id, agent_id=agent.agent.id, supervisor_id=supervisor.agent.id, role="supervisor",
            reason="training", pending=mode, pending_at=now(), asked_at=now(),
        )  # fmt: skip
        tx.session.add(row)
        await tx.session.flush()
        at = now()
        seen = SpySeen(supervisor.agent.endpoint, mode, str(row.id), "pbx1-1.9", f"spy:{at.isoformat()}:{mode}")
        await watching.observe(tx, seen, at)


async def _row(tx: Tx) -> Supervision | None:
    return (await tx.session.scalars(select(Supervision))).first()


async def _asks(house: House, person: Person, call: Call) -> None:
    assert person.agent is not None
    async with house.db.write() as tx:
        await watching.ask_help(tx, person.agent.id, call.id, None, now())


async def _frame(house: House, socket: Socket) -> dict[str, Any]:
    await house.hub.catch_up()
    house.hub.flush()
    return await socket.frame()


async def _told(socket: Socket) -> int:
    """Live words of a supervisor that have arrived."""
    told = 0
    while not socket.silent:
        told += [event["type"] for event in (await socket.frame())["events"]].count("SupervisionChanged")
    return told


async def test_a_call_for_help_reaches_every_supervisor_at_once_and_no_other_agent(house: House) -> None:
    agent, other, supervisor = [await house.sign_in(role) for role in ("agent", "agent", "supervisor")]
    call = await _talks(house, agent)
    async with house.socket(supervisor) as told, house.socket(other) as untold:
        await told.frame()
        await untold.frame()
        await _asks(house, agent, call)
        frame = await _frame(house, told)
        patches = {patch["key"]: patch.get("html", "") for patch in frame["patches"]}
        assert f"{agent.account.name} asks for help" in patches["help-asked"]
        assert "Asks for help" in patches[f"agent-{agent.agent.id}"]
        assert frame["events"] == [{"type": "HelpAsked", "agent": str(agent.agent.id)}]
        quiet = await untold.frame()
        assert quiet["events"] == []
        assert not any("sks for help" in patch.get("html", "") for patch in quiet["patches"])


async def test_the_board_offers_supervisors_the_calls_of_agents_and_nobody_else(house: House) -> None:
    agent, supervisor = await house.sign_in("agent"), await house.sign_in("supervisor", phone=True)
    call = await _talks(house, agent)
    await _comes(house, supervisor, agent, call, "whisper")
    offered = f'data-supervise="{agent.agent.id}"'
    async with house.client(supervisor) as client:
        board = (await client.get("/board")).text
        wall = (await client.get("/board?wall=true")).text
    async with house.client(agent) as client:
        plain = (await client.get("/board")).text
    assert offered in board and re.search(f'title="[^"]+ {supervisor.account.name}"', board)
    for text in (wall, plain):
        assert offered not in text.partition('id="board"')[2]
        assert 'class="agent-watcher"' not in text


@pytest.mark.parametrize("shown", [True, False])
async def test_the_agent_sees_who_is_there_and_who_listens_unless_that_is_hidden(
    house: House, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, supervisor = await house.sign_in("agent"), await house.sign_in("supervisor", phone=True)
    call = await _talks(house, agent)
    monkeypatch.setattr(house, "settings", house.settings.model_copy(update={"supervision_shown": shown}))
    name = supervisor.account.name
    await _comes(house, supervisor, agent, call, "listen")
    async with house.client(agent) as client:
        assert (f"{name} listens" in (await client.get("/console/help")).text) is shown
    await _comes(house, supervisor, agent, call, "join")
    async with house.client(agent) as client:
        assert f"{name} is in the call" in (await client.get("/console/help")).text
    async with house.client(supervisor) as client:
        own = (await client.get("/console/help")).text
    assert 'data-mode="join"' in own and "data-take-over" in own


@pytest.mark.parametrize("shown", [True, False])
async def test_who_only_listens_is_in_no_timeline_of_the_agents_where_that_is_hidden(
    house: House, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await house.sign_in("agent")
    listener, helper = [await house.sign_in("supervisor", phone=True) for _ in range(2)]
    call = await _talks(house, agent)
    async with house.db.write() as tx:
        ticket = await factories.ticket(tx, of_call=call, agent_id=agent.agent.id)
    monkeypatch.setattr(house, "settings", house.settings.model_copy(update={"supervision_shown": shown}))
    await _comes(house, listener, agent, call, "listen")
    await _comes(house, listener, agent, call, "end")
    async with house.db.write() as tx:
        await tx.session.delete(await _row(tx))
    await _comes(house, helper, agent, call, "listen")
    await _comes(house, helper, agent, call, "join")
    await _comes(house, helper, agent, call, "end")
    for path in (f"/tickets/{ticket.ref}", f"/calls/{call.id}"):
        async with house.client(agent) as client:
            text = (await client.get(path)).text
        assert (f"{listener.account.name} " in text) is shown
        assert (f"{helper.account.name} listens in" in text) is shown
        assert f"{helper.account.name} joined the call" in text and f"{helper.account.name} left the call" in text
        async with house.client(listener) as client:
            text = (await client.get(path)).text
        assert f"{listener.account.name} listens in" in text and f"{listener.account.name} left the call" in text


async def test_no_live_word_tells_an_agent_of_one_who_only_listens_where_that_is_hidden(
    db: Database, tmp_path: Path
) -> None:
    house = House(db, tmp_path, supervision_shown=False)
    await house.live()
    agent, supervisor = await house.sign_in("agent"), await house.sign_in("supervisor", phone=True)
    call = await _talks(house, agent)
    async with house.socket(agent) as watched, house.socket(supervisor) as own:
        for socket in (watched, own):
            await socket.frame()
        told: list[tuple[int, int]] = []
        for mode in ("listen", "whisper", "listen", "join", "listen", "end"):
            await _comes(house, supervisor, agent, call, mode)
            await house.hub.catch_up()
            house.hub.flush()
            await watched.settle()
            told.append((await _told(watched), await _told(own)))
    # Of the second and third time that they listen, only that they are no longer heard.
    assert told == [(0, 1), (1, 1), (1, 1), (1, 1), (1, 1), (0, 1)]


async def test_every_step_of_a_supervisor_is_traced_with_mode_reason_and_role(house: House) -> None:
    agent, supervisor = await house.sign_in("agent"), await house.sign_in("supervisor", phone=True)
    where = f"/agents/{agent.agent.id}/supervision"
    async with house.client(supervisor) as client:
        steps = [
            await client.post(where, data={"mode": "listen", "reason": "help"}),
            await client.post("/me/supervision", data={"mode": "whisper"}),
            await client.post("/me/supervision/take-over"),
            await client.post("/me/supervision/leave"),
        ]
    assert [answer.status_code for answer in steps] == [HTTPStatus.NO_CONTENT] * 4
    mine = supervisor.agent.id
    assert house.desk.told == [
        ("begin", mine, agent.agent.id, Wish("listen", "help", "supervisor")),
        ("switch", mine, "whisper"),
        ("take_over", mine),
        ("leave", mine),
    ]
    await house.audit.flush()
    async with house.db.read() as tx:
        rows = list(await tx.session.scalars(select(AccessRow).where(AccessRow.action == "call.supervise")))
    assert {(row.actor, row.subject) for row in rows} == {(supervisor.account.name, str(house.supervision.call_id))}
    assert [row.detail["mode"] for row in rows] == ["listen", "whisper", "take-over"]
    assert rows[0].detail == {
        "mode": "listen", "reason": "help", "role": "supervisor", "agent": str(agent.agent.id),
    }  # fmt: skip


async def test_agents_and_administrators_supervise_nobody(house: House) -> None:
    agent = await house.sign_in("agent")
    for person in (agent, await house.sign_in("administrator"), await house.sign_in("caseworker")):
        async with house.client(person) as client:
            answer = await client.post(
                f"/agents/{agent.agent.id}/supervision", data={"mode": "listen", "reason": "help"}
            )
            assert answer.status_code == HTTPStatus.FORBIDDEN
    assert house.desk.told == []


async def test_the_agent_asks_and_takes_back_by_one_button(house: House) -> None:
    agent = await house.sign_in("agent")
    call = await _talks(house, agent)
    async with house.client(agent) as client:
        before = (await client.get("/console/help")).text
        assert (await client.post("/me/call/help")).status_code == HTTPStatus.NO_CONTENT
        await _asks(house, agent, call)
        after = (await client.get("/console/help")).text
    assert 'data-help="ask" data-key="F7"' in before
    assert 'data-help="end" data-key="F7"' in after
    assert house.desk.told == [("ask_help", agent.agent.id)]


async def test_the_record_tells_who_was_there_how_and_why(house: House) -> None:
    agent, supervisor = await house.sign_in("agent"), await house.sign_in("supervisor", phone=True)
    call = await _talks(house, agent)
    await _asks(house, agent, call)
    await _comes(house, supervisor, agent, call, "join")
    async with house.client(supervisor) as client:
        text = (await client.get(f"/calls/{call.id}")).text
    assert f"{agent.account.name} asked a supervisor for help" in text
    assert f"{supervisor.account.name} joined the call" in text
    assert "Training" in text
