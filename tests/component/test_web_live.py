"""Screens that move: who gets which change, once rendered; gaps closed; slow, expired and foreign sockets let go."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from hotline.access import accounts
from hotline.agents.models import Agent
from hotline.calls.models import Call, PbxNode
from hotline.clock import now
from hotline.db import Tx
from hotline.events import (
    AgentChanged,
    CallAnswered,
    CallEnded,
    CallStarted,
    NodeChanged,
    TicketChanged,
    TicketHandedTo,
)
from hotline.tickets.models import Ticket
from tests import factories
from tests.web_house import House, Socket, english, house, statements
from web.live import Pace
from web.screens import QUEUE_FRAMES

__all__ = ["english", "house"]
NUMBER = "13800001234"


def _key(what: str, row: Any) -> str:
    return f"test:{what}:{row}:{now().isoformat()}"


async def _ring(tx: Tx, **values: Any) -> Call:
    """A caller comes in, as the tracker's handler leaves it."""
    call = await factories.call(tx, caller_number=NUMBER, started_at=now(), queued_at=now(), phase_at=now(), **values)
    event = CallStarted(
        at=now(), dedupe_key=_key("call", call.id), node="pbx1", linkedid=call.linkedid, line=call.line, direction="in"
    )
    tx.emit(event, call_id=call.id)
    return call


async def _called(house: House, **values: Any) -> Call:
    async with house.db.write() as tx:
        return await _ring(tx, **values)


async def _ended(house: House, call: Call, outcome: str = "abandoned") -> None:
    async with house.db.write() as tx:
        row = await tx.session.get_one(Call, call.id)
        row.ended_at, row.phase, row.outcome, row.wait_ms = now(), "ended", outcome, 20_000
        event = CallEnded(
            at=now(), dedupe_key=_key("end", call.id), node="pbx1", linkedid=call.linkedid, outcome=outcome,
            hangup_by="caller", talk_ms=None,
        )  # fmt: skip
        tx.emit(event, call_id=call.id)


async def _changed(house: House, agent: Agent, **values: Any) -> None:
    async with house.db.write() as tx:
        row = await tx.session.get_one(Agent, agent.id)
        for name, value in values.items():
            setattr(row, name, value)
        event = AgentChanged(
            at=now(),
            dedupe_key=_key("agent", agent.id),
            agent_id=agent.id,
            state=row.state,
            reason=row.reason,
            phone=row.phone,
        )
        tx.emit(event, agent_id=agent.id)


async def _turn(house: House) -> None:
    """What the follower does when the bell rings."""
    await house.hub.catch_up()
    house.hub.flush()


async def _greeted(socket: Socket) -> dict[str, Any]:
    frame = await socket.frame()
    assert frame["hello"] is True
    return frame


def _patches(frame: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {patch["key"]: patch for patch in frame["patches"]}


async def test_a_call_appears_moves_and_leaves_without_any_page_being_loaded(house: House) -> None:
    person = await house.sign_in("supervisor")
    async with house.socket(person) as socket:
        await _greeted(socket)
        await _turn(house)
        call = await _called(house)
        await _turn(house)
        patches = _patches(await socket.frame())
        row = patches[f"call-{call.id}"]
        assert (row["op"], row["list"]) == ("put", "calls")
        assert row["html"].startswith(f'<li class="call-row phase-waiting" id="call-{call.id}"')
        assert row["order"] == f"{call.started_at:%Y%m%d%H%M%S%f}"
        assert {"lamp-12345", "bar-lamp-12345", "bar-waiting"} <= patches.keys()
        assert "lamp-2912345" not in patches
        house.hub._totals_at = float("-inf")  # the day's figures keep their own pace
        await _turn(house)
        assert _patches(await socket.frame()).keys() == {"totals"}
        await _ended(house, call)
        await _turn(house)
        patches = _patches(await socket.frame())
        assert patches[f"call-{call.id}"] == {"op": "del", "key": f"call-{call.id}"}


async def test_the_number_is_whole_for_supervisors_and_masked_for_all_others(house: House) -> None:
    supervisor, agent, admin = [await house.sign_in(role) for role in ("supervisor", "agent", "administrator")]
    async with (
        house.socket(supervisor) as full, house.socket(agent) as masked, house.socket(admin) as other,
    ):  # fmt: skip
        sockets = (full, masked, other)
        for socket in sockets:
            await _greeted(socket)
        await _turn(house)
        call = await _called(house)
        await _turn(house)
        seen = [_patches(await socket.frame())[f"call-{call.id}"]["html"] for socket in sockets]
    assert NUMBER in seen[0]
    for html in seen[1:]:
        assert NUMBER not in html and "138****1234" in html


async def test_a_change_is_rendered_once_however_many_screens_see_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await house.sign_in() for _ in range(3)]
    sockets = [
        Socket(house.app, {"host": "console.test", "origin": "http://console.test", **p.headers}, None) for p in people
    ]
    for socket in sockets:
        await _greeted(socket)
    await _turn(house)
    rendered: list[tuple[str, str]] = []
    renderer = house.app.state.web.renderer
    original = renderer.html

    def html(locale: str, name: str, context: Any) -> str:
        rendered.append((locale, name))
        return str(original(locale, name, context))

    monkeypatch.setattr(renderer, "html", html)
    await _called(house)
    await _turn(house)
    texts = [(await socket.message())["text"] for socket in sockets]
    assert texts[0] is texts[1] is texts[2]
    assert sorted(rendered) == [
        ("en", "bar/_lamp.html"), ("en", "bar/_waiting.html"), ("en", "board/_call.html"), ("en", "board/_lamp.html"),
    ]  # fmt: skip
    for socket in sockets:
        await socket.leave()


async def test_one_change_and_ten_cost_the_same_number_of_statements(house: House) -> None:
    person = await house.sign_in("supervisor")
    async with house.socket(person) as socket:
        await _greeted(socket)
        await _turn(house)
        house.hub._totals_at = float("inf")  # the day's figures keep their own pace
        counts = []
        for many in (1, 10):
            async with house.db.write() as tx:
                for _ in range(many):
                    await _ring(tx)
            with statements(house.db) as seen:
                await _turn(house)
            counts.append(len(seen))
    assert counts == [2, 2]  # the log, the calls


async def test_a_popped_ticket_is_announced_to_its_agent_and_to_nobody_else(house: House) -> None:
    mine, other = await house.sign_in(), await house.sign_in()
    assert mine.agent is not None
    async with house.socket(mine) as own, house.socket(other) as foreign:
        for socket in (own, foreign):
            await _greeted(socket)
        await _turn(house)
        async with house.db.write() as tx:
            call = await _ring(tx, phase="ringing")
            ticket = await factories.ticket(tx, of_call=call, agent_id=mine.agent.id)
            handed = TicketHandedTo(
                at=now(), dedupe_key=_key("handed", ticket.id), ticket_id=ticket.id, agent_id=mine.agent.id
            )
            tx.emit(handed, call_id=call.id, ticket_id=ticket.id, agent_id=mine.agent.id)
        await _turn(house)
        told = {"type": "TicketHandedTo", "ref": ticket.ref, "call": str(call.id), "mine": True}
        assert (await own.frame())["events"] == [told]
        assert (await foreign.frame())["events"] == []


async def test_an_agents_own_state_comes_to_that_agent_only(house: House) -> None:
    mine, other = await house.sign_in(), await house.sign_in()
    assert mine.agent is not None
    async with house.socket(mine) as own, house.socket(other) as foreign:
        for socket in (own, foreign):
            await _greeted(socket)
        await _turn(house)
        await _changed(house, mine.agent, state="paused", reason="LUNCH")
        await _turn(house)
        first, second = await own.frame(), await foreign.frame()
    assert first["events"] == [{"type": "AgentChanged", "state": "paused", "reason": "LUNCH", "phone": "none"}]
    assert second["events"] == []
    assert _patches(first).keys() == _patches(second).keys() == {f"agent-{mine.agent.id}"}


async def _writes(house: House, ticket: Ticket, version: int) -> None:
    async with house.db.write() as tx:
        event = TicketChanged(
            at=now(),
            dedupe_key=_key("ticket", version),
            ticket_id=ticket.id,
            version=version,
            fields=("summary",),
            actor="x",
        )
        tx.emit(event, ticket_id=ticket.id)


async def test_a_ticket_on_the_screen_moves_as_long_as_the_right_lasts(house: House) -> None:
    owner, watcher = await house.sign_in(), await house.sign_in()
    assert owner.agent is not None
    async with house.db.write() as tx:
        ticket = await factories.ticket(tx, agent_id=owner.agent.id, confidentiality="K2")
    async with house.socket(watcher) as socket:
        await _greeted(socket)
        await _turn(house)
        await _writes(house, ticket, 2)
        await _turn(house)
        await socket.settle()
        assert socket.silent  # it shows another page
        socket.say(json.dumps({"watch": [ticket.ref]}))
        await socket.settle()
        await _writes(house, ticket, 3)
        await _turn(house)
        assert (await socket.frame())["events"] == [
            {"type": "TicketChanged", "ref": ticket.ref, "version": 3, "fields": ["summary"], "by": "x"}
        ]
        async with house.db.write() as tx:
            (await tx.session.get_one(Ticket, ticket.id)).confidentiality = "K3"
        await _writes(house, ticket, 4)
        await _turn(house)
        await socket.settle()
        assert socket.silent


@pytest.mark.parametrize("said", ["{", "[]", '{"watch": 5}', '{"watch": [{}]}', "[" * 4000, "x" * 5000])
async def test_nonsense_from_a_page_is_passed_over(house: House, said: str) -> None:
    person = await house.sign_in("supervisor")
    async with house.socket(person) as socket:
        await _greeted(socket)
        socket.say(said)
        await socket.settle()
        await _turn(house)
        call = await _called(house)
        await _turn(house)
        assert f"call-{call.id}" in _patches(await socket.frame())


async def test_a_page_that_was_away_gets_exactly_what_it_missed(house: House) -> None:
    person = await house.sign_in("supervisor")
    before = await _called(house)
    await _turn(house)
    seq = house.hub.position["seq"]
    gone = await _called(house)
    await _ended(house, gone)
    came = await _called(house)
    async with house.socket(person, after=seq) as socket:
        hello = await _greeted(socket)
        frame = await socket.frame()
    assert frame["seq"] == hello["seq"] == seq + 3
    patches = _patches(frame)
    assert patches[f"call-{came.id}"]["op"] == "put"
    assert patches[f"call-{gone.id}"]["op"] == "del"
    assert f"call-{before.id}" not in patches


async def test_a_page_that_missed_nothing_is_only_greeted(house: House) -> None:
    person = await house.sign_in("supervisor")
    await _called(house)
    await _turn(house)
    async with house.socket(person, after=house.hub.position["seq"]) as socket:
        await _greeted(socket)
        await socket.settle()
        assert socket.silent


async def test_a_page_that_missed_its_pop_hears_of_it_after_reconnecting(house: House) -> None:
    mine = await house.sign_in()
    assert mine.agent is not None
    await _turn(house)
    seq = house.hub.position["seq"]
    async with house.db.write() as tx:
        call = await _ring(tx)
        ticket = await factories.ticket(tx, of_call=call, agent_id=mine.agent.id)
        handed = TicketHandedTo(at=now(), dedupe_key=_key("h", ticket.id), ticket_id=ticket.id, agent_id=mine.agent.id)
        tx.emit(handed, call_id=call.id, ticket_id=ticket.id, agent_id=mine.agent.id)
    async with house.socket(mine, after=seq) as socket:
        await _greeted(socket)
        assert [event["type"] for event in (await socket.frame())["events"]] == ["TicketHandedTo"]


@pytest.mark.parametrize("after", [0, 10_000_000])
async def test_too_far_behind_or_from_another_store_means_load_anew(house: House, after: int) -> None:
    person = await house.sign_in("supervisor")
    async with house.db.write() as tx:
        call = await factories.call(tx)
        for number in range(501):
            event = CallAnswered(
                at=now(), dedupe_key=f"test:{number}", node="pbx1", linkedid=call.linkedid, member="a", wait_ms=1
            )
            tx.emit(event, call_id=call.id)
    async with house.socket(person, after=after) as socket:
        await _greeted(socket)
        frame = await socket.frame()
    assert (frame["reload"], frame["patches"]) == (True, [])


async def test_a_page_that_does_not_read_is_closed_and_the_others_are_not(house: House) -> None:
    slow, quick = await house.sign_in("supervisor"), await house.sign_in("supervisor")
    async with house.socket(slow) as stuck, house.socket(quick) as fine:
        await _greeted(stuck)
        await _greeted(fine)
        await _turn(house)
        stuck.deaf()
        for _ in range(QUEUE_FRAMES + 2):
            await _called(house)
            await _turn(house)
            await fine.frame()
        await stuck.settle()
        assert len(house.hub.screens) == 2  # the close waits at most a second for a page that may yet read
        stuck._hears.set()
        while (message := await stuck.message())["type"] != "websocket.close":
            assert message["type"] == "websocket.send"
        assert message["code"] == 4008
        await fine.settle()
        assert len(house.hub.screens) == 1


async def test_a_session_that_ends_closes_its_sockets_and_no_others(house: House) -> None:
    leaving, staying = await house.sign_in("supervisor"), await house.sign_in("supervisor")
    async with house.socket(leaving) as gone, house.socket(staying) as here:
        await _greeted(gone)
        await _greeted(here)
        async with house.db.write() as tx:
            await accounts.revoke_sessions(tx, leaving.account.id, now())
        await house.hub.recheck()
        assert await gone.close_code() == 4003
        await here.settle()
        assert here.silent
    assert len(house.hub.screens) == 0


async def test_a_changed_role_or_language_changes_what_the_open_socket_gets(house: House) -> None:
    person = await house.sign_in("supervisor", locale="zh_CN")
    async with house.socket(person) as socket:
        await _greeted(socket)
        await _turn(house)
        async with house.db.write() as tx:
            row = await tx.session.get_one(type(person.account), person.account.id)
            row.role, row.locale = "administrator", "en"
        await house.hub.recheck()
        call = await _called(house)
        await _turn(house)
        html = _patches(await socket.frame())[f"call-{call.id}"]["html"]
    assert NUMBER not in html


async def test_strangers_foreign_pages_and_ended_sessions_learn_why_they_are_closed(house: House) -> None:
    person = await house.sign_in()
    async with house.socket(None) as socket:
        assert await socket.close_code() == 4001
    for origin in ("https://evil.test", "null", None):
        async with house.socket(person, origin=origin) as socket:
            assert await socket.close_code() == 4010
    async with house.db.write() as tx:
        await accounts.revoke_sessions(tx, person.account.id, now())
    async with house.socket(person) as socket:
        assert await socket.close_code() == 4003
    assert house.hub.screens == set()


async def test_a_dead_store_closes_a_socket_so_that_it_tries_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await house.sign_in()

    async def broken() -> None:
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    monkeypatch.setattr(house.hub, "catch_up", broken)
    with capture_logs() as logs:
        async with house.socket(person) as socket:
            assert await socket.close_code() == 1013
    assert [line["event"] for line in logs] == ["web.store failed"]


async def test_a_program_with_a_token_may_listen_without_an_origin(house: House) -> None:
    async with house.socket(None, origin=None, **await house.token("supervisor")) as socket:
        assert "seq" in await _greeted(socket)


async def test_stale_telephony_is_shown_and_a_new_epoch_starts_over(house: House) -> None:
    await house.live()
    person = await house.sign_in("supervisor")
    async with house.socket(person) as socket:
        assert (await _greeted(socket))["epoch"] == 1
        await _turn(house)
        await _node(house, "stale", 1)
        await _turn(house)
        frame = await socket.frame()
        assert "stale since" in _patches(frame)["stale"]["html"]
        assert (frame["reload"], frame["epoch"]) == (False, 1)
        await _node(house, "live", 2)
        await _turn(house)
        frame = await socket.frame()
        assert "stale since" not in _patches(frame)["stale"]["html"]
        assert (frame["reload"], frame["epoch"]) == (True, 2)


async def _node(house: House, state: str, epoch: int) -> None:
    async with house.db.write() as tx:
        row = await tx.session.get_one(PbxNode, "pbx1")
        row.state, row.epoch, row.since = state, epoch, now()
        tx.emit(NodeChanged(at=now(), dedupe_key=_key(state, epoch), node="pbx1", state=state, epoch=epoch))


async def test_the_follower_sends_by_itself_and_says_goodbye(house: House) -> None:
    house.db.on_commit = lambda: house.bus.ring("log")
    follower = asyncio.create_task(house.hub.run())
    person = await house.sign_in("supervisor")
    async with house.socket(person) as socket:
        await _greeted(socket)
        call = await _called(house)
        while f"call-{call.id}" not in _patches(await socket.frame()):
            continue
        follower.cancel()
        while (message := await socket.message())["type"] != "websocket.close":
            continue
        assert message["code"] == 1001


def test_screens_that_cost_little_are_told_at_once_and_many_are_gathered_to_half_of_the_process() -> None:
    pace = Pace()
    assert pace.wait(0.001) == 0.001
    assert pace.wait(0.045) == 0.045


def test_no_change_is_held_back_longer_than_a_twentieth_of_a_second() -> None:
    assert Pace().wait(3.0) == 0.05
