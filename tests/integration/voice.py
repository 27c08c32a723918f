"""A telephone in plain Python: SIP over UDP, one tone that it speaks, and an ear that knows every tone it hears.

It calls a line, or is an agent's phone at a fixed address. So a test can ask who hears whom, at any moment of a call.
"""

import asyncio
import re
import socket
import struct
import time
import uuid
from collections import deque
from collections.abc import Callable
from types import TracebackType

import numpy as np

from tests.integration.sound import RATE, alaw, from_alaw, level

_FRAME = 160  # samples in 20 ms
_KEPT_S = 8.0
_KEYS = "0123456789*#"
_EVENT_PACKETS = 11
_LOUD = 900  # a tone is sent at 8000; mixed and coded it is well above, noise and neighbours well below


class Voice:
    """`status`: last final answer to its INVITE. `ringing`, `up`, `ended` are of its newest call, and `let_go` once its
    own goodbye was heard; `asked`: all INVITEs.
    `answers`: seconds of ringing before it answers (None: only `answer()` does); `refuses`: a status to answer with.
    """

    def __init__(
        self,
        server: tuple[str, int],
        address: str,
        hertz: float,
        *,
        port: int = 0,
        answers: float | None = 0.1,
        refuses: str = "",
    ) -> None:
        self.server, self.address, self.hertz, self.port = server, address, hertz, port
        self.answers, self.refuses = answers, refuses
        self.status = 0
        self.ringing, self.up, self.ended, self.let_go = (asyncio.Event() for _ in range(4))
        self.asked: list[dict[str, str]] = []
        self.transferred = ""  # what Asterisk said of our REFER
        self.heard: deque[tuple[float, np.ndarray]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._presses: deque[str] = deque()
        self._mute = False
        self._dialog()

    def _dialog(self) -> None:
        self._call_id, self._tag, self._number = uuid.uuid4().hex, uuid.uuid4().hex[:8], 0
        self._local = self._remote = self._target = ""
        self._invite: dict[str, str] = {}
        self._to_rtp: tuple[str, int] | None = None
        self._direction = "sendrecv"
        for event in (self.ringing, self.up, self.ended, self.let_go):
            event.clear()

    async def __aenter__(self) -> "Voice":
        loop = asyncio.get_running_loop()
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for one, port in ((self._sip, self.port), (self._rtp, 0)):
            one.setblocking(False)
            one.bind((self.address, port))
        self.port = self._sip.getsockname()[1]
        loop.add_reader(self._sip, self._read_sip)
        loop.add_reader(self._rtp, self._read_rtp)
        self._start(self._speak())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for task in self._tasks:
            task.cancel()
        for one in (self._sip, self._rtp):
            loop.remove_reader(one)
            one.close()

    # What a person does

    async def call(self, line: str, user: str = "13800138000") -> "Voice":
        """Returns once it is answered, or refused."""
        self._dialog()
        self.status = 0
        self._local = f"<sip:{user}@{self.address}:{self.port}>"
        self._target = f"sip:{line}@{self.server[0]}:{self.server[1]}"
        self._remote = f"<{self._target}>"
        self._send(self._request("INVITE", self._sdp()))
        await until(lambda: self.status >= 200, "an answer to the call")
        return self

    def answer(self) -> None:
        self._reply(self._invite, "200 OK", self._sdp())

    def hang_up(self) -> None:
        if self.up.is_set() and not self.ended.is_set():
            self._send(self._request("BYE"))
            self.ended.set()

    def vanish(self) -> None:
        """Its sound stops, and it answers nothing any more."""
        self._mute = True

    def hold(self, on: bool) -> None:
        self._direction = "sendonly" if on else "sendrecv"
        self._send(self._request("INVITE", self._sdp()))

    def refer(self, user: str) -> None:
        """The phone's own blind transfer."""
        self._send(self._request("REFER", extra=f"Refer-To: <sip:{user}@{self.server[0]}:{self.server[1]}>\r\n"))

    def press(self, key: str) -> None:
        """A key, by INFO."""
        body = f"Signal={key}\r\nDuration=160\r\n"
        self._send(self._request("INFO", body).replace("application/sdp", "application/dtmf-relay"))

    def keys(self, keys: str) -> None:
        """Keys one after the other, in the sound's own stream (RFC 4733)."""
        self._presses.extend(keys)

    def hears(self, hertz: float, window_s: float = 0.25) -> bool:
        return level(self._last(window_s), hertz) > _LOUD

    def hears_only(self, *tones: float, of: tuple[float, ...]) -> bool:
        """Of these tones exactly those, for the last moment."""
        return all(self.hears(tone) == (tone in tones) for tone in of)

    def arrived(self) -> str:
        """What came in the last second: no packets, silence and something else are different faults."""
        since = time.monotonic() - 1
        parts = [samples for at, samples in self.heard if at >= since]
        loud = np.sqrt(np.mean(np.concatenate(parts).astype(float) ** 2)) if parts else 0
        return f"{len(parts)} packets, {loud:.0f} loud"

    def _last(self, window_s: float) -> np.ndarray:
        since = time.monotonic() - window_s
        parts = [samples for at, samples in self.heard if at >= since]
        # Half a window of packets at least: silence is also when nothing comes.
        return np.concatenate(parts) if len(parts) * 0.02 > window_s / 2 else np.zeros(0)

    # Wires

    def _start(self, work: "asyncio.coroutines.Coroutine[None, None, None]") -> None:  # type: ignore[name-defined]
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _speak(self) -> None:
        whole = np.arange(RATE) / RATE
        sound = alaw((8000 * np.sin(2 * np.pi * self.hertz * whole)).astype(np.int16))
        began, count = time.monotonic(), 0
        while True:
            count += 1
            if self._presses and self._to_rtp is not None:
                await self._event(self._presses.popleft(), count)
                count += _EVENT_PACKETS
            place = count * _FRAME % RATE
            if self._to_rtp is not None and self.up.is_set() and not self.ended.is_set() and not self._mute:
                head = struct.pack("!BBHII", 0x80, 8, count & 0xFFFF, count * _FRAME & 0xFFFFFFFF, 4711)
                self._rtp.sendto(head + sound[place : place + _FRAME], self._to_rtp)
            await asyncio.sleep(max(0.0, began + count * 0.02 - time.monotonic()))

    async def _event(self, key: str, first: int) -> None:
        """One key as RFC 4733 has it: an event of 160 ms, its end said three times."""
        for step in range(_EVENT_PACKETS):
            is_over = step >= _EVENT_PACKETS - 3
            count = first + step
            head = struct.pack("!BBHII", 0x80, 101 | (0x80 if step == 0 else 0), count & 0xFFFF, first * _FRAME, 4711)
            ends = (0x80 if is_over else 0) | 10
            span = min(step + 1, _EVENT_PACKETS - 3) * _FRAME
            self._rtp.sendto(head + struct.pack("!BBH", _KEYS.index(key), ends, span), self._to_rtp)
            await asyncio.sleep(0.02)

    def _read_rtp(self) -> None:
        packet, now = self._rtp.recv(2048), time.monotonic()
        if packet[1] & 0x7F == 8:
            self.heard.append((now, from_alaw(packet[12:])))
        while self.heard and self.heard[0][0] < now - _KEPT_S:
            self.heard.popleft()

    def _read_sip(self) -> None:
        message = _parse(self._sip.recv(65535).decode())
        if self._mute:
            return
        if message["start"].startswith("SIP/2.0"):
            self._answered(message)
        else:
            self._asked(message)

    def _answered(self, message: dict[str, str]) -> None:
        status, method = int(message["start"].split(" ", 2)[1]), message["cseq"].split(" ")[1]
        if method == "REFER":
            self.transferred = str(status)
        if method == "BYE":
            self.let_go.set()
        if method != "INVITE" or status < 200:
            return
        self._remote = message["to"]
        if status < 300:
            found = re.search(r"<([^>]+)>", message.get("contact", ""))
            self._target = found[1] if found else self._target
            self._media(message)
            self.up.set()
        first = not self.status
        self.status = status
        if first or status < 300:
            self._send(self._request("ACK", number=int(message["cseq"].split(" ")[0])))

    def _asked(self, message: dict[str, str]) -> None:
        method = message["start"].split(" ", 1)[0]
        if method == "INVITE" and "tag=" not in message["to"]:
            self._rung(message)
        elif message["call-id"] != self._call_id:
            self._reply(message, "200 OK")  # of an earlier call
        elif method == "INVITE":
            self._media(message)
            self._reply(message, "200 OK", self._sdp())
        elif method == "CANCEL":
            self._reply(message, "200 OK")
            self._reply(self._invite, "487 Request Terminated")
            self.ended.set()
        elif method != "ACK":
            if method == "NOTIFY":
                self.transferred = message["body"].strip() or self.transferred
            self._reply(message, "200 OK")
            if method == "BYE":
                self.ended.set()

    def _rung(self, message: dict[str, str]) -> None:
        if message.get("call-id") == self._call_id:
            return  # sent again
        if self.refuses or (self.up.is_set() and not self.ended.is_set()):
            self._reply(message, self.refuses or "486 Busy Here")
            return
        self._dialog()
        self._call_id, self._invite = message["call-id"], message
        self.asked.append(message)
        self._remote, self._local = message["from"], message["to"]
        found = re.search(r"<([^>]+)>", message["contact"])
        assert found
        self._target = found[1]
        self._media(message)
        self._reply(message, "180 Ringing")
        self.ringing.set()
        if self.answers is not None:
            self._start(self._answer_later(self.answers, self._call_id))

    async def _answer_later(self, seconds: float, call: str) -> None:
        await asyncio.sleep(seconds)
        if call == self._call_id and not self.ended.is_set():
            self.answer()
            self.up.set()

    def _media(self, message: dict[str, str]) -> None:
        host = re.search(r"^c=IN IP4 (\S+)", message["body"], re.MULTILINE)
        port = re.search(r"^m=audio (\d+)", message["body"], re.MULTILINE)
        if host and port:
            self._to_rtp = (host[1], int(port[1]))

    def _sdp(self) -> str:
        return (
            f"v=0\r\no=- 1 {self._number + 1} IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\nt=0 0\r\n"
            f"m=audio {self._rtp.getsockname()[1]} RTP/AVP 8 101\r\n"
            f"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na={self._direction}\r\n"
        )

    def _request(self, method: str, body: str = "", extra: str = "", number: int = 0) -> str:
        if not number:
            self._number += 1
            number = self._number
        tag = "" if "tag=" in self._local else f";tag={self._tag}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {self._target} SIP/2.0\r\nVia: SIP/2.0/UDP {self.address}:{self.port};rport;"
            f"branch=z9hG4bK{uuid.uuid4().hex}\r\nFrom: {self._local}{tag}\r\nTo: {self._remote}\r\n"
            f"Call-ID: {self._call_id}\r\nCSeq: {number} {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:{self.address}:{self.port}>\r\n{extra}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _reply(self, request: dict[str, str], status: str, body: str = "") -> None:
        to = request["to"] if "tag=" in request["to"] else f"{request['to']};tag={self._tag}"
        if request is self._invite:
            self._local = to
        kind = "Content-Type: application/sdp\r\n" if body else ""
        vias = "".join(f"Via: {via}\r\n" for via in request["via"].split("\n"))
        self._send(
            f"SIP/2.0 {status}\r\n{vias}From: {request['from']}\r\nTo: {to}\r\nCall-ID: {request['call-id']}\r\n"
            f"CSeq: {request['cseq']}\r\nContact: <sip:{self.address}:{self.port}>\r\n{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _send(self, text: str) -> None:
        if not self._mute:
            self._sip.sendto(text.encode(), self.server)


def _parse(text: str) -> dict[str, str]:
    """Header names in small letters; several Via lines joined by a line break."""
    head, _, body = text.partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    message = {"start": start, "body": body}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        message[name] = f"{message[name]}\n{value}" if name in message else value
    return message


async def until(holds: Callable[[], bool], what: str, seconds: float = 8.0) -> None:
    """Wait for something to be so; fails naming it."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.02)
