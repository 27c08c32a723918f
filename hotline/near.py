"""Sessions of a SQLite database, called where they are (docs/adr/0003), and short cuts to its driver.

From a statement to its rows SQLAlchemy needs some ten times what SQLite needs. A SELECT that is built once and given
its values apart is compiled once here, and so are the INSERT and UPDATE of each table's rows; objects, identity map and
savepoints stay SQLAlchemy's. What is not plain (lists of options, expressions as values, deletions) goes its own way,
and all does while somebody listens to the engine's statements.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn, cast

from sqlalchemy import Engine, Insert, event, inspect
from sqlalchemy.engine import IteratorResult
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.sql import ClauseElement

from hotline.plans import Entity, Plan, Plans

LOCK_WAIT_S = 15
_RETRY_S = 0.02


class _Found(list[Any]):
    """What `scalars` found, with the methods of its result that we use."""

    def all(self) -> list[Any]:
        return self

    def first(self) -> Any:
        return self[0] if self else None

    def one_or_none(self) -> Any:
        if len(self) > 1:
            raise MultipleResultsFound("more than one row was found")
        return self.first()

    def unique(self) -> "_Found":
        return _Found(dict.fromkeys(self))


class _Keeping(Session):
    """Holds every row that it has read, so that a second look in the same transaction costs nothing."""

    plans: Plans
    _raw: sqlite3.Connection | None = None

    @property
    def raw(self) -> sqlite3.Connection:
        """The driver's connection of this session's one transaction."""
        if self._raw is None:
            self._raw = cast(sqlite3.Connection, self.connection().connection.driver_connection)
        return self._raw

    def run(self, sql: str, values: Sequence[Any]) -> sqlite3.Cursor:
        try:
            return self.raw.execute(sql, values)
        except sqlite3.Error as error:
            self.fail(sql, error)

    def fail(self, sql: str, error: sqlite3.Error) -> NoReturn:
        """As SQLAlchemy raises it, without the values: they may be a child's words."""
        raise DBAPIError.instance(
            sql, None, error, sqlite3.Error, hide_parameters=True, dialect=self.plans.engine.dialect
        ) from error

    def flush(self, objects: Sequence[object] | None = None) -> None:
        if self.identity_map.check_modified() or self._new or self._deleted:
            work = None if objects or self._deleted or self.plans.is_watched else self._work()
            if work is None:
                super().flush()
            else:
                for sql, values in work:
                    if self.run(sql, values).rowcount != 1:
                        raise StaleDataError("a row that was changed is not there any more")
                self._register_persistent({*self._new, *self.identity_map._modified})

    def _work(self) -> list[tuple[str, list[Any]]] | None:
        """New rows in the order in which they were added, then changes. None: not plain."""
        work: list[tuple[str, list[Any]]] = []
        for state in self._new:
            table = self.plans.table(state.mapper)
            row = table.row(state.dict)
            if row is None:
                return None
            work.append((table.insert, row))
        for state in self.identity_map._modified:
            table, values, before = self.plans.table(state.mapper), state.dict, state.committed_state
            changed = tuple(
                key for key in table.update
                if key in before and not (key in values and _same(values[key], before[key]))
            )  # fmt: skip
            if not changed:
                continue
            if any(key not in values or key in table.keys or isinstance(values[key], ClauseElement) for key in changed):
                return None
            row = []
            for key in (*changed, *table.keys):
                convert, value = table.update[key][1], values[key]
                row.append(value if convert is None else convert(value))
            work.append((table.change(changed), row))
        return work

    def take(self, entity: Entity, row: Sequence[Any]) -> Any:
        """The object of a row: the one that is known by its key as it is, else a new one."""
        key = tuple(convert(row[place]) if convert is not None else row[place] for place, convert in entity.keys)
        if None in key:
            return None
        mapper = entity.mapper
        identity = (mapper.class_, key, None)
        known = self.identity_map.get(identity)
        if known is not None:
            return known
        found = mapper.class_manager.new_instance()
        state: Any = found._sa_instance_state
        values = state.dict
        for place, name, convert in entity.fields:
            value = row[place]
            values[name] = convert(value) if convert is not None else value
        state.key, state.session_id = identity, self.hash_key
        cast(Any, self.identity_map)._add_unpresent(state, identity)
        _keep(self, found)
        return found


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other))


@event.listens_for(_Keeping, "loaded_as_persistent")
@event.listens_for(_Keeping, "pending_to_persistent")
def _keep(session: Session, row: object) -> None:
    session.info.setdefault("kept", []).append(row)


class NearSession:
    """The methods of AsyncSession that we use, on a plain Session."""

    def __init__(self, engine: Engine, plans: Plans, *, autoflush: bool = True) -> None:
        self._session = _Keeping(engine, expire_on_commit=False, autoflush=autoflush)
        self._session.plans = plans
        self.add = self._session.add
        self.add_all = self._session.add_all
        self.expunge_all = self._session.expunge_all

    @property
    def identity_map(self) -> Any:
        return self._session.identity_map

    async def execute(self, statement: Any, given: Any = None, **options: Any) -> Any:
        if isinstance(given, list) and isinstance(statement, Insert) and given:
            plan = self._plan(statement, given[0], options)
            if plan is not None and not plan.parts and all(row.keys() == given[0].keys() for row in given):
                for row in given:
                    self._session.run(plan.sql, plan.values(row))
                return None
            return self._session.execute(statement, given, **options)
        plan = self._plan(statement, given, options)
        if plan is None:
            return self._session.execute(statement, given, **options)
        return IteratorResult(plan.names, iter(self._rows(plan, given)))

    async def scalars(self, statement: Any, given: Any = None, **options: Any) -> Any:
        plan = self._plan(statement, given, options)
        if plan is None:
            return self._session.scalars(statement, given, **options)
        return _Found(row[0] for row in self._rows(plan, given))

    async def scalar(self, statement: Any, given: Any = None, **options: Any) -> Any:
        plan = self._plan(statement, given, options)
        if plan is None:
            return self._session.scalar(statement, given, **options)
        return next((row[0] for row in self._rows(plan, given)), None)

    def _plan(self, statement: Any, given: Any, options: Any) -> Plan | None:
        """None: SQLAlchemy does it all."""
        session = self._session
        if not isinstance(given, Mapping) or options or session.plans.is_watched:
            return None
        plan = session.plans.of(statement, given)
        if plan is not None and session.autoflush and statement.get_execution_options().get("autoflush", True):
            session.flush()
        return plan

    def _rows(self, plan: Plan, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        session = self._session
        return [
            tuple(
                session.take(part, row) if isinstance(part, Entity)
                else row[part.place] if part.convert is None
                else part.convert(row[part.place])
                for part in plan.parts
            )
            for row in session.run(plan.sql, plan.values(given)).fetchall()
        ]  # fmt: skip

    async def get(self, kind: type[Any], key: Any, **options: Any) -> Any:
        session = self._session
        if options or session.plans.is_watched:
            return session.get(kind, key, **options)
        values = key if isinstance(key, tuple) else (key,)
        known = session.identity_map.get((kind, values, None))
        if known is None:
            given = {f"key{number}": value for number, value in enumerate(values)}
            return await self.scalar(session.plans.by_key(kind), given)
        return known if not inspect(known).expired else session.get(kind, key)

    async def get_one(self, kind: type[Any], key: Any, **options: Any) -> Any:
        found = await self.get(kind, key, **options)
        return found if found is not None else self._session.get_one(kind, key, **options)

    async def flush(self) -> None:
        self._session.flush()

    async def refresh(self, *args: Any, **options: Any) -> None:
        self._session.refresh(*args, **options)

    async def delete(self, instance: object) -> None:
        self._session.delete(instance)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        with self._session.begin_nested():
            self._session.connection()  # else SQLAlchemy would set the savepoint only when it is asked for something
            yield

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """BEGIN IMMEDIATE … COMMIT. While another process writes, others of ours go on."""
        try:
            await self._begin()
            yield
            self._session.commit()
        except BaseException:
            self._session.rollback()
            raise

    async def _begin(self) -> None:
        end = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                self._session.connection()
                return
            except OperationalError as error:
                self._session.rollback()
                if "locked" not in str(error.orig) or time.monotonic() > end:
                    raise
            await asyncio.sleep(_RETRY_S)

    async def __aenter__(self) -> AsyncSession:
        # Others' turn first: nothing in here ever waits. Not at the end, where the caller has something to tell.
        await asyncio.sleep(0)
        # Callers are written for the one; this has the same methods.
        return cast(AsyncSession, self)

    async def __aexit__(self, *_error: object) -> None:
        self._session.close()
