"""What the service works with, opened once a process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from redis.asyncio import Redis

from bot.conversations.rasa import RasaClient
from bot.conversations.wake import Wakeups
from bot.crypto import Cipher, open_cipher
from bot.database import Database
from bot.database.people import agents
from bot.escalations.queue import EscalationQueue, Presence
from bot.redis import REDIS_DOWN, connect
from bot.settings import Settings
from bot.shop import open_shop
from bot.shop.protocol import Shop


@dataclass(frozen=True)
class Services:
    settings: Settings
    database: Database
    redis: Redis
    cipher: Cipher
    shop: Shop
    rasa: RasaClient
    queue: EscalationQueue
    presence: Presence
    wake: Wakeups

    async def agents_online(self, language: str) -> list[str]:
        """Return the agents at their desks who serve this language; none while Redis is away."""
        try:
            online = await self.presence.online()
        except REDIS_DOWN:
            return []
        async with self.database.read() as connection:
            query = sa.select(agents.c.id, agents.c.languages).where(agents.c.id.in_(online), agents.c.active)
            return [row.id for row in await connection.execute(query) if language in row.languages]


@asynccontextmanager
async def open_services(settings: Settings, *, rasa: RasaClient | None = None) -> AsyncIterator[Services]:
    database = Database(settings.database_url)
    redis = connect(settings.redis_url)
    cipher = open_cipher(settings)
    rasa = rasa or RasaClient(settings.rasa_url, token=settings.internal_token)
    shop = open_shop(settings, database, cipher)
    try:
        yield Services(
            settings=settings,
            database=database,
            redis=redis,
            cipher=cipher,
            shop=shop,
            rasa=rasa,
            queue=EscalationQueue(redis),
            presence=Presence(redis),
            wake=Wakeups(redis),
        )
    finally:
        await shop.close()
        await rasa.close()
        await redis.aclose()
        await database.close()
