"""What a column of a churn table is, by what stands in it: number, date, category; id, text, constant or empty, which tell nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from bot.customers.churn.labels import MISSING
from bot.customers.churn.numbers import COMPACT, as_dates, as_numbers


class Kind(StrEnum):
    NUMBER = "number"
    CATEGORY = "category"
    DATE = "date"
    ID = "id"
    TEXT = "text"
    CONSTANT = "constant"
    EMPTY = "empty"
    DROP = "drop"  # because a person said so


FEATURES = frozenset({Kind.NUMBER, Kind.CATEGORY, Kind.DATE})
SURE = 0.95  # share of the values that must be of a kind; the rest becomes missing, and is said
MOSTLY, MOST_WORDS, FEWEST_READ = 0.6, 5, 30  # share of numbers (or dates), different words beside them, different numbers
UNIQUE = 0.95  # share of different values among a column's, from which it names rows rather than tells of them
TEXT_WORDS = 4  # words a value on average, from which different values are prose
CHARACTERS_A_WORD = 3  # where nothing parts words
FEWEST_TEXTS = 50  # different values
LEAST_IDS, LEAST_IDS_SHARE = (
    100,
    0.2,
)  # different values, and their share, of a column that is called an id and names customers more than once
MOST_LEVELS = 0.5  # share of different values, above which a category has too few members a level to learn from
ID_NAME = re.compile(
    r"(^|[_\s-])(id|uuid|guid|no|nr|key|row ?number|index|msisdn|phone|e-?mail)$|^(unnamed: 0|column 1)$|(账号|编号|序号|手机号|电话)$",
    re.IGNORECASE,
)
ID_CAMEL = re.compile(r"[a-z](ID|Id|No|Number|Key)$")
CUSTOMER_NAME = re.compile(
    r"^((customer|cust|client|user|member|subscriber|account|acct|person)[_\s-]*(id|uuid|no|nr|number|key|code)?|id|msisdn)$"
    r"|^(客户|用户|会员|账户|顾客)(id|编号|号|号码|账号)?$",
    re.IGNORECASE,
)
SNAPSHOT_NAME = re.compile(
    r"^(snapshot|observation|observed|as_?of|reporting|report|reference)[ _-]?(date|month|at|time|period|day)?$"
    r"|^(观察|统计|快照)(日期|日|月份|月|时间)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Column:
    """A column in its kind: floats for a number, UTC times for a date, strings for a category ("" where missing)."""

    kind: Kind
    values: pd.Series
    unread: int = 0  # values that are not of the kind, and count as missing


def read_column(texts: pd.Series, kind: Kind) -> Column:
    """Return the column read as that kind."""
    missing = texts.str.casefold().isin(MISSING)
    if kind not in {Kind.NUMBER, Kind.DATE}:
        return Column(kind, _category(texts))
    values = as_numbers(texts) if kind is Kind.NUMBER else as_dates(texts)
    return Column(kind, values, int(values[~missing].isna().sum()))


def kind_of(texts: pd.Series) -> Kind:
    """Return the kind that the column looks like; rows should be there once, since an id that is there twice looks like a category."""
    known = texts[~texts.str.casefold().isin(MISSING)]
    if known.empty:
        return Kind.EMPTY
    if texts.nunique() == 1:
        return Kind.CONSTANT
    numbers = as_numbers(known)
    numeric = _are(known, numbers)
    if (not numeric or known.str.match(COMPACT).mean() >= SURE) and _are(known, as_dates(known)):
        return Kind.DATE
    if numeric:
        return Kind.ID if _names_rows(texts, numbers) else Kind.NUMBER
    return _kind_of_texts(str(texts.name), known)


def _are(known: pd.Series, read: pd.Series) -> bool:
    """Say whether the texts are what they were read as: nearly all, or many different ones beside a few words ("later")."""
    words = known[read.isna()].nunique()
    mostly = read.notna().mean() >= MOSTLY and words <= MOST_WORDS and read.nunique() >= FEWEST_READ
    return bool(read.notna().mean() >= SURE or mostly)


def _names_rows(texts: pd.Series, numbers: pd.Series) -> bool:
    """Numbers name rows when they are whole, all different and either called so or counted up."""
    whole = numbers.dropna()
    if (whole % 1 != 0).any() or whole.nunique() < UNIQUE * len(whole):
        return bool((whole % 1 == 0).all() and _names_customers(str(texts.name), whole))
    return _is_id_name(str(texts.name)) or bool((whole.diff().dropna() == 1).mean() > SURE)


def _kind_of_texts(name: str, known: pd.Series) -> Kind:
    different = known.nunique() / len(known)
    if _names_customers(name, known):
        return Kind.ID
    if different <= MOST_LEVELS or known.nunique() <= FEWEST_TEXTS:
        return Kind.CATEGORY
    sample = known.drop_duplicates().iloc[:500]
    words = sample.str.split().str.len().mean() if sample.str.contains(" ").any() else sample.str.len().mean() / CHARACTERS_A_WORD
    return Kind.TEXT if words >= TEXT_WORDS else Kind.ID


def _names_customers(name: str, known: pd.Series) -> bool:
    """Say whether the column names customers, who may have several rows; one that is called by the customer may have many."""
    least = 0.0 if CUSTOMER_NAME.match(name) else LEAST_IDS_SHARE if _is_id_name(name) else 1.0
    return bool(known.nunique() > max(LEAST_IDS, least * len(known)))


def _is_id_name(name: str) -> bool:
    return bool(ID_NAME.search(name) or ID_CAMEL.search(name))


def _category(texts: pd.Series) -> pd.Series:
    """Write a level that is found in several cases in its most frequent one, and missing as an empty text."""
    counts = texts.value_counts()
    forms: dict[str, str] = {}
    for text in counts.index:
        forms.setdefault(text.casefold(), text)
    return texts.map({text: "" if text.casefold() in MISSING else forms[text.casefold()] for text in counts.index})
