"""A churn table with a known truth, and its rows as a company's export may look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bot.customers.churn.dataset import Asked
from bot.customers.churn.evaluate import evaluate_file
from bot.customers.churn.families import QUICK

ROWS = 600
Evaluate = Callable[..., dict[str, Any]]


@pytest.fixture
def honest() -> pd.DataFrame:
    """Return customers who leave with a probability that their tenure, charge, plan and calls tell."""
    rng = np.random.default_rng(5)
    tenure, charge, calls = rng.integers(0, 72, ROWS), np.round(rng.gamma(4, 20, ROWS), 2), rng.poisson(1.5, ROWS)
    plan = rng.choice(["Basic", "Plus", "Premium"], ROWS)
    log_odds = -0.6 - 0.05 * tenure + 0.01 * charge + 0.5 * calls - 0.8 * (plan == "Premium")
    left = (rng.random(ROWS) < 1 / (1 + np.exp(-log_odds))).astype(int)
    ids = [f"K{number:05d}" for number in range(ROWS)]
    columns = {"customer_id": ids, "tenure": tenure, "charge": charge, "plan": plan, "calls": calls, "churn": left}
    return pd.DataFrame(columns)


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Write a table, or a text, into a file and evaluate it with the quickest family."""

    def run(table: pd.DataFrame | str, *, encoding: str = "utf8", target: str = "churn", **asked: Any) -> dict[str, Any]:
        text = table if isinstance(table, str) else table.to_csv(index=False)
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode(encoding))
        return evaluate_file(Asked(data=path, target=target, **asked), families=QUICK, progress=lambda what, done, total: None)

    return run
