"""How good is a churn model? Measures under repeated stratified cross-validation; everything that is learned is learned in the fold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import Pipeline

from bot.customers.features import NAMES
from bot.errors import InputError

FOLDS = 5
REPEATS = 4
SEED = 7
LEAST_OF_EACH = 4 * FOLDS  # leavers and stayers; with fewer a fold tells nothing
CALIBRATION_BINS = 10

Array = np.ndarray[Any, Any]


def cross_validate(
    model: Pipeline,
    table: pd.DataFrame,
    churned: pd.Series,
    *,
    seed: int = SEED,
    truth: pd.Series | None = None,
    tick: Callable[[int, int], None],
) -> dict[str, Any]:
    """Return each measure as {mean, sd} over the folds; ECE over whole repetitions, as ten bins of a fold hold too few customers.

    `truth`, the generator's own probabilities by customer, is measured on the same folds; nothing learns from it.
    """
    y = churned.to_numpy()
    check_enough(y)
    scores: list[dict[str, float]] = []
    repeats = np.zeros((REPEATS, len(y)))
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=seed)
    known = None if truth is None else truth.reindex(table.index).to_numpy(dtype=float)
    for number, (learn, test) in enumerate(folds.split(table, y)):
        fitted = clone(model).fit(table.iloc[learn][list(NAMES)], y[learn])
        predicted = fitted.predict_proba(table.iloc[test][list(NAMES)])[:, 1]
        repeats[number // FOLDS, test] = predicted
        scores.append(measures(y[test], predicted) | ({} if known is None else compared(y[test], predicted, known[test])))
        tick(number + 1, FOLDS * REPEATS)
    result = {name: _spread([fold[name] for fold in scores]) for name in scores[0]}
    result["ece"] = _spread([calibration_error(y, predicted) for predicted in repeats])
    return result


def check_enough(y: Array) -> None:
    left, stayed = int(y.sum()), int(len(y) - y.sum())
    if min(left, stayed) < LEAST_OF_EACH:
        raise InputError(f"{left} customers left and {stayed} stayed; to learn from them at least {LEAST_OF_EACH} of each are needed")


def measures(y: Array, predicted: Array) -> dict[str, float]:
    return {
        "auc": float(roc_auc_score(y, predicted)),
        "log_loss": float(log_loss(y, predicted)),
        "brier": float(brier_score_loss(y, predicted)),
        "lift10": lift(y, predicted),
        "base_rate": float(y.mean()),
    }


def compared(y: Array, predicted: Array, truth: Array) -> dict[str, float]:
    """Return AUC of the true probability and of the model among the customers of whom it is known."""
    known = ~np.isnan(truth)
    return {"truth_auc": float(roc_auc_score(y[known], truth[known])), "known_auc": float(roc_auc_score(y[known], predicted[known]))}


def lift(y: Array, predicted: Array, share: float = 0.1) -> float:
    """Return how many times more often than all the customers of the highest risk leave."""
    top = np.argsort(-predicted, kind="stable")[: max(1, round(len(y) * share))]
    return float(y[top].mean() / y.mean())


def calibration_error(y: Array, predicted: Array) -> float:
    """Return the expected calibration error: |share that left - mean prediction| over bins of equal width, weighted by size."""
    bins = np.minimum((predicted * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [abs(y[bins == one].mean() - predicted[bins == one].mean()) * (bins == one).mean() for one in np.unique(bins)]
    return float(sum(gaps))


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1))}
