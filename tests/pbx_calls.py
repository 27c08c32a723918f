"""A made-up day on the line: calls that never were, each with its truth and with all that Asterisk would tell of it.

What chance decides is what kind of call comes, who rings, who answers, and how long everything takes. A test can ask
what the hotline knows of a call beside what happened.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from random import Random

from hotline.telephony import messages as m
from tests.pbx_dials import Dialler
from tests.pbx_model import T0
from tests.pbx_moves import Mover
from tests.pbx_teller import MEMBERS
from tests.pbx_truth import TrueCall

__all__ = ["Day", "TrueCall", "stream"]


class Day:
    """Makes calls up, one after the other. Agents are in one call at a time; `stream` is all that Asterisk tells."""

    def __init__(self, random: Random, calls: int) -> None:
        self.random = random
        self.free: dict[str, datetime] = dict.fromkeys(MEMBERS, T0)
        self.numbers = 0
        self.calls: list[TrueCall] = []
        at = T0
        for _ in range(calls):
            at += timedelta(seconds=random.expovariate(1 / 6))
            if random.random() < _DIALS:
                self.calls.append(Dialler(self, at).tell(Dialler.dials))
            else:
                self.calls.append(Mover(self, at).tell(random.choice(_KINDS)))

    @property
    def stream(self) -> list[m.Message]:
        return stream(self.calls)

    def uniqueid(self, at: datetime) -> str:
        """As Asterisk makes one: system name, second, a number that grows."""
        self.numbers += 1
        return f"pbx1-{int(at.timestamp())}.{self.numbers - 1}"


def stream(calls: Iterable[TrueCall]) -> list[m.Message]:
    """What Asterisk tells of all of them, in order."""
    return sorted((message for call in calls for message in call.messages), key=lambda message: message.at)


_KINDS: tuple[Callable[[Mover], None], ...] = (
    Mover.answered, Mover.answered, Mover.answered, Mover.phone_lost, Mover.phone_lost, Mover.abandoned,
    Mover.abandoned_in_the_greeting, Mover.voicemail_after_waiting, Mover.voicemail_as_nobody_is_there,
    Mover.closed, Mover.blocked, Mover.moved, Mover.moved, Mover.moved, Mover.moved,
)  # fmt: skip
_DIALS = 0.2
"""So many of all calls are made by agents."""
