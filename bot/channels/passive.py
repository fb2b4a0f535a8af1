"""Channels that let us speak only in the answer to the customer's own request: what the outbox holds goes into it.

A request that the vendor repeats gets the same text again: each answer is recorded under the id of the message that it answers.
Every function works inside the caller's transaction.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import outbox
from bot.channels.base import Traits
from bot.channels.pending import Pending, bundle, pending_rows, rows_where, together
from bot.database.channels import channel_threads
from bot.database.channels import outbox as rows_of
from bot.ids import utcnow
from bot.languages import notice


def _key(client_id: str) -> str:
    return f"re:{client_id}"


async def take_reply(connection: AsyncConnection, thread_id: str, client_id: str, traits: Traits) -> str:
    """Return what is said in answer to this message, and record that it is; empty when there is nothing to say."""
    # Two of the vendor's tries, at two processes, wait here for each other.
    await connection.execute(sa.select(channel_threads.c.thread_id).where(channel_threads.c.thread_id == thread_id).with_for_update())
    before = await answered_by(connection, thread_id, client_id)
    if before:
        ready = await bundle(connection, before, traits)
        return _part(ready.parts, max(0, before[0].parts_sent - 1), before[0])
    rows = await pending_rows(connection, thread_id)
    idle = [row.message.id for row in rows if row.idle]
    if idle:
        await outbox.mark(connection, idle, state="skipped")
    rows = [row for row in rows if not row.idle]
    if not rows:
        return ""
    ready = await bundle(connection, together(rows, traits), traits)
    index = ready.head.parts_sent
    if index >= len(ready.parts):
        await outbox.mark(connection, ready.ids, state="skipped")
        return ""
    here = {"vendor_id": _key(client_id), "parts_sent": index + 1, "bundle_id": ready.head.message.id, "reason": ""}
    if index == len(ready.parts) - 1:
        here |= {"state": "sent", "sent_at": utcnow()}
    await outbox.mark(connection, ready.ids, **here)
    return _part(ready.parts, index, ready.head)


async def answered_by(connection: AsyncConnection, thread_id: str, client_id: str) -> list[Pending]:
    """Return what was said in answer to this message."""
    return await rows_where(connection, rows_of.c.thread_id == thread_id, rows_of.c.vendor_id == _key(client_id))


def _part(parts: tuple[str, ...], index: int, head: Pending) -> str:
    """Return one part; when more follow, with how to get them."""
    more = notice("more_by_text", head.message.language) if index < len(parts) - 1 else ""
    return f"{parts[index]}\n\n{more}" if more else parts[index]
