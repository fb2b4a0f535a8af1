"""The first rows of a file that no mapping describes yet."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pyarrow.parquet as pa_parquet

from bot.customers.ingest.encoding import HEADER_WITHIN, SEPARATORS, detect_encoding
from bot.customers.ingest.readers import ENDINGS, cell_text
from bot.customers.ingest.text import plain_text
from bot.errors import InputError

ROWS = 2000
BYTES = 1 << 20


@dataclass(frozen=True)
class Sample:
    """A file's columns and their first values, and how it was read."""

    path: Path
    format: str
    columns: dict[str, list[str]]
    encoding: str = ""
    separator: str = ","
    header_row: int = 1
    sheet: str = ""  # of a workbook with several


def sample(path: Path) -> Sample:
    """Read the first rows. Raises InputError for a file without a header or of an unknown format."""
    if not path.is_file():
        raise InputError(f"{path} is not there")
    kind = ENDINGS.get(path.suffix.lower(), "")
    if kind == "csv":
        return _text(path)
    if kind == "excel":
        return _workbook(path)
    if kind == "jsonl":
        with path.open("rb") as file:
            return _records(path, kind, [flat(msgspec.json.decode(line)) for line in islice(file, ROWS) if line.strip()])
    if kind == "parquet":
        batch = next(pa_parquet.ParquetFile(path).iter_batches(ROWS), None)
        return _records(path, kind, batch.to_pylist() if batch is not None else [])
    raise InputError(f"the format of {path.name} is not known; allowed endings are {', '.join(ENDINGS)}")


def _workbook(path: Path) -> Sample:
    """Read the fullest sheet: the first is often a cover."""
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    sheets = {
        sheet.title: [[cell_text(cell) or "" for cell in row] for row in sheet.iter_rows(values_only=True, max_row=ROWS)]
        for sheet in book.worksheets
    }
    book.close()
    title = max(sheets, key=lambda one: sum(bool(cell) for row in sheets[one] for cell in row))
    return replace(_table(path, "excel", sheets[title]), sheet=title if len(sheets) > 1 else "")


def flat(record: Any, prefix: str = "") -> dict[str, Any]:
    """Return a JSON object's values under names with dots."""
    found: dict[str, Any] = {}
    for name, value in record.items() if isinstance(record, dict) else ():
        if isinstance(value, dict):
            found.update(flat(value, f"{prefix}{name}."))
        elif not isinstance(value, list):
            found[f"{prefix}{name}"] = value
    return found


def _records(path: Path, kind: str, records: list[dict[str, Any]]) -> Sample:
    names = list(dict.fromkeys(name for record in records for name in record))
    if not names:
        raise InputError(f"{path.name} holds no rows")
    return Sample(path, kind, {name: [cell_text(record.get(name)) or "" for record in records] for name in names})


def _text(path: Path) -> Sample:
    encoding = detect_encoding(path)
    with path.open("rb") as file:
        text = codecs.getincrementaldecoder(encoding)().decode(file.read(BYTES))
    best, separator = [[""]], ","
    for sign in SEPARATORS:
        try:
            rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=sign), ROWS))
        except csv.Error:
            continue
        if _regular(rows) > _regular(best):
            best, separator = rows, sign
    if _regular(best) < 2:
        blanks = [line.split() for line in text.splitlines()[:ROWS]]
        if _regular(blanks) >= 2:
            best, separator = blanks, "blanks"
    return _table(path, "csv", best, encoding=encoding, separator=separator)


def _regular(rows: list[list[str]]) -> float:
    """Return the usual number of columns, times the share of rows that have it."""
    widths = Counter(len(row) for row in rows if any(row))
    width, count = widths.most_common(1)[0] if widths else (0, 0)
    return width * count / max(1, sum(widths.values()))


def _table(path: Path, kind: str, rows: list[list[str]], *, encoding: str = "", separator: str = ",") -> Sample:
    """Take the first row that looks like names: as wide as most rows, all cells different, no numbers."""
    width = Counter(len(row) for row in rows if any(row)).most_common(1)[0][0] if any(any(row) for row in rows) else 0
    for number, row in enumerate(rows[:HEADER_WITHIN]):
        names = [plain_text(cell) for cell in row]
        full = [name for name in names if name]
        if len(row) == width and len(set(full)) == len(full) >= max(1, width - 1) and not any(_number(name) for name in full):
            body = [other for other in rows[number + 1 :] if len(other) == width]
            columns = {name: [other[place] for other in body] for place, name in enumerate(names) if name}
            return Sample(path, kind, columns, encoding, separator, number + 1)
    raise InputError(f"{path.name} has no row with the columns' names among its first {HEADER_WITHIN}; put one above the data")


def _number(text: str) -> bool:
    return text.replace(".", "").replace(",", "").replace("-", "").replace(":", "").replace(" ", "").isdigit()
