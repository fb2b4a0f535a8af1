"""What is known of each customer at a moment: the features of the churn model, who is in question, and what became of them.

The label is never a feature, and a feature never sees what happened at or after the moment: the views cut by event time, and columns that
show only today's state (`status`) are not read as features.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import sqlalchemy as sa

from bot.customers.features.views import run_view

HORIZON = timedelta(days=90)  # who leaves within it after the observation, has churned
TIERS = {"silver": 1.0, "gold": 2.0, "platinum": 3.0}

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

_COUNTS = ("orders_180d", "orders_365d", "coupon_share", "troubled_180d", "returns", "returns_365d", "contacts")
_VISITS = ("visits_30d", "visits_before", "cancel_visits_60d")


def features_at(connection: sa.Connection, observed_at: datetime) -> pd.DataFrame:
    """Return one row a customer (index: the shop's customer number), the columns NAMES and the facts that a record shows beside them.

    Missing is only `csat_mean`, where nobody rated; counts are 0. Who objects to profiling is not in it.
    """
    table = run_view(connection, "customers", observed_at=observed_at).set_index("customer_id")
    for name in ("orders", "deliveries", "returns", "contacts", "visits", "memberships"):
        table = table.join(run_view(connection, name, observed_at=observed_at).set_index("customer_id"))
    counts = [*_COUNTS, *_VISITS]
    table[counts] = table[counts].astype(float).fillna(0.0)
    table["csat_mean"] = table["csat_mean"].astype(float)
    last = pd.to_datetime(table["last_order_at"], utc=True)
    registered = pd.to_datetime(table["registered_at"], utc=True)
    table["days_since_order"] = _days(observed_at - last.fillna(registered))  # who never ordered waits since registering
    table["tenure_days"] = _days(observed_at - registered)
    table["visits_drop"] = (table["visits_before"] - table["visits_30d"]).clip(lower=0)
    table["tier"] = table["tier"].fillna("")
    table["tier_rank"] = table["tier"].map(TIERS).fillna(0.0)
    return table


def can_leave(table: pd.DataFrame) -> pd.Series:
    """Say of each customer whether there is something to leave: an active membership, or an order within the last year."""
    return (table["tier"] != "") | (table[ORDERED_WITHIN] > 0)


def training_set(connection: sa.Connection, observed_at: datetime) -> tuple[pd.DataFrame, pd.Series]:
    """Return the features of everybody who could leave at `observed_at`, and whether they did within HORIZON.

    A member leaves by ending the membership (cancelled, or not renewed), anybody else by ordering nothing.
    """
    table = features_at(connection, observed_at)
    table = table[can_leave(table)]
    outcome = run_view(connection, "outcomes", observed_at=observed_at, until=observed_at + HORIZON).set_index("customer_id")
    outcome = outcome.reindex(table.index)
    left = (outcome["memberships_ended"] > 0).where(table["tier"] != "", outcome["orders_after"] == 0)
    return table, left.astype(int).rename("churned")


def latest_activity(connection: sa.Connection, now: datetime) -> datetime | None:
    """Return when a customer last did anything, at most `now`; None for an empty shop."""
    latest: datetime | None = run_view(connection, "latest", observed_at=now)["latest_at"].iloc[0]
    return None if pd.isna(latest) else latest


def _days(span: pd.Series) -> pd.Series:
    return span.dt.total_seconds() / 86400
