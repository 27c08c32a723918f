"""AMI bytes to domain events: ours (client, parser and call tracker) beside stock asterisk-ami and panoramisk.

The same captured bytes over loopback, one fresh process a measure, the three in turn. Events a second counts every
event in the stream, for all alike. Stock and panoramisk hand each event to a function that counts it; ours feeds the
tracker. The `wanted` variant holds only events that the hotline reads, so that dropping the others is no advantage.
"""

import asyncio
import json
import logging
import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import panoramisk
from asterisk.ami import AMIClient, EventListener, SimpleAction

from hotline import log
from hotline.calls.tracker import Tracker
from hotline.telephony.actions import Command
from hotline.telephony.catalogue import WANTED
from hotline.telephony.client import AmiClient
from hotline.telephony.messages import Message, UserEvent

CAPTURE = Path(__file__).resolve().parent.parent / "tests" / "transcripts" / "mixed.ami"
ROUNDS = 7
COPIES = 8
_GO = "BenchGo"
_END = "BenchEnd"
_SENTINEL = f"Event: UserEvent\r\nTimestamp: 1795546999.000000\r\nUserEvent: {_END}\r\n\r\n".encode()
_IDS = b": pbx1-"


def stream(*, only_wanted: bool) -> tuple[bytes, int]:
    """The capture several times over, each copy with calls of its own, and how many events that is."""
    blocks = [block for block in CAPTURE.read_bytes().split(b"\r\n\r\n") if block.startswith(b"Event: ")]
    if only_wanted:
        names = {name.encode() for name in WANTED}
        blocks = [block for block in blocks if block[7 : block.index(b"\r\n")] in names]
    one = b"".join(block + b"\r\n\r\n" for block in blocks)
    copies = [one.replace(_IDS, _IDS + str(n).encode()) for n in range(1, COPIES + 1)]
    return b"".join(copies) + _SENTINEL, len(blocks) * COPIES


class Server:
    """As much of a manager as all three need to log in; the stream follows the command `BenchGo`."""

    def __init__(self) -> None:
        self.data = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        while True:
            peer, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with suppress(ConnectionError), peer, peer.makefile("rb") as lines:
            peer.sendall(b"Asterisk Call Manager/11.0.0\r\n")
            command: dict[str, str] = {}
            for line in lines:
                key, _, value = line.decode().strip().partition(": ")
                if key:
                    command[key.lower()] = value
                    continue
                if command:
                    self._answer(peer, command)
                    command = {}

    def _answer(self, peer: socket.socket, command: dict[str, str]) -> None:
        action_id = f"ActionID: {command.get('actionid', '')}\r\n"
        text = f"Response: Success\r\n{action_id}Challenge: 1\r\n"
        text += "CoreStartupDate: 2026-05-09\r\nCoreStartupTime: 08:00:00\r\n\r\n"
        name = command["action"]
        if name == "Login":
            text += "Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n"
        if name in {"CoreShowChannels", "QueueStatus", "DeviceStateList"}:
            text += f"Event: {name}Complete\r\n{action_id}EventList: Complete\r\nListItems: 0\r\n\r\n"
        peer.sendall(text.encode())
        if name == _GO:
            peer.sendall(self.data)


def ours(port: int, count: int) -> float:
    """Seconds from the first byte until the tracker has had the last event."""
    return asyncio.run(_ours(port, count))


async def _ours(port: int, count: int) -> float:
    tracker, told, done = Tracker("pbx1"), [0], asyncio.Event()

    async def on_batch(batch: Sequence[Message]) -> None:
        for message in batch:
            told[0] += len(tracker.feed(message))
        if isinstance(message, UserEvent) and message.name == _END:
            done.set()

    client = AmiClient(host="127.0.0.1", port=port, user="bench", secret="bench", wanted=WANTED, on_batch=on_batch)
    task = asyncio.create_task(client.run())
    await client.wait_live()
    began = time.perf_counter()
    await client.send(Command(_GO))
    await done.wait()
    took = time.perf_counter() - began
    task.cancel()
    await asyncio.wait({task})
    counts = client.metrics.parser
    assert counts.messages + counts.dropped == count + 2, counts  # FullyBooted and the end mark
    assert counts.lost == 0
    assert told[0] > count / 20
    return took


def stock(port: int, count: int) -> float:
    """asterisk-ami as it is, one listener."""
    seen, done = [0], threading.Event()

    def on_event(event: Any, **_more: Any) -> None:
        seen[0] += 1
        if event.name == "UserEvent" and event.keys.get("UserEvent") == _END:
            done.set()

    client = AMIClient(address="127.0.0.1", port=port)
    client.login("bench", "bench").response  # noqa: B018 - waits
    client.add_event_listener(EventListener(on_event=on_event))
    began = time.perf_counter()
    client.send_action(SimpleAction(_GO))
    assert done.wait(60)
    took = time.perf_counter() - began
    client.disconnect()
    assert count + 1 <= seen[0] <= count + 2, seen  # FullyBooted may come before the listener
    return took


def third(port: int, count: int) -> float:
    """panoramisk as it is, one callback for every event."""
    return asyncio.run(_panoramisk(port, count))


async def _panoramisk(port: int, count: int) -> float:
    seen, done, ready = [0], asyncio.Event(), asyncio.Event()
    manager = panoramisk.Manager(
        host="127.0.0.1", port=port, username="bench", secret="bench", loop=asyncio.get_running_loop(),
        on_login=lambda _manager: ready.set(),
    )  # fmt: skip

    def on_event(_manager: Any, event: Any) -> None:
        seen[0] += 1
        if event.event == "UserEvent" and event.get("UserEvent") == _END:
            done.set()

    manager.register_event("*", on_event)
    await manager.connect()
    await ready.wait()
    began = time.perf_counter()
    manager.send_action({"Action": _GO})
    await done.wait()
    took = time.perf_counter() - began
    manager.close()
    assert count + 1 <= seen[0] <= count + 2, seen
    return took


CLIENTS: dict[str, Callable[[int, int], float]] = {"ours": ours, "stock": stock, "panoramisk": third}


def _child(name: str, port: int, count: int, pipe: Pipe) -> None:
    log.configure(level=logging.ERROR)
    began = time.process_time()
    seconds = CLIENTS[name](port, count)
    pipe.send((count / seconds, count / (time.process_time() - began)))


def _serving(pipe: Pipe, only_wanted: bool) -> None:
    server = Server()
    server.data, count = stream(only_wanted=only_wanted)
    pipe.send((server.port, count))
    server.run()


def _rates(only_wanted: bool) -> dict[str, list[tuple[float, float]]]:
    """Events a second and events a second of processor time, round by round."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    serving = spawn.Process(target=_serving, args=(there, only_wanted), daemon=True)
    serving.start()
    port, count = here.recv()
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in CLIENTS}
    for _ in range(ROUNDS):
        for name, values in rates.items():
            child = spawn.Process(target=_child, args=(name, port, count, there))
            child.start()
            if not here.poll(120):
                raise RuntimeError(f"{name} did not finish")
            values.append(here.recv())
            child.join()
    serving.terminate()
    serving.join()
    return rates


def run() -> list[dict[str, Any]]:
    """Events a second: median over rounds with the lowest and the highest. `vs`: how many times the others', round by
    round since the machine's other work changes from one to the next, median of the rounds.
    """
    rows = []
    for suffix, only_wanted in (("", False), (".wanted", True)):
        rates = _rates(only_wanted)
        for name, values in rates.items():
            wall, cpu = zip(*values, strict=True)
            row: dict[str, Any] = {
                "bench": f"ami.{name}{suffix}", "value": round(statistics.median(wall)), "unit": "events/s",
                "min": round(min(wall)), "max": round(max(wall)), "count": ROUNDS,
                "per_cpu_s": round(statistics.median(cpu)),
            }  # fmt: skip
            if name == "ours":
                row["vs"] = {other: _times(values, rates[other]) for other in ("stock", "panoramisk")}
            rows.append(row)
    return rows


def _times(ours_: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> float:
    return round(statistics.median(a[0] / b[0] for a, b in zip(ours_, theirs, strict=True)), 2)


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line))
