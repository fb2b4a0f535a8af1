"""Our own signature over a body and its time, for what a company sends us and we send it; and settings that must make sense."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from bot.channels.base import WebhookRequest, unsigned
from bot.channels.reading import check_fresh, same
from bot.errors import SettingError
from bot.settings import ChannelSettings

TIMESTAMP, SIGNATURE = "x-yingda-timestamp", "x-yingda-signature"
TOLERANCE_S = 300
SHORTEST_SECRET = 16


def signed_body(secret: str, timestamp: str, body: bytes) -> str:
    """Return sha256=<hex HMAC-SHA256 of "<timestamp>.<raw body>">."""
    signed = timestamp.encode("utf8", "surrogatepass") + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def check_signed(request: WebhookRequest, secret: str, *, name: str) -> None:
    """Raise AuthError unless the request is a POST that is signed so under this secret, by a clock near ours."""
    timestamp, given = request.headers.get(TIMESTAMP, ""), request.headers.get(SIGNATURE, "")
    if request.method != "POST" or not secret or not timestamp or not same(given, signed_body(secret, timestamp, request.body)):
        raise unsigned(name)
    check_fresh(timestamp, now=request.now, window_s=TOLERANCE_S)


def check_secret(settings: ChannelSettings, name: str) -> None:
    if 0 < len(settings.get(name)) < SHORTEST_SECRET:
        raise SettingError(f"{settings.setting(name)} is shorter than {SHORTEST_SECRET} characters; make one with: openssl rand -hex 32")


def check_url(settings: ChannelSettings, name: str) -> None:
    url = settings.get(name)
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.netloc):
        raise SettingError(f"{settings.setting(name)} is {url!r}; it must be like https://company.example/yingda")
