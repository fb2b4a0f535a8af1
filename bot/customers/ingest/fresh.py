"""Events of keys that nobody has told of yet, from columns straight into `customer_events`: no row becomes an object."""

from __future__ import annotations

import io
from itertools import repeat

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import sqlalchemy as sa

_TOLD = ("key", "customer_id", "kind", "at", "created_at", "withdrawn", "amount_minor", "currency", "value", "ref")
_COLUMNS = ("source", "revision", "run_id", *_TOLD)
_INSERT_SQLITE = f"INSERT INTO customer_events ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_COPY_POSTGRES = f"COPY customer_events ({', '.join(_COLUMNS)}) FROM STDIN WITH (FORMAT csv)"  # null: nothing, not even quotes


def insert_fresh(connection: sa.Connection, table: pa.Table, *, source: str, run_id: str) -> None:
    """Insert events as first revisions; the table has the columns of _TOLD, its times in microseconds since 1970.

    No key may stand already, and none may be there twice; the caller holds the writers' lock.
    """
    if not len(table):
        return
    table = table.select(_TOLD)
    for name in ("at", "created_at"):
        table = table.set_column(_TOLD.index(name), name, table[name].cast(pa.timestamp("us")).cast(pa.string()))
    same = (source, 1, run_id)
    if connection.dialect.name == "sqlite":
        columns = [table[name].to_pylist() for name in _TOLD]
        connection.exec_driver_sql(_INSERT_SQLITE, list(zip(*map(repeat, same), *columns, strict=False)))
        return
    for name in ("at", "created_at"):
        table = table.set_column(_TOLD.index(name), name, pc.binary_join_element_wise(table[name], "UTC", " "))
    text = io.BytesIO()
    of_all = [pa.array([value] * len(table)) for value in same]
    whole = pa.Table.from_arrays([*of_all, *table.columns], names=_COLUMNS)
    pa_csv.write_csv(whole, text, pa_csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    text.seek(0)
    connection.connection.cursor().copy_expert(_COPY_POSTGRES, text)  # type: ignore[attr-defined]
