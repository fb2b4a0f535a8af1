"""Which rows of which tables are a person's: found by following the foreign keys, so that a table added later is reached too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from bot.crypto import Cipher
from bot.database.conversations import proof_attempts, threads
from bot.database.intelligence import quarantined_rows
from bot.database.people import customer_identities, customers
from bot.database.shop import shop_customers
from bot.database.tables import metadata
from bot.privacy.person import Person

Clause = sa.ColumnElement[bool]

NOT_PERSONAL = {"churn_models.artifact"}  # the only bytes in the database that are not somebody's encrypted data
SHOPS = "shop_"  # the demo company's own tables, which know customers by their number
IDENTIFYING = ("name", "phone", "email", "address")
BATCH = 2000


def reach(person: Person) -> list[tuple[sa.Table, Clause]]:
    """Return every table with the condition for this person's rows, children before parents: the order in which rows can be deleted."""
    reached: dict[str, Clause] = {}
    for table in metadata.sorted_tables:
        roots = list(_roots(table, person))
        parents = [
            key.parent.in_(sa.select(key.column).where(reached[key.column.table.name]))
            for key in sorted(table.foreign_keys, key=lambda one: str(one.parent))
            if key.column.table.name in reached
        ]
        if roots or parents:
            reached[table.name] = sa.or_(*roots, *parents)
    return [(metadata.tables[name], clause) for name, clause in reversed(reached.items())]


def _roots(table: sa.Table, person: Person) -> Iterator[Clause]:
    """Yield where a table names the person itself, and not through another table."""
    if table is customers:
        yield customers.c.id.in_(person.customer_ids)
    elif table is threads:
        yield threads.c.id.in_(person.thread_ids)
    elif table is proof_attempts:
        yield proof_attempts.c.shop_customer_id.in_(person.numbers)
    elif table.name.startswith(SHOPS) and "customer_id" in table.c:
        yield table.c.customer_id.in_(person.numbers)


def encrypted_columns() -> dict[str, list[str]]:
    """Return the encrypted columns by table; the associated data of each is its `table.column`."""
    found = {
        table.name: [
            column.name
            for column in table.columns
            if isinstance(column.type, sa.LargeBinary) and f"{table.name}.{column.name}" not in NOT_PERSONAL
        ]
        for table in metadata.sorted_tables
    }
    return {name: columns for name, columns in found.items() if columns}


def values_of(connection: sa.Connection, cipher: Cipher, person: Person) -> set[str]:
    """Return the names, phones, e-mails and addresses that records and shop have of the person, for finding them elsewhere."""
    found: set[str] = set()
    query = sa.select(customer_identities).where(customer_identities.c.customer_id.in_(person.customer_ids))
    for row in connection.execute(query).mappings():
        found |= {cipher.decrypt(row[name], column=f"customer_identities.{name}") for name in IDENTIFYING if row[name]}
    for sealed in connection.execute(
        sa.select(shop_customers.c.identity).where(shop_customers.c.customer_id.in_(person.numbers))
    ).scalars():
        known: dict[str, Any] = json.loads(cipher.decrypt(sealed, column="shop_customers.identity"))
        found |= {str(known[name]) for name in IDENTIFYING if known.get(name)}
    return {value for value in found if len(value) > 1}


def quarantined_of(connection: sa.Connection, cipher: Cipher, values: set[str]) -> list[sa.RowMapping]:
    """Return the refused values of the source rows in which one of these values stands."""
    wanted = {value.casefold() for value in values}
    theirs: set[tuple[str, str, int]] = set()
    rows: list[sa.RowMapping] = []
    last = ""
    while wanted and (found := connection.execute(_next_quarantined(last)).mappings().all()):
        last = found[-1]["id"]
        connection.rollback()  # do not hold the writer's turn on SQLite while the values are opened
        for row in found:
            text = cipher.decrypt(row["value"], column="quarantined_rows.value").casefold() if row["value"] else ""
            if any(value in text for value in wanted):
                theirs.add((row["run_id"], row["file"], row["row"]))
    for run_id, file, number in sorted(theirs):
        same = (quarantined_rows.c.run_id == run_id, quarantined_rows.c.file == file, quarantined_rows.c.row == number)
        rows += connection.execute(sa.select(quarantined_rows).where(*same)).mappings().all()
    return rows


def _next_quarantined(last: str) -> sa.Select[Any]:
    return sa.select(quarantined_rows).where(quarantined_rows.c.id > last).order_by(quarantined_rows.c.id).limit(BATCH)
