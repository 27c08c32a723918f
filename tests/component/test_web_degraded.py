"""When something is away: what screens still do and say, and how a page finds back without being loaded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from hotline.access import accounts
from hotline.clock import now
from hotline.db import Tx
from tests import factories
from tests.web_house import House, english, house
from web import auth, live

__all__ = ["english", "house"]


def _stale(frame: dict[str, Any]) -> str:
    """What the frame puts in the place where old data is told of."""
    (patch,) = [patch for patch in frame["patches"] if patch["key"] == "stale"]
    html: str = patch["html"]
    return html


async def test_a_store_that_cannot_be_read_is_said_on_every_screen(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since when nothing could be read; and the sign of life goes on, so that no page thinks that we are dead."""
    await house.live()
    person = await house.sign_in("supervisor")
    hub = house.hub
    async with house.socket(person) as socket:
        assert (await socket.frame())["hello"] is True
        hub.flush()
        read_at = hub._read_at

        @asynccontextmanager
        async def hangs() -> AsyncIterator[Tx]:
            await asyncio.Event().wait()
            yield  # type: ignore[misc]

        with monkeypatch.context() as broken:
            broken.setattr(live, "_READ_S", 0.01)
            broken.setattr(live, "_HEARTBEAT_S", 0.0)
            broken.setattr(live, "_UNREAD_AFTER", timedelta(0))
            broken.setattr(house.db, "read", hangs)
            with capture_logs() as logs:
                await hub._step()
            beat, told = await socket.frame(), await socket.frame()
            assert not beat["patches"]
            assert "The database is away since" in _stale(told)
            assert hub.state.stale_since == read_at
            assert {line["event"] for line in logs} == {"live.read failed, tried again"}
        await hub._step()
        assert "away since" not in _stale(await socket.frame())


async def test_a_socket_says_whose_it_is(house: House) -> None:
    """A page left open by who signed out before must not show what belongs to who signed in after."""
    person = await house.sign_in("supervisor")
    async with house.socket(person) as socket:
        assert (await socket.frame())["user"] == person.account.name


async def test_an_open_page_is_somebody_at_work(house: House) -> None:
    person = await house.sign_in("supervisor")
    async with house.socket(person) as socket:
        assert (await socket.frame())["hello"] is True
        async with house.db.write() as tx:
            row = (await tx.session.scalars(select(accounts.SignInSession))).one()
            row.seen_at = now() - accounts.IDLE + timedelta(minutes=1)
        await house.hub.recheck()
    async with house.db.read() as tx:
        row = (await tx.session.scalars(select(accounts.SignInSession))).one()
        assert now() - row.seen_at < timedelta(minutes=1)


async def test_a_page_that_stays_where_it_is_signs_in_by_script(house: House) -> None:
    """Its call and its text live there: no redirect, only the cookie, or why not."""
    person = await house.sign_in("supervisor")
    async with house.db.write() as tx:
        row = await tx.session.get_one(accounts.Account, person.account.id)
        row.password_hash = await house.accounts.passwords.hash("correct horse")
    by_script = {"accept": "application/json"}
    async with house.client(**by_script) as client:
        wrong = await client.post("/sign-in", data={"name": person.account.name, "password": "wrong horse"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "not-signed-in")
        assert "set-cookie" not in wrong.headers
        right = await client.post("/sign-in", data={"name": person.account.name, "password": "correct horse"})
        assert (right.status_code, right.content) == (204, b"")
        assert right.headers["set-cookie"].startswith("hotline=")
        assert (await client.get("/board")).status_code == 200


async def test_a_store_that_takes_no_writes_keeps_nobody_from_reading(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await house.sign_in("supervisor")
    async with house.db.write() as tx:
        (await tx.session.scalars(select(accounts.SignInSession))).one().seen_at = now() - timedelta(minutes=5)

    @asynccontextmanager
    async def locked() -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    monkeypatch.setattr(house.db, "write", locked)
    monkeypatch.setattr(auth, "_TOUCH_S", 0.01)
    async with house.client(person) as client:
        assert (await client.get("/board/rows")).status_code == 200


async def test_a_page_that_was_cut_off_asks_which_ticket_its_call_became(house: House) -> None:
    person, other = await house.sign_in(), await house.sign_in()
    assert other.agent is not None
    assert person.agent is not None
    async with house.db.write() as tx:
        own = await factories.call(tx, phase="talking")
        mine = await factories.ticket(tx, of_call=own, agent_id=person.agent.id)
        call = await factories.call(tx, outcome="answered", ended_at=now())
        theirs = await factories.ticket(tx, of_call=call, agent_id=other.agent.id)
        hidden = await factories.call(tx, outcome="answered", ended_at=now())
        await factories.ticket(tx, of_call=hidden, agent_id=other.agent.id, confidentiality="K4")
    async with house.client(person, accept="application/json") as client:

        async def asked(linkedid: str) -> tuple[int, Any]:
            answer = await client.get(f"/console/calls/{linkedid}/ticket")
            return answer.status_code, answer.json() if answer.status_code == 200 else answer.json()["code"]

        assert await asked(own.linkedid) == (200, {"ref": mine.ref, "writable": True})
        assert await asked(call.linkedid) == (200, {"ref": theirs.ref, "writable": False})
        assert await asked(hidden.linkedid) == (404, "not-found")
        assert await asked("1764.1") == (404, "not-found")
        assert f'data-calls="{own.linkedid}"' in (await client.get(f"/console/panel?ref={mine.ref}")).text
