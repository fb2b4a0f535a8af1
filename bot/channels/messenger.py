"""Messenger and Instagram: webhooks in batches in, the Send API out. Source: Meta's documentation of the Messenger Platform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from bot.channels.addresses import elsewhere
from bot.channels.base import Batch, Outgoing, Receipt, Traits, Unit, Withdrawal
from bot.channels.files import MB, PHOTOS, Takes
from bot.channels.meta import Meta
from bot.channels.reading import from_json, message_id, user_id
from bot.channels.vendor import Call, Reason, VendorAnswer
from bot.messages import Attachment, InboundMessage, Kind

MEDIA_HOSTS = ("fbsbx.com", "fbcdn.net", "cdninstagram.com")

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


class Messenger(Meta):
    kind = "messenger"
    required = ("TOKEN", "PAGE_ID", "APP_SECRET", "VERIFY_TOKEN")
    account = "PAGE_ID"
    reasons = _REASONS
    # 25 MB a file; Meta fetches it from us.
    traits = Traits(
        unit=Unit.UTF16,
        longest=2000,
        buttons=13,
        button_title=20,
        window_s=24 * 3600,
        per_s=40,
        files=(Takes(("image/jpeg", "image/png", "image/gif"), 8 * MB), Takes(("application/", "text/plain"), 25 * MB)),
    )
    about: ClassVar[str] = "page"  # what Meta calls the object

    def read_batch(self, body: bytes) -> Batch:
        events = list(self._events(body))
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
        if outgoing.file:
            kind = "image" if outgoing.file.mime.startswith("image/") else "file"
            message = {"attachment": {"type": kind, "payload": {"url": outgoing.file.url}}}
        if outgoing.buttons:
            message["quick_replies"] = [{"content_type": "text", "title": each.title, "payload": each.id} for each in outgoing.buttons]
        body = {"recipient": {"id": outgoing.channel_user}, "messaging_type": "RESPONSE", "message": message}
        return Call("POST", f"{self._api}/{self._account}/messages", msgspec.json.encode(body), self._headers)

    def read(self, answer: VendorAnswer) -> str:
        return self.result(answer).message_id

    def media(self, ref: str, kind: Kind, *, token: str) -> Call:
        return elsewhere(ref, own=self._api, hosts=MEDIA_HOSTS)


class Instagram(Messenger):
    kind = "instagram"
    # 1000 bytes a text, half of Messenger's; pictures of 8 MB, and no documents.
    traits = Traits(
        unit=Unit.BYTES, longest=1000, buttons=13, button_title=20, window_s=24 * 3600, per_s=40, files=(Takes(PHOTOS, 8 * MB),)
    )
    about = "instagram"
