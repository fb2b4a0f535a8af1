"""Numbers and dates from texts as people and programs write them: 1,234.50 €, 1.234,5, 12 %, (35), ￥1.2万, 2026年1月5日."""

from __future__ import annotations

import re
from datetime import datetime

import numpy as np
import pandas as pd

from bot.customers.churn.labels import MISSING

_CURRENCY = re.compile(r"[$€£¥￥₹₽₩元円圆]|\b(?:usd|eur|gbp|cny|rmb|jpy|inr|hkd|twd|chf|aud|cad)\b", re.IGNORECASE)
_NUMBER = re.compile(r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$", re.IGNORECASE)
_GROUPED = re.compile(r"^[+-]?\d{1,3}(?:[,'  ]\d{3})+(?:\.\d+)?$")
_GROUPED_BY_DOTS = re.compile(r"^[+-]?\d{1,3}(?:\.\d{3})+,\d+$")
_MYRIAD = 10_000.0  # 万

_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y")
_NAMED_DAYS = ("%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d-%b-%y", "%B %d, %Y", "%d %B %Y", "%Y年%m月%d日")
_MONTHS = ("%Y-%m", "%Y/%m", "%Y年%m月", "%b-%Y", "%b %Y")
_CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M %p", "%I:%M:%S %p")
_ISO = (
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S.%f%z",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S%z",
)
DATE_FORMATS = (*_DAYS, *_NAMED_DAYS, *_MONTHS, *_ISO, *(f"{day} {clock}" for day in _DAYS for clock in _CLOCKS))
COMPACT = re.compile(r"^(19|20)\d{2}(0[1-9]|1[0-2])([0-3]\d)?$")  # 20260105 or 202601
_LARGEST = 1e30  # trees reckon in 32 bits, which end at 3e38
_DIGITS = 0.9  # share of values of a column of dates in which there are some


def as_numbers(texts: pd.Series) -> pd.Series:
    """Return the numbers, NaN for what is missing or is none; a comma is a decimal one or not for the whole column."""
    distinct = [text for text in texts.unique() if text.casefold() not in MISSING]
    bare = {text: _bare(text) for text in distinct}
    decimal_comma = _has_decimal_comma([form for form in bare.values() if "," in form])
    parsed = {text: _number(form, decimal_comma=decimal_comma) for text, form in bare.items()}
    return texts.map(parsed).astype(float)


def as_dates(texts: pd.Series) -> pd.Series:
    """Return the dates in UTC by the one or two formats that fit most, NaT for the rest; month before day where both fit equally."""
    distinct = pd.Series([text for text in texts.unique() if text.casefold() not in MISSING], dtype=object)
    parsed = pd.Series(pd.NaT, index=distinct.index, dtype="datetime64[ns, UTC]")
    if not len(distinct) or distinct.str.contains(r"\d").mean() < _DIGITS:
        return pd.Series(pd.NaT, index=texts.index, dtype="datetime64[ns, UTC]")
    formats = _compact(distinct) if distinct.str.match(COMPACT).mean() > _DIGITS else DATE_FORMATS
    probe = distinct.iloc[:: max(1, len(distinct) // 300)]
    fits = {form: _by_format(probe, form).notna().sum() for form in formats}
    for form in sorted((form for form in formats if fits[form]), key=lambda form: -fits[form])[:3]:
        parsed = parsed.fillna(_by_format(distinct[parsed.isna()], form))
    return pd.to_datetime(texts.map(dict(zip(distinct, parsed, strict=True))), utc=True)


def _compact(texts: pd.Series) -> tuple[str, ...]:
    return ("%Y%m%d",) if texts.str.len().median() == 8 else ("%Y%m",)


def _by_format(texts: pd.Series, form: str) -> pd.Series:
    dates = pd.to_datetime(texts, format=form, errors="coerce", utc=True)
    plausible = (dates.dt.year >= 1900) & (dates.dt.year <= datetime.now().year + 50)  # noqa: DTZ005 a bound of fifty years knows no zone
    return dates.where(plausible)


def _bare(text: str) -> str:
    form = _CURRENCY.sub("", text).replace("−", "-").replace("%", "").replace("％", "").strip()
    if form.startswith("(") and form.endswith(")"):
        form = "-" + form[1:-1].strip()
    return re.sub(r"^([+-])\s+", r"\1", form)


def _has_decimal_comma(forms: list[str]) -> bool:
    """A comma that is not before exactly three digits, or stands after dots, is a decimal one."""
    if any(_GROUPED_BY_DOTS.match(form) for form in forms):
        return True
    if any("." in form for form in forms):
        return False
    return any(re.match(r"^[+-]?\d+,\d+$", form) and not re.match(r"^[+-]?[1-9]\d{0,2},\d{3}$", form) for form in forms)


def _number(form: str, *, decimal_comma: bool) -> float:
    factor = 1.0
    if form.endswith("万"):
        form, factor = form[:-1].strip(), _MYRIAD
    if decimal_comma:
        form = form.replace(".", "").replace(" ", "").replace(",", ".") if "," in form else form
    elif _GROUPED.match(form):
        form = re.sub(r"[,'  ]", "", form)
    number = float(form) * factor if _NUMBER.match(form) else np.nan
    return number if abs(number) <= _LARGEST else np.nan
