"""`yingda customers train`: learn from the company's own data who leaves, measure it, store the model with its card."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import sklearn
import sqlalchemy as sa
from sklearn.metrics import roc_auc_score

from bot.customers.churn.alarms import alarms_of
from bot.customers.churn.artifact import Artifact
from bot.customers.churn.closed_form import closed_form
from bot.customers.churn.comparison import OUTER_FOLDS, Comparison, Fitted, compare, fit_family
from bot.customers.churn.evaluate import described, measured
from bot.customers.churn.families import FAMILIES, QUICK, SEED, Family
from bot.customers.churn.folds import Split, on_latest
from bot.customers.churn.reasons import background_of
from bot.customers.churn.table import Array, ChurnTable
from bot.customers.costs import Costs, read_costs
from bot.customers.features import HORIZON, NAMES, latest_activity, training_set
from bot.customers.follow import follow
from bot.customers.lineage import code_version
from bot.customers.models import add_candidate, live_model, promote
from bot.customers.monitor.curves import curves_of
from bot.customers.monitor.drift import reference_of
from bot.customers.score import ChurnWeights
from bot.database import reading, sync_engine
from bot.database.people import customers
from bot.errors import InputError
from bot.ids import utcnow
from bot.settings import Settings

SNAPSHOTS = 1  # moments at which customers are observed
APART = timedelta(days=30)

Progress = Callable[[str, int, int], None]  # what is being done, how much is done, of how much


def train(
    settings: Settings, *, truth: Path | None = None, progress: Progress | None = None, now: datetime | None = None, quick: bool = False
) -> dict[str, Any]:
    """Learn who leaves from the shop's data, measure how well, store the model as a candidate and return its card.

    It goes live at once only when there is no live model and no alarm, so that a first start has one. The latest observation is one
    horizon before the last thing that any customer did, so that the whole outcome is known. `quick` tries logistic regression only. `truth`
    is the sample data's file of true probabilities; it is compared with, never learned from.
    Raises InputError when the data holds too few customers who left or stayed.
    """
    began = time.monotonic()
    show = progress or (lambda what, done, total: None)
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
            observed = observations(connection, latest - HORIZON)
            known = _read_truth(connection, truth)
        card, model, kind = learn(observed, truth=known, quick=quick, progress=show)
        card |= {"observed_at": (latest - HORIZON).isoformat(), "seconds": round(time.monotonic() - began, 1)}
        with engine.begin() as connection:
            return _stored(connection, model, kind, card)
    finally:
        engine.dispose()


def observations(connection: sa.Connection, latest: datetime, *, snapshots: int = SNAPSHOTS) -> pd.DataFrame:
    """Return the features of everybody who could leave at each moment, with the columns customer, observed (days) and churned."""
    parts = []
    for number in range(snapshots):
        observed_at = latest - number * APART
        table, churned = training_set(connection, observed_at)
        if churned.nunique() < 2:
            break
        parts.append(table[list(NAMES)].assign(customer=table.index, observed=-float(number * APART.days), churned=churned))
    if not parts:
        raise InputError(
            f"at {latest:%Y-%m-%d}, {HORIZON.days} days before the last activity, nobody left or nobody stayed; nothing to learn yet"
        )
    return pd.concat(parts, ignore_index=True)


def learn(
    observed: pd.DataFrame, *, truth: pd.Series | None, quick: bool, progress: Progress
) -> tuple[dict[str, Any], ChurnWeights | Artifact, str]:
    """Compare, choose, fit on everything; return the card, the model as it is stored, and its family."""
    table = _table(observed)
    costs = read_costs()
    families = QUICK if quick else FAMILIES
    splits = on_latest(table, OUTER_FOLDS, SEED)
    comparison = compare(table, families, splits=splits, tick=lambda done, total: progress("evaluate", done, total))
    best = comparison.results[comparison.chosen]
    fitted = fit_family(best.family, table)
    model = _storable(fitted, best.family, table, costs)
    latest = table.rows(np.flatnonzero(table.times == table.times.max())) if table.times is not None else table
    alarms = alarms_of(latest, seen=latest.features, churned=latest.churned, later={}, copied=(0, 0), auc=best.mean("auc"), seed=SEED)
    card = _card(table, comparison, fitted, costs) | {"alarms": [vars(alarm) for alarm in alarms], "data_sha256": data_checksum(observed)}
    if isinstance(model, ChurnWeights):
        card["features"] = {term.feature: round(max(term.ys, default=0) - min(term.ys, default=0), 4) for term in model.terms}
    tested = ~np.isnan(best.predicted)
    card["curves"] = msgspec.to_builtins(curves_of(table.churned[tested], best.predicted[tested]))
    card["reference"] = msgspec.to_builtins(reference_of(latest.features))
    if truth is not None:
        card["truth"] = against_truth(best.predicted, observed, truth, splits)
    return card, model, comparison.chosen


def against_truth(predicted: Array, observed: pd.DataFrame, truth: pd.Series, splits: list[Split]) -> dict[str, float]:
    """Return the AUC of the generator's own probabilities and of the model on the same folds, and the share of the excess over .5."""
    known = truth.reindex(observed["customer"]).to_numpy(dtype=float)
    aucs = []
    for _, test in splits:
        rows = test[~np.isnan(known[test])]
        churned = observed["churned"].to_numpy()[rows]
        aucs.append((roc_auc_score(churned, known[rows]), roc_auc_score(churned, predicted[rows])))
    true, reached = (float(np.mean(column)) for column in zip(*aucs, strict=True))
    return {"auc": true, "model_auc": reached, "share_of_excess": (reached - 0.5) / (true - 0.5)}


def data_checksum(observed: pd.DataFrame) -> str:
    """Return the SHA-256 of the features and labels, the same for the same data in any order of rows."""
    data = observed.sort_values(["observed", "customer"]).reset_index(drop=True)
    return hashlib.sha256(data.to_csv(float_format="%.6f").encode()).hexdigest()


def _table(observed: pd.DataFrame) -> ChurnTable:
    names = [name for name in NAMES if name in observed]
    groups = pd.factorize(observed["customer"])[0]
    return ChurnTable(observed[names], observed["churned"].to_numpy(), groups, observed["observed"].to_numpy())


def _storable(fitted: Fitted, family: Family, table: ChurnTable, costs: Costs) -> ChurnWeights | Artifact:
    if family.closed_form:
        return closed_form(fitted.model, table.features, costs)
    return Artifact(fitted.model, background_of(fitted.model, table.features))


def _card(table: ChurnTable, comparison: Comparison, fitted: Fitted, costs: Costs) -> dict[str, Any]:
    """Return the model card: what it was made of and how good it is, as plain JSON."""
    best = comparison.results[comparison.chosen]
    assert table.times is not None
    latest = table.times == table.times.max()
    return {
        "model": comparison.chosen,
        "setting": fitted.setting,
        "why": comparison.why,
        "library": f"scikit-learn {sklearn.__version__}",
        "code_version": code_version(),
        "horizon_days": HORIZON.days,
        "observations": len(table.churned),
        "snapshots": len(np.unique(table.times)),
        "customers": int(latest.sum()),
        "churned": int(table.churned[latest].sum()),
        "features": list(table.features),
        "levels": {"medium": costs.medium, "high": costs.high},
        "costs": {"offer_cost": costs.offer_cost, "care_cost": costs.care_cost, "saved_share": costs.saved_share},
        "validation": {"folds": len(best.folds), "seed": SEED, "tested_on": "the latest observation of customers not learned from"},
        "metrics": measured(best, table),
        "models": {name: described(result, table) for name, result in comparison.results.items()},
    }


def _stored(connection: sa.Connection, model: ChurnWeights | Artifact, kind: str, card: dict[str, Any]) -> dict[str, Any]:
    """Store the candidate; make it live where there is nothing to compare it with and nothing against it."""
    model_id = add_candidate(connection, model, kind, card)
    first = live_model(connection) is None
    if first and not card["alarms"]:
        promote(connection, model_id, by="train")
        return card | {"id": model_id, "status": "live"}
    return card | {"id": model_id, "status": "candidate"}


def _read_truth(connection: sa.Connection, path: Path | None) -> pd.Series | None:
    """Return the true probabilities by customers.id; the file has the shop's customer numbers."""
    if path is None:
        return None
    if not path.is_file():
        raise InputError(f"{path} is not there; it is the file that `yingda sample-data` writes")
    numbers = connection.execute(sa.select(customers.c.shop_customer_id, customers.c.id).where(customers.c.shop_customer_id.is_not(None)))
    known = pd.read_csv(path).set_index("customer_id")["probability"]
    return known.rename(index=dict(numbers.tuples().all()))
