"""A caller in plain Python: places a call, speaks a tone, keeps what is heard, and hangs up when told to."""

import asyncio
import secrets
import socket
import struct
import time
from collections.abc import Callable

import numpy as np

from tests.integration.pbx import TRUNK
from tests.integration.sound import RATE, alaw, from_alaw

TONE_HZ = 440
_FRAME = 160  # samples in 20 ms
_PCMA = 8
_WAIT_S = 30.0


class Caller:
    """One call to a line. `status`: last SIP answer; `ended_by`: hotline, caller or None while it lasts."""

    def __init__(self, server: tuple[str, int], line: str, number: str, *, hertz: float = TONE_HZ) -> None:
        self.server, self.line, self.number = server, line, number
        self.status = 0
        self.began = 0.0
        self.answered_at: float | None = None
        self.ended_by: str | None = None
        self.packets = 0
        self._tone = alaw((8000 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)).astype(np.int16))
        self._heard: list[tuple[float, np.ndarray]] = []
        self._answer = ""
        self._id, self._tag, self._branch = (secrets.token_hex(8) for _ in range(3))
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Caller":
        self._sip, self._rtp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one in (self._sip, self._rtp):
            one.setblocking(False)
            one.bind((TRUNK, 0))
        self._me = self._sip.getsockname()
        self.began = time.monotonic()
        await self._send(self._request("INVITE", 1, body=self._sdp()))
        self._tasks = [asyncio.create_task(self._signal()), asyncio.create_task(self._listen())]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.ended_by is None and self.status < 300:
            await self.hang_up()
        for task in self._tasks:
            task.cancel()
        for one in (self._sip, self._rtp):
            one.close()

    # What the test does and asks

    async def until(self, is_so: Callable[["Caller"], bool], timeout_s: float = _WAIT_S) -> None:
        """Raises AssertionError when it does not become so in time."""
        end = time.monotonic() + timeout_s
        while not is_so(self):
            if time.monotonic() > end:
                raise AssertionError(f"the caller: status {self.status}, ended by {self.ended_by}")
            await asyncio.sleep(0.02)

    async def press(self, key: str, number: int) -> None:
        """A key, by INFO. `number`: of this request in the dialog, from 2; a goodbye must have a higher one."""
        info = self._request("INFO", number, f"Signal={key}\r\nDuration=160\r\n")
        await self._send(info.replace(b"application/sdp", b"application/dtmf-relay"))

    async def hang_up(self) -> None:
        self.ended_by = "caller"
        await self._send(self._request("BYE", 2) if self.status == 200 else self._request("CANCEL", 1))

    def heard(self, seconds: float | None = None) -> np.ndarray:
        """Samples heard, all or of the last seconds."""
        since = 0.0 if seconds is None else time.monotonic() - seconds
        parts = [samples for at, samples in self._heard if at >= since]
        return np.concatenate(parts) if parts else np.zeros(0)

    def loudness(self, seconds: float = 1.0) -> float:
        """Root mean square of the last seconds, of 32767."""
        heard = self.heard(seconds).astype(float)
        return float(np.sqrt(np.mean(heard**2))) if len(heard) else 0.0

    # What goes over the wire

    async def _send(self, message: bytes) -> None:
        await asyncio.get_running_loop().sock_sendto(self._sip, message, self.server)

    async def _signal(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            text = (await loop.sock_recv(self._sip, 65536)).decode()
            if text.startswith("SIP/2.0"):
                await self._answered(text)
            elif not text.startswith("ACK"):
                await self._send(_reply(text))
                if text.startswith("BYE") and self.ended_by is None:
                    self.ended_by = "hotline"

    async def _answered(self, text: str) -> None:
        status = int(text.split(" ", 2)[1])
        if "INVITE" not in _header(text, "CSeq") or status < 200:
            return
        self.status = status
        if self._answer:
            return
        self._answer = text
        await self._send(self._request("ACK", 1))
        if status == 200:
            self.answered_at = time.monotonic()
            self._tasks.append(asyncio.create_task(self._speak(_media(text))))

    async def _speak(self, to: tuple[str, int]) -> None:
        loop, source = asyncio.get_running_loop(), secrets.randbits(31)
        began, number = time.monotonic(), 0
        while True:
            place = number * _FRAME % len(self._tone)
            head = struct.pack("!BBHII", 0x80, _PCMA, number & 0xFFFF, number * _FRAME & 0xFFFFFFFF, source)
            await loop.sock_sendto(self._rtp, head + self._tone[place : place + _FRAME], to)
            number += 1
            await asyncio.sleep(max(0.0, began + number * 0.02 - time.monotonic()))

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            packet = await loop.sock_recv(self._rtp, 2048)
            if packet[1] & 0x7F == _PCMA:
                self.packets += 1
                self._heard.append((time.monotonic(), from_alaw(packet[12:])))

    def _sdp(self) -> str:
        return (
            f"v=0\r\no=- 1 1 IN IP4 {TRUNK}\r\ns=-\r\nc=IN IP4 {TRUNK}\r\nt=0 0\r\n"
            f"m=audio {self._rtp.getsockname()[1]} RTP/AVP {_PCMA}\r\na=rtpmap:{_PCMA} PCMA/8000\r\na=ptime:20\r\n"
        )

    def _request(self, method: str, number: int, body: str = "") -> bytes:
        """CANCEL and the ACK of a refusal belong to the INVITE's transaction, all else to the dialog."""
        in_dialog = self.status == 200 and method in {"ACK", "BYE", "INFO"}
        branch = secrets.token_hex(8) if in_dialog else self._branch
        line = f"sip:{self.line}@{self.server[0]}:{self.server[1]}"
        uri = _header(self._answer, "Contact").strip("<>").split(">")[0] if in_dialog else line
        to = _header(self._answer, "To") or f"<{line}>"
        route = "".join(f"Route: {hop}\r\n" for hop in reversed(_headers(self._answer, "Record-Route")) if in_dialog)
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self._me[0]}:{self._me[1]};rport;branch=z9hG4bK{branch}\r\n"
            f"From: <sip:{self.number}@{TRUNK}:{self._me[1]}>;tag={self._tag}\r\nTo: {to}\r\nCall-ID: {self._id}\r\n"
            f"{route}CSeq: {number} {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:{self.number}@{TRUNK}:{self._me[1]}>\r\n"
            + ("Content-Type: application/sdp\r\n" if body else "")
            + f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


def _header(text: str, name: str) -> str:
    return next(iter(_headers(text, name)), "")


def _headers(text: str, name: str) -> list[str]:
    lines = [line for line in text.split("\r\n") if line.lower().startswith(f"{name.lower()}:")]
    return [line.split(":", 1)[1].strip() for line in lines]


def _media(text: str) -> tuple[str, int]:
    lines = text.split("\r\n")
    address = next(line.split()[-1] for line in lines if line.startswith("c=IN IP4"))
    return address, int(next(line.split()[1] for line in lines if line.startswith("m=audio")))


def _reply(request: str) -> bytes:
    kept = [line for line in request.split("\r\n") if line.split(":")[0] in {"Via", "From", "To", "Call-ID", "CSeq"}]
    return ("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0"]) + "\r\n\r\n").encode()
