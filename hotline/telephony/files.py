"""Asterisk's configuration as files: the templates, the agents' phones, a file written whole or not at all."""

import os
import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hotline.errors import Invalid, StartupError
from hotline.telephony.install import config_home

AGENTS = "pjsip_agents.conf"
_ENDPOINT = re.compile(r"[a-z0-9]{1,32}")
_NUMBER = re.compile(r"[0-9]{3,15}")
_SECRET = re.compile(r"[A-Za-z0-9_\-]{16,128}")


def environment() -> Environment:
    """Templates: an unknown name is an error, never an empty place in a dialplan."""
    return Environment(
        loader=FileSystemLoader(config_home()),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 (no HTML: every value is checked where it enters)
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def agents_text(phones: Sequence[tuple[str, str]], outside: Mapping[str, str] | None = None, trunk: str = "") -> str:
    """`outside`: numbers by endpoint, rung through `trunk`; without one they are pages' phones.

    Raises Invalid for an id, secret or number that could end its line or its section.
    """
    numbers = dict(outside or {}) if trunk else {}
    if not all(_NUMBER.fullmatch(number) for number in numbers.values()):
        raise Invalid("a number outside has characters that Asterisk cannot take")
    for endpoint, secret in phones:
        if not _ENDPOINT.fullmatch(endpoint) or not _SECRET.fullmatch(secret):
            raise Invalid("a phone's name or secret has characters that Asterisk cannot take")
    return environment().get_template(f"{AGENTS}.j2").render(phones=sorted(phones), outside=numbers, trunk=trunk)


def write_file(path: Path, text: str, mode: int = 0o600) -> None:
    """Whole or not at all, readable by us alone, or by whom `mode` lets."""
    part = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def network(address: str) -> str:
    """With its length: `127.0.0.9/32`. Raises StartupError."""
    try:
        return str(ip_network(address))
    except ValueError:
        raise StartupError(f"HOTLINE_TRUNKS: {address!r} is no address and no network") from None
