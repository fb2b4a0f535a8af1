"""Eight families of models on one table, each with its settings chosen within the training data: nested cross-validation.

The outer folds measure; within each one's training data inner folds choose the family's setting, by AUC, and calibrate it on customers
that it has not learned from. Class weights are natural: balancing them ruins probabilities.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from bot.customers.churn.calibration import HELD_BACK, Calibration, averaged, calibrated, platt
from bot.customers.churn.families import SEED, Family, Setting
from bot.customers.churn.folds import Split, by_customer, split
from bot.customers.churn.model import CalibratedModel, raw_scores
from bot.customers.churn.table import Array, ChurnTable
from bot.customers.evaluation import calibration_error, chance_error, check_enough, measures
from bot.errors import InputError

OUTER_FOLDS = 5
INNER_FOLDS = 3
FEW_ROWS, DEALT_AGAIN = 500, 3  # of fewer rows the calibration is averaged over inner folds dealt so often
TUNED_ON = 10_000  # rows at most; a setting that is better on them is better on more
LEAST_CUSTOMERS = 10  # who left, and who stayed, however many rows they have
LEAST_LEARNED = 2 * INNER_FOLDS  # of each in what a fold learns from
NOISE_AUC = 0.003
SIGNIFICANT = 0.05

Tick = Callable[[int, int], None]


@dataclass(frozen=True)
class Result:
    """What the outer folds say of one family."""

    family: Family
    folds: list[dict[str, float]]  # measures by fold
    predicted: Array  # of every row that was tested, else NaN
    settings: list[str]  # chosen in each fold
    rows: int  # learned from, in the largest fold

    def mean(self, measure: str) -> float:
        return float(np.mean([fold[measure] for fold in self.folds]))

    def sd(self, measure: str) -> float:
        return float(np.std([fold[measure] for fold in self.folds], ddof=1)) if len(self.folds) > 1 else 0.0

    def ece(self, churned: Array) -> float:
        """Return the calibration error of all tested rows together: in a fold's ten bins chance alone would look like an error."""
        tested = ~np.isnan(self.predicted)
        return calibration_error(churned[tested], self.predicted[tested])

    def chance(self, table: ChurnTable) -> float:
        """Return the calibration error of exact probabilities that are as these: what chance alone makes of it on so many customers."""
        tested = ~np.isnan(self.predicted)
        return chance_error(table.churned[tested], self.predicted[tested], table.groups[tested])


@dataclass(frozen=True)
class Comparison:
    results: dict[str, Result]
    chosen: str
    why: str


@dataclass(frozen=True)
class Fitted:
    model: CalibratedModel
    setting: str
    rows: int


def compare(
    table: ChurnTable, families: Sequence[Family], *, seed: int = SEED, splits: Sequence[Split] | None = None, tick: Tick
) -> Comparison:
    """Measure every family on the same folds and choose one; InputError for too few who left or stayed. The same table gives the same."""
    check_enough(table.churned)
    _check_customers(table)
    tried = splits or split(table, OUTER_FOLDS, seed)
    splits = [(learn, test) for learn, test in tried if _fewest(table, learn) >= LEAST_LEARNED and _fewest(table, test)]
    if not splits:
        raise InputError("no stretch of time has enough customers who left and who stayed before it and both in it; leave --time out")
    results = {}
    with threadpool_limits(limits=1):  # one thread sums in one order
        for number, family in enumerate(families):
            before, total = number * len(splits), len(families) * len(splits)
            results[family.name] = _measured(table, family, splits, seed, partial(_tick_on, tick, before, total))
    chosen, why = choose(list(results.values()), splits)
    return Comparison(results, chosen, why)


def fit_family(family: Family, table: ChurnTable, *, seed: int = SEED) -> Fitted:
    """Choose the family's setting by inner folds, calibrate it on them, and fit it on the whole table."""
    table = _sample(table, family.most_rows, seed)
    tuned = _sample(table, TUNED_ON, seed)
    splits = by_customer(tuned, INNER_FOLDS, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a network that is stopped early is one of the settings
        tried = [(setting, _out_of_fold(setting, tuned, splits)) for setting in family.settings]
        best, scores = max(tried, key=lambda one: _mean_auc(tuned.churned, one[1], splits))
        line = _calibration(family, best, scores, tuned, seed)
        pipeline = best.pipeline(table, rows=len(table.churned)).fit(table.features, table.churned)
    return Fitted(CalibratedModel(pipeline, line.slope, line.intercept, line.bends), best.name, len(table.churned))


def choose(results: Sequence[Result], splits: Sequence[Split]) -> tuple[str, str]:
    """Return the simplest family within noise of the best in AUC, and why; `results` are in the order of simplicity."""
    best = max(results, key=lambda result: result.mean("auc"))
    for result in results:
        if result is best:
            if len(results) == 1:
                return best.family.name, "it is the only one that was tried"
            return best.family.name, f"no simpler model is within noise of its AUC of {best.mean('auc'):.4f}"
        behind = best.mean("auc") - result.mean("auc")
        gaps = np.array([one["auc"] - other["auc"] for one, other in zip(best.folds, result.folds, strict=True)])
        chance = corrected_t_test(gaps, [len(learn) for learn, _ in splits], [len(test) for _, test in splits])
        if behind <= NOISE_AUC and chance >= SIGNIFICANT:
            why = f"the simplest within noise of the best: {behind:.4f} AUC behind {best.family.name}'s {best.mean('auc'):.4f}"
            return result.family.name, f"{why} (at most {NOISE_AUC} allowed; corrected t-test p = {chance:.2f})"
    raise AssertionError("the best is one of the results")


def corrected_t_test(gaps: Array, learned: Sequence[int], tested: Sequence[int]) -> float:
    """Return the two-sided p of gaps over folds whose training data overlap (Nadeau and Bengio 2003)."""
    if len(gaps) < 2 or not gaps.any():
        return 1.0
    variance = float(gaps.var(ddof=1)) or 1e-12
    ratio = float(np.mean(np.array(tested) / np.array(learned)))
    t = gaps.mean() / np.sqrt((1 / len(gaps) + ratio) * variance)
    return float(2 * stats.t.sf(abs(t), len(gaps) - 1))


def _measured(table: ChurnTable, family: Family, splits: Sequence[Split], seed: int, tick: Callable[[int], None]) -> Result:
    folds, settings, rows = [], [], 0
    predicted = np.full(len(table.churned), np.nan)
    for number, (learn, test) in enumerate(splits, start=1):
        fitted = fit_family(family, table.rows(learn), seed=seed)
        predicted[test] = fitted.model.predict(table.features.iloc[test])
        folds.append(measures(table.churned[test], predicted[test]))
        settings.append(fitted.setting)
        rows = max(rows, fitted.rows)
        tick(number)
    return Result(family, folds, predicted, settings, rows)


def _calibration(family: Family, best: Setting, scores: Array, tuned: ChurnTable, seed: int) -> Calibration:
    """Return the calibration of the setting; on few rows the mean of several inner folds', since how they are dealt matters there."""
    if len(tuned.churned) < FEW_ROWS:
        again = [_out_of_fold(best, tuned, by_customer(tuned, INNER_FOLDS, seed + number)) for number in range(1, DEALT_AGAIN)]
        return averaged([platt(one, tuned.churned, prior=HELD_BACK) for one in (scores, *again)])
    return platt(scores, tuned.churned) if family.closed_form else calibrated(scores, tuned, seed=seed)


def _out_of_fold(setting: Setting, table: ChurnTable, splits: Sequence[Split]) -> Array:
    scores = np.zeros(len(table.churned))
    for learn, test in splits:
        pipeline = setting.pipeline(table, rows=len(learn)).fit(table.features.iloc[learn], table.churned[learn])
        scores[test] = raw_scores(pipeline, table.features.iloc[test])
    return scores


def _mean_auc(churned: Array, scores: Array, splits: Sequence[Split]) -> float:
    return float(np.mean([roc_auc_score(churned[test], scores[test]) for _, test in splits]))


def _sample(table: ChurnTable, most: int | None, seed: int) -> ChurnTable:
    if most is None or len(table.churned) <= most:
        return table
    chosen = np.random.default_rng(seed).permutation(len(table.churned))[:most]
    return table.rows(np.sort(chosen))


def _fewest(table: ChurnTable, rows: Array) -> int:
    return min(_customers(table, rows))


def _customers(table: ChurnTable, rows: Array) -> tuple[int, int]:
    """Return how many different customers among the rows left at some time, and how many stayed."""
    groups, churned = table.groups[rows], table.churned[rows]
    return len(np.unique(groups[churned == 1])), len(np.unique(groups[churned == 0]))


def _check_customers(table: ChurnTable) -> None:
    left, stayed = _customers(table, np.arange(len(table.churned)))
    if min(left, stayed) < LEAST_CUSTOMERS:
        raise InputError(
            f"the rows are of {left} customers who left and {stayed} who stayed (copies and rows of one id are one customer); "
            f"at least {LEAST_CUSTOMERS} of each are needed; --id names the column of the customers"
        )


def _tick_on(tick: Tick, before: int, total: int, done: int) -> None:
    tick(before + done, total)
