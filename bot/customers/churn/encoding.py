"""From features to the numbers that a family of models learns from; everything that is learned here is learned in the fold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, QuantileTransformer, StandardScaler, TargetEncoder
from sklearn.utils.validation import check_is_fitted

from bot.customers.churn.table import ChurnTable

Array = np.ndarray[Any, Any]

KNOTS = (0.1, 0.25, 0.5, 0.75, 0.9)  # quantiles at which the slope of a number's effect may change
TAILS = (0.01, 0.99)  # quantiles beyond which a number tells no more
RAREST_LEVEL = 10  # rows; rarer levels of a category are one
QUANTILES = 200


class Hinges(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """Turns each column x into x and max(0, x - knot), so that a linear model learns a bent line; missing is a column of its own.

    Output: per input column [x, hinges …, missing if there was any], x filled by the median and held between the tails.
    """

    def __init__(self, knots: tuple[float, ...] = KNOTS, tails: tuple[float, float] = TAILS) -> None:
        self.knots = knots
        self.tails = tails

    def fit(self, X: Any, y: object = None) -> Self:
        values = np.asarray(X, dtype=float)
        self.n_features_in_ = values.shape[1]
        self.fills_, self.bounds_, self.knots_, self.gaps_ = [], [], [], []
        for column in values.T:
            known = column[~np.isnan(column)]
            known = known if len(known) else np.zeros(1)
            low, high = np.quantile(known, self.tails)
            if low == high:
                low, high = known.min(), known.max()
            knots = np.unique(np.quantile(known, self.knots))
            self.fills_.append(float(np.median(known)))
            self.bounds_.append((float(low), float(high)))
            self.knots_.append([float(knot) for knot in knots if low < knot < high])
            self.gaps_.append(bool(len(known) < len(column)))
        return self

    def transform(self, X: Any) -> Array:
        check_is_fitted(self)
        values = np.asarray(X, dtype=float)
        parts = []
        learned = zip(values.T, self.fills_, self.bounds_, self.knots_, self.gaps_, strict=True)
        for column, fill, (low, high), knots, gaps in learned:
            held = np.clip(np.where(np.isnan(column), fill, column), low, high)
            parts += [held, *(np.maximum(0, held - knot) for knot in knots)]
            parts += [np.isnan(column).astype(float)] if gaps else []
        return np.column_stack(parts) if parts else np.zeros((len(values), 0))


class Curves(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """Turns each column x into x and log(1 + x), from its least value up to a cap: what is frequent or long ago tells less and less.

    The cap is a quantile, at least `rare` above the least value: the first three of a rare event each tell something.
    """

    def __init__(self, cap: float = 0.9, rare: float = 3.0) -> None:
        self.cap = cap
        self.rare = rare

    def fit(self, X: Any, y: object = None) -> Self:
        values = np.asarray(X, dtype=float)
        self.n_features_in_ = values.shape[1]
        self.fills_, self.bounds_, self.gaps_ = [], [], []
        for column in values.T:
            known = column[~np.isnan(column)]
            known = known if len(known) else np.zeros(1)
            low, high = float(known.min()), float(known.max())
            self.bounds_.append((low, max(float(np.quantile(known, self.cap)), min(high, low + self.rare))))
            self.fills_.append(float(np.median(known)))
            self.gaps_.append(bool(len(known) < len(column)))
        return self

    def transform(self, X: Any) -> Array:
        check_is_fitted(self)
        values = np.asarray(X, dtype=float)
        parts = []
        for column, fill, (low, high), gaps in zip(values.T, self.fills_, self.bounds_, self.gaps_, strict=True):
            above = np.clip(np.where(np.isnan(column), fill, column), low, high) - low
            parts += [above, np.log1p(above), *([np.isnan(column).astype(float)] if gaps else [])]
        return np.column_stack(parts) if parts else np.zeros((len(values), 0))


def plain(table: ChurnTable) -> ColumnTransformer:
    """Numbers as they are, standardised."""
    return _encoder(table, make_pipeline(SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()))


def bent(table: ChurnTable) -> ColumnTransformer:
    """Numbers with hinges, for a linear model of effects that are not lines."""
    return _encoder(table, Pipeline([("hinges", Hinges()), ("scale", StandardScaler())]))


def curved(table: ChurnTable) -> ColumnTransformer:
    """Numbers with their logarithm, capped."""
    return _encoder(table, Pipeline([("curves", Curves()), ("scale", StandardScaler())]))


def ranked(table: ChurnTable) -> ColumnTransformer:
    """Numbers by their rank, spread as a normal distribution: for distances, which a long tail would rule."""
    ranks = QuantileTransformer(n_quantiles=QUANTILES, output_distribution="normal", subsample=20_000, random_state=0)
    return _encoder(table, make_pipeline(SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), Bounded(ranks)))


def for_trees(table: ChurnTable) -> ColumnTransformer:
    """Numbers untouched, missing ones too; a number for each level of a category."""
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=RAREST_LEVEL)
    return ColumnTransformer(
        [("numbers", "passthrough", table.numbers), ("few", ordinal, table.few_levels), ("many", _by_leaving(), table.many_levels)],
        verbose_feature_names_out=False,
    )


Encoding = Callable[[ChurnTable], ColumnTransformer]


class Bounded(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """Ranks with their ends at ±3 instead of the ±5.2 at which the normal distribution is cut, so that no extreme rules a distance."""

    def __init__(self, ranks: QuantileTransformer) -> None:
        self.ranks = ranks

    def fit(self, X: Any, y: object = None) -> Self:
        self.ranks_ = QuantileTransformer(**(self.ranks.get_params() | {"n_quantiles": min(self.ranks.n_quantiles, len(X))})).fit(X)
        return self

    def transform(self, X: Any) -> Array:
        bounded: Array = np.clip(self.ranks_.transform(X), -3, 3)
        return bounded


def _encoder(table: ChurnTable, numbers: Pipeline) -> ColumnTransformer:
    levels = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RAREST_LEVEL, sparse_output=False)
    by_leaving = make_pipeline(_by_leaving(), StandardScaler())
    return ColumnTransformer(
        [("numbers", numbers, table.numbers), ("few", levels, table.few_levels), ("many", by_leaving, table.many_levels)],
        verbose_feature_names_out=False,
    )


def _by_leaving() -> TargetEncoder:
    """Encode a level by the share of its customers who left, learned across folds within the training data so that it tells no label."""
    return TargetEncoder(target_type="binary", random_state=0)
