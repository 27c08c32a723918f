"""Statements compiled once for SQLite's driver: what hotline.near runs. No statement is run here.

Uses insides of SQLAlchemy, whose version is locked: what a compiled statement knows of its values and columns.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, Insert, Select, bindparam, select
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.orm import Mapper, class_mapper
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

_MOST_PLANS = 1000  # statements are built once; whoever builds them anew each time must not fill the memory
Convert = Callable[[Any], Any] | None


class Entity(NamedTuple):
    """A mapped class in a SELECT: where its columns stand. `fields`: (place, attribute, conversion)."""

    mapper: Mapper[Any]
    keys: tuple[tuple[int, Convert], ...]
    fields: tuple[tuple[int, str, Convert], ...]


class Column(NamedTuple):
    place: int
    convert: Convert


class Plan:
    """A statement ready to run. `given`: the names of its values, and how long those are that are lists."""

    def __init__(self, statement: Any, dialect: Dialect, given: Mapping[str, int | None]) -> None:
        compiled: Any
        if isinstance(statement, Select):
            shape = {name: None if length is None else [None] * length for name, length in given.items()}
            shaped = statement.params(shape)
            compiled = shaped.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        else:
            # For many rows: the database is not asked for the keys that it made.
            columns = list(given) if statement._values is None else None
            compiled = statement.compile(dialect=dialect, column_keys=columns, for_executemany=True)
            if compiled.insert_prefetch or compiled.update_prefetch:
                raise LookupError("columns have defaults that SQLAlchemy fills in")
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
        described = (
            statement.column_descriptions if isinstance(statement, Select) else statement.returning_column_descriptions
        )
        self.parts = _parts(described, compiled._result_columns, dialect)
        self.names = SimpleResultMetaData([column["name"] for column in described])

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


def _parts(described: Sequence[Any], columns: Sequence[Any], dialect: Dialect) -> list[Entity | Column]:
    parts: list[Entity | Column] = []
    place = 0
    for one in described:
        kind = one["expr"]
        mapper = getattr(kind, "__mapper__", None)
        if mapper is None or not isinstance(kind, type):
            parts.append(Column(place, _from(columns[place].type, dialect)))
            place += 1
            continue
        of = {column: attribute.key for attribute in mapper.column_attrs for column in attribute.columns}
        fields = []
        for number in range(place, place + len(of)):
            found = next((column for column in columns[number].objects if column in of), None)
            if found is None:
                raise LookupError("a column is not of the class that it stands for")
            fields.append((number, of[found], _from(columns[number].type, dialect)))
        at = {key: (number, convert) for number, key, convert in fields}
        keys = tuple(at[of[column]] for column in mapper.primary_key)
        parts.append(Entity(mapper, keys, tuple(fields)))
        place += len(of)
    if place != len(columns):
        raise LookupError("the statement's columns are not those that it describes")
    return parts


class Table:
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
        self._statements: dict[int, tuple[Any, dict[tuple[int, ...], Plan | None]]] = {}
        self._tables: dict[Mapper[Any], Table] = {}
        self._by_key: dict[type[Any], Select[Any]] = {}

    @property
    def is_watched(self) -> bool:
        """Somebody counts statements: then all go the long way."""
        return bool(self.engine.dispatch.before_cursor_execute)

    def of(self, statement: object, given: Mapping[str, Any]) -> Plan | None:
        """None where the statement is not plain."""
        known = self._statements.get(id(statement))
        if known is None:
            if not isinstance(statement, Select | Insert) or len(self._statements) >= _MOST_PLANS:
                return None
            known = self._statements[id(statement)] = (statement, {})  # kept, so that its id stays its own
        # Lengths in powers of two: few texts for lists of any length.
        lists = {
            name: 1 << (len(value) - 1).bit_length() if value else 0
            for name, value in given.items() if isinstance(value, list)
        }  # fmt: skip
        lengths = tuple(lists.values())
        if lengths not in known[1]:
            known[1][lengths] = self._plan(known[0], {**dict.fromkeys(given), **lists})
        return known[1][lengths]

    def _plan(self, statement: Any, given: Mapping[str, int | None]) -> Plan | None:
        if set(statement.get_execution_options()) - {"autoflush"} or statement._with_options:
            return None
        try:
            return Plan(statement, self.engine.dialect, given)
        except LookupError:
            return None

    def by_key(self, kind: type[Any]) -> Select[Any]:
        """The SELECT of one row by its key, as `key0`, `key1`, …"""
        if kind not in self._by_key:
            mapper: Mapper[Any] = class_mapper(kind)
            named = (column == bindparam(f"key{n}") for n, column in enumerate(mapper.primary_key))
            self._by_key[kind] = select(kind).where(*named).execution_options(autoflush=False)
        return self._by_key[kind]

    def table(self, mapper: Mapper[Any]) -> Table:
        known = self._tables.get(mapper)
        if known is None:
            known = self._tables[mapper] = Table(mapper, self.engine.dialect)
        return known
