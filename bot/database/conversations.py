"""Tables of threads, conversations, messages, turns and effects."""

from __future__ import annotations

import sqlalchemy as sa

from bot.database.types import Json, UtcTime, id_column, key_to, metadata

inboxes = sa.Table(
    "inboxes",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("name", sa.String(120), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
)

threads = sa.Table(
    "threads",
    metadata,
    id_column(),
    sa.Column("inbox_id", sa.String(64), sa.ForeignKey("inboxes.id"), nullable=False),
    sa.Column("channel_user", sa.String(128), nullable=False),
    key_to("customers.id", "customer_id", index=True),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.UniqueConstraint("inbox_id", "channel_user"),
)

conversations = sa.Table(
    "conversations",
    metadata,
    id_column(),
    key_to("threads.id", "thread_id", nullable=False, index=True),
    sa.Column("status", sa.String(16), nullable=False),  # bot, waiting, agent, resolved
    sa.Column("epoch", sa.Integer, nullable=False),  # grows with each change of owner
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("last_seq", sa.Integer, nullable=False, default=0),
    sa.Column("customer_seq", sa.Integer, nullable=False, default=0),  # the customer's last message
    sa.Column("answered_seq", sa.Integer, nullable=False, default=0),  # up to here the bot has answered
    sa.Column("tracker_seq", sa.Integer, nullable=False, default=0),  # events that Rasa's tracker holds
    sa.Column("effect_count", sa.Integer, nullable=False, default=0),
    key_to("agents.id", "agent_id", index=True),
    sa.Column("csat", sa.String(16), nullable=False, default=""),  # "", asked, answered, skipped
    sa.Column("page", sa.String(500), nullable=False, default=""),  # where the widget was opened
    sa.Column("caller", sa.String(36), nullable=False, default="", server_default=""),  # the network last written from, as a keyed hash
    sa.Column("turn_owner", sa.String(36)),  # who computes the bot's answer now, and until when
    sa.Column("turn_until", UtcTime),
    sa.Column("turn_since", UtcTime),  # since when the oldest unanswered message waits for Rasa
    sa.Column("noticed_seq", sa.Integer, nullable=False, default=0),  # "one moment please" was said for this message
    sa.Column(
        "reminded_seq", sa.Integer, nullable=False, default=0, server_default="0"
    ),  # the silent customer was reminded after this message
    sa.Column("customer_read_seq", sa.Integer, nullable=False, default=0, server_default="0"),  # the customer has seen up to here
    sa.Column("agent_read_seq", sa.Integer, nullable=False, default=0, server_default="0"),  # an agent has
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("resolved_at", UtcTime),
    sa.Index("ix_conversations_status_updated_at", "status", "updated_at"),
)

messages = sa.Table(
    "messages",
    metadata,
    id_column(),
    key_to("threads.id", "thread_id", nullable=False),
    key_to("conversations.id", "conversation_id", nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("sender", sa.String(16), nullable=False),  # customer, bot, agent, system
    key_to("agents.id", "agent_id"),
    sa.Column("client_id", sa.String(64)),  # the client's or channel's own id: sending again stores nothing twice
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("payload", Json, nullable=False),  # bot.messages.Content beyond the text
    sa.Column("language", sa.String(8), nullable=False, default=""),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.UniqueConstraint("conversation_id", "seq"),
    sa.UniqueConstraint("thread_id", "client_id"),
)

transitions = sa.Table(
    "transitions",
    metadata,
    id_column(),
    key_to("conversations.id", "conversation_id", nullable=False, index=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("from_status", sa.String(16), nullable=False),
    sa.Column("to_status", sa.String(16), nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),  # customer, bot, worker, agent:<id>
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
)

turns = sa.Table(
    "turns",  # what Rasa answered to one message; asked again, it gives the same
    metadata,
    key_to("conversations.id", "conversation_id", primary_key=True),
    sa.Column("message_id", sa.String(36), primary_key=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("result", Json, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
)

tracker_events = sa.Table(
    "tracker_events",
    metadata,
    key_to("conversations.id", "conversation_id", primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("event", Json, nullable=False),
)

effects = sa.Table(
    "effects",  # what an action did to the world, once for each (conversation, message, action)
    metadata,
    key_to("conversations.id", "conversation_id", primary_key=True),
    sa.Column("message_id", sa.String(36), primary_key=True),
    sa.Column("action", sa.String(64), primary_key=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # pending, done, failed
    sa.Column("summary", Json, nullable=False),  # key and values of the sentence that tells an agent what was done
    sa.Column("result", Json, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False, default=False),  # the customer's reply about it was stored
    sa.Column("created_at", UtcTime, nullable=False),
)

proof_attempts = sa.Table(
    "proof_attempts",  # an anonymous visitor proves an order by its number and the phone's last four digits
    metadata,
    id_column(),
    key_to("threads.id", "thread_id", nullable=False, index=True),
    sa.Column("order_number", sa.String(40), nullable=False, index=True),
    sa.Column("succeeded", sa.Boolean, nullable=False),
    sa.Column("shop_customer_id", sa.String(64)),  # the proven order's owner at the shop
    sa.Column("caller", sa.String(36), nullable=False, default="", server_default=""),  # `Who.caller`
    sa.Column("created_at", UtcTime, nullable=False, index=True),
)

feedback = sa.Table(
    "feedback",
    metadata,
    key_to("conversations.id", "conversation_id", primary_key=True),
    sa.Column("csat", sa.Integer, nullable=False),  # 1 to 5
    sa.Column("comment", sa.Text, nullable=False, default=""),
    sa.Column("created_at", UtcTime, nullable=False),
)
