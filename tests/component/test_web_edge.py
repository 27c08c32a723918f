"""Round every answer: headers, problem documents, static files, and what machines watch."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from hotline.calls.models import PbxNode
from hotline.clock import now
from hotline.db import Database
from hotline.errors import StartupError
from tests.web_house import ASSETS, House, Socket, english, house
from web.render import manifest

__all__ = ["english", "house"]
CSP = (
    "default-src 'self'; connect-src 'self' ws://console.test:8088; media-src 'self' blob:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


async def test_every_answer_carries_the_same_protection(house: House) -> None:
    async with house.client() as client:
        for path in ("/sign-in", "/healthz", "/nowhere", "/api/v1/calls", "/static/app-0a1b2c.js"):
            headers = (await client.get(path)).headers
            assert headers["content-security-policy"] == CSP, path
            assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
            assert len(headers["x-request-id"]) == 32
            assert "server" not in headers
    assert (await house.client().get("/sign-in")).headers["cache-control"] == "no-store"


async def test_the_policy_cannot_be_widened_by_a_forged_host(house: House) -> None:
    async with house.client() as client:
        answer = await client.get("/healthz", headers={"host": "a b; script-src *"})
    assert "script-src" not in answer.headers["content-security-policy"]


async def test_a_set_phone_address_is_the_one_allowed(db: Database, tmp_path: Path, english: None) -> None:
    house = House(db, tmp_path, sip_ws_url="wss://phones.test/sip")
    async with house.client() as client:
        policy = (await client.get("/healthz")).headers["content-security-policy"]
    assert "connect-src 'self' wss://phones.test;" in policy


async def test_no_page_holds_inline_scripts_or_styles(house: House) -> None:
    person = await house.sign_in("supervisor", phone=True)
    async with house.client(person, accept="text/html") as client:
        for path in ("/sign-in", "/console", "/board", "/tickets", "/calls", "/nowhere"):
            text = (await client.get(path)).text
            assert "<script>" not in text and " style=" not in text and " onclick=" not in text, path


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "not-found"), ("DELETE", "/board", 405, "method-not-allowed"),
     ("GET", "/calls/no-uuid", 422, "invalid"), ("GET", "/api/v1/nowhere", 404, "not-found")],
)  # fmt: skip
async def test_what_http_refuses_is_a_problem_for_programs_and_a_page_for_people(
    house: House, method: str, path: str, status: int, code: str
) -> None:
    person = await house.sign_in("supervisor")
    async with house.client(person) as client:
        answer = await client.request(method, path)
        page = await client.request(method, path, headers={"accept": "text/html"})
        fragment = await client.request(method, path, headers={"accept": "text/html", "hx-request": "true"})
    problem = answer.json()
    assert answer.headers["content-type"] == fragment.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:hotline:{code}" and problem["title"] and problem["detail"]
    if path.startswith("/api/"):
        assert page.headers["content-type"] == "application/problem+json"
    else:
        assert page.status_code == status and code in page.text and person.account.name in page.text


async def test_a_dead_store_is_said_and_not_shown(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    person = await house.sign_in("supervisor")

    def broken() -> None:
        raise OperationalError("SELECT secret", {"number": "13800001234"}, Exception("disk I/O error"))

    monkeypatch.setattr(house.db, "read", broken)
    async with house.client(person) as client:
        answer = await client.get("/board")
        page = await client.get("/board", headers={"accept": "text/html"})
    assert (answer.status_code, answer.json()["code"]) == (503, "store-unavailable")
    assert page.status_code == 503 and "store-unavailable" in page.text
    assert "13800001234" not in answer.text + page.text and "secret" not in answer.text + page.text


async def test_a_bug_is_one_sentence_and_never_its_insides(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    person = await house.sign_in("supervisor")

    def bug(**_: object) -> None:
        raise RuntimeError("13800001234")

    monkeypatch.setattr(house.hub, "board", bug)
    with capture_logs() as logs:
        async with house.client(person) as client:
            answer = await client.get("/board/rows")
    assert [(line["event"], line["route"]) for line in logs] == [("web.request failed", "/board/rows")]
    assert (answer.status_code, answer.json()["code"]) == (500, "error")
    assert "13800001234" not in answer.text
    assert answer.headers["content-security-policy"] == CSP


async def test_built_files_are_packed_and_kept_for_ever(house: House) -> None:
    async with house.client() as client:
        packed = await client.send(_asking(client, "/static/app-0a1b2c.css", "gzip, br"))
        plain = await client.send(_asking(client, "/static/app-0a1b2c.css", "gzip"))
        manifest_file = await client.send(_asking(client, "/static/manifest.json", "gzip"))
        same = await client.get("/static/app-0a1b2c.css", headers={"if-none-match": plain.headers["etag"]})
    assert (packed.headers["content-encoding"], packed.headers["content-type"]) == ("br", "text/css; charset=utf-8")
    assert "content-encoding" not in plain.headers and plain.content == b"plain"
    for answer in (packed, plain):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept-Encoding"
    assert manifest_file.headers["cache-control"] == "no-cache"
    assert same.status_code in {200, 304}


def _asking(client: httpx.AsyncClient, path: str, encodings: str) -> httpx.Request:
    return client.build_request("GET", path, headers={"accept-encoding": encodings})


@pytest.mark.parametrize("path", ["/static/../web_house.py", "/static/%2e%2e/secret", "/static/", "/static/none.js"])
async def test_nothing_outside_the_built_files_is_served(house: House, path: str) -> None:
    async with house.client() as client:
        assert (await client.get(path)).status_code == 404


def test_a_front_end_that_is_not_built_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="not built"):
        manifest(tmp_path)


def test_every_asset_that_pages_name_is_built(house: House) -> None:
    assert set(house.app.state.web.renderer.assets) == set(ASSETS)


async def test_ready_means_database_bus_and_asterisk(house: House) -> None:
    async with house.client() as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        first = await client.get("/readyz")
        await house.live()
        house.hub._loaded_at = float("-inf")
        second = await client.get("/readyz")
        house.telephony = "connecting"
        third = await client.get("/readyz")
    assert (first.status_code, first.json()["events"]) == (503, "unknown")
    assert second.status_code == 200
    assert second.json() == {
        "ready": True, "database": "ok", "bus": "ok", "asterisk": "live", "events": "live", "worker": "leads",
        "standby": "none",
    }  # fmt: skip
    assert (third.status_code, third.json()["ready"], third.json()["asterisk"]) == (503, False, "connecting")


async def test_a_dead_database_is_not_ready_but_alive(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down() -> None:
        raise StartupError("database cannot be used")

    monkeypatch.setattr(house.db, "check", down)
    async with house.client() as client:
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "down")


async def test_figures_name_routes_by_template_and_never_by_address(house: House) -> None:
    person = await house.sign_in("supervisor")
    async with house.client(person) as client:
        await client.get("/tickets/H-2031-7")
        await client.get("/nowhere/13800001234")
        text = (await client.get("/metrics")).text
    assert 'hotline_http_request_seconds_count{method="GET",route="/tickets/{ref}",status="404"} 1.0' in text
    assert 'route="none",status="404"' in text
    assert "H-2031-7" not in text and "13800001234" not in text
    assert "hotline_ami_messages_total 7.0" in text


async def test_figures_are_for_loopback_or_a_program_that_may(house: House) -> None:
    def far(**headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(house.app, client=("192.0.2.7", 5))
        return httpx.AsyncClient(transport=transport, base_url="http://console.test", headers=headers)

    for headers, status in (
        ({}, 401), (await house.token("agent"), 403), (await house.token("administrator"), 200),
    ):  # fmt: skip
        async with far(**headers) as client:
            assert (await client.get("/metrics")).status_code == status


async def test_the_stores_node_row_is_read_again_after_a_while(house: House) -> None:
    await house.live()
    assert (await house.hub.board(full=False)).stale_since is None
    async with house.db.write() as tx:
        (await tx.session.get_one(PbxNode, "pbx1")).state = "stale"
    house.hub._loaded_at = float("-inf")
    assert (await house.hub.board(full=False)).stale_since is not None


async def test_a_database_that_is_away_is_called_so_and_what_is_typed_is_said_to_be_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.live()
    async with house.socket(await house.sign_in("agent")) as socket:
        assert (await socket.frame())["hello"]
        house.unwritten = now()
        await house.hub._step()
        assert "Telephony data is stale since" in await _head(socket)

        async def away() -> None:
            raise OperationalError("SELECT", {}, Exception("connection refused"))

        with monkeypatch.context() as patched:
            patched.setattr(house.hub, "catch_up", away)
            house.hub._read_at = now() - timedelta(seconds=5)
            await house.hub._step()
        told = await _head(socket)
        assert "The database is away since" in told
        assert "what you type is kept in this page" in told
        house.unwritten = None
        await house.hub._step()
        assert "since" not in await _head(socket)


async def _head(socket: Socket) -> str:
    """What the next frame that speaks of it puts in the line below the status bar."""
    while True:
        told = [patch["html"] for patch in (await socket.frame()).get("patches", ()) if patch["key"] == "stale"]
        if told:
            return str(told[0])
