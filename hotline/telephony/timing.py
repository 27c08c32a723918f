"""How long telephony.client waits for what, and how soon it comes back."""

import math
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. Tests have smaller ones; nobody else needs others."""

    connect: float = 5.0
    deadline: float = 5.0
    list_deadline: float = 15.0
    boot: float = 60.0
    ping_every: float = 10.0
    dead_after: float = 25.0
    backoff_first: float = 0.5
    backoff_most: float = 15.0
    soon_most: float = 1.0
    soon_for: float = 30.0
    refused: float = 5.0
    steady: float = 10.0
    resync_pause: float = 5.0
    drift_check: float = 300.0
    gather: float = 0.004

    def delay(self, attempt: int, lost_for: float = math.inf) -> float:
        """Seconds before the next try: `backoff_first` doubling to `backoff_most`, up to a third less by chance so that
        clients do not return together.

        One that served is missed at once (attempt -1), and for its first `soon_for` looked for every `soon_most`.
        """
        if attempt < 0:
            return self.backoff_first * random.random() / 5  # noqa: S311 - no secret
        most = self.soon_most if lost_for < self.soon_for else self.backoff_most
        full = min(most, self.backoff_first * 2.0 ** min(attempt, 16))
        return full * (1 - random.random() / 3)  # noqa: S311 - no secret
