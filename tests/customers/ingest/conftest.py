"""An empty database, and a folder in which a mapping and its files are written and ingested."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.customers.ingest.mapping import load_mapping
from bot.customers.ingest.run import LIMIT, Ingestion, Outcome, ingest, inputs_of
from bot.database import sync_engine
from bot.database.intelligence import customer_events
from tests.conftest import CopyOf

ORDERS = """
version: 1
sources:
- name: till
  kind: orders
  files: orders*
  columns:
    order: order
    customer: customer_key
    time: at
    total: amount
"""


@pytest.fixture
def database_url(database_kind: str, copy_of: CopyOf) -> str:
    return copy_of(database_kind)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sync_engine(database_url)
    yield engine
    engine.dispose()


Read = Callable[..., list[Outcome]]


@pytest.fixture
def read(tmp_path: Path, engine: sa.Engine, cipher: Cipher) -> Read:
    """`read(mapping, "orders.csv", content)`: write the file and the mapping, ingest, return what came of it."""

    def run(mapping: str, name: str, content: str | bytes, *, limit: float = LIMIT, again: bool = False) -> list[Outcome]:
        (tmp_path / "mapping.yml").write_text(mapping, encoding="utf8")
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        inputs = inputs_of(load_mapping(tmp_path / "mapping.yml"), tmp_path, [path])
        return list(ingest(Ingestion(engine, cipher, tmp_path / "ingest", limit=limit, again=again), inputs))

    return run


def events(engine: sa.Engine, *columns: str) -> list[tuple[Any, ...]]:
    """Return the standing events' columns, in the order of their keys."""
    table = customer_events.c
    wanted = [table[name] for name in columns or ("key", "kind", "amount_minor")]
    query = sa.select(*wanted).where(table.superseded_at.is_(None), table.withdrawn.is_(False)).order_by(table.key)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]
