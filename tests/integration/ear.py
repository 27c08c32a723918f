"""A caller of few words in plain Python: sends one INVITE and listens to the sound that comes, by the clock."""

import asyncio
import socket
import time
import uuid
from dataclasses import dataclass, field

import numpy as np

from tests.integration.sound import from_alaw

_LOUD = 500  # of 32767; the prompts' level is around 4000, their pauses are near 0


@dataclass
class Heard:
    """`status`: final SIP answer. `answered_s`, `sound_s`: seconds after the INVITE. `port`: the caller's."""

    status: int = 0
    answered_s: float | None = None
    sound_s: float | None = None
    packets: int = 0
    port: int = 0
    statuses: list[int] = field(default_factory=list)


async def listen(
    server: tuple[str, int], *, address: str, line: str, user: str = "13800138000", seconds: float = 2.0
) -> Heard:
    """Call, wait for the first loud packet (or `seconds`), hang up."""
    loop = asyncio.get_running_loop()
    heard = Heard()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp,
    ):
        for one in (sip, rtp):
            one.setblocking(False)
            one.bind((address, 0))
        call = _Call(server, sip.getsockname(), rtp.getsockname()[1], line, user)
        heard.port = sip.getsockname()[1]
        began = time.monotonic()
        await loop.sock_sendto(sip, call.invite(), server)
        sound = asyncio.create_task(_first_sound(rtp, began, heard))
        try:
            async with asyncio.timeout(seconds):
                while heard.status < 200:
                    text = (await loop.sock_recv(sip, 8192)).decode()
                    heard.status = int(text.split(" ", 2)[1])
                    heard.statuses.append(heard.status)
                heard.answered_s = time.monotonic() - began
                await loop.sock_sendto(sip, call.ack(text), server)
                if heard.status == 200:
                    await sound
                    await loop.sock_sendto(sip, call.bye(text), server)
                    await loop.sock_recv(sip, 8192)
        except TimeoutError:
            pass
        finally:
            sound.cancel()
    return heard


async def _first_sound(rtp: socket.socket, began: float, heard: Heard) -> None:
    loop = asyncio.get_running_loop()
    while heard.sound_s is None:
        packet = await loop.sock_recv(rtp, 2048)
        heard.packets += 1
        if packet[1] & 0x7F == 8 and np.abs(from_alaw(packet[12:])).max() > _LOUD:
            heard.sound_s = time.monotonic() - began


class _Call:
    def __init__(self, server: tuple[str, int], me: tuple[str, int], rtp_port: int, line: str, user: str) -> None:
        self.me, self.rtp_port = me, rtp_port
        self.uri = f"sip:{line}@{server[0]}:{server[1]}"
        self.caller = f"<sip:{user}@{me[0]}:{me[1]}>;tag={uuid.uuid4().hex[:8]}"
        self.id = uuid.uuid4().hex

    def invite(self) -> bytes:
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {self.me[0]}\r\ns=-\r\nc=IN IP4 {self.me[0]}\r\nt=0 0\r\n"
            f"m=audio {self.rtp_port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
        )
        contact = f"Contact: <sip:{self.me[0]}:{self.me[1]}>\r\nContent-Type: application/sdp\r\n"
        return self._request("INVITE", self.uri, f"<{self.uri}>", 1, contact, sdp, self.id[:12])

    def ack(self, answer: str) -> bytes:
        same = self.id[:12] if " 200 " not in answer.split("\r\n", maxsplit=1)[0] else uuid.uuid4().hex
        return self._request("ACK", self._contact(answer), self._header(answer, "To"), 1, branch=same)

    def bye(self, answer: str) -> bytes:
        return self._request("BYE", self._contact(answer), self._header(answer, "To"), 2)

    def _contact(self, answer: str) -> str:
        return self._header(answer, "Contact").strip("<>").split(">")[0] or self.uri

    def _header(self, answer: str, name: str) -> str:
        lines = [line for line in answer.split("\r\n") if line.startswith(f"{name}:")]
        return lines[0].split(":", 1)[1].strip() if lines else ""

    def _request(
        self, method: str, uri: str, to: str, number: int, extra: str = "", body: str = "", branch: str = ""
    ) -> bytes:
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self.me[0]}:{self.me[1]};rport;"
            f"branch=z9hG4bK{branch or uuid.uuid4().hex}\r\nFrom: {self.caller}\r\nTo: {to}\r\nCall-ID: {self.id}\r\n"
            f"CSeq: {number} {method}\r\nMax-Forwards: 70\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
