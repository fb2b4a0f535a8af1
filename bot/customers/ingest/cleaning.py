"""Rows of texts into rows of values: every check and repair, whole columns at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bot.customers.ingest.amounts import money, numbers
from bot.customers.ingest.fields import Field, Type
from bot.customers.ingest.identity import emails, phones
from bot.customers.ingest.mapping import Column, Source, allowed_labels
from bot.customers.ingest.readers import Chunk
from bot.customers.ingest.text import plain
from bot.customers.ingest.times import moments
from bot.ids import utcnow

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # no shop's record of today is older
EARLIEST_BIRTH = datetime(1900, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)  # a clock may be wrong by a time zone
NO = ("false", "0", "no", "n", "f", "否", "无", "没有", "×", "off")


@dataclass(frozen=True)
class Bad:
    """One value that was refused; the column is empty where the whole row could not be read."""

    row: int
    column: str
    value: str | None
    rule: str


@dataclass
class Cleaned:
    """Rows that passed: their numbers and their values by meaning (traits as trait:NAME), and what did not pass."""

    numbers: NDArray[Any]
    values: dict[str, pa.Array]
    bad: list[Bad]
    refused: int  # rows that were not kept
    marred: int  # rows with anything that was refused


@dataclass
class Cleaner:
    """Cleans a source chunk by chunk and counts its repairs."""

    source: Source
    now: datetime = field(default_factory=utcnow)
    repairs: Counter[str] = field(default_factory=Counter)

    def clean(self, chunk: Chunk) -> Cleaned:
        """Return the chunk's rows as values. Raises InputError where the mapping leaves open how a column is to be read."""
        count = len(chunk.numbers)
        columns = {name: self._plain(name, texts) for name, texts in chunk.columns.items()}
        blank = _blank(columns, count)
        keep = ~blank
        bad = [Bad(row, "", None, rule) for row, rule in chunk.broken]
        values: dict[str, pa.Array] = {}
        marred = np.zeros(count, dtype=bool)
        for name in sorted(columns, key=lambda one: self.source.columns[one].meaning != "currency"):
            column, texts = self.source.columns[name], columns[name]
            field_ = self.source.field(column)
            found, checks = self._read(name, column, field_, texts, values)
            for rule, mask in checks:
                wrong = _mask(mask) & ~blank
                if not wrong.any():
                    continue
                found = pc.if_else(pa.array(wrong), pa.scalar(None, found.type), found)
                marred |= wrong
                if column.required or not field_.lenient:
                    keep &= ~wrong
                rows, refused = chunk.numbers[wrong], pc.filter(chunk.columns[name], pa.array(wrong)).to_pylist()
                bad += [Bad(int(row), name, value, rule) for row, value in zip(rows, refused, strict=True)]
            values[f"trait:{column.name}" if column.meaning == "trait" else column.meaning] = found
        self.repairs["blank_rows"] += int(blank.sum())
        kept = pa.array(keep)
        cleaned = {name: pc.filter(value, kept) for name, value in values.items()}
        gone = int((~keep & ~blank).sum()) + len(chunk.broken)
        return Cleaned(chunk.numbers[keep], cleaned, bad, gone, int(marred.sum()) + len(chunk.broken))

    def _plain(self, name: str, texts: pa.Array) -> pa.Array:
        kind = self.source.field(self.source.columns[name]).type
        return plain(texts, self.repairs, prose=kind is Type.TEXT, missing=self.source.missing)

    def _read(
        self, name: str, column: Column, field_: Field, texts: pa.Array, values: dict[str, pa.Array]
    ) -> tuple[pa.Array, list[tuple[str, pa.Array]]]:
        """Return the column's values, and of each rule which rows break it."""
        checks: list[tuple[str, pa.Array]] = []
        if column.values is not None:
            texts, unknown = self._relabel(texts, column.values)
            checks.append(("unknown_label", unknown))
        if field_.required or field_.if_named or column.required:
            checks.append(("missing", pc.is_null(texts)))
        found, more = self._typed(name, column, field_, texts, values)
        return found, [*checks, *more]

    def _relabel(self, texts: pa.Array, labels: dict[str, str]) -> tuple[pa.Array, pa.Array]:
        exact = {text: value for text, value in labels.items()}
        loose = {text.casefold(): value for text, value in labels.items()}
        encoded = texts.dictionary_encode()
        found = [exact.get(text, loose.get(text.casefold())) for text in encoded.dictionary.to_pylist()]
        changed = pa.array(found, pa.string()).take(encoded.indices)
        self.repairs["labels"] += pc.sum(pc.not_equal(changed, texts)).as_py() or 0
        empty = pc.if_else(pc.equal(changed, ""), pa.scalar(None, pa.string()), changed)
        return empty, pc.and_(pc.is_null(changed), pc.is_valid(texts))

    def _typed(
        self, name: str, column: Column, field_: Field, texts: pa.Array, values: dict[str, pa.Array]
    ) -> tuple[pa.Array, list[tuple[str, pa.Array]]]:
        if field_.type in {Type.TIME, Type.DATE}:
            return self._time(name, column, field_, texts)
        if field_.type is Type.MONEY:
            return self._money(column, field_, texts, values)
        if field_.type in {Type.NUMBER, Type.COUNT}:
            return self._number(column, field_, texts)
        if field_.type is Type.FLAG:
            return self._flag(texts), []
        return self._text(column, field_, texts)

    def _text(self, column: Column, field_: Field, texts: pa.Array) -> tuple[pa.Array, list[tuple[str, pa.Array]]]:
        match Type(column.personal) if column.personal else field_.type:
            case Type.PHONE:
                found = phones(texts, region=column.region, repairs=self.repairs)
                return found, [("not_a_phone_number", _unread(found, texts))]
            case Type.EMAIL:
                found = emails(texts, repairs=self.repairs)
                return found, [("not_an_email", _unread(found, texts))]
            case Type.LABEL:
                allowed = pa.array(sorted(allowed_labels(self.source, field_)), pa.string())
                return texts, [("unknown_label", pc.and_(pc.is_valid(texts), pc.invert(pc.is_in(texts, allowed))))]
            case Type.CURRENCY:
                found = pc.utf8_upper(texts)
                return found, [("not_a_currency", pc.invert(pc.match_substring_regex(found, "^[A-Z]{3}$")))]
            case _:
                return texts, [("too_long", pc.greater(pc.utf8_length(texts), field_.longest))]

    def _money(
        self, column: Column, field_: Field, texts: pa.Array, values: dict[str, pa.Array]
    ) -> tuple[pa.Array, list[tuple[str, pa.Array]]]:
        found, of = money(
            texts, values.get("currency"), currency=column.currency, decimal=column.decimal, minor=column.minor, repairs=self.repairs
        )
        values["currency"] = pc.if_else(pc.is_valid(found), of, pa.scalar(None, pa.string()))
        return found, [("not_an_amount", _unread(found, texts)), *_range(found, field_)]

    def _number(self, column: Column, field_: Field, texts: pa.Array) -> tuple[pa.Array, list[tuple[str, pa.Array]]]:
        found = numbers(texts, decimal=column.decimal, repairs=self.repairs)
        checks = [("not_a_number", _unread(found, texts)), *_range(found, field_)]
        if field_.type is Type.COUNT:
            checks.append(("not_whole", pc.not_equal(found, pc.floor(found))))
        return found, checks

    def _time(self, name: str, column: Column, field_: Field, texts: pa.Array) -> tuple[pa.Array, list[tuple[str, pa.Array]]]:
        formats = column.formats
        if not formats and self.source.format in {"", "excel"}:
            numeric = pc.all(pc.match_substring_regex(texts, r"^\d{5}([.]\d+)?$")).as_py()
            formats = ("excel",) if numeric and pc.count(texts).as_py() else ()
        a_date = field_.type is Type.DATE
        zone = "UTC" if a_date else column.time_zone
        found = moments(texts, zone=zone, formats=formats, order=column.order, column=name, repairs=self.repairs)
        if formats == ("excel",):
            self.repairs["excel_dates"] += pc.count(found).as_py()
        first = pa.scalar(EARLIEST_BIRTH if a_date else EARLIEST, found.type)
        checks = [("not_a_time", _unread(found, texts)), ("too_early", pc.less(found, first))]
        if not field_.may_be_ahead:
            checks.append(("in_the_future", pc.greater(found, pa.scalar(self.now + AHEAD, found.type))))
        return (pc.strftime(found, "%Y-%m-%d") if a_date else found), checks

    def _flag(self, texts: pa.Array) -> pa.Array:
        """Return whether it is so; any other text, such as a coupon's code, says yes, and none says no."""
        return pc.and_(pc.is_valid(texts), pc.invert(pc.is_in(pc.utf8_lower(texts), pa.array(NO, pa.string()))))


def _unread(found: pa.Array, texts: pa.Array) -> pa.Array:
    return pc.and_(pc.is_null(found), pc.is_valid(texts))


def _range(found: pa.Array, field_: Field) -> list[tuple[str, pa.Array]]:
    checks: list[tuple[str, pa.Array]] = []
    if field_.lowest is not None:
        checks.append(("negative" if field_.lowest == 0 else "too_small", pc.less(found, field_.lowest)))
    if field_.highest is not None:
        checks.append(("too_large", pc.greater(found, field_.highest)))
    return checks


def _mask(values: pa.Array) -> NDArray[Any]:
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)


def _blank(columns: dict[str, pa.Array], count: int) -> NDArray[Any]:
    """Return which rows say nothing at all."""
    blank = np.ones(count, dtype=bool)
    for texts in columns.values():
        blank &= _mask(pc.is_null(texts))
    return blank
