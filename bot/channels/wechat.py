"""WeChat Official Accounts (公众号) and mini programs' customer messages (小程序客服): plain and safe mode in, 客服消息 out."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import msgspec

from bot.channels.base import (
    Answer,
    Batch,
    Channel,
    Outgoing,
    Traits,
    Unit,
    WebhookRequest,
    unsigned,
)
from bot.channels.files import MB, PHOTOS, SentFile, Takes
from bot.channels.reading import check_fresh, same, user_id
from bot.channels.signing import TIMESTAMP, check_secret, check_signed, check_url
from bot.channels.tencent import (
    TOLERANCE_S,
    Envelope,
    check_result,
    from_xml,
    media_call,
    read_media,
    read_token,
    read_upload,
    said,
    signature,
    to_xml,
    upload_call,
)
from bot.channels.vendor import (
    AccessToken,
    Call,
    VendorAnswer,
)
from bot.environment import flag
from bot.errors import InputError
from bot.messages import Attachment, InboundMessage, Kind
from bot.settings import ChannelSettings

API = "https://api.weixin.qq.com"
SUCCESS = Answer(b"success")  # anything else, or nothing within 5 s, and the customer reads that the account is out of order

_KINDS = {
    "image": Kind.IMAGE,
    "voice": Kind.VOICE,
    "video": Kind.VIDEO,
    "shortvideo": Kind.VIDEO,
    "location": Kind.LOCATION,
    "link": Kind.OTHER,
    "miniprogrampage": Kind.OTHER,
}
_OPENED = frozenset({"subscribe", "user_enter_tempsession"})


class WeChat(Channel):
    kind = "wechat"
    required = ("TOKEN", "APP_ID", "APP_SECRET")
    optional = ("AES_KEY", "API_URL", "LANGUAGE", "PASSIVE", "RELAY_URL", "FORWARD_SECRET")
    # 2048 bytes: measured, not documented. 48 h and 5 sends after a message: "客服消息 · 下发条数限制".
    # Pictures of 10 MB, and no documents: "客服消息" has no such message.
    traits = Traits(
        unit=Unit.BYTES,
        longest=2048,
        window_s=48 * 3600,
        quota=5,
        kept_for_agents=2,
        merges=True,
        per_s=50,
        files=(Takes((*PHOTOS, "image/gif"), 10 * MB),),
    )

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._token = settings.get("TOKEN")
        self._app_id = settings.get("APP_ID")
        self._api = settings.get("API_URL", API).rstrip("/")
        if flag(settings.values, "PASSIVE", False):
            # A passive reply has room for the same text and a line that says how to get the rest.
            self.traits = replace(self.traits, longest=1900, window_s=0, quota=0, kept_for_agents=0, passive=True, files=())
        check_secret(settings, "FORWARD_SECRET")
        check_url(settings, "RELAY_URL")
        key = settings.get("AES_KEY")
        self._envelope = Envelope(key, receiver=self._app_id, setting=settings.setting("AES_KEY")) if key else None

    def parse(self, request: WebhookRequest) -> Batch:
        query = request.query
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if request.method == "GET":
            self._check(query.get("signature", ""), timestamp, nonce)
            check_fresh(timestamp, now=request.now, window_s=TOLERANCE_S)
            return Batch(answer=Answer(query.get("echostr", "").encode("utf8", "replace")))
        if TIMESTAMP in request.headers:  # a callback of the company has received and opened it, and sends it on in clear
            check_signed(request, self.settings.get("FORWARD_SECRET"), name=self.name)
            body = request.body
        else:
            body = self._opened(request, timestamp, nonce)
            check_fresh(timestamp, now=request.now, window_s=TOLERANCE_S)
        fields = from_xml(body)
        message = self._message(fields)
        if message is not None and self.traits.passive:  # the answer is signed with the account's own name
            message = msgspec.structs.replace(message, reply_token=fields.get("ToUserName", "")[:255])
        return Batch(messages=[message] if message else [], answer=SUCCESS)

    def _opened(self, request: WebhookRequest, timestamp: str, nonce: str) -> bytes:
        """Verify; return the XML in clear. With AES_KEY set nothing is taken in clear: its signature would not cover the body."""
        if self._envelope is None:
            self._check(request.query.get("signature", ""), timestamp, nonce)
            return request.body
        if not request.query.get("msg_signature"):
            raise unsigned(self.name)
        encrypted = from_xml(request.body).get("Encrypt", "")
        self._check(request.query["msg_signature"], timestamp, nonce, encrypted)
        return self._envelope.open(encrypted)

    def _check(self, given: str, *parts: str) -> None:
        if not same(given, signature(self._token, *parts)):
            raise unsigned(self.name)

    def _message(self, fields: dict[str, str]) -> InboundMessage | None:
        user, kind = user_id(fields.get("FromUserName", "")), fields.get("MsgType", "")
        if kind == "event":
            return self._event(user, fields)
        key = fields.get("MsgId", "")
        if not key.isdecimal():
            raise InputError("a message has no MsgId; without one it could be stored twice")
        heard = fields.get("Recognition", "")  # what the vendor understood of a voice message
        is_text = kind == "text" or bool(heard)
        return self.inbound(
            user,
            key,
            text=fields.get("Content", "") if kind == "text" else heard,
            kind=Kind.TEXT if is_text else _KINDS.get(kind, Kind.OTHER),
            attachments=[] if kind == "text" else [_attachment(kind, fields)],
        )

    def _event(self, user: str, fields: dict[str, str]) -> InboundMessage | None:
        """A press in the account's menu says its key; who follows us or opens the chat is greeted; the rest is no message."""
        event, pressed = fields.get("Event", ""), fields.get("EventKey", "")
        if event not in _OPENED and not (event == "CLICK" and pressed):
            return None
        if not fields.get("CreateTime", "").isdecimal():
            raise InputError("an event has no CreateTime; without one it could be stored twice")
        key = f"{fields['CreateTime']}.{event}.{pressed}"
        return self.inbound(user, key, button_id=pressed) if event == "CLICK" else self.inbound(user, key, kind=Kind.EVENT)

    def reply(self, message: InboundMessage, text: str, *, request: WebhookRequest) -> Answer:
        """Make a passive reply, encrypted where the request was; its MsgSignature is over the same parts as the vendor's."""
        timestamp = str(int(request.now))
        answer = to_xml(
            ToUserName=message.channel_user, FromUserName=message.reply_token, CreateTime=timestamp, MsgType="text", Content=text
        )
        if self._envelope is not None and TIMESTAMP not in request.headers:  # who forwards encrypts by itself
            sealed, nonce = self._envelope.close(answer), request.query.get("nonce", "")
            signed = signature(self._token, timestamp, nonce, sealed)
            answer = to_xml(Encrypt=sealed, MsgSignature=signed, TimeStamp=timestamp, Nonce=nonce)
        return Answer(answer, content_type="application/xml; charset=utf-8")

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        body = {"touser": outgoing.channel_user, **said(outgoing.text, outgoing.file)}
        return _json("POST", f"{self._api}/cgi-bin/message/custom/send?access_token={quote(token)}", body)

    def upload(self, file: SentFile, *, token: str) -> Call:
        return upload_call(self._api, file, token)

    def read_upload(self, answer: VendorAnswer) -> str:
        return read_upload(answer)

    def read(self, answer: VendorAnswer) -> str:
        return check_result(answer)

    def media(self, ref: str, kind: Kind, *, token: str) -> Call:
        return media_call(self._api, ref, token)

    def read_media(self, answer: VendorAnswer, *, first: bool) -> Call | None:
        return read_media(answer)

    def token_call(self) -> Call:
        """Ask for the stable token: other systems of the company may have one of their own, and none ends another's."""
        body = {"grant_type": "client_credential", "appid": self._app_id, "secret": self.settings.get("APP_SECRET")}
        return _json("POST", f"{self._api}/cgi-bin/stable_token", body)

    def read_token(self, answer: VendorAnswer) -> AccessToken:
        return read_token(answer)

    def probe(self, *, token: str) -> Call:
        return Call("GET", f"{self._api}/cgi-bin/get_api_domain_ip?access_token={quote(token)}")

    def read_probe(self, answer: VendorAnswer) -> None:
        check_result(answer)


def _attachment(kind: str, fields: dict[str, str]) -> Attachment:
    place = f"{fields.get('Label', '')} ({fields.get('Location_X', '')}, {fields.get('Location_Y', '')})" if kind == "location" else ""
    return Attachment(
        kind=_KINDS.get(kind, Kind.OTHER),
        ref=(fields.get("MediaId") or fields.get("Url", ""))[:1000],
        name=(place or fields.get("Title", ""))[:200],
    )


def _json(method: str, url: str, body: object) -> Call:
    # The vendor shows escapes such as \u4f60 as they are, so the body must be UTF-8; msgspec writes it so.
    return Call(method, url, msgspec.json.encode(body), {"Content-Type": "application/json; charset=utf-8"})
