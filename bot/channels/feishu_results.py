"""What Feishu's answers mean: a result, or a code that says why there is none."""

from __future__ import annotations

import msgspec

from bot.channels.vendor import (
    Reason,
    VendorAnswer,
    check_status,
    decoded,
    refused,
)
from bot.errors import TransportError

_TOKEN_GONE = frozenset({99991661, 99991663, 99991664, 99991668, 99991677})
_REASONS: dict[int, tuple[Reason, float]] = {  # seconds to wait; negative: permanent
    99991400: (Reason.RATE, 1),
    11232: (Reason.RATE, 1),
    11233: (Reason.BUSY, 1),
    230020: (Reason.BUSY, 1),  # the chat's limit
    230002: (Reason.BLOCKED, -1),  # the bot is not in the chat
    230013: (Reason.BLOCKED, -1),  # the bot is not available to the user
    230006: (Reason.CREDENTIALS, 60),  # the app has no bot
    99991672: (Reason.CREDENTIALS, 60),  # the app lacks the permission
    10003: (Reason.CREDENTIALS, 60),
    10014: (Reason.CREDENTIALS, 60),  # wrong app secret
}


class Sent(msgspec.Struct, frozen=True):
    message_id: str = ""
    image_key: str = ""  # of an upload
    file_key: str = ""


class Result(msgspec.Struct, frozen=True):
    code: int = 0
    data: Sent | None = None
    tenant_access_token: str = ""
    expire: int = 0


def result_of(answer: VendorAnswer) -> Result:
    """Return a result that is well; TransportError with what the code means, else what the status means."""
    result = decoded(answer, Result)
    if result.code == 0:
        check_status(answer)
        return result
    what = f"code {result.code}"
    if result.code in _TOKEN_GONE:
        raise TransportError(what, reason=Reason.CREDENTIALS, token_refused=True, retry_after_s=5)
    if result.code in _REASONS:
        reason, wait_s = _REASONS[result.code]
        reset = answer.headers.get("x-ogw-ratelimit-reset", "")
        wait_s = max(wait_s, float(reset)) if reset.isdecimal() and len(reset) < 5 else wait_s
        raise refused(what, reason, wait_s)
    if answer.status >= 500 or answer.status == 429:
        check_status(answer)
    raise TransportError(what, reason=Reason.REFUSED, permanent=True)
