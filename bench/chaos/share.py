"""Who has the processors first: our process and Asterisk, before everybody who is on another machine in service."""

from contextlib import suppress
from pathlib import Path

ELSEWHERE = 10  # how much nicer than our process and Asterisk


def give_way(pid: int) -> None:
    """The whole session of a process gives way to the other sessions.

    Where the kernel shares the processors among sessions (sched(7), autogroup), a process's own niceness counts only
    within its session, and each browser is one.
    """
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(ELSEWHERE))
