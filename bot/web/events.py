"""Events pushed by the company's website or customer data platform: signed, stored, then acknowledged. docs/api.md has the form."""

from __future__ import annotations

import hashlib
import hmac
import time

import msgspec
from sanic import Blueprint, Request
from sanic.exceptions import PayloadTooLarge
from sanic.response import HTTPResponse

from bot.customers.pushed import store_pushed
from bot.errors import AuthError, InputError
from bot.web.requests import answer, limit, services

TIMESTAMP = "X-Yingda-Timestamp"  # seconds since 1970
SIGNATURE = "X-Yingda-Signature"  # v1=<64 hexadecimal digits>
TOLERANCE_S = 300  # what was overheard cannot be sent again later
LARGEST_BODY = 2**20  # bytes
MOST_EVENTS = 500
CALLS_A_MINUTE = 600

blueprint = Blueprint("events", url_prefix="/api/events")


class Batch(msgspec.Struct):
    batch: list[msgspec.Raw]


@blueprint.post("/", strict_slashes=False, stream=True)
async def push(request: Request) -> HTTPResponse:
    """Store one event or a batch; the 200 is given when all of it is in SQL."""
    body = await _body(request)
    verify(services(request).settings.events_secret, request.headers.get(TIMESTAMP, ""), request.headers.get(SIGNATURE, ""), body)
    await limit(request, "events", times=CALLS_A_MINUTE, per_s=60)
    items = _items(body)
    async with services(request).database.write() as connection:
        return answer(await connection.run_sync(store_pushed, items))


async def _body(request: Request) -> bytes:
    """Read the body up to this address's own limit, which is larger than the others'."""
    body = bytearray()
    while part := await request.stream.read():  # type: ignore[union-attr]
        body += part
        if len(body) > LARGEST_BODY:
            raise PayloadTooLarge(f"the body is larger than {LARGEST_BODY} bytes; send smaller batches")
    return bytes(body)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return what the header X-Yingda-Signature must hold."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def verify(secret: str, timestamp: str, given: str, body: bytes, *, now: float | None = None) -> None:
    """Raise AuthError unless the signature is right and not older (or newer) than the tolerance."""
    now = time.time() if now is None else now
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12 or abs(now - int(timestamp)) > TOLERANCE_S:
        raise AuthError(f"{TIMESTAMP} is {timestamp[:20]!r}; it must be the time in seconds, at most {TOLERANCE_S} away from now")
    if not hmac.compare_digest(given.encode(), signature(secret, timestamp, body).encode()):
        raise AuthError(f"{SIGNATURE} does not match the body")


def _items(body: bytes) -> list[msgspec.Raw]:
    try:
        found = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        items = msgspec.json.decode(body, type=Batch).batch if "batch" in found else [msgspec.Raw(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"the body must be an event, or {{batch: [event …]}}: {error}") from error
    if len(items) > MOST_EVENTS:
        raise InputError(f"the batch has {len(items)} events; allowed are {MOST_EVENTS}")
    return items
