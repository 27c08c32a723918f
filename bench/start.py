"""`script/server` to *ready*: cold (a fresh clone, nothing set up) and warm (everything there), each from the command.

Cold fetches Asterisk, Python and front-end packages from the registries, so it also measures the network. Debian
packages that the machine has already are not installed again.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.house import environment
from hotline.settings import CHECKOUT, Settings
from tests.integration.pbx import free_port

_LONGEST_S = 600.0


async def measure(warm_rounds: int = 5) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="hotline-cold-") as name:
        clone = Path(name) / "hotline"
        subprocess.run(["git", "clone", "-q", str(CHECKOUT), str(clone)], check=True)
        cold = await _ready(clone, Path(name) / "data")
        shutil.rmtree(Path(name) / "data")
        warm = sorted([await _ready(clone, Path(name) / f"data{n}") for n in range(warm_rounds)])
    return [
        {"bench": "start.cold", "value": round(cold, 1), "unit": "s", "count": 1},
        {
            "bench": "start.warm", "value": round(warm[len(warm) // 2], 2), "unit": "s", "min": round(warm[0], 2),
            "max": round(warm[-1], 2), "count": len(warm), "vs": round(cold / warm[len(warm) // 2], 1),
        },
    ]  # fmt: skip


async def _ready(clone: Path, data: Path) -> float:
    """Seconds from the command to its last start-up line; a new data directory each time."""
    sip = free_port(28500)
    settings = Settings(
        data_dir=data, port=free_port(sip + 1, socket.SOCK_STREAM), sip_port=sip, drain_s=0,
        ami_port=free_port(sip + 150, socket.SOCK_STREAM), asterisk_http_port=free_port(sip + 300, socket.SOCK_STREAM),
        rtp_ports="29500-29699", open="always", demo=True, asterisk_prefix=clone / ".asterisk",
    )  # fmt: skip
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        "script/server", cwd=clone, env={**os.environ, **environment(settings)},
        stdin=subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_LONGEST_S):
            async for line in process.stdout:
                if line.startswith(b"hotline ready"):
                    return time.monotonic() - began
        raise RuntimeError(f"script/server ended with {await process.wait()}")
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


if __name__ == "__main__":
    for row in asyncio.run(measure()):
        print(json.dumps(row))
