"""Measures of data as it is read: missing values, distributions of amounts and times; counts only, no value of a person."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bot.customers.ingest.cleaning import Cleaned
from bot.customers.ingest.fields import Type
from bot.customers.ingest.mapping import Source
from bot.customers.ingest.readers import Chunk

# Edges of amounts in whole units of their currency: 1, 2, 5 to each power of ten.
EDGES = np.array([0.0, *(step * 10.0**power for power in range(7) for step in (1, 2, 5))])
MOST_MONTHS = 600


class Measures:
    """Gathers the measures of one source chunk by chunk."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.columns: dict[str, Counter[str]] = {name: Counter() for name in source.columns}
        self.amounts: dict[str, NDArray[Any]] = {}
        self.months: dict[str, Counter[str]] = {}

    def add(self, chunk: Chunk, cleaned: Cleaned) -> None:
        for name, texts in chunk.columns.items():
            column = self.source.columns[name]
            found = cleaned.values[f"trait:{column.name}" if column.meaning == "trait" else column.meaning]
            kind = self.source.field(column).type
            empty = pc.sum(pc.fill_null(pc.equal(texts, ""), True)).as_py() or 0
            self.columns[name].update({"before": len(texts), "empty": empty, "after": len(found), "missing": found.null_count})
            if kind is Type.MONEY:
                self._amounts(name, found)
            elif kind in {Type.TIME}:
                self._months(name, found)
        for bad in cleaned.bad:
            if bad.column:
                self.columns[bad.column]["bad"] += 1

    def _amounts(self, name: str, minor: pa.Array) -> None:
        values = pc.drop_null(minor).to_numpy() / 100
        counts, _ = np.histogram(values, bins=[*EDGES, np.inf])
        self.amounts[name] = self.amounts.get(name, np.zeros(len(EDGES), dtype=np.int64)) + counts

    def _months(self, name: str, moments: pa.Array) -> None:
        months = pc.drop_null(moments).to_numpy().astype("datetime64[M]")
        found, counts = np.unique(months, return_counts=True)
        tally = self.months.setdefault(name, Counter())
        for month, count in zip(found, counts, strict=True):
            if str(month) in tally or len(tally) < MOST_MONTHS:
                tally[str(month)] += int(count)

    def report(self) -> dict[str, Any]:
        """Return all measures as plain JSON, by the columns' names."""
        return {
            "kind": self.source.kind,
            "columns": {
                name: {"is": self.source.columns[name].meaning, "type": self.source.field(self.source.columns[name]).type.value, **counts}
                for name, counts in self.columns.items()
            },
            "amounts": {name: counts.tolist() for name, counts in self.amounts.items()},
            "months": {name: dict(sorted(tally.items())) for name, tally in self.months.items()},
        }
