"""Events are stored once; a correction stands beside what it corrects, so that what was known at a moment stays known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from bot.customers.event_store import Counts, store_events
from bot.customers.events import Event, Kind
from bot.database import Database, sync_engine
from bot.database.intelligence import customer_events
from bot.database.people import customers
from bot.ids import utcnow
from tests.conftest import CopyOf

AT = datetime(2026, 3, 1, 8, 30, 0, 5, tzinfo=UTC)
ORDER = Event("shop", "order:A1", "anna", Kind.ORDER_PLACED, AT, AT, 12900, "CNY", 1.0, "A1")


@pytest.fixture
def database_url(database_kind: str, copy_of: CopyOf) -> str:
    return copy_of(database_kind)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sync_engine(database_url)
    with engine.begin() as connection:
        row = {"id": "anna", "language": "zh", "objects_to_profiling": False, "created_at": AT}
        connection.execute(sa.insert(customers), [row, {**row, "id": "ben"}])
    yield engine
    engine.dispose()


def store(engine: sa.Engine, *events: Event) -> Counts:
    with engine.begin() as connection:
        return store_events(connection, events)


def rows(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(customer_events).order_by(customer_events.c.seq)))


def test_an_event_is_stored_as_it_was_told(engine: sa.Engine) -> None:
    awkward = Event("files", 'a "quoted", key', "ben", Kind.CONTACT, AT, AT, value=-0.25, ref="退货\n\\N")

    counts = store(engine, ORDER, awkward)

    assert counts == Counts(stored=2)
    first, second = rows(engine)
    assert (first.source, first.key, first.revision, first.customer_id, first.kind) == ("shop", "order:A1", 1, "anna", "order_placed")
    assert (first.at, first.created_at, first.superseded_at, first.withdrawn) == (AT, AT, None, False)
    assert (first.amount_minor, first.currency, first.value, first.ref, first.run_id) == (12900, "CNY", 1.0, "A1", None)
    assert (second.key, second.amount_minor, second.currency, second.value, second.ref) == (awkward.key, None, None, -0.25, awkward.ref)


def test_the_same_event_again_changes_nothing(engine: sa.Engine) -> None:
    store(engine, ORDER)

    again = store(engine, ORDER, msgspec.structs.replace(ORDER, created_at=None), ORDER)

    assert again == Counts(unchanged=3)
    assert len(rows(engine)) == 1


def test_a_correction_is_a_revision_known_from_its_own_time(engine: sa.Engine) -> None:
    store(engine, ORDER)
    later = AT + timedelta(days=40)

    counts = store(engine, msgspec.structs.replace(ORDER, amount_minor=9900, created_at=later))

    assert counts == Counts(corrected=1)
    old, new = rows(engine)
    assert (old.amount_minor, old.created_at, old.superseded_at) == (12900, AT, later)
    assert (new.amount_minor, new.revision, new.created_at, new.superseded_at) == (9900, 2, later, None)


def test_a_correction_cannot_claim_to_have_been_known_before_what_it_corrects(engine: sa.Engine) -> None:
    before = utcnow()
    store(engine, ORDER)

    store(engine, msgspec.structs.replace(ORDER, amount_minor=9900))
    store(engine, msgspec.structs.replace(ORDER, amount_minor=9800, created_at=AT - timedelta(days=1)))

    first, second, third = rows(engine)
    assert before <= first.superseded_at == second.created_at <= second.superseded_at == third.created_at


def test_an_event_can_be_withdrawn_and_come_back(engine: sa.Engine) -> None:
    store(engine, ORDER)

    counts = store(engine, msgspec.structs.replace(ORDER, withdrawn=True, created_at=None))
    store(engine, msgspec.structs.replace(ORDER, created_at=None))

    assert counts == Counts(corrected=1)
    assert [(row.revision, row.withdrawn, row.superseded_at is None) for row in rows(engine)] == [
        (1, False, False), (2, True, False), (3, False, True)
    ]  # fmt: skip


def test_events_of_one_key_in_one_call_count_in_their_order(engine: sa.Engine) -> None:
    forms = [
        msgspec.structs.replace(ORDER, amount_minor=amount, created_at=AT + timedelta(days=day)) for day, amount in enumerate((1, 2, 2, 3))
    ]

    counts = store(engine, *forms)

    assert counts == Counts(stored=1, corrected=2, unchanged=1)
    assert [(row.revision, row.amount_minor, row.superseded_at) for row in rows(engine)] == [
        (1, 1, AT + timedelta(days=1)), (2, 2, AT + timedelta(days=3)), (3, 3, None)
    ]  # fmt: skip


def test_the_same_key_of_another_source_is_another_event(engine: sa.Engine) -> None:
    assert store(engine, ORDER, msgspec.structs.replace(ORDER, source="crm")) == Counts(stored=2)


@pytest.mark.slow
def test_more_than_one_batch_is_stored_whole(engine: sa.Engine) -> None:
    many = [msgspec.structs.replace(ORDER, key=f"order:{number}") for number in range(5001)]

    assert store(engine, *many) == Counts(stored=5001)
    assert store(engine, *many) == Counts(unchanged=5001)


def test_a_time_without_zone_is_refused(engine: sa.Engine) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        store(engine, msgspec.structs.replace(ORDER, at=AT.replace(tzinfo=None)))


async def test_it_stores_through_the_web_apps_connection_too(engine: sa.Engine, database: Database) -> None:
    async with database.write() as connection:
        counts = await connection.run_sync(store_events, [ORDER, msgspec.structs.replace(ORDER, amount_minor=1, created_at=None)])

    assert counts == Counts(stored=1, corrected=1)
    assert [row.amount_minor for row in rows(engine)] == [12900, 1]
