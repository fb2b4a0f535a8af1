"""LINE: a signature of their own SDK's tests, events as their reference shows them."""

from __future__ import annotations

import json

import pytest

from bot.channels.base import (
    Batch,
    Choice,
    Outgoing,
    Withdrawal,
)
from bot.channels.vendor import (
    VendorAnswer,
)
from bot.errors import AuthError, InputError
from bot.messages import Kind
from tests.channels.conftest import account
from tests.channels.vendors import LINE, NOW, request

USER = {"type": "user", "userId": "U4af4980629"}


def read(*events: dict[str, object]) -> Batch:
    whole = [{"mode": "active", "source": USER, "webhookEventId": f"E{number}", **event} for number, event in enumerate(events)]
    return LINE.channel().parse(LINE.sign(json.dumps({"destination": "U0", "events": whole}).encode(), NOW))


def test_the_signature_of_their_own_tests_is_right() -> None:
    """From tests/v3/test_webhook.py of line-bot-sdk-python: right for the body, which then is no JSON."""
    channel = account("line", SECRET="channel_secret", TOKEN="t")
    signed = request(b"bodybodybodybody", headers={"x-line-signature": "/gg9a+LvFevTH1sd7XCQycD7tsWclCsInj7MhBHxN7k="})

    with pytest.raises(InputError):
        channel.parse(signed)
    with pytest.raises(AuthError):
        channel.parse(request(b"bodybodybodybodz", headers=dict(signed.headers)))


def test_the_consoles_verification_without_events_is_answered() -> None:
    batch = read()

    assert (batch.messages, batch.answer.status) == ([], 200)


def test_every_event_of_a_batch_is_read() -> None:
    batch = read(
        {"type": "message", "message": {"id": "1", "type": "text", "text": "你好"}},
        {"type": "message", "message": {"id": "2", "type": "file", "fileName": "a.pdf", "fileSize": 2138}},
        {"type": "message", "message": {"id": "3", "type": "location", "title": "home", "latitude": 1.0, "longitude": 2.0}},
        {"type": "postback", "postback": {"data": "m/0"}},
        {"type": "follow"},
        {"type": "unfollow"},
        {"type": "unsend", "unsend": {"messageId": "1"}},
    )

    found = [(each.kind, each.text, each.button_id, each.client_id) for each in batch.messages]
    assert found == [
        (Kind.TEXT, "你好", "", "ch:1"),
        (Kind.FILE, "", "", "ch:2"),
        (Kind.LOCATION, "", "", "ch:3"),
        (Kind.TEXT, "", "m/0", "ch:E3"),
        (Kind.EVENT, "", "", "ch:E4"),
    ]
    assert batch.messages[1].attachments[0].size == 2138
    assert batch.withdrawals == [Withdrawal("U4af4980629", "ch:1")]


@pytest.mark.parametrize("changes", [{"mode": "standby"}, {"source": {"type": "group", "groupId": "C1", "userId": "U1"}}])
def test_standby_and_groups_are_left_alone(changes: dict[str, object]) -> None:
    assert read({"type": "message", "message": {"id": "1", "type": "text", "text": "x"}, **changes}).messages == []


def test_a_push_has_its_retry_key_and_quick_replies() -> None:
    key = "123e4567-e89b-12d3-a456-426614174000"
    call = LINE.channel().build(Outgoing("U1", "Which?", key, buttons=(Choice("m/0", "退货"),)), token="")

    assert call.headers["X-Line-Retry-Key"] == key
    body = json.loads(call.body)
    assert body["to"] == "U1"
    assert body["messages"][0]["quickReply"]["items"][0]["action"] == {
        "type": "postback",
        "label": "退货",
        "data": "m/0",
        "displayText": "退货",
    }


def test_a_key_that_was_used_before_means_delivered() -> None:
    assert LINE.channel().read(VendorAnswer(409, {}, b'{"message":"The retry key is already accepted"}')) == ""
