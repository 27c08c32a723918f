"""A phone of plain Python at a test phone's address: answers, speaks its own tone, and knows whose tones it hears."""

import asyncio
import secrets
import socket
import struct
import time

import numpy as np

from tests.integration.pbx import PHONES, Pbx
from tests.integration.sound import RATE, alaw, from_alaw, level

_FRAME = 160  # samples in 20 ms
_PCMA = 8
_LOUD = 700  # of 32767; a tone is sent at 8000
_WAIT_S = 12.0


class TonePhone:
    """`async with TonePhone(pbx, "a1", 700) as phone`. `calls` counts the INVITEs that it answered."""

    def __init__(self, pbx: Pbx, name: str, hertz: float, *, answers: bool = True) -> None:
        self.hertz = hertz
        self.answers = answers
        self.calls = 0
        self.asked = ""
        self.ended = asyncio.Event()
        self.rung = asyncio.Event()
        self._server, self._port = pbx.server, pbx.phone_ports[name]
        self._tone = alaw((8000 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)).astype(np.int16))
        self._heard: list[tuple[float, np.ndarray]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._speaking: asyncio.Task[None] | None = None
        self._invite = ""

    async def __aenter__(self) -> "TonePhone":
        self._sip, self._rtp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one, port in ((self._sip, self._port), (self._rtp, 0)):
            one.setblocking(False)
            one.bind((PHONES, port))
        self._tasks = [asyncio.create_task(self._signal()), asyncio.create_task(self._listen())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (*self._tasks, *([self._speaking] if self._speaking else [])):
            task.cancel()
        for one in (self._sip, self._rtp):
            one.close()

    def hears(self, hertz: float, seconds: float = 0.4) -> bool:
        """Whether somebody with this tone was audible all through the last moments."""
        return level(self._last(seconds), hertz) > _LOUD

    def _last(self, seconds: float) -> np.ndarray:
        since = time.monotonic() - seconds
        parts = [samples for at, samples in self._heard if at >= since]
        return np.concatenate(parts) if parts else np.zeros(0)

    async def until_hears(self, *hertz: float, but: tuple[float, ...] = ()) -> None:
        """All of these and none of those. Raises AssertionError when it does not become so."""
        end = time.monotonic() + _WAIT_S
        while not (all(self.hears(one) for one in hertz) and not any(self.hears(one) for one in but)):
            if time.monotonic() > end:
                levels = {one: round(level(self._last(0.4), one)) for one in (*hertz, *but)}
                raise AssertionError(f"the phone of {self.hertz} Hz hears {levels}")
            await asyncio.sleep(0.05)

    async def hang_up(self) -> None:
        """A person's goodbye."""
        await self._send(self._request("BYE"))
        self._quiet()

    # What goes over the wire

    async def _send(self, text: str) -> None:
        await asyncio.get_running_loop().sock_sendto(self._sip, text.encode(), self._server)

    async def _signal(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            text = (await loop.sock_recv(self._sip, 65536)).decode()
            if text.startswith("INVITE"):
                await self._invited(text)
            elif not text.startswith(("ACK", "SIP/2.0")):
                await self._send(self._reply(text, "200 OK"))
                if text.startswith(("BYE", "CANCEL")):
                    self._quiet()

    async def _invited(self, text: str) -> None:
        if _header(text, "Call-ID") == _header(self._invite, "Call-ID"):  # a re-INVITE, or one that came twice
            await self._send(self._reply(text, "200 OK", self._sdp()))
            return
        self._invite, self.asked = text, _header(text, "X-Hotline-Asked")
        self.ended.clear()
        self.rung.set()
        await self._send(self._reply(text, "180 Ringing"))
        if self.answers:
            self.calls += 1
            await self._send(self._reply(text, "200 OK", self._sdp()))
            self._speaking = asyncio.create_task(self._speak(_media(text)))

    def _quiet(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
        self._invite = ""
        self.ended.set()

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
                self._heard.append((time.monotonic(), from_alaw(packet[12:])))

    def _sdp(self) -> str:
        return (
            f"v=0\r\no=- 1 1 IN IP4 {PHONES}\r\ns=-\r\nc=IN IP4 {PHONES}\r\nt=0 0\r\n"
            f"m=audio {self._rtp.getsockname()[1]} RTP/AVP {_PCMA}\r\na=rtpmap:{_PCMA} PCMA/8000\r\na=ptime:20\r\n"
        )

    def _reply(self, request: str, status: str, body: str = "") -> str:
        kept = [
            line for line in request.split("\r\n") if line.split(":")[0] in {"Via", "From", "To", "Call-ID", "CSeq"}
        ]
        kept = [f"{line};tag={self._port}" if line.startswith("To:") and "tag=" not in line else line for line in kept]
        kept += [f"Contact: <sip:{PHONES}:{self._port}>"] + (["Content-Type: application/sdp"] if body else [])
        return "\r\n".join([f"SIP/2.0 {status}", *kept, f"Content-Length: {len(body)}", "", body])

    def _request(self, method: str) -> str:
        """From us, in the dialog that Asterisk began."""
        uri = _header(self._invite, "Contact").strip("<>").split(">")[0]
        to, ours = _header(self._invite, "From"), f"{_header(self._invite, 'To')};tag={self._port}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {PHONES}:{self._port};rport;branch=z9hG4bK{secrets.token_hex(8)}",
            f"From: {ours}",
            f"To: {to}",
            f"Call-ID: {_header(self._invite, 'Call-ID')}",
            f"CSeq: 1 {method}",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""])


def _header(text: str, name: str) -> str:
    lines = [line for line in text.split("\r\n") if line.lower().startswith(f"{name.lower()}:")]
    return lines[0].split(":", 1)[1].strip() if lines else ""


def _media(text: str) -> tuple[str, int]:
    lines = text.split("\r\n")
    address = next(line.split()[-1] for line in lines if line.startswith("c=IN IP4"))
    return address, int(next(line.split()[1] for line in lines if line.startswith("m=audio")))
