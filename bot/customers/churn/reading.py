"""A churn table from a file as companies have it: any encoding and separator, prose before the header, Excel, Parquet and JSON too."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import charset_normalizer
import pandas as pd

from bot.errors import InputError

SEPARATORS = (",", ";", "\t", "|")
HEADER_WITHIN = 50  # rows; prose before the header is not longer
ENCODINGS = ["gb18030", "big5", "cp1252", "shift_jis", "cp1250", "cp1251"]  # where it is no Unicode; tried by how sensible the text is
BROKEN_SHARE = 0.001  # of a file that is UTF-8 but for a few bytes
BLANKS = re.compile(r"[\s\u00a0\u200b\ufeff]+")


@dataclass(frozen=True)
class Raw:
    """The file's cells as text, stripped, and the rows that were left out of it with the reason."""

    cells: pd.DataFrame
    dropped: dict[str, int]
    form: str  # how it was read, in words


def read_table(path: Path, target: str) -> Raw:
    """Read the file; the header is the first row that names `target`. InputError says what is there instead."""
    if not path.is_file():
        near = [one.name for one in path.parent.iterdir() if one.is_file()] if path.parent.is_dir() else []
        raise InputError(f"there is no file {path.name} in {path.parent}{_near(path.name, near)}")
    data = path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    if data.startswith(b"PAR1"):
        frame, form = pd.read_parquet(io.BytesIO(data)), "Parquet"
        return _with_header([[str(name) for name in frame.columns], *_texts(frame)], target, form)
    if data.startswith(b"PK\x03\x04"):
        return _from_excel(pd.read_excel(io.BytesIO(data), header=None, dtype=object, sheet_name=None), target)
    text, encoding = _decoded(data)
    if not text.strip():
        raise InputError(f"{path.name} is empty; a header and rows are needed")
    records = _json_records(text)
    if records is not None:
        frame = pd.json_normalize(records)
        return _with_header([[str(name) for name in frame.columns], *_texts(frame)], target, f"{encoding}, JSON")
    separator = _separator(text, target)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    name = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}[separator]
    return _with_header(rows, target, f"{encoding}, separated by {name}")


def clean_text(text: str) -> str:
    """Return the text without blanks around it, full-width forms as their usual ones, blanks inside as one space."""
    if text.isascii():
        return " ".join(text.split())
    return BLANKS.sub(" ", unicodedata.normalize("NFKC", text)).strip()


def named(name: str, names: Iterable[str], what: str = "column") -> str:
    """Return the one of the names that is meant, whatever its case and blanks; InputError names those that are near."""
    names = list(names)
    wanted = clean_text(name)
    exact = [one for one in names if one == wanted] or [one for one in names if one.casefold() == wanted.casefold()]
    if exact:
        return exact[0]
    raise InputError(f"there is no {what} {name!r}{_near(wanted, names)}; the {what}s are {', '.join(names[:40])}")


def _near(name: str, names: list[str]) -> str:
    folded = {one.casefold(): one for one in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
    return f" (near it: {', '.join(folded[one] for one in near)})" if near else ""


def _from_excel(sheets: dict[str, pd.DataFrame], target: str) -> Raw:
    """Read the first sheet that names the target; where none does, say what the fullest one holds."""
    rows = {name: _texts(sheet) for name, sheet in sheets.items()}
    named_in = [name for name, found in rows.items() if any(_position(row, target) is not None for row in found[:HEADER_WITHIN])]
    name = named_in[0] if named_in else max(rows, key=lambda one: len(rows[one]))
    return _with_header(rows[name], target, f"Excel, sheet {name}" if len(rows) > 1 else "Excel")


def _json_records(text: str) -> list[dict[str, Any]] | None:
    """Return the objects of JSON lines or of one JSON list; None for a text that is neither."""
    start = text.lstrip()[:1]
    if start not in {"{", "["}:
        return None
    try:
        records = json.loads(text) if start == "[" else [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        return None
    return records if all(isinstance(one, dict) for one in records) else None


def _texts(frame: pd.DataFrame) -> list[list[str]]:
    rows: list[list[str]] = frame.astype(object).where(frame.notna(), "").astype(str).to_numpy().tolist()
    return rows


def _decoded(data: bytes) -> tuple[str, str]:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), encoding.removesuffix("-sig").upper()
    start = data[:4000]
    if start.count(0) > len(start) / 4:  # Latin text in UTF-16 has a zero in every other byte
        encoding = "utf-16-le" if start[1::2].count(0) > start[::2].count(0) else "utf-16-be"
        return data.decode(encoding, errors="replace"), "UTF-16"
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        text = data.decode("utf-8", errors="replace")
        if text.count("\ufffd") < BROKEN_SHARE * len(text) and any(ord(one) > 0x7F and one != "\ufffd" for one in text):
            return text, "UTF-8 with broken characters"
    best = charset_normalizer.from_bytes(data[:200_000], cp_isolation=ENCODINGS).best()
    encoding = best.encoding if best else "latin-1"
    return data.decode(encoding, errors="replace"), encoding.upper()


def _separator(text: str, target: str) -> str:
    """Return the separator by which a row near the top names the target, or else by which most rows have equally many fields."""
    top = text[:200_000].splitlines()[:200]

    def fit(separator: str) -> tuple[int, float, int]:
        rows = [row for row in csv.reader(top, delimiter=separator) if row]
        counts = Counter(len(row) for row in rows)
        fields, often = max(counts.items(), key=lambda item: (item[1], item[0]))
        header = next((len(row) for row in rows[:HEADER_WITHIN] if _position(row, target) is not None), 0)
        return (int(header > 1), often / len(rows) if fields > 1 else 0.0, fields)

    return max(SEPARATORS, key=fit)


def _position(row: list[str], target: str) -> int | None:
    folded = [clean_text(cell).casefold() for cell in row]
    wanted = clean_text(target).casefold()
    return folded.index(wanted) if wanted in folded else None


def _with_header(rows: list[list[str]], target: str, form: str) -> Raw:
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    top = rows[:HEADER_WITHIN]
    at = next((number for number, row in enumerate(top) if len(row) > 1 and _position(row, target) is not None), None)
    if at is None:
        widest = max((len(row) for row in top), default=0)
        names = next(([clean_text(cell) for cell in row] for row in top if len(row) == widest), [])
        named(target, [name for name in names if name])
        raise InputError(f"no row has a column {target!r} beside others; a table of at least two columns is needed")
    names = _unique([clean_text(cell) for cell in rows[at]])
    body, dropped = _fitted(rows[at + 1 :], len(names))
    repeated = [row for row in body if row == rows[at]]
    if repeated:
        body = [row for row in body if row != rows[at]]
        dropped["the header again"] = len(repeated)
    if at:
        dropped["before the header"] = at
    frame = pd.DataFrame(body, columns=names, dtype=object)
    return Raw(frame.apply(_clean_column), dropped, form)


def _fitted(rows: list[list[str]], width: int) -> tuple[list[list[str]], dict[str, int]]:
    """Return the rows that have the header's fields; empty ones at the end may be missing or too many."""
    fitting, wrong = [], 0
    for row in rows:
        while len(row) > width and not row[-1].strip():
            row = row[:-1]
        filled = sum(bool(cell.strip()) for cell in row)
        if len(row) > width or (len(row) < width and filled * 2 < width) or (filled == 1 and width > 3):
            wrong += 1
        else:
            fitting.append(row + [""] * (width - len(row)))
    return fitting, ({"other fields than the header has": wrong} if wrong else {})


def _unique(names: list[str]) -> list[str]:
    """Name columns without a name, and the second of equal ones, by their place."""
    result: list[str] = []
    for place, name in enumerate(names, start=1):
        fresh = name or f"column {place}"
        result.append(f"{fresh} ({place})" if fresh in result else fresh)
    return result


def _clean_column(column: pd.Series) -> pd.Series:
    distinct = {text: clean_text(text) for text in column.unique()}
    return column.map(distinct)
