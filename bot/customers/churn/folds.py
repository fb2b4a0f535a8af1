"""Splits in which no customer, and no copy of one, stands on both sides; by time where the times are known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from sklearn.model_selection import StratifiedKFold

from bot.customers.churn.table import Array, ChurnTable

TESTED_SHARE = 0.5  # of the rows, the latest, are tested on where rows have times
Split = tuple[Array, Array]  # places of the rows to learn from and to test on


def split(table: ChurnTable, folds: int, seed: int) -> list[Split]:
    """Return the folds, with about the same share of leavers in each test."""
    if table.times is None:
        return by_customer(table, folds, seed)
    return by_time(table, folds, seed)


def by_customer(table: ChurnTable, folds: int, seed: int) -> list[Split]:
    """Deal customers to folds, stratified by whether any of their rows left."""
    customers, place = np.unique(table.groups, return_inverse=True)
    left = np.zeros(len(customers), dtype=int)
    np.maximum.at(left, place, table.churned)
    dealt = np.zeros(len(customers), dtype=int)
    for number, (_, test) in enumerate(StratifiedKFold(folds, shuffle=True, random_state=seed).split(customers, left)):
        dealt[test] = number
    fold = dealt[place]
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(folds)]


def by_time(table: ChurnTable, folds: int, seed: int) -> list[Split]:
    """Learn from what was observed before, test on what was observed later.

    Customers who are observed several times are dealt to folds as well: a fold is tested on its customers after the cut and learned from
    the others before it. Else each fold is a further stretch of time, learned from everything before.
    """
    assert table.times is not None
    if len(np.unique(table.groups)) < len(table.groups):
        cut = _cut(table.times)
        before, after = table.times < cut, table.times >= cut
        return [(learn[before[learn]], test[after[test]]) for learn, test in by_customer(table, folds, seed)]
    edges = np.quantile(table.times, np.linspace(1 - TESTED_SHARE, 1, folds + 1))
    edges[-1] = np.inf
    stretches = [(start, end) for start, end in pairwise(edges) if start < end]
    return [(np.flatnonzero(table.times < start), np.flatnonzero((table.times >= start) & (table.times < end))) for start, end in stretches]


def on_latest(table: ChurnTable, folds: int, seed: int) -> list[Split]:
    """Test each fold's customers as they were observed last; learn from everything known of the others."""
    assert table.times is not None
    latest = table.times == table.times.max()
    return [(learn, test[latest[test]]) for learn, test in by_customer(table, folds, seed)]


def _cut(times: Array) -> float:
    """Return the moment from which about the latest half was observed; something must lie before it."""
    moments = np.unique(times)
    cut = np.quantile(times, 1 - TESTED_SHARE)
    return float(max(cut, moments[1]) if len(moments) > 1 else cut)
