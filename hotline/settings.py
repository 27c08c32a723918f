"""Settings: HOTLINE_* variables, read once by the command line. docs/settings.md is generated from here."""

from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parent.parent


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
    node: str = Field("pbx1", pattern=r"^[a-z0-9]{1,16}$", description="Name of this Asterisk, in every record.")
    asterisk_prefix: Path = Field(CHECKOUT / ".asterisk", description="Where the private Asterisk is unpacked.")
    sip_ws_url: str = Field("", description="Where pages reach Asterisk; empty: its port on the page's host.")
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
    def rtp_range(self) -> tuple[int, int]:
        first, _, last = self.rtp_ports.partition("-")
        return int(first), int(last)

    @cached_property
    def trunk_addresses(self) -> tuple[str, ...]:
        return tuple(address.strip() for address in self.trunks.split(",") if address.strip())

    @cached_property
    def store_url(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir.resolve() / 'hotline.sqlite3'}"

    @property
    def recordings_dir(self) -> Path:
        return self.data_dir.resolve() / "recordings"
