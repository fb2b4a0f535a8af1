"""Accounts without a way to speak first (WeChat's unverified ones): the request is held until there is something to say.

The vendor waits 5 s, breaks off, and asks again with the same message, three times in all, at whichever of our processes. The first two
are left unanswered when we are late, so that it asks again; the third says how to get the answer. What was said late goes with the next
message.
"""

from __future__ import annotations

import asyncio
import logging

from sanic import Request

from bot.channels.base import Answer, Batch, Channel, WebhookRequest
from bot.channels.passive import answered_by, take_reply
from bot.channels.pending import pending_rows
from bot.conversations import store
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.conversations.wake import Wake
from bot.languages import LANGUAGES, notice
from bot.messages import InboundMessage, Status
from bot.redis import REDIS_DOWN
from bot.web.requests import services
from bot.web.sockets import Hub

DEADLINE_S = 4.4  # of the vendor's 5; the rest is for the way
BROKEN_OFF_S = 5.5  # by then it has given this try up
TRIES = 3
TRIES_KEPT_S = 120
LOOK_EVERY_S = 0.5  # into SQL, in case a wake-up is lost

log = logging.getLogger(__name__)


class _Waiting:
    """A request that waits for news of its thread."""

    def __init__(self) -> None:
        self._news = asyncio.Event()

    def poke(self, _wake: Wake | None) -> None:
        self._news.set()

    def queue_moved(self) -> None:
        """Nothing here shows a place in the queue."""

    async def news(self, timeout_s: float) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), max(0.0, timeout_s))
        except TimeoutError:
            return
        self._news.clear()


async def converse(request: Request, channel: Channel, batch: Batch, asked: WebhookRequest) -> Answer:
    """Store what came, and answer the request with what the bot or an agent says to it."""
    began = asyncio.get_running_loop().time()
    box, service = services(request), _service(request)
    [message] = batch.messages
    last = await _is_last_try(box, message)
    if not await _only_looks(box, message):
        await service.take(channel.name, batch)
    async with box.database.read() as connection:
        thread = await store.thread_of(connection, inbox_id=message.inbox_id, channel_user=message.channel_user)
    if thread is None:  # what came could not be kept
        return batch.answer
    text = await _hear(request.app.ctx.hub, box, channel, message, thread.id, until=began + DEADLINE_S)
    if text is None and not last:
        await asyncio.sleep(began + BROKEN_OFF_S - asyncio.get_running_loop().time())
        return batch.answer
    if text is None:
        text = notice("look_again", thread.language)
    return channel.reply(message, text, request=asked) if text else batch.answer


def _service(request: Request) -> ConversationService:
    found: ConversationService = request.app.ctx.service
    return found


async def _hear(hub: Hub, box: Services, channel: Channel, message: InboundMessage, thread_id: str, *, until: float) -> str | None:
    """Return what is said by then, "" when nothing will be, None when it is not known yet."""
    waiting = _Waiting()
    with hub.joined(waiting, thread_id):
        while True:
            if await _is_settled(box, thread_id):
                async with box.database.write() as connection:
                    return await take_reply(connection, thread_id, message.client_id, channel.traits)
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                return None
            await waiting.news(min(left, LOOK_EVERY_S))


async def _is_settled(box: Services, thread_id: str) -> bool:
    """Say whether the bot has nothing left to answer: the whole of its turn is in the outbox, or a person has the conversation."""
    async with box.database.read() as connection:
        row = await store.newest_conversation(connection, thread_id)
    return row is None or row.status != Status.BOT or row.answered_seq >= row.customer_seq


async def _only_looks(box: Services, message: InboundMessage) -> bool:
    """Say whether the customer only fetches what was late: the word for it, while there is something, or soon will be."""
    if message.text.strip().lower() not in {notice("look_word", language) for language in LANGUAGES}:
        return False
    async with box.database.read() as connection:
        thread = await store.thread_of(connection, inbox_id=message.inbox_id, channel_user=message.channel_user)
    if thread is None:
        return False
    if not await _is_settled(box, thread.id):
        return True
    async with box.database.read() as connection:
        rows = await pending_rows(connection, thread.id)
        return any(not row.idle for row in rows) or bool(await answered_by(connection, thread.id, message.client_id))


async def _is_last_try(box: Services, message: InboundMessage) -> bool:
    """Count the vendor's tries, at whichever process. While Redis is away every try is the last: an honest line instead of silence."""
    key = f"yingda:tries:{message.inbox_id}:{message.client_id}"
    try:
        tries = await box.redis.incr(key)
        await box.redis.expire(key, TRIES_KEPT_S)
    except REDIS_DOWN as error:
        log.warning("the tries of a request on %s are not counted: %s", message.inbox_id, type(error).__name__)
        return True
    return int(tries) >= TRIES
