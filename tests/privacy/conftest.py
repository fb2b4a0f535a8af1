"""A system with one unmistakable customer in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis.asyncio as aioredis
import sqlalchemy as sa

from bot.conversations.service import ConversationService
from bot.conversations.services import Services, open_services
from bot.database import sync_engine
from bot.privacy.erase import Place
from bot.settings import Settings
from tests.fakes import FakeRasa
from tests.privacy.life import hands_off, live


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sync_engine(database_url)
    yield engine
    engine.dispose()


@dataclass(frozen=True)
class World:
    place: Place
    services: Services
    service: ConversationService
    customer_id: str


@pytest.fixture
async def world(settings: Settings, redis: aioredis.Redis, engine: sa.Engine, tmp_path: Path) -> AsyncIterator[World]:
    async with open_services(settings, rasa=FakeRasa(hands_off)) as services:  # type: ignore[arg-type]
        service = ConversationService(services)
        customer_id = await live(services, service)
        place = Place(settings, engine, services.cipher, tmp_path / "project")
        yield World(place, services, service, customer_id)
        await service.turns.stop()
