"""Tables of messaging channels: what is to be sent, how each thread's sending stands, access tokens, media."""

from __future__ import annotations

import sqlalchemy as sa

from bot.database.types import UtcTime, id_column, key_to, metadata

channel_threads = sa.Table(
    "channel_threads",  # one row a thread that is not the website's: its place in sending, and what its channel still allows
    metadata,
    key_to("threads.id", "thread_id", primary_key=True),
    sa.Column("inbox_id", sa.String(64), sa.ForeignKey("inboxes.id"), nullable=False),
    sa.Column("next_at", UtcTime, index=True),  # when something is to be sent; null: nothing is
    sa.Column("held", sa.Boolean, nullable=False, default=False),  # something waits for the customer's next message
    sa.Column("owner", sa.String(36)),  # who sends now, and until when
    sa.Column("owned_until", UtcTime),
    sa.Column("customer_at", UtcTime, nullable=False),  # the customer's last message: windows and quotas count from it
    sa.Column("quota_used", sa.Integer, nullable=False, default=0),  # vendor calls since then
    sa.Column("reply_token", sa.String(255), nullable=False, default=""),  # good for one answer, for a short time; a mail's id and subject
    sa.Column("stopped", sa.Boolean, nullable=False, default=False, server_default=sa.false()),  # the customer wants no more messages
)

outbox = sa.Table(
    "outbox",  # one row for each message that a channel is to deliver, written in the message's own transaction
    metadata,
    key_to("messages.id", "message_id", primary_key=True),
    key_to("threads.id", "thread_id", nullable=False),
    key_to("conversations.id", "conversation_id", nullable=False, index=True),
    sa.Column("inbox_id", sa.String(64), sa.ForeignKey("inboxes.id"), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # pending, sent, skipped, dead
    sa.Column("reason", sa.String(32), nullable=False, default=""),  # why it is dead, or waits: bot.channels.base.REASONS
    sa.Column("bundle_id", sa.String(36)),  # messages sent together; the id of the first
    sa.Column("parts_sent", sa.Integer, nullable=False, default=0),  # of the bundle's text, on its first row
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("vendor_id", sa.String(128)),  # the channel's own id of the last part
    sa.Column("receipt", sa.String(16), nullable=False, default=""),  # delivered, read, failed
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("sent_at", UtcTime),
    sa.Index("ix_outbox_thread_id_state", "thread_id", "state"),
    sa.Index("ix_outbox_inbox_id_vendor_id", "inbox_id", "vendor_id"),
)

channel_tokens = sa.Table(
    "channel_tokens",  # access tokens that vendors lend us; one process refreshes, all use them
    metadata,
    sa.Column("inbox_id", sa.String(64), sa.ForeignKey("inboxes.id"), primary_key=True),
    sa.Column("token", sa.LargeBinary),  # encrypted by bot.crypto with "channel_tokens.token" as associated data
    sa.Column("expires_at", UtcTime),
    sa.Column("refreshing_until", UtcTime),
)

channel_cursors = sa.Table(
    "channel_cursors",  # how far a channel that is pulled has been read
    metadata,
    sa.Column("inbox_id", sa.String(64), sa.ForeignKey("inboxes.id"), primary_key=True),
    sa.Column("cursor", sa.String(500), nullable=False),  # stored is everything before it
    sa.Column("signal", sa.String(255), nullable=False),  # what the vendor's last call said, good for the next pull
    sa.Column("signalled_at", UtcTime),  # there is something to pull; null: nothing is
    sa.Column("owned_until", UtcTime),  # somebody pulls
)

media = sa.Table(
    "media",  # one row for each file that came with a customer's message: fetched once from its channel
    metadata,
    id_column(),
    key_to("messages.id", "message_id", nullable=False),
    sa.Column("inbox_id", sa.String(64), sa.ForeignKey("inboxes.id"), nullable=False),
    sa.Column("place", sa.Integer, nullable=False),  # among the message's attachments
    sa.Column("kind", sa.String(16), nullable=False),  # bot.messages.Kind, as the channel says
    sa.Column("ref", sa.String(1000), nullable=False),  # what the channel gives it out for
    sa.Column("state", sa.String(16), nullable=False),  # due, kept, failed
    sa.Column("reason", sa.String(32), nullable=False, default=""),  # why it failed, or is tried again: bot.channels.loss.Loss
    sa.Column("mime", sa.String(100), nullable=False, default=""),  # by its content
    sa.Column("size", sa.Integer, nullable=False, default=0),  # bytes
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("next_at", UtcTime, index=True),  # when it is to be fetched, or its owner's lease is over; null: never
    sa.Column("owner", sa.String(36)),  # who fetches it now
    sa.Column("created_at", UtcTime, nullable=False),
    sa.UniqueConstraint("message_id", "place"),
)

media_parts = sa.Table(
    "media_parts",  # a file's bytes, in pieces so that nobody needs the memory for many whole files
    metadata,
    key_to("media.id", "media_id", primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),  # encrypted by bot.crypto with "media_parts.data" as associated data
)

link_tokens = sa.Table(
    "link_tokens",  # links with which a channel's customer says at the company's page who they are; each is good once
    metadata,
    id_column(),
    key_to("threads.id", "thread_id", nullable=False, index=True),
    sa.Column("actor", sa.String(64), nullable=False),  # who has sent it: bot, agent:<id>
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("used_at", UtcTime),
)

alert_robots = sa.Table(
    "alert_robots",  # what each group robot of the staff has been told
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("told_at", UtcTime, nullable=False),  # everything until then
    sa.Column("next_at", UtcTime, nullable=False),  # when it may be told the next thing
    sa.Column("attempts", sa.Integer, nullable=False, default=0),  # that failed since
    sa.Column("owned_until", UtcTime),  # somebody tells it
)
