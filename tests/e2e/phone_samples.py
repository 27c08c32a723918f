"""Invented but lifelike states of the phone column that samples and talk_samples have not: calls made from here, the
picker at work, the phone's own trouble, help on a call as the agent and as the supervisor see it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from web import views
from web.views import LegRow, ParkedCall, Talk

Screens = Mapping[str, tuple[str, dict[str, Any]]]
SUPERVISES = frozenset({"call.supervise", "help.ask"})


def watcher(name: str, mode: str | None, since: datetime, pending: str | None = None) -> views.Watcher:
    """A supervisor on a call."""
    return views.Watcher(name, mode, pending, since)


def talk(state: str, *legs: LegRow, with_name: str = "", missed: tuple[str, str] | None = None, **more: Any) -> Talk:
    """Who is on the call."""
    return Talk("c", state, with_name, legs, more.get("in_room", state == "held"), missed, state, "among" in more)


def talks(ago: Callable[[float], datetime]) -> Mapping[str, Mapping[str, Any]]:
    """Calls in the movements that talk_samples has not, by name."""
    caller = LegRow("caller", "138****1234", "waiting", ago(24))
    talking = LegRow("caller", "138****1234", "talking", ago(192))
    two = LegRow("agent", "江月", "talking", ago(9))
    place = LegRow("party", "公安报警 110", "asked", ago(40))
    third = LegRow("party", "029****6600", "talking", ago(40))
    parked = [
        ParkedCall("p1", "1.1", "12345", "139****8820", ago(175), "罗晓", "H-2031-9"),
        ParkedCall("p2", "1.2", "2912345", None, ago(20), "钟宁", None),
    ]
    return {
        "dialling": {"talk": talk("talking", LegRow("caller", "139****8820", "ringing", ago(8)))},
        "dialled": {"talk": talk("talking", LegRow("caller", "139****8820", "talking", ago(61)))},
        "consult-place": {"talk": talk("consult", caller, place, with_name="公安报警 110")},
        "calling-outside": {
            "talk": talk("calling", caller, LegRow("party", "029****6600", "ringing", ago(4)), with_name="029****6600")
        },
        "conference-held": {"talk": talk("held", LegRow("caller", "138****1234", "held", ago(31)), third, two)},
        "calls-aside": {
            "talk": talk("calling", talking, two, replace(place, state="ringing"), with_name=place.name, among=True)
        },
        "asks-aside": {"talk": talk("consult", talking, two, place, with_name=place.name, among=True)},
        "another-asks": {"talk": talk("conference", talking, two, place, with_name="江月", among=True)},
        "caller-gone": {
            "talk": talk("gone", LegRow("caller", "138****1234", "gone", ago(3)), replace(two, state="asked"))
        },
        "busy-place": {"talk": talk("talking", talking, missed=("公安报警 110", "busy"))},
        "rejected": {"talk": talk("talking", talking, missed=("supervisor-of-the-day", "rejected"))},
        "parked": {"talk": None, "parked": parked},
        "muted": {"talk": talk("talking", talking)},
        "silent": {"talk": talk("talking", talking)},
        "keypad": {"talk": talk("talking", talking)},
        "answering": {"talk": talk("asked", caller, replace(two, state="ringing"), with_name="江月")},
        "lost-in-call": {"talk": talk("talking", talking)},
        "failed-movement": {"talk": talk("talking", talking)},
        "completing": {"talk": talk("consult", caller, replace(two, state="asked"), with_name="江月")},
        "by-mobile": {"talk": talk("talking", talking)},
        "holding": {"talk": talk("talking", talking)},
        "resuming": {"talk": talk("talking", talking)},
        "rings-mobile": {"talk": None},
        "testing": {"talk": None},
        "tested": {"talk": None},
        "picker-note": {"talk": talk("talking", talking)},
        "picker-queue": {"talk": talk("talking", talking)},
        "picker-busy": {"talk": talk("talking", talking)},
        "picker-number": {"talk": talk("talking", talking)},
        "picker-nobody": {"talk": talk("talking", talking)},
        "picker-parked": {"talk": talk("talking", talking), "parked": parked},
    }


def helps(ago: Callable[[float], datetime]) -> Mapping[str, views.HelpView]:
    """Help as the agent who talks has it, by name."""
    name = "supervisor-of-the-day"

    def seen(mode: str, asked: float | None = None) -> views.HelpView:
        return views.HelpView(None if asked is None else ago(asked), (watcher(name, mode, ago(31)),), None)

    return {
        "help-asked": views.HelpView(ago(14), (), None),
        "help-listened": seen("listen"),
        "help-whispered": seen("whisper"),
        "help-joined": seen("join"),
        "help-joined-asked": seen("join", 95),
    }


def own(ago: Callable[[float], datetime]) -> Mapping[str, views.HelpView]:
    """The call that a supervisor is on, by name."""

    def on(mode: str | None, pending: str | None = None, reason: str = "help") -> views.HelpView:
        mine = watcher("supervisor-of-the-day", mode, ago(47), pending)
        return views.HelpView(None, (), views.OwnSupervision("2", "罗晓", "12345", reason, mine, "H-2031-5"))

    return {
        "rung": on(None, "listen"),
        "listens": on("listen"),
        "whispers": on("whisper", reason="danger"),
        "joins": on("join", reason="complaint"),
        "switches": on("listen", "whisper"),
        "takes-over": on("join", "take-over"),
    }


def watched(board: views.Board, ago: Callable[[float], datetime]) -> views.Board:
    """The board as supervisors have it: one asks for help, one has somebody listening, one is whispered to."""
    agents = list(board.agents)
    agents[0] = replace(agents[0], state="on_call", watchable=True, help_since=ago(14))
    agents[1] = replace(agents[1], watchable=True, watchers=(watcher("supervisor-of-the-day", "listen", ago(47)),))
    agents[2] = replace(
        agents[2], state="on_call", until=None, watchable=True, watchers=(watcher("何山", "whisper", ago(9)),)
    )
    asked = (views.HelpRow("1", "钟宁", ago(14), "12345"),)
    return replace(board, agents=tuple(agents), asked=asked)


def screens(
    ago: Callable[[float], datetime],
    me: Callable[..., views.Me],
    supervisor: Callable[..., views.Me],
    common: Mapping[str, Any],
) -> Screens:
    """All of them. `common`: the console in the middle of a call; `me`, `supervisor`: somebody in a state."""
    index = "console/index.html"
    helper = replace(supervisor("offline", 900), may=supervisor().may | SUPERVISES)
    talker = replace(supervisor("on_call", 47), may=helper.may)
    board = watched(common["board"], ago)
    quiet = {"ticket": None, "call": None, "work": []}
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, more in talks(ago).items():
        idle = {"me": me("ready", 40), "ticket": None, "call": None} if more["talk"] is None else {}
        mobile = {"me": me("on_call", 192, outside="139****9000")} if name == "by-mobile" else {}
        if name == "rings-mobile":
            mobile = {"me": me("ringing", 6, outside="139****9000"), "ticket": common["ticket"], "call": common["call"]}
        found[f"phone-{name}"] = (index, {**common, **more, **idle, **mobile})
    for name in ("off", "asking", "connecting", "elsewhere", "refused"):
        idle = {"me": me("paused", 40, reason="BREAK"), "ticket": None, "call": None}
        found[f"phone-{name}"] = (index, {**common, **idle})
    for name, view in helps(ago).items():
        found[f"phone-{name}"] = (index, {**common, "help": view})
    found["supervisor-called"] = (index, {**common, **quiet, "me": helper, "board": board})
    found["supervisor-asks-how"] = (index, {**common, **quiet, "me": helper, "board": board})
    for name, view in own(ago).items():
        busy = helper if name == "rung" else talker
        found[f"supervisor-{name}"] = (index, {**common, **quiet, "me": busy, "board": board, "help": view})
    found["supervisor-took-over"] = (
        index,
        {**common, "me": talker, "board": board,
         "talk": talk("talking", LegRow("caller", "136****0417", "talking", ago(12)))},
    )  # fmt: skip
    found["board-supervised"] = ("board/index.html", {"me": helper, "board": board, "wall": False})
    found["board-asks-how"] = ("board/index.html", {"me": helper, "board": board, "wall": False})
    return found


_TALKS = {"data-phone": "registered", "data-call": "talking"}
_ON_A_CALL = {**_TALKS, "data-asked": "supervise"}
# What the page's own phone says, which no server draws.
ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    **{f"phone-{name}": {"data-phone": name} for name in ("off", "asking", "connecting", "elsewhere", "refused")},
    **{
        f"phone-{name}": _TALKS
        for name in ("busy-place", "rejected", "keypad", "failed-movement", "completing", "picker-note",
                     "picker-number", "picker-nobody", "picker-parked", "picker-queue", "picker-busy",
                     "help-asked", "help-listened", "help-whispered", "help-joined", "help-joined-asked")
    },
    **{f"phone-{name}": {**_TALKS, "data-asked": "dial"} for name in ("dialling", "dialled")},
    **{f"phone-{name}": {**_TALKS, "data-talk": "consult"} for name in ("consult-place", "completing", "asks-aside")},
    **{f"phone-{name}": {**_TALKS, "data-talk": "calling"} for name in ("calling-outside", "calls-aside")},
    "phone-another-asks": {**_TALKS, "data-talk": "conference"},
    "phone-conference-held": {**_TALKS, "data-talk": "held"},
    "phone-caller-gone": {**_TALKS, "data-talk": "gone"},
    **{f"phone-{name}": {"data-phone": "registered"} for name in ("parked", "testing", "tested")},
    "phone-rings-mobile": {"data-phone": "outside"},
    **{f"phone-{name}": {**_TALKS, "data-held": name} for name in ("holding", "resuming")},
    "phone-muted": {**_TALKS, "data-muted": "true"},
    "phone-silent": {**_TALKS, "data-silent": "true"},
    "phone-answering": {"data-phone": "registered", "data-call": "answering"},
    "phone-lost-in-call": {**_TALKS, "data-phone": "lost"},
    "phone-by-mobile": {**_TALKS, "data-phone": "outside"},
    "supervisor-called": {"data-phone": "registered"},
    "supervisor-asks-how": {"data-phone": "registered"},
    "supervisor-rung": {"data-phone": "registered", "data-call": "answering", "data-asked": "supervise"},
    **{f"supervisor-{name}": _ON_A_CALL for name in ("listens", "whispers", "joins", "switches", "takes-over")},
    "supervisor-took-over": _ON_A_CALL,
}  # fmt: skip
_PICK = """(() => {
  document.querySelector('[data-phone-do=transfer]').click();
  const find = document.querySelector('#picker-find');
  const type = (text) => { find.value = text; find.dispatchEvent(new Event('input', { bubbles: true })); };
"""
_TEST = "(() => { const box = document.querySelector('#headset'); box.open = true;"
_ASKS_HOW = "() => document.querySelector('[data-supervise]').click()"
# What the person does there.
DOES: Mapping[str, str] = {
    "phone-keypad": "() => document.querySelector('[data-phone-do=keypad]').click()",
    "phone-refused": """() => {
      document.querySelector('[data-why]').textContent = document.querySelector('#words').dataset.noMicrophone; }""",
    # Nobody answers here: what a refused movement looks like.
    "phone-failed-movement": """() => {
      document.querySelector('[data-phone-do=transfer]').click();
      document.querySelector('[data-park]').click(); }""",
    "phone-completing": """() => {
      const button = document.querySelector('#talk [data-move=complete]');
      button.toggleAttribute('data-pending', true);
      for (const one of document.querySelectorAll('#talk [data-move]')) one.disabled = true;
      document.querySelector('#talk').toggleAttribute('data-pending', true); }""",
    "phone-picker-note": f"""{_PICK}
      type('江'); const note = document.querySelector('#picker-note');
      note.value = '孩子十一岁，在奶奶家，不想让老师知道。'; note.focus(); }})""",
    "phone-picker-number": f"{_PICK} type('029-8555 1234'); }})",
    "phone-picker-queue": f"""{_PICK} document.querySelector('#picker [data-to=queue]').click();
      document.querySelector('#picker-note').value = '孩子想换一位女老师接着说。'; }})""",
    # Somebody who cannot be rung now: the answer is why.
    "phone-picker-busy": f"""{_PICK} type('罗');
      find.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'Enter', bubbles: true, cancelable: true }})); }})""",
    "phone-testing": f"{_TEST} box.dataset.test = 'running'; box.querySelector('meter').value = 0.4; }})",
    "phone-tested": f"""{_TEST} Object.assign(box.dataset, {{ test: 'done', testAll: 'good' }});
      for (const name of ['microphone', 'echo', 'network'])
        box.querySelector(`[data-check=${{name}}]`).dataset.grade = 'good';
      box.querySelector('[data-check=echo] b').textContent = '84 ms'; }})""",
    "phone-picker-nobody": f"{_PICK} type('李想'); }})",
    "phone-picker-parked": f"{_PICK} }})",
    "supervisor-asks-how": _ASKS_HOW,
    "board-asks-how": _ASKS_HOW,
}
