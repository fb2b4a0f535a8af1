"""Two machines that answer each other would never stop: whoever writes more than a person can in an hour is left alone.

Nor may many senders, or one under many names, begin more than the staff and the bot can answer.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels.base import Batch, Channel
from bot.database.conversations import messages, threads
from bot.ids import utcnow
from bot.messages import InboundMessage, Sender

WINDOW = timedelta(hours=1)

log = logging.getLogger(__name__)


async def without_floods(connection: AsyncConnection, channel: Channel, batch: Batch) -> Batch:
    """Leave out what exceeds the channel's messages an hour of one correspondent: what stands before the "/" of the customer's id."""
    most = channel.traits.most_an_hour
    if not most:
        return batch
    written: Counter[str] = Counter()
    kept: list[InboundMessage] = []
    for message in batch.messages:
        who = message.channel_user.partition("/")[0]
        if who not in written:
            written[who] = await _written(connection, channel.name, who)
        written[who] += 1
        if written[who] <= most:
            kept.append(message)
    if len(kept) < len(batch.messages):
        log.warning(
            "%d messages on %s are left out: more than %d an hour of one sender", len(batch.messages) - len(kept), channel.name, most
        )
    return replace(batch, messages=kept)


async def without_too_many_new(connection: AsyncConnection, channel: Channel, batch: Batch) -> Batch:
    """Leave out what would begin more threads within an hour than the channel takes; threads that are there go on."""
    most = channel.traits.new_an_hour
    if not most or not batch.messages:
        return batch
    users = {message.channel_user for message in batch.messages}
    there = sa.select(threads.c.channel_user).where(threads.c.inbox_id == channel.name, threads.c.channel_user.in_(users))
    begun = sa.select(sa.func.count()).where(threads.c.inbox_id == channel.name, threads.c.created_at > utcnow() - WINDOW)
    known = set((await connection.execute(there)).scalars())
    left = most - int((await connection.execute(begun)).scalar_one()) if users - known else 0
    kept: list[InboundMessage] = []
    for message in batch.messages:
        if message.channel_user not in known and left > 0:
            known.add(message.channel_user)
            left -= 1
        if message.channel_user in known:
            kept.append(message)
    if len(kept) < len(batch.messages):
        log.warning("%d messages on %s are left out: more than %d new threads an hour", len(batch.messages) - len(kept), channel.name, most)
    return replace(batch, messages=kept)


async def _written(connection: AsyncConnection, inbox_id: str, who: str) -> int:
    query = (
        sa.select(sa.func.count())
        .select_from(messages.join(threads, threads.c.id == messages.c.thread_id))
        .where(
            threads.c.inbox_id == inbox_id,
            threads.c.channel_user.startswith(f"{who}/", autoescape=True),
            messages.c.sender == Sender.CUSTOMER,
            messages.c.created_at > utcnow() - WINDOW,
        )
    )
    return int((await connection.execute(query)).scalar_one())
