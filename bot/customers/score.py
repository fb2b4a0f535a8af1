"""The churn model as numbers: a risk with its reasons, without scikit-learn, in microseconds."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from bot.customers.profile import ChurnReason, ChurnRisk

REASONS = 3
LEAST_REASON = 0.1  # in log-odds; what changes the odds by less than a tenth is no reason

# A risk is worth an action when what the action costs is won back on average: p > cost / (saved * value). A retention offer costs about a
# tenth of what a customer brings in a year and keeps one leaver in four; a careful conversation costs half of that. Assumptions: a company
# that measures its own (the hold-out group) puts them here.
OFFER_COST = 0.10
CARE_COST = 0.05
SAVED_SHARE = 0.25
HIGH = OFFER_COST / SAVED_SHARE
MEDIUM = CARE_COST / SAVED_SHARE


class Term(msgspec.Struct, frozen=True):
    """One feature: missing becomes `fill`, more than `cap` becomes `cap`; then coefficient * (value - mean) / scale."""

    feature: str
    fill: float
    cap: float
    mean: float
    scale: float
    coefficient: float

    def contribution(self, value: float | None) -> float:
        """Return the share of the log-odds against the average customer of the training data."""
        return self.coefficient * (min(self.fill if _missing(value) else float(value or 0), self.cap) - self.mean) / self.scale


class ChurnWeights(msgspec.Struct, frozen=True):
    """A logistic regression in closed form, with the probabilities from which a risk is medium and high."""

    intercept: float
    terms: list[Term]
    medium: float = MEDIUM
    high: float = HIGH

    def level(self, probability: float) -> str:
        return "high" if probability >= self.high else "medium" if probability >= self.medium else "low"


def score(weights: ChurnWeights, features: Mapping[str, float | None]) -> ChurnRisk:
    """Return the risk, with the strongest reasons that raise it; a value that is missing (None, NaN) is never a reason.

    The contributions of all features and the intercept add up to the log-odds, as SHAP values do against the mean.
    """
    values = {term.feature: features.get(term.feature) for term in weights.terms}
    contributions = {term.feature: term.contribution(values[term.feature]) for term in weights.terms}
    probability = _sigmoid(weights.intercept + sum(contributions.values()))
    raising = [
        ChurnReason(name, float(value), contributions[name])
        for name, value in values.items()
        if value is not None and not _missing(value) and contributions[name] >= LEAST_REASON
    ]
    raising.sort(key=lambda reason: -reason.contribution)
    return ChurnRisk(probability, weights.level(probability), raising[:REASONS])


def _missing(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _sigmoid(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0
