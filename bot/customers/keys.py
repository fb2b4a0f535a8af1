"""From a source's keys to customers, making those that are not known yet. Light: the web app imports it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from bot.customers.event_store import WRITERS_LOCK, sqlite_time
from bot.database.intelligence import customer_keys
from bot.database.people import customers
from bot.ids import new_id


def lock_writers(connection: sa.Connection) -> None:
    """Keep other writers of customers and events away until the transaction ends; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITERS_LOCK)))


def among(connection: sa.Connection, column: sa.ColumnElement[Any], values: Iterable[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a column has one of these values: one parameter, however many there are."""
    if connection.dialect.name == "sqlite":
        listed = sa.func.json_each(msgspec.json.encode(list(values)).decode()).table_valued("value")
        return column.in_(sa.select(listed.c.value))
    return column == sa.func.any(sa.cast(list(values), postgresql.ARRAY(sa.String)))


def customer_ids(connection: sa.Connection, space: str, keys: Iterable[str], *, at: datetime) -> tuple[dict[str, str], int]:
    """Return customers.id of each key, and how many customers had to be made for it.

    `space` is the source whose keys they are; empty for the shop's own numbers. Call `lock_writers` first.
    """
    wanted = set(keys)
    known = _known(connection, space, wanted)
    new = sorted(wanted - known.keys())
    if not new:
        return known, 0
    made = {key: new_id() for key in new}
    if connection.dialect.name == "sqlite":
        _insert_sqlite(connection, space, made, at)
    else:
        _insert(connection, space, made, at)
    # A visitor may have logged in at the same moment: then the shop's number is another record's already.
    return ({**known, **made} if space else {**known, **_known(connection, space, new)}), len(made)


def _insert(connection: sa.Connection, space: str, made: dict[str, str], at: datetime) -> None:
    blank = {"language": "", "objects_to_profiling": False, "created_at": at}
    rows = [{"id": id_, "shop_customer_id": None if space else key, **blank} for key, id_ in made.items()]
    connection.execute(postgresql.insert(customers).on_conflict_do_nothing(), rows)
    if space:
        links = [{"source": space, "key": key, "customer_id": id_, "created_at": at} for key, id_ in made.items()]
        connection.execute(sa.insert(customer_keys), links)


def _insert_sqlite(connection: sa.Connection, space: str, made: dict[str, str], at: datetime) -> None:
    """Insert past SQLAlchemy's own handling of each value, which takes longer than the insert."""
    stamp = sqlite_time(at)
    people = "INSERT INTO customers (id, shop_customer_id, language, objects_to_profiling, created_at) VALUES (?, ?, '', 0, ?)"
    connection.exec_driver_sql(f"{people} ON CONFLICT DO NOTHING", [(id_, None if space else key, stamp) for key, id_ in made.items()])
    if space:
        links = "INSERT INTO customer_keys (source, key, customer_id, created_at) VALUES (?, ?, ?, ?)"
        connection.exec_driver_sql(links, [(space, key, id_, stamp) for key, id_ in made.items()])


def _known(connection: sa.Connection, space: str, keys: Iterable[str]) -> dict[str, str]:
    if space:
        query = sa.select(customer_keys.c.key, customer_keys.c.customer_id).where(
            customer_keys.c.source == space, among(connection, customer_keys.c.key, keys)
        )
    else:
        query = sa.select(customers.c.shop_customer_id, customers.c.id).where(among(connection, customers.c.shop_customer_id, keys))
    return dict(connection.execute(query).tuples().all())
