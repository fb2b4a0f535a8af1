"""Files that agents send: taken from the desk, and shown to who has their address."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import quote

from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from bot.channels import media, shares
from bot.channels.files import SentFile, takes
from bot.channels.filetype import SHOWABLE, file_type
from bot.conversations import store
from bot.errors import InputError, NotFoundError
from bot.web.deliveries import rules_of
from bot.web.desk import check_client_id, session_of
from bot.web.desk_media import HEADERS
from bot.web.requests import answer, caller, limit, services
from bot.web.views import messages_view

# A shop's page on another host shows them too, and the same address always is the same file.
OPEN_HEADERS = {**HEADERS, "Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "private, max-age=86400"}
LONGEST_NAME = 200

blueprint = Blueprint("files")


@blueprint.post("/api/desk/conversations/<conversation_id:str>/files", stream=True)
async def send(request: Request, conversation_id: str) -> HTTPResponse:
    """Store the body, a file of an agent, as a message; it is looked at before anything of it is kept."""
    session = await session_of(request)
    box = services(request)
    client_id = check_client_id(request.args.get("client_id", ""))
    assert request.stream is not None
    request.stream.request_max_size = box.settings.media_most_mb * 1024 * 1024
    await request.receive_body()  # type: ignore[no-untyped-call]
    file = await asyncio.to_thread(_looked_at, request.body, request.args.get("name", "")[:LONGEST_NAME])
    async with box.database.read() as connection:
        row = await store.conversation(connection, conversation_id)
        rules = await rules_of(connection, request.app.ctx.channels, row.thread_id)
    if rules is not None and not takes(rules, file.mime, len(file.data)):
        raise InputError(f"this channel does not take {file.mime} of {len(file.data)} bytes; send what its page in docs/channels names")
    message = await request.app.ctx.service.reply_as_agent(session.agent.id, conversation_id, client_id=client_id, file=file)
    async with box.database.read() as connection:
        [view] = await messages_view(connection, [message], desk=True)
    return answer({"message": view})


def _looked_at(data: bytes, name: str) -> SentFile:
    kind = file_type(data)
    if kind is None:
        raise InputError(
            "the file is of a kind that is not sent: pictures, audio, video, PDF, office documents without macros and plain text are"
        )
    return SentFile(kind.name_for(name), kind.mime, data)


@blueprint.get(f"{shares.PREFIX}<key:str>/<_name:str>")
async def show(request: Request, key: str, _name: str) -> HTTPResponse:
    """Give the file to who has its address, a customer or a vendor."""
    await limit(request, f"file:{caller(request)}", times=300, per_s=60)
    box = services(request)
    media_id = box.shares.media_id(key, now=time.time())
    async with box.database.read() as connection:
        kept = await media.load(connection, box.cipher, media_id) if media_id else None
    if kept is None:
        raise NotFoundError("there is no such file here (any more)")
    shown = "inline" if kept.mime in SHOWABLE else "attachment"
    headers = {**OPEN_HEADERS, "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(kept.name, safe='')}"}
    return HTTPResponse(kept.data, headers=headers, content_type=kept.mime)
