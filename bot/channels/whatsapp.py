"""WhatsApp Cloud API: webhooks in batches in, text, buttons and lists out. Source: Meta's documentation of the Cloud API."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import msgspec

from bot.channels.addresses import elsewhere
from bot.channels.base import Batch, Outgoing, Receipt, Traits, Unit, Withdrawal
from bot.channels.files import MB, PHOTOS, SentFile, Takes, form
from bot.channels.meta import Meta
from bot.channels.reading import from_json, message_id, user_id
from bot.channels.vendor import Call, Reason, VendorAnswer, check_status
from bot.languages import notice
from bot.messages import Attachment, InboundMessage, Kind

MEDIA_HOSTS = ("fbsbx.com", "fbcdn.net", "whatsapp.net")
FEW = 3  # buttons; up to ten go as a list

_KINDS = {
    "image": Kind.IMAGE,
    "video": Kind.VIDEO,
    "audio": Kind.VOICE,
    "document": Kind.FILE,
    "sticker": Kind.STICKER,
    "location": Kind.LOCATION,
}
_SILENT = frozenset({"reaction", "system", "request_welcome", "edit", "revoke"})

_REASONS: dict[int, tuple[Reason, float]] = {  # seconds to wait; negative: permanent
    131047: (Reason.WINDOW, -1),  # more than 24 h since the customer's last message
    130429: (Reason.RATE, 1),
    80007: (Reason.RATE, 60),
    4: (Reason.RATE, 60),
    131048: (Reason.RATE, 600),  # held for spam
    131056: (Reason.BUSY, 6),  # too many to this customer
    131026: (Reason.BLOCKED, -1),  # undeliverable: no WhatsApp, old version, or terms not accepted
    131050: (Reason.BLOCKED, -1),  # the customer has stopped our messages
    190: (Reason.CREDENTIALS, 60),
    10: (Reason.CREDENTIALS, 60),
    0: (Reason.CREDENTIALS, 60),
    131000: (Reason.UNREACHABLE, 1),
    131016: (Reason.UNREACHABLE, 1),
    1: (Reason.UNREACHABLE, 1),
    2: (Reason.UNREACHABLE, 1),
}


class _Text(msgspec.Struct, frozen=True):
    body: str = ""


class _Media(msgspec.Struct, frozen=True):
    id: str = ""
    caption: str = ""
    filename: str = ""
    mime_type: str = ""


class _Location(msgspec.Struct, frozen=True):
    latitude: float = 0
    longitude: float = 0
    name: str = ""
    address: str = ""


class _Pressed(msgspec.Struct, frozen=True):
    id: str = ""
    title: str = ""


class _Interactive(msgspec.Struct, frozen=True):
    button_reply: _Pressed | None = None
    list_reply: _Pressed | None = None


class _TemplateButton(msgspec.Struct, frozen=True):
    text: str = ""


class _Revoked(msgspec.Struct, frozen=True):
    original_message_id: str = ""


class _Message(msgspec.Struct, frozen=True, rename={"phone": "from"}):
    id: str
    type: str
    phone: str = ""
    from_user_id: str = ""  # of who shows a username in the place of a number
    group_id: str = ""
    revoke: _Revoked = _Revoked()
    text: _Text = _Text()
    image: _Media = _Media()
    video: _Media = _Media()
    audio: _Media = _Media()
    document: _Media = _Media()
    sticker: _Media = _Media()
    location: _Location = _Location()
    interactive: _Interactive = _Interactive()
    button: _TemplateButton = _TemplateButton()

    @property
    def user(self) -> str:
        return user_id(self.phone or self.from_user_id)

    @property
    def media(self) -> _Media:
        found: _Media = getattr(self, self.type) if self.type in {"image", "video", "audio", "document", "sticker"} else _Media()
        return found


class _Status(msgspec.Struct, frozen=True):
    id: str
    status: str


class _Metadata(msgspec.Struct, frozen=True):
    phone_number_id: str = ""


class _Value(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    messages: list[_Message] = []
    statuses: list[_Status] = []


class _Change(msgspec.Struct, frozen=True):
    value: msgspec.Raw
    field: str = ""


class _Entry(msgspec.Struct, frozen=True):
    changes: list[_Change] = []


class _Body(msgspec.Struct, frozen=True):
    entry: list[_Entry] = []


class WhatsApp(Meta):
    kind = "whatsapp"
    required = ("TOKEN", "PHONE_NUMBER_ID", "APP_SECRET", "VERIFY_TOKEN")
    account = "PHONE_NUMBER_ID"
    reasons = _REASONS
    traits = Traits(
        unit=Unit.UTF16,
        longest=4096,
        buttons=10,
        button_title=20,
        button_text=1024,
        window_s=24 * 3600,
        per_s=80,
        files=(Takes(PHOTOS, 5 * MB), Takes(("application/", "text/plain"), 100 * MB)),
    )

    def read_batch(self, body: bytes) -> Batch:
        values = list(self._values(body))
        said = [each for value in values for each in value.messages if not each.group_id]
        return Batch(
            messages=[self._message(each) for each in said if each.type not in _SILENT],
            withdrawals=[
                Withdrawal(each.user, message_id(each.revoke.original_message_id))
                for each in said
                if each.type == "revoke" and each.revoke.original_message_id
            ],
            receipts=[Receipt(each.id, each.status) for value in values for each in value.statuses],
        )

    def _values(self, body: bytes) -> Iterator[_Value]:
        """Yield what the batch says of our number; an app may have several numbers, each an account of its own here."""
        for entry in from_json(body, _Body).entry:
            for change in entry.changes:
                if change.field == "messages":
                    value = from_json(bytes(change.value), _Value)
                    if value.metadata.phone_number_id == self._account:
                        yield value

    def _message(self, message: _Message) -> InboundMessage:
        pressed = message.interactive.button_reply or message.interactive.list_reply or _Pressed()
        spoken = message.text.body or message.button.text or pressed.title
        kind = Kind.TEXT if spoken else _KINDS.get(message.type, Kind.OTHER)
        return self.inbound(
            message.user,
            message.id,
            text=spoken or message.media.caption,
            button_id=pressed.id,
            kind=kind,
            attachments=[] if spoken else [_attachment(kind, message)],
        )

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        body: dict[str, object] = {"messaging_product": "whatsapp", "recipient_type": "individual"}
        body["to" if outgoing.channel_user.isdecimal() else "recipient"] = outgoing.channel_user
        if outgoing.file:
            body |= _file(outgoing.file)
        elif outgoing.buttons:
            body |= {"type": "interactive", "interactive": _choices(outgoing)}
        else:
            body |= {"type": "text", "text": {"preview_url": False, "body": outgoing.text}}
        return Call("POST", f"{self._api}/{self._account}/messages", msgspec.json.encode(body), self._headers)

    def upload(self, file: SentFile, *, token: str) -> Call:
        body, headers = form(file, part="file", fields={"messaging_product": "whatsapp", "type": file.mime})
        return Call("POST", f"{self._api}/{self._account}/media", body, {**self._bearer, **headers})

    def read_upload(self, answer: VendorAnswer) -> str:
        return self.result(answer).id

    def read(self, answer: VendorAnswer) -> str:
        result = self.result(answer)
        return result.messages[0].id if result.messages else ""

    def media(self, ref: str, kind: Kind, *, token: str) -> Call:
        return Call("GET", f"{self._api}/{quote(ref, safe='')}", headers=self._headers)

    def read_media(self, answer: VendorAnswer, *, first: bool) -> Call | None:
        """The first answer says where the file lies, for five minutes; our token is needed there too."""
        if not first:
            check_status(answer)
            return None
        return elsewhere(self.result(answer).url, own=self._api, hosts=MEDIA_HOSTS, headers=self._bearer)


def _file(file: SentFile) -> dict[str, object]:
    if file.is_photo:
        return {"type": "image", "image": {"id": file.ref}}
    return {"type": "document", "document": {"id": file.ref, "filename": file.name}}


def _choices(outgoing: Outgoing) -> dict[str, object]:
    """Up to three buttons, else a list that opens by a press."""
    text = {"text": outgoing.text}
    if len(outgoing.buttons) <= FEW:
        buttons = [{"type": "reply", "reply": {"id": each.id, "title": each.title}} for each in outgoing.buttons]
        return {"type": "button", "body": text, "action": {"buttons": buttons}}
    rows = [{"id": each.id, "title": each.title} for each in outgoing.buttons]
    label = notice("options", outgoing.language)
    return {"type": "list", "body": text, "action": {"button": label, "sections": [{"title": label, "rows": rows}]}}


def _attachment(kind: Kind, message: _Message) -> Attachment:
    media, place = message.media, message.location
    name = f"{place.name or place.address} ({place.latitude}, {place.longitude})" if kind is Kind.LOCATION else media.filename
    return Attachment(kind=kind, ref=media.id[:1000], name=name[:200], mime=media.mime_type[:100])
