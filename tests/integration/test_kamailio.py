"""Which Asterisk callers are sent to, by the delivered Kamailio, with two stand-ins that answer as Asterisk does."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.caller import Caller
from tests.integration.deployment import once
from tests.integration.kamailio import Kamailio
from tests.integration.pbx import TRUNK, WORKER, free_port
from tests.integration.process import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60), once("pbx")]
HOST = TRUNK.rpartition(".")[0] + ".30"
FOUND_S = 5.0


class Node(asyncio.DatagramProtocol):
    """`is_active`: it says that it has the agents; `refusal`: what callers are told; `callers`: who came."""

    def __init__(self) -> None:
        self.is_active, self.refusal = False, "486 Busy Here"
        self.callers: list[str] = []
        self.is_up = True

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        request = data.decode()
        method = request.partition(" ")[0]
        if not self.is_up or method == "ACK":
            return
        status = "200 OK"
        if method == "OPTIONS" and "sip:active@" in request.partition("\r\n")[0] and not self.is_active:
            status = "404 Not Found"  # as Asterisk answers for an extension that is not there
        if method == "INVITE":
            self.callers.append(re.findall(r"(?m)^From: <sip:(\d+)@", request)[0])
            status = self.refusal
        kept = [row for row in request.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq|Record-Route):", row)]
        kept = [f"{row};tag=node" if row.startswith("To:") and "tag=" not in row else row for row in kept]
        self.transport.sendto("\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""]).encode(), address)


class Pair:
    """Two nodes behind a Kamailio, and whoever calls."""

    def __init__(self, one: Node, other: Node, ports: list[int], kamailio: Kamailio) -> None:
        self.nodes, self.kamailio = (one, other), kamailio
        self.uris = [f"sip:127.0.0.1:{port}" for port in ports]
        self._number = 13800138600

    async def seen(self, *up: bool) -> None:
        """Kamailio knows which of the two answers."""
        await until(lambda: self._up() == list(up), lambda: f"{up}: {self.kamailio.states()} {self.kamailio.log}")

    def _up(self) -> list[bool]:
        states = self.kamailio.states()
        return [states.get(uri, "").startswith("A") for uri in self.uris]

    async def goes_to(self) -> list[int]:
        """The nodes that a new caller came to, in order."""
        self._number += 1
        async with Caller(self.kamailio.address, "12345", str(self._number)) as caller:
            await caller.until(lambda one: one.status > 0, FOUND_S)
            self.status = caller.status
        return [place for place, node in enumerate(self.nodes) if str(self._number) in node.callers]


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    first = 32200 + 300 * WORKER
    ports = [free_port(first), free_port(first + 100)]
    loop, nodes = asyncio.get_running_loop(), []
    for port in ports:
        _transport, node = await loop.create_datagram_endpoint(Node, local_addr=("127.0.0.1", port))
        nodes.append(node)
    kamailio = Kamailio(tmp_path / "kamailio", (HOST, free_port(first + 200)), ports, (TRUNK, 5060))
    kamailio.start()
    try:
        yield Pair(nodes[0], nodes[1], ports, kamailio)
    finally:
        kamailio.stop()
        for node in nodes:
            node.transport.close()


async def test_callers_go_to_one_node_as_long_as_it_answers(pair: Pair) -> None:
    one, other = pair.nodes
    one.is_active = True
    await pair.seen(True, True)
    assert (await pair.goes_to(), pair.status) == ([0], 486)  # refused by the hotline itself: the other is not asked
    # It dies, unnoticed yet: a caller waits two seconds, and those behind go where that one went.
    one.is_up = one.is_active = False
    began = time.monotonic()
    assert await pair.goes_to() == [1]
    assert 1.5 < time.monotonic() - began < FOUND_S
    other.is_active = True
    began = time.monotonic()
    assert await pair.goes_to() == [1]
    assert time.monotonic() - began < 1
    await pair.seen(False, True)
    # It comes back: nothing returns by itself, also when Kamailio starts anew and knows nothing.
    one.is_up = True
    await pair.seen(True, True)
    assert await pair.goes_to() == [1]
    pair.kamailio.stop()
    pair.kamailio.start()
    await pair.seen(True, True)
    await until(
        lambda: pair.kamailio.states()[f"{pair.uris[1].replace('sip:', 'sip:active@')}"].startswith("A"), "asked"
    )
    assert await pair.goes_to() == [1]
    # By hand it does; and from a node that is being stopped.
    pair.kamailio.ask("htable.sets", "hotline", "node", pair.uris[0])
    assert await pair.goes_to() == [0]
    one.refusal = "503 Service Unavailable"
    assert await pair.goes_to() == [0, 1]
    one.refusal = "486 Busy Here"
    assert await pair.goes_to() == [1]


async def test_nobody_but_the_network_is_answered(pair: Pair) -> None:
    pair.nodes[0].is_active = True
    await pair.seen(True, True)
    loop = asyncio.get_running_loop()
    heard = asyncio.Event()

    class Stranger(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
            heard.set()

    transport, _ = await loop.create_datagram_endpoint(Stranger, local_addr=(HOST.removesuffix(".30") + ".31", 0))
    me = "{}:{}".format(*transport.get_extra_info("sockname"))
    for method in ("OPTIONS", "INVITE", "REGISTER"):
        transport.sendto(
            f"{method} sip:12345@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK1{method}\r\n"
            f"From: <sip:1@{me}>;tag=1\r\n"
            f"To: <sip:12345@{HOST}>\r\nCall-ID: {method}@{me}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:1@{me}>\r\nContent-Length: 0\r\n\r\n".encode(),
            pair.kamailio.address,
        )
    assert await pair.goes_to() == [0]  # it has read all before
    assert pair.nodes[0].callers == [str(pair._number)]
    assert not heard.is_set()
    transport.close()
