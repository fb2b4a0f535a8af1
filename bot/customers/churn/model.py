"""A fitted model of any family with its calibration: from features to log-odds and probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from bot.customers.churn.calibration import Calibration
from bot.customers.churn.table import Array

SUREST = 0.002  # a forest or neighbours that all agree are held to be no surer than that


class CalibratedModel(BaseEstimator):  # type: ignore[misc]
    """The log-odds are the raw scores, calibrated: by a line, or with `bends`, scores from which on the slope is another."""

    bends: Sequence[tuple[float, float]] = ()  # of a model that was stored before there were any

    def __init__(self, pipeline: Pipeline, slope: float = 1.0, intercept: float = 0.0, bends: Sequence[tuple[float, float]] = ()) -> None:
        self.pipeline = pipeline
        self.slope = slope
        self.intercept = intercept
        self.bends = bends

    def log_odds(self, features: pd.DataFrame) -> Array:
        return Calibration(self.slope, self.intercept, self.bends).log_odds(raw_scores(self.pipeline, features))

    def predict(self, features: pd.DataFrame) -> Array:
        """Return the probability of leaving of each row."""
        return sigmoid(self.log_odds(features))


def raw_scores(pipeline: Pipeline, features: pd.DataFrame) -> Array:
    """Return what ranks the rows: log-odds of a classifier, the margin of a support vector machine, the clipped value of a regression."""
    scores: Any
    if hasattr(pipeline, "decision_function"):
        scores = pipeline.decision_function(features)
    elif hasattr(pipeline, "predict_proba"):
        probability = np.clip(pipeline.predict_proba(features)[:, 1], SUREST, 1 - SUREST)
        scores = np.log(probability / (1 - probability))
    else:
        scores = np.clip(pipeline.predict(features), 0, 1)
    return np.asarray(scores, dtype=float)


def sigmoid(log_odds: Array) -> Array:
    probabilities: Array = 1 / (1 + np.exp(-np.clip(log_odds, -700, 700)))
    return probabilities
