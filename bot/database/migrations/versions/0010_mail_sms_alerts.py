"""Customers who want no more messages; group robots of the staff"""

import sqlalchemy as sa
from alembic import op

from bot.database.types import UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("channel_threads", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stopped", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "alert_robots",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("told_at", UtcTime(), nullable=False),
        sa.Column("next_at", UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("owned_until", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_alert_robots")),
    )


def downgrade() -> None:
    op.drop_table("alert_robots")
    with op.batch_alter_table("channel_threads", schema=None) as batch_op:
        batch_op.drop_column("stopped")
