"""Is this process alive, and is the system ready to serve: each part named."""

from __future__ import annotations

import sqlalchemy as sa
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from bot.redis import REDIS_DOWN
from bot.web.requests import answer, services

blueprint = Blueprint("health")


@blueprint.get("/healthz")
async def healthz(_request: Request) -> HTTPResponse:
    return answer({"alive": True})


@blueprint.get("/readyz")
async def readyz(request: Request) -> HTTPResponse:
    """200 when a model is loaded and Redis and the database answer; 503 and which does not, otherwise."""
    box = services(request)
    model = await box.rasa.model_id()
    parts = {"model": model is not None, "redis": await _redis_answers(request), "database": await _database_answers(request)}
    ready = all(parts.values())
    return answer({"ready": ready, **parts, "model_id": model}, status=200 if ready else 503)


async def _redis_answers(request: Request) -> bool:
    try:
        return bool(await services(request).redis.ping())
    except REDIS_DOWN:
        return False


async def _database_answers(request: Request) -> bool:
    try:
        async with services(request).database.read() as connection:
            await connection.execute(sa.text("SELECT 1"))
    except (sa.exc.SQLAlchemyError, OSError):
        return False
    return True
