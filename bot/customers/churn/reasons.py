"""Why a model that is no sum of its features says what it says: Shapley values against a stated background, in log-odds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bot.customers.churn.model import CalibratedModel
from bot.customers.churn.table import Array

BACKGROUND = 16  # customers, of evenly spread risk
SEED = 7


def background_of(model: CalibratedModel, features: pd.DataFrame, count: int = BACKGROUND) -> pd.DataFrame:
    """Return customers whose log-odds are evenly spread, so that their mean is about that of all."""
    order = np.argsort(model.log_odds(features), kind="stable")
    places = order[((np.arange(count) + 0.5) / count * len(order)).astype(int)]
    return features.iloc[places].reset_index(drop=True)


def shapley(model: CalibratedModel, features: pd.DataFrame, background: pd.DataFrame) -> tuple[float, pd.DataFrame]:
    """Return base and contributions by feature; their sum is exactly the log-odds of the calibrated model.

    Interventional Shapley values (Strumbelj and Kononenko 2014): features change one by one, in a random order, from those of a background
    customer to the customer's own; each change's effect is the feature's. Orders come in pairs, one the other's reverse.
    """
    rng = np.random.default_rng(SEED)
    names = list(features)
    total = np.zeros((len(features), len(names)))
    base = float(model.log_odds(background).mean())
    order = np.arange(len(names))
    for number in range(len(background)):
        order = rng.permutation(len(names)) if number % 2 == 0 else order[::-1]
        total += _changes(model, features, background.iloc[[number]], order)
    return base, pd.DataFrame(total / len(background), columns=names, index=features.index)


def _changes(model: CalibratedModel, features: pd.DataFrame, start: pd.DataFrame, order: Array) -> Array:
    """Return what each feature changes on the way from one background customer to every customer."""
    mixed = start.loc[start.index.repeat(len(features))].set_axis(features.index)
    before, changes = model.log_odds(mixed), np.zeros((len(features), features.shape[1]))
    for place in order:
        name = features.columns[place]
        mixed[name] = features[name]
        after = model.log_odds(mixed)
        changes[:, place], before = after - before, after
    return changes
