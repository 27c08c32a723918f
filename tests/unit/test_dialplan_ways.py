"""Every way of a caller through the rendered dialplan: nothing leads nowhere, nothing goes round for ever, and each way
comes to a person or a recorder. Read off the text, with both sides of every condition taken.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hotline.ivr import render
from hotline.settings import Settings

Place = tuple[str, str, int]
# Where a person has the caller, or a recorder does. Numbers outside are rung by Gosub(hl-out,…).
HELP = ("Queue(", "Record(", "Gosub(hl-out,")
# The network's busy tone, before the call is answered; and a caller to whom a call back was promised by key.
ENDS_WITHOUT = {("hl-line", "Hangup(17)"), ("hl-call-back", "Hangup(16)")}


@dataclass
class Plan:
    """The dialplan as it is written. `steps`: application by place; `labels`: place by context, extension, label."""

    steps: dict[Place, str] = field(default_factory=dict)
    labels: dict[tuple[str, str, str], Place] = field(default_factory=dict)
    extensions: dict[str, list[str]] = field(default_factory=dict)
    includes: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "Plan":
        plan, context, exten, number = cls(), "", "", 0
        for line in map(str.strip, text.splitlines()):
            if found := re.fullmatch(r"\[([a-z-]+)\]", line):
                context = found[1]
                plan.extensions.setdefault(context, [])
            elif found := re.fullmatch(r"include => (\S+)", line):
                plan.includes.setdefault(context, []).append(found[1])
            elif found := re.match(r"exten => ([^,]+),1(?:\((\w+)\))?,(.+)", line):
                exten, number = found[1], 1
                plan.extensions[context].append(exten)
                plan._put((context, exten, number), found[2], found[3])
            elif found := re.match(r"same => n(?:\((\w+)\))?,(.+)", line):
                number += 1
                plan._put((context, exten, number), found[1], found[2])
        return plan

    def _put(self, place: Place, label: str | None, step: str) -> None:
        self.steps[place] = step
        if label:
            self.labels[place[0], place[1], label] = place

    def find(self, context: str, exten: str) -> str | None:
        """The extension as it is written, in the context or what it includes. A name with a variable in it: any."""
        name = re.sub(r"\$\{[^}]*\}+", "", exten)
        for one in self.extensions.get(context, []):
            if one == exten or (name != exten and not one.startswith("_")) or (one.startswith("_") and name != exten):
                return one
            if one.startswith("_") and _fits(one, exten):
                return one
        found = (self.find(other, exten) for other in self.includes.get(context, []))
        return next((one for one in found if one is not None), None)

    def where(self, target: str, here: Place) -> Place | None:
        """The place that a Goto, GotoIf or Gosub names."""
        parts = [part.strip() for part in re.sub(r"\(.*$", "", target).split(",")]
        context, exten, label = [*(here[0], here[1])[: 3 - len(parts)], *parts]
        context = self._home(context, exten) or context
        found = self.find(context, exten)
        if found is None:
            return None
        place = (context, found, int(label)) if label.isdigit() else self.labels.get((context, found, label))
        return place if place in self.steps else None

    def _home(self, context: str, exten: str) -> str | None:
        if self.find(context, exten) is None or exten in self.extensions.get(context, []):
            return None
        return next((one for one in self.includes.get(context, []) if exten in self.extensions.get(one, [])), None)

    def after(self, place: Place) -> Iterator[tuple[str, Place | None]]:
        """Where it may go on: what was named, and the place."""
        step, following = self.steps[place], (place[0], place[1], place[2] + 1)
        goes_on = following in self.steps
        if step.startswith("Goto("):
            yield step, self.where(step[5:-1], place)
            return
        if step.startswith(("Hangup(", "Return(")):
            return
        if step.startswith("GotoIf("):
            yes, _, no = _branches(step[7:-1])
            for target in (yes, no):
                if target and "${" not in target:
                    yield target, self.where(target, place)
            if yes and no:
                return
        if step.startswith("Background(") and step.count(",") == 3:
            context = step[:-1].rpartition(",")[2]
            for exten in [*self.extensions[context], *self.extensions["hl-keys"]]:
                home = context if exten in self.extensions[context] else "hl-keys"
                yield exten, (home, exten, 1)
        if goes_on:
            yield "next", following


def _branches(arguments: str) -> tuple[str, str, str]:
    """`condition?yes:no`; the mark stands after the last bracket of the condition."""
    depth = 0
    for at, sign in enumerate(arguments):
        depth += {"[": 1, "{": 1, "(": 1, "]": -1, "}": -1, ")": -1}.get(sign, 0)
        if sign == "?" and depth == 0:
            yes, colon, no = arguments[at + 1 :].partition(":")
            return yes, colon, no
    return "", "", ""


def _fits(pattern: str, name: str) -> bool:
    shape = re.escape(pattern[1:]).replace("X", "[0-9]").replace(r"\.", ".+").replace("!", ".*")
    return re.fullmatch(shape.replace(r"\[", "[").replace(r"\]", "]").replace(r"\-", "-"), name) is not None


@pytest.fixture(scope="module")
def plan() -> Plan:
    settings = Settings(
        data_dir=Path("/var/lib/hotline"), outbound_trunk="10.1.1.1:5060", duty_phones="13900001111,13900002222",
        switch_number="8000", switch_pins="wang:834712",
    )  # fmt: skip
    return Plan.read("\n".join(render.texts(settings).values()))


def reached(plan: Plan, start: Place, but: tuple[str, ...] = ()) -> set[Place]:
    seen, todo = set[Place](), [start]
    while todo:
        place = todo.pop()
        if place in seen or (but and plan.steps[place].startswith(but)):
            continue
        seen.add(place)
        todo += [following for _, following in plan.after(place) if following is not None]
    return seen


def test_every_place_that_is_named_is_there(plan: Plan) -> None:
    missing = {
        (place, named)
        for place in plan.steps
        for named, following in plan.after(place)
        if following is None and "${" not in named
    }
    assert missing == set()
    for place, step in plan.steps.items():
        for target in re.findall(r"Gosub\((hl-[a-z-]+,[a-z0-9-]+,1)", step):
            assert plan.where(target, place) is not None, (place, target)


def test_every_way_of_a_caller_comes_to_a_person_or_a_recorder(plan: Plan) -> None:
    """Without them nothing but the two ends that are meant can be reached."""
    ways = reached(plan, ("hl-line", "s", 1), HELP)
    ends = {(place[0], plan.steps[place]) for place in ways if plan.steps[place].startswith("Hangup(")}
    assert ends == ENDS_WITHOUT
    # And each of the ways does go on to an end.
    everywhere = reached(plan, ("hl-line", "s", 1))
    assert {"hl-open", "hl-keys", "hl-call-back", "hl-closed", "hl-duty", "hl-recorder"} <= {
        one[0] for one in everywhere
    }


def test_nothing_goes_round_for_ever_and_nothing_falls_off_the_end(plan: Plan) -> None:
    for place in reached(plan, ("hl-line", "s", 1)):
        onward = reached(plan, place)
        assert any(plan.steps[one].startswith(("Hangup(", "Return(")) for one in onward), place
    for place, step in plan.steps.items():
        is_last = (place[0], place[1], place[2] + 1) not in plan.steps
        if is_last and not step.startswith(("Hangup(", "Return(", "Goto(")):
            branches = _branches(step[7:-1]) if step.startswith("GotoIf(") else ("", "", "")
            assert branches[0] and branches[2], f"{place} ends with {step}"


def test_a_break_is_seen(plan: Plan) -> None:
    """The check itself: a recorder that is hung up on before it runs, and a name that is not there."""
    text = "\n".join(
        [
            "[hl-line]",
            "exten => s,1,GotoIf($[1]?hl-open,s,1:hl-gone,s,1)",
            "[hl-open]",
            "exten => s,1,Wait(1)",
            " same => n,Hangup(16)",
        ]
    )
    broken = Plan.read(text)
    assert [named for named, place in broken.after(("hl-line", "s", 1)) if place is None] == ["hl-gone,s,1"]
    ways = reached(broken, ("hl-line", "s", 1), HELP)
    assert {broken.steps[place] for place in ways if broken.steps[place].startswith("Hangup(")} == {"Hangup(16)"}
