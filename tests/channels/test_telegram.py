"""Telegram: updates as python-telegram-bot, which is none of ours, reads them, and what we send read by it."""

from __future__ import annotations

import json

import pytest
import telegram

from bot.channels.base import (
    Batch,
    Choice,
    Outgoing,
)
from bot.channels.vendor import (
    Reason,
    VendorAnswer,
)
from bot.errors import SettingError, TransportError
from bot.messages import Kind
from tests.channels.conftest import account
from tests.channels.vendors import NOW, TELEGRAM

CHAT = {"id": 1111, "type": "private", "first_name": "Test"}
SENDER = {"id": 1111, "is_bot": False, "first_name": "Test", "language_code": "en"}


def read(**update: object) -> Batch:
    return TELEGRAM.channel().parse(TELEGRAM.sign(json.dumps({"update_id": 10000, **update}).encode(), NOW))


def message(**more: object) -> dict[str, object]:
    return {"message_id": 1365, "date": 1441645532, "chat": CHAT, "from": SENDER, **more}


def test_a_text_is_read_as_their_library_reads_it() -> None:
    payload = {"update_id": 10000, "message": message(text="你好 🙂")}
    theirs = telegram.Update.de_json(payload, None)

    [ours] = read(message=payload["message"]).messages

    assert theirs.message is not None
    assert (ours.text, ours.channel_user, ours.client_id) == (theirs.message.text, str(theirs.message.chat_id), f"ch:{theirs.update_id}")
    assert ours.language_hint == "en"


@pytest.mark.parametrize(
    ("inside", "kind", "ref", "text"),
    [
        ({"photo": [{"file_id": "s"}, {"file_id": "l", "file_size": 9}], "caption": "broken"}, Kind.IMAGE, "l", "broken"),
        ({"document": {"file_id": "d", "file_name": "a.pdf", "mime_type": "application/pdf"}}, Kind.FILE, "d", ""),
        ({"voice": {"file_id": "v", "duration": 3}}, Kind.VOICE, "v", ""),
        ({"sticker": {"file_id": "st", "emoji": "🙂"}}, Kind.STICKER, "st", ""),
        ({"location": {"latitude": 1.5, "longitude": 2.5}}, Kind.LOCATION, "", ""),
        ({"text": "/start abc"}, Kind.EVENT, None, ""),
        ({"dice": {"emoji": "🎲", "value": 3}}, Kind.OTHER, None, ""),
    ],
)
def test_every_kind_of_message_is_kept(inside: dict[str, object], kind: Kind, ref: str | None, text: str) -> None:
    [found] = read(message=message(**inside)).messages

    assert (found.kind, found.text) == (kind, text)
    assert [each.ref for each in found.attachments] == ([] if ref is None else [ref])


def test_a_press_is_the_button_and_stops_its_spinning() -> None:
    press = {"id": "4382bfdwdsb323b2d9", "from": SENDER, "data": "0190-1/0", "message": message(text="Which?"), "chat_instance": "1"}
    theirs = telegram.Update.de_json({"update_id": 10000, "callback_query": press}, None)

    batch = read(callback_query=press)

    assert theirs.callback_query is not None
    assert [(each.button_id, each.channel_user) for each in batch.messages] == [(theirs.callback_query.data, "1111")]
    assert json.loads(batch.answer.body) == {"method": "answerCallbackQuery", "callback_query_id": "4382bfdwdsb323b2d9"}


@pytest.mark.parametrize(
    "update",
    [
        {"message": message(text="hi", chat={"id": -5, "type": "group"})},
        {"message": message(text="hi", **{"from": {"id": 2, "is_bot": True}})},
        {"edited_message": message(text="hi")},
        {"my_chat_member": {"chat": CHAT}},
    ],
)
def test_groups_bots_and_edits_are_no_customers_messages(update: dict[str, object]) -> None:
    assert read(**update).messages == []


def test_their_library_reads_our_buttons() -> None:
    outgoing = Outgoing("1111", "Which?", "k", buttons=(Choice("0190-1/0", "退货"), Choice("0190-1/1", "Invoice")))
    call = TELEGRAM.channel().build(outgoing, token="")

    body = json.loads(call.body)

    markup = telegram.InlineKeyboardMarkup.de_json(body["reply_markup"], None)
    assert [(row[0].text, row[0].callback_data) for row in markup.inline_keyboard] == [("退货", "0190-1/0"), ("Invoice", "0190-1/1")]
    assert (body["chat_id"], body["text"]) == ("1111", "Which?")
    assert "AAH" not in repr(call)


@pytest.mark.parametrize(
    ("status", "body", "reason", "permanent"),
    [
        (429, '{"ok":false,"error_code":429,"parameters":{"retry_after":7}}', Reason.RATE, False),
        (403, '{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}', Reason.BLOCKED, True),
        (400, '{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}', Reason.BLOCKED, True),
        (400, '{"ok":false,"error_code":400,"description":"Bad Request: message is too long"}', Reason.REFUSED, True),
        (401, '{"ok":false,"error_code":401,"description":"Unauthorized"}', Reason.CREDENTIALS, False),
        (502, "<html>", Reason.UNREACHABLE, False),
    ],
)
def test_the_vendors_errors_mean_something_here(status: int, body: str, reason: Reason, permanent: bool) -> None:
    with pytest.raises(TransportError) as caught:
        TELEGRAM.channel().read(VendorAnswer(status, {}, body.encode()))

    assert (caught.value.reason, caught.value.permanent) == (reason, permanent)
    assert caught.value.retry_after_s == (7 if status == 429 else 60 if status == 401 else 0)


def test_a_guessable_secret_is_refused_at_the_start() -> None:
    with pytest.raises(SettingError, match="TELEGRAM_SECRET"):
        account("telegram", TOKEN="1:A", SECRET="short")
