"""Tells systemd that this process is alive and not hung (sd_notify(3), WatchdogSec=), so that it ends one that is.

A leader that hangs would keep its lease, and its standby away. What is told comes from the event loop itself: whoever
stands still in a call, or is stopped, tells nothing. Without systemd, or without WatchdogSec=, nothing is done.
"""

import asyncio
import faulthandler
import os
import socket
from collections.abc import Mapping

import structlog

log = structlog.get_logger()


async def tell(environment: Mapping[str, str] = os.environ) -> None:
    """Until cancelled: three times in each span that the supervisor waits."""
    where, span = environment.get("NOTIFY_SOCKET", ""), environment.get("WATCHDOG_USEC", "")
    if not where or not span.isdigit() or environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    # It ends us by SIGABRT: where we hung is then on standard error, as lines of code without values.
    faulthandler.enable()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_supervisor:
        to_supervisor.setblocking(False)
        is_told = True
        while True:
            try:
                to_supervisor.sendto(b"WATCHDOG=1", f"\0{where[1:]}" if where.startswith("@") else where)
                is_told = True
            except OSError as error:  # it is being restarted, or has much to read: told again
                if is_told:
                    log.error("watchdog.supervisor cannot be told, tried again", error=type(error).__name__)
                is_told = False
            await asyncio.sleep(int(span) / 3e6)
