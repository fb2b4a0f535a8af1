"""Access tokens that vendors lend: kept in SQL, encrypted, refreshed by one process while the others wait for it.

Some vendors end the old token when a new one is asked for, so two processes that each refresh would lock each other out.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import sqlalchemy as sa

from bot.channels.base import (
    Channel,
)
from bot.channels.client import VendorClient
from bot.channels.vendor import (
    AccessToken,
    Reason,
)
from bot.crypto import Cipher
from bot.database import Database
from bot.database.channels import channel_tokens
from bot.database.insert import insert_once
from bot.errors import TransportError
from bot.ids import utcnow

COLUMN = "channel_tokens.token"
EARLY_S = 300  # refreshed so long before its end; WeChat keeps the old one for five minutes
REFRESH_S = 15  # longer than one request for a token
WAIT_S = 0.1


class Tokens:
    def __init__(self, database: Database, cipher: Cipher, client: VendorClient) -> None:
        self._database = database
        self._cipher = cipher
        self._client = client

    async def get(self, channel: Channel) -> str:
        """Return a token that is good now, empty for a channel that needs none; TransportError when the vendor gives none."""
        if channel.token_call() is None:
            return ""
        give_up_at = time.monotonic() + REFRESH_S * 2
        while time.monotonic() < give_up_at:
            kept = await self._kept(channel)
            if kept:
                return kept
            if await self._may_refresh(channel):
                return await self._refresh(channel)
            await asyncio.sleep(WAIT_S)
        raise TransportError("another process has been fetching the access token for too long", reason=Reason.UNREACHABLE)

    async def forget(self, channel: Channel, token: str) -> None:
        """Drop a token that the vendor no longer takes, unless somebody has put a new one in its place."""
        async with self._database.write() as connection:
            query = sa.select(channel_tokens.c.token).where(channel_tokens.c.inbox_id == channel.name).with_for_update()
            kept = (await connection.execute(query)).scalar_one_or_none()
            if kept is not None and self._cipher.decrypt(kept, column=COLUMN) == token:
                update = sa.update(channel_tokens).where(channel_tokens.c.inbox_id == channel.name)
                await connection.execute(update.values(token=None, expires_at=None))

    async def _kept(self, channel: Channel) -> str:
        good = (channel_tokens.c.inbox_id == channel.name, channel_tokens.c.expires_at > utcnow())
        async with self._database.read() as connection:
            kept = (await connection.execute(sa.select(channel_tokens.c.token).where(*good))).scalar_one_or_none()
        return self._cipher.decrypt(kept, column=COLUMN) if kept is not None else ""

    async def _may_refresh(self, channel: Channel) -> bool:
        now = utcnow()
        free = sa.or_(channel_tokens.c.refreshing_until.is_(None), channel_tokens.c.refreshing_until < now)
        stale = sa.or_(channel_tokens.c.expires_at.is_(None), channel_tokens.c.expires_at <= now)
        update = sa.update(channel_tokens).where(channel_tokens.c.inbox_id == channel.name, free, stale)
        async with self._database.write() as connection:
            await insert_once(connection, channel_tokens, {"inbox_id": channel.name})
            taken = await connection.execute(update.values(refreshing_until=now + timedelta(seconds=REFRESH_S)))
        return taken.rowcount == 1

    async def _refresh(self, channel: Channel) -> str:
        call = channel.token_call()
        assert call is not None
        found: AccessToken | None = None
        try:
            found = channel.read_token(await self._client.send(call))
            return found.token
        finally:
            values: dict[str, object] = {"refreshing_until": None}
            if found is not None:
                life = timedelta(seconds=max(found.life_s - EARLY_S, found.life_s / 2))
                values |= {"token": self._cipher.encrypt(found.token, column=COLUMN), "expires_at": utcnow() + life}
            async with self._database.write() as connection:
                await connection.execute(sa.update(channel_tokens).where(channel_tokens.c.inbox_id == channel.name).values(**values))
