"""LINE: webhook events in, push messages with a retry key out. Source: the Messaging API reference."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

import msgspec

from bot.channels.base import (
    Batch,
    Channel,
    Outgoing,
    Traits,
    Unit,
    WebhookRequest,
    Withdrawal,
    unsigned,
)
from bot.channels.files import ANYTHING, MB, SentFile, Takes
from bot.channels.loss import Loss
from bot.channels.reading import from_json, message_id, same, user_id
from bot.channels.vendor import (
    Call,
    Reason,
    VendorAnswer,
    check_status,
    decoded,
)
from bot.errors import TransportError
from bot.messages import Attachment, InboundMessage, Kind
from bot.settings import ChannelSettings

PREVIEW_BYTES = MB
API, DATA = "https://api.line.me", "https://api-data.line.me"

_KINDS = {
    "image": Kind.IMAGE,
    "video": Kind.VIDEO,
    "audio": Kind.VOICE,
    "file": Kind.FILE,
    "location": Kind.LOCATION,
    "sticker": Kind.STICKER,
}


class _Source(msgspec.Struct, frozen=True):
    type: str = ""
    user_id: str = msgspec.field(default="", name="userId")


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    type: str
    text: str = ""
    file_name: str = ""
    file_size: int = 0
    title: str = ""
    address: str = ""
    latitude: float = 0
    longitude: float = 0


class _Unsent(msgspec.Struct, frozen=True, rename="camel"):
    message_id: str


class _Postback(msgspec.Struct, frozen=True):
    data: str = ""


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    webhook_event_id: str = ""
    mode: str = "active"
    source: _Source = _Source()
    message: _Message | None = None
    unsend: _Unsent | None = None
    postback: _Postback | None = None


class _Body(msgspec.Struct, frozen=True):
    events: list[_Event] = []


class _SentMessage(msgspec.Struct, frozen=True):
    id: str = ""


class _Sent(msgspec.Struct, frozen=True, rename="camel"):
    sent_messages: list[_SentMessage] = []


class Line(Channel):
    kind = "line"
    required = ("SECRET", "TOKEN")
    optional = ("API_URL", "DATA_URL", "LANGUAGE")
    traits = Traits(unit=Unit.UTF16, longest=5000, buttons=13, button_title=20, per_s=200, files=(Takes(ANYTHING, 100 * MB),))

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._secret = settings.get("SECRET").encode()
        self._api = settings.get("API_URL", API).rstrip("/")
        self._data = settings.get("DATA_URL", settings.get("API_URL", DATA)).rstrip("/")
        self._headers = {"Authorization": f"Bearer {settings.get('TOKEN')}", "Content-Type": "application/json"}

    def parse(self, request: WebhookRequest) -> Batch:
        expected = base64.b64encode(hmac.new(self._secret, request.body, hashlib.sha256).digest())
        if request.method != "POST" or not same(request.headers.get("x-line-signature", ""), expected):
            raise unsigned(self.name)
        # In standby another system has the conversation; groups are not customers.
        events = [each for each in from_json(request.body, _Body).events if each.mode == "active" and each.source.type == "user"]
        return Batch(
            messages=[message for event in events if (message := self._message(event)) is not None],
            withdrawals=[
                Withdrawal(user_id(event.source.user_id), message_id(event.unsend.message_id))
                for event in events
                if event.unsend is not None
            ],
        )

    def _message(self, event: _Event) -> InboundMessage | None:
        message = event.message
        if event.type == "message" and message is not None:
            is_text = message.type == "text"
            kind = Kind.TEXT if is_text else _KINDS.get(message.type, Kind.OTHER)
            attachments = [] if is_text else [_attachment(kind, message)]
            return self.inbound(event.source.user_id, message.id, text=message.text, kind=kind, attachments=attachments)
        if event.type == "postback" and event.postback is not None:
            return self.inbound(event.source.user_id, event.webhook_event_id, button_id=event.postback.data)
        if event.type == "follow":
            return self.inbound(event.source.user_id, event.webhook_event_id, kind=Kind.EVENT)
        return None

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        message: dict[str, object] = {"type": "text", "text": outgoing.text}
        if outgoing.file:
            message = _file(outgoing.file)
        if outgoing.buttons:
            items = [
                {"type": "action", "action": {"type": "postback", "label": button.title, "data": button.id, "displayText": button.title}}
                for button in outgoing.buttons
            ]
            message["quickReply"] = {"items": items}
        body = msgspec.json.encode({"to": outgoing.channel_user, "messages": [message]})
        return Call("POST", f"{self._api}/v2/bot/message/push", body, {**self._headers, "X-Line-Retry-Key": outgoing.key})

    def read(self, answer: VendorAnswer) -> str:
        if answer.status == 409:
            return ""  # the retry key says that it was delivered before
        if answer.status == 403:
            raise TransportError("status 403", reason=Reason.CREDENTIALS, retry_after_s=60)
        check_status(answer)
        sent = decoded(answer, _Sent, unreadable=_Sent()).sent_messages
        return sent[0].id if sent else ""

    def media(self, ref: str, kind: Kind, *, token: str) -> Call:
        return Call("GET", f"{self._data}/v2/bot/message/{quote(ref, safe='')}/content", headers=self._headers)

    def read_media(self, answer: VendorAnswer, *, first: bool) -> None:
        if answer.status == 202:
            raise TransportError("the file is being prepared", reason=Loss.UNREACHABLE, retry_after_s=5)
        check_status(answer)

    def probe(self, *, token: str) -> Call:
        return Call("GET", f"{self._api}/v2/bot/info", headers=self._headers)


def _file(file: SentFile) -> dict[str, object]:
    """A picture that is small enough to be its own preview is shown; LINE has no documents, so the others are a link."""
    if file.is_photo and len(file.data) <= PREVIEW_BYTES and file.url.startswith("https:"):
        return {"type": "image", "originalContentUrl": file.url, "previewImageUrl": file.url}
    return {"type": "text", "text": f"{file.name}\n{file.url}"}


def _attachment(kind: Kind, message: _Message) -> Attachment:
    place = f"{message.title or message.address} ({message.latitude}, {message.longitude})" if kind is Kind.LOCATION else ""
    return Attachment(kind=kind, ref=message.id[:1000], name=(place or message.file_name)[:200], size=message.file_size)
