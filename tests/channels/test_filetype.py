"""What is kept is known by its content, whatever it is called."""

from __future__ import annotations

import io
import zipfile

import pytest

from bot.channels.filetype import FileType, file_type

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return file.getvalue()


KEPT = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0" + b"\0" * 20,
    "image/gif": b"GIF89a" + b"\0" * 20,
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "image/heic": b"\0\0\0\x18ftypheic\0\0\0\0",
    "audio/amr": b"#!AMR\n\x3c",
    "audio/silk": b"\x02#!SILK_V3",
    "audio/ogg": b"OggS\0\x02",
    "audio/wav": b"RIFF\x10\0\0\0WAVEfmt ",
    "audio/mpeg": b"\xff\xfb\x90\x64",
    "audio/aac": b"\xff\xf1\x50\x80\x01",
    "audio/mp4": b"\0\0\0\x20ftypM4A \0\0\0\0",
    "video/mp4": b"\0\0\0\x18ftypmp42\0\0\0\0",
    "video/3gpp": b"\0\0\0\x18ftyp3gp5\0\0\0\0",
    "video/quicktime": b"\0\0\0\x18ftypqt  \0\0\0\0",
    "application/pdf": b"%PDF-1.7\n",
    "application/msword": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"),
    DOCX: archive("[Content_Types].xml", "word/document.xml"),
    "text/plain": "订单号,金额\nA1,99\n".encode("gb18030"),
}
NOT_KEPT = {
    "nothing": b"",
    "a program": b"MZ\x90\0",
    "another program": b"\x7fELF\x02\x01",
    "a script": b"#!/bin/sh\nrm -rf /\n",
    "a page": b"<!DOCTYPE html><script>alert(1)</script>",
    "a drawing with a script": b'  <svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "an archive": archive("a.exe"),
    "a broken archive": b"PK\x03\x04 and no more",
    "a document with macros": archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
    "an old document with macros": KEPT["application/msword"] + "_VBA_PROJECT".encode("utf-16-le"),
    "an installer": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "noise": bytes(range(256)),
}


@pytest.mark.parametrize("mime", KEPT)
def test_a_file_is_known_by_its_content(mime: str) -> None:
    assert file_type(KEPT[mime]) == FileType(mime)
    file_type(KEPT[mime][:6])  # cut short it may be anything, but no error


@pytest.mark.parametrize("what", NOT_KEPT)
def test_what_could_do_harm_is_not_kept(what: str) -> None:
    assert file_type(NOT_KEPT[what]) is None


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("发票.pdf", "发票.pdf"),
        ("invoice.PDF", "invoice.PDF"),
        ("invoice.pdf.exe", "invoice.pdf.exe.pdf"),
        ("../../etc/passwd", "etcpasswd.pdf"),
        ('a"\r\nSet-Cookie: x.pdf', "aSet-Cookie x.pdf"),
        ("", "file.pdf"),
    ],
)
def test_a_name_ends_as_the_content_says(given: str, name: str) -> None:
    assert FileType("application/pdf").name_for(given) == name
