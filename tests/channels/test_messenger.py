"""Messenger and Instagram: payloads as Meta documents them."""

from __future__ import annotations

import json

import pytest

from bot.channels.base import (
    Batch,
    Choice,
    Outgoing,
    Receipt,
    WebhookRequest,
    Withdrawal,
)
from bot.channels.vendor import (
    Reason,
    VendorAnswer,
)
from bot.errors import AuthError, TransportError
from bot.messages import Kind
from tests.channels.vendors import INSTAGRAM, MESSENGER, NOW, Case, altered

both = pytest.mark.parametrize("case", [MESSENGER, INSTAGRAM], ids=lambda case: case.kind)


def read(case: Case, *events: dict[str, object], account: str = "PAGE", about: str = "") -> Batch:
    about = about or ("page" if case is MESSENGER else "instagram")
    whole = [{"sender": {"id": "42"}, "recipient": {"id": account}, "timestamp": 1, **event} for event in events]
    body = json.dumps({"object": about, "entry": [{"id": account, "time": 1, "messaging": whole}]}).encode()
    return case.channel().parse(case.sign(body, NOW))


@both
def test_the_handshake_echoes_for_who_knows_our_token(case: Case) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify-me", "hub.challenge": "77"}
    shake = WebhookRequest("GET", "/", query, {}, b"", NOW)

    assert case.channel().parse(shake).answer.body == b"77"
    with pytest.raises(AuthError):
        case.channel().parse(altered(shake, query={**query, "hub.verify_token": ""}))


@both
def test_every_event_of_metas_batch_is_read(case: Case) -> None:
    batch = read(
        case,
        {"message": {"mid": "m1", "text": "你好"}},
        {"message": {"mid": "m2", "text": "Return", "quick_reply": {"payload": "b/0"}}},
        {"message": {"mid": "m3", "attachments": [{"type": "image", "payload": {"url": "https://cdn.example/1"}}]}},
        {"message": {"mid": "m4", "attachments": [{"type": "fallback", "payload": None}]}},
        {"postback": {"mid": "m5", "title": "Start", "payload": "ask:order_status"}},
        {"message": {"mid": "m6", "text": "we said", "is_echo": True}},
        {"message": {"mid": "m1", "is_deleted": True}},
        {"delivery": {"mids": ["s1"], "watermark": 1}},
        {"read": {"watermark": 1}},
    )

    assert [(each.client_id, each.kind, each.text, each.button_id) for each in batch.messages] == [
        ("ch:m1", Kind.TEXT, "你好", ""),
        ("ch:m2", Kind.TEXT, "Return", "b/0"),
        ("ch:m3", Kind.IMAGE, "", ""),
        ("ch:m4", Kind.OTHER, "", ""),
        ("ch:m5", Kind.TEXT, "Start", "ask:order_status"),
    ]
    assert (batch.withdrawals, batch.receipts) == ([Withdrawal("42", "ch:m1")], [Receipt("s1", "delivered")])


@both
def test_other_accounts_of_the_app_are_left_alone(case: Case) -> None:
    assert read(case, {"message": {"mid": "m1", "text": "x"}}, account="OTHER").messages == []
    assert read(case, {"message": {"mid": "m1", "text": "x"}}, about="user").messages == []


@both
def test_choices_are_quick_replies(case: Case) -> None:
    call = case.channel().build(Outgoing("42", "Which?", "k", buttons=(Choice("b/0", "退货"),)), token="")

    body = json.loads(call.body)
    assert (body["recipient"], body["messaging_type"]) == ({"id": "42"}, "RESPONSE")
    assert body["message"]["quick_replies"] == [{"content_type": "text", "title": "退货", "payload": "b/0"}]


@pytest.mark.parametrize(
    ("error", "reason", "permanent"),
    [
        ({"code": 10, "error_subcode": 2018278}, Reason.WINDOW, True),
        ({"code": 551}, Reason.BLOCKED, True),
        ({"code": 613}, Reason.RATE, False),
        ({"code": 190}, Reason.CREDENTIALS, False),
        ({"code": 100}, Reason.REFUSED, True),
    ],
)
def test_metas_codes_mean_something_here(error: dict[str, int], reason: Reason, permanent: bool) -> None:
    with pytest.raises(TransportError) as caught:
        MESSENGER.channel().read(VendorAnswer(400, {}, json.dumps({"error": error}).encode()))

    assert (caught.value.reason, caught.value.permanent) == (reason, permanent)
