"""Each kind of channel as its vendor behaves: how it signs, what it sends, how it answers. The common tests go through this table."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from bot.channels.base import Channel, WebhookRequest
from bot.channels.registry import KINDS
from bot.settings import ChannelSettings
from tests.channels.simulator import Received, Says

NOW = 1_795_300_000.0
SECRET = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Case:
    """One vendor. `payload(text, id, user)` is a text message as the vendor documents it; `sign` makes its request."""

    kind: str
    settings: Callable[[str], dict[str, str]]  # of the vendor's address
    payload: Callable[[str, str, str], bytes]
    sign: Callable[[bytes, float], WebhookRequest]
    sent: Callable[[Received], str]  # the text that we sent
    is_send: Callable[[Received], bool] = lambda _request: True
    covers_body: bool = True  # the signature depends on the body
    timed: bool = True  # and on the time
    taken: Says = field(default_factory=Says)
    too_fast: Says = field(default_factory=lambda: Says(status=429))
    unwell: Says = field(default_factory=lambda: Says(status=503))
    refused: Says = field(default_factory=lambda: Says(status=400))
    expired: Says | None = None  # our access token is no longer good
    token: Says | None = None

    def channel(self, url: str = "http://127.0.0.1:9") -> Channel:
        return KINDS[self.kind](ChannelSettings(self.kind, self.kind, self.settings(url)))


def request(body: bytes, *, headers: dict[str, str] | None = None, query: dict[str, str] | None = None, now: float = NOW) -> WebhookRequest:
    return WebhookRequest("POST", "/webhooks/x", query or {}, headers or {}, body, now)


def hmac_hex(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def altered(wanted: WebhookRequest, **changes: object) -> WebhookRequest:
    return replace(wanted, **changes)  # type: ignore[arg-type]


# --- the generic webhook


def _webhook_payload(text: str, message_id: str, user: str) -> bytes:
    return json.dumps({"messages": [{"id": message_id, "user": user, "text": text}]}).encode()


def _webhook_sign(body: bytes, now: float) -> WebhookRequest:
    timestamp = str(int(now))
    headers = {"x-yingda-timestamp": timestamp, "x-yingda-signature": "sha256=" + hmac_hex(timestamp.encode() + b"." + body)}
    return request(body, headers=headers, now=now)


WEBHOOK = Case(
    kind="webhook",
    settings=lambda url: {"SECRET": SECRET, "URL": f"{url}/in"},
    payload=_webhook_payload,
    sign=_webhook_sign,
    sent=lambda got: str(json.loads(got.body)["text"]),
    taken=Says(body=b'{"id": "v1"}'),
)

CASES = [WEBHOOK]

every_channel = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
# What needs a database: one channel in the quick suite, all of them in `make test`.
every_channel_in_full = pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.kind, marks=[] if case is WEBHOOK else [pytest.mark.slow]) for case in CASES]
)
