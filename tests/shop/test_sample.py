"""The sample data: the same for the same seed, consistent, and with churn that behaviour explains and nothing gives away."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.database import sync_engine
from bot.database.people import customer_identities, customers
from bot.errors import ConflictError, InputError
from bot.shop.sample import SampleData, generate, load, write_truth
from bot.shop.sample.catalogue import load_range
from bot.shop.sample.churn import snapshot
from bot.shop.sample.customers import make_customer
from bot.shop.sample.living import World, dice
from bot.shop.sample.people import People
from bot.shop.sample.rows import Row
from tests.shop.conftest import HAPPY, LEAVING, LOYAL, NOW, WAITING

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def data() -> SampleData:
    return generate(400, seed=7, now=NOW)


def by(rows: list[Row], column: str) -> dict[object, list[Row]]:
    found: dict[object, list[Row]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return found


def test_the_same_seed_and_moment_give_the_same_data() -> None:
    first, again, other = generate(30, seed=3, now=NOW), generate(30, seed=3, now=NOW), generate(30, seed=4, now=NOW)

    assert first == again
    assert first.rows != other.rows


def test_the_catalogue_has_150_products_with_names_in_both_languages(data: SampleData) -> None:
    products = data.rows["shop_products"]

    assert len({row["sku"] for row in products}) == 150
    assert len({row["name_zh"] for row in products}) == len({row["name_en"] for row in products}) == 150
    assert all(row["name_en"].isascii() and not row["name_zh"].isascii() and row["price_minor"] > 0 for row in products)


def test_customers_are_chinese_and_international_with_phones_that_are_nobodys(data: SampleData) -> None:
    people = data.rows["shop_customers"]
    chinese = [row for row in people if row["language"] == "zh"]

    assert [row["customer_id"] for row in people] == [f"C{number:06d}" for number in range(1, 401)]
    assert 0.55 < len(chinese) / len(people) < 0.75
    for row in people:
        phone, email = row["identity"]["phone"], row["identity"]["email"]
        assert phone.startswith(("+86154", "+447700900")) or (phone[0:2] == "+1" and phone[5:10] == "55501")
        assert email.endswith("@example.com")


def test_every_order_adds_up_and_names_what_exists(data: SampleData) -> None:
    skus = {row["sku"] for row in data.rows["shop_products"]}
    people = {row["customer_id"] for row in data.rows["shop_customers"]}
    coupons = {(row["customer_id"], row["code"]) for row in data.rows["shop_coupons"]}
    lines = by(data.rows["shop_order_lines"], "order_number")
    orders = data.rows["shop_orders"]

    assert len({order["number"] for order in orders}) == len(orders)
    assert set(lines) == {order["number"] for order in orders}
    for order in orders:
        mine = lines[order["number"]]
        assert order["total_minor"] == sum(line["price_minor"] * line["quantity"] for line in mine)
        assert order["customer_id"] in people
        assert {line["sku"] for line in mine} <= skus
        assert order["coupon"] is None or (order["customer_id"], order["coupon"]) in coupons


def test_every_order_lies_in_its_time(data: SampleData) -> None:
    registered = {row["customer_id"]: row["registered_at"] for row in data.rows["shop_customers"]}
    shipments = {row["order_number"]: row for row in data.rows["shop_shipments"]}
    events = by(data.rows["shop_tracking_events"], "tracking_number")

    for order in data.rows["shop_orders"]:
        assert max(registered[order["customer_id"]], NOW - 730 * DAY) <= order["placed_at"] <= NOW
        shipment = shipments.get(order["number"])
        assert (shipment is not None) == (order["status"] in {"shipped", "delivered"})
        if shipment is None:
            continue
        times = [event["at"] for event in events[shipment["tracking_number"]]]
        assert order["placed_at"] < times[0] == shipment["shipped_at"]
        assert times == sorted(times)
        assert times[-1] <= NOW
        assert (order["status"] == "delivered") == (shipment["delivered_at"] is not None) == (shipment["status"] == "delivered")


def test_orders_are_in_every_state_and_some_are_late(data: SampleData) -> None:
    orders = data.rows["shop_orders"]
    statuses = Counter(order["status"] for order in orders)
    delivered = {row["order_number"]: row["delivered_at"] for row in data.rows["shop_shipments"] if row["delivered_at"]}
    late = sum(delivered[order["number"]] > order["promised_at"] for order in orders if order["number"] in delivered)

    assert {"paid", "shipped", "delivered", "cancelled"} <= set(statuses)
    assert 0.05 < late / len(delivered) < 0.25
    assert any(at > NOW - 7 * DAY for at in delivered.values())


def test_returns_and_invoices_belong_to_orders_of_their_time(data: SampleData) -> None:
    orders = {row["number"]: row for row in data.rows["shop_orders"]}
    lines = {row["id"]: row for row in data.rows["shop_order_lines"]}
    delivered = {row["order_number"]: row["delivered_at"] for row in data.rows["shop_shipments"]}

    for sent in data.rows["shop_returns"]:
        line = lines[sent["order_line_id"]]
        assert delivered[line["order_number"]] < sent["requested_at"] <= NOW
        assert sent["amount_minor"] == line["price_minor"] * line["quantity"]
    for invoice in data.rows["shop_invoices"]:
        order = orders[invoice["order_number"]]
        assert order["payment_status"] == "paid"
        assert order["placed_at"] < invoice["issued_at"] <= NOW
        assert invoice["amount_minor"] == order["total_minor"]


def test_memberships_agree_with_their_dates(data: SampleData) -> None:
    for row in data.rows["shop_memberships"]:
        assert row["started_at"] <= NOW
        assert (row["status"] == "cancelled") == (row["cancelled_at"] is not None)
        assert (row["renews_at"] >= NOW) or row["status"] != "active"
        assert row["cancelled_at"] is None or row["started_at"] < row["cancelled_at"] <= NOW


def test_who_left_shows_in_the_data_and_who_stayed_too(data: SampleData) -> None:
    """The label can be had from the tables alone: cancelled within the horizon, or no order in it."""
    ordered = by([order for order in data.rows["shop_orders"] if order["placed_at"] >= data.observed_at], "customer_id")
    cancelled = {
        row["customer_id"] for row in data.rows["shop_memberships"] if row["cancelled_at"] and row["cancelled_at"] >= data.observed_at
    }

    for truth in data.truth:
        left = truth.customer_id in cancelled or truth.customer_id not in ordered
        assert left == truth.churned, truth


def test_churn_follows_its_probability(data: SampleData) -> None:
    expected = sum(truth.probability for truth in data.truth)
    spread = math.sqrt(sum(truth.probability * (1 - truth.probability) for truth in data.truth))

    assert abs(sum(truth.churned for truth in data.truth) - expected) < 3 * spread
    assert 0.15 < expected / len(data.truth) < 0.35
    assert min(truth.probability for truth in data.truth) < 0.05 < 0.7 < max(truth.probability for truth in data.truth)


@pytest.mark.parametrize("number", range(50, 62))
def test_who_will_leave_has_the_same_past_as_if_they_stayed(number: int) -> None:
    def past(leaving: float) -> list[object]:
        world = World(load_range(), People(), NOW)
        history, _ = make_customer(world, dice(1, number), number, leaving=lambda *_: leaving)
        purchases = [purchase for purchase in history.purchases if purchase.placed_at < observed_at]
        visits = [visit for visit in history.visits if visit.at < observed_at]
        return [snapshot(history, observed_at), purchases, visits, history.person, history.registered_at]

    observed_at = NOW - 90 * DAY

    assert past(leaving=0.0) == past(leaving=1.0)


def test_the_four_customers_of_the_demo_have_what_is_to_be_tried(data: SampleData) -> None:
    orders = by(sorted(data.rows["shop_orders"], key=lambda row: row["placed_at"]), "customer_id")
    members = {row["customer_id"]: (row["tier"], row["status"]) for row in data.rows["shop_memberships"]}
    cancel_visits = Counter(row["customer_id"] for row in data.rows["shop_page_visits"] if row["page"] == "membership_cancel")

    assert [order["status"] for order in orders[LOYAL][-2:]] == ["delivered", "shipped"]
    assert [order["status"] for order in orders[WAITING][-2:]] == ["shipped", "paid"]
    assert (members[LOYAL], members[LEAVING], members[HAPPY]) == (("gold", "active"), ("gold", "active"), ("platinum", "active"))
    assert cancel_visits[LEAVING] >= 3 > cancel_visits[HAPPY] == 0
    assert {LOYAL, WAITING, LEAVING, HAPPY}.isdisjoint(truth.customer_id for truth in data.truth)


def test_the_truth_goes_into_a_file_of_its_own(data: SampleData, tmp_path: Path) -> None:
    path = write_truth(data, tmp_path / "truth")

    with path.open(encoding="utf8") as file:
        rows = list(csv.DictReader(file))
    assert path.name == "churn_truth.csv"
    assert len(rows) == len(data.truth)
    assert set(rows[0]) == {"customer_id", "probability", "churned", "observed_at"}


@pytest.fixture
def engine(sqlite_template: Path, tmp_path: Path) -> Iterator[sa.Engine]:
    path = tmp_path / "sample.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    engine = sync_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


def test_identities_are_encrypted_and_found_by_phone(engine: sa.Engine, cipher: Cipher, sample: SampleData) -> None:
    seen: list[tuple[str, int, int]] = []
    load(engine, cipher, sample, progress=lambda *step: seen.append(step))

    query = (
        sa.select(customers.c.shop_customer_id, customer_identities.c.name)
        .join(customers, customers.c.id == customer_identities.c.customer_id)
        .where(customer_identities.c.phone_index == cipher.index("+8615486201357", column="customer_identities.phone"))
    )
    with engine.connect() as connection:
        (row,) = connection.execute(query).all()
    assert (row.shop_customer_id, cipher.decrypt(row.name, column="customer_identities.name")) == (LOYAL, "林悦")
    assert seen[-1][0] == "load"
    assert seen[-1][1] == seen[-1][2]


def test_sample_data_never_goes_where_customers_are(engine: sa.Engine, cipher: Cipher, sample: SampleData) -> None:
    load(engine, cipher, sample)

    with pytest.raises(ConflictError, match="12 customers already"):
        load(engine, cipher, sample)


def test_too_few_customers_are_refused() -> None:
    with pytest.raises(InputError, match="4 to"):
        generate(3, now=NOW)
