"""Workflows as frozen data, checked when loaded; what may be done now and what it needs. Pure: time comes in.

One definition yields the buttons, the server's check, required fields and labels (codes; hotline.labels has the words).
tickets.service.take is the only caller that acts on it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from hotline.access.permissions import TABLE, Role
from hotline.errors import Conflict, HotlineError, Invalid, MissingFields, NotAllowed
from hotline.tickets import forms, taxonomy

UNDO_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class State:
    """`registers`: entering it issues the ticket number. A final state ends the work; nothing is written in it."""

    code: str
    is_final: bool = False
    registers: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A move that a person makes. `path`: the states it goes through and ends in; empty: only the owner changes.

    `action`: row of the permission table. `roles`: narrower than that row, None if not. `when`: guards without which
    the step is not offered; `guards`: asked when it is taken, of the fields.
    """

    code: str
    source: str
    path: tuple[str, ...]
    action: str
    required: tuple[str, ...] = ()
    roles: frozenset[Role] | None = None
    when: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()

    @property
    def hops(self) -> Iterator[tuple[str, str]]:
        """Each state with the one after it."""
        return pairwise((self.source, *self.path))


@dataclass(frozen=True, slots=True)
class Workflow:
    """States and steps, in the order in which they are shown. Checked by `load`."""

    code: str
    version: int
    start: str
    states: Mapping[str, State]
    steps: tuple[Step, ...]

    def step(self, code: str, state: str) -> Step:
        """The step of that name out of that state. Raises Conflict if there is none."""
        for step in self.steps:
            if step.code == code and step.source == state:
                return step
        raise Conflict("The ticket's state does not allow this step; nothing was changed.", step=code, state=state)


@dataclass(frozen=True, slots=True)
class Facts:
    """What guards may look at. `is_mine`: the actor writes this ticket. `is_live`: its call goes on, with somebody."""

    values: Mapping[str, str]
    role: Role
    is_mine: bool
    has_desk: bool
    is_live: bool
    closed_at: datetime | None
    at: datetime


Guard = Callable[[Facts], HotlineError | None]


def _conversation(facts: Facts) -> HotlineError | None:
    kind = taxonomy.CONTACT_TYPES.get(facts.values.get("contact_type", ""))
    if kind is not None and not kind.is_data:
        return Invalid("A contact without a conversation is discarded, not registered.", field="contact_type")
    return None


def _no_conversation(facts: Facts) -> HotlineError | None:
    if taxonomy.CONTACT_TYPES[facts.values["contact_type"]].is_data:
        return Invalid("Only a contact without a conversation can be discarded.", field="contact_type")
    return None


def _answerable(facts: Facts) -> HotlineError | None:
    if facts.values["urgency"] not in taxonomy.DANGER:
        return None
    if facts.role != "supervisor":
        return NotAllowed("An urgent matter is not closed on the spot; a supervisor can, with a written answer.")
    missing = forms.problems(["answer"], facts.values)
    return _missing(missing) if missing else None


def _undo_window(facts: Facts) -> HotlineError | None:
    if facts.closed_at is None or facts.at - facts.closed_at > UNDO_WINDOW:
        return Conflict("It is too late to undo this.")
    return None


def _free(facts: Facts) -> HotlineError | None:
    if facts.is_mine or not facts.has_desk or (facts.is_live and facts.role != "supervisor"):
        return Conflict("Somebody is talking to this caller; the ticket stays with them.")
    return None


GUARDS: Mapping[str, Guard] = {
    "conversation": _conversation,
    "no_conversation": _no_conversation,
    "answerable": _answerable,
    "undo_window": _undo_window,
    "free": _free,
}


def load(code: str, version: int, start: str, states: tuple[State, ...], steps: tuple[Step, ...]) -> Workflow:
    """A workflow. Raises ValueError: duplicate code, unknown or unreachable state, no way to an end, unknown name."""
    by_code = {state.code: state for state in states}
    _refuse("state declared twice", [] if len(by_code) == len(states) else [state.code for state in states])
    doors = [(step.code, step.source) for step in steps]
    _refuse("step declared twice", {door for door in doors if doors.count(door) > 1})
    named = {start} | {name for step in steps for name in (step.source, *step.path)}
    _refuse("unknown state", named - by_code.keys())
    _refuse("unknown field", {name for step in steps for name in step.required} - forms.FIELDS.keys())
    _refuse("unknown guard", {name for step in steps for name in (*step.when, *step.guards)} - GUARDS.keys())
    _refuse("unknown action", {step.action for step in steps} - TABLE.keys())
    onward: dict[str, set[str]] = {name: set() for name in by_code}
    for step in steps:
        for here, there in step.hops:
            onward[here].add(there)
    _refuse("unreachable state", by_code.keys() - _reached(start, onward))
    ends = {state.code for state in states if state.is_final}
    _refuse("no way to an end from", {name for name in by_code if not _reached(name, onward) & ends})
    return Workflow(code, version, start, by_code, steps)


def _refuse(what: str, names: object) -> None:
    if names:
        raise ValueError(f"{what}: {names}")


def _reached(start: str, onward: Mapping[str, set[str]]) -> set[str]:
    seen, ahead = {start}, [start]
    while ahead:
        for name in onward[ahead.pop()] - seen:
            seen.add(name)
            ahead.append(name)
    return seen


def offered(workflow: Workflow, state: str, facts: Facts) -> tuple[Step, ...]:
    """The steps out of a state that make sense now; the caller asks the permission of each action."""
    return tuple(step for step in workflow.steps if step.source == state and _refusal(step, facts, step.when) is None)


def check(step: Step, facts: Facts) -> None:
    """Raises what keeps the step from being taken: NotAllowed, MissingFields, Invalid, Conflict."""
    refused = _refusal(step, facts, step.when)
    if refused is not None:
        raise refused
    missing = forms.problems(step.required, facts.values)
    if missing:
        raise _missing(missing)
    refused = _refusal(step, facts, step.guards)
    if refused is not None:
        raise refused


def _refusal(step: Step, facts: Facts, guards: tuple[str, ...]) -> HotlineError | None:
    if step.roles is not None and facts.role not in step.roles:
        return NotAllowed("Your role may not take this step.")
    for name in guards:
        refused = GUARDS[name](facts)
        if refused is not None:
            return refused
    return None


def _missing(found: Mapping[str, str]) -> MissingFields:
    """`extra`: fields in form order, errors by field."""
    return MissingFields("Something is still missing; nothing was changed.", fields=list(found), errors=dict(found))
