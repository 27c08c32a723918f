"""The one permission table: who may do what to what, and that lists show exactly what may be opened."""

from itertools import product
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.access import permissions
from hotline.access.permissions import PUBLIC, ROLES, TABLE, TEAM_LEVELS, Actor, Owned, Role, can
from hotline.db import Database
from hotline.ids import new_id
from hotline.tickets import queries
from hotline.tickets import service as tickets
from tests import factories
from web import calls

LEVELS = ("K1", "K2", "K3", "K4")
ME, MY_AGENT, OTHER = new_id(), new_id(), new_id()

# What each role may do to anything, to its own, to ordinary files or its own: as domain and console describe the roles.
ANY, OWN, TEAM = "any", "own", "team"
EXPECTED: dict[str, tuple[str | None, str | None, str | None, str | None]] = {
    # agent, supervisor, caseworker, administrator
    "console.use": (OWN, OWN, None, None),
    "phone.use": (OWN, OWN, None, None),
    "agent.ready": (OWN, OWN, None, None),
    "agent.pause": (OWN, ANY, None, None),
    "agent.log-off": (OWN, ANY, None, None),
    "agent.extend": (OWN, OWN, None, None),
    "number.live": (None, ANY, None, None),
    "number.reveal": (TEAM, ANY, TEAM, None),
    "call.list": (OWN, ANY, OWN, None),
    "call.view": (OWN, ANY, OWN, None),
    "recording.play": (OWN, ANY, OWN, None),
    "ticket.list": (TEAM, ANY, TEAM, None),
    "ticket.view": (TEAM, ANY, TEAM, None),
    "ticket.edit": (OWN, ANY, OWN, None),
    "ticket.close": (OWN, ANY, OWN, None),
    "ticket.discard": (OWN, ANY, OWN, None),
    "ticket.restore": (OWN, ANY, OWN, None),
    "metrics.view": (None, None, None, ANY),
    "operations.view": (None, ANY, None, ANY),
}
FOR_ALL = {"home.view", "session.close", "locale.set", "live.connect", "board.view", "agent.view", "queue.view"}

actors = st.builds(
    Actor,
    account_id=st.just(ME),
    role=st.sampled_from(ROLES),
    name=st.just("me"),
    agent_id=st.sampled_from([None, MY_AGENT]),
)
subjects = st.none() | st.builds(
    Owned,
    owners=st.frozensets(st.sampled_from([ME, MY_AGENT, OTHER])),
    level=st.sampled_from([None, *LEVELS]),
)


@pytest.mark.parametrize(("action", "conditions"), EXPECTED.items())
def test_each_role_may_what_its_work_needs_and_no_more(action: str, conditions: tuple[str | None, ...]) -> None:
    assert {role: TABLE[action].get(role) for role in ROLES} == dict(zip(ROLES, conditions, strict=True))


@pytest.mark.parametrize("action", sorted(FOR_ALL))
def test_what_everybody_who_signed_in_may(action: str) -> None:
    assert dict(TABLE[action]) == dict.fromkeys(ROLES, ANY)


def test_every_row_names_known_roles_and_conditions_and_is_not_public_too() -> None:
    for row in TABLE.values():
        assert row
        assert set(row) <= set(ROLES)
        assert set(row.values()) <= {ANY, OWN, TEAM}
    assert not PUBLIC & set(TABLE)


def test_administrators_meet_no_childs_data() -> None:
    administrator = factories.actor("administrator")
    closed = [action for action in TABLE if action.partition(".")[0] in {"ticket", "call", "recording", "number"}]
    assert closed
    assert not any(can(administrator, action) for action in closed)


def test_an_action_without_a_row_is_an_error_and_no_permission() -> None:
    with pytest.raises(KeyError):
        can(factories.actor("supervisor"), "ticket.burn")


@settings(max_examples=50)
@given(actors, subjects)
def test_every_action_answers_by_its_condition_alone(actor: Actor, subject: Owned | None) -> None:
    mine = subject is None or ME in subject.owners or (actor.agent_id is not None and MY_AGENT in subject.owners)
    ordinary = subject is not None and subject.level in {"K1", "K2"}
    answer = {ANY: True, OWN: mine, TEAM: mine or ordinary, None: False}
    for action, row in TABLE.items():
        assert can(actor, action, subject) == answer[row.get(actor.role)]


@settings(max_examples=50)
@given(actors, subjects)
def test_who_may_do_it_to_something_may_do_it_at_all(actor: Actor, subject: Owned | None) -> None:
    for action in TABLE:
        assert can(actor, action) or not can(actor, action, subject)


def test_a_programs_key_owns_nothing() -> None:
    program = Actor(account_id=new_id(), role="agent", name="wallboard")
    assert not can(program, "call.view", Owned(frozenset({MY_AGENT})))
    assert permissions.condition(program, "call.view") == OWN


@pytest.mark.parametrize("role", ROLES)
async def test_the_list_of_tickets_has_those_that_may_be_opened(db: Database, role: Role) -> None:
    async with db.write() as tx:
        me, other = await factories.agent(tx, role), await factories.agent(tx)
        owners: tuple[UUID | None, ...] = (None, me.id, other.id)
        rows = [
            await factories.ticket(tx, agent_id=owner, confidentiality=level)
            for owner, level in product(owners, LEVELS)
        ]
        for actor in (factories.actor(role, me), factories.actor(role)):
            page = await queries.page(tx, actor, limit=100)
            assert {listed.ticket.id for listed in page.rows} == {
                row.id for row in rows if can(actor, "ticket.list", tickets.subject(row))
            }
            assert all(can(actor, "ticket.view", tickets.subject(listed.ticket)) for listed in page.rows)


@pytest.mark.parametrize("role", ROLES)
async def test_the_list_of_calls_has_those_that_may_be_opened(db: Database, role: Role) -> None:
    async with db.write() as tx:
        me, other = await factories.agent(tx, role), await factories.agent(tx)
        made = []
        for talked, writes in product((None, me.id, other.id), repeat=2):
            call = await factories.call(tx, agent_id=talked)
            await factories.ticket(tx, of_call=call, agent_id=writes)
            made.append(Owned(frozenset({talked, writes} - {None})))  # type: ignore[arg-type]
        for actor in (factories.actor(role, me), factories.actor(role)):
            shown = (await calls.page(tx, actor, limit=100)).rows
            assert len(shown) == sum(can(actor, "call.list", owned) for owned in made)
            assert all(can(actor, "call.view", found.subject) for found in shown)


def test_ordinary_files_are_those_of_the_two_lower_levels() -> None:
    assert frozenset({"K1", "K2"}) == TEAM_LEVELS
