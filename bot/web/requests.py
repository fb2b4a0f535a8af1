"""Edges parse: JSON bodies into typed structs, errors into JSON, limits in time."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any, TypeVar

import msgspec
from sanic import Request, Sanic
from sanic.exceptions import PayloadTooLarge, SanicException
from sanic.response import HTTPResponse
from sanic.response import json as json_response

from bot.conversations.services import Services
from bot.errors import BotError, InputError, TooManyError
from bot.ids import utcnow
from bot.redis import REDIS_DOWN, promptly

T = TypeVar("T")

App = Sanic[Any, Any]

log = logging.getLogger(__name__)


def body(request: Request, kind: type[T]) -> T:
    """Return the request's JSON body as `kind`; InputError says what is wrong and where."""
    try:
        return msgspec.json.decode(request.body or b"null", type=kind)
    except msgspec.ValidationError as error:
        fields = ", ".join(getattr(kind, "__struct_fields__", ()))
        raise InputError(f"{error}; the body is a JSON object with: {fields}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise InputError("the body is nested too deeply") from error


def services(request: Request) -> Services:
    found: Services = request.app.ctx.services
    return found


def caller(request: Request) -> str:
    """Return the address that a request comes from; behind PROXIES_COUNT proxies the one that they name.

    Of an IPv6 address the first 64 bits count: whoever has one has all that begin so (RFC 6177).
    """
    given = (request.remote_addr or request.ip).strip("[]")
    if ":" not in given:
        return given
    try:
        address = ip_address(given)
    except ValueError:
        return given
    assert isinstance(address, IPv6Address)
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


def pseudonym(request: Request) -> str:
    """Return the caller as SQL may keep it, 32 hexadecimal digits: a keyed hash, and every day another one of the same address."""
    settings = services(request).settings
    today = f"{utcnow():%Y-%m-%d} {caller(request)}"
    return hmac.digest(f"yingda caller {settings.secret_key}".encode(), today.encode(), hashlib.sha256).hex()[:32]


def answer(value: object, status: int = 200) -> HTTPResponse:
    return HTTPResponse(msgspec.json.encode(value), status=status, content_type="application/json")


async def limit(request: Request, name: str, *, times: int, per_s: int) -> None:
    """Allow `times` calls in a window of `per_s` seconds for this name; TooManyError after that."""
    await limit_each(request, {name: times}, per_s=per_s)


async def limit_each(request: Request, names: Mapping[str, int], *, per_s: int) -> None:
    """Allow each name so many calls in a window of `per_s` seconds, all counted on one way to Redis; TooManyError after that.

    The window begins with the first call and no later one prolongs it. While Redis is away, or stands still, nobody is held up.
    """
    redis = services(request).redis
    try:
        # In one transaction: a counter that lost its end would refuse for ever.
        counting = redis.pipeline()
        for name in names:
            counting.set(f"yingda:limit:{name}", 0, ex=per_s, nx=True)
            counting.incr(f"yingda:limit:{name}")
        counts = (await promptly(counting.execute()))[1::2]
        for (name, times), count in zip(names.items(), counts, strict=True):
            if count > times:
                wait = max(1, await promptly(redis.ttl(f"yingda:limit:{name}")))
                raise TooManyError(f"too many tries; allowed are {times} in {per_s} s, try again in {wait} s", retry_after_s=wait)
    except REDIS_DOWN:
        log.warning("no limit was checked for %s: Redis is away", ", ".join(name.split(":")[0] for name in names))


async def uncount(request: Request, name: str, *, those_before: bool = False) -> None:
    """Take back the call that `limit` just counted: it was none of those that are to be few, nor, if so, were those before it."""
    redis, key = services(request).redis, f"yingda:limit:{name}"
    try:
        if await redis.decr(key) <= 0 or those_before:
            await redis.delete(key)
    except REDIS_DOWN:
        log.warning("no limit was eased for %s: Redis is away", name.split(":")[0])


def install_limits(app: App, largest: int, *, larger_under: str) -> None:
    """Refuse bodies above `largest` bytes, except under the path where vendors send their batches."""

    @app.on_request
    async def small_enough(request: Request) -> None:
        if len(request.body) > largest and not request.path.startswith(larger_under):
            raise PayloadTooLarge(f"the body has {len(request.body)} bytes; allowed are {largest}")


def error_body(code: str, message: str, **more: object) -> dict[str, object]:
    return {"error": {"code": code, "message": message, **more}}


def install_errors(app: App) -> None:
    """Answer every error as JSON; what we did not foresee is logged and told without its insides."""

    @app.exception(BotError)
    async def expected(_request: Request, error: BotError) -> HTTPResponse:
        headers, more = {}, {}
        if isinstance(error, TooManyError):
            headers["Retry-After"], more = str(error.retry_after_s), {"retry_after_s": error.retry_after_s}
        return json_response(error_body(error.code, str(error), **more), status=error.status, headers=headers)

    @app.exception(SanicException)
    async def refused(_request: Request, error: SanicException) -> HTTPResponse:
        status = error.status_code or 500
        headers = dict(getattr(error, "headers", None) or {})
        return json_response(error_body("http", str(error) or "the request was refused"), status=status, headers=headers)

    @app.exception(Exception)
    async def unexpected(request: Request, error: Exception) -> HTTPResponse:
        log.error("%s %s failed: %s", request.method, request.path, type(error).__name__, exc_info=error)
        return json_response(error_body("internal", "something went wrong on our side; it is logged, please try again"), status=500)
