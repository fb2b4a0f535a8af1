"""The generic channel: a company connects whatever it has by signed JSON in both directions. docs/channels/webhook.md describes it."""

from __future__ import annotations

from typing import Literal

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
)
from bot.channels.files import ANYTHING, MB, SentFile, Takes
from bot.channels.reading import from_json, message_id, user_id
from bot.channels.signing import SIGNATURE, TIMESTAMP, check_secret, check_signed, check_url, signed_body
from bot.channels.vendor import (
    Call,
    VendorAnswer,
    check_status,
    decoded,
)
from bot.errors import InputError
from bot.messages import Attachment, InboundMessage, Kind
from bot.settings import ChannelSettings

MOST = 100  # messages of one request


class _Attachment(msgspec.Struct, frozen=True):
    url: str = ""
    name: str = ""
    mime: str = ""
    size: int = 0


class _Message(msgspec.Struct, frozen=True):
    id: str
    user: str
    text: str = ""
    button_id: str = ""
    kind: Kind = Kind.TEXT
    language: Literal["", "zh", "en"] = ""
    identity: str = ""
    attachments: list[_Attachment] = []


class _Receipt(msgspec.Struct, frozen=True):
    id: str
    state: Literal["delivered", "read", "failed"]


class _Withdrawal(msgspec.Struct, frozen=True):
    id: str
    user: str


class _Body(msgspec.Struct, frozen=True):
    messages: list[_Message] = []
    receipts: list[_Receipt] = []
    withdrawn: list[_Withdrawal] = []


class _Taken(msgspec.Struct, frozen=True):
    id: str = ""


class Webhook(Channel):
    kind = "webhook"
    required = ("SECRET", "URL")
    optional = ("LANGUAGE", "MEDIA_HOSTS")
    traits = Traits(
        unit=Unit.CHARACTERS,
        longest=4000,
        buttons=20,
        button_title=200,
        per_s=200,
        refuses_replays=True,
        files=(Takes(ANYTHING, 100 * MB),),
    )

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._secret = settings.get("SECRET")
        self._url = settings.get("URL")
        self._inside = tuple(filter(None, (host.strip().lower() for host in settings.get("MEDIA_HOSTS").split(","))))
        check_secret(settings, "SECRET")
        check_url(settings, "URL")

    def parse(self, request: WebhookRequest) -> Batch:
        check_signed(request, self._secret, name=self.name)
        body = from_json(request.body, _Body)
        if len(body.messages) + len(body.receipts) + len(body.withdrawn) > MOST:
            raise InputError(f"the request holds more than {MOST} entries; send them in several requests")
        return Batch(
            messages=[self._message(message) for message in body.messages],
            receipts=[Receipt(receipt.id, receipt.state) for receipt in body.receipts],
            withdrawals=[Withdrawal(user_id(gone.user), message_id(gone.id)) for gone in body.withdrawn],
            replay_key=request.headers[SIGNATURE],
            answer=Answer(b'{"ok":true}', content_type="application/json"),
        )

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        body = msgspec.json.encode(
            {
                "id": outgoing.key,
                "user": outgoing.channel_user,
                "text": outgoing.text,
                "sender": outgoing.sender,
                "conversation_id": outgoing.conversation_id,
                "buttons": [{"id": button.id, "title": button.title} for button in outgoing.buttons],
                "attachments": [_file(outgoing.file)] if outgoing.file else [],
            }
        )
        timestamp = str(int(outgoing.at))
        signed = {TIMESTAMP: timestamp, SIGNATURE: signed_body(self._secret, timestamp, body)}
        return Call("POST", self._url, body, {"Content-Type": "application/json", "Idempotency-Key": outgoing.key, **signed})

    def media(self, ref: str, kind: Kind, *, token: str) -> Call:
        return elsewhere(ref, inside=self._inside, anywhere=True)

    def read(self, answer: VendorAnswer) -> str:
        check_status(answer)
        return decoded(answer, _Taken, unreadable=_Taken()).id

    def _message(self, message: _Message) -> InboundMessage:
        said = self.inbound(
            message.user,
            message.id,
            text=message.text,
            button_id=message.button_id,
            kind=message.kind,
            attachments=[
                Attachment(kind=message.kind, ref=each.url[:1000], name=each.name[:200], mime=each.mime[:100], size=each.size)
                for each in message.attachments[:10]
            ],
            language=message.language,
        )
        return msgspec.structs.replace(said, identity=message.identity[:4000])


def _file(file: SentFile) -> dict[str, object]:
    """Return where the receiver fetches the file."""
    return {"url": file.url, "name": file.name, "mime": file.mime, "size": len(file.data)}
