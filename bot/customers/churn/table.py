"""A table to learn from: features with their kinds, who left, and who must not stand on both sides of a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]

BINS = 30  # of a number, where its levels are needed
MANY_LEVELS = 15  # a category with more of them is encoded by how often its members leave, not by a column a level


@dataclass(frozen=True)
class ChurnTable:
    """Rows of customers. `features` holds floats for numbers (NaN: missing) and strings for categories ("": missing).

    `groups`: equal numbers are the same customer, or a copy; `times`: when each row was observed, in any ascending number.
    """

    features: pd.DataFrame
    churned: Array  # 0 or 1
    groups: Array
    times: Array | None = None

    @property
    def numbers(self) -> list[str]:
        return [name for name in self.features if pd.api.types.is_numeric_dtype(self.features[name])]

    @property
    def few_levels(self) -> list[str]:
        return [name for name in self._categories if self.features[name].nunique() <= MANY_LEVELS]

    @property
    def many_levels(self) -> list[str]:
        return [name for name in self._categories if self.features[name].nunique() > MANY_LEVELS]

    @property
    def _categories(self) -> list[str]:
        return [name for name in self.features if not pd.api.types.is_numeric_dtype(self.features[name])]

    def rows(self, chosen: Array) -> ChurnTable:
        times = None if self.times is None else self.times[chosen]
        return ChurnTable(self.features.iloc[chosen], self.churned[chosen], self.groups[chosen], times)


def levels(column: pd.Series) -> Array:
    """Return the level of each row as a number: of a category, or of about thirty bins of a number; missing is one of its own."""
    if column.dtype != object:
        edges = np.unique(np.nanquantile(column, np.linspace(0, 1, BINS + 1)[1:-1])) if column.notna().any() else np.zeros(1)
        column = pd.Series(np.where(column.isna(), -1, np.searchsorted(edges, column, side="right")))
    places: Array = pd.factorize(column)[0]
    return places
