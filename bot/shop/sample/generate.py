"""Sample data: the demo company with its customers over two years, the same for the same seed and moment."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import InputError
from bot.ids import utcnow
from bot.shop.sample.catalogue import load_range
from bot.shop.sample.churn import HORIZON, Truth
from bot.shop.sample.customers import make_customer
from bot.shop.sample.living import World, dice
from bot.shop.sample.people import People
from bot.shop.sample.rows import Row, make_rows
from bot.shop.sample.scripted import demo_customers

Progress = Callable[[str, int, int], None]  # what is being done ("generate" or "load"), how much is done, of how much

TRUTH_FILE = "churn_truth.csv"
MOST_CUSTOMERS = 100_000


@dataclass(frozen=True)
class SampleData:
    """Rows by table, ready to be encrypted and inserted, and the truth about who leaves (not of the four scripted customers)."""

    now: datetime
    observed_at: datetime
    rows: dict[str, list[Row]]
    truth: list[Truth]


def generate(customers: int = 2000, seed: int = 7, *, now: datetime | None = None, progress: Progress | None = None) -> SampleData:
    """Invent the company's last two years up to `now`. Customers have numbers from C000001; the first four are the demo page's."""
    if not 4 <= customers <= MOST_CUSTOMERS:
        raise InputError(f"{customers} customers; allowed are 4 to {MOST_CUSTOMERS}")
    world = World(load_range(), People(), now or utcnow())
    histories = demo_customers(world, seed)
    truths: list[Truth] = []
    for number in range(len(histories) + 1, customers + 1):
        history, truth = make_customer(world, dice(seed, number), number)
        histories.append(history)
        truths += [truth] if truth else []
        if progress and (number % 50 == 0 or number == customers):
            progress("generate", number, customers)
    rows = make_rows(world, histories, dice(seed, "rows"))
    return SampleData(world.now, world.now - HORIZON, rows, truths)


def write_truth(data: SampleData, folder: Path) -> Path:
    """Write the truth as CSV into the folder, away from the data that a model may learn from."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / TRUTH_FILE
    with path.open("w", newline="", encoding="utf8") as file:
        writer = csv.writer(file)
        writer.writerow(["customer_id", "probability", "churned", "observed_at"])
        for truth in data.truth:
            writer.writerow([truth.customer_id, f"{truth.probability:.6f}", int(truth.churned), truth.observed_at.isoformat()])
    return path
