"""Telegram bots: updates in private chats in, sendMessage out. Source: the Bot API's documentation."""

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
from bot.channels.files import ANYTHING, MB, Takes, form
from bot.channels.loss import Loss
from bot.channels.reading import from_json, same
from bot.channels.vendor import (
    Call,
    Reason,
    VendorAnswer,
    check_status,
    decoded,
)
from bot.errors import SettingError, TransportError
from bot.messages import Attachment, InboundMessage, Kind
from bot.settings import ChannelSettings

API = "https://api.telegram.org"
PHOTO_BYTES = 10 * MB
SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - a header's name


class _File(msgspec.Struct, frozen=True):
    file_id: str = ""
    file_name: str = ""
    mime_type: str = ""
    file_size: int = 0


class _Location(msgspec.Struct, frozen=True):
    latitude: float = 0
    longitude: float = 0


class _Chat(msgspec.Struct, frozen=True):
    id: int
    type: str = ""


class _From(msgspec.Struct, frozen=True):
    id: int
    is_bot: bool = False
    language_code: str = ""


class _Message(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    chat: _Chat
    sender: _From | None = None
    text: str = ""
    caption: str = ""
    photo: list[_File] = []
    document: _File | None = None
    voice: _File | None = None
    audio: _File | None = None
    video: _File | None = None
    video_note: _File | None = None
    sticker: _File | None = None
    location: _Location | None = None


class _Callback(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    id: str
    sender: _From
    data: str = ""
    message: _Message | None = None


class _Update(msgspec.Struct, frozen=True):
    update_id: int
    message: _Message | None = None
    callback_query: _Callback | None = None


class _Sent(msgspec.Struct, frozen=True):
    message_id: int = 0


class _Path(msgspec.Struct, frozen=True):
    file_path: str


class _Found(msgspec.Struct, frozen=True):
    result: _Path


class _Parameters(msgspec.Struct, frozen=True):
    retry_after: float = 0


class _Result(msgspec.Struct, frozen=True):
    ok: bool
    result: _Sent | msgspec.Raw | None = None
    error_code: int = 0
    description: str = ""
    parameters: _Parameters = _Parameters()


class Telegram(Channel):
    kind = "telegram"
    required = ("TOKEN", "SECRET")
    optional = ("API_URL", "LANGUAGE")
    # 4096 characters "after entities parsing", counted as UTF-16; one a second in a chat, about 30 a second in all.
    # A bot uploads at most 50 MB, photos at most 10 MB; a larger photo goes as a document.
    traits = Traits(unit=Unit.UTF16, longest=4096, buttons=12, button_title=60, per_s=30, pause_s=1.0, files=(Takes(ANYTHING, 50 * MB),))

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._secret = settings.get("SECRET")
        if len(self._secret) < 16:
            raise SettingError(f"{settings.setting('SECRET')} is shorter than 16 characters; make one with: openssl rand -hex 32")
        api = settings.get("API_URL", API).rstrip("/")
        self._api, self._files = (f"{api}{folder}/bot{settings.get('TOKEN')}" for folder in ("", "/file"))

    def parse(self, request: WebhookRequest) -> Batch:
        if request.method != "POST" or not same(request.headers.get(SECRET_HEADER, ""), self._secret):
            raise unsigned(self.name)
        update = from_json(request.body, _Update)
        if update.callback_query is not None:
            return self._press(update.update_id, update.callback_query)
        message = update.message
        if message is None or message.chat.type != "private" or (message.sender is not None and message.sender.is_bot):
            return Batch()
        return Batch(messages=[self._message(update.update_id, message)])

    def _message(self, update_id: int, message: _Message) -> InboundMessage:
        kind, found = _content(message)
        text = message.text or message.caption
        if text.startswith("/start"):
            kind, text = Kind.EVENT, ""
        spoken = _language(message.sender)
        return self.inbound(str(message.chat.id), str(update_id), text=text, kind=kind, attachments=found, language=spoken)

    def _press(self, update_id: int, press: _Callback) -> Batch:
        """A button was pressed; the answer to the webhook itself stops the button's spinning."""
        answer = Answer(
            msgspec.json.encode({"method": "answerCallbackQuery", "callback_query_id": press.id}), content_type="application/json"
        )
        if press.message is None or press.message.chat.type != "private" or not press.data:
            return Batch(answer=answer)
        spoken = _language(press.sender)
        pressed = self.inbound(str(press.message.chat.id), str(update_id), button_id=press.data, language=spoken)
        return Batch(messages=[pressed], answer=answer)

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        if outgoing.file:
            part = "photo" if outgoing.file.is_photo and len(outgoing.file.data) <= PHOTO_BYTES else "document"
            sent, headers = form(outgoing.file, part=part, fields={"chat_id": outgoing.channel_user})
            return Call("POST", f"{self._api}/send{part.capitalize()}", sent, headers)
        body: dict[str, object] = {
            "chat_id": outgoing.channel_user,
            "text": outgoing.text,
            "link_preview_options": {"is_disabled": True},
        }
        if outgoing.buttons:
            rows = [[{"text": button.title, "callback_data": button.id}] for button in outgoing.buttons]
            body["reply_markup"] = {"inline_keyboard": rows}
        return Call("POST", f"{self._api}/sendMessage", msgspec.json.encode(body), {"Content-Type": "application/json"})

    def read(self, answer: VendorAnswer) -> str:
        result = _result(answer)
        return str(result.result.message_id) if isinstance(result.result, _Sent) else ""

    def media(self, ref: str, kind: Kind, *, token: str) -> Call:
        return Call("GET", f"{self._api}/getFile?file_id={quote(ref, safe='')}")

    def read_media(self, answer: VendorAnswer, *, first: bool) -> Call | None:
        """The first answer gives a path, good for an hour."""
        if not first:
            check_status(answer)
            return None
        _result(answer)
        return Call("GET", f"{self._files}/{quote(msgspec.json.decode(answer.body, type=_Found).result.file_path)}")

    def probe(self, *, token: str) -> Call:
        return Call("GET", f"{self._api}/getMe")

    def read_probe(self, answer: VendorAnswer) -> None:
        _result(answer)


def _language(sender: _From | None) -> str:
    spoken = (sender.language_code if sender else "")[:2]
    return spoken if spoken in {"zh", "en"} else ""


def _content(message: _Message) -> tuple[Kind, list[Attachment]]:
    """Return what the message is, with the vendor's id of its file."""
    files = (
        (Kind.IMAGE, message.photo[-1] if message.photo else None),  # the largest is the last
        (Kind.FILE, message.document),
        (Kind.VOICE, message.voice or message.audio),
        (Kind.VIDEO, message.video or message.video_note),
        (Kind.STICKER, message.sticker),
    )
    for kind, file in files:
        if file is not None:
            name, mime = file.file_name[:200], file.mime_type[:100]
            return kind, [Attachment(kind=kind, ref=file.file_id[:1000], name=name, mime=mime, size=file.file_size)]
    if message.location is not None:
        return Kind.LOCATION, [Attachment(kind=Kind.LOCATION, name=f"{message.location.latitude}, {message.location.longitude}")]
    return (Kind.TEXT, []) if message.text else (Kind.OTHER, [])


def _result(answer: VendorAnswer) -> _Result:
    """Return a result that is well; TransportError with what the others mean."""
    result = decoded(answer, _Result)
    if result.ok:
        return result
    code = result.error_code or answer.status
    what = f"error {code}"
    if code == 429:
        raise TransportError(what, reason=Reason.RATE, retry_after_s=min(result.parameters.retry_after, 3600))
    if code in {401, 404}:
        raise TransportError(what, reason=Reason.CREDENTIALS, retry_after_s=60)
    if code == 403 or "chat not found" in result.description:
        raise TransportError(what, reason=Reason.BLOCKED, permanent=True)
    if "file is too big" in result.description:
        raise TransportError(what, reason=Loss.TOO_LARGE, permanent=True)
    if code >= 500:
        raise TransportError(what, reason=Reason.UNREACHABLE)
    raise TransportError(what, reason=Reason.REFUSED, permanent=True)
