"""The live model as the refresh uses it: its id, and scores for a whole table at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from bot.customers.models import live_model as stored_model
from bot.customers.profile import ChurnReason
from bot.customers.score import LEAST_REASON, REASONS, ChurnWeights

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class LiveModel:
    id: str
    weights: ChurnWeights

    def score(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return probability, level and reasons (list of ChurnReason, strongest first) for each row."""
        terms = self.weights.terms
        values = table[[term.feature for term in terms]].to_numpy(dtype=float)
        column = {name: np.array([getattr(term, name) for term in terms]) for name in ("fill", "cap", "mean", "scale", "coefficient")}
        filled = np.minimum(np.where(np.isnan(values), column["fill"], values), column["cap"])
        contributions = column["coefficient"] * (filled - column["mean"]) / column["scale"]
        probability = 1 / (1 + np.exp(-np.clip(self.weights.intercept + contributions.sum(axis=1), -700, 700)))
        levels = np.select([probability >= self.weights.high, probability >= self.weights.medium], ["high", "medium"], "low")
        reasons = _reasons([term.feature for term in terms], values, contributions)
        return pd.DataFrame({"probability": probability, "level": levels, "reasons": reasons}, index=table.index)


def live_model(connection: sa.Connection) -> LiveModel | None:
    """Return the live model; None while there is none."""
    stored = stored_model(connection)
    return LiveModel(*stored) if stored else None


def _reasons(names: list[str], values: Array, contributions: Array) -> list[list[ChurnReason]]:
    raising = np.where(np.isnan(values), -np.inf, contributions)
    order = np.argsort(-raising, axis=1, kind="stable")[:, :REASONS]
    strongest = np.take_along_axis(raising, order, axis=1)
    told = np.take_along_axis(values, order, axis=1)
    return [
        [ChurnReason(names[place], value, share) for place, value, share in zip(*row, strict=True) if share >= LEAST_REASON]
        for row in zip(order.tolist(), told.tolist(), strongest.tolist(), strict=True)
    ]
