"""SMS by Twilio: its library signs and we verify, STOP is STOP, segments are counted as networks do."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import pytest
from twilio.request_validator import RequestValidator

from bot.channels.base import (
    Consent,
    Outgoing,
    Receipt,
    Unit,
    WebhookRequest,
)
from bot.channels.splitting import length, split
from bot.channels.vendor import (
    Reason,
    VendorAnswer,
)
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.errors import AuthError, SettingError, TransportError
from bot.messages import Kind
from tests.channels.conftest import account, open_post
from tests.channels.simulator import Vendor
from tests.channels.vendors import SECRET, SMS, TWILIO_URL, request

FIELDS = {"AccountSid": "AC1", "From": "+15552223333", "To": "+15550001111", "MessageSid": "SM9"}


def signed(url: str = TWILIO_URL, **fields: str) -> WebhookRequest:
    form = {**FIELDS, **fields}
    return request(urlencode(form).encode(), headers={"x-twilio-signature": RequestValidator(SECRET).compute_signature(url, form)})


@pytest.mark.parametrize("signed_for", [TWILIO_URL, "https://chat.company.example:443/webhooks/sms"])
def test_their_library_signs_and_we_read(signed_for: str) -> None:
    [message] = SMS.channel().parse(signed(signed_for, Body="订单到哪了? & more")).messages

    assert (message.text, message.channel_user, message.client_id) == ("订单到哪了? & more", "+15552223333", "ch:SM9")


def test_another_address_or_a_field_more_is_refused() -> None:
    channel = SMS.channel()
    with pytest.raises(AuthError):
        channel.parse(signed("https://other.example/webhooks/sms", Body="x"))
    good = signed(Body="x")
    for body in (good.body + b"&Extra=1", good.body + b"&From=%2B1666", good.body.replace(b"Body=x", b"Body=%FF")):
        with pytest.raises(AuthError):
            channel.parse(WebhookRequest("POST", "", {}, good.headers, body, 0))


def test_anothers_account_is_nothing_to_us() -> None:
    assert SMS.channel().parse(signed(AccountSid="AC2", Body="x")).messages == []


def test_every_kind_of_message_is_kept() -> None:
    picture = signed(Body="", NumMedia="2", MediaUrl0="https://m/0", MediaContentType0="image/jpeg", MediaUrl1="https://m/1")
    [message] = SMS.channel().parse(picture).messages

    assert message.kind is Kind.IMAGE
    assert [(each.kind, each.ref, each.mime) for each in message.attachments] == [
        (Kind.IMAGE, "https://m/0", "image/jpeg"),
        (Kind.FILE, "https://m/1", ""),
    ]


@pytest.mark.parametrize(
    ("state", "receipts"), [("delivered", ["delivered"]), ("undelivered", ["failed"]), ("failed", ["failed"]), ("sent", [])]
)
def test_status_callbacks_are_receipts(state: str, receipts: list[str]) -> None:
    batch = SMS.channel().parse(signed(MessageStatus=state, ErrorCode="30003"))

    assert batch.receipts == [Receipt("SM9", each) for each in receipts]
    assert batch.messages == []


@pytest.mark.parametrize("text", ["STOP", " stop. ", "Stop all", "UNSUBSCRIBE", "cancel", "退订", "TD"])
def test_stop_is_no_message_and_start_begins_again(text: str) -> None:
    channel = SMS.channel()

    stop, start = channel.parse(signed(Body=text)), channel.parse(signed(Body="start"))

    assert (stop.messages, stop.consents) == ([], [Consent("+15552223333", stopped=True)])
    assert (start.messages[0].kind, start.consents) == (Kind.EVENT, [Consent("+15552223333", stopped=False)])
    assert channel.parse(signed(Body="退出", OptOutType="STOP")).consents == stop.consents
    assert channel.parse(signed(Body="HELP", OptOutType="HELP")).messages == []


@pytest.mark.parametrize("text", ["cancel my order", "please stop the parcel", "我要退订单", "T恤还有吗", "the end"])
def test_a_sentence_with_such_a_word_is_a_message(text: str) -> None:
    batch = SMS.channel().parse(signed(Body=text))

    assert (len(batch.messages), batch.consents) == (1, [])


async def test_who_said_stop_is_sent_nothing(services: Services, service: ConversationService, simulator: Vendor) -> None:
    simulator.always = lambda _got: SMS.taken
    post = await open_post(services, service, simulator, SMS.channel(simulator.url))
    user = "+15552223333"
    await post.say("hello", user=user)
    await service.take("sms", post.channel.parse(signed(Body="STOP")))
    await post.courier().drain()

    assert (simulator.received, await post.states()) == ([], [("dead", "blocked")])
    await service.take("sms", post.channel.parse(signed(Body="START")))
    await post.say("hello again", user=user)
    await post.courier().drain()
    assert len(simulator.received) > 0
    await post.client.close()


def test_a_send_names_sender_and_callback() -> None:
    call = SMS.channel().build(Outgoing("+15552223333", "你好", "k"), token="")
    service = account("sms", **{**SMS.settings("https://api.twilio.example"), "FROM": "MG" + "0" * 32})

    assert dict(parse_qsl(call.body.decode())) == {
        "To": "+15552223333",
        "From": "+15550001111",
        "Body": "你好",
        "StatusCallback": TWILIO_URL,
    }
    assert b"MessagingServiceSid=MG" in service.build(Outgoing("+1555", "x", "k"), token="").body
    assert call.headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("status", "body", "reason", "permanent"),
    [
        (400, b'{"code":21610}', Reason.BLOCKED, True),
        (400, b'{"code":21611}', Reason.RATE, False),
        (429, b'{"code":20429}', Reason.RATE, False),
        (401, b'{"code":20003}', Reason.CREDENTIALS, False),
        (400, b"<html>", Reason.REFUSED, True),
        (500, b"", Reason.UNREACHABLE, False),
    ],
)
def test_twilios_codes_mean_something_here(status: int, body: bytes, reason: Reason, permanent: bool) -> None:
    with pytest.raises(TransportError) as caught:
        SMS.channel().read(VendorAnswer(status, {}, body))

    assert (caught.value.reason, caught.value.permanent) == (reason, permanent)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("字" * 70, 1),
        ("字" * 71, 2),
        ("字" * 134, 2),
        ("a" * 70 + "字", 2),
        ("🙂" * 35, 1),
        ("🙂" * 36, 2),
    ],
)
def test_segments_are_counted_as_networks_do(text: str, segments: int) -> None:
    assert length(text, Unit.SEGMENTS) == segments
    assert all(length(part, Unit.SEGMENTS) <= 2 for part in split(text * 4, 2, Unit.SEGMENTS))


@pytest.mark.parametrize(("wrong", "value"), [("URL", "chat.example"), ("FROM", "me")])
def test_a_wrong_setting_is_refused_by_name(wrong: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"SMS_{wrong}"):
        account("sms", **{**SMS.settings("https://x"), wrong: value})
