"""Alembic's entry: runs migrations on the connection that hotline.migrate hands over, inside its transaction."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from hotline.db import Base
from hotline.engine import Instant

# SQLite's own DDL is transactional; Alembic's default is not to trust it with sqlite3's late BEGIN, which we replace.
OPTIONS: dict[str, Any] = {"render_as_batch": True, "compare_type": True, "transactional_ddl": True}


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Migrations outlive our classes: an Instant is written down as what it is in the database."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Instant) else False


def run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Base.metadata,
        on_version_apply=context.config.attributes.get("applied"),
        render_item=render_item,
        **OPTIONS,
    )
    context.run_migrations()


run()
