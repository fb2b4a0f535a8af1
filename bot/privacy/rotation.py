"""`yingda rotate-key`: everything encrypted is written anew under the current key, and the keyed indexes with it.

Nothing is noted of how far it has come: a value that is under the current key already is left alone, so that it can be killed at any moment
and run again, and can run beside the system. Each row is changed only if it still is as it was read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.crypto import Cipher
from bot.database.channels import media_parts
from bot.database.intelligence import customer_keys
from bot.database.people import customer_identities
from bot.database.tables import metadata
from bot.errors import SettingError
from bot.privacy.reach import encrypted_columns

Progress = Callable[[str, int, int], None]

BATCH = 500  # rows a transaction: some 20 ms, so that nobody waits for the writer's turn
LARGE = {media_parts.name: 20}  # the same of tables with large rows
INDEXES = {"phone": "phone_index", "email": "email_index"}
IDENTITIES = customer_identities.name


@dataclass
class Rotated:
    """How many rows were looked at and written anew, and of how many a value opens with none of the keys."""

    rows: int = 0
    renewed: int = 0
    unreadable: int = 0


_KEYS = (
    sa.update(customer_keys)
    .where(customer_keys.c.customer_id == sa.bindparam("customer"), customer_keys.c.key == sa.bindparam("was"))
    .values(key=sa.bindparam("new"))
)


def rotate(engine: sa.Engine, cipher: Cipher, *, progress: Progress = lambda what, done, total: None) -> Rotated:
    """Write what is under an older key anew; the older keys may go when nothing is left to renew and nothing is unreadable."""
    result = Rotated()
    columns = encrypted_columns()
    with engine.connect() as connection:
        sizes = [connection.execute(sa.select(sa.func.count()).select_from(metadata.tables[name])).scalar_one() for name in columns]
    for name, encrypted in columns.items():
        last: tuple[Any, ...] | None = None
        while True:
            with engine.begin() as connection:
                last, count = _batch(connection, cipher, metadata.tables[name], encrypted, last, result)
            result.rows += count
            progress("re-encrypt", result.rows, max(sum(sizes), result.rows))
            if count < LARGE.get(name, BATCH):
                break
    return result


def _batch(
    connection: sa.Connection, cipher: Cipher, table: sa.Table, encrypted: list[str], last: tuple[Any, ...] | None, result: Rotated
) -> tuple[tuple[Any, ...] | None, int]:
    """Renew the next rows after `last` in the order of the key; return the key of the last one and how many there were."""
    keys = list(table.primary_key.columns)
    query = sa.select(table).order_by(*keys).limit(LARGE.get(table.name, BATCH))
    if last is not None:
        query = query.where(keys[0] > last[0] if len(keys) == 1 else sa.tuple_(*keys) > last)
    rows = connection.execute(query).mappings().all()
    renewed: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        try:
            changes = _renewed(cipher, table, encrypted, row)
        except SettingError:
            result.unreadable += 1
            continue
        if changes:
            was = {f"was_{name}": row[name] for name in changes}
            renewed[tuple(changes)].append({f"new_{name}": value for name, value in changes.items()} | was | _key(keys, row))
            if table.name == IDENTITIES:
                _renew_keys(connection, row, changes)
    for names, values in renewed.items():
        connection.execute(_update(table, names), values)
        result.renewed += len(values)
    return (tuple(rows[-1][key.name] for key in keys) if rows else None), len(rows)


def _key(keys: list[sa.Column[Any]], row: sa.RowMapping) -> dict[str, Any]:
    return {f"key_{key.name}": row[key.name] for key in keys}


def _update(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    """Return the change of these columns of a row that still is as it was read."""
    here = (key == sa.bindparam(f"key_{key.name}") for key in table.primary_key.columns)
    same = (table.c[name] == sa.bindparam(f"was_{name}") for name in names)
    return sa.update(table).where(*here, *same).values({name: sa.bindparam(f"new_{name}") for name in names})


def _renewed(cipher: Cipher, table: sa.Table, encrypted: list[str], row: sa.RowMapping) -> dict[str, Any]:
    """Return what of the row must change. SettingError when a value opens with none of the keys."""
    changes: dict[str, Any] = {}
    for name in encrypted:
        column, data = f"{table.name}.{name}", row[name]
        if data is None or cipher.is_current(data, column=column):
            continue
        plain = cipher.open(data, column=column)
        changes[name] = cipher.seal(plain, column=column)
        if table.name == IDENTITIES and name in INDEXES and row[INDEXES[name]] is not None:
            changes[INDEXES[name]] = _index(cipher, plain.decode(), name, before=row[INDEXES[name]])
    return changes


def _index(cipher: Cipher, text: str, name: str, *, before: str) -> str:
    """Return the index under the current key of the spelling that the present index is of."""
    column = f"{IDENTITIES}.{name}"
    for spelling in (text, text.lower(), text.strip().lower()):
        if before in cipher.indexes(spelling, column=column):
            return cipher.index(spelling, column=column)
    raise SettingError(f"an index of {column} is not of the value beside it")


def _renew_keys(connection: sa.Connection, row: sa.RowMapping, changes: dict[str, Any]) -> None:
    """A source that knows its customers by phone or e-mail has the index as their key."""
    for index in INDEXES.values():
        if index in changes:
            connection.execute(_KEYS, {"customer": row["customer_id"], "was": row[index], "new": changes[index]})
