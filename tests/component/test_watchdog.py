"""What systemd is told, as it hears it: a datagram socket (sd_notify(3))."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hotline import watchdog

SPAN_S = 0.3


@contextmanager
def supervisor(where: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(f"\0{where[1:]}" if where.startswith("@") else where)
        ear.setblocking(False)
        yield ear


async def hears(ear: socket.socket) -> bytes:
    async with asyncio.timeout(5):
        return await asyncio.get_running_loop().sock_recv(ear, 100)


@pytest.mark.parametrize("is_abstract", [False, True])
async def test_it_is_told_while_the_loop_runs_and_not_while_it_stands_still(tmp_path: Path, is_abstract: bool) -> None:
    where = f"@hotline-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with supervisor(where) as ear:
        given = {"NOTIFY_SOCKET": where, "WATCHDOG_USEC": str(int(SPAN_S * 1e6)), "WATCHDOG_PID": str(os.getpid())}
        telling = asyncio.create_task(watchdog.tell(given))
        assert [await hears(ear) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        with suppress(BlockingIOError):
            while ear.recv(100):
                pass
        time.sleep(SPAN_S)  # it hangs
        with pytest.raises(BlockingIOError):
            ear.recv(100)
        assert await hears(ear) == b"WATCHDOG=1"
        telling.cancel()


async def test_nothing_is_told_without_a_supervisor_who_asked(tmp_path: Path) -> None:
    where = str(tmp_path / "notify")
    with supervisor(where) as ear:
        for given in (
            {},
            {"NOTIFY_SOCKET": where},
            {"NOTIFY_SOCKET": where, "WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"},
        ):
            async with asyncio.timeout(5):
                await watchdog.tell(given)
        with pytest.raises(BlockingIOError):
            ear.recv(100)


async def test_a_supervisor_who_is_away_is_told_again(tmp_path: Path) -> None:
    where = str(tmp_path / "notify")
    telling = asyncio.create_task(watchdog.tell({"NOTIFY_SOCKET": where, "WATCHDOG_USEC": "30000"}))
    await asyncio.sleep(0)
    with supervisor(where) as ear:
        assert await hears(ear) == b"WATCHDOG=1"
    telling.cancel()
