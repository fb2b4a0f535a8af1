"""SQLite as it is best for a large load: indexes in memory, checkpoints seldom, foreign keys looked up by us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

CACHE_KB = 256 * 1024  # the indexes of some millions of events; the default of 2 MB reads and writes the same pages over and over
CHECKPOINT_PAGES = 50_000  # 200 MB of log between two checkpoints


@contextmanager
def bulk(connection: sa.Connection) -> Iterator[None]:
    """Prepare the connection for many inserts, and leave it as it was.

    SQLite does not look up foreign keys meanwhile, which costs a fifth of an insert: what is inserted names customers that the same
    transaction has found or made, and nothing is deleted.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    prepared = {"cache_size": -CACHE_KB, "wal_autocheckpoint": CHECKPOINT_PAGES, "foreign_keys": 0}
    before = {name: _driver(connection, f"PRAGMA {name}") for name in prepared}
    for name, value in prepared.items():
        _driver(connection, f"PRAGMA {name}={value}")
    try:
        yield
    finally:
        for name, value in before.items():
            _driver(connection, f"PRAGMA {name}={value}")


def _driver(connection: sa.Connection, statement: str) -> int:
    """Run a statement outside any transaction, which SQLAlchemy would begin."""
    found = connection.connection.cursor().execute(statement).fetchone()
    return int(found[0]) if found else 0
