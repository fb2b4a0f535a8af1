"""SMS by Twilio: signed form posts in, Messages out, status callbacks as receipts, STOP honoured."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
import regex

from bot.channels.base import (
    Answer,
    Batch,
    Channel,
    Consent,
    Outgoing,
    Receipt,
    Traits,
    Unit,
    WebhookRequest,
    unsigned,
)
from bot.channels.files import ANYTHING, MB, Takes
from bot.channels.reading import same, user_id
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

API = "https://api.twilio.com"
MOST_FIELDS = 200
SEGMENTS = 10  # of one text: more than ten are refused by some networks; Twilio's own limit is 1,600 characters

# The whole message, blanks and punctuation aside: what Twilio and 47 CFR 64.1200(a)(10) count, and what is usual in Chinese.
STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "TD", "T", "退订", "退訂"})
START = frozenset({"START", "UNSTOP"})

# Twilio's codes, https://www.twilio.com/docs/api/errors.
BLOCKED = frozenset({21610, 30004})  # the customer has said STOP, or blocks us
BUSY = frozenset({20429, 14107, 21611, 30001, 30022})  # too fast, or the number's queue is full
_NO_WORD = regex.compile(r"[\s\p{P}]+")
_NUMBER = regex.compile(r"\+[0-9]{5,15}|[0-9]{3,8}|MG[0-9a-f]{32}")
_KINDS = {"image": Kind.IMAGE, "audio": Kind.VOICE, "video": Kind.VIDEO}
_ANSWER = Answer(b"<Response/>", content_type="text/xml")
_STATES = {"delivered": "delivered", "read": "read", "undelivered": "failed", "failed": "failed"}


class _Taken(msgspec.Struct, frozen=True):
    sid: str = ""


class _Error(msgspec.Struct, frozen=True):
    code: int = 0


class Sms(Channel):
    kind = "sms"
    required = ("ACCOUNT_SID", "AUTH_TOKEN", "FROM", "URL")
    optional = ("API_URL", "LANGUAGE")
    # Files as a link: most countries' networks carry no MMS.
    traits = Traits(
        unit=Unit.SEGMENTS, longest=SEGMENTS, merges=True, quiet=True, per_s=10, pause_s=1.0, files=(Takes(ANYTHING, 100 * MB),)
    )

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._account = settings.get("ACCOUNT_SID")
        self._token = settings.get("AUTH_TOKEN")
        self._from = settings.get("FROM")
        self._url = settings.get("URL")
        self._api = settings.get("API_URL", API).rstrip("/")
        parts = urlsplit(self._url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SettingError(f"{settings.setting('URL')} is {self._url!r}; it must be the webhook's address, as Twilio has it")
        if not _NUMBER.fullmatch(self._from):
            raise SettingError(f"{settings.setting('FROM')} is {self._from!r}; it must be like +15551234567, or a messaging service's MG…")
        host = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
        port = parts.port or (443 if parts.scheme == "https" else 80)
        # Twilio signs an address with or without its port.
        self._signed = {self._url, *(parts._replace(netloc=netloc).geturl() for netloc in (host, f"{host}:{port}"))}

    def parse(self, request: WebhookRequest) -> Batch:
        fields = self._verified(request)
        if fields.get("AccountSid") != self._account:
            return Batch(answer=_ANSWER)
        if state := fields.get("MessageStatus"):
            receipts = [Receipt(fields.get("MessageSid", ""), _STATES[state])] if state in _STATES else []
            return Batch(receipts=receipts, answer=_ANSWER)
        user = user_id(fields.get("From", ""))
        word = _NO_WORD.sub("", fields.get("Body", "")).upper()
        opted = fields.get("OptOutType", "")
        if opted == "STOP" or word in STOP:
            return Batch(consents=[Consent(user, stopped=True)], answer=_ANSWER)
        if opted == "HELP":
            return Batch(answer=_ANSWER)  # Twilio has answered it
        begins = opted == "START" or word in START
        consents = [Consent(user, stopped=False)] if begins else []
        return Batch(messages=[self._message(fields, user, is_start=begins)], consents=consents, answer=_ANSWER)

    def _verified(self, request: WebhookRequest) -> dict[str, str]:
        """Return the form's fields when Twilio has signed them."""
        try:
            pairs = parse_qsl(request.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
        except ValueError:  # what cannot be read cannot have been signed
            raise unsigned(self.name) from None
        given = request.headers.get("x-twilio-signature", "")
        if request.method != "POST" or not any([same(given, self._sign(url, pairs)) for url in self._signed]):
            raise unsigned(self.name)
        return dict(reversed(pairs))

    def _sign(self, url: str, pairs: list[tuple[str, str]]) -> str:
        said = url + "".join(name + value for name, value in sorted(set(pairs)))
        return base64.b64encode(hmac.new(self._token.encode(), said.encode("utf8", "surrogatepass"), hashlib.sha1).digest()).decode()

    def _message(self, fields: Mapping[str, str], user: str, *, is_start: bool) -> InboundMessage:
        text, attachments = fields.get("Body", ""), _media(fields)
        other = attachments[0].kind if attachments else Kind.OTHER
        return self.inbound(
            user,
            fields.get("MessageSid", ""),
            text="" if is_start else text,
            kind=Kind.EVENT if is_start else Kind.TEXT if text.strip() else other,
            attachments=attachments,
        )

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        sender = "MessagingServiceSid" if self._from.startswith("MG") else "From"
        text = f"{outgoing.file.name} {outgoing.file.url}" if outgoing.file else outgoing.text
        form = {"To": outgoing.channel_user, sender: self._from, "Body": text, "StatusCallback": self._url}
        headers = {"Content-Type": "application/x-www-form-urlencoded", **self._authorization()}
        return Call("POST", f"{self._address()}/Messages.json", urlencode(form).encode(), headers)

    def read(self, answer: VendorAnswer) -> str:
        try:
            code = msgspec.json.decode(answer.body, type=_Error).code if answer.status >= 400 else 0
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            code = 0
        if code in BLOCKED:
            raise TransportError(f"error {code}", reason=Reason.BLOCKED, permanent=True)
        if code in BUSY:
            raise TransportError(f"error {code}", reason=Reason.RATE, retry_after_s=10)
        check_status(answer)
        return decoded(answer, _Taken, unreadable=_Taken()).sid  # taken all the same; it must not be sent twice

    def probe(self, *, token: str) -> Call:
        return Call("GET", f"{self._address()}.json", headers=self._authorization())

    def _address(self) -> str:
        return f"{self._api}/2010-04-01/Accounts/{self._account}"

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"{self._account}:{self._token}".encode()).decode()}


def _media(fields: Mapping[str, str]) -> list[Attachment]:
    """Return what an MMS brought; Twilio keeps it, behind our secret."""
    count = fields.get("NumMedia", "0")
    found = []
    for index in range(min(int(count), 10) if count.isascii() and count.isdecimal() and len(count) < 4 else 0):
        mime = fields.get(f"MediaContentType{index}", "")[:100]
        kind = _KINDS.get(mime.partition("/")[0], Kind.FILE)
        found.append(Attachment(kind=kind, ref=fields.get(f"MediaUrl{index}", "")[:1000], mime=mime))
    return found
