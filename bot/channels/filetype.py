"""What a file is, by its content: whatever a sender or a vendor calls it. What is not on the list is not kept."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass

# A browser may show these inside a page: they hold no scripts.
SHOWABLE = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})

_PREFIXES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"#!AMR", "audio/amr"),  # WeChat's voice messages
    (b"#!SILK", "audio/silk"),
    (b"\x02#!SILK", "audio/silk"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_BRANDS = (  # of ISO base media files, by the beginning of their brand
    (b"M4A", "audio/mp4"),
    (b"heic", "image/heic"),
    (b"heix", "image/heic"),
    (b"mif1", "image/heic"),
    (b"qt", "video/quicktime"),
    (b"3g", "video/3gpp"),
)
_OFFICE = {  # the folder that says which it is
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_OLD_OFFICE = {
    "WordDocument": "application/msword",
    "Workbook": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
}
_SUFFIXES = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "image/heic": (".heic",),
    "audio/amr": (".amr",),
    "audio/silk": (".silk",),
    "audio/ogg": (".ogg", ".opus"),
    "audio/flac": (".flac",),
    "audio/mpeg": (".mp3",),
    "audio/aac": (".aac",),
    "audio/wav": (".wav",),
    "audio/mp4": (".m4a",),
    "video/mp4": (".mp4",),
    "video/quicktime": (".mov",),
    "video/3gpp": (".3gp",),
    "video/webm": (".webm",),
    "application/pdf": (".pdf",),
    "application/msword": (".doc",),
    "application/vnd.ms-excel": (".xls",),
    "application/vnd.ms-powerpoint": (".ppt",),
    _OFFICE["word/"]: (".docx",),
    _OFFICE["xl/"]: (".xlsx",),
    _OFFICE["ppt/"]: (".pptx",),
    "text/plain": (".txt", ".csv", ".md", ".log"),
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_NO_TEXT = re.compile(r"\s*(<|#!)")  # pages, drawings and scripts are text too


@dataclass(frozen=True)
class FileType:
    mime: str

    def name_for(self, name: str) -> str:
        """Return a name for the file that ends as its content says, from the one that its sender gave it."""
        plain = "".join(character for character in name if character.isprintable() and character not in '\\/:*?"<>|').strip(". ")[:150]
        suffixes = _SUFFIXES[self.mime]
        return plain if plain.lower().endswith(suffixes) else f"{plain or 'file'}{suffixes[0]}"


def file_type(data: bytes) -> FileType | None:
    """Return what the bytes are; None for a kind that is not kept: programs, scripts, pages, archives, documents with macros."""
    mime = _by_beginning(data) or _by_inside(data) or _text(data)
    return FileType(mime) if mime else None


def _by_beginning(data: bytes) -> str:
    for prefix, mime in _PREFIXES:
        if data.startswith(prefix):
            return mime
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12], "")
    if data[4:8] == b"ftyp":
        return next((mime for brand, mime in _BRANDS if data[8:12].startswith(brand)), "video/mp4")
    if len(data) >= 4 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:  # MPEG audio without a tag; layer 0 is AAC's
        return "audio/aac" if data[1] & 0x06 == 0 else "audio/mpeg"
    return ""


def _by_inside(data: bytes) -> str:
    if data.startswith(b"PK\x03\x04"):
        return _office(data)
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        if "_VBA_PROJECT".encode("utf-16-le") in data:
            return ""
        return next((mime for stream, mime in _OLD_OFFICE.items() if stream.encode("utf-16-le") in data), "")
    return ""


def _office(data: bytes) -> str:
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return ""
    if "[Content_Types].xml" not in names or any(name.lower().endswith("vbaproject.bin") for name in names):
        return ""
    return next((mime for folder, mime in _OFFICE.items() if any(name.startswith(folder) for name in names)), "")


def _text(data: bytes) -> str:
    if data.startswith((b"MZ", b"PK\x03\x04")):
        return ""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return "" if not text or _CONTROL.search(text) or _NO_TEXT.match(text) else "text/plain"
    return ""
