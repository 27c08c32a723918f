"""Agents' phones as the network sees them: what each one's SIP messages say of every ring, and phones without a page.

`PhoneLog` is the other side of the truth: it reads the SIP of a phone, be it a real page's or one of ours.
"""

import asyncio
import random
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field

import websockets

from bench.chaos.seen import Ring
from tests.integration.wsphone import WsPhone

_REGISTER_S = 25.0
_CALLER = re.compile(r"^From:.*?sips?:([^@>;]+)@", re.MULTILINE)


@dataclass
class PhoneLog:
    """All rings of all phones, by the SIP that went over their wires."""

    rings: list[Ring] = field(default_factory=list)
    _by_call: dict[tuple[str, str], Ring] = field(default_factory=dict)

    def heard(self, phone: str, text: str, *, is_sent: bool, at: float) -> Ring | None:
        """A message that this phone got or sent. The ring that it is about; None for anything else."""
        first, call_id = text.split("\r\n", 1)[0], header(text, "Call-ID")
        ring = self._by_call.get((phone, call_id))
        if ring is None:
            if is_sent or not first.startswith("INVITE"):
                return None
            caller = _CALLER.search(text)
            ring = Ring(caller.group(1) if caller else "", phone, at)
            self._by_call[phone, call_id] = ring
            self.rings.append(ring)
            return ring
        is_invite = "INVITE" in header(text, "CSeq")
        if is_sent and is_invite and first.startswith("SIP/2.0 200"):
            ring.accepted_at = ring.accepted_at or at
        elif is_sent and is_invite and re.match(r"SIP/2\.0 [4-6]", first):
            _end(ring, at, "cancelled" if first.startswith("SIP/2.0 487") else "rejected")
        elif not is_sent and first.startswith("ACK") and ring.accepted_at is not None:
            ring.answered_at = ring.answered_at or at
        elif first.startswith("BYE"):
            _end(ring, at, "agent" if is_sent else "hotline")
        elif not is_sent and first.startswith("CANCEL"):
            _end(ring, at, "cancelled")
        return ring

    def gone(self, phone: str, at: float) -> Ring | None:
        """The phone ceased to exist. The ring that it was in the middle of."""
        last = None
        for ring in self.rings:
            if ring.phone == phone and ring.ended_at is None:
                _end(ring, at, "killed")
                last = ring
        return last


def _end(ring: Ring, at: float, by: str) -> None:
    if ring.ended_at is None:
        ring.ended_at, ring.ended_by = at, by


def header(text: str, name: str) -> str:
    """Its first value, empty without one."""
    found = re.search(rf"^{name}:\s*(.*?)\r?$", text, re.MULTILINE | re.IGNORECASE)
    return found.group(1) if found else ""


class AnsweringPhone(WsPhone):
    """Rings, then answers or rejects, talks and hangs up, as `chance` has it. Sends no sound: Asterisk lets a silent
    phone talk for ten seconds, and nobody talks longer here.
    """

    def __init__(self, port: int, endpoint: str, secret: str, *, log: PhoneLog, chance: random.Random) -> None:
        super().__init__(port, endpoint, secret)
        self._log, self._chance = log, chance
        self._acts: dict[str, asyncio.Task[None]] = {}
        self._again: asyncio.Task[None] | None = None

    async def live(self) -> None:
        """Until the socket closes; then nothing of it goes on."""
        self._again = asyncio.create_task(self._stay_registered())
        try:
            await self._socket.wait_closed()
        finally:
            for task in (*self._acts.values(), self._again):
                task.cancel()
            self._log.gone(self.endpoint, time.time())

    async def _stay_registered(self) -> None:
        while True:
            await asyncio.sleep(_REGISTER_S)
            await self._socket.send(self._register(""))

    async def _serve(self) -> None:
        with suppress(websockets.ConnectionClosed):
            await super()._serve()

    async def _serve_one(self, request: str) -> None:
        self._log.heard(self.endpoint, request, is_sent=False, at=time.time())
        call_id = header(request, "Call-ID")
        if request.startswith("SIP/2.0 401"):
            await self._socket.send(self._register(self._credentials(request)))
        elif request.startswith("INVITE") and call_id not in self._acts:
            self.rung.set()
            await self._say(self._reply(request, "180 Ringing"))
            self._acts[call_id] = asyncio.create_task(self._act(request))
        elif request.startswith("ACK"):
            self.answered.set()
        elif request.startswith(("BYE", "CANCEL")):
            await self._say(self._reply(request, "200 OK"))
            if (act := self._acts.get(call_id)) is not None:
                act.cancel()
        else:
            await super()._serve_one(request)

    async def _say(self, text: str) -> None:
        self._log.heard(self.endpoint, text, is_sent=True, at=time.time())
        await self._socket.send(text)

    async def _act(self, invite: str) -> None:
        self.answered = asyncio.Event()
        with suppress(websockets.ConnectionClosed):
            try:
                await asyncio.sleep(self._chance.uniform(0.4, 2.0))
            except asyncio.CancelledError:
                await self._say(self._reply(invite, "487 Request Terminated"))
                return
            if self._chance.random() < 0.1:
                await self._say(self._reply(invite, "486 Busy Here"))
                return
            await self._say(self._accept(invite))
            await self.answered.wait()
            await asyncio.sleep(self._chance.uniform(2.0, 6.0))
            await self._say(self._bye(invite))

    def _accept(self, invite: str) -> str:
        """A WebRTC answer to the first format, of a phone whose sound never comes."""
        mid = re.search(r"^a=mid:(\S+)", invite, re.MULTILINE)
        print_of = ":".join(f"{byte:02X}" for byte in secrets.token_bytes(32))
        lines = [
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0",
            *([f"a=group:BUNDLE {mid.group(1)}"] if mid else []),
            "m=audio 9 UDP/TLS/RTP/SAVPF 8", "c=IN IP4 127.0.0.1", "a=rtpmap:8 PCMA/8000", "a=rtcp-mux",
            f"a=ice-ufrag:{secrets.token_hex(4)}", f"a=ice-pwd:{secrets.token_hex(12)}",
            f"a=fingerprint:sha-256 {print_of}", "a=setup:active",
            *([f"a=mid:{mid.group(1)}"] if mid else []), "a=sendrecv",
        ]  # fmt: skip
        body = "\r\n".join(lines) + "\r\n"
        head = self._reply(invite, "200 OK").replace("Content-Length: 0\r\n\r\n", "")
        return (
            f"{head}Contact: <sip:{self.endpoint}@phone.invalid;transport=ws>\r\nContent-Type: application/sdp\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _bye(self, invite: str) -> str:
        target = header(invite, "Contact").partition("<")[2].partition(">")[0]
        return (
            f"BYE {target} SIP/2.0\r\nVia: SIP/2.0/WS phone.invalid;branch=z9hG4bK{secrets.token_hex(8)}\r\n"
            f"From: {header(invite, 'To')};tag=phone\r\nTo: {header(invite, 'From')}\r\n"
            f"Call-ID: {header(invite, 'Call-ID')}\r\nCSeq: 2 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
