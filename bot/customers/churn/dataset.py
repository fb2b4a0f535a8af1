"""From any churn table in a file to a table to learn from, with a statement of what was taken for what and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from bot.customers.churn.columns import CUSTOMER_NAME, FEATURES, SNAPSHOT_NAME, Column, Kind, kind_of, read_column
from bot.customers.churn.copies import equal_means_copied
from bot.customers.churn.labels import MISSING, read_labels
from bot.customers.churn.reading import named, read_table
from bot.customers.churn.table import Array, ChurnTable
from bot.errors import InputError

DAY_S = 86_400
EXACT_COPY = "exact copy of another row"
FEWEST_SNAPSHOTS = 3


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person says of the file."""

    data: Path
    target: str
    id: str | None = None
    time: str | None = None
    positive: str | None = None
    types: Mapping[str, Kind] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """The table, and in words and numbers how it came about."""

    table: ChurnTable
    seen: pd.DataFrame  # features of one row of each customer, and of every exact copy, for the alarms
    churned: Array  # beside them
    types: dict[str, str]
    dropped: dict[str, int]
    notes: list[str]
    rows_read: int
    copies: int  # rows of the table that equal another but for the id
    later: dict[str, float]  # by date: share of the rows in which it lies after the observation

    @property
    def copied(self) -> tuple[int, int]:
        """Return the copies under another id, and the exact ones, which were left out."""
        return self.copies, self.dropped.get(EXACT_COPY, 0)


def read_dataset(asked: Asked) -> Dataset:
    """Read, name, clean; InputError names what is missing or cannot be meant."""
    raw = read_table(asked.data, asked.target)
    cells, dropped = raw.cells, dict(raw.dropped)
    target = named(asked.target, cells.columns)
    labels = read_labels(cells[target], asked.positive)
    dropped |= {why: count for why, count in (("no target", labels.missing), ("target of unknown meaning", labels.unknown)) if count}
    known = labels.values.notna()
    cells, churned = cells[known].reset_index(drop=True), labels.values[known].astype(int).reset_index(drop=True)
    columns = _columns(cells.drop(columns=target), asked)
    notes = [f"read as {raw.form}", f"left: {', '.join(labels.positive)}", *([labels.note] if labels.note else []), *_unread(columns)]
    time = _time(columns, asked)
    features, dates = _features({name: column for name, column in columns.items() if column.kind in FEATURES and name != time}, cells.index)
    types = {name: "target" if name == target else "time" if name == time else str(columns[name].kind) for name in cells.columns}
    if not len(features.columns):
        raise InputError(
            f"no column of {asked.data.name} can be a feature: {', '.join(f'{name} is {kind}' for name, kind in types.items())}"
        )
    ids = _ids(cells, columns, asked)
    once = ~ids.duplicated() | _missing(ids) if ids is not None else pd.Series(data=True, index=cells.index)
    copied = equal_means_copied(features[once])
    again = _exact_copies(features, churned, cells, columns, copied=copied)
    first, seen = ~again, once | again
    dropped |= {EXACT_COPY: int(again.sum())} if again.any() else {}
    groups, copies = _groups(features[first], ids, churned, by_content=copied)
    times = _order(columns[time])[first] if time else None
    table = ChurnTable(features[first].reset_index(drop=True), churned[first].to_numpy(), groups, times)
    later = _later(dates[first], columns[time].values[first]) if time and columns[time].kind is Kind.DATE else {}
    return Dataset(table, features[seen], churned[seen].to_numpy(), types, dropped, notes, len(raw.cells), copies, later)


def _columns(cells: pd.DataFrame, asked: Asked) -> dict[str, Column]:
    """Return every column in its kind; kinds are seen on rows that are there once, but for what a person says."""
    told = {named(name, cells.columns): kind for name, kind in asked.types.items()}
    told |= {named(asked.id, cells.columns): Kind.ID} if asked.id else {}
    once = cells.drop_duplicates()
    return {name: read_column(cells[name], told.get(name) or kind_of(once[name])) for name in cells.columns}


def _unread(columns: Mapping[str, Column]) -> list[str]:
    unread = ((name, column) for name, column in columns.items() if column.unread)
    return [f"{name}: {column.unread} values are no {column.kind} and count as missing" for name, column in unread]


def _time(columns: Mapping[str, Column], asked: Asked) -> str | None:
    """Return the column that says when a row was observed: the named one, or a date that is called so and holds several days."""
    if asked.time:
        name = named(asked.time, columns)
        if columns[name].kind not in {Kind.DATE, Kind.NUMBER}:
            raise InputError(f"the column {name!r} holds no times (it was read as {columns[name].kind}); name another by --time")
        return name
    certain = (name for name, column in columns.items() if column.kind is Kind.DATE and SNAPSHOT_NAME.match(name))
    return next((name for name in certain if columns[name].values.nunique() >= FEWEST_SNAPSHOTS), None)


def _order(column: Column) -> Array:
    """Return the times as numbers that ascend; a missing one is the oldest."""
    values = _days(column.values) if column.kind is Kind.DATE else column.values
    order: Array = values.fillna(values.min()).to_numpy(dtype=float)
    return order


def _days(dates: pd.Series) -> pd.Series:
    return (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds() / DAY_S


def _ids(cells: pd.DataFrame, columns: Mapping[str, Column], asked: Asked) -> pd.Series | None:
    """Return the customers' ids: the named column, or the first that looks like one and names some customer twice.

    Where a column is called by the customer, others that look like ids (dates in words, streets) name something else.
    """
    names = [named(asked.id, columns)] if asked.id else [name for name, column in columns.items() if column.kind is Kind.ID]
    called = [name for name in names if CUSTOMER_NAME.match(name) and name.casefold() != "id"]
    repeated = next((name for name in called or names if cells[name].nunique() < len(cells)), None)
    return cells[repeated] if repeated else None


def _features(columns: Mapping[str, Column], index: pd.Index) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the features, dates as days before the newest of their column; and the dates themselves."""
    dates = {name: column.values for name, column in columns.items() if column.kind is Kind.DATE}
    features = {name: column.values for name, column in columns.items()}
    features |= {name: _days(values).max() - _days(values) for name, values in dates.items()}
    return pd.DataFrame(features, index=index), pd.DataFrame(dates, index=index)


def _exact_copies(
    features: pd.DataFrame, churned: pd.Series, cells: pd.DataFrame, columns: Mapping[str, Column], *, copied: bool
) -> pd.Series:
    """Say of each row whether one before it is equal in all columns; where none names rows, equal ones must be known to be copies."""
    if not copied and not any(column.kind in {Kind.ID, Kind.TEXT} for column in columns.values()):
        return pd.Series(data=False, index=features.index)
    others = [name for name in columns if name not in features]
    return pd.concat([features, churned, cells[others]], axis=1).duplicated()


def _missing(ids: pd.Series) -> pd.Series:
    return ids.str.casefold().isin(MISSING)


def _groups(features: pd.DataFrame, ids: pd.Series | None, churned: pd.Series, *, by_content: bool) -> tuple[Array, int]:
    """Return who belongs together: rows of one id, and copies of one content; and how many rows are copies under another id."""
    content = pd.factorize(pd.util.hash_pandas_object(features, index=False))[0] if by_content else np.arange(len(features))
    known = None if ids is None else ids[features.index].where(~_missing(ids[features.index]))
    person = np.arange(len(features)) if known is None else pd.factorize(known)[0]
    person = np.where(person < 0, person.max() + 1 + np.arange(len(person)), person)
    rows = pd.DataFrame({"content": content, "churned": churned[features.index].to_numpy(), "person": person})
    copies = int(rows.duplicated(["content", "churned"]).sum() - rows.duplicated().sum())
    size = content.max() + person.max() + 2
    edges = coo_matrix((np.ones(len(features)), (content, person + content.max() + 1)), shape=(size, size))
    components: Array = connected_components(edges, directed=False)[1][content]
    return components, copies


def _later(dates: pd.DataFrame, observed: pd.Series) -> dict[str, float]:
    """Return for each date the share of rows in which it lies after the observation."""
    return {name: float((dates[name] > observed).mean()) for name in dates}
