"""Customers, their keys, identities and traits into the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.customers.event_store import sqlite_time
from bot.customers.ingest.fields import IDENTITY
from bot.customers.keys import among, customer_ids, lock_writers
from bot.database.intelligence import customer_traits
from bot.database.people import customer_identities, customers


class People:
    """Stores the customers of one source, table by table; counts what was new, changed and as before."""

    def __init__(self, cipher: Cipher, *, source: str, space: str, known: str, now: datetime) -> None:
        self.cipher = cipher
        self.source = source
        self.space = space
        self.known = known
        self.now = now
        self.counts: Counter[str] = Counter()

    def store(self, connection: sa.Connection, table: pa.Table) -> None:
        """Store one table of `customers_of` in the caller's transaction."""
        lock_writers(connection)
        rows = table.to_pylist()
        ids, made = customer_ids(connection, self.space, (row["who"] for row in rows), at=self.now)
        self.counts["customers_new"] += made
        of = {ids[row["who"]]: row for row in rows}
        self._identities(connection, of)
        self._languages(connection, of)
        self._traits(connection, of)

    def _identities(self, connection: sa.Connection, of: Mapping[str, dict[str, Any]]) -> None:
        """Insert identities and write over what has changed; what a row leaves blank stays."""
        named = {id_: {name: row[name] for name in IDENTITY if row.get(name) is not None} for id_, row in of.items()}
        named = {id_: found for id_, found in named.items() if found}
        if not named:
            return
        query = sa.select(customer_identities).where(among(connection, customer_identities.c.customer_id, named))
        there = {row["customer_id"]: row for row in connection.execute(query).mappings()}
        columns = [*IDENTITY, "phone_index", "email_index"]
        fresh = [{"customer_id": id_, **{name: of[id_].get(name) for name in columns}} for id_ in named if id_ not in there]
        _insert(connection, customer_identities, fresh)
        self.counts["stored"] += len(fresh)
        for id_, found in named.items():
            if id_ not in there:
                continue
            changed = {name: value for name, value in found.items() if not self._equal(name, there[id_][name], value)}
            for name in {"phone", "email"} & changed.keys():
                changed[f"{name}_index"] = of[id_][f"{name}_index"]
            self.counts["corrected" if changed else "unchanged"] += 1
            if changed:
                connection.execute(sa.update(customer_identities).where(customer_identities.c.customer_id == id_).values(**changed))

    def _equal(self, name: str, old: bytes | None, new: bytes) -> bool:
        if old is None:
            return False
        column = f"customer_identities.{name}"
        return self.cipher.decrypt(old, column=column) == self.cipher.decrypt(new, column=column)

    def _languages(self, connection: sa.Connection, of: Mapping[str, dict[str, Any]]) -> None:
        told = [{"of_id": id_, "told": row["language"]} for id_, row in of.items() if row.get("language")]
        if told:
            change = sa.update(customers).where(customers.c.id == sa.bindparam("of_id"))
            connection.execute(change.values(language=sa.bindparam("told")), told)

    def _traits(self, connection: sa.Connection, of: Mapping[str, dict[str, Any]]) -> None:
        """Insert traits; a changed one supersedes the older from now on."""
        told = {
            (id_, name.removeprefix("trait:")): (value, self._since(row))
            for id_, row in of.items()
            for name, value in row.items()
            if name.startswith("trait:") and value is not None
        }
        if not told:
            return
        table = customer_traits.c
        query = sa.select(table.seq, table.customer_id, table.name, table.value).where(
            table.source == self.source, table.superseded_at.is_(None), among(connection, table.customer_id, {id_ for id_, _name in told})
        )
        there = {(row.customer_id, row.name): row for row in connection.execute(query)}
        new = {key: (value, since) for key, (value, since) in told.items() if key not in there or there[key].value != value}
        replaced = [{"old_seq": there[key].seq} for key in new if key in there]
        if replaced:
            change = sa.update(customer_traits).where(table.seq == sa.bindparam("old_seq")).values(superseded_at=self.now)
            connection.execute(change, replaced)
        rows = [
            {"customer_id": id_, "name": name, "value": value, "source": self.source, "at": since,
             "created_at": self.now if (id_, name) in there else since}
            for (id_, name), (value, since) in new.items()
        ]  # fmt: skip
        _insert(connection, customer_traits, rows)
        self.counts["traits"] += len(rows)

    def _since(self, row: dict[str, Any]) -> datetime:
        """Return since when a trait holds: the row's own time where it tells one."""
        if row.get("at") is None or self.known == "when_it_arrived":
            return self.now
        return datetime.fromtimestamp(row["at"] / 1_000_000, UTC)


def _insert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows that all have the same columns; on SQLite past SQLAlchemy's own handling of each value, which takes longer."""
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        connection.execute(sa.insert(table), rows)
        return
    names = list(rows[0])
    statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
    values = [tuple(sqlite_time(value) if isinstance(value, datetime) else value for value in row.values()) for row in rows]
    connection.exec_driver_sql(statement, values)
