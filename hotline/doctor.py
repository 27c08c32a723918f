"""`hotline doctor`: everything that can be checked from outside, one line each. Changes nothing that it finds."""

import asyncio
import importlib.metadata
import json
import re
import shutil
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from hotline import certificate, leadership, migrate
from hotline.access import audit
from hotline.bus import open_bus
from hotline.calls import day as days
from hotline.calls import directory, nodes
from hotline.calls.models import Call, JournalFile, PbxNode
from hotline.clock import from_epoch, iso, local, now
from hotline.db import Database, ParkedEvent
from hotline.errors import HotlineError
from hotline.ivr import opening, prompts
from hotline.ivr.hours import Hours
from hotline.ivr.render import texts
from hotline.settings import CHECKOUT, Settings
from hotline.telephony import actions, ports
from hotline.telephony.asterisk import Asterisk
from hotline.telephony.client import AmiClient

_ANSWER_S = 10.0
_LEAST_FREE_GB = 1.0
_CALENDAR_AHEAD = timedelta(days=60)
_JOURNAL_BEHIND = timedelta(minutes=1)
_CERTIFICATE_AHEAD = timedelta(days=14)
_STARTING = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `detail` says what was seen, and what to do when it is not as it should be."""

    name: str
    is_ok: bool
    detail: str


Check = Callable[[], Awaitable[str]]


class Wrong(Exception):
    """A check's finding that somebody must act on."""


async def examine(settings: Settings) -> list[Finding]:
    """Every check, in the order in which one depends on the other; a failed one never hides the rest."""
    patient = _Patient(settings)
    try:
        return [await _one(name, check) for name, check in patient.checks()]
    finally:
        await patient.db.close()


async def _one(name: str, check: Check) -> Finding:
    try:
        async with asyncio.timeout(_ANSWER_S):
            return Finding(name, True, await check())
    except TimeoutError:
        return Finding(name, False, f"no answer within {_ANSWER_S:g} s")
    except (Wrong, HotlineError) as found:
        return Finding(name, False, str(found))
    except Exception as error:  # whatever is broken, the other checks still say what they see
        lines = str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__]
        return Finding(name, False, lines[0])


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


class _Patient:
    """What the checks look at."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.db = Database(settings.store_url)
        self.asterisk = Asterisk(settings, texts(settings))

    def checks(self) -> list[tuple[str, Check]]:
        return [
            ("deployment", self.deployment),
            ("data directory", self.data_dir),
            ("disk", self.disk),
            ("packages", self.packages),
            ("pages", self.pages),
            ("database", self.database),
            ("bus", self.bus),
            ("workers", self.workers),
            ("nodes", self.nodes),
            ("handlers", self.parked),
            ("trail of reads", self.trail),
            ("sounds", self.sounds),
            ("calendar", self.calendar),
            ("certificate", self.certificate),
            ("calls out", self.outside),
            ("asterisk", self.running),
            ("asterisk configuration", self.configuration),
            ("manager users", self.manager),
            ("call journal", self.journal),
            ("events", self.events),
            ("totals", self.totals),
        ]

    async def deployment(self) -> str:
        """Which of the two this is, and what does not go together."""
        settings, places = self.settings, self.asterisk.places
        store = "PostgreSQL" if settings.store_url.startswith("postgresql") else "SQLite"
        bus = "Redis" if settings.redis_url else "bus in the process"
        urls = settings.phone_urls.values() or ("",)
        if any(settings.secure_cookies != url.startswith("wss://") for url in urls):
            raise Wrong("behind TLS HOTLINE_SECURE_COOKIES=true and HOTLINE_SIP_WS_URL=wss://… belong together")
        if not places.is_systems:
            return f"{store}, {bus}, an Asterisk of our own"
        places.make()
        for path, who in ((places.etc, "change its own configuration"), (places.data, "change its own sounds")):
            if stat.S_IMODE(path.stat().st_mode) & 0o022:
                raise Wrong(f"Asterisk's user can {who}: systemd-tmpfiles --create")
        for path in (places.log, places.recordings, places.etc, places.run):
            if stat.S_IMODE(path.stat().st_mode) & places.closed_to:
                raise Wrong(f"{path} is open to everybody: systemd-tmpfiles --create")
        return f"{store}, {bus}, systemd's Asterisk in {places.root}"

    async def certificate(self) -> str:
        url = self.settings.sip_ws_url
        try:
            until = await certificate.first_end(self.settings.phone_urls.values())
        except (OSError, ValueError) as error:
            raise Wrong(f"{url} shows none: {error}") from None
        if until is None:
            return "no TLS: pages work on this machine only"
        if until - now() < _CERTIFICATE_AHEAD:
            raise Wrong(f"browsers are shown one that ends {iso(until)}: renew it, and reload nginx")
        return f"good until {iso(until)}"

    async def data_dir(self) -> str:
        path = self.settings.data_dir.resolve()
        if not path.is_dir():
            raise Wrong(f"{path} is not there: start the hotline once, or set HOTLINE_DATA_DIR")
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise Wrong(f"{path} can be read by others (mode {mode:o}): chmod 700")
        return str(path)

    async def outside(self) -> str:
        places = directory.places(self.settings)
        emergency = ", ".join(directory.emergency_numbers(self.settings))
        if self.settings.production:
            return f"production: {emergency} are called themselves, by {self.settings.outbound_trunk}"
        way = self.settings.outbound_trunk or "no trunk"
        return f"no production: practice extensions answer for {emergency}; {len(places)} places, {way}"

    async def disk(self) -> str:
        path = self.settings.data_dir.resolve()
        free = shutil.disk_usage(path if path.exists() else CHECKOUT).free / 2**30
        if free < _LEAST_FREE_GB:
            raise Wrong(f"{free:.1f} GB free: recordings will stop")
        return f"{free:.0f} GB free"

    async def packages(self) -> str:
        version = importlib.metadata.version("asterisk-ami")
        if version != "0.1.7":
            raise Wrong(f"asterisk-ami {version}, tested with 0.1.7: run script/setup")
        return f"asterisk-ami {version}"

    async def pages(self) -> str:
        manifest = CHECKOUT / "web" / "static" / "manifest.json"
        if not manifest.exists():
            raise Wrong("web/static is not built: run script/setup")
        files = json.loads(manifest.read_text())
        missing = [name for name in files.values() if not (manifest.parent / name).exists()]
        if missing:
            raise Wrong(f"web/static lacks {missing[0]}: run script/setup")
        return f"{len(files)} built files"

    async def database(self) -> str:
        await self.db.check()
        await migrate.check(self.settings.store_url)
        return f"{self.db.dialect}, newest revision"

    async def bus(self) -> str:
        bus = open_bus(self.settings.redis_url)
        try:
            await bus.check()
        finally:
            await bus.close()
        return "Redis" if self.settings.redis_url else "in process"

    async def workers(self) -> str:
        found = await leadership.workers(self.db, self.settings.node, self.settings.data_dir.resolve())
        if found.leader is None:
            raise Wrong(f"none is at work on {self.settings.node}: `hotline run` starts one")
        return f"{found.leader} leads; {f'{found.standby} stands by' if found.standby else 'no standby'}"

    async def nodes(self) -> str:
        """Which of two Asterisks has the agents, and whether the other one could."""
        if len(self.settings.manager_ports) == 1:
            return f"{self.settings.node} alone"
        async with self.db.read() as tx:
            active = await nodes.active(tx, self.settings)
            states = dict((await tx.session.execute(select(PbxNode.name, PbxNode.state))).all())
        told = []
        for name, port in self.settings.manager_ports.items():
            if not await ports.greets(port, b"Asterisk Call Manager"):
                raise Wrong(f"{active} has the agents; {name} does not answer at its manager's port {port} here")
            if name != active and states.get(name) != "live":
                raise Wrong(f"{active} has the agents; no worker follows {name}: it could take over nothing")
            told.append(f"{name} {'has the agents' if name == active else 'stands by'}")
        return ", ".join(told)

    async def parked(self) -> str:
        async with self.db.read() as tx:
            count = await tx.session.scalar(select(func.count()).select_from(ParkedEvent)) or 0
            newest = await tx.session.scalar(select(ParkedEvent).order_by(ParkedEvent.at.desc()).limit(1))
        if newest is not None:
            raise Wrong(f"{count} events wait for a handler, newest: {newest.handler}: {newest.error}")
        return "none waiting"

    async def trail(self) -> str:
        async with self.db.read() as tx:
            broken = await audit.verify(tx)
            seq, _hash = await audit.head(tx)
        if broken is not None:
            raise Wrong(f"row {broken} of access_log was changed or removed")
        return f"{seq} rows, chain whole"

    async def sounds(self) -> str:
        missing = prompts.missing()
        if missing:
            raise Wrong(f"no sound for {', '.join(missing)}")
        return f"{len(prompts.catalogue())} prompts and the waiting music"

    async def calendar(self) -> str:
        found = opening.find(self.settings.data_dir)
        hours = Hours(self.settings, found.opening)
        what, until = hours.what(now()), hours.known_until()
        if found.problem:
            raise Wrong(f"{found.problem} (in force are the hours accepted before: now {what})")
        if self.settings.open == "calendar" and until - now().date() < _CALENDAR_AHEAD:
            raise Wrong(f"holidays are known until {until} only: add next year's file (hotline/calendars/README.md)")
        return "; ".join((f"now {what}", f"holidays known until {until}", *found.remarks))

    async def running(self) -> str:
        if not self.asterisk.alive():
            what = "`systemctl start hotline-asterisk`" if self.asterisk.places.is_systems else "`hotline run`"
            raise Wrong(f"not running: {what} starts it")
        # Before it the command line may complain of its own surroundings.
        found = re.search(r"^Asterisk \S+", await self.asterisk.cli("core show version"), re.MULTILINE)
        version = found[0] if found else "Asterisk"
        return f"{version}, pid {self.asterisk.pid()}, {await self.asterisk.active_calls()} channels"

    async def configuration(self) -> str:
        places = self.asterisk.places
        if not places.config_hash.exists():
            what = "`hotline render-asterisk`" if places.is_systems else "`hotline run`"
            raise Wrong(f"none written yet: {what} writes it")
        files = self.asterisk.files()
        if places.config_hash.read_text().strip() != self.asterisk.config_hash():
            other = [name for name, text in files.items() if not _holds(places.etc / name, text)]
            raise Wrong(
                f"Asterisk runs with another configuration than these settings give ({', '.join(other)}): "
                "ask with the settings of `hotline run`, or restart it"
            )
        if places.is_systems:
            said = re.search(r"^Last reload: (\d+)", await self.asterisk.cli("core show uptime seconds"), re.MULTILINE)
            age = now() - from_epoch(places.config_hash.stat().st_mtime)
            if said is not None and age + _STARTING < timedelta(seconds=int(said[1])):
                raise Wrong("written after Asterisk last read it: systemctl reload hotline-asterisk, or restart it")
        return "as these settings give it"

    async def manager(self) -> str:
        if not self.asterisk.places.secrets.exists():
            raise Wrong("no secrets yet: `hotline run` makes them")
        secrets = self.asterisk.secrets()
        client = AmiClient(
            host="127.0.0.1", port=self.settings.ami_port, user="actions", secret=secrets.actions, name="doctor"
        )
        task = asyncio.create_task(client.run())
        try:
            async with asyncio.timeout(5):
                await client.wait_live()
            await client.send(actions.ping())
        except TimeoutError:
            raise Wrong(f"no login at port {self.settings.ami_port}") from None
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return f"login and ping at port {self.settings.ami_port}"

    async def journal(self) -> str:
        path = self.asterisk.places.cel
        async with self.db.read() as tx:
            known = await tx.session.scalar(select(func.count()).select_from(Call)) or 0
            node = await tx.session.get(PbxNode, self.settings.node)
            rows = await tx.session.execute(
                select(JournalFile.source, func.max(JournalFile.read_at))
                .where(JournalFile.node == self.settings.node)
                .group_by(JournalFile.source)
            )
            read = dict(rows.all())
        for source, read_at in sorted(read.items()):
            if node is not None and node.state == "live" and now() - read_at > _JOURNAL_BEHIND:
                raise Wrong(f"{source} was read until {iso(read_at)} only: `journal.` lines in the log say why")
        if not path.exists():
            if known and "cel" not in read:
                raise Wrong(f"{path} is not there, though {known} calls are known: restart the hotline")
            return "no call since the last file was set aside" if known else "no call so far"
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & self.asterisk.places.closed_to:
            raise Wrong(f"{path} holds numbers and can be read by others (mode {mode:o})")
        return f"{path.name}, {path.stat().st_size // 1024} kB, {len(read)} records read"

    async def events(self) -> str:
        async with self.db.read() as tx:
            node = await tx.session.get(PbxNode, self.settings.node)
        if node is None or node.state != "live":
            raise Wrong(f"telephony data is stale since {iso(node.since) if node else 'ever'}")
        return f"live since {iso(node.since)}"

    async def totals(self) -> str:
        """Calls = outcomes + going on, the same in our rows and in Asterisk's own records; today and yesterday."""
        at, zone = now(), self.settings.timezone
        today = local(at, zone).date()
        async with self.db.read() as tx:
            found = {day: await days.read(tx, day, timezone=zone, at=at) for day in (today - timedelta(days=1), today)}
            sources = set(await tx.session.scalars(select(JournalFile.source)))
        differing = {day: one.differences for day, one in found.items() if one.differences}
        if differing:
            first = next(iter(differing.values()))[0]
            counts = ", ".join(f"{len(calls)} on {day}" for day, calls in differing.items())
            raise Wrong(
                f"sources disagree about calls: {counts}; first {first.linkedid} ({first.kind}): see /operations"
            )
        calls, going_on, unread = (
            sum(getattr(one, name) for one in found.values()) for name in ("calls", "going_on", "unread")
        )
        compared = f"as in {' and '.join(sorted(sources))}" if sources else "no journal was read yet"
        behind = f", {unread} not compared: the journal is behind" if unread else ""
        return f"{calls} calls since yesterday, {going_on} going on, {compared}{behind}"
