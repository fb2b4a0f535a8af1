"""Reads of customers' records by key, as actions and desk make them: `python -m benchmarks.customers_reads FOLDER COUNT`; prints JSON."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from benchmarks.customers_data import NOW
from benchmarks.measure import percentile
from bot.customers.event_store import sqlite_time
from bot.customers.profile import ChurnReason, ChurnRisk, Profile, read_profile
from bot.database import Database, sync_engine
from bot.database.migrate import migrate

READS = 20_000
WARM_UP = 500
BATCH = 10_000
MERGED_EVERY = 200  # one record in so many was merged into the one before it


def fill(url: str, count: int) -> None:
    """Insert so many customers with their records into an empty SQLite database."""
    migrate(url)
    engine = sync_engine(url)
    numbers = iter(range(count))
    while batch := list(islice(numbers, BATCH)):
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO customers (id, language, objects_to_profiling, merged_into, created_at) VALUES (?, 'zh', 0, ?, ?)",
                [(key(number), key(number - 1) if number % MERGED_EVERY == 1 else None, sqlite_time(NOW)) for number in batch],
            )
            connection.exec_driver_sql(
                "INSERT INTO customer_profiles (customer_id, record, expected_loss_minor, updated_at) VALUES (?, ?, ?, ?)",
                list(_records(batch)),
            )
    engine.dispose()


def key(number: int) -> str:
    return f"01900000-0000-7000-8000-{number:012x}"


def _records(batch: list[int]) -> Iterator[tuple[str, str, int, str]]:
    reasons = [ChurnReason(name, 3.0, 0.5) for name in ("days_since_order", "troubled_180d", "visits_drop")]
    for number in batch:
        churn = ChurnRisk(0.31, "high", reasons)
        record = Profile(
            key(number),
            "at_risk",
            churn,
            7,
            123400,
            "CNY",
            NOW,
            "gold",
            1,
            3,
            3.5,
            ["A-001", "B-002", "C-003"],
            45600,
            14136,
            "m",
            updated_at=NOW,
        )
        yield key(number), msgspec.json.encode(record).decode(), record.expected_loss_minor, sqlite_time(NOW)


async def read(url: str, count: int) -> tuple[list[float], list[float]]:
    """Return of each read of a random record the time and the processor time, in ms."""
    database, rng, times, cpu_times = Database(url), random.Random(1), [], []
    for number in range(WARM_UP + READS):
        asked = key(rng.randrange(count))
        began, cpu = time.perf_counter(), time.process_time()
        record = await read_profile(database, asked)
        if number >= WARM_UP:
            cpu_times.append((time.process_time() - cpu) * 1000)
            times.append((time.perf_counter() - began) * 1000)
        assert record is not None
    await database.close()
    return times, cpu_times


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    url = f"sqlite:///{folder}/records.sqlite3"
    began = time.perf_counter()
    fill(url, count)
    filled_s = time.perf_counter() - began
    times, cpu_times = asyncio.run(read(url, count))
    result = {
        "records": count,
        "p50_ms": round(percentile(times, 0.5), 3),
        "p99_ms": round(percentile(times, 0.99), 3),
        "cpu_p50_ms": round(percentile(cpu_times, 0.5), 3),
        "cpu_p99_ms": round(percentile(cpu_times, 0.99), 3),
        "fill_seconds": round(filled_s, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
