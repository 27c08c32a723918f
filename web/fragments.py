"""What changed on the board, as patches: each fragment rendered once per locale and class, encoded once as JSON.

Fed by web.live with element keys; what is sent is the row as it is now, so a patch may be sent twice.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from web.board import BoardState, hidden, unwatched
from web.render import Renderer


class Group(NamedTuple):
    """Who gets the same text: `full` may see callers' numbers of live calls."""

    locale: str
    full: bool


@dataclass(frozen=True, slots=True)
class Fragment:
    """One element: its id, template, what the template is given; `rows`: the list it belongs to, with its order."""

    key: str
    template: str
    name: str
    value: Any
    rows: str | None = None
    order: str | None = None


class Patches:
    """Renders and remembers: what many screens ask for, or one that reconnects, is rendered once."""

    def __init__(self, renderer: Renderer, board: BoardState) -> None:
        self._renderer = renderer
        self._board = board
        self._done: dict[tuple[Group, str], tuple[Any, str]] = {}

    def text(self, group: Group, keys: Iterable[str]) -> str:
        """A JSON list of patches, empty text if there are none."""
        return ",".join(part for key in sorted(keys) for part in self._key(group, key))

    def forget(self, keys: Iterable[str]) -> None:
        """Rows that are gone need not be remembered."""
        gone = set(keys)
        for done in [done for done in self._done if done[1] in gone]:
            del self._done[done]

    def _key(self, group: Group, key: str) -> list[str]:
        fragments = self._fragments(group, key)
        if not fragments:
            return [json.dumps({"op": "del", "key": key})]
        return [self._encoded(group, fragment) for fragment in fragments]

    def _fragments(self, group: Group, key: str) -> list[Fragment]:  # noqa: PLR0911 - a key each
        board = self._board
        match key.partition("-")[0]:
            case "call":
                call = board.call(key)
                if call is None:
                    return []
                call = call if group.full else hidden(call)
                return [Fragment(key, "board/_call.html", "call", call, "calls", call.order)]
            case "agent":
                found = board.agent(key)
                agent = found if found is None or group.full else unwatched(found)
                return [Fragment(key, "board/_agent.html", "agent", agent, "agents", agent.order)] if agent else []
            case "asked":
                asked = board.asked if group.full else ()
                return [Fragment("help-asked", "supervision/_asked.html", "asked", asked)]
            case "lamp":
                lamp = board.lamps()[key]
                return [
                    Fragment(key, "board/_lamp.html", "lamp", lamp),
                    Fragment(f"bar-{key}", "bar/_lamp.html", "lamp", lamp),
                ]
            case "opening":
                return [Fragment("bar-opening", "bar/_opening.html", "opening", board.opening)]
            case "totals":
                return [Fragment(key, "board/_totals.html", "totals", board.totals.counted)]
            case "waiting":
                return [Fragment("bar-waiting", "bar/_waiting.html", "totals", board.totals)]
            case _:
                return [Fragment(key, "bar/_stale.html", "stale", board.stale)]

    def _encoded(self, group: Group, fragment: Fragment) -> str:
        known = self._done.get((group, fragment.key))
        if known is not None and known[0] == fragment.value:
            return known[1]
        html = self._renderer.html(group.locale, fragment.template, {fragment.name: fragment.value})
        text = json.dumps(
            {"op": "put", "key": fragment.key, "list": fragment.rows, "order": fragment.order, "html": html.strip()},
            ensure_ascii=False,
        )
        self._done[group, fragment.key] = (fragment.value, text)
        return text


def frame(seq: int, epoch: int, patches: str, events: str, *, reload: bool = False) -> str:
    """One message to a screen. `patches` and `events`: JSON list contents, already encoded."""
    return (
        f'{{"seq":{seq},"epoch":{epoch},"patches":[{patches}],"events":[{events}],'
        f'"reload":{"true" if reload else "false"}}}'
    )


def hello(seq: int, epoch: int, user: str) -> str:
    """The first message after connecting. `user`: whose screen it is by the cookie. A page of somebody else, left open
    when they signed out, must show nothing of it.
    """
    return json.dumps({"hello": True, "seq": seq, "epoch": epoch, "user": user}, ensure_ascii=False)
