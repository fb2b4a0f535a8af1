"""WhatsApp Cloud API: payloads as Meta documents them; pywa, which is none of ours, reads what we read."""

from __future__ import annotations

import json

import pytest
from pywa import WhatsApp
from pywa.types import Message
from pywa.utils import webhook_updates_validator

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
from tests.channels.vendors import NOW, SECRET, WHATSAPP, altered


def batch_of(*values: dict[str, object], phone: str = "123456123") -> bytes:
    changes = [
        {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": {"phone_number_id": phone}, **value}}
        for value in values
    ]
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "0", "changes": changes}]}).encode()


def read(body: bytes) -> Batch:
    return WHATSAPP.channel().parse(WHATSAPP.sign(body, NOW))


def message(kind: str, key: str = "wamid.1", **inside: object) -> dict[str, object]:
    return {"from": "16315551181", "id": key, "timestamp": "1504902988", "type": kind, **inside}


def test_the_handshake_echoes_for_who_knows_our_token_only() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify-me", "hub.challenge": "1158201444"}
    shake = WebhookRequest("GET", "/", query, {}, b"", NOW)

    assert WHATSAPP.channel().parse(shake).answer.body == b"1158201444"
    with pytest.raises(AuthError):
        WHATSAPP.channel().parse(altered(shake, query={**query, "hub.verify_token": "guess"}))


def test_their_library_agrees_on_the_signature_and_reads_the_same() -> None:
    body = WHATSAPP.payload("你好", "wamid.HBg", "16315551181")
    signature = WHATSAPP.sign(body, NOW).headers["x-hub-signature-256"]
    theirs = Message.from_update(WhatsApp(), json.loads(body))

    [ours] = read(body).messages

    assert webhook_updates_validator(SECRET, body, signature)
    assert (ours.text, ours.channel_user, ours.client_id) == (theirs.text, theirs.from_user.wa_id, f"ch:{theirs.id}")


def test_every_message_and_status_of_a_batch_is_read() -> None:
    texts = [message("text", f"wamid.{number}", text={"body": str(number)}) for number in range(3)]
    statuses = [{"id": "wamid.9", "status": "delivered"}, {"id": "wamid.9", "status": "read"}]

    batch = read(batch_of({"messages": texts[:2]}, {"messages": texts[2:]}, {"statuses": statuses}))

    assert [each.text for each in batch.messages] == ["0", "1", "2"]
    assert batch.receipts == [Receipt("wamid.9", "delivered"), Receipt("wamid.9", "read")]


def test_another_numbers_messages_are_left_to_its_own_account() -> None:
    assert read(batch_of({"messages": [message("text", text={"body": "x"})]}, phone="999")).messages == []


@pytest.mark.parametrize(
    ("inside", "kind", "button", "text"),
    [
        (message("image", image={"id": "i1", "mime_type": "image/jpeg", "caption": "broken"}), Kind.IMAGE, "", "broken"),
        (message("document", document={"id": "d1", "filename": "a.pdf"}), Kind.FILE, "", ""),
        (message("audio", audio={"id": "a1", "voice": True}), Kind.VOICE, "", ""),
        (message("location", location={"latitude": 1.0, "longitude": 2.0, "name": "Home"}), Kind.LOCATION, "", ""),
        (
            message("interactive", interactive={"type": "button_reply", "button_reply": {"id": "m/0", "title": "Yes"}}),
            Kind.TEXT,
            "m/0",
            "Yes",
        ),
        (message("interactive", interactive={"type": "list_reply", "list_reply": {"id": "m/7", "title": "Six"}}), Kind.TEXT, "m/7", "Six"),
        (message("button", button={"text": "Stop", "payload": "stop"}), Kind.TEXT, "", "Stop"),
        (message("unsupported", errors=[{"code": 131051}]), Kind.OTHER, "", ""),
    ],
)
def test_every_kind_of_message_is_kept(inside: dict[str, object], kind: Kind, button: str, text: str) -> None:
    [found] = read(batch_of({"messages": [inside]})).messages

    assert (found.kind, found.button_id, found.text) == (kind, button, text)


def test_who_shows_a_username_has_no_number_and_is_answered_all_the_same() -> None:
    anonymous = {key: value for key, value in message("text", text={"body": "x"}).items() if key != "from"}

    [found] = read(batch_of({"messages": [{**anonymous, "from_user_id": "US.13491208655302741918"}]})).messages

    sent = json.loads(WHATSAPP.channel().build(Outgoing(found.channel_user, "hi", "k"), token="").body)
    assert (sent["recipient"], "to" in sent) == ("US.13491208655302741918", False)


def test_a_message_that_is_taken_back_is_a_withdrawal() -> None:
    body = batch_of({"messages": [message("revoke", "wamid.2", revoke={"original_message_id": "wamid.1"})]})

    assert (read(body).messages, read(body).withdrawals) == ([], [Withdrawal("16315551181", "ch:wamid.1")])


def test_a_reaction_is_no_message() -> None:
    assert read(batch_of({"messages": [message("reaction", reaction={"message_id": "w", "emoji": "👍"})]})).messages == []


@pytest.mark.parametrize(("count", "kind"), [(0, "text"), (3, "button"), (4, "list")])
def test_choices_are_buttons_or_a_list(count: int, kind: str) -> None:
    choices = tuple(Choice(f"m/{number}", f"Choice {number}") for number in range(count))
    body = json.loads(WHATSAPP.channel().build(Outgoing("1631", "Which?", "k", buttons=choices, language="en"), token="").body)

    found = body["interactive"]["type"] if count else body["type"]
    assert (body["messaging_product"], body["to"], found) == ("whatsapp", "1631", kind)


@pytest.mark.parametrize(
    ("code", "reason", "permanent"),
    [
        (131047, Reason.WINDOW, True),
        (130429, Reason.RATE, False),
        (131056, Reason.BUSY, False),
        (131026, Reason.BLOCKED, True),
        (190, Reason.CREDENTIALS, False),
        (100, Reason.REFUSED, True),
    ],
)
def test_the_vendors_codes_mean_something_here(code: int, reason: Reason, permanent: bool) -> None:
    with pytest.raises(TransportError) as caught:
        WHATSAPP.channel().read(VendorAnswer(400, {}, json.dumps({"error": {"code": code, "message": "to +1631"}}).encode()))

    assert (caught.value.reason, caught.value.permanent) == (reason, permanent)
    assert "1631" not in str(caught.value)
