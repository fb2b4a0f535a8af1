"""A channel's customer says at the company's page who they are: what the page asks, and what its back end tells us."""

from __future__ import annotations

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from bot.conversations import links
from bot.web.requests import answer, body, caller, limit, services
from bot.web.views import iso

blueprint = Blueprint("links", url_prefix="/api/links")


class ConfirmBody(msgspec.Struct, forbid_unknown_fields=True):
    identity: str


@blueprint.get("/")
async def look(request: Request) -> HTTPResponse:
    """Say what a link is for, so that the page can ask its customer a clear question."""
    await limit(request, f"link:{caller(request)}", times=60, per_s=60)
    found = await links.look(services(request), request.args.get("link", ""))
    return answer({"channel": found.channel, "asked_at": iso(found.asked_at)})


@blueprint.post("/")
async def confirm(request: Request) -> HTTPResponse:
    """Link, on the word of the shop; its JWT holds the customer as `sub` and the link's token as `link`."""
    await limit(request, f"link:{caller(request)}", times=60, per_s=60)
    await links.confirm(services(request), body(request, ConfirmBody).identity)
    return answer({})
