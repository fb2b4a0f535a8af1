"""The desk's call for a customer who objects to being profiled."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from bot.conversations import store
from bot.database.conversations import threads
from bot.errors import NotFoundError
from bot.privacy.objection import set_objection
from bot.web.desk import session_of
from bot.web.panel import customer_panel
from bot.web.requests import answer, body, services

blueprint = Blueprint("desk_privacy", url_prefix="/api/desk")


class ProfilingBody(msgspec.Struct, forbid_unknown_fields=True):
    objects: bool


@blueprint.post("/conversations/<conversation_id:str>/profiling")
async def profiling(request: Request, conversation_id: str) -> HTTPResponse:
    """Note that the customer objects to profiling or takes it back; answer with the panel as it is from now on."""
    session = await session_of(request)
    wanted = body(request, ProfilingBody)
    box = services(request)
    async with box.database.write() as connection:
        row = await store.conversation(connection, conversation_id)
        customer_id = await connection.scalar(sa.select(threads.c.customer_id).where(threads.c.id == row.thread_id))
        if customer_id is None:
            raise NotFoundError("this visitor is not identified; there is no profile of them")
        actor = f"agent:{session.agent.id}"

        def note(plain: sa.Connection) -> Any:
            return set_objection(plain, customer_id, objects=wanted.objects, actor=actor)

        await connection.run_sync(note)
    return answer({"customer": await customer_panel(box, customer_id)})
