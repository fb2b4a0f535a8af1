"""The closed form of a fitted linear model: what each feature adds, read off the model itself."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bot.customers.churn.encoding import Curves, Hinges
from bot.customers.churn.model import CalibratedModel
from bot.customers.churn.table import Array
from bot.customers.costs import Costs
from bot.customers.score import ChurnWeights, Term

CURVE_POINTS = 200
OTHER = "\x00"  # a level that no table has


def closed_form(model: CalibratedModel, features: pd.DataFrame, costs: Costs) -> ChurnWeights:
    """Return the model as numbers that give what it predicts, on anything within the range of `features`, what it learned from.

    A linear model's log-odds are a sum over the features: what a feature adds is how they change when it alone changes.
    """
    usual = features.iloc[[0]]
    base = float(model.log_odds(usual)[0])
    terms, intercept = [], base
    for name in features:
        points = _points(model, features, name)
        frame = usual.loc[usual.index.repeat(len(points))].reset_index(drop=True)
        frame[name] = pd.Series(points, dtype=features[name].dtype)
        added = model.log_odds(frame) - base
        term = _term(name, points, added)
        mean = float(contributions_of(term, features[name]).mean())
        terms.append(_shifted(term, mean))
        intercept += mean
    return ChurnWeights(intercept, terms, costs.medium, costs.high)


def score_table(weights: ChurnWeights, table: pd.DataFrame) -> tuple[Array, pd.DataFrame]:
    """Return log-odds and contributions of every row, as `score` gives them of one."""
    contributions = pd.DataFrame({term.feature: contributions_of(term, table[term.feature]) for term in weights.terms}, index=table.index)
    return weights.intercept + contributions.to_numpy().sum(axis=1), contributions


def contributions_of(term: Term, values: pd.Series) -> Array:
    if term.levels:
        added = values.map(term.levels).astype(float).fillna(term.other)
        return np.where(values.isna() | (values == ""), term.missing, added)
    numbers = values.to_numpy(dtype=float)
    return np.where(np.isnan(numbers), term.missing, np.interp(numbers, term.xs, term.ys))


def _points(model: CalibratedModel, features: pd.DataFrame, name: str) -> list[float | str]:
    """Return the values at which the line through the feature may bend, or its levels; then, last, missing."""
    column = features[name]
    if column.dtype == object:
        return [*sorted(level for level in column.unique() if level), OTHER, ""]
    known = column.dropna()
    bends = {float(known.min()), float(known.max())} if len(known) else {0.0}
    encoder = model.pipeline.named_steps["encode"]
    columns = next(columns for part, _, columns in encoder.transformers_ if part == "numbers")
    numbers = encoder.named_transformers_["numbers"]
    if "hinges" in numbers.named_steps:
        hinges: Hinges = numbers.named_steps["hinges"]
        place = list(columns).index(name)
        bends = {*hinges.bounds_[place], *hinges.knots_[place]}
    if "curves" in numbers.named_steps:
        curves: Curves = numbers.named_steps["curves"]
        bends = _along(known, *curves.bounds_[list(columns).index(name)])
    return [*sorted(bends), np.nan]


def _along(known: pd.Series, low: float, high: float) -> set[float]:
    """Return points so near to each other that the line through them is the curve: every value where there are few."""
    held = np.unique(np.clip(known, low, high)) if len(known) else np.array([low])
    steps = low + np.expm1(np.linspace(0, np.log1p(high - low), CURVE_POINTS))  # nearer where a logarithm is steeper
    return {low, high, *map(float, held if len(held) <= CURVE_POINTS else steps)}


def _term(name: str, points: list[float | str], added: Array) -> Term:
    values = [float(one) for one in added]
    if isinstance(points[0], str):
        levels = {str(point): value for point, value in zip(points[:-2], values[:-2], strict=True)}
        return Term(name, levels=levels, other=values[-2], missing=values[-1])
    return Term(name, xs=[float(point) for point in points[:-1]], ys=values[:-1], missing=values[-1])


def _shifted(term: Term, mean: float) -> Term:
    levels = {level: value - mean for level, value in term.levels.items()}
    return Term(term.feature, term.xs, [y - mean for y in term.ys], term.missing - mean, levels, term.other - mean)
