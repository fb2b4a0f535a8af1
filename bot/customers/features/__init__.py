"""What is known of each customer at a moment: the features of the churn model, who is in question, and what became of them.

The label is never a feature, and a feature never sees what happened at or after the moment, nor a form of it that was known only later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import sqlalchemy as sa

from bot.customers.features.engines import DatabaseEngine, DuckEngine, Engine
from bot.customers.features.registry import View, views
from bot.database.intelligence import customer_events

HORIZON = timedelta(days=90)  # who leaves within it after the observation, has churned
TIERS = {"silver": 1.0, "gold": 2.0, "platinum": 3.0}
OTHER_TIER = 1.0  # a company's own name for a membership

# No order for so long and no membership: there is nobody left who could leave, so nobody to learn from or to score.
ORDERED_WITHIN = "orders_365d"

# 4 and 5 are the satisfied answers of a CSAT scale from 1 to 5: five is no more reason to stay than four.
# Who has rated nothing has complained of nothing, and counts as satisfied.
SATISFIED = 4.0


@dataclass(frozen=True)
class Feature:
    """A column of the features. `fill` stands for a missing value, `cap` for all above it; None: the model learns the cap."""

    name: str
    fill: float = 0.0
    cap: float | None = None


FEATURES = (
    Feature("days_since_order"),
    Feature("orders_180d"),
    Feature("troubled_180d"),
    Feature("csat_mean", fill=SATISFIED, cap=SATISFIED),
    Feature("returns_365d"),
    Feature("coupon_share"),
    Feature("cancel_visits_60d"),
    Feature("visits_drop"),
    Feature("tenure_days"),
    Feature("tier_rank", cap=max(TIERS.values())),
)
NAMES = tuple(feature.name for feature in FEATURES)

# The first says who is in question, the others are joined to it.
WHO = "tenure"
JOINED = ("orders", "coupons", "cancellations", "deliveries", "returns", "contacts", "ratings", "memberships", "visits")


def model_views() -> list[View]:
    """Return the views of the churn model: its feature service, as Feast calls it."""
    return [views()[name] for name in (WHO, *JOINED)]


def features_at(connection: sa.Connection, observed_at: datetime, *, customers: Sequence[str] | None = None) -> pd.DataFrame:
    """Return one row a person (index: `customers.id`), the columns NAMES and the facts that a record shows beside them.

    Counts are 0 where nothing happened; means and times may be missing. Who objects to profiling is not in it. Of all customers DuckDB
    makes them, of these `customers` the database itself.
    """
    if customers is not None:
        return features_of(DatabaseEngine(connection), observed_at, customers=customers)
    with DuckEngine.over_database(connection, model_views(), observed_at) as engine:
        return features_of(engine, observed_at)


def features_of(engine: Engine, observed_at: datetime, *, customers: Sequence[str] | None = None) -> pd.DataFrame:
    """Return what `features_at` does, by this engine."""
    who, *joined = model_views()
    table = engine.run_sql(who, observed_at=observed_at, customers=customers).set_index("customer_id")
    for view in joined:
        table = table.join(engine.run_sql(view, observed_at=observed_at, customers=customers).set_index("customer_id"))
    counts = [column.name for view in joined for column in view.columns if column.type == "count"]
    table[counts] = table[counts].fillna(0.0)
    return derive(table, observed_at).sort_index()


def derive(table: pd.DataFrame, observed_at: datetime) -> pd.DataFrame:
    """Add what follows from the views' columns: spans of time in days, a drop, a rank."""
    table["coupon_share"] = table["coupon_share"].fillna(0.0)
    table["visits_before"] = table["visits_before"].fillna(0.0)
    table["days_since_order"] = _days(observed_at - table["last_order_at"].fillna(table["registered_at"]))  # or since registering
    table["tenure_days"] = _days(observed_at - table["registered_at"])
    table["visits_drop"] = (table["visits_before"] - table["visits_30d"]).clip(lower=0)
    table["tier"] = table["tier"].fillna("").astype(object)
    table["tier_rank"] = table["tier"].map(TIERS).fillna(OTHER_TIER).where(table["tier"] != "", 0.0)
    return table


def can_leave(table: pd.DataFrame) -> pd.Series:
    """Say of each customer whether there is something to leave: an active membership, or an order within the last year."""
    return (table["tier"] != "") | (table[ORDERED_WITHIN] > 0)


def training_set(connection: sa.Connection, observed_at: datetime) -> tuple[pd.DataFrame, pd.Series]:
    """Return the features of everybody who could leave at `observed_at`, and whether they did within HORIZON.

    A member leaves by ending the membership (cancelled, or not renewed), anybody else by ordering nothing.
    """
    label = views()["outcomes"]
    with DuckEngine.over_database(connection, [*model_views(), label], observed_at) as engine:
        table = features_of(engine, observed_at)
        outcome = engine.run_sql(label, observed_at=observed_at, until=observed_at + HORIZON)
    table = table[can_leave(table)]
    outcome = outcome.set_index("customer_id").reindex(table.index).fillna(0.0)
    left = (outcome["memberships_ended"] > 0).where(table["tier"] != "", outcome["orders_after"] == 0)
    return table, left.astype(int).rename("churned")


def historical_features(connection: sa.Connection, moments: pd.DataFrame) -> pd.DataFrame:
    """Return the features of (customer_id, observed_at) pairs, each as of its own moment, in the order given; unknown ones are missing.

    As Feast's get_historical_features with its filter by created time.
    """
    if moments.empty:
        return moments
    with DuckEngine.over_database(connection, model_views(), moments["observed_at"].min().to_pydatetime()) as engine:
        tables = [
            features_of(engine, at.to_pydatetime(), customers=list(group["customer_id"]))
            .reindex(group["customer_id"])
            .set_index(group.index)
            for at, group in moments.groupby("observed_at")
        ]
    return moments.join(pd.concat(tables))


def latest_activity(connection: sa.Connection, now: datetime) -> datetime | None:
    """Return when a customer last did anything, at most `now`; None where nothing is known of anybody."""
    table = customer_events.c
    query = sa.select(sa.func.max(table.at)).where(table.at <= now, table.superseded_at.is_(None), table.withdrawn.is_(False))
    latest: datetime | None = connection.execute(query).scalar_one()
    return latest


def _days(span: pd.Series) -> pd.Series:
    return span.dt.total_seconds() / 86400
