"""Customers' records as they are at a moment: facts, segment, risk, value, recommendations; made, stored, deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.customers.features import can_leave, features_of, model_views
from bot.customers.features.engines import Engine
from bot.customers.features.registry import View, views
from bot.customers.models import LiveModel
from bot.customers.profile import ChurnRisk, Profile
from bot.customers.segments import segment_of
from bot.database.people import customer_profiles

BATCH = 1000  # rows a transaction, so that a customer's message never waits long for the writer's turn
CURRENCY = "CNY"  # of who has bought nothing yet
STEPS = 100  # of the distribution of spending

Likes = dict[str, list[str]]  # SKUs by customer, best first
Spread = dict[str, list[float]]  # by currency: what the poorest, then each further hundredth, have spent


@dataclass(frozen=True)
class Known:
    """What is known of customers at a moment, and how spending is spread among all of them."""

    at: datetime
    table: pd.DataFrame  # a row a customer, by customers.id: features and facts
    spread: Spread


def profile_views() -> list[View]:
    """Return the views of a record: those of the churn model, and spending."""
    return [*model_views(), views()["spending"]]


def read_known(engine: Engine, at: datetime, *, customers: Sequence[str] | None = None, spread: Spread | None = None) -> Known:
    """Return what a record needs, of all or of these customers; of few, `spread` is that of the last refresh of all."""
    table = features_of(engine, at, customers=customers)
    table = table.join(_spending(engine.run_sql(views()["spending"], observed_at=at, customers=customers)))
    table[["orders", "spent_minor", "spent_365d_minor"]] = table[["orders", "spent_minor", "spent_365d_minor"]].fillna(0.0)
    table["currency"] = table["currency"].fillna(CURRENCY)
    return Known(at, table, spread if spread is not None else _spread(table))


def build_profiles(known: Known, model: LiveModel | None, likes: Likes) -> Iterator[Profile]:
    """Yield a record for everybody in `known`. No risk without a model, nor for who has nothing left to leave."""
    table = known.table.copy()
    table["spent_rank"] = _rank(table, known.spread)
    risks = _risks(model, table[can_leave(table)]) if model else {}
    model_id = model.id if model else ""
    for row in table.reset_index().to_dict("records"):
        customer_id = row["customer_id"]
        yield _profile(row, risks.get(customer_id), likes.get(customer_id, []), known.at, model_id)


def store_profiles(engine: sa.Engine, profiles: Sequence[Profile], *, tick: Callable[[int, int], None]) -> None:
    """Insert or replace the records, batch by batch."""
    insert = (sqlite if engine.dialect.name == "sqlite" else postgresql).insert(customer_profiles)
    changed = ("record", "model_id", "expected_loss_minor", "updated_at")
    upsert = insert.on_conflict_do_update(index_elements=["customer_id"], set_={name: insert.excluded[name] for name in changed})
    for start in range(0, len(profiles), BATCH):
        batch = profiles[start : start + BATCH]
        with engine.begin() as connection:
            connection.execute(upsert, [_row(profile) for profile in batch])
        tick(start + len(batch), len(profiles))


def delete_profiles(engine: sa.Engine, gone: Sequence[str]) -> None:
    """Delete the records of who is merged into another, or objects to profiling."""
    for start in range(0, len(gone), BATCH):
        with engine.begin() as connection:
            batch = gone[start : start + BATCH]
            connection.execute(sa.delete(customer_profiles).where(customer_profiles.c.customer_id.in_(batch)))


def _spending(spent: pd.DataFrame) -> pd.DataFrame:
    """Return orders, spending and currency by customer: of the currency in which they order most."""
    most = spent.sort_values(["orders", "spent_minor", "currency"]).groupby("customer_id").tail(1)
    return most.set_index("customer_id")


def _spread(table: pd.DataFrame) -> Spread:
    steps = np.linspace(0, 1, STEPS + 1)
    return {str(currency): np.quantile(spent, steps).tolist() for currency, spent in table.groupby("currency")["spent_minor"]}


def _rank(table: pd.DataFrame, spread: Spread) -> pd.Series:
    """Return the share of customers who have spent less, in the same currency."""
    rank = pd.Series(0.0, index=table.index)
    for currency, steps in spread.items():
        of_it = table["currency"] == currency
        rank[of_it] = np.searchsorted(steps, table.loc[of_it, "spent_minor"]) / (STEPS + 1)
    return rank


def _risks(model: LiveModel, leaving: pd.DataFrame) -> dict[str, ChurnRisk]:
    if leaving.empty:
        return {}
    scored = model.score(leaving)
    rows = zip(scored.index, scored["probability"], scored["level"], scored["reasons"], strict=True)
    return {customer_id: ChurnRisk(float(probability), level, list(reasons)) for customer_id, probability, level, reasons in rows}


def _profile(row: dict[str, Any], risk: ChurnRisk | None, likes: list[str], at: datetime, model_id: str) -> Profile:
    value = int(row["spent_365d_minor"])
    return Profile(
        customer_id=row["customer_id"],
        segment=segment_of(row),
        churn=risk,
        orders=int(row["orders"]),
        spent_minor=int(row["spent_minor"]),
        currency=row["currency"],
        last_order_at=None if pd.isna(row["last_order_at"]) else row["last_order_at"].to_pydatetime(),
        membership_tier=row["tier"],
        returns=int(row["returns"]),
        contacts=int(row["contacts"]),
        csat_mean=None if pd.isna(row["csat_mean"]) else round(row["csat_mean"], 2),
        recommendations=likes,
        value_minor=value,
        expected_loss_minor=round(risk.probability * value) if risk else 0,
        model_id=model_id if risk else "",
        updated_at=at,
    )


def _row(profile: Profile) -> dict[str, Any]:
    return {
        "customer_id": profile.customer_id,
        "record": msgspec.to_builtins(profile),
        "model_id": profile.model_id or None,
        "expected_loss_minor": profile.expected_loss_minor,
        "updated_at": profile.updated_at,
    }
