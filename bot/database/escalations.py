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
    sa.Column("place_at", UtcTime, nullable=False),  # what orders the queue: created_at, earlier by priority (bot.escalations.routing)
    sa.Column("reserved_for", sa.String(36)),  # the agent who is asked first, until
    sa.Column("reserved_until", UtcTime, index=True),
    sa.Column("returns", sa.Integer, nullable=False, default=0, server_default="0"),  # came back because its agent did not write
    sa.Column("owed_since", UtcTime),  # the customer's oldest message that no person has answered
    sa.Column("estimated_position", sa.Integer),  # what the customer was told on entering; reports compare it with first_claimed_at
    sa.Column("estimated_wait_s", sa.Integer),
    sa.Column("long_wait_told", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("claimed_at", UtcTime),
    sa.Column("first_claimed_at", UtcTime),  # the end of the first wait
    sa.Column("first_reply_at", UtcTime),
    sa.Column("closed_at", UtcTime),
    sa.Index("ix_escalations_status_place_at", "status", "place_at"),
    sa.Index(
        "uq_escalations_open",
        "conversation_id",
        unique=True,
        sqlite_where=sa.text("status IN ('waiting', 'claimed')"),
        postgresql_where=sa.text("status IN ('waiting', 'claimed')"),
    ),
)

escalation_skips = sa.Table(
    "escalation_skips",  # agents to whom an escalation is not given again, since they let it wait or passed it on
    metadata,
    key_to("escalations.id", "escalation_id", primary_key=True),
    key_to("agents.id", "agent_id", primary_key=True, index=True),
    sa.Column("reason", sa.String(32), nullable=False),  # no_first_reply, transferred
    sa.Column("created_at", UtcTime, nullable=False),
)

sla_clocks = sa.Table(
    "sla_clocks",  # one promise in time each: to answer first, to answer next, to resolve
    metadata,
    id_column(),
    key_to("escalations.id", "escalation_id", nullable=False, index=True),
    sa.Column("target", sa.String(16), nullable=False),  # first_response, next_response, resolution
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("warn_at", UtcTime, nullable=False),
    sa.Column("due_at", UtcTime, nullable=False),  # in business hours
    sa.Column("warned_at", UtcTime),
    sa.Column("met_at", UtcTime),
    sa.Column("breached", sa.Boolean, nullable=False, default=False),  # reports count these
    sa.Index("ix_sla_clocks_met_at_warn_at", "met_at", "warn_at"),
)
