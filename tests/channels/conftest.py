"""A service whose customers write on channels, a courier, and the vendor that they meet on loopback."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.channels.base import Channel
from bot.channels.client import VendorClient
from bot.channels.courier import Courier
from bot.channels.registry import KINDS
from bot.channels.tokens import Tokens
from bot.conversations import store
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.database.channels import channel_threads, outbox
from bot.ids import utcnow
from bot.messages import InboundMessage, Message
from bot.settings import ChannelSettings
from tests.channels.simulator import Vendor, vendor
from tests.conversations.conftest import agent, assignment, rasa, service, services, settle

__all__ = ["agent", "assignment", "rasa", "service", "services"]

SECRET = "0123456789abcdef0123456789abcdef"
_ids = itertools.count(1)


@pytest.fixture
async def simulator() -> AsyncIterator[Vendor]:
    async with vendor() as running:
        yield running


def account(kind: str, name: str = "", **values: str) -> Channel:
    return KINDS[kind](ChannelSettings(name or kind, kind, values))


@dataclass
class Post:
    """Both ends of one channel: customers who write, and the courier that brings the answers."""

    channel: Channel
    service: ConversationService
    vendor: Vendor
    client: VendorClient

    def courier(self, client: VendorClient | None = None) -> Courier:
        """Return a courier of its own, as of another process."""
        box = self.service.services
        client = client or self.client
        tokens = Tokens(box.database, box.cipher, client)
        here = {self.channel.name: self.channel}
        return Courier(database=box.database, redis=box.redis, shares=box.shares, channels=here, tokens=tokens, client=client)

    async def say(self, text: str = "", *, user: str = "u1", **more: object) -> Message:
        """Write as a customer; returns when the bot's turn is over. What it answers is in the outbox."""
        inbound = InboundMessage(
            inbox_id=self.channel.name,
            channel_user=user,
            client_id=f"ch:{next(_ids)}",
            text=text,
            by_channel=True,
            **more,  # type: ignore[arg-type]
        )
        await self.service.receive_all([inbound])
        await settle(self.service)
        async with self.service.services.database.read() as connection:
            thread = await store.thread_of(connection, inbox_id=self.channel.name, channel_user=user)
            assert thread is not None
            found = await store.message_by_client_id(connection, thread.id, inbound.client_id)
        assert found is not None
        return found

    async def states(self) -> list[tuple[str, str]]:
        """Return state and reason of everything in the outbox, in order."""
        async with self.service.services.database.read() as connection:
            query = sa.select(outbox.c.state, outbox.c.reason).order_by(outbox.c.conversation_id, outbox.c.seq)
            return [(row.state, row.reason) for row in await connection.execute(query)]

    async def hurry(self) -> None:
        """Let all waiting and all leases be over."""
        past = utcnow() - timedelta(seconds=1)
        async with self.service.services.database.write() as connection:
            waiting = sa.update(channel_threads).where(channel_threads.c.next_at.is_not(None))
            await connection.execute(waiting.values(next_at=past, owned_until=None))
        for key in await self.service.services.redis.keys("yingda:rest:*"):
            await self.service.services.redis.delete(key)


async def open_post(services: Services, service: ConversationService, simulator: Vendor, channel: Channel) -> Post:
    async with services.database.write() as connection:
        await store.open_inbox(connection, channel.name, channel=channel.kind, name=channel.name)
    return Post(channel, service, simulator, VendorClient(timeout_s=1.0))


@pytest.fixture
async def post(services: Services, service: ConversationService, simulator: Vendor) -> AsyncIterator[Post]:
    """The generic webhook channel."""
    opened = await open_post(services, service, simulator, account("webhook", SECRET=SECRET, URL=f"{simulator.url}/in"))
    yield opened
    await opened.client.close()


def with_traits(channel: Channel, **changes: object) -> Channel:
    """The same channel with other limits, to try what is common."""
    channel.traits = replace(channel.traits, **changes)  # type: ignore[arg-type]
    return channel
