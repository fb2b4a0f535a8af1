"""What WeChat and WeCom share: signatures over sorted parts, the AES envelope, XML, and the meaning of their error codes.

Sources: "消息加解密说明" and "全局返回码" of the vendors' developer documents.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import xml.etree.ElementTree as ET
from urllib.parse import quote, urlencode

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.channels.addresses import elsewhere
from bot.channels.files import SentFile, form
from bot.channels.reading import same
from bot.channels.vendor import (
    AccessToken,
    Call,
    Reason,
    VendorAnswer,
    check_status,
    decoded,
    refused,
)
from bot.errors import AuthError, InputError, SettingError, TransportError
from bot.settings import ChannelSettings

VIDEO_HOSTS = ("qq.com", "qpic.cn", "wechat.com")  # where the vendor keeps videos
LONGEST_XML = 64 * 1024  # bytes; what it says of a customer's message is some 3 kB, and it is parsed before its signature is known
BLOCK = 32  # bytes; their PKCS#7 pads to this and not to AES's 16
RANDOM = 16  # bytes before the length
TOLERANCE_S = 600  # their retries come within 15 s; the rest is for clocks

_TOKEN_GONE = frozenset({40001, 40014, 42001, 42007, 41001})
_REASONS: dict[int, tuple[Reason, float]] = {  # seconds to wait; negative: permanent
    -1: (Reason.UNREACHABLE, 1),  # 系统繁忙
    45009: (Reason.RATE, 600),  # daily limit of the interface
    45011: (Reason.RATE, 60),  # too many calls a minute
    45033: (Reason.RATE, 5),  # too many at once
    45015: (Reason.WINDOW, -1),  # 48 h are over
    45047: (Reason.QUOTA, 0),  # the customer must write first
    43004: (Reason.BLOCKED, -1),  # does not follow us (any more)
    48001: (Reason.CREDENTIALS, 600),  # the account has no right to this interface
    48002: (Reason.BLOCKED, -1),  # the customer refuses our messages
    40013: (Reason.CREDENTIALS, 60),  # wrong app id
    40125: (Reason.CREDENTIALS, 60),  # wrong app secret
    60020: (Reason.CREDENTIALS, 60),  # WeCom: our address is not on the application's list
    40164: (Reason.CREDENTIALS, 60),  # our address is not on the account's list
    95001: (Reason.QUOTA, 0),  # WeCom customer service: the quota of sends
}


class _Result(msgspec.Struct, frozen=True):
    errcode: int = 0
    msgid: str | int = ""


class _Media(msgspec.Struct, frozen=True):
    video_url: str = ""
    media_id: str = ""


class _Token(msgspec.Struct, frozen=True):
    access_token: str = ""
    expires_in: int = 0
    errcode: int = 0


class Envelope:
    """Opens and closes what goes between the vendor and one receiver, encrypted under the account's EncodingAESKey."""

    def __init__(self, encoding_aes_key: str, *, receiver: str, setting: str) -> None:
        try:
            self._key = base64.b64decode(encoding_aes_key + "=", validate=True)
        except (binascii.Error, ValueError):
            self._key = b""
        if len(self._key) != 32:
            raise SettingError(f"{setting} must be the EncodingAESKey of the vendor's console, 43 letters and digits")
        self._receiver = receiver.encode()

    def open(self, encrypted: str) -> bytes:
        """Return the text inside; AuthError for what was not encrypted for us under this key."""
        try:
            data = base64.b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError) as error:
            raise AuthError("the encrypted part is not base64") from error
        if not data or len(data) % 16:
            raise AuthError("the encrypted part is not a whole number of blocks")
        aes = Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16])).decryptor()
        plain = aes.update(data) + aes.finalize()
        padding = plain[-1]
        if not 1 <= padding <= BLOCK or len(plain) < padding + RANDOM + 4:
            raise AuthError("the encrypted part does not decrypt under our key")
        content = plain[RANDOM:-padding]
        size = int.from_bytes(content[:4], "big")
        if size > len(content) - 4 or not same(content[4 + size :], self._receiver):
            raise AuthError("the encrypted part was not meant for this account")
        return content[4 : 4 + size]

    def close(self, text: bytes) -> str:
        """Encrypt as the vendor does: so many random bytes, the length, the text, the receiver, and a padding to whole blocks."""
        content = os.urandom(RANDOM) + len(text).to_bytes(4, "big") + text + self._receiver
        padding = BLOCK - len(content) % BLOCK
        aes = Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16])).encryptor()
        return base64.b64encode(aes.update(content + bytes([padding]) * padding) + aes.finalize()).decode()


def to_xml(**fields: str) -> bytes:
    """Return the fields as the children of <xml>, as text that needs no escapes."""
    inside = "".join(f"<{name}><![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]></{name}>" for name, text in fields.items())
    return f"<xml>{inside}</xml>".encode("utf8", "replace")


def signature(*parts: str) -> str:
    """Return the hexadecimal SHA-1 over the sorted parts."""
    return hashlib.sha1("".join(sorted(parts)).encode("utf8", "surrogatepass")).hexdigest()  # noqa: S324 - the vendor's protocol


def from_xml(body: bytes) -> dict[str, str]:
    """Return the children of <xml> by name; InputError for anything else. A document with a prolog, so with entities, is none."""
    if len(body) > LONGEST_XML:
        raise InputError(f"the body has {len(body)} bytes; the vendor sends at most {LONGEST_XML}")
    text = body.strip()
    if not text.startswith(b"<xml>"):
        raise InputError("the body is not the <xml> that the vendor documents")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a prolog there are no entities to expand
    except (ET.ParseError, ValueError) as error:
        raise InputError("the body is not well-formed XML") from error
    return {child.tag: child.text or "" for child in root}


def check_result(answer: VendorAnswer) -> str:
    """Return the vendor's id of a message; TransportError for an answer that says no, which comes with HTTP's 200."""
    check_status(answer)
    result = decoded(answer, _Result)
    if result.errcode == 0:
        return str(result.msgid)
    raise refusal(result.errcode)


def refusal(errcode: int) -> TransportError:
    """Return what an error code means; an unknown one is permanent."""
    if errcode in _TOKEN_GONE:
        return TransportError(f"errcode {errcode}", reason=Reason.CREDENTIALS, token_refused=True, retry_after_s=5)
    return refused(f"errcode {errcode}", *_REASONS.get(errcode, (Reason.REFUSED, -1)))


def corp_token_call(api: str, settings: ChannelSettings) -> Call:
    """Ask for the access token of a WeCom application, 微信客服 included."""
    query = urlencode({"corpid": settings.get("CORP_ID"), "corpsecret": settings.get("SECRET")})
    return Call("GET", f"{api}/cgi-bin/gettoken?{query}")


def media_call(api: str, media_id: str, token: str) -> Call:
    return Call("GET", f"{api}/cgi-bin/media/get?access_token={quote(token)}&media_id={quote(media_id, safe='')}")


def upload_call(api: str, file: SentFile, token: str) -> Call:
    """Make the request that keeps a file with the vendor for three days."""
    body, headers = form(file, part="media")
    return Call("POST", f"{api}/cgi-bin/media/upload?access_token={quote(token)}&type={sent_as(file)}", body, headers)


def read_upload(answer: VendorAnswer) -> str:
    check_result(answer)
    return decoded(answer, _Media).media_id


def sent_as(file: SentFile) -> str:
    return "image" if file.is_photo or file.mime == "image/gif" else "file"


def said(text: str, file: SentFile | None) -> dict[str, object]:
    """Return what a send's body says: a file that was handed over, or a text."""
    if file is None:
        return {"msgtype": "text", "text": {"content": text}}
    return {"msgtype": sent_as(file), sent_as(file): {"media_id": file.ref}}


def read_media(answer: VendorAnswer) -> Call | None:
    """Tell a file from what stands in its place: a refusal, or the address of a video."""
    check_status(answer)
    kind = answer.headers.get("content-type", "")
    if "content-disposition" in answer.headers or not kind.startswith(("text/plain", "application/json")):
        return None
    check_result(answer)
    return elsewhere(msgspec.json.decode(answer.body, type=_Media).video_url.replace("http://", "https://", 1), hosts=VIDEO_HOSTS)


def read_token(answer: VendorAnswer) -> AccessToken:
    check_status(answer)
    found = decoded(answer, _Token)
    if not found.access_token:
        code = found.errcode
        wait_s = _REASONS.get(code, (Reason.CREDENTIALS, 60))[1]
        raise TransportError(f"no access token, errcode {code}", reason=Reason.CREDENTIALS, retry_after_s=max(5, wait_s))
    return AccessToken(found.access_token, float(found.expires_in))
