"""What the shop and our own conversations hold becomes events, each once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.customers.event_store import Counts
from bot.customers.follow import anything_new, follow
from bot.database.conversations import conversations, feedback, inboxes, messages, threads
from bot.database.intelligence import customer_events
from bot.database.shop import memberships, order_lines, orders, shipments, tracking_events
from tests.customers.conftest import NOW

pytestmark = pytest.mark.timeout(60)  # the first test of a session makes the sample data

both_databases = pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)
SOON = NOW + timedelta(minutes=5)


def events(connection: sa.Connection, **where: object) -> list[sa.Row[tuple[object, ...]]]:
    query = sa.select(customer_events).filter_by(**where).order_by(customer_events.c.seq)
    return list(connection.execute(query))


@both_databases
def test_following_again_finds_nothing_new(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        before = connection.execute(sa.select(sa.func.count()).select_from(customer_events)).scalar_one()

        assert not anything_new(connection, now=NOW)
        assert follow(connection, everything=True, now=NOW) == Counts()
        assert connection.execute(sa.select(sa.func.count()).select_from(customer_events)).scalar_one() == before > 1000


@both_databases
def test_a_deed_at_the_shop_is_found_without_reading_everything(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        order = connection.execute(sa.select(orders).where(orders.c.cancelled_at.is_(None)).limit(1)).one()
        placed = {**order._mapping, "number": "NEW-1", "placed_at": SOON, "promised_at": SOON + timedelta(days=3)}
        connection.execute(sa.insert(orders).values(placed))
        line = {"id": "NEW-1-1", "order_number": "NEW-1", "sku": connection.execute(sa.select(order_lines.c.sku).limit(1)).scalar_one()}
        connection.execute(sa.insert(order_lines).values(**line, quantity=2, price_minor=500))

        assert anything_new(connection, now=SOON)
        assert follow(connection, now=SOON) == Counts(stored=2)

        bought = events(connection, key="line:NEW-1-1")[0]
        assert (bought.kind, bought.amount_minor, bought.value, bought.at, bought.created_at) == ("item_bought", 1000, 2.0, SOON, SOON)
        assert not anything_new(connection, now=SOON)


@both_databases
def test_a_cancelled_order_is_an_event_and_its_items_are_withdrawn(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        number, lines = connection.execute(
            sa.select(orders.c.number, sa.func.count()).join(order_lines).where(orders.c.cancelled_at.is_(None)).group_by(orders.c.number)
        ).first()  # type: ignore[misc]
        connection.execute(sa.update(orders).where(orders.c.number == number).values(cancelled_at=SOON, status="cancelled"))

        assert follow(connection, now=SOON) == Counts(stored=1, corrected=lines)

        assert [row.at for row in events(connection, key=f"cancelled:{number}")] == [SOON]
        items = [row for row in events(connection, kind="item_bought", withdrawn=True) if row.key.startswith(f"line:{number}-")]
        assert {row.created_at for row in items} == {SOON}


def test_a_parcel_is_late_from_when_it_was_promised(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        order = connection.execute(sa.select(orders).where(orders.c.cancelled_at.is_(None)).limit(1)).one()
        placed = {**order._mapping, "number": "NEW-2", "placed_at": NOW - timedelta(days=3), "promised_at": SOON}
        connection.execute(sa.insert(orders).values(placed))
        parcel = {"tracking_number": "T2", "order_number": "NEW-2", "carrier": "", "status": "in_transit"}
        connection.execute(sa.insert(shipments).values(**parcel, shipped_at=NOW - timedelta(days=2)))

        follow(connection, everything=True, now=SOON - timedelta(seconds=1))
        assert not events(connection, key="late:NEW-2")
        follow(connection, now=SOON + timedelta(seconds=1))
        follow(connection, now=SOON + timedelta(days=1))

        assert [row.at for row in events(connection, key="late:NEW-2")] == [SOON]


@both_databases
@pytest.mark.parametrize(("code", "stands"), [("in_transit", False), ("delayed", True)])
def test_a_late_delivery_is_withdrawn_when_the_parcel_was_in_time_after_all(engine: sa.Engine, code: str, stands: bool) -> None:
    tomorrow = SOON + timedelta(days=1)
    with engine.begin() as connection:
        order = connection.execute(sa.select(orders).where(orders.c.cancelled_at.is_(None)).limit(1)).one()
        placed = {**order._mapping, "number": "NEW-3", "placed_at": NOW - timedelta(days=3), "promised_at": NOW}
        connection.execute(sa.insert(orders).values(placed))
        parcel = {"tracking_number": "T3", "order_number": "NEW-3", "carrier": "", "status": "in_transit"}
        connection.execute(sa.insert(shipments).values(**parcel, shipped_at=NOW - timedelta(days=2)))
        happened = {"tracking_number": "T3", "at": NOW - timedelta(days=1), "code": code, "position": 1, "city_zh": "", "city_en": ""}
        connection.execute(sa.insert(tracking_events).values(happened))
        follow(connection, now=SOON)
        delivered = sa.update(shipments).where(shipments.c.tracking_number == "T3").values(delivered_at=NOW - timedelta(hours=1))
        connection.execute(delivered)

        assert anything_new(connection, now=tomorrow) is not stands
        found = follow(connection, now=tomorrow)

        assert found == Counts(corrected=0 if stands else 1)
        assert not anything_new(connection, now=tomorrow)
        newest = events(connection, key="late:NEW-3")[-1]
        assert newest.withdrawn is not stands


def test_who_joins_again_starts_another_membership(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        member = connection.execute(sa.select(memberships).where(memberships.c.status == "active").limit(1)).one()
        mine = sa.update(memberships).where(memberships.c.customer_id == member.customer_id)
        connection.execute(mine.values(status="cancelled", cancelled_at=NOW))
        follow(connection, now=NOW)
        connection.execute(mine.values(status="active", cancelled_at=None, started_at=SOON, tier="platinum"))
        follow(connection, now=SOON)

        kinds = Counter(row.kind for row in events(connection) if row.key.startswith("member") and f":{member.customer_id}:" in row.key)
        assert kinds["membership_started"] == 2
        assert kinds["membership_ended"] == 1


@both_databases
def test_our_own_conversations_are_contacts_and_their_ratings_csat(engine: sa.Engine, ids: dict[str, str]) -> None:
    anna = ids["C000001"]
    with engine.begin() as connection:
        connection.execute(sa.insert(inboxes).values(id="website", channel="website", name="", created_at=NOW))
        thread = {"id": "t", "inbox_id": "website", "channel_user": "v", "language": "zh", "customer_id": anna, "created_at": NOW}
        connection.execute(sa.insert(threads).values(thread))
        conversation = {"id": "c", "thread_id": "t", "status": "bot", "epoch": 1, "language": "zh", "created_at": NOW, "updated_at": SOON}
        connection.execute(sa.insert(conversations).values(conversation))
        said = [("customer", {"intent": "track_order", "sentiment": -0.6}), ("bot", {}), ("customer", {"sentiment": -0.1})]
        rows = [
            {
                "id": f"m{seq}",
                "thread_id": "t",
                "conversation_id": "c",
                "seq": seq,
                "sender": sender,
                "text": "",
                "payload": payload,
                "created_at": NOW,
            }
            for seq, (sender, payload) in enumerate(said, 1)
        ]
        connection.execute(sa.insert(messages), rows)
        connection.execute(sa.insert(feedback).values(conversation_id="c", csat=2, created_at=SOON))

        assert anything_new(connection, now=SOON)
        assert follow(connection, now=SOON) == Counts(stored=2)
        assert follow(connection, now=SOON) == Counts(unchanged=2)

        contact, rating = events(connection, source="yingda")
        assert (contact.customer_id, contact.kind, contact.value, contact.ref, contact.at) == (anna, "contact", -0.6, "track_order", NOW)
        assert (rating.kind, rating.value, rating.at) == ("csat", 2.0, SOON)
