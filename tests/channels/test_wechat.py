"""WeChat: payloads as its documents show them, and wechatpy, which is none of ours, on the other side."""

from __future__ import annotations

import json

import pytest
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner

from bot.channels.base import (
    Batch,
    Channel,
    Outgoing,
    WebhookRequest,
)
from bot.channels.tencent import from_xml, refusal
from bot.channels.vendor import (
    Reason,
    VendorAnswer,
)
from bot.errors import AuthError, InputError, SettingError, TransportError
from bot.messages import Kind
from tests.channels.conftest import account
from tests.channels.vendors import NOW, WECHAT, WECHAT_KEY, altered, request


@pytest.fixture
def plain() -> Channel:
    return account("wechat", TOKEN="t0ken", APP_ID="wx1", APP_SECRET="s3cret")


def query(*more: str) -> dict[str, str]:
    """Sign as wechatpy signs: timestamp and nonce, and what a safe mode adds."""
    signer = WeChatSigner()
    signer.add_data("t0ken", str(int(NOW)), "n0nce", *more)
    return {"timestamp": str(int(NOW)), "nonce": "n0nce", "signature": signer.signature}


def xml(kind: str, inside: str, *, key: str = "<MsgId>1234567890123456</MsgId>") -> bytes:
    return (
        f"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oUser]]></FromUserName><CreateTime>1348831860</CreateTime>"
        f"<MsgType><![CDATA[{kind}]]></MsgType>{inside}{key}</xml>"
    ).encode()


def read(channel: Channel, body: bytes) -> Batch:
    return channel.parse(request(body, query=query()))


def test_the_handshake_echoes_for_the_vendor_only(plain: Channel) -> None:
    shake = WebhookRequest("GET", "/", {**query(), "echostr": "5678"}, {}, b"", NOW)

    assert plain.parse(shake).answer.body == b"5678"
    with pytest.raises(AuthError):
        plain.parse(altered(shake, query={**shake.query, "nonce": "other"}))


def test_a_text_is_read_as_wechatpy_reads_it(plain: Channel) -> None:
    body = xml("text", "<Content><![CDATA[你好 <b> & ]] 🙂]]></Content>")
    theirs = parse_message(body)

    batch = read(plain, body)

    [message] = batch.messages
    assert (message.text, message.channel_user, message.client_id) == (theirs.content, theirs.source, f"ch:{theirs.id}")
    assert (batch.answer.body, batch.answer.status) == (b"success", 200)


@pytest.mark.parametrize(
    ("kind", "inside", "read_as", "ref", "text"),
    [
        ("image", "<PicUrl><![CDATA[http://p]]></PicUrl><MediaId><![CDATA[m1]]></MediaId>", Kind.IMAGE, "m1", ""),
        ("voice", "<MediaId><![CDATA[m2]]></MediaId><Format><![CDATA[amr]]></Format>", Kind.VOICE, "m2", ""),
        ("voice", "<MediaId>m2</MediaId><Recognition><![CDATA[查快递]]></Recognition>", Kind.TEXT, "m2", "查快递"),
        ("location", "<Location_X>23.1</Location_X><Location_Y>113.3</Location_Y><Label><![CDATA[广州]]></Label>", Kind.LOCATION, "", ""),
        ("link", "<Title><![CDATA[t]]></Title><Url><![CDATA[http://u]]></Url>", Kind.OTHER, "http://u", ""),
        ("hologram", "", Kind.OTHER, "", ""),
    ],
)
def test_every_kind_of_message_is_kept(plain: Channel, kind: str, inside: str, read_as: Kind, ref: str, text: str) -> None:
    [message] = read(plain, xml(kind, inside)).messages

    assert (message.kind, message.attachments[0].ref, message.text) == (read_as, ref, text)


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        ("<Event><![CDATA[subscribe]]></Event><EventKey></EventKey>", [(Kind.EVENT, "")]),
        ("<Event><![CDATA[CLICK]]></Event><EventKey><![CDATA[ask:order_status]]></EventKey>", [(Kind.TEXT, "ask:order_status")]),
        ("<Event><![CDATA[unsubscribe]]></Event>", []),
        ("<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event>", []),
    ],
)
def test_events_are_messages_only_when_the_customer_means_something(plain: Channel, inside: str, found: list[tuple[Kind, str]]) -> None:
    batch = read(plain, xml("event", inside, key=""))

    assert [(message.kind, message.button_id) for message in batch.messages] == found
    assert batch.answer.body == b"success"


def test_a_document_with_entities_is_refused(plain: Channel) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + xml("text", "<Content>&a;</Content>")

    with pytest.raises(Exception, match="<xml>"):
        read(plain, bomb)


def test_in_safe_mode_nothing_in_clear_is_taken() -> None:
    with pytest.raises(AuthError):
        read(WECHAT.channel(), xml("text", "<Content>hello</Content>"))


def test_what_is_encrypted_for_another_account_is_refused() -> None:
    crypto = WeChatCrypto("t0ken", WECHAT_KEY, "wx-other")
    sealed = crypto.encrypt_message(xml("text", "<Content>hello</Content>").decode(), "n0nce", str(int(NOW)))
    encrypted = sealed.split("<Encrypt><![CDATA[")[1].split("]]>")[0]
    safe = {**query(), "msg_signature": query(encrypted)["signature"]}

    with pytest.raises(AuthError, match="not meant for this account"):
        WECHAT.channel().parse(request(sealed.replace("\n", "").encode(), query=safe))


@pytest.mark.parametrize("key", ["short", "x" * 43 + "!", "é" * 43])
def test_a_wrong_key_is_refused_at_the_start(key: str) -> None:
    with pytest.raises(SettingError, match="WECHAT_AES_KEY"):
        account("wechat", TOKEN="t", APP_ID="wx1", APP_SECRET="s", AES_KEY=key)


def test_a_text_is_sent_as_utf8_and_the_secret_is_in_no_repr(plain: Channel) -> None:
    call = plain.build(Outgoing("oUser", "你好", "k"), token="AC/CESS")

    assert call.url == "https://api.weixin.qq.com/cgi-bin/message/custom/send?access_token=AC/CESS"
    assert "你好".encode() in call.body
    assert json.loads(call.body) == {"touser": "oUser", "msgtype": "text", "text": {"content": "你好"}}
    assert "CESS" not in repr(call)


@pytest.mark.parametrize(
    ("code", "reason", "permanent", "token_refused"),
    [
        (40001, Reason.CREDENTIALS, False, True),
        (42001, Reason.CREDENTIALS, False, True),
        (45015, Reason.WINDOW, True, False),
        (45047, Reason.QUOTA, False, False),
        (45009, Reason.RATE, False, False),
        (43004, Reason.BLOCKED, True, False),
        (-1, Reason.UNREACHABLE, False, False),
        (99999, Reason.REFUSED, True, False),
    ],
)
def test_the_vendors_codes_mean_something_here(plain: Channel, code: int, reason: Reason, permanent: bool, token_refused: bool) -> None:
    with pytest.raises(TransportError) as caught:
        plain.read(VendorAnswer(200, {}, json.dumps({"errcode": code, "errmsg": "x"}).encode()))

    assert (caught.value.reason, caught.value.permanent, caught.value.token_refused) == (reason, permanent, token_refused)
    assert str(refusal(code)) == f"errcode {code}"


def test_a_body_longer_than_the_vendors_is_not_parsed() -> None:
    assert from_xml(b"<xml><a>b</a></xml>") == {"a": "b"}
    with pytest.raises(InputError, match="at most 65536"):
        from_xml(b"<xml>" + b"<a/>" * 20_000 + b"</xml>")
