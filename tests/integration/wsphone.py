"""An agent's page as Asterisk sees it: SIP over its WebSocket, with this sign-in's secret. Registers and rings."""

import asyncio
import hashlib
import re
import uuid
from ssl import SSLContext
from types import TracebackType

import websockets

_HOST = "phone.invalid"


class WsPhone:
    """Register with `async with`; `status` is the last answer, `rung` is set by an INVITE,
    `call` is the call's name that it told. `url`, `trusted`: through a proxy with TLS instead of Asterisk's own port.
    """

    def __init__(
        self, port: int, endpoint: str, secret: str, *, url: str | None = None, trusted: SSLContext | None = None
    ) -> None:
        self.endpoint, self.secret = endpoint, secret
        self.url, self.trusted = url or f"ws://127.0.0.1:{port}/ws", trusted
        self.status = 0
        self.rung = asyncio.Event()
        self.call: str | None = None
        self._call_id, self._number = uuid.uuid4().hex, 0

    async def __aenter__(self) -> "WsPhone":
        self._socket = await websockets.connect(
            self.url, subprotocols=[websockets.Subprotocol("sip")], ssl=self.trusted
        )
        await self._socket.send(self._register(""))
        answer = await self._answer()
        if self.status == 401:
            await self._socket.send(self._register(self._credentials(answer)))
            await self._answer()
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._task.cancel()
        await self._socket.close()

    async def _answer(self) -> str:
        while True:
            text = str(await asyncio.wait_for(self._socket.recv(), 5))
            if text.startswith("SIP/2.0"):
                self.status = int(text.split(" ", 2)[1])
                return text
            await self._serve_one(text)

    async def _serve(self) -> None:
        async for message in self._socket:
            await self._serve_one(str(message))

    async def _serve_one(self, request: str) -> None:
        if request.startswith("INVITE"):
            told = re.search(r"^X-Hotline-Call: (\S+)", request, re.MULTILINE)
            self.call = told.group(1) if told else None
            self.rung.set()
            await self._socket.send(self._reply(request, "180 Ringing"))
        elif request.startswith(("OPTIONS", "CANCEL")):
            await self._socket.send(self._reply(request, "200 OK"))

    def _reply(self, request: str, status: str) -> str:
        kept = [line for line in request.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", line)]
        kept = [f"{line};tag=phone" if line.startswith("To:") and "tag=" not in line else line for line in kept]
        return "\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""])

    def _register(self, credentials: str) -> str:
        self._number += 1
        uri = f"sip:{self.endpoint}@{_HOST}"
        return (
            f"REGISTER sip:hotline SIP/2.0\r\nVia: SIP/2.0/WS {_HOST};branch=z9hG4bK{uuid.uuid4().hex}\r\n"
            f"From: <{uri}>;tag=1\r\nTo: <sip:{self.endpoint}@hotline>\r\nCall-ID: {self._call_id}\r\n"
            f"CSeq: {self._number} REGISTER\r\nContact: <{uri};transport=ws>;expires=60\r\nMax-Forwards: 70\r\n"
            f"{credentials}Content-Length: 0\r\n\r\n"
        )

    def _credentials(self, answer: str) -> str:
        """Digest of RFC 2617 with qop=auth."""
        line = next(line for line in answer.split("\r\n") if line.startswith("WWW-Authenticate:"))
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', line))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        ours, uri = md5(f"{self.endpoint}:{given['realm']}:{self.secret}"), "sip:hotline"
        digest = md5(f"{ours}:{given['nonce']}:00000001:abc:auth:{md5(f'REGISTER:{uri}')}")
        return (
            f'Authorization: Digest username="{self.endpoint}",realm="{given["realm"]}",nonce="{given["nonce"]}",'
            f'uri="{uri}",response="{digest}",algorithm=MD5,qop=auth,nc=00000001,cnonce="abc",'
            f'opaque="{given.get("opaque", "")}"\r\n'
        )
