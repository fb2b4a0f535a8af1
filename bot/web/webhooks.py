"""Where channels' vendors knock: verify and read, store, answer. Everything else follows after the answer."""

from __future__ import annotations

import logging
import time

from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from bot.channels import pulling
from bot.channels.base import Answer, Batch, Channel, WebhookRequest
from bot.conversations.service import ConversationService
from bot.errors import ConflictError, NotFoundError
from bot.redis import REDIS_DOWN
from bot.web import passive, relay
from bot.web.requests import services

PREFIX = "/webhooks/"
LARGEST_BODY = 3 * 1024 * 1024  # WhatsApp sends batches of up to 3 MB
REPLAY_S = 900  # longer than any channel's time window on both sides of now

log = logging.getLogger(__name__)

blueprint = Blueprint("webhooks")


async def webhook(request: Request, name: str) -> HTTPResponse:
    """Store all that a vendor's signed request brings, then answer it."""
    channel: Channel | None = request.app.ctx.channels.get(name)
    if channel is None:
        raise NotFoundError("there is no such channel, or it lacks a setting; `yingda channels list` says which")
    asked = _read(request)
    batch = channel.parse(asked)
    passed_on = relay.begin(request, channel)
    return _response(await relay.join(await _answer(request, channel, batch, asked), passed_on))


async def _answer(request: Request, channel: Channel, batch: Batch, asked: WebhookRequest) -> Answer:
    if channel.traits.passive and batch.messages:
        return await passive.converse(request, channel, batch, asked)
    await _take(request, channel, batch)
    if channel.traits.refuses_replays:
        await _refuse_replay(request, channel, batch)
    return batch.answer


def _response(answer: Answer) -> HTTPResponse:
    return HTTPResponse(answer.body, status=answer.status, content_type=answer.content_type)


blueprint.add_route(webhook, f"{PREFIX}<name:str>", methods=["GET", "POST"])


async def _take(request: Request, channel: Channel, batch: Batch) -> None:
    service: ConversationService = request.app.ctx.service
    await service.take(channel.name, batch)
    if batch.signal:
        async with services(request).database.write() as connection:
            await pulling.signal(connection, channel.name, batch.signal)


async def _refuse_replay(request: Request, channel: Channel, batch: Batch) -> None:
    """Refuse what was taken before, by its signature.

    It is remembered after it is stored, and not before: whose process dies in between is sent it again. That nothing is stored twice is
    the ids' doing, also while Redis is away.
    """
    key = f"yingda:taken:{channel.name}:{batch.replay_key}"
    try:
        is_new = await services(request).redis.set(key, "1", ex=REPLAY_S, nx=True)
    except REDIS_DOWN as error:
        log.warning("a request on %s could be sent again: %s", channel.name, type(error).__name__)
        return
    if not is_new:
        raise ConflictError("this very request was taken before; sign a new one, with a new timestamp")


def _read(request: Request) -> WebhookRequest:
    return WebhookRequest(
        method=request.method,
        path=request.path,
        query={key: str(values[0]) for key, values in request.get_args(keep_blank_values=True).items()},
        headers={key.lower(): value for key, value in request.headers.items()},
        body=request.body,
        now=time.time(),
    )
