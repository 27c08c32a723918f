"""The engine refuses broken definitions; the general workflow offers and refuses what the standards say."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hotline import labels
from hotline.access.permissions import Role
from hotline.errors import Conflict, HotlineError, Invalid, MissingFields, NotAllowed
from hotline.tickets import workflow
from hotline.tickets.workflow import Facts, State, Step, load
from hotline.tickets.workflows import WORKFLOWS, workflow_of
from hotline.tickets.workflows.general import GENERAL

AT = datetime(2026, 3, 10, 2, 20, tzinfo=UTC)
A, B, END = State("A"), State("B"), State("END", is_final=True)
GO = Step("go", "A", ("B",), "ticket.edit")
STOP = Step("stop", "B", ("END",), "ticket.close")
FILLED = {"contact_type": "CT08", "category": "LIV.02", "summary": "怎么申请事实无人抚养儿童补贴?", "urgency": "U3"}


def _facts(values: Mapping[str, str] = FILLED, role: Role = "agent", **more: Any) -> Facts:
    usual: dict[str, Any] = {"is_mine": True, "has_desk": True, "is_live": False, "closed_at": None, "at": AT}
    return Facts(values=values, role=role, **{**usual, **more})


def test_a_sound_definition_loads() -> None:
    flow = load("x", 1, "A", (A, B, END), (GO, STOP))
    assert [step.code for step in workflow.offered(flow, "A", _facts())] == ["go"]


@pytest.mark.parametrize(
    ("states", "steps", "complaint"),
    [
        ((A, B, END, A), (GO, STOP), "state declared twice"),
        ((A, B, END), (GO, STOP, GO), "step declared twice"),
        ((A, B, END), (GO, STOP, Step("off", "A", ("C",), "ticket.edit")), "unknown state: {'C'}"),
        ((A, B, END), (GO, STOP, Step("off", "C", ("A",), "ticket.edit")), "unknown state: {'C'}"),
        ((A, B, END, State("D")), (GO, STOP, Step("on", "D", ("END",), "ticket.edit")), "unreachable state: {'D'}"),
        ((A, B, END, State("D")), (GO, STOP, Step("off", "A", ("D",), "ticket.edit")), "no way to an end from: {'D'}"),
        ((A, B), (GO,), "no way to an end"),
        ((A, B, END), (GO, Step("stop", "B", ("END",), "ticket.end")), "unknown action"),
        ((A, B, END), (GO, Step("stop", "B", ("END",), "ticket.close", required=("name",))), "unknown field"),
        ((A, B, END), (GO, Step("stop", "B", ("END",), "ticket.close", guards=("mood",))), "unknown guard"),
        ((B, END), (STOP,), "unknown state: {'A'}"),
    ],
)
def test_a_broken_definition_is_refused(states: tuple[State, ...], steps: tuple[Step, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        load("x", 1, "A", states, steps)


@pytest.mark.parametrize("flow", WORKFLOWS.values(), ids=lambda flow: f"{flow.code}-{flow.version}")
def test_every_state_and_step_has_a_label(flow: workflow.Workflow) -> None:
    assert not {step.code for step in flow.steps} - set(labels.LABELS["step"])
    assert not set(flow.states) - set(labels.LABELS["ticket_state"])


def test_an_unknown_workflow_is_not_guessed() -> None:
    assert workflow_of("general", 1) is GENERAL
    with pytest.raises(HotlineError, match="does not know"):
        workflow_of("general", 99)


@pytest.mark.parametrize(
    ("state", "more", "steps"),
    [
        ("NEW", {}, ["close", "register", "discard"]),
        ("NEW", {"is_mine": False}, ["close", "register", "discard", "take"]),
        ("NEW", {"is_mine": False, "is_live": True}, ["close", "register", "discard"]),
        ("NEW", {"is_mine": False, "is_live": True, "role": "supervisor"}, ["close", "register", "discard", "take"]),
        ("NEW", {"is_mine": False, "has_desk": False}, ["close", "register", "discard"]),
        ("ACCEPTED", {}, ["answer"]),
        ("CLOSED", {"closed_at": AT}, []),
        ("VOID", {"closed_at": AT - timedelta(minutes=10)}, ["restore"]),
        ("VOID", {"closed_at": AT - timedelta(minutes=10, seconds=1)}, []),
    ],
)
def test_what_is_offered(state: str, more: Mapping[str, Any], steps: list[str]) -> None:
    assert [step.code for step in workflow.offered(GENERAL, state, _facts(**more))] == steps


def test_save_and_close_goes_through_every_state_between() -> None:
    assert list(GENERAL.step("close", "NEW").hops) == [
        ("NEW", "ACCEPTED"), ("ACCEPTED", "ANSWERED"), ("ANSWERED", "CLOSED"),
    ]  # fmt: skip


def test_a_step_out_of_another_state_is_a_conflict() -> None:
    with pytest.raises(Conflict):
        GENERAL.step("restore", "NEW")
    with pytest.raises(Conflict):
        GENERAL.step("fly", "NEW")


@pytest.mark.parametrize("step", ["close", "register"])
def test_four_fields_stand_between_a_call_and_a_registered_ticket(step: str) -> None:
    workflow.check(GENERAL.step(step, "NEW"), _facts())
    with pytest.raises(MissingFields) as caught:
        workflow.check(GENERAL.step(step, "NEW"), _facts({"summary": "太短", "urgency": "U3"}))
    assert caught.value.extra == {
        "fields": ["contact_type", "category", "summary"],
        "errors": {
            "contact_type": "This is needed.",
            "category": "This is needed.",
            "summary": "At least ten characters are needed.",
        },
    }


@pytest.mark.parametrize("urgency", ["U0", "U1"])
@pytest.mark.parametrize(("step", "state"), [("close", "NEW"), ("answer", "ACCEPTED")])
def test_danger_is_closed_on_the_spot_only_by_a_supervisor_with_a_written_answer(
    urgency: str, step: str, state: str
) -> None:
    values = {**FILLED, "urgency": urgency}
    chosen = GENERAL.step(step, state)
    with pytest.raises(NotAllowed):
        workflow.check(chosen, _facts({**values, "answer": "已转110, 警官已到场"}))
    with pytest.raises(MissingFields) as caught:
        workflow.check(chosen, _facts(values, role="supervisor"))
    assert caught.value.extra["fields"] == ["answer"]
    workflow.check(chosen, _facts({**values, "answer": "已转110, 警官已到场, 孩子安全"}, role="supervisor"))


@pytest.mark.parametrize("urgency", ["U0", "U1"])
def test_danger_can_always_be_registered(urgency: str) -> None:
    workflow.check(GENERAL.step("register", "NEW"), _facts({**FILLED, "urgency": urgency}))


@pytest.mark.parametrize("code", ["CT10", "CT11", "CT12", "CT13", "CT14", "CT15"])
def test_without_a_conversation_one_key_discards_and_nothing_registers(code: str) -> None:
    workflow.check(GENERAL.step("discard", "NEW"), _facts({"contact_type": code}))
    with pytest.raises(Invalid, match="discarded, not registered"):
        workflow.check(GENERAL.step("register", "NEW"), _facts({**FILLED, "contact_type": code}))


@pytest.mark.parametrize("code", ["CT01", "CT05", "CT08"])
def test_a_conversation_is_never_discarded(code: str) -> None:
    with pytest.raises(Invalid, match="without a conversation"):
        workflow.check(GENERAL.step("discard", "NEW"), _facts({"contact_type": code}))


def test_too_late_to_undo() -> None:
    late = _facts(closed_at=AT - timedelta(minutes=11))
    with pytest.raises(Conflict, match="too late"):
        workflow.check(GENERAL.step("restore", "VOID"), late)


def test_roles_narrow_a_step() -> None:
    step = Step("stop", "B", ("END",), "ticket.close", roles=frozenset({"supervisor"}))
    flow = load("x", 1, "A", (A, B, END), (GO, step))
    assert workflow.offered(flow, "B", _facts()) == ()
    assert workflow.offered(flow, "B", _facts(role="supervisor")) == (step,)
    with pytest.raises(NotAllowed):
        workflow.check(step, _facts())
