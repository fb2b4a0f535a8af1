"""Texts into moments, whole columns at once; what can be read in two ways is not guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bot.errors import InputError

MICROSECONDS = 1_000_000
EXCEL_ZERO_DAYS = 25_569  # from Excel's day 0, 1899-12-30, to 1970-01-01
MOMENT = pa.timestamp("us", tz="UTC")

_CLOCK = r"([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.]\d{1,6})?)?)?"
LOCAL = rf"^\d{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]){_CLOCK}$"
ZONED = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d([.]\d{1,9})?)? ?(Z|[+-]\d\d:?\d\d)$"
EPOCH_S, EPOCH_MS, EXCEL = r"^\d{9,10}$", r"^\d{12,13}$", r"^\d{5}([.]\d+)?$"
EITHER_ORDER = r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(.*)$"
# Other ways to write year, month and day in this order, each rewritten to ISO 8601.
_REWRITES = (
    (r"^(\d{4})年(\d{1,2})月(\d{1,2})[日号]? ?(.*)$", r"\1-\2-\3 \4"),
    (r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})(.*)$", r"\1-\2-\3\4"),
    (r"^(\d{4})(\d\d)(\d\d)([ T].*)?$", r"\1-\2-\3\4"),
    (r"(\d{1,2})[时点](\d{1,2})分(\d{1,2})秒$", r"\1:\2:\3"),
    (r"(\d{1,2})[时点](\d{1,2})分?$", r"\1:\2"),
)
_ONE_DIGIT = r"(^|[- T:])(\d)\b"


def moments(
    values: pa.Array, *, zone: str, formats: Sequence[str] = (), order: str = "", column: str = "", repairs: Counter[str] | None = None
) -> pa.Array:
    """Return the moments (microseconds, UTC) of texts; null for what cannot be read.

    Times without a zone are of `zone`; of an hour that a clock change repeats the first is meant. `formats` are tried in their order, and
    without any: ISO 8601, 2026/1/5, 2026.1.5, 20260105, 2026年1月5日 8时5分, seconds (9 or 10 digits) and milliseconds (12 or 13) since
    1970. Raises InputError for 03/04/2026 while `order` does not say whether the day or the month comes first.
    """
    if formats:
        return _stated(values, zone, formats)
    texts = _rewritten(values, order, column, repairs if repairs is not None else Counter())
    found = _local(texts, LOCAL, zone)
    if found.null_count == values.null_count:
        return found
    zoned = _only(texts, ZONED)
    if zoned.null_count < len(zoned):
        read = pd.to_datetime(zoned.to_pandas(), format="ISO8601", errors="coerce", utc=True)
        found = pc.coalesce(found, pa.Array.from_pandas(read).cast(MOMENT, safe=False))
    return pc.coalesce(found, _numbers(texts, "epoch_s", zone), _numbers(texts, "epoch_ms", zone))


def _rewritten(values: pa.Array, order: str, column: str, repairs: Counter[str]) -> pa.Array:
    """Return the texts in the form of ISO 8601 where they are dates of another form."""
    usual = pc.fill_null(pc.match_substring_regex(values, rf"{LOCAL}|{ZONED}"), True)
    if pc.all(usual).as_py():
        return values
    texts = values
    either = pc.match_substring_regex(values, EITHER_ORDER)
    if pc.any(either).as_py():
        if not order:
            raise InputError(
                f"column {column!r} holds dates such as 03/04/2026, which is in March or in April; "
                "say in the mapping which: order: dmy (day first) or order: mdy (month first)"
            )
        texts = pc.replace_substring_regex(texts, EITHER_ORDER, r"\3-\2-\1\4" if order == "dmy" else r"\3-\1-\2\4")
    for pattern, form in _REWRITES:
        texts = pc.replace_substring_regex(texts, pattern, form)
    texts = pc.replace_substring_regex(texts, _ONE_DIGIT, r"\g<1>0\2".replace(r"\g<1>", r"\1"))
    texts = pc.utf8_trim_whitespace(texts)
    changed = pc.and_(pc.not_equal(texts, values), pc.match_substring_regex(texts, rf"{LOCAL}|{ZONED}"))
    repairs["date_forms"] += pc.sum(changed).as_py() or 0
    return pc.if_else(usual, values, texts)


def _only(values: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(values, pattern), values, pa.scalar(None, pa.string()))


def _local(values: pa.Array, pattern: str, zone: str) -> pa.Array:
    texts = _only(values, pattern)
    try:
        found = pc.cast(texts, pa.timestamp("us"))
    except pa.ArrowInvalid:  # 2026-02-30 among them
        found = pa.Array.from_pandas(pd.to_datetime(texts.to_pandas(), format="ISO8601", errors="coerce")).cast(pa.timestamp("us"))
    return _in_zone(found, zone)


def _in_zone(local: pa.Array, zone: str) -> pa.Array:
    aware = pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="latest")
    return aware.cast(MOMENT)


def _numbers(values: pa.Array, how: str, zone: str) -> pa.Array:
    """Return the moments that numbers stand for: epoch_s, epoch_ms, or excel (days in the column's own zone)."""
    if how == "excel":
        days = pc.cast(_only(values, EXCEL), pa.float64())
        microseconds = pc.cast(pc.round(pc.multiply(pc.subtract(days, EXCEL_ZERO_DAYS), 86_400.0 * MICROSECONDS)), pa.int64())
        return _in_zone(microseconds.cast(pa.timestamp("us")), zone)
    pattern, factor = (EPOCH_S, MICROSECONDS) if how == "epoch_s" else (EPOCH_MS, 1000)
    return pc.multiply(pc.cast(_only(values, pattern), pa.int64()), factor).cast(MOMENT)


def _stated(values: pa.Array, zone: str, formats: Sequence[str]) -> pa.Array:
    found = pa.nulls(len(values), MOMENT)
    for form in formats:
        if form in {"excel", "epoch_s", "epoch_ms"}:
            read = _numbers(values, form, zone)
        elif form == "iso":
            read = moments(values, zone=zone)
        else:
            frame = pd.to_datetime(values.to_pandas(), format=form, errors="coerce", utc="%z" in form)
            arrow = pa.Array.from_pandas(frame)
            read = arrow.cast(MOMENT, safe=False) if "%z" in form else _in_zone(arrow.cast(pa.timestamp("us"), safe=False), zone)
        found = pc.coalesce(found, read)
    return found
