"""The service on a real database and a real Redis, with a bot that answers what the test says."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import redis.asyncio as aioredis
import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.assignment import Assignment
from bot.conversations.service import ConversationService
from bot.conversations.services import Services, open_services
from bot.database.people import agents
from bot.messages import InboundMessage, Message
from bot.settings import Settings
from bot.web.board import look_at, own_views, queue_view
from tests.agents import agent_row
from tests.fakes import FakeRasa


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa()


@pytest.fixture
async def services(settings: Settings, redis: aioredis.Redis, rasa: FakeRasa) -> AsyncIterator[Services]:
    quick = replace(settings, rasa_notice_s=0.2, rasa_timeout_s=1.0, rasa_down_limit_s=1.0)
    async with open_services(quick, rasa=rasa) as opened:  # type: ignore[arg-type]
        async with opened.database.write() as connection:
            await store.open_inbox(connection, "website", channel="website", name="Website")
        yield opened


@pytest.fixture
async def service(services: Services) -> AsyncIterator[ConversationService]:
    service = ConversationService(services)
    yield service
    await service.turns.stop()


@pytest.fixture
def assignment(services: Services) -> Assignment:
    return Assignment(services)


@pytest.fixture
async def agent(services: Services) -> store.Row:
    """An agent who serves everything in both languages and is at the desk."""
    return await make_agent(services, "lin")


async def make_agent(services: Services, username: str, **changes: object) -> store.Row:
    row = agent_row(username, **changes)
    async with services.database.write() as connection:
        await connection.execute(sa.insert(agents).values(**row))
    await services.presence.beat(row["id"])
    async with services.database.read() as connection:
        return (await connection.execute(sa.select(agents).where(agents.c.id == row["id"]))).one()


async def say(service: ConversationService, text: str = "", *, visitor: str = "visitor-1", **more: str) -> Message:
    """Write as a customer; returns when the bot's turn is over."""
    message = await service.receive(
        InboundMessage(inbox_id="website", channel_user=visitor, client_id=more.pop("client_id", str(uuid.uuid4())), text=text, **more)
    )
    await settle(service)
    return message


async def settle(service: ConversationService) -> None:
    while service.turns.running:
        await asyncio.gather(*service.turns.running)  # to wait for one that is over gives no other its turn


async def transcript(service: ConversationService, conversation_id: str) -> list[tuple[str, str]]:
    """Return (sender, text or notice) in order, checking that the places have no gaps."""
    async with service.services.database.read() as connection:
        found = await store.messages_after(connection, conversation_id, 0)
    assert [message.seq for message in found] == list(range(1, len(found) + 1))
    return [(message.sender.value, message.content.notice or message.text) for message in found]


async def conversation(service: ConversationService, conversation_id: str) -> store.Row:
    async with service.services.database.read() as connection:
        return await store.conversation(connection, conversation_id)


async def queue_of(services: Services, agent: sa.Row[Any]) -> dict[str, Any]:
    """What this agent's desk shows."""
    return queue_view(agent, await look_at(services), (await own_views(services, [agent.id]))[0])
