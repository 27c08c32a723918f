"""Sessions of a SQLite database, called where they are (docs/adr/0003), and short cuts to its driver.

From a statement to its rows SQLAlchemy needs some ten times what SQLite needs. A SELECT that is built once and given
its values apart is compiled once here, and so are the INSERT and UPDATE of each table's rows; objects, identity map and
savepoints stay SQLAlchemy's. What is not plain (lists of options, expressions as values, deletions) goes its own way,
and all does while somebody listens to the engine's statements.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, NoReturn, cast

from sqlalchemy import Engine, Select, bindparam, event, inspect, select
from sqlalchemy.engine import Dialect, IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper, Session, class_mapper
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

LOCK_WAIT_S = 15
_RETRY_S = 0.02
_MOST_PLANS = 1000  # statements are built once; whoever builds them anew each time must not fill the memory
Convert = Callable[[Any], Any] | None


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


class _Entity(NamedTuple):
    """A mapped class in a SELECT: where its columns stand. `fields`: (place, attribute, conversion)."""

    mapper: Mapper[Any]
    keys: tuple[tuple[int, Convert], ...]
    fields: tuple[tuple[int, str, Convert], ...]


class _Column(NamedTuple):
    place: int
    convert: Convert


class _Plan:
    """A SELECT ready to run. `given`: the names of its values, and how long those are that are lists."""

    def __init__(self, statement: Select[Any], dialect: Dialect, given: Mapping[str, int | None]) -> None:
        shape = {name: None if length is None else [None] * length for name, length in given.items()}
        shaped = statement.params(shape)
        compiled: Any = shaped.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self.sql = str(compiled)
        state = compiled._post_compile_expanded_state
        expanded = {
            one: (name, number)
            for name, ones in (state.parameter_expansion if state is not None else {}).items()
            for number, one in enumerate(ones)
        }
        self.binds: list[tuple[str, int | None, Convert, Any]] = []
        for one in compiled.positiontup or ():
            name, number = expanded.get(one, (one, None))
            bind = compiled.binds[name]
            self.binds.append((name, number, _to(bind.type, dialect), bind.effective_value))
        self.parts = _parts(statement, compiled._result_columns, dialect)
        self.names = SimpleResultMetaData([column["name"] for column in statement.column_descriptions])

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """In the order of their places."""
        values = []
        for name, number, convert, fixed in self.binds:
            value = given.get(name, fixed)
            if number is not None:
                value = value[min(number, len(value) - 1)]  # filled up with its last one
            values.append(convert(value) if convert is not None else value)
        return values


def _to(kind: TypeEngine[Any], dialect: Dialect) -> Convert:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _from(kind: TypeEngine[Any], dialect: Dialect) -> Convert:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _parts(statement: Select[Any], columns: Sequence[Any], dialect: Dialect) -> list[_Entity | _Column]:
    parts: list[_Entity | _Column] = []
    place = 0
    for described in statement.column_descriptions:
        kind = described["expr"]
        mapper = getattr(kind, "__mapper__", None)
        if mapper is None or not isinstance(kind, type):
            parts.append(_Column(place, _from(columns[place].type, dialect)))
            place += 1
            continue
        of = {column: attribute.key for attribute in mapper.column_attrs for column in attribute.columns}
        fields = []
        for number in range(place, place + len(of)):
            found = next((one for one in columns[number].objects if one in of), None)
            if found is None:
                raise LookupError("a column is not of the class that it stands for")
            fields.append((number, of[found], _from(columns[number].type, dialect)))
        at = {key: (number, convert) for number, key, convert in fields}
        keys = tuple(at[of[column]] for column in mapper.primary_key)
        parts.append(_Entity(mapper, keys, tuple(fields)))
        place += len(of)
    if place != len(columns):
        raise LookupError("the statement's columns are not those that it describes")
    return parts


class _Table:
    """How rows of one mapped class are written. `columns`: (attribute, conversion, default, keeps None)."""

    def __init__(self, mapper: Mapper[Any], dialect: Dialect) -> None:
        table: Any = mapper.local_table
        quote = dialect.identifier_preparer.quote
        self.name = quote(table.name)
        self.columns: list[tuple[str, Convert, Any, bool, bool]] = []
        self.update: dict[str, tuple[str, Convert]] = {}
        names = []
        for attribute in mapper.column_attrs:
            column: Any = attribute.columns[0]
            convert = _to(column.type, dialect)
            serves_itself = column.default is None and column.server_default is not None
            keeps_none = column.type.should_evaluate_none
            self.columns.append((attribute.key, convert, column.default, keeps_none, serves_itself))
            self.update[attribute.key] = (quote(column.name), convert)
            names.append(quote(column.name))
        self.keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
        places = ", ".join("?" * len(names))
        self.insert = f"INSERT INTO {self.name} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - our own names
        self._updates: dict[tuple[str, ...], str] = {}

    def row(self, values: dict[str, Any]) -> list[Any] | None:
        """A new row, its defaults filled into `values` too; None if that is for SQLAlchemy to do."""
        row = []
        for key, convert, default, keeps_none, serves_itself in self.columns:
            value = values.get(key)
            if value is None and not (keeps_none and key in values):
                if serves_itself or (default is not None and not (default.is_scalar or default.is_callable)):
                    return None
                if default is not None:
                    value = default.arg if default.is_scalar else default.arg(None)
                values[key] = value
                row.append(value if convert is None or value is None else convert(value))
            elif isinstance(value, ClauseElement):
                return None
            else:
                row.append(value if convert is None else convert(value))
        return None if any(values[key] is None for key in self.keys) else row

    def change(self, keys: tuple[str, ...]) -> str:
        known = self._updates.get(keys)
        if known is None:
            changes = ", ".join(f"{self.update[key][0]}=?" for key in keys)
            where = " AND ".join(f"{self.update[key][0]} = ?" for key in self.keys)
            known = self._updates[keys] = f"UPDATE {self.name} SET {changes} WHERE {where}"  # noqa: S608
        return known


class Plans:
    """What one engine has compiled so far."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._selects: dict[int, tuple[Select[Any], dict[tuple[int, ...], _Plan | None]]] = {}
        self._tables: dict[Mapper[Any], _Table] = {}
        self._by_key: dict[type[Any], Select[Any]] = {}

    @property
    def is_watched(self) -> bool:
        """Somebody counts statements: then all go the long way."""
        return bool(self.engine.dispatch.before_cursor_execute)

    def of(self, statement: object, given: Mapping[str, Any]) -> _Plan | None:
        """None where the statement is not plain."""
        known = self._selects.get(id(statement))
        if known is None:
            if not isinstance(statement, Select) or len(self._selects) >= _MOST_PLANS:
                return None
            known = self._selects[id(statement)] = (statement, {})  # kept, so that its id stays its own
        # Lengths in powers of two: few texts for lists of any length.
        lists = {
            name: 1 << (len(value) - 1).bit_length() if value else 0
            for name, value in given.items() if isinstance(value, list)
        }  # fmt: skip
        lengths = tuple(lists.values())
        if lengths not in known[1]:
            known[1][lengths] = self._plan(known[0], {**dict.fromkeys(given), **lists})
        return known[1][lengths]

    def _plan(self, statement: Select[Any], given: Mapping[str, int | None]) -> _Plan | None:
        if set(statement.get_execution_options()) - {"autoflush"} or statement._with_options:
            return None
        try:
            return _Plan(statement, self.engine.dialect, given)
        except LookupError:
            return None

    def by_key(self, kind: type[Any]) -> Select[Any]:
        """The SELECT of one row by its key, as `key0`, `key1`, …"""
        if kind not in self._by_key:
            mapper: Mapper[Any] = class_mapper(kind)
            named = (column == bindparam(f"key{n}") for n, column in enumerate(mapper.primary_key))
            self._by_key[kind] = select(kind).where(*named).execution_options(autoflush=False)
        return self._by_key[kind]

    def table(self, mapper: Mapper[Any]) -> _Table:
        known = self._tables.get(mapper)
        if known is None:
            known = self._tables[mapper] = _Table(mapper, self.engine.dialect)
        return known


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

    def take(self, entity: _Entity, row: Sequence[Any]) -> Any:
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

    def _plan(self, statement: Any, given: Any, options: Any) -> _Plan | None:
        """None: SQLAlchemy does it all."""
        session = self._session
        if not isinstance(given, Mapping) or options or session.plans.is_watched:
            return None
        plan = session.plans.of(statement, given)
        if plan is not None and session.autoflush and statement.get_execution_options().get("autoflush", True):
            session.flush()
        return plan

    def _rows(self, plan: _Plan, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        session = self._session
        return [
            tuple(
                session.take(part, row) if isinstance(part, _Entity)
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
