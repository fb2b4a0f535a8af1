"""What the desk says of a channel's conversation: how long and how often it can be answered, and what did not arrive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import outbox as outbox_rows
from bot.channels.base import Channel
from bot.channels.files import Takes
from bot.channels.pending import sends_left
from bot.conversations import store
from bot.conversations.services import Services
from bot.conversations.wake import News, Wake
from bot.database.channels import channel_threads, outbox
from bot.database.conversations import inboxes
from bot.errors import ConflictError
from bot.web.attachments import files_on_their_way
from bot.web.views import iso

_THREAD = (  # built once: it is read with every message of a channel
    sa.select(
        channel_threads.c.inbox_id,
        channel_threads.c.customer_at,
        channel_threads.c.quota_used,
        channel_threads.c.stopped,
        inboxes.c.channel,
    )
    .join(inboxes, inboxes.c.id == channel_threads.c.inbox_id)
    .where(channel_threads.c.thread_id == sa.bindparam("thread"))
)


async def delivery_view(connection: AsyncConnection, channels: Mapping[str, Channel], row: store.Row) -> dict[str, Any] | None:
    """Return how a conversation's messages are delivered; None on the website, where the customer fetches them."""
    found = (await connection.execute(_THREAD, {"thread": row.thread_id})).first()
    if found is None:
        return None
    channel = channels.get(found.inbox_id)
    traits = channel.traits if channel else None
    until = found.customer_at + timedelta(seconds=traits.window_s) if traits and traits.window_s else None
    left = max(0, sends_left(traits, found.quota_used, by_agent=True)) if traits and traits.quota else None
    return {
        "kind": found.channel,
        "name": found.inbox_id,
        "configured": channel is not None,
        "until": iso(until),
        "sends_left": left,
        "passive": bool(traits and traits.passive),
        "takes": [{"mimes": rule.mimes, "most_bytes": rule.most_bytes} for rule in (traits.files if traits else ())],
        "stopped": found.stopped,
        "problems": await _problems(connection, row.id),
        "files": await files_on_their_way(connection, row.id),
    }


async def rules_of(connection: AsyncConnection, channels: Mapping[str, Channel], thread_id: str) -> tuple[Takes, ...] | None:
    """Return which files can be sent into a thread; None for the website, which takes all that are kept."""
    query = sa.select(channel_threads.c.inbox_id).where(channel_threads.c.thread_id == thread_id)
    inbox_id = (await connection.execute(query)).scalar_one_or_none()
    if inbox_id is None:
        return None
    return channels[inbox_id].traits.files if inbox_id in channels else ()


async def _problems(connection: AsyncConnection, conversation_id: str) -> dict[str, dict[str, str]]:
    query = sa.select(outbox.c.message_id, outbox.c.state, outbox.c.reason).where(
        outbox.c.conversation_id == conversation_id, outbox.c.reason != "", outbox.c.state.in_(["dead", "pending"])
    )
    return {row.message_id: {"state": row.state, "reason": row.reason} for row in await connection.execute(query)}


async def repeat(services: Services, conversation_id: str, message_id: str) -> None:
    """Send a message again that did not arrive; ConflictError when it did, or is on its way."""
    async with services.database.write() as connection:
        row = await store.conversation(connection, conversation_id)
        if not await outbox_rows.repeat(connection, message_id, conversation_id=conversation_id):
            raise ConflictError("this message has arrived or is on its way; there is nothing to repeat")
    await services.wake.send(Wake(News.MESSAGES, row.id, row.thread_id))
