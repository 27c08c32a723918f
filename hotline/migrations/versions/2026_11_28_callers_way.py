"""A supervisor's word on the hours; what a caller wishes by key; call-backs to another number, or not safe."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_28_callers_way"
down_revision = "2026_11_28_leg_aside"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "opening_word",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("node", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_word")),
        sa.UniqueConstraint("at", "way", "by", name=op.f("uq_opening_word_at_way_by")),
    )
    with op.batch_alter_table("opening_word", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_opening_word_at"), ["at"], unique=False)

    with op.batch_alter_table("call", schema=None) as batch_op:
        batch_op.add_column(sa.Column("wish", sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column("origin_number", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("origin_order", sa.String(length=64), nullable=True))

    with op.batch_alter_table("due_work", schema=None) as batch_op:
        batch_op.add_column(sa.Column("number", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("is_safe", sa.Boolean(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("due_work", schema=None) as batch_op:
        batch_op.drop_column("is_safe")
        batch_op.drop_column("number")

    with op.batch_alter_table("call", schema=None) as batch_op:
        batch_op.drop_column("origin_order")
        batch_op.drop_column("origin_number")
        batch_op.drop_column("wish")

    with op.batch_alter_table("opening_word", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_opening_word_at"))

    op.drop_table("opening_word")
