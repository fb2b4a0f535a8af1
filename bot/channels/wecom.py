"""WeCom (企业微信) applications: members write to the application; always encrypted in, message/send out."""

from __future__ import annotations

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
from bot.channels.reading import check_fresh, same, user_id
from bot.channels.tencent import (
    TOLERANCE_S,
    Envelope,
    check_result,
    corp_token_call,
    from_xml,
    media_call,
    read_media,
    read_token,
    signature,
)
from bot.channels.vendor import (
    AccessToken,
    Call,
    Reason,
    VendorAnswer,
    decoded,
)
from bot.errors import InputError, SettingError, TransportError
from bot.messages import Attachment, InboundMessage, Kind
from bot.settings import ChannelSettings

API = "https://qyapi.weixin.qq.com"

_KINDS = {"image": Kind.IMAGE, "voice": Kind.VOICE, "video": Kind.VIDEO, "location": Kind.LOCATION, "file": Kind.FILE}


class _Sent(msgspec.Struct, frozen=True):
    invaliduser: str = ""
    unlicenseduser: str = ""


class WeCom(Channel):
    kind = "wecom"
    required = ("CORP_ID", "AGENT_ID", "SECRET", "TOKEN", "AES_KEY")
    optional = ("API_URL", "LANGUAGE")
    # 2048 bytes: longer ones are cut off by the vendor. 30 a minute and 1000 an hour to one member: what is more is dropped.
    traits = Traits(unit=Unit.BYTES, longest=2048, merges=True, per_s=30, pause_s=2.0)

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._token = settings.get("TOKEN")
        self._api = settings.get("API_URL", API).rstrip("/")
        self._envelope = Envelope(settings.get("AES_KEY"), receiver=settings.get("CORP_ID"), setting=settings.setting("AES_KEY"))
        agent_id = settings.get("AGENT_ID")
        if not (agent_id.isascii() and agent_id.isdecimal()):
            raise SettingError(f"{settings.setting('AGENT_ID')} is {agent_id!r}; it must be the application's number")
        self._agent_id = int(agent_id)

    def parse(self, request: WebhookRequest) -> Batch:
        query = request.query
        if request.method == "GET":
            return Batch(answer=Answer(self._open(request, query.get("echostr", ""))))
        fields = from_xml(self._open(request, self._sealed(request)))
        message = self._message(fields)
        return Batch(messages=[message] if message else [])

    def _sealed(self, request: WebhookRequest) -> str:
        try:
            return from_xml(request.body).get("Encrypt", "")
        except InputError:
            raise unsigned(self.name) from None  # the signature is over what cannot be read

    def _open(self, request: WebhookRequest, encrypted: str) -> bytes:
        """Verify and decrypt."""
        timestamp, nonce = request.query.get("timestamp", ""), request.query.get("nonce", "")
        if not same(request.query.get("msg_signature", ""), signature(self._token, timestamp, nonce, encrypted)):
            raise unsigned(self.name)
        check_fresh(timestamp, now=request.now, window_s=TOLERANCE_S)
        return self._envelope.open(encrypted)

    def _message(self, fields: dict[str, str]) -> InboundMessage | None:
        user, kind = user_id(fields.get("FromUserName", "")), fields.get("MsgType", "")
        if kind == "event":
            return self._event(user, fields)
        if not fields.get("MsgId", "").isdecimal():
            raise InputError("a message has no MsgId; without one it could be stored twice")
        place = f"{fields.get('Label', '')} ({fields.get('Location_X', '')}, {fields.get('Location_Y', '')})" if kind == "location" else ""
        found = Attachment(kind=_KINDS.get(kind, Kind.OTHER), ref=fields.get("MediaId", "")[:1000], name=place[:200])
        if kind == "text":
            return self.inbound(user, fields["MsgId"], text=fields.get("Content", ""))
        return self.inbound(user, fields["MsgId"], text=fields.get("Content", ""), kind=found.kind, attachments=[found])

    def _event(self, user: str, fields: dict[str, str]) -> InboundMessage | None:
        """A press in the application's menu says its key; everything else, opening the application included, is no message."""
        pressed = fields.get("EventKey", "")
        if fields.get("Event") != "click" or not pressed:
            return None
        return self.inbound(user, f"{fields.get('CreateTime', '')}.click.{pressed}", button_id=pressed)

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        body = {"touser": outgoing.channel_user, "msgtype": "text", "agentid": self._agent_id, "text": {"content": outgoing.text}}
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return Call("POST", f"{self._api}/cgi-bin/message/send?access_token={quote(token)}", msgspec.json.encode(body), headers)

    def read(self, answer: VendorAnswer) -> str:
        key = check_result(answer)
        sent = decoded(answer, _Sent)
        if sent.invaliduser or sent.unlicenseduser:
            raise TransportError("the member is not reachable through this application", reason=Reason.BLOCKED, permanent=True)
        return key

    def media(self, ref: str, kind: Kind, *, token: str) -> Call:
        return media_call(self._api, ref, token)

    def read_media(self, answer: VendorAnswer, *, first: bool) -> Call | None:
        return read_media(answer)

    def token_call(self) -> Call:
        return corp_token_call(self._api, self.settings)

    def read_token(self, answer: VendorAnswer) -> AccessToken:
        return read_token(answer)

    def probe(self, *, token: str) -> Call:
        return Call("GET", f"{self._api}/cgi-bin/agent/get?access_token={quote(token)}&agentid={self._agent_id}")

    def read_probe(self, answer: VendorAnswer) -> None:
        check_result(answer)
