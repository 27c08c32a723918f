"""Who has the processors first: our process and Asterisk, before everybody who is on another machine in service."""

import os
from contextlib import suppress
from pathlib import Path

# How much nicer than our process and Asterisk. 0 on a machine that does other work too: there the nice get nothing.
ELSEWHERE = int(os.environ.get("BENCH_NICE", "10"))


def give_way(pid: int) -> None:
    """The whole session of a process gives way to the other sessions.

    Where the kernel shares the processors among sessions (sched(7), autogroup), a process's own niceness counts only
    within its session, and each browser is one.
    """
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(ELSEWHERE))
