"""A fitted model of any family with its calibration: from features to log-odds and probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from bot.customers.churn.table import Array

SUREST = 0.002  # a forest or neighbours that all agree are held to be no surer than that


class CalibratedModel(BaseEstimator):  # type: ignore[misc]
    """log-odds = slope * raw score + intercept (Platt 1999); slope and intercept come from predictions of customers not learned from."""

    def __init__(self, pipeline: Pipeline, slope: float = 1.0, intercept: float = 0.0) -> None:
        self.pipeline = pipeline
        self.slope = slope
        self.intercept = intercept

    def log_odds(self, features: pd.DataFrame) -> Array:
        odds: Array = self.slope * raw_scores(self.pipeline, features) + self.intercept
        return odds

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


def calibration(scores: Array, churned: Array) -> tuple[float, float]:
    """Return slope and intercept; a score that is worth nothing gets slope 0 and the base rate."""
    spread = float(scores.std()) or 1.0
    platt = LogisticRegression(C=1e4).fit((scores / spread).reshape(-1, 1), churned)
    slope = float(platt.coef_[0, 0]) / spread
    if slope <= 0:
        rate = churned.mean()
        return 0.0, float(np.log(rate / (1 - rate)))
    return slope, float(platt.intercept_[0])


def sigmoid(log_odds: Array) -> Array:
    probabilities: Array = 1 / (1 + np.exp(-np.clip(log_odds, -700, 700)))
    return probabilities
