"""What customers sent as files, at the desk: how each stands, and its bytes, for who is logged in."""

from __future__ import annotations

from urllib.parse import quote

import sqlalchemy as sa
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from bot.channels import media
from bot.channels.filetype import SHOWABLE
from bot.database.channels import media as files
from bot.database.conversations import conversations, messages
from bot.errors import NotFoundError
from bot.web.desk import session_of
from bot.web.requests import services

# Nothing in it runs, wherever it is opened, and no other site's page may show it.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}

_CONVERSATION = (
    sa.select(conversations.c.id, conversations.c.agent_id)
    .join(messages, messages.c.conversation_id == conversations.c.id)
    .join(files, files.c.message_id == messages.c.id)
    .where(files.c.id == sa.bindparam("media"))
)

blueprint = Blueprint("desk_media", url_prefix="/api/desk/media")


@blueprint.get("/<media_id:str>")
async def show(request: Request, media_id: str) -> HTTPResponse:
    session = await session_of(request)
    box = services(request)
    async with box.database.read() as connection:
        kept = await media.load(connection, box.cipher, media_id)
        row = (await connection.execute(_CONVERSATION, {"media": media_id})).first()
    if kept is None or row is None:
        raise NotFoundError("there is no such file here (any more)")
    await box.looks.at_conversation(session.agent.id, row.id, owner=row.agent_id, media_id=media_id)
    shown = "inline" if kept.mime in SHOWABLE else "attachment"
    disposition = f"{shown}; filename*=UTF-8''{quote(kept.name, safe='')}"
    return HTTPResponse(kept.data, headers={**HEADERS, "Content-Disposition": disposition}, content_type=kept.mime)
