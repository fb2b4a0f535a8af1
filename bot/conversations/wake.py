"""Wake-ups: after a commit, tell every web process which conversation has news. They carry ids only and may be lost without harm."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from itertools import chain

import msgspec
from redis.asyncio import Redis

from bot.conversations.together import Together
from bot.redis import REDIS_DOWN, promptly

CHANNEL = "yingda:wake"
AT_ONCE = 1000  # calls whose wake-ups go out together: while Redis stands still, nobody should wait for more than two rounds

log = logging.getLogger(__name__)


class News(StrEnum):
    MESSAGES = "messages"  # new messages, or the conversation changed
    QUEUE = "queue"  # the waiting queue changed
    ALERT = "alert"  # an escalation arrived
    TYPING = "typing"
    READ = "read"  # the sender has read up to `seq`


class Wake(msgspec.Struct, frozen=True, omit_defaults=True):
    news: News
    conversation_id: str = ""
    thread_id: str = ""
    sender: str = ""
    escalation_id: str = ""
    seq: int = 0
    channel_user: str = ""  # of the website's visitor who wrote: their widget may not know its thread yet
    agent_id: str = ""  # news of the queue: only this agent's own work has changed


class Wakeups:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._together: Together[Sequence[Wake], None] = Together(self._publish, most=AT_ONCE)

    async def send(self, *wakes: Wake) -> None:
        """Publish, with what others of this process publish now; while Redis is away the heartbeats' cursors heal what is missed here."""
        await self._together.do(wakes)

    async def _publish(self, many: Sequence[Sequence[Wake]]) -> list[None]:
        try:
            async with self._redis.pipeline(transaction=False) as together:
                for wake in chain.from_iterable(many):
                    together.publish(CHANNEL, msgspec.json.encode(wake))
                await promptly(together.execute())
        except REDIS_DOWN as error:
            ids = ", ".join(wakes[0].conversation_id for wakes in many)
            log.warning("wake-ups for conversations were not sent (%s): %s", type(error).__name__, ids)
        return [None] * len(many)

    async def listen(self) -> AsyncIterator[Wake | None]:
        """Yield wake-ups until the connection breaks; the caller listens again.

        None is the beginning and, since the client library connects again by itself, each new one: what was sent before may be missed.
        """
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(CHANNEL)
            async for event in subscription.listen():
                if event["type"] == "message" and (wake := _decoded(event["data"])) is not None:
                    yield wake
                elif event["type"] == "subscribe":
                    yield None


def _decoded(data: str) -> Wake | None:
    """Return a wake-up; None for news that only a newer process knows, while a deploy is under way."""
    try:
        return msgspec.json.decode(data, type=Wake)
    except msgspec.ValidationError:
        return None
