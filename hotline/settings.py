"""Settings: HOTLINE_* variables, read once by the command line. docs/settings.md is generated from here."""

import re
from functools import cached_property
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parent.parent

_NODE = re.compile(r"[a-z0-9]{1,16}")
_PIN, _PIN_NAME = re.compile(r"[0-9]{6,12}"), re.compile(r"[a-z0-9]{1,16}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_PLACE = re.compile(r"[0-9XZN]|\[(?:[0-9](?:-[0-9])?)+\]")
_PATTERN = re.compile(rf"_?({_PLACE.pattern}){{3,15}}")


class Settings(BaseSettings):
    """One instance describes one running hotline; two with other ports and directories live side by side."""

    model_config = SettingsConfigDict(env_prefix="HOTLINE_", frozen=True, extra="ignore")

    data_dir: Path = Field(Path("data"), description="Where everything that must survive is kept (mode 700).")
    bind: str = Field("127.0.0.1", description="Address of the web console.")
    port: int = Field(8000, ge=0, le=65535, description="Port of the web console.")
    sip_bind: str = Field("127.0.0.1", description="Address on which Asterisk takes SIP from the trunks.")
    sip_port: int = Field(5060, ge=1, le=65535, description="UDP port on which Asterisk takes SIP from the trunks.")
    ami_port: int = Field(5038, ge=1, le=65535, description="Asterisk's manager port, on loopback.")
    asterisk_http_port: int = Field(8088, ge=1, le=65535, description="Asterisk's WebSocket port for agents' phones.")
    rtp_ports: str = Field("10000-10199", description="UDP ports for sound, first-last.")
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the data directory.")
    redis_url: str = Field("", description="Redis URL; empty: the bus stays inside the process.")
    timezone: str = Field("Asia/Shanghai", description="Time zone of screens and opening hours.")
    lines: str = Field("12345:5,2912345:1", description="Dialled numbers, each with its channels.")
    open: Literal["calendar", "always", "closed"] = Field(
        "calendar", description="When the lines are open: `calendar` (working days), `always` or `closed`."
    )
    reconcile_s: int = Field(
        120, ge=60, le=300, description="Seconds between looks at whether rows and Asterisk agree."
    )
    drain_s: int = Field(10, ge=0, description="Seconds that a stop waits for calls to end.")
    trunks: str = Field("127.0.0.9", description="Addresses that calls may come from; nobody else is heard.")
    ring_s: int = Field(12, ge=5, le=120, description="Seconds one agent's phone rings before the next is tried.")
    max_wait_s: int = Field(300, ge=10, description="Seconds a caller waits at most before the recorder takes over.")
    wrap_up_s: int = Field(60, ge=0, le=3600, description="Seconds for after-call work; extendable by the agent.")
    outbound_trunk: str = Field(
        "", description="Where outside calls are sent, host or host:port; empty: none but emergency practice."
    )
    outbound_allow: str = Field(
        "",
        description="Numbers that may be dialled beside the directory's, as patterns with commas between: "
        "`1[3-9]XXXXXXXXX` (X 0-9, Z 1-9, N 2-9). Each has a fixed length; none begins with 00.",
    )
    directory: str = Field("", description="A site's own places to call: a file like hotline/calls/directory.json.")
    production: bool = Field(
        False, description="Emergency numbers reach 110, 119, 120, 122 themselves; else practice extensions answer."
    )
    outbound_ring_s: int = Field(40, ge=5, le=180, description="Seconds an outside number rings at most.")
    outbound_agent_hour: int = Field(
        30, ge=0, description="Outside calls of one agent in an hour; emergencies do not count."
    )
    outbound_hour: int = Field(
        200, ge=0, description="Outside calls of all agents in an hour; emergencies do not count."
    )
    outbound_number_hour: int = Field(
        5, ge=0, description="Calls to one outside number in an hour; emergencies do not count."
    )
    park_s: int = Field(
        180, ge=5, le=3600, description="Seconds a parked caller waits before the queue has them again."
    )
    consult_ring_s: int = Field(
        30, ge=5, le=120, description="Seconds a colleague's phone rings for an agent who asks."
    )
    transfer_ring_s: int = Field(
        20,
        ge=5,
        le=120,
        description="Seconds a phone rings for a caller who is passed on; then they are first in line.",
    )
    supervision_shown: bool = Field(
        True, description="Agents see a supervisor who only listens. Whoever whispers or joins is seen in any case."
    )
    origin_headers: str = Field(
        "",
        description="SIP headers in which the city centre names the caller and its order when it sends a call on: "
        "`NUMBER-HEADER,ORDER-HEADER`, for instance `X-Caller-Number,X-Order-No`. Empty: none are read.",
    )
    duty_phones: str = Field(
        "",
        description="Numbers of the duty phone, which callers outside the hours have rung by key 1: one after the "
        "other, with commas between. Empty: those callers hear whom else to call, then the recorder.",
    )
    switch_number: str = Field(
        "",
        pattern=r"^([0-9]{3,15})?$",
        description="Dialled number, as the trunk delivers it, at which supervisors open and close the lines by PIN; "
        "empty: on the board only.",
    )
    switch_pins: str = Field(
        "",
        description="Who may do that: `name:PIN` with commas between, a PIN of 6 to 12 digits each, for instance "
        "`wang:834712,li:905533`.",
    )
    node: str = Field("pbx1", pattern=r"^[a-z0-9]{1,16}$", description="Name of this Asterisk, in every record.")
    nodes: str = Field(
        "",
        description="With a second Asterisk as hot standby: every node with the loopback port at which this machine "
        "reaches its manager, preferred first, for instance `pbx1:5038,pbx2:5039`. Empty: this node alone.",
    )
    asterisk_prefix: Path = Field(CHECKOUT / ".asterisk", description="Where the private Asterisk is unpacked.")
    asterisk_home: str = Field(
        "",
        description="Directory of an Asterisk that systemd runs (`deploy/`): its configuration, logs, control socket, "
        "recordings. Empty: the hotline runs one of its own below the data directory.",
    )
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Loopback port for `/metrics` of a process without a console (a worker); 0: none.",
    )
    sip_ws_url: str = Field(
        "",
        description="Where pages reach Asterisk; empty: its port on the page's host. With `HOTLINE_NODES` one for "
        "each, in their order, with commas between.",
    )
    phone_loss: str = Field(
        "1,3",
        description="Percent of a call's sound lost over five seconds from which an agent's page shows amber, and red. "
        "ITU-T G.107 with G.113's values for G.711 with concealment (Ie 0, Bpl 25.1) leaves R 83 at 3 %: callers are "
        "still satisfied (R 80, G.109), so it is red before anybody complains.",
    )
    phone_jitter_ms: str = Field(
        "30,50",
        description="Milliseconds of jitter, likewise: 50 is ITU-T Y.1541's bound for interactive voice (class 0).",
    )
    phone_rtt_ms: str = Field(
        "300,800",
        description="Milliseconds from an agent's page to Asterisk and back, likewise: twice ITU-T G.114's 150 and 400 "
        "for one way.",
    )
    phone_test_h: int = Field(
        12,
        ge=0,
        description="Hours for which a page's test of phone and headset counts before *ready*; 0: on demand only.",
    )
    secure_cookies: bool = Field(False, description="Behind TLS: session cookies only over https.")
    origins: str = Field("", description="Further origins whose pages may open sockets and send forms.")
    demo: bool = Field(False, description="Demo start: the screens say so.")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError) as error:
            raise ValueError(f"no such time zone: {value}") from error
        return value

    @field_validator("rtp_ports")
    @classmethod
    def _range(cls, value: str) -> str:
        first, _, last = value.partition("-")
        if not (first.isdigit() and last.isdigit() and 1024 <= int(first) < int(last) <= 65535):
            raise ValueError("expected first-last, for instance 10000-10199")
        return value

    @field_validator("lines")
    @classmethod
    def _lines(cls, value: str) -> str:
        for part in value.split(","):
            number, _, channels = part.strip().partition(":")
            if not (number.isdigit() and channels.isdigit() and int(channels) > 0):
                raise ValueError("expected number:channels, for instance 12345:5,2912345:1")
        return value

    @field_validator("origin_headers")
    @classmethod
    def _origin_headers(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,40},[A-Za-z][A-Za-z0-9-]{0,40}", value):
            raise ValueError("expected two names of SIP headers, for instance X-Caller-Number,X-Order-No")
        return value

    @field_validator("duty_phones")
    @classmethod
    def _duty_phones(cls, value: str) -> str:
        if not all(re.fullmatch(r"[0-9]{3,15}", part.strip()) for part in value.split(",") if part.strip()):
            raise ValueError("expected telephone numbers with commas between, for instance 13900001111,13900002222")
        return value

    @field_validator("switch_pins")
    @classmethod
    def _switch_pins(cls, value: str) -> str:
        found = [part.strip().partition(":") for part in value.split(",") if part.strip()]
        if not all(_PIN_NAME.fullmatch(name) and _PIN.fullmatch(pin) for name, _, pin in found):
            raise ValueError("expected name:PIN, small letters and digits, each PIN of 6 to 12 digits")
        if len({name for name, _, _ in found}) < len(found) or len({pin for _, _, pin in found}) < len(found):
            raise ValueError("two have the same name or the same PIN")
        return value

    @model_validator(mode="after")
    def _switch(self) -> Self:
        if bool(self.switch_number) != bool(self.switch_pins):
            raise ValueError("HOTLINE_SWITCH_NUMBER and HOTLINE_SWITCH_PINS need each other")
        if self.switch_number in self.line_channels:
            raise ValueError("HOTLINE_SWITCH_NUMBER is a line of HOTLINE_LINES: callers would be asked for a PIN")
        return self

    @field_validator("outbound_trunk")
    @classmethod
    def _trunk(cls, value: str) -> str:
        host, _, port = value.partition(":")
        if value and not (_HOST.fullmatch(host) and (port == "" if ":" not in value else _is_port(port))):
            raise ValueError("expected host or host:port, for instance 10.1.2.3:5060")
        return value

    @field_validator("outbound_allow")
    @classmethod
    def _patterns(cls, value: str) -> str:
        for part in filter(None, (part.strip() for part in value.split(","))):
            if not _PATTERN.fullmatch(part):
                raise ValueError(f"{part!r} is no pattern of 3 to 15 places: digits, X, Z, N or [3-9]")
            if all("0" in _admitted(place) for place in _PLACE.findall(part.removeprefix("_"))[:2]):
                raise ValueError(f"{part!r} would allow numbers abroad (00)")
        return value

    @field_validator("nodes")
    @classmethod
    def _nodes(cls, value: str) -> str:
        found = [part.strip().partition(":") for part in value.split(",") if part.strip()]
        names, ports = {name for name, _, _ in found}, {port for _, _, port in found}
        if not all(_NODE.fullmatch(name) and _is_port(port) for name, _, port in found):
            raise ValueError("expected name:port for each node, for instance pbx1:5038,pbx2:5039")
        if found and not len(found) == len(names) == len(ports) > 1:
            raise ValueError("expected two nodes, each with a name and a port of its own")
        return value

    @model_validator(mode="after")
    def _one_of_several(self) -> Self:
        if self.nodes and self.manager_ports.get(self.node) != self.ami_port:
            raise ValueError("HOTLINE_NODES has HOTLINE_NODE with HOTLINE_AMI_PORT, as this machine's own")
        if self.nodes and len(self.phone_urls) != len(self.manager_ports):
            raise ValueError("HOTLINE_NODES needs HOTLINE_SIP_WS_URL with an address for each, in their order")
        if not self.nodes and len(self.phone_urls) > 1:
            raise ValueError("HOTLINE_SIP_WS_URL has several addresses, HOTLINE_NODES no nodes")
        return self

    @model_validator(mode="after")
    def _way_out(self) -> Self:
        if self.production and not self.outbound_trunk:
            raise ValueError("HOTLINE_PRODUCTION needs HOTLINE_OUTBOUND_TRUNK: else nobody reaches 110")
        if self.duty_phones and not self.outbound_trunk:
            raise ValueError("HOTLINE_DUTY_PHONES needs HOTLINE_OUTBOUND_TRUNK: else nobody reaches them")
        if self.demo and (self.production or not _is_loopback(self.outbound_trunk)):
            raise ValueError("a demo calls nobody outside: HOTLINE_OUTBOUND_TRUNK must be on this machine")
        return self

    @field_validator("phone_loss", "phone_jitter_ms", "phone_rtt_ms")
    @classmethod
    def _limits(cls, value: str) -> str:
        amber, _, red = value.partition(",")
        try:
            is_pair = 0 < float(amber) < float(red) < float("inf")
        except ValueError:
            is_pair = False
        if not is_pair:
            raise ValueError("expected two numbers, amber,red, for instance 1,3")
        return value

    @field_validator("asterisk_home")
    @classmethod
    def _home(cls, value: str) -> str:
        if value and not Path(value).is_absolute():
            raise ValueError("expected an absolute path, for instance /var/lib/hotline-pbx")
        return value

    @field_validator("database_url")
    @classmethod
    def _driver(cls, value: str) -> str:
        scheme = urlsplit(value).scheme
        if value and scheme not in {"sqlite+aiosqlite", "postgresql+asyncpg"}:
            raise ValueError("expected sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER@HOST/NAME")
        return value

    @cached_property
    def line_channels(self) -> dict[str, int]:
        """Dialled number → channels, in the order given."""
        pairs = (part.strip().partition(":") for part in self.lines.split(","))
        return {number: int(channels) for number, _, channels in pairs}

    @cached_property
    def duty_numbers(self) -> tuple[str, ...]:
        """Duty phones, in the order in which they ring."""
        return tuple(part.strip() for part in self.duty_phones.split(",") if part.strip())

    @cached_property
    def pins(self) -> dict[str, str]:
        """Name → PIN of who may open and close the lines by telephone."""
        pairs = (part.strip().partition(":") for part in self.switch_pins.split(",") if part.strip())
        return {name: pin for name, _, pin in pairs}

    @cached_property
    def rtp_range(self) -> tuple[int, int]:
        first, _, last = self.rtp_ports.partition("-")
        return int(first), int(last)

    @cached_property
    def trunk_addresses(self) -> tuple[str, ...]:
        return tuple(address.strip() for address in self.trunks.split(",") if address.strip())

    @property
    def manager_ports(self) -> dict[str, int]:
        """Every node's manager as this machine reaches it, preferred first; this node alone where there is no other."""
        if not self.nodes:
            return {self.node: self.ami_port}
        found = (part.strip().partition(":") for part in self.nodes.split(",") if part.strip())
        return {name: int(port) for name, _, port in found}

    @property
    def phone_urls(self) -> dict[str, str]:
        """Where pages reach each node, in the nodes' order; empty where the page's own host has it."""
        urls = [url.strip() for url in self.sip_ws_url.split(",") if url.strip()]
        names = list(self.manager_ports) + [f"?{number}" for number in range(len(urls))]
        return dict(zip(names, urls, strict=False))

    @cached_property
    def outbound_patterns(self) -> tuple[str, ...]:
        """What may be dialled beside the directory's places, without the leading underscore."""
        return tuple(part.strip().removeprefix("_") for part in self.outbound_allow.split(",") if part.strip())

    @cached_property
    def store_url(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir.resolve() / 'hotline.sqlite3'}"

    @property
    def recordings_dir(self) -> Path:
        return Path(self.asterisk_home or self.data_dir).resolve() / "recordings"


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) <= 65535


def _is_loopback(trunk: str) -> bool:
    host = trunk.partition(":")[0]
    return host in {"", "localhost"} or bool(re.fullmatch(r"127(\.[0-9]{1,3}){3}", host))


def _admitted(place: str) -> str:
    """The digits that one place of a pattern takes."""
    named = {"X": "0123456789", "Z": "123456789", "N": "23456789"}
    if not place.startswith("["):
        return named.get(place, place)
    spans = re.findall(r"([0-9])-([0-9])|([0-9])", place)
    return "".join(single or "".join(map(str, range(int(low), int(high) + 1))) for low, high, single in spans)
