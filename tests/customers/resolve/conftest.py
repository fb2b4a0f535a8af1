"""A database of records to resolve, empty at first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.database import sync_engine
from bot.database.intelligence import customer_keys
from bot.database.people import customer_identities, customers
from bot.ids import new_id, utcnow

AddRecord = Callable[..., str]


@pytest.fixture
def database_url(copy_of: Callable[..., str], database_kind: str) -> str:
    """No sample data here, on SQLite and on PostgreSQL."""
    return copy_of(database_kind)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sync_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def add_record(engine: sa.Engine, cipher: Cipher) -> AddRecord:
    """`add_record(number="C1", source="crm", phone="+86…")`: store one source's record and return its id."""

    def add(*, number: str | None = None, source: str = "", key: str = "", **identity: str) -> str:
        customer_id = new_id()
        sealed = {name: cipher.encrypt(value, column=f"customer_identities.{name}") for name, value in identity.items()}
        indexes = {
            f"{name}_index": cipher.index(identity[name].lower(), column=f"customer_identities.{name}")
            for name in ("phone", "email")
            if name in identity
        }
        with engine.begin() as connection:
            connection.execute(sa.insert(customers).values(id=customer_id, shop_customer_id=number, created_at=utcnow()))
            connection.execute(sa.insert(customer_identities).values(customer_id=customer_id, **sealed, **indexes))
            if source:
                row = {"source": source, "key": key or customer_id, "customer_id": customer_id, "created_at": utcnow()}
                connection.execute(sa.insert(customer_keys).values(row))
        return customer_id

    return add
