"""How fast customer intelligence is: `python -m benchmarks.customers [--events 10000000] [--json]`.

Generates events of a tenth as many customers, then, each in a process of its own: all feature views of the churn model in DuckDB and in
pandas, compared column by column; the scores of everybody; ingestion from CSV with all checks; reads of records by key. `cpu_seconds` tell
of a machine that others use, too.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.customers_data import NOW, customers_of, write_data

INGESTED = 500_000  # rows; more take longer, not faster
MAPPING = """
version: 1
sources:
- name: till
  kind: orders
  files: orders.csv
  columns: {order: order, customer: customer_key, time: at, total: amount}
"""

Result = dict[str, Any]


@click.command()
@click.option("--events", default=10_000_000, show_default=True, help="How many; a tenth as many customers.")
@click.option("--pandas/--no-pandas", "with_pandas", default=True, help="Run pandas, too: 10 million events take it 5 GB of memory.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(events: int, with_pandas: bool, as_json: bool) -> None:
    """Measure features, scores, ingestion and reads."""
    with tempfile.TemporaryDirectory(prefix="yingda-customers-") as folder:
        result = measure(Path(folder), events, with_pandas=with_pandas)
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        Console().print(table_of(result))


def measure(folder: Path, events: int, *, with_pandas: bool) -> Result:
    write_data(folder, events)
    result: Result = {"events": events, "customers": customers_of(events), "cores": os.cpu_count()}
    for engine in ("duckdb", "pandas") if with_pandas else ("duckdb",):
        run = child("benchmarks.customers_features", engine, str(folder))
        result[engine] = {"rows_per_s": round(events / run["seconds"]), **run}
    result["equal"] = equal(folder) if with_pandas else None
    result["score"] = child("benchmarks.customers_features", "score", str(folder))
    result["ingest"] = ingestion(folder, min(events, INGESTED))
    result["reads"] = child("benchmarks.customers_reads", str(folder), str(customers_of(events)))
    return result


def child(module: str, *arguments: str) -> Result:
    """Run a part of the benchmark in a process of its own and return what it prints."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    print(*arguments[:1], done.stdout.splitlines()[-1], file=sys.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def equal(folder: Path) -> bool:
    """Say whether both engines have the same customers and the same values; sums of floats to 9 places."""
    ours, theirs = (pd.read_parquet(folder / f"{name}.parquet") for name in ("duckdb", "pandas"))
    ours = ours.set_index("customer_id").sort_index()
    theirs = theirs.sort_index()
    if set(ours.columns) != set(theirs.columns) or not ours.index.equals(theirs.index):
        return False
    return all(_same(ours[column], theirs[column]) for column in ours.columns)


def _same(ours: pd.Series, theirs: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(ours) or pd.api.types.is_object_dtype(ours):
        return bool(((ours == theirs) | (ours.isna() & theirs.isna())).all())
    filled = (column.astype(float).fillna(-1.0).to_numpy() for column in (ours, theirs))
    return bool(np.allclose(*filled, rtol=0, atol=1e-9))


def ingestion(folder: Path, rows: int) -> Result:
    """Return the rate at which `yingda customers ingest` brings orders of a CSV file into an empty SQLite database."""
    work = folder / "ingest"
    work.mkdir()
    (work / "mapping.yml").write_text(MAPPING, encoding="utf8")
    with (work / "orders.csv").open("w", newline="", encoding="utf8") as file:
        lines = csv.writer(file)
        lines.writerow(["order", "customer", "time", "total"])
        for row in range(rows):
            lines.writerow([f"A{row}", f"C{row % (rows // 10)}", f"{NOW:%Y-%m-%d} {row % 24:02d}:{row % 60:02d}", f"{row % 900}.50"])
    environment = {**os.environ, "YINGDA_DATA_DIR": str(work), "DATABASE_URL": f"sqlite:///{work}/yingda.sqlite3",
                   "YINGDA_DATA_KEY": secrets.token_hex(32)}  # fmt: skip
    yingda = [sys.executable, "-m", "bot.cli"]
    subprocess.run([*yingda, "customers", "runs"], env=environment, capture_output=True, check=False)  # makes the tables
    began = time.perf_counter()
    command = [*yingda, "customers", "ingest", str(work / "mapping.yml"), str(work / "orders.csv"), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:200] if done.stderr.strip() else "no message"}
    counts = json.loads(done.stdout)[0]["counts"]
    return {
        "rows": rows,
        "seconds_with_start": round(seconds, 2),
        "seconds": counts["seconds"],
        "cpu_seconds": counts["cpu_seconds"],
        "rows_per_s": counts["rows_per_s"],
        "rows_per_cpu_s": round(rows / counts["cpu_seconds"]),
        "stored": counts["stored"],
    }


def table_of(result: Result) -> Table:
    title = f"{result['events']:,} events of {result['customers']:,} customers, {result['cores']} cores"
    table = Table("part", "measure", "value", title=title)
    for part in ("duckdb", "pandas", "score", "ingest", "reads"):
        for name, value in result.get(part, {}).items():
            table.add_row(part, name.replace("_", " "), f"{value:,}" if isinstance(value, int | float) else str(value))
        table.add_section()
    table.add_row("duckdb, pandas", "equal", str(result["equal"]))
    return table


if __name__ == "__main__":
    main()
