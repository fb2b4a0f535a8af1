"""How good predictions are: numbers from arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BINS = 15
KEPT = 0.9  # share of messages in scope that `recall_at_90` keeps


def macro_f1(wanted: Sequence[str], predicted: Sequence[str]) -> float:
    """Return the mean F1 of the intents that are wanted somewhere."""
    return float(f1_score(wanted, predicted, labels=sorted(set(wanted)), average="macro", zero_division=0))


def calibration_error(confidences: Floats, right: Bools) -> float:
    """Return the expected calibration error with 15 bins of equal width (Naeini et al. 2015): mean distance of confidence and accuracy."""
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    gaps = [abs(confidences[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean() for one in np.unique(bins)]
    return float(sum(gaps))


def foreign_auroc(ours: Floats, foreign: Floats) -> float:
    """Return the probability that a message of ours is more familiar than a foreign one."""
    labels = np.concatenate([np.ones(len(ours)), np.zeros(len(foreign))])
    return float(roc_auc_score(labels, np.concatenate([ours, foreign])))


def foreign_recall(ours: Floats, foreign: Floats, *, kept: float = KEPT) -> float:
    """Return the share of the foreign below the threshold above which lie `kept` of ours."""
    return float((foreign < np.quantile(ours, 1 - kept)).mean())


def percentile(values: Sequence[float], share: float) -> float:
    return float(np.percentile(values, share)) if len(values) else 0.0
