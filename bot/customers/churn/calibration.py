"""From scores to log-odds that hold: a line (Platt 1999), or one with bends where customers not learned from show that it needs them.

Both rise everywhere, so that they keep the order of the customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from bot.customers.churn.folds import by_customer
from bot.customers.churn.table import Array, ChurnTable

PARTS = 8  # of a bent line, each with as many rows
LEAST_TO_BEND = 100  # customers who left, and who stayed
STIFFNESS = 1.0  # how strongly each part is drawn to the slope of the straight line; chosen on a dozen tables, as was PARTS
FLATTEST = 0.02  # slope of a part, as a share of the straight line's
FOLDS = 5
FREE, HELD_BACK = 1e4, 1.0  # variance of the slope's prior, in spreads of the scores


@dataclass(frozen=True)
class Calibration:
    """log-odds = intercept + slope * score; from the score of each bend on with its slope instead."""

    slope: float
    intercept: float
    bends: Sequence[tuple[float, float]] = ()

    def log_odds(self, scores: Array) -> Array:
        if not self.bends:
            return self.slope * scores + self.intercept
        knots, slopes = zip(*self.bends, strict=True)
        odds: Array = self.intercept + _parts(scores, np.array(knots)) @ np.array([self.slope, *slopes])
        return odds


def calibrated(scores: Array, table: ChurnTable, *, seed: int) -> Calibration:
    """Return the bent line where it foretells held-out customers better than the straight one by more than a standard error."""
    straight = platt(scores, table.churned)
    customers, place = np.unique(table.groups, return_inverse=True)
    if min(len(np.unique(table.groups[table.churned == flag])) for flag in (0, 1)) < LEAST_TO_BEND:
        return straight
    gains = np.zeros(len(scores))
    for learn, test in by_customer(table, FOLDS, seed):
        line = platt(scores[learn], table.churned[learn])
        bent_line = bent(scores[learn], table.churned[learn], line)
        gains[test] = _losses(line, scores[test], table.churned[test]) - _losses(bent_line, scores[test], table.churned[test])
    by = np.bincount(place, weights=gains)
    needed = by.sum() > by.std(ddof=1) * np.sqrt(len(customers))
    return bent(scores, table.churned, straight) if needed else straight


def platt(scores: Array, churned: Array, *, prior: float = FREE) -> Calibration:
    """Return slope and intercept; a score that is worth nothing gets slope 0 and the base rate."""
    spread = float(scores.std()) or 1.0
    line = LogisticRegression(C=prior).fit((scores / spread).reshape(-1, 1), churned)
    slope = float(line.coef_[0, 0]) / spread
    if slope <= 0:
        rate = churned.mean()
        return Calibration(0.0, float(np.log(rate / (1 - rate))))
    return Calibration(slope, float(line.intercept_[0]))


def bent(scores: Array, churned: Array, straight: Calibration) -> Calibration:
    """Return a line with a slope of its own in each eighth of the rows: logistic regression, each slope drawn to the straight line's."""
    knots = np.unique(np.quantile(scores, np.linspace(0, 1, PARTS + 1)[1:-1]))
    if not straight.slope or scores.min() == scores.max():
        return straight
    middle = _parts(knots[[len(knots) // 2]], knots)
    parts = (_parts(scores, knots) - middle) * straight.slope

    def loss(weights: Array) -> tuple[float, Array]:
        odds = weights[0] + parts @ weights[1:]
        off, strain = expit(odds) - churned, weights[1:] - 1
        value = (np.logaddexp(0, odds) - churned * odds).sum() + STIFFNESS * (strain**2).sum() / 2
        return float(value), np.r_[off.sum(), parts.T @ off + STIFFNESS * strain]

    start = np.ones(1 + parts.shape[1])
    start[0] = straight.intercept + straight.slope * knots[len(knots) // 2]
    bounds = [(None, None)] + [(FLATTEST, None)] * parts.shape[1]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    slopes = found[1:] * straight.slope
    bends = [(float(knot), float(slope)) for knot, slope in zip(knots, slopes[1:], strict=True)]
    return Calibration(float(slopes[0]), float(found[0] - (middle @ slopes)[0]), bends)


def averaged(lines: Sequence[Calibration]) -> Calibration:
    """Return the mean of straight lines."""
    return Calibration(float(np.mean([line.slope for line in lines])), float(np.mean([line.intercept for line in lines])))


def _parts(scores: Array, knots: Array) -> Array:
    """Split each score into how far it comes within each part between knots; their sum is the score."""
    first, last = np.minimum(scores, knots[0]), np.maximum(scores, knots[-1]) - knots[-1]
    between = [np.clip(scores, low, high) - low for low, high in pairwise(knots)]
    return np.column_stack([first, *between, last])


def _losses(line: Calibration, scores: Array, churned: Array) -> Array:
    odds = line.log_odds(scores)
    losses: Array = np.logaddexp(0, odds) - churned * odds
    return losses
