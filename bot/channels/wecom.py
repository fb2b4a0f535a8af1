"""WeCom (企业微信) applications: members write to the application; always encrypted in, message/send out."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from bot.channels.base import Answer, Batch, Outgoing, Traits, Unit, WebhookRequest
from bot.channels.corp import FILES, Corp
from bot.channels.reading import user_id
from bot.channels.tencent import check_result, said
from bot.channels.vendor import Call, Reason, VendorAnswer, decoded
from bot.errors import InputError, SettingError, TransportError
from bot.messages import Attachment, InboundMessage, Kind
from bot.settings import ChannelSettings

_KINDS = {"image": Kind.IMAGE, "voice": Kind.VOICE, "video": Kind.VIDEO, "location": Kind.LOCATION, "file": Kind.FILE}


class _Sent(msgspec.Struct, frozen=True):
    invaliduser: str = ""
    unlicenseduser: str = ""


class WeCom(Corp):
    kind = "wecom"
    required = ("CORP_ID", "AGENT_ID", "SECRET", "TOKEN", "AES_KEY")
    # 2048 bytes: longer ones are cut off by the vendor. 30 a minute and 1000 an hour to one member: what is more is dropped.
    traits = Traits(unit=Unit.BYTES, longest=2048, merges=True, per_s=30, pause_s=2.0, files=FILES)

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        agent_id = settings.get("AGENT_ID")
        if not (agent_id.isascii() and agent_id.isdecimal()):
            raise SettingError(f"{settings.setting('AGENT_ID')} is {agent_id!r}; it must be the application's number")
        self._agent_id = int(agent_id)

    def parse(self, request: WebhookRequest) -> Batch:
        query = request.query
        if request.method == "GET":
            return Batch(answer=Answer(self.open(request, query.get("echostr", ""))))
        message = self._message(self.fields(request))
        return Batch(messages=[message] if message else [])

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
        body = {"touser": outgoing.channel_user, "agentid": self._agent_id, **said(outgoing.text, outgoing.file)}
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return Call("POST", f"{self._api}/cgi-bin/message/send?access_token={quote(token)}", msgspec.json.encode(body), headers)

    def read(self, answer: VendorAnswer) -> str:
        key = check_result(answer)
        sent = decoded(answer, _Sent)
        if sent.invaliduser or sent.unlicenseduser:
            raise TransportError("the member is not reachable through this application", reason=Reason.BLOCKED, permanent=True)
        return key

    def probe(self, *, token: str) -> Call:
        return Call("GET", f"{self._api}/cgi-bin/agent/get?access_token={quote(token)}&agentid={self._agent_id}")
