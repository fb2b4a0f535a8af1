"""Whoever writes more than a person can is left alone, and the others are heard."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.channels.base import Batch
from bot.channels.floods import without_too_many_new
from bot.conversations.service import MOST_A_MINUTE, ConversationService
from bot.conversations.services import Services
from bot.database.conversations import messages
from bot.messages import InboundMessage, Sender
from tests.channels.conftest import Post, with_traits


def written(*users: str) -> Batch:
    return Batch(
        messages=[
            InboundMessage(inbox_id="webhook", channel_user=user, client_id=f"ch:{number}", text="hello", by_channel=True)
            for number, user in enumerate(users)
        ]
    )


async def test_so_many_threads_may_begin_within_an_hour_and_others_go_on(
    post: Post, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    with_traits(post.channel, new_an_hour=2)
    await post.say("hello", user="old@home.example/1")
    batch = written("new@home.example/1", "next@home.example/1", "old@home.example/1", "new@home.example/1")

    async with services.database.read() as connection:
        kept = await without_too_many_new(connection, post.channel, batch)

    assert [message.client_id for message in kept.messages] == ["ch:0", "ch:2", "ch:3"]
    assert "1 messages on webhook are left out" in caplog.text
    assert "home.example" not in caplog.text


async def test_one_customer_writes_so_much_within_a_minute(
    post: Post, service: ConversationService, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(MOST_A_MINUTE - 1):
        service._written.add("webhook/mad")

    await service.take("webhook", written("mad", "mad", "calm", "mad", "mad"))

    async with services.database.read() as connection:
        found = (await connection.execute(sa.select(messages.c.client_id).where(messages.c.sender == Sender.CUSTOMER))).scalars().all()
    assert sorted(found) == ["ch:0", "ch:2"]
    assert caplog.text.count("writes more than") == 1
