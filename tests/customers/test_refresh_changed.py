"""What is new of a customer is in their record shortly after, as the refresh of everybody would have it; killed half-way it is repeated."""

from __future__ import annotations

import random
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.customers import refresh_changed as module
from bot.customers.churn.training import train
from bot.customers.due import Due, last_night, refresh_due
from bot.customers.event_store import store_events
from bot.customers.events import Event, Kind
from bot.customers.lock import refresh_lock
from bot.customers.refresh import refresh_profiles
from bot.customers.refresh_changed import refresh_changed
from bot.database import sync_engine
from bot.database.intelligence import customer_merges, source_cursors
from bot.database.people import customer_profiles, customers
from bot.ids import utcnow
from bot.settings import Settings, load_settings
from bot.shop.sample import SampleData, load
from tests.conftest import DATA_KEY, CopyOf
from tests.customers.conftest import NOW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

both_databases = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
SHANGHAI = ZoneInfo("Asia/Shanghai")
SOON = NOW + timedelta(seconds=30)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, copy_of: CopyOf, sample: SampleData, cipher: Cipher, tmp_path: Path) -> str:
    """The sample data with a live model, and everybody's record."""

    def fill(url: str) -> None:
        engine = sync_engine(url)
        load(engine, cipher, sample)
        engine.dispose()
        settings = load_settings({"YINGDA_DATA_DIR": str(tmp_path), "DATABASE_URL": url, "YINGDA_DATA_KEY": DATA_KEY.hex()}, root=tmp_path)
        train(settings, now=NOW, quick=True)
        refresh_profiles(settings, now=NOW)

    return copy_of(getattr(request, "param", "sqlite"), "served", fill)


@pytest.fixture
def served(shop_settings: Settings) -> Settings:
    return shop_settings


def records(engine: sa.Engine) -> dict[str, dict[str, Any]]:
    """Return the records without what only the refresh of everybody decides: recommendations, and when it was."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(customer_profiles.c.customer_id, customer_profiles.c.record)).tuples().all()
    without = {"recommendations", "updated_at"}
    return {customer_id: {name: value for name, value in record.items() if name not in without} for customer_id, record in rows}


def store(engine: sa.Engine, *events: Event) -> None:
    with engine.begin() as connection:
        store_events(connection, events)


@both_databases
def test_a_new_order_contact_rating_and_membership_change_the_record(served: Settings, engine: sa.Engine, ids: dict[str, str]) -> None:
    anna = ids["C000004"]
    before = records(engine)[anna]
    store(
        engine,
        Event("web", "1", anna, Kind.ORDER_PLACED, NOW, NOW, 12300, "CNY", 0.0, "W1"),
        Event("web", "2", anna, Kind.CONTACT, NOW, NOW, value=-0.9, ref="complaint"),
        Event("web", "3", anna, Kind.CSAT, NOW, NOW, value=1.0),
        Event("web", "4", anna, Kind.MEMBERSHIP_ENDED, NOW, NOW, ref="gold"),
    )

    assert refresh_changed(served, now=SOON) == 1

    after = records(engine)[anna]
    assert after["orders"] == before["orders"] + 1
    assert after["contacts"] == before["contacts"] + 1
    assert after["value_minor"] == before["value_minor"] + 12300
    assert after["membership_tier"] == ""
    assert after["churn"]["probability"] != before["churn"]["probability"]
    assert after["expected_loss_minor"] == round(after["churn"]["probability"] * after["value_minor"])
    assert refresh_changed(served, now=SOON) == 0


@both_databases
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_changed_records_are_those_of_a_refresh_of_everybody(served: Settings, engine: sa.Engine, ids: dict[str, str], seed: int) -> None:
    rng = random.Random(seed)
    told: list[Event] = []
    end = NOW + timedelta(minutes=5)  # one moment for all, since risk grows with each second
    for step in range(1, 5):
        at = NOW + timedelta(seconds=20 * step)
        with engine.begin() as connection:
            new = [some_event(rng, f"{step}:{number}", rng.choice(list(ids.values())), at, told) for number in range(15)]
            store_events(connection, new)
            told += new
            if step == 3:
                kept, merged = rng.sample(sorted(ids.values()), 2)
                merge(connection, kept, merged, end)
        refresh_changed(served, now=end)
    incremental = records(engine)

    refresh_profiles(served, now=end)

    everybody = records(engine)
    touched = {event.customer_id for event in told} & everybody.keys()
    assert incremental.keys() == everybody.keys()
    for customer_id in touched:
        assert nearly(incremental[customer_id]) == nearly(everybody[customer_id])


def some_event(rng: random.Random, key: str, customer_id: str, now: datetime, told: list[Event]) -> Event:
    """Return a new event, or one in five times a correction of an earlier one: withdrawn, another amount, another customer."""
    if told and rng.random() < 0.2:
        change: dict[str, Any] = rng.choice([{"withdrawn": True}, {"amount_minor": 777}, {"customer_id": customer_id}])
        return msgspec.structs.replace(rng.choice(told), created_at=now, **change)
    kind: Kind = rng.choice(list(Kind))
    at = now - timedelta(days=rng.choice([0, 0, 1, 100, 200, 400]))
    values = {Kind.CSAT: rng.randint(1, 5), Kind.CONTACT: rng.uniform(-1, 1), Kind.ORDER_PLACED: rng.randint(0, 1), Kind.ITEM_BOUGHT: 1}
    ref = {Kind.MEMBERSHIP_STARTED: "gold", Kind.MEMBERSHIP_ENDED: "gold", Kind.VISIT: "membership_cancel"}.get(kind, key)
    return Event("random", key, customer_id, kind, at, now, rng.randint(1, 90000), "CNY", values.get(kind), ref)


def nearly(record: dict[str, Any]) -> dict[str, Any]:
    """Sums of floats in another order differ in the last digits; the segment of the richest goes by everybody's spending."""
    churn = record["churn"] and {**record["churn"], "probability": round(record["churn"]["probability"], 9), "reasons": [
        (reason["feature"], round(reason["value"], 6), round(reason["contribution"], 6)) for reason in record["churn"]["reasons"]
    ]}  # fmt: skip
    segment = "loyal" if record["segment"] == "champion" else record["segment"]
    return {**record, "churn": churn, "segment": segment}


def merge(connection: sa.Connection, kept: str, merged: str, at: datetime) -> None:
    row = {"id": "m1", "kept_id": kept, "merged_id": merged, "why": "verified_phone", "actor": "test", "created_at": at}
    connection.execute(sa.insert(customer_merges).values(row))
    connection.execute(sa.update(customers).where(customers.c.id == merged).values(merged_into=kept))


def test_killed_before_the_cursor_moved_it_does_the_same_again(
    served: Settings, engine: sa.Engine, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store(engine, Event("web", "1", ids["C000004"], Kind.ORDER_PLACED, NOW, NOW, 100, "CNY", 0.0, "W1"))

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "set_cursor", killed)
        refresh_changed(served, now=SOON)
    once = records(engine)

    assert refresh_changed(served, now=SOON) == 1
    assert records(engine) == once


@both_databases
def test_two_refreshes_never_run_at_once(served: Settings, engine: sa.Engine) -> None:
    with refresh_lock(served, engine, wait=False) as held:
        assert held
        assert refresh_changed(served, now=SOON) is None

    assert refresh_changed(served, now=SOON) == 0


def test_an_objection_takes_the_record_away(served: Settings, engine: sa.Engine, ids: dict[str, str]) -> None:
    anna = ids["C000004"]
    with engine.begin() as connection:
        connection.execute(sa.update(customers).where(customers.c.id == anna).values(objects_to_profiling=True))
    store(engine, Event("web", "1", anna, Kind.ORDER_PLACED, NOW, NOW, 100, "CNY", 0.0, "W1"))

    refresh_changed(served, now=SOON)

    assert anna not in records(engine)


def test_where_nothing_was_ever_refreshed_everybody_is(served: Settings, engine: sa.Engine, ids: dict[str, str]) -> None:
    with engine.begin() as connection:
        connection.execute(sa.delete(source_cursors))
        connection.execute(sa.delete(customer_profiles))

    assert refresh_changed(served, now=NOW) == len(ids) == len(records(engine))


def test_what_is_due_is_seen_without_reading_much(served: Settings, engine: sa.Engine, ids: dict[str, str]) -> None:
    morning = last_night(NOW, SHANGHAI)
    with engine.begin() as connection:
        assert refresh_due(connection, now=SOON, timezone=SHANGHAI) is None
        assert refresh_due(connection, now=morning + timedelta(hours=23, minutes=59), timezone=SHANGHAI) is None
        assert refresh_due(connection, now=morning + timedelta(hours=24), timezone=SHANGHAI) is Due.EVERYBODY
        store_events(connection, [Event("web", "1", ids["C000004"], Kind.CSAT, NOW, NOW, value=1.0)])
        assert refresh_due(connection, now=SOON, timezone=SHANGHAI) is Due.CHANGED


def test_the_night_is_that_of_the_companys_time_zone() -> None:
    assert last_night(datetime(2026, 6, 1, 18, 59, tzinfo=ZoneInfo("UTC")), SHANGHAI).astimezone(SHANGHAI).day == 1
    assert last_night(datetime(2026, 6, 1, 19, 0, tzinfo=ZoneInfo("UTC")), SHANGHAI).astimezone(SHANGHAI).day == 2


def test_the_child_process_does_it(served: Settings, engine: sa.Engine, ids: dict[str, str]) -> None:
    before, lately = records(engine)[ids["C000004"]], utcnow() - timedelta(minutes=1)
    store(engine, Event("web", "1", ids["C000004"], Kind.CSAT, lately, lately, value=1.0))
    environment = {"YINGDA_DATA_DIR": str(served.data_dir), "DATABASE_URL": served.database_url, "YINGDA_DATA_KEY": served.data_key}

    done = subprocess.run(
        [sys.executable, "-m", "bot.customers.refresh_changed"], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "INFO __main__: refreshed" in done.stderr
    assert records(engine)[ids["C000004"]]["csat_mean"] < before["csat_mean"]
