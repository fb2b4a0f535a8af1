"""DingTalk (钉钉) robots of a company in private chats, by HTTP callback. Source: the open platform's documentation.

The vendor's signature covers the time and our secret, not the body: it proves the sender, over TLS, and not what was sent.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import msgspec

from bot.channels.addresses import elsewhere
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
from bot.channels.files import MB, PHOTOS, Takes
from bot.channels.reading import check_fresh, from_json, same
from bot.channels.vendor import (
    AccessToken,
    Call,
    Reason,
    VendorAnswer,
    check_status,
    decoded,
)
from bot.errors import TransportError
from bot.messages import Attachment, InboundMessage, Kind
from bot.settings import ChannelSettings

API = "https://api.dingtalk.com"
MEDIA_HOSTS = ("aliyuncs.com", "dingtalk.com", "alicdn.com")
TOLERANCE_S = 3600  # as the vendor asks
PRIVATE = "1"

_KINDS = {"picture": Kind.IMAGE, "audio": Kind.VOICE, "video": Kind.VIDEO, "file": Kind.FILE}
_TOKEN_GONE = frozenset({"InvalidAuthentication", "Forbidden.AccessDenied.AccessTokenExpired"})
_CREDENTIALS = frozenset({"invalidClientIdOrSecret", "Forbidden.AccessDenied.AccessTokenPermissionDenied", "robot.not.exist"})


class _Text(msgspec.Struct, frozen=True):
    content: str = ""


class _Content(msgspec.Struct, frozen=True, rename="camel"):
    download_code: str = ""
    recognition: str = ""
    file_name: str = ""


class _Body(msgspec.Struct, frozen=True, rename="camel"):
    msg_id: str
    msgtype: str = ""
    conversation_type: str = ""
    sender_staff_id: str = ""
    text: _Text = _Text()
    content: _Content = _Content()


class _Result(msgspec.Struct, frozen=True, rename="camel"):
    code: str = ""
    access_token: str = ""
    expire_in: int = 0
    process_query_key: str = ""
    download_url: str = ""
    invalid_staff_id_list: list[str] = []
    flow_controlled_staff_id_list: list[str] = []


class DingTalk(Channel):
    kind = "dingtalk"
    required = ("APP_KEY", "APP_SECRET")
    optional = ("ROBOT_CODE", "API_URL", "LANGUAGE")
    # Pictures by their address, which the vendor fetches; documents would need the vendor's older API and its token.
    traits = Traits(unit=Unit.BYTES, longest=6000, per_s=15, files=(Takes(PHOTOS, 10 * MB),))

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._secret = settings.get("APP_SECRET")
        self._robot = settings.get("ROBOT_CODE", settings.get("APP_KEY"))
        self._api = settings.get("API_URL", API).rstrip("/")

    def parse(self, request: WebhookRequest) -> Batch:
        timestamp = request.headers.get("timestamp", "")
        signed = f"{timestamp}\n{self._secret}".encode("utf8", "surrogatepass")
        expected = base64.b64encode(hmac.new(self._secret.encode(), signed, hashlib.sha256).digest())
        if request.method != "POST" or not same(request.headers.get("sign", ""), expected):
            raise unsigned(self.name)
        check_fresh(timestamp, now=request.now, window_s=TOLERANCE_S, unit_s=0.001)
        body = from_json(request.body, _Body)
        answer = Answer(b"{}", content_type="application/json")
        if body.conversation_type != PRIVATE or not body.sender_staff_id:
            return Batch(answer=answer)  # groups, and people from outside the company, whom a robot cannot write to
        return Batch(messages=[self._message(body)], answer=answer)

    def _message(self, body: _Body) -> InboundMessage:
        heard = body.content.recognition  # what the vendor understood of a voice message
        is_text = body.msgtype == "text" or bool(heard)
        kind = Kind.TEXT if is_text else _KINDS.get(body.msgtype, Kind.OTHER)
        found = Attachment(
            kind=_KINDS.get(body.msgtype, Kind.OTHER), ref=body.content.download_code[:1000], name=body.content.file_name[:200]
        )
        attachments = [] if body.msgtype == "text" else [found]
        return self.inbound(body.sender_staff_id, body.msg_id, text=body.text.content or heard, kind=kind, attachments=attachments)

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        key, said = ("sampleImageMsg", {"photoURL": outgoing.file.url}) if outgoing.file else ("sampleText", {"content": outgoing.text})
        body = {
            "robotCode": self._robot,
            "userIds": [outgoing.channel_user],
            "msgKey": key,
            "msgParam": msgspec.json.encode(said).decode(),
        }
        return self._call("/v1.0/robot/oToMessages/batchSend", body, token=token)

    def read(self, answer: VendorAnswer) -> str:
        result = _result(answer)
        if result.flow_controlled_staff_id_list:
            raise TransportError("the customer is flow-controlled", reason=Reason.BUSY, retry_after_s=10)
        if result.invalid_staff_id_list:
            raise TransportError("the customer's id is not valid any more", reason=Reason.BLOCKED, permanent=True)
        return result.process_query_key

    def media(self, ref: str, kind: Kind, *, token: str) -> Call:
        return self._call("/v1.0/robot/messageFiles/download", {"downloadCode": ref, "robotCode": self._robot}, token=token)

    def read_media(self, answer: VendorAnswer, *, first: bool) -> Call | None:
        """The first answer says where the file lies."""
        if not first:
            check_status(answer)
            return None
        return elsewhere(_result(answer).download_url, own=self._api, hosts=MEDIA_HOSTS)

    def token_call(self) -> Call:
        return self._call("/v1.0/oauth2/accessToken", {"appKey": self.settings.get("APP_KEY"), "appSecret": self._secret})

    def read_token(self, answer: VendorAnswer) -> AccessToken:
        result = _result(answer)
        if not result.access_token:
            raise TransportError("no access token", reason=Reason.CREDENTIALS, retry_after_s=60)
        return AccessToken(result.access_token, float(result.expire_in))

    def _call(self, path: str, body: object, *, token: str = "") -> Call:
        headers = {"Content-Type": "application/json", **({"x-acs-dingtalk-access-token": token} if token else {})}
        return Call("POST", f"{self._api}{path}", msgspec.json.encode(body), headers)


def _result(answer: VendorAnswer) -> _Result:
    """Return a result that is well; TransportError with what the error's code means, else what the status means."""
    result = decoded(answer, _Result)
    what = f"code {result.code[:60]}"
    if result.code in _TOKEN_GONE:
        raise TransportError(what, reason=Reason.CREDENTIALS, token_refused=True, retry_after_s=5)
    if result.code in _CREDENTIALS:
        raise TransportError(what, reason=Reason.CREDENTIALS, retry_after_s=60)
    if "Throttling" in result.code:
        raise TransportError(what, reason=Reason.RATE, retry_after_s=5)
    check_status(answer)
    return result
