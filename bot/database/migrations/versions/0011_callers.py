"""From which network a conversation is held and an order was to be proven, as a keyed hash; wrong tries by time"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("conversations", "proof_attempts"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("caller", sa.String(length=36), server_default="", nullable=False))
    op.create_index(op.f("ix_proof_attempts_created_at"), "proof_attempts", ["created_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_proof_attempts_created_at"), table_name="proof_attempts")
    for table in ("proof_attempts", "conversations"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("caller")
