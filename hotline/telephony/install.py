"""Which Asterisk there is and which directories ours uses. Looks only; starts nothing but `asterisk -V`."""

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hotline.errors import StartupError
from hotline.settings import CHECKOUT, Settings

LEAST_VERSION = 20
_SAFE_PATH = re.compile(r"/[\w/.+@~:= \-]*")
_LONGEST_SOCKET = 100  # of the 108 bytes that a Unix socket's address holds
_SYSTEM_MODULES = ("/usr/lib/*/asterisk/modules", "/usr/lib/asterisk/modules", "/usr/lib64/asterisk/modules")


@dataclass(frozen=True, slots=True)
class Installation:
    """An Asterisk that can be run. `command` starts it; further arguments follow."""

    command: tuple[str, ...]
    modules: Path
    data: Path
    version: str
    is_private: bool


@dataclass(frozen=True, slots=True)
class Places:
    """The directories of one running Asterisk: below the data directory, or where systemd runs one (`is_systems`)."""

    root: Path
    recordings: Path
    secrets: Path
    is_systems: bool = False

    @property
    def etc(self) -> Path:
        return self.root / "etc"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def data(self) -> Path:
        """Sounds and documentation: the package's, with ours laid over them."""
        return self.root / "data"

    @property
    def run(self) -> Path:
        """Where the control socket is: elsewhere when its path would be too long for the system."""
        plain = self.root / "run"
        if self.is_systems or len(os.fsencode(plain / "asterisk.ctl")) <= _LONGEST_SOCKET:
            return plain
        mark = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path("/tmp") / f"hotline-{os.getuid()}-{mark}"  # noqa: S108 (made with mode 700, owner checked)

    @property
    def pid(self) -> Path:
        """Of the keeper and Asterisk; under systemd Asterisk's own file."""
        return self.run / "asterisk.pid" if self.is_systems else self.root / "pid"

    @property
    def file_mode(self) -> int:
        """Of configuration: another user's Asterisk reads it by the directory's group."""
        return 0o640 if self.is_systems else 0o600

    @property
    def closed_to(self) -> int:
        """The bits that no file with callers' numbers may have."""
        return 0o007 if self.is_systems else 0o077

    @property
    def config_hash(self) -> Path:
        return (self.etc if self.is_systems else self.root) / "config.sha256"

    @property
    def agents(self) -> Path:
        """Included by pjsip.conf; written at every change of a phone's secret."""
        return self.etc / "pjsip_agents.conf"

    @property
    def cel(self) -> Path:
        """The journal: what happened to each channel."""
        return self.log / "cel-custom" / "cel.csv"

    @property
    def queue_log(self) -> Path:
        """What the queue did, with our own first and last line of each call."""
        return self.log / "queue_log"

    def make(self) -> None:
        """Make what is missing, readable by nobody else. Raises StartupError for a run directory that is not ours, and
        for a missing one of systemd's Asterisk, whose directories have two owners (deploy/tmpfiles.conf).
        """
        if self.is_systems:
            for path in (self.etc, self.data, self.run, self.log / "cel-custom", self.recordings):
                if not path.is_dir():
                    raise StartupError(f"{path} is not there: run systemd-tmpfiles --create")
            return
        self.root.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in (self.root, self.etc, self.log / "cel-custom", self.data, self.recordings, self.run):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("spool", "db", "lib", "cache", "keys/keys", "agi"):
            (self.root / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.run.stat().st_uid != os.getuid() or self.run.is_symlink():
            raise StartupError(f"{self.run} belongs to somebody else: remove it")


def places(settings: Settings) -> Places:
    """Raises StartupError for a data directory whose path Asterisk's configuration cannot carry."""
    data = settings.data_dir.resolve()
    root = Path(settings.asterisk_home).resolve() if settings.asterisk_home else data / "asterisk"
    if not _SAFE_PATH.fullmatch(str(root)):
        what = "Asterisk directory's" if settings.asterisk_home else "data directory's"
        raise StartupError(f"the {what} path has a character that Asterisk cannot take: {root.parent}")
    return Places(root, settings.recordings_dir, data / "secrets.json", bool(settings.asterisk_home))


def find(prefix: Path) -> Installation:
    """The private copy, else the system's own if it is recent enough. Raises StartupError with what to do."""
    return _private(prefix) or _system() or _missing(prefix)


def config_home() -> Path:
    """Where the templates and sounds are: in the checkout, or inside the installed package."""
    checkout = CHECKOUT / "asterisk-config"
    return checkout if checkout.is_dir() else CHECKOUT / "hotline" / "_asterisk_config"


def find_program(prefix: Path, name: str) -> tuple[str, ...] | None:
    """A program of the private copy or of the system, as the start of a command line."""
    own = prefix / "usr/bin" / name
    loader = _loader(prefix)
    if own.is_file() and loader is not None:
        return (*loader, str(own))
    found = shutil.which(name)
    return (found,) if found else None


def _missing(prefix: Path) -> Installation:
    raise StartupError(
        f"no Asterisk in {prefix} and none of version {LEAST_VERSION} on the system: run script/asterisk"
    )


def _loader(prefix: Path) -> tuple[str, ...] | None:
    """The private copy's own program loader with its libraries."""
    loaders = sorted(prefix.glob("usr/lib*/ld-linux*.so.*"))
    libraries = sorted(prefix.glob("usr/lib/*/libc.so.6"))
    if not loaders or not libraries:
        return None
    return (str(loaders[0]), "--library-path", str(libraries[0].parent))


def _private(prefix: Path) -> Installation | None:
    complete = prefix / "complete"  # written last: half a copy is no copy
    modules = sorted(prefix.glob("usr/lib/*/asterisk/modules"))
    loader = _loader(prefix)
    if not complete.is_file() or not modules or loader is None:
        return None
    return Installation(
        command=(*loader, str(prefix / "usr/sbin/asterisk")),
        modules=modules[0],
        data=prefix / "usr/share/asterisk",
        version=complete.read_text().strip(),
        is_private=True,
    )


def _system() -> Installation | None:
    program = shutil.which("asterisk", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        return None
    said = subprocess.run([program, "-V"], capture_output=True, text=True, timeout=10, check=False).stdout.strip()  # noqa: S603
    number = re.match(r"Asterisk (?:certified/)?(\d+)", said)
    modules = [path for pattern in _SYSTEM_MODULES for path in sorted(Path("/").glob(pattern[1:]))]
    data = [path for path in (Path("/usr/share/asterisk"), Path("/var/lib/asterisk")) if (path / "sounds").is_dir()]
    if number is None or int(number[1]) < LEAST_VERSION or not modules or not data:
        return None
    return Installation((program,), modules[0], data[0], said, is_private=False)
