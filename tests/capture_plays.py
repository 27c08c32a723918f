"""Scenes to be captured, by name: what tests.capture_movements, _outbound and _help have in common."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.integration.pbx import Ami, Pbx
from tests.integration.scene import Scene
from tests.integration.voice import until

Play = Callable[[Scene], Awaitable[None]]
Script = Callable[[Pbx, Ami, Ami], Awaitable[None]]


class Plays:
    """`settings`: of the Asterisk that each is played on; `begin`: what comes first in all of them; `prepare`: what
    that Asterisk is given beside our own configuration. A scene ends when every leg has.
    """

    def __init__(
        self, begin: Play, *, prepare: Callable[[Pbx], Awaitable[None]] | None = None, **settings: Any
    ) -> None:
        self._begin, self._prepare, self._settings = begin, prepare, settings
        self._plays: dict[str, tuple[Play, dict[str, Any]]] = {}

    def play(self, name: str, **phones: Any) -> Callable[[Play], Play]:
        """`phones`: name = arguments of its Voice."""

        def keep(function: Play) -> Play:
            self._plays[name] = (function, phones)
            return function

        return keep

    def scripts(self) -> dict[str, tuple[Script, dict[str, Any]]]:
        return {name: (self._script(*play), self._settings) for name, play in self._plays.items()}

    def _script(self, play: Play, phones: dict[str, Any]) -> Script:
        async def run(pbx: Pbx, events: Ami, commands: Ami) -> None:
            if self._prepare is not None:
                await self._prepare(pbx)
            async with Scene(pbx, events, commands, **phones) as scene:
                await self._begin(scene)
                await play(scene)
                await until(lambda: bool(scene.facts("Newchannel")) and scene.is_over(), "every leg has ended", 20)

        return run
