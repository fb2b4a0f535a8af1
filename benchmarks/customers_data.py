"""Events of very many customers as Parquet, chunk by chunk, so that memory does not grow with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 900
CHUNK = 500_000
EVENTS_A_CUSTOMER = 10
KINDS = {
    "visit": 0.55, "order_placed": 0.15, "item_bought": 0.12, "contact": 0.04, "csat": 0.03, "return_requested": 0.03,
    "membership_started": 0.03, "delivery_late": 0.02, "membership_ended": 0.02, "order_cancelled": 0.01,
}  # fmt: skip
PAGES = ("product", "cart", "help", "home", "membership_cancel")
TIERS = ("silver", "gold", "platinum")
CORRECTED, WITHDRAWN, MERGED, OBJECTING = 0.01, 0.005, 0.005, 0.01  # shares
MICROSECONDS = 1_000_000
DAY = 86400 * MICROSECONDS

Array = np.ndarray[Any, Any]


def customers_of(events: int) -> int:
    return max(1, events // EVENTS_A_CUSTOMER)


def write_data(folder: Path, events: int, *, seed: int = 7) -> None:
    """Write customers.parquet and customer_events/*.parquet: a tenth as many customers as events, some merged, some objecting."""
    rng = np.random.default_rng(seed)
    count = customers_of(events)
    ids = customer_ids(count)
    _write_customers(folder / "customers.parquet", ids, rng)
    parts = folder / "customer_events"
    parts.mkdir()
    for number, start in enumerate(range(0, events, CHUNK)):
        size = min(CHUNK, events - start)
        pq.write_table(_events(ids, size, rng), parts / f"{number:04d}.parquet", compression="zstd")


def customer_ids(count: int) -> pa.Array:
    """Return ids of the length of a UUID's text."""
    return pa.array([f"01900000-0000-7000-8000-{number * 2654435761 % 2**48:012x}" for number in range(count)])


def _write_customers(path: Path, ids: pa.Array, rng: np.random.Generator) -> None:
    count = len(ids)
    merged = rng.random(count) < MERGED
    merged[0] = False  # who keeps the records of all others
    kept = pc.if_else(pa.array(merged), pa.scalar(ids[0].as_py()), pa.scalar(None, pa.string()))
    registered = _now() - rng.integers(0, DAYS, count) * DAY
    table = {
        "id": ids,
        "shop_customer_id": pa.nulls(count, pa.string()),
        "objects_to_profiling": pa.array((rng.random(count) < OBJECTING) & (np.arange(count) > 0)),
        "merged_into": kept,
        "created_at": _times(registered),
    }
    pq.write_table(pa.table(table), path, compression="zstd")


def _events(ids: pa.Array, size: int, rng: np.random.Generator) -> pa.Table:
    count = len(ids)
    who = rng.integers(0, count, size)
    kind = rng.choice(len(KINDS), size, p=list(KINDS.values()))
    names = np.array(list(KINDS))[kind]
    at = _now() - (rng.random(size) * DAYS * DAY).astype(np.int64)
    known = at + np.where(rng.random(size) < CORRECTED, (rng.random(size) * 60 * DAY).astype(np.int64), 0)  # heard of late
    superseded = np.where(rng.random(size) < CORRECTED, known + (rng.random(size) * 200 * DAY).astype(np.int64), 0)
    amounts, money = rng.integers(100, 100_000, size), np.isin(names, ["order_placed", "item_bought", "return_requested"])
    return pa.table({
        "customer_id": ids.take(pa.array(who)),
        "kind": pa.array(names),
        "at": _times(at),
        "created_at": _times(known),
        "superseded_at": pa.array(superseded, mask=superseded == 0).cast(pa.timestamp("us")),
        "withdrawn": pa.array(rng.random(size) < WITHDRAWN),
        "amount_minor": pa.array(amounts, mask=~money),
        "currency": pc.if_else(pa.array(money), pa.scalar("CNY"), pa.scalar(None, pa.string())),
        "value": _values(names, rng),
        "ref": _refs(names, who, rng),
    })  # fmt: skip


def _values(names: Array, rng: np.random.Generator) -> pa.Array:
    size = len(names)
    values = np.full(size, np.nan)
    values = np.where(names == "order_placed", rng.integers(0, 2, size), values)
    values = np.where(names == "item_bought", rng.integers(1, 4, size), values)
    values = np.where(names == "csat", rng.integers(1, 6, size), values)
    values = np.where(names == "contact", rng.uniform(-1, 1, size), values)
    return pa.array(values, mask=np.isnan(values))


def _refs(names: Array, who: Array, rng: np.random.Generator) -> pa.Array:
    """Orders are two a customer, so that what was late or cancelled often is an order that was placed."""
    size = len(names)
    refs = np.char.add(np.char.add(who.astype(str), "-"), rng.integers(0, 2, size).astype(str)).astype(object)
    refs = np.where(names == "visit", np.array(PAGES, dtype=object)[rng.integers(0, len(PAGES), size)], refs)
    member = np.char.startswith(names, "membership")
    return pa.array(np.where(member, np.array(TIERS, dtype=object)[rng.integers(0, len(TIERS), size)], refs), pa.string())


def _times(microseconds: Array) -> pa.Array:
    return pa.array(microseconds).cast(pa.timestamp("us"))


def _now() -> int:
    return int((NOW - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
