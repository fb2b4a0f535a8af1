"""Channels whose webhook only says that there is something: it is pulled with a cursor, which survives restarts.

The cursor moves after what came before it is stored, so that a process that dies pulls the same again, and ids keep it from doubling.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels.base import Batch, Channel, Pulled
from bot.channels.client import VendorClient
from bot.channels.floods import without_floods, without_too_many_new
from bot.channels.tokens import Tokens
from bot.database import Database
from bot.database.channels import channel_cursors
from bot.database.conversations import inboxes
from bot.errors import TransportError
from bot.ids import utcnow

LEASE = timedelta(seconds=60)
RETRY = timedelta(seconds=5)
FIRST_LOOK_BACK_S = 600.0  # a new account's older messages were somebody else's to answer

Take = Callable[[str, Batch], Awaitable[None]]

log = logging.getLogger(__name__)


async def signal(connection: AsyncConnection, inbox_id: str, word: str) -> None:
    """Note that there is something to pull."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    now = utcnow()
    first = insert(channel_cursors).values(inbox_id=inbox_id, cursor="", signal=word[:255], signalled_at=now)
    await connection.execute(first.on_conflict_do_update(index_elements=["inbox_id"], set_={"signal": word[:255], "signalled_at": now}))


class Puller:
    def __init__(self, *, database: Database, channels: Mapping[str, Channel], tokens: Tokens, client: VendorClient) -> None:
        self._database = database
        self._channels = channels
        self._tokens = tokens
        self._client = client
        self._look_at: dict[str, float] = {}  # channel that is polled -> when to look again, by this process's clock

    async def pull(self, take: Take) -> None:
        """Fetch everything that was signalled and that nobody else fetches."""
        await self._look()
        for row in await self._claim():
            channel = self._channels.get(row.inbox_id)
            if channel is None:
                continue
            try:
                await self._pull(channel, row, take)
            except TransportError as error:
                log.warning("pulling from %s is tried again: %s", channel.name, error)
                await self._change(row.inbox_id, owned_until=utcnow() + max(RETRY, timedelta(seconds=error.retry_after_s)))

    async def _look(self) -> None:
        """Signal for the channels whose vendor does not: they are looked into every so often, once their inbox is there."""
        now = time.monotonic()
        due = [name for name, channel in self._channels.items() if channel.traits.poll_s and now >= self._look_at.get(name, 0.0)]
        if not due:
            return
        self._look_at |= {name: now + self._channels[name].traits.poll_s for name in due}
        async with self._database.write() as connection:
            for inbox_id in (await connection.execute(sa.select(inboxes.c.id).where(inboxes.c.id.in_(due)))).scalars().all():
                await signal(connection, inbox_id, "")

    async def _claim(self) -> list[sa.Row[Any]]:
        now = utcnow()
        free = sa.or_(channel_cursors.c.owned_until.is_(None), channel_cursors.c.owned_until < now)
        due = (channel_cursors.c.signalled_at.is_not(None), free, channel_cursors.c.inbox_id.in_(list(self._channels)))
        async with self._database.read() as connection:
            if (await connection.execute(sa.select(channel_cursors.c.inbox_id).where(*due).limit(1))).first() is None:
                return []
        take = sa.update(channel_cursors).where(*due).values(owned_until=now + LEASE).returning(channel_cursors)
        async with self._database.write() as connection:
            return list((await connection.execute(take)).all())

    async def _pull(self, channel: Channel, row: sa.Row[Any], take: Take) -> None:
        cursor, more = row.cursor, True
        while more:
            since = 0.0 if cursor else time.time() - FIRST_LOOK_BACK_S
            pulled = await self._ask(channel, cursor, row.signal, since)
            async with self._database.read() as connection:
                batch = await without_floods(connection, channel, pulled.batch)
                batch = await without_too_many_new(connection, channel, batch)
            await take(channel.name, batch)
            more = pulled.more and pulled.cursor != cursor
            cursor = pulled.cursor or cursor
            await self._change(row.inbox_id, cursor=cursor, owned_until=utcnow() + LEASE)
        # A signal that came meanwhile stays, and is followed next.
        done = sa.case((channel_cursors.c.signalled_at == row.signalled_at, None), else_=channel_cursors.c.signalled_at)
        await self._change(row.inbox_id, signalled_at=done, owned_until=None)

    async def _ask(self, channel: Channel, cursor: str, word: str, since: float) -> Pulled:
        token = await self._tokens.get(channel)
        try:
            return channel.read_pull(await self._client.send(channel.pull(cursor=cursor, signal=word, token=token)), since=since)
        except TransportError as error:
            if error.token_refused and token:
                await self._tokens.forget(channel, token)
            raise

    async def _change(self, inbox_id: str, **values: Any) -> None:
        async with self._database.write() as connection:
            await connection.execute(sa.update(channel_cursors).where(channel_cursors.c.inbox_id == inbox_id).values(**values))
