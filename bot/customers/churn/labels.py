"""Who left, from a column of labels as they are found: Yes, yes, 1, True, Churned, 流失 …"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bot.customers.churn.reading import named
from bot.errors import InputError

MOST_UNKNOWN = 0.05  # share of labels of unknown meaning that may be dropped; with more the column says something else
LEFT = frozenset({"1", "yes", "y", "true", "t", "left", "是", "有", "真", "已"})
STAYED = frozenset({"0", "-1", "no", "n", "false", "f", "否", "无", "没有", "假", "不", "未"})
CODES = {"1", "2"}  # found both ways round
LEFT_STEM = re.compile(r"churn|attrit|exit|leav|left|lost|cancel|terminat|lapse|inactive|closed|流失|离网|离开|退订|注销|取消|销户")
STAYED_STEM = re.compile(r"stay|retain|exist|active|remain|loyal|current|renew|kept|留存|在网|正常|续|活跃|存续")
NEGATION = re.compile(r"^(not?|non|un|never|didn't|did not)\b|^(non|un)[- _]?(?=churn)|^[未没不非无]")
MISSING = frozenset(
    {
        "",
        "na",
        "n/a",
        "#n/a",
        "nan",
        "null",
        "none",
        "nil",
        "-",
        "--",
        "---",
        "?",
        "\\n",
        "missing",
        "nat",
        "<na>",
        "inf",
        "-inf",
        "infinity",
        "空",
        "缺失",
        "无数据",
        "unknown",
        "未知",
        "不详",
    }
)


@dataclass(frozen=True)
class Labels:
    """1 who left, 0 who stayed, NaN where that is not known; and in words what was taken for what."""

    values: pd.Series
    positive: list[str]
    missing: int
    unknown: int
    note: str = ""


def read_labels(column: pd.Series, positive: str | None) -> Labels:
    """Return the labels; InputError names the values where they are not two, or all the same."""
    plain = column.map({text: _plain(text) for text in column.unique()})
    counts = plain[~plain.isin(MISSING)].value_counts()
    if not len(counts):
        raise InputError(f"no row has a value in the column {column.name!r}; it must say who left and who stayed")
    note = ""
    if positive is not None:
        meaning = _by_positive(list(counts.index), positive)
    else:
        meaning = dict.fromkeys(counts.index) if set(counts.index) == CODES else {value: _meaning(value) for value in counts.index}
        if len(counts) == 2 and None in meaning.values():
            meaning, note = _by_rarity(counts, meaning)
    values = plain.map(meaning).astype(float)
    known, unknown = int(values.notna().sum()), int(counts[[meaning[value] is None for value in counts.index]].sum())
    if unknown > MOST_UNKNOWN * (known + unknown) or not known:
        raise InputError(
            f"the column {column.name!r} holds {len(counts)} values: {_shown(counts)}; "
            "say with --positive VALUE which one means that a customer left"
        )
    if values.nunique() < 2:
        raise InputError(
            f"everybody {'left' if values.max() else 'stayed'} by the column {column.name!r}: {_shown(counts)}; there must be both"
        )
    missing = int(plain.isin(MISSING).sum())
    left = sorted({text for text, flag in zip(column, values, strict=True) if flag == 1})
    return Labels(values, left, missing, unknown, note)


def _plain(text: str) -> str:
    plain = text.casefold().strip(" .。!;,'\"")
    return re.sub(r"^(-?\d+)\.0+$", r"\1", plain)


def _meaning(value: str) -> float | None:
    if value in LEFT | STAYED:
        return float(value in LEFT)
    negated = bool(NEGATION.search(value))
    rest = NEGATION.sub("", value)
    if LEFT_STEM.search(rest):
        return float(not negated)
    return float(negated) if STAYED_STEM.search(rest) else None


def _by_positive(values: list[str], positive: str) -> dict[str, float | None]:
    """Everything but the named value stayed; what plainly means the same as it is it too, where there are only two meanings."""
    wanted = named(_plain(positive), values, "value")
    meant = _meaning(wanted)
    both = meant is not None and {_meaning(value) for value in values} == {0.0, 1.0}
    return {value: float(value == wanted or (both and _meaning(value) == meant)) for value in values}


def _by_rarity(counts: pd.Series, meaning: dict[str, float | None]) -> tuple[dict[str, float | None], str]:
    """Where one of two values is known the other is its opposite; where none is, leaving is taken to be the rarer."""
    known = {value: flag for value, flag in meaning.items() if flag is not None}
    if known:
        value, flag = next(iter(known.items()))
        return {one: flag if one == value else 1 - flag for one in meaning}, ""
    rarer = counts.index[int(np.argmin(counts.to_numpy()))]
    return {
        one: float(one == rarer) for one in meaning
    }, f"{rarer!r}, the rarer of two values, was taken to mean that a customer left (--positive says otherwise)"


def _shown(counts: pd.Series) -> str:
    shown = [f"{value} ({count})" for value, count in counts.head(8).items()]
    return ", ".join(shown) + (" …" if len(counts) > 8 else "")
