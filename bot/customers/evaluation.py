"""How good is a churn model? Measures of probabilities against what happened."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from bot.errors import InputError

LEAST_OF_EACH = 20  # leavers and stayers; with fewer a fold tells nothing
CALIBRATION_BINS = 10

Array = np.ndarray[Any, Any]


def check_enough(y: Array) -> None:
    left, stayed = int(y.sum()), int(len(y) - y.sum())
    if min(left, stayed) < LEAST_OF_EACH:
        raise InputError(f"{left} customers left and {stayed} stayed; to learn from them at least {LEAST_OF_EACH} of each are needed")


def measures(y: Array, predicted: Array) -> dict[str, float]:
    return {
        "auc": float(roc_auc_score(y, predicted)),
        "log_loss": float(log_loss(y, predicted)),
        "brier": float(brier_score_loss(y, predicted)),
        "ece": calibration_error(y, predicted),
        "lift10": lift(y, predicted),
        "accuracy": float(((predicted >= 0.5) == y).mean()),
        "majority_accuracy": float(max(y.mean(), 1 - y.mean())),
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


def chance_error(y: Array, predicted: Array, customers: Array, draws: int = 200) -> float:
    """Return the mean calibration error where each customer leaves with exactly the predicted probability; fixed seed.

    Rows of one customer leave together where each customer has only one outcome, as where rows are copies; else each for itself.
    """
    rng = np.random.default_rng(0)
    bins = np.minimum((predicted * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    _, first, place = np.unique(customers, return_index=True, return_inverse=True)
    place = place if (y == y[first][place]).all() else np.arange(len(y))
    errors = []
    for _ in range(draws):
        left = rng.random(place.max() + 1)[place] < predicted
        errors.append(np.abs(np.bincount(bins, weights=left - predicted)).sum() / len(y))
    return float(np.mean(errors))
