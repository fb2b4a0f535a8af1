"""Are equal rows copies, or customers who happen to be alike? What stands beside rare values tells."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from bot.customers.churn.table import Array, levels

DISTINCTIVE = 0.05  # different values of a telling column, as a share of the different rows
FEWEST_DISTINCT = 50  # different values of it
MOST_TELLING = 8  # columns that are looked at, those of the most values
MOST_CHANCE = 0.1  # where alike customers are equal in everything so often, equal rows tell nothing
AHEAD = 0.15  # share of rare values whose rows are all equal, above what chance makes of it
FEWEST_PAIRS = 10
FOLLOWS = 0.95  # share of the pairs of one value that agree in a column, from which the column follows from the value
CERTAIN = 1e-4


def equal_means_copied(rows: pd.DataFrame) -> bool:
    """Say whether rows that are equal are copies.

    Two rows that share a rare value of one column are copies when they are equal in all others too. Customers who bought once are often
    equal by chance, and a column may follow from another; so for each telling column the share of its rare values with equal rows is
    compared with how often rows beside each other in its order are alike, and how often rows that share a value agree.
    """
    if not len(rows):
        return False
    codes = np.column_stack([pd.factorize(rows[name], use_na_sentinel=False)[0] for name in rows])
    first = (~rows.duplicated()).to_numpy()
    different = codes[first]
    bins = np.column_stack([levels(rows[name]) for name in rows])
    values = np.array([len(np.unique(column)) for column in different.T])
    telling = np.flatnonzero(values >= max(FEWEST_DISTINCT, DISTINCTIVE * len(different)))
    most = telling[np.argsort(-values[telling], kind="stable")][:MOST_TELLING]
    return any(_copied_by(rows.iloc[:, column], int(column), codes, first, bins) for column in most)


def _copied_by(texts: pd.Series, column: int, codes: Array, first: Array, bins: Array) -> bool:
    different = codes[first]
    count = np.bincount(codes[:, column])
    kinds = np.bincount(different[:, column], minlength=len(count))  # different rows of each value
    rare = (count >= 2) & (kinds <= 2)
    equal = int((rare & (kinds == 1)).sum())
    if not equal:
        return False
    ranks = codes[:, column] if texts.dtype == object else texts.rank().to_numpy()
    order = np.flatnonzero(first)[np.argsort(ranks[first], kind="stable")]
    others = np.arange(codes.shape[1]) != column
    chance = max(_alike_beside(bins[order][:, others]), _agreeing(different, column, kinds), 1 / len(codes))
    ahead = equal / rare.sum() - chance >= AHEAD
    return bool(chance <= MOST_CHANCE and ahead and stats.binomtest(equal, int(rare.sum()), chance, alternative="greater").pvalue < CERTAIN)


def _alike_beside(bins: Array) -> float:
    """Return how often rows beside each other are alike in all that is given; 1 where there is nothing."""
    return float((bins[1:] == bins[:-1]).all(axis=1).mean()) if len(bins) > 1 else 1.0


def _agreeing(different: Array, column: int, kinds: Array) -> float:
    """Return how often two rows of one value agree in everything by chance, were columns that do not follow from the value independent."""
    pairs = different[kinds[different[:, column]] == 2]
    pairs = pairs[np.argsort(pairs[:, column], kind="stable")]
    if len(pairs) < 2 * FEWEST_PAIRS:
        return 0.0
    agree = (pairs[::2] == pairs[1::2]).mean(axis=0)
    free = [((np.bincount(one) / len(one)) ** 2).sum() for one in different[:, agree < FOLLOWS].T]
    return float(max(agree.prod(), np.prod(free)))
