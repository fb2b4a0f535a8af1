"""Messenger and Instagram: webhooks in batches in, the Send API out. Source: Meta's documentation of the Messenger Platform."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import ClassVar

import msgspec

from bot.channels.addresses import elsewhere
from bot.channels.base import (
    Answer,
    Batch,
    Channel,
    Outgoing,
    Receipt,
    Traits,
    Unit,
    WebhookRequest,
    Withdrawal,
    unsigned,
)
from bot.channels.reading import from_json, message_id, same, user_id
from bot.channels.vendor import (
    Call,
    Reason,
    VendorAnswer,
    check_status,
    decoded,
    refused,
)
from bot.errors import TransportError
from bot.messages import Attachment, InboundMessage, Kind
from bot.settings import ChannelSettings

API = "https://graph.facebook.com/v23.0"
MEDIA_HOSTS = ("fbsbx.com", "fbcdn.net", "cdninstagram.com")
WINDOW_CLOSED = 2018278  # error_subcode: sent outside of the allowed window

_KINDS = {"image": Kind.IMAGE, "video": Kind.VIDEO, "audio": Kind.VOICE, "file": Kind.FILE, "location": Kind.LOCATION}
_REASONS: dict[int, tuple[Reason, float]] = {  # seconds to wait; negative: permanent
    551: (Reason.BLOCKED, -1),  # this person is not available now
    4: (Reason.RATE, 60),
    32: (Reason.RATE, 60),
    613: (Reason.RATE, 5),
    80006: (Reason.RATE, 60),
    190: (Reason.CREDENTIALS, 60),
    200: (Reason.CREDENTIALS, 60),
    1: (Reason.UNREACHABLE, 1),
    2: (Reason.UNREACHABLE, 1),
    1200: (Reason.UNREACHABLE, 1),
}


class _Id(msgspec.Struct, frozen=True):
    id: str = ""


class _Payload(msgspec.Struct, frozen=True):
    url: str | None = None


class _Attachment(msgspec.Struct, frozen=True):
    type: str = ""
    payload: _Payload | None = None


class _QuickReply(msgspec.Struct, frozen=True):
    payload: str = ""


class _Message(msgspec.Struct, frozen=True):
    mid: str = ""
    text: str = ""
    is_echo: bool = False
    is_deleted: bool = False
    attachments: list[_Attachment] = []
    quick_reply: _QuickReply = _QuickReply()


class _Postback(msgspec.Struct, frozen=True):
    mid: str = ""
    title: str = ""
    payload: str = ""


class _Delivery(msgspec.Struct, frozen=True):
    mids: list[str] = []


class _Event(msgspec.Struct, frozen=True):
    sender: _Id = _Id()
    message: _Message | None = None
    postback: _Postback | None = None
    delivery: _Delivery = _Delivery()


class _Entry(msgspec.Struct, frozen=True):
    id: str = ""
    messaging: list[_Event] = []


class _Body(msgspec.Struct, frozen=True):
    object: str = ""
    entry: list[_Entry] = []


class _Error(msgspec.Struct, frozen=True):
    code: int = -1
    error_subcode: int = 0


class _Result(msgspec.Struct, frozen=True):
    message_id: str = ""
    error: _Error | None = None


class Messenger(Channel):
    kind = "messenger"
    required = ("TOKEN", "PAGE_ID", "APP_SECRET", "VERIFY_TOKEN")
    optional = ("API_URL", "LANGUAGE")
    traits = Traits(unit=Unit.UTF16, longest=2000, buttons=13, button_title=20, window_s=24 * 3600, per_s=40)
    about: ClassVar[str] = "page"  # what Meta calls the object

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._account = settings.get("PAGE_ID")
        self._api = settings.get("API_URL", API).rstrip("/")
        self._headers = {"Authorization": f"Bearer {settings.get('TOKEN')}", "Content-Type": "application/json"}

    def parse(self, request: WebhookRequest) -> Batch:
        if request.method == "GET":
            query = request.query
            if query.get("hub.mode") != "subscribe" or not same(query.get("hub.verify_token", ""), self.settings.get("VERIFY_TOKEN")):
                raise unsigned(self.name)
            return Batch(answer=Answer(query.get("hub.challenge", "").encode("utf8", "replace")))
        expected = "sha256=" + hmac.new(self.settings.get("APP_SECRET").encode(), request.body, hashlib.sha256).hexdigest()
        if not same(request.headers.get("x-hub-signature-256", ""), expected):
            raise unsigned(self.name)
        events = list(self._events(request.body))
        return Batch(
            messages=[message for event in events if (message := self._message(event)) is not None],
            receipts=[Receipt(mid, "delivered") for event in events for mid in event.delivery.mids],
            withdrawals=[
                Withdrawal(user_id(event.sender.id), message_id(event.message.mid))
                for event in events
                if event.message is not None and event.message.is_deleted
            ],
        )

    def _events(self, body: bytes) -> Iterator[_Event]:
        """Yield what the batch says of our account; an app may serve several, each an account of its own here."""
        read = from_json(body, _Body)
        for entry in read.entry if read.object == self.about else []:
            if entry.id == self._account:
                yield from entry.messaging

    def _message(self, event: _Event) -> InboundMessage | None:
        if event.postback is not None:
            press = event.postback
            return self.inbound(event.sender.id, press.mid, text=press.title, button_id=press.payload)
        message = event.message
        if message is None or message.is_echo or message.is_deleted:  # an echo is what the account itself has said
            return None
        if message.text:
            return self.inbound(event.sender.id, message.mid, text=message.text, button_id=message.quick_reply.payload)
        first = message.attachments[0] if message.attachments else _Attachment()
        kind = _KINDS.get(first.type, Kind.OTHER)
        found = [Attachment(kind=kind, ref=((each.payload and each.payload.url) or "")[:1000]) for each in message.attachments[:10]]
        return self.inbound(event.sender.id, message.mid, kind=kind, attachments=found)

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        message: dict[str, object] = {"text": outgoing.text}
        if outgoing.buttons:
            message["quick_replies"] = [{"content_type": "text", "title": each.title, "payload": each.id} for each in outgoing.buttons]
        body = {"recipient": {"id": outgoing.channel_user}, "messaging_type": "RESPONSE", "message": message}
        return Call("POST", f"{self._api}/{self._account}/messages", msgspec.json.encode(body), self._headers)

    def read(self, answer: VendorAnswer) -> str:
        return _result(answer).message_id

    def media(self, ref: str, kind: Kind, *, token: str) -> Call:
        return elsewhere(ref, own=self._api, hosts=MEDIA_HOSTS)

    def probe(self, *, token: str) -> Call:
        return Call("GET", f"{self._api}/{self._account}?fields=id", headers=self._headers)

    def read_probe(self, answer: VendorAnswer) -> None:
        _result(answer)


class Instagram(Messenger):
    kind = "instagram"
    # 1000 bytes a text, half of Messenger's.
    traits = Traits(unit=Unit.BYTES, longest=1000, buttons=13, button_title=20, window_s=24 * 3600, per_s=40)
    about = "instagram"


def _result(answer: VendorAnswer) -> _Result:
    """Return a result that is well; TransportError with what the error's code means, else what the status means."""
    result = decoded(answer, _Result, unreadable=_Result())
    error = result.error
    if error is not None and error.error_subcode == WINDOW_CLOSED:
        raise TransportError(f"error {error.code}", reason=Reason.WINDOW, permanent=True)
    if error is not None and error.code in _REASONS:
        raise refused(f"error {error.code}", *_REASONS[error.code])
    if error is not None and 200 <= answer.status < 500:
        raise TransportError(f"error {error.code}", reason=Reason.REFUSED, permanent=True)
    check_status(answer)
    return result
