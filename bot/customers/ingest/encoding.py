"""What a file is made of before anybody reads its rows: checksum, encoding, separator, and where its header is."""

from __future__ import annotations

import codecs
import csv
import difflib
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from bot.customers.ingest.text import plain_text
from bot.errors import InputError

BLOCK = 1 << 20  # bytes
SAMPLE = 1 << 16  # bytes that separator and header are looked for in
HEADER_WITHIN = 30  # rows; a header further down is none
SEPARATORS = (",", ";", "\t", "|")
CHINESE = ("gb18030", "big5")  # tried in this order where a file is not Unicode


@dataclass(frozen=True)
class Header:
    """Where the names of the columns are."""

    separator: str
    names: list[str]
    row: int  # as a person counts, from 1
    line: int  # lines of text up to its end


def checksum(path: Path) -> str:
    """Return the file's SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def detect_encoding(path: Path, stated: str = "") -> str:
    """Return the encoding that the whole file can be read in, as Python names it.

    Raises InputError when the stated one does not fit, or when none can be told.
    """
    with path.open("rb") as file:
        head = file.read(SAMPLE)
    if stated:
        return _checked(path, stated, InputError(f"{path.name} is not {stated}, as the mapping says; leave encoding: out to detect it"))
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if head.startswith(mark):
            return _checked(path, name, InputError(f"{path.name} begins as {name} and does not go on so; it is damaged, export it anew"))
    if head.count(0) > len(head) // 5:
        name = "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
        return _checked(path, name, InputError(f"{path.name} holds zero bytes and is not UTF-16; is it a text file?"))
    if _decodes(path, "utf-8"):
        return "utf-8"
    return _legacy(path, head)


def _legacy(path: Path, head: bytes) -> str:
    """Return the encoding of a file that is not Unicode: GB18030 or Big5 where its text is Chinese, else what charset-normalizer finds."""
    unsure = InputError(f"the encoding of {path.name} cannot be told; say it in the mapping, for example encoding: gb18030")
    for name in CHINESE:
        text = head.decode(name, errors="ignore")
        foreign = [sign for sign in text if ord(sign) > 127]
        if foreign and sum("\u4e00" <= sign <= "\u9fff" or sign in "，。（）：；、￥【】" for sign in foreign) > 0.9 * len(foreign):
            common = sum(sign in _COMMON for sign in foreign)
            if common * 50 >= len(foreign) and _decodes(path, name):
                return name
    best = charset_normalizer.from_bytes(head).best()
    if best is None:
        raise unsure
    return _checked(path, best.encoding, unsure)


# The signs that Chinese tables hardly do without; a wrong decoding gives rare ones.
_COMMON = set(
    "的一是在不了有和人中大为上个国我年月日时分元市省区县路号名客户会员订单金额手机电话姓地址编状态已未无女男生小张王李刘陈北京海广州深品"
)


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except (UnicodeDecodeError, UnicodeError):
        return False
    return True


def _checked(path: Path, encoding: str, error: InputError) -> str:
    try:
        codecs.lookup(encoding)
    except LookupError as unknown:
        raise InputError(f"encoding is {encoding!r}, which is none; examples are utf-8, gb18030, big5, cp1252") from unknown
    if not _decodes(path, encoding):
        raise error
    return encoding


def find_header(path: Path, encoding: str, wanted: Sequence[str], *, separator: str = "") -> Header:
    """Return the first row that holds all wanted names; rows of prose may stand before it. Raises InputError with near names."""
    with path.open("rb") as file:
        text = codecs.getincrementaldecoder(encoding)().decode(file.read(SAMPLE))
    seen: list[Header] = []
    for sign in [separator] if separator else SEPARATORS:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if sign == "blanks" else sign)
        try:
            for number, row in enumerate(rows, start=1):
                cells = row[0].split() if sign == "blanks" and row else row
                seen.append(Header(sign, [plain_text(name) for name in cells], number, rows.line_num))
                if number == HEADER_WITHIN:
                    break
        except csv.Error:
            continue
    return best_header(seen, wanted, path.name)


def best_header(rows: Iterable[Header], wanted: Sequence[str], file: str) -> Header:
    """Return the row that holds all wanted names, or raise InputError that says which are missing and what is like them."""
    best, held = Header("", [], 1, 1), -1
    for row in rows:
        count = len(set(wanted) & set(row.names))
        if count > held:
            best, held = row, count
    missing = [name for name in wanted if name not in best.names]
    if not missing:
        repeated = [name for name in wanted if best.names.count(name) > 1]
        if repeated:
            raise InputError(f"{file} has two columns named {repeated[0]!r}; rename one of them")
        return best
    near = {name: difflib.get_close_matches(name, best.names, 1) for name in missing}
    said = ", ".join(f"{name!r}" + (f" (there is {near[name][0]!r})" if near[name] else "") for name in missing)
    raise InputError(f"{file} has no column {said}; correct the names in the mapping or the file")
