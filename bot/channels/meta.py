"""What Meta's channels share: the handshake, the signature over the raw body, and what the Graph API answers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import ClassVar

import msgspec

from bot.channels.base import Answer, Batch, Channel, WebhookRequest, unsigned
from bot.channels.reading import same
from bot.channels.vendor import Call, Reason, VendorAnswer, check_status, decoded, refused
from bot.errors import TransportError
from bot.settings import ChannelSettings

API = "https://graph.facebook.com/v23.0"
WINDOW_CLOSED = 2018278  # error_subcode: sent outside of the allowed window


class _Id(msgspec.Struct, frozen=True):
    id: str = ""


class _Error(msgspec.Struct, frozen=True):
    code: int = -1
    error_subcode: int = 0


class Result(msgspec.Struct, frozen=True):
    """What a call of the Graph API gave: each call one of these fields."""

    messages: list[_Id] = []  # WhatsApp's
    message_id: str = ""  # Messenger's
    id: str = ""  # of an upload
    url: str = ""  # of a file
    error: _Error | None = None


class Meta(Channel):
    optional = ("API_URL", "LANGUAGE")
    account: ClassVar[str]  # the setting with our number or page
    reasons: ClassVar[Mapping[int, tuple[Reason, float]]]  # what the codes of errors mean, and seconds to wait; negative: permanent

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._account = settings.get(self.account)
        self._api = settings.get("API_URL", API).rstrip("/")
        self._bearer = {"Authorization": f"Bearer {settings.get('TOKEN')}"}
        self._headers = {**self._bearer, "Content-Type": "application/json"}

    def parse(self, request: WebhookRequest) -> Batch:
        if request.method == "GET":
            query = request.query
            if query.get("hub.mode") != "subscribe" or not same(query.get("hub.verify_token", ""), self.settings.get("VERIFY_TOKEN")):
                raise unsigned(self.name)
            return Batch(answer=Answer(query.get("hub.challenge", "").encode("utf8", "replace")))
        expected = "sha256=" + hmac.new(self.settings.get("APP_SECRET").encode(), request.body, hashlib.sha256).hexdigest()
        if not same(request.headers.get("x-hub-signature-256", ""), expected):
            raise unsigned(self.name)
        return self.read_batch(request.body)

    def read_batch(self, body: bytes) -> Batch:
        """Read a body that Meta has signed; InputError for one that makes no sense."""
        raise NotImplementedError

    def probe(self, *, token: str) -> Call:
        return Call("GET", f"{self._api}/{self._account}?fields=id", headers=self._headers)

    def read_probe(self, answer: VendorAnswer) -> None:
        self.result(answer)

    def result(self, answer: VendorAnswer) -> Result:
        """Return a result that is well; TransportError with what the error's code means, else what the status means."""
        result = decoded(answer, Result, unreadable=Result())
        error = result.error
        if error is not None and error.error_subcode == WINDOW_CLOSED:
            raise TransportError(f"error {error.code}", reason=Reason.WINDOW, permanent=True)
        if error is not None and error.code in self.reasons:
            raise refused(f"error {error.code}", *self.reasons[error.code])
        if error is not None and 200 <= answer.status < 500:
            raise TransportError(f"error {error.code}", reason=Reason.REFUSED, permanent=True)
        check_status(answer)
        return result
