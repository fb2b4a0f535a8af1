"""An account has one callback address: what its vendor sends is passed on, as it came, to the callback that the company already runs.

Only what was verified is passed on, with its own signature, once. What that callback answers is the vendor's answer where we have none.
"""

from __future__ import annotations

import asyncio
import logging

from sanic import Request

from bot.channels.base import (
    Answer,
    Channel,
)
from bot.channels.client import VendorClient
from bot.channels.vendor import (
    Call,
)
from bot.errors import TransportError

RELAY_S = 4.0  # of the vendor's 5
MOST_BYTES = 64 * 1024  # of an answer
RELAYED = "X-Yingda-Relayed"  # keeps two systems that pass on to each other from doing so for ever
NOTHING = frozenset({b"", b"success"})  # answers that say nothing to the customer

log = logging.getLogger(__name__)

Relay = asyncio.Task[Answer | None]


def begin(request: Request, channel: Channel) -> Relay | None:
    """Pass a verified request on, beside what we do with it; None where there is nobody to pass it on to."""
    url = channel.settings.get("RELAY_URL")
    if not url or request.method != "POST" or RELAYED.lower() in request.headers:
        return None
    query = f"{'&' if '?' in url else '?'}{request.query_string}" if request.query_string else ""
    headers = {"Content-Type": request.headers.get("Content-Type") or "text/xml", RELAYED: channel.name}
    client: VendorClient = request.app.ctx.relays
    return asyncio.create_task(_pass_on(client, Call("POST", f"{url}{query}", request.body, headers), channel.name))


async def join(own: Answer, relay: Relay | None) -> Answer:
    """Return our answer, or the other callback's where ours says nothing."""
    theirs = await relay if relay is not None else None
    return theirs if theirs is not None and own.body.strip() in NOTHING else own


async def _pass_on(client: VendorClient, call: Call, name: str) -> Answer | None:
    try:
        answer = await client.fetch(call, most_bytes=MOST_BYTES)
    except TransportError as error:
        log.warning("a request of %s was not passed on: %s", name, error)
        return None
    if not 200 <= answer.status < 300:
        log.warning("a request of %s was passed on and answered %s", name, answer.status)
        return None
    if answer.body.strip() in NOTHING:
        return None
    return Answer(answer.body, content_type=answer.headers.get("content-type", "application/xml; charset=utf-8"))
