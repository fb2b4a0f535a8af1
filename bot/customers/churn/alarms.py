"""Signs of a leak: a feature that knows the outcome, copies of customers, resampling before the split. Each names its suspect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from bot.customers.churn.copies import equal_means_copied
from bot.customers.churn.folds import by_customer
from bot.customers.churn.table import Array, ChurnTable, levels

# A single feature that ranks so well knows the outcome; of honest ones on public churn data the best reaches .86.
DECIDES_AUC = 0.93
STANDS_OUT_AUC, STANDS_OUT_BY = 0.85, 0.2  # or is that good, and that far ahead of the next
TELLTALE_PURE, TELLTALE_SHARE = 0.99, 0.1  # being filled in at all means leaving, for so many of the leavers
IMPLAUSIBLE_AUC = 0.98
COPIED_SHARE = 0.05
LATER_SHARE = 0.01
RESAMPLED_COPIES, RESAMPLED_RATIO = 0.2, 4.0  # share of leavers (or stayers) who are copies, and how many times that of the others
LEAST_BALANCED = 500  # rows; with fewer, both classes may be equally large by chance
BETWEEN_SHARE, BETWEEN_AHEAD = 0.2, 0.15  # of the rarer class lie exactly between two others, and ahead of the commoner one
BETWEEN_SAMPLE, BETWEEN_NEIGHBOURS, BETWEEN_ERROR = 300, 40, 1e-4
FEWEST_NUMBERS = 3  # in a plane of two, forty neighbours lie in line by chance
FINE_SHARE = 0.2  # different values of a number among a class
BROKEN_SHARE = 0.05  # of values with more decimals than those of the others
DECIMALS, ROUNDING = (0, 1, 2, 3), 1e-9
FEWEST_WHOLE = 10  # different values of those of fewer decimals; a column that is nought for them tells nothing of how rows were made
CERTAIN = 1e-4
FOLDS = 5


@dataclass(frozen=True)
class Alarm:
    """`name` is what `promote --accept` takes: the kind, and the suspect behind a colon."""

    name: str
    suspect: str
    text: str


def alarms_of(
    table: ChurnTable, *, seen: pd.DataFrame, churned: Array, later: Mapping[str, float], copied: tuple[int, int], auc: float, seed: int
) -> list[Alarm]:
    """Return the alarms of a table; `seen` and `churned` are one row of each customer and every copy.

    `copied`: rows of the table that are copies under another id, and exact copies that were left out of it.
    """
    return [
        *future_features(table, seed=seed),
        *_dated_after(later),
        *_copied(len(table.churned), *copied),
        *resampled(seen, churned),
        *_implausible(table, auc, seed),
    ]


def future_features(table: ChurnTable, *, seed: int) -> list[Alarm]:
    alone = sorted(single_aucs(table, seed=seed).items(), key=lambda item: -item[1])
    alarms = []
    for place, (name, auc) in enumerate(alone):
        following = alone[place + 1][1] if place + 1 < len(alone) else 0.5
        stands_out = place == 0 and auc >= STANDS_OUT_AUC and auc - following >= STANDS_OUT_BY
        if auc >= DECIDES_AUC or stands_out:
            alarms.append(Alarm(f"decides:{name}", name, f"{name} alone tells who left (AUC {auc:.3f}): is it known before they leave?"))
        elif _telltale(table, name):
            alarms.append(
                Alarm(f"decides:{name}", name, f"nearly everybody for whom {name} is filled in left: is it filled in afterwards?")
            )
    return alarms


def single_aucs(table: ChurnTable, *, seed: int) -> dict[str, float]:
    """Return for each feature the AUC of the share of leavers by its level or thirtieth, learned from other customers."""
    splits = by_customer(table, FOLDS, seed)
    return {name: _single_auc(levels(table.features[name]), table.churned, splits) for name in table.features}


def resampled(seen: pd.DataFrame, churned: Array) -> list[Alarm]:
    """Look for what over- and undersampling leave behind: classes of exactly one size, copies or blends in one class only."""
    sizes = {flag: int((churned == flag).sum()) for flag in (0, 1)}
    alarms = []
    if len(churned) >= LEAST_BALANCED and sizes[0] == sizes[1]:
        text = f"exactly {sizes[1]} left and {sizes[0]} stayed: were rows drawn so? Probabilities learned from them are too high"
        alarms.append(Alarm("resampled:balance", "all rows", text))
    copied = {flag: float(seen[churned == flag].duplicated().mean()) for flag in (0, 1)}
    more = 1 if copied[1] >= copied[0] else 0
    ahead = copied[more] >= RESAMPLED_COPIES and copied[more] >= RESAMPLED_RATIO * copied[1 - more]
    if ahead and equal_means_copied(seen[churned == more]):
        text = f"{copied[more]:.0%} of those who {_who(more)} are copies of others, and {copied[1 - more]:.0%} of the others: oversampled?"
        alarms.append(Alarm("resampled:copies", f"customers who {_who(more)}", text))
    blended = {flag: _share_between(seen, churned == flag) for flag in (0, 1)}
    more = 1 if blended[1] >= blended[0] else 0
    broken = _broken_columns(seen, churned)
    if broken:
        text = f"{', '.join(broken)}: one class has fewer decimals than the other: were rows of one class made up, as SMOTE does?"
        alarms.append(Alarm("resampled:fractions", ", ".join(broken), text))
    if blended[more] >= BETWEEN_SHARE and blended[more] - blended[1 - more] >= BETWEEN_AHEAD:
        text = f"{blended[more]:.0%} of those who {_who(more)} lie exactly between two others, {blended[1 - more]:.0%} of the rest: SMOTE?"
        alarms.append(Alarm("resampled:blends", f"customers who {_who(more)}", text))
    return alarms


def _dated_after(later: Mapping[str, float]) -> list[Alarm]:
    return [
        Alarm(f"dated_after:{name}", name, f"{name} lies after the observation in {share:.0%} of the rows")
        for name, share in later.items()
        if share >= LATER_SHARE
    ]


def _copied(rows: int, copies: int, removed: int) -> list[Alarm]:
    if (copies + removed) / (rows + removed) < COPIED_SHARE:
        return []
    text = f"{removed} rows are exact copies and were left out; {copies} more are copies under another id, kept on one side of each split"
    return [Alarm("copied_customers", "rows", text)]


def _implausible(table: ChurnTable, auc: float, seed: int) -> list[Alarm]:
    if auc < IMPLAUSIBLE_AUC:
        return []
    alone = single_aucs(table, seed=seed)
    suspects = sorted(alone, key=lambda name: -alone[name])[:3]
    text = f"AUC {auc:.3f} is better than leaving can usually be foreseen; look at {', '.join(suspects)}"
    return [Alarm("too_good", ", ".join(suspects), text)]


def _telltale(table: ChurnTable, name: str) -> bool:
    """Say whether a column that is mostly empty is filled in for leavers only."""
    column = table.features[name]
    filled = (column != "") if column.dtype == object else column.notna()
    filled = filled.to_numpy()
    if filled.all() or not filled.any():
        return False
    left = table.churned == 1
    pure = table.churned[filled].mean() >= TELLTALE_PURE
    return bool(pure and filled[left].mean() >= TELLTALE_SHARE and filled.sum() >= FOLDS)


def _single_auc(places: Array, churned: Array, splits: Sequence[tuple[Array, Array]]) -> float:
    aucs = []
    for learn, test in splits:
        count = np.bincount(places[learn], minlength=places.max() + 1)
        left = np.bincount(places[learn], weights=churned[learn], minlength=places.max() + 1)
        share = (left + churned[learn].mean()) / (count + 1)
        if 0 < churned[test].mean() < 1:
            aucs.append(roc_auc_score(churned[test], share[places[test]]))
    return float(np.mean(aucs)) if aucs else 0.5


def _broken_columns(seen: pd.DataFrame, churned: Array) -> list[str]:
    """Return the columns of which one class has only whole numbers, or so many decimals, and the other has more, not by chance."""
    numbers = seen.select_dtypes("number")
    return [str(name) for name in numbers if any(_breaks(numbers[name].to_numpy() * 10**places, churned) for places in DECIMALS)]


def _breaks(values: Array, churned: Array) -> bool:
    known = ~np.isnan(values)
    broken = known & (np.abs(values - np.round(values)) > ROUNDING * np.maximum(1, np.abs(values)))
    share = [broken[known & (churned == flag)].mean() if (known & (churned == flag)).any() else 0.0 for flag in (0, 1)]
    whole = int(np.argmin(share))
    others = values[known & (churned == whole)]
    chance = (1 - share[1 - whole]) ** len(others)
    return bool(share[whole] == 0 and share[1 - whole] >= BROKEN_SHARE and chance < CERTAIN and len(np.unique(others)) >= FEWEST_WHOLE)


def _share_between(seen: pd.DataFrame, chosen: Array) -> float:
    """Return the share of a sample of different rows that lie on the line between two of their neighbours of the same class.

    SMOTE puts a row at a random place between a leaver and one of their neighbours (Chawla et al. 2002); others are there by chance.
    """
    numbers = seen.select_dtypes("number")[chosen].drop_duplicates().to_numpy(dtype=float)
    numbers = numbers[~np.isnan(numbers).any(axis=1)]
    fine = [len(np.unique(column)) >= FINE_SHARE * len(numbers) for column in numbers.T]  # whole numbers stand in line anyhow
    numbers = numbers[:, np.array(fine, dtype=bool)]
    if len(numbers) < 2 * BETWEEN_NEIGHBOURS or numbers.shape[1] < FEWEST_NUMBERS:
        return 0.0
    rows = StandardScaler().fit_transform(numbers)
    sample = rows[np.random.default_rng(0).permutation(len(rows))[:BETWEEN_SAMPLE]]
    places = NearestNeighbors(n_neighbors=BETWEEN_NEIGHBOURS + 1).fit(rows).kneighbors(sample, return_distance=False)[:, 1:]
    return float(np.mean([_is_between(row, rows[near]) for row, near in zip(sample, places, strict=True)]))


def _is_between(row: Array, near: Array) -> bool:
    """Say whether some pair of the neighbours lies on opposite sides of the row, exactly in line with it."""
    steps = near - row
    steps = steps[(steps != 0).sum(axis=1) >= FEWEST_NUMBERS]  # along one or two numbers rows stand in line anyhow
    lengths = np.linalg.norm(steps, axis=1)
    if len(steps) < 2:
        return False
    cosines = (steps @ steps.T) / np.outer(lengths, lengths)
    in_line = cosines.min() < -1 + BETWEEN_ERROR**2 * 5
    # Numbers that follow from each other (a single purchase is the mean and the last one too) put every row in line.
    return bool(in_line and np.linalg.matrix_rank(steps, tol=BETWEEN_ERROR) >= FEWEST_NUMBERS)


def _who(flag: int) -> str:
    return "left" if flag else "stayed"
