"""Access tokens: one refresh among all processes, kept encrypted, renewed when it is over."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.channels.client import VendorClient
from bot.channels.tokens import Tokens
from bot.conversations import store
from bot.conversations.services import Services
from bot.database.channels import channel_tokens
from bot.errors import TransportError
from bot.ids import utcnow
from tests.channels.simulator import Says, Vendor
from tests.channels.vendors import WECHAT

pytestmark = pytest.mark.slow


async def many(services: Services, simulator: Vendor, count: int) -> list[str]:
    """Ask for the token as so many processes do at once."""
    channel = WECHAT.channel(simulator.url)
    async with services.database.write() as connection:
        await store.open_inbox(connection, channel.name, channel=channel.kind, name=channel.name)
    clients = [VendorClient(timeout_s=5) for _ in range(count)]
    try:
        return list(await asyncio.gather(*(Tokens(services.database, services.cipher, client).get(channel) for client in clients)))
    finally:
        for client in clients:
            await client.close()


async def test_many_processes_fetch_one_token(services: Services, simulator: Vendor) -> None:
    simulator.script = [Says(body=b'{"access_token":"ACCESS","expires_in":7200}', delay_s=0.2)]

    assert await many(services, simulator, 5) == ["ACCESS"] * 5
    assert await many(services, simulator, 1) == ["ACCESS"]

    assert len(simulator.received) == 1
    async with services.database.read() as connection:
        row = (await connection.execute(sa.select(channel_tokens))).one()
    assert b"ACCESS" not in row.token
    assert row.expires_at < utcnow() + timedelta(seconds=7200)


async def test_a_token_that_is_over_is_fetched_anew(services: Services, simulator: Vendor) -> None:
    simulator.script = [Says(body=b'{"access_token":"OLD","expires_in":7200}'), Says(body=b'{"access_token":"NEW","expires_in":7200}')]
    await many(services, simulator, 1)
    async with services.database.write() as connection:
        await connection.execute(sa.update(channel_tokens).values(expires_at=utcnow() - timedelta(seconds=1)))

    assert await many(services, simulator, 2) == ["NEW"] * 2


async def test_a_vendor_that_gives_none_is_asked_again_later(services: Services, simulator: Vendor) -> None:
    simulator.script = [
        Says(body=b'{"errcode":40125,"errmsg":"invalid appsecret"}'),
        Says(body=b'{"access_token":"NEW","expires_in":7200}'),
    ]

    with pytest.raises(TransportError, match="40125"):
        await many(services, simulator, 1)

    assert await many(services, simulator, 1) == ["NEW"]
