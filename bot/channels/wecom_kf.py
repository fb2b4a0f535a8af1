"""WeChat customer service (微信客服) of WeCom: the callback only signals, messages are pulled with a cursor; kf/send_msg out.

Yingda keeps the session with the bot (service_state 1, or 0) and routes to its own agents: in state 3 the vendor lets nobody but its own
agents speak.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from bot.channels.base import Answer, Batch, Outgoing, Pulled, Receipt, Traits, Unit, WebhookRequest, Withdrawal
from bot.channels.corp import FILES, Corp
from bot.channels.reading import message_id
from bot.channels.tencent import check_result, said
from bot.channels.vendor import Call, VendorAnswer, decoded
from bot.errors import InputError
from bot.messages import Attachment, InboundMessage, Kind
from bot.settings import ChannelSettings

CUSTOMER = 3  # origin
PAGE = 1000  # messages of one pull, the vendor's most

_KINDS = {"image": Kind.IMAGE, "voice": Kind.VOICE, "video": Kind.VIDEO, "file": Kind.FILE, "location": Kind.LOCATION}


class _Inside(msgspec.Struct, frozen=True):
    content: str = ""
    menu_id: str = ""
    media_id: str = ""
    name: str = ""
    title: str = ""
    latitude: float = 0
    longitude: float = 0


class _Event(msgspec.Struct, frozen=True):
    event_type: str = ""
    external_userid: str = ""
    recall_msgid: str = ""
    fail_msgid: str = ""


class _Message(msgspec.Struct, frozen=True):
    msgid: str
    msgtype: str = ""
    origin: int = 0
    open_kfid: str = ""
    external_userid: str = ""
    send_time: int = 0
    text: _Inside = _Inside()
    image: _Inside = _Inside()
    voice: _Inside = _Inside()
    video: _Inside = _Inside()
    file: _Inside = _Inside()
    location: _Inside = _Inside()
    event: _Event = _Event()


class _Page(msgspec.Struct, frozen=True):
    next_cursor: str = ""
    has_more: int = 0
    msg_list: list[_Message] = []


class WeComService(Corp):
    kind = "wecom_kf"
    required = ("CORP_ID", "SECRET", "OPEN_KFID", "TOKEN", "AES_KEY")
    # 48 h and 5 sends after each of the customer's messages.
    traits = Traits(unit=Unit.BYTES, longest=2048, window_s=48 * 3600, quota=5, kept_for_agents=2, merges=True, per_s=30, files=FILES)

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._account = settings.get("OPEN_KFID")

    def parse(self, request: WebhookRequest) -> Batch:
        if request.method == "GET":
            return Batch(answer=Answer(self.open(request, request.query.get("echostr", ""))))
        fields = self.fields(request)
        if fields.get("Event") != "kf_msg_or_event" or fields.get("OpenKfId") != self._account:
            return Batch()
        return Batch(signal=fields.get("Token", ""))

    def pull(self, *, cursor: str, signal: str, token: str) -> Call:
        body = {"cursor": cursor, "token": signal, "limit": PAGE, "open_kfid": self._account}
        return self._call("sync_msg", body, token=token)

    def read_pull(self, answer: VendorAnswer, *, since: float) -> Pulled:
        check_result(answer)
        page = decoded(answer, _Page)
        fresh = [each for each in page.msg_list if each.open_kfid == self._account and each.send_time >= since]
        events = [each.event for each in page.msg_list if each.msgtype == "event"]
        batch = Batch(
            messages=[message for each in fresh if (message := self._message(each)) is not None],
            receipts=[Receipt(event.fail_msgid, "failed") for event in events if event.event_type == "msg_send_fail"],
            withdrawals=[
                Withdrawal(event.external_userid, message_id(event.recall_msgid))
                for event in events
                if event.event_type == "user_recall_msg" and event.recall_msgid
            ],
        )
        return Pulled(batch, page.next_cursor, bool(page.has_more))

    def _message(self, message: _Message) -> InboundMessage | None:
        if message.msgtype == "event":
            if message.event.event_type != "enter_session":
                return None
            return self._inbound(message, message.event.external_userid, kind=Kind.EVENT)
        if message.origin != CUSTOMER:
            return None
        if message.msgtype == "text":
            return self._inbound(message, message.external_userid, text=message.text.content)
        kind = _KINDS.get(message.msgtype, Kind.OTHER)
        inside: _Inside = getattr(message, message.msgtype) if message.msgtype in _KINDS else _Inside()
        place = f"{inside.name} ({inside.latitude}, {inside.longitude})" if kind is Kind.LOCATION else ""
        found = Attachment(kind=kind, ref=inside.media_id[:1000], name=(place or inside.name or inside.title)[:200])
        return self._inbound(message, message.external_userid, kind=kind, attachments=[found])

    def _inbound(
        self, message: _Message, user: str, *, text: str = "", kind: Kind = Kind.TEXT, attachments: Sequence[Attachment] = ()
    ) -> InboundMessage | None:
        try:
            return self.inbound(user, message.msgid, text=text, kind=kind, attachments=attachments)
        except InputError:
            return None  # one without a sender must not stop the cursor

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        body = {
            "touser": outgoing.channel_user,
            "open_kfid": self._account,
            "msgid": outgoing.key.replace("-", ""),  # at most 32 characters; the vendor sends an id once
            **said(outgoing.text, outgoing.file),
        }
        return self._call("send_msg", body, token=token)

    def read(self, answer: VendorAnswer) -> str:
        return check_result(answer)

    def probe(self, *, token: str) -> Call:
        return Call("GET", f"{self._api}/cgi-bin/kf/account/list?access_token={quote(token)}")

    def _call(self, verb: str, body: object, *, token: str) -> Call:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return Call("POST", f"{self._api}/cgi-bin/kf/{verb}?access_token={quote(token)}", msgspec.json.encode(body), headers)
