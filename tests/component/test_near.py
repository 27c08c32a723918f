"""Short cuts to SQLite's driver say and write what SQLAlchemy's own way does. While a statement is watched all of them
go that way, so each thing is done both ways here.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, delete, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from hotline.agents.models import Agent
from hotline.calls.models import Call, CallAlias
from hotline.db import Database, Tx
from hotline.tickets.models import Contact, ContactTicket, Counter, Ticket
from tests import factories
from tests.web_house import statements

_WITH_REF = (
    select(Call, Ticket.ref, Ticket)
    .outerjoin(Contact, Contact.call_id == Call.id)
    .outerjoin(ContactTicket, ContactTicket.contact_id == Contact.id)
    .outerjoin(Ticket, Ticket.id == ContactTicket.ticket_id)
    .where(Call.linkedid.in_(bindparam("linkedids", expanding=True)), Call.phase == "waiting")
    .order_by(Call.linkedid)
)
_COUNTED = select(func.count().label("calls"), func.max(Call.started_at).label("last")).where(
    Call.node == bindparam("node")
)
_BY_LINKEDID = select(Call).where(Call.linkedid == bindparam("linkedid")).limit(1)


@contextmanager
def _long_way(db: Database, is_long: bool) -> Iterator[None]:
    with statements(db) if is_long else nullcontext():
        yield


async def _raw(tx: Tx, table: str, key: Any) -> dict[str, Any]:
    row = (await tx.session.execute(text(f"SELECT * FROM {table} WHERE id = '{key.hex}'"))).one()
    return {name: value for name, value in row._mapping.items() if name not in {"id", "ref", "linkedid"}}


@pytest.mark.parametrize("change", [False, True])
async def test_rows_are_written_as_sqlalchemy_writes_them(db: Database, change: bool) -> None:
    written = []
    for is_long in (True, False):
        with _long_way(db, is_long):
            async with db.write() as tx:
                call = await factories.call(tx, hold_ms=None, recording_file="call/一.wav")
                ticket = await factories.ticket(tx, of_call=call, values={"summary": "孩子"}, field_versions={"a": 1})
                if change:
                    call.phase, call.answered_at, call.talk_ms = "talking", factories.T0 + timedelta(seconds=1.5), 7
                    ticket.values, ticket.agent_id = {**ticket.values, "urgency": "high"}, None
                    ticket.version += 1
            async with db.read() as tx:
                written.append((await _raw(tx, "call", call.id), await _raw(tx, "ticket", ticket.id)))
    assert written[0] == written[1]


async def test_rows_are_read_as_sqlalchemy_reads_them(db: Database) -> None:
    async with db.write() as tx:
        ids = []
        for number in range(6):
            call = await factories.call(tx, caller_number=None if number else "13900000000")
            ids.append(call.linkedid)
            if number % 2:
                await factories.ticket(tx, of_call=call)
        await factories.agent(tx)

    async def read(tx: Tx) -> list[Any]:
        found: list[Any] = []
        for some in (ids[:0], ids[:1], ids[:3], ids):
            for call, ref, ticket in await tx.session.execute(_WITH_REF, {"linkedids": some}):
                fields = [getattr(call, attribute.key) for attribute in Call.__mapper__.column_attrs]
                found.append((fields, ref, ticket.values if ticket is not None else None))
        counted = (await tx.session.execute(_COUNTED, {"node": "pbx1"})).one()
        found.append(dict(counted._mapping))
        found.append(await tx.session.scalar(_BY_LINKEDID, {"linkedid": "nobody's"}))
        found.append(await tx.session.get(CallAlias, ("pbx1", "nobody's")))
        return found

    with statements(db):
        async with db.read() as tx:
            expected = await read(tx)
    async with db.read() as tx:
        assert await read(tx) == expected


async def test_a_row_is_one_object_however_it_is_asked_for(db: Database) -> None:
    async with db.write() as tx:
        call = await factories.call(tx)
    async with db.write() as tx:
        found = await tx.session.scalar(_BY_LINKEDID, {"linkedid": call.linkedid})
        found.phase = "talking"
        assert await tx.session.get(Call, call.id) is found
        assert await tx.session.scalar(select(Call).where(Call.phase == "talking")) is found  # what was changed is seen
        assert (await tx.session.scalars(_BY_LINKEDID, {"linkedid": call.linkedid})).one_or_none() is found


async def test_what_is_rolled_back_is_gone_from_row_and_object(db: Database) -> None:
    async with db.write() as tx:
        call = await factories.call(tx)
    async with db.write() as tx:
        found = await tx.session.get_one(Call, call.id)
        with pytest.raises(ZeroDivisionError):
            async with tx.session.begin_nested():
                found.phase = "talking"
                tx.session.add(Counter(name="inside", value=1))
                await tx.session.flush()
                raise ZeroDivisionError
        await tx.session.refresh(found)
        assert found.phase == "waiting"
        tx.session.add(Counter(name="after", value=1))
    async with db.read() as tx:
        assert list(await tx.session.scalars(select(Counter.name))) == ["after"]


async def test_refusals_are_sqlalchemys_and_say_no_values(db: Database) -> None:
    async with db.write() as tx:
        agent = await factories.agent(tx)
    with pytest.raises(IntegrityError) as refused:
        async with db.write() as tx:
            other = await factories.agent(tx, name="a child's name")
            other.extension = agent.extension
    assert "a child's name" not in str(refused.value)
    async with db.read() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(Agent)) == 1


async def test_a_change_of_a_row_that_is_gone_is_refused(db: Database) -> None:
    async with db.write() as tx:
        call = await factories.call(tx)
    with pytest.raises(StaleDataError):
        async with db.write() as tx:
            found = await tx.session.get_one(Call, call.id)
            await tx.session.execute(
                delete(Call).where(Call.id == call.id).execution_options(synchronize_session=False)
            )
            found.phase = "talking"
            await tx.session.flush()


async def test_values_that_are_expressions_go_the_long_way(db: Database) -> None:
    async with db.write() as tx:
        tx.session.add(Counter(name="n", value=1))
    async with db.write() as tx:
        row = await tx.session.get_one(Counter, "n")
        row.value = Counter.value + 41
    async with db.read() as tx:
        assert (await tx.session.get_one(Counter, "n")).value == 42


async def test_an_insert_that_is_built_once_goes_either_way(db: Database) -> None:
    for is_long in (True, False):
        with _long_way(db, is_long):
            async with db.write() as tx:
                counting: Any = tx.insert(Counter).values(name=bindparam("series"), value=1)
                counting = counting.on_conflict_do_update(index_elements=["name"], set_={"value": Counter.value + 1})
                counting = counting.returning(Counter.value)
                numbers = [(await tx.session.execute(counting, {"series": f"{is_long}"})).scalar_one() for _ in "123"]
                assert numbers == [1, 2, 3]
                several = tx.insert(Counter.__table__).on_conflict_do_nothing(index_elements=["name"])
                await tx.session.execute(several, [{"name": f"{is_long}", "value": 9}, {"name": "new", "value": 5}])
    async with db.read() as tx:
        rows = {row.name: row.value for row in await tx.session.scalars(select(Counter))}
    assert rows == {"True": 3, "False": 3, "new": 5}
