"""Which predictions came true: scores of a horizon ago against who has left since."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import sqlalchemy as sa
from sklearn.metrics import roc_auc_score

from bot.customers.evaluation import calibration_error
from bot.customers.features import HORIZON, training_set
from bot.customers.monitor.curves import Curves, curves_of
from bot.database.intelligence import churn_scores


class Outcomes(msgspec.Struct, frozen=True):
    """What became of the newest scores that are a horizon old; `first_at` is of the oldest, `curves` None while none is old enough."""

    first_at: datetime | None
    at: datetime | None = None
    count: int = 0
    left_share: float = 0.0
    curves: Curves | None = None
    auc: float | None = None
    ece: float | None = None


def outcomes_of_scores(connection: sa.Connection, model_id: str, now: datetime) -> Outcomes:
    """Compare a model's newest scores whose horizon is over with what happened; a customer without an outcome is left out."""
    of_it = churn_scores.c.model_id == model_id
    first = connection.execute(sa.select(sa.func.min(churn_scores.c.at)).where(of_it)).scalar_one()
    due = sa.select(sa.func.max(churn_scores.c.at)).where(of_it, churn_scores.c.at <= now - HORIZON)
    at = connection.execute(due).scalar_one()
    if at is None:
        return Outcomes(first)
    query = sa.select(churn_scores.c.customer_id, churn_scores.c.probability).where(of_it, churn_scores.c.at == at)
    rows: list[Any] = list(connection.execute(query).tuples())
    scores = pd.Series(dict(rows), dtype=float)
    _, churned = training_set(connection, at)
    both = pd.concat([scores.rename("predicted"), churned.rename("left")], axis=1, join="inner")
    left, predicted = both["left"].to_numpy(dtype=int), both["predicted"].to_numpy()
    share = float(np.mean(left)) if len(left) else 0.0
    if not 0 < left.sum() < len(left):
        return Outcomes(first, at, len(both), share)
    auc, ece = float(roc_auc_score(left, predicted)), calibration_error(left, predicted)
    return Outcomes(first, at, len(both), share, curves_of(left, predicted), auc, ece)
