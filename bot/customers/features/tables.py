"""The tables that views read, as DuckDB holds them, and how they are read out of a database in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import sqlalchemy as sa

from bot.customers.event_store import sqlite_time
from bot.customers.events import Kind
from bot.customers.features.registry import View

BATCH = 100_000  # rows in memory at once
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Source:
    """A table with the columns that views may use, by DuckDB's types."""

    table: str
    columns: dict[str, str]

    def create(self) -> str:
        columns = ", ".join(f'"{name}" {type_}' for name, type_ in self.columns.items())  # `at` is a word of DuckDB's own
        return f"CREATE TABLE {self.table} ({columns})"

    def insert(self) -> str:
        """The batch holds text where DuckDB is quicker at reading it than Python."""
        values = ", ".join(f'CAST("{name}" AS {type_})' for name, type_ in self.columns.items())
        return f"INSERT INTO {self.table} SELECT {values} FROM batch"  # noqa: S608


SOURCES = (
    Source("customers", {"id": "VARCHAR", "shop_customer_id": "VARCHAR", "objects_to_profiling": "BOOLEAN", "merged_into": "VARCHAR",
                         "created_at": "TIMESTAMP"}),
    Source("shop_customers", {"customer_id": "VARCHAR", "registered_at": "TIMESTAMP"}),
    Source("customer_events", {"customer_id": "VARCHAR", "kind": "VARCHAR", "at": "TIMESTAMP", "created_at": "TIMESTAMP",
                               "superseded_at": "TIMESTAMP", "withdrawn": "BOOLEAN", "amount_minor": "BIGINT", "currency": "VARCHAR",
                               "value": "DOUBLE", "ref": "VARCHAR"}),
    Source("customer_traits", {"customer_id": "VARCHAR", "name": "VARCHAR", "value": "VARCHAR", "at": "TIMESTAMP",
                               "created_at": "TIMESTAMP", "superseded_at": "TIMESTAMP"}),
)  # fmt: skip


def read_batches(connection: sa.Connection, source: Source, where: str = "") -> Iterator[pa.Table]:
    """Yield the table's rows, times as text in UTC, past SQLAlchemy's handling of each value."""
    postgres = connection.dialect.name == "postgresql"
    columns = ", ".join(_column(name, type_, postgres=postgres) for name, type_ in source.columns.items())
    cursor = connection.connection.cursor(*(["features"] if postgres else []))  # a named one keeps its rows on PostgreSQL's side
    cursor.execute(f"SELECT {columns} FROM {source.table} {where}")  # noqa: S608
    while rows := cursor.fetchmany(BATCH):
        yield pa.table(dict(zip(source.columns, (pa.array(values) for values in zip(*rows, strict=True)), strict=True)))
    cursor.close()


def needed(connection: sa.Connection, views: Iterable[View], observed_at: datetime) -> str:
    """Return the condition on customer_events under which these views see what they would see of all of it.

    A kind that only views with a ttl read is of no use once it is older; a kind that none reads is of no use at all.
    """
    oldest: dict[Kind, datetime] = {}
    for view in views:
        for kind in view.kinds:
            since = observed_at - view.ttl if view.ttl else BEGINNING
            oldest[kind] = min(since, oldest.get(kind, since))
    zone = "+00" if connection.dialect.name == "postgresql" else ""
    kinds = [f"(kind = '{kind}' AND at >= '{sqlite_time(since)}{zone}')" for kind, since in oldest.items()]
    return f"WHERE {' OR '.join(kinds)}"


def _column(name: str, type_: str, *, postgres: bool) -> str:
    return f"CAST({name} AT TIME ZONE 'UTC' AS VARCHAR)" if postgres and type_ == "TIMESTAMP" else name
