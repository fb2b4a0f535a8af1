"""`yingda customers evaluate`: how well can leaving be foreseen from any table, by which family of models, and can that be believed?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from bot.customers.churn.alarms import alarms_of
from bot.customers.churn.comparison import INNER_FOLDS, OUTER_FOLDS, Comparison, Result, compare
from bot.customers.churn.dataset import Asked, read_dataset
from bot.customers.churn.families import FAMILIES, SEED, Family
from bot.customers.churn.table import ChurnTable

MEASURES = ("auc", "log_loss", "brier", "lift10", "accuracy", "majority_accuracy", "base_rate")
Progress = Callable[[str, int, int], None]


def evaluate_file(asked: Asked, *, families: Sequence[Family] = FAMILIES, progress: Progress) -> dict[str, Any]:
    """Return what `--json` prints: the chosen model's measures on top, all under `models`, and how the table was read.

    `auc` and the like are means over the outer folds, `auc_sd` their standard deviation; `ece` is of all tested rows together, `ece_folds`
    the mean over folds, which is larger on little data because ten bins of few customers differ by chance. `ece_chance` is what chance
    alone makes of `ece`: the mean that probabilities like these show when they are exactly true.
    """
    began = time.monotonic()
    progress("read", 0, 1)
    data = read_dataset(asked)
    progress("read", 1, 1)
    comparison = compare(data.table, families, tick=lambda done, total: progress("compare", done, total))
    best = comparison.results[comparison.chosen]
    alarms = alarms_of(
        data.table, seen=data.seen, churned=data.churned, later=data.later, copied=data.copied, auc=best.mean("auc"), seed=SEED
    )
    models = {name: described(result, data.table) for name, result in comparison.results.items()}
    return {
        **measured(best, data.table),
        "chosen": comparison.chosen,
        "why": comparison.why,
        "models": models,
        "seconds": round(time.monotonic() - began, 1),
        "rows": len(data.table.churned),
        "left": int(data.table.churned.sum()),
        "rows_read": data.rows_read,
        "dropped": data.dropped,
        "types": data.types,
        "alarms": [{"name": alarm.name, "suspect": alarm.suspect, "text": alarm.text} for alarm in alarms],
        "validation": validation(data.table),
        "notes": [*data.notes, *sampled(comparison, data.table)],
    }


def measured(result: Result, table: ChurnTable) -> dict[str, float]:
    """Return each measure and its standard deviation over the outer folds, six places."""
    values = {name: result.mean(name) for name in MEASURES} | {f"{name}_sd": result.sd(name) for name in MEASURES}
    values |= {
        "ece": result.ece(table.churned),
        "ece_chance": result.chance(table),
        "ece_folds": result.mean("ece"),
        "ece_sd": result.sd("ece"),
    }
    return {name: round(value, 6) for name, value in values.items()}


def described(result: Result, table: ChurnTable) -> dict[str, Any]:
    return measured(result, table) | {"settings": result.settings, "learned_from": result.rows}


def validation(table: ChurnTable) -> dict[str, Any]:
    by = "time" if table.times is not None else "customer"
    return {
        "outer_folds": OUTER_FOLDS,
        "inner_folds": INNER_FOLDS,
        "split_by": by,
        "seed": SEED,
        "ece": "all tested rows together, 10 bins",
    }


def sampled(comparison: Comparison, table: ChurnTable) -> list[str]:
    """Say which families learned from a sample only."""
    most = max(result.rows for result in comparison.results.values())
    few = {name: result.rows for name, result in comparison.results.items() if result.rows < most}
    return [f"{name} learned from a sample of {rows} of {most} rows, to keep the time short" for name, rows in few.items()]
