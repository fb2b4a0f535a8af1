"""Signatures of requests to a company's shop: HMAC-SHA256 over method, path, time and raw body, under a shared secret.

The company's side checks them with `verify`, or does the same in its own language: the signed bytes are

    v1 <newline> METHOD <newline> path?query as sent <newline> timestamp <newline> body
"""

from __future__ import annotations

import hashlib
import hmac

from bot.errors import AuthError

TIMESTAMP = "X-Yingda-Timestamp"  # seconds since 1970
SIGNATURE = "X-Yingda-Signature"  # v1=<64 hexadecimal digits>
TOLERANCE_S = 300  # older requests are refused, so that one that was overheard cannot be sent again later


def sign(secret: str, method: str, path: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove who sends the request; `path` is as sent, with its query."""
    return {TIMESTAMP: str(timestamp), SIGNATURE: _signature(secret, method, path, str(timestamp), body)}


def verify(secret: str, method: str, path: str, body: bytes, *, timestamp: str, signature: str, now: float) -> None:
    """Raise AuthError unless the signature is right and not older (or newer) than the tolerance."""
    if not timestamp.isascii() or not timestamp.isdigit() or abs(now - int(timestamp)) > TOLERANCE_S:
        raise AuthError(f"{TIMESTAMP} is {timestamp[:20]!r}; it must be the time in seconds, at most {TOLERANCE_S} away from now")
    if not hmac.compare_digest(signature.encode(), _signature(secret, method, path, timestamp, body).encode()):
        raise AuthError(f"{SIGNATURE} does not match the request")


def _signature(secret: str, method: str, path: str, timestamp: str, body: bytes) -> str:
    signed = f"v1\n{method.upper()}\n{path}\n{timestamp}\n".encode() + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
