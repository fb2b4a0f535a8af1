"""Signs of a leak: a feature that knows the outcome, copies of customers, resampling before the split. Each names its suspect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from bot.customers.churn.folds import by_customer
from bot.customers.churn.table import Array, ChurnTable

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
BETWEEN_SAMPLE, BETWEEN_NEIGHBOURS, BETWEEN_ERROR = 300, 40, 1e-3
FEWEST_NUMBERS = 3  # in a plane of two, forty neighbours lie in line by chance
BROKEN_SHARE = 0.05  # of values with a fraction, in a column that is whole for the others
FOLDS = 5
BINS = 30


@dataclass(frozen=True)
class Alarm:
    """`name` is what `promote --accept` takes: the kind, and the suspect behind a colon."""

    name: str
    suspect: str
    text: str


def alarms_of(
    table: ChurnTable, *, seen: pd.DataFrame, churned: Array, later: Mapping[str, float], copies: int, auc: float, seed: int
) -> list[Alarm]:
    """Return the alarms of a table; `seen` and `churned` are its rows before copies were left out."""
    return [
        *future_features(table, seed=seed),
        *_dated_after(later),
        *_copied(len(table.churned), copies, len(churned) - len(table.churned)),
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
    return {name: _single_auc(_levels(table.features[name]), table.churned, splits) for name in table.features}


def resampled(seen: pd.DataFrame, churned: Array) -> list[Alarm]:
    """Look for what over- and undersampling leave behind: classes of exactly one size, copies or blends in one class only."""
    sizes = {flag: int((churned == flag).sum()) for flag in (0, 1)}
    alarms = []
    if len(churned) >= LEAST_BALANCED and sizes[0] == sizes[1]:
        text = f"exactly {sizes[1]} left and {sizes[0]} stayed: were rows drawn so? Probabilities learned from them are too high"
        alarms.append(Alarm("resampled:balance", "all rows", text))
    copied = {flag: float(seen[churned == flag].duplicated().mean()) for flag in (0, 1)}
    more = 1 if copied[1] >= copied[0] else 0
    if copied[more] >= RESAMPLED_COPIES and copied[more] >= RESAMPLED_RATIO * copied[1 - more]:
        text = f"{copied[more]:.0%} of those who {_who(more)} are copies of others, and {copied[1 - more]:.0%} of the others: oversampled?"
        alarms.append(Alarm("resampled:copies", f"customers who {_who(more)}", text))
    blended = {flag: _share_between(seen, churned == flag) for flag in (0, 1)}
    more = 1 if blended[1] >= blended[0] else 0
    broken = _broken_columns(seen, churned)
    if broken:
        text = f"{', '.join(broken)} are whole numbers for one class and not for the other: were rows of one class made up, as SMOTE does?"
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


def _levels(column: pd.Series) -> Array:
    """Return the level of each row as a number: of a category, or of about thirty bins of a number; missing is one of its own."""
    if column.dtype != object:
        edges = np.unique(np.nanquantile(column, np.linspace(0, 1, BINS + 1)[1:-1])) if column.notna().any() else np.zeros(1)
        column = pd.Series(np.where(column.isna(), -1, np.searchsorted(edges, column, side="right")))
    levels: Array = pd.factorize(column)[0]
    return levels


def _single_auc(levels: Array, churned: Array, splits: Sequence[tuple[Array, Array]]) -> float:
    aucs = []
    for learn, test in splits:
        count = np.bincount(levels[learn], minlength=levels.max() + 1)
        left = np.bincount(levels[learn], weights=churned[learn], minlength=levels.max() + 1)
        share = (left + churned[learn].mean()) / (count + 1)
        if 0 < churned[test].mean() < 1:
            aucs.append(roc_auc_score(churned[test], share[levels[test]]))
    return float(np.mean(aucs)) if aucs else 0.5


def _broken_columns(seen: pd.DataFrame, churned: Array) -> list[str]:
    """Return the columns that are whole for everybody of one class, and not for the other."""
    numbers = seen.select_dtypes("number")
    broken = (numbers % 1 != 0) & numbers.notna()
    shares = pd.DataFrame({flag: broken[churned == flag].mean() for flag in (0, 1)})
    return [str(name) for name, row in shares.iterrows() if row.min() == 0 and row.max() >= BROKEN_SHARE]


def _share_between(seen: pd.DataFrame, chosen: Array) -> float:
    """Return the share of a sample of different rows that lie on the line between two of their neighbours of the same class.

    SMOTE puts a row at a random place between a leaver and one of their neighbours (Chawla et al. 2002); others are there by chance.
    """
    numbers = seen.select_dtypes("number")[chosen].drop_duplicates().to_numpy(dtype=float)
    numbers = numbers[~np.isnan(numbers).any(axis=1)]
    numbers = numbers[:, np.array([len(np.unique(column)) > 2 for column in numbers.T], dtype=bool)] if len(numbers) else numbers
    if len(numbers) < 2 * BETWEEN_NEIGHBOURS or numbers.shape[1] < FEWEST_NUMBERS:
        return 0.0
    rows = StandardScaler().fit_transform(numbers)
    sample = rows[np.random.default_rng(0).permutation(len(rows))[:BETWEEN_SAMPLE]]
    places = NearestNeighbors(n_neighbors=BETWEEN_NEIGHBOURS + 1).fit(rows).kneighbors(sample, return_distance=False)[:, 1:]
    return float(np.mean([_is_between(row, rows[near]) for row, near in zip(sample, places, strict=True)]))


def _is_between(row: Array, near: Array) -> bool:
    """Say whether some pair of the neighbours lies on opposite sides of the row, exactly in line with it."""
    steps = near - row
    steps = steps[(steps != 0).sum(axis=1) >= FEWEST_NUMBERS]  # along one or two whole numbers rows stand in line anyhow
    lengths = np.linalg.norm(steps, axis=1)
    if len(steps) < 2:
        return False
    cosines = (steps @ steps.T) / np.outer(lengths, lengths)
    return bool(cosines.min() < -1 + BETWEEN_ERROR**2 * 5)


def _who(flag: int) -> str:
    return "left" if flag else "stayed"
