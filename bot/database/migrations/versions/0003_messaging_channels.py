"""Messaging channels"""

import sqlalchemy as sa
from alembic import op

from bot.database.types import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_threads",
        sa.Column("thread_id", sa.String(length=36), nullable=False),
        sa.Column("inbox_id", sa.String(length=64), nullable=False),
        sa.Column("next_at", UtcTime(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=True),
        sa.Column("owned_until", UtcTime(), nullable=True),
        sa.Column("customer_at", UtcTime(), nullable=False),
        sa.Column("quota_used", sa.Integer(), nullable=False),
        sa.Column("reply_token", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["inbox_id"], ["inboxes.id"], name=op.f("fk_channel_threads_inbox_id")),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_channel_threads_thread_id")),
        sa.PrimaryKeyConstraint("thread_id", name=op.f("pk_channel_threads")),
    )
    op.create_index(op.f("ix_channel_threads_next_at"), "channel_threads", ["next_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("thread_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("inbox_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("bundle_id", sa.String(length=36), nullable=True),
        sa.Column("parts_sent", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("vendor_id", sa.String(length=128), nullable=True),
        sa.Column("receipt", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("sent_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_outbox_conversation_id")),
        sa.ForeignKeyConstraint(["inbox_id"], ["inboxes.id"], name=op.f("fk_outbox_inbox_id")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_outbox_message_id")),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_outbox_thread_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_conversation_id"), "outbox", ["conversation_id"], unique=False)
    op.create_index("ix_outbox_thread_id_state", "outbox", ["thread_id", "state"], unique=False)
    op.create_index("ix_outbox_inbox_id_vendor_id", "outbox", ["inbox_id", "vendor_id"], unique=False)
    op.create_table(
        "channel_tokens",
        sa.Column("inbox_id", sa.String(length=64), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", UtcTime(), nullable=True),
        sa.Column("refreshing_until", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["inbox_id"], ["inboxes.id"], name=op.f("fk_channel_tokens_inbox_id")),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_channel_tokens")),
    )
    op.create_table(
        "channel_cursors",
        sa.Column("inbox_id", sa.String(length=64), nullable=False),
        sa.Column("cursor", sa.String(length=500), nullable=False),
        sa.Column("signal", sa.String(length=255), nullable=False),
        sa.Column("signalled_at", UtcTime(), nullable=True),
        sa.Column("owned_until", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["inbox_id"], ["inboxes.id"], name=op.f("fk_channel_cursors_inbox_id")),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_channel_cursors")),
    )
