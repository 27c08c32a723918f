"""What breaks when. Pure, and seeded: the same seed breaks the same things at the same moments."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

KINDS = ("ours", "asterisk", "browser", "disk", "both")
ON_SERVERS = ("leader", "web", "redis", "postgres", "asterisk", "browser", "disk", "both")
SAYS = {
    "ours": "kill -9 of our process",
    "leader": "kill -9 of the worker that leads",
    "web": "kill -9 of one console of two",
    "redis": "Redis stopped for 3 to 8 s",
    "postgres": "PostgreSQL stopped for 3 to 8 s: fast, immediate, or kill -9",
    "asterisk": "kill -9 of Asterisk",
    "browser": "kill -9 of an agent's browser",
    "disk": "full disk",
    "both": "kill -9 of all that is ours and of Asterisk at once",
}
_GAP_S = (11.0, 19.0)


@dataclass(frozen=True, slots=True)
class Planned:
    """`after_s`: seconds from the first call."""

    after_s: float
    kind: str


def plan(chance: random.Random, seconds: float, kinds: Sequence[str] = KINDS) -> list[Planned]:
    """Every kind once a round, in an order of its own each round, 11 to 19 s apart, none in the last 15 s."""
    planned, at, bag = list[Planned](), chance.uniform(8.0, 12.0), list[str]()
    while at < seconds - 15:
        if not bag:
            bag = list(kinds)
            chance.shuffle(bag)
        planned.append(Planned(at, bag.pop()))
        at += chance.uniform(*_GAP_S)
    return planned
