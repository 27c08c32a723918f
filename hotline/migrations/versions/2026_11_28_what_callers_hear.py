"""Own prompts, and callers who cannot speak."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_28_what_callers_hear"
down_revision = "2026_11_28_callers_way"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prompt_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prompt_id", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("made", sa.String(length=10), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("narrow", sa.LargeBinary(), nullable=False),
        sa.Column("wide", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_version")),
        sa.UniqueConstraint("prompt_id", "number", name=op.f("uq_prompt_version_prompt_id_number")),
    )
    op.create_table(
        "prompt_choice",
        sa.Column("prompt_id", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("prompt_id", name=op.f("pk_prompt_choice")),
    )
    op.create_table(
        "silent_switch",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_silent_switch_call_id_call")),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_silent_switch")),
    )


def downgrade() -> None:
    for table in ("silent_switch", "prompt_choice", "prompt_version"):
        op.drop_table(table)
