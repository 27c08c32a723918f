"""Who gets in, what keeps strangers and forged requests out, and that no route is left unguarded."""

from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI

from hotline.access import accounts
from hotline.clock import now
from hotline.db import Database
from hotline.errors import StartupError, TelephonyError
from tests.web_house import CHEAP, ORIGIN, House, english, house
from web import auth

__all__ = ["english", "house"]


async def _account(house: House, name: str = "mei", password: str = "a-good-one-2031") -> None:
    async with house.db.write() as tx:
        hashed = await accounts.Passwords(CHEAP).hash(password)
        await accounts.add_user(tx, name, "supervisor", hashed, now())


async def test_the_right_password_opens_a_session_that_scripts_cannot_read(house: House) -> None:
    await _account(house)
    async with house.client() as client:
        answer = await client.post(
            "/sign-in", data={"name": "Mei", "password": "a-good-one-2031", "next": "/board?wall=1"}
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/board?wall=1")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=lax" in cookie and "path=/" in cookie
        assert (await client.get("/board", headers={"accept": "text/html"})).status_code == 200


async def test_behind_tls_the_cookie_is_bound_to_the_host(db: Database, tmp_path: Path, english: None) -> None:
    house = House(db, tmp_path, secure_cookies=True)
    await _account(house)
    async with house.client() as client:
        answer = await client.post("/sign-in", data={"name": "mei", "password": "a-good-one-2031"})
    assert answer.headers["set-cookie"].startswith("__Host-hotline=")
    assert "Secure" in answer.headers["set-cookie"]


async def test_a_wrong_password_says_no_more_than_a_wrong_name(house: House) -> None:
    await _account(house)
    async with house.client() as client:
        wrong = await client.post("/sign-in", data={"name": "mei", "password": "nonsense"})
        unknown = await client.post("/sign-in", data={"name": "nobody", "password": "nonsense"})
    assert wrong.status_code == unknown.status_code == 401
    assert "The name or the password is wrong." in wrong.text
    assert wrong.text.replace("mei", "nobody") == unknown.text
    assert "set-cookie" not in wrong.headers


async def test_too_many_attempts_are_told_how_long_to_wait(house: House) -> None:
    await _account(house)
    async with house.client() as client:
        for _ in range(10):
            await client.post("/sign-in", data={"name": "mei", "password": "nonsense"})
        answer = await client.post("/sign-in", data={"name": "mei", "password": "a-good-one-2031"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)"])
async def test_nobody_is_sent_to_another_site_by_signing_in(house: House, target: str) -> None:
    await _account(house)
    async with house.client() as client:
        answer = await client.post("/sign-in", data={"name": "mei", "password": "a-good-one-2031", "next": target})
    assert answer.headers["location"] == "/"


async def test_another_sites_sign_in_form_is_refused(house: House) -> None:
    await _account(house)
    async with house.client(origin="https://evil.test") as client:
        answer = await client.post("/sign-in", data={"name": "mei", "password": "a-good-one-2031"})
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


async def test_a_page_asked_for_by_a_stranger_leads_to_sign_in_and_back(house: House) -> None:
    async with house.client(accept="text/html") as client:
        answer = await client.get("/tickets?filter=mine")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/tickets%3Ffilter%3Dmine")


async def test_fetch_without_a_session_gets_a_problem_with_the_way_to_sign_in(house: House) -> None:
    async with house.client() as client:
        answer = await client.get("/console/work")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    problem = answer.json()
    assert (problem["code"], problem["sign_in"]) == ("not-signed-in", "/sign-in")


async def test_a_session_that_ends_in_mid_work_is_told_apart_from_none(house: House) -> None:
    person = await house.sign_in("supervisor")
    async with house.db.write() as tx:
        await accounts.revoke_sessions(tx, person.account.id, now())
    async with house.client(person) as client:
        answer = await client.get("/board/rows")
    assert (answer.status_code, answer.json()["code"]) == (401, "session-expired")


async def test_a_form_without_the_pages_token_changes_nothing(house: House) -> None:
    person = await house.sign_in()
    del person.headers["x-csrf-token"]
    async with house.client(person) as client:
        for sent in ({}, {"csrf": "guessed"}):
            answer = await client.post("/me/ready", data=sent)
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
        assert house.desk.told == []
        assert (await client.post("/me/ready", data={"csrf": person.csrf})).status_code == 204
    assert [what for what, *_ in house.desk.told] == ["ready"]


async def test_a_program_with_a_token_needs_no_csrf_and_cannot_use_a_cookies_rights(house: House) -> None:
    agent = (await house.sign_in()).agent
    assert agent is not None
    async with house.client(**await house.token("supervisor")) as client:
        answer = await client.post(f"/api/v1/agents/{agent.id}/pause", json={"reason": "LUNCH"})
        assert answer.status_code == 204
    assert house.desk.told == [("pause", agent.id, "LUNCH", True)]
    async with house.client(authorization="Bearer nonsense") as client:
        assert (await client.get("/api/v1/queues")).status_code == 401


async def test_signing_out_leaves_the_queue_first_and_ends_the_session(house: House) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    async with house.db.write() as tx:
        (await tx.session.get_one(type(person.agent), person.agent.id)).state = "ready"
    async with house.client(person) as client:
        answer = await client.post("/sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert (await client.get("/console/work")).status_code == 401
    assert house.desk.told == [("log_off", person.agent.id, False)]


async def test_a_person_may_sign_out_while_asterisk_is_away(house: House) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    async with house.db.write() as tx:
        (await tx.session.get_one(type(person.agent), person.agent.id)).state = "ready"
    house.desk.refuses = TelephonyError("no answer")
    async with house.client(person) as client:
        assert (await client.post("/sign-out")).status_code == 303


async def test_idle_browsers_are_signed_out_and_busy_ones_are_not(house: House) -> None:
    person = await house.sign_in("supervisor")
    async with house.db.write() as tx:
        row = await tx.session.get_one(accounts.SignInSession, await _session_id(house, person.cookie))
        row.seen_at = now() - timedelta(minutes=5)
    async with house.client(person) as client:
        assert (await client.get("/board/rows")).status_code == 200
    async with house.db.write() as tx:
        row = await tx.session.get_one(accounts.SignInSession, await _session_id(house, person.cookie))
        assert now() - row.seen_at < timedelta(minutes=1)
        row.seen_at = now() - accounts.IDLE - timedelta(seconds=1)
    async with house.client(person) as client:
        assert (await client.get("/board/rows")).status_code == 401


async def _session_id(house: House, cookie: str) -> object:
    async with house.db.read() as tx:
        who = await accounts.by_cookie(tx, cookie, now())
        assert who is not None
        return who.credential_id


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("agent", "/console", 200),
        ("supervisor", "/console", 404),
        ("caseworker", "/console", 403),
        ("administrator", "/board", 200),
        ("administrator", "/tickets", 403),
        ("administrator", "/calls", 403),
        ("caseworker", "/calls", 200),
        ("supervisor", "/tickets", 200),
    ],
)
async def test_pages_ask_the_permission_table(house: House, role: str, path: str, status: int) -> None:
    person = await house.sign_in(role)  # type: ignore[arg-type]
    async with house.client(person, accept="text/html") as client:
        answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("role", "phone", "start"),
    [("agent", True, "/console"), ("supervisor", False, "/board"), ("caseworker", False, "/tickets")],
)
async def test_everybody_starts_where_their_work_is(house: House, role: str, phone: bool, start: str) -> None:
    person = await house.sign_in(role, phone=phone)  # type: ignore[arg-type]
    async with house.client(person) as client:
        assert (await client.get("/")).headers["location"] == start


async def test_the_language_is_the_persons_and_comes_back_to_the_page(house: House) -> None:
    person = await house.sign_in("supervisor", locale="en")
    async with house.client(person, referer=f"{ORIGIN}/board?wall=1") as client:
        answer = await client.post("/locale", data={"locale": "zh_CN"})
        assert answer.headers["location"] == "/board?wall=1"
        page = await client.get("/board", headers={"accept": "text/html"})
        assert '<html lang="zh-CN">' in page.text
        assert (await client.post("/locale", data={"locale": "xx"})).status_code == 422


def test_a_route_without_a_permission_row_keeps_the_server_from_starting() -> None:
    router = APIRouter()

    @router.get("/secrets")
    async def secrets() -> None: ...

    app = FastAPI(openapi_url=None)
    app.include_router(router)
    with pytest.raises(StartupError, match=r"route GET /secrets must name one action"):
        auth.check_routes(app.routes)


def test_a_socket_needs_a_row_as_pages_do() -> None:
    app = FastAPI(openapi_url=None)

    @app.websocket("/feed")
    async def feed() -> None: ...

    with pytest.raises(StartupError, match="/feed must name one action"):
        auth.check_routes(app.routes)


def test_a_row_that_the_table_does_not_have_is_found_at_the_start() -> None:
    app = FastAPI(openapi_url=None)

    @app.get("/odd", dependencies=[auth.require("odd.view")])
    async def odd() -> None: ...

    with pytest.raises(StartupError, match=r"no row for 'odd\.view'"):
        auth.check_routes(app.routes)
