"""Reading what vendors send: signatures in constant time, times within a window, JSON as typed structs, ids that fit our columns."""

from __future__ import annotations

import hashlib
import hmac
from typing import TypeVar

import msgspec

from bot.errors import AuthError, InputError

# The widths of threads.channel_user and messages.client_id.
LONGEST_USER = 128
LONGEST_ID = 60

T = TypeVar("T")


def same(given: str | bytes, expected: str | bytes) -> bool:
    """Compare in constant time; whatever was sent, also what is no ASCII, is only unequal."""
    return hmac.compare_digest(_bytes(given), _bytes(expected))


def check_fresh(timestamp: str, *, now: float, window_s: float, unit_s: float = 1) -> None:
    """Raise AuthError unless the time, a count of `unit_s` since 1970, is at most `window_s` away from now."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 16):
        raise AuthError(f"the timestamp is {timestamp[:20]!r}; it must be a number")
    if abs(int(timestamp) * unit_s - now) > window_s:
        raise AuthError(f"the timestamp is {timestamp[:20]!r}, more than {window_s:g} s away from our time; check both clocks")


def from_json(body: bytes, kind: type[T]) -> T:
    """Return the JSON as `kind`; InputError, which quotes nothing of it, when it is something else."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"the body is not the JSON that this channel's vendor documents: {type(error).__name__}") from error


def user_id(value: str) -> str:
    """Return the channel's id of a customer; InputError when there is none or it does not fit."""
    if not 0 < len(value) <= LONGEST_USER or not value.isprintable():
        raise InputError(f"the customer's id has {len(value)} characters; allowed are 1 to {LONGEST_USER}, all printable")
    return value


def message_id(value: str) -> str:
    """Return the channel's id of a message as the key that keeps it from being stored twice; a long one by its hash."""
    if not value:
        raise InputError("a message has no id; without one it could be stored twice")
    if len(value) <= LONGEST_ID and value.isprintable():
        return f"ch:{value}"
    return "ch#" + hashlib.sha256(value.encode("utf8", "surrogatepass")).hexdigest()[:LONGEST_ID]


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf8", "surrogatepass")
