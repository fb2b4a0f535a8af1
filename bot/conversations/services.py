"""What the service works with, opened once a process."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from redis.asyncio import Redis

from bot.channels.shares import Shares
from bot.conversations.accounts import Sessions
from bot.conversations.looks import Looks
from bot.conversations.place import Lately, read_handle_times
from bot.conversations.rasa import RasaClient
from bot.conversations.standings import Standings
from bot.conversations.wake import Wakeups
from bot.crypto import Cipher, open_cipher
from bot.database import Database
from bot.escalations.hours import Hours, load_hours
from bot.escalations.queue import EscalationQueue, Presence
from bot.escalations.staff import Colleague, read_staff
from bot.redis import REDIS_DOWN, connect, promptly
from bot.settings import Settings
from bot.shop import open_shop
from bot.shop.protocol import Shop

LATELY_S = 1.0


@dataclass
class Memory:
    """What `Services.lately` read, and when, by the process's own clock."""

    lately: Lately = field(default_factory=Lately)
    at: float = -math.inf


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
    hours: Hours
    standings: Standings
    sessions: Sessions
    looks: Looks
    memory: Memory = field(default_factory=Memory, compare=False)

    async def staff(self) -> list[Colleague]:
        """Return who is at an open desk; nobody while Redis is away."""
        try:
            connected = await self.presence.connected()
        except REDIS_DOWN:
            return []
        async with self.database.read() as connection:
            return await read_staff(connection, connected) if connected else []

    async def lately(self) -> Lately:
        """Return who was at a desk a moment ago and how long service took: one look for all who come to the queue meanwhile."""
        if time.monotonic() - self.memory.at > LATELY_S:
            with contextlib.suppress(TimeoutError):  # Redis stands still: who was there a moment ago still is
                self.memory.lately = await promptly(self.look_around())
            self.memory.at = time.monotonic()
        return self.memory.lately

    async def look_around(self) -> Lately:
        staff = await self.staff()
        async with self.database.read() as connection:
            return Lately(staff, await read_handle_times(connection))

    @property
    def shares(self) -> Shares:
        """Return what makes open addresses of agents' files."""
        return Shares(self.cipher, self.settings.public_url)

    @property
    def automatic(self) -> bool:
        """Is work given to agents, instead of claimed by them?"""
        return self.settings.assignment != "manual"


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
            hours=load_hours(settings.timezone),
            standings=Standings(database),
            sessions=Sessions(database),
            looks=Looks(database),
        )
    finally:
        await shop.close()
        await rasa.close()
        await redis.aclose()
        await database.close()
