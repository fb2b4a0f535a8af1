"""What an agent sends as a file: the file, and which ones a channel takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from urllib3 import encode_multipart_formdata

from bot.messages import Attachment, Kind

MB = 1024 * 1024


@dataclass(frozen=True)
class Takes:
    """A channel takes files whose type begins with one of `mimes`, the empty one any, up to so many bytes."""

    mimes: tuple[str, ...]
    most_bytes: int


ANYTHING = ("",)
PHOTOS = ("image/jpeg", "image/png")

_KINDS = {"image/": Kind.IMAGE, "audio/": Kind.VOICE, "video/": Kind.VIDEO}


@dataclass(frozen=True)
class SentFile:
    """A file on its way to a customer."""

    name: str
    mime: str
    data: bytes = field(repr=False)
    url: str = field(default="", repr=False)  # ours, open to whoever has it, for channels that fetch
    ref: str = ""  # the vendor's own id, once the file was handed over

    @property
    def is_photo(self) -> bool:
        """Is it a picture that every vendor shows as one?"""
        return self.mime in PHOTOS

    @property
    def attachment(self) -> Attachment:
        """Return what its message says of it."""
        kind = next((kind for begin, kind in _KINDS.items() if self.mime.startswith(begin)), Kind.FILE)
        return Attachment(kind=kind, name=self.name, mime=self.mime, size=len(self.data))


def takes(rules: tuple[Takes, ...], mime: str, size: int) -> bool:
    return any(mime.startswith(rule.mimes) and size <= rule.most_bytes for rule in rules)


def form(file: SentFile, *, part: str, fields: Mapping[str, str] | None = None) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a form (RFC 7578) with these fields and the file as `part`, its name written as browsers do."""
    body, content_type = encode_multipart_formdata({**(fields or {}), part: (file.name, file.data, file.mime)})
    return body, {"Content-Type": content_type}
