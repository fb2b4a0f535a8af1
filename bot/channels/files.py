"""What an agent sends as a file: the file, and which ones a channel takes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

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
    boundary = hashlib.sha256(file.data).hexdigest()  # not in the file, or SHA-256 is broken
    name = file.name.replace('"', "%22")  # has no line ends: bot.channels.filetype has made it
    lines = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in (fields or {}).items()]
    lines.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{part}"; filename="{name}"\r\nContent-Type: {file.mime}\r\n\r\n')
    body = "".join(lines).encode() + file.data + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
