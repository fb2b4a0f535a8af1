"""The benchmark of customer intelligence in small: the SQL of the views gives what pandas gives, on data with every awkward case."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.customers import equal
from benchmarks.customers_data import write_data
from benchmarks.customers_features import by_duckdb, by_pandas, score
from benchmarks.customers_reads import fill, read


@pytest.mark.slow
def test_duckdb_and_pandas_agree_on_every_feature(tmp_path: Path) -> None:
    write_data(tmp_path, 30_000)

    by_duckdb(tmp_path)
    by_pandas(tmp_path)
    score(tmp_path)

    assert equal(tmp_path)


@pytest.mark.slow
async def test_records_are_read_also_of_who_was_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.customers_reads.READS", 50)
    fill(f"sqlite:///{tmp_path}/records.sqlite3", 400)

    times, cpu_times = await read(f"sqlite:///{tmp_path}/records.sqlite3", 400)

    assert len(times) == len(cpu_times) == 50
