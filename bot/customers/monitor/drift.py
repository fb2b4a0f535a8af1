"""How far today's customers are from those whom a model learned from, a feature at a time.

A distance, not a test: on many customers every test finds every difference significant.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd

BINS = 10
CATEGORIES = 20  # of a category; the rarer ones count together

# Evidently's default for a Jensen-Shannon distance: from here on a feature has drifted. https://docs.evidentlyai.com (data drift)
DRIFTED = 0.1

MISSING = "missing"
OTHER = "other"

Array = np.ndarray[Any, Any]


class Reference(msgspec.Struct, frozen=True):
    """One feature as a model learned it: shares of customers between `edges` (numbers) or of each of `labels`; the last is missing."""

    shares: list[float]
    edges: list[float] = []
    labels: list[str] = []


def reference_of(table: pd.DataFrame) -> dict[str, Reference]:
    """Return each column's distribution, small enough for a model card."""
    return {str(name): _reference(table[name]) for name in table.columns}


def distances(references: dict[str, Reference], table: pd.DataFrame) -> dict[str, float]:
    """Return the Jensen-Shannon distance (base 2, 0 to 1) of each feature that both have, the farthest first."""
    found = {
        name: jensen_shannon(reference.shares, _shares(reference, table[name])) for name, reference in references.items() if name in table
    }
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def jensen_shannon(one: list[float], other: list[float]) -> float:
    """Return the square root of the Jensen-Shannon divergence (Lin 1991) of two distributions over the same bins."""
    p, q = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    middle = (p + q) / 2
    return float(np.sqrt(max(0.0, (_divergence(p, middle) + _divergence(q, middle)) / 2)))


def _divergence(p: Array, q: Array) -> float:
    there = p > 0
    return float(np.sum(p[there] * np.log2(p[there] / q[there])))


def _reference(column: pd.Series) -> Reference:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.dropna().to_numpy(dtype=float)
        # Many customers share one value (0 orders): equal quantiles fall together, and a value stands between two edges of its own.
        edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])) if len(values) else np.array([])
        reference = Reference(shares=[], edges=[float(edge) for edge in edges])
    else:
        common = column.dropna().astype(str).value_counts().index[:CATEGORIES]
        reference = Reference(shares=[], labels=sorted(common))
    return msgspec.structs.replace(reference, shares=_shares(reference, column))


def _shares(reference: Reference, column: pd.Series) -> list[float]:
    missing = column.isna().to_numpy()
    known = column[~missing]
    if reference.labels:
        places = {label: place for place, label in enumerate(reference.labels)}
        bins = np.array([places.get(str(value), len(places)) for value in known], dtype=int)
        size = len(places) + 1
    else:
        # side="left": a value equal to an edge lies below it, so that the mass on one value is a bin's own.
        bins = np.searchsorted(np.asarray(reference.edges), known.to_numpy(dtype=float), side="left")
        size = len(reference.edges) + 1
    counts = np.append(np.bincount(bins, minlength=size), missing.sum()).astype(float)
    return [float(share) for share in counts / max(counts.sum(), 1.0)]
