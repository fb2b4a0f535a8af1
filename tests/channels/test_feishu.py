"""Feishu: the example of its own documentation decrypts, and its events mean something here."""

from __future__ import annotations

import json

import pytest

from bot.channels.base import (
    Batch,
    Choice,
    Outgoing,
    Withdrawal,
)
from bot.channels.feishu_envelope import decrypt
from bot.channels.vendor import (
    Reason,
    VendorAnswer,
)
from bot.errors import AuthError, TransportError
from bot.messages import Kind
from tests.channels.vendors import FEISHU, NOW, feishu_sealed, request


def read(kind: str, event: dict[str, object], *, token: str = "v3rify") -> Batch:
    header = {"event_id": "e7", "event_type": kind, "token": token}
    return FEISHU.channel().parse(FEISHU.sign(json.dumps({"schema": "2.0", "header": header, "event": event}).encode(), NOW))


def message(kind: str, content: dict[str, str], *, chat_type: str = "p2p", sender: str = "user") -> dict[str, object]:
    inside = {"message_id": "om_1", "chat_id": "oc_1", "chat_type": chat_type, "message_type": kind, "content": json.dumps(content)}
    return {"sender": {"sender_type": sender}, "message": inside}


def test_the_example_of_their_documentation_decrypts() -> None:
    assert decrypt(b"test key", "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=") == b"hello world"


def test_the_handshake_comes_without_a_signature_and_needs_key_and_token() -> None:
    def shake(token: str) -> bytes:
        return feishu_sealed(json.dumps({"challenge": "c1", "token": token, "type": "url_verification"}).encode())

    answer = FEISHU.channel().parse(request(shake("v3rify"))).answer

    assert json.loads(answer.body) == {"challenge": "c1"}
    with pytest.raises(AuthError):
        FEISHU.channel().parse(request(shake("guess")))
    with pytest.raises(AuthError):
        FEISHU.channel().parse(request(json.dumps({"challenge": "c1", "token": "v3rify", "type": "url_verification"}).encode()))


def test_an_event_of_another_app_is_refused() -> None:
    with pytest.raises(AuthError):
        read("im.message.receive_v1", message("text", {"text": "x"}), token="other")


@pytest.mark.parametrize(
    ("kind", "content", "read_as", "ref"),
    [
        ("image", {"image_key": "img_1"}, Kind.IMAGE, "om_1/img_1"),
        ("file", {"file_key": "f_1", "file_name": "a.pdf"}, Kind.FILE, "om_1/f_1"),
        ("audio", {"file_key": "f_2"}, Kind.VOICE, "om_1/f_2"),
        ("location", {"name": "广州", "longitude": "113.3", "latitude": "23.1"}, Kind.LOCATION, ""),
        ("share_chat", {}, Kind.OTHER, ""),
    ],
)
def test_every_kind_of_message_is_kept(kind: str, content: dict[str, str], read_as: Kind, ref: str) -> None:
    [found] = read("im.message.receive_v1", message(kind, content)).messages

    assert (found.kind, found.attachments[0].ref, found.client_id, found.channel_user) == (read_as, ref, "ch:om_1", "oc_1")


@pytest.mark.parametrize("event", [message("text", {"text": "x"}, chat_type="group"), message("text", {"text": "x"}, sender="app")])
def test_groups_and_apps_are_no_customers(event: dict[str, object]) -> None:
    assert read("im.message.receive_v1", event).messages == []


def test_a_press_and_a_recall_are_read() -> None:
    press = read("card.action.trigger", {"action": {"value": {"button_id": "m/0"}}, "context": {"open_chat_id": "oc_1"}})
    recall = read("im.message.recalled_v1", {"message_id": "om_1", "chat_id": "oc_1"})

    assert [(each.button_id, each.channel_user) for each in press.messages] == [("m/0", "oc_1")]
    assert recall.withdrawals == [Withdrawal("oc_1", "ch:om_1")]


def test_a_text_has_its_uuid_and_buttons_become_a_card() -> None:
    channel = FEISHU.channel()
    text = channel.build(Outgoing("oc_1", "你好", "k-1"), token="t-1")
    card = json.loads(channel.build(Outgoing("oc_1", "Which?", "k-2", buttons=(Choice("m/0", "退货"),)), token="t-1").body)

    assert json.loads(text.body) == {"receive_id": "oc_1", "msg_type": "text", "content": '{"text":"你好"}', "uuid": "k-1"}
    assert text.headers["Authorization"] == "Bearer t-1"
    assert json.loads(card["content"])["elements"][1]["actions"][0]["value"] == {"button_id": "m/0"}


def test_a_limit_says_when_to_come_back() -> None:
    with pytest.raises(TransportError) as caught:
        FEISHU.channel().read(VendorAnswer(400, {"x-ogw-ratelimit-reset": "17"}, b'{"code":99991400,"msg":"x"}'))

    assert (caught.value.reason, caught.value.retry_after_s) == (Reason.RATE, 17)
