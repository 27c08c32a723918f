"""Outbound dial."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_27_outbound_dial"
down_revision = "2026_11_27_pen_and_legs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbound_dial",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("node", sa.String(length=16), nullable=False),
        sa.Column("linkedid", sa.String(length=64), nullable=True),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("line", sa.String(length=32), nullable=True),
        sa.Column("is_emergency", sa.Boolean(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=True),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("due_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_outbound_dial_agent_id_agent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound_dial")),
        sa.UniqueConstraint("node", "linkedid", name=op.f("uq_outbound_dial_node_linkedid")),
    )
    with op.batch_alter_table("outbound_dial", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbound_dial_at"), ["at"], unique=False)
        batch_op.create_index("ix_outbound_dial_agent", ["agent_id", "at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("outbound_dial", schema=None) as batch_op:
        batch_op.drop_index("ix_outbound_dial_agent")
        batch_op.drop_index(batch_op.f("ix_outbound_dial_at"))
    op.drop_table("outbound_dial")
