"""The same SQL gives the same rows in DuckDB over tables, over Parquet, and in the database; both times of an event are respected."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pandas as pd
import pytest
import sqlalchemy as sa

from bot.customers.event_store import store_events
from bot.customers.events import Event, Kind
from bot.customers.features import HORIZON, features_at, features_of, historical_features, model_views, training_set
from bot.customers.features.engines import DatabaseEngine, DuckEngine
from bot.customers.features.registry import FOLDER, parse, views
from bot.customers.features.tables import SOURCES
from bot.database.people import customers
from bot.errors import InputError
from tests.customers.conftest import NOW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]  # the first test of a session makes the sample data

both_databases = pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)
THEN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def duckdb(engine: sa.Engine) -> Iterator[DuckEngine]:
    earliest = NOW - HORIZON
    with engine.connect() as connection, DuckEngine.over_database(connection, views().values(), earliest) as duckdb:
        yield duckdb


@both_databases
@pytest.mark.parametrize("observed_at", [NOW, NOW - HORIZON], ids=["now", "then"])
def test_every_view_is_equal_in_duckdb_and_in_the_database(engine: sa.Engine, duckdb: DuckEngine, observed_at: datetime) -> None:
    with engine.connect() as connection:
        database = DatabaseEngine(connection)
        for view in views().values():
            keys = list(view.keys)
            ours = database.run_sql(view, observed_at=observed_at, until=observed_at + HORIZON).sort_values(keys, ignore_index=True)
            theirs = duckdb.run_sql(view, observed_at=observed_at, until=observed_at + HORIZON).sort_values(keys, ignore_index=True)
            assert len(ours) or view.name == "traits" or (view.name, observed_at) == ("outcomes", NOW)
            pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, obj=view.name)


def test_parquet_gives_what_the_tables_give(duckdb: DuckEngine, tmp_path: Path) -> None:
    for source in SOURCES:
        duckdb.duckdb.execute(f"COPY {source.table} TO '{tmp_path}/{source.table}.parquet'")

    with DuckEngine.over_parquet(tmp_path) as parquet:
        pd.testing.assert_frame_equal(features_of(parquet, NOW), features_of(duckdb, NOW))


@both_databases
def test_some_customers_have_the_features_that_all_together_have(engine: sa.Engine, ids: dict[str, str]) -> None:
    some = sorted(ids.values())[::7]

    with engine.connect() as connection:
        everybody, these = features_at(connection, NOW), features_at(connection, NOW, customers=some)

    pd.testing.assert_frame_equal(everybody.loc[some], these, check_dtype=False)


@both_databases
def test_a_late_correction_does_not_leak_into_the_past(engine: sa.Engine) -> None:
    order = Event("crm", "o1", "late", Kind.ORDER_PLACED, THEN - timedelta(days=9), THEN - timedelta(days=9), 100, "CNY", 0.0, "o1")
    lost = Event("crm", "o2", "late", Kind.ORDER_PLACED, THEN - timedelta(days=5), THEN + timedelta(days=20), 100, "CNY", 0.0, "o2")
    with engine.begin() as connection:
        add_customer(connection, "late")
        store_events(connection, [order, lost])  # the second happened before THEN, and was heard of afterwards
        before = features_at(connection, THEN, customers=["late"])
        store_events(connection, [msgspec.structs.replace(order, withdrawn=True, created_at=THEN + timedelta(days=30))])

        after = features_at(connection, THEN, customers=["late"])
        later = features_at(connection, THEN + timedelta(days=60), customers=["late"])

    pd.testing.assert_frame_equal(before, after)
    assert before.loc["late", "orders_180d"] == 1
    assert later.loc["late", "orders_180d"] == 1
    assert later.loc["late", "last_order_at"] == lost.at


@both_databases
def test_the_label_knows_corrections_and_the_features_nothing_of_it(engine: sa.Engine) -> None:
    old = Event("crm", "o1", "gone", Kind.ORDER_PLACED, THEN - timedelta(days=9), THEN - timedelta(days=9), 100, "CNY", 0.0, "o1")
    next_ = Event("crm", "o2", "gone", Kind.ORDER_PLACED, THEN, THEN, 100, "CNY", 0.0, "o2")
    with engine.begin() as connection:
        add_customer(connection, "gone")
        store_events(connection, [old])
        alone, left = training_set(connection, THEN)
        store_events(connection, [next_])
        table, stays = training_set(connection, THEN)
        store_events(connection, [msgspec.structs.replace(next_, withdrawn=True, created_at=None)])
        _, corrected = training_set(connection, THEN)

    assert (left["gone"], stays["gone"], corrected["gone"]) == (1, 0, 1)
    pd.testing.assert_frame_equal(alone, table)
    assert not {"churned", "orders_after", "memberships_ended"} & set(table.columns)


def test_merged_records_are_one_person_until_the_merge_is_undone(engine: sa.Engine, ids: dict[str, str]) -> None:
    kept, merged = ids["C000001"], ids["C000002"]
    with engine.begin() as connection:
        apart = features_at(connection, NOW, customers=[kept, merged])
        connection.execute(sa.update(customers).where(customers.c.id == merged).values(merged_into=kept))
        together = features_at(connection, NOW, customers=[kept])
        everybody = features_at(connection, NOW)

    assert together.loc[kept, "orders_placed"] == apart["orders_placed"].sum()
    assert merged not in everybody.index
    assert everybody.loc[kept, "orders_placed"] == apart["orders_placed"].sum()


def test_who_objects_under_one_record_objects_under_all(engine: sa.Engine, ids: dict[str, str]) -> None:
    kept, merged = ids["C000001"], ids["C000002"]
    with engine.begin() as connection:
        connection.execute(sa.update(customers).where(customers.c.id == merged).values(merged_into=kept, objects_to_profiling=True))

        assert kept not in features_at(connection, NOW).index
        assert features_at(connection, NOW, customers=[kept]).empty


def test_an_event_older_than_the_ttl_is_not_seen(engine: sa.Engine, duckdb: DuckEngine, ids: dict[str, str]) -> None:
    anna = ids["C000001"]
    with engine.begin() as connection:
        for days, expected in ((119, 1), (121, 0)):
            at = NOW + timedelta(days=1000)
            visit = Event("web", f"v{days}", anna, Kind.VISIT, at - timedelta(days=days), at - timedelta(days=days), ref="home")
            store_events(connection, [visit])
            rows = DatabaseEngine(connection).run_sql(views()["visits"], observed_at=at, customers=[anna])
            assert rows["visits_before"].sum() * 3 == expected
            at += timedelta(days=1000)
            store_events(connection, [msgspec.structs.replace(visit, withdrawn=True, created_at=None)])


def test_historical_features_are_each_of_their_own_moment(engine: sa.Engine, ids: dict[str, str]) -> None:
    anna, ben = ids["C000001"], ids["C000003"]
    moments = pd.DataFrame({"customer_id": [ben, anna, anna], "observed_at": [NOW, NOW - HORIZON, NOW]})

    with engine.connect() as connection:
        table = historical_features(connection, moments)
        then, now = features_at(connection, NOW - HORIZON), features_at(connection, NOW)

    assert list(table["orders_placed"]) == [now.loc[ben, "orders_placed"], then.loc[anna, "orders_placed"], now.loc[anna, "orders_placed"]]


def test_each_column_of_the_models_views_has_a_meaning_in_both_languages() -> None:
    for view in model_views():
        for column in view.columns:
            assert column.meaning.keys() == {"zh", "en"}
    assert "ratings:csat_mean" in views()["ratings"].refs()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("-- owner: customer intelligence\n", ""), "no `-- owner: …`"),
        (("ttl: 365 days", "ttl: a year"), "write `forever` or `N days`"),
        (("(count)", "(int)"), "has the type 'int'"),
        (("kinds: order_cancelled", "kinds: order"), "kinds 'order'"),
        (("entity: customer", "entity: shop"), "entity 'shop'"),
    ],
)
def test_a_header_that_lacks_something_is_refused(change: tuple[str, str], says: str) -> None:
    text = (FOLDER / "cancellations.sql").read_text(encoding="utf8")

    with pytest.raises(InputError, match=says):
        parse("cancellations", text.replace(*change))


def add_customer(connection: sa.Connection, key: str) -> None:
    row = {"id": key, "language": "zh", "objects_to_profiling": False, "created_at": THEN - timedelta(days=30)}
    connection.execute(sa.insert(customers).values(row))
