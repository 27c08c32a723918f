"""Strangers, forgers and floods before the running hotline: each is refused, and calls and words stay as they were."""

import asyncio
import hashlib
import re
import secrets
import socket
from collections.abc import AsyncIterator

import httpx
import psutil
import pytest
import websockets

from tests.integration.process import Hotline, until
from tests.integration.visitor import Visitor

pytestmark = pytest.mark.integration
MEBIBYTE = 1024 * 1024


@pytest.fixture
async def ref(hotline: Hotline) -> str:
    """A ticket of a call that was, with a summary."""
    caller = await hotline.call()
    await hotline.hang_up(caller)
    await until(lambda: hotline.rows("select 1 from call where ended_at is null") == [], "the call is over")
    ((ref,),) = hotline.rows("select ref from ticket order by opened_at desc limit 1")
    return str(ref)


async def test_a_field_of_a_megabyte_is_refused_and_nothing_is_lost(hotline: Hotline, ref: str) -> None:
    async with Visitor.signed_in(hotline, "supervisor") as supervisor:
        assert (await supervisor.save(ref, "summary", "as it was", version=0)).status_code == 200
        before = hotline.rows('select "values", version from ticket where ref = ?', ref)
        for size in (MEBIBYTE - 100, MEBIBYTE + 1, 3 * MEBIBYTE):
            refused = await supervisor.save(ref, "summary", "x" * size, version=1)
            assert (refused.status_code, refused.headers["content-type"]) == (413, "application/problem+json"), size

        # One that does not say how much it will send.
        async def endless() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield b"value=" + b"x" * 65536

        told = await supervisor.http.put(
            f"/tickets/{ref}/fields/summary", content=endless(),
            headers={"X-CSRF-Token": supervisor.csrf, "Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        assert told.status_code == 413
        assert hotline.rows('select "values", version from ticket where ref = ?', ref) == before
        assert (await supervisor.save(ref, "summary", "and goes on", version=1)).status_code == 200


async def test_another_sites_page_can_neither_listen_nor_send(hotline: Hotline, ref: str) -> None:
    async with Visitor.signed_in(hotline, "supervisor") as supervisor:
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in supervisor.http.cookies.items())}
        for origin in ("http://evil.test", "null", f"http://127.0.0.1:{hotline.settings.port + 1}", None):
            assert await closed_with(hotline, cookie, origin) == 4010, origin
        assert await closed_with(hotline, {}, hotline.url) == 4001
        async with websockets.connect(
            ws(hotline), additional_headers=cookie, origin=websockets.Origin(hotline.url)
        ) as ours:
            assert '"hello"' in str(await asyncio.wait_for(ours.recv(), 10))

        told = "select (select count(*) from event_log where type = '{}')"
        asked_for, given = (told.format(kind) for kind in ("PhoneSecretChanged", "PhoneProvisioned"))
        await until(lambda: hotline.rows(asked_for) == hotline.rows(given), "what signing in brings has come")
        before = hotline.rows("select count(*), max(seq) from event_log")
        forged = {"Origin": "http://evil.test", "Content-Type": "application/x-www-form-urlencoded"}
        for path in ("/me/pause", "/me/log-off", f"/tickets/{ref}/steps/close", f"/tickets/{ref}/reveal", "/sign-out"):
            for body in (b"", b"csrf=guess&version=1&reason=BREAK"):
                answer = await supervisor.http.post(path, content=body, headers=forged)
                assert answer.status_code == 403, path
        signing_in = await supervisor.http.post("/sign-in", data={"name": "agent1", "password": "x"}, headers=forged)
        assert signing_in.status_code == 403
        assert hotline.rows("select count(*), max(seq) from event_log") == before
        assert (await supervisor.http.get("/board")).status_code == 200


def ws(hotline: Hotline) -> str:
    return f"ws://127.0.0.1:{hotline.settings.port}/live"


async def closed_with(hotline: Hotline, headers: dict[str, str], origin: str | None) -> int:
    """The code with which our socket turns somebody away, before it has told anything."""
    heard: list[object] = []
    async with websockets.connect(
        ws(hotline), additional_headers=headers, origin=None if origin is None else websockets.Origin(origin)
    ) as socket_:
        try:
            while True:
                heard.append(await asyncio.wait_for(socket_.recv(), 10))
        except websockets.ConnectionClosed as closed:
            assert heard == []
            assert closed.rcvd is not None
            return closed.rcvd.code


# SIP


def sip(hotline: Hotline, method: str, sender: tuple[str, int], user: str, *headers: str) -> bytes:
    server = f"127.0.0.1:{hotline.settings.sip_port}"
    here = f"{sender[0]}:{sender[1]}"
    lines = [
        f"{method} sip:{'12345@' if method == 'INVITE' else ''}{server} SIP/2.0",
        f"Via: SIP/2.0/UDP {here};rport;branch=z9hG4bK{secrets.token_hex(8)}",
        f"From: <sip:{user}@{server}>;tag={secrets.token_hex(4)}",
        f"To: <sip:{user}@{server}>",
        f"Call-ID: {secrets.token_hex(8)}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:{user}@{here}>;expires=60",
        "Max-Forwards: 70",
        *headers,
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Peer:
    """A SIP speaker on an address of its own."""

    def __init__(self, hotline: Hotline, address: str) -> None:
        self.hotline = hotline
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.setblocking(False)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()

    async def ask(self, method: str, user: str, *headers: str) -> tuple[int, str]:
        """Status (0: no answer within two seconds) and text of the final answer."""
        loop = asyncio.get_running_loop()
        message = sip(self.hotline, method, self.socket.getsockname(), user, *headers)
        await loop.sock_sendto(self.socket, message, ("127.0.0.1", self.hotline.settings.sip_port))
        try:
            while True:
                text = (await asyncio.wait_for(loop.sock_recv(self.socket, 65536), 2)).decode()
                status = int(text.split(" ", 2)[1]) if text.startswith("SIP/2.0") else 0
                if status >= 200:
                    return status, text
        except TimeoutError:
            return 0, ""


async def test_a_call_from_an_unknown_peer_reaches_nobody_and_is_noted(hotline: Hotline) -> None:
    known = hotline.rows("select count(*) from call")
    with Peer(hotline, "127.0.0.77") as stranger:
        for user in ("13800138000", "trunk", "anonymous"):
            status, _ = await stranger.ask("INVITE", user)
            assert status in {0, 401, 403}, user
    log = hotline.asterisk.places.log / "security"
    await until(lambda: log.exists() and "127.0.0.77" in log.read_text(), "Asterisk notes who it was")
    assert hotline.rows("select count(*) from call") == known


async def test_guessing_a_phones_secret_gets_nowhere(hotline: Hotline) -> None:
    """Neither from outside, nor from the trunk's own address, nor with a name that is known to be one."""
    endpoint, _secret = hotline.rows("select endpoint, phone_secret from agent limit 1")[0]
    for address in ("127.0.0.77", hotline.settings.trunk_addresses[0]):
        with Peer(hotline, address) as guesser:
            for user in (endpoint, "1001", "trunk", "agent1"):
                for guess in ("", "1001", "password", endpoint):
                    status, text = await guesser.ask("REGISTER", user)
                    if status == 401:
                        status, _ = await guesser.ask("REGISTER", user, credentials(text, user, guess))
                    assert status in {0, 401, 403, 404, 405, 503}, (address, user, status)
    said = await hotline.asterisk.cli("pjsip show contacts")
    assert "No objects found" in said, said
    assert (await hotline.ready_state())["ready"]


def credentials(challenge: str, user: str, password: str) -> str:
    """Digest of RFC 2617, with qop=auth as far as it is asked."""
    line = next(line for line in challenge.split("\r\n") if line.lower().startswith("www-authenticate:"))
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', line))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    uri = "sip:hotline"
    first, second = md5(f"{user}:{given['realm']}:{password}"), md5(f"REGISTER:{uri}")
    proof = md5(f"{first}:{given['nonce']}:00000001:ab:auth:{second}")
    return (
        f'Authorization: Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}", '
        f'response="{proof}", algorithm=MD5, qop=auth, nc=00000001, cnonce="ab"'
        + (f', opaque="{given["opaque"]}"' if "opaque" in given else "")
    )


# Ports


async def test_asterisk_listens_on_loopback_alone_and_its_web_port_has_one_door(hotline: Hotline) -> None:
    pid = hotline.asterisk.pid()
    settings = hotline.settings
    caller = await hotline.call()
    held = [entry.laddr for entry in psutil.Process(pid).net_connections("inet") if not entry.raddr]
    await hotline.hang_up(caller)
    assert {settings.ami_port, settings.sip_port, settings.asterisk_http_port} <= {place.port for place in held}
    # Besides those only its two sockets for asking name servers, on ports that the system chose.
    ours = [place for place in held if place.port < 32768]
    assert len(held) - len(ours) <= 2
    assert len([place for place in ours if place.port >= settings.rtp_range[0]]) == 2
    assert {place.ip for place in ours} == {"127.0.0.1"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.asterisk_http_port}") as client:
        for path in ("/", "/ari/asterisk/info", "/manager?action=ping", "/amanager", "/mxml", "/static/", "/httpstatus",
                     "/rawman", "/ws/../manager"):  # fmt: skip
            assert (await client.get(path)).status_code == 404, path
        assert (await client.get("/ws")).status_code == 426


async def test_the_manager_port_lets_nobody_run_commands(hotline: Hotline) -> None:
    for user, secret, wanted in (("actions", "guess", None), ("admin", "admin", None), ("actions", None, "actions")):
        reader, writer = await asyncio.open_connection("127.0.0.1", hotline.settings.ami_port)
        given = secret or hotline.asterisk.secrets().actions
        writer.write(f"Action: Login\r\nUsername: {user}\r\nSecret: {given}\r\nEvents: off\r\n\r\n".encode())
        said = b""
        while b"\r\n\r\n" not in said.replace(b"Asterisk Call Manager", b""):
            said += await asyncio.wait_for(reader.read(4096), 10)
        assert (b"Response: Success" in said) == (wanted is not None)
        if wanted is not None:
            for action in ("Command\r\nCommand: core show version", "GetConfig\r\nFilename: manager.conf", "DBPut",
                           "Originate\r\nChannel: Local/x@y\r\nApplication: System\r\nData: id"):  # fmt: skip
                writer.write(f"Action: {action}\r\n\r\n".encode())
                answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
                assert b"Response: Error" in answer, (action, answer)
        writer.close()
        await writer.wait_closed()
