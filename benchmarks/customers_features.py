"""One engine's run of the benchmark in a process of its own: `python -m benchmarks.customers_features duckdb FOLDER`; prints JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from benchmarks.customers_data import NOW
from benchmarks.customers_pandas import features
from bot.customers.features import NAMES, can_leave, derive, model_views
from bot.customers.features.engines import DuckEngine, tidy
from bot.customers.models import LiveModel
from bot.customers.score import HIGH, MEDIUM, ChurnWeights, Term

MEMORY = "800MB"  # of DuckDB; the process has some more
SCORED_AT_ONCE = 100_000


def by_duckdb(folder: Path) -> None:
    with DuckEngine.over_parquet(folder, memory_limit=MEMORY, threads=2, spill=folder / "spill") as engine:
        engine.write_joined(model_views(), folder / "duckdb.parquet", observed_at=NOW)


def by_pandas(folder: Path) -> None:
    features(folder, NOW).to_parquet(folder / "pandas.parquet")


def score(folder: Path) -> None:
    """Score everybody with a model of the kind that is live, batch by batch, and write probability, level and reasons."""
    terms = [Term(name, xs=[0.0, 3.0], ys=[-0.4, 0.8]) for name in NAMES]
    model = LiveModel("benchmark", "logistic_regression", {"levels": {"medium": MEDIUM, "high": HIGH}}, ChurnWeights(-2.0, terms))
    scored = 0
    for batch in pq.ParquetFile(folder / "duckdb.parquet").iter_batches(SCORED_AT_ONCE):
        table = prepared(batch.to_pandas())
        scored += len(model.score(table[can_leave(table)]))
    print(f"scored {scored}", file=sys.stderr)


def prepared(table: pd.DataFrame) -> pd.DataFrame:
    """Return the joined columns of the views as `features_of` has them."""
    table = table.set_index("customer_id")
    for view in model_views():
        columns = [column.name for column in view.columns]
        table[columns] = tidy(table[columns].assign(**dict.fromkeys(view.keys, "")), view)[columns]
        counts = [column.name for column in view.columns if column.type == "count"]
        table[counts] = table[counts].fillna(0.0)
    return derive(table, NOW)


def main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2])
    began = time.perf_counter()
    {"duckdb": by_duckdb, "pandas": by_pandas, "score": score}[what](folder)
    seconds = time.perf_counter() - began
    result: dict[str, Any] = {"seconds": round(seconds, 2), "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
