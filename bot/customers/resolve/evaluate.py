"""How well the linking finds the same people in a plain table of which the truth is known."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from bot.customers.resolve.fields import fields_of
from bot.customers.resolve.link import Tick, link
from bot.customers.resolve.run import THRESHOLD
from bot.errors import InputError

# febrl writes the truth into its record number: rec-123-org and rec-123-dup-0 are one person.
_FEBRL = re.compile(r"rec-(\d+)-(?:org|dup)")


def evaluate(path: Path, *, truth: str, threshold: float = THRESHOLD, tick: Tick = lambda done, total: None) -> dict[str, Any]:
    """Return precision, recall and F1 over pairs, the seconds it took, and how many pairs were found and are true.

    `truth` is the column whose value two rows of one person share; it is not looked at by the linking.
    Raises InputError for a file that is no table or has no such column.
    """
    table = read_table(path)
    if truth not in table:
        raise InputError(f"{path} has no column {truth!r}; its columns are {', '.join(table.columns)}")
    person = table[truth].map(_person)
    began = time.perf_counter()
    pairs = link(fields_of(table.drop(columns=[truth])), threshold=threshold, tick=tick)
    seconds = time.perf_counter() - began
    found = {frozenset(pair) for pair in pairs[["left", "right"]].itertuples(index=False, name=None)}
    true = set(_true_pairs(person))
    right = len(found & true)
    precision, recall = right / max(1, len(found)), right / max(1, len(true))
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    sizes = {"rows": len(table), "pairs_found": len(found), "pairs_true": len(true)}
    return {"precision": precision, "recall": recall, "f1": f1, "threshold": threshold, "seconds": seconds, **sizes}


def read_table(path: Path) -> pd.DataFrame:
    """Return the CSV's rows as text; blanks around values and names of columns go."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV in UTF-8: {error}") from error
    if not rows:
        raise InputError(f"{path} has no rows")
    table = pd.DataFrame(rows, dtype=object)
    table.columns = [str(column).strip() for column in table.columns]
    return table.apply(lambda column: column.map(lambda value: value.strip() or None if isinstance(value, str) else None))


def _person(value: object) -> str | None:
    found = _FEBRL.match(value) if isinstance(value, str) else None
    return found.group(1) if found else value if isinstance(value, str) else None


def _true_pairs(person: pd.Series) -> Iterator[frozenset[int]]:
    for _value, rows in person.groupby(person):
        yield from (frozenset(pair) for pair in combinations(rows.index, 2))
