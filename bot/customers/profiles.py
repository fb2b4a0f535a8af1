"""Every customer's record, as it is now: facts, segment, risk, recommendations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.customers.features import can_leave, features_at
from bot.customers.features.views import run_view
from bot.customers.models import LiveModel
from bot.customers.profile import ChurnRisk, Profile
from bot.customers.recommend import Recommender
from bot.customers.segments import segment_of
from bot.database.people import customer_profiles, customers

BATCH = 1000  # rows a transaction, so that a customer's message never waits long for the writer's turn
CURRENCY = "CNY"  # of who has bought nothing yet


@dataclass(frozen=True)
class Known:
    """What the shop's tables tell of everybody at a moment; read in one go, so that no transaction is open while records are made."""

    at: datetime
    table: pd.DataFrame  # a row a customer: features and facts
    purchases: pd.DataFrame
    products: pd.DataFrame


def read_known(connection: sa.Connection, now: datetime) -> Known:
    table = features_at(connection, now).join(_spending(run_view(connection, "spent", observed_at=now)))
    purchases = run_view(connection, "purchases", observed_at=now)
    return Known(now, table, purchases, run_view(connection, "products", observed_at=now))


def build_profiles(known: Known, live: LiveModel | None) -> Iterator[Profile]:
    """Yield a record for everybody who does not object to profiling. No risk without a model, nor for who has nothing left to leave."""
    table = known.table.copy()
    table["spent_minor"] = table["spent_minor"].fillna(0)
    table["spent_rank"] = table.groupby(table["currency"].fillna(CURRENCY))["spent_minor"].rank(pct=True)
    table["can_leave"] = can_leave(table)
    likes = Recommender().fit(known.purchases, known.products).recommend(list(table.index)) if len(known.products) else {}
    risks = _risks(table, live)
    for row in table.reset_index().to_dict("records"):
        yield _profile(row, risks.get(row["customer_id"]), likes.get(row["customer_id"], []), known.at)


def store_profiles(engine: sa.Engine, profiles: list[Profile], *, model_id: str | None, tick: Callable[[int, int], None]) -> None:
    """Insert or replace the records, batch by batch."""
    insert = (sqlite if engine.dialect.name == "sqlite" else postgresql).insert(customer_profiles)
    upsert = insert.on_conflict_do_update(
        index_elements=["customer_id"], set_={name: insert.excluded[name] for name in ("record", "model_id", "updated_at")}
    )
    for start in range(0, len(profiles), BATCH):
        batch = profiles[start : start + BATCH]
        with engine.begin() as connection:
            connection.execute(upsert, [_row(profile, model_id) for profile in batch])
        tick(start + len(batch), len(profiles))


def forget_objectors(engine: sa.Engine) -> None:
    """Delete the records of customers who object to profiling, those made before they did as well as one made meanwhile."""
    objectors = sa.select(customers.c.id).where(customers.c.objects_to_profiling)
    with engine.begin() as connection:
        connection.execute(sa.delete(customer_profiles).where(customer_profiles.c.customer_id.in_(objectors)))


def _risks(table: pd.DataFrame, live: LiveModel | None) -> dict[str, ChurnRisk]:
    if live is None or not table["can_leave"].any():
        return {}
    scored = live.score(table[table["can_leave"]])
    rows = zip(scored.index, scored["probability"], scored["level"], scored["reasons"], strict=True)
    return {customer: ChurnRisk(float(probability), level, reasons) for customer, probability, level, reasons in rows}


def _spending(spent: pd.DataFrame) -> pd.DataFrame:
    """Return orders, spent_minor and currency by customer: of the currency in which they order most."""
    spent = spent.astype({"orders": int, "spent_minor": float})
    most = spent.sort_values(["orders", "spent_minor"]).groupby("customer_id").tail(1)
    return most.set_index("customer_id")


def _profile(row: dict[str, Any], risk: ChurnRisk | None, recommendations: list[str], now: datetime) -> Profile:
    return Profile(
        customer_id=row["id"],
        segment=segment_of(row),
        churn=risk,
        orders=_whole(row["orders"]),
        spent_minor=_whole(row["spent_minor"]),
        currency=row["currency"] if isinstance(row["currency"], str) else CURRENCY,
        last_order_at=None if pd.isna(row["last_order_at"]) else pd.Timestamp(row["last_order_at"]).to_pydatetime(),
        membership_tier=row["tier"],
        returns=_whole(row["returns"]),
        contacts=_whole(row["contacts"]),
        csat_mean=None if pd.isna(row["csat_mean"]) else round(row["csat_mean"], 2),
        recommendations=recommendations,
        updated_at=now,
    )


def _row(profile: Profile, model_id: str | None) -> dict[str, Any]:
    scored_by = model_id if profile.churn else None
    return {
        "customer_id": profile.customer_id,
        "record": msgspec.to_builtins(profile),
        "model_id": scored_by,
        "updated_at": profile.updated_at,
    }


def _whole(number: float) -> int:
    return 0 if pd.isna(number) else int(number)
