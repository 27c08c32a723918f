"""The running Asterisk: configuration files from templates, start in a session of its own, adopt, command, stop.

Texts that say what callers hear come in from ivr.render. Asterisk outlives us: a kill of this process ends no call, and
the next start adopts what still runs.
"""

import asyncio
import hashlib
import json
import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import structlog

from hotline.clock import from_epoch
from hotline.errors import StartupError, TelephonyError
from hotline.settings import Settings
from hotline.telephony import ports, waiting
from hotline.telephony import sounds as prompts
from hotline.telephony.files import AGENTS, agents_text, environment, network, write_file
from hotline.telephony.install import Installation, Places, config_home, find, places

log = structlog.get_logger()

DIALPLAN = "extensions.conf"
HOURS = "hours.conf"
MANAGER = "manager.conf"
_MANAGERS = ("events", "actions")
_BOOT_S = 30.0
_COMMAND_S = 10.0
_STOP_S = 8.0
_ENDING_S = 1.0
_VERSION = re.compile(r"hl-hours-version.*?NoOp\((\w+)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AmiSecrets:
    """Passwords of the two manager users."""

    events: str
    actions: str


_CLAIM = "dialplan add extension active,1,Hangup,21 into hl-trunk replace"
_UNCLAIM = "dialplan remove extension active@hl-trunk"


class Asterisk:
    """One node's Asterisk. `texts`: rendered files of the dialplan, by name (ivr.render.texts). `preload`: a library
    that comes before all others, for a clock that can be set. `sounds`: prompts and music, ours if not given.
    """

    def __init__(
        self,
        settings: Settings,
        texts: Mapping[str, str] | None = None,
        *,
        preload: Path | None = None,
        sounds: Path | None = None,
    ) -> None:
        self.settings = settings
        self.texts = dict(texts or {})
        self.places: Places = places(settings)
        self._preload = preload
        self.sounds = sounds or config_home() / "sounds"
        self._started: subprocess.Popen[bytes] | None = None

    @cached_property
    def installation(self) -> Installation:
        return find(self.settings.asterisk_prefix)

    # Configuration

    def secrets(self) -> AmiSecrets:
        """Made at first use; kept in the data directory, mode 600."""
        path = self.places.secrets
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            made = path.with_name(f".secrets.{os.getpid()}")
            write_file(made, json.dumps({"ami": {name: secrets.token_urlsafe(32) for name in _MANAGERS}}) + "\n")
            with suppress(FileExistsError):  # a console and a worker that start together: the first one's are used
                path.hardlink_to(made)
            made.unlink()
        try:
            kept = json.loads(path.read_text())["ami"]
            return AmiSecrets(**{name: str(kept[name]) for name in _MANAGERS})
        except (ValueError, KeyError, TypeError) as error:
            raise StartupError(f"{path} is damaged: remove it, new secrets are made") from error

    def files(self) -> dict[str, str]:
        """Every configuration file but the agents' phones, by name."""
        if DIALPLAN not in self.texts:
            raise StartupError("no dialplan was given: a caller would reach nobody")
        templates = environment()
        values = self._values()
        names = [name.removesuffix(".j2") for name in templates.list_templates() if name.endswith(".conf.j2")]
        own = [name for name in names if name not in {*self.texts, AGENTS}]
        return {name: templates.get_template(f"{name}.j2").render(values) for name in sorted(own)} | self.texts

    def render(self, directory: Path) -> list[Path]:
        """Write all files into a directory; those of the agents' phones only if there are none yet."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = self.places.file_mode if directory == self.places.etc else 0o600
        written = []
        for name, text in sorted(self.files().items()):
            write_file(directory / name, text, mode)
            written.append(directory / name)
        if not (directory / AGENTS).exists():
            write_file(directory / AGENTS, agents_text([]), mode)
            written.append(directory / AGENTS)
        return written

    def lay_out(self) -> list[Path]:
        """Configuration and sounds where Asterisk looks for them; it has them from its next start on, most of them from
        a reload on. Raises StartupError when a directory is missing.
        """
        self.places.make()
        files, wanted = self.files(), self.config_hash()
        self._lay_sounds()
        for name in {path.name for path in self.places.etc.glob("*.conf")} - {*files, AGENTS}:
            (self.places.etc / name).unlink()
        written = self.render(self.places.etc)
        if not self.is_as_rendered():  # its time says since when
            write_file(self.places.config_hash, wanted + "\n", self.places.file_mode)
        return written

    def _values(self) -> dict[str, object]:
        settings = self.settings
        return {
            "settings": settings,
            "places": self.places,
            "modules": self.installation.modules,
            "available": {path.name for path in self.installation.modules.glob("*.so")},
            "secrets": self.secrets(),
            "trunks": [network(address) for address in settings.trunk_addresses],
            "rtp_first": settings.rtp_range[0],
            "rtp_last": settings.rtp_range[1],
        }

    def config_hash(self) -> str:
        digest = hashlib.sha256()
        for name, text in sorted(self.files().items()):
            digest.update(f"{name}\0{text}\0".encode())
        return digest.hexdigest()

    async def write_agents(self, phones: Sequence[tuple[str, str]], outside: Mapping[str, str] | None = None) -> None:
        """(endpoint, secret) of every agent's phone; `outside`: the numbers that ring instead of pages, by endpoint.
        Calls and rings go on while Asterisk reads them.

        It reads them also when the file says so already: whoever wrote it may have died, or not been answered, before.
        """
        text = agents_text(phones, outside, self.settings.outbound_trunk)
        write_file(self.places.agents, text, self.places.file_mode)
        if self.alive():
            await self.cli("module reload res_pjsip.so")

    async def reload_hours(self, text: str) -> None:
        """Other hours, while calls go on: written in one go, loaded, read back. Not running: it has them at its start.

        Raises TelephonyError when Asterisk did not take them; those before are in force again then.
        """
        path = self.places.etc / HOURS
        if not self.places.config_hash.exists():  # never laid out
            return
        was = path.read_text() if path.exists() else None
        self._put_hours(text)
        if not self.alive():
            return
        try:
            await self._reload_dialplan()
            wanted, found = _VERSION.search(text), _VERSION.search(await self.cli("dialplan show hl-hours-version"))
            if wanted is None or found is None or "".join(found[1]) != wanted[1]:
                raise TelephonyError("Asterisk did not take the opening hours; those before are in force.")
        except TelephonyError:
            if was is not None:
                self._put_hours(was)
                await self._reload_dialplan()
            raise

    async def _reload_dialplan(self) -> None:
        """The claim is no file's: a reload takes it away."""
        is_claimed = await self.has_turn()
        await self.cli("dialplan reload")
        if is_claimed:
            await self.claim_turn(True)

    async def has_turn(self) -> bool:
        """Whether this Asterisk says that it has the agents. Raises TelephonyError."""
        return "'active'" in await self.cli("dialplan show active@hl-trunk")

    async def claim_turn(self, is_ours: bool) -> None:
        """It says so from now on, or no more; not beyond its end. Raises TelephonyError."""
        await self.cli(_CLAIM if is_ours else _UNCLAIM)

    def _put_hours(self, text: str) -> None:
        self.texts[HOURS] = text
        write_file(self.places.etc / HOURS, text, self.places.file_mode)
        write_file(self.places.config_hash, self.config_hash() + "\n", self.places.file_mode)

    # Life

    def pid(self) -> int | None:
        """Of our running Asterisk, whichever process of ours started it."""
        return self._running()[1]

    def _keeper(self) -> int | None:
        """Of what starts it again when it was killed."""
        if self._started is not None and self._started.poll() is None:
            return self._started.pid  # also in its first moments, in which the system does not know its command yet
        return self._running()[0]

    def _running(self) -> tuple[int | None, int | None]:
        """The keeper and Asterisk. Systemd's has no keeper of ours."""
        try:
            if self.places.is_systems:
                return None, self._if_ours(int(self.places.pid.read_text()))
            keeper, child = map(int, self.places.pid.read_text().split())
        except (OSError, ValueError):
            return None, None
        return self._if_ours(keeper), self._if_ours(child)

    def _if_ours(self, pid: int) -> int | None:
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return None
        return pid if os.fsencode(self.places.etc / "asterisk.conf") in arguments and state != "Z" else None

    def started_at(self) -> datetime | None:
        """When the one that runs now was started; None if none runs. Whatever is older, it did not do."""
        return from_epoch(self.places.pid.stat().st_mtime) if self.pid() is not None else None

    async def reopen_logs(self) -> None:
        """It goes on writing to the files of its logs' names, made anew where they have been given other names."""
        await self.cli("logger reload")

    def alive(self) -> bool:
        """It runs, or is about to: its keeper does."""
        return self._keeper() is not None or self.pid() is not None

    @property
    def is_ours(self) -> bool:
        """This process started it, not an earlier one."""
        return self._started is not None

    async def start(self) -> None:
        """Start, or adopt what runs on our directory and ports. Returns when it takes calls and AMI logins.

        Systemd's is only waited for.
        """
        if self.places.is_systems:
            await self._booted()
            if not self.is_as_rendered():
                log.warning("asterisk.adopted with another configuration: hotline render-asterisk, then restart it")
            return
        self.places.make()
        wanted = self.config_hash()
        if self.alive() and not await self._adopt(wanted):
            await self.stop()
        if not self.alive():
            await self._ports_free()
            self.lay_out()
            self._spawn()
        await self._booted()

    def is_as_rendered(self) -> bool:
        """The files that were written last are those that these settings give."""
        path = self.places.config_hash
        return path.exists() and path.read_text().strip() == self.config_hash()

    async def _ports_free(self) -> None:
        """A process that ended a moment ago may still be letting go of its ports."""
        end = time.monotonic() + _ENDING_S
        while True:
            try:
                return ports.require_free(self.settings)
            except StartupError:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(0.05)

    async def _adopt(self, wanted: str) -> bool:
        """False: it runs with another configuration and has no calls, so it may be stopped and started anew."""
        pid = self.pid()
        same = self.places.config_hash.exists() and self.places.config_hash.read_text().strip() == wanted
        if not same:
            await self._answers()
            if await self.active_calls() == 0:
                return False
            log.warning("asterisk.adopted with its old configuration: calls are up", pid=pid)
            # Whatever else waits for the next start: without a login nobody would see these calls.
            write_file(self.places.etc / MANAGER, self.files()[MANAGER])
            await self.cli("manager reload")
        log.info("asterisk.adopted", pid=pid)
        return True

    def _command(self, *arguments: str) -> list[str]:
        command = list(self.installation.command)
        if self._preload is not None:
            command[1:1] = ["--preload", str(self._preload)]
        return [*command, "-C", str(self.places.etc / "asterisk.conf"), *arguments]

    def _spawn(self) -> None:
        # Its own session: Ctrl-C in our terminal and our death do not reach it.
        write_file(self.places.pid, " " * 21 + "\n")
        previous = os.umask(0o077)
        try:
            with (self.places.log / "console").open("ab") as output:
                self._started = subprocess.Popen(  # noqa: S603
                    [str(config_home() / "keep"), str(self.places.pid), *self._command("-f")],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    cwd=self.places.root,
                )
        finally:
            os.umask(previous)
        log.info("asterisk.started", keeper=self._started.pid, version=self.installation.version)

    async def _booted(self) -> None:
        end = time.monotonic() + _BOOT_S
        while not await ports.greets(self.settings.ami_port, b"Asterisk Call Manager"):
            if not self.alive() and not self.places.is_systems:
                raise StartupError(f"Asterisk ended at its start: {self._last_words()}")
            if time.monotonic() > end:
                if not self.alive():
                    raise StartupError(f"no Asterisk runs on {self.places.root}: systemctl start hotline-asterisk")
                raise StartupError(
                    f"Asterisk's manager port {self.settings.ami_port} did not answer: {self._last_words()}"
                )
            await asyncio.sleep(0.05)
        await self._answers()

    async def _answers(self) -> None:
        """One that its keeper started a moment ago takes no commands yet."""
        end = time.monotonic() + _BOOT_S
        while True:
            try:
                await self.cli("core waitfullybooted", timeout_s=_BOOT_S)
                return
            except TelephonyError:
                if not self.alive() or time.monotonic() > end:
                    raise
            await asyncio.sleep(0.2)

    def _last_words(self) -> str:
        for name in ("messages", "console"):
            path = self.places.log / name
            lines = path.read_text(errors="replace").splitlines() if path.exists() else []
            said = [line for line in lines if "ERROR" in line or name == "console"]
            if said:
                return said[-1]
        return f"see {self.places.log}"

    async def active_calls(self) -> int:
        """Channels that are up or ringing now."""
        said = await self.cli("core show channels count")
        number = re.search(r"^(\d+) active channel", said, re.MULTILINE)
        return int(number[1]) if number else 0

    async def cli(self, command: str, timeout_s: float = _COMMAND_S) -> str:
        """Run one command in the running Asterisk. Raises TelephonyError when it cannot be reached."""
        process = await asyncio.create_subprocess_exec(
            *self._command("-rx", command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        try:
            async with asyncio.timeout(timeout_s):
                said, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise TelephonyError(f"Asterisk did not answer the command {command!r}") from None
        if process.returncode != 0:
            raise TelephonyError(f"Asterisk did not run the command {command!r}")
        return said.decode(errors="replace")

    async def stop(self) -> None:
        """Take no new calls, let those that are up end for at most `drain_s`, then end them. Nothing to do: fine.

        Systemd's goes on: calls do not end because we do.
        """
        if not self.alive() or self.places.is_systems:
            return
        if self.settings.drain_s > 0:
            # The command returns when the last call has ended: the time it may take is the time to drain.
            with suppress(TelephonyError):
                await self.cli("core stop gracefully", timeout_s=self.settings.drain_s)
            if await self._gone(_ENDING_S):
                return
        if await self._ask("core stop now") and await self._gone(_STOP_S):
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in (self._keeper(), self.pid()):  # in this order, or it would be started again
                if pid is not None:
                    os.kill(pid, number)
            if await self._gone(_STOP_S):
                return

    async def _ask(self, command: str) -> bool:
        try:
            await self.cli(command)
        except TelephonyError:
            # The answer is lost when Asterisk ends while it speaks.
            return not self.alive()
        return True

    async def _gone(self, timeout_s: float) -> bool:
        end = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.05)
        if self._started is not None:
            self._started.wait()  # ended already: nothing but to take note of it
        self.places.pid.unlink(missing_ok=True)
        log.info("asterisk.stopped")
        return True

    def _lay_sounds(self) -> None:
        """Our sounds and music over the package's data: unpacked packages have no `sounds/en` and no music."""
        data, ours = self.places.data, self.sounds
        english = self.installation.data / "sounds" / "en_US_f_Allison"
        links = {path.name: path for path in self.installation.data.iterdir() if path.name not in {"sounds", "moh"}}
        (data / "sounds").mkdir(exist_ok=True)
        links["sounds/zh"] = prompts.lay(data, ours / "zh")
        links |= {"moh": ours / "moh", "moh-again": prompts.again(data, ours)}
        links["sounds/en"] = english if english.is_dir() else self.installation.data / "sounds" / "en"
        for name, target in links.items():
            link = data / name
            if link.is_symlink() and link.readlink() == target:
                continue  # systemd's may be playing it just now
            if link.is_symlink() or link.exists():
                link.unlink()
            link.symlink_to(target)
        waiting.lay(ours / "moh", links["sounds/zh"], data)
