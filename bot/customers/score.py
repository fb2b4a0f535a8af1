"""A linear churn model as numbers: a risk with its reasons, without scikit-learn, in microseconds."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import msgspec

from bot.customers.costs import usual_costs
from bot.customers.profile import ChurnReason, ChurnRisk

REASONS = 3
LEAST_REASON = 0.1  # in log-odds; what changes the odds by less than a tenth is no reason

HIGH = usual_costs().high
MEDIUM = usual_costs().medium

Value = float | str | None


class Term(msgspec.Struct, frozen=True):
    """What one feature adds to the log-odds, against the average customer of the training data.

    Of a number: the line through the points (xs, ys), level beyond the first and the last. Of a category: by level, `other` for a new one.
    """

    feature: str
    xs: list[float] = []
    ys: list[float] = []
    missing: float = 0.0
    levels: dict[str, float] = {}
    other: float = 0.0

    def contribution(self, value: Value) -> float:
        if missing(value):
            return self.missing
        if isinstance(value, str):
            return self.levels.get(value, self.other)
        return self._between(float(value or 0))

    def _between(self, value: float) -> float:
        if value <= self.xs[0]:
            return self.ys[0]
        if value >= self.xs[-1]:
            return self.ys[-1]
        right = bisect_right(self.xs, value)
        share = (value - self.xs[right - 1]) / (self.xs[right] - self.xs[right - 1])
        return self.ys[right - 1] + share * (self.ys[right] - self.ys[right - 1])


class ChurnWeights(msgspec.Struct, frozen=True):
    """A logistic regression in closed form, with the probabilities from which a risk is medium and high."""

    intercept: float
    terms: list[Term]
    medium: float = MEDIUM
    high: float = HIGH

    def level(self, probability: float) -> str:
        return level_of(probability, self.medium, self.high)


def weights_from(stored: Any) -> ChurnWeights:
    """Return the weights as they are stored; those of before the bent lines had a cap, a mean and a coefficient a feature."""
    terms = [_straight(term) if "coefficient" in term else term for term in stored["terms"]]
    return msgspec.convert({**stored, "terms": terms}, ChurnWeights)


def level_of(probability: float, medium: float, high: float) -> str:
    return "high" if probability >= high else "medium" if probability >= medium else "low"


def score(weights: ChurnWeights, features: Mapping[str, Value]) -> ChurnRisk:
    """Return the risk, with the strongest reasons that raise it; a value that is missing (None, NaN, "") is never a reason.

    The contributions of all features and the intercept add up to the log-odds, as SHAP values do against the mean.
    """
    values = {term.feature: features.get(term.feature) for term in weights.terms}
    contributions = {term.feature: term.contribution(values[term.feature]) for term in weights.terms}
    probability = _sigmoid(weights.intercept + sum(contributions.values()))
    return ChurnRisk(probability, weights.level(probability), strongest(values, contributions))


def strongest(values: Mapping[str, Value], contributions: Mapping[str, float]) -> list[ChurnReason]:
    """Return the reasons that raise the risk most. A category is told by the number 1, its name stands in the feature."""
    raising = [(name, amount) for name, amount in contributions.items() if amount >= LEAST_REASON and not missing(values[name])]
    raising.sort(key=lambda one: -one[1])
    return [reason(name, values[name], amount) for name, amount in raising[:REASONS]]


def missing(value: Value) -> bool:
    return value is None or value == "" or (not isinstance(value, str) and math.isnan(value))


def reason(name: str, value: Value, contribution: float) -> ChurnReason:
    """Return one reason; a category is told by the number 1, its name stands in the feature."""
    if isinstance(value, str):
        return ChurnReason(f"{name}={value}", 1.0, contribution)
    return ChurnReason(name, float(value or 0), contribution)


def _straight(term: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line from 0, below which no feature goes, to the cap."""
    slope = term["coefficient"] / term["scale"]

    def at(value: float) -> float:
        return float(slope * (min(value, term["cap"]) - term["mean"]))

    xs = [0.0, term["cap"]] if term["cap"] > 0 else [term["cap"]]
    return {"feature": term["feature"], "xs": xs, "ys": [at(x) for x in xs], "missing": at(term["fill"])}


def _sigmoid(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0
