"""The feature views of the churn model written in pandas, as one would: the peer of DuckDB in the benchmark, and a check of the SQL."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd

COLUMNS = ["customer_id", "kind", "at", "created_at", "superseded_at", "withdrawn", "amount_minor", "currency", "value", "ref"]
READ = ("order_placed", "order_cancelled", "delivery_late", "return_requested", "contact", "csat", "membership_started", "membership_ended",
        "visit")  # fmt: skip


def features(folder: Path, observed_at: datetime) -> pd.DataFrame:
    """Return one row a person, the columns of the views, without what follows from them."""
    now = pd.Timestamp(observed_at).tz_localize(None)
    customers = pd.read_parquet(folder / "customers.parquet")
    events = _known(pd.read_parquet(folder / "customer_events", columns=COLUMNS, filters=[("kind", "in", READ)]), customers, now)
    kinds = {str(kind): group for kind, group in events.groupby("kind", observed=True)}
    table = _tenure(customers, events, now)
    for part in (_orders, _coupons, _deliveries, _returns, _contacts, _ratings, _memberships, _visits):
        table = table.join(part(kinds, now))
    cancelled = _since(kinds["order_cancelled"], now, 365)
    return table.join(cancelled.groupby("customer_id").size().rename("cancelled_365d"))


def _known(events: pd.DataFrame, customers: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    standing = events["superseded_at"].isna() | (events["superseded_at"] >= now)
    events = events[(events["at"] < now) & (events["created_at"] < now) & standing & ~events["withdrawn"]]
    merged = customers.dropna(subset=["merged_into"]).set_index("id")["merged_into"]
    kept = events["customer_id"].map(merged)
    return events.assign(customer_id=kept.fillna(events["customer_id"]), kind=events["kind"].astype("category"))


def _tenure(customers: pd.DataFrame, events: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    persons = customers.assign(person=customers["merged_into"].fillna(customers["id"])).groupby("person")
    registered = persons["created_at"].min()[~persons["objects_to_profiling"].max()]
    first = events[events["kind"] != "visit"].groupby("customer_id")["at"].min().reindex(registered.index)
    earliest = registered.where(~(first < registered), first)
    return earliest[earliest < now].rename("registered_at").to_frame().rename_axis("customer_id")


def _orders(kinds: dict[str, pd.DataFrame], now: pd.Timestamp) -> pd.DataFrame:
    placed = kinds["order_placed"]
    ages = {f"orders_{days}d": placed["at"] >= now - pd.Timedelta(days=days) for days in (90, 180, 365)}
    by = placed.assign(**ages).groupby("customer_id")
    return by[list(ages)].sum().join(by["at"].agg(last_order_at="max", orders_placed="size"))


def _coupons(kinds: dict[str, pd.DataFrame], now: pd.Timestamp) -> pd.DataFrame:
    placed = kinds["order_placed"]
    coupon = placed["value"] > 0
    by = placed.assign(coupon=coupon, lately=coupon & (placed["at"] >= now - pd.Timedelta(days=365))).groupby("customer_id")
    return by.agg(coupon_share=("coupon", "mean"), coupon_orders_365d=("lately", "sum"))


def _deliveries(kinds: dict[str, pd.DataFrame], now: pd.Timestamp) -> pd.DataFrame:
    late, placed = (_since(kinds[kind], now, 730)[["customer_id", "ref", "at"]] for kind in ("delivery_late", "order_placed"))
    found = late.merge(placed, on=["customer_id", "ref"], how="left", suffixes=("", "_placed"))
    orders = found.assign(at=found["at_placed"].fillna(found["at"])).groupby(["customer_id", "ref"], as_index=False)["at"].max()
    ages = {f"troubled_{days}d": orders["at"] >= now - pd.Timedelta(days=days) for days in (180, 365)}
    return orders.assign(**ages).groupby("customer_id")[list(ages)].sum()


def _returns(kinds: dict[str, pd.DataFrame], now: pd.Timestamp) -> pd.DataFrame:
    returns = kinds["return_requested"]
    lately = returns["at"] >= now - pd.Timedelta(days=365)
    by = returns.assign(lately=lately, refund=returns["amount_minor"].where(lately, 0)).groupby("customer_id")
    return by.agg(returns=("at", "size"), returns_365d=("lately", "sum"), returned_365d_minor=("refund", "sum"))


def _contacts(kinds: dict[str, pd.DataFrame], now: pd.Timestamp) -> pd.DataFrame:
    contacts = kinds["contact"]
    ages = {f"contacts_{days}d": contacts["at"] >= now - pd.Timedelta(days=days) for days in (90, 365)}
    by = contacts.assign(**ages, tone=contacts["value"].where(ages["contacts_365d"])).groupby("customer_id")
    return by[list(ages)].sum().join(by.agg(contacts=("at", "size"), sentiment_mean=("tone", "mean")))


def _ratings(kinds: dict[str, pd.DataFrame], now: pd.Timestamp) -> pd.DataFrame:
    ratings = _since(kinds["csat"], now, 365)
    by = ratings.assign(low=ratings["value"] <= 2).groupby("customer_id")
    return by.agg(csat_mean=("value", "mean"), csat_low_365d=("low", "sum"))


def _memberships(kinds: dict[str, pd.DataFrame], now: pd.Timestamp) -> pd.DataFrame:
    started, ended = kinds["membership_started"], kinds["membership_ended"]
    latest = started.sort_values(["at", "ref"]).groupby("customer_id").tail(1).set_index("customer_id")
    end = ended.groupby("customer_id")["at"].max().reindex(latest.index)
    return latest[~(end >= latest["at"])][["ref", "at"]].rename(columns={"ref": "tier", "at": "member_since"})


def _visits(kinds: dict[str, pd.DataFrame], now: pd.Timestamp) -> pd.DataFrame:
    visits = _since(kinds["visit"], now, 120)
    month = visits["at"] >= now - pd.Timedelta(days=30)
    cancelling = (visits["ref"] == "membership_cancel") & (visits["at"] >= now - pd.Timedelta(days=60))
    by = visits.assign(month=month, before=~month, cancelling=cancelling).groupby("customer_id")
    counted = by.agg(visits_30d=("month", "sum"), visits_before=("before", "sum"), cancel_visits_60d=("cancelling", "sum"))
    return counted.assign(visits_before=counted["visits_before"] / 3)


def _since(events: pd.DataFrame, now: pd.Timestamp, days: int) -> pd.DataFrame:
    return events[events["at"] >= now - pd.Timedelta(days=days)]
