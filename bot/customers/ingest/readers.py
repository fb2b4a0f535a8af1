"""Files into chunks of texts: CSV, Excel, JSON lines, Parquet. Only columns that the mapping names are read."""

from __future__ import annotations

import io
import itertools
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from numpy.typing import NDArray

from bot.customers.ingest.encoding import Header, best_header, detect_encoding, find_header
from bot.customers.ingest.mapping import Source
from bot.customers.ingest.text import plain_text
from bot.errors import InputError

CHUNK_BYTES = 4 << 20  # of a text file at once: some 50,000 rows
CHUNK_ROWS = 50_000
ENDINGS = {".csv": "csv", ".txt": "csv", ".tsv": "csv", ".xlsx": "excel", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


@dataclass
class Chunk:
    """Some rows: their numbers as a person counts them (the header is row 1), their texts by column, and rows that are none."""

    numbers: NDArray[Any]
    columns: dict[str, pa.Array]
    broken: list[tuple[int, str]] = field(default_factory=list)  # row, rule


@dataclass
class Opened:
    """A source ready to be read once."""

    chunks: Iterator[Chunk]
    facts: dict[str, Any]  # encoding, separator, header's row: what was found out
    done: Callable[[], float]  # share that has been read, 0 to 1


def format_of(path: Path, source: Source) -> str:
    """Return the format that the mapping says or the file's ending tells."""
    found = source.format or ENDINGS.get(path.suffix.lower(), "")
    if not found:
        raise InputError(f"the format of {path.name} is not known; allowed endings are {', '.join(ENDINGS)}, or say format: in the mapping")
    return found


def open_file(path: Path, source: Source) -> Opened:
    """Open a file as its source says. Raises InputError for one that cannot be read as such or lacks a column."""
    if not path.is_file():
        raise InputError(f"{path} is not there")
    return {"csv": _csv, "excel": _excel, "jsonl": _json_lines, "parquet": _parquet}[format_of(path, source)](path, source)


def _csv(path: Path, source: Source) -> Opened:
    encoding = detect_encoding(path, source.encoding)
    wanted = list(source.columns)
    if source.header:
        header = find_header(path, encoding, [plain_text(name) for name in wanted], separator=source.separator)
    else:
        header = best_header([Header(source.separator or ",", list(source.names), 0, 0)], wanted, path.name)
    raw = path.open("rb", buffering=0)
    size = max(1, path.stat().st_size)
    stream = _Blanks(raw, encoding) if header.separator == "blanks" else raw
    chunks = _csv_chunks(path, stream, "utf8" if header.separator == "blanks" else encoding, header, wanted)
    facts = {"encoding": encoding, "separator": header.separator, "header_row": header.row}
    return Opened(chunks, facts, lambda: 1.0 if raw.closed else raw.tell() / size)


def _csv_chunks(path: Path, stream: Any, encoding: str, header: Header, wanted: Sequence[str]) -> Iterator[Chunk]:
    skipped: set[int] = set()  # the reader is ahead of the batch that it gives: some of them come later
    told: list[int] = []

    def refuse(row: pa_csv.InvalidRow) -> str:
        number = row.number - header.line + header.row
        skipped.add(number)
        told.append(number)
        return "skip"

    keys = [f"c{number}" for number in range(len(header.names))]
    places = {name: keys[header.names.index(plain_text(name))] for name in wanted}
    try:
        reader = pa_csv.open_csv(
            stream,
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=CHUNK_BYTES, skip_rows=header.line, column_names=keys, encoding=encoding
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter="\t" if header.separator == "blanks" else header.separator,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=refuse,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(keys, pa.string()),
                strings_can_be_null=False,
                include_columns=list(dict.fromkeys(places.values())),
            ),
        )
        taken = header.row
        for batch in reader:
            numbers = _numbers(taken, batch.num_rows, skipped)
            taken = int(numbers[-1]) if len(numbers) else taken
            broken = [(number, "columns") for number in told]
            told.clear()
            yield Chunk(numbers, {name: batch.column(key) for name, key in places.items()}, broken)
    except pa.ArrowInvalid as error:
        if "Empty CSV file" not in str(error):
            raise InputError(f"{path.name} cannot be read as CSV: {_without_values(error)}") from None
    finally:
        stream.close()


def _numbers(taken: int, count: int, broken: set[int]) -> NDArray[Any]:
    """Return the numbers of `count` rows after row `taken`, leaving out those of broken rows."""
    if not broken:
        return np.arange(taken + 1, taken + 1 + count)
    return np.fromiter(itertools.islice((number for number in itertools.count(taken + 1) if number not in broken), count), np.int64, count)


def _without_values(error: Exception) -> str:
    """Return an error's first words; what follows a colon may quote a row."""
    return re.split(r"[:\n]", str(error))[0][:80]


class _Blanks(io.RawIOBase):
    """A text whose columns stand apart by blanks, as one with tabs in UTF-8."""

    def __init__(self, raw: io.RawIOBase | io.FileIO, encoding: str) -> None:
        self._text = io.TextIOWrapper(io.BufferedReader(raw), encoding=encoding)  # type: ignore[arg-type]

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        lines = self._text.readlines(size if size > 0 else -1)
        return b"".join(("\t".join(line.split()) + "\n").encode() for line in lines if line.strip())

    def close(self) -> None:
        self._text.close()
        super().close()


def _excel(path: Path, source: Source) -> Opened:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, OSError, openpyxl.utils.exceptions.InvalidFileException) as error:
        raise InputError(f"{path.name} is not an Excel workbook (.xlsx); save it as one or as CSV") from error
    if source.sheet and source.sheet not in book.sheetnames:
        raise InputError(f"{path.name} has no sheet {source.sheet!r}; there are {', '.join(book.sheetnames)}")
    sheet = book[source.sheet] if source.sheet else book.worksheets[0]
    top = [
        Header("", [plain_text(cell_text(cell) or "") for cell in row], number, number)
        for number, row in enumerate(sheet.iter_rows(values_only=True, max_row=30), start=1)
    ]
    header = best_header(top, [plain_text(name) for name in source.columns], path.name)
    places = {name: header.names.index(plain_text(name)) for name in source.columns}
    seen, total = [header.row], max(1, sheet.max_row or 1)

    def rows() -> Iterator[tuple[int, dict[str, str | None]]]:
        for number, row in enumerate(sheet.iter_rows(values_only=True, min_row=header.row + 1), start=header.row + 1):
            seen[0] = number
            yield number, {name: cell_text(row[place]) if place < len(row) else None for name, place in places.items()}
        book.close()

    return Opened(gathered(rows(), list(source.columns)), {"sheet": sheet.title, "header_row": header.row}, lambda: seen[0] / total)


def cell_text(value: Any) -> str | None:
    """Return a cell's or JSON value's text: whole numbers without a point, times as ISO 8601."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def gathered(rows: Iterable[tuple[int, dict[str, str | None] | str]], columns: Sequence[str]) -> Iterator[Chunk]:
    """Put numbered rows together into chunks; a text in the place of a row is the rule that it breaks."""
    coming = iter(rows)
    while some := list(itertools.islice(coming, CHUNK_ROWS)):
        good = [(number, row) for number, row in some if not isinstance(row, str)]
        yield Chunk(
            np.array([number for number, _row in good], dtype=np.int64),
            {name: pa.array([row[name] for _number, row in good], pa.string()) for name in columns},
            [(number, row) for number, row in some if isinstance(row, str)],
        )


def _json_lines(path: Path, source: Source) -> Opened:
    encoding = detect_encoding(path, source.encoding)
    raw = path.open("rb", buffering=0)
    size = max(1, path.stat().st_size)

    def rows() -> Iterator[tuple[int, dict[str, str | None] | str]]:
        with io.TextIOWrapper(io.BufferedReader(raw), encoding=encoding) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, record_of(line, source.columns)

    chunks = gathered(rows(), list(source.columns))
    return Opened(chunks, {"encoding": encoding}, lambda: 1.0 if raw.closed else raw.tell() / size)


def record_of(line: str, columns: Iterable[str]) -> dict[str, str | None] | str:
    """Return the wanted values of a JSON object, or the rule that the line breaks."""
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return "not_json"
    return fields_of(found, columns) if isinstance(found, dict) else "not_json"


def fields_of(record: dict[str, Any], columns: Iterable[str]) -> dict[str, str | None]:
    """Return the wanted values as texts; `customer.id` is looked up under its whole name, then step by step."""
    return {name: cell_text(dig(record, name)) for name in columns}


def dig(value: Any, path: str) -> Any:
    """Return what stands at a path with dots, or None."""
    if isinstance(value, dict) and path in value:
        return value[path]
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _parquet(path: Path, source: Source) -> Opened:
    try:
        file = pa_parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path.name} is not a Parquet file") from error
    names = {plain_text(name): name for name in file.schema_arrow.names}
    best_header([Header("", list(names), 1, 1)], [plain_text(name) for name in source.columns], path.name)
    places = {name: names[plain_text(name)] for name in source.columns}
    taken, total = [0], max(1, file.metadata.num_rows)

    def chunks() -> Iterator[Chunk]:
        for batch in file.iter_batches(CHUNK_ROWS, columns=list(places.values())):
            numbers = np.arange(taken[0] + 1, taken[0] + 1 + batch.num_rows)
            taken[0] += batch.num_rows
            yield Chunk(numbers, {name: _as_text(batch.column(original)) for name, original in places.items()})

    return Opened(chunks(), {"rows": file.metadata.num_rows}, lambda: taken[0] / total)


def _as_text(values: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(values.type):
        return pc.strftime(values.cast(pa.timestamp("us", values.type.tz)), "%Y-%m-%d %H:%M:%S" + ("%z" if values.type.tz else ""))
    if pa.types.is_floating(values.type):
        return pa.array([cell_text(value) for value in values.to_pylist()], pa.string())
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values.cast(pa.string())
