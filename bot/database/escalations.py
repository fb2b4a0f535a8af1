"""The record behind the queue: Redis may forget, this does not."""

from __future__ import annotations

import sqlalchemy as sa

from bot.database.types import Json, UtcTime, id_column, key_to, metadata

escalations = sa.Table(
    "escalations",
    metadata,
    id_column(),
    key_to("conversations.id", "conversation_id", nullable=False, index=True),
    sa.Column("status", sa.String(16), nullable=False),  # waiting, claimed, resolved, returned (to the bot), abandoned
    sa.Column("reason", sa.String(32), nullable=False),  # bot.messages.HandoffReason
    sa.Column("priority", sa.Integer, nullable=False),  # bot.escalations.routing.Priority, 0 low to 3 urgent
    sa.Column("skill", sa.String(40), nullable=False),  # topic and language, e.g. orders_zh
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("packet", Json, nullable=False),  # intents with confidence, slots, profile, churn risk with reasons
    sa.Column("left_message", sa.Boolean, nullable=False, default=False),  # nobody was there; the customer left a message
    key_to("agents.id", "agent_id", index=True),
    sa.Column("created_at", UtcTime, nullable=False),  # its place in the queue; survives a return to it
    sa.Column("claimed_at", UtcTime),
    sa.Column("first_reply_at", UtcTime),
    sa.Column("closed_at", UtcTime),
    sa.Index("ix_escalations_status_priority_created_at", "status", "priority", "created_at"),
    sa.Index(
        "uq_escalations_open",
        "conversation_id",
        unique=True,
        sqlite_where=sa.text("status IN ('waiting', 'claimed')"),
        postgresql_where=sa.text("status IN ('waiting', 'claimed')"),
    ),
)
