"""Wake-ups: after a commit, tell every web process which conversation has news. They carry ids only and may be lost without harm."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from enum import StrEnum

import msgspec
from redis.asyncio import Redis

from bot.redis import REDIS_DOWN, promptly

CHANNEL = "yingda:wake"

log = logging.getLogger(__name__)


class News(StrEnum):
    MESSAGES = "messages"  # new messages, or the conversation changed
    QUEUE = "queue"  # the waiting queue changed
    ALERT = "alert"  # an escalation arrived
    TYPING = "typing"


class Wake(msgspec.Struct, frozen=True, omit_defaults=True):
    news: News
    conversation_id: str = ""
    thread_id: str = ""
    sender: str = ""
    escalation_id: str = ""


class Wakeups:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def send(self, wake: Wake) -> None:
        """Publish; while Redis is away the heartbeats' cursors heal what is missed here."""
        try:
            await promptly(self._redis.publish(CHANNEL, msgspec.json.encode(wake)))
        except REDIS_DOWN as error:
            log.warning("a wake-up for conversation %s was not sent: %s", wake.conversation_id, type(error).__name__)

    async def listen(self) -> AsyncIterator[Wake]:
        """Yield wake-ups until the connection breaks; the caller listens again."""
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(CHANNEL)
            async for event in subscription.listen():
                if event["type"] == "message":
                    yield msgspec.json.decode(event["data"], type=Wake)
