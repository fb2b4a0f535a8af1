"""What both servers on loopback share: the internal token, and errors in JSON. Free of Rasa, since the action server is small."""

from __future__ import annotations

import hmac
import logging
from typing import Any

import msgspec
from sanic import Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import HTTPResponse, raw

from bot.errors import BotError

logger = logging.getLogger(__name__)

App = Sanic[Any, Any]

# A turn under way may end; after that the supervisor wants its process back.
GRACE_S = 5.0

OPEN_PATHS = frozenset({"/status", "/health"})


def require_token(app: App, token: str) -> None:
    """Refuse every request without the internal token, but for the open paths; the app must not run with an empty token."""
    if not token:
        raise ValueError("the internal token is empty; YINGDA_INTERNAL_TOKEN must be set")
    expected = f"Bearer {token}".encode()

    @app.on_request  # type: ignore[untyped-decorator]
    async def check(request: Request) -> HTTPResponse | None:
        given = request.headers.get("authorization", "").encode()
        if request.path in OPEN_PATHS or hmac.compare_digest(given, expected):
            return None
        return error_response(401, "auth", "this is for Yingda's own processes: Authorization: Bearer <YINGDA_INTERNAL_TOKEN>")


def answer_errors_in_json(app: App) -> None:
    """Answer every error as {"error": {"code", "message"}}; one that nobody raised on purpose is logged and says nothing of itself."""

    @app.exception(Exception)  # type: ignore[untyped-decorator]
    async def failed(request: Request, error: Exception) -> HTTPResponse:
        if isinstance(error, BotError):
            return error_response(error.status, error.code, str(error))
        if isinstance(error, msgspec.DecodeError):
            return error_response(400, "input", f"the body is no bot.messages.TurnRequest: {error}")
        if isinstance(error, SanicException):
            return error_response(error.status_code or 500, "http", str(error))
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
        return error_response(500, "failed", "the request failed; the log says why")


def error_response(status: int, code: str, message: str) -> HTTPResponse:
    return json_response({"error": {"code": code, "message": message}}, status=status)


def _plain(value: Any) -> Any:
    """Components of Rasa's own leave numpy's numbers in a parse."""
    return value.item()


def json_response(body: object, *, status: int = 200) -> HTTPResponse:
    return raw(msgspec.json.encode(body, enc_hook=_plain), status=status, content_type="application/json")
