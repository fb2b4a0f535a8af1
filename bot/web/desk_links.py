"""The desk's calls about who a channel's customer is: send them a link, part what was linked."""

from __future__ import annotations

from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from bot.conversations import store
from bot.conversations.links import invite, unlink
from bot.errors import ConflictError
from bot.ids import new_id
from bot.languages import notice
from bot.web.desk import check_own, session_of
from bot.web.requests import answer, services

blueprint = Blueprint("desk_links", url_prefix="/api/desk/conversations")


@blueprint.post("/<conversation_id:str>/link")
async def send_link(request: Request, conversation_id: str) -> HTTPResponse:
    """Send the customer, as this agent, a link by which the shop can answer for them."""
    session = await session_of(request)
    box = services(request)
    async with box.database.read() as connection:
        row = await store.conversation(connection, conversation_id)
    address = await invite(box.settings, box.database, row.thread_id, actor=f"agent:{session.agent.id}")
    if not address:
        raise ConflictError("there is no link to send: the customer is known, is on the website, or LINK_URL is not set")
    text = notice("link_invitation", row.language, url=address)
    await request.app.ctx.service.reply_as_agent(session.agent.id, conversation_id, client_id=new_id(), text=text)
    return answer({})


@blueprint.post("/<conversation_id:str>/unlink")
async def part(request: Request, conversation_id: str) -> HTTPResponse:
    session = await check_own(request, conversation_id)
    await unlink(services(request), conversation_id, actor=f"agent:{session.agent.id}")
    return answer({})
