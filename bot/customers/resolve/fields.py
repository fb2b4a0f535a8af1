"""The fields that tell people apart, brought into one spelling; the columns of the frame that `link` takes.

A spelling is for comparing only and is never stored.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec
import pandas as pd

_DATES = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d/%m/%Y", "%d.%m.%Y")


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`columns`: field to the names that columns of it bear; `titles`: what stands before or after a name and is none of it."""

    columns: dict[str, list[str]]
    titles: list[str]


@cache
def words() -> Words:
    return msgspec.yaml.decode((Path(__file__).parent / "fields.yml").read_bytes(), type=Words)


def plain(text: str) -> str:
    """Return the text in compatible characters and small letters, without accents and punctuation, one blank between words."""
    decomposed = unicodedata.normalize("NFKD", text).lower()
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(re.sub(r"[^\w]+|_", " ", letters).split())


def name(text: str) -> str:
    """Return a name without titles, its words in alphabetic order: "Wang, Fang" and "Ms Fang Wang" are the same, and 王芳女士 is 王芳."""
    found = plain(text)
    for title in words().titles:
        found = found.removesuffix(title) if not title.isascii() and len(found) > len(title) else found
    return " ".join(sorted(word for word in found.split() if word not in words().titles))


def birth_date(text: str) -> str:
    """Return eight digits, year first; what is no date in the spellings that we read stays as its digits."""
    for form in _DATES:
        try:
            return f"{datetime.strptime(text.strip(), form):%Y%m%d}"  # noqa: DTZ007 - a day of the calendar has no zone
        except ValueError:
            continue
    return re.sub(r"\D", "", text)


def phone(text: str) -> str:
    """Return the last eleven digits: with or without the country's code, it is the same telephone."""
    return re.sub(r"\D", "", text)[-11:]


def email(text: str) -> str:
    return text.strip().lower()


def compact(text: str) -> str:
    return plain(text).replace(" ", "")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "name": name,
    "given_name": name,
    "surname": name,
    "birth_date": birth_date,
    "phone": phone,
    "email": email,
    "address": plain,
    "city": plain,
    "postcode": compact,
    "number": compact,
}


def spelt(field: str, value: object) -> str | None:
    """Return the value in the field's one spelling; None where nothing is left of it."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return None
    return SPELLINGS[field](str(value)) or None


def fields_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of any source with the columns that we know, under our names and in one spelling; several of one field are joined."""
    known: dict[str, pd.Series] = {}
    normal = {plain(str(column)).replace(" ", "_"): column for column in table.columns}
    for field, names in words().columns.items():
        found = [normal[one] for one in names if one in normal]
        if found:
            joined = table[found].fillna("").astype(str).agg(" ".join, axis=1)
            known[field] = joined.map(lambda value, field=field: spelt(field, value))
    return pd.DataFrame(known, index=table.index)
