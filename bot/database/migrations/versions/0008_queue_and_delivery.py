"""Queue and delivery"""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

from bot.database.types import UtcTime

revision = "0008"
down_revision = "0004"
branch_labels = None
depends_on = None

AGEING = timedelta(minutes=15)  # of one step of priority, as routing.yml has it when this is written


def upgrade() -> None:
    with op.batch_alter_table("escalations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("place_at", UtcTime(), server_default="1970-01-01 00:00:00", nullable=False))
        batch_op.add_column(sa.Column("reserved_for", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("reserved_until", UtcTime(), nullable=True))
        batch_op.add_column(sa.Column("returns", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("owed_since", UtcTime(), nullable=True))
        batch_op.add_column(sa.Column("estimated_position", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("estimated_wait_s", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("long_wait_told", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("first_claimed_at", UtcTime(), nullable=True))
        batch_op.create_index(batch_op.f("ix_escalations_reserved_until"), ["reserved_until"], unique=False)
        batch_op.drop_index("ix_escalations_status_priority_created_at")
        batch_op.create_index("ix_escalations_status_place_at", ["status", "place_at"], unique=False)
    _place_those_who_wait()

    op.create_table(
        "escalation_skips",
        sa.Column("escalation_id", sa.String(length=36), nullable=False),
        sa.Column("agent_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_escalation_skips_agent_id")),
        sa.ForeignKeyConstraint(["escalation_id"], ["escalations.id"], name=op.f("fk_escalation_skips_escalation_id")),
        sa.PrimaryKeyConstraint("escalation_id", "agent_id", name=op.f("pk_escalation_skips")),
    )
    with op.batch_alter_table("escalation_skips", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_escalation_skips_agent_id"), ["agent_id"], unique=False)

    op.create_table(
        "sla_clocks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("escalation_id", sa.String(length=36), nullable=False),
        sa.Column("target", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("warn_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("warned_at", UtcTime(), nullable=True),
        sa.Column("met_at", UtcTime(), nullable=True),
        sa.Column("breached", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["escalation_id"], ["escalations.id"], name=op.f("fk_sla_clocks_escalation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_clocks")),
    )
    with op.batch_alter_table("sla_clocks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sla_clocks_escalation_id"), ["escalation_id"], unique=False)
        batch_op.create_index("ix_sla_clocks_met_at_warn_at", ["met_at", "warn_at"], unique=False)

    with op.batch_alter_table("agents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("presence", sa.String(length=16), server_default="online", nullable=False))
        batch_op.add_column(sa.Column("last_claimed_at", UtcTime(), nullable=True))

    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reminded_seq", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("customer_read_seq", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("agent_read_seq", sa.Integer(), server_default="0", nullable=False))


def _place_those_who_wait() -> None:
    """Give every escalation its place; the order of those who wait now is that of the new rule."""
    escalations = sa.table(
        "escalations",
        sa.column("id", sa.String),
        sa.column("status", sa.String),
        sa.column("priority", sa.Integer),
        sa.column("created_at", UtcTime),
        sa.column("place_at", UtcTime),
        sa.column("claimed_at", UtcTime),
        sa.column("first_claimed_at", UtcTime),
    )
    connection = op.get_bind()
    connection.execute(sa.update(escalations).values(place_at=escalations.c.created_at, first_claimed_at=escalations.c.claimed_at))
    query = sa.select(escalations.c.id, escalations.c.priority, escalations.c.created_at)
    for row in connection.execute(query.where(escalations.c.status.in_(["waiting", "claimed"]))).all():
        place = sa.update(escalations).where(escalations.c.id == row.id)
        connection.execute(place.values(place_at=row.created_at - row.priority * AGEING))
