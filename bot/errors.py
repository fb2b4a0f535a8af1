"""The one tree of errors.

BotError
├── SettingError      a setting is missing or wrong: name, value, what is allowed
├── InputError        what someone sent cannot be accepted (HTTP 400)
├── AuthError         nobody is proven to be behind the request (HTTP 401)
├── ForbiddenError    somebody is, and may not do this (HTTP 403)
├── NotFoundError     the thing named does not exist, or not for this person (HTTP 404)
├── ConflictError     the world has moved on: stale epoch, lost claim, second return (HTTP 409)
│   └── CapacityError the agent serves as many conversations as they may
├── TooManyError      a limit in time; `retry_after_s` says when to come back (HTTP 429)
└── ServiceError      something that we call failed; `permanent` decides whether to retry (HTTP 503)
    └── TransportError a channel's vendor did not take a message; `retry_after_s` says when it may be sent again
"""

from __future__ import annotations


class BotError(Exception):
    """Anything that Yingda raises on purpose. The message names the thing, its value and what is allowed."""

    status = 500
    code = "error"


class SettingError(BotError):
    code = "setting"


class InputError(BotError):
    status = 400
    code = "input"


class AuthError(BotError):
    status = 401
    code = "auth"


class ForbiddenError(BotError):
    status = 403
    code = "forbidden"


class NotFoundError(BotError):
    status = 404
    code = "not_found"


class ConflictError(BotError):
    status = 409
    code = "conflict"


class CapacityError(ConflictError):
    code = "capacity"


class TooManyError(BotError):
    status = 429
    code = "too_many"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ServiceError(BotError):
    status = 503
    code = "service"

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class TransportError(ServiceError):
    """`reason` is a word that the desk has a sentence for; the message is for the log and holds no customer's text."""

    code = "transport"

    def __init__(
        self, message: str, *, reason: str, permanent: bool = False, retry_after_s: float = 0, token_refused: bool = False
    ) -> None:
        super().__init__(message, permanent=permanent)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.token_refused = token_refused


def own_cause(error: BaseException) -> BotError | None:
    """Return the error of ours that a library has wrapped into its own."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, BotError):
        cause = cause.__cause__
    return cause
