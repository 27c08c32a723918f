"""Phone health."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_27_phone_health"
down_revision = "2026_11_27_recording_state"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("agent", schema=None) as batch_op:
        batch_op.add_column(sa.Column("silences", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("silent_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("sound", sa.String(length=4), nullable=True))
        batch_op.add_column(sa.Column("outside_number", sa.String(length=32), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("agent", schema=None) as batch_op:
        batch_op.drop_column("outside_number")
        batch_op.drop_column("sound")
        batch_op.drop_column("silent_at")
        batch_op.drop_column("silences")
