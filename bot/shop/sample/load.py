"""Sample data into a database, personal data encrypted on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import sqlalchemy as sa

from bot.crypto import Cipher
from bot.database.tables import metadata
from bot.errors import ConflictError
from bot.shop.sample.generate import Progress, SampleData
from bot.shop.sample.rows import Row

BATCH = 2000
# Parents before children.
ORDER = (
    "shop_products",
    "shop_customers",
    "customers",
    "customer_identities",
    "shop_memberships",
    "shop_orders",
    "shop_order_lines",
    "shop_shipments",
    "shop_tracking_events",
    "shop_returns",
    "shop_invoices",
    "shop_coupons",
    "shop_page_visits",
    "shop_contacts",
)


def load(engine: sa.Engine, cipher: Cipher, data: SampleData, *, progress: Progress | None = None) -> None:
    """Insert all rows in one transaction. Raises ConflictError when the database has customers already."""
    total = sum(len(rows) for rows in data.rows.values())
    done = 0
    with engine.begin() as connection:
        _check_empty(connection)
        for name in ORDER:
            table, seal = metadata.tables[name], _SEALS.get(name, _unchanged)
            rows = data.rows.get(name, [])
            for start in range(0, len(rows), BATCH):
                batch = [seal(cipher, row) for row in rows[start : start + BATCH]]
                connection.execute(sa.insert(table), batch)
                done += len(batch)
                if progress:
                    progress("load", done, total)


def _check_empty(connection: sa.Connection) -> None:
    for name in ("customers", "shop_customers"):
        count = connection.execute(sa.select(sa.func.count()).select_from(metadata.tables[name])).scalar_one()
        if count:
            raise ConflictError(f"the database has {count} customers already; sample data goes only into an empty one")


def _unchanged(_cipher: Cipher, row: Row) -> Row:
    return row


def _json(table: str, column: str) -> Callable[[Cipher, Row], Row]:
    def seal(cipher: Cipher, row: Row) -> Row:
        return {**row, column: cipher.encrypt(json.dumps(row[column], ensure_ascii=False), column=f"{table}.{column}")}

    return seal


def _identity(cipher: Cipher, row: Row) -> Row:
    return {
        "customer_id": row["customer_id"],
        **_each(cipher, row, ("name", "phone", "email", "address")),
        "phone_index": cipher.index(row["phone"], column="customer_identities.phone"),
        "email_index": cipher.index(row["email"].lower(), column="customer_identities.email"),
    }


def _each(cipher: Cipher, row: Row, columns: Iterable[str]) -> Row:
    return {column: cipher.encrypt(row[column], column=f"customer_identities.{column}") for column in columns}


def _invoice(cipher: Cipher, row: Row) -> Row:
    return {**row, "title": cipher.encrypt(row["title"], column="shop_invoices.title")}


_SEALS: dict[str, Callable[[Cipher, Row], Row]] = {
    "shop_customers": _json("shop_customers", "identity"),
    "customer_identities": _identity,
    "shop_orders": _json("shop_orders", "receiver"),
    "shop_invoices": _invoice,
}
