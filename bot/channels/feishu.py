"""Feishu (飞书) and Lark bots in private chats: encrypted events in, messages with a uuid out. Source: the open platform's pages."""

from __future__ import annotations

import hashlib
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
    Withdrawal,
    unsigned,
)
from bot.channels.feishu_envelope import decrypt
from bot.channels.feishu_results import result_of
from bot.channels.files import ANYTHING, MB, PHOTOS, SentFile, Takes, form
from bot.channels.reading import check_fresh, from_json, message_id, same, user_id
from bot.channels.vendor import (
    AccessToken,
    Call,
    Reason,
    VendorAnswer,
)
from bot.errors import InputError, TransportError
from bot.messages import Attachment, InboundMessage, Kind
from bot.settings import ChannelSettings

API = "https://open.feishu.cn"
TOLERANCE_S = 3600
PICTURE_BYTES = 10 * MB

_KINDS = {
    "image": Kind.IMAGE,
    "file": Kind.FILE,
    "audio": Kind.VOICE,
    "media": Kind.VIDEO,
    "sticker": Kind.STICKER,
    "location": Kind.LOCATION,
}


class _Sealed(msgspec.Struct, frozen=True):
    encrypt: str


class _Header(msgspec.Struct, frozen=True):
    event_id: str = ""
    event_type: str = ""
    token: str = ""


class _SenderId(msgspec.Struct, frozen=True):
    open_id: str = ""


class _Sender(msgspec.Struct, frozen=True):
    sender_type: str = ""


class _Message(msgspec.Struct, frozen=True):
    message_id: str = ""
    chat_id: str = ""
    chat_type: str = ""
    message_type: str = ""
    content: str = "{}"


class _Context(msgspec.Struct, frozen=True):
    open_chat_id: str = ""


class _Value(msgspec.Struct, frozen=True):
    button_id: str = ""


class _Action(msgspec.Struct, frozen=True):
    value: _Value = _Value()


class _Event(msgspec.Struct, frozen=True):
    sender: _Sender = _Sender()
    message: _Message = _Message()
    action: _Action = _Action()
    context: _Context = _Context()
    message_id: str = ""  # of a recalled message
    chat_id: str = ""


class _Body(msgspec.Struct, frozen=True):
    type: str = ""
    challenge: str = ""
    token: str = ""
    header: _Header = _Header()
    event: _Event = _Event()


class _Content(msgspec.Struct, frozen=True):
    text: str = ""
    image_key: str = ""
    file_key: str = ""
    file_name: str = ""
    name: str = ""
    longitude: str = ""
    latitude: str = ""


class Feishu(Channel):
    kind = "feishu"
    required = ("APP_ID", "APP_SECRET", "ENCRYPT_KEY", "VERIFICATION_TOKEN")
    optional = ("API_URL", "LANGUAGE")
    # 150 KB a text; 30 KB a card. 50 a second and 1000 a minute; 5 a second to one user.
    # Pictures of 10 MB, files of 30 MB.
    traits = Traits(
        unit=Unit.BYTES,
        longest=30_000,
        buttons=20,
        button_title=100,
        button_text=10_000,
        per_s=15,
        pause_s=0.2,
        files=(Takes(PHOTOS, 10 * MB), Takes(ANYTHING, 30 * MB)),
    )

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._key = settings.get("ENCRYPT_KEY").encode()
        self._api = settings.get("API_URL", API).rstrip("/")

    def parse(self, request: WebhookRequest) -> Batch:
        if request.method != "POST":
            raise unsigned(self.name)
        is_signed = self._is_signed(request)
        plain = decrypt(self._key, self._sealed(request.body, is_signed=is_signed))
        try:
            body = from_json(plain, _Body)
        except InputError:
            if is_signed:
                raise
            raise unsigned(self.name) from None
        if not same(body.header.token or body.token, self.settings.get("VERIFICATION_TOKEN")):
            raise unsigned(self.name)
        if body.type == "url_verification":  # comes without a signature; our key and token vouch for it
            return Batch(answer=_json({"challenge": body.challenge[:200]}))
        if not is_signed:
            raise unsigned(self.name)
        check_fresh(request.headers.get("x-lark-request-timestamp", ""), now=request.now, window_s=TOLERANCE_S)
        return self._batch(body)

    def _is_signed(self, request: WebhookRequest) -> bool:
        headers = request.headers
        stamp = headers.get("x-lark-request-timestamp", "") + headers.get("x-lark-request-nonce", "")
        digest = hashlib.sha256(stamp.encode("utf8", "surrogatepass") + self._key + request.body).hexdigest()
        return same(headers.get("x-lark-signature", ""), digest)

    def _sealed(self, body: bytes, *, is_signed: bool) -> str:
        try:
            return from_json(body, _Sealed).encrypt
        except InputError:
            if is_signed:
                raise
            raise unsigned(self.name) from None

    def _batch(self, body: _Body) -> Batch:
        event, kind = body.event, body.header.event_type
        if kind == "im.message.receive_v1" and event.message.chat_type == "p2p" and event.sender.sender_type == "user":
            return Batch(messages=[self._message(event.message)], answer=_json({}))
        if kind == "im.message.recalled_v1":
            return Batch(withdrawals=[Withdrawal(user_id(event.chat_id), message_id(event.message_id))], answer=_json({}))
        if kind == "card.action.trigger" and event.action.value.button_id:
            press = self.inbound(event.context.open_chat_id, body.header.event_id, button_id=event.action.value.button_id)
            return Batch(messages=[press], answer=_json({}))
        return Batch(answer=_json({}))

    def _message(self, message: _Message) -> InboundMessage:
        content = from_json(message.content.encode("utf8", "surrogatepass"), _Content)
        if message.message_type == "text":
            return self.inbound(message.chat_id, message.message_id, text=content.text)
        kind = _KINDS.get(message.message_type, Kind.OTHER)
        place = f"{content.name} ({content.latitude}, {content.longitude})" if kind is Kind.LOCATION else ""
        key = content.image_key if kind is Kind.IMAGE else content.file_key
        found = Attachment(kind=kind, ref=f"{message.message_id}/{key}"[:1000] if key else "", name=(place or content.file_name)[:200])
        return self.inbound(message.chat_id, message.message_id, kind=kind, attachments=[found])

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        kind, content = _content(outgoing)
        body = {
            "receive_id": outgoing.channel_user,
            "msg_type": kind,
            "content": msgspec.json.encode(content).decode(),
            "uuid": outgoing.key,
        }
        url = f"{self._api}/open-apis/im/v1/messages?receive_id_type=chat_id"
        return _call("POST", url, body, token=token)

    def upload(self, file: SentFile, *, token: str) -> Call:
        kind = _shown_as(file)
        fields = {"image_type": "message"} if kind == "image" else {"file_type": "stream", "file_name": file.name}
        body, headers = form(file, part=kind, fields=fields)
        return Call("POST", f"{self._api}/open-apis/im/v1/{kind}s", body, {**headers, "Authorization": f"Bearer {quote(token)}"})

    def read_upload(self, answer: VendorAnswer) -> str:
        data = result_of(answer).data
        return (data.image_key or data.file_key) if data else ""

    def read(self, answer: VendorAnswer) -> str:
        data = result_of(answer).data
        return data.message_id if data else ""

    def media(self, ref: str, kind: Kind, *, token: str) -> Call:
        message, _, key = ref.partition("/")
        url = f"{self._api}/open-apis/im/v1/messages/{quote(message, safe='')}/resources/{quote(key, safe='')}"
        return Call("GET", f"{url}?type={'image' if kind is Kind.IMAGE else 'file'}", headers={"Authorization": f"Bearer {quote(token)}"})

    def read_media(self, answer: VendorAnswer, *, first: bool) -> None:
        if answer.status != 200 or ("content-disposition" not in answer.headers and answer.body[:1] == b"{"):
            result_of(answer)
            raise TransportError("there is no file", reason=Reason.REFUSED, permanent=True)

    def token_call(self) -> Call:
        body = {"app_id": self.settings.get("APP_ID"), "app_secret": self.settings.get("APP_SECRET")}
        return _call("POST", f"{self._api}/open-apis/auth/v3/tenant_access_token/internal", body)

    def read_token(self, answer: VendorAnswer) -> AccessToken:
        result = result_of(answer)
        if not result.tenant_access_token:
            raise TransportError("no access token", reason=Reason.CREDENTIALS, retry_after_s=60)
        return AccessToken(result.tenant_access_token, float(result.expire))

    def probe(self, *, token: str) -> Call:
        return _call("GET", f"{self._api}/open-apis/bot/v3/info", None, token=token)

    def read_probe(self, answer: VendorAnswer) -> None:
        result_of(answer)


def _content(outgoing: Outgoing) -> tuple[str, dict[str, object]]:
    """Return what the vendor calls the message, and what it says."""
    if outgoing.file:
        kind = _shown_as(outgoing.file)
        return kind, {f"{kind}_key": outgoing.file.ref}
    return ("interactive", _card(outgoing)) if outgoing.buttons else ("text", {"text": outgoing.text})


def _shown_as(file: SentFile) -> str:
    return "image" if file.is_photo and len(file.data) <= PICTURE_BYTES else "file"


def _card(outgoing: Outgoing) -> dict[str, object]:
    actions = [
        {"tag": "button", "text": {"tag": "plain_text", "content": each.title}, "type": "default", "value": {"button_id": each.id}}
        for each in outgoing.buttons
    ]
    text = {"tag": "div", "text": {"tag": "plain_text", "content": outgoing.text}}
    return {"config": {"wide_screen_mode": True}, "elements": [text, {"tag": "action", "actions": actions}]}


def _json(value: object) -> Answer:
    return Answer(msgspec.json.encode(value), content_type="application/json")


def _call(method: str, url: str, body: object, *, token: str = "") -> Call:
    headers = {"Content-Type": "application/json; charset=utf-8", **({"Authorization": f"Bearer {quote(token)}"} if token else {})}
    return Call(method, url, msgspec.json.encode(body) if body is not None else b"", headers)
