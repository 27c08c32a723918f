"""A bad network between an agent's browser and Asterisk: a relay on loopback that loses sound and nothing else.

Chromium on one machine cannot be given a bad network, so each end is told that the other's is at the relay's port.
"""

import asyncio
from contextlib import suppress
from typing import Any

from playwright.async_api import BrowserContext

# Both ends are told of the relay alone: either would find the direct way by itself.
_REROUTE = """
  const kind = RTCPeerConnection.prototype;
  const set = kind.setRemoteDescription;
  kind.setRemoteDescription = async function ({ type, sdp }) {
    const [, port] = /^a=candidate:\\S+ \\d+ \\S+ \\d+ \\S+ (\\d+) typ host/m.exec(sdp);
    const relay = await window.losingPath(Number(port));
    this.towardsUs = relay.asterisk;
    return set.call(this, { type, sdp: through(sdp, relay.page) });
  };
  const local = Object.getOwnPropertyDescriptor(kind, 'localDescription').get;
  Object.defineProperty(kind, 'localDescription', {
    get() {
      const own = local.call(this);
      return own && this.towardsUs ? { type: own.type, sdp: through(own.sdp, this.towardsUs) } : own;
    },
  });
  function through(sdp, port) {
    return sdp.replace(/^(a=candidate:\\S+ \\d+ \\S+ \\d+) \\S+ \\d+ typ .*$/gm, `$1 127.0.0.1 ${port} typ host`);
  }
"""


class LosingPath:
    """`every`: of so many packets with sound to the browser one is lost; 0: none. May be changed in mid-call."""

    def __init__(self, every: int) -> None:
        self.every = every
        self._ports: dict[int, dict[str, int]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def attach(self, context: BrowserContext) -> None:
        """From the next page on."""
        await context.expose_function("losingPath", self._relay)
        await context.add_init_script(f"(() => {{{_REROUTE}}})();")

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _relay(self, port: int) -> dict[str, int]:
        if port not in self._ports:
            loop = asyncio.get_running_loop()
            towards, _ = await loop.create_datagram_endpoint(_Inbox, remote_addr=("127.0.0.1", port))
            from_page, _ = await loop.create_datagram_endpoint(_Inbox, local_addr=("127.0.0.1", 0))
            self._ports[port] = {"page": _port(from_page), "asterisk": _port(towards)}
            self._tasks.append(asyncio.create_task(self._carry(from_page, towards)))
        return self._ports[port]

    async def _carry(self, page: Any, asterisk: Any) -> None:
        """Both ways; answers go to where the page sent from last."""
        inbox, outbox = page.get_protocol().packets, asterisk.get_protocol().packets
        where: list[Any] = [None]

        async def there() -> None:
            while True:
                data, where[0] = await inbox.get()
                asterisk.sendto(data)

        async def back() -> None:
            sound = 0
            while True:
                data, _ = await outbox.get()
                sound += _is_sound(data)
                if where[0] is None or (_is_sound(data) and self.every and sound % self.every == 0):
                    continue
                page.sendto(data, where[0])

        try:
            with suppress(asyncio.CancelledError):
                await asyncio.gather(there(), back())
        finally:
            page.close()
            asterisk.close()


def _port(transport: Any) -> int:
    return int(transport.get_extra_info("sockname")[1])


def _is_sound(data: bytes) -> bool:
    """RFC 5764 and 5761: RTP begins with 128–191, RTCP has packet types 192–223 in its second byte."""
    return len(data) > 1 and 128 <= data[0] <= 191 and not 192 <= data[1] <= 223


class _Inbox(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.packets: asyncio.Queue[tuple[bytes, Any]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.packets.put_nowait((data, addr))
