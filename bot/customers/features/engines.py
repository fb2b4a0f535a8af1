"""Engines run feature views: the database itself for few customers, DuckDB over the database's tables or over Parquet for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import duckdb
import pandas as pd
import sqlalchemy as sa

from bot.customers.features.registry import View, moment
from bot.customers.features.relations import with_relations
from bot.customers.features.tables import SOURCES, needed, read_batches
from bot.database.types import UtcTime

_PARAMETER = re.compile(r"(?<!:):(observed_at|until|oldest|ago_\d+)\b")
PLACE = r"$\1"  # a parameter as DuckDB writes it


class Engine(Protocol):
    """What runs views. Another one, such as Spark, needs this only; its rows must equal those of the others."""

    def run_sql(
        self, view: View, *, observed_at: datetime, until: datetime | None = None, customers: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return the view's rows, in no order: its keys, then its columns; counts and numbers as float, times in UTC.

        `customers` limits them to these persons, by `customers.id`. `until` ends the horizon of the label.
        """


class DatabaseEngine:
    """Runs views where the tables are. Right for few customers: their events are found by index."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def run_sql(
        self, view: View, *, observed_at: datetime, until: datetime | None = None, customers: Sequence[str] | None = None
    ) -> pd.DataFrame:
        sql = with_relations(view, only=customers is not None)
        moments = _moments(sql, view, observed_at, until)
        query = sa.text(sql).bindparams(*(sa.bindparam(name, value, UtcTime()) for name, value in moments.items()))
        if customers is not None:
            query = query.bindparams(sa.bindparam("members", members(self._connection, customers), expanding=True))
        times = {column.name: UtcTime() for column in view.columns if column.type == "time"}
        result = self._connection.execute(query.columns(**times))
        return tidy(pd.DataFrame(result.fetchall(), columns=list(result.keys())), view)


class DuckEngine(AbstractContextManager["DuckEngine"]):
    """Runs views in DuckDB, single-node and out of core: for everybody at once. Use it as a context."""

    def __init__(self, *, memory_limit: str = "1GB", threads: int | None = None, spill: Path | None = None) -> None:
        options: dict[str, Any] = {"memory_limit": memory_limit}
        if threads:
            options["threads"] = threads
        if spill:
            options["temp_directory"] = str(spill)
        self.duckdb = duckdb.connect(config=options)

    @classmethod
    def over_database(cls, connection: sa.Connection, views: Iterable[View], observed_at: datetime, **options: Any) -> Self:
        """Copy what these views read at that moment out of the database, batch by batch."""
        engine = cls(**options)
        for source in SOURCES:
            engine.duckdb.execute(source.create())
            where = needed(connection, views, observed_at) if source.table == "customer_events" else ""
            for batch in read_batches(connection, source, where):
                engine.duckdb.register("batch", batch)
                engine.duckdb.execute(source.insert())
                engine.duckdb.unregister("batch")
        return engine

    @classmethod
    def over_parquet(cls, folder: Path, **options: Any) -> Self:
        """Read `folder/<table>.parquet`, or the files of a folder of that name; without any it is empty. Times are UTC without zone."""
        engine = cls(**options)
        for source in SOURCES:
            path = folder / source.table
            files = f"{path}/*.parquet" if path.is_dir() else f"{path}.parquet"
            if path.is_dir() or path.with_suffix(".parquet").is_file():
                engine.duckdb.execute(f"CREATE VIEW {source.table} AS SELECT * FROM read_parquet('{files}')")  # noqa: S608
            else:
                engine.duckdb.execute(source.create())
        return engine

    def run_sql(
        self, view: View, *, observed_at: datetime, until: datetime | None = None, customers: Sequence[str] | None = None
    ) -> pd.DataFrame:
        sql = with_relations(view, only=customers is not None)
        values: dict[str, Any] = {name: _naive(value) for name, value in _moments(sql, view, observed_at, until).items()}
        if customers is not None:
            asked = "SELECT id FROM customers WHERE id IN (SELECT UNNEST($members)) OR merged_into IN (SELECT UNNEST($members))"
            sql, values["members"] = sql.replace(":members", f"({asked})"), list(customers)
        return tidy(self.duckdb.execute(_PARAMETER.sub(PLACE, sql), values).df(), view)

    def write_joined(self, views: Sequence[View], path: Path, *, observed_at: datetime) -> None:
        """Write the views' columns side by side, a row a person of the first view, as Parquet; nothing of it passes through Python."""
        for view in views:
            sql = with_relations(view)
            values = {name: _naive(value) for name, value in _moments(sql, view, observed_at, None).items()}
            self.duckdb.execute(f"CREATE TEMP TABLE of_{view.name} AS {_PARAMETER.sub(PLACE, sql)}", values)
        first, *others = (f"of_{view.name}" for view in views)
        joins = " ".join(f"LEFT JOIN {other} USING (customer_id)" for other in others)
        self.duckdb.execute(f"COPY (SELECT * FROM {first} {joins}) TO '{path}' (FORMAT parquet)")  # noqa: S608
        for view in views:
            self.duckdb.execute(f"DROP TABLE of_{view.name}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.duckdb.close()


def members(connection: sa.Connection, persons: Iterable[str]) -> list[str]:
    """Return the ids of all records of these persons: the kept one and those merged into it."""
    query = sa.text("SELECT id FROM customers WHERE id IN :persons OR merged_into IN :persons")
    wanted = query.bindparams(sa.bindparam("persons", list(persons), expanding=True))
    return list(connection.execute(wanted).scalars())


def tidy(table: pd.DataFrame, view: View) -> pd.DataFrame:
    """Bring what an engine returns to the types that the view's header says."""
    for column in view.columns:
        if column.type == "time":
            table[column.name] = pd.to_datetime(table[column.name], utc=True).astype("datetime64[us, UTC]")
        elif column.type in {"count", "number"}:
            table[column.name] = table[column.name].astype(float)
    return table[[*view.keys, *(column.name for column in view.columns)]]


def _moments(sql: str, view: View, observed_at: datetime, until: datetime | None) -> dict[str, datetime]:
    """Return the value of each parameter that the statement uses."""
    known = {"until": until, "oldest": observed_at - view.ttl if view.ttl else None}
    moments = {}
    for name in set(_PARAMETER.findall(sql)):
        value = known[name] if name in known else moment(name, observed_at)
        if value is None:
            raise ValueError(f"the view {view.name} needs `{name}`")
        moments[name] = value
    return moments


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)
