"""Each kind of channel as its vendor behaves: how it signs, what it sends, how it answers. The common tests go through this table."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from twilio.request_validator import RequestValidator
from wechatpy.crypto import PrpCrypto
from wechatpy.enterprise.crypto import PrpCrypto as WorkPrpCrypto
from wechatpy.utils import WeChatSigner

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
    key: Callable[[Received], str] = lambda _request: ""  # what the vendor takes once only
    batch_of: str = ""  # the list of a request's body that holds messages, where a request holds several
    only_signals: bool = False  # its requests hold no messages; these are pulled
    is_called: bool = True  # the vendor calls us; tests/channels/test_email.py has the one that does not

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
    key=lambda got: got.headers["idempotency-key"],
    batch_of="messages",
)

# --- WeChat, in safe mode; tests/channels/test_wechat.py has the plain one

WECHAT_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def _wechat_payload(text: str, message_id: str, user: str) -> bytes:
    # The vendor's ids are numbers.
    number = str(zlib.crc32(message_id.encode())) if message_id else ""
    return (
        f"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[{user}]]></FromUserName>"
        f"<CreateTime>1348831860</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{text}]]></Content>"
        f"<MsgId>{number}</MsgId></xml>"
    ).encode("utf8", "surrogatepass")


def _wechat_sign(body: bytes, now: float) -> WebhookRequest:
    """As wechatpy, which is none of ours, encrypts and signs."""
    timestamp, nonce = str(int(now)), "n0nce"
    encrypted = PrpCrypto(base64.b64decode(WECHAT_KEY + "=")).encrypt(body, "wx1").decode()
    signer = WeChatSigner()
    signer.add_data("t0ken", timestamp, nonce, encrypted)
    envelope = f"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    query = {"timestamp": timestamp, "nonce": nonce, "encrypt_type": "aes", "msg_signature": signer.signature}
    return request(envelope.encode(), query=query, now=now)


WECHAT = Case(
    kind="wechat",
    settings=lambda url: {"TOKEN": "t0ken", "APP_ID": "wx1", "APP_SECRET": "s3cret", "AES_KEY": WECHAT_KEY, "API_URL": url},
    payload=_wechat_payload,
    sign=_wechat_sign,
    sent=lambda got: str(json.loads(got.body)["text"]["content"]),
    is_send=lambda got: got.path == "/cgi-bin/message/custom/send",
    taken=Says(body=b'{"errcode":0,"errmsg":"ok"}'),
    too_fast=Says(body=b'{"errcode":45011,"errmsg":"api minute-quota reach limit"}'),
    unwell=Says(body=b'{"errcode":-1,"errmsg":"system error"}'),
    refused=Says(body=b'{"errcode":40003,"errmsg":"invalid openid"}'),
    expired=Says(body=b'{"errcode":42001,"errmsg":"access_token expired"}'),
    token=Says(body=b'{"access_token":"ACCESS","expires_in":7200}'),
)

# --- Telegram


def _telegram_payload(text: str, message_id: str, user: str) -> bytes:
    chat = zlib.crc32(user.encode()) if len(user) < 40 else 10**400
    message = {
        "message_id": 7,
        "date": 1441645532,
        "chat": {"id": chat, "type": "private", "first_name": "Test"},
        "from": {"id": chat, "is_bot": False, "first_name": "Test", "language_code": "zh-hans"},
        "text": text,
    }
    return json.dumps({"update_id": zlib.crc32(message_id.encode()) if message_id else None, "message": message}).encode()


TELEGRAM = Case(
    kind="telegram",
    settings=lambda url: {"TOKEN": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "SECRET": SECRET, "API_URL": url},
    payload=_telegram_payload,
    sign=lambda body, now: request(body, headers={"x-telegram-bot-api-secret-token": SECRET}, now=now),
    sent=lambda got: str(json.loads(got.body)["text"]),
    covers_body=False,
    timed=False,
    taken=Says(body=b'{"ok":true,"result":{"message_id":8,"date":1,"chat":{"id":1,"type":"private"},"text":"x"}}'),
    too_fast=Says(status=429, body=b'{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":5}}'),
    unwell=Says(status=502, body=b"Bad Gateway"),
    refused=Says(status=403, body=b'{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}'),
)


# --- WhatsApp


def _whatsapp_payload(text: str, message_id: str, user: str) -> bytes:
    message = {"from": user, "id": message_id, "timestamp": "1504902988", "type": "text", "text": {"body": text}}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "16505551111", "phone_number_id": "123456123"},
        "contacts": [{"profile": {"name": "test user name"}, "wa_id": user, "user_id": f"US.{user}"}],
        "messages": [message],
    }
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "0", "changes": [{"field": "messages", "value": value}]}]}
    ).encode()


WHATSAPP = Case(
    kind="whatsapp",
    settings=lambda url: {
        "TOKEN": "EAAG",
        "PHONE_NUMBER_ID": "123456123",
        "APP_SECRET": SECRET,
        "VERIFY_TOKEN": "verify-me",
        "API_URL": url,
    },
    payload=_whatsapp_payload,
    sign=lambda body, now: request(body, headers={"x-hub-signature-256": "sha256=" + hmac_hex(body)}, now=now),
    sent=lambda got: str(json.loads(got.body)["text"]["body"]),
    batch_of="entry",
    timed=False,
    taken=Says(body=b'{"messaging_product":"whatsapp","contacts":[{"input":"1","wa_id":"1"}],"messages":[{"id":"wamid.1"}]}'),
    too_fast=Says(status=429, body=b'{"error":{"message":"x","type":"OAuthException","code":130429}}'),
    unwell=Says(status=500, body=b'{"error":{"message":"x","code":131000}}'),
    refused=Says(status=400, body=b'{"error":{"message":"x","code":131026}}'),
)


# --- LINE


def _line_payload(text: str, message_id: str, user: str) -> bytes:
    event = {
        "type": "message",
        "message": {"type": "text", "id": message_id, "quoteToken": "q3Plxr4AgKd", "text": text},
        "webhookEventId": "01FZ74A0TDDPYRVKNK77XKC3ZR",
        "deliveryContext": {"isRedelivery": False},
        "timestamp": 1625665242211,
        "source": {"type": "user", "userId": user},
        "replyToken": "757913772c4646b784d4b7ce46d12671",
        "mode": "active",
    }
    return json.dumps({"destination": "U0", "events": [event]}).encode()


LINE = Case(
    kind="line",
    settings=lambda url: {"SECRET": SECRET, "TOKEN": "line-token", "API_URL": url},
    payload=_line_payload,
    sign=lambda body, now: request(body, headers={"x-line-signature": base64.b64encode(bytes.fromhex(hmac_hex(body))).decode()}, now=now),
    sent=lambda got: str(json.loads(got.body)["messages"][0]["text"]),
    key=lambda got: got.headers["x-line-retry-key"],
    batch_of="events",
    timed=False,
    taken=Says(body=b'{"sentMessages":[{"id":"461230966842064897"}]}'),
    refused=Says(status=400, body=b'{"message":"The property, to, in the request body is invalid"}'),
)

# --- Feishu


def _feishu_payload(text: str, message_id: str, user: str) -> bytes:
    message = {
        "message_id": message_id,
        "chat_id": user,
        "chat_type": "p2p",
        "message_type": "text",
        "content": json.dumps({"text": text}),
        "create_time": "1609073151345",
    }
    sender = {"sender_id": {"open_id": "ou_1", "union_id": "on_1"}, "sender_type": "user", "tenant_key": "t"}
    header = {"event_id": "e1", "event_type": "im.message.receive_v1", "token": "v3rify", "app_id": "cli_1", "tenant_key": "t"}
    return json.dumps({"schema": "2.0", "header": header, "event": {"sender": sender, "message": message}}).encode()


def feishu_sealed(body: bytes) -> bytes:
    iv = b"0123456789abcdef"
    padding = 16 - len(body) % 16
    aes = Cipher(algorithms.AES(hashlib.sha256(b"encrypt-key").digest()), modes.CBC(iv)).encryptor()
    sealed = iv + aes.update(body + bytes([padding]) * padding) + aes.finalize()
    return json.dumps({"encrypt": base64.b64encode(sealed).decode()}).encode()


def _feishu_sign(body: bytes, now: float) -> WebhookRequest:
    sealed = feishu_sealed(body)
    timestamp, nonce = str(int(now)), "n0nce"
    headers = {
        "x-lark-request-timestamp": timestamp,
        "x-lark-request-nonce": nonce,
        "x-lark-signature": hashlib.sha256((timestamp + nonce + "encrypt-key").encode() + sealed).hexdigest(),
    }
    return request(sealed, headers=headers, now=now)


FEISHU = Case(
    kind="feishu",
    settings=lambda url: {
        "APP_ID": "cli_1",
        "APP_SECRET": "s",
        "ENCRYPT_KEY": "encrypt-key",
        "VERIFICATION_TOKEN": "v3rify",
        "API_URL": url,
    },
    payload=_feishu_payload,
    sign=_feishu_sign,
    sent=lambda got: str(json.loads(json.loads(got.body)["content"])["text"]),
    is_send=lambda got: got.path == "/open-apis/im/v1/messages",
    key=lambda got: str(json.loads(got.body)["uuid"]),
    taken=Says(body=b'{"code":0,"msg":"success","data":{"message_id":"om_1"}}'),
    too_fast=Says(status=400, body=b'{"code":99991400,"msg":"request trigger frequency limit"}', headers={"x-ogw-ratelimit-reset": "3"}),
    unwell=Says(status=500, body=b'{"code":1500,"msg":"internal"}'),
    refused=Says(status=400, body=b'{"code":230001,"msg":"param is invalid"}'),
    expired=Says(status=400, body=b'{"code":99991663,"msg":"Invalid access token for authorization"}'),
    token=Says(body=b'{"code":0,"msg":"ok","tenant_access_token":"t-1","expire":7200}'),
)


# --- DingTalk


def _dingtalk_payload(text: str, message_id: str, user: str) -> bytes:
    return json.dumps(
        {
            "conversationId": "cid1",
            "conversationType": "1",
            "msgId": message_id,
            "senderNick": "Test",
            "senderStaffId": user,
            "senderId": "$:LWCP_v1:$x",
            "robotCode": "ding1",
            "createAt": 1632963092000,
            "msgtype": "text",
            "text": {"content": text},
        }
    ).encode()


def _dingtalk_sign(body: bytes, now: float) -> WebhookRequest:
    timestamp = str(int(now * 1000))
    digest = hmac.new(SECRET.encode(), f"{timestamp}\n{SECRET}".encode(), hashlib.sha256).digest()
    return request(body, headers={"timestamp": timestamp, "sign": base64.b64encode(digest).decode()}, now=now)


DINGTALK = Case(
    kind="dingtalk",
    settings=lambda url: {"APP_KEY": "ding1", "APP_SECRET": SECRET, "API_URL": url},
    payload=_dingtalk_payload,
    sign=_dingtalk_sign,
    sent=lambda got: str(json.loads(json.loads(got.body)["msgParam"])["content"]),
    is_send=lambda got: got.path == "/v1.0/robot/oToMessages/batchSend",
    covers_body=False,
    taken=Says(body=b'{"processQueryKey":"pqk","invalidStaffIdList":[],"flowControlledStaffIdList":[]}'),
    too_fast=Says(status=403, body=b'{"code":"Forbidden.AccessDenied.QpsLimitForApi.Throttling","message":"x"}'),
    unwell=Says(status=503, body=b'{"code":"ServiceUnavailable","message":"x"}'),
    refused=Says(body=b'{"processQueryKey":"","invalidStaffIdList":["u1"],"flowControlledStaffIdList":[]}'),
    expired=Says(status=400, body=b'{"code":"InvalidAuthentication","message":"x"}'),
    token=Says(body=b'{"accessToken":"a-1","expireIn":7200}'),
)


# --- WeCom


def _wecom_sign(body: bytes, now: float) -> WebhookRequest:
    """As wechatpy encrypts and signs."""
    timestamp, nonce = str(int(now)), "n0nce"
    encrypted = WorkPrpCrypto(base64.b64decode(WECHAT_KEY + "=")).encrypt(body, "corp1").decode()
    signer = WeChatSigner()
    signer.add_data("t0ken", timestamp, nonce, encrypted)
    envelope = f"<xml><ToUserName><![CDATA[corp1]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt><AgentID>1</AgentID></xml>"
    return request(envelope.encode(), query={"timestamp": timestamp, "nonce": nonce, "msg_signature": signer.signature}, now=now)


WECOM = Case(
    kind="wecom",
    settings=lambda url: {
        "CORP_ID": "corp1",
        "AGENT_ID": "1000002",
        "SECRET": "s",
        "TOKEN": "t0ken",
        "AES_KEY": WECHAT_KEY,
        "API_URL": url,
    },
    payload=_wechat_payload,
    sign=_wecom_sign,
    sent=lambda got: str(json.loads(got.body)["text"]["content"]),
    is_send=lambda got: got.path == "/cgi-bin/message/send",
    taken=Says(body=b'{"errcode":0,"errmsg":"ok","invaliduser":"","msgid":"xxxx"}'),
    too_fast=Says(body=b'{"errcode":45009,"errmsg":"reach max api daily quota limit"}'),
    unwell=Says(body=b'{"errcode":-1,"errmsg":"system error"}'),
    refused=Says(body=b'{"errcode":81013,"errmsg":"user & party & tag all invalid"}'),
    expired=Says(body=b'{"errcode":42001,"errmsg":"access_token expired"}'),
    token=Says(body=b'{"errcode":0,"errmsg":"ok","access_token":"ACCESS","expires_in":7200}'),
)

# --- WeChat customer service (kf): the webhook only signals; what is pulled is in tests/channels/test_wecom_kf.py

WECOM_KF = Case(
    kind="wecom_kf",
    settings=lambda url: {
        "CORP_ID": "corp1",
        "SECRET": "s",
        "OPEN_KFID": "wk1",
        "TOKEN": "t0ken",
        "AES_KEY": WECHAT_KEY,
        "API_URL": url,
    },
    payload=lambda text, message_id, user: (
        "<xml><ToUserName>corp1</ToUserName><CreateTime>1348831860</CreateTime><MsgType>event</MsgType>"
        f"<Event>kf_msg_or_event</Event><Token>{message_id}</Token><OpenKfId>wk1</OpenKfId></xml>"
    ).encode("utf8", "surrogatepass"),
    sign=_wecom_sign,
    sent=lambda got: str(json.loads(got.body)["text"]["content"]),
    is_send=lambda got: got.path == "/cgi-bin/kf/send_msg",
    key=lambda got: str(json.loads(got.body)["msgid"]),
    taken=Says(body=b'{"errcode":0,"errmsg":"ok","msgid":"m"}'),
    too_fast=Says(body=b'{"errcode":45009,"errmsg":"reach max api daily quota limit"}'),
    unwell=Says(body=b'{"errcode":-1,"errmsg":"system error"}'),
    refused=Says(body=b'{"errcode":95018,"errmsg":"send msg session status invalid"}'),
    expired=Says(body=b'{"errcode":42001,"errmsg":"access_token expired"}'),
    token=Says(body=b'{"errcode":0,"errmsg":"ok","access_token":"ACCESS","expires_in":7200}'),
    only_signals=True,
)

# --- Messenger and Instagram


def _messenger_payload(about: str) -> Callable[[str, str, str], bytes]:
    def payload(text: str, message_id: str, user: str) -> bytes:
        event = {
            "sender": {"id": user},
            "recipient": {"id": "PAGE"},
            "timestamp": 1458692752478,
            "message": {"mid": message_id, "text": text},
        }
        return json.dumps({"object": about, "entry": [{"id": "PAGE", "time": 1458692752478, "messaging": [event]}]}).encode()

    return payload


MESSENGER = Case(
    kind="messenger",
    settings=lambda url: {"TOKEN": "EAAG", "PAGE_ID": "PAGE", "APP_SECRET": SECRET, "VERIFY_TOKEN": "verify-me", "API_URL": url},
    payload=_messenger_payload("page"),
    sign=lambda body, now: request(body, headers={"x-hub-signature-256": "sha256=" + hmac_hex(body)}, now=now),
    sent=lambda got: str(json.loads(got.body)["message"]["text"]),
    batch_of="entry",
    timed=False,
    taken=Says(body=b'{"recipient_id":"42","message_id":"m_1"}'),
    too_fast=Says(status=400, body=b'{"error":{"message":"x","code":613}}'),
    unwell=Says(status=500, body=b'{"error":{"message":"x","code":2}}'),
    refused=Says(status=400, body=b'{"error":{"message":"x","code":551}}'),
)
INSTAGRAM = replace(MESSENGER, kind="instagram", payload=_messenger_payload("instagram"))

# --- E-mail: nobody calls, mail is fetched; tests/channels/test_email.py

EMAIL = Case(
    kind="email",
    settings=lambda url: {
        "ADDRESS": "service@company.example",
        "PASSWORD": "pw",
        "IMAP": "imap://127.0.0.1:9",
        "SMTP": "smtp://127.0.0.1:9",
        "SECRET": SECRET,
    },
    payload=lambda text, message_id, user: f"From: {user}@home.example\r\nMessage-ID: <{message_id}@home.example>\r\n\r\n{text}".encode(),
    sign=lambda body, now: request(body, now=now),
    sent=lambda got: "",
    is_called=False,
)

# --- SMS by Twilio

TWILIO_URL = "https://chat.company.example/webhooks/sms"


def _twilio_payload(text: str, message_id: str, user: str) -> bytes:
    fields = {
        "ToCountry": "US",
        "SmsStatus": "received",
        "Body": text,
        "To": "+15550001111",
        "NumSegments": "1",
        "NumMedia": "0",
        "AccountSid": "AC1",
        "From": user,
        "ApiVersion": "2010-04-01",
        "MessageSid": message_id,
    }
    return urlencode(fields, errors="replace").encode()


def _twilio_sign(body: bytes, now: float) -> WebhookRequest:
    """As Twilio's own library computes it."""
    fields = dict(parse_qsl(body.decode("utf8", "replace"), keep_blank_values=True))
    signed = RequestValidator(SECRET).compute_signature(TWILIO_URL, fields)
    return request(body, headers={"x-twilio-signature": signed}, now=now)


SMS = Case(
    kind="sms",
    settings=lambda url: {"ACCOUNT_SID": "AC1", "AUTH_TOKEN": SECRET, "FROM": "+15550001111", "URL": TWILIO_URL, "API_URL": url},
    payload=_twilio_payload,
    sign=_twilio_sign,
    sent=lambda got: dict(parse_qsl(got.body.decode()))["Body"],
    timed=False,
    taken=Says(status=201, body=b'{"sid":"SM1","status":"queued","error_code":null}'),
    too_fast=Says(status=429, body=b'{"code":20429,"message":"Too Many Requests","status":429}'),
    unwell=Says(status=503, body=b'{"code":20503,"status":503}'),
    refused=Says(status=400, body=b'{"code":21211,"message":"Invalid To","status":400}'),
)

CASES = [WEBHOOK, WECHAT, TELEGRAM, WHATSAPP, LINE, FEISHU, DINGTALK, WECOM, WECOM_KF, MESSENGER, INSTAGRAM, EMAIL, SMS]
CALLED = [case for case in CASES if case.is_called]

every_channel = pytest.mark.parametrize("case", CALLED, ids=lambda case: case.kind)
# What needs a database: one channel in the quick suite, all of them in `make test`. What is stored does not depend on who the vendor
# is, so PostgreSQL sees two of them: one that sends messages, one that only signals that there are some.
every_channel_in_full = pytest.mark.parametrize(
    ("database_kind", "case"),
    [
        pytest.param(kind, case, id=f"{kind}-{case.kind}", marks=[] if (kind, case) == ("sqlite", WEBHOOK) else [pytest.mark.slow])
        for kind, cases in (("sqlite", CALLED), ("postgresql", [WEBHOOK, WECOM_KF]))
        for case in cases
    ],
)
