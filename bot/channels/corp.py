"""What WeCom's two channels share: requests that are always encrypted for the company, its access token, its files."""

from __future__ import annotations

from bot.channels.base import Channel, WebhookRequest, unsigned
from bot.channels.files import ANYTHING, MB, PHOTOS, SentFile, Takes
from bot.channels.reading import check_fresh, same
from bot.channels.tencent import (
    TOLERANCE_S,
    Envelope,
    check_result,
    corp_token_call,
    from_xml,
    media_call,
    read_media,
    read_token,
    read_upload,
    signature,
    upload_call,
)
from bot.channels.vendor import AccessToken, Call, VendorAnswer
from bot.errors import InputError
from bot.messages import Kind
from bot.settings import ChannelSettings

API = "https://qyapi.weixin.qq.com"
FILES = (Takes(PHOTOS, 10 * MB), Takes(ANYTHING, 20 * MB))


class Corp(Channel):
    optional = ("API_URL", "LANGUAGE")

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._api = settings.get("API_URL", API).rstrip("/")
        self._envelope = Envelope(settings.get("AES_KEY"), receiver=settings.get("CORP_ID"), setting=settings.setting("AES_KEY"))

    def fields(self, request: WebhookRequest) -> dict[str, str]:
        """Verify and decrypt; return what the XML says."""
        try:
            encrypted = from_xml(request.body).get("Encrypt", "")
        except InputError:
            raise unsigned(self.name) from None  # the signature is over what cannot be read
        return from_xml(self.open(request, encrypted))

    def open(self, request: WebhookRequest, encrypted: str) -> bytes:
        """Verify and decrypt."""
        timestamp, nonce = request.query.get("timestamp", ""), request.query.get("nonce", "")
        expected = signature(self.settings.get("TOKEN"), timestamp, nonce, encrypted)
        if not same(request.query.get("msg_signature", ""), expected):
            raise unsigned(self.name)
        check_fresh(timestamp, now=request.now, window_s=TOLERANCE_S)
        return self._envelope.open(encrypted)

    def upload(self, file: SentFile, *, token: str) -> Call:
        return upload_call(self._api, file, token)

    def read_upload(self, answer: VendorAnswer) -> str:
        return read_upload(answer)

    def media(self, ref: str, kind: Kind, *, token: str) -> Call:
        return media_call(self._api, ref, token)

    def read_media(self, answer: VendorAnswer, *, first: bool) -> Call | None:
        return read_media(answer)

    def token_call(self) -> Call:
        return corp_token_call(self._api, self.settings)

    def read_token(self, answer: VendorAnswer) -> AccessToken:
        return read_token(answer)

    def read_probe(self, answer: VendorAnswer) -> None:
        check_result(answer)
