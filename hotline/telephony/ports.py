"""Ports that Asterisk needs: are they free, who holds them, does it answer."""

import asyncio
import socket
from contextlib import suppress
from pathlib import Path

from hotline.errors import StartupError
from hotline.settings import Settings

_ANSWER_S = 2.0


def require_free(settings: Settings) -> None:
    """Raises StartupError naming the first taken port, its setting, and who holds it if that can be seen."""
    wanted = (
        ("HOTLINE_AMI_PORT", socket.SOCK_STREAM, "127.0.0.1", settings.ami_port),
        ("HOTLINE_ASTERISK_HTTP_PORT", socket.SOCK_STREAM, settings.bind, settings.asterisk_http_port),
        ("HOTLINE_SIP_PORT", socket.SOCK_DGRAM, settings.sip_bind, settings.sip_port),
    )
    names: dict[int, str] = {settings.port: "HOTLINE_PORT"}
    for name, kind, _address, port in wanted:
        if kind == socket.SOCK_STREAM and names.setdefault(port, name) != name:
            raise StartupError(f"{names[port]} and {name} are both {port}: set one of them to another port")
    for name, kind, address, port in wanted:
        if is_free(kind, address, port):
            continue
        holder = holder_of(kind, port)
        by = f" by process {holder}" if holder else ""
        raise StartupError(f"port {port} on {address} is taken{by}: end it, or set {name} to another port")


def is_free(kind: socket.SocketKind, address: str, port: int) -> bool:
    """Whether we could listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # As Asterisk does: a port in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def holder_of(kind: socket.SocketKind, port: int) -> str | None:
    """`PID (name)` of the process listening there; None when it cannot be seen."""
    tables = ("tcp", "tcp6") if kind == socket.SOCK_STREAM else ("udp", "udp6")
    inodes = {inode for table in tables for inode in _inodes(Path("/proc/net") / table, port)}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for handle in (process / "fd").iterdir():
                with suppress(OSError):
                    target = str(handle.readlink())
                    if target.startswith("socket:[") and target[8:-1] in inodes:
                        return f"{process.name} ({(process / 'comm').read_text().strip()})"
    return None


def _inodes(table: Path, port: int) -> list[str]:
    if not table.exists():
        return []
    rows = [line.split() for line in table.read_text().splitlines()[1:]]
    listening = {"0A", "07"}  # TCP listening, UDP unconnected
    return [row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == port and row[3] in listening]


async def greets(port: int, banner: bytes) -> bool:
    """Whether somebody on loopback says `banner` when called."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                return (await reader.readline()).startswith(banner)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
