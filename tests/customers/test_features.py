"""Features as they were at a moment: right on a customer made by hand, and blind to what came later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from bot.customers.features import HORIZON, NAMES, features_at, latest_activity, training_set
from bot.customers.follow import follow
from bot.database.intelligence import customer_events
from bot.database.people import customers
from bot.database.shop import contacts, memberships, order_lines, orders, page_visits, returns, shipments, shop_customers, tracking_events
from bot.shop.sample import SampleData
from tests.customers.conftest import NOW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]  # the first test of a session makes the sample data

THEN = NOW - HORIZON
MADE_AT = datetime(2026, 5, 1, tzinfo=UTC)
both_databases = pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)


def forget_everything_since(connection: sa.Connection, moment: datetime) -> None:
    """Bring the tables to what a database of that moment held, as far as features may look at it, and its events with them."""
    late_orders = sa.select(orders.c.number).where(orders.c.placed_at >= moment)
    connection.execute(sa.delete(returns).where(returns.c.requested_at >= moment))
    connection.execute(sa.delete(tracking_events).where(tracking_events.c.at >= moment))
    connection.execute(sa.delete(page_visits).where(page_visits.c.at >= moment))
    connection.execute(sa.delete(contacts).where(contacts.c.at >= moment))
    connection.execute(sa.text("DELETE FROM shop_invoices"))
    late_shipments = sa.select(shipments.c.tracking_number).where(shipments.c.shipped_at >= moment)
    connection.execute(sa.delete(tracking_events).where(tracking_events.c.tracking_number.in_(late_shipments)))
    connection.execute(sa.delete(shipments).where(shipments.c.shipped_at >= moment))
    connection.execute(sa.update(shipments).where(shipments.c.delivered_at >= moment).values(delivered_at=None, status="in_transit"))
    connection.execute(sa.delete(order_lines).where(order_lines.c.order_number.in_(late_orders)))
    connection.execute(sa.delete(orders).where(orders.c.placed_at >= moment))
    connection.execute(sa.update(memberships).where(memberships.c.cancelled_at >= moment).values(cancelled_at=None, status="active"))
    connection.execute(sa.delete(memberships).where(memberships.c.started_at >= moment))
    connection.execute(sa.delete(customer_events))
    follow(connection, everything=True, now=moment)


@both_databases
def test_what_happens_later_changes_no_feature(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        with_the_future = features_at(connection, THEN)

    with engine.begin() as connection:
        forget_everything_since(connection, THEN)
        without_it = features_at(connection, THEN)

    assert len(with_the_future) > 200
    pd.testing.assert_frame_equal(with_the_future, without_it, check_dtype=False)


@both_databases
def test_the_label_is_what_truly_happened(engine: sa.Engine, sample: SampleData, ids: dict[str, str]) -> None:
    with engine.connect() as connection:
        _, churned = training_set(connection, THEN)

    truth = {ids[one.customer_id]: int(one.churned) for one in sample.truth}
    assert {customer: label for customer, label in churned.items() if customer in truth} == truth


def test_who_had_nothing_to_leave_is_not_in_the_training_set(engine: sa.Engine, sample: SampleData, ids: dict[str, str]) -> None:
    with engine.connect() as connection:
        table, _ = training_set(connection, THEN)

    scripted = {ids[f"C00000{number}"] for number in (1, 2, 3, 4)}
    assert set(table.index) - scripted == {ids[one.customer_id] for one in sample.truth}


def test_who_objects_to_profiling_is_in_no_feature_and_no_training_set(engine: sa.Engine, ids: dict[str, str]) -> None:
    with engine.begin() as connection:
        connection.execute(sa.update(customers).where(customers.c.shop_customer_id == "C000001").values(objects_to_profiling=True))
        table, _ = training_set(connection, THEN)
        features = features_at(connection, NOW)

    assert ids["C000001"] not in table.index
    assert ids["C000001"] not in features.index


def test_features_of_a_customer_made_by_hand(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        make_customer(connection)
        row = features_at(connection, MADE_AT).loc["h1"]

    assert {name: round(float(row[name]), 2) for name in NAMES} == {
        "days_since_order": 20.0,
        "orders_180d": 2.0,
        "troubled_180d": 1.0,
        "csat_mean": 3.0,
        "returns_365d": 0.0,
        "coupon_share": 0.33,
        "cancel_visits_60d": 1.0,
        "visits_drop": 1.0,
        "tenure_days": 400.0,
        "tier_rank": 2.0,
    }


def test_a_membership_cancelled_later_was_active_then(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        make_customer(connection)
        before = features_at(connection, MADE_AT + timedelta(days=3)).loc["h1"]
        after = features_at(connection, MADE_AT + timedelta(days=6)).loc["h1"]

    assert before["tier"] == "gold"
    assert after["tier"] == ""


def test_latest_activity_is_not_in_the_future(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        latest = latest_activity(connection, NOW)
        earlier = latest_activity(connection, THEN)
        never = latest_activity(connection, NOW - timedelta(days=9999))

    assert latest is not None
    assert NOW - timedelta(days=1) < latest <= NOW
    assert earlier is not None
    assert earlier <= THEN
    assert never is None


def make_customer(connection: sa.Connection) -> None:
    """H1: orders 300, 90 and 20 days ago and one a day later; the second late; two ratings; fewer visits than before."""
    ago = {days: MADE_AT - timedelta(days=days) for days in (-5, -1, 10, 20, 40, 50, 70, 80, 81, 82, 90, 300, 400)}
    connection.execute(
        sa.insert(shop_customers).values(
            customer_id="H1", language="zh", city_zh="", city_en="", country="CN", identity=b"", registered_at=ago[400]
        )
    )
    connection.execute(
        sa.insert(customers).values(id="h1", shop_customer_id="H1", language="zh", objects_to_profiling=False, created_at=ago[400])
    )
    for days, coupon in ((300, "SALE"), (90, None), (20, None), (-1, "SALE")):
        make_order(connection, f"H-{days}", ago[days], coupon)
    connection.execute(
        sa.insert(shipments).values(
            tracking_number="HT", order_number="H-90", carrier="", status="delivered", shipped_at=ago[82], delivered_at=ago[80]
        )
    )
    connection.execute(
        sa.insert(contacts),
        [{"customer_id": "H1", "topic": "", "channel": "", "csat": csat, "resolved": True, "at": ago[days]} for csat, days in SCORES],
    )
    connection.execute(sa.insert(page_visits), [{"customer_id": "H1", "page": page, "sku": None, "at": ago[days]} for page, days in VISITS])
    connection.execute(
        sa.insert(memberships).values(
            customer_id="H1", tier="gold", status="cancelled", started_at=ago[300], renews_at=ago[-5] + timedelta(days=60),
            cancelled_at=ago[-5], price_minor=16800, currency="CNY",
        )
    )  # fmt: skip
    follow(connection, everything=True, now=NOW)


SCORES = [(2, 40), (4, 10), (None, 10), (1, -1)]
VISITS = [("home", 10), ("membership_cancel", 50), ("home", 40), *[("home", 70)] * 4, ("membership_cancel", -1)]


def make_order(connection: sa.Connection, number: str, placed_at: datetime, coupon: str | None) -> None:
    connection.execute(
        sa.insert(orders).values(
            number=number, customer_id="H1", status="delivered", payment_status="paid", payment_method="alipay", total_minor=100,
            currency="CNY", receiver=b"", coupon=coupon, placed_at=placed_at, promised_at=placed_at + timedelta(days=4),
        )
    )  # fmt: skip
