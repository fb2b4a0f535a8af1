"""DingTalk and WeCom: what is their own; wechatpy is WeCom's other side."""

from __future__ import annotations

import json

import pytest
from wechatpy.enterprise import parse_message
from wechatpy.enterprise.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner

from bot.channels.base import (
    Outgoing,
    WebhookRequest,
)
from bot.channels.vendor import (
    Reason,
    VendorAnswer,
)
from bot.errors import AuthError, SettingError, TransportError
from bot.messages import Kind
from tests.channels.conftest import account
from tests.channels.vendors import DINGTALK, NOW, WECHAT_KEY, WECOM, altered


def dingtalk(**changes: object) -> bytes:
    return json.dumps({**json.loads(DINGTALK.payload("hi", "m1", "staff1")), **changes}).encode()


@pytest.mark.parametrize(
    ("changes", "kind", "text"),
    [
        ({}, Kind.TEXT, "hi"),
        ({"msgtype": "picture", "text": {}, "content": {"downloadCode": "dc"}}, Kind.IMAGE, ""),
        ({"msgtype": "audio", "text": {}, "content": {"downloadCode": "dc", "recognition": "查快递"}}, Kind.TEXT, "查快递"),
        ({"msgtype": "hologram", "text": {}}, Kind.OTHER, ""),
    ],
)
def test_every_kind_of_dingtalks_is_kept(changes: dict[str, object], kind: Kind, text: str) -> None:
    [found] = DINGTALK.channel().parse(DINGTALK.sign(dingtalk(**changes), NOW)).messages

    assert (found.kind, found.text, found.channel_user) == (kind, text, "staff1")


@pytest.mark.parametrize("changes", [{"conversationType": "2"}, {"senderStaffId": ""}])
def test_groups_and_strangers_on_dingtalk_are_no_customers(changes: dict[str, object]) -> None:
    assert DINGTALK.channel().parse(DINGTALK.sign(dingtalk(**changes), NOW)).messages == []


def test_dingtalk_is_sent_to_one_person() -> None:
    call = DINGTALK.channel().build(Outgoing("staff1", "你好", "k"), token="a-1")

    body = json.loads(call.body)
    assert (body["robotCode"], body["userIds"], json.loads(body["msgParam"])) == ("ding1", ["staff1"], {"content": "你好"})
    assert call.headers["x-acs-dingtalk-access-token"] == "a-1"


def test_wecoms_handshake_is_decrypted_as_wechatpy_encrypts_it() -> None:
    crypto = WeChatCrypto("t0ken", WECHAT_KEY, "corp1")
    sealed = crypto.encrypt_message("4567", "n0nce", str(int(NOW)))
    echo = sealed.split("<Encrypt><![CDATA[")[1].split("]]>")[0]
    signer = WeChatSigner()
    signer.add_data("t0ken", str(int(NOW)), "n0nce", echo)
    query = {"msg_signature": signer.signature, "timestamp": str(int(NOW)), "nonce": "n0nce", "echostr": echo}
    shake = WebhookRequest("GET", "/", query, {}, b"", NOW)

    assert WECOM.channel().parse(shake).answer.body == b"4567"
    with pytest.raises(AuthError):
        WECOM.channel().parse(altered(shake, query={**query, "msg_signature": "0" * 40}))


def test_a_wecom_text_is_read_as_wechatpy_reads_it() -> None:
    body = WECOM.payload("你好", "m1", "zhangsan")
    theirs = parse_message(body)

    [ours] = WECOM.channel().parse(WECOM.sign(body, NOW)).messages

    assert (ours.text, ours.channel_user, ours.client_id) == (theirs.content, theirs.source, f"ch:{theirs.id}")


def test_a_member_who_cannot_be_reached_is_a_dead_letter() -> None:
    with pytest.raises(TransportError) as caught:
        WECOM.channel().read(VendorAnswer(200, {}, b'{"errcode":0,"errmsg":"ok","invaliduser":"zhangsan","msgid":"1"}'))

    assert (caught.value.reason, caught.value.permanent) == (Reason.BLOCKED, True)


def test_wecoms_agent_id_is_a_number() -> None:
    with pytest.raises(SettingError, match="WECOM_AGENT_ID"):
        account("wecom", **{**WECOM.settings("http://127.0.0.1:9"), "AGENT_ID": "shop"})
