"""A request to a vendor, and what its answer means: the part that all channels have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import msgspec

from bot.errors import TransportError

T = TypeVar("T")


class Reason(StrEnum):
    """Why a message was not delivered; the desk has a sentence for each."""

    WINDOW = "window"  # the customer wrote too long ago
    QUOTA = "quota"  # waits for the customer's next message
    BLOCKED = "blocked"  # the customer does not want to hear from us
    REFUSED = "refused"  # the vendor says no to this message
    CREDENTIALS = "credentials"  # the vendor does not take our secrets
    RATE = "rate"  # too fast for the whole account, which then rests
    BUSY = "busy"  # too fast for this one customer
    UNREACHABLE = "unreachable"  # the vendor did not answer, or said that it is unwell
    NOT_CONFIGURED = "not_configured"  # the channel's settings are gone


@dataclass(frozen=True)
class Call:
    """A request to a vendor. Its URL and body may hold secrets, so neither is ever logged."""

    method: str
    url: str = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    outside: bool = False  # somebody else named the address: it must be on the public internet

    @property
    def by_mail(self) -> bool:
        """Is it for a mail server? Then its headers are what bot.channels.mail_wire wants to know."""
        return self.method in {"SMTP", "IMAP", "CHECK"}


@dataclass(frozen=True)
class VendorAnswer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class AccessToken:
    token: str = field(repr=False)
    life_s: float


# The vendor's server, or a proxy before it, asks to be left alone or has trouble of its own.
_TEMPORARY = frozenset({408, 409, 425, 429})


def check_status(answer: VendorAnswer) -> None:
    """Raise TransportError for an HTTP status that is no success: the meaning that statuses have with every vendor."""
    status = answer.status
    if 200 <= status < 300:
        return
    if status in {401, 403}:
        # Not permanent: whoever runs the channel corrects the setting, and then it goes.
        raise TransportError(f"the vendor answered {status}", reason=Reason.CREDENTIALS, retry_after_s=60, token_refused=status == 401)
    if status == 429:
        raise TransportError("the vendor answered 429", reason=Reason.RATE, retry_after_s=retry_after_s(answer))
    if status in _TEMPORARY or status >= 500:
        raise TransportError(f"the vendor answered {status}", reason=Reason.UNREACHABLE, retry_after_s=retry_after_s(answer))
    raise TransportError(f"the vendor answered {status}", reason=Reason.REFUSED, permanent=True)


def decoded(answer: VendorAnswer, kind: type[T], *, unreadable: T | None = None) -> T:
    """Return the answer's JSON as `kind`. One that is something else means what its status means; a success, then, is `unreadable`.

    Raises TransportError, a temporary one where `unreadable` is not given.
    """
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        check_status(answer)
        if unreadable is not None:
            return unreadable
        raise TransportError("the vendor's answer cannot be read", reason=Reason.UNREACHABLE) from error


def refused(what: str, reason: Reason, wait_s: float) -> TransportError:
    """Return the error that a vendor's code means: to be tried again after `wait_s`, never where that is negative."""
    return TransportError(what, reason=reason, permanent=wait_s < 0, retry_after_s=max(0, wait_s))


def retry_after_s(answer: VendorAnswer) -> float:
    """Return the seconds of the header Retry-After; 0 when it is missing or a date."""
    value = answer.headers.get("retry-after", "")
    return min(float(value), 3600.0) if value.isascii() and value.isdecimal() and len(value) < 6 else 0.0
