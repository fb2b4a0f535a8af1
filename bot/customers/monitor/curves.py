"""A churn model's curves, in as few numbers as a model card should hold: ROC, calibration, lift."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from sklearn.metrics import roc_curve

BINS = 10
POINTS = 60  # of the ROC curve; more cannot be seen

Array = np.ndarray[Any, Any]


class Bin(msgspec.Struct, frozen=True):
    """Customers of about the same risk: how many, the mean prediction, and the share that left."""

    count: int
    predicted: float
    left: float


class Curves(msgspec.Struct, frozen=True):
    roc: list[list[float]]  # false and true positive rate, from (0, 0) to (1, 1)
    calibration: list[Bin]  # ten bins of equal width, without the empty ones
    lift: list[float]  # by tenths of customers, the highest risk first: how many times the mean share of leavers


def curves_of(left: Array, predicted: Array) -> Curves:
    """Return the curves of predictions (0 to 1) against what happened (0 or 1); of both there must be some."""
    fpr, tpr, _ = roc_curve(left, predicted)
    keep = np.unique(np.linspace(0, len(fpr) - 1, POINTS).round().astype(int))
    return Curves(
        roc=[[round(float(x), 4), round(float(y), 4)] for x, y in zip(fpr[keep], tpr[keep], strict=True)],
        calibration=_calibration(left, predicted),
        lift=_lift(left, predicted),
    )


def _calibration(left: Array, predicted: Array) -> list[Bin]:
    places = np.minimum((predicted * BINS).astype(int), BINS - 1)
    groups = [places == place for place in np.unique(places)]
    return [Bin(int(group.sum()), round(float(predicted[group].mean()), 4), round(float(left[group].mean()), 4)) for group in groups]


def _lift(left: Array, predicted: Array) -> list[float]:
    order = np.argsort(-predicted, kind="stable")
    return [round(float(part.mean() / left.mean()), 3) for part in np.array_split(left[order], BINS) if len(part)]
