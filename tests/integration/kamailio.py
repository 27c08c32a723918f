"""A real Kamailio with the files of deploy/kamailio, on a test's own address: its site.cfg and dispatcher.list are the
delivered ones with other addresses in them.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.integration.deployed import DEPLOY, TOOLS, tool


class Kamailio:
    """`address`: host and port where it takes calls; `nodes`: SIP ports of the two Asterisks on loopback; `provider`:
    where calls come from, and where those out are sent.
    """

    def __init__(
        self, directory: Path, address: tuple[str, int], nodes: Sequence[int], provider: tuple[str, int]
    ) -> None:
        self.directory, self.address = directory, address
        self.process: subprocess.Popen[bytes] | None = None
        directory.mkdir()
        (self._modules,) = (TOOLS / "usr/lib").glob("*/kamailio/modules")
        changes = {
            "192.0.2.30:5060": f"{address[0]}:{address[1]}",
            "192.0.2.10:5060": f"{provider[0]}:{provider[1]}",
            "192.0.2.10": provider[0],
            "192.0.2.20:5060": f"127.0.0.1:{nodes[0]}",
            "192.0.2.21:5060": f"127.0.0.1:{nodes[1]}",
            "/etc/kamailio": str(directory),
            "/run/kamailio": str(directory),
            "/usr/lib/x86_64-linux-gnu/kamailio/modules/": f"{self._modules}/",
        }
        shutil.copy(DEPLOY / "kamailio" / "kamailio.cfg", directory)
        for name in ("site.cfg", "dispatcher.list"):
            text = (DEPLOY / "kamailio" / name).read_text()
            for old, new in changes.items():
                text = text.replace(old, new)
            (directory / name).write_text(text)
        self.environment = os.environ | {"LD_LIBRARY_PATH": str(self._modules.parent)}

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def _command(self, *options: str) -> list[str]:
        return [tool("kamailio"), "-f", str(self.directory / "kamailio.cfg"), *options]

    def check(self) -> str:
        """What `kamailio -c` says of its files."""
        done = subprocess.run(
            self._command("-c"), env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.stderr + done.stdout

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command("-DD", "-E", "-m", "32", "-M", "4", "-Y", str(self.directory)),
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
            )  # fmt: skip

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    def ask(self, *command: str) -> str:
        """As an administrator does, by kamcmd."""
        done = subprocess.run(
            [tool("kamcmd"), "-s", f"unix:{self.directory}/kamailio_ctl", *command],
            env=self.environment, capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    def states(self) -> dict[str, str]:
        """Of each destination, as Kamailio has it: A active, I inactive; P: it is asked."""
        found, uri = {}, ""
        for line in self.ask("dispatcher.list").splitlines():
            key, _, value = line.strip().partition(": ")
            if key == "URI":
                uri = value
            elif key == "FLAGS":
                found[uri] = value
        return found
