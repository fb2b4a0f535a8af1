"""Texts into money and numbers, whole columns at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# ISO 4217: how many decimals a currency has where it is not two.
DECIMALS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3, "TND": 3}
SIGNS = {
    "¥": "CNY", "￥": "CNY", "元": "CNY", "圆": "CNY", "块": "CNY", "RMB": "CNY", "人民币": "CNY", "$": "USD", "US$": "USD", "美元": "USD",
    "€": "EUR", "欧元": "EUR", "£": "GBP", "HK$": "HKD", "港元": "HKD", "港币": "HKD", "円": "JPY", "日元": "JPY",
}  # fmt: skip
# A sign that several currencies share means the one that the mapping names, if that is one of them.
SHARED = {"¥": {"CNY", "JPY"}, "￥": {"CNY", "JPY"}, "$": {"USD", "AUD", "CAD", "HKD", "NZD", "SGD", "TWD", "MXN"}}

_SIGN = r"(?P<sign>US\$|HK\$|[¥￥$€£元圆块円]|人民币|美元|欧元|港元|港币|日元|RMB|\b(?:CNY|USD|EUR|GBP|JPY|HKD|TWD|SGD|AUD|CAD|NZD|KRW)\b)"
_PLAIN = r"^-?\d{1,12}([.]\d{1,3})?$"
_GROUPED = {
    ".": r"^-?(\d{1,3}(,\d{3})+|\d{1,12})([.]\d+)?$",
    ",": r"^-?(\d{1,3}([. ]\d{3})+|\d{1,12})(,\d+)?$",
}


def numerals(values: pa.Array, *, decimal: str = ".", repairs: Counter[str] | None = None) -> pa.Array:
    """Return numbers as plain decimals ("1299.00"); null for what is no number with this decimal sign."""
    if decimal == ".":
        plain = pc.fill_null(pc.match_substring_regex(values, _PLAIN), True)
        if pc.all(plain).as_py():
            return values
    texts = pc.replace_substring_regex(values, r"^\((.*)\)$", r"-\1")  # accountants' minus
    fits = pc.match_substring_regex(texts, _GROUPED[decimal])
    group = "," if decimal == "." else r"[. ]"
    bare = pc.replace_substring_regex(texts, group, "")
    if decimal == ",":
        bare = pc.replace_substring(bare, ",", ".")
    if repairs is not None:
        repairs["number_forms"] += pc.sum(pc.and_(fits, pc.not_equal(bare, values))).as_py() or 0
    return pc.if_else(fits, bare, pa.scalar(None, pa.string()))


def numbers(values: pa.Array, *, decimal: str = ".", repairs: Counter[str] | None = None) -> pa.Array:
    return pc.cast(numerals(values, decimal=decimal, repairs=repairs), pa.float64())


def money(
    values: pa.Array, currencies: pa.Array | None, *, currency: str, decimal: str, minor: bool, repairs: Counter[str]
) -> tuple[pa.Array, pa.Array]:
    """Return amounts in minor units (int64; null for what is none) and the currency of each.

    A sign in the text goes before `currency`; `currencies`, a column of its own, before both. More decimals than the currency has make an
    amount unreadable: 1.299 is not rounded to 1.30, it was perhaps 1299.
    """
    signed = pc.fill_null(pc.match_substring_regex(values, _SIGN), False)
    found = pa.nulls(len(values), pa.string())
    if pc.any(signed).as_py():
        signs = pc.struct_field(pc.extract_regex(values, _SIGN), "sign")
        codes = pa.array([_code(sign, currency) for sign in signs.dictionary_encode().dictionary.to_pylist()], pa.string())
        found = codes.take(signs.dictionary_encode().indices)
        values = pc.utf8_trim_whitespace(pc.replace_substring_regex(values, r" ?" + _SIGN.replace("?P<sign>", "") + " ?", ""))
        repairs["currency_signs"] += pc.sum(signed).as_py()
    of = pc.coalesce(*([currencies] if currencies is not None else []), found, pa.scalar(currency))
    texts = numerals(values, decimal=decimal, repairs=repairs)
    return _minor_units(texts, np.zeros(len(values), dtype=np.int64) if minor else _decimals(of)), of


def _code(sign: str | None, currency: str) -> str | None:
    if sign is None:
        return None
    return currency if currency in SHARED.get(sign, ()) else SIGNS.get(sign, sign)


def _decimals(currencies: pa.Array) -> NDArray[Any]:
    encoded = pc.dictionary_encode(currencies)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    of_each = np.array([DECIMALS.get(code, 2) for code in encoded.dictionary.to_pylist()], dtype=np.int64)
    found: NDArray[Any] = of_each[np.asarray(encoded.indices)]
    return found


def _minor_units(texts: pa.Array, decimals: NDArray[Any]) -> pa.Array:
    """Return plain decimals as whole minor units, exactly: no float is between."""
    readable = pc.fill_null(pc.match_substring_regex(texts, _PLAIN), False)
    texts = pc.if_else(readable, texts, pa.scalar(None, pa.string()))
    parts = pc.extract_regex(texts, r"^(?P<minus>-?)(?P<whole>\d+)[.]?(?P<part>\d*)$")
    whole = pc.fill_null(pc.cast(pc.struct_field(parts, "whole"), pa.int64()), 0).to_numpy()
    part = pc.utf8_rpad(pc.struct_field(parts, "part"), 3, padding="0")
    thousandths = whole * 1000 + pc.fill_null(pc.cast(part, pa.int64()), 0).to_numpy()
    negative = pc.fill_null(pc.equal(pc.struct_field(parts, "minus"), "-"), False).to_numpy(zero_copy_only=False)
    unit = 10 ** (3 - decimals)
    exact = np.asarray(readable.to_numpy(zero_copy_only=False)) & (thousandths % unit == 0)
    amounts = np.where(negative, -1, 1) * (thousandths // unit)
    return pa.array(amounts, pa.int64(), mask=~exact)
