"""An agent's last talk is found without sorting all of theirs."""

from alembic import op

revision = "2026_11_28_latest_offer"
down_revision = "2026_11_27_pbx_turn"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("call_offer", schema=None) as batch_op:
        batch_op.create_index("ix_call_offer_latest", ["agent_id", "rang_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("call_offer", schema=None) as batch_op:
        batch_op.drop_index("ix_call_offer_latest")
