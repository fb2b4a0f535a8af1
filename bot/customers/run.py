"""Train a churn model on what customers did."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import sklearn
import sqlalchemy as sa

from bot.customers.churn import churn_pipeline, train_model
from bot.customers.evaluation import FOLDS, REPEATS, SEED, cross_validate
from bot.customers.features import HORIZON, NAMES, latest_activity, training_set
from bot.customers.follow import follow
from bot.customers.models import make_live
from bot.customers.score import ChurnWeights
from bot.database import reading, sync_engine
from bot.database.people import customers
from bot.errors import InputError
from bot.ids import utcnow
from bot.settings import Settings

Progress = Callable[[str, int, int], None]  # what is being done ("evaluate" or "store"), how much is done, of how much


def train(
    settings: Settings, *, truth: Path | None = None, progress: Progress | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """Learn who leaves from the shop's data, measure how well, make the model the live one and return its card.

    The observation is one horizon before the last thing that any customer did, so that the whole outcome is known. `truth` is the sample
    data's file of true probabilities; it is compared with, never learned from.
    Raises InputError when the data holds too few customers who left or stayed.
    """
    engine = sync_engine(settings.database_url)
    try:
        with engine.begin() as connection:
            follow(connection, everything=True, now=now)
        with reading(engine) as connection:
            latest = latest_activity(connection, now or utcnow())
            if latest is None:
                raise InputError(
                    "nothing is known yet that customers did; there is nothing to learn from, see `yingda customers follow` and `ingest`"
                )
            observed_at = latest - HORIZON
            table, churned = training_set(connection, observed_at)
            known = _read_truth(connection, truth)
        tick = _ticker(progress, "evaluate")
        metrics = cross_validate(churn_pipeline(), table, churned, truth=known, tick=tick)
        trained = train_model(table, churned)
        card = _card(trained.weights, table, churned, observed_at=observed_at, metrics=metrics)
        with engine.begin() as connection:
            return card | {"id": make_live(connection, trained.weights, card)}
    finally:
        engine.dispose()


def _card(
    weights: ChurnWeights, table: pd.DataFrame, churned: pd.Series, *, observed_at: datetime, metrics: dict[str, Any]
) -> dict[str, Any]:
    """Return the model card: what it was made of and how good it is, as plain JSON."""
    card: dict[str, Any] = {
        "model": "logistic regression",
        "library": f"scikit-learn {sklearn.__version__}",
        "observed_at": observed_at.isoformat(),
        "horizon_days": HORIZON.days,
        "customers": len(table),
        "churned": int(churned.sum()),
        "data_sha256": data_checksum(table, churned),
        "features": {term.feature: round(term.coefficient, 4) for term in weights.terms},
        "levels": {"medium": weights.medium, "high": weights.high},
        "validation": {"folds": FOLDS, "repeats": REPEATS, "seed": SEED},
        "metrics": {name: value for name, value in metrics.items() if name not in {"truth_auc", "known_auc"}},
    }
    if "truth_auc" in metrics:
        reached = (metrics["known_auc"]["mean"] - 0.5) / (metrics["truth_auc"]["mean"] - 0.5)
        card["truth"] = {"auc": metrics["truth_auc"], "share_of_excess": reached}
    return card


def data_checksum(table: pd.DataFrame, churned: pd.Series) -> str:
    """Return the SHA-256 of the features and labels, the same for the same data in any order of rows."""
    data = table[list(NAMES)].assign(churned=churned).sort_index()
    return hashlib.sha256(data.to_csv(float_format="%.6f").encode()).hexdigest()


def _read_truth(connection: sa.Connection, path: Path | None) -> pd.Series | None:
    """Return the true probabilities by customers.id; the file has the shop's customer numbers."""
    if path is None:
        return None
    if not path.is_file():
        raise InputError(f"{path} is not there; it is the file that `yingda sample-data` writes")
    numbers = connection.execute(sa.select(customers.c.shop_customer_id, customers.c.id).where(customers.c.shop_customer_id.is_not(None)))
    known = pd.read_csv(path).set_index("customer_id")["probability"]
    return known.rename(index=dict(numbers.tuples().all()))


def _ticker(progress: Progress | None, what: str) -> Callable[[int, int], None]:
    return (lambda done, total: progress(what, done, total)) if progress else (lambda done, total: None)
